//! What is known about the file before any analyzer looks at it.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Kinds with neither picture nor frames will come, so who matches says what holds of a kind that he
// does not look at.
/// Whether the file is one picture or a sequence of frames in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaKind {
    /// One still picture (an animated GIF or PNG counts as video, of an animated WebP the first
    /// picture is read).
    Image,
    /// Frames with presentation times, with or without sound.
    Video,
}

/// One named fact, already in words that a reader understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// What it is, for example `EXIF Model` or `major brand`.
    pub name: String,
    /// Its value; text from the file is passed on unescaped, so a renderer must escape it.
    pub value: String,
}

impl Fact {
    /// A fact from anything that prints.
    pub fn new(name: impl Into<String>, value: impl std::fmt::Display) -> Self {
        Self { name: name.into(), value: value.to_string() }
    }
}

/// Facts that belong together, for example everything from the EXIF block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FactGroup {
    /// Heading, for example `EXIF`, `JPEG structure`, `ISO base media boxes`, `Video stream 0`.
    pub title: String,
    /// The facts in file order.
    pub facts: Vec<Fact>,
}

/// SHA-256 of the packets of one stream, as they lie in the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamHash {
    /// Stream index in the container.
    pub stream: u32,
    /// `video`, `audio` or what the container calls it.
    pub kind: String,
    /// Codec name.
    pub codec: String,
    /// Lower-case hexadecimal SHA-256.
    pub sha256: String,
}

/// SHA-256 of one decoded frame that an analyzer used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FrameHash {
    /// Index in presentation order, 0 for a still picture.
    pub index: u64,
    /// Presentation time in seconds; absent for a still picture.
    pub pts_secs: Option<f64>,
    /// Lower-case hexadecimal SHA-256 of the decoded samples in coded orientation.
    pub sha256: String,
}

/// The identity and the facts of the examined file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputFacts {
    /// File name without folders; bytes that are not UTF-8 are shown as U+FFFD.
    pub file_name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Lower-case hexadecimal SHA-256 of the file.
    pub sha256: String,
    /// Lower-case hexadecimal SHA-512 of the file.
    pub sha512: String,
    /// Picture or video.
    pub kind: MediaKind,
    /// Container or image format by content, never by name: `jpeg`, `png`, `mp4` ...
    pub format: String,
    /// Width in pixels as shown (after orientation).
    pub width: u32,
    /// Height in pixels as shown (after orientation).
    pub height: u32,
    /// Width of a pixel over its height, as shown; absent where pixels are square. It is applied
    /// where people look, never before anything is examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixel_aspect: Option<[u32; 2]>,
    /// Duration in seconds; absent for a still picture.
    pub duration_secs: Option<f64>,
    /// Everything read from the container and the metadata.
    pub facts: Vec<FactGroup>,
    /// Hashes of the streams; empty for a still picture.
    pub streams: Vec<StreamHash>,
    /// Hashes of the decoded frames that were used.
    pub frames_used: Vec<FrameHash>,
    /// Which decoder gave the pixels, with its version.
    pub decoder: String,
}

impl InputFacts {
    /// Width over height at which a part of `width` by `height` pixels is to be seen; `None` where
    /// pixels are square.
    pub fn seen_ratio(&self, width: u32, height: u32) -> Option<f64> {
        let [across, up] = self.pixel_aspect?;
        Some(f64::from(width) * f64::from(across) / (f64::from(height) * f64::from(up)))
    }
}
