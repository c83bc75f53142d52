//! The two modules ready to swap parts of pictures: 8-bit pixels in, 8-bit pixels out.
//!
//! The decision that shapes it: as [`crate::first_order::Animator`] does, it hides tensors, and a picture's features and segments are computed once however
//! often it is swapped.
use burn::tensor::{Device, Tensor};

use super::{ReconstructionModule, SegmentationModule, Segments, Swap};
use crate::first_order::{picture, unit_tensor};
use crate::layers::{AlignCorners, Fold as _};
use crate::layout::CosegmentationWidths;
use crate::registry::{Entry, Loaded};
use crate::rgb::{OwnedRgb, Rgb};
use crate::state::{self, floats};
use crate::{Kind, ModelError};

/// The model with weights of one entry.
pub struct PartSwapper {
    entry: Entry,
    segmentation: SegmentationModule,
    reconstruction: ReconstructionModule,
    parts: usize,
    side: usize,
    device: Device,
}

/// A picture with its segments.
pub struct Parted {
    features: Tensor<4>,
    segments: Segments,
}

/// Which segment each place of a picture is most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartMap {
    /// Row-major; 0 is the background.
    pub cells: Vec<u8>,
    /// Cells on a side.
    pub side: usize,
}

impl PartSwapper {
    /// The modules of these weights.
    ///
    /// # Errors
    /// [`ModelError`] where they are another network's, or do not fit.
    pub fn open(loaded: Loaded) -> Result<Self, ModelError> {
        let Loaded { entry, tensors } = loaded;
        if entry.kind != Kind::MotionCosegmentation {
            let reason = format!("it is a {}, and a part swap needs a {}", entry.kind, Kind::MotionCosegmentation);
            return Err(ModelError::WrongNetwork { path: entry.id.into(), reason });
        }
        let widths: CosegmentationWidths =
            entry.widths.clone().try_into().map_err(|e: toml::de::Error| {
                ModelError::Registry(format!("the widths of {} are none: {e}", entry.id))
            })?;
        let side = entry.input.width as usize;
        let step = ((1.0 / widths.segmentation.scale_factor).round() as usize).max(1)
            << widths.segmentation.hourglass.num_blocks;
        if side == 0 || entry.input.height as usize != side || !side.is_multiple_of(step) {
            let reason = format!("an input of {side} pixels a side, which is no multiple of {step}");
            return Err(ModelError::Registry(format!("{} says {reason}", entry.id)));
        }
        let align = if entry.input.align_corners == Some(true) { AlignCorners::Centres } else { AlignCorners::Edges };
        let device = Device::default();
        let misfit = |found: state::Mismatch| ModelError::Misfit {
            path: entry.id.clone().into(),
            kind: entry.kind,
            found: Box::new(found.0),
        };
        let segmentation =
            state::load(widths.segmentation.init(&device), &tensors, "segmentation_module.").map_err(misfit)?;
        let reconstruction =
            state::load(widths.reconstruction.init(&device), &tensors, "reconstruction_module.").map_err(misfit)?;
        Ok(Self {
            segmentation: segmentation.fold(),
            reconstruction: reconstruction.with_align_corners(align).fold(),
            parts: widths.segmentation.num_segments,
            side,
            device,
            entry,
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

    /// Segments besides the background.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Looks at a picture; any size, brought to [`PartSwapper::side`].
    pub fn part(&self, picture: &Rgb<'_>) -> Parted {
        let tensor = unit_tensor(picture, self.side, &self.device);
        Parted { segments: self.segmentation.forward(tensor.clone()), features: self.reconstruction.encode(tensor) }
    }

    /// The target with parts of the source in it.
    pub fn swap(&self, source: &Parted, target: &Parted, swap: &Swap) -> OwnedRgb {
        let made = self.reconstruction.swap(
            (source.features.clone(), &source.segments),
            (target.features.clone(), &target.segments),
            swap,
        );
        picture(&floats(made), self.side)
    }
}

impl Parted {
    /// The strongest segment at each place.
    pub fn map(&self) -> PartMap {
        let [_, parts, h, w] = self.segments.segmentation.dims();
        let values = floats(self.segments.segmentation.clone());
        let area = h * w;
        let strongest = |at: usize| {
            let value = |k: &usize| values.get(k * area + at).copied().unwrap_or(f32::NEG_INFINITY);
            (0..parts).max_by(|a, b| value(a).total_cmp(&value(b))).unwrap_or(0)
        };
        PartMap { cells: (0..area).map(|at| strongest(at) as u8).collect(), side: w }
    }
}
