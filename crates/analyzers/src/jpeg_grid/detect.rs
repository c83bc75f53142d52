//! From votes and zeros to grids and regions, each with its number of false alarms.
use rayon::prelude::*;

use super::votes::{NO_VOTE, Votes, generic};
use crate::regions::{BoxSums, Region, Window, connected, log10_binomial_tail, log10_normal_tail, scan_windows};

/// Side in pixels of the cells on which regions of votes grow.
pub(super) const FINE: usize = 8;
/// Votes for one grid, of the 64 pixels of a fine cell, from which the cell can belong to a region
/// of that grid.
const SEED: u16 = 20;
/// A foreign grid that the picture as a whole has may be this much stronger in a window without
/// counting.
const STRONGEST: f64 = 1.6;
/// The main grid may be this much weaker in a window without being missing there.
const WEAKEST: f64 = 0.4;
/// Share of votes that the main grid must have for its absence to mean anything.
const CLEAR: f64 = 0.3;
/// Texture may move the mean place of an origin in a window this much.
const MARGIN: f64 = 0.08;
/// The same for origins half a block off the own grid either way, which the means of neighbouring
/// blocks favour.
const MARGIN_HALF_WAY: f64 = 0.18;
/// Variance of a place drawn at random.
const PLACE_VARIANCE: f64 = 1.0 / 12.0;
/// Fewest ranked tiles in a window and outside of it.
const LEAST_TILES: f64 = 8.0;

/// The picture's own grid.
#[derive(Debug, Clone, Copy)]
pub(super) struct MainGrid {
    /// Origin `oy * 8 + ox`.
    pub(super) origin: usize,
    /// Share of all votes.
    pub(super) share: f64,
    /// -log10 NFA.
    pub(super) significance: f64,
}

/// The grid that gets the most votes, with its NFA: 64 tests, votes of one block counted once
/// (pixels of a block vote alike).
pub(super) fn main_grid(votes: &Votes) -> Option<MainGrid> {
    let mut histogram = [0u64; 65];
    for v in &votes.votes {
        histogram[usize::from(*v).min(64)] += 1;
    }
    let cast: u64 = histogram[..64].iter().sum();
    let origin = (0..64).max_by_key(|g| (histogram[*g], 63 - *g))?;
    if cast == 0 {
        return None;
    }
    let tail = log10_binomial_tail(cast / 64, histogram[origin] / 64, 1.0 / 64.0);
    Some(MainGrid { origin, share: histogram[origin] as f64 / cast as f64, significance: -(64f64.log10() + tail) })
}

/// A region that votes for a grid of its own, or does not vote for the main one.
#[derive(Debug, Clone)]
pub(super) struct Foreign {
    /// Origin `oy * 8 + ox`.
    pub(super) origin: usize,
    /// In fine cells of [`FINE`] pixels; a region without the main grid has bounds only.
    pub(super) region: Region,
    /// -log10 NFA.
    pub(super) significance: f64,
}

/// Votes for one grid in every fine cell, with the columns and rows of those cells.
pub(super) fn votes_in_cells(votes: &Votes, origin: usize) -> (Vec<u16>, usize, usize) {
    let (columns, rows) = (votes.width.div_ceil(FINE), votes.height.div_ceil(FINE));
    let mut count = vec![0u16; columns * rows];
    for (y, line) in votes.votes.chunks_exact(votes.width).enumerate() {
        for (x, v) in line.iter().enumerate() {
            if usize::from(*v) == origin {
                count[y / FINE * columns + x / FINE] += 1;
            }
        }
    }
    (count, columns, rows)
}

