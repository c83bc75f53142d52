//! Cases of `resampling`: a part of another drawn scene, enlarged, in a camera picture.
use crate::saving::{jpeg_bytes, png_bytes, write_whole};
use crate::scene::photograph;
use image::imageops::{FilterType, crop_imm, replace, resize};
use image::{Rgb, RgbImage};
use std::path::Path;

/// `positive_enlarged_part`: 96 pixels of another scene enlarged by 1.4 with Catmull and Rom's
/// kernel, never saved as JPEG. `negative_camera`: the picture without it.
/// `negative_enlarged_whole`: all of a picture enlarged, which is usual processing, once without a
/// JPEG save and once with. `not_applicable_small`: 100 pixels. `not_applicable_flat`: one grey
/// level.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let host = photograph(31, 304, 256);
    let donor = photograph(32, 304, 256);
    let mut forged = host.clone();
    let part = resize(&crop_imm(&donor, 100, 70, 96, 96).to_image(), 134, 134, FilterType::CatmullRom);
    replace(&mut forged, &part, 96, 64);
    let whole = resize(&crop_imm(&host, 20, 20, 220, 180).to_image(), 308, 252, FilterType::CatmullRom);
    for (name, picture) in
        [("positive_enlarged_part.png", &forged), ("negative_camera.png", &host), ("negative_enlarged_whole.png", &whole)]
    {
        write_whole(&folder.join(name), &png_bytes(picture)?)?;
    }
    for (name, picture) in [
        ("negative_enlarged_whole.jpg", whole),
        ("not_applicable_small.jpg", crop_imm(&host, 0, 0, 100, 100).to_image()),
        ("not_applicable_flat.jpg", RgbImage::from_pixel(160, 160, Rgb([120; 3]))),
    ] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, 95)?)?;
    }
    Ok(())
}
