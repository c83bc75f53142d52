//! How well the coefficients of every block fit the multiples of an earlier quantisation table, for
//! all 64 grid origins.
use assay_media::{Plane, jpeg::ZIGZAG, jpeg::standard_table};
use rayon::prelude::*;

use crate::drawn::Drawn;
use crate::regions::Window;
use crate::sliding::{STRIP, Sliding};

/// IJG qualities that are tried as the earlier save.
pub(crate) const QUALITIES: [u8; 20] = [30, 35, 40, 45, 50, 55, 60, 65, 70, 73, 75, 78, 80, 83, 85, 88, 90, 92, 94, 96];
/// Coefficients looked at, in zigzag order after the mean: higher ones are seldom other than zero
/// after a save.
pub(super) const FREQUENCIES: usize = 24;
/// At most this many block origins are transformed; larger pictures are sampled in bands.
const MAX_ORIGINS: usize = 2_500_000;
/// Cells along the longer side at most.
const MAX_CELLS: usize = 48;

/// Sums per grid origin (`oy * 8 + ox`), quality and cell.
#[derive(Debug)]
pub(crate) struct Residue {
    /// Cells across.
    pub(crate) columns: usize,
    /// Cells down.
    pub(crate) rows: usize,
    /// Side of a cell in pixels, a multiple of 8.
    pub(crate) cell_side: usize,
    /// Sum of the fit over the coefficients that tell, `[origin][quality][cell]`.
    fit: Vec<f32>,
    /// Number of those coefficients, same order.
    count: Vec<f32>,
}

impl Residue {
    /// Fit and count of one origin and quality, row-major over the cells.
    pub(crate) fn maps(&self, origin: usize, quality: usize) -> (&[f32], &[f32]) {
        let cells = self.columns * self.rows;
        let start = (origin * QUALITIES.len() + quality) * cells;
        (&self.fit[start..start + cells], &self.count[start..start + cells])
    }

    /// The largest number of telling coefficients on any one grid for any table.
    pub(crate) fn most_coefficients(&self) -> f64 {
        let cells = (self.columns * self.rows).max(1);
        self.count.chunks_exact(cells).map(|m| m.iter().map(|v| f64::from(*v)).sum()).fold(0.0, f64::max)
    }

    /// A window of cells as a box of pixels, cut off at the picture's border.
    pub(crate) fn pixels(&self, w: Window, width: u32, height: u32) -> [u32; 4] {
        let side = self.cell_side as u32;
        let (x, y) = (w.x as u32 * side, w.y as u32 * side);
        [
            x,
            y,
            (w.width as u32 * side).min(width.saturating_sub(x)),
            (w.height as u32 * side).min(height.saturating_sub(y)),
        ]
    }

    /// Measures a picture but for the blocks that reach into what is drawn; `final_table` is the
    /// luma table of the file when it is a JPEG.
    pub(crate) fn measure(luma: &Plane, final_table: Option<&[u16; 64]>, drawn: &Drawn) -> Self {
        let tiles = luma.width.max(luma.height).div_ceil(8);
        let per_cell = tiles.div_ceil(MAX_CELLS);
        let cell_side = 8 * per_cell;
        let (columns, rows) = (luma.width.div_ceil(cell_side), luma.height.div_ceil(cell_side));
        let step = (luma.width * luma.height).div_ceil(MAX_ORIGINS).max(1);
        let steps = steps();
        let lines: Vec<(Vec<f32>, Vec<f32>)> = (0..rows)
            .into_par_iter()
            .map(|row| measure_row(luma, drawn, &steps, row, rows, columns, cell_side, step))
            .collect();
        let cells = columns * rows;
        let mut fit = vec![0.0; 64 * QUALITIES.len() * cells];
        let mut count = fit.clone();
        for (row, (f, n)) in lines.iter().enumerate() {
            for map in 0..64 * QUALITIES.len() {
                let (from, to) = (map * columns, map * cells + row * columns);
                fit[to..to + columns].copy_from_slice(&f[from..from + columns]);
                count[to..to + columns].copy_from_slice(&n[from..from + columns]);
            }
        }
        let mut residue = Self { columns, rows, cell_side, fit, count };
        if let Some(table) = final_table {
            let (fit, count) = super::own_grid::measure(luma, drawn, table, &steps, (columns, rows, cell_side));
            residue.fit[..fit.len()].copy_from_slice(&fit);
            residue.count[..count.len()].copy_from_slice(&count);
        }
        residue
    }
}

