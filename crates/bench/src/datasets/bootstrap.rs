//! How far a figure can be trusted: the bootstrap over videos.
//!
//! The decision that shapes it: a video is drawn with everything in it. Frames of one video are nearly the same picture, and an interval that takes
//! them for independent is many times too narrow. All figures of a set come from the same draws, each draw from its own stream of random
//! numbers, so that the number of threads changes nothing.
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use assay_material::rng::Rng;

/// Draws of the bootstrap.
pub const DRAWS: usize = 1000;

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
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

/// The figures with their intervals. `figures` gets a weight for each of the `units` videos: how often it was drawn.
pub(super) fn bootstrap<const N: usize>(
    units: usize,
    seed: u64,
    figures: impl Fn(&[f64]) -> [Option<f64>; N] + Sync,
) -> [Interval; N] {
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
        Interval { value: values[i], low, high, n: 0, reason }
    })
}

/// Linear between the two nearest of the sorted values.
fn percentile(sorted: &[f64], p: f64) -> Option<f64> {
    let at = p * (sorted.len().checked_sub(1)?) as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    let next = sorted.get(low + 1).unwrap_or(&sorted[low]);
    Some(sorted[low] + part * (next - sorted[low]))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn without_enough_draws_there_is_no_interval() {
        let [none, rare] = bootstrap(3, 1, |w| [None, (w[0] >= 1.0 && w[1] >= 1.0 && w[2] >= 1.0).then_some(1.0)]);
        assert_eq!((none.value, none.low, none.reason), (None, None, None));
        assert_eq!((rare.value, rare.low), (Some(1.0), None));
        assert!(rare.reason.is_some());
        assert_eq!(bootstrap(0, 1, |_| [None])[0].value, None);
        assert_eq!(percentile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
    }
}
