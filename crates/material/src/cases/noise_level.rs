//! Cases of `noise_level`: the drawn scene under two exposures of the same camera.
use crate::saving::{jpeg_bytes, write_whole};
use crate::scene::{Camera, Scene};
use image::{Rgb, RgbImage};
use std::path::Path;

const SIDE: (u32, u32) = (288, 240);

/// `positive_noisier_part`: an oval from an exposure with a fifteenth of the light in a clean one.
/// `positive_quieter_part`: the reverse. `negative_clean`, `negative_noisy`: the two exposures.
/// `not_applicable_white`: clipped all over. `not_applicable_small`: 64 pixels.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let scene = Scene::new(21);
    let clean = scene.photograph(SIDE.0, SIDE.1, 0.0, 2, &Camera::new(3));
    let noisy = scene.photograph(SIDE.0, SIDE.1, 0.0, 2, &Camera { full_well: 400.0, ..Camera::new(4) });
    for (name, picture) in [
        ("positive_noisier_part.jpg", oval(&clean, &noisy)),
        ("positive_quieter_part.jpg", oval(&noisy, &clean)),
        ("negative_clean.jpg", clean.clone()),
        ("negative_noisy.jpg", noisy),
        ("not_applicable_white.jpg", RgbImage::from_pixel(160, 160, Rgb([255; 3]))),
        ("not_applicable_small.jpg", image::imageops::crop_imm(&clean, 0, 0, 64, 64).to_image()),
    ] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, 93)?)?;
    }
    Ok(())
}

/// The second picture in an oval, the first around it.
fn oval(around: &RgbImage, inside: &RgbImage) -> RgbImage {
    let (cx, cy) = (f64::from(SIDE.0) * 0.42, f64::from(SIDE.1) * 0.5);
    RgbImage::from_fn(SIDE.0, SIDE.1, |x, y| {
        let (u, v) = ((f64::from(x) - cx) / 62.0, (f64::from(y) - cy) / 74.0);
        *if u * u + v * v < 1.0 { inside } else { around }.get_pixel(x, y)
    })
}
