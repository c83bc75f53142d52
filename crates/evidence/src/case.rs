//! The examiner's record that a report belongs to.
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// The two statements that a likelihood ratio compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Propositions {
    /// H1.
    pub forged: String,
    /// H2.
    pub genuine: String,
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

/// The fields of an examiner's record (SWGDE 18-I-001, ENFSI-BPM-DI-03); read from a TOML or JSON
/// file by `--case`.
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
    /// Propositions in the examiner's words, each of one question; the questions' own where there
    /// is none.
    #[serde(deserialize_with = "one_or_many", alias = "proposition")]
    #[schemars(with = "Vec<Proposition>")]
    pub propositions: Vec<Proposition>,
}

/// A pair of propositions for one question: it is compared by that question's likelihood ratio and
/// by no other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Proposition {
    /// Question id (`assay questions list`).
    pub question: String,
    /// H1 in the examiner's words; the question's own where empty.
    pub forged: String,
    /// H2 in the examiner's words; the question's own where empty.
    pub genuine: String,
    /// A prior, if somebody states one.
    pub prior: Option<Prior>,
}

/// `[propositions]` and `[[propositions]]` are both read; a visitor, because an untagged enum
/// swallows the reason of a failure.
fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Proposition>, D::Error> {
    struct OneOrMany;
    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<Proposition>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("one proposition or a list of them")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            Ok(vec![Proposition::deserialize(MapAccessDeserializer::new(map))?])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }
    from.deserialize_any(OneOrMany)
}
