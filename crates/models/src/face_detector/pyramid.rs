//! The detector over a whole picture: every scale, one list of faces.
//!
//! The decision that shapes it: the first scale follows from the smallest face that is wanted, the
//! others are halvings, until a face that fills the picture has a size that the network knows. A
//! rim around every scale lets faces at the picture's edge have their middle on the map.
use burn::tensor::{Device, Tensor, TensorData};

use super::{FaceDetector, Found, STRIDE, decode, suppress};
use crate::rgb::Rgb;

/// Size in pixels to which the smallest wanted face is brought.
const SMALLEST: f32 = 13.0;
/// Rim around a scale in pixels; the network's own padding (mid grey).
const RIM: usize = 16;
/// Extents of the network's input are multiples of this.
const MULTIPLE: usize = 16;
/// Halving ends at this shorter side: a face as tall as the picture is then within the network's
/// sizes.
const LAST_SIDE: usize = 72;
/// Answers that overlap by more than this are one face.
const OVERLAP: f32 = 0.4;

impl FaceDetector {
    /// Every face of at least `smallest_px` (root of the box's area) whose score reaches `least`,
    /// in pixels of the picture, best first.
    pub fn find(&self, picture: &Rgb<'_>, smallest_px: f32, least: f32) -> Vec<Found> {
        let scale = (SMALLEST / smallest_px.max(1.0)).min(2.0);
        let extent = |v: usize| ((v as f32 * scale).round() as usize).max(1);
        let mut level = picture.resized(extent(picture.width), extent(picture.height));
        let mut found = Vec::new();
        loop {
            let back = [picture.width as f32 / level.width as f32, picture.height as f32 / level.height as f32];
            for face in self.find_at_one_scale(&level.view(), least) {
                found.push(face.stretched(back));
            }
            if level.width.min(level.height) <= LAST_SIDE {
                break;
            }
            level = level.view().resized(level.width.div_ceil(2), level.height.div_ceil(2));
        }
        let mut faces = suppress(found, OVERLAP);
        faces.retain(|f| (f.face_box[2] * f.face_box[3]).sqrt() >= smallest_px * 0.8);
        faces
    }

    fn find_at_one_scale(&self, level: &Rgb<'_>, least: f32) -> Vec<Found> {
        let padded = |v: usize| (v + 2 * RIM).next_multiple_of(MULTIPLE);
        let (width, height) = (padded(level.width), padded(level.height));
        let mut planes = vec![0.0f32; 3 * width * height];
        for y in 0..level.height {
            for x in 0..level.width {
                for c in 0..3 {
                    planes[(c * height + y + RIM) * width + x + RIM] =
                        f32::from(level.pixels[(y * level.width + x) * 3 + c]) / 127.5 - 1.0;
                }
            }
        }
        let device = Device::default();
        let map = self.forward(Tensor::from_data(TensorData::new(planes, [1, 3, height, width]), &device));
        let map = crate::state::floats(map);
        let inside = |v: f32, extent: usize| v >= -(RIM as f32) / 2.0 && v <= extent as f32 + RIM as f32 / 2.0;
        decode(&map, height / STRIDE, width / STRIDE, least)
            .into_iter()
            .map(|f| f.mapped(1.0, [-(RIM as f32); 2]))
            .filter(|f| inside(f.centre()[0], level.width) && inside(f.centre()[1], level.height))
            .collect()
    }
}
