//! The low-pass filter with which the first-order networks make a picture smaller.
//!
//! The decision that shapes it: filter and decimation are one strided depth-wise convolution. The
//! kernel is part of published checkpoints (`down.weight`), so it is a parameter here too, one that
//! no optimiser moves.
use burn::module::{Module, Param};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};

/// Gaussian filter and decimation by a whole factor (Siarohin et al. 2019, code
/// `AntiAliasInterpolation2d`).
#[derive(Module, Debug)]
pub struct AntiAlias {
    /// The kernel, `[channels, 1, k, k]`, the same for every channel.
    pub weight: Param<Tensor<4>>,
    #[module(skip)]
    step: usize,
}

impl AntiAlias {
    /// The filter that brings pictures of `channels` channels to `scale` (at most 1) of their size.
    pub fn init(channels: usize, scale: f64, device: &Device) -> Self {
        let sigma = (1.0 / scale - 1.0) / 2.0;
        let size = 2 * (sigma * 4.0).round_ties_even() as usize + 1;
        let middle = (size as f64 - 1.0) / 2.0;
        let bell =
            |i: usize| if sigma > 0.0 { (-(i as f64 - middle).powi(2) / (2.0 * sigma * sigma)).exp() } else { 1.0 };
        let one: Vec<f64> = (0..size * size).map(|i| bell(i / size) * bell(i % size)).collect();
        let sum: f64 = one.iter().sum();
        let values: Vec<f32> = (0..channels).flat_map(|_| one.iter().map(|v| (v / sum) as f32)).collect();
        let weight = Tensor::from_data(TensorData::new(values, [channels, 1, size, size]), device);
        Self { weight: Param::from_tensor(weight).set_require_grad(false), step: (1.0 / scale) as usize }
    }

    /// # Shapes
    /// - `x`: `[n, channels, h, w]`
    /// - output: `[n, channels, ceil(h / step), ceil(w / step)]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [channels, _, size, _] = self.weight.dims();
        if size == 1 && self.step == 1 {
            return x;
        }
        let options = ConvOptions::new([self.step; 2], [size / 2; 2], [1; 2], channels);
        conv2d(x, self.weight.val(), None, options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::floats;

    #[test]
    fn a_flat_picture_stays_flat_and_kernels_have_the_published_sizes() {
        let device = Device::default();
        for (scale, size) in [(0.5, 5), (0.25, 13), (0.125, 29), (1.0, 1)] {
            assert_eq!(AntiAlias::init(3, scale, &device).weight.dims(), [3, 1, size, size]);
        }
        let small = AntiAlias::init(3, 0.25, &device).forward(Tensor::ones([1, 3, 64, 63], &device));
        assert_eq!(small.dims(), [1, 3, 16, 16]);
        let inner = floats(small.slice([0..1, 0..3, 4..12, 4..12]));
        assert!(inner.iter().all(|v| (v - 1.0).abs() < 1e-5));
    }
}
