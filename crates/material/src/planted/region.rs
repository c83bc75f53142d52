//! Shapes of edited regions: where they lie and how much of each pixel they cover.
use crate::rng::Rng;
use image::{GrayImage, Luma};
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, TAU};

/// Outline of an edited region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A turned ellipse.
    Ellipse,
    /// A star-shaped polygon of 7 to 13 corners, like a lasso selection.
    Blob,
    /// An upright egg, narrower at the chin.
    FaceOval,
}

/// How the region fades into the picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "edge", rename_all = "snake_case")]
pub enum Edge {
    /// Every pixel is wholly in or out.
    Hard,
    /// Gaussian feather.
    Soft {
        /// Standard deviation in pixels.
        sigma: f64,
    },
}

/// A region in picture coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Left edge of the box in pixels.
    pub x: u32,
    /// Top edge of the box in pixels.
    pub y: u32,
    /// Width of the box in pixels.
    pub width: u32,
    /// Height of the box in pixels.
    pub height: u32,
    /// `height * width` coverages 0..=1, row-major; 0 outside the shape and its feather.
    pub alpha: Vec<f32>,
}

impl Region {
    /// Draws a region of about `share` of the picture's area. `None` when this draw does not fit;
    /// draw again.
    ///
    /// `centre` (in shares of width and height) pins the middle, as for a face in a portrait.
    pub fn draw(
        rng: &mut Rng,
        shape: Shape,
        edge: Edge,
        share: f64,
        (width, height): (u32, u32),
        centre: Option<(f64, f64)>,
    ) -> Option<Self> {
        let outline = Outline::draw(rng, shape);
        let scale = (share * f64::from(width) * f64::from(height) / outline.area()).sqrt();
        let margin = match edge {
            Edge::Hard => 1.0,
            Edge::Soft { sigma } => (3.0 * sigma).ceil() + 1.0,
        };
        let half = outline.radius() * scale + margin;
        let box_side = (2.0 * half).ceil() as u32;
        let (mut left, mut top, mut right, mut bottom) = (box_side, box_side, 0, 0);
        let mut inside = vec![0.0f32; (box_side * box_side) as usize];
        for y in 0..box_side {
            for x in 0..box_side {
                let (u, v) = ((f64::from(x) + 0.5 - half) / scale, (f64::from(y) + 0.5 - half) / scale);
                if outline.contains(u, v) {
                    inside[(y * box_side + x) as usize] = 1.0;
                    (left, top, right, bottom) = (left.min(x), top.min(y), right.max(x), bottom.max(y));
                }
            }
        }
        if right < left {
            return None;
        }
        if let Edge::Soft { sigma } = edge {
            blur(&mut inside, box_side as usize, sigma);
            let grow = (3.0 * sigma).ceil() as u32;
            left = left.saturating_sub(grow);
            top = top.saturating_sub(grow);
            right = (right + grow).min(box_side - 1);
            bottom = (bottom + grow).min(box_side - 1);
        }
        let (w, h) = (right - left + 1, bottom - top + 1);
        let (free_x, free_y) = (width.checked_sub(w)?, height.checked_sub(h)?);
        let (x, y) = match centre {
            None => (rng.between(0, i64::from(free_x)) as u32, rng.between(0, i64::from(free_y)) as u32),
            Some((cx, cy)) => (
                ((cx * f64::from(width) - f64::from(w) / 2.0).max(0.0) as u32).min(free_x),
                ((cy * f64::from(height) - f64::from(h) / 2.0).max(0.0) as u32).min(free_y),
            ),
        };
        let mut alpha = Vec::with_capacity((w * h) as usize);
        for row in top..=bottom {
            let start = (row * box_side + left) as usize;
            alpha.extend(inside[start..start + w as usize].iter().map(|a| if *a < 1.0 / 512.0 { 0.0 } else { *a }));
        }
        Some(Self { x, y, width: w, height: h, alpha })
    }

    /// Covered pixels (half or more).
    pub fn pixels(&self) -> usize {
        self.alpha.iter().filter(|a| **a >= 0.5).count()
    }

    /// Coverage at picture coordinates, 0 outside the box.
    pub fn at(&self, x: u32, y: u32) -> f32 {
        match (x.checked_sub(self.x), y.checked_sub(self.y)) {
            (Some(u), Some(v)) if u < self.width && v < self.height => self.alpha[(v * self.width + u) as usize],
            _ => 0.0,
        }
    }

    /// The mask of a picture of that size, with the region moved by `shift`: 255 where half covered
    /// or more.
    pub fn mask(&self, (width, height): (u32, u32), shift: (i64, i64)) -> GrayImage {
        GrayImage::from_fn(width, height, |x, y| {
            let (sx, sy) = (i64::from(x) - shift.0, i64::from(y) - shift.1);
            let covered = u32::try_from(sx).ok().zip(u32::try_from(sy).ok()).is_some_and(|(x, y)| self.at(x, y) >= 0.5);
            Luma([if covered { 255 } else { 0 }])
        })
    }
}

/// An outline around the origin, as radius over angle.
struct Outline {
    /// Radius at `i * TAU / radii.len()`.
    radii: Vec<f64>,
}

