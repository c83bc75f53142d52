//! Cases of `face_synthesis`: no generated face can be drawn by code, so "positive" is the drawn
//! head with a trace that upscaling layers leave.
use std::path::Path;

use super::face_manipulation::{head, make_not_applicable};
use crate::saving::{jpeg_bytes, write_whole};

/// `negative_drawn`: the head with a camera's grain. `positive_chequered`: the same with brighter
/// lines every eight pixels, as where the windows of strided transposed convolutions overlap
/// (Odena, Dumoulin, Olah 2016), stronger than any generator's.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let drawn = head();
    let mut chequered = drawn.clone();
    for (x, y, pixel) in chequered.enumerate_pixels_mut() {
        if x % 8 == 0 || y % 8 == 0 {
            pixel.0 = pixel.0.map(|v| v.saturating_add(20));
        }
    }
    for (name, picture) in [("positive_chequered.jpg", chequered), ("negative_drawn.jpg", drawn)] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, 95)?)?;
    }
    make_not_applicable(folder)
}
