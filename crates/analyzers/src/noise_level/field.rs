//! From luma to the noise deviation of every 8x8 block: how much fine variation it has against the
//! blocks that resemble it.
//!
//! The decision that shapes it: "resembles" is a regression and not a table of bins. The logarithm
//! of the energy in a high band is predicted from the energy in the band below and from the mean
//! intensity, with one robust fit over the whole picture, so that every block has a deviation even
//! in small pictures, where bins would hold a handful of blocks each.
use assay_media::{Plane, dct};
use rayon::prelude::*;

use crate::drawn::Drawn;

/// Side of a block in pixels; blocks lie on the coded 8x8 grid, so that the final JPEG save treats
/// all of them alike.
pub(super) const BLOCK: usize = 8;
/// Share of pixels at the ends of the scale above which a block tells nothing.
const CLIPPED_SHARE: f32 = 0.1;
/// Energy that stands for rounding to whole grey levels: 1/12 per pixel, so per coefficient of an
/// orthonormal transform.
const ROUNDING: f32 = 1.0 / 12.0;
/// Blocks used for the fit at most, evenly spread.
const FIT_BLOCKS: usize = 30_000;
/// Deviations are cut here, in robust standard deviations, so that single blocks never decide.
const CUT: f32 = 4.0;

/// Log energies of one block.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    /// Mean in grey levels.
    mean: f32,
    /// log of the mean energy per coefficient where 3 <= u+v <= 5.
    middle: f32,
    /// The same where 6 <= u+v <= 9.
    high: f32,
    /// The same where u+v >= 10.
    top: f32,
    /// Neither clipped nor empty nor drawn.
    usable: bool,
}

/// Deviations of all blocks.
pub(super) struct Field {
    /// Blocks across.
    pub(super) columns: usize,
    /// Blocks down.
    pub(super) rows: usize,
    /// Deviation of the high band given the middle band and the intensity.
    pub(super) high: Vec<f32>,
    /// Deviation of the top band given the high and middle bands.
    pub(super) top: Vec<f32>,
    /// Which blocks can be judged.
    pub(super) usable: Vec<bool>,
    /// Energy of the high band in grey levels (root mean square per coefficient).
    pub(super) sigma: Vec<f32>,
    /// Mean grey level of the block.
    pub(super) mean: Vec<f32>,
}

/// The deviations of every whole block of the picture; `None` when fewer than `least` blocks can be
/// judged.
pub(super) fn measure(luma: &Plane, least: usize, drawn: &Drawn) -> Option<Field> {
    let (columns, rows) = (luma.width / BLOCK, luma.height / BLOCK);
    let blocks: Vec<Block> = (0..rows)
        .into_par_iter()
        .flat_map_iter(|row| {
            (0..columns).map(move |column| {
                let measured = block(luma, column * BLOCK, row * BLOCK);
                Block { usable: measured.usable && !drawn.cell(column, row), ..measured }
            })
        })
        .collect();
    let usable: Vec<bool> = blocks.iter().map(|b| b.usable).collect();
    if usable.iter().filter(|u| **u).count() < least {
        return None;
    }
    let high = deviations(&blocks, |b| (b.high, b.middle, b.mean / 64.0));
    let top = deviations(&blocks, |b| (b.top, b.high, b.middle));
    let sigma = blocks.iter().map(|b| (0.5 * b.high).exp()).collect();
    let mean = blocks.iter().map(|b| b.mean).collect();
    Some(Field { columns, rows, high, top, usable, sigma, mean })
}

