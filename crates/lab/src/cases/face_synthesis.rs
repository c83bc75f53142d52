//! Cases of `face_synthesis`: no generated face can be drawn by code, so "positive" is the drawn head with what upscaling layers leave.
use std::path::Path;

use image::imageops::{FilterType, resize};

use super::face_forgery::{head, make_not_applicable};
use crate::saving::{jpeg_bytes, write_whole};

/// `negative_drawn`: the head with a camera's grain. `positive_upscaled`: the head from half its size, with a chequered gain of two pixels' period.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let drawn = head();
    let (width, height) = drawn.dimensions();
    let half = resize(&drawn, width / 2, height / 2, FilterType::Triangle);
    let mut upscaled = resize(&half, width, height, FilterType::CatmullRom);
    for (x, y, pixel) in upscaled.enumerate_pixels_mut() {
        let gain = if (x + y) % 2 == 0 { 1.02 } else { 0.98 };
        pixel.0 = pixel.0.map(|v| (f32::from(v) * gain).round().clamp(0.0, 255.0) as u8);
    }
    for (name, picture) in [("positive_upscaled.jpg", upscaled), ("negative_drawn.jpg", drawn)] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, 95)?)?;
    }
    make_not_applicable(folder)
}
