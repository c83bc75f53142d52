//! Figures of merit from scores and truths.
//!
//! The decision that shapes it: every figure takes a weight for each observation and the observations are sorted once, so that a bootstrap
//! draw (weights 0, 1, 2, ...) costs one pass and gives exactly what the repeated list would give. A figure that is not defined is `None`, and
//! an area below one half stays as it is.

/// An observation: higher speaks for a fake.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Score, or a probability where the figure says so.
    pub score: f64,
    /// The truth.
    pub fake: bool,
}

/// A point of the ROC curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RocPoint {
    /// Share of the real ones at or above the threshold.
    pub fpr: f64,
    /// Share of the fake ones at or above it.
    pub tpr: f64,
    /// The threshold; infinite at the first point.
    pub threshold: f64,
}

/// Observations in falling order of score.
#[derive(Debug, Clone)]
pub struct Ranked {
    items: Vec<Scored>,
    /// Place of each in the list it was made from.
    from: Vec<usize>,
}

impl Ranked {
    /// Sorts; `None` when a score is not a number.
    pub fn new(items: &[Scored]) -> Option<Self> {
        if items.iter().any(|i| i.score.is_nan()) {
            return None;
        }
        let mut from: Vec<usize> = (0..items.len()).collect();
        from.sort_by(|a, b| items[*b].score.total_cmp(&items[*a].score));
        Some(Self { items: from.iter().map(|i| items[*i]).collect(), from })
    }

    /// The curve under a weight for each observation, by its place in the list; `None` when a class weighs nothing.
    pub fn roc(&self, weight: impl Fn(usize) -> f64) -> Option<Roc> {
        let mut counts = vec![(f64::INFINITY, 0.0, 0.0)];
        let (mut fakes, mut reals) = (0.0, 0.0);
        for (at, (item, from)) in self.items.iter().zip(&self.from).enumerate() {
            let weight = weight(*from);
            *(if item.fake { &mut fakes } else { &mut reals }) += weight;
            let tied = self.items.get(at + 1).is_some_and(|next| next.score == item.score);
            let grown = counts.last().is_none_or(|(_, f, r)| (*f, *r) != (fakes, reals));
            if !tied && grown {
                counts.push((item.score, fakes, reals));
            }
        }
        (fakes > 0.0 && reals > 0.0).then_some(Roc { counts, fakes, reals })
    }

    /// The same as [`Roc::auc`] of the curve without making it: most draws need nothing else of it.
    pub fn auc(&self, weight: impl Fn(usize) -> f64) -> Option<f64> {
        let (mut fakes, mut reals, mut area) = (0.0, 0.0, 0.0);
        let (mut tied_fakes, mut tied_reals) = (0.0, 0.0);
        for (at, (item, from)) in self.items.iter().zip(&self.from).enumerate() {
            *(if item.fake { &mut tied_fakes } else { &mut tied_reals }) += weight(*from);
            if self.items.get(at + 1).is_none_or(|next| next.score != item.score) {
                area += tied_reals * (fakes + tied_fakes / 2.0);
                fakes += std::mem::take(&mut tied_fakes);
                reals += std::mem::take(&mut tied_reals);
            }
        }
        (fakes > 0.0 && reals > 0.0).then(|| area / (fakes * reals))
    }
}

/// A ROC curve with the counts behind it.
#[derive(Debug, Clone)]
pub struct Roc {
    /// Threshold, fakes and reals at or above it; one entry a distinct score.
    counts: Vec<(f64, f64, f64)>,
    fakes: f64,
    reals: f64,
}

impl Roc {
    /// Its points from (0, 0) to (1, 1); tied scores are one step.
    pub fn points(&self) -> Vec<RocPoint> {
        let point = |(threshold, f, r): &(f64, f64, f64)| RocPoint {
            fpr: r / self.reals,
            tpr: f / self.fakes,
            threshold: *threshold,
        };
        self.counts.iter().map(point).collect()
    }

    /// Area below it: the chance that a fake scores higher than a real one, ties counted half.
    pub fn auc(&self) -> f64 {
        let area = |w: &[(f64, f64, f64)]| (w[1].2 - w[0].2) * (w[0].1 + w[1].1) / 2.0;
        self.counts.windows(2).map(area).sum::<f64>() / (self.fakes * self.reals)
    }

    /// Equal error rate: where the line through the points has as many misses as false alarms, by share.
    pub fn eer(&self) -> f64 {
        let excess = |(_, f, r): &(f64, f64, f64)| r / self.reals - (1.0 - f / self.fakes);
        for w in self.counts.windows(2) {
            let (before, after) = (excess(&w[0]), excess(&w[1]));
            if after >= 0.0 {
                let along = if after > before { -before / (after - before) } else { 0.0 };
                return (w[0].2 + along * (w[1].2 - w[0].2)) / self.reals;
            }
        }
        1.0
    }

