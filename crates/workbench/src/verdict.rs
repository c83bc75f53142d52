//! From findings to the verdict: calibrated values, fusion, threshold, abstention, and what was not tested.
use std::collections::BTreeMap;

use assay_analyzers::Need;
use assay_evidence::{
    Contribution, Correction, Finding, Llr, MediaKind, NotTested, Outcome, Question, Status, VerbalBand, Verdict,
};
use assay_media::Source;

use crate::calibration::{CalibrationTable, Condition};
use crate::pipeline::{Setup, scores};

/// Below this many pixels on the shorter side no value is given, and no item is recorded.
pub const MIN_SIDE: u32 = 128;

/// Length in seconds of the recorded clips. A longer one has as many chances of a chance finding as such stretches fit into it.
const RECORDED_SECS: f64 = 3.0;

/// Fills in each finding's calibrated value and weighs them together, apart for each question. `persons` is how many were found, `None` where nobody was looked
/// for or the search broke.
pub(crate) fn decide(
    findings: &mut [Finding],
    source: &Source,
    condition: Option<&Condition>,
    persons: Option<u32>,
    setup: &Setup,
) -> Verdict {
    for part in setup.tables.iter().filter_map(|t| t.of(condition?)) {
        for finding in findings.iter_mut() {
            if let Outcome::Evidence(evidence) = &mut finding.outcome
                && let Some(score) = &mut evidence.score
                && let Some(llr) = part.llr(&finding.analyzer, score.raw)
            {
                score.llr = Some(llr);
            }
        }
    }
    let scores = scores(findings);
    let questions: Vec<Question> =
        setup.tables.iter().map(|table| question(table, condition, source, &scores, persons.unwrap_or(1))).collect();
    let has_value = questions.iter().any(|q| q.llr.is_some());
    let values: Vec<Llr> = setup
        .tables
        .iter()
        .zip(&questions)
        .filter_map(|(table, question)| {
            question.llr.or((persons != Some(0) || !is_about_faces(table)).then_some(NOTHING_LEARNED))
        })
        .collect();
    let propositions = setup.case.propositions.clone().unwrap_or_default();
    let mut verdict = Verdict {
        propositions,
        llr: None,
        band: None,
        sentence: String::new(),
        abstained: None,
        threshold_lr: setup.settings.threshold_lr,
        above_threshold: false,
        questions,
        prior: setup.case.prior.clone(),
        posterior: None,
        not_tested: not_tested(findings, source.kind(), setup),
    };
    if !has_value {
        let reason = verdict.questions.first().and_then(|q| q.abstained.clone());
        let reason = reason.unwrap_or_else(|| "this build has no calibration table.".into());
        verdict.sentence = format!("No value is given: {reason}");
        verdict.abstained = Some(reason);
        return verdict;
    }
    let llr = mixture(&values);
    let band = VerbalBand::of(llr.log10);
    verdict.sentence = sentence(band, llr, &verdict.propositions.forged, &verdict.propositions.genuine);
    verdict.above_threshold = reaches(llr.log10, setup.settings.threshold_lr);
    verdict.posterior = verdict.prior.as_ref().map(|prior| {
        let odds = prior.probability / (1.0 - prior.probability) * 10f64.powf(llr.log10);
        odds / (1.0 + odds)
    });
    verdict.band = Some(band);
    verdict.llr = Some(llr);
    verdict
}

/// What a way of forging adds that could be there and was not told from its absence: without it, what speaks against one way would speak against them all.
pub const NOTHING_LEARNED: Llr = Llr { log10: 0.0, low: 0.0, high: 0.0 };

/// Whether a question can only be asked where somebody is seen.
fn is_about_faces(table: &CalibrationTable) -> bool {
    table.conditions.iter().flat_map(|c| &c.analyzers).any(|a| needs_faces(&a.analyzer))
}

fn needs_faces(analyzer: &str) -> bool {
    assay_analyzers::find(analyzer).is_some_and(|a| a.about().needs.contains(&Need::Faces))
}

