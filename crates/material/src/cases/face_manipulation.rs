//! Cases of `face_manipulation`: "positive" means that something was laid over the drawn head.
use std::path::Path;

use crate::saving::{jpeg_bytes, write_whole};
use crate::scene::photograph;
use image::RgbImage;

/// The part of the scene around its bust.
const SIZE: (u32, u32) = (300, 260);

/// The drawn head that the cases of all analyzers of faces are made from.
pub(super) fn head() -> RgbImage {
    image::imageops::crop_imm(&photograph(52, 640, 480), 232, 20, SIZE.0, SIZE.1).to_image()
}

/// Cases to which no analyzer of faces applies: a head that is too small, and none.
pub(super) fn make_not_applicable(folder: &Path) -> anyhow::Result<()> {
    let small = image::imageops::thumbnail(&head(), SIZE.0 / 3, SIZE.1 / 3);
    let empty = RgbImage::from_pixel(160, 120, image::Rgb([127; 3]));
    for (name, picture) in [("not_applicable_small.jpg", small), ("not_applicable_empty.jpg", empty)] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, 92)?)?;
    }
    Ok(())
}

/// `negative_drawn`: the scene with its bust. `positive_laid_over`: the middle of its face softened
/// and reddened. `not_applicable_small`: a scene in which the face is too small.
/// `not_applicable_empty`: grey.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let drawn = head();
    let soft = image::imageops::blur(&drawn, 1.5);
    let laid = RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        // The bust's face, as the scene draws it.
        let (u, v) = ((x as f32 - 150.0) / 34.0, (y as f32 - 125.0) / 44.0);
        let share = (1.4 - (u * u + v * v)).clamp(0.0, 0.4) / 0.4;
        let (own, other) = (drawn.get_pixel(x, y).0, soft.get_pixel(x, y).0);
        let redder = [12.0, -4.0, -6.0];
        image::Rgb(std::array::from_fn(|c| {
            let laid = f32::from(other[c]) + redder[c];
            (f32::from(own[c]) + share * (laid - f32::from(own[c]))).clamp(0.0, 255.0) as u8
        }))
    });
    for (name, picture) in [("positive_laid_over.jpg", laid), ("negative_drawn.jpg", drawn)] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, 92)?)?;
    }
    make_not_applicable(folder)
}
