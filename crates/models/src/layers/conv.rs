//! The convolution of every network here, in its two forms: burn's, and folded for inference on the
//! processor.
//!
//! The decision that shapes it: the folded form is a side table of the same module. The network's
//! forward is written once, in terms of [`Conv::normed`] and [`Conv::activated`], and is the same
//! code for training, for fine-tuning and for fast inference.
use std::sync::Arc;

use burn::module::{Module, Param, RunningState};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer};
use burn::tensor::activation::{leaky_relu, relu, sigmoid, silu};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};

use super::norm::scale_and_shift;
use crate::cpu::{self, Kernel};
use crate::training::{self, Rounding};

/// What is applied to every value that comes out of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, else `slope * x`.
    LeakyRelu(f32),
    /// `x * sigmoid(x)`, also called swish.
    Silu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl Activation {
    /// # Shapes
    /// - `x` and output: the same, any
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::None => x,
            Self::Relu => relu(x),
            Self::LeakyRelu(slope) => leaky_relu(x, f64::from(slope)),
            Self::Silu => silu(x),
            Self::Sigmoid => sigmoid(x),
        }
    }
}

/// Zeros around the picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Padding {
    /// Columns on the left.
    pub left: usize,
    /// Columns on the right.
    pub right: usize,
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
}

impl Padding {
    /// The same on all four sides.
    pub fn all(n: usize) -> Self {
        Self { left: n, right: n, top: n, bottom: n }
    }

    /// `before` on the left and above, `after` on the right and below.
    pub fn split(before: usize, after: usize) -> Self {
        Self { left: before, right: after, top: before, bottom: after }
    }

    /// What TensorFlow's "same" padding comes to for pictures of `size` pixels a side.
    pub fn same(size: usize, kernel: usize, stride: usize) -> Self {
        let out = size.div_ceil(stride);
        let total = ((out - 1) * stride + kernel).saturating_sub(size);
        Self::split(total / 2, total - total / 2)
    }
}

/// A convolution to be made. Without more words: stride 1, no padding, one group, with bias.
#[derive(Debug, Clone, Copy)]
pub struct ConvConfig {
    channels_in: usize,
    channels_out: usize,
    kernel: usize,
    stride: usize,
    padding: Padding,
    groups: usize,
    dilation: usize,
    has_bias: bool,
    rounding: Rounding,
}

impl ConvConfig {
    /// A square kernel of `kernel` pixels a side.
    pub fn new(channels_in: usize, channels_out: usize, kernel: usize) -> Self {
        let padding = Padding::default();
        let rounding = Rounding::current();
        Self { channels_in, channels_out, kernel, stride: 1, padding, groups: 1, dilation: 1, has_bias: true, rounding }
    }

    /// One output for every `stride` pixels.
    #[must_use]
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Zeros around the picture.
    #[must_use]
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// As many zeros all round as keep the size at stride 1 (for odd kernels).
    #[must_use]
    pub fn same(self) -> Self {
        Self { padding: Padding::all(self.kernel / 2), ..self }
    }

    /// Channels are split into `groups` that do not see one another.
    #[must_use]
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// The kernel's elements lie `dilation` pixels apart; the padding keeps the size at stride 1
    /// (for odd kernels).
    #[must_use]
    pub fn dilated(self, dilation: usize) -> Self {
        Self { dilation, padding: Padding::all(dilation * (self.kernel / 2)), ..self }
    }

    /// No bias.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { has_bias: false, ..self }
    }

    /// What training may round; without this word what [`Rounding::during`] says, else
    /// [`Rounding::Strict`].
    #[must_use]
    pub fn rounding(self, rounding: Rounding) -> Self {
        Self { rounding, ..self }
    }

    /// Weights drawn as PyTorch draws them by default (uniform, bound `1 / sqrt(fan in)`).
    pub fn init(&self, device: &Device) -> Conv {
        let shape = [self.channels_out, self.channels_in / self.groups, self.kernel, self.kernel];
        let fan_in = shape[1] * self.kernel * self.kernel;
        let fan_out = self.channels_out / self.groups * self.kernel * self.kernel;
        let draw = Initializer::KaimingUniform { gain: 1.0 / 3.0f64.sqrt(), fan_out_only: false };
        let bias = || draw.init_with([self.channels_out], Some(fan_in), Some(fan_out), device);
        Conv {
            weight: draw.init_with(shape, Some(fan_in), Some(fan_out), device),
            bias: self.has_bias.then(bias),
            stride: self.stride,
            padding: self.padding,
            groups: self.groups,
            dilation: self.dilation,
            rounding: self.rounding,
            kernel: None,
        }
    }
}

