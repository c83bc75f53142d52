//! The generator: warps the source's features, masks what the source does not show, paints the
//! rest.
//!
//! The decision that shapes it: everything up to the warp depends on the source alone and is kept
//! in [`EncodedSource`]; a driving frame costs the dense motion, the bottleneck and the decoder
//! (44.6 of 54.9 billion multiplications at full width).
use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::GeneratorConfig;
use super::blocks::{DownBlock, ResBlock, SameBlock, UpBlock};
use super::keypoints::KeyPoints;
use super::motion::{DenseMotion, Motion, warp, warp_finely};
use crate::layers::{Activation, AlignCorners, Conv, ConvConfig, Fold, Keyed, resize_bilinear};

/// Occlusion-aware generator (paper, section 3.3).
#[derive(Module, Debug)]
pub struct Generator {
    dense_motion_network: DenseMotion,
    first: SameBlock,
    down_blocks: Vec<DownBlock>,
    up_blocks: Vec<UpBlock>,
    bottleneck: Keyed<ResBlock>,
    final_: Conv,
    #[module(skip)]
    align: AlignCorners,
    #[module(skip)]
    keeps_source: bool,
}

/// What of a source serves every driving frame.
#[derive(Debug, Clone)]
pub struct EncodedSource {
    /// Features before the warp, `[n, c, h / 4, w / 4]` with the published two halvings.
    pub features: Tensor<4>,
    /// The source at the size of the motion network.
    pub small: Tensor<4>,
    /// The source itself, for a generator that keeps of it.
    pub picture: Option<Tensor<4>>,
}

/// What comes out for one pair.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The picture, `[n, channels, h, w]` in [0, 1].
    pub prediction: Tensor<4>,
    /// The motion that it rests on.
    pub motion: Motion,
}

impl GeneratorConfig {
    /// Channels of the last layer: colours, and how much of the source is kept.
    fn outputs(&self) -> usize {
        self.num_channels + usize::from(self.keeps_source)
    }

    /// Channels after `level` halvings.
    fn width(&self, level: usize) -> usize {
        self.max_features.min(self.block_expansion << level)
    }

    /// A generator with random weights.
    pub fn init(&self, device: &Device) -> Generator {
        let deepest = self.width(self.num_down_blocks);
        Generator {
            dense_motion_network: DenseMotion::init(self, device),
            first: SameBlock::init(self.num_channels, self.block_expansion, 7, device),
            down_blocks: down_blocks(self.num_down_blocks, |i| self.width(i), device),
            up_blocks: up_blocks(self.num_down_blocks, |i| self.width(i), device),
            bottleneck: bottleneck(self.num_bottleneck_blocks, deepest, device),
            final_: ConvConfig::new(self.block_expansion, self.outputs(), 7).same().init(device),
            align: AlignCorners::default(),
            keeps_source: self.keeps_source,
        }
    }
}

pub(crate) fn down_blocks(n: usize, width: impl Fn(usize) -> usize, device: &Device) -> Vec<DownBlock> {
    (0..n).map(|i| DownBlock::init(width(i), width(i + 1), device)).collect()
}

pub(crate) fn up_blocks(n: usize, width: impl Fn(usize) -> usize, device: &Device) -> Vec<UpBlock> {
    (0..n).rev().map(|i| UpBlock::init(width(i + 1), width(i), device)).collect()
}

pub(crate) fn bottleneck(n: usize, channels: usize, device: &Device) -> Keyed<ResBlock> {
    Keyed::new((0..n).map(|i| (format!("r{i}"), ResBlock::init(channels, device))))
}

impl Generator {
    /// The same network under another convention of the sampling grid.
    #[must_use]
    pub fn with_align_corners(mut self, align: AlignCorners) -> Self {
        self.align = align;
        self
    }

    /// What depends on the source alone.
    ///
    /// # Shapes
    /// - `source`: `[n, channels, h, w]` in [0, 1], sides divisible by 128
    pub fn encode_source(&self, source: Tensor<4>) -> EncodedSource {
        let small = self.dense_motion_network.shrink(source.clone());
        let picture = self.keeps_source.then(|| source.clone());
        let features = self.down_blocks.iter().fold(self.first.forward(source), |x, block| block.forward(x));
        EncodedSource { features, small, picture }
    }

    /// The source as it looks with the key points of the driving frame.
    ///
    /// # Shapes
    /// - output: as [`Generated`] says
    pub fn animate(&self, encoded: &EncodedSource, source: &KeyPoints, driving: &KeyPoints) -> Generated {
        let motion = self.dense_motion_network.forward(encoded.small.clone(), source, driving, self.align);
        let mut x = warp(encoded.features.clone(), motion.deformation.clone(), self.align);
        if let Some(occlusion) = &motion.occlusion_map {
            let [_, _, h, w] = x.dims();
            x = x * resize_bilinear(occlusion.clone(), [h, w]);
        }
        let x = self.bottleneck.iter().fold(x, |x, block| block.forward(x));
        let x = self.up_blocks.iter().fold(x, |x, block| block.forward(x));
        let painted = self.final_.activated(x, Activation::Sigmoid);
        let prediction = match &encoded.picture {
            Some(picture) => keeping(painted, warp_finely(picture.clone(), motion.deformation.clone(), self.align)),
            None => painted,
        };
        Generated { prediction, motion }
    }

    /// Both steps at once.
    ///
    /// # Shapes
    /// - `source`: `[n, channels, h, w]` in [0, 1]
    pub fn forward(&self, source: Tensor<4>, source_points: &KeyPoints, driving: &KeyPoints) -> Generated {
        self.animate(&self.encode_source(source), source_points, driving)
    }
}

/// What was painted, with as much of `kept` as the channel after the colours says.
///
/// # Shapes
/// - `painted`: `[n, channels + 1, h, w]`; `kept` and output: `[n, channels, h, w]`
pub(crate) fn keeping(painted: Tensor<4>, kept: Tensor<4>) -> Tensor<4> {
    let [n, channels, h, w] = kept.dims();
    let share = painted.clone().slice([0..n, channels..channels + 1, 0..h, 0..w]);
    let colours = painted.slice([0..n, 0..channels, 0..h, 0..w]);
    colours.clone() + (kept - colours) * share
}

impl Fold for Generator {
    fn fold(mut self) -> Self {
        self.dense_motion_network = self.dense_motion_network.fold();
        self.first = self.first.fold();
        self.down_blocks = self.down_blocks.fold();
        self.up_blocks = self.up_blocks.fold();
        self.bottleneck = self.bottleneck.fold();
        self.final_ = self.final_.folded(None);
        self
    }
}
