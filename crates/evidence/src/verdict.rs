//! What the evidence of one file supports, in numbers and in words.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Prior, Propositions};

/// A log10 likelihood ratio with its interval; positive supports H1 (forged). The interval of a
/// statement reaches from 5 % to 95 % of what other recorded sources would have given, that of a
/// single analyzer is the usual 95 % of its map.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Llr {
    /// Point value.
    pub log10: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Steps of the ENFSI verbal scale (Guideline for Evaluative Reporting, 2015), for either
/// proposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerbalBand {
    /// LR below 2 either way.
    Neutral,
    /// LR 2 to 10.
    Weak,
    /// LR 10 to 100.
    Moderate,
    /// LR 100 to 1,000.
    ModeratelyStrong,
    /// LR 1,000 to 10,000.
    Strong,
    /// LR 10,000 and more.
    VeryStrong,
}

impl VerbalBand {
    /// The band of a log10 likelihood ratio; the sign is ignored.
    pub fn of(log10_lr: f64) -> Self {
        match log10_lr.abs() {
            v if v < 2f64.log10() => Self::Neutral,
            v if v < 1.0 => Self::Weak,
            v if v < 2.0 => Self::Moderate,
            v if v < 3.0 => Self::ModeratelyStrong,
            v if v < 4.0 => Self::Strong,
            _ => Self::VeryStrong,
        }
    }

    /// Verb phrase, to be followed by the proposition.
    pub fn words(self) -> &'static str {
        match self {
            Self::Neutral => "does not favour either proposition over the other",
            Self::Weak => "weakly supports",
            Self::Moderate => "moderately supports",
            Self::ModeratelyStrong => "moderately strongly supports",
            Self::Strong => "strongly supports",
            Self::VeryStrong => "very strongly supports",
        }
    }
}

/// What one analyzer added to the fused value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contribution {
    /// Analyzer id.
    pub analyzer: String,
    /// Its own calibrated log10 likelihood ratio.
    pub llr_log10: f64,
    /// The learned weight by which it entered the sum.
    pub weight: f64,
    /// Product of the two.
    pub contribution_log10: f64,
}

/// How many places were looked at, and what was taken off for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Correction {
    /// Analyzers that were asked and answered with a score.
    pub analyzers: u32,
    /// Segments of time that were scored apart; 1 for a picture.
    pub segments: u32,
    /// People that were scored apart; 1 when the whole file is one.
    pub persons: u32,
    /// Taken off the fused log10 likelihood ratio for segments and persons. The analyzers' number
    /// is covered by the joint fusion.
    pub taken_off_log10: f64,
}

/// What kept a likelihood ratio from being stated any larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BoundKind {
    /// Deciding by the ratio must beat deciding without it when one more misleading item a class is
    /// imagined (Vergeer et al. 2016).
    Misleading,
    /// The same within what the items themselves reached: the empirical lower and upper bound of
    /// the LR (ELUB).
    Elub,
    /// The share of items beyond the value must bear it out (Alberink et al. 2025).
    Invariance,
    /// No ratio above the number of independent sources: people, cameras, original files.
    Sources,
}

impl BoundKind {
    /// What the bound rests on, to be followed by its value.
    pub fn words(self) -> &'static str {
        match self {
            Self::Misleading => "one more misleading item",
            Self::Elub => "the empirical bound of the recorded items",
            Self::Invariance => "the share of recorded items beyond it",
            Self::Sources => "the number of independent sources",
        }
    }
}

/// One bound of a likelihood ratio, either way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bound {
    /// Which.
    pub kind: BoundKind,
    /// Largest log10 likelihood ratio for H1.
    pub upper_log10: f64,
    /// Smallest log10 likelihood ratio, towards H2; at most 0.
    pub lower_log10: f64,
}

/// Which recorded data the numbers rest on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalibrationRef {
    /// Name of the calibration table.
    pub id: String,
    /// Lower-case hexadecimal SHA-256 of the table.
    pub sha256: String,
    /// Forged items it was made from.
    pub forged: u32,
    /// Genuine items it was made from.
    pub genuine: u32,
    /// Independent sources (people, cameras, original files) of the forged items.
    pub forged_sources: u32,
    /// Independent sources of the genuine items.
    pub genuine_sources: u32,
    /// The largest log10 LR that may be stated: the smallest of the bounds.
    pub cap_log10: f64,
    /// The smallest log10 LR that may be stated, at most 0.
    pub floor_log10: f64,
    /// Which bound makes the cap.
    pub cap_by: BoundKind,
    /// All bounds.
    pub bounds: Vec<Bound>,
    /// What the items are, one line.
    pub data: String,
}

