//! From findings to the verdict: calibrated values, one statement a question, thresholds,
//! abstentions, the headline, and what was not tested.
//!
//! The decision that shapes it: questions are weighed apart and each statement stands by itself
//! with its own threshold, because a mean over questions hides a find. The file is above when a
//! statement is. Nothing here names a question or an analyzer; what they are stands in `questions`.
mod not_tested;
#[cfg(test)]
mod tests;
mod weigh;
mod words;

use std::collections::BTreeMap;

use assay_evidence::{
    Correction, FaceSearch, Finding, MediaKind, Outcome, Posterior, Prior, Propositions, Statement, Threshold,
    VerbalBand, Verdict, Where,
};

use crate::calibration::Condition;
use crate::known::{self, Examined};
use crate::pipeline::{Asked, Setup, scores};
use weigh::round;
pub use weigh::{MIN_SIDE, NOTHING_LEARNED, figures_of, mixture, reaches, weigh};

/// Length in seconds of the recorded clips. A longer one has as many chances of a chance finding as
/// such stretches fit into it.
const RECORDED_SECS: f64 = 3.0;

/// Fills in each finding's calibrated value and weighs them, apart for each question.
pub(crate) fn decide(
    findings: &mut [Finding],
    item: &Examined<'_>,
    condition: Option<&Condition>,
    faces: &FaceSearch,
    setup: &Setup,
) -> Verdict {
    let closed = known::unknown(item, findings);
    if closed.is_none() {
        calibrate(findings, condition, setup);
    }
    let scores = scores(findings);
    let case = Case { item, condition, closed, faces, scores: &scores, findings, setup };
    let statements: Vec<Statement> = setup.questions.iter().map(|asked| case.statement(asked)).collect();
    let headline = words::headline(item.kind, &statements);
    let has_value = statements.iter().any(|s| s.llr.is_some());
    let reason = || closed.map(str::to_owned).or_else(|| statements.iter().find_map(|s| s.abstained.clone()));
    let unanswered: Vec<_> = setup
        .questions
        .iter()
        .zip(&statements)
        .filter(|(asked, said)| closed.is_none() && asked.question.needs_face && said.llr.is_none())
        .map(|(asked, said)| (asked.question, said))
        .collect();
    let values: Vec<_> = statements.iter().map(|s| s.llr.unwrap_or(NOTHING_LEARNED)).collect();
    Verdict {
        first: words::first(faces, &unanswered),
        headline,
        abstained: (!has_value).then(|| reason().unwrap_or_else(|| "this build has no calibration table.".into())),
        above_threshold: statements.iter().any(|s| s.above),
        mean: has_value.then(|| mixture(&values)),
        not_tested: not_tested::list(findings, item.kind, &statements, setup),
        statements,
    }
}

fn calibrate(findings: &mut [Finding], condition: Option<&Condition>, setup: &Setup) {
    for part in setup.questions.iter().filter_map(|asked| asked.table.of(condition?)) {
        for finding in findings.iter_mut() {
            if let Outcome::Evidence(evidence) = &mut finding.outcome
                && let Some(score) = &mut evidence.score
                && let Some(llr) = part.llr(&finding.analyzer, score.raw)
            {
                score.llr = Some(llr);
            }
        }
    }
}

/// All that a statement can depend on.
struct Case<'a> {
    item: &'a Examined<'a>,
    condition: Option<&'a Condition>,
    /// Why the calibration does not know this kind of item.
    closed: Option<&'static str>,
    faces: &'a FaceSearch,
    scores: &'a BTreeMap<String, f64>,
    findings: &'a [Finding],
    setup: &'a Setup,
}

