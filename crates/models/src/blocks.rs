//! The blocks that this project's own networks are made of: plain 3x3 convolutions on patches of
//! 4x4 pixels.
//!
//! The decision that shapes it: no depthwise convolution and nothing at full resolution, because
//! both are slow on a CPU, most of all when training. A block is trained with batch normalisation
//! and shipped with it folded into the convolution; one type is both, and its convolution is the
//! published networks' own ([`crate::layers::Conv`]).
use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor};

use crate::layers::{Activation, Conv, ConvConfig, Fold};
use crate::training::{self, Rounding};

/// Whether a network has its batch normalisations (to be trained) or has them folded into the
/// convolutions (to be run).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Convolution without bias, then batch normalisation.
    Trained,
    /// Convolution with bias.
    Folded,
}

/// Convolution and batch normalisation, or their product.
#[derive(Module, Debug)]
pub struct ConvNorm {
    conv: Conv,
    norm: Option<BatchNorm>,
}

impl ConvNorm {
    /// A square convolution that keeps the extent (stride 1) or halves it (stride 2).
    pub fn init(channels: [usize; 2], kernel: usize, stride: usize, form: Form, device: &Device) -> Self {
        let config = ConvConfig::new(channels[0], channels[1], kernel).same().stride(stride).rounding(Rounding::Loose);
        match form {
            Form::Trained => Self {
                conv: config.without_bias().init(device),
                norm: Some(BatchNormConfig::new(channels[1]).init(device)),
            },
            Form::Folded => Self { conv: config.init(device), norm: None },
        }
    }

    /// # Shapes
    /// `[batch, channels in, height, width]` to
    /// `[batch, channels out, height / stride, width / stride]`.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        self.run(input, false)
    }

    /// As [`ConvNorm::forward`], then the rectifier.
    pub fn rectified(&self, input: Tensor<4>) -> Tensor<4> {
        self.run(input, true)
    }

    fn run(&self, input: Tensor<4>, rectifies: bool) -> Tensor<4> {
        let activation = if rectifies { Activation::Relu } else { Activation::None };
        match self.trained() {
            Some(norm) => training::norm(norm, self.conv.forward(input), None, rectifies),
            None => self.conv.activated(input, activation),
        }
    }

    /// The normalisation, where it is not folded into the convolution.
    fn trained(&self) -> Option<&BatchNorm> {
        self.norm.as_ref().filter(|_| !self.conv.is_folded())
    }

    /// The same function as one convolution: `w' = w g / s`, `b' = beta - mean g / s` with
    /// `s = sqrt(var + eps)`.
    #[must_use]
    pub fn folded(&self) -> Self {
        let Some(norm) = &self.norm else { return self.clone() };
        Self { conv: self.conv.with_norm(norm), norm: None }
    }
}

impl ConvNorm {
    /// The opposite of [`ConvNorm::folded`], by [`Conv::without_norm`]; with what it says of
    /// `input`.
    fn unfolded(&self, input: Tensor<4>, skip: Option<Tensor<4>>) -> (Self, Tensor<4>) {
        let outputs = self.conv.forward(input);
        let (conv, norm) = self.conv.without_norm(outputs.clone());
        let outputs = skip.into_iter().fold(outputs, |sum, skip| sum + skip);
        (Self { conv, norm: Some(norm) }, Activation::Relu.forward(outputs))
    }
}

impl Fold for ConvNorm {
    fn fold(self) -> Self {
        Self { conv: self.conv.folded(self.norm.as_ref()), ..self }
    }
}

/// Two 3x3 convolutions beside the identity.
#[derive(Module, Debug)]
pub struct Residual {
    first: ConvNorm,
    second: ConvNorm,
}

impl Residual {
    /// A block that keeps channels and extent.
    pub fn init(channels: usize, form: Form, device: &Device) -> Self {
        let conv = || ConvNorm::init([channels, channels], 3, 1, form, device);
        Self { first: conv(), second: conv() }
    }

    /// # Shapes
    /// Keeps `[batch, channels, height, width]`.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let Some(norm) = self.second.trained() else { return self.first.conv.residual(&self.second.conv, input) };
        let inner = self.first.rectified(input.clone());
        training::norm(norm, self.second.conv.forward(inner), Some(input), true)
    }

    /// The same function without batch normalisation.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { first: self.first.folded(), second: self.second.folded() }
    }
}

impl Residual {
    fn unfolded(&self, input: Tensor<4>) -> (Self, Tensor<4>) {
        let (first, inner) = self.first.unfolded(input.clone(), None);
        let (second, outputs) = self.second.unfolded(inner, Some(input));
        (Self { first, second }, outputs)
    }
}

