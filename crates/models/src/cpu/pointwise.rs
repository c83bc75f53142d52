//! Convolution with a kernel of one pixel: a matrix product in place.
use std::cell::RefCell;

use rayon::prelude::*;

use super::activation::{FinishRows, deliver};
use super::gemm::{Right, multiply};
use super::planes::{kept, pieces, strips};
use super::{Kernel, vectorised};
use crate::layers::Activation;

/// Pixels a thread takes at a time: its piece of input and output should stay in the second-level
/// cache.
const PIXELS: usize = 512;

thread_local! {
    /// What a thread keeps from call to call.
    static PRODUCT: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// `weights` may be other than the kernel's own.
pub(super) fn run(weights: &[f32], kernel: &Kernel, x: &[f32], pixels: usize, out: &mut [f32], activation: Activation) {
    let [outs, channels, _, _] = kernel.shape;
    let threads = rayon::current_num_threads().max(1);
    let size = pixels.div_ceil(threads).div_ceil(16).max(1) * 16;
    let widths = pieces(pixels, size.min(PIXELS));
    if widths.len() == 1 {
        multiply(out, weights, Right { values: x, stride: pixels }, [outs, channels, pixels], true);
        vectorised(FinishRows { rows: out, bias: &kernel.bias, activation });
        return;
    }
    let starts: Vec<usize> = widths.iter().scan(0, |at, w| Some(std::mem::replace(at, *at + w))).collect();
    let work = strips(out, pixels, &widths).into_iter().zip(starts).collect::<Vec<_>>();
    let piece = |buffer: &mut Vec<f32>, mut strip: Vec<&mut [f32]>, start: usize| {
        let width = strip.first().map_or(0, |row| row.len());
        let product = kept(buffer, outs * width);
        let right = Right { values: &x[start..], stride: pixels };
        multiply(product, weights, right, [outs, channels, width], false);
        deliver(product, &mut strip, &kernel.bias, activation);
    };
    work.into_par_iter().for_each(|(strip, start)| PRODUCT.with_borrow_mut(|buffer| piece(buffer, strip, start)));
}