    /// Average precision: the mean of the precision over the fakes, in steps, without interpolation.
    pub fn average_precision(&self) -> f64 {
        let step = |w: &[(f64, f64, f64)]| (w[1].1 - w[0].1) * w[1].1 / (w[1].1 + w[1].2);
        self.counts.windows(2).map(step).sum::<f64>() / self.fakes
    }

    /// The fewest false alarms at a threshold that finds this share of the fakes.
    pub fn fpr_at_tpr(&self, tpr: f64) -> f64 {
        let reached = self.counts.iter().find(|(_, f, _)| *f >= tpr * self.fakes - SLACK);
        reached.map_or(1.0, |(_, _, r)| r / self.reals)
    }

    /// The most fakes found at a threshold with at most this share of false alarms.
    pub fn tpr_at_fpr(&self, fpr: f64) -> f64 {
        let allowed = self.counts.iter().rfind(|(_, _, r)| *r <= fpr * self.reals + SLACK);
        allowed.map_or(0.0, |(_, f, _)| f / self.fakes)
    }
}

/// A share of a count is not exact in binary: 0.95 of 20 must be reached by 19.
const SLACK: f64 = 1e-9;

fn roc(items: &[Scored]) -> Option<Roc> {
    Ranked::new(items)?.roc(|_| 1.0)
}

/// Points of the ROC curve; `None` without both classes.
pub fn roc_points(items: &[Scored]) -> Option<Vec<RocPoint>> {
    Some(roc(items)?.points())
}

/// See [`Roc::auc`].
pub fn auc(items: &[Scored]) -> Option<f64> {
    Some(roc(items)?.auc())
}

/// See [`Roc::eer`].
pub fn eer(items: &[Scored]) -> Option<f64> {
    Some(roc(items)?.eer())
}

/// See [`Roc::average_precision`].
pub fn average_precision(items: &[Scored]) -> Option<f64> {
    Some(roc(items)?.average_precision())
}

/// See [`Roc::fpr_at_tpr`], at 95 %.
pub fn fpr_at_tpr95(items: &[Scored]) -> Option<f64> {
    Some(roc(items)?.fpr_at_tpr(0.95))
}

/// See [`Roc::tpr_at_fpr`], at 1 %.
pub fn tpr_at_fpr01(items: &[Scored]) -> Option<f64> {
    Some(roc(items)?.tpr_at_fpr(0.01))
}

/// Probabilities are kept this far from 0 and 1 in the log loss, so that one sure mistake costs 34.5 and not everything.
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

/// See [`weighted_log_loss`].
pub fn log_loss(items: &[Scored]) -> Option<f64> {
    weighted_log_loss(items, |_| 1.0)
}

