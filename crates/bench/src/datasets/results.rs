//! What is handed in to be measured and what comes out.
//!
//! The decision that shapes it: the names of the fields are those of the JSON, which people read
//! with tools of their own. A figure that is not defined is `null` with the reason, never left out.
//!
//! `frame_auc` is over frames, `person_auc` over persons in a video, `paired_accuracy` over pairs
//! of parts of one file; all other figures are over videos. How scores are put together is said in
//! `tally`.
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::manifest::{Label, Part};
use crate::metrics::Estimate;

/// Score of one face in one frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameScore {
    /// File, as in the table.
    pub path: PathBuf,
    /// Part, as in the table.
    pub part: Part,
    /// Which person of the file.
    pub person: u32,
    /// Which frame; 0 for a still.
    pub frame: u64,
    /// Natural logarithm of the odds of a fake.
    pub log_odds: f64,
    /// Shorter side of the face in pixels, where known.
    pub face_px: Option<f64>,
    /// Turn of the head to the side, where known.
    pub yaw_deg: Option<f64>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The file is not there or cannot be decoded.
    Decode,
    /// No face was found.
    NoFace,
    /// The detector looked and gave no value.
    Abstained,
    /// Neither a score nor a failure was handed in.
    NotReported,
}

/// A file, or some of its frames, that could not be scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// File, as in the table.
    pub path: PathBuf,
    /// Part, as in the table.
    pub part: Part,
    /// What went wrong.
    pub kind: FailureKind,
    /// In a sentence.
    pub reason: String,
}

/// One file and part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileResult {
    /// Below the table's root.
    pub path: String,
    /// Part.
    pub part: Part,
    /// The truth.
    pub label: Label,
    /// Log-odds of the highest person; absent when nothing could be scored.
    pub score: Option<f64>,
    /// Persons scored.
    pub persons: usize,
    /// Frames scored.
    pub frames: usize,
    /// What failed, with the reason.
    pub failures: Vec<(FailureKind, String)>,
}

/// The figures on a part of the set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Which.
    pub name: String,
    /// With what the rows of a source that has one class only are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Over videos.
    pub video_auc: Estimate,
    /// Over frames.
    pub frame_auc: Estimate,
    /// Real videos with a score.
    pub real: usize,
    /// Fake videos with a score.
    pub fake: usize,
}

/// What could not be scored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Failures of decoding that were handed in.
    pub decode: usize,
    /// Failures to find a face that were handed in.
    pub no_face: usize,
    /// Times that the detector looked and gave no value.
    pub abstained: usize,
    /// Files of which nothing was handed in.
    pub not_reported: usize,
    /// Rows of the table.
    pub files: usize,
    /// Real files without a score.
    pub real_without_score: usize,
    /// Fake files without a score.
    pub fake_without_score: usize,
    /// Videos without any score; they are in no figure.
    pub videos_without_score: usize,
}

/// What the plots show, over videos.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// False positives and fakes found, from (0, 0) to (1, 1); empty without both classes.
    pub roc: Vec<[f64; 2]>,
    /// Mean probability, share of fakes and videos of each of the 15 bins; empty bins have 0
    /// videos.
    pub reliability: Vec<(f64, f64, usize)>,
}

/// How the intervals were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// Draws.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
    /// What was drawn.
    pub over: String,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Area under the ROC curve over frames.
    pub frame_auc: Estimate,
    /// Over persons.
    pub person_auc: Estimate,
    /// Over videos.
    pub video_auc: Estimate,
    /// Pairs of parts of one file in which the fake one scores higher; a tie counts half.
    pub paired_accuracy: Estimate,
    /// Equal error rate.
    pub eer: Estimate,
    /// Average precision.
    pub average_precision: Estimate,
    /// Log loss in nats.
    pub log_loss: Estimate,
    /// False positives where 95 % of the fakes are found.
    pub fpr_at_tpr95: Estimate,
    /// Fakes found at 1 % false positives.
    pub tpr_at_fpr01: Estimate,
    /// Brier score.
    pub brier: Estimate,
    /// Expected calibration error.
    pub ece: Estimate,
    /// Every row of the table.
    pub files: Vec<FileResult>,
    /// By source; a source of one class is compared with all rows of the other.
    pub by_source: Vec<Slice>,
    /// By compression; empty when the table names none.
    pub by_compression: Vec<Slice>,
    /// By the size of the face.
    pub by_size: Vec<Slice>,
    /// By the turn of the head.
    pub by_pose: Vec<Slice>,
    /// What could not be scored.
    pub failures: Counts,
    /// What the plots show.
    pub curves: Curves,
    /// How the intervals were made.
    pub bootstrap: Drawn,
}

impl Results {
    /// The figures with their names, in the order of a table.
    pub fn figures(&self) -> [(&'static str, &Estimate); 11] {
        [
            ("video_auc", &self.video_auc),
            ("person_auc", &self.person_auc),
            ("frame_auc", &self.frame_auc),
            ("paired_accuracy", &self.paired_accuracy),
            ("eer", &self.eer),
            ("average_precision", &self.average_precision),
            ("fpr_at_tpr95", &self.fpr_at_tpr95),
            ("tpr_at_fpr01", &self.tpr_at_fpr01),
            ("log_loss", &self.log_loss),
            ("brier", &self.brier),
            ("ece", &self.ece),
        ]
    }
}
