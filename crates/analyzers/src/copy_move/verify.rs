//! Does one transform really bring fine detail onto equal fine detail?
//!
//! Similar-looking places (symmetric faces, bricks, letters) agree in coarse content; only a copy
//! agrees in the residual after the local mean is taken off. The correlation is measured over
//! windows, and the windows above the threshold grow together into regions.
use assay_media::Plane;
use rayon::prelude::*;

use super::filters::{box_mean, normalised_residual, structure};
use super::transform::Similarity;
use crate::regions::sides;

/// Radius of the correlation window in pixels.
pub(super) const WINDOW: usize = 5;
/// Half the distance over which pieces join into one region, in pixels.
const GAP: usize = 6;
/// Least correlation of a window that belongs to a region.
const LEAST_CORRELATION: f32 = 0.55;
/// Least share of textured pixels in a window that can be judged.
const LEAST_TEXTURE: f32 = 0.12;

/// The residuals of a picture, computed once.
pub(super) struct Residuals {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Finest detail, for whole-pixel shifts.
    pub(super) fine: Vec<f32>,
    /// Detail less the finest, for transforms that interpolate.
    pub(super) medium: Vec<f32>,
    /// The plane itself.
    pub(super) brightness: Vec<f32>,
    /// Brightness without detail, in grey levels.
    pub(super) smooth: Vec<f32>,
}

impl Residuals {
    pub(super) fn of(plane: &Plane, floor: f32, is_drawn: impl Fn(usize, usize) -> bool) -> Self {
        let (width, height) = (plane.width, plane.height);
        let mut weights = structure(plane, 6, floor);
        let mut unusable = border_or_saturated(plane);
        unusable.iter_mut().enumerate().for_each(|(i, out)| *out |= is_drawn(i % width, i / width));
        weights.par_iter_mut().zip(&unusable).for_each(|(w, u)| *w = if *u { 0.0 } else { w.sqrt() });
        let weighted = |mut residual: Vec<f32>| {
            residual.par_iter_mut().zip(&weights).for_each(|(r, w)| *r *= w);
            residual
        };
        let fine = weighted(normalised_residual(plane, 2, 8, floor));
        let softened = Plane { width, height, data: box_mean(&plane.data, width, height, 1) };
        let medium = weighted(normalised_residual(&softened, 3, 8, floor * 0.7));
        let smooth = box_mean(&plane.data, width, height, 2);
        Self { width, height, fine, medium, brightness: plane.data.clone(), smooth }
    }

    /// Brightness without detail at the place that `(x, y)` is carried to.
    pub(super) fn smooth_at(&self, transform: &Similarity, x: f64, y: f64) -> Option<f32> {
        let (u, v) = transform.apply(x, y);
        bilinear(&self.smooth, self.width, self.height, u, v)
    }

    /// Median difference of brightness, in grey levels, between the points and the places they are
    /// carried to.
    pub(super) fn brightness_difference(&self, points: &[[f64; 2]], transform: &Similarity) -> f64 {
        let mut differences: Vec<f32> = points
            .iter()
            .filter_map(|[x, y]| {
                let (u, v) = transform.apply(*x, *y);
                let there = bilinear(&self.smooth, self.width, self.height, u, v)?;
                Some((there - bilinear(&self.smooth, self.width, self.height, *x, *y)?).abs())
            })
            .collect();
        let middle = differences.len() / 2;
        if differences.is_empty() {
            255.0
        } else {
            f64::from(*differences.select_nth_unstable_by(middle, f32::total_cmp).1)
        }
    }

    /// Residual of the whole picture brought back through the transform: `out[x] = residual[T x]`,
    /// not a number where `T x` lies outside.
    fn warped(&self, transform: &Similarity) -> (&[f32], Vec<f32>) {
        let (width, height) = (self.width, self.height);
        let mut out = vec![f32::NAN; width * height];
        if let Some([dx, dy]) = transform.whole_shift() {
            out.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
                let Ok(ty) = usize::try_from(y as i64 + i64::from(dy)) else { return };
                if ty < height {
                    for (x, o) in row.iter_mut().enumerate() {
                        let tx = x as i64 + i64::from(dx);
                        if tx >= 0 && (tx as usize) < width {
                            *o = self.fine[ty * width + tx as usize];
                        }
                    }
                }
            });
            (&self.fine, out)
        } else {
            out.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
                for (x, o) in row.iter_mut().enumerate() {
                    let (u, v) = transform.apply(x as f64, y as f64);
                    if let Some(value) = bilinear(&self.medium, width, height, u, v) {
                        *o = value;
                    }
                }
            });
            (&self.medium, out)
        }
    }
}

/// Pixels in or beside a frame of one extreme value that touches the picture's edge (black corners
/// left by an alignment).
fn border_or_saturated(plane: &Plane) -> Vec<bool> {
    const REACH: usize = 7;
    let (width, height) = (plane.width, plane.height);
    let mut outside = vec![0.0f32; width * height];
    let mut stack: Vec<usize> = Vec::new();
    let rim = (0..width)
        .flat_map(|x| [x, (height - 1) * width + x])
        .chain((0..height).flat_map(|y| [y * width, y * width + width - 1]));
    for start in rim {
        stack.push(start);
        while let Some(at) = stack.pop() {
            if outside[at] > 0.0 || plane.data[at] > 12.0 {
                continue;
            }
            outside[at] = 1.0;
            stack.extend(sides(at, width, height));
        }
    }
    box_mean(&outside, width, height, REACH).into_par_iter().map(|share| share > 0.1).collect()
}

