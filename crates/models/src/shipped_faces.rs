//! The networks that find, measure and tell apart faces, as they are part of the program.
use burn::module::Module;
use burn::tensor::Device;

use crate::blocks::Form;
use crate::face_detector::{self, FaceDetector};
use crate::face_embedding::{self, FaceEmbedding};
use crate::face_mesh::{self, FaceMesh};
use crate::layers::Fold as _;
use crate::registry::{Entry, Registry};
use crate::{Kind, ModelError};

/// Detector, mesh and identity with their entries in the list of shipped weights.
pub struct ShippedFaces {
    /// Finds faces.
    pub detector: FaceDetector,
    /// Places 468 points on a face.
    pub mesh: FaceMesh,
    /// Tells people apart.
    pub embedding: FaceEmbedding,
    /// What is known of the files, in this order.
    pub entries: Vec<Entry>,
}

impl ShippedFaces {
    /// Loads all three, after their hashes were computed again.
    ///
    /// # Errors
    /// [`ModelError`] where a file is not part of the build or does not fit its network; a test
    /// keeps that from happening.
    pub fn load() -> Result<Self, ModelError> {
        let device = Device::default();
        let mut entries = Vec::new();
        let detector = face_detector::Config::default().init(Form::Folded, &device);
        let mesh = face_mesh::Config::default().init(Form::Folded, &device);
        let embedding = face_embedding::Config::default().init(Form::Folded, &device);
        Ok(Self {
            detector: fill(detector, Kind::FaceDetector, &mut entries)?.fold(),
            mesh: fill(mesh, Kind::FaceMesh, &mut entries)?.fold(),
            embedding: fill(embedding, Kind::FaceEmbedding, &mut entries)?.fold(),
            entries,
        })
    }
}

fn fill<M: Module>(module: M, kind: Kind, entries: &mut Vec<Entry>) -> Result<M, ModelError> {
    let loaded = Registry::shipped(kind)?;
    let module = loaded.module(module, "")?;
    entries.push(loaded.entry);
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rgb::Rgb;

    #[test]
    fn the_shipped_files_fit_their_networks_and_an_empty_picture_has_no_face() {
        let faces = ShippedFaces::load().unwrap();
        assert_eq!(faces.entries.len(), 3);
        let grey = vec![127; 160 * 120 * 3];
        let picture = Rgb::new(&grey, 160, 120).unwrap();
        assert!(faces.detector.find(&picture, 24.0, 0.75).is_empty());
        let crop = vec![90; 112 * 112 * 3];
        let vector = faces.embedding.identify(&Rgb::new(&crop, 112, 112).unwrap());
        let length: f32 = vector.iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
    }
}
