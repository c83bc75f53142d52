//! How far a figure can be trusted: Wilson's interval for rates, a bootstrap for everything else.
//!
//! The decision that shapes it: what is drawn is what is independent, a source or a video with
//! everything in it. Frames of one video are nearly the same picture, and an interval that takes
//! them for independent is many times too narrow. All figures of a set come from the same draws,
//! each draw from its own stream of random numbers, so that the number of threads changes nothing.
use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::ranking::{Ranked, Scored};
use assay_material::rng::Rng;

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

/// Draws of the bootstrap.
pub const DRAWS: usize = 1000;

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure on all observations; absent when it is not defined, and then `reason` says why.
    pub value: Option<f64>,
    /// 2.5th percentile of the draws; absent when fewer than half of them give a value.
    pub low: Option<f64>,
    /// 97.5th percentile.
    pub high: Option<f64>,
    /// Observations: frames, persons, videos or pairs.
    pub n: usize,
    /// Why there is no value, or no interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The figures with their intervals. `figures` gets a weight for each of the `units` videos: how
/// often it was drawn.
pub fn bootstrap<const N: usize>(
    units: usize,
    seed: u64,
    figures: impl Fn(&[f64]) -> [Option<f64>; N] + Sync,
) -> [Estimate; N] {
    let values = figures(&vec![1.0; units]);
    let draws: Vec<[Option<f64>; N]> = (0..if units == 0 { 0 } else { DRAWS })
        .into_par_iter()
        .map(|draw| {
            let mut rng = Rng::labelled(seed, &format!("draw {draw}"));
            let mut weights = vec![0.0; units];
            (0..units).for_each(|_| weights[rng.below(units)] += 1.0);
            figures(&weights)
        })
        .collect();
    std::array::from_fn(|i| {
        let mut drawn: Vec<f64> = draws.iter().filter_map(|d| d[i]).collect();
        drawn.sort_by(f64::total_cmp);
        let enough = values[i].is_some() && drawn.len() * 2 >= DRAWS;
        let [low, high] = [0.025, 0.975].map(|p| if enough { percentile(&drawn, p) } else { None });
        let thin = values[i].is_some() && !enough;
        let reason = thin.then(|| "no interval: fewer than half of the draws have both classes".to_owned());
        let estimate = Estimate { value: values[i], low, high, n: 0, reason };
        if enough && low == high { without_spread(estimate, units) } else { estimate }
    })
}

/// An estimate of which every draw says the same: that is no certainty but too few units. Where it
/// is 0 or 1 the exact bound is given that half of the units would have as independent successes
/// (Clopper and Pearson 1934; half, since every comparison needs one of each class).
fn without_spread(estimate: Estimate, units: usize) -> Estimate {
    let bound = exact_bound(units);
    let (low, high) = match estimate.value {
        Some(1.0) => (bound, 1.0),
        Some(0.0) => (0.0, 1.0 - bound),
        _ => {
            let reason = Some("no interval: every draw gives the same value".to_owned());
            return Estimate { low: None, high: None, reason, ..estimate };
        }
    };
    Estimate { low: Some(low), high: Some(high), ..estimate }
}

/// The lower 95 % bound of a share of which every one of half of the units is a success.
fn exact_bound(units: usize) -> f64 {
    0.025_f64.powf(1.0 / (units / 2).max(1) as f64)
}

/// Linear between the two nearest of the sorted values.
fn percentile(sorted: &[f64], p: f64) -> Option<f64> {
    let at = p * (sorted.len().checked_sub(1)?) as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    let next = sorted.get(low + 1).unwrap_or(&sorted[low]);
    Some(sorted[low] + part * (next - sorted[low]))
}

