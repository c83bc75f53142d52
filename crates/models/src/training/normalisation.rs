//! Batch normalisation (Ioffe and Szegedy 2015, algorithm 1) with the residual sum and the
//! rectifier that follow it, and their gradients (section 3), each in two passes over memory.
//!
//! The decision that shapes it: sums are taken in single precision over pieces of a few thousand
//! values, about a reference near the mean, and the pieces are added in double precision. What the
//! rectifier let through is read off its output.
use rayon::prelude::*;

use crate::cpu::{Work, vectorised};

/// Values a thread takes at a time.
const PIECE: usize = 1 << 14;

/// Statistics of a batch, one number a channel.
#[derive(Debug, Clone, Default)]
pub(super) struct Statistics {
    pub(super) mean: Vec<f32>,
    /// Of the batch, not the estimate of the population.
    pub(super) variance: Vec<f32>,
}

impl Statistics {
    fn inverse(&self, epsilon: f32) -> Vec<f32> {
        self.variance.iter().map(|v| 1.0 / (v + epsilon).sqrt()).collect()
    }
}

/// Gradients of the inputs.
#[derive(Debug, Default)]
pub(super) struct Gradients {
    pub(super) z: Vec<f32>,
    pub(super) gamma: Vec<f32>,
    pub(super) beta: Vec<f32>,
    pub(super) skip: Option<Vec<f32>>,
}

/// Mean and variance of every channel of `z`, rows of `channels` values.
pub(super) fn statistics(z: &[f32], channels: usize) -> Statistics {
    let reference = &z[..channels];
    let rows = (z.len() / channels) as f64;
    let [sums, squares] = reduce(z.len(), channels, |range| {
        let mut out = [vec![0.0f32; channels], vec![0.0f32; channels]];
        vectorised(Sums { z: &z[range], reference, out: &mut out });
        out
    });
    let mean_offset: Vec<f64> = sums.iter().map(|s| s / rows).collect();
    Statistics {
        mean: mean_offset.iter().zip(reference).map(|(m, r)| (m + f64::from(*r)) as f32).collect(),
        variance: squares.iter().zip(&mean_offset).map(|(s, m)| (s / rows - m * m).max(0.0) as f32).collect(),
    }
}

/// `rectify(gamma (z - mean) / sqrt(variance + epsilon) + beta + skip)`; without `rectifies` the
/// sum itself.
pub(super) fn forward(
    z: &[f32],
    skip: Option<&[f32]>,
    [gamma, beta]: [&[f32]; 2],
    statistics: &Statistics,
    epsilon: f32,
    rectifies: bool,
) -> Vec<f32> {
    let channels = gamma.len();
    let scale: Vec<f32> = gamma.iter().zip(statistics.inverse(epsilon)).map(|(g, i)| g * i).collect();
    let shift: Vec<f32> = (0..channels).map(|c| beta[c] - statistics.mean[c] * scale[c]).collect();
    let mut out = vec![0.0; z.len()];
    let piece = piece(channels);
    let floor = if rectifies { 0.0 } else { f32::NEG_INFINITY };
    out.par_chunks_mut(piece).enumerate().for_each(|(i, out)| {
        let range = i * piece..i * piece + out.len();
        let skip = skip.map(|s| &s[range.clone()]);
        vectorised(Apply { z: &z[range], skip, scale: &scale, shift: &shift, floor, out });
    });
    out
}

/// The gradients from that by the output; `out` is what [`forward`] answered, and needed only where
/// it rectified.
pub(super) fn backward(
    z: &[f32],
    out: Option<&[f32]>,
    gamma: &[f32],
    statistics: &Statistics,
    epsilon: f32,
    by_out: &[f32],
    wants_skip: bool,
) -> Gradients {
    let channels = gamma.len();
    let inverse = statistics.inverse(epsilon);
    let mean = &statistics.mean;
    let rows = (z.len() / channels) as f64;
    // Where the rectifier closed no gradient passes; without one everything does.
    let open = out.unwrap_or(&[]);
    let [by_beta, by_gamma] = reduce(z.len(), channels, |range| {
        let mut sums = [vec![0.0f32; channels], vec![0.0f32; channels]];
        let open = open.get(range.clone());
        vectorised(GradientSums { z: &z[range.clone()], open, by_out: &by_out[range], mean, out: &mut sums });
        sums
    });
    let by_gamma: Vec<f32> = by_gamma.iter().zip(&inverse).map(|(g, i)| (g * f64::from(*i)) as f32).collect();
    let by_beta: Vec<f32> = by_beta.iter().map(|b| *b as f32).collect();
    // dz = gamma / s (g - mean(g) - xhat mean(g xhat)) = a g + b z + c.
    let a: Vec<f32> = gamma.iter().zip(&inverse).map(|(g, i)| g * i).collect();
    let b: Vec<f32> = (0..channels).map(|c| -a[c] * inverse[c] * (f64::from(by_gamma[c]) / rows) as f32).collect();
    let c: Vec<f32> = (0..channels).map(|c| -a[c] * (f64::from(by_beta[c]) / rows) as f32 - b[c] * mean[c]).collect();
    let mut by_z = vec![0.0; z.len()];
    let mut by_skip = (wants_skip && out.is_some()).then(|| vec![0.0; z.len()]);
    let piece = piece(channels);
    let factors = [a.as_slice(), b.as_slice(), c.as_slice()];
    let work = |i: usize, by_z: &mut [f32], by_skip: Option<&mut [f32]>| {
        let range = i * piece..i * piece + by_z.len();
        let open = open.get(range.clone());
        vectorised(GradientApply { z: &z[range.clone()], open, by_out: &by_out[range], factors, by_z, by_skip });
    };
    match &mut by_skip {
        Some(by_skip) => by_z
            .par_chunks_mut(piece)
            .zip(by_skip.par_chunks_mut(piece))
            .enumerate()
            .for_each(|(i, (by_z, by_skip))| work(i, by_z, Some(by_skip))),
        None => by_z.par_chunks_mut(piece).enumerate().for_each(|(i, by_z)| work(i, by_z, None)),
    }
    let skip = wants_skip.then(|| by_skip.unwrap_or_else(|| by_out.to_vec()));
    Gradients { z: by_z, gamma: by_gamma, beta: by_beta, skip }
}

