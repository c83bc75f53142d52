//! What a file says about where it comes from: signed manifest, invisible watermark, visible label.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a manifest amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ManifestState {
    /// There is none.
    #[default]
    None,
    /// The file was changed after it was signed, or the manifest itself is broken.
    Invalid,
    /// Unchanged since it was signed, by somebody whose certificate no given root vouches for.
    ValidUnknownIssuer,
    /// Unchanged since it was signed by somebody for whom a root of the user's vouches.
    Trusted,
}

impl ManifestState {
    /// The state in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "none; that says nothing about the file",
            Self::Invalid => "INVALID: it does not fit the file, or is broken",
            Self::ValidUnknownIssuer => "valid, by an unknown issuer",
            Self::Trusted => "valid, by an issuer that you trust",
        }
    }
}

/// Where a manifest was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ManifestWhere {
    /// In the file.
    Embedded,
    /// In a file beside it with the extension `c2pa`.
    Sidecar,
}

/// What is said about a file's manifest; the default is a file without one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ManifestReport {
    /// What it amounts to.
    pub state: ManifestState,
    /// Where it was found.
    pub found_in: Option<ManifestWhere>,
    /// Name in the signing certificate. Anybody can write any name into a certificate of their own.
    pub issuer: Option<String>,
    /// Program that made the manifest.
    pub generator: Option<String>,
    /// Time in the manifest's time stamp; `None` without one.
    pub signed_at: Option<String>,
    /// Digital source types of all its actions.
    pub source_types: Vec<String>,
    /// Number of our watermark that its soft binding names, as eight hexadecimal digits.
    pub watermark_id: Option<String>,
    /// Number that follows from its instance id.
    pub bound_id: Option<String>,
    /// What was recorded about the making, or what a user claimed.
    pub record: Option<Value>,
    /// Titles of its ingredients.
    pub ingredients: Vec<String>,
    /// Address at which the file says its manifest lies; it was not fetched.
    pub remote_address: Option<String>,
    /// Failures by C2PA's status codes, with explanation.
    pub problems: Vec<String>,
    /// What is wrong with what it was made from, at any depth, as found now or as recorded when it
    /// was signed. The manifest itself can be valid all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ingredient_problems: Vec<String>,
    /// What is no failure but limits what the manifest says: a time stamp that does not fit, an
    /// assertion that was not checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What is said about the invisible mark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WatermarkReport {
    /// True when the pattern is there.
    pub found: bool,
    /// Its number, as eight hexadecimal digits; `None` when it cannot be read.
    pub id: Option<String>,
    /// Agreement with the pattern in standard deviations of chance.
    pub statistic: f32,
    /// From which agreement on it counts as found.
    pub threshold: f32,
    /// Chance at most that a file without the mark is said to carry it.
    pub false_positive_rate: f64,
    /// Size of the pattern relative to that in a freshly marked picture of this size.
    pub scale: Option<f32>,
    /// True when the picture was turned left for right since.
    pub mirrored: bool,
    /// Frames that were added up; 1 for a picture, 0 when nothing was looked at: the picture is too
    /// small, or no pixels were decoded.
    pub frames: u32,
}

/// What is said about the visible label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelReport {
    /// True when it is there.
    pub found: bool,
    /// Its words.
    pub words: Option<String>,
    /// Normalised correlation with the drawing, up to 1.
    pub score: f32,
}

/// The marks of a file and how they go together. A statement about provenance: it never moves the
/// verdict, and the absence of all three says nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Marks {
    /// The signed manifest.
    pub manifest: ManifestReport,
    /// The invisible mark.
    pub watermark: WatermarkReport,
    /// The visible label.
    pub label: LabelReport,
    /// The first mark that says a trained model made this or had a part in it, in words; `None`
    /// when there is none.
    pub generated: Option<String>,
    /// What does not go together, one sentence each.
    pub contradictions: Vec<String>,
}

/// What kind of statement a badge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BadgeKind {
    /// A mark says that a trained model made it or had a part in it.
    SaysGenerated,
    /// Its marks contradict one another or the file.
    Contradiction,
    /// It carries a signed statement on where it comes from that is none of the above.
    Signed,
}

/// A file's own statement in two or three words, to stand beside the headline: a statement about
/// provenance, which has no part in any likelihood ratio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Badge {
    /// What kind.
    pub kind: BadgeKind,
    /// Two or three words.
    pub words: String,
    /// What it rests on, one clause.
    pub because: String,
}