/// The area under the curve and its 95 % bootstrap interval: sources are drawn with replacement,
/// with all files made from them.
///
/// An abstention takes the lowest place, below every score. `None` as for [`auc`](super::auc).
pub fn auc_interval(files: &[Judged], rounds: usize, seed: u64) -> Option<(f64, Interval)> {
    let mut places: BTreeMap<&str, usize> = files.iter().map(|f| (f.source.as_str(), 0)).collect();
    places.values_mut().enumerate().for_each(|(at, place)| *place = at);
    let source_of: Vec<usize> = files.iter().map(|f| places[f.source.as_str()]).collect();
    let scored = |f: &Judged| Scored { score: f.score.unwrap_or(f64::NEG_INFINITY), fake: f.forged };
    let ranked = Ranked::new(&files.iter().map(scored).collect::<Vec<_>>())?;
    let whole = ranked.auc(|_| 1.0)?;
    let mut rng = Rng::labelled(seed, "bootstrap");
    let mut areas: Vec<f64> = (0..rounds)
        .filter_map(|_| {
            let mut drawn = vec![0.0; places.len()];
            (0..places.len()).for_each(|_| drawn[rng.below(places.len())] += 1.0);
            ranked.auc(|file| drawn[source_of[file]])
        })
        .collect();
    areas.sort_by(f64::total_cmp);
    let at =
        |share: f64| areas.get(((areas.len().max(1) - 1) as f64 * share).round() as usize).copied().unwrap_or(whole);
    let (mut low, mut high) = (at(0.025), at(0.975));
    // As in `without_spread`: a curve that no draw moves is one of too few sources.
    if low == high {
        let bound = exact_bound(places.len());
        (low, high) = (low.min(bound), high.max(1.0 - bound));
    }
    Some((whole, Interval { low, high }))
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
    fn the_interval_of_a_mean_is_that_of_theory() {
        let mut rng = Rng::new(11);
        let values: Vec<f64> = (0..400).map(|_| rng.normal()).collect();
        let mean = |w: &[f64]| values.iter().zip(w).map(|(v, w)| v * w).sum::<f64>() / w.iter().sum::<f64>();
        let [interval] = bootstrap(400, 1, |w| [Some(mean(w))]);
        let (low, high) = (interval.low.unwrap(), interval.high.unwrap());
        // 2 x 1.96 / sqrt(400) = 0.196.
        assert!(low < interval.value.unwrap() && interval.value.unwrap() < high);
        assert!((high - low - 0.196).abs() < 0.03, "{interval:?}");
        assert_eq!(bootstrap(400, 1, |w| [Some(mean(w))])[0], interval);
        assert_ne!(bootstrap(400, 2, |w| [Some(mean(w))])[0], interval);
    }

    #[test]
    fn intervals_cover_the_truth_about_as_often_as_they_say() {
        let covered = (0..60)
            .filter(|trial| {
                let mut rng = Rng::labelled(5, &trial.to_string());
                let values: Vec<f64> = (0..60).map(|_| rng.normal()).collect();
                let mean = |w: &[f64]| values.iter().zip(w).map(|(v, w)| v * w).sum::<f64>() / w.iter().sum::<f64>();
                let [interval] = bootstrap(60, *trial, |w| [Some(mean(w))]);
                interval.low.unwrap() <= 0.0 && 0.0 <= interval.high.unwrap()
            })
            .count();
        assert!((52..=60).contains(&covered), "{covered} of 60");
    }

    #[test]
    fn a_value_that_no_draw_moves_is_not_certain() {
        let [perfect] = bootstrap(2, 1, |_| [Some(1.0)]);
        assert!(perfect.low.unwrap() < 0.03 && perfect.high == Some(1.0), "{perfect:?}");
        let [many] = bootstrap(200, 1, |_| [Some(0.0)]);
        assert!(many.low == Some(0.0) && (0.02..0.05).contains(&many.high.unwrap()), "{many:?}");
        let [odd] = bootstrap(10, 1, |_| [Some(0.5)]);
        assert!(odd.low.is_none() && odd.reason.is_some());
        let file =
            |forged: bool, i: usize| Judged { score: Some(f64::from(u8::from(forged))), forged, source: i.to_string() };
        let (area, interval) = auc_interval(&[file(true, 0), file(false, 1)], 100, 1).unwrap();
        assert!(area == 1.0 && interval.low < 0.03 && interval.high == 1.0, "{interval:?}");
    }

    #[test]
    fn without_enough_draws_there_is_no_interval() {
        let [none, rare] = bootstrap(3, 1, |w| [None, (w[0] >= 1.0 && w[1] >= 1.0 && w[2] >= 1.0).then_some(1.0)]);
        assert_eq!((none.value, none.low, none.reason), (None, None, None));
        assert_eq!((rare.value, rare.low), (Some(1.0), None));
        assert!(rare.reason.is_some());
        assert_eq!(bootstrap(0, 1, |_| [None])[0].value, None);
        assert_eq!(percentile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
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
        // Hanley and McNeil (1982) at A = 0.76, 200 and 200: standard error about 0.024, so about
        // 0.094 wide.
        let width = interval.high - interval.low;
        assert!((0.07..0.12).contains(&width), "{width}");
    }

    #[test]
    fn files_of_one_source_are_drawn_together() {
        // Twins of one source always come together: with a perfect order inside every source, some
        // draws still mix the sources.
        let file = |score: f64, forged, source: &str| Judged { score: Some(score), forged, source: source.into() };
        let files = [file(2.0, true, "a"), file(1.0, false, "a")];
        let (area, interval) = auc_interval(&files, 50, 3).unwrap();
        // One source: every draw is the whole set, and nothing is known of others. Drawing files
        // alone would lose a side in half of the rounds.
        assert_eq!((area, interval), (1.0, Interval { low: 0.025, high: 1.0 }));
    }

    #[test]
    fn a_draw_is_worth_what_the_list_of_the_drawn_files_is_worth() {
        let mut rng = Rng::new(31);
        let files: Vec<Judged> = (0..90)
            .map(|i| {
                let score = (!rng.chance(0.1)).then(|| (rng.normal() * 4.0).round());
                Judged { score, forged: rng.chance(0.4), source: format!("{}", i / 3) }
            })
            .collect();
        let (area, interval) = auc_interval(&files, 200, 5).unwrap();
        let mut by_source: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
        files.iter().for_each(|f| by_source.entry(&f.source).or_default().push(f));
        let sources: Vec<Vec<&Judged>> = by_source.into_values().collect();
        let of = |files: &[&Judged]| {
            let side = |forged: bool| -> Vec<f64> {
                let all = files.iter().filter(|f| f.forged == forged);
                all.map(|f| f.score.unwrap_or(f64::NEG_INFINITY)).collect()
            };
            crate::metrics::auc(&side(true), &side(false))
        };
        let mut rng = Rng::labelled(5, "bootstrap");
        let mut areas: Vec<f64> = (0..200)
            .filter_map(|_| {
                let drawn: Vec<usize> = (0..sources.len()).map(|_| rng.below(sources.len())).collect();
                of(&drawn.iter().flat_map(|i| sources[*i].iter().copied()).collect::<Vec<_>>())
            })
            .collect();
        areas.sort_by(f64::total_cmp);
        assert_eq!(Some(area), of(&files.iter().collect::<Vec<_>>()));
        assert_eq!(interval, Interval { low: areas[5], high: areas[194] });
    }

    proptest! {
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
