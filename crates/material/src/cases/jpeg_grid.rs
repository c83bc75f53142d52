//! Cases of `jpeg_grid`: drawn photos with and without a part from another JPEG.
use super::super::saving::{decode_jpeg, jpeg_bytes, png_bytes, write_whole};
use super::super::scene::photograph;
use super::jpeg_ghost::oval;
use image::RgbImage;
use std::path::Path;

const SIZE: (u32, u32) = (152, 136);

/// `positive_pasted.png`: an oval from another JPEG, off the grid. `positive_missing.png`: an oval that was never saved as JPEG, in a picture
/// that was. `positive_resaved.jpg`: pasted and saved at 95. `negative_was_jpeg.png`, `negative_twice.jpg`: whole pictures saved once and
/// twice. `not_applicable_grey.png`: nothing in it. `not_applicable_small.png`: 48 pixels.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let large = photograph(32, SIZE.0 * 2, SIZE.1 * 2);
    let saved = |picture: &RgbImage, quality: u8| decode_jpeg(&jpeg_bytes(picture, quality)?);
    let cut = |picture: &RgbImage, x: u32, y: u32| image::imageops::crop_imm(picture, x, y, SIZE.0, SIZE.1).to_image();
    let original = cut(&large, 64, 64);
    let base = saved(&original, 85)?;
    let donor = cut(&saved(&large, 70)?, 43, 93);
    let whole = saved(&large, 85)?;
    let resaved = oval(&whole, &saved_aside(&large)?);
    write_whole(&folder.join("positive_resaved.jpg"), &jpeg_bytes(&resaved, 95)?)?;
    write_whole(&folder.join("negative_twice.jpg"), &jpeg_bytes(&whole, 95)?)?;
    for (name, picture) in [
        ("positive_pasted.png", oval(&base, &donor)),
        ("positive_missing.png", oval(&base, &cut(&large, 61, 70))),
        ("negative_was_jpeg.png", base),
        ("not_applicable_grey.png", RgbImage::from_pixel(128, 128, image::Rgb([128; 3]))),
        ("not_applicable_small.png", image::imageops::crop_imm(&original, 40, 40, 48, 48).to_image()),
    ] {
        write_whole(&folder.join(name), &png_bytes(&picture)?)?;
    }
    Ok(())
}

/// Saved at quality 60 with three more columns at the left and six more rows on top, then cut back.
fn saved_aside(picture: &RgbImage) -> anyhow::Result<RgbImage> {
    let (width, height) = picture.dimensions();
    let mut wider = RgbImage::new(width + 3, height + 6);
    image::imageops::replace(&mut wider, picture, 3, 6);
    let saved = decode_jpeg(&jpeg_bytes(&wider, 60)?)?;
    Ok(image::imageops::crop_imm(&saved, 3, 6, width, height).to_image())
}
