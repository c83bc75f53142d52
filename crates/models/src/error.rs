//! Why weights could not be listed, imported, opened or written.
use std::path::{Path, PathBuf};

use assay_checkpoints::CheckpointError;

use crate::Kind;
use crate::state::{Match, Mismatch};

/// Why weights could not be listed, imported, opened or written. Every message names the file or
/// the id.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file is no checkpoint, a broken one, or one that asks for more than tensors.
    #[error("cannot read {}: {source}", .path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CheckpointError,
    },
    /// The tensors belong to another network, or to none that is known.
    #[error("wrong network in {}: {reason}", .path.display())]
    WrongNetwork {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// The network is the right one, but tensors are missing, left over or of another shape.
    #[error("{} does not fit {kind}: {}", .path.display(), Mismatch(*.found.clone()))]
    Misfit {
        /// The file.
        path: PathBuf,
        /// The kind that it was held against.
        kind: Kind,
        /// Tensor by tensor.
        found: Box<Match>,
    },
    /// The file system refused.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A registry or an entry is not in order, or an id is taken or unknown.
    #[error("{0}")]
    Registry(String),
}

impl ModelError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}
