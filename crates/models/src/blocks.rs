//! The blocks that this project's own networks are made of: plain 3x3 convolutions on patches of 4x4 pixels.
//!
//! The decision that shapes it: no depthwise convolution and nothing at full resolution, because both are slow on a CPU, most of all when
//! training. A block is trained with batch normalisation and shipped with it folded into the convolution; one type is both.
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

/// Whether a network has its batch normalisations (to be trained) or has them folded into the convolutions (to be run).
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
    conv: Conv2d,
    norm: Option<BatchNorm>,
}

impl ConvNorm {
    /// A square convolution that keeps the extent (stride 1) or halves it (stride 2).
    pub fn init(channels: [usize; 2], kernel: usize, stride: usize, form: Form, device: &Device) -> Self {
        let pad = kernel / 2;
        let conv = Conv2dConfig::new(channels, [kernel, kernel])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
            .with_bias(form == Form::Folded)
            .init(device);
        let norm = (form == Form::Trained).then(|| BatchNormConfig::new(channels[1]).init(device));
        Self { conv, norm }
    }

    /// # Shapes
    /// `[batch, channels in, height, width]` to `[batch, channels out, height / stride, width / stride]`.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let out = self.conv.forward(input);
        match &self.norm {
            Some(norm) => norm.forward(out),
            None => out,
        }
    }

    /// The same function as one convolution: `w' = w g / s`, `b' = beta - mean g / s` with `s = sqrt(var + eps)`.
    #[must_use]
    pub fn folded(&self) -> Self {
        let Some(norm) = &self.norm else { return self.clone() };
        let scale = norm.gamma.val().detach() / (norm.running_var.value().detach() + norm.epsilon).sqrt();
        let bias = norm.beta.val().detach() - norm.running_mean.value().detach() * scale.clone();
        let [outputs, inputs, height, width] = self.conv.weight.dims();
        let mut folded = Self::init([inputs, outputs], height, self.conv.stride[0], Form::Folded, &scale.device());
        let weight = self.conv.weight.val().detach() * scale.reshape([outputs, 1, 1, 1]);
        folded.conv.weight = folded.conv.weight.map(|_| weight.reshape([outputs, inputs, height, width]));
        folded.conv.bias = folded.conv.bias.map(|b| b.map(|_| bias));
        folded
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
        let inner = relu(self.first.forward(input.clone()));
        relu(input + self.second.forward(inner))
    }

    /// The same function without batch normalisation.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { first: self.first.folded(), second: self.second.folded() }
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
    /// `[batch, channels in, height, width]` to `[batch, channels out, height / stride, width / stride]`.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        self.blocks.iter().fold(relu(self.enter.forward(input)), |x, block| block.forward(x))
    }

    /// The same function without batch normalisation.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { enter: self.enter.folded(), blocks: self.blocks.iter().map(Residual::folded).collect() }
    }
}

/// Samples in a patch: 4x4 pixels of three colours.
pub const PATCH_CHANNELS: usize = 48;

/// Turns every 4x4 patch into one position with 48 channels, in the order colour, row, column.
///
/// # Shapes
/// `[batch, 3, height, width]` to `[batch, 48, height / 4, width / 4]`; both extents must be multiples of 4.
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
        stage.folded().forward(x).into_data().assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-4));
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
