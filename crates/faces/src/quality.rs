//! How well a face can be seen in one frame: the reason to trust or distrust whatever is measured
//! on it.
//!
//! The decision that shapes it: five parts, each 0..=1 and each with a plain meaning, multiplied.
//! So a face that is hopeless in one respect is hopeless, and the parts say in which. Sharpness is
//! measured on the face brought to one size, without enlarging it, by how much it loses when it is
//! blurred again (Crete et al. 2007), which does not depend on contrast. Nothing here knows whether
//! a face is real.
use assay_media::Plane;
use image::RgbImage;

use crate::geometry::{Affine, Rect};
use crate::landmarks68;
use crate::pose::Pose;
use crate::warp::{self, Border};
use crate::{Detection, Landmarks};

/// Side in pixels to which a face is reduced before sharpness is measured.
const SIDE: f32 = 128.0;
/// Face size in pixels from which size costs nothing.
const ENOUGH_PX: f32 = 112.0;
/// Confidence from which a mesh point counts as seen.
const SEEN: f32 = 0.5;

/// How well a face can be seen; every part is 0 (not at all) to 1 (no objection).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quality {
    /// The product of the parts.
    pub overall: f32,
    /// From the size of the face in the frame.
    pub size: f32,
    /// From its blur.
    pub sharpness: f32,
    /// From how far it is turned away; 1 when no pose is measured.
    pub pose: f32,
    /// From points that the mesh network is unsure of, and from disagreement between mesh and
    /// detector.
    pub visibility: f32,
    /// From clipped and very dark or bright parts.
    pub exposure: f32,
}

/// Measures a face; coordinates are those of `frame`.
pub fn quality(frame: &RgbImage, detection: &Detection, landmarks: &Landmarks, pose: Option<&Pose>) -> Quality {
    let face = detection.box_in_frame;
    let side = face.size().clamp(8.0, SIDE);
    let luma = luma_of(frame, &face, side as u32);
    let size = (face.size() / ENOUGH_PX).clamp(0.0, 1.0);
    let sharpness = sharpness(&luma);
    let pose = pose.map_or(1.0, facing);
    let visibility = visibility(detection, landmarks);
    let exposure = exposure(&luma);
    Quality { overall: size * sharpness * pose * visibility * exposure, size, sharpness, pose, visibility, exposure }
}

/// Luma of the box, `side` x `side`.
fn luma_of(frame: &RgbImage, face: &Rect, side: u32) -> Plane {
    let scale = [f64::from(face.width) / f64::from(side), f64::from(face.height) / f64::from(side)];
    let map = Affine::scale_shift(scale, [f64::from(face.x), f64::from(face.y)]);
    Plane::luma_from_rgb(&warp::crop(frame, &map, (side, side), Border::Nearest))
}

/// 1 - blur of Crete et al., the worse of the two directions, stretched so that a face blurred
/// beyond use has 0 and a sharp one 1.
fn sharpness(luma: &Plane) -> f32 {
    let (w, h) = (luma.width, luma.height);
    let direction = |along_x: bool| {
        let at = |line: usize, i: usize| if along_x { luma.at(i, line) } else { luma.at(line, i) };
        let (lines, length) = if along_x { (h, w) } else { (w, h) };
        const REACH: usize = 4;
        if length < 2 * REACH + 3 {
            return 0.0;
        }
        let (mut total, mut lost) = (0.0f64, 0.0f64);
        for line in 0..lines {
            // Mean over 2 REACH + 1 samples, moved along the line.
            let mut sum: f64 = (0..=2 * REACH).map(|i| f64::from(at(line, i))).sum();
            let mut before = sum;
            for i in REACH + 1..length - REACH {
                sum += f64::from(at(line, i + REACH)) - f64::from(at(line, i - REACH - 1));
                let step = f64::from((at(line, i) - at(line, i - 1)).abs());
                let blurred = (sum - before).abs() / (2 * REACH + 1) as f64;
                total += step;
                lost += (step - blurred).max(0.0);
                before = sum;
            }
        }
        // Below half a grey level a sample there is nothing but rounding.
        if total < 0.5 * (lines * length) as f64 { 0.0 } else { (lost / total) as f32 }
    };
    // A sharp face loses four fifths of its steps, one blurred by a tenth of its width next to
    // nothing.
    ((direction(true).min(direction(false)) - 0.2) / 0.45).clamp(0.0, 1.0)
}

/// 1 up to 20 degrees off, 0 at 90.
fn facing(pose: &Pose) -> f32 {
    let off = (pose.yaw.to_radians().cos() * pose.pitch.to_radians().cos()).clamp(-1.0, 1.0).acos().to_degrees();
    (1.0 - (off - 20.0) / 70.0).clamp(0.0, 1.0)
}

/// Visibility below which what was found is taken for no face: the network that places the mesh is
/// sure of no point, or sees the face elsewhere than the one that found it. Of 124 photographs of
/// faces 1 lies below it (half hidden by a microphone, seen from below); a ring that a logo draws
/// has 0.
pub(crate) const LEAST_VISIBLE: f32 = 0.1;

