//! # Replaced and reshaped faces
//!
//! Asks a network whether a face was replaced by another's or reshaped, for every person, over
//! time, and where.
//!
//! ## How
//! For looks at a face (two a second of a clip, once in a still picture) a square around its mesh
//! is cut out, 1.35 times the face, brought to 224 pixels, and judged. The network is the image
//! tower of CLIP (ViT-B/16, nine of its twelve blocks, learned by OpenAI from pictures with
//! captions), of which only the layer normalisations and a head were tuned here. The weights are
//! the mean of four files: one was tuned on real faces and on the same faces laid over themselves
//! with small changes of colour, grain and shape ("self-blended images"); three went on from it
//! with real-time face swaps, swaps and reenactments of FaceForensics++ and composites of faces. A
//! second output says which part of the crop was laid over.
//!
//! A person's looks are put together in stretches of three seconds. A face is often swapped in a
//! part of a clip only; so the score is the logarithm of the mean of the stretches' likelihoods,
//! which a single strong stretch can carry but which pays for how many stretches were looked at.
//! The score of a file is that of its most suspicious person.
//!
//! ## How to read it
//! The chart shows the logit over time, one line a person: above zero the network leans towards
//! "manipulated". The pictures show the most and the least suspicious look, first with the map laid
//! over: bright where something was laid over; then with what each place adds to the logit. A
//! network sees something on every face; so only places are bright that stand out more than any
//! place of 99 in 100 genuine faces does, in a clip over a stretch of three seconds. An empty map
//! means that nothing stands out, not that nothing was done. A map that covers the face and ends at
//! its outline is what a swap looks like; a map on hair, glasses or background is a reason to
//! distrust the score.
//!
//! ## What fools it
//! Make-up and beauty filters on real faces, retouching and sharpening look like laying over. Heads
//! that were moved as a whole and lips that were made to speak leave less than swaps do. Heavy
//! compression and small copies take the grain away. Faces that were wholly generated have no seam;
//! `face_synthesis` looks for those. docs/forgery.md has figures on people and programs that it
//! never saw.
//!
//! ## When it does not apply
//! No face of at least 48 px, or none sharp enough; no networks in this run.
//!
//! ## References
//! A. Radford et al., *Learning Transferable Visual Models From Natural Language Supervision*, ICML
//! 2021. A. Yermakov, J. Cech, J. Matas, M. Fritz, *Deepfake Detection that Generalizes Across
//! Benchmarks*, 2025 (tuning layer normalisations only). K. Shiohara, T. Yamasaki, *Detecting
//! Deepfakes with Self-Blended Images*, CVPR 2022. M. Wortsman et al., *Model soups*, ICML 2022
//! (the mean of weights). L. Li, J. Bao, T. Zhang, H. Yang, D. Chen, F. Wen, B. Guo, *Face X-ray
//! for More General Face Forgery Detection*, CVPR 2020.
use assay_evidence::{Family, Status};

use crate::judged_faces::{FaceAnalyzer, Words};
use crate::{About, Need};

/// The analyzer.
pub(crate) static THE: FaceAnalyzer = FaceAnalyzer {
    about: &About {
        id: "face_manipulation",
        title: "Replaced and reshaped faces",
        summary: "traces of a face laid over another or reshaped, by a network tuned on self-blended and swapped faces; per person, over time, with a map",
        family: Family::Undirected,
        status: Status::Calibrated,
        needs: &[Need::Faces, Need::Detector("face_manipulation")],
        fooled_by: &[
            "Heads moved as a whole and lips made to speak leave less than swaps do.",
            "Heavy compression and small copies take away the grain that it looks at.",
            "Retouching, beauty filters and sharpening look like laying over.",
            "Wholly generated faces have no seam.",
        ],
        not_applicable_when: &[
            "No face has a mesh of at least 48 pixels.",
            "Every face is too blurred.",
            "The run has no face networks.",
        ],
        references: &[
            "K. Shiohara, T. Yamasaki, Detecting Deepfakes with Self-Blended Images, CVPR 2022",
            "A. Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021",
            "A. Yermakov et al., Deepfake Detection that Generalizes Across Benchmarks, 2025",
            "M. Wortsman et al., Model soups, ICML 2022",
            "L. Li et al., Face X-ray for More General Face Forgery Detection, CVPR 2020",
        ],
    },
    detector: "face_manipulation",
    words: Words { leaning: "manipulated", otherwise: "real" },
};
