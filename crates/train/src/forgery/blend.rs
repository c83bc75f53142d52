//! A self-blended image: a face laid over itself, changed a little (Shiohara and Yamasaki,
//! "Detecting Deepfakes with Self-Blended Images", CVPR 2022, section 3; the numbers are those of
//! the reference section on detection).
//!
//! The decision that shapes it: one of the two copies is changed in colour or in grain, never both,
//! so that what is to be learned is a difference inside one picture. Beside the paper's changes the
//! inner copy may be smoothed as decoders of autoencoders smooth skin, and bent as they bend
//! features.
use super::masks::{self, Mask, Shapes};
use crate::faces::augment::Canvas;
use assay_material::perturb::blur::blur;
use assay_material::perturb::jpeg::compress;
use assay_material::perturb::noise::fast_normal;
use assay_material::perturb::scale::coarsen;
use assay_material::rng::Rng;

/// How hard the blends are to see.
#[derive(Debug, Clone, Copy)]
pub struct Blend {
    /// Which masks.
    pub shapes: Shapes,
    /// From 0 (whole strength, strong changes) to 1 (as in the paper).
    pub subtlety: f64,
    /// How this frame strays from the others of its clip.
    pub tremor: Tremor,
}

/// How one frame strays from the others where a program works frame by frame: points are found
/// anew, a face is made anew.
#[derive(Debug, Clone, Copy)]
pub struct Tremor {
    /// Pixels, of the face that is laid over and of its points.
    shift: [f32; 2],
    /// Size over that of the others.
    scale: f32,
    /// Brightness over that of the others.
    gain: f32,
}

impl Tremor {
    /// A still picture's.
    pub const NONE: Self = Self { shift: [0.0; 2], scale: 1.0, gain: 1.0 };

    /// Of a frame of a clip.
    pub fn drawn(rng: &mut Rng) -> Self {
        let mut stray = |deviation: f64| (rng.normal() * deviation) as f32;
        Self { shift: [stray(0.45), stray(0.45)], scale: 1.0 + stray(0.004), gain: 1.0 + stray(0.006) }
    }

    /// The points of a face as found in this frame.
    pub fn mesh(&self, mesh: &[[f32; 2]]) -> Vec<[f32; 2]> {
        let n = mesh.len().max(1) as f32;
        let middle = [0, 1].map(|c| mesh.iter().map(|p| p[c]).sum::<f32>() / n);
        let stray = |p: &[f32; 2]| [0, 1].map(|c| middle[c] + (p[c] - middle[c]) * self.scale + self.shift[c]);
        mesh.iter().map(stray).collect()
    }
}

/// The blended crop and the mask it was blended with. `mesh` is in pixels of the crop; `other`
/// lends its colours now and then.
pub fn self_blended(
    crop: &Canvas,
    side: usize,
    mesh: &[[f32; 2]],
    other: Option<&Canvas>,
    blend: Blend,
    rng: &mut Rng,
) -> (Canvas, Mask) {
    let mut inner = crop.clone();
    let mut outer = crop.clone();
    let changed = if rng.chance(0.7) { &mut inner } else { &mut outer };
    if rng.chance(0.8) {
        recolour(changed, other, 1.0 + 1.5 * (1.0 - blend.subtlety), rng);
    }
    if rng.chance(0.75) {
        regrain(changed, side, rng);
    }
    let mut moved = displaced(&inner, side, blend.tremor, rng);
    if blend.tremor.gain != 1.0 {
        moved.iter_mut().flatten().for_each(|v| *v *= blend.tremor.gain);
    }
    let mut mask = masks::draw(mesh, side, blend.shapes, rng);
    let ratios = [0.25, 0.5, 0.75, 1.0, 1.0, 1.0];
    let ratio = if rng.unit() < blend.subtlety { ratios[rng.below(ratios.len())] } else { 1.0 };
    masks::soften(&mut mask, side, 4.0 + 9.0 * blend.subtlety, ratio, rng);
    (masks::laid(&moved, &outer, &mask), mask)
}

