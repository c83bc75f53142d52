//! Blurred by a Gaussian.
use image::RgbImage;

use super::{About, Canvas, Clips, Level, Number, Perturbation, Stills, from_image, to_image};
use crate::rng::Rng;

/// See the head of this file.
pub struct Blur;

/// The one there is.
pub static THE: Blur = Blur;

static ABOUT: About = About {
    id: "blur",
    summary: "blurred by a Gaussian",
    level: Number { name: "standard deviation", unit: "pixels", least: 0.05, most: 50.0 },
    levels: &[0.5, 1.0, 1.5, 2.0, 3.0],
    options: &[],
    stills: Stills::Changed,
    clips: Clips::ByFrame,
};

impl Perturbation for Blur {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn still(&self, picture: &RgbImage, level: &Level, _: &mut Rng) -> anyhow::Result<RgbImage> {
        let mut canvas = from_image(picture);
        blur(&mut canvas, picture.width() as usize, level.value as f32);
        Ok(to_image(&canvas, picture.width() as usize))
    }
}

/// Blurs a picture of this width; beyond its edges it goes on as it is there.
pub fn blur(canvas: &mut Canvas, width: usize, sigma: f32) {
    let radius = (2.5 * sigma).ceil() as i64;
    let kernel: Vec<f32> = (-radius..=radius).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
    let total: f32 = kernel.iter().sum();
    let height = canvas.len() / width.max(1);
    for (stride, extent) in [(1usize, width), (width, height)] {
        let before = canvas.clone();
        for at in 0..width * height {
            let along = if stride == 1 { at % width } else { at / width } as i64;
            let mut sum = [0.0f32; 3];
            for (i, k) in kernel.iter().enumerate() {
                let to = (along + i as i64 - radius).clamp(0, extent as i64 - 1);
                let p = before[(at as i64 + (to - along) * stride as i64) as usize];
                (0..3).for_each(|c| sum[c] += k * p[c]);
            }
            canvas[at] = sum.map(|v| v / total);
        }
    }
}
