//! Motion co-segmentation: parts of a person found without labels, and moved from one picture into
//! another (Siarohin et al. 2020, "Motion-supervised Co-Part Segmentation", arXiv:2004.03234).
//!
//! The decision that shapes it: the two networks are the First Order Motion Model's with the
//! published differences, so they are built of its blocks: segment centres are key points on a
//! padded map, and the motion of a pixel is its segments' instead of a network's. Written from the
//! paper and from recorded facts; the published code is under a licence that forbids copying.
mod swapper;

use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::first_order::{
    DownBlock, Hourglass, HourglassConfig, KeyPoints, ResBlock, SameBlock, UpBlock, key_points_from_maps,
    sparse_motions, warp,
};
use crate::first_order::{bottleneck, down_blocks, keeping, mixed, up_blocks, warp_finely};
use crate::layers::{Activation, AlignCorners, AntiAlias, Conv, ConvConfig, Fold, Keyed, resize_bilinear};

pub use swapper::{PartMap, PartSwapper, Parted};

/// Widths of the segmentation module.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SegmentationConfig {
    /// Segments besides the background; published are 5, 10 and 15.
    pub num_segments: usize,
    /// Channels of a picture.
    pub num_channels: usize,
    /// The feature extractor.
    pub hourglass: HourglassConfig,
    /// The soft-max over a heat-map divides by this.
    pub temperature: f64,
    /// Size of the picture that is looked at, relative to the one given.
    pub scale_factor: f64,
    /// Whether a 2 x 2 matrix is estimated with every segment.
    pub estimate_affine_part: bool,
}

impl SegmentationConfig {
    /// The published configuration (`vox-256-sem-*segments`).
    pub fn published(num_segments: usize) -> Self {
        Self {
            num_segments,
            num_channels: 3,
            hourglass: HourglassConfig { block_expansion: 32, max_features: 1024, num_blocks: 5 },
            temperature: 0.1,
            scale_factor: 0.25,
            estimate_affine_part: true,
        }
    }

    /// A module with random weights.
    pub fn init(&self, device: &Device) -> SegmentationModule {
        let features = Hourglass::channels_out(self.num_channels, &self.hourglass);
        let head = |n: usize| ConvConfig::new(features, n, 7).same().init(device);
        SegmentationModule {
            predictor: Hourglass::init(self.num_channels, &self.hourglass, device),
            shift: head(self.num_segments),
            affine: self.estimate_affine_part.then(|| head(4 * self.num_segments)),
            segmentation: head(self.num_segments + 1),
            down: (self.scale_factor < 1.0).then(|| AntiAlias::init(self.num_channels, self.scale_factor, device)),
            temperature: self.temperature,
        }
    }
}

/// Finds the segments of a picture.
#[derive(Module, Debug)]
pub struct SegmentationModule {
    predictor: Hourglass,
    shift: Conv,
    affine: Option<Conv>,
    segmentation: Conv,
    down: Option<AntiAlias>,
    #[module(skip)]
    temperature: f64,
}

/// Segments of a batch of pictures.
#[derive(Debug, Clone)]
pub struct Segments {
    /// How much of each segment a pixel is, `[n, segments + 1, h, w]`; the first is the background.
    pub segmentation: Tensor<4>,
    /// Centres and local motions: the published `shift` and `affine`.
    pub points: KeyPoints,
}

impl SegmentationModule {
    /// # Shapes
    /// - `x`: `[n, channels, h, w]` in [0, 1]
    pub fn forward(&self, x: Tensor<4>) -> Segments {
        let x = match &self.down {
            Some(down) => down.forward(x),
            None => x,
        };
        let features = self.predictor.forward(x);
        let shift = self.shift.forward(features.clone());
        let affine = self.affine.as_ref().map(|conv| conv.forward(features.clone()));
        Segments {
            segmentation: softmax(self.segmentation.forward(features), 1),
            points: key_points_from_maps(shift, affine, self.temperature),
        }
    }
}

impl Fold for SegmentationModule {
    fn fold(mut self) -> Self {
        self.predictor = self.predictor.fold();
        self.shift = self.shift.folded(None);
        self.affine = self.affine.map(|conv| conv.folded(None));
        self.segmentation = self.segmentation.folded(None);
        self
    }
}

