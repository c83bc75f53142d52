//! What is written down about something made: how, by what, from what.
//!
//! The decision that shapes it: a generator states facts, and everything that follows from them
//! (the label's words, the IPTC source type, the manifest's assertions) follows here, so that two
//! generators cannot say the same thing differently.
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What kind of thing was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Making {
    /// Made from nothing recorded: a generated face.
    Generated,
    /// Made from a picture or clip of somebody: animated, swapped, a part replaced, lips moved.
    Altered,
}

impl Making {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Generated, Self::Altered];

    /// The words of the visible label.
    pub fn words(self) -> &'static str {
        match self {
            Self::Generated => "AI-GENERATED",
            Self::Altered => "AI-ALTERED",
        }
    }

    /// The IPTC digital source type (https://cv.iptc.org/newscodes/digitalsourcetype).
    pub fn source_type(self) -> &'static str {
        match self {
            Self::Generated => "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
            Self::Altered => "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia",
        }
    }
}

/// Weights that took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightsUsed {
    /// Id in the registry.
    pub id: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
}

/// A file that something was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceUsed {
    /// Where it lies; only its name goes into the manifest.
    pub path: PathBuf,
    /// What it was used for: `source portrait`, `driving clip`, `sound`.
    pub role: String,
}

/// How something was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What kind of thing.
    pub making: Making,
    /// Id of the generator.
    pub generator: String,
    /// Weights that took part.
    pub weights: Vec<WeightsUsed>,
    /// Every setting that had a say.
    pub settings: serde_json::Value,
    /// Seed of what was drawn at random.
    pub seed: Option<u64>,
    /// Files that it was made from.
    pub sources: Vec<SourceUsed>,
}
