//! Lit otherwise: brighter or darker, another gamma, contrast, cast or saturation.
use image::RgbImage;

use super::{About, Canvas, Choice, Clips, Level, Number, Perturbation, Stills, from_image, to_image};
use crate::rng::Rng;

/// See the head of this file.
pub struct Light;

/// The one there is.
pub static THE: Light = Light;

const fn factor(name: &'static str, most: f64) -> Choice {
    Choice::Number { name, range: Number { name, unit: "", least: 0.0, most }, usual: 1.0 }
}

static ABOUT: About = About {
    id: "light",
    summary: "brighter or darker, with another gamma, contrast, saturation or colour cast",
    level: Number { name: "gain", unit: "", least: 0.05, most: 8.0 },
    levels: &[0.9, 1.2, 0.7, 1.5, 0.5],
    options: &[
        factor("gamma", 8.0),
        factor("contrast", 8.0),
        factor("saturation", 8.0),
        factor("red", 4.0),
        factor("green", 4.0),
        factor("blue", 4.0),
    ],
    stills: Stills::Changed,
    clips: Clips::ByFrame,
};

impl Perturbation for Light {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn still(&self, picture: &RgbImage, level: &Level, _: &mut Rng) -> anyhow::Result<RgbImage> {
        let mut canvas = from_image(picture);
        let of = |name: &str| level.number(name) as f32;
        let tint = ["red", "green", "blue"].map(|name| of(name) * level.value as f32);
        Tone { gamma: of("gamma"), contrast: of("contrast"), offset: 0.0, tint }.apply(&mut canvas);
        if of("saturation").total_cmp(&1.0).is_ne() {
            saturate(&mut canvas, of("saturation"));
        }
        Ok(to_image(&canvas, picture.width() as usize))
    }
}

/// A change of light.
#[derive(Debug, Clone, Copy)]
pub struct Tone {
    /// Exponent of values in 0..1.
    pub gamma: f32,
    /// Factor around the middle grey.
    pub contrast: f32,
    /// Added after it, in grey levels.
    pub offset: f32,
    /// Factor of red, green and blue.
    pub tint: [f32; 3],
}

impl Tone {
    /// Changes every pixel.
    pub fn apply(&self, canvas: &mut Canvas) {
        for p in canvas.iter_mut() {
            for c in 0..3 {
                let v = 255.0 * (p[c].max(0.0) / 255.0).powf(self.gamma);
                p[c] = ((v - 128.0) * self.contrast + 128.0 + self.offset) * self.tint[c];
            }
        }
    }
}

/// Keeps so much of the distance from grey: 0 gives grey, 1 changes nothing.
pub fn saturate(canvas: &mut Canvas, keep: f32) {
    for p in canvas.iter_mut() {
        let grey = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
        *p = p.map(|v| grey + (v - grey) * keep);
    }
}
