//! Made larger or smaller.
use anyhow::ensure;
use image::RgbImage;
use image::imageops::{self, FilterType};

use super::{About, Canvas, Choice, Clips, Level, Number, Perturbation, Stills, canvas, to_image};
use crate::rng::Rng;

/// See the head of this file.
pub struct Scale;

/// The one there is.
pub static THE: Scale = Scale;

static ABOUT: About = About {
    id: "scale",
    summary: "made larger or smaller",
    level: Number { name: "factor", unit: "", least: 0.02, most: 8.0 },
    levels: &[0.9, 0.75, 0.5, 0.35, 0.25],
    options: &[Choice::Word { name: "filter", words: &["bicubic", "bilinear", "lanczos", "nearest"] }],
    stills: Stills::Changed,
    clips: Clips::ByFrame,
};

impl Perturbation for Scale {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn still(&self, picture: &RgbImage, level: &Level, _: &mut Rng) -> anyhow::Result<RgbImage> {
        // Rounded down, as programs do that halve.
        let [width, height] = [picture.width(), picture.height()].map(|v| (f64::from(v) * level.value) as u32);
        ensure!(width > 0 && height > 0, "nothing would be left of {}x{}", picture.width(), picture.height());
        ensure!(width <= 65_535 && height <= 65_535, "{width}x{height} is too large");
        let filter = match level.word("filter") {
            "bilinear" => FilterType::Triangle,
            "lanczos" => FilterType::Lanczos3,
            "nearest" => FilterType::Nearest,
            _ => FilterType::CatmullRom,
        };
        Ok(imageops::resize(picture, width, height, filter))
    }
}

/// Makes a square crop smaller and as large as before again, for training.
pub fn coarsen(canvas: &mut Canvas, side: usize, factor: f32) {
    let small = ((side as f32 / factor) as u32).max(8);
    let picture = to_image(canvas, side);
    let down = imageops::thumbnail(&picture, small, small);
    let up = imageops::resize(&down, side as u32, side as u32, FilterType::Triangle);
    *canvas = canvas::from_image(&up);
}
