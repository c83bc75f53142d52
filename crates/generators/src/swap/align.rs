//! The one crop of face swaps.
//!
//! The decision that shapes it: dlib's mean face with a margin, because squares of different
//! margins have one centre and one direction. What is kept of a face has more margin
//! ([`KEPT_MARGIN`]) than the network sees ([`NET_MARGIN`]), so that training can turn and move it
//! without running over the edge.
use assay_faces::geometry::Affine;
use assay_faces::geometry::Rect;
use assay_faces::template::{FacePoints, Placement, Template};
use assay_faces::warp::Border;
use assay_faces::{FacesError, landmarks68};

/// Margin of kept crops on each side, in inner squares of dlib's mean face: the template
/// `dlib-padding-0.5`.
pub const KEPT_MARGIN: f32 = 0.5;
/// Margin of the crops that networks see: `dlib-padding-0.3` ([`assay_models::face_swap::CROP`]).
pub const NET_MARGIN: f32 = 0.3;

/// Where the crop of `side` pixels with this margin lies for a face with these 68 points.
///
/// # Errors
/// [`FacesError::Degenerate`] where the points define none.
pub fn place(points: &[[f32; 2]; landmarks68::POINTS], margin: f32, side: u32) -> Result<Placement, FacesError> {
    // The template looks at the points alone.
    let face = FacePoints { box_in_frame: Rect::default(), points, frame_size: (1, 1) };
    let placed = Template::DlibPadding(margin).place(&face, side)?;
    Ok(Placement { border: Border::Nearest, ..placed })
}

/// Pixels of a kept crop of `kept` pixels from those of the network's crop of `side` pixels.
pub fn kept_from_net(kept: u32, side: u32) -> Affine {
    let share = f64::from((1.0 + 2.0 * NET_MARGIN) / (1.0 + 2.0 * KEPT_MARGIN));
    let (kept, side) = (f64::from(kept), f64::from(side.max(1)));
    Affine::scale_shift([kept * share / side; 2], [kept * (1.0 - share) / 2.0; 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_crops_have_one_middle_and_the_network_sees_the_inner_part() {
        let mut points = [[0.0; 2]; 68];
        for (i, p) in points.iter_mut().enumerate() {
            *p = [200.0 + 40.0 * (i as f32).sin(), 150.0 + 50.0 * (i as f32 * 1.7).cos()];
        }
        let (kept, net) = (place(&points, KEPT_MARGIN, 320).unwrap(), place(&points, NET_MARGIN, 64).unwrap());
        let through = kept.frame_from_crop.after(&kept_from_net(320, 64));
        for p in [[0.0, 0.0], [64.0, 0.0], [20.0, 50.0]] {
            let (a, b) = (through.apply(p), net.frame_from_crop.apply(p));
            assert!((a[0] - b[0]).abs() < 0.01 && (a[1] - b[1]).abs() < 0.01, "{a:?} {b:?}");
        }
        assert_eq!(Template::DlibPadding(NET_MARGIN).name(), assay_models::face_swap::CROP);
    }
}
