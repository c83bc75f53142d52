//! Rankings: the ROC curve, the area below it, operating points.
//!
//! The decision that shapes it: every figure takes a weight for each observation and the
//! observations are sorted once, so that a bootstrap draw (weights 0, 1, 2, ...) costs one pass and
//! gives exactly what the repeated list would give. A figure that is not defined is `None`.

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

    /// The curve under a weight for each observation, by its place in the list; `None` when a class
    /// weighs nothing.
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

    /// Equal error rate: where the line through the points has as many misses as false positives,
    /// by share.
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

    /// Average precision: the mean of the precision over the fakes, in steps, without
    /// interpolation.
    pub fn average_precision(&self) -> f64 {
        let step = |w: &[(f64, f64, f64)]| (w[1].1 - w[0].1) * w[1].1 / (w[1].1 + w[1].2);
        self.counts.windows(2).map(step).sum::<f64>() / self.fakes
    }

    /// The fewest false positives at a threshold that finds this share of the fakes.
    pub fn fpr_at_tpr(&self, tpr: f64) -> f64 {
        let reached = self.counts.iter().find(|(_, f, _)| *f >= tpr * self.fakes - SLACK);
        reached.map_or(1.0, |(_, _, r)| r / self.reals)
    }

    /// The most fakes found at a threshold with at most this share of false positives.
    pub fn tpr_at_fpr(&self, fpr: f64) -> f64 {
        let allowed = self.counts.iter().rfind(|(_, _, r)| *r <= fpr * self.reals + SLACK);
        allowed.map_or(0.0, |(_, f, _)| f / self.fakes)
    }
}

/// A share of a count is not exact in binary: 0.95 of 20 must be reached by 19.
const SLACK: f64 = 1e-9;

