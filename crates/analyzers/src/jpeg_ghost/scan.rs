//! The search for a window whose fit to an earlier save differs from the rest of the picture.
use rayon::prelude::*;

use super::residue::{QUALITIES, Residue};
use crate::regions::{BoxSums, Window, log10_normal_tail, scan_windows};

/// Variance of cos(2πf) for an even remainder f.
const VARIANCE: f64 = 0.5;
/// A picture-wide ghost may be this much weaker or stronger in places without anything being wrong
/// there: texture carries it better than soft skin.
const WEAKEST: f64 = 0.4;
const STRONGEST: f64 = 1.6;
/// Fewest coefficients in a window and outside of it.
const LEAST: f64 = 24.0;
/// Variance of the chance model itself on the file's own grid, where the fit is compared with a
/// Laplacian and not with other grids. Only a ghost that the rest does not have can be an error of
/// that model; a lack is measured against a ghost that is there.
const OWN_GRID_MODEL: f64 = 0.07 * 0.07;
/// Origins half a block off the file's own grid: there the coefficients of neighbouring blocks that
/// kept little but their means add up to multiples of steps without any other save.
const HALF_WAY: [usize; 3] = [4, 32, 36];
/// Fit and standard deviations from which the whole picture is said to have a ghost.
const WHOLE_FIT: f64 = 0.2;
const WHOLE_Z: f64 = 9.0;
/// Variance of the two small families over that of the large one.
const SMALL_FAMILY: f64 = 2.0;

/// The strongest contrast at one origin and quality.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contrast {
    /// Grid origin `oy * 8 + ox`.
    pub(crate) origin: usize,
    /// Index into [`QUALITIES`].
    pub(crate) quality: usize,
    /// Where.
    pub(crate) window: Window,
    /// Mean fit above chance inside.
    pub(crate) inside: f64,
    /// Mean fit above chance outside.
    pub(crate) outside: f64,
    /// Difference in standard deviations, signed: positive when the window fits better.
    pub(crate) z: f64,
}

/// Shifts that share rows or columns with the file's own grid carry its traces, so each is compared
/// with its like only.
pub(crate) fn family(origin: usize, own_grid: bool) -> usize {
    match (own_grid, origin % 8, origin / 8) {
        (true, 0, 0) => 0,
        (true, 0, _) => 1,
        (true, _, 0) => 2,
        _ => 3,
    }
}

/// Fit and count summed over a family of origins, as maps.
pub(crate) fn family_maps(residue: &Residue, of: usize, quality: usize, own_grid: bool) -> (Vec<f32>, Vec<f32>) {
    let cells = residue.columns * residue.rows;
    let mut all = (vec![0.0f32; cells], vec![0.0f32; cells]);
    if of != 0 {
        for origin in (0..64).filter(|o| family(*o, own_grid) == of) {
            let (f, n) = residue.maps(origin, quality);
            all.0.iter_mut().zip(f).for_each(|(a, b)| *a += b);
            all.1.iter_mut().zip(n).for_each(|(a, b)| *a += b);
        }
    }
    all
}

/// Mean fit above that of the other members of the family.
pub(crate) fn above_chance(fit: f64, count: f64, family_fit: f64, family_count: f64) -> f64 {
    let others = family_count - count;
    let chance = if others > 0.0 { (family_fit - fit) / others } else { 0.0 };
    if count > 0.0 { fit / count - chance } else { 0.0 }
}

/// Sums over every window, the whole picture last.
fn over_windows(map: &[f32], residue: &Residue, windows: &[Window]) -> Vec<f64> {
    let sums = BoxSums::new(map.iter().map(|v| f64::from(*v)), residue.columns, residue.rows);
    windows.iter().map(|w| sums.sum(*w)).chain([sums.total()]).collect()
}

