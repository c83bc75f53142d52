//! Who is in the picture or clip, and how well each can be seen.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Preview, Span};

/// The weights of one network that had a part in a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkInfo {
    /// Id in the registry, for example `face-detector`.
    pub id: String,
    /// What it is used for, a few words.
    pub task: String,
    /// Lower-case hexadecimal SHA-256 of the weights.
    pub sha256: String,
}

/// What came of looking for faces. For the reader and for other analyzers; it never moves the
/// verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum FaceSearch {
    /// They were looked for.
    Searched(Box<FacesFound>),
    /// They were not looked for.
    NotSearched {
        /// Why, in one sentence.
        reason: String,
    },
    /// A network broke; the rest of the report stands.
    Failed {
        /// The error.
        reason: String,
    },
}

impl Default for FaceSearch {
    fn default() -> Self {
        Self::NotSearched { reason: "The version that wrote this report did not look for faces.".into() }
    }
}

/// The people of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FacesFound {
    /// Frames in which faces were looked for; 1 for a still picture.
    pub frames: u64,
    /// The stretches of a video that were looked at; empty for a still picture.
    pub windows: Vec<Span>,
    /// Side in pixels (of the picture as shown) of the smallest face that can be found in it.
    pub smallest_face_px: f64,
    /// Times in seconds at which a new shot begins.
    pub cuts_secs: Vec<f64>,
    /// The people, most often seen first.
    pub persons: Vec<Person>,
    /// People beyond those listed.
    pub more_persons: u32,
    /// Cosine of two identity vectors from which faces are taken for one person's.
    pub same_person_cosine: f64,
}

/// Least, middle and greatest value over the frames.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Range {
    /// Least.
    pub low: f64,
    /// Median.
    pub median: f64,
    /// Greatest.
    pub high: f64,
}

/// A face in one frame. Pixels are those of the picture as shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaceBox {
    /// Presentation index of the frame; 0 for a still picture.
    pub frame: u64,
    /// Presentation time in seconds; absent for a still picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pts_secs: Option<f64>,
    /// Left edge; negative where the face reaches out of the picture.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// Score of the detector, 0 to 1.
    pub score: f64,
    /// Overall quality, 0 to 1.
    pub quality: f64,
}

/// How well a face can be seen, 0 (not at all) to 1 (no objection): medians over the frames.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaceQuality {
    /// The product of the parts.
    pub overall: f64,
    /// From the size of the face.
    pub size: f64,
    /// From its blur.
    pub sharpness: f64,
    /// From how far it is turned away.
    pub pose: f64,
    /// From points that are hidden or unsure.
    pub visibility: f64,
    /// From clipped and very dark or bright parts.
    pub exposure: f64,
}

/// How alike two people's identity vectors are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Likeness {
    /// The other person.
    pub person: String,
    /// Cosine, -1 to 1.
    pub cosine: f64,
}

/// One person. Faces are taken for one person's by the likeness of their identity vectors, which
/// can be wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// `P1`, `P2` ...
    pub id: String,
    /// When the face is followed without a break; empty for a still picture.
    pub seen: Vec<Span>,
    /// In how many of the looked-at frames.
    pub frames: u64,
    /// Where, frame by frame.
    pub boxes: Vec<FaceBox>,
    /// Size of the face in pixels (square root of the area of its box).
    pub size_px: Range,
    /// Degrees; positive when the nose points to the right of the picture. Absent when pose is not
    /// measured.
    pub yaw_degrees: Option<Range>,
    /// Degrees; positive when the nose points up.
    pub pitch_degrees: Option<Range>,
    /// Degrees; positive when the head leans clockwise in the picture.
    pub roll_degrees: Option<Range>,
    /// Height over width of the opening of the eyes, mean of both.
    pub eyes_open: Range,
    /// Height over width of the opening between the inner lips.
    pub mouth_open: Range,
    /// How well the face can be seen.
    pub quality: FaceQuality,
    /// Likeness to the other listed people, the most alike first; eight at most.
    pub likeness: Vec<Likeness>,
    /// Aligned crops of the best frames, in order of time.
    pub thumbnails: Vec<Preview>,
}
