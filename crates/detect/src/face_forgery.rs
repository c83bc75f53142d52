//! Whether a face was laid over or reshaped.
//!
//! One network of the mean of four files of weights: one learned from self-blended images alone,
//! three went on from it with real-time face swaps, each without a third of the clips
//! (docs/forgery.md). It sees a part of the face at a time, at a fine crop.
use assay_models::face_forgery::{Crop, JUDGED_MARGIN, JUDGED_SIDE};

use crate::learned::{self, BLEND_MASK, CLASS_ACTIVATION};
use crate::{About, Declared, Input, MapAbout};

/// The files whose mean is asked.
const SHIPPED: [&str; 4] =
    ["face-forgery-sbi-1", "face-forgery-pairs-1", "face-forgery-pairs-2", "face-forgery-pairs-3"];

const ABOUT: About = About {
    id: "face_forgery",
    title: "the networks that tell manipulated faces",
    question: Some("face_replaced"),
    input: Input::FaceCrop(Crop { side: JUDGED_SIDE, margin: JUDGED_MARGIN }),
    maps: &[
        MapAbout { name: BLEND_MASK, bright: "where the networks see something laid over" },
        MapAbout { name: CLASS_ACTIVATION, bright: "what speaks for a manipulation (class activation)" },
    ],
    builds_on: None,
};

/// The detector.
pub(crate) static THE: Declared =
    Declared { about: ABOUT, open: |weights, _| learned::open(&ABOUT, &SHIPPED, weights) };
