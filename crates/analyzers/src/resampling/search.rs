//! Which windows carry a periodic trace that the rest of the picture does not.
//!
//! The decision that shapes it: every window is compared with what half of the windows stay below,
//! frequency by frequency. What the whole picture shares (its own scaling, the 8x8 grid of its
//! saves, a printed screen) is in the reference and cancels, so it cannot raise the score; a part
//! that fewer than half of the windows touch cannot lift the reference that it is compared with.
//! Two shapes of trace are asked for: a single frequency with its quarter turn, and a comb, the
//! harmonics of a square grid of any period and turn. A part that was once a JPEG carries its 8x8
//! grid along when it is scaled or turned, and that is a comb.
use rayon::prelude::*;

use super::spectrum::Spectra;

/// Least share of judged pixels in a window.
const LEAST_JUDGED: f32 = 0.35;
/// Windows that make a reference.
const LEAST_WINDOWS: usize = 9;
/// Share of the windows that stay below the reference.
const BELOW: f64 = 0.5;
/// Power above which a harmonic counts no more in a comb: several must agree.
const MOST_OF_ONE: f32 = 8.0;
/// Lowest frequency of a single peak in cycles per pixel; below lies what the picture shows.
const LOWEST_PEAK: f64 = 0.12;
/// The same for a harmonic of a comb.
const LOWEST_HARMONIC: f64 = 0.09;
/// Shortest and longest period of a comb in pixels: 8 pixels scaled by 0.6 to 1.8.
const PERIODS: (f64, f64) = (4.8, 14.6);
/// Periods and turns are tried in steps that move the highest harmonic by this many bins.
const BIN_STEP: f64 = 0.7;
/// Combs nearer than this many bins to the unturned period of 8 are the grid of a save, not of a
/// scaling.
const OFF_GRID: f64 = 1.5;
/// Steps of the tail tables per unit of power.
const FINENESS: f32 = 4.0;

/// What was found in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Trace {
    /// A peak, in cycles per pixel.
    Peak {
        /// Horizontal frequency.
        fx: f64,
        /// Vertical frequency.
        fy: f64,
    },
    /// A square grid.
    Grid {
        /// Period in pixels.
        period: f64,
        /// Turn in degrees.
        turn_deg: f64,
    },
}

/// The best trace of one window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    /// -log10 of the tail of the best test in this window, corrected for the tests in this window.
    pub(super) surprise: f64,
    /// What it was.
    pub(super) trace: Trace,
    /// Enough pixels could be judged.
    pub(super) usable: bool,
}

/// One test: bins whose powers are added.
struct Test {
    trace: Trace,
    bins: Vec<u32>,
    table: usize,
}

/// Which tests there are for a window side, with the tails of their laws.
pub(super) struct Tests {
    peaks: Vec<Test>,
    grids: Vec<Test>,
    /// `tables[n][q]`: -log10 P(Gamma(n) >= q / FINENESS).
    tables: Vec<Vec<f32>>,
}

impl Tests {
    /// The tests for windows of that side.
    pub(super) fn new(side: usize) -> Self {
        let (peaks, grids) = (peaks(side), grids(side));
        let longest = grids.iter().chain(&peaks).map(|t| t.bins.len()).max().unwrap_or(0);
        let tables = (0..=longest).map(gamma_tails).collect();
        Self { peaks, grids, tables }
    }
}

/// Looks at every window.
pub(super) fn look(spectra: &Spectra, tests: &Tests) -> Vec<Looked> {
    let judged: Vec<&[f32]> = spectra
        .power
        .iter()
        .zip(&spectra.judged)
        .filter_map(|(power, judged)| (*judged >= LEAST_JUDGED).then_some(power.as_slice()))
        .collect();
    let reference = reference(&judged, spectra.side * spectra.side);
    (0..spectra.power.len()).into_par_iter().map(|window| one(spectra, tests, window, reference.as_deref())).collect()
}

