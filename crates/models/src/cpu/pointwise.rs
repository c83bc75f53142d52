//! Convolution with a kernel of one pixel: a matrix product in place.
use rayon::prelude::*;

use super::activation::{FinishRows, deliver};
use super::gemm::{Right, multiply};
use super::planes::{pieces, strips};
use super::{Kernel, vectorised};
use crate::layers::Activation;

/// Pixels a thread takes at a time: its piece of input and output should stay in the second-level cache.
const PIXELS: usize = 512;

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
    work.into_par_iter().for_each_init(Vec::new, |buffer: &mut Vec<f32>, (mut strip, start)| {
        let width = strip.first().map_or(0, |row| row.len());
        buffer.resize(outs * width, 0.0);
        let right = Right { values: &x[start..], stride: pixels };
        multiply(buffer, weights, right, [outs, channels, width], false);
        deliver(buffer, &mut strip, &kernel.bias, activation);
    });
}