/// A file is forged if it is forged in any of the ways that were asked about, and each of them is taken for as probable as the others: the
/// likelihood ratio of such a proposition is the mean of theirs, so that a way without traces takes at most its share off.
pub fn mixture(values: &[Llr]) -> Llr {
    let mean = |of: fn(&Llr) -> f64| {
        round((values.iter().map(|v| 10f64.powf(of(v))).sum::<f64>() / values.len().max(1) as f64).log10())
    };
    Llr { log10: mean(|v| v.log10), low: mean(|v| v.low), high: mean(|v| v.high) }
}

/// Weighs what bears on one question.
fn question(
    table: &CalibrationTable,
    condition: Option<&Condition>,
    source: &Source,
    scores: &BTreeMap<String, f64>,
    persons: u32,
) -> Question {
    let correction = Correction { analyzers: 0, segments: 1, persons: 1, taken_off_log10: 0.0 };
    let mut question = Question {
        asked: table.question.clone(),
        llr: None,
        abstained: None,
        contributions: Vec::new(),
        correction,
        calibration: condition.and_then(|c| table.of(c)).map(|part| table.reference(part)),
    };
    match weigh(table, condition, source.coded_size(), scores) {
        Err(reason) => question.abstained = Some(reason),
        Ok((mut llr, contributions)) => {
            // Analyzers of faces score stretches and persons themselves and pay for their number there.
            let about_faces = contributions.iter().any(|c| needs_faces(&c.analyzer));
            question.correction.segments = segments(source);
            if about_faces {
                question.correction.persons = persons.max(1);
            } else {
                question.correction.taken_off_log10 = round(f64::from(segments(source)).log10());
            }
            for value in [&mut llr.log10, &mut llr.low, &mut llr.high] {
                // What speaks for a genuine clip is not made stronger by its length.
                *value = round((*value - question.correction.taken_off_log10).max(value.min(0.0)));
            }
            question.correction.analyzers = contributions.len() as u32;
            question.contributions = contributions;
            question.llr = Some(llr);
        }
    }
    question
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
    let valued = |id: &str| {
        let is_valued = |f: &Finding| matches!(&f.outcome, Outcome::Evidence(e) if e.score.as_ref().is_some_and(|s| s.llr.is_some()));
        findings.iter().any(|f| f.analyzer == id && is_valued(f))
    };
    if valued("face_synthesis") {
        add(
            "Faces generated by diffusion models",
            "The network that looks for generated faces has learned from GANs only.",
        );
    }
    add("Pictures without a face that were generated as a whole", no_analyzer);
    if !valued("face_synthesis") {
        add("Faces generated as a whole (GANs, diffusion models)", "No value was found for this file.");
    }
    if valued("face_forgery") {
        add(
            "Reenactment and lip synchronisation",
            "The networks have learned from faces laid over others; changes that follow the face leave no seam.",
        );
    } else {
        add("Face swap, reenactment and other changes that follow the face", "No value was found for this file.");
    }
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

/// The tables' own figures for one analyzer, by condition: `(condition, forged, genuine, Cllr)`.
pub fn figures_of(tables: &[CalibrationTable], analyzer: &str) -> Vec<(String, u32, u32, f64)> {
    tables
        .iter()
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
    fn one_way_of_forging_carries_the_verdict_and_the_others_take_off_their_share() {
        let at = |log10| Llr { log10, low: log10 - 0.5, high: log10 + 0.5 };
        let found = mixture(&[at(2.0), at(-1.0), at(-1.0)]);
        assert!((found.log10 - (100.2f64 / 3.0).log10()).abs() < 1e-3, "{found:?}");
        let alone = mixture(&[at(-0.7)]);
        assert!((alone.log10 + 0.7).abs() < 1e-9 && (alone.high + 0.2).abs() < 1e-9, "{alone:?}");
        let untold = mixture(&[at(-0.7), NOTHING_LEARNED, NOTHING_LEARNED]);
        assert!(untold.log10 > -0.15, "two ways that nothing is known of keep the file from being cleared: {untold:?}");
    }

    #[test]
    fn questions_about_faces_are_told_from_the_others() {
        let about = |id: &str| {
            let tables = CalibrationTable::shipped().unwrap();
            is_about_faces(tables.iter().find(|t| t.id.contains(id)).unwrap())
        };
        assert_eq!([about("planted"), about("swaps"), about("portraits")], [false, true, true]);
    }

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