/// A two-dimensional convolution.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[channels out, channels in / groups, k, k]`.
    pub weight: Param<Tensor<4>>,
    /// `[channels out]`.
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    stride: usize,
    #[module(skip)]
    padding: Padding,
    #[module(skip)]
    groups: usize,
    #[module(skip)]
    dilation: usize,
    #[module(skip)]
    rounding: Rounding,
    #[module(skip)]
    kernel: Option<Arc<Kernel>>,
}

impl Conv {
    /// # Shapes
    /// - `x`: `[n, channels in, h, w]`
    /// - output: `[n, channels out, (h + padding - k) / stride + 1, ...]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.activated(x, Activation::None)
    }

    /// Convolution, then activation.
    ///
    /// # Shapes
    /// As [`Conv::forward`].
    pub fn activated(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        match self.kernel_for(&x) {
            Some(kernel) => kernel.run(x, activation),
            None => activation.forward(self.plain(x)),
        }
    }

    /// Convolution, `skip` added, then what is negative multiplied by `slope`, all behind it in one
    /// pass where it is trained on the processor.
    ///
    /// # Shapes
    /// As [`Conv::forward`]; `skip` has the output's.
    pub fn rectified(&self, x: Tensor<4>, skip: Option<Tensor<4>>, slope: f32) -> Tensor<4> {
        let activation = Activation::LeakyRelu(slope);
        match (self.kernel_for(&x), skip, &self.bias) {
            (Some(kernel), None, _) => kernel.run(x, activation),
            (Some(kernel), Some(skip), _) => activation.forward(kernel.run(x, Activation::None) + skip),
            (None, skip, Some(bias)) if self.is_plain() => {
                let out = training::conv(x, self.weight.val(), self.stride, self.padding.left, self.rounding);
                training::rectified(out, bias.val(), skip, slope)
            }
            (None, Some(skip), _) => activation.forward(self.plain(x) + skip),
            (None, None, _) => activation.forward(self.plain(x)),
        }
    }

    /// Convolution and rectifier, then `second` whose rectifier comes after `x` was added.
    ///
    /// # Shapes
    /// Keeps `[n, channels, h, w]`.
    pub fn residual(&self, second: &Self, x: Tensor<4>) -> Tensor<4> {
        match (self.kernel_for(&x), second.kernel_for(&x)) {
            (Some(first), Some(second)) => first.residual(second, x),
            _ => second.rectified(self.activated(x.clone(), Activation::Relu), Some(x), 0.0),
        }
    }

    /// Convolution, normalisation by `norm` (the one this convolution was folded with), activation.
    ///
    /// # Shapes
    /// As [`Conv::forward`].
    pub fn normed(&self, norm: &BatchNorm, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        match self.kernel_for(&x) {
            Some(kernel) => kernel.run(x, activation),
            None if matches!(activation, Activation::Relu | Activation::None) => {
                training::norm(norm, self.plain(x), None, activation == Activation::Relu)
            }
            None => activation.forward(training::norm(norm, self.plain(x), None, false)),
        }
    }

    /// The same function as this convolution and `norm` behind it, as one convolution with bias.
    /// [`Conv::folded`] prepares the kernel of it.
    #[must_use]
    pub fn with_norm(&self, norm: &BatchNorm) -> Self {
        let weight = self.weight.val();
        let (device, shape) = (weight.device(), weight.dims());
        let (weights, bias) = self.weights_with(Some(norm));
        let bias = Tensor::<1>::from_data(TensorData::new(bias, [shape[0]]), &device);
        Self {
            weight: Param::from_tensor(Tensor::from_data(TensorData::new(weights, shape), &device)),
            bias: Some(Param::from_tensor(bias)),
            kernel: None,
            ..self.clone()
        }
    }

    /// The opposite: the same function as a convolution without bias and a normalisation that
    /// `outputs`, what this convolution says of some input, have the mean and spread of. Training
    /// may go on from there.
    ///
    /// # Shapes
    /// - `outputs`: `[batch, channels, height, width]`
    pub fn without_norm(&self, outputs: Tensor<4>) -> (Self, BatchNorm) {
        let device = self.weight.val().device();
        let [batch, channels, height, width] = outputs.dims();
        let values = outputs.swap_dims(0, 1).reshape([channels, batch * height * width]);
        let (variance, mean) = values.var_mean_bias(1);
        let mut norm = BatchNormConfig::new(channels).init(&device);
        let [variance, mean] = [variance, mean].map(|v| v.reshape([channels]));
        let bias = self.bias.as_ref().map_or_else(|| mean.zeros_like(), Param::val);
        norm.gamma = Param::from_tensor((variance.clone() + norm.epsilon).sqrt());
        norm.beta = Param::from_tensor(mean.clone());
        norm.running_mean = RunningState::new(mean - bias);
        norm.running_var = RunningState::new(variance);
        (Self { bias: None, kernel: None, ..self.clone() }, norm)
    }

    fn weights_with(&self, norm: Option<&BatchNorm>) -> (Vec<f32>, Vec<f32>) {
        let outs = self.weight.dims()[0];
        let mut weights = crate::state::floats(self.weight.val());
        let mut bias = self.bias.as_ref().map_or_else(|| vec![0.0; outs], |b| crate::state::floats(b.val()));
        if let Some(norm) = norm {
            let (scale, shift) = scale_and_shift(norm);
            let one = weights.len() / outs.max(1);
            for (o, filter) in weights.chunks_exact_mut(one).enumerate() {
                filter.iter_mut().for_each(|w| *w *= scale[o]);
                bias[o] = bias[o] * scale[o] + shift[o];
            }
        }
        (weights, bias)
    }

    /// Whether [`Conv::folded`] has prepared this convolution.
    pub fn is_folded(&self) -> bool {
        self.kernel.is_some()
    }

    /// As [`Conv::normed`] without activation, every input channel multiplied by its `gate` first:
    /// the end of a block with squeeze and excitation. On the processor the gate is multiplied into
    /// the weights, which are fewer than the pixels.
    ///
    /// # Shapes
    /// - `x`: `[n, channels in, h, w]`; `gate`: `[n, channels in, 1, 1]`; output: as
    ///   [`Conv::forward`]
    pub fn gated(&self, norm: &BatchNorm, x: Tensor<4>, gate: Tensor<4>) -> Tensor<4> {
        match self.kernel_for(&x).filter(|kernel| kernel.is_pointwise()) {
            Some(kernel) => kernel.run_gated(x, &crate::state::floats(gate)),
            None => self.normed(norm, x * gate, Activation::None),
        }
    }

    /// Prepares the kernel for inference, with the frozen normalisation that follows the
    /// convolution where there is one. A dilated convolution stays as it is.
    #[must_use]
    pub fn folded(mut self, norm: Option<&BatchNorm>) -> Self {
        if !cpu::can_run(&self.weight.val().device()) || self.dilation != 1 {
            return self;
        }
        let shape = self.weight.dims();
        let (weights, bias) = self.weights_with(norm);
        self.kernel = Some(Arc::new(Kernel::new(weights, shape, bias, self.stride, self.padding, self.groups)));
        self
    }

    fn kernel_for(&self, x: &Tensor<4>) -> Option<&Kernel> {
        self.kernel.as_deref().filter(|_| cpu::can_run(&x.device()))
    }

    /// Whether [`training::conv`] computes it.
    fn is_plain(&self) -> bool {
        let Padding { left, right, top, bottom } = self.padding;
        self.groups == 1 && self.dilation == 1 && [right, top, bottom] == [left; 3]
    }

    fn plain(&self, x: Tensor<4>) -> Tensor<4> {
        let Padding { left, right, top, bottom } = self.padding;
        if self.is_plain() {
            let out = training::conv(x, self.weight.val(), self.stride, left, self.rounding);
            return match &self.bias {
                Some(bias) => training::rectified(out, bias.val(), None, 1.0),
                None => out,
            };
        }
        let options = ConvOptions::new_with_padding(
            [self.stride; 2],
            [(top, bottom), (left, right)],
            [self.dilation; 2],
            self.groups,
        );
        conv2d(x, self.weight.val(), self.bias.as_ref().map(Param::val), options)
    }
}
