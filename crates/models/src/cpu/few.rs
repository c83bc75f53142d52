//! Convolution with a wide kernel into a handful of channels, such as the last layer of a
//! generator.
//!
//! The decision that shapes it: with three output channels the column matrix of a 7 x 7 kernel is
//! fifty times the input and the product has nothing to reuse. So accumulators for a run of pixels
//! and all channels stay in registers while the taps pass by.
use rayon::prelude::*;

use super::activation::FinishRows;
use super::{Kernel, Work, vectorised};
use crate::layers::Activation;

/// Output channels whose accumulators fit the registers.
pub(super) const MAX_CHANNELS: usize = 4;

/// Pixels of one run.
const RUN: usize = 64;

pub(super) fn run(kernel: &Kernel, x: &[f32], [h, w]: [usize; 2], out: &mut [f32], activation: Activation) {
    match kernel.shape[0] {
        1 => rows::<1>(kernel, x, [h, w], out, activation),
        2 => rows::<2>(kernel, x, [h, w], out, activation),
        3 => rows::<3>(kernel, x, [h, w], out, activation),
        _ => rows::<MAX_CHANNELS>(kernel, x, [h, w], out, activation),
    }
}

/// `C` is the number of output channels.
fn rows<const C: usize>(kernel: &Kernel, x: &[f32], [h, w]: [usize; 2], out: &mut [f32], activation: Activation) {
    let [outs, channels, kh, kw] = kernel.shape;
    let [oh, ow] = kernel.output_size(h, w);
    let (left, top) = (kernel.padding.left, kernel.padding.top);
    let runs = ow.div_ceil(RUN);
    let width = runs * RUN + kw - 1;
    // Taps of all channels side by side.
    let mut taps = vec![[0.0f32; C]; channels * kh * kw];
    for (o, filter) in kernel.weights.chunks_exact(channels * kh * kw).enumerate() {
        filter.iter().zip(&mut taps).for_each(|(w, tap)| tap[o] = *w);
    }
    let mut lines: Vec<Vec<&mut [f32]>> = (0..oh).map(|_| Vec::with_capacity(outs)).collect();
    for (i, line) in out.chunks_exact_mut(ow).enumerate() {
        lines[i % oh].push(line);
    }
    lines.into_par_iter().enumerate().for_each_init(
        || vec![0.0; channels * kh * width],
        |window, (oy, mut line)| {
            window.fill(0.0);
            for (i, target) in window.chunks_exact_mut(width).enumerate() {
                let (channel, ky) = (i / kh, i % kh);
                if let Some(y) = (oy + ky).checked_sub(top).filter(|y| *y < h) {
                    let n = w.min(width - left);
                    let source = &x[(channel * h + y) * w..(channel * h + y) * w + n];
                    target[left..left + n].copy_from_slice(source);
                }
            }
            for r in 0..runs {
                let sums = vectorised(Run { window, taps: &taps, width, kernel: [kh, kw], from: r * RUN });
                let n = RUN.min(ow - r * RUN);
                for (row, sum) in line.iter_mut().zip(&sums) {
                    row[r * RUN..r * RUN + n].copy_from_slice(&sum[..n]);
                }
            }
            for (row, bias) in line.iter_mut().zip(&kernel.bias) {
                vectorised(FinishRows { rows: row, bias: std::slice::from_ref(bias), activation });
            }
        },
    );
}

/// The sums of [`RUN`] pixels from `from` on.
struct Run<'a, const C: usize> {
    window: &'a [f32],
    taps: &'a [[f32; C]],
    width: usize,
    kernel: [usize; 2],
    from: usize,
}

impl<const C: usize> Work for Run<'_, C> {
    type Output = [[f32; RUN]; C];

    /// Every input channel is summed by itself first: a thousand terms in one accumulator would
    /// lose a digit.
    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { window, taps, width, kernel: [kh, kw], from } = self;
        let mut totals = [[0.0f32; RUN]; C];
        for (rows, taps) in window.chunks_exact(width * kh).zip(taps.chunks_exact(kh * kw)) {
            let mut sums = [[0.0f32; RUN]; C];
            for (row, taps) in rows.chunks_exact(width).zip(taps.chunks_exact(kw)) {
                for (kx, tap) in taps.iter().enumerate() {
                    let Some(pixels) = row[from + kx..].first_chunk::<RUN>() else { continue };
                    for c in 0..C {
                        for i in 0..RUN {
                            sums[c][i] = pixels[i].mul_add(tap[c], sums[c][i]);
                        }
                    }
                }
            }
            for c in 0..C {
                for i in 0..RUN {
                    totals[c][i] += sums[c][i];
                }
            }
        }
        totals
    }
}
