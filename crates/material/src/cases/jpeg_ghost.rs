//! Cases of `jpeg_ghost`: one drawn photo with different histories of JPEG saves.
use super::super::saving::{decode_jpeg, jpeg_bytes, write_whole};
use super::super::scene::photograph;
use image::RgbImage;
use std::path::Path;

const SIZE: (u32, u32) = (288, 240);

/// `positive_local_resave`: an oval was saved at quality 55 on the same grid. `positive_shifted`:
/// the same on a grid of its own. `positive_never_saved`: all but the oval was saved at 75 before.
/// `negative_once`, `negative_twice`, `negative_cropped`: whole pictures saved once, twice, and
/// twice with a crop between. `not_applicable_grey`: nothing in it. `not_applicable_small`: 48
/// pixels.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let photo = photograph(31, SIZE.0 + 8, SIZE.1 + 8);
    let original = image::imageops::crop_imm(&photo, 0, 0, SIZE.0, SIZE.1).to_image();
    let saved = |picture: &RgbImage, quality: u8| decode_jpeg(&jpeg_bytes(picture, quality)?);
    let coarse = saved(&original, 75)?;
    let cut = |picture: &RgbImage, x: u32, y: u32| image::imageops::crop_imm(picture, x, y, SIZE.0, SIZE.1).to_image();
    // Saved five columns and three rows aside, then cut back.
    let mut aside = RgbImage::new(SIZE.0 + 5, SIZE.1 + 3);
    image::imageops::replace(&mut aside, &original, 5, 3);
    let shifted = cut(&saved(&aside, 55)?, 5, 3);
    let cropped = cut(&saved(&photo, 75)?, 5, 3);
    for (name, picture, quality) in [
        ("positive_local_resave.jpg", oval(&original, &saved(&original, 55)?), 92),
        ("positive_shifted.jpg", oval(&original, &shifted), 92),
        ("positive_never_saved.jpg", oval(&coarse, &original), 92),
        ("negative_once.jpg", original.clone(), 92),
        ("negative_twice.jpg", coarse, 92),
        ("negative_cropped.jpg", cropped, 92),
        ("not_applicable_grey.jpg", RgbImage::from_pixel(128, 128, image::Rgb([128; 3])), 90),
        ("not_applicable_small.jpg", image::imageops::crop_imm(&original, 100, 100, 48, 48).to_image(), 90),
    ] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, quality)?)?;
    }
    Ok(())
}

/// The second picture in an oval, the first around it.
pub(super) fn oval(around: &RgbImage, inside: &RgbImage) -> RgbImage {
    let (width, height) = around.dimensions();
    let (cx, cy) = (f64::from(width) * 0.42, f64::from(height) * 0.52);
    let (rx, ry) = (f64::from(width) * 0.22, f64::from(height) * 0.29);
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = ((f64::from(x) - cx) / rx, (f64::from(y) - cy) / ry);
        *if u * u + v * v < 1.0 { inside } else { around }.get_pixel(x, y)
    })
}
