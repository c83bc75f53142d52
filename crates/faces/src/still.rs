//! The faces of one still picture.
use image::RgbImage;

use crate::quality::LEAST_VISIBLE;
use crate::seen::{self, MOST_FACES_STILL, Observation, SeenFace, Wanted};
use crate::tracks::{self, Faces};
use crate::{FaceNetworks, FacesError};

/// Longer side in pixels to which a still picture is reduced for the detector. Mesh and identity
/// are taken from the full picture.
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
    let wanted = Wanted { identity: true, thumbnail: false, before: 0 };
    let seen = look_all(networks, picture, wanted)?;
    Ok(seen.into_iter().map(|f| Face { observation: f.observation, embedding: f.embedding }).collect())
}

fn look_all(networks: &dyn FaceNetworks, picture: &RgbImage, wanted: Wanted) -> Result<Vec<SeenFace>, FacesError> {
    let least = networks.operating_points().face_score;
    let found = seen::detect(networks, picture, STILL_SIDE, MOST_FACES_STILL)?;
    // A single picture has no track that a doubtful face could belong to.
    let sure = found.iter().filter(|d| d.score >= least);
    let looks = sure.map(|d| seen::look(networks, picture, (0, 0.0), d, wanted));
    let is_face = |look: &Result<SeenFace, _>| {
        look.as_ref().map_or(true, |face| face.observation.quality.visibility >= LEAST_VISIBLE)
    };
    looks.filter(is_face).collect()
}

impl Faces {
    /// Finds the faces of an upright picture; every face is a track of one observation.
    ///
    /// # Errors
    /// [`FacesError`] when a network breaks.
    pub fn of_still(networks: &dyn FaceNetworks, picture: &RgbImage) -> Result<Self, FacesError> {
        let seen = look_all(networks, picture, Wanted { identity: true, thumbnail: true, before: 0 })?;
        let tracks = seen.into_iter().enumerate().map(|(id, face)| tracks::track(id, vec![face])).collect();
        let (_, back) = seen::reduced_size(picture, STILL_SIDE);
        let smallest = networks.operating_points().smallest_face_px * back[0].max(back[1]);
        Ok(tracks::faces(networks, tracks, Vec::new(), 1, Vec::new(), smallest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MESH_POINTS;
    use crate::geometry::Rect;
    use crate::made::Scripted;

    fn checked(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([if (x / 9 + y / 9) % 2 == 0 { 70 } else { 170 }; 3]))
    }

    #[test]
    fn answers_on_the_reduced_picture_are_brought_back_to_the_full_one() {
        let networks = Scripted { answers: vec![(Rect::new(0.25, 0.5, 0.125, 0.25), 0.9)], mesh_points: MESH_POINTS };
        let found = find(&networks, &checked(3200, 1600)).unwrap();
        assert_eq!(found[0].observation.box_in_frame, Rect::new(800.0, 800.0, 400.0, 400.0));
        assert_eq!(found[0].observation.points[0], [920.0, 960.0]);
        let embedding = found[0].embedding.as_ref().unwrap();
        assert!((crate::track::cosine(embedding, embedding) - 1.0).abs() < 1e-5);
        let faces = Faces::of_still(&networks, &checked(3200, 1600)).unwrap();
        assert_eq!((faces.smallest_face_px, faces.persons.len(), faces.tracks[0].thumbnails.len()), (40.0, 1, 1));
        assert_eq!(image::load_from_memory(&faces.tracks[0].thumbnails[0].jpeg).unwrap().width(), 128);
    }

    #[test]
    fn doubtful_and_odd_answers_are_left_out_and_the_surest_stands_first() {
        let at = |x: f32| Rect::new(x, 0.2, 0.2, 0.4);
        let odd = Rect::new(f32::NAN, 0.0, 0.1, 0.1);
        let answers =
            vec![(at(0.1), 0.7), (at(0.4), 0.4), (odd, 0.9), (Rect::new(0.1, 0.1, -0.2, 0.1), 0.9), (at(0.7), 0.95)];
        let networks = Scripted { answers, mesh_points: MESH_POINTS };
        let scores: Vec<f32> =
            find(&networks, &checked(400, 200)).unwrap().iter().map(|f| f.observation.score).collect();
        assert_eq!(scores, [0.95, 0.7]);
    }

    #[test]
    fn a_mesh_of_the_wrong_size_is_an_error() {
        let networks = Scripted { answers: vec![(Rect::new(0.1, 0.1, 0.5, 0.5), 0.9)], mesh_points: 400 };
        assert!(find(&networks, &checked(200, 200)).unwrap_err().to_string().contains("a mesh of 400 points"));
    }
}
