//! Whether a face was replaced or reshaped.
//!
//! One network of the mean of four files of weights: one learned from self-blended images alone,
//! three went on from it with real-time face swaps, each without a third of the clips
//! (docs/forgery.md). It sees a part of the face at a time, at a fine crop. Weights that
//! `assay train detector --base clip` writes are asked here as well.
use assay_models::face_forgery::{Crop, JUDGED_MARGIN, JUDGED_SIDE, Opened};
use assay_models::soup::Soup;
use assay_models::{Kind, ModelError};

use crate::learned::{self, BLEND_MASK, CLASS_ACTIVATION};
use crate::{About, Declared, DetectError, Detector, Input, MapAbout, Weights, tuned};

/// The files whose mean is asked.
const SHIPPED: [&str; 4] =
    ["face-forgery-sbi-1", "face-forgery-pairs-1", "face-forgery-pairs-2", "face-forgery-pairs-3"];

/// What weights may be: both networks, and this project's small one trained for other questions,
/// so that figures can be had of what `assay train detector` writes.
const KINDS: [Kind; 4] = [Kind::ClipTuned, Kind::FaceForgery, Kind::FaceSynthesis, Kind::FaceReenactment];

const ABOUT: About = About {
    id: "face_manipulation",
    title: "the networks that tell manipulated faces",
    question: Some("face_replaced"),
    input: Input::FaceCrop(Crop { side: JUDGED_SIDE, margin: JUDGED_MARGIN }),
    maps: &[
        MapAbout { name: BLEND_MASK, bright: "where the networks see something laid over" },
        MapAbout { name: CLASS_ACTIVATION, bright: "what speaks for a manipulation (class activation)" },
    ],
    every: 1,
};

/// The detector.
pub(crate) static THE: Declared = Declared { about: ABOUT, open };

fn open(weights: &Weights) -> Result<Box<dyn Detector>, DetectError> {
    let soup = match weights {
        Weights::Shipped => Soup::shipped(&SHIPPED),
        Weights::Mean(weighted) => Soup::mean(weighted, &KINDS),
    };
    let opened = |soup: Soup| -> Result<Box<dyn Detector>, ModelError> {
        Ok(if soup.first.kind == Kind::ClipTuned {
            tuned::opened(&ABOUT, soup)?
        } else {
            learned::opened(&ABOUT, Opened::of(soup)?)
        })
    };
    soup.and_then(opened).map_err(|source| DetectError::Weights { id: ABOUT.id, source })
}
