//! Convolution of any kernel and stride as a matrix product with the input's neighbourhoods as
//! rows.
//!
//! The decision that shapes it: with channels last a neighbourhood is a few contiguous runs, so
//! building the matrix is copying, and its gradient is adding the runs back.
use super::convolution::Method;
use super::{Extent, Shape};
use crate::cpu::{View, product};

/// Floats that the matrix of a group should have at most: it should stay in the second-level cache.
const BUFFER: usize = 1 << 17;

pub(super) struct Columns {
    shape: Shape,
    from: Extent,
    to: Extent,
    /// `[outs, side, side, ins]`.
    weights: Vec<f32>,
}

impl Columns {
    pub(super) fn new(shape: Shape, from: Extent, weights: &[f32]) -> Self {
        let area = shape.side * shape.side;
        let mut turned = vec![0.0; weights.len()];
        for (own, theirs) in turned.chunks_exact_mut(area * shape.ins).zip(weights.chunks_exact(area * shape.ins)) {
            for (c, kernel) in theirs.chunks_exact(area).enumerate() {
                kernel.iter().enumerate().for_each(|(at, w)| own[at * shape.ins + c] = *w);
            }
        }
        Self { shape, from, to: shape.output(from), weights: turned }
    }

    fn depth(&self) -> usize {
        self.shape.side * self.shape.side * self.shape.ins
    }

    /// Whether the matrix is the input itself.
    fn is_input(&self) -> bool {
        self.shape.side == 1 && self.shape.stride == 1 && self.shape.padding == 0
    }

    /// Calls `f` with every run of `ins` channels: where it lies in the picture, and where in the
    /// matrix.
    fn runs(&self, mut f: impl FnMut(usize, usize)) {
        let Shape { ins, side, stride, padding, .. } = self.shape;
        let depth = self.depth();
        for oy in 0..self.to.h {
            for ox in 0..self.to.w {
                let row = (oy * self.to.w + ox) * depth;
                for ky in 0..side {
                    let Some(y) = (oy * stride + ky).checked_sub(padding).filter(|y| *y < self.from.h) else {
                        continue;
                    };
                    for kx in 0..side {
                        let Some(x) = (ox * stride + kx).checked_sub(padding).filter(|x| *x < self.from.w) else {
                            continue;
                        };
                        f((y * self.from.w + x) * ins, row + (ky * side + kx) * ins);
                    }
                }
            }
        }
    }

    fn fill(&self, x: &[f32], matrix: &mut Vec<f32>) {
        let ins = self.shape.ins;
        let one = self.to.h * self.to.w * self.depth();
        matrix.clear();
        matrix.resize(x.len() / self.from.one() * one, 0.0);
        for (x, matrix) in x.chunks_exact(self.from.one()).zip(matrix.chunks_exact_mut(one)) {
            self.runs(|at, to| matrix[to..to + ins].copy_from_slice(&x[at..at + ins]));
        }
    }
}

impl Method for Columns {
    /// The matrix and its gradient.
    type Scratch = (Vec<f32>, Vec<f32>);

    fn forward(&self, (matrix, _): &mut Self::Scratch, x: &[f32], out: &mut [f32]) {
        let (depth, outs) = (self.depth(), self.shape.outs);
        let weights = View::rows(&self.weights, depth).transposed();
        let rows = out.len() / outs;
        let matrix = if self.is_input() {
            x
        } else {
            self.fill(x, matrix);
            matrix
        };
        product(out, View::rows(matrix, depth), weights, [rows, depth, outs], false);
    }

    fn backward(
        &self,
        (matrix, gradient): &mut Self::Scratch,
        x: &[f32],
        by_out: &[f32],
        by_x: Option<&mut [f32]>,
        by_weights: Option<&mut [f32]>,
    ) {
        let (depth, Shape { outs, ins, .. }) = (self.depth(), self.shape);
        let rows = by_out.len() / outs;
        let by_out = View::rows(by_out, outs);
        if let Some(sum) = by_weights {
            let matrix = if self.is_input() {
                x
            } else {
                self.fill(x, matrix);
                matrix
            };
            product(sum, by_out.transposed(), View::rows(matrix, depth), [outs, rows, depth], true);
        }
        let Some(by_x) = by_x else { return };
        let weights = View::rows(&self.weights, depth);
        if self.is_input() {
            product(by_x, by_out, weights, [rows, outs, depth], false);
            return;
        }
        gradient.resize(rows * depth, 0.0);
        product(gradient, by_out, weights, [rows, outs, depth], false);
        let one = self.to.h * self.to.w * depth;
        for (by_x, gradient) in by_x.chunks_exact_mut(self.from.one()).zip(gradient.chunks_exact(one)) {
            self.runs(|at, from| {
                by_x[at..at + ins].iter_mut().zip(&gradient[from..from + ins]).for_each(|(o, v)| *o += v);
            });
        }
    }

    fn weights_len(&self) -> usize {
        self.shape.weights()
    }

    fn weights_back(&self, own: &[f32]) -> Vec<f32> {
        let (area, ins) = (self.shape.side * self.shape.side, self.shape.ins);
        let mut theirs = vec![0.0; own.len()];
        for (theirs, own) in theirs.chunks_exact_mut(area * ins).zip(own.chunks_exact(area * ins)) {
            for (at, run) in own.chunks_exact(ins).enumerate() {
                run.iter().enumerate().for_each(|(c, w)| theirs[c * area + at] = *w);
            }
        }
        theirs
    }

    fn group(&self) -> usize {
        (BUFFER / (self.to.h * self.to.w * self.depth()).max(1)).max(1)
    }
}