/// The most significant regions that vote for another grid than `main`, strongest first; each grid
/// gives at most its best one.
///
/// A region grows from fine cells with many votes for one grid; its bounding box is tested against
/// the share of votes that this grid gets by chance or elsewhere in the picture, whichever is
/// larger. Number of tests: 63 grids times all boxes of fine cells.
pub(super) fn foreign_regions(votes: &Votes, main: Option<usize>) -> Vec<Foreign> {
    let cast = votes.votes.iter().filter(|v| **v != NO_VOTE).count() as f64;
    let mut found: Vec<Foreign> = (0..64usize)
        .into_par_iter()
        .filter(|g| main != Some(*g))
        .filter_map(|origin| {
            let (count, columns, rows) = votes_in_cells(votes, origin);
            let total: f64 = count.iter().map(|n| f64::from(*n)).sum();
            let marked: Vec<bool> = count.iter().map(|n| *n >= SEED).collect();
            let boxes = (columns * (columns + 1) / 2 * (rows * (rows + 1) / 2)) as f64;
            let tests = (63.0 * boxes).log10();
            let sums = BoxSums::new(count.iter().map(|n| f64::from(*n)), columns, rows);
            connected(&marked, columns, rows, 2)
                .into_iter()
                .filter(|r| r.cells.len() >= 2)
                .map(|region| {
                    let k = sums.sum(region.bounds);
                    let area = (region.bounds.area() * FINE * FINE) as f64;
                    let elsewhere = (total - k) / (cast - area.min(cast)).max(area).max(1.0);
                    let p = elsewhere.clamp(1.0 / 64.0, 0.999);
                    let tail = log10_binomial_tail((area / 64.0).round() as u64, (k / 64.0).floor() as u64, p);
                    Foreign { origin, region, significance: -(tests + tail) }
                })
                .max_by(|a, b| a.significance.total_cmp(&b.significance))
        })
        .collect();
    found.sort_by(|a, b| b.significance.total_cmp(&a.significance).then(a.origin.cmp(&b.origin)));
    found
}

/// The window in which votes for the picture's main grid are missing, in a picture that is no JPEG
/// now but was one. Chance is 0.4 times the share that the grid has elsewhere: texture and flatness
/// weaken a grid, but do not take it away.
pub(super) fn missing(votes: &Votes, main: usize) -> Option<Foreign> {
    let (columns, rows) = (votes.columns, votes.rows);
    let (mut for_main, mut cast) = (vec![0.0f64; columns * rows], vec![0.0f64; columns * rows]);
    for (y, line) in votes.votes.chunks_exact(votes.width).enumerate() {
        for (x, v) in line.iter().enumerate().filter(|(_, v)| **v != NO_VOTE) {
            let cell = y / votes.cell_side * columns + x / votes.cell_side;
            cast[cell] += 1.0;
            if usize::from(*v) == main {
                for_main[cell] += 1.0;
            }
        }
    }
    let windows = scan_windows(columns, rows, 4);
    let for_main = BoxSums::new(for_main.into_iter(), columns, rows);
    let cast = BoxSums::new(cast.into_iter(), columns, rows);
    let tests = (windows.len().max(1) as f64).log10();
    let (window, significance) = windows
        .iter()
        .filter_map(|w| {
            let (k, n) = (for_main.sum(*w), cast.sum(*w));
            let rest = cast.total() - n;
            let elsewhere = (for_main.total() - k) / rest.max(1.0);
            let p = WEAKEST * elsewhere;
            if elsewhere < CLEAR || k > p * n {
                return None;
            }
            let (k, n) = ((k / 64.0).ceil() as u64, (n / 64.0).floor() as u64);
            Some((*w, -(tests + log10_binomial_tail(n, n.saturating_sub(k), 1.0 - p))))
        })
        .reduce(|a, b| if b.1 > a.1 { b } else { a })?;
    let per = votes.cell_side / FINE;
    let bounds =
        Window { x: window.x * per, y: window.y * per, width: window.width * per, height: window.height * per };
    Some(Foreign { origin: main, region: Region { cells: Vec::new(), bounds }, significance })
}

/// A window in which one foreign grid stands out more often than elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Excess {
    /// Origin `oy * 8 + ox`.
    pub(super) origin: usize,
    /// In cells.
    pub(super) window: Window,
    /// Mean place of the origin in the window, 0..=1; 0.5 by chance.
    pub(super) inside: f64,
    /// Mean place outside.
    pub(super) elsewhere: f64,
    /// -log10 NFA.
    pub(super) significance: f64,
}

