//! The examiner's record that a report belongs to.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The two statements that the likelihood ratio compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Propositions {
    /// H1.
    pub forged: String,
    /// H2.
    pub genuine: String,
}

impl Default for Propositions {
    fn default() -> Self {
        Self {
            forged: "The picture or clip, or a face in it, was synthesised or altered after it was recorded.".into(),
            genuine: "It was recorded by a camera and processed as usual (cropped, scaled, compressed as a whole)."
                .into(),
        }
    }
}

/// A prior probability, always shown with where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// Probability of H1 before the evidence, 0..1 exclusive.
    pub probability: f64,
    /// Who assumes it and why.
    pub source: String,
}

/// The fields of an examiner's record (SWGDE 18-I-001, ENFSI-BPM-DI-03); read from a TOML or JSON file by `--case`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Case {
    /// Case number.
    pub number: String,
    /// The question that was asked.
    pub question: String,
    /// Who asked.
    pub requester: String,
    /// Examiner.
    pub examiner: String,
    /// Qualification of the examiner.
    pub qualification: String,
    /// Laboratory.
    pub laboratory: String,
    /// Exhibit or item number.
    pub item: String,
    /// How and when the item was received.
    pub received: String,
    /// `draft` or `final`.
    pub status: String,
    /// Reviewer.
    pub reviewer: String,
    /// Free notes.
    pub notes: String,
    /// The propositions; the default pair when absent.
    pub propositions: Option<Propositions>,
    /// A prior, if the examiner states one.
    pub prior: Option<Prior>,
}