impl Outline {
    const STEPS: usize = 720;

    fn draw(rng: &mut Rng, shape: Shape) -> Self {
        let radius: Box<dyn Fn(f64) -> f64> = match shape {
            Shape::Ellipse => {
                let (aspect, turn) = (rng.range(0.55, 1.0), rng.range(0.0, PI));
                Box::new(move |t| ((t - turn).cos().powi(2) + ((t - turn).sin() / aspect).powi(2)).sqrt().recip())
            }
            Shape::FaceOval => {
                let aspect = rng.range(0.68, 0.8);
                // An upright ellipse whose lower half (t in 0..PI, y down) narrows towards the
                // chin.
                Box::new(move |t| {
                    let chin = 1.0 - 0.16 * t.sin().max(0.0) * t.cos().abs().sqrt();
                    chin * ((t.cos() / aspect).powi(2) + t.sin().powi(2)).sqrt().recip()
                })
            }
            Shape::Blob => {
                let corners = rng.between(7, 13) as usize;
                let turn = rng.range(0.0, TAU);
                let radii: Vec<f64> = (0..corners).map(|_| rng.range(0.6, 1.0)).collect();
                let step = TAU / corners as f64;
                Box::new(move |t| {
                    let place = (t - turn).rem_euclid(TAU) / step;
                    let i = (place.floor() as usize) % corners;
                    let (r1, r2) = (radii[i], radii[(i + 1) % corners]);
                    let part = (place - place.floor()) * step;
                    // Polar form of the straight line between two corners.
                    r1 * r2 * step.sin() / (r1 * part.sin() + r2 * (step - part).sin())
                })
            }
        };
        Self { radii: (0..Self::STEPS).map(|i| radius(i as f64 * TAU / Self::STEPS as f64)).collect() }
    }

    fn area(&self) -> f64 {
        let step = TAU / self.radii.len() as f64;
        (0..self.radii.len()).map(|i| 0.5 * self.radii[i] * self.radii[(i + 1) % self.radii.len()] * step.sin()).sum()
    }

    fn radius(&self) -> f64 {
        self.radii.iter().copied().fold(0.0, f64::max)
    }

    fn contains(&self, u: f64, v: f64) -> bool {
        let place = v.atan2(u).rem_euclid(TAU) / TAU * self.radii.len() as f64;
        let i = (place.floor() as usize) % self.radii.len();
        let part = place - place.floor();
        let limit = self.radii[i] * (1.0 - part) + self.radii[(i + 1) % self.radii.len()] * part;
        u.hypot(v) <= limit
    }
}

/// Separable Gaussian blur of a square buffer, zero outside.
fn blur(values: &mut Vec<f32>, side: usize, sigma: f64) {
    let radius = (3.0 * sigma).ceil() as usize;
    let mut kernel: Vec<f32> =
        (0..=2 * radius).map(|i| (-((i as f64 - radius as f64) / sigma).powi(2) / 2.0).exp() as f32).collect();
    let sum: f32 = kernel.iter().sum();
    for weight in &mut kernel {
        *weight /= sum;
    }
    for (step, across) in [(1, side), (side, 1)] {
        let mut out = vec![0.0f32; values.len()];
        for line in 0..side {
            for i in 0..side {
                let mut total = 0.0;
                for (k, weight) in kernel.iter().enumerate() {
                    let at = i + k;
                    if at >= radius && at - radius < side {
                        total += weight * values[line * across + (at - radius) * step];
                    }
                }
                out[line * across + i * step] = total;
            }
        }
        *values = out;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_the_area_asked_for_and_lie_inside() {
        for shape in [Shape::Ellipse, Shape::Blob, Shape::FaceOval] {
            for edge in [Edge::Hard, Edge::Soft { sigma: 2.0 }] {
                let mut rng = Rng::labelled(3, "regions");
                for _ in 0..20 {
                    let Some(region) = Region::draw(&mut rng, shape, edge, 0.1, (250, 200), None) else { continue };
                    let share = region.pixels() as f64 / (250.0 * 200.0);
                    assert!((share - 0.1).abs() < 0.01, "{shape:?} {edge:?}: {share}");
                    assert!(region.x + region.width <= 250 && region.y + region.height <= 200);
                    let mask = region.mask((250, 200), (0, 0));
                    assert_eq!(mask.pixels().filter(|v| v[0] == 255).count(), region.pixels());
                }
            }
        }
    }

    #[test]
    fn hard_edges_are_all_or_nothing_and_soft_ones_fade() {
        let mut rng = Rng::new(1);
        let hard = Region::draw(&mut rng, Shape::Ellipse, Edge::Hard, 0.05, (256, 256), None).unwrap();
        assert!(hard.alpha.iter().all(|a| *a == 0.0 || *a == 1.0));
        let soft = Region::draw(&mut rng, Shape::Ellipse, Edge::Soft { sigma: 2.0 }, 0.05, (256, 256), None).unwrap();
        assert!(soft.alpha.iter().any(|a| *a > 0.1 && *a < 0.9));
    }
}
