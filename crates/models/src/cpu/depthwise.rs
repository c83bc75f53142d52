//! Convolution of every channel by itself.
//!
//! The decision that shapes it: each plane is first copied into one with its zeros around it (split
//! into even and odd columns at stride 2), so that the inner loop is a plain multiply-add over
//! contiguous pixels for every tap.
use rayon::prelude::*;

use super::activation::finish_in_place;
use super::{Kernel, Work, vectorised};
use crate::layers::Activation;

/// Pixels whose sums are kept in registers.
const RUN: usize = 16;

pub(super) fn run(kernel: &Kernel, x: &[f32], [h, w]: [usize; 2], out: &mut [f32], activation: Activation) {
    let [_, _, kh, kw] = kernel.shape;
    let [oh, ow] = kernel.output_size(h, w);
    let stride = kernel.stride;
    let (left, top) = (kernel.padding.left, kernel.padding.top);
    // Columns of one phase of a padded row: every tap reads `ow` of them.
    let phase = (kw - 1) / stride + ow;
    let rows = (oh - 1) * stride + kh;
    out.par_chunks_exact_mut(oh * ow).enumerate().for_each_init(
        // The last run of the last row reads beyond its end.
        || vec![0.0; rows * stride * phase + RUN],
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
            let rows = &padded[oy * stride * stride * phase..];
            for (r, pixels) in line.chunks_mut(RUN).enumerate() {
                // All taps of a run of pixels are summed before anything is stored.
                let mut sums = [0.0f32; RUN];
                for (ky, taps) in taps.chunks_exact(kw).enumerate() {
                    for (kx, tap) in taps.iter().enumerate() {
                        let from = (ky * stride + kx % stride) * phase + kx / stride + r * RUN;
                        let Some(read) = rows[from..].first_chunk::<RUN>() else { continue };
                        for i in 0..RUN {
                            sums[i] = read[i].mul_add(*tap, sums[i]);
                        }
                    }
                }
                let n = pixels.len();
                pixels.copy_from_slice(&sums[..n]);
            }
        }
        finish_in_place(plane, bias, activation);
    }
}
