//! The blocks of convolution, batch normalisation and ReLU that all first-order networks are made
//! of.
//!
//! The decision that shapes it: names and order are the reference's (`modules/util.py`), each block
//! folds itself.
use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Device, Tensor};

use super::HourglassConfig;
use crate::cpu;
use crate::layers::{Activation, Conv, ConvConfig, Fold, pre_activate, upsample_nearest};

/// Convolution, normalisation, ReLU at the same size.
#[derive(Module, Debug)]
pub struct SameBlock {
    conv: Conv,
    norm: BatchNorm,
}

impl SameBlock {
    /// A square kernel of odd size.
    pub fn init(channels_in: usize, channels_out: usize, kernel: usize, device: &Device) -> Self {
        Self {
            conv: ConvConfig::new(channels_in, channels_out, kernel).same().init(device),
            norm: BatchNormConfig::new(channels_out).init(device),
        }
    }

    /// # Shapes
    /// - `x`: `[n, channels in, h, w]`; output: `[n, channels out, h, w]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.normed(&self.norm, x, Activation::Relu)
    }
}

impl Fold for SameBlock {
    fn fold(mut self) -> Self {
        self.conv = self.conv.folded(Some(&self.norm));
        self
    }
}

/// As [`SameBlock`] with a 3 x 3 kernel, then the mean of every 2 x 2 pixels.
#[derive(Module, Debug)]
pub struct DownBlock {
    conv: Conv,
    norm: BatchNorm,
}

impl DownBlock {
    /// A 3 x 3 kernel.
    pub fn init(channels_in: usize, channels_out: usize, device: &Device) -> Self {
        let SameBlock { conv, norm } = SameBlock::init(channels_in, channels_out, 3, device);
        Self { conv, norm }
    }

    /// # Shapes
    /// - `x`: `[n, channels in, h, w]`; output: `[n, channels out, h / 2, w / 2]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.conv.normed(&self.norm, x, Activation::Relu);
        halve(x)
    }
}

/// The mean of every 2 x 2 pixels.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`; output: `[n, c, h / 2, w / 2]`
pub(super) fn halve(x: Tensor<4>) -> Tensor<4> {
    if cpu::can_run(&x.device()) {
        return cpu::average_pool(x);
    }
    avg_pool2d(x, AvgPoolOptions::new([2, 2]).with_stride([2, 2]))
}

impl Fold for DownBlock {
    fn fold(mut self) -> Self {
        self.conv = self.conv.folded(Some(&self.norm));
        self
    }
}

/// Every pixel four times, then as [`SameBlock`] with a 3 x 3 kernel.
#[derive(Module, Debug)]
pub struct UpBlock {
    conv: Conv,
    norm: BatchNorm,
}

impl UpBlock {
    /// A 3 x 3 kernel.
    pub fn init(channels_in: usize, channels_out: usize, device: &Device) -> Self {
        let SameBlock { conv, norm } = SameBlock::init(channels_in, channels_out, 3, device);
        Self { conv, norm }
    }

    /// # Shapes
    /// - `x`: `[n, channels in, h, w]`; output: `[n, channels out, 2 h, 2 w]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.normed(&self.norm, upsample_nearest(x), Activation::Relu)
    }
}

impl Fold for UpBlock {
    fn fold(mut self) -> Self {
        self.conv = self.conv.folded(Some(&self.norm));
        self
    }
}

/// Two convolutions, each after its normalisation and ReLU, added to the input (He et al. 2016,
/// "Identity mappings").
#[derive(Module, Debug)]
pub struct ResBlock {
    conv1: Conv,
    conv2: Conv,
    norm1: BatchNorm,
    norm2: BatchNorm,
}

impl ResBlock {
    /// 3 x 3 kernels.
    pub fn init(channels: usize, device: &Device) -> Self {
        let conv = || ConvConfig::new(channels, channels, 3).same().init(device);
        let norm = || BatchNormConfig::new(channels).init(device);
        Self { conv1: conv(), conv2: conv(), norm1: norm(), norm2: norm() }
    }

    /// # Shapes
    /// - `x` and output: `[n, channels, h, w]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = pre_activate(&self.norm1, x.clone(), self.conv1.is_folded());
        let inner = self.conv1.normed(&self.norm2, inner, Activation::Relu);
        self.conv2.forward(inner) + x
    }
}

impl Fold for ResBlock {
    fn fold(mut self) -> Self {
        self.conv1 = self.conv1.folded(Some(&self.norm2));
        self.conv2 = self.conv2.folded(None);
        self
    }
}

/// The half of an [`Hourglass`] that makes the picture smaller.
#[derive(Module, Debug)]
struct Encoder {
    down_blocks: Vec<DownBlock>,
}

/// The half that brings it back, with the features of the same size beside its own.
#[derive(Module, Debug)]
struct Decoder {
    up_blocks: Vec<UpBlock>,
}

/// Encoder and decoder with skip connections; the input itself is the last of them.
#[derive(Module, Debug)]
pub struct Hourglass {
    encoder: Encoder,
    decoder: Decoder,
}

impl Hourglass {
    /// For pictures of `channels_in` channels.
    pub fn init(channels_in: usize, config: &HourglassConfig, device: &Device) -> Self {
        let down = |i: usize| {
            let from = if i == 0 { channels_in } else { config.width(i) };
            DownBlock::init(from, config.width(i + 1), device)
        };
        let up = |i: usize| {
            let skip = if i + 1 == config.num_blocks { 1 } else { 2 };
            UpBlock::init(skip * config.width(i + 1), config.width(i), device)
        };
        Self {
            encoder: Encoder { down_blocks: (0..config.num_blocks).map(down).collect() },
            decoder: Decoder { up_blocks: (0..config.num_blocks).rev().map(up).collect() },
        }
    }

    /// Channels that come out for `channels_in`.
    pub fn channels_out(channels_in: usize, config: &HourglassConfig) -> usize {
        config.block_expansion + channels_in
    }

    /// # Shapes
    /// - `x`: `[n, channels in, h, w]`, `h` and `w` divisible by `2^num_blocks`
    /// - output: `[n, block_expansion + channels in, h, w]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut skips = vec![x.clone()];
        let mut x = x;
        for block in &self.encoder.down_blocks {
            x = block.forward(x);
            skips.push(x.clone());
        }
        skips.pop();
        for block in &self.decoder.up_blocks {
            x = block.forward(x);
            if let Some(skip) = skips.pop() {
                x = Tensor::cat(vec![x, skip], 1);
            }
        }
        x
    }
}

impl Fold for Hourglass {
    fn fold(mut self) -> Self {
        self.encoder.down_blocks = self.encoder.down_blocks.fold();
        self.decoder.up_blocks = self.decoder.up_blocks.fold();
        self
    }
}
