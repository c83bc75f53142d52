//! One face in one frame: what is measured while the pixels are at hand.
use image::RgbImage;

use crate::geometry::Rect;
use crate::judged::{Judged, LEAST_SHARPNESS};
use crate::landmarks68;
use crate::openness::{Openness, openness};
use crate::pose::{Pose, pose};
use crate::quality::{Quality, quality};
use crate::template::FacePoints;
use crate::thumbnails;
use crate::warp;
use crate::{Detection, FaceNetworks, FacesError, Landmarks, MESH_POINTS};

/// Faces of one frame of a clip that are looked at closely; of more, those of highest score.
pub const MOST_FACES_CLIP: usize = 32;
/// Faces of a still picture that are looked at closely.
pub const MOST_FACES_STILL: usize = 100;
/// Overall quality below which a face gives no identity vector: it would be noise that looks like a
/// person.
const LEAST_FOR_IDENTITY: f32 = 0.02;

/// One face in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Presentation index of the frame; 0 for a still picture.
    pub index: u64,
    /// Presentation time in seconds; 0 for a still picture.
    pub pts_secs: f64,
    /// Box of the detector, in pixels of the frame as shown.
    pub box_in_frame: Rect,
    /// Five points of the detector: eyes, nose, corners of the mouth, left of the picture first.
    pub points: [[f32; 2]; 5],
    /// The mesh.
    pub landmarks: Landmarks,
    /// The 68 points made from it.
    pub points68: [[f32; 2]; landmarks68::POINTS],
    /// Direction of the head; `None` without a reference shape.
    pub pose: Option<Pose>,
    /// Eyes and mouth.
    pub openness: Openness,
    /// How well it can be seen.
    pub quality: Quality,
    /// Score of the detector.
    pub score: f32,
    /// What detectors say; `None` where none was asked, or the face is too small or too blurred.
    pub judged: Option<Judged>,
}

/// An observation with what is kept of it until tracks are made.
#[derive(Debug, Clone)]
pub(crate) struct SeenFace {
    pub(crate) observation: Observation,
    pub(crate) embedding: Option<Vec<f32>>,
    pub(crate) jpeg: Option<Vec<u8>>,
}

/// What is wanted of a face besides its measures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) identity: bool,
    pub(crate) thumbnail: bool,
    /// Frames of the clip that were looked at before.
    pub(crate) before: usize,
}

/// The size of a picture reduced so that its longer side is at most `side`, with the factors
/// `[x, y]` that bring its coordinates back.
pub(crate) fn reduced_size(frame: &RgbImage, side: u32) -> ((u32, u32), [f32; 2]) {
    let (width, height) = frame.dimensions();
    let long = width.max(height);
    if long <= side {
        return ((width, height), [1.0; 2]);
    }
    let scale = f64::from(side) / f64::from(long);
    let fit = |v: u32| ((f64::from(v) * scale).round() as u32).max(1);
    let small = (fit(width), fit(height));
    (small, [width as f32 / small.0 as f32, height as f32 / small.1 as f32])
}

/// Finds the faces of a frame, best first, in coordinates of the frame.
pub(crate) fn detect(
    networks: &dyn FaceNetworks,
    frame: &RgbImage,
    side: u32,
    most: usize,
) -> Result<Vec<Detection>, FacesError> {
    let ((width, height), back) = reduced_size(frame, side);
    let mut found = if (width, height) == frame.dimensions() {
        networks.detect(frame)?
    } else {
        networks.detect(&warp::reduce(frame, width, height))?
    };
    found.retain(|d| d.is_finite() && d.score >= networks.operating_points().doubtful_score);
    let mut found: Vec<Detection> = found.iter().map(|d| d.scaled(back[0], back[1])).collect();
    let place = |d: &Detection| [d.box_in_frame.x, d.box_in_frame.y, d.box_in_frame.width, d.box_in_frame.height];
    found.sort_by(|a, b| {
        let places = place(a).into_iter().zip(place(b)).map(|(x, y)| x.total_cmp(&y)).find(|o| o.is_ne());
        b.score.total_cmp(&a.score).then(places.unwrap_or(std::cmp::Ordering::Equal))
    });
    found.truncate(most);
    Ok(found)
}

/// Measures one face.
pub(crate) fn look(
    networks: &dyn FaceNetworks,
    frame: &RgbImage,
    at: (u64, f64),
    detection: &Detection,
    wanted: Wanted,
) -> Result<SeenFace, FacesError> {
    let landmarks = networks.landmarks(frame, detection)?;
    let sound = landmarks.mesh.len() == MESH_POINTS
        && landmarks.confidence.len() == MESH_POINTS
        && landmarks.mesh.iter().flatten().chain(&landmarks.confidence).all(|v| v.is_finite());
    let points68 = <[[f32; 2]; landmarks68::POINTS]>::try_from(landmarks.marked.as_slice());
    let points68 = points68.ok().filter(|p| sound && p.iter().flatten().all(|v| v.is_finite())).ok_or_else(|| {
        FacesError::Answer(format!("a mesh of {} points, or numbers that are none", landmarks.mesh.len()))
    })?;
    let pose = networks.reference_shape().and_then(|shape| pose(&landmarks.mesh, &landmarks.confidence, shape));
    let quality = quality(frame, detection, &landmarks, pose.as_ref());
    let sees_grain = quality.sharpness >= LEAST_SHARPNESS;
    let judged = match networks.detectors().filter(|_| sees_grain) {
        Some(detectors) => detectors.judge(frame, &landmarks, wanted.before)?,
        None => None,
    };
    let embedding = if wanted.identity && quality.overall >= LEAST_FOR_IDENTITY {
        crate::track::unit(&networks.embed(frame, &landmarks)?)
    } else {
        None
    };
    let face = FacePoints { box_in_frame: detection.box_in_frame, points: &points68, frame_size: frame.dimensions() };
    let jpeg = if wanted.thumbnail { Some(thumbnails::encode(frame, &face)?) } else { None };
    let observation = Observation {
        index: at.0,
        pts_secs: at.1,
        box_in_frame: detection.box_in_frame,
        points: detection.points,
        points68,
        openness: openness(&points68),
        landmarks,
        pose,
        quality,
        score: detection.score,
        judged,
    };
    Ok(SeenFace { observation, embedding, jpeg })
}