/// Something that no analyzer of this run covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotTested {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// From which likelihood ratio on a statement counts as found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// The likelihood ratio; absent where the recorded items support no default, so that nothing
    /// can be above it.
    pub lr: Option<f64>,
    /// Where it comes from: the false positives behind a default, or that it was given.
    pub basis: String,
}

/// A stated prior and what follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Posterior {
    /// The prior, with where it comes from.
    pub prior: Prior,
    /// Probability of H1 after the evidence.
    pub probability: f64,
}

/// What is said on one question: one way in which a file may have been forged, weighed apart from
/// the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statement {
    /// Question id (`assay questions list`).
    pub question: String,
    /// What is asked, such as "was a part of it altered?".
    pub asked: String,
    /// What was compared; an examiner's own words where the case file has some for this question.
    pub propositions: Propositions,
    /// One sentence for a reader without the field's words.
    pub sentence: String,
    /// The same in the words of the verbal scale; absent without a value.
    pub evaluative: Option<String>,
    /// The value with its interval (5 % to 95 %); absent when there is an abstention.
    pub llr: Option<Llr>,
    /// Its band on the verbal scale.
    pub band: Option<VerbalBand>,
    /// Why no value is given.
    pub abstained: Option<String>,
    /// The threshold of this question in this run.
    pub threshold: Threshold,
    /// The value reaches the threshold.
    pub above: bool,
    /// Analyzers whose places or maps show where, those that added most first; empty where none
    /// does or the statement is not above its threshold.
    pub marked_by: Vec<String>,
    /// Sorted by absolute contribution, largest first.
    pub contributions: Vec<Contribution>,
    /// Multiple looks.
    pub correction: Correction,
    /// The data behind the numbers.
    pub calibration: Option<CalibrationRef>,
    /// With a stated prior.
    pub posterior: Option<Posterior>,
}

/// The strongest statement, for the first line of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Headline {
    /// The question that it speaks of; absent where it speaks of the whole file or of none.
    pub question: Option<String>,
    /// One sentence for a reader without the field's words.
    pub sentence: String,
    /// Its value; absent where nothing can be said either way.
    pub llr: Option<Llr>,
    /// Its band on the verbal scale.
    pub band: Option<VerbalBand>,
}

/// The answer: one statement a question, and which of them leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// What must be read before anything else, such as that no face was found and what is not said
    /// for that reason.
    pub first: Vec<String>,
    /// The strongest statement.
    pub headline: Headline,
    /// Why no value is given on any question.
    pub abstained: Option<String>,
    /// A statement reaches its threshold.
    pub above_threshold: bool,
    /// One a question, in the order of the list of questions.
    pub statements: Vec<Statement>,
    /// Mean of the statements' likelihood ratios, one without a value counting as 1: what the
    /// file's ratio would be if any of the ways of forging were as probable as another. A number
    /// for comparison; it leads nothing, for it dilutes a find. Absent when no value is given.
    pub mean: Option<Llr>,
    /// Always filled: what this run says nothing about.
    pub not_tested: Vec<NotTested>,
}

impl Verdict {
    /// What every analyzer added, whatever the question.
    pub fn contributions(&self) -> impl Iterator<Item = &Contribution> {
        self.statements.iter().flat_map(|s| &s.contributions)
    }

    /// The statement on a question.
    pub fn statement(&self, question: &str) -> Option<&Statement> {
        self.statements.iter().find(|s| s.question == question)
    }

    /// The statement that leads, where the headline speaks of one question.
    pub fn leading(&self) -> Option<&Statement> {
        self.statement(self.headline.question.as_deref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_follow_the_scale() {
        for (lr, band) in [
            (1.0, VerbalBand::Neutral),
            (1.99, VerbalBand::Neutral),
            (2.01, VerbalBand::Weak),
            (10.0, VerbalBand::Moderate),
            (0.05, VerbalBand::Moderate),
            (100.0, VerbalBand::ModeratelyStrong),
            (1_001.0, VerbalBand::Strong),
            (1e9, VerbalBand::VeryStrong),
        ] {
            assert_eq!(VerbalBand::of(f64::log10(lr)), band, "LR {lr}");
        }
    }
}
