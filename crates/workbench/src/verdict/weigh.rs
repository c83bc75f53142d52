//! From raw scores to one value of one question, and the arithmetic of values.
use std::collections::BTreeMap;

use assay_evidence::{Contribution, Llr};

use crate::calibration::{CalibrationTable, Condition};

/// Below this many pixels on the shorter side no value is given, and no item is recorded.
pub const MIN_SIDE: u32 = 128;

/// What a question counts as that could apply and got no value: nothing was learned of it.
pub const NOTHING_LEARNED: Llr = Llr { log10: 0.0, low: 0.0, high: 0.0 };

/// The likelihood ratio of "forged in any of these ways", each taken for as probable as the others:
/// the mean of theirs. A number for comparison; it dilutes a find by the number of questions and so
/// leads nothing.
pub fn mixture(values: &[Llr]) -> Llr {
    let mean = |of: fn(&Llr) -> f64| {
        round((values.iter().map(|v| 10f64.powf(of(v))).sum::<f64>() / values.len().max(1) as f64).log10())
    };
    Llr { log10: mean(|v| v.log10), low: mean(|v| v.low), high: mean(|v| v.high) }
}

/// The fused value of raw scores with what each analyzer added, or why there is none.
///
/// # Errors
/// The reason of the abstention, in one sentence.
pub fn weigh(
    table: &CalibrationTable,
    condition: Option<&Condition>,
    size: (u32, u32),
    scores: &BTreeMap<String, f64>,
) -> Result<(Llr, Vec<Contribution>), String> {
    let condition =
        condition.ok_or("there are no recorded pictures of this format and known truth to compare the scores with.")?;
    let part = table.of(condition).ok_or_else(|| {
        format!(
            "the calibration table has no map for this kind of file ({}): too few items, or their scores told nothing.",
            condition.words()
        )
    })?;
    let (width, height) = size;
    if *condition != Condition::Video && width.min(height) < MIN_SIDE {
        return Err(format!(
            "the picture is {width} x {height} px; below {MIN_SIDE} px on the shorter side no recorded items exist."
        ));
    }
    if !part.analyzers.iter().any(|a| scores.contains_key(&a.analyzer)) {
        return Err("no calibrated analyzer of this run applies to this file.".into());
    }
    let fused = part.fuse(scores);
    let mut contributions: Vec<Contribution> = fused
        .parts
        .into_iter()
        .map(|(analyzer, llr_log10, weight)| Contribution {
            analyzer,
            llr_log10: round(llr_log10),
            weight: round(weight),
            contribution_log10: round(llr_log10 * weight),
        })
        .collect();
    contributions.sort_by(|a, b| b.contribution_log10.abs().total_cmp(&a.contribution_log10.abs()));
    Ok((fused.llr, contributions))
}

/// True when a fused value reaches a threshold given as a likelihood ratio.
pub fn reaches(log10_lr: f64, threshold_lr: f64) -> bool {
    // Stored values are rounded to four decimals; the comparison must not hang on the last of them.
    log10_lr + 1e-9 >= threshold_lr.log10()
}

pub(super) fn round(v: f64) -> f64 {
    (v * 1e4).round() / 1e4
}

/// The tables' own figures for one analyzer, by condition: `(condition, forged, genuine, Cllr)`.
pub fn figures_of<'a>(
    tables: impl IntoIterator<Item = &'a CalibrationTable>,
    analyzer: &str,
) -> Vec<(String, u32, u32, f64)> {
    tables
        .into_iter()
        .flat_map(|table| &table.conditions)
        .flat_map(|t| {
            t.analyzers
                .iter()
                .filter(|a| a.analyzer == analyzer)
                .map(|a| (t.condition.words(), a.forged, a.genuine, a.cllr))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_takes_a_share_for_every_question() {
        let at = |log10| Llr { log10, low: log10 - 0.5, high: log10 + 0.5 };
        let found = mixture(&[at(2.0), at(-1.0), at(-1.0)]);
        assert!((found.log10 - (100.2f64 / 3.0).log10()).abs() < 1e-3, "{found:?}");
        let alone = mixture(&[at(-0.7)]);
        assert!((alone.log10 + 0.7).abs() < 1e-9 && (alone.high + 0.2).abs() < 1e-9, "{alone:?}");
        let untold = mixture(&[at(-0.7), NOTHING_LEARNED, NOTHING_LEARNED]);
        assert!(untold.log10 > -0.15, "two ways that nothing is known of keep the file from being cleared: {untold:?}");
    }
}
