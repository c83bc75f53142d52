//! The trait of all detectors, how one is declared and opened, and what it answers.
use assay_evidence::NetworkInfo;
use assay_models::ModelError;
use assay_models::registry::Entry;

use crate::{About, Given};

/// Why a detector could not be opened or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// There is none of this id.
    #[error("there is no detector {0:?}")]
    Unknown(String),
    /// Its weights cannot be opened.
    #[error("the detector {id}: {source}")]
    Weights {
        /// Which detector.
        id: &'static str,
        /// Why.
        source: ModelError,
    },
    /// It cannot work with what it was opened or asked with.
    #[error("the detector {id}: {reason}")]
    Misused {
        /// Which detector.
        id: &'static str,
        /// Why.
        reason: String,
    },
    /// The shipped null levels of maps are broken; a test keeps that from happening.
    #[error("the null levels of maps cannot be read: {0}")]
    NullLevels(String),
    /// The networks that find faces cannot be opened.
    #[error(transparent)]
    Faces(#[from] assay_faces::FacesError),
}

impl DetectError {
    pub(crate) fn misused(id: &'static str, reason: impl Into<String>) -> Self {
        Self::Misused { id, reason: reason.into() }
    }
}

/// What a detector is opened with.
#[derive(Debug, Clone, PartialEq)]
pub enum Weights {
    /// What is part of the program.
    Shipped,
    /// The weighted mean of these, shipped ones by id or files as `assay train detector` writes
    /// them.
    Mean(Vec<(String, f32)>),
}

impl Weights {
    /// One file, or shipped weights by id.
    pub fn file(id_or_path: &str) -> Self {
        Self::Mean(vec![(id_or_path.to_owned(), 1.0)])
    }
}

/// What opens a detector with its weights.
pub type Open = fn(&Weights) -> Result<Box<dyn Detector>, DetectError>;

/// One entry of the list of detectors.
pub struct Declared {
    /// Its description.
    pub about: About,
    /// Opens it.
    pub open: Open,
}

/// What a detector says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// The detector score: above zero where it takes what it was given for forged; not calibrated.
    pub logit: f32,
    /// Square maps over what it was given, row by row, by the names of its description.
    pub maps: Vec<(&'static str, Vec<f32>)>,
}

/// An opened detector. Answers must not depend on the number of threads.
pub trait Detector: Send + Sync {
    /// Its description; [`About::input`] is what its weights want.
    fn about(&self) -> &About;

    /// Its files of weights, which every result carries.
    fn weights(&self) -> Vec<NetworkInfo>;

    /// What it says of what it is given.
    ///
    /// # Errors
    /// [`DetectError::Misused`] where that is not what its description asks for.
    fn judge(&self, given: &Given<'_>) -> Result<Judgement, DetectError>;
}

/// What a result says of a file of weights.
pub(crate) fn info(entry: &Entry) -> NetworkInfo {
    NetworkInfo { task: entry.kind.purpose().to_owned(), id: entry.id.clone(), sha256: entry.sha256.clone() }
}
