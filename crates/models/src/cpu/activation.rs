//! Bias and activation in one pass, with an exponential that the compiler can vectorise.
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::{Planes, Work, vectorised};
use crate::layers::Activation;

/// `exp(x)` to about 2 units in the last place (Cephes' `expf`: reduction by ln 2 in two parts,
/// polynomial of degree 5 after the quadratic). Saturates below -87 and above 88.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding it leaves the nearest whole number in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * r * r + r + 1.0;
    y * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn each(values: &mut [f32], change: impl Fn(f32) -> f32) {
    for value in values {
        *value = change(*value);
    }
}

/// `x = activation(x + bias)`. Call inside [`Work::run`].
#[inline(always)]
pub(super) fn finish_in_place(x: &mut [f32], bias: f32, activation: Activation) {
    match activation {
        Activation::None => each(x, |v| v + bias),
        Activation::Relu => each(x, |v| (v + bias).max(0.0)),
        Activation::LeakyRelu(slope) => each(x, |v| if v + bias > 0.0 { v + bias } else { slope * (v + bias) }),
        Activation::Silu => each(x, |v| (v + bias) * sigmoid(v + bias)),
        Activation::Sigmoid => each(x, |v| sigmoid(v + bias)),
    }
}

/// [`finish_in_place`] for rows that lie one behind the other, each with its bias.
pub(super) struct FinishRows<'a> {
    pub(super) rows: &'a mut [f32],
    pub(super) bias: &'a [f32],
    pub(super) activation: Activation,
}

impl Work for FinishRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { rows, bias, activation } = self;
        let width = rows.len() / bias.len().max(1);
        for (row, bias) in rows.chunks_exact_mut(width.max(1)).zip(bias) {
            finish_in_place(row, *bias, activation);
        }
    }
}

/// The rows of a product, finished and brought to where they belong.
pub(super) fn deliver(product: &mut [f32], strip: &mut [&mut [f32]], bias: &[f32], activation: Activation) {
    vectorised(FinishRows { rows: product, bias, activation });
    let width = product.len() / strip.len().max(1);
    for (row, from) in strip.iter_mut().zip(product.chunks_exact(width.max(1))) {
        row.copy_from_slice(from);
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
        vectorised(ScaleShiftRelu { plane, scale: a, shift: b });
    });
    x.into_tensor()
}

struct ScaleShiftRelu<'a> {
    plane: &'a mut [f32],
    scale: f32,
    shift: f32,
}

impl Work for ScaleShiftRelu<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { plane, scale, shift } = self;
        each(plane, |v| (v * scale + shift).max(0.0));
    }
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
            let mut out = x.clone();
            vectorised(FinishRows { rows: &mut out, bias: &[0.25], activation });
            for (o, x) in out.iter().zip(&x) {
                let e = exact(f64::from(*x) + 0.25, activation);
                assert!((f64::from(*o) - e).abs() < 1e-6, "{activation:?} {x}: {o} {e}");
            }
        }
    }
}
