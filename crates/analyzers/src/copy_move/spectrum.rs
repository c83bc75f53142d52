//! Correlations over all shifts at once, by Fourier transform: peaks of the autocorrelation give
//! shifts worth trying, and the correlation of one region with the whole picture tells whether a
//! match is the only one.
use rayon::prelude::*;
use rustfft::{Fft, FftPlanner, num_complex::Complex32};
use std::sync::Arc;

/// A two-dimensional transform of one size; buffers are row-major.
pub(super) struct Transform {
    pub(super) width: usize,
    pub(super) height: usize,
    rows: [Arc<dyn Fft<f32>>; 2],
    columns: [Arc<dyn Fft<f32>>; 2],
}

/// The smallest length of at least `least` without prime factors above 5.
fn smooth_length(least: usize) -> usize {
    // A power of two is never more than twice as far.
    (least.max(1)..=least.max(1) * 2)
        .find(|n| {
            let mut rest = *n;
            for prime in [2, 3, 5] {
                while rest % prime == 0 {
                    rest /= prime;
                }
            }
            rest == 1
        })
        .unwrap_or(least)
}

impl Transform {
    /// A transform of at least this size.
    pub(super) fn new(least_width: usize, least_height: usize) -> Self {
        let (width, height) = (smooth_length(least_width), smooth_length(least_height));
        let mut planner = FftPlanner::new();
        Self {
            width,
            height,
            rows: [planner.plan_fft_forward(width), planner.plan_fft_inverse(width)],
            columns: [planner.plan_fft_forward(height), planner.plan_fft_inverse(height)],
        }
    }

    /// A zero buffer with `value(x, y)` in its top left corner.
    pub(super) fn buffer(
        &self,
        width: usize,
        height: usize,
        value: impl Fn(usize, usize) -> Complex32 + Sync,
    ) -> Vec<Complex32> {
        let mut data = vec![Complex32::default(); self.width * self.height];
        data.par_chunks_mut(self.width).take(height).enumerate().for_each(|(y, row)| {
            row[..width].iter_mut().enumerate().for_each(|(x, v)| *v = value(x, y));
        });
        data
    }

    /// Forward transform; the result is transposed (`height` runs fastest).
    pub(super) fn forward(&self, mut data: Vec<Complex32>) -> Vec<Complex32> {
        data.par_chunks_mut(self.width).for_each(|row| self.rows[0].process(row));
        let mut turned = transpose(&data, self.width, self.height);
        turned.par_chunks_mut(self.height).for_each(|column| self.columns[0].process(column));
        turned
    }

    /// Inverse of [`Self::forward`], scaled.
    pub(super) fn inverse(&self, mut data: Vec<Complex32>) -> Vec<Complex32> {
        data.par_chunks_mut(self.height).for_each(|column| self.columns[1].process(column));
        let mut back = transpose(&data, self.height, self.width);
        let scale = 1.0 / (self.width * self.height) as f32;
        back.par_chunks_mut(self.width).for_each(|row| {
            self.rows[1].process(row);
            row.iter_mut().for_each(|v| *v *= scale);
        });
        back
    }
}

fn transpose(data: &[Complex32], width: usize, height: usize) -> Vec<Complex32> {
    const TILE: usize = 32;
    let mut out = vec![Complex32::default(); data.len()];
    out.par_chunks_mut(height * TILE).enumerate().for_each(|(strip, chunk)| {
        let x0 = strip * TILE;
        let columns = chunk.len() / height;
        for y0 in (0..height).step_by(TILE) {
            for dx in 0..columns {
                for y in y0..(y0 + TILE).min(height) {
                    chunk[dx * height + y] = data[y * width + x0 + dx];
                }
            }
        }
    });
    out
}

/// The shifts at which the values correlate best with themselves, at least `exclusion` long;
/// half-plane (the opposite shift is the same).
///
/// Shifts by whole JPEG blocks have their own places in the list, because the block grid correlates
/// with itself.
pub(super) fn autocorrelation_peaks(
    values: &[f32],
    width: usize,
    height: usize,
    exclusion: usize,
    count: usize,
) -> Vec<[i32; 2]> {
    let transform = Transform::new(2 * width, 2 * height);
    let spectrum =
        transform.forward(transform.buffer(width, height, |x, y| Complex32::new(values[y * width + x], 0.0)));
    let power = spectrum.into_par_iter().map(|v| Complex32::new(v.norm_sqr(), 0.0)).collect();
    let correlation = transform.inverse(power);
    let at = |dx: i32, dy: i32| {
        let x = dx.rem_euclid(transform.width as i32) as usize;
        let y = dy.rem_euclid(transform.height as i32) as usize;
        correlation[y * transform.width + x].re
    };
    let least = (exclusion * exclusion) as i32;
    let margin = exclusion as i32;
    let (reach_x, reach_y) = (width as i32 - margin, height as i32 - margin);
    let peaks: Vec<(f32, bool, [i32; 2])> = (0..reach_y)
        .into_par_iter()
        .flat_map_iter(|dy| {
            let at = &at;
            (1 - reach_x..reach_x).filter_map(move |dx| {
                if dx * dx + dy * dy < least || (dy == 0 && dx <= 0) {
                    return None;
                }
                let value = at(dx, dy);
                if value <= 0.0 {
                    return None;
                }
                let overlap = ((width as i32 - dx.abs()) * (height as i32 - dy)) as f32;
                let is_peak = (-1..=1).all(|v| (-1..=1).all(|u| (u, v) == (0, 0) || at(dx + u, dy + v) < value));
                is_peak.then(|| (value / overlap.sqrt(), dx % 8 == 0 && dy % 8 == 0, [dx, dy]))
            })
        })
        .collect();
    let mut chosen = Vec::new();
    for whole_blocks in [false, true] {
        let mut of_class: Vec<_> = peaks.iter().filter(|p| p.1 == whole_blocks).collect();
        of_class.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2)));
        chosen.extend(of_class.iter().take(if whole_blocks { count / 3 } else { count }).map(|p| p.2));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_the_identity() {
        let transform = Transform::new(37, 14);
        assert_eq!((transform.width, transform.height), (40, 15));
        let data = transform.buffer(37, 14, |x, y| Complex32::new((x * 7 % 5) as f32 - y as f32, 0.5));
        let back = transform.inverse(transform.forward(data.clone()));
        assert!(data.iter().zip(&back).all(|(a, b)| (a - b).norm() < 1e-4));
    }

    #[test]
    fn a_copied_block_is_a_peak() {
        let (width, height) = (96, 80);
        let noise = |x: usize, y: usize| {
            (assay_random::Rng::new((y * width + x) as u64).next_u64() % 1000) as f32 / 500.0 - 1.0
        };
        let mut values: Vec<f32> = (0..width * height).map(|i| noise(i % width, i / width)).collect();
        for y in 10..30 {
            for x in 10..30 {
                values[(y + 33) * width + x + 41] = noise(x, y);
            }
        }
        assert_eq!(autocorrelation_peaks(&values, width, height, 12, 4)[0], [41, 33]);
    }
}
