//! What is done to tokens one by one: layer normalisation, the activation, soft-max, and their
//! gradients.
use crate::cpu::{Work, exp, vectorised};

/// Added to the variance.
const EPSILON: f32 = 1e-5;
/// Lanes in which sums run.
const LANES: usize = 16;

#[inline(always)]
fn sum(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane += of(*v);
        }
    }
    rest.iter().map(|v| of(*v)).chain(lanes).sum()
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    a_rest.iter().zip(b_rest).map(|(a, b)| a * b).chain(lanes).sum()
}

/// Mean and reciprocal deviation of a row.
#[inline(always)]
pub(super) fn moments(row: &[f32]) -> (f32, f32) {
    let count = row.len() as f32;
    let mean = sum(row, |v| v) / count;
    let variance = sum(row, |v| (v - mean) * (v - mean)) / count;
    (mean, 1.0 / (variance + EPSILON).sqrt())
}

/// Layer normalisation of every row, with a scale and an offset a column.
pub(super) fn normalised(rows: &[f32], norm: [&[f32]; 2]) -> Vec<f32> {
    let mut out = vec![0.0; rows.len()];
    vectorised(Normalise { rows, out: &mut out, norm });
    out
}

struct Normalise<'a> {
    rows: &'a [f32],
    out: &'a mut [f32],
    norm: [&'a [f32]; 2],
}

impl Work for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [scale, offset] = self.norm;
        let width = scale.len();
        for (row, out) in self.rows.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            let (mean, reciprocal) = moments(row);
            for (((out, v), scale), offset) in out.iter_mut().zip(row).zip(scale).zip(offset) {
                *out = (v - mean) * reciprocal * scale + offset;
            }
        }
    }
}

/// The gradient of [`normalised`]: adds what reaches the rows to `into`, and what reaches scale and
/// offset to `norm_gradient`.
pub(super) fn normalised_back(
    gradient: &[f32],
    rows: &[f32],
    scale: &[f32],
    into: &mut [f32],
    norm_gradient: [&mut [f32]; 2],
) {
    vectorised(NormaliseBack { gradient, rows, scale, into, norm_gradient });
}

struct NormaliseBack<'a> {
    gradient: &'a [f32],
    rows: &'a [f32],
    scale: &'a [f32],
    into: &'a mut [f32],
    norm_gradient: [&'a mut [f32]; 2],
}

impl Work for NormaliseBack<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { gradient, rows, scale, into, norm_gradient: [of_scale, of_offset] } = self;
        let width = scale.len();
        let (mut even, mut scaled) = (vec![0.0; width], vec![0.0; width]);
        let of_rows = gradient.chunks_exact(width).zip(rows.chunks_exact(width)).zip(into.chunks_exact_mut(width));
        for ((gradient, row), into) in of_rows {
            let (mean, reciprocal) = moments(row);
            for i in 0..width {
                even[i] = (row[i] - mean) * reciprocal;
                scaled[i] = gradient[i] * scale[i];
                of_scale[i] += gradient[i] * even[i];
                of_offset[i] += gradient[i];
            }
            let first = sum(&scaled, |v| v) / width as f32;
            let second = dot(&scaled, &even) / width as f32;
            for i in 0..width {
                into[i] += reciprocal * (scaled[i] - first - even[i] * second);
            }
        }
    }
}

/// `x * sigmoid(1.702 x)`, which this tower has for GELU.
pub(super) fn activated(x: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    vectorised(Activate { x, out: &mut out });
    out
}

const STEEPNESS: f32 = 1.702;

struct Activate<'a> {
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (out, x) in self.out.iter_mut().zip(self.x) {
            *out = x / (1.0 + exp(-STEEPNESS * x));
        }
    }
}

/// Multiplies `gradient` by the derivative of [`activated`] at `x`.
pub(super) fn activated_back(gradient: &mut [f32], x: &[f32]) {
    struct Back<'a>(&'a mut [f32], &'a [f32]);
    impl Work for Back<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for (gradient, x) in self.0.iter_mut().zip(self.1) {
                let open = 1.0 / (1.0 + exp(-STEEPNESS * x));
                *gradient *= open * (1.0 + STEEPNESS * x * (1.0 - open));
            }
        }
    }
    vectorised(Back(gradient, x));
}

/// Soft-max of every row of `width` numbers times `factor`, in place.
pub(super) fn soft_max(rows: &mut [f32], width: usize, factor: f32) {
    struct Soft<'a>(&'a mut [f32], usize, f32);
    impl Work for Soft<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for row in self.0.chunks_exact_mut(self.1) {
                let most = row.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
                for v in row.iter_mut() {
                    *v = exp((*v - most) * self.2);
                }
                let share = 1.0 / sum(row, |v| v);
                for v in row.iter_mut() {
                    *v *= share;
                }
            }
        }
    }
    vectorised(Soft(rows, width, factor));
}

/// The gradient of [`soft_max`], in place: `shares` are its results, `factor` its factor.
pub(super) fn soft_max_back(gradient: &mut [f32], shares: &[f32], width: usize, factor: f32) {
    struct Back<'a>(&'a mut [f32], &'a [f32], usize, f32);
    impl Work for Back<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for (gradient, shares) in self.0.chunks_exact_mut(self.2).zip(self.1.chunks_exact(self.2)) {
                let mean = dot(gradient, shares);
                for (g, share) in gradient.iter_mut().zip(shares) {
                    *g = share * (*g - mean) * self.3;
                }
            }
        }
    }
    vectorised(Back(gradient, shares, width, factor));
}

/// Adds `b` to `a`.
pub(super) fn add(a: &mut [f32], b: &[f32]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
}
