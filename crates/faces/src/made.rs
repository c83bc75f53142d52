//! Made faces for the tests of this crate.
use assay_evidence::NetworkInfo;
use image::RgbImage;

use crate::geometry::Rect;
use crate::pose::ReferenceShape;
use crate::{Detection, FaceNetworks, FacesError, Landmarks, MESH_POINTS, OperatingPoints, landmarks68};

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
    (
        detection,
        Landmarks {
            marked: landmarks68::from_mesh(&mesh, &landmarks68::TABLE).map(|p| p.to_vec()).unwrap_or_default(),
            mesh,
            confidence: vec![0.9; MESH_POINTS],
        },
    )
}

/// Networks that answer these detections (in shares of the picture) whatever they are shown.
pub(crate) struct Scripted {
    pub(crate) answers: Vec<(Rect, f32)>,
    pub(crate) mesh_points: usize,
}

impl FaceNetworks for Scripted {
    fn identity(&self) -> Vec<NetworkInfo> {
        Vec::new()
    }

    fn operating_points(&self) -> OperatingPoints {
        OperatingPoints {
            face_score: 0.6,
            doubtful_score: 0.2,
            same_person_cosine: 0.5,
            other_person_cosine: 0.2,
            smallest_face_px: 20.0,
        }
    }

    fn reference_shape(&self) -> Option<&ReferenceShape> {
        None
    }

    fn detect(&self, image: &RgbImage) -> Result<Vec<Detection>, FacesError> {
        let (w, h) = (image.width() as f32, image.height() as f32);
        Ok(self.answers.iter().map(|(at, score)| Detection { score: *score, ..face_at(at.scaled(w, h)) }).collect())
    }

    fn landmarks(&self, _image: &RgbImage, detection: &Detection) -> Result<Landmarks, FacesError> {
        let mut landmarks = network_answers(detection.box_in_frame).1;
        landmarks.mesh.truncate(self.mesh_points);
        Ok(landmarks)
    }

    fn embed(&self, _image: &RgbImage, landmarks: &Landmarks) -> Result<Vec<f32>, FacesError> {
        // Not of unit length on purpose.
        Ok(vec![landmarks.mesh[1][0] + 1.0, landmarks.mesh[1][1], 1.0])
    }
}
