//! Was a part of it altered: spliced, copied, saved again or enlarged apart from the rest; in a
//! clip: frames left out, repeated or put in.
use assay_evidence::MediaKind;

use super::{Bearing, Gap, Question, Words};

pub(super) static QUESTION: Question = Question {
    id: "part_altered",
    asked: "was a part of it altered?",
    subject: "altered parts",
    forged: "A part of it was altered after it was recorded: something was put in, copied, covered or saved again apart from the rest; in a clip, frames were left out, repeated or put in.",
    genuine: "It was recorded by a camera and processed as usual: cropped, scaled or compressed as a whole.",
    found: Words {
        picture: "A part of this picture was probably altered",
        clip: "A stretch of this clip was probably altered: frames left out, repeated or put in",
    },
    signs: Words {
        picture: "a part of this picture was altered",
        clip: "a stretch of this clip was altered",
    },
    against: Words {
        picture: "No trace of an altered part was found",
        clip: "No trace of frames left out, repeated or put in was found",
    },
    bearing: Bearing::Rest,
    needs_face: false,
    table: include_str!("../../calibration/planted.json"),
    leaves: &[EDITS_IN_FRAMES],
    unanswered: &[
        Gap { what: "Altered parts of the picture", why: "No value was found for this file.", only: Some(MediaKind::Image) },
        Gap {
            what: "Frames left out, repeated or put in",
            why: "No value was found for this file.",
            only: Some(MediaKind::Video),
        },
        EDITS_IN_FRAMES,
    ],
};

const EDITS_IN_FRAMES: Gap = Gap {
    what: "Edits inside single frames of the video",
    why: "The picture analyzers of this version are calibrated for stills only.",
    only: Some(MediaKind::Video),
};
