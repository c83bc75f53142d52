//! How far a fused value would move if other sources had been recorded.
//!
//! The decision that shapes it: not items are drawn again but their sources, because ten stretches
//! of one person are one person. For each draw the last map (one line through the log-odds of the
//! fused value) and all bounds are learned anew; what a value would have become, less what it is,
//! is kept on a grid of values at 5 % and 95 %, and read between its points. At the cap it is the
//! bounds that move, so an interval never shrinks to a point.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounds::{bounds, tightest};
use super::logistic::Logistic;

/// Draws.
pub const RESAMPLES: usize = 400;
/// The grid reaches this far either way, in this many steps a unit of log10.
const REACH: i32 = 3;
const STEPS: i32 = 4;

/// What is added to a fused value to get the ends of its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// The fused log10 likelihood ratio before the cap.
    pub at_log10: f64,
    /// At most 0.
    pub low: f64,
    /// At least 0.
    pub high: f64,
}

/// The deltas at a value; between two points on the line, beyond the ends as there.
pub fn at(grid: &[Delta], value: f64) -> (f64, f64) {
    let after = grid.partition_point(|d| d.at_log10 <= value);
    match (after.checked_sub(1).and_then(|i| grid.get(i)), grid.get(after)) {
        (Some(a), Some(b)) => {
            let t = (value - a.at_log10) / (b.at_log10 - a.at_log10);
            (a.low + t * (b.low - a.low), a.high + t * (b.high - a.high))
        }
        (Some(d), None) | (None, Some(d)) => (d.low, d.high),
        (None, None) => (0.0, 0.0),
    }
}

/// One line through the log-odds of fused values, with the bounds of what it gives.
struct LastMap {
    slope: f64,
    offset: f64,
    floor: f64,
    cap: f64,
}

impl LastMap {
    /// `None` where a class is missing.
    fn learn(fused: &[f64], forged: &[bool], sources: &[&str]) -> Option<Self> {
        let rows: Vec<Vec<f64>> = fused.iter().map(|v| vec![*v]).collect();
        let line = Logistic::fit(&rows, forged, 1e-3, true)?;
        let [slope, offset] = line.weights[..] else { return None };
        let (slope, offset) = (slope / std::f64::consts::LN_10, offset / std::f64::consts::LN_10);
        let values: Vec<f64> = fused.iter().map(|v| slope * v + offset).collect();
        let (cap, _, floor) = tightest(&bounds(&values, forged, sources));
        Some(Self { slope, offset, floor, cap })
    }

    fn of(&self, value: f64) -> f64 {
        (self.slope * value + self.offset).clamp(self.floor, self.cap)
    }
}

/// Learns the grid from out-of-fold fused values. Deterministic. Empty where a class is missing.
pub fn learn(fused: &[f64], forged: &[bool], sources: &[&str]) -> Vec<Delta> {
    let Some(whole) = LastMap::learn(fused, forged, sources) else { return Vec::new() };
    let mut by_source: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, source) in sources.iter().enumerate() {
        by_source.entry(source).or_default().push(i);
    }
    let members: Vec<&Vec<usize>> = by_source.values().collect();
    let points: Vec<f64> = (-REACH * STEPS..=REACH * STEPS).map(|i| f64::from(i) / f64::from(STEPS)).collect();
    let mut moved: Vec<Vec<f64>> = vec![Vec::new(); points.len()];
    let mut draw = Draw(0x6a09_e667_f3bc_c908);
    for _ in 0..RESAMPLES {
        let drawn: Vec<usize> =
            (0..members.len()).flat_map(|_| members[draw.below(members.len())].iter().copied()).collect();
        let values: Vec<f64> = drawn.iter().map(|&i| fused[i]).collect();
        let labels: Vec<bool> = drawn.iter().map(|&i| forged[i]).collect();
        let names: Vec<&str> = drawn.iter().map(|&i| sources[i]).collect();
        if let Some(map) = LastMap::learn(&values, &labels, &names) {
            for (list, point) in moved.iter_mut().zip(&points) {
                list.push(map.of(*point) - whole.of(*point));
            }
        }
    }
    let round = |v: f64| (v * 1e4).round() / 1e4 + 0.0;
    points
        .into_iter()
        .zip(moved)
        .filter_map(|(at_log10, mut list)| {
            list.sort_by(f64::total_cmp);
            let last = list.len().checked_sub(1)?;
            let quantile = |p: f64| list[((last as f64 * p).round() as usize).min(last)];
            Some(Delta { at_log10, low: round(quantile(0.05).min(0.0)), high: round(quantile(0.95).max(0.0)) })
        })
        .collect()
}

/// SplitMix64 (Steele et al. 2014): the few thousand draws here must be the same on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::bounds::golden;

    fn names(n: usize, of: usize) -> Vec<String> {
        // Neighbours belong together: what one person gives is alike.
        (0..n).map(|i| format!("s{}", i * of / n)).collect()
    }

    #[test]
    fn the_interval_does_not_collapse_at_the_cap_however_well_the_items_part() {
        let (values, labels) = golden::separated(60);
        let names = names(120, 120);
        let sources: Vec<&str> = names.iter().map(String::as_str).collect();
        let grid = learn(&values, &labels, &sources);
        for far in [2.0, 3.0, 9.0] {
            let (low, high) = at(&grid, far);
            assert!(low < -0.1, "at {far}: {low}");
            assert!(high >= 0.0, "at {far}: {high}");
        }
        assert_eq!(grid, learn(&values, &labels, &sources), "the draws are fixed");
    }

    #[test]
    fn stretches_of_few_people_are_less_certain_than_as_many_people() {
        let (values, labels) = golden::gaussian();
        let width = |of: usize| {
            let names = names(400, of);
            let sources: Vec<&str> = names.iter().map(String::as_str).collect();
            let (low, high) = at(&learn(&values, &labels, &sources), 0.5);
            high - low
        };
        let (few, many) = (width(20), width(400));
        assert!(few > 1.5 * many, "{few} and {many}");
        assert!(many > 0.02, "{many}");
    }

    #[test]
    fn deltas_are_read_between_points_and_held_beyond_them() {
        let grid = [Delta { at_log10: 0.0, low: -0.2, high: 0.1 }, Delta { at_log10: 1.0, low: -0.4, high: 0.3 }];
        let close =
            |a: (f64, f64), b: (f64, f64)| assert!((a.0 - b.0).abs() < 1e-9 && (a.1 - b.1).abs() < 1e-9, "{a:?}");
        close(at(&grid, 0.5), (-0.3, 0.2));
        close(at(&grid, -7.0), (-0.2, 0.1));
        close(at(&grid, 7.0), (-0.4, 0.3));
        close(at(&[], 1.0), (0.0, 0.0));
    }
}
