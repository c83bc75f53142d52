//! The head that a generator works on: found in a picture, cut out as a square, put back.
//!
//! The decision that shapes it: one rule for where the square lies, for training and for use,
//! because a network that was trained on heads of one size is no good for another. In a clip the
//! square stays where it is, so that what moves is the head (as in the VoxCeleb crops of the First
//! Order Motion Model).
use std::path::Path;

use assay_faces::geometry::{Affine, Rect};
use assay_faces::template::Placement;
use assay_faces::warp::Border;
use assay_faces::{Face, FacesError, Networks};
use image::RgbImage;
use image::imageops::{self, FilterType};

use crate::GeneratorError;

/// Side of the square over the longer extent of the face's mesh: the whole head with some shoulder.
const HEAD: f32 = 1.9;
/// The square's middle lies above the face's by this share of its extent, because hair is above and
/// the mesh ends at the brow.
const RAISED: f32 = 0.1;

/// Finds faces with the shipped networks; none that judges is loaded.
pub struct Finder(Networks);

impl Finder {
    /// The shipped networks.
    ///
    /// # Errors
    /// [`FacesError`] where an embedded file does not fit its network.
    pub fn open() -> Result<Self, FacesError> {
        Ok(Self(Networks::shipped()?))
    }

    /// The networks.
    pub fn networks(&self) -> &Networks {
        &self.0
    }

    /// Every face of an upright picture, the largest first.
    ///
    /// # Errors
    /// [`FacesError`] where a network breaks.
    pub fn faces(&self, picture: &RgbImage) -> Result<Vec<Face>, FacesError> {
        let mut faces = assay_faces::find(&self.0, picture)?;
        let area = |f: &Face| f.observation.box_in_frame.area();
        faces.sort_by(|a, b| area(b).total_cmp(&area(a)));
        Ok(faces)
    }

    /// The largest face.
    ///
    /// # Errors
    /// As [`Finder::faces`].
    pub fn largest(&self, picture: &RgbImage) -> Result<Option<Face>, FacesError> {
        Ok(self.faces(picture)?.into_iter().next())
    }
}

/// A square around a head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    /// Middle in pixels of the picture.
    pub centre: [f32; 2],
    /// Side in pixels of the picture.
    pub side: f32,
}

impl Crop {
    /// Around the head whose meshes these are, over time; `None` without a mesh that has an extent.
    pub fn around<'a>(meshes: impl Iterator<Item = &'a [[f32; 2]]>) -> Option<Self> {
        let boxes: Vec<Rect> = meshes.filter_map(Rect::around).filter(|b| b.width.max(b.height) > 0.0).collect();
        let count = boxes.len() as f32;
        if boxes.is_empty() {
            return None;
        }
        let mut extents: Vec<f32> = boxes.iter().map(|b| b.width.max(b.height)).collect();
        extents.sort_by(f32::total_cmp);
        let extent = extents[extents.len() / 2];
        let sum = boxes.iter().fold([0.0; 2], |s, b| [s[0] + b.centre()[0], s[1] + b.centre()[1]]);
        let centre = [sum[0] / count, sum[1] / count - RAISED * extent];
        // A head that moves far must stay inside.
        let reach = |b: &Rect| {
            let edges = [centre[0] - b.x, b.right() - centre[0], centre[1] - b.y, b.bottom() - centre[1]];
            edges.into_iter().fold(0.0, f32::max)
        };
        let reach = boxes.iter().map(reach).fold(0.0, f32::max);
        Some(Self { centre, side: (HEAD * extent).max(2.1 * reach) })
    }

    /// Around the largest face of a picture; `path` is named where there is none.
    ///
    /// # Errors
    /// [`GeneratorError::Unsuited`] without a face.
    pub fn of_largest(finder: &Finder, picture: &RgbImage, path: &Path) -> Result<Self, GeneratorError> {
        let face = finder.largest(picture)?;
        let crop = face.and_then(|f| Self::around(std::iter::once(f.observation.landmarks.mesh.as_slice())));
        crop.ok_or_else(|| GeneratorError::unsuited(path, "there is no face in this picture"))
    }

    /// The square as a map from a crop of `side` pixels.
    pub fn placed(&self, side: u32) -> Placement {
        let scale = f64::from(self.side) / f64::from(side.max(1));
        let corner = self.centre.map(|c| f64::from(c - self.side / 2.0));
        let frame_from_crop = Affine::scale_shift([scale; 2], corner);
        Placement { frame_from_crop, size: (side, side), border: Border::Nearest }
    }

    /// The square cut out, `side` pixels wide; beyond the picture's edge its nearest pixels.
    pub fn cut(&self, picture: &RgbImage, side: u32) -> RgbImage {
        self.placed(side).crop(picture)
    }
}

