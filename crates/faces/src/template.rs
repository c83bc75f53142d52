//! Named crop templates: which part of the frame a network gets to see.
//!
//! The decision that shapes it: a template answers a [`Placement`], the map from crop to frame and
//! the crop's size, and nothing is cut yet. So the same placement cuts the crop, brings points
//! across, and pastes an answer back, and what weights expect is a name in their input contract.
use crate::FacesError;
use crate::geometry::{Affine, Rect};
use crate::landmarks68;
use crate::warp::{self, Border};
use image::RgbImage;

/// What a template may look at.
#[derive(Debug, Clone, Copy)]
pub struct FacePoints<'a> {
    /// Box of the detector, in frame pixels.
    pub box_in_frame: Rect,
    /// The 68 points, in frame pixels.
    pub points: &'a [[f32; 2]; landmarks68::POINTS],
    /// Width and height of the frame.
    pub frame_size: (u32, u32),
}

/// Where a crop lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// Position in the frame of each point of the crop.
    pub frame_from_crop: Affine,
    /// Width and height of the crop in pixels.
    pub size: (u32, u32),
    /// What stands for pixels outside the frame.
    pub border: Border,
}

impl Placement {
    /// Position in the crop of each point of the frame; `None` for a crop without area.
    pub fn crop_from_frame(&self) -> Option<Affine> {
        self.frame_from_crop.inverse()
    }

    /// Cuts the crop.
    pub fn crop(&self, frame: &RgbImage) -> RgbImage {
        warp::crop(frame, &self.frame_from_crop, self.size, self.border)
    }

    /// Puts a crop (of this size) back into the frame, blended by a mask of the crop's size, 0..=1,
    /// row-major.
    pub fn paste(&self, frame: &mut RgbImage, crop: &RgbImage, mask: &[f32]) {
        if crop.dimensions() == self.size {
            warp::paste(frame, crop, mask, &self.frame_from_crop);
        }
    }
}

/// A way to cut a face out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Template {
    /// The turned square of FFHQ, from eyes and mouth (Karras et al. 2019, appendix A): whole head
    /// with hair. Names: `ffhq`.
    Ffhq,
    /// dlib's `get_face_chip`: the least-squares similarity to its mean face, with this much
    /// padding on each side as a share of the inner square (0.25 is dlib's own default). Names:
    /// `dlib-padding` (0.25), `dlib-padding-0.4` ...
    DlibPadding(f32),
    /// The face extraction of Bonettini et al. (ICPR 2020): the box with a margin of 0.2 of its
    /// height (twice that above), clipped by the frame, then the square of its longer side, clipped
    /// again and therefore squeezed at the frame's edge. Names: `blazeface-icpr`.
    BlazefaceIcpr,
    /// The square around the box's middle whose side is this multiple of the longer side of the
    /// box; black outside the frame (Roessler et al. 2019 use 1.3). Names: `square-1.3` ...
    Square(f32),
    /// The five-point template of ArcFace (Deng et al. 2019), 112 pixels wide. Names:
    /// `arcface-112`.
    Arcface112,
}

/// dlib's mean face: points 17..68 of the 68 in a unit square (dlib,
/// `image_transforms/interpolation.h`, Boost licence).
#[rustfmt::skip]
const DLIB_MEAN: [[f32; 2]; 51] = [
    [0.000_213_256, 0.106_454], [0.075_262_2, 0.038_915], [0.181_13, 0.018_748_2], [0.290_77, 0.034_489_1], [0.393_397, 0.077_390_6],
    [0.586_856, 0.077_390_6], [0.689_483, 0.034_489_1], [0.799_124, 0.018_748_2], [0.904_991, 0.038_915], [0.980_04, 0.106_454],
    [0.490_127, 0.203_352], [0.490_127, 0.307_009], [0.490_127, 0.409_805], [0.490_127, 0.515_625],
    [0.366_88, 0.587_326], [0.426_036, 0.609_345], [0.490_127, 0.628_106], [0.554_217, 0.609_345], [0.613_373, 0.587_326],
    [0.121_737, 0.216_423], [0.187_122, 0.178_758], [0.265_825, 0.179_852], [0.334_606, 0.231_733], [0.260_918, 0.245_099], [0.182_743, 0.244_077],
    [0.645_647, 0.231_733], [0.714_428, 0.179_852], [0.793_132, 0.178_758], [0.858_516, 0.216_423], [0.797_51, 0.244_077], [0.719_335, 0.245_099],
    [0.254_149, 0.780_233], [0.340_985, 0.745_405], [0.428_858, 0.727_388], [0.490_127, 0.742_578], [0.551_395, 0.727_388], [0.639_268, 0.745_405], [0.726_104, 0.780_233],
    [0.642_159, 0.864_805], [0.556_721, 0.902_192], [0.490_127, 0.909_281], [0.423_532, 0.902_192], [0.338_094, 0.864_805],
    [0.290_379, 0.784_792], [0.428_096, 0.778_746], [0.490_127, 0.785_343], [0.552_157, 0.778_746], [0.689_874, 0.784_792],
    [0.553_364, 0.824_182], [0.490_127, 0.831_803], [0.426_89, 0.824_182],
];