/// The window and origin whose mean place is least likely by chance. Chance is 1/2 with a margin
/// for texture, or the place that the origin has elsewhere in the picture with a margin, whichever
/// is larger. `None` when hardly a tile could be ranked.
pub(super) fn excess(votes: &Votes, own: usize) -> Option<Excess> {
    let (columns, rows) = (votes.columns, votes.rows);
    let windows = scan_windows(columns, rows, 4);
    let cells = columns * rows;
    let sums = |map: &[f32]| BoxSums::new(map.iter().map(|v| f64::from(*v)), columns, rows);
    let all = sums(&votes.ranked);
    let tests = (49 * windows.len().max(1)) as f64;
    let best = (0..64usize)
        .into_par_iter()
        .filter(|g| generic(*g, own))
        .filter_map(|origin| {
            let mine = sums(&votes.places[origin * cells..(origin + 1) * cells]);
            windows
                .iter()
                .filter_map(|window| {
                    let (place, n) = (mine.sum(*window), all.sum(*window));
                    let rest = all.total() - n;
                    if n < LEAST_TILES || rest < LEAST_TILES {
                        return None;
                    }
                    let (inside, elsewhere) = (place / n, (mine.total() - place) / rest);
                    let half_way = (origin % 8).abs_diff(own % 8) == 4 || (origin / 8).abs_diff(own / 8) == 4;
                    let margin = if half_way { MARGIN_HALF_WAY } else { MARGIN };
                    let chance = (0.5 + margin).max(0.5 + STRONGEST * (elsewhere - 0.5));
                    let z = (inside - chance) / (PLACE_VARIANCE * (1.0 / n + 1.0 / rest)).sqrt();
                    Some((z, Excess { origin, window: *window, inside, elsewhere, significance: 0.0 }))
                })
                .reduce(|a, b| if b.0 > a.0 { b } else { a })
        })
        .reduce_with(|a, b| if (b.0, a.1.origin) > (a.0, b.1.origin) { b } else { a });
    best.map(|(z, e)| Excess { significance: -(tests.log10() + log10_normal_tail(z)), ..e })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tiles that rank at random, but for a window in which some put one origin first.
    fn planted(part: usize) -> Votes {
        let (columns, rows) = (32, 30);
        let mut state = 5u32;
        let mut draw = |n: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % n
        };
        let places = (0..64 * columns * rows)
            .map(|i| {
                let (g, x, y) = (i / (columns * rows), i % columns, i / columns % rows);
                let random = draw(49) as f32 / 48.0;
                let inside = (8..18).contains(&x) && (10..20).contains(&y);
                if g == 29 && inside && draw(10) < part { 1.0 } else { random }
            })
            .collect();
        Votes {
            width: columns * 8,
            height: rows * 8,
            votes: vec![NO_VOTE; columns * rows * 64],
            columns,
            rows,
            cell_side: 8,
            places,
            ranked: vec![1.0; columns * rows],
            texture: vec![1.0; columns * rows],
        }
    }

    #[test]
    fn a_window_with_its_own_grid_is_found() {
        let e = excess(&planted(7), 0).unwrap();
        assert_eq!(e.origin, 29);
        assert!(e.significance > 5.0 && e.inside > 0.7, "{e:?}");
        assert!((5..16).contains(&e.window.x) && (7..18).contains(&e.window.y), "{e:?}");
    }

    #[test]
    fn places_at_random_are_not_significant() {
        let e = excess(&planted(0), 0).unwrap();
        assert!(e.significance < 0.5, "{e:?}");
    }

    #[test]
    fn a_region_without_the_main_grid_is_found() {
        let mut votes = planted(0);
        for (i, v) in votes.votes.iter_mut().enumerate() {
            let (x, y) = (i % 256, i / 256);
            *v = if (80..160).contains(&x) && (64..120).contains(&y) { ((x * 7 + y * 3) % 64) as u8 } else { 0 };
        }
        let found = missing(&votes, 0).unwrap();
        // 10 x 7 blocks without a vote where 0.4 of the votes are expected: at most 70 *
        // -log10(0.6) = 15.5 before the price of the windows.
        assert!((5.0..15.6).contains(&found.significance), "{}", found.significance);
        assert!((8..=12).contains(&found.region.bounds.x), "{:?}", found.region.bounds);
        votes.votes.fill(0);
        assert!(missing(&votes, 0).is_none());
    }

    #[test]
    fn a_region_of_votes_is_found_and_the_main_grid_named() {
        let mut votes = planted(0);
        for (i, v) in votes.votes.iter_mut().enumerate() {
            let (x, y) = (i % 256, i / 256);
            *v = if (80..160).contains(&x) && (64..120).contains(&y) { 42 } else { 0 };
        }
        let main = main_grid(&votes).unwrap();
        assert_eq!(main.origin, 0);
        assert!(main.significance > 100.0);
        let found = foreign_regions(&votes, Some(0));
        assert_eq!(found[0].origin, 42);
        assert_eq!(found[0].region.bounds, Window { x: 10, y: 8, width: 10, height: 7 });
        assert!(found[0].significance > 50.0);
    }
}
