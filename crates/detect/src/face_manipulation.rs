//! Whether a face was replaced or reshaped.
//!
//! CLIP's image tower with layer normalisations of its own; where the program was built without
//! that tower, a small network of this project. Either is the mean of four files of weights: one
//! learned from self-blended images alone, three went on from it with swaps, each without a third
//! of the side-by-side clips (docs/forgery.md).
use assay_models::clip::SIDE;
use assay_models::face_forgery::{Crop, Opened};
use assay_models::soup::Soup;
use assay_models::{Kind, ModelError};

use crate::learned::{self, BLEND_MASK, CLASS_ACTIVATION};
use crate::{About, Declared, DetectError, Detector, Input, MapAbout, Weights, tuned};

/// The files whose mean is asked.
const SHIPPED: [&str; 4] = if assay_models::HAS_LARGE {
    [
        "face-manipulation-sbi-1",
        "face-manipulation-pairs-1",
        "face-manipulation-pairs-2",
        "face-manipulation-pairs-3",
    ]
} else {
    ["face-forgery-sbi-1", "face-forgery-pairs-1", "face-forgery-pairs-2", "face-forgery-pairs-3"]
};

/// What weights may be: both networks, and this project's small one trained for other questions,
/// so that figures can be had of what `assay train detector` writes.
const KINDS: [Kind; 4] = [Kind::ClipTuned, Kind::FaceForgery, Kind::FaceSynthesis, Kind::FaceReenactment];

const ABOUT: About = About {
    id: "face_manipulation",
    title: "the network that tells replaced and reshaped faces",
    question: Some("face_replaced"),
    input: Input::FaceCrop(Crop { side: SIDE, margin: 1.35 }),
    maps: &[
        MapAbout { name: BLEND_MASK, bright: "where the network sees something laid over" },
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
