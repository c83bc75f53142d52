//! From looks to stretches of a few seconds, and from those to one score.
//!
//! The decision that shapes it: a face is often swapped in a part of a clip only. A stretch is the
//! unit that is judged and calibrated; a person's score is that of a mixture in which any one
//! stretch may be the manipulated one, so it pays for how many stretches were looked at.

/// Length of a stretch in seconds.
pub const STRETCH_SECS: f64 = 3.0;

/// Looks at one person within [`STRETCH_SECS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// First look.
    pub start_secs: f64,
    /// Last look.
    pub end_secs: f64,
    /// Mean of the looks' logits.
    pub logit: f64,
    /// How many looks.
    pub looks: usize,
}

/// The stretches of one person's looks, given in the order of time as `(seconds, logit)`.
pub fn stretches(looks: &[(f64, f64)]) -> Vec<Stretch> {
    let first = looks.first().map_or(0.0, |l| l.0);
    let place = |look: &(f64, f64)| ((look.0 - first) / STRETCH_SECS) as u64;
    looks
        .chunk_by(|a, b| place(a) == place(b))
        .filter_map(|chunk| {
            let (start, end) = (chunk.first()?, chunk.last()?);
            let logit = chunk.iter().map(|l| l.1).sum::<f64>() / chunk.len() as f64;
            Some(Stretch { start_secs: start.0, end_secs: end.0, logit, looks: chunk.len() })
        })
        .collect()
}

/// `ln(mean(exp(x)))`: the likelihood of a mixture in which any one of the values may be the one
/// that counts.
pub fn log_mean(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + (values.iter().map(|v| (v - most).exp()).sum::<f64>() / values.len().max(1) as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_strong_stretch_carries_a_long_clip_but_pays_for_its_length() {
        let short = log_mean(&[8.0]);
        let long = log_mean(&[[8.0].as_slice(), &[-3.0; 99]].concat());
        assert!((short - 8.0).abs() < 1e-12);
        assert!((long - (8.0 - 100f64.ln())).abs() < 0.01, "{long}");
        assert!(log_mean(&[-3.0; 50]) < -2.9);
    }

    #[test]
    fn stretches_are_three_seconds_from_the_first_look() {
        let looks: Vec<(f64, f64)> = (0..40).map(|i| (1.0 + f64::from(i) / 6.0, f64::from(i / 18))).collect();
        let found = stretches(&looks);
        assert_eq!(found.iter().map(|s| s.looks).collect::<Vec<_>>(), [18, 18, 4]);
        assert!((found[1].start_secs - 4.0).abs() < 1e-9 && (found[1].logit - 1.0).abs() < 1e-9);
    }
}