/// Power at every frequency that windows without a trace of their own have: the quantile [`BELOW`]
/// over the windows, scaled to the mean of the exponential law that has this quantile. `None` when
/// there are too few windows.
fn reference(judged: &[&[f32]], bins: usize) -> Option<Vec<f32>> {
    if judged.len() < LEAST_WINDOWS {
        return None;
    }
    let place = (BELOW * (judged.len() - 1) as f64).round() as usize;
    let scale = (-1.0 / (1.0 - BELOW).ln()) as f32;
    let quantile = |bin: usize| {
        let mut values: Vec<f32> = judged.iter().map(|power| power[bin]).collect();
        *values.select_nth_unstable_by(place, f32::total_cmp).1 * scale
    };
    Some((0..bins).into_par_iter().map(quantile).collect())
}

fn one(spectra: &Spectra, tests: &Tests, window: usize, reference: Option<&[f32]>) -> Looked {
    let nothing = Looked { surprise: 0.0, trace: Trace::Peak { fx: 0.0, fy: 0.0 }, usable: false };
    let Some(reference) = reference.filter(|_| spectra.judged[window] >= LEAST_JUDGED) else {
        return nothing;
    };
    let ratio: Vec<f32> = spectra.power[window].iter().zip(reference).map(|(p, r)| p / r.max(1.0)).collect();
    let capped: Vec<f32> = ratio.iter().map(|r| r.min(MOST_OF_ONE)).collect();
    let best = |list: &[Test], values: &[f32]| {
        let mut best = (0.0f32, None);
        for test in list {
            let sum: f32 = test.bins.iter().map(|b| values[*b as usize]).sum();
            let table = &tests.tables[test.table];
            let tail = table[((sum * FINENESS) as usize).min(table.len() - 1)];
            if tail > best.0 {
                best = (tail, Some(test.trace));
            }
        }
        (f64::from(best.0) - (2.0 * list.len() as f64).max(1.0).log10(), best.1)
    };
    let (peak, grid) = (best(&tests.peaks, &ratio), best(&tests.grids, &capped));
    let (surprise, trace) = if grid.0 >= peak.0 { grid } else { peak };
    Looked { surprise, trace: trace.unwrap_or(nothing.trace), usable: true }
}

/// The largest power off the lattice of 1/8 cycles per pixel and its frequency in cycles per pixel.
pub(super) fn off_lattice_peak(power: &[f32], side: usize) -> (f32, f64, f64) {
    let n = side as i64;
    let mut best = (0.0f32, 0.0, 0.0);
    for v in -n / 2 + 1..=n / 2 {
        for u in 0..=n / 2 {
            let (fx, fy) = (u as f64 / side as f64, v as f64 / side as f64);
            let value = power[bin(u, v, side) as usize];
            if fx.hypot(fy) >= LOWEST_PEAK && !(on_lattice(u, side) && on_lattice(v, side)) && value > best.0 {
                best = (value, fx, fy);
            }
        }
    }
    best
}

/// A frequency and its quarter turn, over a quarter of the plane: scaling shows in both directions,
/// turning in four.
fn peaks(side: usize) -> Vec<Test> {
    let n = side as i64;
    let mut tests = Vec::new();
    for v in 0..n / 2 {
        for u in 1..=n / 2 {
            let (fx, fy) = (u as f64 / side as f64, v as f64 / side as f64);
            if fx.hypot(fy) < LOWEST_PEAK || (on_lattice(u, side) && on_lattice(v, side)) {
                continue;
            }
            let bins = vec![bin(u, v, side), bin(-v, u, side)];
            tests.push(Test { trace: Trace::Peak { fx, fy }, table: bins.len(), bins });
        }
    }
    tests
}

