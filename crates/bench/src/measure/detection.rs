//! Scores of forged and pristine files against each other.
use assay_material::rng::Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A share with its count and Wilson's 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// How many were counted.
    pub count: usize,
    /// Of how many.
    pub total: usize,
    /// `count / total`; 0 when there are none.
    pub rate: f64,
    /// Wilson (1927) score interval; 0..=1 when there are none.
    pub interval: Interval,
}

impl Rate {
    /// `count` of `total`.
    pub fn new(count: usize, total: usize) -> Self {
        if total == 0 {
            return Self { count, total, rate: 0.0, interval: Interval { low: 0.0, high: 1.0 } };
        }
        // 97.5 % point of the standard normal.
        let z = 1.959_963_984_540_054_f64;
        let (n, p) = (total as f64, count as f64 / total as f64);
        let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        // The ends are exact at none and all; rounding must not exclude the rate itself.
        let low = if count == 0 { 0.0 } else { (centre - half).clamp(0.0, p) };
        let high = if count >= total { 1.0 } else { (centre + half).clamp(p, 1.0) };
        Self { count, total, rate: p, interval: Interval { low, high } }
    }
}

/// A judged file: its score, or `None` for an abstention, and what it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Higher speaks for forgery. `None`: the method abstained or did not apply.
    pub score: Option<f64>,
    /// True for a forged file.
    pub forged: bool,
    /// Source photo; files of one source are drawn together in the bootstrap.
    pub source: String,
}

/// Area under the ROC curve: the chance that a forged file scores higher than a pristine one, ties counted half (Mann-Whitney).
///
/// `None` when either side is empty or a score is not a number.
pub fn auc(forged: &[f64], pristine: &[f64]) -> Option<f64> {
    let weighted = |scores: &[f64], side| scores.iter().map(move |s| (*s, side)).collect::<Vec<_>>();
    let mut all = weighted(forged, [1.0, 0.0]);
    all.extend(weighted(pristine, [0.0, 1.0]));
    weighted_auc(&mut all)
}

/// Area from scores with weights `[positive, negative]`; `None` when a side weighs nothing or a score is not a number.
pub(super) fn weighted_auc(scores: &mut [(f64, [f64; 2])]) -> Option<f64> {
    if scores.iter().any(|(score, _)| score.is_nan()) {
        return None;
    }
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut area, mut positives) = (0.0, 0.0, 0.0);
    for tied in scores.chunk_by(|a, b| a.0 == b.0) {
        let up: f64 = tied.iter().map(|(_, w)| w[0]).sum();
        let down: f64 = tied.iter().map(|(_, w)| w[1]).sum();
        area += up * (below + down / 2.0);
        below += down;
        positives += up;
    }
    (positives > 0.0 && below > 0.0).then(|| area / (positives * below))
}

/// The area and its 95 % bootstrap percentile interval: source photos are drawn with replacement, with all files made from them.
///
/// An abstention takes the lowest place, below every score. `None` as for [`auc`].
pub fn auc_interval(files: &[Judged], rounds: usize, seed: u64) -> Option<(f64, Interval)> {
    let score = |file: &Judged| file.score.unwrap_or(f64::NEG_INFINITY);
    let area = |files: &mut dyn Iterator<Item = &Judged>| {
        let mut all: Vec<(f64, [f64; 2])> =
            files.map(|f| (score(f), if f.forged { [1.0, 0.0] } else { [0.0, 1.0] })).collect();
        weighted_auc(&mut all)
    };
    let whole = area(&mut files.iter())?;
    let mut by_source: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
    for file in files {
        by_source.entry(&file.source).or_default().push(file);
    }
    let sources: Vec<Vec<&Judged>> = by_source.into_values().collect();
    let mut rng = Rng::labelled(seed, "bootstrap");
    let mut areas: Vec<f64> = (0..rounds)
        .filter_map(|_| {
            let drawn: Vec<usize> = (0..sources.len()).map(|_| rng.below(sources.len())).collect();
            area(&mut drawn.iter().flat_map(|i| sources[*i].iter().copied()))
        })
        .collect();
    areas.sort_by(f64::total_cmp);
    let at =
        |share: f64| areas.get(((areas.len().max(1) - 1) as f64 * share).round() as usize).copied().unwrap_or(whole);
    Some((whole, Interval { low: at(0.025), high: at(0.975) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_material::rng::Rng;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
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

    #[test]
    fn wilson_intervals_match_published_values() {
        // 8 of 10: 0.4902 to 0.9433 (Newcombe 1998, method 3, rounded).
        let rate = Rate::new(8, 10);
        assert!((rate.interval.low - 0.4902).abs() < 5e-5 && (rate.interval.high - 0.9433).abs() < 5e-5, "{rate:?}");
        // 0 of 20: upper end z² / (n + z²).
        let none = Rate::new(0, 20);
        close(none.interval.low, 0.0);
        assert!((none.interval.high - 0.161_13).abs() < 1e-4, "{none:?}");
        assert_eq!(Rate::new(0, 0).interval, Interval { low: 0.0, high: 1.0 });
    }

    #[test]
    fn abstentions_are_misses() {
        let file = |score, forged, source: &str| Judged { score, forged, source: source.into() };
        let files =
            [file(None, true, "a"), file(Some(0.0), false, "a"), file(Some(1.0), true, "b"), file(None, false, "b")];
        // Pairs: none<0, none=none, 1>0, 1>none: 2.5 of 4.
        close(auc_interval(&files, 10, 1).unwrap().0, 2.5 / 4.0);
    }

    #[test]
    fn the_bootstrap_is_seeded_and_as_wide_as_theory_says() {
        let mut rng = Rng::new(5);
        let files: Vec<Judged> = (0..400)
            .map(|i| {
                let forged = i % 2 == 0;
                let score = rng.normal() + if forged { 1.0 } else { 0.0 };
                Judged { score: Some(score), forged, source: format!("{i}") }
            })
            .collect();
        let (area, interval) = auc_interval(&files, 400, 9).unwrap();
        assert_eq!(auc_interval(&files, 400, 9).unwrap().1, interval);
        assert!(interval.low < area && area < interval.high);
        // Hanley and McNeil (1982) at A = 0.76, 200 and 200: standard error about 0.024, so about 0.094 wide.
        let width = interval.high - interval.low;
        assert!((0.07..0.12).contains(&width), "{width}");
    }

    #[test]
    fn files_of_one_source_are_drawn_together() {
        // Twins of one source always come together: with a perfect order inside every source, some draws still mix the sources.
        let file = |score: f64, forged, source: &str| Judged { score: Some(score), forged, source: source.into() };
        let files = [file(2.0, true, "a"), file(1.0, false, "a")];
        let (area, interval) = auc_interval(&files, 50, 3).unwrap();
        // One source: every draw is the whole set. Drawing files alone would lose a side in half of the rounds.
        assert_eq!((area, interval), (1.0, Interval { low: 1.0, high: 1.0 }));
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

        #[test]
        fn a_wilson_interval_holds_its_rate_and_shrinks(count in 0usize..50, more in 0usize..50) {
            let total = count + more.max(1);
            let rate = Rate::new(count, total);
            prop_assert!(0.0 <= rate.interval.low && rate.interval.low <= rate.rate);
            prop_assert!(rate.rate <= rate.interval.high && rate.interval.high <= 1.0);
            let tenfold = Rate::new(10 * count, 10 * total);
            prop_assert!(tenfold.interval.high - tenfold.interval.low <= rate.interval.high - rate.interval.low + 1e-12);
        }
    }
}
