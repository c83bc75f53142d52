//! One prepared convolution, and the choice of how to compute it.
//!
//! The decision that shapes it: which method is fastest depends on the kernel and on the size of
//! the picture, so the choice is made here, in one place, at the call. Weights in the form that a
//! method needs are computed when it is first chosen and kept.
use std::sync::OnceLock;

use burn::tensor::Tensor;

use super::activation::FinishRows;
use super::{Planes, columns, depthwise, few, pointwise, vectorised, winograd};
use crate::layers::{Activation, Padding};

/// Pictures with fewer pixels than this do not repay the transforms of the Winograd method.
const WINOGRAD_MIN_PIXELS: usize = 900;

/// Nor do layers with fewer channels in or out.
const WINOGRAD_MIN_CHANNELS: usize = 16;

/// A convolution with its weights ready for inference.
#[derive(Debug)]
pub struct Kernel {
    pub(super) weights: Vec<f32>,
    pub(super) shape: [usize; 4],
    pub(super) bias: Vec<f32>,
    pub(super) stride: usize,
    pub(super) padding: Padding,
    pub(super) groups: usize,
    winograd: OnceLock<Vec<f32>>,
}

impl Kernel {
    /// Weights `[channels out, channels in / groups, k, k]`, row-major, and one bias for each
    /// output channel.
    pub fn new(
        weights: Vec<f32>,
        shape: [usize; 4],
        bias: Vec<f32>,
        stride: usize,
        padding: Padding,
        groups: usize,
    ) -> Self {
        debug_assert_eq!(weights.len(), shape.iter().product::<usize>());
        debug_assert_eq!(bias.len(), shape[0]);
        Self { weights, shape, bias, stride, padding, groups, winograd: OnceLock::new() }
    }

    /// Height and width of the output for an input of `h` x `w`.
    pub(super) fn output_size(&self, h: usize, w: usize) -> [usize; 2] {
        let Padding { left, right, top, bottom } = self.padding;
        let [_, _, kh, kw] = self.shape;
        [(h + top + bottom - kh) / self.stride + 1, (w + left + right - kw) / self.stride + 1]
    }

    /// Whether the kernel is one pixel that sees every channel.
    pub fn is_pointwise(&self) -> bool {
        let [_, _, kh, kw] = self.shape;
        self.stride == 1 && self.groups == 1 && kh == 1 && kw == 1 && self.padding == Padding::default()
    }

    /// A pointwise convolution of channels that are multiplied by `gate` first, one number a
    /// picture and channel.
    ///
    /// # Shapes
    /// - `x`: `[n, channels in, h, w]`, on the processor; `gate`: `n * channels in`
    /// - output: `[n, channels out, h, w]`
    pub fn run_gated(&self, x: Tensor<4>, gate: &[f32]) -> Tensor<4> {
        let x = Planes::from_tensor(x);
        let [n, channels, h, w] = x.dims;
        let outs = self.shape[0];
        let mut out = Planes::zeros([n, outs, h, w]);
        let pictures = x.values.chunks_exact((channels * h * w).max(1));
        let outputs = out.values.chunks_exact_mut((outs * h * w).max(1));
        for ((x, out), gate) in pictures.zip(outputs).zip(gate.chunks_exact(channels.max(1))) {
            let mut gated = self.weights.clone();
            for row in gated.chunks_exact_mut(channels) {
                for (weight, gate) in row.iter_mut().zip(gate) {
                    *weight *= gate;
                }
            }
            pointwise::run(&gated, self, x, h * w, out, Activation::None);
        }
        out.into_tensor()
    }

    /// # Shapes
    /// - `x`: `[n, channels in, h, w]`, on the processor
    /// - output: `[n, channels out, (h + padding - k) / stride + 1, ...]`
    pub fn run(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        self.planes(&Planes::from_tensor(x), None, activation).into_tensor()
    }

    /// This convolution with rectifier, then `second` whose rectifier comes after `x` was added: a
    /// residual block that copies nothing.
    ///
    /// # Shapes
    /// - `x` and output: `[n, channels, h, w]`, on the processor; both convolutions keep them
    pub fn residual(&self, second: &Self, x: Tensor<4>) -> Tensor<4> {
        let x = Planes::from_tensor(x);
        let inner = self.planes(&x, None, Activation::Relu);
        second.planes(&inner, Some(x), Activation::Relu).into_tensor()
    }

