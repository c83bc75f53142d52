//! What the evidence of one file supports, in numbers and in words.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Prior, Propositions};

/// A log10 likelihood ratio with its 95 % interval; positive supports H1 (forged).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Llr {
    /// Point value.
    pub log10: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Steps of the ENFSI verbal scale (Guideline for Evaluative Reporting, 2015), for either proposition.
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
    /// Taken off the fused log10 likelihood ratio for segments and persons. The analyzers' number is covered by the joint fusion.
    pub taken_off_log10: f64,
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
    /// The largest absolute log10 LR that this many items can support.
    pub cap_log10: f64,
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

/// One way in which a file may have been forged, weighed apart from the others because it has recorded items of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// What is asked, such as "was a part of it altered?".
    pub asked: String,
    /// The value; absent when there is an abstention.
    pub llr: Option<Llr>,
    /// Why no value is given.
    pub abstained: Option<String>,
    /// Sorted by absolute contribution, largest first.
    pub contributions: Vec<Contribution>,
    /// Multiple looks.
    pub correction: Correction,
    /// The data behind the numbers.
    pub calibration: Option<CalibrationRef>,
}

impl Verdict {
    /// What every analyzer added, whatever the question.
    pub fn contributions(&self) -> impl Iterator<Item = &Contribution> {
        self.questions.iter().flat_map(|q| &q.contributions)
    }
}

/// The answer for the whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// What was compared.
    pub propositions: Propositions,
    /// The fused value; absent when the verdict is an abstention.
    pub llr: Option<Llr>,
    /// Its band on the verbal scale; absent when the verdict is an abstention.
    pub band: Option<VerbalBand>,
    /// One sentence.
    pub sentence: String,
    /// Why no value is given.
    pub abstained: Option<String>,
    /// The threshold of this run as a likelihood ratio.
    pub threshold_lr: f64,
    /// The fused value reaches the threshold.
    pub above_threshold: bool,
    /// The ways of forging that were weighed apart; the fused value is the mean of their likelihood ratios, and one that could apply and got no value counts as 1.
    pub questions: Vec<Question>,
    /// The stated prior, if any.
    pub prior: Option<Prior>,
    /// Posterior probability of H1 under that prior.
    pub posterior: Option<f64>,
    /// Always filled: what this run says nothing about.
    pub not_tested: Vec<NotTested>,
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
