//! What a run says nothing about. Never empty.
use assay_analyzers::ANALYZERS;
use assay_evidence::{Finding, MediaKind, NotTested, Outcome, Statement, Status};

use crate::known::GATES;
use crate::pipeline::Setup;
use crate::questions::UNCOVERED;

pub(super) fn list(findings: &[Finding], kind: MediaKind, statements: &[Statement], setup: &Setup) -> Vec<NotTested> {
    let mut list: Vec<NotTested> = Vec::new();
    let mut add = |what: &str, why: &str| list.push(NotTested { what: what.into(), why: why.into() });
    for asked in &setup.questions {
        let has_value = statements.iter().any(|s| s.question == asked.question.id && s.llr.is_some());
        let gaps = if has_value { asked.question.leaves } else { asked.question.unanswered };
        gaps.iter().filter(|g| g.is_of(kind)).for_each(|g| add(g.what, g.why));
    }
    UNCOVERED.iter().filter(|g| g.is_of(kind)).for_each(|g| add(g.what, g.why));
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
    let is_asked = |id: &str| setup.settings.analyzers.iter().any(|asked| asked == id);
    for about in ANALYZERS.iter().map(|a| a.about()).filter(|a| !is_asked(a.id)) {
        if about.status == Status::Calibrated {
            add(about.title, "It was not asked for in this run.");
        } else if GATES.iter().any(|g| g.analyzer == Some(about.id)) {
            add(
                about.title,
                "It was not asked for in this run, so whether this is of a kind that was recorded was not looked at.",
            );
        }
    }
    list
}
