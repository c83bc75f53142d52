//! Bias and activation in one pass, with an exponential that the compiler can vectorise.
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::{Planes, vectorised};
use crate::layers::Activation;

/// `exp(x)` to about 2 units in the last place (Cephes' `expf`: reduction by ln 2 in two parts, polynomial of degree 5 after the
/// quadratic). Saturates below -87 and above 88.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * r * r + r + 1.0;
    y * f32::from_bits(((n as i32 + 127) << 23) as u32)
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `out = activation(x + bias)`. Call inside [`vectorised`].
#[inline(always)]
pub(super) fn finish(out: &mut [f32], x: &[f32], bias: f32, activation: Activation) {
    let pairs = out.iter_mut().zip(x);
    match activation {
        Activation::None => pairs.for_each(|(o, x)| *o = x + bias),
        Activation::Relu => pairs.for_each(|(o, x)| *o = (x + bias).max(0.0)),
        Activation::LeakyRelu(slope) => pairs.for_each(|(o, x)| {
            let v = x + bias;
            *o = if v > 0.0 { v } else { slope * v };
        }),
        Activation::Silu => pairs.for_each(|(o, x)| {
            let v = x + bias;
            *o = v * sigmoid(v);
        }),
        Activation::Sigmoid => pairs.for_each(|(o, x)| *o = sigmoid(x + bias)),
    }
}

/// As [`finish`], in place.
#[inline(always)]
pub(super) fn finish_in_place(x: &mut [f32], bias: f32, activation: Activation) {
    match activation {
        Activation::None => x.iter_mut().for_each(|x| *x += bias),
        Activation::Relu => x.iter_mut().for_each(|x| *x = (*x + bias).max(0.0)),
        Activation::LeakyRelu(slope) => x.iter_mut().for_each(|x| {
            let v = *x + bias;
            *x = if v > 0.0 { v } else { slope * v };
        }),
        Activation::Silu => x.iter_mut().for_each(|x| {
            let v = *x + bias;
            *x = v * sigmoid(v);
        }),
        Activation::Sigmoid => x.iter_mut().for_each(|x| *x = sigmoid(*x + bias)),
    }
}

/// `max(scale * x + shift, 0)` with one scale and shift a channel.
///
/// # Shapes
/// - `x` and output: `[n, c, h, w]`; `scale`, `shift`: `c`
pub(crate) fn scale_shift_relu(x: Tensor<4>, scale: &[f32], shift: &[f32]) -> Tensor<4> {
    let mut x = Planes::from_tensor(x);
    let [_, c, h, w] = x.dims;
    x.values.par_chunks_exact_mut((h * w).max(1)).enumerate().for_each(|(i, plane)| {
        let (a, b) = (scale[i % c], shift[i % c]);
        vectorised(|| plane.iter_mut().for_each(|v| *v = (*v * a + b).max(0.0)));
    });
    x.into_tensor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_as_good_as_single_precision_allows() {
        let worst = (-8600..8700).map(|i| i as f32 / 100.0).map(|x| {
            let exact = f64::from(x).exp();
            ((f64::from(exp(x)) - exact) / exact).abs()
        });
        assert!(worst.fold(0.0, f64::max) < 3e-7);
    }

    #[test]
    fn activations_agree_with_their_definitions() {
        let x: Vec<f32> = (-50..50).map(|i| i as f32 / 7.0).collect();
        let exact = |v: f64, activation| match activation {
            Activation::None => v,
            Activation::Relu => v.max(0.0),
            Activation::LeakyRelu(s) => {
                if v > 0.0 {
                    v
                } else {
                    v * f64::from(s)
                }
            }
            Activation::Silu => v / (1.0 + (-v).exp()),
            Activation::Sigmoid => 1.0 / (1.0 + (-v).exp()),
        };
        use Activation::{LeakyRelu, None, Relu, Sigmoid, Silu};
        for activation in [None, Relu, LeakyRelu(0.2), Silu, Sigmoid] {
            let mut out = vec![0.0; x.len()];
            finish(&mut out, &x, 0.25, activation);
            let mut same = x.clone();
            finish_in_place(&mut same, 0.25, activation);
            assert_eq!(out, same);
            for (o, x) in out.iter().zip(&x) {
                let e = exact(f64::from(*x) + 0.25, activation);
                assert!((f64::from(*o) - e).abs() < 1e-6, "{activation:?} {x}: {o} {e}");
            }
        }
    }
}
