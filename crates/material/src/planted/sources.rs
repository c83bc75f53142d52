//! What planted sets are made of: photos and clips of the caller's, each with its side of the
//! split.
//!
//! The decision that shapes it: which files there are, who is seen in them and on which side they
//! lie is the caller's to say, so that a planted set is divided by the same rule as everything else
//! that is learned or measured.
use super::index::Split;
use anyhow::Context;
use image::RgbImage;
use std::path::PathBuf;

/// One source photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// File.
    pub path: PathBuf,
    /// Path below the folder of sources, with `/`.
    pub relative: String,
    /// Folder below the folder of sources, for tables and for even shares.
    pub folder: String,
    /// Who or what must stay on one side of the split.
    pub group: String,
    /// Its side.
    pub split: Split,
    /// Whether the picture was cut around a face.
    pub is_face: bool,
}

impl Photo {
    /// Decodes to RGB as an editing program does.
    ///
    /// # Errors
    /// When the file cannot be read or decoded.
    pub fn decode(&self) -> anyhow::Result<RgbImage> {
        let picture = image::open(&self.path).with_context(|| format!("cannot decode {}", self.path.display()))?;
        Ok(picture.into_rgb8())
    }
}

/// One recorded source clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// File.
    pub path: PathBuf,
    /// Path below the folder of sources, with `/`.
    pub relative: String,
    /// Folder below the folder of sources, for tables.
    pub folder: String,
    /// Who or what must stay on one side of the split.
    pub group: String,
    /// Its side.
    pub split: Split,
    /// Whether only the left half is recorded.
    pub left_half: bool,
}
