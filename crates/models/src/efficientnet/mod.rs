//! EfficientNet-B4 as a detector of manipulated faces, with and without attention, and
//! siamese-tuned (Bonettini et al., ICPR 2020, on Tan and Le 2019).
//!
//! The decision that shapes it: the padding is part of the weights' contract, not of the code. Both
//! releases of the library under which such weights were trained pad for 380 pixels whatever the
//! input; they differ in one layer, and that difference is a named option. What crop goes in, and
//! how it is normalised (ImageNet mean and deviation), is the caller's.
mod block;

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::layers::{Activation, Conv, ConvConfig, Fold, Padding, plane_means};
use block::{Block, Stage, batch_norm};

/// Channels that the pooled features have.
pub const FEATURES: usize = 1792;

/// The block after which attention looks.
const ATTENTION_AFTER: usize = 9;

/// Stages of B4: blocks, kernel, stride, expansion, channels out.
const STAGES: [Stage; 7] = [
    Stage { blocks: 2, kernel: 3, stride: 1, expansion: 1, channels: 24 },
    Stage { blocks: 4, kernel: 3, stride: 2, expansion: 6, channels: 32 },
    Stage { blocks: 4, kernel: 5, stride: 2, expansion: 6, channels: 56 },
    Stage { blocks: 6, kernel: 3, stride: 2, expansion: 6, channels: 112 },
    Stage { blocks: 6, kernel: 5, stride: 1, expansion: 6, channels: 160 },
    Stage { blocks: 8, kernel: 5, stride: 2, expansion: 6, channels: 272 },
    Stage { blocks: 2, kernel: 3, stride: 1, expansion: 6, channels: 448 },
];

/// The release of `efficientnet_pytorch` whose padding the weights expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PaddingVariant {
    /// Up to 0.6.3: every layer pads as if its own input had 380 pixels.
    #[serde(rename = "0.6.3")]
    V063,
    /// Since 0.7: the size is followed through the network from 380. Differs in block 6 only.
    #[default]
    #[serde(rename = "0.7.1")]
    V071,
}

/// What kind of B4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EfficientNetConfig {
    /// Whether the output of block 9 is multiplied by an attention map.
    pub attention: bool,
    /// The padding that the weights expect.
    pub padding: PaddingVariant,
}

/// The convolutional part.
#[derive(Module, Debug)]
pub struct Backbone {
    under_conv_stem: Conv,
    under_bn0: BatchNorm,
    under_blocks: Vec<Block>,
    under_conv_head: Conv,
    under_bn1: BatchNorm,
    attconv: Option<Conv>,
}

/// Backbone and one logit. Positive means fake.
#[derive(Module, Debug)]
pub struct EfficientNet {
    efficientnet: Backbone,
    classifier: Linear,
}

/// The siamese-tuned form: the same backbone trained with a triplet loss, and a normalised linear
/// head on its features.
#[derive(Module, Debug)]
pub struct SiameseTuned {
    feat_ext: EfficientNet,
    classifier: (BatchNorm, Linear),
}

impl EfficientNetConfig {
    /// A network with random weights.
    pub fn init(&self, device: &Device) -> EfficientNet {
        EfficientNet { efficientnet: self.backbone(device), classifier: LinearConfig::new(FEATURES, 1).init(device) }
    }

    /// The siamese-tuned form with random weights.
    pub fn init_siamese(&self, device: &Device) -> SiameseTuned {
        SiameseTuned {
            feat_ext: self.init(device),
            classifier: (BatchNormConfig::new(FEATURES).init(device), LinearConfig::new(FEATURES, 1).init(device)),
        }
    }

    fn backbone(self, device: &Device) -> Backbone {
        const TRAINED_SIZE: usize = 380;
        const STEM: usize = 48;
        let mut size = TRAINED_SIZE;
        let mut padding = |kernel: usize, stride: usize| {
            let padding =
                Padding::same(if self.padding == PaddingVariant::V063 { TRAINED_SIZE } else { size }, kernel, stride);
            size = size.div_ceil(stride);
            padding
        };
        let stem = ConvConfig::new(3, STEM, 3).stride(2).padding(padding(3, 2)).without_bias().init(device);
        let mut blocks = Vec::new();
        let mut channels = STEM;
        for stage in &STAGES {
            for i in 0..stage.blocks {
                let stride = if i == 0 { stage.stride } else { 1 };
                blocks.push(Block::init(channels, stage, stride, padding(stage.kernel, stride), device));
                channels = stage.channels;
            }
        }
        Backbone {
            under_conv_stem: stem,
            under_bn0: batch_norm(STEM, device),
            under_blocks: blocks,
            under_conv_head: ConvConfig::new(channels, FEATURES, 1).without_bias().init(device),
            under_bn1: batch_norm(FEATURES, device),
            attconv: self.attention.then(|| ConvConfig::new(STAGES[2].channels, 1, 1).init(device)),
        }
    }
}

