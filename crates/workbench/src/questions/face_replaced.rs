//! Was a face in it replaced by another's, or reshaped: a swap laid over the recorded face.
use super::{Bearing, Gap, Question, Words};

pub(super) static QUESTION: Question = Question {
    id: "face_replaced",
    asked: "was a face in it replaced or reshaped?",
    subject: "replaced faces",
    forged: "A face in it was replaced by another's, or reshaped, after it was recorded.",
    genuine: "Its faces are those that the camera recorded, processed as usual: cropped, scaled or compressed with the rest.",
    found: Words {
        picture: "A face in this picture was probably replaced or reshaped",
        clip: "A face in this clip was probably replaced or reshaped",
    },
    signs: Words {
        picture: "a face in this picture was replaced or reshaped",
        clip: "a face in this clip was replaced or reshaped",
    },
    against: Words {
        picture: "No trace of a replaced face was found",
        clip: "No trace of a replaced face was found",
    },
    bearing: Bearing::Only(&["face_manipulation"]),
    needs_face: true,
    table: include_str!("../../calibration/swaps.json"),
    leaves: &[Gap {
        what: "Reenactment and lip synchronisation",
        why: "The networks have learned from faces laid over others; changes that follow the face leave no seam.",
        only: None,
    }],
    unanswered: &[Gap {
        what: "Face swap, reenactment and other changes that follow the face",
        why: "No value was found for this file.",
        only: None,
    }],
};
