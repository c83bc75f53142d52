//! Probabilities against truths: log loss, Brier score, calibration.
use super::ranking::Scored;

/// Probabilities are kept this far from 0 and 1 in the log loss, so that one sure mistake costs
/// 34.5 and not everything.
pub const CLIP: f64 = 1e-15;

fn weighted_mean(items: &[Scored], weight: impl Fn(usize) -> f64, value: impl Fn(&Scored) -> f64) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    for (i, item) in items.iter().enumerate() {
        let weight = weight(i);
        // An observation that was not drawn must not add 0 times infinity.
        if weight > 0.0 {
            sum += weight * value(item);
            total += weight;
        }
    }
    (total > 0.0).then(|| sum / total)
}

/// Mean of minus the natural logarithm of the probability of the truth, by weights.
pub fn weighted_log_loss(items: &[Scored], weight: impl Fn(usize) -> f64) -> Option<f64> {
    weighted_mean(items, weight, |i| {
        let p = i.score.clamp(CLIP, 1.0 - CLIP);
        -(if i.fake { p } else { 1.0 - p }).ln()
    })
}

/// Mean squared difference of probability and truth, by weights.
pub fn weighted_brier(items: &[Scored], weight: impl Fn(usize) -> f64) -> Option<f64> {
    weighted_mean(items, weight, |i| (i.score - f64::from(u8::from(i.fake))).powi(2))
}

/// Bins of the reliability diagram.
pub const BINS: usize = 15;

/// Observations whose probability lies in one bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bin {
    /// Their weight; a count when all weights are 1.
    pub weight: f64,
    /// Mean probability; 0 in an empty bin.
    pub mean: f64,
    /// Share of fakes; 0 in an empty bin.
    pub fakes: f64,
}

/// Equally wide bins from 0 to 1; a probability on an edge goes up, 1 into the last.
pub fn reliability(items: &[Scored], weight: impl Fn(usize) -> f64) -> [Bin; BINS] {
    let mut bins = [Bin::default(); BINS];
    for (i, item) in items.iter().enumerate() {
        let bin = &mut bins[((item.score * BINS as f64) as usize).min(BINS - 1)];
        let weight = weight(i);
        bin.weight += weight;
        bin.mean += weight * item.score;
        bin.fakes += if item.fake { weight } else { 0.0 };
    }
    for bin in bins.iter_mut().filter(|b| b.weight > 0.0) {
        bin.mean /= bin.weight;
        bin.fakes /= bin.weight;
    }
    bins
}

/// Expected calibration error of the probability of a fake, by weights: mean distance between
/// probability and share of fakes over the bins.
pub fn weighted_ece(items: &[Scored], weight: impl Fn(usize) -> f64) -> Option<f64> {
    let bins = reliability(items, weight);
    let total: f64 = bins.iter().map(|b| b.weight).sum();
    (total > 0.0).then(|| bins.iter().map(|b| b.weight * (b.mean - b.fakes).abs()).sum::<f64>() / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_material::rng::Rng;

    fn list(items: &[(f64, u8)]) -> Vec<Scored> {
        items.iter().map(|(score, fake)| Scored { score: *score, fake: *fake == 1 }).collect()
    }

    fn near(a: Option<f64>, b: f64) -> bool {
        a.is_some_and(|a| (a - b).abs() < 1e-12)
    }

    #[test]
    fn probabilities_by_hand() {
        let items = list(&[(0.8, 1), (0.3, 0)]);
        assert!(near(weighted_log_loss(&items, |_| 1.0), -(0.8f64.ln() + 0.7f64.ln()) / 2.0));
        assert!(near(weighted_brier(&items, |_| 1.0), (0.04 + 0.09) / 2.0));
        assert!(weighted_log_loss(&list(&[(0.0, 1)]), |_| 1.0).unwrap() < 35.0);
        // Bins 12 (0.80..0.87) and 4 (0.27..0.33).
        assert!(near(weighted_ece(&items, |_| 1.0), (0.2 + 0.3) / 2.0));
        // Two in one bin, one fake: |0.81 - 0.5|.
        assert!(near(weighted_ece(&list(&[(0.80, 1), (0.82, 0)]), |_| 1.0), 0.31));
        assert!(near(weighted_ece(&list(&[(1.0, 1), (0.0, 0)]), |_| 1.0), 0.0));
        let none = (weighted_log_loss(&[], |_| 1.0), weighted_brier(&[], |_| 1.0), weighted_ece(&[], |_| 1.0));
        assert_eq!(none, (None, None, None));
    }

    #[test]
    fn weights_are_repetitions() {
        let mut rng = Rng::new(3);
        let items: Vec<Scored> =
            (0..60).map(|i| Scored { score: (rng.unit() * 20.0).floor() / 20.0, fake: i % 3 == 0 }).collect();
        let weights: Vec<f64> = items.iter().map(|_| rng.below(4) as f64).collect();
        let repeated: Vec<Scored> =
            items.iter().zip(&weights).flat_map(|(i, w)| std::iter::repeat_n(*i, *w as usize)).collect();
        assert!(near(weighted_ece(&repeated, |_| 1.0), weighted_ece(&items, |i| weights[i]).unwrap()));
        assert!(near(weighted_log_loss(&repeated, |_| 1.0), weighted_log_loss(&items, |i| weights[i]).unwrap()));
        assert!(near(weighted_brier(&repeated, |_| 1.0), weighted_brier(&items, |i| weights[i]).unwrap()));
    }
}
