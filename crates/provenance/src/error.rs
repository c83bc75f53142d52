//! Why something was not marked, not signed or not read. Messages name the file and the reason.
use std::path::PathBuf;

use assay_media::MediaError;

use crate::watermark::WatermarkError;

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A picture or clip cannot be read.
    #[error("{path}: {source}")]
    Media {
        /// File.
        path: PathBuf,
        /// Why.
        source: MediaError,
    },
    /// The pattern does not fit in.
    #[error(transparent)]
    Watermark(#[from] WatermarkError),
    /// Encoding failed.
    #[error("{path}: cannot be encoded: {reason}")]
    Encoding {
        /// File that was to be written.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The manifest could not be made or signed.
    #[error("{path}: cannot be signed: {reason}")]
    Signing {
        /// File that was to be written.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The signing key or its certificates are unusable.
    #[error("{path}: {reason}")]
    Key {
        /// Key, certificate, or signing program.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// What was written does not carry all marks when read back; it was removed again.
    #[error("{path}: not written, because not all marks could be read back: {reason}")]
    NotReadBack {
        /// File that was to be written.
        path: PathBuf,
        /// Which mark, and what was found instead.
        reason: String,
    },
    /// A claim of authorship on something that carries a mark of generated media.
    #[error("{path}: refused, because it carries a mark of generated media: {mark}")]
    MarkedAsGenerated {
        /// File.
        path: PathBuf,
        /// The mark.
        mark: String,
    },
    /// Pictures cannot be laid out on a sheet.
    #[error("a sheet cannot be made: {reason}")]
    Sheet {
        /// Why.
        reason: String,
    },
    /// The file's format cannot be written or signed.
    #[error("{path}: {reason}")]
    Format {
        /// File.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The hidden neighbour of a file to come; named after the process, so that two that write one file
/// do not sign each other's bytes.
///
/// # Errors
/// [`ProvenanceError::Io`] when there can be no such file.
pub(crate) fn part_beside(path: &std::path::Path, word: &str) -> Result<assay_files::PartFile, ProvenanceError> {
    let word = format!("{word}-{}", std::process::id());
    assay_files::PartFile::beside(path, &word).map_err(ProvenanceError::io(path))
}

impl ProvenanceError {
    /// For `map_err` on file operations.
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// For `map_err` on reading media.
    pub(crate) fn media(path: &std::path::Path) -> impl FnOnce(MediaError) -> Self {
        let path = path.to_owned();
        move |source| Self::Media { path, source }
    }
}
