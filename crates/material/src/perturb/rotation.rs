//! Turned around its middle by a few degrees, as a photograph is straightened.
//!
//! The size stays; what comes in at the corners is the nearest pixel of the edge.
use image::{Rgb, RgbImage};

use super::{About, Clips, Level, Number, Perturbation, Stills};
use crate::rng::Rng;

/// See the head of this file.
pub struct Rotation;

/// The one there is.
pub static THE: Rotation = Rotation;

static ABOUT: About = About {
    id: "rotation",
    summary: "turned around its middle, bicubic, the size kept",
    level: Number { name: "angle", unit: "degrees clockwise", least: -180.0, most: 180.0 },
    levels: &[0.5, 1.0, 2.0, 5.0, 10.0],
    options: &[],
    stills: Stills::Changed,
    clips: Clips::ByFrame,
};

impl Perturbation for Rotation {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn still(&self, picture: &RgbImage, level: &Level, _: &mut Rng) -> anyhow::Result<RgbImage> {
        let (sin, cos) = level.value.to_radians().sin_cos();
        let [mx, my] = [picture.width(), picture.height()].map(|v| (f64::from(v) - 1.0) / 2.0);
        Ok(RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
            let (dx, dy) = (f64::from(x) - mx, f64::from(y) - my);
            sample(picture, mx + cos * dx + sin * dy, my - sin * dx + cos * dy)
        }))
    }
}

/// Catmull-Rom between the sixteen pixels around a point.
fn sample(picture: &RgbImage, x: f64, y: f64) -> Rgb<u8> {
    let (left, top) = (x.floor(), y.floor());
    let (wx, wy) = (weights(x - left), weights(y - top));
    let mut sum = [0.0; 3];
    for (j, wy) in wy.iter().enumerate() {
        let row = (top as i64 + j as i64 - 1).clamp(0, i64::from(picture.height()) - 1) as u32;
        for (i, wx) in wx.iter().enumerate() {
            let column = (left as i64 + i as i64 - 1).clamp(0, i64::from(picture.width()) - 1) as u32;
            let pixel = picture.get_pixel(column, row);
            (0..3).for_each(|c| sum[c] += wx * wy * f64::from(pixel.0[c]));
        }
    }
    Rgb(sum.map(|v| v.round() as u8))
}

fn weights(t: f64) -> [f64; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [0.5 * (-t3 + 2.0 * t2 - t), 0.5 * (3.0 * t3 - 5.0 * t2 + 2.0), 0.5 * (-3.0 * t3 + 4.0 * t2 + t), 0.5 * (t3 - t2)]
}
