//! A bias, a residual sum and a leaky rectifier in one pass each way: what stands behind a
//! convolution where nothing is normalised.
//!
//! The decision that shapes it: which side of the kink a value lay on is read off the output, whose
//! sign is the sum's as long as the slope is positive, so nothing but the output is kept for the
//! way back.
use rayon::prelude::*;

use super::normalisation::{piece, reduce};
use crate::cpu::{Work, vectorised};

/// `v` where positive, else `slope v`, of `v = z + bias + skip`; rows of `bias.len()` channels.
pub(super) fn forward(z: &[f32], bias: &[f32], skip: Option<&[f32]>, slope: f32) -> Vec<f32> {
    let piece = piece(bias.len());
    let mut out = vec![0.0; z.len()];
    out.par_chunks_mut(piece).enumerate().for_each(|(i, out)| {
        let range = i * piece..i * piece + out.len();
        vectorised(Apply { z: &z[range.clone()], bias, skip: skip.map(|s| &s[range]), slope, out });
    });
    out
}

/// The gradients by `z` (and by the skip, which has the same) and by the bias, from that by the
/// output.
pub(super) fn backward(out: &[f32], by_out: &[f32], channels: usize, slope: f32) -> (Vec<f32>, Vec<f32>) {
    let piece = piece(channels);
    let mut by_z = vec![0.0; out.len()];
    by_z.par_chunks_mut(piece).enumerate().for_each(|(i, by_z)| {
        let range = i * piece..i * piece + by_z.len();
        vectorised(Back { out: &out[range.clone()], by_out: &by_out[range], slope, by_z });
    });
    let [by_bias, _] = reduce(out.len(), channels, |range| {
        let mut sums = [vec![0.0f32; channels], vec![0.0f32; channels]];
        vectorised(Sum { rows: &by_z[range], out: &mut sums[0] });
        sums
    });
    (by_z, by_bias.iter().map(|v| *v as f32).collect())
}

struct Apply<'a> {
    z: &'a [f32],
    bias: &'a [f32],
    skip: Option<&'a [f32]>,
    slope: f32,
    out: &'a mut [f32],
}

impl Work for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { z, bias, skip, slope, out } = self;
        let channels = bias.len();
        for (i, (out, z)) in out.chunks_exact_mut(channels).zip(z.chunks_exact(channels)).enumerate() {
            match skip {
                Some(skip) => {
                    let skip = &skip[i * channels..(i + 1) * channels];
                    for (((o, v), b), s) in out.iter_mut().zip(z).zip(bias).zip(skip) {
                        let v = v + b + s;
                        *o = if v > 0.0 { v } else { slope * v };
                    }
                }
                None => {
                    for ((o, v), b) in out.iter_mut().zip(z).zip(bias) {
                        let v = v + b;
                        *o = if v > 0.0 { v } else { slope * v };
                    }
                }
            }
        }
    }
}

struct Back<'a> {
    out: &'a [f32],
    by_out: &'a [f32],
    slope: f32,
    by_z: &'a mut [f32],
}

impl Work for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((z, o), g) in self.by_z.iter_mut().zip(self.out).zip(self.by_out) {
            *z = if *o > 0.0 { *g } else { self.slope * g };
        }
    }
}

struct Sum<'a> {
    rows: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for row in self.rows.chunks_exact(self.out.len()) {
            self.out.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        }
    }
}
