//! # Face forgery networks
//!
//! Asks networks that were trained by this project whether a face was synthesised or manipulated,
//! for every person, over time, and where.
//!
//! ## How
//! For every look at a face (six a second of a clip, once in a still picture) a square around its
//! mesh is cut out, 288 pixels for 1.35 times the face, and judged. The network sees the colours
//! and what smoothing takes out of them (grain, seams), at this size in a part of the face at a
//! time. Its weights are the mean of four files: all were trained on real faces and on the same
//! faces laid over themselves with small changes of colour, grain and shape ("self-blended
//! images"), so they look for the traces of laying one picture over another; three of the four have
//! seen real-time face swaps besides. A second output says which part of the crop was laid over.
//!
//! A person's looks are put together in stretches of three seconds. A face is often swapped in a
//! part of a clip only; so the score is the logarithm of the mean of the stretches' likelihoods,
//! which a single strong stretch can carry but which pays for how many stretches were looked at.
//! The score of a file is that of its most suspicious person.
//!
//! ## How to read it
//! The chart shows the networks' mean logit over time, one line a person: above zero they lean
//! towards "manipulated". The pictures show the most and the least suspicious look, first with the
//! map laid over: bright where something was laid over; then with what each place adds to the
//! logit. Networks see something on every face; so only places are bright that stand out more than
//! any place of 99 in 100 genuine faces does, in a clip over a stretch of three seconds. An empty
//! map means that nothing stands out, not that nothing was done: most swaps leave it empty
//! (docs/forgery.md). A map that covers the face and ends at its outline is what a swap looks like;
//! a map on hair, glasses or background is a reason to distrust the score.
//!
//! ## What fools it
//! Good swaps of people unlike those it learned from: docs/forgery.md has the figures, which differ
//! much from one group of people to another. Make-up and beauty filters on real faces, retouching
//! and sharpening look like laying over and are the most common reason for a wrong lead. Heavy
//! compression and small copies take the grain away. Faces that were wholly generated have no seam;
//! `face_synthesis` looks for those.
//!
//! ## When it does not apply
//! No face of at least 48 px, or none sharp enough; no networks in this run.
//!
//! ## References
//! K. Shiohara, T. Yamasaki, *Detecting Deepfakes with Self-Blended Images*, CVPR 2022. M. Wortsman
//! et al., *Model soups*, ICML 2022 (the mean of weights). L. Chai, D. Bau, S.-N. Lim, P. Isola,
//! *What Makes Fake Images Detectable? Understanding Properties that Generalize*, ECCV 2020 (small
//! patches). L. Li, J. Bao, T. Zhang, H. Yang, D. Chen, F. Wen, B. Guo, *Face X-ray for More
//! General Face Forgery Detection*, CVPR 2020.
use assay_evidence::{Family, Status};

use crate::judged_faces::{FaceAnalyzer, Words};
use crate::{About, Need};

/// The analyzer.
pub(crate) static THE: FaceAnalyzer = FaceAnalyzer {
    about: &About {
        id: "face_manipulation",
        title: "Face forgery networks",
        summary: "traces of a face laid over another, by networks trained on self-blended and swapped faces; per person, over time, with a map",
        family: Family::Undirected,
        status: Status::Calibrated,
        needs: &[Need::Faces, Need::Detector("face_manipulation")],
        fooled_by: &[
            "Good face swaps of people unlike the dozen that it learned from.",
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
            "M. Wortsman et al., Model soups, ICML 2022",
            "L. Chai et al., What Makes Fake Images Detectable?, ECCV 2020",
            "L. Li et al., Face X-ray for More General Face Forgery Detection, CVPR 2020",
        ],
    },
    detector: "face_manipulation",
    words: Words { leaning: "manipulated", otherwise: "real" },
};