/// Shifts of single colours, of saturation, brightness and contrast; or the mean and spread of
/// another face's colours in part (Reinhard et al. 2001, in RGB).
fn recolour(canvas: &mut Canvas, other: Option<&Canvas>, strength: f64, rng: &mut Rng) {
    if let Some(other) = other.filter(|_| rng.chance(0.3)) {
        let [own, theirs] = [moments(canvas), moments(other)];
        let share = rng.range(0.1, 0.45) as f32;
        for p in canvas.iter_mut() {
            for c in 0..3 {
                let moved = (p[c] - own[c].0) * (theirs[c].1 / own[c].1).clamp(0.6, 1.6) + theirs[c].0;
                p[c] += share * (moved - p[c]);
            }
        }
        return;
    }
    let shift: [f32; 3] =
        std::array::from_fn(|_| if rng.chance(0.5) { rng.range(-14.0, 14.0) * strength } else { 0.0 } as f32);
    let contrast = 1.0 + (rng.range(-0.1, 0.1) * strength) as f32;
    let light = (rng.range(-0.07, 0.07) * strength) as f32 * 255.0;
    let saturation = 1.0 + (rng.range(-0.25, 0.25) * strength) as f32;
    for p in canvas.iter_mut() {
        let grey = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
        for c in 0..3 {
            let v = grey + (p[c] - grey) * saturation + shift[c];
            p[c] = ((v - 127.5) * contrast + 127.5 + light).clamp(0.0, 255.0);
        }
    }
}

/// What happens to pictures on their way, gentle enough to leave grain: colour, a smaller copy,
/// noise, and compression last (the paper's section 4.1, and its released code's strengths).
/// `strength` is the share of the paper's chances.
pub fn processed(canvas: &mut Canvas, side: usize, strength: f64, rng: &mut Rng) {
    if rng.chance(0.5 * strength) {
        recolour(canvas, None, 1.0, rng);
    }
    if rng.chance(0.2 * strength) {
        coarsen(canvas, side, rng.range(1.1, 2.0) as f32);
    }
    if rng.chance(0.1 * strength) {
        blur(canvas, side, rng.range(0.3, 0.8) as f32);
    }
    if rng.chance(0.15 * strength) {
        let sigma = rng.range(0.5, 4.0) as f32;
        canvas.iter_mut().flatten().for_each(|v| *v = (*v + sigma * fast_normal(rng)).clamp(0.0, 255.0));
    }
    if rng.chance(0.55 * strength) {
        compress(canvas, side, rng.between(40, 97) as u8);
    }
}

/// Scaled down a little or to a half, and saved as JPEG once or twice: nothing of a file's first
/// compression is left to tell it by.
pub fn saved_again(canvas: &mut Canvas, side: usize, rng: &mut Rng) {
    if rng.chance(0.5) {
        coarsen(canvas, side, rng.range(1.05, 2.1) as f32);
    }
    if rng.chance(0.3) {
        compress(canvas, side, rng.between(60, 97) as u8);
    }
    if rng.chance(0.3) {
        recolour(canvas, None, 1.0, rng);
    }
    compress(canvas, side, rng.between(40, 97) as u8);
}

/// The inner colours with the mean and spread that the outer ones have under the mask (Reinhard et
/// al. 2001, in RGB), as swap programs transfer colours.
pub fn matched(inner: &Canvas, outer: &Canvas, mask: &Mask) -> Canvas {
    let under =
        |canvas: &Canvas| -> Canvas { canvas.iter().zip(mask).filter(|(_, m)| **m > 0.5).map(|(p, _)| *p).collect() };
    let (own, theirs) = (moments(&under(inner)), moments(&under(outer)));
    let moved = |p: &[f32; 3]| -> [f32; 3] {
        std::array::from_fn(|c| {
            let spread = (theirs[c].1 / own[c].1).clamp(0.6, 1.6);
            ((p[c] - own[c].0) * spread + theirs[c].0).clamp(0.0, 255.0)
        })
    };
    inner.iter().map(moved).collect()
}

fn moments(canvas: &Canvas) -> [(f32, f32); 3] {
    let n = canvas.len().max(1) as f32;
    std::array::from_fn(|c| {
        let mean = canvas.iter().map(|p| p[c]).sum::<f32>() / n;
        let variance = canvas.iter().map(|p| (p[c] - mean).powi(2)).sum::<f32>() / n;
        (mean, variance.sqrt().max(4.0))
    })
}

/// Makes grain finer or coarser: scaled down and up, blurred, sharpened, smoothed between edges,
/// compressed, given noise.
pub fn regrain(canvas: &mut Canvas, side: usize, rng: &mut Rng) {
    match rng.below(8) {
        0 | 1 => coarsen(canvas, side, rng.range(1.2, 3.5) as f32),
        2 => blur(canvas, side, rng.range(0.4, 1.4) as f32),
        3 | 7 => {
            let mut soft = canvas.clone();
            blur(&mut soft, side, 1.0);
            let alpha = rng.range(0.3, 1.2) as f32;
            for (p, s) in canvas.iter_mut().zip(&soft) {
                (0..3).for_each(|c| p[c] = (p[c] + alpha * (p[c] - s[c])).clamp(0.0, 255.0));
            }
        }
        4 => smooth_between_edges(canvas, side, rng.range(8.0, 25.0) as f32),
        5 => compress(canvas, side, rng.between(30, 85) as u8),
        _ => {
            let sigma = rng.range(1.0, 6.0) as f32;
            canvas.iter_mut().flatten().for_each(|v| *v = (*v + sigma * fast_normal(rng)).clamp(0.0, 255.0));
        }
    }
}