impl Residuals {
    /// Correlation of the residuals over some points, fine detail for whole-pixel shifts, medium
    /// detail otherwise.
    pub(super) fn correlation(&self, points: &[[f64; 2]], transform: &Similarity) -> f64 {
        let (mut product, mut own, mut other) = (0.0f64, 0.0f64, 0.0f64);
        let whole = transform.whole_shift().is_some();
        for [x, y] in points {
            let (u, v) = transform.apply(*x, *y);
            let inside = |x: f64, y: f64| x >= 0.0 && y >= 0.0 && x < self.width as f64 && y < self.height as f64;
            if !inside(u, v) || !inside(*x, *y) {
                continue;
            }
            let here = *y as usize * self.width + *x as usize;
            let pair = if whole {
                Some((self.fine[here], self.fine[v as usize * self.width + u as usize]))
            } else {
                bilinear(&self.medium, self.width, self.height, u, v).map(|there| (self.medium[here], there))
            };
            if let Some((a, b)) = pair {
                product += f64::from(a * b);
                own += f64::from(a * a);
                other += f64::from(b * b);
            }
        }
        product / (own * other).sqrt().max(1e-6)
    }
}

fn bilinear(values: &[f32], width: usize, height: usize, x: f64, y: f64) -> Option<f32> {
    if !(x >= 0.0 && y >= 0.0 && x < (width - 1) as f64 && y < (height - 1) as f64) {
        return None;
    }
    let (x0, y0) = (x as usize, y as usize);
    let (fx, fy) = ((x - x0 as f64) as f32, (y - y0 as f64) as f32);
    let at = y0 * width + x0;
    let top = values[at] + fx * (values[at + 1] - values[at]);
    let bottom = values[at + width] + fx * (values[at + width + 1] - values[at + width]);
    Some(top + fy * (bottom - top))
}

/// A region of the picture that equals the place the transform leads to.
#[derive(Debug, Clone)]
pub(super) struct Region {
    pub(super) transform: Similarity,
    /// Pixel indices, ascending.
    pub(super) pixels: Vec<u32>,
    /// Sum of the texture weights over the pixels: how many pixels really testify.
    pub(super) textured: f64,
    /// Correlation of the residuals over all pixels of the region.
    pub(super) correlation: f64,
    /// Where the box centre lies.
    pub(super) middle: [f64; 2],
}

/// The regions that agree under one transform, the largest evidence first.
pub(super) fn regions(
    residuals: &Residuals,
    transform: &Similarity,
    exclusion: f64,
    least_textured: f64,
) -> Vec<Region> {
    let (width, height) = (residuals.width, residuals.height);
    let (here, there) = residuals.warped(transform);
    let valid = |i: usize| {
        if there[i].is_nan() {
            return false;
        }
        let (x, y) = ((i % width) as f64, (i / width) as f64);
        let (u, v) = transform.apply(x, y);
        (u - x).powi(2) + (v - y).powi(2) >= exclusion * exclusion
    };
    let mut products = vec![0.0f32; width * height];
    let mut own = vec![0.0f32; width * height];
    let mut other = vec![0.0f32; width * height];
    products.par_iter_mut().zip(own.par_iter_mut()).zip(other.par_iter_mut()).enumerate().for_each(
        |(i, ((p, a), b))| {
            if valid(i) {
                *p = here[i] * there[i];
                *a = here[i] * here[i];
                *b = there[i] * there[i];
            }
        },
    );
    let [p, a, b] = [&products, &own, &other].map(|v| box_mean(v, width, height, WINDOW));
    let agrees: Vec<bool> = (0..width * height)
        .into_par_iter()
        .map(|i| valid(i) && a[i].min(b[i]) > LEAST_TEXTURE && p[i] > LEAST_CORRELATION * (a[i] * b[i]).sqrt())
        .collect();
    let indicator: Vec<f32> = agrees.par_iter().map(|a| if *a { 1.0 } else { 0.0 }).collect();
    // Pieces a little apart are one region: flat parts between them cannot be judged.
    let near_agreeing: Vec<bool> = box_mean(&indicator, width, height, GAP).into_par_iter().map(|v| v > 1e-5).collect();
    let mut seen = vec![false; width * height];
    let mut found = Vec::new();
    let mut stack = Vec::new();
    for start in 0..width * height {
        if seen[start] || !agrees[start] {
            continue;
        }
        seen[start] = true;
        stack.push(start);
        let mut members = Vec::new();
        while let Some(at) = stack.pop() {
            if agrees[at] {
                members.push(at as u32);
            }
            for next in sides(at, width, height) {
                if !seen[next] && near_agreeing[next] {
                    seen[next] = true;
                    stack.push(next);
                }
            }
        }
        members.sort_unstable();
        let mut sums = [0.0f64; 3];
        let mut middle = [0.0f64; 2];
        for m in &members {
            let i = *m as usize;
            sums[0] += f64::from(products[i]);
            sums[1] += f64::from(own[i]);
            sums[2] += f64::from(other[i]);
            middle[0] += (i % width) as f64;
            middle[1] += (i / width) as f64;
        }
        let textured = sums[1].min(sums[2]);
        if textured < least_textured {
            continue;
        }
        let count = members.len() as f64;
        found.push(Region {
            transform: *transform,
            pixels: members,
            textured,
            correlation: sums[0] / (sums[1] * sums[2]).sqrt().max(1e-9),
            middle: middle.map(|m| m / count),
        });
    }
    found.sort_by(|x, y| y.textured.total_cmp(&x.textured).then(x.pixels[0].cmp(&y.pixels[0])));
    found
}