/// Area under the ROC curve: the chance that a forged one scores higher than a real one, ties
/// counted half (Mann-Whitney). `None` when either side is empty or a score is not a number.
pub fn auc(fakes: &[f64], reals: &[f64]) -> Option<f64> {
    let side =
        |scores: &[f64], fake| scores.iter().map(move |score| Scored { score: *score, fake }).collect::<Vec<_>>();
    let mut all = side(fakes, true);
    all.extend(side(reals, false));
    Ranked::new(&all)?.auc(|_| 1.0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use assay_material::rng::Rng;
    use proptest::prelude::*;

    fn list(items: &[(f64, u8)]) -> Vec<Scored> {
        items.iter().map(|(score, fake)| Scored { score: *score, fake: *fake == 1 }).collect()
    }

    fn roc(items: &[Scored]) -> Option<Roc> {
        Ranked::new(items)?.roc(|_| 1.0)
    }

    fn near(a: Option<f64>, b: f64) -> bool {
        a.is_some_and(|a| (a - b).abs() < 1e-12)
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn areas_by_hand() {
        // Fakes 0.8, 0.4; reals 0.6, 0.4, 0.2: wins 3 + (0 + half + 1) of 6.
        let items = list(&[(0.8, 1), (0.4, 1), (0.6, 0), (0.4, 0), (0.2, 0)]);
        assert!(near(roc(&items).map(|r| r.auc()), 4.5 / 6.0));
        // Precision 1 at the first fake, 2 of 4 at the tie.
        assert!(near(roc(&items).map(|r| r.average_precision()), 0.5 + 0.5 * 0.5));
        assert!(near(roc(&list(&[(1.0, 1), (0.0, 0)])).map(|r| r.auc()), 1.0));
        assert!(near(roc(&list(&[(0.0, 1), (1.0, 0)])).map(|r| r.auc()), 0.0));
        assert_eq!(roc(&list(&[(1.0, 1), (0.3, 1)])).map(|r| r.auc()), None);
        assert!(roc(&[]).is_none());
        assert_eq!(roc(&list(&[(f64::NAN, 1), (0.3, 0)])).map(|r| r.auc()), None);
        assert!(near(roc(&list(&[(f64::INFINITY, 1), (f64::NEG_INFINITY, 0)])).map(|r| r.auc()), 1.0));
    }

    #[test]
    fn the_curve_joins_ties_in_one_step() {
        let points = roc(&list(&[(0.8, 1), (0.4, 1), (0.6, 0), (0.4, 0)])).unwrap().points();
        let rates: Vec<(f64, f64)> = points.iter().map(|p| (p.fpr, p.tpr)).collect();
        assert_eq!(rates, [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (1.0, 1.0)]);
        assert_eq!(points[3].threshold, 0.4);
    }

    #[test]
    fn equal_error_rates_by_hand() {
        // One of four on either side is on the wrong side.
        let items = list(&[(8.0, 1), (7.0, 1), (6.0, 1), (5.0, 0), (4.0, 1), (3.0, 0), (2.0, 0), (1.0, 0)]);
        assert!(near(roc(&items).map(|r| r.eer()), 0.25));
        // The line from (0, 1/2) straight up to (0, 1) meets at no error.
        assert!(near(roc(&list(&[(4.0, 1), (3.0, 1), (2.0, 0), (1.0, 0)])).map(|r| r.eer()), 0.0));
        assert!(near(roc(&list(&[(1.0, 1), (2.0, 0)])).map(|r| r.eer()), 1.0));
        // All tied: half way along the diagonal.
        assert!(near(roc(&list(&[(1.0, 1), (1.0, 0)])).map(|r| r.eer()), 0.5));
    }

    #[test]
    fn operating_points_by_hand() {
        let mut items: Vec<Scored> = (0..20).map(|i| Scored { score: 100.0 - f64::from(i), fake: true }).collect();
        items.extend((0..200).map(|i| Scored { score: 83.5 - f64::from(i), fake: false }));
        // 19 of 20 fakes are found at 82, above which 83.5 and 82.5 lie.
        assert!(near(roc(&items).map(|r| r.fpr_at_tpr(0.95)), 2.0 / 200.0));
        // Two false positives of 200 are allowed: the threshold 82 finds 19.
        assert!(near(roc(&items).map(|r| r.tpr_at_fpr(0.01)), 19.0 / 20.0));
    }

    #[test]
    fn weights_are_repetitions() {
        let mut rng = Rng::new(3);
        let items: Vec<Scored> =
            (0..60).map(|i| Scored { score: (rng.unit() * 20.0).floor() / 20.0, fake: i % 3 == 0 }).collect();
        let weights: Vec<f64> = items.iter().map(|_| rng.below(4) as f64).collect();
        let repeated: Vec<Scored> =
            items.iter().zip(&weights).flat_map(|(i, w)| std::iter::repeat_n(*i, *w as usize)).collect();
        let (weighted, repeated) = (Ranked::new(&items).unwrap().roc(|i| weights[i]).unwrap(), roc(&repeated).unwrap());
        close(repeated.auc(), weighted.auc());
        close(repeated.auc(), Ranked::new(&items).unwrap().auc(|i| weights[i]).unwrap());
        close(repeated.eer(), weighted.eer());
        close(repeated.average_precision(), weighted.average_precision());
    }

    #[test]
    fn areas_match_counting_by_hand() {
        close(auc(&[3.0, 4.0], &[1.0, 2.0]).unwrap(), 1.0);
        close(auc(&[1.0], &[2.0]).unwrap(), 0.0);
        // Pairs: 2>1, 2=2, 4>1, 4>2: 3.5 of 4.
        close(auc(&[2.0, 4.0], &[1.0, 2.0]).unwrap(), 3.5 / 4.0);
        assert_eq!(auc(&[], &[1.0]), None);
        assert_eq!(auc(&[f64::NAN], &[1.0]), None);
    }

    proptest! {
        #[test]
        fn an_area_is_a_share_and_turns_over_with_the_sides(
            a in prop::collection::vec(-5i32..5, 1..30),
            b in prop::collection::vec(-5i32..5, 1..30),
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = (a.into_iter().map(f64::from).collect(), b.into_iter().map(f64::from).collect());
            let area = auc(&a, &b).unwrap();
            prop_assert!((0.0..=1.0).contains(&area));
            prop_assert!((area + auc(&b, &a).unwrap() - 1.0).abs() < 1e-9);
            let pairs: f64 = a.iter().flat_map(|x| b.iter().map(move |y| if x > y { 1.0 } else if x == y { 0.5 } else { 0.0 })).sum();
            prop_assert!((area - pairs / (a.len() * b.len()) as f64).abs() < 1e-9);
            let monotone = |v: &[f64]| v.iter().map(|x| (x / 3.0).exp()).collect::<Vec<_>>();
            prop_assert!((auc(&monotone(&a), &monotone(&b)).unwrap() - area).abs() < 1e-9);
        }
    }
}