/// See [`weighted_brier`].
pub fn brier(items: &[Scored]) -> Option<f64> {
    weighted_brier(items, |_| 1.0)
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

/// Expected calibration error of the probability of a fake, by weights: mean distance between probability and share of fakes over the bins.
pub fn weighted_ece(items: &[Scored], weight: impl Fn(usize) -> f64) -> Option<f64> {
    let bins = reliability(items, weight);
    let total: f64 = bins.iter().map(|b| b.weight).sum();
    (total > 0.0).then(|| bins.iter().map(|b| b.weight * (b.mean - b.fakes).abs()).sum::<f64>() / total)
}

/// See [`weighted_ece`].
pub fn ece(items: &[Scored]) -> Option<f64> {
    weighted_ece(items, |_| 1.0)
}

/// What a pair of a real and a fake score earns: 1 when the fake one is higher, one half for a tie.
pub fn credit(real: f64, fake: f64) -> f64 {
    if fake > real {
        1.0
    } else if fake == real {
        0.5
    } else {
        0.0
    }
}

/// Mean credit of pairs (real, fake).
pub fn paired_accuracy(pairs: &[(f64, f64)]) -> Option<f64> {
    (!pairs.is_empty()).then(|| pairs.iter().map(|(r, f)| credit(*r, *f)).sum::<f64>() / pairs.len() as f64)
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
    fn areas_by_hand() {
        // Fakes 0.8, 0.4; reals 0.6, 0.4, 0.2: wins 3 + (0 + half + 1) of 6.
        let items = list(&[(0.8, 1), (0.4, 1), (0.6, 0), (0.4, 0), (0.2, 0)]);
        assert!(near(auc(&items), 4.5 / 6.0));
        // Precision 1 at the first fake, 2 of 4 at the tie.
        assert!(near(average_precision(&items), 0.5 + 0.5 * 0.5));
        assert!(near(auc(&list(&[(1.0, 1), (0.0, 0)])), 1.0));
        assert!(near(auc(&list(&[(0.0, 1), (1.0, 0)])), 0.0));
        assert_eq!(auc(&list(&[(1.0, 1), (0.3, 1)])), None);
        assert_eq!(auc(&[]), None);
        assert_eq!(auc(&list(&[(f64::NAN, 1), (0.3, 0)])), None);
        assert!(near(auc(&list(&[(f64::INFINITY, 1), (f64::NEG_INFINITY, 0)])), 1.0));
    }

    #[test]
    fn the_curve_joins_ties_in_one_step() {
        let points = roc_points(&list(&[(0.8, 1), (0.4, 1), (0.6, 0), (0.4, 0)])).unwrap();
        let rates: Vec<(f64, f64)> = points.iter().map(|p| (p.fpr, p.tpr)).collect();
        assert_eq!(rates, [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (1.0, 1.0)]);
        assert_eq!(points[3].threshold, 0.4);
    }

    #[test]
    fn equal_error_rates_by_hand() {
        // One of four on either side is on the wrong side.
        let items = list(&[(8.0, 1), (7.0, 1), (6.0, 1), (5.0, 0), (4.0, 1), (3.0, 0), (2.0, 0), (1.0, 0)]);
        assert!(near(eer(&items), 0.25));
        // The line from (0, 1/2) straight up to (0, 1) meets at no error.
        assert!(near(eer(&list(&[(4.0, 1), (3.0, 1), (2.0, 0), (1.0, 0)])), 0.0));
        assert!(near(eer(&list(&[(1.0, 1), (2.0, 0)])), 1.0));
        // All tied: half way along the diagonal.
        assert!(near(eer(&list(&[(1.0, 1), (1.0, 0)])), 0.5));
    }

    #[test]
    fn operating_points_by_hand() {
        let mut items: Vec<Scored> = (0..20).map(|i| Scored { score: 100.0 - f64::from(i), fake: true }).collect();
        items.extend((0..200).map(|i| Scored { score: 83.5 - f64::from(i), fake: false }));
        // 19 of 20 fakes are found at 82, above which 83.5 and 82.5 lie.
        assert!(near(fpr_at_tpr95(&items), 2.0 / 200.0));
        // Two false alarms of 200 are allowed: the threshold 82 finds 19.
        assert!(near(tpr_at_fpr01(&items), 19.0 / 20.0));
    }

    #[test]
    fn probabilities_by_hand() {
        let items = list(&[(0.8, 1), (0.3, 0)]);
        assert!(near(log_loss(&items), -(0.8f64.ln() + 0.7f64.ln()) / 2.0));
        assert!(near(brier(&items), (0.04 + 0.09) / 2.0));
        assert!(log_loss(&list(&[(0.0, 1)])).unwrap() < 35.0);
        // Bins 12 (0.80..0.87) and 4 (0.27..0.33).
        assert!(near(ece(&items), (0.2 + 0.3) / 2.0));
        // Two in one bin, one fake: |0.81 - 0.5|.
        assert!(near(ece(&list(&[(0.80, 1), (0.82, 0)])), 0.31));
        assert!(near(ece(&list(&[(1.0, 1), (0.0, 0)])), 0.0));
        assert_eq!((log_loss(&[]), brier(&[]), ece(&[])), (None, None, None));
        assert!(near(paired_accuracy(&[(0.1, 0.9), (0.5, 0.5), (0.9, 0.1)]), 0.5));
        assert_eq!(paired_accuracy(&[]), None);
    }

    #[test]
    fn weights_are_repetitions() {
        let mut rng = Rng::new(3);
        let items: Vec<Scored> =
            (0..60).map(|i| Scored { score: (rng.unit() * 20.0).floor() / 20.0, fake: i % 3 == 0 }).collect();
        let weights: Vec<f64> = items.iter().map(|_| rng.below(4) as f64).collect();
        let repeated: Vec<Scored> =
            items.iter().zip(&weights).flat_map(|(i, w)| std::iter::repeat_n(*i, *w as usize)).collect();
        let weighted = Ranked::new(&items).unwrap().roc(|i| weights[i]).unwrap();
        assert!(near(auc(&repeated), weighted.auc()));
        assert!(near(Ranked::new(&items).unwrap().auc(|i| weights[i]), weighted.auc()));
        assert!(near(eer(&repeated), weighted.eer()));
        assert!(near(average_precision(&repeated), weighted.average_precision()));
        assert!(near(ece(&repeated), weighted_ece(&items, |i| weights[i]).unwrap()));
        assert!(near(log_loss(&repeated), weighted_log_loss(&items, |i| weights[i]).unwrap()));
    }
}