/// The strongest contrast of every origin and quality, and log10 of the number of places that were
/// looked at.
pub(crate) fn scan(residue: &Residue, own_grid: bool) -> (Vec<Contrast>, f64) {
    let windows = scan_windows(residue.columns, residue.rows, 4);
    let whole = ghosts_of_the_whole(residue);
    let found: Vec<Vec<Contrast>> = (0..QUALITIES.len())
        .into_par_iter()
        .map(|quality| {
            let families: Vec<(Vec<f64>, Vec<f64>)> = (0..4)
                .map(|of| {
                    let (f, n) = family_maps(residue, of, quality, own_grid);
                    (over_windows(&f, residue, &windows), over_windows(&n, residue, &windows))
                })
                .collect();
            (0..64)
                .filter(|origin| !(own_grid && HALF_WAY.contains(origin)))
                .filter_map(|origin| {
                    let (fit, count) = residue.maps(origin, quality);
                    let (fit, count) = (over_windows(fit, residue, &windows), over_windows(count, residue, &windows));
                    let of = family(origin, own_grid);
                    let (family_fit, family_count) = &families[of];
                    let mean = |i: usize| above_chance(fit[i], count[i], family_fit[i], family_count[i]);
                    let all = windows.len();
                    let (total, n_total) = (mean(all), count[all]);
                    let variance = if of == 3 || of == 0 { VARIANCE } else { VARIANCE * SMALL_FAMILY };
                    let mut best: Option<Contrast> = None;
                    for (i, window) in windows.iter().enumerate() {
                        let (n, rest) = (count[i], n_total - count[i]);
                        if n < LEAST || rest < LEAST {
                            continue;
                        }
                        let inside = mean(i);
                        let outside = (total * n_total - inside * n) / rest;
                        let floor = if of == 0 && inside > outside { OWN_GRID_MODEL } else { 0.0 };
                        let departure = departure(inside, outside);
                        if of == 0 && departure < 0.0 && !whole[quality] {
                            continue;
                        }
                        let z = departure / (variance / n + variance / rest + floor).sqrt();
                        if best.is_none_or(|b| z.abs() > b.z.abs()) {
                            best = Some(Contrast { origin, quality, window: *window, inside, outside, z });
                        }
                    }
                    best
                })
                .collect()
        })
        .collect();
    let tests = (64 * QUALITIES.len() * windows.len().max(1)) as f64;
    (found.into_iter().flatten().collect(), tests.log10())
}

/// The qualities whose ghost on the picture's own grid is (nearly) the clearest there is. Steps
/// that divide an earlier save's steps fit too, but unevenly, so a place where such an echo is
/// missing lacks nothing.
fn ghosts_of_the_whole(residue: &Residue) -> [bool; QUALITIES.len()] {
    let clear: [f64; QUALITIES.len()] = std::array::from_fn(|quality| {
        let (fit, count) = residue.maps(0, quality);
        let sum = |map: &[f32]| map.iter().map(|v| f64::from(*v)).sum::<f64>();
        let (fit, count) = (sum(fit), sum(count));
        if fit > WHOLE_FIT * count { fit / count.sqrt() } else { 0.0 }
    });
    let best = clear.iter().copied().fold(0.0, f64::max);
    clear.map(|c| c > 0.0 && c >= 0.85 * best)
}

/// The contrast that stands out most.
pub(crate) fn strongest(contrasts: &[Contrast]) -> Option<&Contrast> {
    contrasts.iter().max_by(|a, b| a.z.abs().total_cmp(&b.z.abs()))
}

/// The ghost of the picture as a whole, if it has a clear one; `window` is the whole picture and
/// `z` counts against no ghost.
pub(crate) fn whole_picture(residue: &Residue, own_grid: bool) -> Option<Contrast> {
    let window = Window { x: 0, y: 0, width: residue.columns, height: residue.rows };
    let sum = |map: &[f32]| map.iter().map(|v| f64::from(*v)).sum::<f64>();
    (0..QUALITIES.len())
        .flat_map(|quality| {
            let families: Vec<(f64, f64)> = (0..4)
                .map(|of| {
                    let (f, n) = family_maps(residue, of, quality, own_grid);
                    (sum(&f), sum(&n))
                })
                .collect();
            (0..64).map(move |origin| {
                let (fit, count) = residue.maps(origin, quality);
                let (fit, count) = (sum(fit), sum(count));
                let (family_fit, family_count) = families[family(origin, own_grid)];
                let inside = above_chance(fit, count, family_fit, family_count);
                let z = inside * (count / VARIANCE).sqrt();
                Contrast { origin, quality, window, inside, outside: 0.0, z }
            })
        })
        .filter(|c| c.inside > WHOLE_FIT && c.z > WHOLE_Z)
        .max_by(|a, b| a.z.total_cmp(&b.z))
}

/// How far the fit inside lies beyond what an uneven picture-wide ghost of the strength found
/// outside may show, signed. A fit below chance is no ghost at all, however far below.
fn departure(inside: f64, outside: f64) -> f64 {
    let (inside, outside) = (inside.max(0.0), outside.max(0.0));
    let (low, high) = (WEAKEST * outside, STRONGEST * outside);
    if inside < low {
        inside - low
    } else if inside > high {
        inside - high
    } else {
        0.0
    }
}

/// -log10 of the number of false alarms of a contrast.
pub(crate) fn significance(z: f64, log10_tests: f64) -> f64 {
    -(log10_tests + 2f64.log10() + log10_normal_tail(z.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uneven_ghost_is_no_departure_but_its_lack_is() {
        assert_eq!(departure(0.3, 0.5), 0.0);
        assert_eq!(departure(0.7, 0.5), 0.0);
        assert!(departure(0.0, 0.5) < -0.15);
        assert!(departure(0.3, 0.0) > 0.25);
        // A fit below chance outside is no ghost there: it adds nothing to what is seen inside.
        assert_eq!(departure(0.1, -0.02), departure(0.1, 0.0));
        assert!((departure(0.1, 0.0) - 0.1).abs() < 1e-12);
    }
}
