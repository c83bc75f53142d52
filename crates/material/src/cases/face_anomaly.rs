//! Cases of `face_anomaly`: it is for the eye only, so "positive" means that the drawn head was
//! made odder.
use std::path::Path;

use super::face_forgery::{head, make_not_applicable};
use crate::saving::{jpeg_bytes, write_whole};

/// `negative_drawn`: the head. `positive_streaked`: every fourth line of it brighter.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let drawn = head();
    let mut streaked = drawn.clone();
    for (_, y, pixel) in streaked.enumerate_pixels_mut() {
        if y % 4 == 0 {
            pixel.0 = pixel.0.map(|v| v.saturating_add(60));
        }
    }
    for (name, picture) in [("positive_streaked.jpg", streaked), ("negative_drawn.jpg", drawn)] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, 92)?)?;
    }
    make_not_applicable(folder)
}