/// A square that is put back into frames of one size: where it lies and how it fades.
pub(crate) struct Framed {
    placement: Placement,
    mask: Vec<f32>,
    size: (u32, u32),
}

/// Share of the square over which it fades into the frame.
const FEATHER: f32 = 0.12;

impl Framed {
    /// For frames as large as this one; what comes out has even sides, as H.264 wants them.
    pub(crate) fn of(frame: &RgbImage, crop: Crop) -> Self {
        // As large as it will lie there, so that only one resampling is seen.
        let side = (crop.side.round() as u32).clamp(2, 4096);
        let even = |v: u32| (v & !1).max(2);
        let size = (even(frame.width()), even(frame.height()));
        Self { placement: crop.placed(side), mask: feathered(side as usize, FEATHER), size }
    }

    /// Width and height of what comes out.
    pub(crate) fn size(&self) -> (u32, u32) {
        self.size
    }

    /// The frame with this square in its place.
    pub(crate) fn with(&self, frame: &RgbImage, square: &RgbImage) -> RgbImage {
        let (width, height) = self.size;
        let mut out = imageops::crop_imm(frame, 0, 0, width, height).to_image();
        let (side, _) = self.placement.size;
        let large = imageops::resize(square, side, side, FilterType::CatmullRom);
        self.placement.paste(&mut out, &large, &self.mask);
        out
    }
}

/// A mask for putting a square back: 1 inside, falling to 0 over `feather` (a share of the side)
/// before its edge. Row-major, `side` squared.
pub fn feathered(side: usize, feather: f32) -> Vec<f32> {
    let ramp = |i: usize| {
        let edge = (i as f32 + 0.5).min(side as f32 - i as f32 - 0.5);
        let t = (edge / (feather * side as f32).max(1e-6)).min(1.0);
        t * t * (3.0 - 2.0 * t)
    };
    (0..side * side).map(|i| ramp(i / side) * ramp(i % side)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mesh(x: f32, y: f32, extent: f32) -> Vec<[f32; 2]> {
        vec![[x - extent / 2.0, y - extent / 2.0], [x + extent / 2.0, y + extent / 2.0]]
    }

    #[test]
    fn the_square_holds_every_face_of_a_clip() {
        let meshes = [mesh(100.0, 100.0, 50.0), mesh(220.0, 100.0, 50.0)];
        let crop = Crop::around(meshes.iter().map(Vec::as_slice)).unwrap();
        assert!((crop.centre[0] - 160.0).abs() < 1e-3 && crop.centre[1] < 100.0);
        for [x, y] in meshes.iter().flatten() {
            assert!((x - crop.centre[0]).abs() < crop.side / 2.0 && (y - crop.centre[1]).abs() < crop.side / 2.0);
        }
        let still = Crop::around(std::iter::once(meshes[0].as_slice())).unwrap();
        assert!((still.side - HEAD * 50.0).abs() < 1e-3);
        assert_eq!(Crop::around(std::iter::empty::<&[[f32; 2]]>()), None);
    }

    #[test]
    fn what_is_cut_lies_where_it_is_put_back() {
        let picture = RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * 4) as u8, (y * 4) as u8, 0]));
        let crop = Crop { centre: [32.0, 32.0], side: 32.0 };
        let cut = crop.cut(&picture, 32);
        assert_eq!(cut.get_pixel(0, 0), picture.get_pixel(16, 16));
        let mut back = RgbImage::new(64, 64);
        crop.placed(32).paste(&mut back, &cut, &vec![1.0; 32 * 32]);
        assert_eq!(back.get_pixel(40, 20), picture.get_pixel(40, 20));
        let mask = feathered(32, 0.1);
        assert!(mask[0] < 0.05 && mask[16 * 32 + 16] > 0.999);
    }
}
