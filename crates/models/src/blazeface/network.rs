//! The network: single convolutions and residual blocks of depth-wise and point-wise convolution,
//! two maps of outputs.
use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::layers::{Activation, Conv, ConvConfig, Fold, Keyed, Padding};

/// The front-camera model; it has no widths to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BlazeFaceConfig {}

/// Depth-wise and point-wise convolution, added to the input; channels that the input lacks count
/// as zero.
#[derive(Module, Debug)]
struct BlazeBlock {
    convs: Vec<Conv>,
    #[module(skip)]
    halves: bool,
    #[module(skip)]
    more_channels: usize,
}

impl BlazeBlock {
    fn init(from: usize, to: usize, halves: bool, device: &Device) -> Self {
        let (stride, padding) = if halves { (2, Padding::split(0, 2)) } else { (1, Padding::all(1)) };
        let depthwise = ConvConfig::new(from, from, 3).groups(from).stride(stride).padding(padding).init(device);
        let pointwise = ConvConfig::new(from, to, 1).init(device);
        Self { convs: vec![depthwise, pointwise], halves, more_channels: to - from }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = self.convs.iter().fold(x.clone(), |x, conv| conv.forward(x));
        let mut shortcut = if self.halves { max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2])) } else { x };
        if self.more_channels > 0 {
            let [n, _, h, w] = shortcut.dims();
            let zeros = Tensor::zeros([n, self.more_channels, h, w], &shortcut.device());
            shortcut = Tensor::cat(vec![shortcut, zeros], 1);
        }
        relu(inner + shortcut)
    }
}

impl Fold for BlazeBlock {
    fn fold(mut self) -> Self {
        self.convs = self.convs.into_iter().map(|conv| conv.folded(None)).collect();
        self
    }
}

#[derive(Module, Debug)]
struct Stem {
    index_0: Conv,
    flat_blocks: Keyed<BlazeBlock>,
}

/// The network.
#[derive(Module, Debug)]
pub struct BlazeFaceNetwork {
    backbone1: Stem,
    backbone2: Vec<BlazeBlock>,
    classifier_8: Conv,
    classifier_16: Conv,
    regressor_8: Conv,
    regressor_16: Conv,
}

/// What the network says of 896 anchors, before decoding.
#[derive(Debug, Clone)]
pub struct RawDetections {
    /// `[n, 896, 16]`: centre, size and six points, in pixels of 128 from the anchor.
    pub boxes: Tensor<3>,
    /// `[n, 896, 1]`: logits.
    pub scores: Tensor<3>,
}

impl BlazeFaceConfig {
    /// A network with random weights.
    pub fn init(&self, device: &Device) -> BlazeFaceNetwork {
        const CHANNELS: [usize; 12] = [24, 24, 28, 32, 36, 42, 48, 56, 64, 72, 80, 88];
        let block = |i: usize| BlazeBlock::init(CHANNELS[i], CHANNELS[i + 1], i == 2 || i == 5, device);
        let head = |from: usize, to: usize| ConvConfig::new(from, to, 1).init(device);
        let stem = ConvConfig::new(3, 24, 5).stride(2).padding(Padding::split(1, 2)).init(device);
        BlazeFaceNetwork {
            backbone1: Stem {
                index_0: stem,
                // Number 1 of the published `Sequential` is the ReLU.
                flat_blocks: Keyed::new((0..11).map(|i| ((i + 2).to_string(), block(i)))),
            },
            backbone2: (0..5).map(|i| BlazeBlock::init(if i == 0 { 88 } else { 96 }, 96, i == 0, device)).collect(),
            classifier_8: head(88, 2),
            classifier_16: head(96, 6),
            regressor_8: head(88, 32),
            regressor_16: head(96, 96),
        }
    }
}

impl BlazeFaceNetwork {
    /// # Shapes
    /// - `x`: `[n, 3, 128, 128]`, `value / 127.5 - 1`
    pub fn forward(&self, x: Tensor<4>) -> RawDetections {
        let x = self.backbone1.index_0.activated(x, Activation::Relu);
        let near = self.backbone1.flat_blocks.iter().fold(x, |x, block| block.forward(x));
        let far = self.backbone2.iter().fold(near.clone(), |x, block| block.forward(x));
        let rows = |conv: &Conv, x: &Tensor<4>, width: usize| -> Tensor<3> {
            let y = conv.forward(x.clone());
            let [n, c, h, w] = y.dims();
            y.permute([0, 2, 3, 1]).reshape([n, h * w * c / width, width])
        };
        RawDetections {
            boxes: Tensor::cat(vec![rows(&self.regressor_8, &near, 16), rows(&self.regressor_16, &far, 16)], 1),
            scores: Tensor::cat(vec![rows(&self.classifier_8, &near, 1), rows(&self.classifier_16, &far, 1)], 1),
        }
    }

    /// Where the parameters lie.
    pub fn device(&self) -> Device {
        self.classifier_8.weight.val().device()
    }
}

impl Fold for BlazeFaceNetwork {
    fn fold(mut self) -> Self {
        self.backbone1.index_0 = self.backbone1.index_0.folded(None);
        self.backbone1.flat_blocks = self.backbone1.flat_blocks.fold();
        self.backbone2 = self.backbone2.fold();
        self.classifier_8 = self.classifier_8.folded(None);
        self.classifier_16 = self.classifier_16.folded(None);
        self.regressor_8 = self.regressor_8.folded(None);
        self.regressor_16 = self.regressor_16.folded(None);
        self
    }
}
