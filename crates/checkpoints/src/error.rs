//! Why a checkpoint could not be read or written.

/// Why a checkpoint could not be read or written. The caller names the file.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The bytes are not a checkpoint of a known container, or are broken.
    #[error("{0}")]
    Malformed(String),
}
