//! Pool-adjacent-violators: the best non-decreasing map from a raw score to a log-likelihood ratio.
//!
//! For a-contrario scores, most genuine pictures share one value (nothing found) and a straight
//! line through a logit fits badly. Each plateau is smoothed by half an imagined item of either
//! class, so that a plateau of few items never claims much.
use serde::{Deserialize, Serialize};

/// A non-decreasing step map with linear transitions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// Steps by rising score.
    pub steps: Vec<Step>,
}

/// One plateau.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Lowest raw score of the plateau.
    pub from: f64,
    /// Highest raw score of the plateau.
    pub to: f64,
    /// log10 likelihood ratio.
    pub llr_log10: f64,
    /// Standard error of it.
    pub error_log10: f64,
}

/// Items that share one value of the best non-decreasing map.
pub(super) struct Pool {
    /// Lowest score.
    from: f64,
    /// Highest score.
    to: f64,
    /// Forged items.
    pub(super) ones: f64,
    /// Genuine items.
    pub(super) zeros: f64,
}

/// Pools of rising share of forged items, the classes weighted to equal mass; empty without items
/// of both classes.
pub(super) fn pool(scores: &[f64], forged: &[bool]) -> Vec<Pool> {
    let mut items: Vec<(f64, bool)> = scores.iter().copied().zip(forged.iter().copied()).collect();
    items.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (n1, n0) = (items.iter().filter(|i| i.1).count() as f64, items.iter().filter(|i| !i.1).count() as f64);
    if n1 < 1.0 || n0 < 1.0 {
        return Vec::new();
    }
    let share = |p: &Pool| (p.ones / n1) / (p.ones / n1 + p.zeros / n0);
    let mut pools: Vec<Pool> = Vec::new();
    for (score, label) in items {
        let (one, zero) = (f64::from(u8::from(label)), f64::from(u8::from(!label)));
        match pools.last_mut() {
            Some(last) if last.to == score => {
                last.ones += one;
                last.zeros += zero;
            }
            _ => pools.push(Pool { from: score, to: score, ones: one, zeros: zero }),
        }
    }
    let mut merged: Vec<Pool> = Vec::new();
    for pool in pools {
        merged.push(pool);
        while let [.., a, b] = merged.as_mut_slice() {
            if share(a) < share(b) {
                break;
            }
            *a = Pool { from: a.from, to: b.to, ones: a.ones + b.ones, zeros: a.zeros + b.zeros };
            merged.pop();
        }
    }
    merged
}

impl Isotonic {
    /// Fits to scores and labels; `None` without items of both classes.
    pub fn fit(scores: &[f64], forged: &[bool]) -> Option<Self> {
        let (n1, n0) = (forged.iter().filter(|f| **f).count() as f64, forged.iter().filter(|f| !**f).count() as f64);
        if n1 < 1.0 || n0 < 1.0 {
            return None;
        }
        let merged = pool(scores, forged);
        let steps = merged
            .iter()
            .map(|p| {
                let (ones, zeros) = (p.ones + 0.5, p.zeros + 0.5);
                let llr = ((ones / (n1 + 0.5)) / (zeros / (n0 + 0.5))).log10();
                Step {
                    from: p.from,
                    to: p.to,
                    llr_log10: llr,
                    error_log10: (1.0 / ones + 1.0 / zeros).sqrt() / std::f64::consts::LN_10,
                }
            })
            .collect::<Vec<_>>();
        // The half items can turn two neighbours round; the running maximum restores the order.
        let mut highest = f64::NEG_INFINITY;
        let steps = steps
            .into_iter()
            .map(|mut s| {
                highest = highest.max(s.llr_log10);
                s.llr_log10 = highest;
                s
            })
            .collect();
        Some(Self { steps })
    }

    /// log10 likelihood ratio and its standard error; linear between plateaus, constant beyond the
    /// ends.
    pub fn llr(&self, raw: f64) -> (f64, f64) {
        let after = self.steps.partition_point(|s| s.from <= raw);
        let Some(at) = after.checked_sub(1).and_then(|i| self.steps.get(i)) else {
            return self.steps.first().map_or((0.0, 0.0), |s| (s.llr_log10, s.error_log10));
        };
        match self.steps.get(after) {
            Some(next) if raw > at.to && next.from > at.to => {
                let t = (raw - at.to) / (next.from - at.to);
                (
                    at.llr_log10 + t * (next.llr_log10 - at.llr_log10),
                    at.error_log10 + t * (next.error_log10 - at.error_log10),
                )
            }
            _ => (at.llr_log10, at.error_log10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn violators_are_pooled() {
        let map = Isotonic::fit(&[0.0, 1.0, 2.0, 3.0], &[false, true, false, true]).unwrap();
        assert_eq!(map.steps.len(), 3);
        assert_eq!((map.steps[1].from, map.steps[1].to), (1.0, 2.0));
        assert!(map.steps[1].llr_log10.abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_map_never_falls(items in prop::collection::vec((-5.0..5.0f64, any::<bool>()), 2..200), a in -6.0..6.0f64, b in -6.0..6.0f64) {
            let (scores, forged): (Vec<f64>, Vec<bool>) = items.into_iter().unzip();
            if let Some(map) = Isotonic::fit(&scores, &forged) {
                let (low, high) = (a.min(b), a.max(b));
                prop_assert!(map.llr(low).0 <= map.llr(high).0 + 1e-12);
            }
        }
    }
}
