//! Cropped to a part.
use image::{RgbImage, imageops};

use super::{About, Choice, Clips, Level, Number, Perturbation, Stills};
use crate::rng::Rng;

/// See the head of this file.
pub struct Crop;

/// The one there is.
pub static THE: Crop = Crop;

static ABOUT: About = About {
    id: "crop",
    summary: "cropped; from the corner the grid of an earlier compression stays where it was",
    level: Number { name: "share of each side that stays", unit: "", least: 0.05, most: 1.0 },
    levels: &[0.98, 0.9, 0.75, 0.5],
    options: &[Choice::Word { name: "at", words: &["centre", "corner", "random"] }],
    stills: Stills::Changed,
    clips: Clips::ByFrame,
};

impl Perturbation for Crop {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn still(&self, picture: &RgbImage, level: &Level, rng: &mut Rng) -> anyhow::Result<RgbImage> {
        let kept = |extent: u32| ((f64::from(extent) * level.value).round() as u32).clamp(1, extent.max(1));
        let (width, height) = (kept(picture.width()), kept(picture.height()));
        let [right, down] = [picture.width() - width, picture.height() - height];
        let (x, y) = match level.word("at") {
            "corner" => (0, 0),
            "random" => (rng.below(right as usize + 1) as u32, rng.below(down as usize + 1) as u32),
            _ => (right / 2, down / 2),
        };
        Ok(imageops::crop_imm(picture, x, y, width, height).to_image())
    }
}