/// ArcFace's five points in a 112-pixel crop.
const ARCFACE: [[f32; 2]; 5] =
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]];

impl Template {
    /// The template of this name.
    ///
    /// # Errors
    /// [`FacesError::UnknownTemplate`].
    pub fn named(name: &str) -> Result<Self, FacesError> {
        let number = |prefix: &str, low: f32, high: f32| {
            let value: f32 = name.strip_prefix(prefix)?.parse().ok()?;
            (low..=high).contains(&value).then_some(value)
        };
        match name {
            "ffhq" => Ok(Self::Ffhq),
            "dlib-padding" => Ok(Self::DlibPadding(0.25)),
            "blazeface-icpr" => Ok(Self::BlazefaceIcpr),
            "arcface-112" => Ok(Self::Arcface112),
            _ => number("dlib-padding-", 0.0, 4.0)
                .map(Self::DlibPadding)
                .or_else(|| number("square-", 0.2, 8.0).map(Self::Square))
                .ok_or_else(|| FacesError::UnknownTemplate(name.to_owned())),
        }
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Self::Ffhq => "ffhq".into(),
            Self::DlibPadding(0.25) => "dlib-padding".into(),
            Self::DlibPadding(padding) => format!("dlib-padding-{padding}"),
            Self::BlazefaceIcpr => "blazeface-icpr".into(),
            Self::Square(factor) => format!("square-{factor}"),
            Self::Arcface112 => "arcface-112".into(),
        }
    }

    /// Where the crop of `side` x `side` pixels lies for this face.
    ///
    /// # Errors
    /// [`FacesError::Degenerate`] when the points define no crop.
    pub fn place(self, face: &FacePoints, side: u32) -> Result<Placement, FacesError> {
        let s = f64::from(side.max(1));
        let (frame_from_crop, border) = match self {
            Self::Ffhq => (ffhq(face.points, s)?, Border::Nearest),
            Self::DlibPadding(padding) => (dlib(face.points, padding, s)?, Border::Black),
            Self::BlazefaceIcpr => (stretched(&blazeface_icpr(face)?, s)?, Border::Nearest),
            Self::Square(factor) => {
                let b = face.box_in_frame;
                (stretched(&b.square(factor * b.width.max(b.height)), s)?, Border::Black)
            }
            Self::Arcface112 => {
                let target = ARCFACE.map(|p| p.map(|v| v * side.max(1) as f32 / 112.0));
                (similarity(&target, &landmarks68::five(face.points))?, Border::Black)
            }
        };
        if !frame_from_crop.scale().is_finite() || frame_from_crop.inverse().is_none() {
            return Err(FacesError::Degenerate);
        }
        Ok(Placement { frame_from_crop, size: (side.max(1), side.max(1)), border })
    }
}

fn similarity(crop: &[[f32; 2]], frame: &[[f32; 2]]) -> Result<Affine, FacesError> {
    Affine::target_from_source(crop, frame).and_then(|m| m.inverse()).ok_or(FacesError::Degenerate)
}

/// The crop covers this box of the frame, stretched where the box is no square.
fn stretched(part: &Rect, side: f64) -> Result<Affine, FacesError> {
    if !(part.width > 0.0 && part.height > 0.0) {
        return Err(FacesError::Degenerate);
    }
    let scale = [f64::from(part.width) / side, f64::from(part.height) / side];
    Ok(Affine::scale_shift(scale, [f64::from(part.x), f64::from(part.y)]))
}

fn ffhq(points: &[[f32; 2]; 68], side: f64) -> Result<Affine, FacesError> {
    let five = landmarks68::five(points).map(|p| p.map(f64::from));
    let middle = |a: [f64; 2], b: [f64; 2]| [0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])];
    let (eyes, mouth) = (middle(five[0], five[1]), middle(five[3], five[4]));
    let across = [five[1][0] - five[0][0], five[1][1] - five[0][1]];
    let down = [mouth[0] - eyes[0], mouth[1] - eyes[1]];
    // The direction "right" is the mean of the eye line and of the line at a right angle to
    // eyes-to-mouth.
    let right = [across[0] + down[1], across[1] - down[0]];
    let length = right[0].hypot(right[1]);
    let half = (2.0 * across[0].hypot(across[1])).max(1.8 * down[0].hypot(down[1]));
    if !(length > 1e-6 && half.is_finite()) {
        return Err(FacesError::Degenerate);
    }
    let x = [right[0] / length * half, right[1] / length * half];
    let y = [-x[1], x[0]];
    let centre = [eyes[0] + 0.1 * down[0], eyes[1] + 0.1 * down[1]];
    let step = 2.0 / side;
    let row = |k: usize| [step * x[k], step * y[k], centre[k] - x[k] - y[k]];
    Ok(Affine { x: row(0), y: row(1) })
}

