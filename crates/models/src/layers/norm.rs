//! Normalisation: what burn's own layers do not say.
//!
//! The decision that shapes it: batch normalisation is burn's, which normalises by the batch while
//! gradients are recorded. A published network that is fine-tuned, or looked through with
//! gradients, must keep its statistics; [`freeze_statistics`] says that without freezing a single
//! parameter.
use burn::module::{Flag, Module, ModuleMapper, Param};
use burn::nn::BatchNorm;
use burn::tensor::{Device, Tensor};

use crate::{cpu, training};

/// Makes every batch normalisation in `module` use its running statistics, on devices that record
/// gradients too. Parameters stay trainable.
pub fn freeze_statistics<M: Module>(module: M) -> M {
    struct Freeze;
    impl ModuleMapper for Freeze {
        fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
            flag.with_value(false)
        }
    }
    module.map(&mut Freeze)
}

/// Batch normalisation and ReLU in front of a convolution, in one pass over the data where
/// `is_folded`.
///
/// # Shapes
/// - `x` and output: `[n, channels, h, w]`
pub fn pre_activate(norm: &BatchNorm, x: Tensor<4>, is_folded: bool) -> Tensor<4> {
    if is_folded && cpu::can_run(&x.device()) {
        let (scale, shift) = scale_and_shift(norm);
        return cpu::scale_shift_relu(x, &scale, &shift);
    }
    training::norm(norm, x, None, true)
}

/// The two numbers a channel to which frozen batch normalisation comes down:
/// `y = scale * x + shift`.
pub(crate) fn scale_and_shift(norm: &BatchNorm) -> (Vec<f32>, Vec<f32>) {
    let values = |t: Tensor<1>| t.into_data().iter::<f64>().collect::<Vec<_>>();
    let (gamma, beta) = (values(norm.gamma.val()), values(norm.beta.val()));
    let (mean, variance) = (values(norm.running_mean.value()), values(norm.running_var.value()));
    let scale: Vec<f64> = gamma.iter().zip(&variance).map(|(g, v)| g / (v + norm.epsilon).sqrt()).collect();
    let shift = beta.iter().zip(&mean).zip(&scale).map(|((b, m), s)| (b - m * s) as f32).collect();
    (scale.iter().map(|s| *s as f32).collect(), shift)
}

/// Instance normalisation with learnt scale and shift: every channel of every picture by its own
/// mean and variance.
#[derive(Module, Debug)]
pub struct InstanceNorm {
    /// Scale, `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// Shift, `[channels]`.
    pub bias: Param<Tensor<1>>,
}

impl InstanceNorm {
    /// Scale 1, shift 0.
    pub fn init(channels: usize, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::ones([channels], device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
        }
    }

    /// # Shapes
    /// - `x` and output: `[n, channels, h, w]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        const EPSILON: f32 = 1e-5;
        let [n, c, h, w] = x.dims();
        let flat: Tensor<3> = x.reshape([n, c, h * w]);
        let centred = flat.clone() - flat.mean_dim(2);
        let variance = centred.clone().square().mean_dim(2);
        let normed = (centred / (variance + EPSILON).sqrt()).reshape([n, c, h, w]);
        normed * self.weight.val().reshape([1, c, 1, 1]) + self.bias.val().reshape([1, c, 1, 1])
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::BatchNormConfig;
    use burn::tensor::Distribution;

    use super::*;
    use crate::state::floats;

    #[test]
    fn frozen_statistics_hold_while_gradients_are_recorded() {
        let device = Device::default().autodiff();
        let x = Tensor::<4>::random([2, 3, 4, 4], Distribution::Normal(5.0, 2.0), &device);
        let norm: BatchNorm = BatchNormConfig::new(3).init(&device);
        let frozen = freeze_statistics(norm.clone());
        let kept = floats(frozen.forward(x.clone()));
        // Running mean 0 and variance 1 leave the values as they are; the batch's own would centre
        // them.
        assert!(kept.iter().sum::<f32>() / 96.0 > 3.0);
        assert!(frozen.gamma.is_require_grad());
        assert!((floats(norm.forward(x)).iter().sum::<f32>() / 96.0).abs() < 1e-3);
    }

    #[test]
    fn instance_norm_centres_every_channel_of_every_picture() {
        let device = Device::default();
        let x = Tensor::<4>::random([2, 3, 8, 8], Distribution::Normal(5.0, 2.0), &device);
        let y = InstanceNorm::init(3, &device).forward(x).reshape([6, 64]);
        assert!(floats(y.clone().mean_dim(1)).iter().all(|m| m.abs() < 1e-5));
        assert!(floats(y.square().mean_dim(1)).iter().all(|v| (v - 1.0).abs() < 1e-4));
    }
}
