//! The networks that find and measure faces as they are shipped, behind the trait that everything
//! here is written against.
//!
//! The decision that shapes it: preprocessing belongs to the weights. Sizes, templates and
//! thresholds stand here beside the files that they were measured with (docs/faces.md); nobody else
//! knows them.
use std::sync::Arc;

use assay_evidence::NetworkInfo;
use assay_models::face_detector::FaceDetector;
use assay_models::face_embedding::{self, FaceEmbedding};
use assay_models::face_mesh::{self, FaceMesh};
use assay_models::rgb::Rgb;
use assay_models::shipped_faces::ShippedFaces;
use image::RgbImage;

use crate::geometry::{Affine, Rect};
use crate::judged::Detecting;
use crate::pose::ReferenceShape;
use crate::warp::{Border, crop};
use crate::{Detection, FaceNetworks, FacesError, Landmarks, OperatingPoints};

/// The mean face: 468 times x, y, z, from the training meshes (`assay train faces shape`).
const MEAN_FACE: &[u8] = include_bytes!("mean_face.bin");

/// Distance in crop sides at which a point's confidence is one half.
const HALF_CONFIDENCE: f32 = 0.03;

/// Detector, mesh and identity as they are embedded in the program, and whoever is asked about what
/// they find.
pub struct Networks {
    detector: FaceDetector,
    mesh: FaceMesh,
    embedding: FaceEmbedding,
    shape: ReferenceShape,
    identity: Vec<NetworkInfo>,
    detectors: Option<Arc<dyn Detecting>>,
}

impl Networks {
    /// The shipped weights, that find and measure faces and judge nothing.
    ///
    /// # Errors
    /// [`FacesError`] where an embedded file does not fit its network.
    pub fn shipped() -> Result<Self, FacesError> {
        let ShippedFaces { detector, mesh, embedding, entries } =
            ShippedFaces::load().map_err(|e| FacesError::Network(e.to_string()))?;
        let identity = entries
            .into_iter()
            .map(|e| NetworkInfo { task: e.kind.purpose().to_owned(), id: e.id, sha256: e.sha256 })
            .collect();
        let shape = ReferenceShape::from_le_bytes(MEAN_FACE)?;
        Ok(Self { detector, mesh, embedding, shape, identity, detectors: None })
    }

    /// Asks these detectors about every face that is looked at.
    #[must_use]
    pub fn with_detectors(mut self, detectors: Arc<dyn Detecting>) -> Self {
        self.detectors = Some(detectors);
        self
    }

    /// Every face of at least `smallest_px` whose score reaches `least`; [`FaceNetworks::detect`]
    /// asks at the operating points.
    ///
    /// # Errors
    /// [`FacesError::Network`] where the picture has no pixels.
    pub fn find(&self, image: &RgbImage, smallest_px: f32, least: f32) -> Result<Vec<Detection>, FacesError> {
        let detection = |f: assay_models::face_detector::Found| {
            let [x, y, width, height] = f.face_box;
            Detection { box_in_frame: Rect::new(x, y, width, height), score: f.score, points: f.points }
        };
        Ok(self.detector.find(&rgb(image)?, smallest_px, least).into_iter().map(detection).collect())
    }
}

fn rgb(image: &RgbImage) -> Result<Rgb<'_>, FacesError> {
    Rgb::new(image.as_raw(), image.width() as usize, image.height() as usize)
        .ok_or_else(|| FacesError::Network("the picture has no pixels".into()))
}

/// The frame's coordinates of a square crop that puts the five points at the template's places.
fn frame_from_crop(points: &[[f32; 2]; 5], template: &[[f32; 2]; 5], side: usize) -> Result<Affine, FacesError> {
    let template = template.map(|p| p.map(|v| v * side as f32));
    let crop_from_frame = Affine::target_from_source(&template, points);
    crop_from_frame.and_then(|a| a.inverse()).ok_or(FacesError::Degenerate)
}

impl FaceNetworks for Networks {
    fn identity(&self) -> Vec<NetworkInfo> {
        let detectors = self.detectors.iter().flat_map(|d| d.weights()).flat_map(|d| d.weights);
        self.identity.iter().cloned().chain(detectors).collect()
    }

    fn operating_points(&self) -> OperatingPoints {
        OperatingPoints {
            face_score: 0.75,
            doubtful_score: 0.5,
            same_person_cosine: 0.72,
            other_person_cosine: 0.1,
            smallest_face_px: 24.0,
        }
    }

    fn reference_shape(&self) -> Option<&ReferenceShape> {
        Some(&self.shape)
    }

    fn detect(&self, image: &RgbImage) -> Result<Vec<Detection>, FacesError> {
        let points = self.operating_points();
        self.find(image, points.smallest_face_px, points.doubtful_score)
    }

    fn landmarks(&self, image: &RgbImage, detection: &Detection) -> Result<Landmarks, FacesError> {
        let side = face_mesh::SIDE;
        let mut points = detection.points;
        let mut landmarks = Landmarks { mesh: Vec::new(), confidence: Vec::new(), marked: Vec::new() };
        // The second crop is cut by the first mesh, which is surer than the detector's five points.
        for _ in 0..2 {
            let frame_from_crop = frame_from_crop(&points, &face_mesh::TEMPLATE, side)?;
            let picture = crop(image, &frame_from_crop, (side as u32, side as u32), Border::Nearest);
            let found = self.mesh.measure(&rgb(&picture)?);
            let in_frame = |p: &[f32; 2]| frame_from_crop.apply(p.map(|v| v * side as f32));
            landmarks.mesh = found.mesh.iter().map(in_frame).collect();
            landmarks.marked = found.marked.iter().map(in_frame).collect();
            landmarks.confidence = found.spread.iter().map(|s| HALF_CONFIDENCE / (HALF_CONFIDENCE + s)).collect();
            points =
                face_mesh::five(&landmarks.mesh).ok_or_else(|| FacesError::Network("the mesh lacks points".into()))?;
        }
        Ok(landmarks)
    }

    fn detectors(&self) -> Option<&dyn Detecting> {
        self.detectors.as_deref()
    }

    fn embed(&self, image: &RgbImage, landmarks: &Landmarks) -> Result<Vec<f32>, FacesError> {
        let side = face_embedding::SIDE;
        let points =
            face_mesh::five(&landmarks.mesh).ok_or_else(|| FacesError::Network("the mesh lacks points".into()))?;
        let frame_from_crop = frame_from_crop(&points, &face_embedding::TEMPLATE, side)?;
        let picture = crop(image, &frame_from_crop, (side as u32, side as u32), Border::Nearest);
        Ok(self.embedding.identify(&rgb(&picture)?))
    }
}
