//! # How usual a face is
//!
//! Says how many real faces are more usual than this one, to a description that was made from real
//! faces alone.
//!
//! ## How
//! The first network of `face_forgery` describes a crop by 208 numbers before it decides. Those
//! numbers of several thousand real faces are described by a Gaussian, and a face is far when it
//! breaks what they have in common (Mahalanobis' distance). The distance is given as a rank among
//! real faces of other people. No forged face takes part anywhere, so this also notices what no
//! forgery network has learned: and every unusual camera, light and picture format.
//!
//! ## How to read it
//! The chart shows the rank over time as log odds: 0 is the middle real face, 2 is a face that 88
//! of 100 real faces are more usual than, 4 is one in 50. It is shown for the eye and never moves
//! the verdict.
//!
//! ## What fools it
//! Anything unusual and genuine: filters, scans of prints, old cameras, make-up, drawings.
//! Forgeries that look like usual pictures.
//!
//! ## When it does not apply
//! No face of at least 48 px, or none sharp enough; no networks in this run.
//!
//! ## References
//! K. Lee, K. Lee, H. Lee, J. Shin, *A Simple Unified Framework for Detecting Out-of-Distribution
//! Samples and Adversarial Attacks*, NeurIPS 2018. R. Wang et al., *FakeSpotter: A Simple yet
//! Robust Baseline for Spotting AI-Synthesized Fake Faces*, IJCAI 2020.
use assay_evidence::{Family, Status};

use crate::judged_faces::{FaceAnalyzer, Words};
use crate::{About, Need};

/// The analyzer.
pub(crate) static THE: FaceAnalyzer = FaceAnalyzer {
    about: &About {
        id: "face_anomaly",
        title: "How usual a face is",
        summary: "how many real faces are more usual than this one, by a description made from real faces alone; for the eye",
        family: Family::Undirected,
        status: Status::DisplayOnly,
        needs: &[Need::Faces, Need::Detector("face_anomaly")],
        fooled_by: &[
            "Anything unusual and genuine: filters, scans of prints, old cameras, make-up, drawings.",
            "Forgeries that look like usual pictures.",
        ],
        not_applicable_when: &[
            "No face has a mesh of at least 48 pixels.",
            "Every face is too blurred.",
            "The run has no face networks.",
        ],
        references: &[
            "K. Lee et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks, NeurIPS 2018",
            "R. Wang et al., FakeSpotter, IJCAI 2020",
        ],
    },
    detector: "face_anomaly",
    words: Words { leaning: "unusual", otherwise: "usual" },
};
