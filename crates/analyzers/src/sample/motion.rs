//! Movement of a whole reduced picture against the one before, by phase correlation (Kuglin and
//! Hines, 1975).
//!
//! Both pictures are laid on a fixed square under a raised-cosine window, so a transform of one
//! length serves every format. The peak is refined to a fraction of a cell by its centre of mass.
//! It finds one translation, no rotation, zoom or local movement.
use std::sync::Arc;

use rustfft::{Fft, FftPlanner, num_complex::Complex};

use super::statistics::CELLS;

const SIDE: usize = CELLS;
/// Movements beyond this are taken as "none found", in cells.
const MAX_SHIFT: i32 = 16;

/// The answer for one pair of pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moved {
    /// Movement `[x, y]` in cells.
    pub shift: [f32; 2],
    /// Correlation of the two pictures where they overlap after the shift.
    pub alike: f32,
    /// Mean absolute difference there.
    pub residual: f32,
}

/// Keeps the transform of the last picture.
pub(super) struct Motion {
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    before: Vec<Complex<f32>>,
}

impl Motion {
    pub(super) fn new() -> Self {
        let mut planner = FftPlanner::new();
        Self { forward: planner.plan_fft_forward(SIDE), inverse: planner.plan_fft_inverse(SIDE), before: Vec::new() }
    }

    /// Compares with `before`, the cells of the picture before, of the same size; its transform is
    /// the one of the last call.
    pub(super) fn next(&mut self, cells: &[f32], columns: usize, rows: usize, before: Option<&[f32]>) -> Moved {
        let spectrum = self.spectrum(cells, columns, rows);
        let mut moved = Moved { shift: [0.0; 2], alike: 0.0, residual: 0.0 };
        if let Some(before) = before {
            let still = overlap(cells, before, columns, rows, [0.0; 2]);
            moved = still;
            if self.before.len() == spectrum.len() && still.residual > 0.0 {
                let shift = self.peak(&spectrum);
                let shifted = overlap(cells, before, columns, rows, shift);
                if shifted.residual < 0.9 * still.residual {
                    moved = shifted;
                }
            }
        }
        self.before = spectrum;
        moved
    }

    fn spectrum(&self, cells: &[f32], columns: usize, rows: usize) -> Vec<Complex<f32>> {
        let mean = cells.iter().sum::<f32>() / cells.len().max(1) as f32;
        let window = |i: usize, n: usize| 0.5 - 0.5 * (std::f32::consts::TAU * (i as f32 + 0.5) / n as f32).cos();
        let across: Vec<f32> = (0..columns).map(|x| window(x, columns)).collect();
        let mut field = vec![Complex::default(); SIDE * SIDE];
        for (y, (line, row)) in field.chunks_exact_mut(SIDE).zip(cells.chunks_exact(columns.max(1))).enumerate() {
            let down = window(y, rows);
            for ((slot, value), weight) in line.iter_mut().zip(row).zip(&across) {
                slot.re = (value - mean) * weight * down;
            }
        }
        transform(&*self.forward, field)
    }

    fn peak(&self, now: &[Complex<f32>]) -> [f32; 2] {
        let cross = now.iter().zip(&self.before).map(|(a, b)| {
            let product = a * b.conj();
            product / (product.norm() + 1e-3)
        });
        let surface = transform(&*self.inverse, cross.collect());
        let at = |x: i32, y: i32| {
            let (x, y) = (x.rem_euclid(SIDE as i32) as usize, y.rem_euclid(SIDE as i32) as usize);
            surface[y * SIDE + x].re.max(0.0)
        };
        let mut best = (0, 0, f32::MIN);
        for y in -MAX_SHIFT..=MAX_SHIFT {
            for x in -MAX_SHIFT..=MAX_SHIFT {
                if at(x, y) > best.2 {
                    best = (x, y, at(x, y));
                }
            }
        }
        let (x, y, _) = best;
        let (mut sum, mut right, mut down) = (1e-9f32, 0.0, 0.0);
        for dy in -1..=1 {
            for dx in -1..=1 {
                let weight = at(x + dx, y + dy);
                sum += weight;
                right += weight * dx as f32;
                down += weight * dy as f32;
            }
        }
        [x as f32 + right / sum, y as f32 + down / sum]
    }
}

/// Transforms rows, turns, transforms rows again; so one call turns the field and a second turns it
/// back.
fn transform(fft: &dyn Fft<f32>, mut field: Vec<Complex<f32>>) -> Vec<Complex<f32>> {
    fft.process(&mut field);
    let mut turned = vec![Complex::default(); SIDE * SIDE];
    for (y, row) in field.chunks_exact(SIDE).enumerate() {
        for (x, value) in row.iter().enumerate() {
            turned[x * SIDE + y] = *value;
        }
    }
    fft.process(&mut turned);
    turned
}

/// Correlation and mean absolute difference of `now(x + shift)` with `before(x)`, bilinear, where
/// both exist.
fn overlap(now: &[f32], before: &[f32], columns: usize, rows: usize, shift: [f32; 2]) -> Moved {
    let (left, top) = (shift[0].floor(), shift[1].floor());
    let (fx, fy) = (shift[0] - left, shift[1] - top);
    let (left, top) = (left as isize, top as isize);
    let (right, below) = (isize::from(fx > 0.0), isize::from(fy > 0.0));
    let (mut n, mut apart) = (0.0f64, 0.0f64);
    let (mut sa, mut sb, mut saa, mut sbb, mut sab) = (0.0f64, 0.0f64, 0.0f64, 0.0f64, 0.0f64);
    for y in 0..rows {
        let Some(row) = usize::try_from(y as isize + top).ok().filter(|r| r + (below as usize) < rows) else {
            continue;
        };
        let upper = &now[row * columns..(row + 1) * columns];
        let lower_row = row + below as usize;
        let lower = &now[lower_row * columns..(lower_row + 1) * columns];
        for x in 0..columns {
            let Some(column) = usize::try_from(x as isize + left).ok().filter(|c| c + (right as usize) < columns)
            else {
                continue;
            };
            let next = column + right as usize;
            let up = upper[column] * (1.0 - fx) + upper[next] * fx;
            let low = lower[column] * (1.0 - fx) + lower[next] * fx;
            let a = f64::from(up * (1.0 - fy) + low * fy);
            let b = f64::from(before[y * columns + x]);
            n += 1.0;
            apart += (a - b).abs();
            sa += a;
            sb += b;
            saa += a * a;
            sbb += b * b;
            sab += a * b;
        }
    }
    // A small overlap says little: a quarter of the picture must remain.
    if n * 4.0 < (columns * rows) as f64 {
        return Moved { shift: [0.0; 2], alike: 0.0, residual: f32::MAX };
    }
    let (va, vb, cov) = (saa - sa * sa / n, sbb - sb * sb / n, sab - sa * sb / n);
    let alike = if va > 1e-6 && vb > 1e-6 { cov / (va * vb).sqrt() } else { f64::from(u8::from(apart / n < 1.0)) };
    Moved { shift, alike: alike as f32, residual: (apart / n) as f32 }
}