impl Backbone {
    /// Stem and blocks up to `last` (from 0); `observe` sees each block's output, before attention
    /// is applied to it.
    fn run(&self, x: Tensor<4>, last: usize, observe: &mut dyn FnMut(usize, &Tensor<4>)) -> Tensor<4> {
        let mut x = self.under_conv_stem.normed(&self.under_bn0, x, Activation::Silu);
        for (i, block) in self.under_blocks.iter().enumerate().take(last + 1) {
            x = block.forward(x);
            observe(i, &x);
            if i == ATTENTION_AFTER
                && i < last
                && let Some(map) = self.attend(&x)
            {
                x = x * map;
            }
        }
        x
    }

    fn attend(&self, x: &Tensor<4>) -> Option<Tensor<4>> {
        self.attconv.as_ref().map(|conv| sigmoid(conv.forward(x.clone())))
    }

    /// The features that the head makes, averaged over the picture.
    ///
    /// # Shapes
    /// - `x`: `[n, 3, h, w]`, normalised; output: `[n, 1792]`
    pub fn features(&self, x: Tensor<4>, observe: &mut dyn FnMut(usize, &Tensor<4>)) -> Tensor<2> {
        let x = self.run(x, usize::MAX - 1, observe);
        let x = self.under_conv_head.normed(&self.under_bn1, x, Activation::Silu);
        let [n, c, _, _] = x.dims();
        plane_means(x).1.reshape([n, c])
    }
}

impl EfficientNet {
    /// # Shapes
    /// - `x`: `[n, 3, h, w]`, normalised; output: `[n, 1]`, a logit; no sigmoid
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.classifier.forward(self.features(x))
    }

    /// What the classifier looks at.
    ///
    /// # Shapes
    /// - `x`: `[n, 3, h, w]`, normalised; output: `[n, 1792]`
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        self.observed(x, &mut |_, _| ())
    }

    /// As [`EfficientNet::features`]; `observe` is given every block's number and output.
    ///
    /// # Shapes
    /// - `x`: `[n, 3, h, w]`, normalised; output: `[n, 1792]`
    pub fn observed(&self, x: Tensor<4>, observe: &mut dyn FnMut(usize, &Tensor<4>)) -> Tensor<2> {
        self.efficientnet.features(x, observe)
    }

    /// The logit, and the attention map where the network has one, in one pass.
    ///
    /// # Shapes
    /// As [`EfficientNet::forward`] and [`EfficientNet::attention`].
    pub fn attending(&self, x: Tensor<4>) -> (Tensor<2>, Option<Tensor<4>>) {
        let mut map = None;
        let features = self.observed(x, &mut |block, x| {
            if block == ATTENTION_AFTER {
                map = self.efficientnet.attend(x);
            }
        });
        (self.classifier.forward(features), map)
    }

    /// The attention map, where the network has one.
    ///
    /// # Shapes
    /// - `x`: `[n, 3, h, w]`, normalised; output: `[n, 1, h / 8, w / 8]` in [0, 1]
    pub fn attention(&self, x: Tensor<4>) -> Option<Tensor<4>> {
        let conv = self.efficientnet.attconv.as_ref()?;
        let x = self.efficientnet.run(x, ATTENTION_AFTER, &mut |_, _| ());
        Some(sigmoid(conv.forward(x)))
    }
}

impl SiameseTuned {
    /// As [`SiameseTuned::forward`], without a way for gradients into the backbone: only the head
    /// is tuned.
    pub fn tuned(&self, x: Tensor<4>) -> Tensor<2> {
        let (norm, linear) = &self.classifier;
        linear.forward(norm.forward(self.feat_ext.features(x).detach()))
    }

    /// # Shapes
    /// - `x`: `[n, 3, h, w]`, normalised; output: `[n, 1]`, a logit; no sigmoid
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let (norm, linear) = &self.classifier;
        linear.forward(norm.forward(self.feat_ext.features(x)))
    }

    /// As [`EfficientNet::attention`].
    ///
    /// # Shapes
    /// - `x`: `[n, 3, h, w]`, normalised; output: `[n, 1, h / 8, w / 8]` in [0, 1]
    pub fn attention(&self, x: Tensor<4>) -> Option<Tensor<4>> {
        self.feat_ext.attention(x)
    }
}

impl Fold for EfficientNet {
    fn fold(mut self) -> Self {
        let net = self.efficientnet;
        self.efficientnet = Backbone {
            under_conv_stem: net.under_conv_stem.folded(Some(&net.under_bn0)),
            under_blocks: net.under_blocks.fold(),
            under_conv_head: net.under_conv_head.folded(Some(&net.under_bn1)),
            attconv: net.attconv.map(|conv| conv.folded(None)),
            ..net
        };
        self
    }
}

impl Fold for SiameseTuned {
    fn fold(mut self) -> Self {
        self.feat_ext = self.feat_ext.fold();
        self
    }
}
