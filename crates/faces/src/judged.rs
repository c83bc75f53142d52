//! What detectors said of a face while its frame was at hand.
//!
//! The decision that shapes it: a detector needs pixels, and those are there during the look only.
//! So whoever looks asks through one small trait, [`Detecting`], and what is kept of the answer is
//! small: a logit and a few maps a detector, and one JPEG for the reader. What a detector is, and
//! which there are, is not known here; its answers are filed under its id. Nothing is weighed.
use std::collections::BTreeMap;

use assay_evidence::NetworkInfo;
use image::RgbImage;

use crate::geometry::Rect;
use crate::{FacesError, Landmarks};

/// Sharpness (of [`crate::Quality`]) below which a face is too blurred to be judged.
pub const LEAST_SHARPNESS: f32 = 0.15;

/// Side of the maps of an [`Answer`], in places.
pub const MAP_SIDE: usize = 20;

/// What one detector says of one face in one frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The detector score: above zero where the detector takes the face for forged; not calibrated.
    pub logit: f32,
    /// Maps by name, [`MAP_SIDE`] x [`MAP_SIDE`] places row by row over [`Judged::crop_in_frame`].
    pub maps: BTreeMap<String, Vec<f32>>,
}

/// What all detectors say of one face in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// By the id that the detector was asked under.
    pub answers: BTreeMap<String, Answer>,
    /// The crop that the maps lie over, in pixels of the frame.
    pub crop_in_frame: Rect,
    /// That crop, for the reader.
    pub jpeg: Vec<u8>,
}

impl Judged {
    /// The logit of a detector; `None` where it was not asked.
    pub fn logit(&self, detector: &str) -> Option<f32> {
        self.answers.get(detector).map(|answer| answer.logit)
    }

    /// A map of a detector; `None` where it was not asked or has no such map.
    pub fn map(&self, detector: &str, map: &str) -> Option<&[f32]> {
        self.answers.get(detector)?.maps.get(map).map(Vec::as_slice)
    }
}

/// The weights behind the answers of one detector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectorWeights {
    /// The id that it is asked under.
    pub detector: String,
    /// Its files of weights.
    pub weights: Vec<NetworkInfo>,
}

impl DetectorWeights {
    /// The hashes of the files.
    pub fn hashes(&self) -> Vec<String> {
        self.weights.iter().map(|w| w.sha256.clone()).collect()
    }
}

/// Detectors that are asked about every face that is looked at. Answers must not depend on the
/// number of threads.
pub trait Detecting: Send + Sync {
    /// Who is asked, in the order of the record; part of every report.
    fn weights(&self) -> Vec<DetectorWeights>;

    /// What they say of a face; `None` where it is too small to be judged. `before` is how many
    /// frames of the clip were looked at before this one: a slow detector is asked at some of them
    /// only, and always at the first.
    ///
    /// # Errors
    /// [`FacesError`] where one of them breaks.
    fn judge(&self, frame: &RgbImage, landmarks: &Landmarks, before: usize) -> Result<Option<Judged>, FacesError>;
}
