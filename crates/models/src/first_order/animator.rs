//! The three published networks ready to animate pictures: 8-bit pixels in, 8-bit pixels out.
//!
//! The decision that shapes it: this is what is left of the model once it is trained, so it is
//! folded, it belongs to weights that say their own input size and convention, and no caller sees a
//! tensor.
use burn::tensor::{Device, Tensor, TensorData};

use super::keypoints::{KeyPointDetector, KeyPoints};
use super::transfer::Transfer;
use super::{EncodedSource, Generator};
use crate::layers::Fold as _;
use crate::layout::FirstOrderWidths;
use crate::registry::{Entry, Loaded};
use crate::rgb::{OwnedRgb, Rgb};
use crate::state::floats;
use crate::{Kind, ModelError};

/// The model with weights of one entry.
pub struct Animator {
    entry: Entry,
    key_points: KeyPointDetector,
    generator: Generator,
    side: usize,
    device: Device,
}

/// Where the key points of one picture lie.
#[derive(Debug, Clone)]
pub struct Pointed(KeyPoints);

impl Pointed {
    /// Places of the points, (x, y) in [-1, 1].
    pub fn places(&self) -> Vec<[f32; 2]> {
        floats(self.0.value.clone()).as_chunks::<2>().0.to_vec()
    }
}

/// A picture that is to be moved: what of it serves every driving frame.
pub struct Portrait {
    encoded: EncodedSource,
    points: Pointed,
}

impl Portrait {
    /// Its key points.
    pub fn points(&self) -> &Pointed {
        &self.points
    }
}

/// One animated frame with what it rests on.
pub struct Animated {
    /// The picture, square.
    pub picture: OwnedRgb,
    /// Key points that the picture was asked to take.
    pub points: Pointed,
    /// How visible each pixel is in the source, row-major, 0 to 1, with its side; `None` for a
    /// model without such a map.
    pub visibility: Option<(Vec<f32>, usize)>,
}

impl Animator {
    /// The networks of these weights.
    ///
    /// # Errors
    /// [`ModelError`] where they are another network's, or do not fit.
    pub fn open(loaded: Loaded) -> Result<Self, ModelError> {
        let (widths, side, align) =
            loaded.square::<FirstOrderWidths>(Kind::FirstOrderMotion, "animation", smallest_multiple)?;
        let device = Device::default();
        let key_points = loaded.module(widths.key_points.init(&device), "kp_detector.")?;
        let generator = loaded.module(widths.generator.init(&device), "generator.")?;
        Ok(Self {
            key_points: key_points.fold(),
            generator: generator.with_align_corners(align).fold(),
            side,
            device,
            entry: loaded.entry,
        })
    }

    /// What is known of the weights.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Side of the square pictures that it takes and gives, in pixels.
    pub fn side(&self) -> usize {
        self.side
    }

    /// The key points of a picture; any size, brought to [`Animator::side`].
    pub fn points(&self, picture: &Rgb<'_>) -> Pointed {
        Pointed(self.key_points.forward(self.tensor(picture)))
    }

    /// Takes a picture to be moved.
    pub fn portrait(&self, picture: &Rgb<'_>) -> Portrait {
        let tensor = self.tensor(picture);
        let points = Pointed(self.key_points.forward(tensor.clone()));
        Portrait { encoded: self.generator.encode_source(tensor), points }
    }

    /// The portrait with the motion of `driving`, which is relative to `initial` where `transfer`
    /// says so.
    pub fn animate(&self, portrait: &Portrait, driving: &Pointed, initial: &Pointed, transfer: Transfer) -> Animated {
        let source = &portrait.points.0;
        let points = transfer.apply(source, &driving.0, &initial.0);
        let made = self.generator.animate(&portrait.encoded, source, &points);
        let visibility = made.motion.occlusion_map.map(|map| {
            let side = map.dims()[2];
            (floats(map), side)
        });
        Animated { picture: picture(&floats(made.prediction), self.side), points: Pointed(points), visibility }
    }

    fn tensor(&self, picture: &Rgb<'_>) -> Tensor<4> {
        unit_tensor(picture, self.side, &self.device)
    }
}

/// Sides must be divisible by this: every halving of either hourglass, on its reduced picture.
fn smallest_multiple(widths: &FirstOrderWidths) -> usize {
    let of = |scale: f64, blocks: usize| ((1.0 / scale).round() as usize).max(1) << blocks;
    of(widths.key_points.scale_factor, widths.key_points.hourglass.num_blocks)
        .max(of(widths.generator.motion_scale, widths.generator.motion_hourglass.num_blocks))
        .max(1 << widths.generator.num_down_blocks)
}

/// A picture as the first-order networks take it.
///
/// # Shapes
/// - output: `[1, 3, side, side]` in [0, 1]
pub(crate) fn unit_tensor(picture: &Rgb<'_>, side: usize, device: &Device) -> Tensor<4> {
    let resized;
    let picture = if (picture.width, picture.height) == (side, side) {
        *picture
    } else {
        resized = picture.resized(side, side);
        resized.view()
    };
    let mut planes = Vec::with_capacity(3 * side * side);
    for c in 0..3 {
        planes.extend(picture.pixels.as_chunks::<3>().0.iter().map(|p| f32::from(p[c]) / 255.0));
    }
    Tensor::from_data(TensorData::new(planes, [1, 3, side, side]), device)
}

/// The first picture of a batch of planes with values 0 to 1.
pub(crate) fn picture(planes: &[f32], side: usize) -> OwnedRgb {
    let area = side * side;
    let mut pixels = vec![0u8; 3 * area];
    for (c, plane) in planes.chunks_exact(area).take(3).enumerate() {
        for (pixel, value) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(plane) {
            pixel[c] = (value * 255.0 + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
    OwnedRgb { pixels, width: side, height: side }
}
