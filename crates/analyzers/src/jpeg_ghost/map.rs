//! From the strongest contrasts to one map: which cells behave like the region, which like the
//! rest.
use assay_evidence::Legend;

use super::residue::Residue;
use super::scan::{Contrast, above_chance, family, family_maps, significance};
use crate::maps::Cells;
use crate::regions::{BoxSums, Window, box_blur, connected};

/// Contrasts that enter the map at most.
const HYPOTHESES: usize = 3;
/// Log odds of a cell before it is looked at.
const PRIOR: f64 = -1.0;
/// Neighbouring cells are not independent evidence; the sum of their log likelihood ratios is
/// divided by this.
const TEMPER: f64 = 3.0;
/// Coefficients in the neighbourhood of a cell from which its value can be fully relied on.
const ENOUGH: f32 = 40.0;

/// The combined map.
pub(super) struct Map {
    values: Vec<f32>,
    reliability: Vec<f32>,
    /// Bounding box in cells of the largest region above one half.
    pub(super) bounds: Option<Window>,
}

pub(super) fn legend() -> Legend {
    Legend { low: "same history of JPEG saves as the rest".into(), high: "another history".into() }
}

impl Map {
    pub(super) fn cells(&self, residue: &Residue, width: u32, height: u32) -> Cells {
        Cells {
            columns: residue.columns,
            rows: residue.rows,
            covers: [0, 0, width, height],
            values: self.values.clone(),
            reliability: Some(self.reliability.clone()),
        }
    }
}

/// Sum over the neighbourhood of a cell that tapers off (two box blurs), not normalised.
fn around(map: &[f32], residue: &Residue) -> Vec<f32> {
    let once = box_blur(map, residue.columns, residue.rows, 1);
    box_blur(&once, residue.columns, residue.rows, 1).into_iter().map(|v| v * 9.0).collect()
}

/// The contrasts that speak for one and the same region: the strongest, then those of other grids
/// that overlap it.
fn hypotheses(contrasts: &[Contrast], log10_tests: f64) -> Vec<Contrast> {
    let mut sorted: Vec<&Contrast> = contrasts.iter().collect();
    sorted.sort_by(|a, b| b.z.abs().total_cmp(&a.z.abs()));
    let mut chosen: Vec<Contrast> = Vec::new();
    for c in sorted {
        if chosen.len() == HYPOTHESES {
            break;
        }
        let fits = chosen
            .first()
            .is_none_or(|first| overlap(first.window, c.window) >= 0.3 && significance(c.z, log10_tests) > 0.5);
        if fits && chosen.iter().all(|other| other.origin != c.origin) {
            chosen.push(*c);
        }
    }
    chosen
}

/// Shared area over the smaller area.
fn overlap(a: Window, b: Window) -> f64 {
    let side = |p: usize, l: usize, q: usize, m: usize| (p + l).min(q + m).saturating_sub(p.max(q));
    let shared = side(a.x, a.width, b.x, b.width) * side(a.y, a.height, b.y, b.height);
    shared as f64 / a.area().min(b.area()).max(1) as f64
}

pub(super) fn combine(residue: &Residue, contrasts: &[Contrast], log10_tests: f64, own_grid: bool) -> Map {
    let cells = residue.columns * residue.rows;
    let mut log_odds = vec![PRIOR; cells];
    let mut reliability = vec![0.0f32; cells];
    let chosen = hypotheses(contrasts, log10_tests);
    for c in &chosen {
        let (fit, count) = residue.maps(c.origin, c.quality);
        let (family_fit, family_count) = family_maps(residue, family(c.origin, own_grid), c.quality, own_grid);
        let maps = [fit, count, &family_fit, &family_count].map(|m| around(m, residue));
        // A window of more than half the picture is the rest, and what lies outside it is the
        // region.
        let (region, rest) = if 2 * c.window.area() > cells { (c.outside, c.inside) } else { (c.inside, c.outside) };
        let (region, rest) = (region.max(0.0), rest.max(0.0));
        for i in 0..cells {
            let n = f64::from(maps[1][i]);
            let fit = above_chance(f64::from(maps[0][i]), n, f64::from(maps[2][i]), f64::from(maps[3][i]));
            log_odds[i] += (region - rest) * (fit - 0.5 * (region + rest)) * n * 2.0 / TEMPER;
            reliability[i] = reliability[i].max((maps[1][i] / ENOUGH).min(1.0));
        }
    }
    // The map of a finding that chance explains is dark.
    let found = chosen.first().map_or(0.0, |c| significance(c.z, log10_tests));
    let dim = if found <= 0.0 { 0.0 } else { 1.0 / (1.0 + (1.0 - found).exp()) };
    let values: Vec<f32> = log_odds.iter().map(|l| (dim / (1.0 + (-l).exp())) as f32).collect();
    let marked: Vec<bool> = log_odds.iter().map(|l| *l > 0.0).collect();
    let bounds = connected(&marked, residue.columns, residue.rows, 1)
        .into_iter()
        .max_by_key(|r| r.cells.len())
        .map(|r| r.bounds);
    Map { values, reliability, bounds }
}

/// Mean fit above chance around every cell, for the small pictures.
pub(super) fn local_fit(residue: &Residue, origin: usize, quality: usize, own_grid: bool) -> (Vec<f32>, Vec<f32>) {
    let (fit, count) = residue.maps(origin, quality);
    let (family_fit, family_count) = family_maps(residue, family(origin, own_grid), quality, own_grid);
    let maps = [fit, count, &family_fit, &family_count].map(|m| around(m, residue));
    let values = (0..fit.len())
        .map(|i| {
            let of = |m: usize| f64::from(maps[m][i]);
            above_chance(of(0), of(1), of(2), of(3)) as f32
        })
        .collect();
    let [_, n, _, _] = maps;
    (values, n)
}

/// Mean fit above chance over a window and over the rest.
pub(super) fn inside_and_outside(residue: &Residue, c: &Contrast, quality: usize, own_grid: bool) -> (f64, f64) {
    let (fit, count) = residue.maps(c.origin, quality);
    let (family_fit, family_count) = family_maps(residue, family(c.origin, own_grid), quality, own_grid);
    let sums = [fit, count, &family_fit, &family_count]
        .map(|m| BoxSums::new(m.iter().map(|v| f64::from(*v)), residue.columns, residue.rows));
    let inside = sums.each_ref().map(|s| s.sum(c.window));
    let outside = sums.each_ref().map(|s| s.total() - s.sum(c.window));
    let mean = |v: [f64; 4]| above_chance(v[0], v[1], v[2], v[3]);
    (mean(inside), mean(outside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_over_the_smaller_window() {
        let a = Window { x: 0, y: 0, width: 4, height: 4 };
        let b = Window { x: 2, y: 2, width: 2, height: 2 };
        assert_eq!(overlap(a, b), 1.0);
        assert_eq!(overlap(a, Window { x: 4, y: 0, width: 2, height: 2 }), 0.0);
    }
}
