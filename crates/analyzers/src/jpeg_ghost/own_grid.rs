//! The fit to an earlier table on the file's own grid, where every coefficient is a whole multiple
//! of the last step.
//!
//! On that lattice the fit takes few values, and by chance already depends on how fast the
//! histogram falls. So each block's fit is compared with what a Laplacian of the scale found around
//! that block would show, the scale being measured on the grid that lies half a block away, which
//! an earlier save on the own grid cannot have combed.
use assay_media::{Plane, dct, jpeg::ZIGZAG};
use rayon::prelude::*;

use super::residue::{FREQUENCIES, QUALITIES, fit_of};
use crate::drawn::Drawn;
use crate::regions::box_blur;

/// Coarsest last step, as a share of the earlier one, at which the earlier comb can still be seen.
const COARSEST: f32 = 0.72;
/// Multiples of an earlier step for which the chance is tabled; beyond, an even spread is assumed.
const MULTIPLES: usize = 12;
/// Scales in the table: half-octaves of Laplacian scale over last step, from 1/8.
const SCALES: usize = 16;

type Chance = [[f32; MULTIPLES]; SCALES];

fn scale_index(scale: f32) -> usize {
    ((2.0 * scale.max(0.125).log2() + 6.0).round() as usize).min(SCALES - 1)
}

/// Fit expected by chance around each multiple of `earlier`, for Laplacians of each scale on the
/// lattice of `last`.
fn chance(last: f32, earlier: f32) -> Option<Chance> {
    if last > COARSEST * earlier || earlier < 2.0 {
        return None;
    }
    Some(std::array::from_fn(|i| {
        let scale = 2f32.powf((i as f32 - 6.0) / 2.0);
        let (mut sum, mut weight) = ([0.0f32; MULTIPLES], [0.0f32; MULTIPLES]);
        for j in 1.. {
            let t = j as f32 * last / earlier;
            let m = t.round() as usize;
            if m >= MULTIPLES {
                break;
            }
            // Relative to the middle of the group, so that far groups do not underflow.
            let w = ((m as f32 * earlier / last - j as f32) / scale).exp();
            sum[m] += w * fit_of(t - t.round());
            weight[m] += w;
        }
        std::array::from_fn(|m| if weight[m] > 0.0 { sum[m] / weight[m] } else { 0.0 })
    }))
}

/// Fit above chance and count by quality and cell, `[quality][cell]`.
pub(super) fn measure(
    luma: &Plane,
    drawn: &Drawn,
    table: &[u16; 64],
    steps: &[[f32; QUALITIES.len()]],
    (columns, rows, cell_side): (usize, usize, usize),
) -> (Vec<f32>, Vec<f32>) {
    let cells = columns * rows;
    let mut fit = vec![0.0f32; QUALITIES.len() * cells];
    let mut count = fit.clone();
    let last: Vec<f32> = (0..FREQUENCIES).map(|k| f32::from(table[usize::from(ZIGZAG[k + 1])].max(1))).collect();
    let chances: Vec<Vec<Option<Chance>>> =
        last.iter().zip(steps).map(|(l, s)| s.iter().map(|e| chance(*l, *e)).collect()).collect();
    let scales = local_scales(luma, drawn, &last, (columns, rows, cell_side));
    let lines: Vec<(Vec<f32>, Vec<f32>)> = (0..rows)
        .into_par_iter()
        .map(|row| {
            let mut fit = vec![0.0f32; QUALITIES.len() * columns];
            let mut count = fit.clone();
            for_blocks(luma, drawn, 0, row, (columns, cell_side), |column, c| {
                for k in 0..FREQUENCIES {
                    let value = c[usize::from(ZIGZAG[k + 1])].abs();
                    if value < 0.5 * last[k] {
                        continue;
                    }
                    let scale = scales[k][row * columns + column];
                    for (q, chance) in chances[k].iter().enumerate() {
                        let Some(chance) = chance else { continue };
                        let t = value / steps[k][q];
                        let m = t.round();
                        if m >= 1.0 {
                            let by_chance = chance[scale].get(m as usize).copied().unwrap_or(0.0);
                            fit[q * columns + column] += fit_of(t - m) - by_chance;
                            count[q * columns + column] += 1.0;
                        }
                    }
                }
            });
            (fit, count)
        })
        .collect();
    for (row, (f, n)) in lines.iter().enumerate() {
        for q in 0..QUALITIES.len() {
            let to = q * cells + row * columns;
            fit[to..to + columns].copy_from_slice(&f[q * columns..(q + 1) * columns]);
            count[to..to + columns].copy_from_slice(&n[q * columns..(q + 1) * columns]);
        }
    }
    (fit, count)
}

