//! Cases of `copy_move`: parts of the drawn scene pasted into it again.
use super::super::saving::{jpeg_bytes, write_whole};
use super::super::scene::photograph;
use image::{Rgb, RgbImage};
use std::path::Path;

/// `positive_shifted`: a disc pasted 117 pixels to the right and 41 down. `positive_turned`:
/// another, turned by 20 degrees and enlarged by 1.1. `negative_scene`: the picture without them.
/// `negative_bricks`, `negative_checkers`: regular patterns with a little noise, as in a photo of
/// them. `not_applicable_small`: 48 pixels. `not_applicable_flat`: one grey level.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let scene = photograph(51, 304, 256);
    let turned = 20f64.to_radians();
    let bricks = pattern(|x, y| {
        let row = y / 20;
        let mortar = y % 20 < 3 || (x + row % 2 * 22) % 44 < 3;
        if mortar { 190 } else { 110 + (row * 37 + (x + row % 2 * 22) / 44 * 53) % 24 }
    });
    let checkers = pattern(|x, y| if (x / 24 + y / 24) % 2 == 0 { 60 } else { 180 });
    for (name, picture) in [
        ("positive_shifted.jpg", paste(&scene, [92.0, 100.0], [209.0, 141.0], 38.0, 1.0, 0.0)),
        ("positive_turned.jpg", paste(&scene, [92.0, 100.0], [215.0, 96.0], 44.0, 1.1, turned)),
        ("negative_scene.jpg", scene.clone()),
        ("negative_bricks.jpg", bricks),
        ("negative_checkers.jpg", checkers),
        ("not_applicable_small.jpg", image::imageops::crop_imm(&scene, 0, 0, 48, 48).to_image()),
        ("not_applicable_flat.jpg", RgbImage::from_pixel(160, 160, Rgb([120; 3]))),
    ] {
        write_whole(&folder.join(name), &jpeg_bytes(&picture, 90)?)?;
    }
    Ok(())
}

/// The picture with what lies around `from` pasted as a disc around `to`, enlarged and turned
/// (radians), bilinear.
fn paste(scene: &RgbImage, from: [f64; 2], to: [f64; 2], radius: f64, scale: f64, turn: f64) -> RgbImage {
    let (sin, cos) = turn.sin_cos();
    RgbImage::from_fn(scene.width(), scene.height(), |x, y| {
        let (dx, dy) = ((f64::from(x) - to[0]) / scale, (f64::from(y) - to[1]) / scale);
        if dx.hypot(dy) * scale > radius {
            return *scene.get_pixel(x, y);
        }
        let (u, v) = (from[0] + cos * dx + sin * dy, from[1] - sin * dx + cos * dy);
        image::imageops::interpolate_bilinear(scene, u as f32, v as f32).unwrap_or(*scene.get_pixel(x, y))
    })
}

/// A grey pattern with noise of some levels, different at every pixel.
fn pattern(value: impl Fn(u32, u32) -> u32) -> RgbImage {
    let mut rng = crate::rng::Rng::labelled(51, "pattern");
    RgbImage::from_fn(256, 256, |x, y| {
        let noise = rng.between(-6, 6) + rng.between(-6, 6);
        Rgb([(i64::from(value(x, y)) + noise).clamp(0, 255) as u8; 3])
    })
}
