//! What a detector is given.
use std::sync::OnceLock;

use assay_models::face_forgery::{self, Crop};
use image::RgbImage;

/// A crop of a face, cut once for all detectors that want it.
pub struct FaceCrop {
    /// Its side and margin.
    pub crop: Crop,
    /// The pixels, black beyond the frame's edge.
    pub picture: RgbImage,
    planes: OnceLock<Vec<f32>>,
}

impl FaceCrop {
    /// A crop of `crop.side` pixels a side.
    pub fn new(crop: Crop, picture: RgbImage) -> Self {
        Self { crop, picture, planes: OnceLock::new() }
    }

    /// What networks of [`face_manipulation`] see of it, made at the first call.
    pub fn planes(&self) -> &[f32] {
        self.planes.get_or_init(|| {
            let pixels: Vec<[f32; 3]> = self.picture.pixels().map(|p| p.0.map(f32::from)).collect();
            let mut planes = Vec::new();
            face_forgery::append(&mut planes, &pixels, face_forgery::Input::default());
            planes
        })
    }
}

/// One face in one frame.
#[derive(Clone, Copy)]
pub struct GivenFace<'a> {
    /// The crop that the detector's description asks for.
    pub crop: &'a FaceCrop,
}

/// What a detector is given; one variant for each [`crate::Input`] that a scan hands out.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Given<'a> {
    /// A face.
    Face(GivenFace<'a>),
}

impl<'a> Given<'a> {
    /// The face; `None` where something else was given.
    pub fn face(&self) -> Option<GivenFace<'a>> {
        match self {
            Self::Face(face) => Some(*face),
        }
    }
}
