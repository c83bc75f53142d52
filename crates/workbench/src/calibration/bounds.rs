//! How large a likelihood ratio the recorded items can bear out.
//!
//! The decision that shapes it: four bounds are computed, each is kept in the table, and the
//! smallest holds. The first two ask whether deciding by the ratio beats deciding without it when
//! one more misleading item a class is imagined (Vergeer et al. 2016); the third whether the share
//! of items beyond a value bears the value out (Alberink et al. 2025); the last knows nothing of
//! values: thirty-five people support no ratio above 35, whatever a network says.
use std::collections::BTreeSet;

use assay_evidence::{Bound, BoundKind};

/// The first rule is not applied below this value: in the first bins the imagined item alone can
/// break it.
const LEAST_JUDGED: f64 = 0.3;

/// All bounds of log10 likelihood ratios of items whose truth is known. `sources` names the
/// independent source of each: a person, a camera, an original file.
pub fn bounds(llrs_log10: &[f64], forged: &[bool], sources: &[&str]) -> Vec<Bound> {
    let up = Sides::new(llrs_log10, forged);
    let down = up.mirrored();
    let sources = (independent(sources, forged, true).min(independent(sources, forged, false)).max(1) as f64).log10();
    [
        (BoundKind::Misleading, up.misleading(), down.misleading()),
        (BoundKind::Elub, up.elub(), down.elub()),
        (BoundKind::Invariance, up.invariance(), down.invariance()),
        (BoundKind::Sources, sources, sources),
    ]
    .map(|(kind, upper, lower)| Bound { kind, upper_log10: round(upper), lower_log10: round(-lower) })
    .to_vec()
}

/// Different sources among the items of one class.
pub fn independent(sources: &[&str], forged: &[bool], label: bool) -> usize {
    sources.iter().zip(forged).filter(|(_, f)| **f == label).map(|(s, _)| s).collect::<BTreeSet<_>>().len()
}

/// The smallest of the bounds with its kind, and the floor. `(0, 0)` without bounds: nothing can be
/// stated.
pub fn tightest(bounds: &[Bound]) -> (f64, BoundKind, f64) {
    let upper = bounds.iter().min_by(|a, b| a.upper_log10.total_cmp(&b.upper_log10));
    let floor = bounds.iter().map(|b| b.lower_log10).fold(f64::NEG_INFINITY, f64::max);
    upper.map_or((0.0, BoundKind::Sources, 0.0), |b| (b.upper_log10.max(0.0), b.kind, floor.min(0.0)))
}

/// Downwards, so that a bound is never rounded past what it bounds.
fn round(v: f64) -> f64 {
    let cut = (v.abs() * 1e4 + 1e-6).floor() / 1e4;
    // A minus before a zero would be a difference between two equal tables.
    if cut == 0.0 { 0.0 } else { cut.copysign(v) }
}

/// Sorted values of both classes; bounds are searched outwards from 0.
struct Sides {
    ones: Vec<f64>,
    zeros: Vec<f64>,
    /// Turned round, so that what lay above a value now lies below it, and a value that is met
    /// exactly changes sides.
    mirrored: bool,
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn above(list: &[f64], t: f64) -> f64 {
    (list.len() - list.partition_point(|v| *v <= t)) as f64
}

fn at_or_above(list: &[f64], t: f64) -> f64 {
    (list.len() - list.partition_point(|v| *v < t)) as f64
}

impl Sides {
    fn new(values: &[f64], forged: &[bool]) -> Self {
        let of = |label: bool| sorted(values.iter().zip(forged).filter(|(_, l)| **l == label).map(|(v, _)| *v));
        Self { ones: of(true), zeros: of(false), mirrored: false }
    }

    /// What speaks for H2 the other way round.
    fn mirrored(&self) -> Self {
        let turned = |list: &[f64]| sorted(list.iter().map(|v| -v));
        Self { ones: turned(&self.zeros), zeros: turned(&self.ones), mirrored: true }
    }

    /// Expected cost of deciding by the ratio at a prior where `t` decides, as a share of deciding
    /// without it; one misleading item a class is imagined.
    fn cost(&self, t: f64) -> f64 {
        let (n1, n0) = (self.ones.len() as f64, self.zeros.len() as f64);
        let beyond = if self.mirrored { at_or_above } else { above };
        let missed = (n1 - beyond(&self.ones, t) + 1.0) / (n1 + 1.0);
        let misled = (beyond(&self.zeros, t) + 1.0) / (n0 + 1.0);
        missed + 10f64.powf(t) * misled
    }

    /// The last value of the grid before deciding by the ratio is no better than deciding without
    /// it.
    fn outwards(&self, least: f64) -> f64 {
        let grid = (0..=600).map(|step| f64::from(step) / 100.0);
        grid.take_while(|t| *t <= least || self.cost(*t) < 1.0 - 1e-9).last().unwrap_or(0.0)
    }

    fn misleading(&self) -> f64 {
        self.outwards(LEAST_JUDGED)
    }

    fn elub(&self) -> f64 {
        let largest = self.ones.iter().chain(&self.zeros).copied().fold(0.0, f64::max);
        self.outwards(-1.0).min(largest).min((self.zeros.len() as f64 + 1.0).log10())
    }