/// Widths of the reconstruction module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconstructionConfig {
    /// Channels of a picture.
    pub num_channels: usize,
    /// Channels after the first layer.
    pub block_expansion: usize,
    /// The most channels a layer may have.
    pub max_features: usize,
    /// Halvings of the size before the features are warped.
    pub num_down_blocks: usize,
    /// Residual blocks after the warp.
    pub num_bottleneck_blocks: usize,
    /// Whether what the source does not show is masked.
    pub estimate_visibility: bool,
    /// Whether the last layer also says how much of the warped pictures is kept, as in
    /// [`GeneratorConfig::keeps_source`](crate::first_order::GeneratorConfig).
    #[serde(default)]
    pub keeps_source: bool,
}

impl ReconstructionConfig {
    /// The published configuration.
    pub const PUBLISHED: Self = Self {
        num_channels: 3,
        block_expansion: 64,
        max_features: 512,
        num_down_blocks: 2,
        num_bottleneck_blocks: 6,
        estimate_visibility: true,
        keeps_source: false,
    };

    /// A module with random weights.
    pub fn init(&self, device: &Device) -> ReconstructionModule {
        let width = |level: usize| self.max_features.min(self.block_expansion << level);
        let outputs = self.num_channels + usize::from(self.keeps_source);
        ReconstructionModule {
            first: SameBlock::init(self.num_channels, self.block_expansion, 7, device),
            down_blocks: down_blocks(self.num_down_blocks, width, device),
            up_blocks: up_blocks(self.num_down_blocks, width, device),
            bottleneck: bottleneck(self.num_bottleneck_blocks, width(self.num_down_blocks), device),
            final_: ConvConfig::new(self.block_expansion, outputs, 7).same().init(device),
            estimate_visibility: self.estimate_visibility,
            keeps_source: self.keeps_source,
            align: AlignCorners::default(),
        }
    }
}

/// Paints the source as the target's segments lie, or parts of it into the target.
#[derive(Module, Debug)]
pub struct ReconstructionModule {
    first: SameBlock,
    down_blocks: Vec<DownBlock>,
    up_blocks: Vec<UpBlock>,
    bottleneck: Keyed<ResBlock>,
    final_: Conv,
    #[module(skip)]
    estimate_visibility: bool,
    #[module(skip)]
    keeps_source: bool,
    #[module(skip)]
    align: AlignCorners,
}

/// What of a picture serves every reconstruction.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// Features before any warp, `[n, c, h / 4, w / 4]` with two halvings.
    pub features: Tensor<4>,
    /// The picture itself, for a network that keeps of it.
    pub picture: Option<Tensor<4>>,
}

/// What comes out of a reconstruction.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    /// The picture, `[n, channels, h, w]` in [0, 1].
    pub prediction: Tensor<4>,
    /// The source's place for every pixel, `[n, h, w, 2]` at the size of the segments.
    pub deformation: Tensor<4>,
    /// `[n, 1, h, w]` in [0, 1].
    pub visibility: Option<Tensor<4>>,
}

/// How the parts to be swapped are cut out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// Segments to be swapped; 0 is the background.
    pub segments: Vec<usize>,
    /// Whether a pixel is swapped whole or not at all (more than half), instead of by degrees.
    pub hard: bool,
    /// Whether the source's segments say where, warped to the target, instead of the target's.
    pub mask_from_source: bool,
}

impl Swap {
    /// How much of each pixel is swapped, before any warp.
    ///
    /// # Shapes
    /// - output: `[n, 1, h, w]` in [0, 1]
    pub fn mask(&self, segments: &Segments) -> Tensor<4> {
        let [n, k, h, w] = segments.segmentation.dims();
        let chosen = self.segments.iter().filter(|s| **s < k);
        let parts = chosen.map(|s| segments.segmentation.clone().slice([0..n, *s..s + 1, 0..h, 0..w]));
        let device = segments.segmentation.device();
        let soft = parts.reduce(|a, b| a + b).unwrap_or_else(|| Tensor::zeros([n, 1, h, w], &device));
        if self.hard { soft.greater_scalar(0.5).float() } else { soft }
    }
}

