//! Convolution of every channel by itself.
//!
//! The decision that shapes it: each plane is first copied into one with its zeros around it (split into even and odd columns at stride
//! 2), so that the inner loop is a plain multiply-add over contiguous pixels for every tap.
use rayon::prelude::*;

use super::activation::finish_in_place;
use super::{Kernel, Work, vectorised};
use crate::layers::Activation;

pub(super) fn run(kernel: &Kernel, x: &[f32], [h, w]: [usize; 2], out: &mut [f32], activation: Activation) {
    let [_, _, kh, kw] = kernel.shape;
    let [oh, ow] = kernel.output_size(h, w);
    let stride = kernel.stride;
    let (left, top) = (kernel.padding.left, kernel.padding.top);
    // Columns of one phase of a padded row: every tap reads `ow` of them.
    let phase = (kw - 1) / stride + ow;
    let rows = (oh - 1) * stride + kh;
    out.par_chunks_exact_mut(oh * ow).enumerate().for_each_init(
        || vec![0.0; rows * stride * phase],
        |padded, (channel, plane)| {
            let source = &x[channel * h * w..(channel + 1) * h * w];
            let taps = &kernel.weights[channel * kh * kw..(channel + 1) * kh * kw];
            for (y, row) in source.chunks_exact(w).enumerate().take(rows.saturating_sub(top)) {
                let target = &mut padded[(y + top) * stride * phase..(y + top + 1) * stride * phase];
                if stride == 1 {
                    let n = w.min(phase - left);
                    target[left..left + n].copy_from_slice(&row[..n]);
                } else {
                    for (i, v) in row.iter().enumerate() {
                        let (p, at) = ((i + left) % stride, (i + left) / stride);
                        if at < phase {
                            target[p * phase + at] = *v;
                        }
                    }
                }
            }
            let bias = kernel.bias[channel];
            vectorised(Plane { padded, taps, plane, kw, ow, stride, phase, bias, activation });
        },
    );
}

/// One channel: its padded input, its taps, its output.
struct Plane<'a> {
    padded: &'a [f32],
    taps: &'a [f32],
    plane: &'a mut [f32],
    kw: usize,
    ow: usize,
    stride: usize,
    phase: usize,
    bias: f32,
    activation: Activation,
}

impl Work for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { padded, taps, plane, kw, ow, stride, phase, bias, activation } = self;
        for (oy, line) in plane.chunks_exact_mut(ow).enumerate() {
            line.fill(0.0);
            for (ky, taps) in taps.chunks_exact(kw).enumerate() {
                let row = &padded[(oy * stride + ky) * stride * phase..(oy * stride + ky + 1) * stride * phase];
                for (kx, tap) in taps.iter().enumerate() {
                    let from = kx % stride * phase + kx / stride;
                    let read = &row[from..from + ow];
                    for i in 0..ow {
                        line[i] = read[i].mul_add(*tap, line[i]);
                    }
                }
            }
        }
        finish_in_place(plane, bias, activation);
    }
}
