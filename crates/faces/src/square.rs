//! The square around a mesh that detectors see: not turned, because grain is what they look for and
//! turning would resample it.
use image::RgbImage;

use crate::geometry::{Affine, Rect};
use crate::warp::{self, Border};

/// Mesh size in pixels (the longer side of its tight box) below which no grain is left to judge.
pub const SMALLEST_PX: f32 = 48.0;

/// The square around a mesh, `margin` times its longer extent; `None` where the mesh has no extent
/// or is smaller than [`SMALLEST_PX`].
pub fn around(mesh: &[[f32; 2]], margin: f32) -> Option<Rect> {
    let tight = Rect::around(mesh)?;
    let extent = tight.width.max(tight.height);
    let side = extent * margin;
    let [x, y] = tight.centre();
    (extent >= SMALLEST_PX).then(|| Rect::new(x - side / 2.0, y - side / 2.0, side, side))
}

/// The crop of a square as `side` pixels, black beyond the frame's edge; values 0..=255.
pub fn cut(frame: &RgbImage, square: &Rect, side: u32) -> RgbImage {
    let scale = [f64::from(square.width) / f64::from(side), f64::from(square.height) / f64::from(side)];
    let frame_from_crop = Affine::scale_shift(scale, [f64::from(square.x), f64::from(square.y)]);
    warp::crop(frame, &frame_from_crop, (side, side), Border::Black)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_holds_the_mesh_in_its_middle_and_small_faces_have_none() {
        let mesh = [[100.0, 50.0], [200.0, 90.0], [150.0, 170.0]];
        let found = around(&mesh, 1.5).unwrap();
        assert_eq!((found.width, found.centre()), (180.0, [150.0, 110.0]));
        assert!(around(&[[0.0, 0.0], [20.0, 30.0]], 1.5).is_none() && around(&[], 1.5).is_none());
    }

    #[test]
    fn the_crop_is_the_part_of_the_frame_and_black_beyond_it() {
        let frame = RgbImage::from_fn(320, 320, |x, _| image::Rgb([(x / 2) as u8, 80, 9]));
        let crop = cut(&frame, &Rect::new(240.0, 100.0, 160.0, 160.0), 160);
        assert_eq!(crop.get_pixel(0, 0).0, [120, 80, 9]);
        assert_eq!(crop.get_pixel(120, 50).0, [0, 0, 0]);
    }
}
