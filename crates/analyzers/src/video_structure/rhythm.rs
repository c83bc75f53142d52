//! Periodic traces over time: the beat of an earlier encoding, and of a change of frame rate.
//!
//! A clip that is encoded again keeps a beat of its first encoding: frames that were key frames
//! differ more from the frame before than their neighbours do (Wang and Farid 2006; Stamm, Lin and
//! Liu 2012). Encoding again is usual processing, so this is told and never scored.
use super::Window;

/// A beat found in the differences between frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Beat {
    /// Frames from beat to beat.
    pub period: usize,
    /// Position of the first one in the window.
    pub phase: usize,
    /// Logarithm base 10 of the number of such beats expected by chance; negative is rare.
    pub log10_nfa: f64,
}

/// Shorter periods are those of the present encoding's own frame types.
const LEAST_PERIOD: usize = 6;
/// Beats in a window at least.
const LEAST_BEATS: usize = 4;

/// The strongest beat of the differences at frames that are not key frames now.
pub(super) fn beat(window: &Window) -> Option<Beat> {
    let n = window.records.len();
    let level = |i: usize| (window.records[i].difference + 0.05).ln();
    // How far a frame's difference stands out of its neighbours', bounded, so that cuts and freezes
    // do not make a beat.
    let excess: Vec<f64> = (0..n)
        .map(|i| {
            if i < 3 || i + 2 >= n || window.records[i].key {
                return 0.0;
            }
            let mut near = [level(i - 2), level(i - 1), level(i + 1), level(i + 2)];
            near.sort_by(f32::total_cmp);
            f64::from((level(i) - (near[1] + near[2]) / 2.0).clamp(-0.7, 0.7))
        })
        .collect();
    let mean = excess.iter().sum::<f64>() / n.max(1) as f64;
    let spread = (excess.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / n.max(1) as f64).sqrt();
    let most = n / LEAST_BEATS;
    if most < LEAST_PERIOD || spread < 1e-6 {
        return None;
    }
    let tests: f64 = (LEAST_PERIOD..=most).map(|p| p as f64).sum();
    let mut best: Option<Beat> = None;
    for period in LEAST_PERIOD..=most {
        for phase in 0..period {
            let beats = (phase..n).step_by(period);
            let count = beats.len();
            if count < LEAST_BEATS {
                continue;
            }
            let sum: f64 = beats.map(|i| excess[i] - mean).sum();
            let z = sum / (spread * (count as f64).sqrt());
            let log10_nfa = tests.log10() + log10_tail(z);
            if best.is_none_or(|b| log10_nfa < b.log10_nfa - 1e-9) {
                best = Some(Beat { period, phase, log10_nfa });
            }
        }
    }
    best
}

/// Logarithm base 10 of the upper tail of the normal distribution, by its asymptotic bound for z >
/// 1.
fn log10_tail(z: f64) -> f64 {
    if z <= 1.0 {
        return 0.0;
    }
    -z * z / 2.0 / std::f64::consts::LN_10 - (z * (2.0 * std::f64::consts::PI).sqrt()).log10()
}

/// The period at which repeated frames come, when they come at one: the trace of a frame rate
/// conversion.
pub(super) fn cadence(repeated: &[usize]) -> Option<usize> {
    if repeated.len() < 4 {
        return None;
    }
    let mut steps: Vec<usize> = repeated.windows(2).map(|w| w[1] - w[0]).collect();
    steps.sort_unstable();
    let usual = steps[steps.len() / 2];
    let fitting = steps.iter().filter(|s| **s % usual <= 1 || **s % usual + 1 >= usual).count();
    let exact = steps.iter().filter(|s| s.abs_diff(usual) <= 1).count();
    (usual >= 2 && fitting * 10 >= steps.len() * 8 && exact * 10 >= steps.len() * 6).then_some(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulldown_is_a_cadence_and_stutter_is_none() {
        assert_eq!(cadence(&[4, 9, 14, 19, 24, 29]), Some(5));
        assert_eq!(cadence(&[1, 3, 5, 7, 9, 13, 15]), Some(2));
        assert_eq!(cadence(&[3, 5, 19, 22, 40, 41, 77]), None);
        assert_eq!(cadence(&[3]), None);
    }
}