fn grids(side: usize) -> Vec<Test> {
    let reach = 0.45 * side as f64;
    let mut tests = Vec::new();
    let mut period = PERIODS.0;
    while period <= PERIODS.1 {
        let turns = (std::f64::consts::FRAC_PI_2 * reach / BIN_STEP).floor() as i64;
        for turn in -turns / 2..turns / 2 {
            let angle = turn as f64 * BIN_STEP / reach;
            let off = ((period / 8.0).ln().abs() * reach).max(angle.abs() * reach);
            if off <= OFF_GRID {
                continue;
            }
            let bins = harmonics(period, angle, side);
            if bins.len() >= 4 {
                let trace = Trace::Grid { period, turn_deg: angle.to_degrees() };
                tests.push(Test { trace, table: bins.len(), bins });
            }
        }
        period *= 1.0 + BIN_STEP / reach;
    }
    tests
}

/// The harmonics of a square grid along both of its axes up to the Nyquist frequency, and the
/// eighth, the sampling frequency of the picture before it was enlarged, folded back.
fn harmonics(period: f64, angle: f64, side: usize) -> Vec<u32> {
    let (sin, cos) = angle.sin_cos();
    let mut orders: Vec<usize> = (1..=(0.47 * period) as usize).collect();
    if period > 9.0 {
        orders.push(8);
    }
    let mut bins = Vec::new();
    for order in orders {
        let f = order as f64 / period;
        if f < LOWEST_HARMONIC {
            continue;
        }
        for (a, b) in [(cos, sin), (-sin, cos)] {
            let (u, v) = ((f * a * side as f64).round() as i64, (f * b * side as f64).round() as i64);
            let place = bin(u, v, side);
            let of_a_save = on_lattice(u, side) && on_lattice(v, side);
            if !of_a_save && !bins.contains(&place) {
                bins.push(place);
            }
        }
    }
    bins
}

fn bin(u: i64, v: i64, side: usize) -> u32 {
    let n = side as i64;
    (v.rem_euclid(n) * n + u.rem_euclid(n)) as u32
}

/// Within one bin of a multiple of 1/8 cycles per pixel, where JPEG puts its own peaks.
fn on_lattice(index: i64, side: usize) -> bool {
    let eighths = index as f64 / side as f64 * 8.0;
    (eighths - eighths.round()).abs() < 8.0 * 1.1 / side as f64
}

/// -log10 of the tail of a sum of `n` exponential variables of mean 1:
/// `P = exp(-t) sum_(i<n) t^i / i!`.
fn gamma_tails(n: usize) -> Vec<f32> {
    let most = if n <= 2 { 400.0 } else { n as f32 * MOST_OF_ONE };
    (0..=(most * FINENESS) as usize)
        .map(|q| {
            let t = f64::from(q as f32 / FINENESS);
            let (mut term, mut largest, mut logs) = (0.0f64, 0.0f64, vec![0.0f64]);
            for i in 1..n.max(1) {
                term += (t.max(1e-12) / i as f64).ln();
                largest = largest.max(term);
                logs.push(term);
            }
            let sum: f64 = logs.iter().map(|l| (l - largest).exp()).sum();
            ((t - largest - sum.ln()) / std::f64::consts::LN_10).max(0.0) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_tails_match_known_values() {
        // P(Gamma(1) >= 2) = e^-2; P(Gamma(2) >= 3) = 4 e^-3; P(Gamma(4) >= 4) = 0.4334701.
        for (n, t, p) in [(1usize, 2.0f64, (-2.0f64).exp()), (2, 3.0, 4.0 * (-3.0f64).exp()), (4, 4.0, 0.433_470_1)] {
            let got = f64::from(gamma_tails(n)[(t * f64::from(FINENESS)) as usize]);
            assert!((got + p.log10()).abs() < 1e-4, "n = {n}: {got}");
        }
    }

    #[test]
    fn the_grid_of_a_save_is_no_test() {
        for test in grids(64) {
            let Trace::Grid { period, turn_deg } = test.trace else { panic!() };
            assert!((period - 8.0).abs() > 0.3 || turn_deg.abs() > 2.0, "{period} {turn_deg}");
            assert!(test.bins.len() >= 4);
        }
        assert!(peaks(64).iter().all(|t| t.bins.len() == 2));
    }
}
