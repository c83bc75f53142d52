//! Convolution as a matrix product with the input's neighbourhoods as columns ("im2col"), in pieces
//! that fit the cache.
//!
//! The decision that shapes it: planes stay planes. A row of the column matrix is one input plane,
//! shifted, so it is filled by copies of whole rows and the product lands in the output's own
//! layout.
use std::cell::RefCell;

use rayon::prelude::*;

use super::activation::{FinishRows, deliver};
use super::gemm::{Right, multiply};
use super::planes::{kept, pieces, strips};
use super::{Kernel, Work, vectorised};
use crate::layers::Activation;

/// Floats that a thread's column matrix may have: a megabyte.
const BUFFER: usize = 1 << 18;

/// What a thread keeps from call to call.
#[derive(Default)]
struct Scratch {
    columns: Vec<f32>,
    product: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

pub(super) fn run(kernel: &Kernel, x: &[f32], [h, w]: [usize; 2], out: &mut [f32], activation: Activation) {
    let [outs, channels, kh, kw] = kernel.shape;
    let [oh, ow] = kernel.output_size(h, w);
    let depth = channels * kh * kw;
    let group_outs = outs / kernel.groups;
    let threads = rayon::current_num_threads().max(1);
    for group in 0..kernel.groups {
        let x = &x[group * channels * h * w..(group + 1) * channels * h * w];
        let weights = &kernel.weights[group * group_outs * depth..(group + 1) * group_outs * depth];
        let bias = &kernel.bias[group * group_outs..(group + 1) * group_outs];
        let out = &mut out[group * group_outs * oh * ow..(group + 1) * group_outs * oh * ow];
        let rows = (BUFFER / (depth * ow).max(1)).clamp(1, oh.div_ceil(threads).max(1));
        if oh * ow <= 256 || oh <= rows {
            let mut columns = vec![0.0; depth * oh * ow];
            vectorised(Fill { kernel, x, size: [h, w], first: 0, columns: &mut columns, output: [oh, ow] });
            multiply(out, weights, Right { values: &columns, stride: oh * ow }, [group_outs, depth, oh * ow], true);
            vectorised(FinishRows { rows: out, bias, activation });
            continue;
        }
        let heights = pieces(oh, rows);
        let widths: Vec<usize> = heights.iter().map(|r| r * ow).collect();
        let work: Vec<_> = strips(out, oh * ow, &widths).into_iter().enumerate().collect();
        let piece = |scratch: &mut Scratch, i: usize, mut strip: Vec<&mut [f32]>| {
            let pixels = widths[i];
            let columns = kept(&mut scratch.columns, depth * pixels);
            let product = kept(&mut scratch.product, group_outs * pixels);
            vectorised(Fill { kernel, x, size: [h, w], first: i * rows, columns, output: [heights[i], ow] });
            multiply(product, weights, Right { values: columns, stride: pixels }, [group_outs, depth, pixels], false);
            deliver(product, &mut strip, bias, activation);
        };
        work.into_par_iter().for_each(|(i, strip)| SCRATCH.with_borrow_mut(|scratch| piece(scratch, i, strip)));
    }
}

/// Writes the neighbourhoods of `output` rows and columns of output pixels, from output row `first`
/// on, into all of a `[channels * k * k, rows * columns]`.
struct Fill<'a> {
    kernel: &'a Kernel,
    x: &'a [f32],
    size: [usize; 2],
    first: usize,
    columns: &'a mut [f32],
    output: [usize; 2],
}

impl Work for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { kernel, x, size: [h, w], first, columns, output: [rows, ow] } = self;
        let [_, _, kh, kw] = kernel.shape;
        let (stride, left, top) = (kernel.stride, kernel.padding.left, kernel.padding.top);
        for (i, target) in columns.chunks_exact_mut((rows * ow).max(1)).enumerate() {
            let (channel, ky, kx) = (i / (kh * kw), i / kw % kh, i % kw);
            let plane = &x[channel * h * w..(channel + 1) * h * w];
            // Output columns whose source column lies inside the picture.
            let begin = left.saturating_sub(kx).div_ceil(stride).min(ow);
            let end = if w + left > kx { (w + left - kx).div_ceil(stride).min(ow).max(begin) } else { begin };
            for (r, line) in target.chunks_exact_mut(ow).enumerate() {
                let inside = ((first + r) * stride + ky).checked_sub(top).filter(|y| *y < h && begin < end);
                let Some(y) = inside else {
                    line.fill(0.0);
                    continue;
                };
                line[..begin].fill(0.0);
                line[end..].fill(0.0);
                let source = &plane[y * w + begin * stride + kx - left..(y + 1) * w];
                let line = &mut line[begin..end];
                match stride {
                    1 => line.copy_from_slice(&source[..end - begin]),
                    2 => {
                        let (pairs, rest) = source.as_chunks::<2>();
                        line.iter_mut().zip(pairs).for_each(|(o, [v, _])| *o = *v);
                        line.iter_mut().skip(pairs.len()).zip(rest).for_each(|(o, v)| *o = *v);
                    }
                    _ => line.iter_mut().zip(source.iter().step_by(stride)).for_each(|(o, v)| *o = *v),
                }
            }
        }
    }
}