/// Scale class of every frequency around every cell, measured half a block off the grid.
fn local_scales(
    luma: &Plane,
    drawn: &Drawn,
    last: &[f32],
    (columns, rows, cell_side): (usize, usize, usize),
) -> Vec<Vec<usize>> {
    let lines: Vec<Vec<f32>> = (0..rows)
        .into_par_iter()
        .map(|row| {
            let mut sums = vec![0.0f32; (FREQUENCIES + 1) * columns];
            for_blocks(luma, drawn, 4, row, (columns, cell_side), |column, c| {
                for k in 0..FREQUENCIES {
                    sums[k * columns + column] += c[usize::from(ZIGZAG[k + 1])].abs();
                }
                sums[FREQUENCIES * columns + column] += 1.0;
            });
            sums
        })
        .collect();
    let map = |k: usize| -> Vec<f32> {
        let values: Vec<f32> = lines.iter().flat_map(|l| l[k * columns..(k + 1) * columns].iter().copied()).collect();
        box_blur(&values, columns, rows, 2)
    };
    let blocks = map(FREQUENCIES);
    (0..FREQUENCIES)
        .map(|k| map(k).iter().zip(&blocks).map(|(s, n)| scale_index(s / n.max(1e-6) / last[k])).collect())
        .collect()
}

/// Every block of the grid that starts at `(offset, offset)`, whose first row lies in this row of
/// cells and that is not drawn.
fn for_blocks(
    luma: &Plane,
    drawn: &Drawn,
    offset: usize,
    row: usize,
    (columns, cell_side): (usize, usize),
    mut visit: impl FnMut(usize, &[f32; 64]),
) {
    let mut y = row * cell_side + offset;
    while y < (row + 1) * cell_side && y + 8 <= luma.height {
        let mut x = offset;
        while x + 8 <= luma.width {
            if drawn.touches(x, y) {
                x += 8;
                continue;
            }
            let mut block = [0.0f32; 64];
            for (i, line) in block.chunks_exact_mut(8).enumerate() {
                line.copy_from_slice(&luma.row(y + i)[x..x + 8]);
            }
            visit((x / cell_side).min(columns - 1), &dct::forward8(&block));
            x += 8;
        }
        y += 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_blind_when_the_last_step_is_coarse() {
        assert!(chance(8.0, 6.0).is_none());
        assert!(chance(2.0, 6.0).is_some());
    }

    #[test]
    fn chance_of_a_fine_lattice_is_that_of_the_density() {
        // A density falling as exp(-a t) over one period has the mean cosine -a^2 / (a^2 + 4 pi^2).
        // With 40 lattice steps a period the sum is near it, but the first step, where the density
        // is largest, counts whole.
        let table = chance(0.25, 10.0).unwrap();
        for (i, row) in table.iter().enumerate().skip(12) {
            let a = 40.0 / 2f32.powf((i as f32 - 6.0) / 2.0);
            let expected = -a * a / (a * a + 4.0 * std::f32::consts::PI.powi(2));
            assert!((row[3] - expected).abs() < 0.05, "scale {i}: {} is not {expected}", row[3]);
        }
    }

    #[test]
    fn scales_are_classed_by_half_octaves() {
        assert_eq!(scale_index(0.0), 0);
        assert_eq!(scale_index(1.0), 6);
        assert_eq!(scale_index(1e9), SCALES - 1);
    }
}