impl Fold for Residual {
    fn fold(self) -> Self {
        Self { first: self.first.fold(), second: self.second.fold() }
    }
}

/// A convolution that halves the extent, then residual blocks.
#[derive(Module, Debug)]
pub struct Stage {
    enter: ConvNorm,
    blocks: Vec<Residual>,
}

impl Stage {
    /// `channels` in and out; `stride` 1 or 2.
    pub fn init(channels: [usize; 2], stride: usize, blocks: usize, form: Form, device: &Device) -> Self {
        Self {
            enter: ConvNorm::init(channels, 3, stride, form, device),
            blocks: (0..blocks).map(|_| Residual::init(channels[1], form, device)).collect(),
        }
    }

    /// # Shapes
    /// `[batch, channels in, height, width]` to
    /// `[batch, channels out, height / stride, width / stride]`.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        self.blocks.iter().fold(self.enter.rectified(input), |x, block| block.forward(x))
    }

    /// The same function without batch normalisation.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { enter: self.enter.folded(), blocks: self.blocks.iter().map(Residual::folded).collect() }
    }
}

impl Stage {
    /// The opposite of [`Stage::folded`]: the same function with batch normalisations that have the
    /// mean and spread of `input`; with what it says of that.
    #[must_use]
    pub fn unfolded(&self, input: Tensor<4>) -> (Self, Tensor<4>) {
        let (enter, mut x) = self.enter.unfolded(input, None);
        let mut unfolded = |block: &Residual| {
            let (block, outputs) = block.unfolded(x.clone());
            x = outputs;
            block
        };
        let blocks = self.blocks.iter().map(&mut unfolded).collect();
        (Self { enter, blocks }, x)
    }
}

impl Fold for Stage {
    fn fold(self) -> Self {
        Self { enter: self.enter.fold(), blocks: self.blocks.fold() }
    }
}

/// Samples in a patch: 4x4 pixels of three colours.
pub const PATCH_CHANNELS: usize = 48;

/// Turns every 4x4 patch into one position with 48 channels, in the order colour, row, column.
///
/// # Shapes
/// `[batch, 3, height, width]` to `[batch, 48, height / 4, width / 4]`; both extents must be
/// multiples of 4.
pub fn patches(picture: Tensor<4>) -> Tensor<4> {
    let [batch, colours, height, width] = picture.dims();
    picture.reshape([batch, colours, height / 4, 4, width / 4, 4]).permute([0, 1, 3, 5, 2, 4]).reshape([
        batch,
        colours * 16,
        height / 4,
        width / 4,
    ])
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Distribution, Tolerance};

    use super::*;

    #[test]
    fn folding_keeps_the_function() {
        let device = Device::default();
        let training = device.clone().autodiff();
        let stage = Stage::init([6, 8], 2, 2, Form::Trained, &training);
        // A few passes in training move the running statistics away from their start.
        for _ in 0..4 {
            let x = Tensor::<4>::random([4, 6, 16, 16], Distribution::Normal(0.5, 2.0), &training);
            stage.forward(x);
        }
        let stage = stage.valid();
        let x = Tensor::<4>::random([2, 6, 16, 16], Distribution::Normal(0.5, 2.0), &device);
        let expected = stage.forward(x.clone()).into_data();
        let close = Tolerance::absolute(1e-4);
        stage.folded().forward(x.clone()).into_data().assert_approx_eq::<f32>(&expected, close);
        stage.folded().fold().forward(x.clone()).into_data().assert_approx_eq::<f32>(&expected, close);
        let (again, said) = stage.folded().unfolded(x.clone());
        said.into_data().assert_approx_eq::<f32>(&expected, close);
        again.forward(x.clone()).into_data().assert_approx_eq::<f32>(&expected, close);
        stage.fold().forward(x).into_data().assert_approx_eq::<f32>(&expected, close);
    }

    #[test]
    fn patches_keep_every_sample_at_its_place() {
        let device = Device::default();
        let values: Vec<f32> = (0..3 * 8 * 8).map(|v| v as f32).collect();
        let picture = Tensor::<4>::from_data(burn::tensor::TensorData::new(values, [1, 3, 8, 8]), &device);
        let out = crate::state::floats(patches(picture));
        // Channel (colour 2, row 1, column 3) at patch (row 1, column 0) is sample (2, 5, 3).
        let (channel, row, column) = (2 * 16 + 4 + 3, 1, 0);
        assert_eq!(out[(channel * 2 + row) * 2 + column], (2 * 64 + 5 * 8 + 3) as f32);
    }
}
