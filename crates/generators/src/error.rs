//! Why something was not made. Messages name the file and the reason.
use std::path::{Path, PathBuf};

use assay_faces::FacesError;
use assay_media::MediaError;
use assay_models::ModelError;
use assay_provenance::ProvenanceError;

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GeneratorError {
    /// A picture or clip cannot be read.
    #[error("{path}: {source}")]
    Media {
        /// File.
        path: PathBuf,
        /// Why.
        source: MediaError,
    },
    /// The input does not show what the generator needs.
    #[error("{path}: {reason}")]
    Unsuited {
        /// File.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// What was asked for cannot be made.
    #[error("{0}")]
    Unusable(String),
    /// Weights cannot be opened or are another network's.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A face network broke.
    #[error(transparent)]
    Faces(#[from] FacesError),
    /// Marking, encoding or signing failed; nothing was written.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// The file system refused.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The user wanted to stop.
    #[error("stopped; nothing was written")]
    Cancelled,
}

impl GeneratorError {
    /// For `map_err` on reading media.
    pub fn media(path: &Path) -> impl FnOnce(MediaError) -> Self {
        let path = path.to_owned();
        move |source| match source {
            MediaError::Cancelled => Self::Cancelled,
            source => Self::Media { path, source },
        }
    }

    /// For `map_err` on the file system.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// An input that does not show what is needed.
    pub fn unsuited(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unsuited { path: path.to_owned(), reason: reason.into() }
    }
}
