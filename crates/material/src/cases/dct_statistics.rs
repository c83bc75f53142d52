//! Cases of `dct_statistics`: it is for the eye only, so "positive" means that there is something
//! to see.
use crate::saving::{jpeg_bytes, write_whole};
use crate::scene::photograph;
use image::imageops::{FilterType, resize};
use std::path::Path;

const SIDE: (u32, u32) = (208, 160);

/// `positive_upsampled`: doubled by repeating pixels, as a careless generator does, which makes a
/// lattice in the spectrum. `negative_photo`: the scene as it is. `not_applicable_small`: 40
/// pixels.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let photo = photograph(51, SIDE.0, SIDE.1);
    let doubled = resize(&photograph(51, SIDE.0 / 2, SIDE.1 / 2), SIDE.0, SIDE.1, FilterType::Nearest);
    for (name, picture) in [
        ("positive_upsampled.jpg", doubled),
        ("negative_photo.jpg", photo.clone()),
        ("not_applicable_small.jpg", image::imageops::crop_imm(&photo, 0, 0, 40, 40).to_image()),
    ] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, 93)?)?;
    }
    Ok(())
}
