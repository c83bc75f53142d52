//! What the networks answer, and the trait behind which they stand.
//!
//! The decision that shapes it: whatever depends on the weights (where a score means "a face",
//! which cosine means "the same person", how small a face may be, which hashes identify them) is
//! answered by the networks too, so nothing here has to be tuned when they are trained again.
use assay_evidence::NetworkInfo;
use image::RgbImage;

use crate::FacesError;
use crate::geometry::Rect;
use crate::judged::Detecting;
use crate::pose::ReferenceShape;

/// Points of the MediaPipe FaceMesh topology without irises.
pub const MESH_POINTS: usize = 468;

/// A face as the detector gives it, in pixels of the picture it was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// The box.
    pub box_in_frame: Rect,
    /// 0..=1.
    pub score: f32,
    /// The eye on the left of the picture, the eye on its right, the tip of the nose, the left and
    /// the right corner of the mouth, again as seen.
    pub points: [[f32; 2]; 5],
}

impl Detection {
    /// The same face in a picture that is larger by these factors.
    #[must_use]
    pub fn scaled(&self, x: f32, y: f32) -> Self {
        Self {
            box_in_frame: self.box_in_frame.scaled(x, y),
            score: self.score,
            points: self.points.map(|p| [p[0] * x, p[1] * y]),
        }
    }

    pub(crate) fn is_finite(&self) -> bool {
        let b = self.box_in_frame;
        let numbers = [b.x, b.y, b.width, b.height, self.score];
        let numbers = numbers.into_iter().chain(self.points.into_iter().flatten());
        b.width > 0.0 && b.height > 0.0 && numbers.into_iter().all(f32::is_finite)
    }
}

/// The mesh of one face.
#[derive(Debug, Clone, PartialEq)]
pub struct Landmarks {
    /// [`MESH_POINTS`] points in pixels of the frame, MediaPipe FaceMesh topology.
    pub mesh: Vec<[f32; 2]>,
    /// 0..=1 a point of the mesh.
    pub confidence: Vec<f32>,
    /// The 68 points of the iBUG mark-up in pixels of the frame, where people would mark them.
    pub marked: Vec<[f32; 2]>,
}

/// What the numbers of these weights mean, measured on data that they were not trained on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatingPoints {
    /// Score from which a detection counts as a face by itself.
    pub face_score: f32,
    /// Score from which a detection may carry on a track that is there already; below `face_score`.
    pub doubtful_score: f32,
    /// Cosine of two identity vectors from which they are taken as one person's.
    pub same_person_cosine: f32,
    /// Cosine below which they are taken as two people's; below `same_person_cosine`.
    pub other_person_cosine: f32,
    /// Side in pixels of the smallest face that the detector finds in the picture it is given.
    pub smallest_face_px: f32,
}

/// The networks. Answers must not depend on the number of threads.
pub trait FaceNetworks: Send + Sync {
    /// Which weights these are, those of the detectors among them; part of every report.
    fn identity(&self) -> Vec<NetworkInfo>;

    /// What their numbers mean.
    fn operating_points(&self) -> OperatingPoints;

    /// The mean face that head pose is measured against; `None` leaves pose out.
    fn reference_shape(&self) -> Option<&ReferenceShape>;

    /// Every face in the picture with a score from [`OperatingPoints::doubtful_score`], overlapping
    /// answers suppressed.
    ///
    /// # Errors
    /// [`FacesError`] when the network breaks.
    fn detect(&self, image: &RgbImage) -> Result<Vec<Detection>, FacesError>;

    /// The mesh of the face in this box with these five points.
    ///
    /// # Errors
    /// [`FacesError`] when the network breaks.
    fn landmarks(&self, image: &RgbImage, detection: &Detection) -> Result<Landmarks, FacesError>;

    /// The detectors that are asked about every face; `None` where nobody is.
    fn detectors(&self) -> Option<&dyn Detecting> {
        None
    }

    /// The identity vector of the face, of unit length.
    ///
    /// # Errors
    /// [`FacesError`] when the network breaks.
    fn embed(&self, image: &RgbImage, landmarks: &Landmarks) -> Result<Vec<f32>, FacesError>;
}
