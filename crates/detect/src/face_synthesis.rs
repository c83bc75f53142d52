//! Whether a face was generated as a whole.
//!
//! It learned from GAN portraits against photographs that were saved in the same way
//! (docs/models/face-synthesis-1.md). A generator's grain is finer than a seam, so it sees a close
//! crop.
use assay_models::face_forgery::{Crop, SIDE, SYNTHESIS_MARGIN};

use crate::learned::{self, CLASS_ACTIVATION};
use crate::{About, Declared, Input, MapAbout};

/// The file that is asked.
const SHIPPED: [&str; 1] = ["face-synthesis-1"];

const ABOUT: About = About {
    id: "face_synthesis",
    title: "the networks that tell generated faces",
    question: Some("face_generated"),
    input: Input::FaceCrop(Crop { side: SIDE, margin: SYNTHESIS_MARGIN }),
    maps: &[MapAbout { name: CLASS_ACTIVATION, bright: "what speaks for a generated face (class activation)" }],
    every: 1,
};

/// The detector.
pub(crate) static THE: Declared =
    Declared { about: ABOUT, open: |weights| learned::open(&ABOUT, &SHIPPED, weights) };