impl Case<'_> {
    fn statement(&self, asked: &Asked) -> Statement {
        let question = asked.question;
        let part = self.condition.and_then(|c| asked.table.of(c));
        let own = self.setup.case.propositions.iter().find(|p| p.question == question.id);
        let mut propositions = question.propositions();
        if let Some(own) = own {
            let take = |ours: &mut String, theirs: &str| {
                if !theirs.is_empty() {
                    theirs.clone_into(ours);
                }
            };
            let Propositions { forged, genuine } = &mut propositions;
            take(forged, &own.forged);
            take(genuine, &own.genuine);
        }
        let mut said = Statement {
            question: question.id.into(),
            asked: question.asked.into(),
            propositions,
            sentence: String::new(),
            evaluative: None,
            llr: None,
            band: None,
            abstained: None,
            threshold: self.setup.threshold(question.id, self.item.kind),
            above: false,
            marked_by: Vec::new(),
            contributions: Vec::new(),
            correction: Correction { analyzers: 0, segments: 1, persons: 1, taken_off_log10: 0.0 },
            calibration: part.map(|part| asked.table.reference(part)),
            posterior: None,
        };
        self.weigh(asked, &mut said);
        self.note_reach(&mut said);
        if let Some(llr) = said.llr {
            let band = VerbalBand::of(llr.log10);
            said.band = Some(band);
            said.evaluative = Some(words::evaluative(band, llr, &said.propositions));
            said.above = said.threshold.lr.is_some_and(|lr| reaches(llr.log10, lr));
            said.posterior = own.and_then(|own| own.prior.as_ref()).map(|prior| posterior(prior, llr.log10));
        }
        if said.above {
            said.marked_by = self.marked_by(&said);
        }
        said.sentence = match self.closed {
            // The reason stands in the headline, once.
            Some(_) => format!("Nothing is said about {}.", question.subject),
            None => words::lay(question, self.item.kind, &said),
        };
        said
    }

    /// Value, contributions and correction, or the reason of an abstention.
    fn weigh(&self, asked: &Asked, said: &mut Statement) {
        if let Some(reason) = self.closed {
            said.abstained = Some(reason.into());
            return;
        }
        if let Some(reason) = words::without_faces(self.faces).filter(|_| asked.question.needs_face) {
            said.abstained = Some(reason);
            return;
        }
        match weigh(&asked.table, self.condition, self.item.size, self.scores) {
            Err(reason) => said.abstained = Some(self.silence(asked).unwrap_or(reason)),
            Ok((mut llr, contributions)) => {
                let segments = segments(self.item);
                said.correction.segments = segments;
                if asked.question.needs_face {
                    let found =
                        if let FaceSearch::Searched(found) = self.faces { found.persons.len() as u32 } else { 1 };
                    said.correction.persons = found.max(1);
                } else {
                    said.correction.taken_off_log10 = round(f64::from(segments).log10());
                }
                for value in [&mut llr.log10, &mut llr.low, &mut llr.high] {
                    // What speaks for a genuine clip is not made stronger by its length.
                    *value = round((*value - said.correction.taken_off_log10).max(value.min(0.0)));
                }
                said.correction.analyzers = contributions.len() as u32;
                said.contributions = contributions;
                said.llr = Some(llr);
            }
        }
    }

    /// The only analyzer of a question says best itself why it is silent: the face is too small,
    /// too blurred, turned away.
    fn silence(&self, asked: &Asked) -> Option<String> {
        let bearing = asked.question.analyzers();
        let [only] = bearing[..] else { return None };
        let finding = self.findings.iter().find(|f| f.analyzer == only)?;
        let reason = match &finding.outcome {
            Outcome::NotApplicable { reason } => reason.clone(),
            Outcome::Failed { reason } => format!("it broke: {reason}"),
            Outcome::Evidence(_) => return None,
        };
        Some(format!("{} could not judge it. {reason}", finding.title))
    }

    /// A threshold that lies above the cap is said to be out of reach.
    fn note_reach(&self, said: &mut Statement) {
        let Threshold { lr, basis } = &mut said.threshold;
        if let (Some(lr), Some(data), None) = (lr, &said.calibration, self.closed)
            && !reaches(data.cap_log10, *lr)
        {
            basis.push_str(&format!(
                "; out of reach for this kind of file, of which no ratio above {:.1} can be stated",
                10f64.powf(data.cap_log10)
            ));
        }
    }

    /// Analyzers that spoke for it and show where.
    fn marked_by(&self, said: &Statement) -> Vec<String> {
        let shows = |id: &str| {
            let finding = self.findings.iter().find(|f| f.analyzer == id);
            let Some(Outcome::Evidence(evidence)) = finding.map(|f| &f.outcome) else { return false };
            self.item.kind == MediaKind::Image
                && (evidence.heatmap.is_some() || evidence.places.iter().any(|w| matches!(w, Where::Region { .. })))
        };
        let spoke = said.contributions.iter().filter(|c| c.contribution_log10 > 0.0);
        spoke.filter(|c| shows(&c.analyzer)).map(|c| c.analyzer.clone()).collect()
    }
}

fn posterior(prior: &Prior, log10_lr: f64) -> Posterior {
    let odds = prior.probability / (1.0 - prior.probability) * 10f64.powf(log10_lr);
    Posterior { prior: prior.clone(), probability: odds / (1.0 + odds) }
}

/// How many stretches of the recorded clips' length were looked at: 1 for a still.
fn segments(item: &Examined<'_>) -> u32 {
    let secs = if item.kind == MediaKind::Video { item.duration_secs.unwrap_or(RECORDED_SECS) } else { 0.0 };
    let looked_at = secs.min(assay_analyzers::DENSE_SECS);
    (looked_at / RECORDED_SECS).round().max(1.0) as u32
}
