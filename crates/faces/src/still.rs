//! The faces of one still picture.
use image::RgbImage;

use crate::seen::{self, Observation, SeenFace, Wanted};
use crate::tracks::{self, Faces};
use crate::{FaceNetworks, FacesError};

/// Longer side in pixels to which a still picture is reduced for the detector. Mesh and identity are taken from the full picture.
pub const STILL_SIDE: u32 = 1600;

/// One face of a still picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// What was measured.
    pub observation: Observation,
    /// Identity vector of unit length; `None` where the face is too poor for one.
    pub embedding: Option<Vec<f32>>,
}

/// Finds the faces of an upright picture, those of highest score first.
///
/// # Errors
/// [`FacesError`] when a network breaks.
pub fn find(networks: &dyn FaceNetworks, picture: &RgbImage) -> Result<Vec<Face>, FacesError> {
    let wanted = Wanted { identity: true, thumbnail: false };
    let seen = look_all(networks, picture, wanted)?;
    Ok(seen.into_iter().map(|f| Face { observation: f.observation, embedding: f.embedding }).collect())
}

fn look_all(networks: &dyn FaceNetworks, picture: &RgbImage, wanted: Wanted) -> Result<Vec<SeenFace>, FacesError> {
    let least = networks.operating_points().face_score;
    let found = seen::detect(networks, picture, STILL_SIDE)?;
    // A single picture has no track that a doubtful face could belong to.
    let sure = found.iter().filter(|d| d.score >= least);
    sure.map(|d| seen::look(networks, picture, (0, 0.0), d, wanted)).collect()
}

impl Faces {
    /// Finds the faces of an upright picture; every face is a track of one observation.
    ///
    /// # Errors
    /// [`FacesError`] when a network breaks.
    pub fn of_still(networks: &dyn FaceNetworks, picture: &RgbImage) -> Result<Self, FacesError> {
        let seen = look_all(networks, picture, Wanted { identity: true, thumbnail: true })?;
        let tracks = seen.into_iter().enumerate().map(|(id, face)| tracks::track(id, vec![face])).collect();
        let (_, back) = seen::reduced_size(picture, STILL_SIDE);
        let smallest = networks.operating_points().smallest_face_px * back[0].max(back[1]);
        Ok(tracks::faces(networks, tracks, Vec::new(), 1, Vec::new(), smallest))
    }
}