    /// The last value before the smoothed shares of items at or beyond it no longer bear it out.
    fn invariance(&self) -> f64 {
        let count = if self.mirrored { above } else { at_or_above };
        let beyond = |list: &[f64], t| (count(list, t) + 0.5) / (list.len() as f64 + 1.0);
        let bears = |t: f64| (beyond(&self.ones, t) / beyond(&self.zeros, t)).log10() - t >= 0.0;
        (0..=6000).map(|step| f64::from(step) / 1000.0).take_while(|t| bears(*t)).last().unwrap_or(0.0)
    }
}

/// Inputs of the golden values.
#[cfg(test)]
pub(super) mod golden {
    pub(crate) fn labelled(ones: &[f64], zeros: &[f64]) -> (Vec<f64>, Vec<bool>) {
        let labels = ones.iter().map(|_| true).chain(zeros.iter().map(|_| false)).collect();
        (ones.iter().chain(zeros).copied().collect(), labels)
    }

    pub(crate) fn sixteen() -> (Vec<f64>, Vec<bool>) {
        labelled(&[-0.4, 0.1, 0.3, 0.8, 1.2, 1.5, 2.0, 2.6], &[-2.4, -1.9, -1.3, -1.1, -0.6, -0.2, 0.2, 0.5])
    }

    pub(crate) fn separated(n: usize) -> (Vec<f64>, Vec<bool>) {
        labelled(&vec![4.0; n], &vec![-4.0; n])
    }

    /// 200 quantiles of a normal distribution a class, two standard deviations apart, with their
    /// true log10 likelihood ratios.
    pub(crate) fn gaussian() -> (Vec<f64>, Vec<bool>) {
        let z: Vec<f64> = (0..200).map(|i| quantile((f64::from(i) + 0.5) / 200.0)).collect();
        let of = |shift: f64| -> Vec<f64> { z.iter().map(|z| (2.0 * z + shift) / std::f64::consts::LN_10).collect() };
        labelled(&of(2.0), &of(-2.0))
    }

    /// Quantile of the standard normal distribution, by bisection of its integral.
    fn quantile(p: f64) -> f64 {
        let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let below = |x: f64| {
            // Simpson's rule from 0.
            let n = 400;
            let h = x / f64::from(n);
            let inner: f64 = (1..n).map(|i| if i % 2 == 1 { 4.0 } else { 2.0 } * density(f64::from(i) * h)).sum();
            0.5 + h / 3.0 * (density(0.0) + inner + density(x))
        };
        let (mut low, mut high) = (-5.0, 5.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if below(middle) < p { low = middle } else { high = middle }
        }
        f64::midpoint(low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64], labels: &[bool], kind: BoundKind) -> (f64, f64) {
        let names: Vec<String> = (0..values.len()).map(|i| i.to_string()).collect();
        let sources: Vec<&str> = names.iter().map(String::as_str).collect();
        let bound = bounds(values, labels, &sources).into_iter().find(|b| b.kind == kind).unwrap();
        (bound.upper_log10, bound.lower_log10)
    }

    /// Values of the package `lir` of the Netherlands Forensic Institute on the same numbers.
    #[test]
    fn bounds_are_those_of_the_reference() {
        let check = |(values, labels): (Vec<f64>, Vec<bool>), elub: f64, upper: f64, lower: f64| {
            assert_eq!(of(&values, &labels, BoundKind::Elub), (elub, -elub));
            let (up, down) = of(&values, &labels, BoundKind::Invariance);
            assert!((up - upper).abs() < 1.5e-3 && (down - lower).abs() < 1.5e-3, "{up} {down}");
        };
        check(golden::sixteen(), 0.39, 0.954, -0.954);
        check(golden::separated(35), 1.54, 1.851, -1.851);
        check(golden::separated(100), 1.99, 2.303, -2.303);
        check(golden::separated(350), 2.54, 2.845, -2.845);
        check(golden::gaussian(), 1.42, 1.5003, -1.4997);
    }

    #[test]
    fn thirty_five_people_support_no_more_than_thirty_five() {
        // Seven hundred stretches a class, but of thirty-five people.
        let (values, labels) = golden::separated(700);
        let names: Vec<String> = (0..values.len()).map(|i| format!("person {}", i % 35)).collect();
        let sources: Vec<&str> = names.iter().map(String::as_str).collect();
        let (cap, by, floor) = tightest(&bounds(&values, &labels, &sources));
        assert_eq!((cap, by, floor), (1.544, BoundKind::Sources, -1.544));
        assert_eq!(independent(&sources, &labels, true), 35);
        assert_eq!(tightest(&[]).0, 0.0);
    }

    #[test]
    fn the_smaller_class_counts_its_sources() {
        let (values, labels) = golden::labelled(&[2.0; 40], &[-2.0; 400]);
        let names: Vec<String> =
            (0..440).map(|i| if i < 40 { format!("f{}", i % 12) } else { format!("g{i}") }).collect();
        let sources: Vec<&str> = names.iter().map(String::as_str).collect();
        let bound = bounds(&values, &labels, &sources).into_iter().find(|b| b.kind == BoundKind::Sources).unwrap();
        assert!((bound.upper_log10 - 12f64.log10()).abs() < 1e-3 && (bound.lower_log10 + 12f64.log10()).abs() < 1e-3);
    }

    #[test]
    fn the_bound_grows_with_the_set() {
        let misleading = |n: usize| {
            let (values, labels) = golden::separated(n);
            of(&values, &labels, BoundKind::Misleading).0
        };
        assert!(misleading(50) < misleading(5000));
        assert!((misleading(50) - 50f64.log10()).abs() < 0.05);
    }
}
