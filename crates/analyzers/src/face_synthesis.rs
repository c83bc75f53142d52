//! # Generated-face network
//!
//! Asks a network that was trained by this project whether a face was generated as a whole by a
//! GAN, for every person and over time.
//!
//! ## How
//! The same crops as for `face_manipulation`: for every look at a face (six a second of a clip,
//! once in a still picture) a square around its mesh at about the picture's own resolution, as
//! colours and as what smoothing takes out of them. The network has learned from StyleGAN and other
//! GAN portraits of 256 pixels against photographs. Because files of generators share a compression
//! that photographs have not, both were saved again in the same way before it saw them, at JPEG
//! qualities from 40 to 97 and at sizes down to one half: compression and size tell it nothing.
//!
//! A clip is judged in stretches of three seconds, and a file by its most suspicious person, as in
//! `face_manipulation`.
//!
//! ## How to read it
//! The chart shows the logit over time: above zero the network leans to a generated face.
//! Everything in a generated picture is generated, so the bright places only say what the network
//! went by, and only where that is more than any place of 99 in 100 genuine faces gives it.
//!
//! ## What fools it
//! Generators that it has not learned from, diffusion models above all; strong compression;
//! pictures made much smaller; printing and photographing.
//!
//! ## When it does not apply
//! No face of at least 48 px, or none sharp enough; no networks in this run.
//!
//! ## References
//! T. Karras, S. Laine, T. Aila, *A Style-Based Generator Architecture for Generative Adversarial
//! Networks*, CVPR 2019. S.-Y. Wang, O. Wang, R. Zhang, A. Owens, A. A. Efros, *CNN-Generated
//! Images Are Surprisingly Easy to Spot... for Now*, CVPR 2020.
use assay_evidence::{Family, Status};

use crate::judged_faces::{FaceAnalyzer, Words};
use crate::{About, Need};

/// The analyzer.
pub(crate) static THE: FaceAnalyzer = FaceAnalyzer {
    about: &About {
        id: "face_synthesis",
        title: "Generated-face network",
        summary: "traces of a face generated as a whole by a GAN, by a network trained on portraits; per person, over time",
        family: Family::Undirected,
        status: Status::Calibrated,
        needs: &[Need::Faces, Need::Detector("face_synthesis")],
        fooled_by: &[
            "Generators that it has not learned from, diffusion models above all.",
            "Heavy compression and pictures made much smaller.",
            "A print or a screen that was photographed.",
        ],
        not_applicable_when: &[
            "No face has a mesh of at least 48 pixels.",
            "Every face is too blurred.",
            "The run has no face networks.",
        ],
        references: &[
            "T. Karras, S. Laine, T. Aila, A Style-Based Generator Architecture for Generative Adversarial Networks, CVPR 2019",
            "S.-Y. Wang et al., CNN-Generated Images Are Surprisingly Easy to Spot... for Now, CVPR 2020",
        ],
    },
    detector: "face_synthesis",
    words: Words { leaning: "generated", otherwise: "real" },
};
