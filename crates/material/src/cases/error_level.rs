//! Cases of `error_level`: it is for the eye only, so "positive" means that there is something to
//! see.
use crate::saving::{decode_jpeg, jpeg_bytes, write_whole};
use crate::scene::photograph;
use image::RgbImage;
use std::path::Path;

const SIDE: (u32, u32) = (208, 160);

/// `positive_fresh_part`: a square that never was a JPEG in a picture saved at quality 75 before.
/// `negative_saved_twice`: the picture without it. `not_applicable_small`: 12 pixels.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let fresh = photograph(41, SIDE.0, SIDE.1);
    let opened = decode_jpeg(&jpeg_bytes(&fresh, 75)?)?;
    let square = |x: u32, y: u32| (64..136).contains(&x) && (40..112).contains(&y);
    let pasted = RgbImage::from_fn(SIDE.0, SIDE.1, |x, y| *if square(x, y) { &fresh } else { &opened }.get_pixel(x, y));
    for (name, picture) in [
        ("positive_fresh_part.jpg", pasted),
        ("negative_saved_twice.jpg", opened),
        ("not_applicable_small.jpg", RgbImage::new(12, 12)),
    ] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, 95)?)?;
    }
    Ok(())
}
