//! Where low- or high-noise blocks crowd together: a scan over windows, each with a binomial tail,
//! corrected for the number of looks.
//!
//! The decision that shapes it: the test counts blocks below (or above) the picture's own median
//! deviation, as Noisesniffer counts its lowest-noise blocks. A count is immune to the shape of the
//! distribution, which JPEG leaves in lumps.
use super::field::Field;
use crate::regions::{BoxSums, Window, connected, log10_binomial_tail, scan_windows};

/// Which band of frequencies a crowd was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Band {
    /// 6 <= u+v <= 9 against the middle band and the intensity.
    High,
    /// u+v >= 10 against the high and the middle band.
    Top,
}

/// The most surprising window of one band and direction.
#[derive(Debug, Clone)]
pub(super) struct Crowd {
    /// Band.
    pub(super) band: Band,
    /// True when the window is quieter than the rest, false when noisier.
    pub(super) quieter: bool,
    /// The window, in blocks.
    pub(super) window: Window,
    /// log10 of the number of false alarms: tests times tail. Negative means surprising.
    pub(super) log10_nfa: f64,
    /// Blocks that could be judged in the window.
    pub(super) judged: u64,
    /// Those of them on the crowd's side of the median.
    pub(super) on_side: u64,
}

/// Shortest side of a window in blocks.
const SMALLEST: usize = 4;
/// Windows on each side of the longer picture side at most; larger pictures are searched with
/// larger windows.
const FINEST: usize = 72;
/// Least share of a window's blocks that can be judged.
const LEAST_JUDGED: f64 = 0.4;
/// Least share of the picture's judged blocks that must lie outside of a window.
const LEAST_REST: f64 = 0.3;

/// The best window for each band and direction, in the order high/quieter, high/noisier,
/// top/quieter, top/noisier.
pub(super) fn crowds(field: &Field) -> Vec<Crowd> {
    let (columns, rows) = (field.columns, field.rows);
    let smallest = SMALLEST.max(columns.max(rows).div_ceil(FINEST));
    let windows = scan_windows(columns, rows, smallest);
    let count = |of: &dyn Fn(usize) -> bool| {
        BoxSums::new((0..columns * rows).map(|i| f64::from(u8::from(field.usable[i] && of(i)))), columns, rows)
    };
    let judged = count(&|_| true);
    let total = judged.total();
    let log10_tests = (4.0 * windows.len() as f64).max(1.0).log10();
    let mut found = Vec::with_capacity(4);
    for (band, values) in [(Band::High, &field.high), (Band::Top, &field.top)] {
        let middle = median(values, &field.usable);
        for quieter in [true, false] {
            let side = count(&|i| if quieter { values[i] < middle } else { values[i] > middle });
            let share = side.total() / total.max(1.0);
            let mut best: Option<Crowd> = None;
            for window in &windows {
                let (n, k) = (judged.sum(*window), side.sum(*window));
                if n < LEAST_JUDGED * window.area() as f64 || total - n < LEAST_REST * total || k <= share * n {
                    continue;
                }
                let least = best.as_ref().map_or(0.0, |b| b.log10_nfa - log10_tests);
                let tail = log10_binomial_tail(n as u64, k as u64, share);
                if best.is_none() || tail < least {
                    best = Some(Crowd {
                        band,
                        quieter,
                        window: *window,
                        log10_nfa: tail + log10_tests,
                        judged: n as u64,
                        on_side: k as u64,
                    });
                }
            }
            found.extend(best);
        }
    }
    found
}

/// The connected cells of `strength` at or above `threshold` that touch the window, as a bounding
/// window; the window itself when there are none.
pub(super) fn outline(strength: &[f32], columns: usize, rows: usize, threshold: f32, window: Window) -> Window {
    let marked: Vec<bool> = strength.iter().map(|v| *v >= threshold).collect();
    let inside = |cell: &usize| {
        let (x, y) = (cell % columns, cell / columns);
        x >= window.x && x < window.x + window.width && y >= window.y && y < window.y + window.height
    };
    connected(&marked, columns, rows, 1)
        .into_iter()
        .map(|region| (region.cells.iter().filter(|c| inside(c)).count(), region.bounds))
        .filter(|(shared, bounds)| *shared * 4 >= window.area() && bounds.area() <= 4 * window.area())
        .max_by_key(|(shared, _)| *shared)
        .map_or(window, |(_, bounds)| bounds)
}

fn median(values: &[f32], usable: &[bool]) -> f32 {
    let mut judged: Vec<f32> = values.iter().zip(usable).filter(|(_, u)| **u).map(|(v, _)| *v).collect();
    if judged.is_empty() {
        return 0.0;
    }
    let middle = judged.len() / 2;
    *judged.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(columns: usize, rows: usize, value: impl Fn(usize, usize) -> f32) -> Field {
        let high: Vec<f32> = (0..columns * rows).map(|i| value(i % columns, i / columns)).collect();
        let noise = |i: usize| ((i * 2_654_435_761) >> 7) as f32 % 97.0 / 97.0 - 0.5;
        Field {
            columns,
            rows,
            top: (0..columns * rows).map(noise).collect(),
            usable: vec![true; columns * rows],
            sigma: vec![1.0; columns * rows],
            mean: vec![128.0; columns * rows],
            high,
        }
    }

    #[test]
    fn a_quiet_corner_is_found_and_chance_is_not() {
        let chance = |x: usize, y: usize| ((x * 7919 + y * 104_729 + x * y * 31) % 101) as f32 / 50.0 - 1.0;
        let plain = crowds(&field(32, 30, chance));
        assert!(plain.iter().all(|c| c.log10_nfa > -2.0), "{plain:?}");
        let planted = crowds(&field(32, 30, |x, y| {
            chance(x, y) - if (4..12).contains(&x) && (5..14).contains(&y) { 1.2 } else { 0.0 }
        }));
        let best = planted.iter().min_by(|a, b| a.log10_nfa.total_cmp(&b.log10_nfa)).unwrap();
        assert!(best.log10_nfa < -8.0 && best.quieter && best.band == Band::High, "{best:?}");
        let w = best.window;
        assert!(w.x >= 2 && w.x + w.width <= 14 && w.y >= 3 && w.y + w.height <= 16, "{w:?}");
    }

    #[test]
    fn the_outline_follows_the_connected_cells() {
        let mut strength = vec![0.0f32; 100];
        for y in 2..6 {
            for x in 3..7 {
                strength[y * 10 + x] = 1.0;
            }
        }
        let window = Window { x: 3, y: 3, width: 3, height: 3 };
        assert_eq!(outline(&strength, 10, 10, 0.5, window), Window { x: 3, y: 2, width: 4, height: 4 });
        assert_eq!(outline(&[0.0; 100], 10, 10, 0.5, window), window);
    }
}