fn dlib(points: &[[f32; 2]; 68], padding: f32, side: f64) -> Result<Affine, FacesError> {
    let (mut crop, mut frame) = (Vec::new(), Vec::new());
    for i in 27..68 {
        // dlib leaves out the brows and the lower lip, which move most.
        if (55..=59).contains(&i) || (65..=67).contains(&i) {
            continue;
        }
        crop.push(DLIB_MEAN[i - 17].map(|v| (padding + v) / (2.0 * padding + 1.0) * side as f32));
        frame.push(points[i]);
    }
    similarity(&crop, &frame)
}

fn blazeface_icpr(face: &FacePoints) -> Result<Rect, FacesError> {
    let (width, height) = (face.frame_size.0 as f32, face.frame_size.1 as f32);
    let b = face.box_in_frame;
    let offset = (0.2 * b.height).round();
    let clip = |left: f32, top: f32, right: f32, bottom: f32| {
        Rect::from_edges(left.max(0.0), top.max(0.0), right.min(width), bottom.min(height))
    };
    let wide = clip(b.x - offset, b.y - 2.0 * offset, b.right() + offset, b.bottom() + offset);
    let square = wide.square(wide.width.max(wide.height));
    let part = clip(square.x, square.y, square.right(), square.bottom());
    if part.width > 0.0 && part.height > 0.0 { Ok(part) } else { Err(FacesError::Degenerate) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A face of the given eye distance: eyes level around (x, y).
    fn face(x: f32, y: f32, d: f32) -> [[f32; 2]; 68] {
        let mut points = [[x, y]; 68];
        // dlib's mean face, scaled so that the eyes are `d` apart; its eyes are 0.526 apart and at
        // height 0.216.
        for (i, p) in DLIB_MEAN.iter().enumerate() {
            points[17 + i] = [x + (p[0] - 0.490_127) * d / 0.526, y + (p[1] - 0.216) * d / 0.526];
        }
        for (i, p) in points[..17].iter_mut().enumerate() {
            let a = i as f32 / 16.0 * std::f32::consts::PI;
            *p = [x - d * a.cos(), y + 1.6 * d * a.sin()];
        }
        points
    }

    fn turned(points: &[[f32; 2]; 68], degrees: f32) -> [[f32; 2]; 68] {
        let (s, c) = degrees.to_radians().sin_cos();
        points.map(|[x, y]| [300.0 + c * (x - 300.0) - s * (y - 300.0), 300.0 + s * (x - 300.0) + c * (y - 300.0)])
    }

    fn of(points: &[[f32; 2]; 68]) -> FacePoints<'_> {
        FacePoints { box_in_frame: Rect::new(240.0, 250.0, 120.0, 150.0), points, frame_size: (640, 480) }
    }

    #[test]
    fn names_lead_to_templates_and_back() {
        for name in ["ffhq", "dlib-padding", "dlib-padding-0.4", "blazeface-icpr", "square-1.3", "arcface-112"] {
            assert_eq!(Template::named(name).unwrap().name(), name);
        }
        for name in ["", "FFHQ", "square-", "square-nan", "square-1000", "dlib-padding--1"] {
            assert!(Template::named(name).is_err(), "{name}");
        }
    }

    #[test]
    fn every_template_there_and_back_again() {
        let points = turned(&face(310.0, 280.0, 60.0), 20.0);
        for name in ["ffhq", "dlib-padding", "blazeface-icpr", "square-1.3", "arcface-112"] {
            let placement = Template::named(name).unwrap().place(&of(&points), 256).unwrap();
            let crop_from_frame = placement.crop_from_frame().unwrap();
            for p in points {
                let q = placement.frame_from_crop.apply(crop_from_frame.apply(p));
                assert!((q[0] - p[0]).abs() < 1e-3 && (q[1] - p[1]).abs() < 1e-3, "{name}");
            }
        }
    }

    #[test]
    fn ffhq_follows_the_paper() {
        // Eyes at (270, 300) and (330, 300), mouth 60 below: the half side is max(2 * 60, 1.8 *
        // 60), the centre 6 below the eyes.
        let mut points = [[300.0, 330.0]; 68];
        points[36..42].fill([270.0, 300.0]);
        points[42..48].fill([330.0, 300.0]);
        (points[48], points[54]) = ([280.0, 360.0], [320.0, 360.0]);
        let upright = Template::Ffhq.place(&of(&points), 240).unwrap();
        assert_eq!(upright.frame_from_crop.apply([0.0, 0.0]), [180.0, 186.0]);
        assert_eq!(upright.frame_from_crop.apply([240.0, 240.0]), [420.0, 426.0]);
        // A leaning head is set upright: the eyes come out level.
        let leaning = turned(&points, 33.0);
        let map = Template::Ffhq.place(&of(&leaning), 240).unwrap().crop_from_frame().unwrap();
        let (a, b) = (map.apply(leaning[36]), map.apply(leaning[42]));
        assert!((a[1] - b[1]).abs() < 1e-2 && (b[0] - a[0] - 60.0).abs() < 1e-2, "{a:?} {b:?}");
        assert!((a[0] - 90.0).abs() < 1e-2 && (a[1] - 114.0).abs() < 1e-2);
    }

    #[test]
    fn dlib_puts_its_mean_face_where_dlib_does() {
        let points = turned(&face(310.0, 280.0, 50.0), -15.0);
        for (name, padding) in [("dlib-padding", 0.25f32), ("dlib-padding-0.4", 0.4)] {
            let map = Template::named(name).unwrap().place(&of(&points), 150).unwrap().crop_from_frame().unwrap();
            for i in [27, 36, 45, 48, 54, 62] {
                let q = map.apply(points[i]);
                let expected = DLIB_MEAN[i - 17].map(|v| (padding + v) / (1.0 + 2.0 * padding) * 150.0);
                assert!(
                    (q[0] - expected[0]).abs() < 0.05 && (q[1] - expected[1]).abs() < 0.05,
                    "{i} {q:?} {expected:?}"
                );
            }
        }
    }

    #[test]
    fn icpr_margins_clip_and_squeeze_at_the_edge() {
        let points = face(310.0, 280.0, 60.0);
        let at = |b: Rect| {
            let face = FacePoints { box_in_frame: b, points: &points, frame_size: (640, 480) };
            let map = Template::BlazefaceIcpr.place(&face, 224).unwrap().frame_from_crop;
            let (a, b) = (map.apply([0.0, 0.0]), map.apply([224.0, 224.0]));
            Rect::from_edges(a[0], a[1], b[0], b[1])
        };
        // 100 x 100: margins 20, above 40: 140 x 160 from (180, 160); the square of 160 around its
        // middle (250, 240).
        assert_eq!(at(Rect::new(200.0, 200.0, 100.0, 100.0)), Rect::new(170.0, 160.0, 160.0, 160.0));
        // At the left edge: (0, 160)..(90, 320) after the first clipping, the square of 160 around
        // (45, 240) is clipped to a width of 125.
        assert_eq!(at(Rect::new(-30.0, 200.0, 100.0, 100.0)), Rect::new(0.0, 160.0, 125.0, 160.0));
    }

    #[test]
    fn squares_and_arcface_are_as_named() {
        let points = face(310.0, 280.0, 60.0);
        let square = Template::Square(1.3).place(&of(&points), 130).unwrap().frame_from_crop;
        let side = square.apply([130.0, 0.0])[0] - square.apply([0.0, 0.0])[0];
        assert!((side - 1.3 * 150.0).abs() < 1e-3);
        assert_eq!(square.apply([65.0, 65.0]), [300.0, 325.0]);
        let mut exact = [[0.0; 2]; 68];
        exact[36..42].fill(ARCFACE[0]);
        exact[42..48].fill(ARCFACE[1]);
        (exact[30], exact[48], exact[54]) = (ARCFACE[2], ARCFACE[3], ARCFACE[4]);
        let map = Template::Arcface112.place(&of(&exact), 112).unwrap().frame_from_crop;
        let q = map.apply([50.0, 60.0]);
        assert!((q[0] - 50.0).abs() < 1e-3 && (q[1] - 60.0).abs() < 1e-3);
    }

    #[test]
    fn points_that_define_nothing_are_refused() {
        let points = [[5.0, 5.0]; 68];
        let empty =
            FacePoints { box_in_frame: Rect::new(700.0, 700.0, 0.0, 0.0), points: &points, frame_size: (640, 480) };
        for name in ["ffhq", "dlib-padding", "blazeface-icpr", "square-1.3", "arcface-112"] {
            assert!(Template::named(name).unwrap().place(&empty, 64).is_err(), "{name}");
        }
    }
}