/// Every pixel becomes the mean of those of its 5x5 neighbours whose luma is near its own (the
/// sigma filter, Lee 1983).
fn smooth_between_edges(canvas: &mut Canvas, side: usize, near: f32) {
    let luma: Vec<f32> = canvas.iter().map(|p| 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]).collect();
    let before = canvas.clone();
    for y in 2..side - 2 {
        for x in 2..side - 2 {
            let at = y * side + x;
            let (mut sum, mut count) = ([0.0f32; 3], 0.0f32);
            for dy in 0..5 {
                for dx in 0..5 {
                    let other = (y + dy - 2) * side + x + dx - 2;
                    let takes = f32::from((luma[other] - luma[at]).abs() < near);
                    (0..3).for_each(|c| sum[c] += takes * before[other][c]);
                    count += takes;
                }
            }
            canvas[at] = sum.map(|v| v / count);
        }
    }
}

/// Points of the grid of displacements across a crop.
const GRID: usize = 6;

/// The crop moved and scaled a little as a whole, and bent smoothly.
fn displaced(canvas: &Canvas, side: usize, tremor: Tremor, rng: &mut Rng) -> Canvas {
    let s = side as f64;
    let shift = [rng.range(-0.025, 0.025) * s, rng.range(-0.015, 0.015) * s].map(|v| v as f32);
    let shift = [shift[0] + tremor.shift[0], shift[1] + tremor.shift[1]];
    let scale = rng.range(0.96, 1.04) as f32 * tremor.scale;
    let reach = if rng.chance(0.5) { rng.range(0.0, 0.015) * s } else { 0.0 };
    let bend: Vec<[f32; 2]> =
        (0..GRID * GRID).map(|_| [rng.range(-reach, reach) as f32, rng.range(-reach, reach) as f32]).collect();
    let middle = side as f32 / 2.0;
    let last = side as f32 - 1.001;
    let mut out = canvas.clone();
    for (y, row) in out.chunks_exact_mut(side).enumerate() {
        let gy = y as f32 / side as f32 * (GRID - 1) as f32;
        for (x, pixel) in row.iter_mut().enumerate() {
            let gx = x as f32 / side as f32 * (GRID - 1) as f32;
            let moved = between(&bend, GRID, gx, gy);
            let from = [x as f32, y as f32];
            let [sx, sy] = [0, 1].map(|c| ((from[c] - middle) / scale + middle - shift[c] + moved[c]).clamp(0.0, last));
            *pixel = between(canvas, side, sx, sy);
        }
    }
    out
}

/// The value between four neighbours of a grid of `width` columns; `x` and `y` must lie inside.
fn between<const N: usize>(values: &[[f32; N]], width: usize, x: f32, y: f32) -> [f32; N] {
    let (ix, iy) = (x as usize, y as usize);
    let (fx, fy) = (x - ix as f32, y - iy as f32);
    let at = iy * width + ix;
    let (a, b, c, d) = (&values[at], &values[at + 1], &values[at + width], &values[at + width + 1]);
    std::array::from_fn(|i| {
        let top = a[i] + (b[i] - a[i]) * fx;
        let bottom = c[i] + (d[i] - c[i]) * fx;
        top + (bottom - top) * fy
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blend_differs_inside_its_mask_only_where_the_outer_copy_is_the_original() {
        let side = 160;
        let mut rng = Rng::new(4);
        let crop: Canvas = (0..side * side).map(|i| [(i * 31 % 255) as f32, (i / side) as f32, 60.0]).collect();
        let mesh: Vec<[f32; 2]> =
            (0..468).map(|i| [80.0 + 45.0 * (i as f32).sin(), 80.0 + 55.0 * (i as f32).cos()]).collect();
        let mut untouched = 0;
        for _ in 0..30 {
            let blend = Blend { shapes: Shapes::Hulls, subtlety: 0.5, tremor: Tremor::NONE };
            let (out, mask) = self_blended(&crop, side, &mesh, None, blend, &mut rng);
            let outside = |i: &usize| mask[*i] < 1e-4;
            let same = (0..side * side).filter(outside).all(|i| (0..3).all(|c| (out[i][c] - crop[i][c]).abs() < 0.1));
            let differs = (0..side * side).any(|i| mask[i] > 0.2 && (out[i][0] - crop[i][0]).abs() > 1.0);
            untouched += usize::from(same && differs);
        }
        assert!(untouched > 12, "{untouched}");
    }
}