/// Steps of the tried tables by frequency and quality; 0 where nothing can be told.
fn steps() -> Vec<[f32; QUALITIES.len()]> {
    let tables: Vec<[u16; 64]> = QUALITIES.iter().map(|q| standard_table(*q, false)).collect();
    (0..FREQUENCIES)
        .map(|k| {
            let at = usize::from(ZIGZAG[k + 1]);
            std::array::from_fn(|q| Some(f32::from(tables[q][at])).filter(|s| *s >= 2.0).unwrap_or(0.0))
        })
        .collect()
}

/// cos(2πf) for f in -0.5..=0.5 by its series, to 1e-3.
#[inline(always)]
pub(super) fn fit_of(f: f32) -> f32 {
    let x = f * f;
    1.0 + x * (-19.739_21 + x * (64.939_4 + x * (-85.456_8 + x * (60.244_6 + x * -22.0))))
}

/// Adding and taking off 1.5 * 2^23 rounds to the nearest integer, and unlike `round` in the base
/// instruction set it vectorises.
#[inline(always)]
fn nearest(v: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0;
    (v + MAGIC) - MAGIC
}

#[expect(clippy::too_many_arguments, reason = "the sizes of one division into cells, and what is divided")]
fn measure_row(
    luma: &Plane,
    drawn: &Drawn,
    steps: &[[f32; QUALITIES.len()]],
    row: usize,
    rows: usize,
    columns: usize,
    cell_side: usize,
    step: usize,
) -> (Vec<f32>, Vec<f32>) {
    const Q: usize = QUALITIES.len();
    let mut fit = vec![0.0f32; 64 * Q * columns];
    let mut count = fit.clone();
    if luma.width < 8 || luma.height < 8 {
        return (fit, count);
    }
    let mut sliding = Sliding::new();
    let mut f = vec![[0.0f32; STRIP]; Q];
    let mut n = vec![[0.0f32; STRIP]; Q];
    let (last_x, last_y) = (luma.width - 8, luma.height - 8);
    // A block belongs to the cell that holds its middle.
    let first = (row * cell_side).saturating_sub(4);
    let end = if row + 1 == rows { last_y + 1 } else { ((row + 1) * cell_side - 4).min(last_y + 1) };
    for y in first..end {
        if (y / 8) % step != 0 {
            continue;
        }
        for x0 in (0..=last_x).step_by(STRIP) {
            let width = STRIP.min(last_x + 1 - x0);
            let coefficients = sliding.strip(luma, x0, y, width);
            f.iter_mut().for_each(|line| line.fill(0.0));
            n.iter_mut().for_each(|line| line.fill(0.0));
            for (k, steps) in steps.iter().enumerate() {
                let line = &coefficients[usize::from(ZIGZAG[k + 1])];
                let largest = line[..width].iter().fold(0.0f32, |m, c| m.max(c.abs()));
                for q in 0..Q {
                    let s = steps[q];
                    if s == 0.0 || largest < 0.5 * s {
                        continue;
                    }
                    let inverse = 1.0 / s;
                    let (fq, nq) = (&mut f[q], &mut n[q]);
                    for x in 0..STRIP {
                        let t = line[x].abs() * inverse;
                        let r = nearest(t);
                        let tells = if r > 0.5 { 1.0f32 } else { 0.0 };
                        fq[x] += tells * fit_of(t - r);
                        nq[x] += tells;
                    }
                }
            }
            for x in (0..width).filter(|x| !drawn.touches(x0 + x, y)) {
                let cell = ((x0 + x + 4) / cell_side).min(columns - 1);
                let origin = (y % 8) * 8 + (x0 + x) % 8;
                for q in 0..Q {
                    fit[(origin * Q + q) * columns + cell] += f[q][x];
                    count[(origin * Q + q) * columns + cell] += n[q][x];
                }
            }
        }
    }
    (fit, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fit_is_the_cosine() {
        for i in -50..=50 {
            let f = i as f32 / 100.0;
            assert!((fit_of(f) - (2.0 * std::f32::consts::PI * f).cos()).abs() < 0.02, "{f}: {}", fit_of(f));
        }
    }
}