fn visibility(detection: &Detection, landmarks: &Landmarks) -> f32 {
    let seen = if landmarks.confidence.is_empty() {
        1.0
    } else {
        let count = landmarks.confidence.iter().filter(|c| **c >= SEEN).count();
        count as f32 / landmarks.confidence.len() as f32
    };
    let Some(points) = landmarks68::marked(&landmarks.mesh) else { return 0.0 };
    let ours = landmarks68::five(&points);
    let apart: f32 =
        ours.iter().zip(&detection.points).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).sum::<f32>() / 5.0;
    // Two tenths of the face apart, one of the two looks at something else.
    let agree = 1.0 - (apart / detection.box_in_frame.size().max(1.0) - 0.06).max(0.0) / 0.14;
    (seen * agree).clamp(0.0, 1.0)
}

fn exposure(luma: &Plane) -> f32 {
    let n = luma.data.len().max(1) as f32;
    let clipped = luma.data.iter().filter(|v| !(8.0..=247.0).contains(*v)).count() as f32 / n;
    let mean = luma.data.iter().sum::<f32>() / n;
    let level = (mean.min(255.0 - mean) / 50.0).clamp(0.0, 1.0);
    ((1.0 - 2.0 * clipped).clamp(0.0, 1.0) * level).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MESH_POINTS;
    use crate::made::{face_at, network_answers};

    fn textured(side: u32) -> RgbImage {
        let mut state = 7u32;
        RgbImage::from_fn(side, side, |x, y| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let edge = if (x / 9 + y / 11) % 2 == 0 { 90 } else { 150 };
            image::Rgb([(edge + (state >> 28)) as u8; 3])
        })
    }

    #[test]
    fn blur_lowers_sharpness_step_by_step_and_contrast_does_not() {
        let frame = textured(300);
        let (detection, landmarks) = network_answers(Rect::new(50.0, 50.0, 200.0, 200.0));
        let of = |frame: &RgbImage| quality(frame, &detection, &landmarks, None).sharpness;
        let mut last = of(&frame);
        assert!(last > 0.6, "{last}");
        for sigma in [1.5, 3.0, 6.0, 12.0] {
            let now = of(&image::imageops::blur(&frame, sigma));
            assert!(now < last || now == 0.0, "sigma {sigma}: {now} after {last}");
            last = now;
        }
        assert!(last < 0.15, "{last}");
        let mut pale = frame.clone();
        pale.iter_mut().for_each(|v| *v = 100 + *v / 4);
        assert!((of(&pale) - of(&frame)).abs() < 0.1);
        assert_eq!(of(&RgbImage::from_pixel(300, 300, image::Rgb([120; 3]))), 0.0);
    }

    #[test]
    fn each_part_answers_to_its_own_fault() {
        let frame = textured(400);
        let (detection, landmarks) = network_answers(Rect::new(50.0, 50.0, 200.0, 200.0));
        let good = quality(&frame, &detection, &landmarks, Some(&Pose::default()));
        assert!(good.size == 1.0 && good.pose == 1.0 && good.visibility > 0.95 && good.exposure > 0.9, "{good:?}");
        let (small, mesh) = network_answers(Rect::new(50.0, 50.0, 28.0, 28.0));
        assert!((quality(&frame, &small, &mesh, None).size - 0.25).abs() < 1e-3);
        let profile = Pose { yaw: 80.0, ..Pose::default() };
        assert!(quality(&frame, &detection, &landmarks, Some(&profile)).pose < 0.2);
        let mut unsure = landmarks.clone();
        unsure.confidence[..MESH_POINTS / 2].fill(0.1);
        assert!((quality(&frame, &detection, &unsure, None).visibility - 0.5).abs() < 0.05);
        let mut elsewhere = detection;
        elsewhere.points.iter_mut().for_each(|p| p[0] += 60.0);
        assert!(quality(&frame, &elsewhere, &landmarks, None).visibility < 0.1);
        let mut burnt = frame.clone();
        burnt.iter_mut().for_each(|v| *v = v.saturating_add(150));
        assert!(quality(&burnt, &detection, &landmarks, None).exposure < 0.3);
        let all = [good.size, good.sharpness, good.pose, good.visibility, good.exposure];
        assert!((good.overall - all.iter().product::<f32>()).abs() < 1e-6);
    }

    #[test]
    fn boxes_outside_the_frame_are_measured_without_harm() {
        let frame = textured(64);
        for at in [Rect::new(-500.0, -500.0, 50.0, 50.0), Rect::new(60.0, 60.0, 0.5, 900.0)] {
            let detection = Detection { box_in_frame: at, ..face_at(at) };
            let landmarks = network_answers(at).1;
            assert!(quality(&frame, &detection, &landmarks, None).overall.is_finite());
        }
    }
}
