//! Frames that are shown again: frozen ones, repeated runs, and insertions after which the picture
//! goes on where it had stopped.
use rayon::prelude::*;

use super::Window;
use super::jumps::CUT_ALIKE;

/// A run of frames without motion inside motion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Freeze {
    /// Position of the first repeated frame in the window.
    pub from: usize,
    /// Repeated frames.
    pub frames: usize,
    /// Difference of the first frame after the run, in the usual difference around it. About 1 when
    /// time stood still, more when frames were lost meanwhile.
    pub catch_up: f64,
}

/// A repeated frame differs by less than this share of what is usual around it ...
const STILL_SHARE: f32 = 0.2;
/// ... in a place where at least this is usual, in grey levels.
const LEAST_MOTION: f32 = 0.15;
/// Frames on each side that tell what is usual.
const AROUND: usize = 30;
/// Frames on each side that must show motion for a run to lie in the middle of it ...
const BESIDE: usize = 8;
/// ... and how many of them move at least. A stuttering call repeats two frames of three.
const LEAST_MOVING: usize = 2;
/// Time on each side over which the picture stays the same shot, in seconds.
const SAME_SHOT_SECS: f64 = 1.0;

/// All frozen runs, in order: motion, a held picture, and motion of the same shot again.
///
/// Motion that ends (an end card, a slide, the last pose) and motion that has not begun yet are
/// no held frames, nor is a still card shown between two moving shots.
pub(super) fn freezes(window: &Window) -> Vec<Freeze> {
    let difference: Vec<f32> = window.records.iter().map(|r| r.difference).collect();
    let n = difference.len();
    let usual = |t: usize| {
        let mut around: Vec<f32> = difference[t.saturating_sub(AROUND).max(1)..(t + AROUND + 1).min(n)].to_vec();
        around.sort_by(f32::total_cmp);
        around.get(around.len() * 3 / 4).copied().unwrap_or(0.0)
    };
    let mut found = Vec::new();
    let mut t = 1;
    while t < n {
        let usual = usual(t);
        let level = STILL_SHARE * usual;
        if usual <= LEAST_MOTION || difference[t] >= level {
            t += 1;
            continue;
        }
        let from = t;
        // A key frame codes a still picture anew and differs a little: a pulse, no motion.
        let pulse = |t: usize| {
            window.records[t].key && difference[t] < usual && difference.get(t + 1).is_none_or(|d| *d < level)
        };
        while t < n && (difference[t] < level || pulse(t)) {
            t += 1;
        }
        if !amid_motion(window, from, t, level) {
            continue;
        }
        let moving: Vec<f32> = (from.saturating_sub(8).max(1)..(t + 9).min(n))
            .filter(|i| difference[*i] >= level && *i != t)
            .map(|i| difference[i])
            .collect();
        let mean = moving.iter().sum::<f32>() / moving.len().max(1) as f32;
        let after = difference.get(t).copied().unwrap_or(mean);
        found.push(Freeze { from, frames: t - from, catch_up: f64::from(after / mean.max(0.01)) });
    }
    found
}

/// True if the shot moves before and after the frames `from..until`, and is the same shot.
fn amid_motion(window: &Window, from: usize, until: usize, level: f32) -> bool {
    let records = window.records;
    let cut = |t: &usize| records[*t].alike < CUT_ALIKE;
    let begin = (1..from).rev().find(cut).unwrap_or(0);
    let end = (until..records.len()).find(cut).unwrap_or(records.len());
    let moving = |range: std::ops::Range<usize>| {
        range.filter(|t| !records[*t].key && records[*t].difference >= level).count() >= LEAST_MOVING
    };
    if !moving(from.saturating_sub(BESIDE).max(begin + 1)..from) || !moving(until..(until + BESIDE).min(end)) {
        return false;
    }
    let reach = (SAME_SHOT_SECS / window.usual_step()).round().max(1.0) as usize;
    let before = from.saturating_sub(1 + reach).max(begin);
    let after = (until + reach).min(end) - 1;
    window.alike(before, from) >= CUT_ALIKE && window.alike(from, after) >= CUT_ALIKE
}

/// The same stretch of motion twice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Repeat {
    /// Position of the first frame of the earlier showing.
    pub from: usize,
    /// Frames from one showing to the next.
    pub lag: usize,
    /// Frames of the run.
    pub frames: usize,
    /// Sum over the run of the logarithm of how much closer the two showings are than neighbouring
    /// frames.
    pub strength: f64,
}