    /// `skip`, of the output's shape, is added before the activation.
    fn planes(&self, x: &Planes, skip: Option<Planes>, activation: Activation) -> Planes {
        let [out_channels, _, kh, kw] = self.shape;
        let [n, channels, h, w] = x.dims;
        let [oh, ow] = self.output_size(h, w);
        let dims = [n, out_channels, oh, ow];
        let is_unit = self.stride == 1 && self.groups == 1;
        let suits_winograd = is_unit
            && [kh, kw] == [3; 2]
            && channels.min(out_channels) >= WINOGRAD_MIN_CHANNELS
            && oh * ow >= WINOGRAD_MIN_PIXELS;
        let pictures = x.values.chunks_exact((channels * h * w).max(1));
        let one_out = (out_channels * oh * ow).max(1);
        if suits_winograd {
            let adds = skip.is_some();
            let mut out = skip.unwrap_or_else(|| Planes::zeros(dims));
            let weights = || winograd::Transform::new().weights(&self.weights, out_channels * channels);
            let transformed = self.winograd.get_or_init(weights);
            for (x, out) in pictures.zip(out.values.chunks_exact_mut(one_out)) {
                winograd::run(self, transformed, x, [h, w], winograd::Target { out, adds }, activation);
            }
            return out;
        }
        let mut out = Planes::zeros(dims);
        let first = if skip.is_some() { Activation::None } else { activation };
        for (x, out) in pictures.zip(out.values.chunks_exact_mut(one_out)) {
            if self.groups == channels && self.groups == out_channels && self.groups > 1 {
                depthwise::run(self, x, [h, w], out, first);
            } else if self.is_pointwise() {
                pointwise::run(&self.weights, self, x, h * w, out, first);
            } else if is_unit && out_channels <= few::MAX_CHANNELS && kw > 1 && ow >= 32 {
                few::run(self, x, [h, w], out, first);
            } else {
                columns::run(self, x, [h, w], out, first);
            }
        }
        if let Some(skip) = skip {
            out.values.iter_mut().zip(&skip.values).for_each(|(v, skip)| *v += skip);
            vectorised(FinishRows { rows: &mut out.values, bias: &[0.0], activation });
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::module::conv2d;
    use burn::tensor::ops::ConvOptions;
    use burn::tensor::{Device, Distribution, Tensor};

    use super::*;
    use crate::state::floats;

    /// Every method against burn's own convolution: channels in, out, kernel, stride, groups,
    /// padding, height, width.
    #[test]
    fn every_method_agrees_with_burn() {
        let one = Padding::all(1);
        let cases = [
            ("depthwise", 24, 24, 5, 1, 24, Padding::all(2), 19, 37),
            ("depthwise, stride 2, uneven", 8, 8, 3, 2, 8, Padding::split(0, 1), 20, 22),
            ("depthwise, stride 2, 5", 6, 6, 5, 2, 6, Padding::split(1, 2), 21, 40),
            ("depthwise, narrow", 7, 7, 5, 1, 7, Padding::all(2), 3, 3),
            ("pointwise", 33, 70, 1, 1, 1, Padding::default(), 23, 31),
            ("pointwise, one pixel", 48, 12, 1, 1, 1, Padding::default(), 1, 1),
            ("winograd", 16, 24, 3, 1, 1, one, 32, 64),
            ("winograd, odd sizes", 17, 19, 3, 1, 1, one, 33, 35),
            ("winograd, valid", 16, 16, 3, 1, 1, Padding::default(), 70, 41),
            ("winograd, narrow", 16, 17, 3, 1, 1, one, 50, 19),
            ("winograd, narrower than a block", 16, 16, 3, 1, 1, one, 100, 10),
            ("winograd, many channels", 130, 65, 3, 1, 1, one, 40, 48),
            ("few channels out", 20, 3, 7, 1, 1, Padding::all(3), 40, 70),
            ("few channels out, valid", 11, 2, 7, 1, 1, Padding::default(), 20, 64),
            ("one channel out", 6, 1, 3, 1, 1, one, 9, 33),
            ("columns", 3, 16, 7, 1, 1, Padding::all(3), 40, 44),
            ("columns, stride 2, uneven", 3, 48, 3, 2, 1, Padding::split(0, 1), 40, 40),
            ("columns, small", 40, 50, 3, 1, 1, one, 4, 4),
            ("columns, one pixel", 40, 50, 3, 1, 1, one, 1, 1),
            ("columns, 4 x 4 kernel", 13, 16, 4, 1, 1, Padding::default(), 31, 29),
            ("groups", 12, 8, 3, 1, 4, one, 10, 12),
        ];
        let device = Device::flex();
        let random = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
        for (name, channels, outs, k, stride, groups, padding, h, w) in cases {
            let (x, weight) = (random([2, channels, h, w]), random([outs, channels / groups, k, k]));
            let bias = Tensor::<1>::random([outs], Distribution::Uniform(-1.0, 1.0), &device);
            let pads = [(padding.top, padding.bottom), (padding.left, padding.right)];
            let options = ConvOptions::new_with_padding([stride; 2], pads, [1; 2], groups);
            let theirs = conv2d(x.clone(), weight.clone(), Some(bias.clone()), options);
            let kernel = Kernel::new(floats(weight.clone()), weight.dims(), floats(bias), stride, padding, groups);
            let ours = kernel.run(x, Activation::Relu);
            assert_eq!(ours.dims(), theirs.dims(), "{name}");
            let theirs = floats(Activation::Relu.forward(theirs));
            let far = floats(ours).iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let scale = ((channels / groups * k * k) as f32).sqrt();
            let tolerance = if name.starts_with("winograd") { 8e-6 } else { 2e-6 };
            assert!(far < tolerance * scale.max(4.0), "{name}: {far}");
        }
    }

    #[test]
    fn a_residual_block_is_two_convolutions_beside_the_identity() {
        let device = Device::flex();
        for (channels, side) in [(16, 34), (20, 9)] {
            let kernel = || {
                let weight = Tensor::<4>::random([channels, channels, 3, 3], Distribution::Uniform(-0.2, 0.2), &device);
                let bias = Tensor::<1>::random([channels], Distribution::Uniform(-1.0, 1.0), &device);
                Kernel::new(floats(weight.clone()), weight.dims(), floats(bias), 1, Padding::all(1), 1)
            };
            let (first, second) = (kernel(), kernel());
            let x = Tensor::<4>::random([2, channels, side, side], Distribution::Uniform(-1.0, 1.0), &device);
            let inner = first.run(x.clone(), Activation::Relu);
            let expected = floats(Activation::Relu.forward(second.run(inner, Activation::None) + x.clone()));
            let found = floats(first.residual(&second, x));
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4), "{channels} channels");
        }
    }
}
