//! Cases of `double_quantization`: the drawn scene saved at quality 75, opened, edited or not, and
//! saved again.
use crate::saving::{decode_jpeg, jpeg_bytes, write_whole};
use crate::scene::photograph;
use image::{Rgb, RgbImage};
use std::path::Path;

const SIDE: (u32, u32) = (288, 240);

/// `positive_pasted`: an oval that never was a JPEG in a picture that was. `positive_own_save`: an
/// oval with a save of its own in a picture saved once. `negative_saved_once`,
/// `negative_saved_twice`: no edit. `not_applicable_grey`: one colour. `not_applicable_small`: 48
/// pixels.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let fresh = photograph(31, SIDE.0, SIDE.1);
    let other = photograph(32, SIDE.0, SIDE.1);
    let opened = decode_jpeg(&jpeg_bytes(&fresh, 75)?)?;
    for (name, picture) in [
        ("positive_pasted.jpg", oval(&opened, &other)),
        ("positive_own_save.jpg", oval(&fresh, &decode_jpeg(&jpeg_bytes(&fresh, 60)?)?)),
        ("negative_saved_once.jpg", fresh.clone()),
        ("negative_saved_twice.jpg", opened),
        ("not_applicable_grey.jpg", RgbImage::from_pixel(160, 160, Rgb([255; 3]))),
        ("not_applicable_small.jpg", image::imageops::crop_imm(&fresh, 0, 0, 48, 48).to_image()),
    ] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, 93)?)?;
    }
    Ok(())
}

/// The second picture in an oval, the first around it.
fn oval(around: &RgbImage, inside: &RgbImage) -> RgbImage {
    let (cx, cy) = (f64::from(SIDE.0) * 0.45, f64::from(SIDE.1) * 0.55);
    RgbImage::from_fn(SIDE.0, SIDE.1, |x, y| {
        let (u, v) = ((f64::from(x) - cx) / 60.0, (f64::from(y) - cy) / 70.0);
        *if u * u + v * v < 1.0 { inside } else { around }.get_pixel(x, y)
    })
}