/// Two showings are at most this share of the motion between neighbouring frames apart.
const CLOSE_SHARE: f64 = 0.5;
/// Coding noise of the reduced picture, in grey levels.
const NOISE: f64 = 0.12;
/// Pulldown and interlacing alternate over fewer frames.
const LEAST_LAG: usize = 4;
/// Pairs of frames compared at most.
const MAX_PAIRS: usize = 4_000_000;

/// The strongest repeated run, if any.
pub(super) fn repeat(window: &Window) -> Option<Repeat> {
    let n = window.records.len();
    let steps: Vec<f64> = (0..n).map(|i| if i == 0 { 0.0 } else { window.apart(i - 1, i) }).collect();
    let smooth: Vec<f64> = (0..n)
        .map(|i| {
            let part = &steps[i.saturating_sub(1).max(1).min(n - 1)..(i + 2).min(n)];
            part.iter().sum::<f64>() / part.len().max(1) as f64
        })
        .collect();
    let most_lag = if n * n / 2 > MAX_PAIRS { (MAX_PAIRS / n).max(LEAST_LAG + 1) } else { n.saturating_sub(3) };
    let best: Vec<Repeat> = (LEAST_LAG..most_lag.max(LEAST_LAG))
        .into_par_iter()
        .filter_map(|lag| strongest_run(window, &smooth, lag))
        .collect();
    best.into_iter().max_by(|a, b| a.strength.total_cmp(&b.strength).then(b.lag.cmp(&a.lag)))
}

fn strongest_run(window: &Window, motion: &[f64], lag: usize) -> Option<Repeat> {
    let n = motion.len();
    let mut best: Option<Repeat> = None;
    let (mut from, mut strength) = (0, 0.0);
    for i in 0..=n.saturating_sub(lag) {
        let gain = if i + lag < n {
            let ratio = (window.apart(i, i + lag) + NOISE) / (motion[i].min(motion[i + lag]) + NOISE);
            (CLOSE_SHARE / ratio).ln()
        } else {
            -1.0
        };
        if gain > 0.0 {
            if strength == 0.0 {
                from = i;
            }
            strength += gain;
        } else {
            if strength > best.map_or(0.0, |b| b.strength) {
                best = Some(Repeat { from, lag, frames: i - from, strength });
            }
            strength = 0.0;
        }
    }
    best
}

/// Frames between two jumps, without which the picture runs on smoothly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Insertion {
    /// Position of the first inserted frame.
    pub from: usize,
    /// Inserted frames.
    pub frames: usize,
    /// Logarithm of how much smaller the step over the gap is than the smaller of the two jumps.
    pub strength: f64,
}

/// Longest insertion that is looked for, in seconds; longer ones are cut-aways.
const MOST_INSERTED_SECS: f64 = 2.0;
/// Coding noise in the comparison of steps, in grey levels.
const STEP_NOISE: f64 = 0.3;

/// The strongest insertion, if any.
pub(super) fn insertion(window: &Window) -> Option<Insertion> {
    let n = window.records.len();
    let steps: Vec<f64> = (0..n).map(|i| if i == 0 { 0.0 } else { window.apart(i - 1, i) }).collect();
    // What is usual just outside: the larger of the steps around, so that a start of motion does
    // not count.
    let outside = |from: usize, until: usize| -> f64 {
        let before = steps[from.saturating_sub(4).max(1).min(from)..from].iter();
        let after = steps[(until + 1).min(n)..(until + 5).min(n)].iter();
        before.chain(after).fold(0.0, |a: f64, b| a.max(*b))
    };
    let longest = ((MOST_INSERTED_SECS / window.usual_step()) as usize).min(n);
    let best: Vec<Insertion> = (2..n.saturating_sub(3))
        .into_par_iter()
        .filter_map(|from| {
            let mut best: Option<Insertion> = None;
            for until in from + 2..(from + longest).min(n.saturating_sub(1)) {
                let jump = steps[from].min(steps[until]);
                let usual = outside(from, until);
                if jump < 1.2 * usual {
                    continue;
                }
                let over = window.apart(from - 1, until).max(usual);
                let strength = ((jump + STEP_NOISE) / (over + STEP_NOISE)).ln();
                if strength > best.map_or(0.0, |b| b.strength) {
                    best = Some(Insertion { from, frames: until - from, strength });
                }
            }
            best
        })
        .collect();
    best.into_iter().max_by(|a, b| a.strength.total_cmp(&b.strength).then(b.from.cmp(&a.from)))
}
