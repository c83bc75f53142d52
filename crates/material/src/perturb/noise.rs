//! Given Gaussian noise.
use image::RgbImage;

use super::{About, Canvas, Clips, Level, Number, Perturbation, Stills, from_image, to_image};
use crate::rng::Rng;

/// See the head of this file.
pub struct Noise;

/// The one there is.
pub static THE: Noise = Noise;

static ABOUT: About = About {
    id: "noise",
    summary: "given Gaussian noise, independent in every colour, pixel and frame",
    level: Number { name: "standard deviation", unit: "grey levels", least: 0.0, most: 128.0 },
    levels: &[1.0, 2.0, 4.0, 8.0, 16.0],
    options: &[],
    stills: Stills::Changed,
    clips: Clips::ByFrameAnew,
};

impl Perturbation for Noise {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn still(&self, picture: &RgbImage, level: &Level, rng: &mut Rng) -> anyhow::Result<RgbImage> {
        let mut canvas = from_image(picture);
        add(&mut canvas, level.value as f32, || rng.normal() as f32);
        Ok(to_image(&canvas, picture.width() as usize))
    }
}

/// Adds noise of this standard deviation, drawn by `draw` with a standard deviation of 1.
pub fn add(canvas: &mut Canvas, sigma: f32, mut draw: impl FnMut() -> f32) {
    canvas.iter_mut().flatten().for_each(|v| *v += sigma * draw());
}

/// Sum of four uniform draws: near enough to a normal one for grain, and cheap.
pub fn fast_normal(rng: &mut Rng) -> f32 {
    let bits = rng.next_u64();
    let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xFFFF).sum();
    (sum as f32 / 65536.0 - 2.0) * 1.732
}