pub(super) fn piece(channels: usize) -> usize {
    (PIECE / channels).max(1) * channels
}

/// Adds what `part` finds in every piece of `0..len`.
pub(super) fn reduce(
    len: usize,
    channels: usize,
    part: impl Fn(std::ops::Range<usize>) -> [Vec<f32>; 2] + Sync,
) -> [Vec<f64>; 2] {
    let piece = piece(channels);
    let parts: Vec<[Vec<f32>; 2]> =
        (0..len.div_ceil(piece)).into_par_iter().map(|i| part(i * piece..((i + 1) * piece).min(len))).collect();
    let total =
        |of: usize| -> Vec<f64> { (0..channels).map(|c| parts.iter().map(|p| f64::from(p[of][c])).sum()).collect() };
    [total(0), total(1)]
}

struct Sums<'a> {
    z: &'a [f32],
    reference: &'a [f32],
    out: &'a mut [Vec<f32>; 2],
}

impl Work for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { z, reference, out: [sums, squares] } = self;
        for row in z.chunks_exact(reference.len()) {
            for (((v, r), sum), square) in row.iter().zip(reference).zip(sums.iter_mut()).zip(squares.iter_mut()) {
                let v = v - r;
                *sum += v;
                *square += v * v;
            }
        }
    }
}

struct Apply<'a> {
    z: &'a [f32],
    skip: Option<&'a [f32]>,
    scale: &'a [f32],
    shift: &'a [f32],
    floor: f32,
    out: &'a mut [f32],
}

impl Work for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { z, skip, scale, shift, floor, out } = self;
        let channels = scale.len();
        let rows = out.chunks_exact_mut(channels).zip(z.chunks_exact(channels));
        match skip {
            Some(skip) => {
                for ((out, z), skip) in rows.zip(skip.chunks_exact(channels)) {
                    for ((((o, v), k), a), b) in out.iter_mut().zip(z).zip(skip).zip(scale).zip(shift) {
                        *o = (v * a + b + k).max(floor);
                    }
                }
            }
            None => {
                for (out, z) in rows {
                    for (((o, v), a), b) in out.iter_mut().zip(z).zip(scale).zip(shift) {
                        *o = (v * a + b).max(floor);
                    }
                }
            }
        }
    }
}

struct GradientSums<'a> {
    z: &'a [f32],
    open: Option<&'a [f32]>,
    by_out: &'a [f32],
    mean: &'a [f32],
    out: &'a mut [Vec<f32>; 2],
}

impl Work for GradientSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { z, open, by_out, mean, out: [betas, gammas] } = self;
        let channels = mean.len();
        for (i, (z, g)) in z.chunks_exact(channels).zip(by_out.chunks_exact(channels)).enumerate() {
            match open {
                Some(open) => {
                    let open = &open[i * channels..(i + 1) * channels];
                    for (((((g, o), v), m), beta), gamma) in
                        g.iter().zip(open).zip(z).zip(mean).zip(betas.iter_mut()).zip(gammas.iter_mut())
                    {
                        let g = if *o > 0.0 { *g } else { 0.0 };
                        *beta += g;
                        *gamma += g * (v - m);
                    }
                }
                None => {
                    for ((((g, v), m), beta), gamma) in
                        g.iter().zip(z).zip(mean).zip(betas.iter_mut()).zip(gammas.iter_mut())
                    {
                        *beta += g;
                        *gamma += g * (v - m);
                    }
                }
            }
        }
    }
}

struct GradientApply<'a> {
    z: &'a [f32],
    open: Option<&'a [f32]>,
    by_out: &'a [f32],
    factors: [&'a [f32]; 3],
    by_z: &'a mut [f32],
    by_skip: Option<&'a mut [f32]>,
}

impl Work for GradientApply<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { z, open, by_out, factors: [a, b, c], by_z, by_skip } = self;
        let channels = a.len();
        if let (Some(by_skip), Some(open)) = (by_skip, open) {
            for ((s, g), o) in by_skip.iter_mut().zip(by_out).zip(open) {
                *s = if *o > 0.0 { *g } else { 0.0 };
            }
        }
        for (i, ((out, z), g)) in
            by_z.chunks_exact_mut(channels).zip(z.chunks_exact(channels)).zip(by_out.chunks_exact(channels)).enumerate()
        {
            match open {
                Some(open) => {
                    let open = &open[i * channels..(i + 1) * channels];
                    for ((((((out, v), g), o), a), b), c) in out.iter_mut().zip(z).zip(g).zip(open).zip(a).zip(b).zip(c)
                    {
                        let g = if *o > 0.0 { *g } else { 0.0 };
                        *out = a * g + b * v + c;
                    }
                }
                None => {
                    for (((((out, v), g), a), b), c) in out.iter_mut().zip(z).zip(g).zip(a).zip(b).zip(c) {
                        *out = a * g + b * v + c;
                    }
                }
            }
        }
    }
}