impl ReconstructionModule {
    /// The same network under another convention of the sampling grid.
    #[must_use]
    pub fn with_align_corners(mut self, align: AlignCorners) -> Self {
        self.align = align;
        self
    }

    /// Looks at a picture, before any warp.
    ///
    /// # Shapes
    /// - `x`: `[n, channels, h, w]` in [0, 1]
    pub fn encode(&self, x: Tensor<4>) -> Encoded {
        let picture = self.keeps_source.then(|| x.clone());
        Encoded { features: self.down_blocks.iter().fold(self.first.forward(x), |x, block| block.forward(x)), picture }
    }

    /// The source with its segments where the target has them.
    ///
    /// # Shapes
    /// - `encoded`: what [`ReconstructionModule::encode`] made of the source
    pub fn reconstruct(&self, encoded: Encoded, source: &Segments, target: &Segments) -> Reconstruction {
        let Encoded { features, picture } = encoded;
        let (features, deformation, visibility) = self.moved(features, source, target);
        let kept = picture.map(|picture| warp_finely(picture, deformation.clone(), self.align));
        Reconstruction { prediction: self.decode(features, kept), deformation, visibility }
    }

    /// The target with parts of the source in it.
    ///
    /// # Shapes
    /// - `source`, `target`: what [`ReconstructionModule::encode`] made of both, with their
    ///   segments
    pub fn swap(&self, source: (Encoded, &Segments), target: (Encoded, &Segments), swap: &Swap) -> Tensor<4> {
        let (moved, deformation, _) = self.moved(source.0.features, source.1, target.1);
        let [_, _, h, w] = moved.dims();
        let mask = resize_bilinear(swap.mask(if swap.mask_from_source { source.1 } else { target.1 }), [h, w]);
        let mask = if swap.mask_from_source { warp(mask, deformation.clone(), self.align) } else { mask };
        let mixed = |target: Tensor<4>, moved: Tensor<4>, mask: Tensor<4>| target.clone() + (moved - target) * mask;
        let kept = source.0.picture.zip(target.0.picture).map(|(source, target)| {
            let [_, _, h, w] = target.dims();
            mixed(target, warp_finely(source, deformation, self.align), resize_bilinear(mask.clone(), [h, w]))
        });
        self.decode(mixed(target.0.features, moved, mask), kept)
    }

    fn moved(
        &self,
        encoded: Tensor<4>,
        source: &Segments,
        target: &Segments,
    ) -> (Tensor<4>, Tensor<4>, Option<Tensor<4>>) {
        let [_, _, h, w] = target.segmentation.dims();
        let motions = sparse_motions(&source.points, &target.points, [h, w]);
        let deformation = mixed(motions, &target.segmentation);
        let features = warp(encoded, deformation.clone(), self.align);
        if !self.estimate_visibility {
            return (features, deformation, None);
        }
        // What the source's person hid cannot be seen where the target has no person. As published,
        // the source's mask is not warped.
        let hidden = foreground(source) * (foreground(target).detach() * -1.0 + 1.0);
        let visibility = hidden * -1.0 + 1.0;
        let [_, _, h, w] = features.dims();
        (features * resize_bilinear(visibility.clone(), [h, w]), deformation, Some(visibility))
    }

    fn decode(&self, features: Tensor<4>, kept: Option<Tensor<4>>) -> Tensor<4> {
        let x = self.bottleneck.iter().fold(features, |x, block| block.forward(x));
        let x = self.up_blocks.iter().fold(x, |x, block| block.forward(x));
        let painted = self.final_.activated(x, Activation::Sigmoid);
        match kept {
            Some(kept) => keeping(painted, kept),
            None => painted,
        }
    }
}

/// All segments but the background, `[n, 1, h, w]`.
fn foreground(segments: &Segments) -> Tensor<4> {
    let [n, k, h, w] = segments.segmentation.dims();
    segments.segmentation.clone().slice([0..n, 1..k, 0..h, 0..w]).sum_dim(1)
}

impl Fold for ReconstructionModule {
    fn fold(mut self) -> Self {
        self.first = self.first.fold();
        self.down_blocks = self.down_blocks.fold();
        self.up_blocks = self.up_blocks.fold();
        self.bottleneck = self.bottleneck.fold();
        self.final_ = self.final_.folded(None);
        self
    }
}