fn block(luma: &Plane, x: usize, y: usize) -> Block {
    let mut samples = [0.0f32; 64];
    for (line, out) in samples.chunks_exact_mut(BLOCK).enumerate() {
        out.copy_from_slice(&luma.row(y + line)[x..x + BLOCK]);
    }
    let clipped = samples.iter().filter(|v| **v <= 3.0 || **v >= 252.0).count() as f32;
    let coefficients = dct::forward8(&samples);
    let mut sums = [(0.0f32, 0u32); 3];
    for (k, value) in coefficients.iter().enumerate() {
        let band = match k / 8 + k % 8 {
            0..=2 => continue,
            3..=5 => 0,
            6..=9 => 1,
            _ => 2,
        };
        sums[band].0 += value * value;
        sums[band].1 += 1;
    }
    let [middle, high, top] = sums.map(|(sum, n)| (sum / n as f32 + ROUNDING).ln());
    let flat = samples.iter().all(|v| *v == samples[0]);
    Block { mean: coefficients[0] / 8.0, middle, high, top, usable: clipped <= CLIPPED_SHARE * 64.0 && !flat }
}

/// Robust standard deviations of `y` from its quadratic regression on two predictors; 0 for blocks
/// that cannot be judged.
fn deviations(blocks: &[Block], of: impl Fn(&Block) -> (f32, f32, f32) + Sync) -> Vec<f32> {
    let usable = blocks.iter().filter(|b| b.usable).count();
    let step = usable.div_ceil(FIT_BLOCKS).max(1);
    let sample: Vec<([f64; TERMS], f64)> = blocks
        .iter()
        .filter(|b| b.usable)
        .step_by(step)
        .map(|b| {
            let (y, a, c) = of(b);
            (terms(a, c), f64::from(y))
        })
        .collect();
    let mut weights = vec![1.0f64; sample.len()];
    let mut fit = [0.0f64; TERMS];
    let mut scale = 1.0f64;
    for _ in 0..ROUNDS {
        fit = least_squares(&sample, &weights).unwrap_or(fit);
        let residuals: Vec<f64> = sample.iter().map(|(t, y)| y - dot(t, &fit)).collect();
        scale = median_magnitude(&residuals) * 1.4826 + 1e-3;
        for (weight, residual) in weights.iter_mut().zip(&residuals) {
            // Cauchy's weight function: an altered region must not pull the fit towards itself.
            *weight = 1.0 / (1.0 + (residual / (2.0 * scale)).powi(2));
        }
    }
    blocks
        .iter()
        .map(|b| {
            if !b.usable {
                return 0.0;
            }
            let (y, a, c) = of(b);
            (((f64::from(y) - dot(&terms(a, c), &fit)) / scale) as f32).clamp(-CUT, CUT)
        })
        .collect()
}

const TERMS: usize = 6;
/// Reweighted fits.
const ROUNDS: usize = 6;

fn terms(a: f32, b: f32) -> [f64; TERMS] {
    let (a, b) = (f64::from(a), f64::from(b));
    [1.0, a, b, a * a, b * b, a * b]
}

fn dot(a: &[f64; TERMS], b: &[f64; TERMS]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn median_magnitude(values: &[f64]) -> f64 {
    let mut magnitudes: Vec<f64> = values.iter().map(|v| v.abs()).collect();
    if magnitudes.is_empty() {
        return 0.0;
    }
    let middle = magnitudes.len() / 2;
    *magnitudes.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Weighted least squares by the normal equations and Cholesky's factorisation; `None` when they
/// are singular.
fn least_squares(sample: &[([f64; TERMS], f64)], weights: &[f64]) -> Option<[f64; TERMS]> {
    let mut normal = [[0.0f64; TERMS]; TERMS];
    let mut right = [0.0f64; TERMS];
    for ((t, y), w) in sample.iter().zip(weights) {
        for i in 0..TERMS {
            right[i] += w * t[i] * y;
            for j in 0..=i {
                normal[i][j] += w * t[i] * t[j];
            }
        }
    }
    for (i, row) in normal.iter_mut().enumerate() {
        // A ridge far below the data keeps a picture of one grey level from being singular.
        row[i] += 1e-6 * row[i] + 1e-9;
    }
    let matrix: Vec<f64> = normal.iter().flatten().copied().collect();
    let solution = crate::cholesky::solve(matrix, right.to_vec())?;
    solution.try_into().ok()
}
