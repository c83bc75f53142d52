//! The two modules ready to swap parts of pictures: 8-bit pixels in, 8-bit pixels out.
//!
//! The decision that shapes it: as [`crate::first_order::Animator`] does, it hides tensors, and a
//! picture's features and segments are computed once however often it is swapped.
use burn::tensor::Device;

use super::{Encoded, ReconstructionModule, SegmentationModule, Segments, Swap};
use crate::first_order::{picture, unit_tensor};
use crate::layers::Fold as _;
use crate::layout::CosegmentationWidths;
use crate::registry::{Entry, Loaded};
use crate::rgb::{OwnedRgb, Rgb};
use crate::state::floats;
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
    encoded: Encoded,
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
        let step = |widths: &CosegmentationWidths| {
            let shrinks = ((1.0 / widths.segmentation.scale_factor).round() as usize).max(1);
            shrinks << widths.segmentation.hourglass.num_blocks
        };
        let (widths, side, align) = loaded.square(Kind::MotionCosegmentation, "a part swap", step)?;
        let device = Device::default();
        let segmentation = loaded.module(widths.segmentation.init(&device), "segmentation_module.")?;
        let reconstruction = loaded.module(widths.reconstruction.init(&device), "reconstruction_module.")?;
        Ok(Self {
            segmentation: segmentation.fold(),
            reconstruction: reconstruction.with_align_corners(align).fold(),
            parts: widths.segmentation.num_segments,
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

    /// Segments besides the background.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Looks at a picture; any size, brought to [`PartSwapper::side`].
    pub fn part(&self, picture: &Rgb<'_>) -> Parted {
        let tensor = unit_tensor(picture, self.side, &self.device);
        Parted { segments: self.segmentation.forward(tensor.clone()), encoded: self.reconstruction.encode(tensor) }
    }

    /// The target with parts of the source in it.
    pub fn swap(&self, source: &Parted, target: &Parted, swap: &Swap) -> OwnedRgb {
        let made = self.reconstruction.swap(
            (source.encoded.clone(), &source.segments),
            (target.encoded.clone(), &target.segments),
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
