//! What log-likelihood ratios cost whoever decides by them: Cllr and the least that any map of the
//! same scores would cost.
//!
//! The difference of the two is what calibration lost; the least is what no calibration gets back.
use super::isotonic::pool;

/// Cost of log10 likelihood ratios in bits (Brümmer & du Preez 2006, eq. 4): 0 is perfect, 1 is as
/// good as always saying "no support". An abstention is passed as 0; a side without items costs
/// nothing.
pub fn cllr(llrs_log10: &[f64], forged: &[bool]) -> f64 {
    // log2(1 + 10^x) without overflow.
    let bits = |x: f64| {
        let x = x * std::f64::consts::LN_10;
        (x.max(0.0) + (-x.abs()).exp().ln_1p()) / std::f64::consts::LN_2
    };
    let cost = |label: bool| {
        let values: Vec<f64> = llrs_log10
            .iter()
            .zip(forged)
            .filter(|(_, l)| **l == label)
            .map(|(v, _)| bits(if label { -v } else { *v }))
            .collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    };
    0.5 * (cost(true) + cost(false))
}

/// Cost that is left after the best non-decreasing map of these very scores
/// (pool-adjacent-violators): what a system tells apart, whatever its calibration. Never above
/// [`cllr`]; without items of both classes it is 0.
pub fn cllr_min(scores: &[f64], forged: &[bool]) -> f64 {
    let (n1, n0) = (forged.iter().filter(|f| **f).count() as f64, forged.iter().filter(|f| !**f).count() as f64);
    let mut values = Vec::with_capacity(scores.len());
    let mut labels = Vec::with_capacity(scores.len());
    for step in pool(scores, forged) {
        let llr = ((step.ones / n1) / (step.zeros / n0)).log10();
        for (count, label) in [(step.ones, true), (step.zeros, false)] {
            values.extend(std::iter::repeat_n(llr, count as usize));
            labels.extend(std::iter::repeat_n(label, count as usize));
        }
    }
    cllr(&values, &labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::bounds::golden;

    #[test]
    fn a_fair_coin_costs_one_bit() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        close(cllr(&[0.0, 0.0], &[true, false]), 1.0);
        // Forged at LR 10: log2(1.1); genuine at LR 1/100: log2(1.01).
        close(cllr(&[1.0, -2.0], &[true, false]), f64::midpoint(1.1f64.log2(), 1.01f64.log2()));
        // Far out on the wrong side the cost is the number of bits, not infinity.
        close(cllr(&[-400.0, 400.0], &[true, false]), 400.0 * 10f64.log2());
    }

    /// Values of the package `lir` of the Netherlands Forensic Institute on the same numbers.
    #[test]
    fn costs_are_those_of_the_reference() {
        let check = |(values, labels): (Vec<f64>, Vec<bool>), all: f64, least: f64| {
            assert!((cllr(&values, &labels) - all).abs() < 5e-6, "{}", cllr(&values, &labels));
            assert!((cllr_min(&values, &labels) - least).abs() < 5e-6, "{}", cllr_min(&values, &labels));
        };
        check(golden::sixteen(), 0.516_644, 0.375);
        check(golden::gaussian(), 0.512_648, 0.497_003);
    }
}
