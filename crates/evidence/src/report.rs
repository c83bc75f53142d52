//! The report of one file and the document of one scan.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Badge, Case, FaceSearch, Finding, InputFacts, Marks, MediaKind, NetworkInfo, Threshold, Verdict};

/// Schema name of a single report.
pub const SCHEMA_REPORT: &str = "assay-report/2";
/// Schema name of a scan document.
pub const SCHEMA_SCAN: &str = "assay-scan/2";

/// The program that made the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolInfo {
    /// `assay`.
    pub name: String,
    /// Version.
    pub version: String,
    /// Lower-case hexadecimal SHA-256 of the running binary; empty where the caller of the library
    /// did not say.
    pub binary_sha256: String,
    /// Version line of the system decoder, or `none` when no decoder was needed.
    pub decoder: String,
}

/// The threshold of one question for one kind of file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuestionThreshold {
    /// Question id.
    pub question: String,
    /// For pictures or for videos.
    pub kind: MediaKind,
    /// The threshold.
    pub threshold: Threshold,
}

/// Everything that was set and can change a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// Ids of the analyzers that were asked, in list order.
    pub analyzers: Vec<String>,
    /// Frames sampled evenly for pictures of a video.
    pub frames: u32,
    /// From which likelihood ratio on a statement counts as found, by question and kind of file.
    pub thresholds: Vec<QuestionThreshold>,
    /// Seed of every pseudo-random choice.
    pub seed: u64,
    /// The networks that were used, with the hashes of their weights.
    #[serde(default)]
    pub networks: Vec<NetworkInfo>,
}

/// A reduced view of the examined picture or of one frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// Baseline JPEG, base64.
    pub jpeg: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Presentation time in seconds; absent for a still picture.
    pub pts_secs: Option<f64>,
}

/// The part that is byte-identical for the same input, settings, binary and decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScanResult {
    /// Program.
    pub tool: ToolInfo,
    /// Settings.
    pub settings: Settings,
    /// The examined file.
    pub input: InputFacts,
    /// The examined picture as shown, reduced; for a video, evenly spaced frames. For the reader's
    /// eye, never analysed.
    pub previews: Vec<Preview>,
    /// Who is in it. Never moves the verdict.
    #[serde(default)]
    pub faces: FaceSearch,
    /// What the file carries about where it comes from. Never moves the verdict; absent from
    /// reports of versions that did not look for it. A manifest counts only when it lies in the
    /// file, and whether its certificate has run out depends on the day.
    #[serde(default)]
    pub marks: Option<Marks>,
    /// What the file says of itself, to stand beside the headline. Never moves the verdict.
    #[serde(default)]
    pub badges: Vec<Badge>,
    /// One answer per analyzer asked, in list order.
    pub findings: Vec<Finding>,
    /// The answer.
    pub verdict: Verdict,
}

/// Time, place and machine: differs from run to run, so it stands outside the result.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// Path as given.
    pub path: String,
    /// Start, RFC 3339, UTC.
    pub started_utc: String,
    /// Wall time in seconds.
    pub wall_secs: f64,
    /// Wall time per analyzer in seconds, in list order, and after them that of the faces and of
    /// the marks.
    pub analyzer_secs: Vec<(String, f64)>,
    /// Operating system and architecture.
    pub platform: String,
    /// Threads used.
    pub threads: u32,
    /// Command line.
    pub command: Vec<String>,
    /// SHA-256 of the newest entry of the hash-chained log when this report was written.
    pub log_head: String,
}

/// One file's report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA_REPORT`].
    pub schema: String,
    /// The examiner's record.
    pub case: Case,
    /// The reproducible part.
    pub result: ScanResult,
    /// Lower-case hexadecimal SHA-256 of the compact JSON of `result`.
    pub result_sha256: String,
    /// The circumstances.
    pub run: RunInfo,
}

/// A file that could not be examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Path; bytes that are not UTF-8 are shown as U+FFFD.
    pub path: String,
    /// Reason.
    pub reason: String,
}

/// What `assay scan --json` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScanDocument {
    /// [`SCHEMA_SCAN`].
    pub schema: String,
    /// Reports in the order of the sorted paths.
    pub reports: Vec<Report>,
    /// Files that could not be examined.
    pub failures: Vec<Failure>,
}
