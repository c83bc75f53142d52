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
    /// A pickle asks for a function or class that has no business in a checkpoint. Nothing was
    /// built and nothing ran.
    #[error("it asks to call {0}; refused: a checkpoint may hold tensors and plain containers only")]
    Refused(String),
}

impl CheckpointError {
    pub(crate) fn malformed(text: impl Into<String>) -> Self {
        Self::Malformed(text.into())
    }
}

/// A name from a file as it may be shown: no control characters, not endless.
pub(crate) fn shown(name: &str) -> String {
    const MOST: usize = 120;
    let mut text: String = name.chars().take(MOST).flat_map(char::escape_debug).collect();
    if name.chars().nth(MOST).is_some() {
        text.push_str("...");
    }
    text
}
