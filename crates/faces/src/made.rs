//! Made faces for the tests of this crate.
use crate::geometry::Rect;
use crate::{Detection, Landmarks, MESH_POINTS, landmarks68};

/// A detection with its five points where a frontal face has them.
pub(crate) fn face_at(at: Rect) -> Detection {
    let p = |x: f32, y: f32| [at.x + x * at.width, at.y + y * at.height];
    let points = [p(0.3, 0.4), p(0.7, 0.4), p(0.5, 0.6), p(0.35, 0.8), p(0.65, 0.8)];
    Detection { box_in_frame: at, score: 0.9, points }
}

/// A detection and a mesh that agree.
pub(crate) fn network_answers(at: Rect) -> (Detection, Landmarks) {
    let detection = face_at(at);
    let mut mesh = vec![at.centre(); MESH_POINTS];
    let mut put = |points: std::ops::Range<usize>, to: [f32; 2]| {
        for recipe in &landmarks68::TABLE[points] {
            recipe.iter().for_each(|(index, _)| mesh[usize::from(*index)] = to);
        }
    };
    let [left, right, nose, mouth_left, mouth_right] = detection.points;
    put(36..42, left);
    put(42..48, right);
    put(30..31, nose);
    put(48..49, mouth_left);
    put(54..55, mouth_right);
    (detection, Landmarks { mesh, confidence: vec![0.9; MESH_POINTS] })
}
