//! From findings to the verdict: calibrated values, fusion, threshold, abstention, and what was not tested.
use std::collections::BTreeMap;

use assay_evidence::{
    Contribution, Correction, Finding, Llr, MediaKind, NotTested, Outcome, Status, VerbalBand, Verdict,
};
use assay_media::Source;

use crate::calibration::{CalibrationTable, Condition};
use crate::pipeline::{Setup, scores};

/// Below this many pixels on the shorter side no value is given, and no item is recorded.
pub const MIN_SIDE: u32 = 128;

/// Length in seconds of the recorded clips. A longer one has as many chances of a chance finding as such stretches fit into it.
const RECORDED_SECS: f64 = 3.0;

/// Fills in each finding's calibrated value and weighs them together.
pub(crate) fn decide(
    findings: &mut [Finding],
    source: &Source,
    condition: Option<&Condition>,
    setup: &Setup,
) -> Verdict {
    let part = condition.and_then(|c| setup.table.of(c));
    if let Some(part) = part {
        for finding in findings.iter_mut() {
            if let Outcome::Evidence(evidence) = &mut finding.outcome
                && let Some(score) = &mut evidence.score
            {
                score.llr = part.llr(&finding.analyzer, score.raw);
            }
        }
    }
    let propositions = setup.case.propositions.clone().unwrap_or_default();
    let mut verdict = Verdict {
        propositions,
        llr: None,
        band: None,
        sentence: String::new(),
        abstained: None,
        threshold_lr: setup.settings.threshold_lr,
        above_threshold: false,
        contributions: Vec::new(),
        correction: Correction { analyzers: 0, segments: 1, persons: 1, taken_off_log10: 0.0 },
        calibration: part.map(|p| setup.table.reference(p)),
        prior: setup.case.prior.clone(),
        posterior: None,
        not_tested: not_tested(findings, source.kind(), setup),
    };
    match weigh(&setup.table, condition, source.coded_size(), &scores(findings)) {
        Err(reason) => {
            verdict.sentence = format!("No value is given: {reason}");
            verdict.abstained = Some(reason);
        }
        Ok((mut llr, contributions)) => {
            let segments = segments(source);
            verdict.correction.segments = segments;
            verdict.correction.taken_off_log10 = round(f64::from(segments).log10());
            for value in [&mut llr.log10, &mut llr.low, &mut llr.high] {
                // What speaks for a genuine clip is not made stronger by its length.
                *value = round((*value - verdict.correction.taken_off_log10).max(value.min(0.0)));
            }
            let band = VerbalBand::of(llr.log10);
            verdict.sentence = sentence(band, llr, &verdict.propositions.forged, &verdict.propositions.genuine);
            verdict.above_threshold = reaches(llr.log10, setup.settings.threshold_lr);
            verdict.posterior = verdict.prior.as_ref().map(|prior| {
                let odds = prior.probability / (1.0 - prior.probability) * 10f64.powf(llr.log10);
                odds / (1.0 + odds)
            });
            verdict.correction.analyzers = contributions.len() as u32;
            verdict.contributions = contributions;
            verdict.band = Some(band);
            verdict.llr = Some(llr);
        }
    }
    verdict
}

/// How many stretches of the recorded clips' length were looked at: 1 for a still.
fn segments(source: &Source) -> u32 {
    let secs = if source.kind() == MediaKind::Video { source.duration_secs().unwrap_or(RECORDED_SECS) } else { 0.0 };
    let looked_at = secs.min(assay_analyzers::DENSE_SECS);
    (looked_at / RECORDED_SECS).round().max(1.0) as u32
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
    let part = table
        .of(condition)
        .ok_or_else(|| format!("the calibration table holds too few items of this kind ({}).", condition.words()))?;
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

fn round(v: f64) -> f64 {
    (v * 1e4).round() / 1e4
}

fn sentence(band: VerbalBand, llr: Llr, forged: &str, genuine: &str) -> String {
    if band == VerbalBand::Neutral {
        return format!("The evidence {}.", band.words());
    }
    let (supported, other) = if llr.log10 > 0.0 { (forged, genuine) } else { (genuine, forged) };
    let strip = |s: &str| s.trim_end_matches('.').to_owned();
    format!(
        "The evidence {} the proposition \u{201c}{}\u{201d} over \u{201c}{}\u{201d}.",
        band.words(),
        strip(supported),
        strip(other)
    )
}

fn not_tested(findings: &[Finding], kind: MediaKind, setup: &Setup) -> Vec<NotTested> {
    let mut list = Vec::new();
    let mut add = |what: &str, why: &str| list.push(NotTested { what: what.into(), why: why.into() });
    let no_analyzer = "No analyzer with measured figures exists in this version.";
    add("Pictures generated as a whole (diffusion models, GAN portraits)", no_analyzer);
    add("Face swap, reenactment and other changes that follow the face", no_analyzer);
    add("Staging, wrong captions, or a picture taken of a screen", "These leave no trace that this version looks for.");
    if kind == MediaKind::Video {
        add("Generated video", no_analyzer);
        add("The sound: cloned or edited voices", no_analyzer);
        add(
            "Edits inside single frames of the video",
            "The picture analyzers of this version are calibrated for stills only.",
        );
    }
    for finding in findings {
        match &finding.outcome {
            Outcome::NotApplicable { reason } => add(&finding.title, reason),
            Outcome::Failed { reason } => add(&finding.title, &format!("It broke: {reason}")),
            Outcome::Evidence(evidence) if evidence.score.as_ref().is_some_and(|s| s.llr.is_none()) => {
                add(
                    &finding.title,
                    "It looked, but on files of this kind its score was found to tell nothing, or there is none to compare it with.",
                );
            }
            Outcome::Evidence(_) => {}
        }
    }
    for analyzer in assay_analyzers::ANALYZERS {
        let about = analyzer.about();
        if about.status == Status::Calibrated && !setup.settings.analyzers.iter().any(|id| id == about.id) {
            add(about.title, "It was not asked for in this run.");
        }
    }
    list
}

/// The embedded table's own figures for one analyzer, by condition: `(condition, forged, genuine, Cllr)`.
pub fn figures_of(table: &CalibrationTable, analyzer: &str) -> Vec<(String, u32, u32, f64)> {
    table
        .conditions
        .iter()
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
    fn sentences_name_the_supported_proposition_first() {
        let at = |log10| {
            sentence(VerbalBand::of(log10), Llr { log10, low: log10, high: log10 }, "it was altered.", "it was not.")
        };
        assert!(at(2.5).starts_with(
            "The evidence moderately strongly supports the proposition \u{201c}it was altered\u{201d} over"
        ));
        assert!(at(-0.5).contains("weakly supports the proposition \u{201c}it was not\u{201d}"));
        assert!(at(0.1).contains("does not favour"));
    }
}
