//! What can go wrong with an examined file. Messages carry no path; the caller, who knows it, puts
//! it last.

/// Why a file or a part of it could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The operating system refused.
    #[error("cannot read the file: {0}")]
    Io(#[from] std::io::Error),
    /// Zero bytes.
    #[error("the file is empty")]
    Empty,
    /// Neither by content nor by probing a picture or a clip.
    #[error("not a picture or video that Assay reads ({0})")]
    UnknownFormat(String),
    /// The format's own rules are broken, or the file ends too early.
    #[error("damaged {format}: {reason}")]
    Damaged {
        /// Format name.
        format: &'static str,
        /// What is wrong, with the byte offset where known.
        reason: String,
    },
    /// Well-formed but beyond what this reader covers.
    #[error("{format} not supported: {reason}")]
    Unsupported {
        /// Format name.
        format: &'static str,
        /// What is not covered.
        reason: String,
    },
    /// A limit of [`crate::Limits`] was hit.
    #[error("over the limit: {0}")]
    OverLimit(String),
    /// The decoder child failed.
    #[error("the decoder stopped: {0}")]
    Decoder(String),
    /// A needed system program is missing.
    #[error("{0} is not installed")]
    MissingProgram(&'static str),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}
