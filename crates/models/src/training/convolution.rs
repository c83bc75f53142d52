//! The choice of method, and the share of the batch that a thread takes.
//!
//! The decision that shapes it: threads split the batch, never a picture. Gradients of the weights
//! are summed in one buffer a thread and added at the end.
use rayon::prelude::*;

use super::{Extent, Shape, columns, winograd};

/// What a method does with some pictures of a batch.
pub(super) trait Method: Sync {
    /// Buffers that a thread keeps.
    type Scratch: Default + Send;
    /// The output of pictures `x`, written to `out`.
    fn forward(&self, scratch: &mut Self::Scratch, x: &[f32], out: &mut [f32]);
    /// The gradients of pictures `x` from those of their outputs: adds to `by_weights` (in the
    /// method's own form), writes `by_x`.
    fn backward(
        &self,
        scratch: &mut Self::Scratch,
        x: &[f32],
        by_out: &[f32],
        by_x: Option<&mut [f32]>,
        by_weights: Option<&mut [f32]>,
    );
    /// Length of the weights' gradient in the method's form.
    fn weights_len(&self) -> usize;
    /// That gradient as `[outs, ins, side, side]`.
    fn weights_back(&self, own: &[f32]) -> Vec<f32>;
    /// Pictures to be taken at a time.
    fn group(&self) -> usize;
}

/// A convolution with its weights in the form of the method that fits it; the forward and the
/// backward pass share it.
pub(super) enum Prepared {
    Winograd(winograd::Winograd),
    Columns(columns::Columns),
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Winograd(_) => "Winograd",
            Self::Columns(_) => "Columns",
        })
    }
}

impl Prepared {
    /// For pictures of `extent` and weights `[outs, ins, side, side]`.
    pub(super) fn new(shape: Shape, extent: Extent, weights: &[f32]) -> Self {
        if winograd::fits(shape, extent) {
            Self::Winograd(winograd::Winograd::new(shape, extent, weights))
        } else {
            Self::Columns(columns::Columns::new(shape, extent, weights))
        }
    }

    /// `[n, h, w, ins]` to `[n, h', w', outs]`.
    pub(super) fn forward(&self, shape: Shape, x: &[f32], extent: Extent) -> Vec<f32> {
        match self {
            Self::Winograd(method) => forward_by(method, shape, x, extent),
            Self::Columns(method) => forward_by(method, shape, x, extent),
        }
    }

    /// The gradients by `x` and by the weights, each where it is wanted.
    pub(super) fn backward(
        &self,
        shape: Shape,
        x: &[f32],
        extent: Extent,
        by_out: &[f32],
        wants: [bool; 2],
    ) -> [Option<Vec<f32>>; 2] {
        match self {
            Self::Winograd(method) => backward_by(method, shape, x, extent, by_out, wants),
            Self::Columns(method) => backward_by(method, shape, x, extent, by_out, wants),
        }
    }
}

fn forward_by<M: Method>(method: &M, shape: Shape, x: &[f32], extent: Extent) -> Vec<f32> {
    let to = shape.output(extent);
    let mut out = vec![0.0; to.len()];
    let group = group_of(method, extent);
    out.par_chunks_mut((group * to.one()).max(1))
        .zip(x.par_chunks((group * extent.one()).max(1)))
        .for_each_init(M::Scratch::default, |scratch, (out, x)| method.forward(scratch, x, out));
    out
}

fn backward_by<M: Method>(
    method: &M,
    shape: Shape,
    x: &[f32],
    extent: Extent,
    by_out: &[f32],
    [wants_x, wants_weights]: [bool; 2],
) -> [Option<Vec<f32>>; 2] {
    let to = shape.output(extent);
    let group = group_of(method, extent);
    let threads = rayon::current_num_threads().clamp(1, extent.n.div_ceil(group).max(1));
    // One contiguous share of the batch a thread, a multiple of the group.
    let share = extent.n.div_ceil(threads).next_multiple_of(group).max(1);
    let mut by_x = wants_x.then(|| vec![0.0; extent.len()]);
    let shares: Vec<_> =
        x.chunks((share * extent.one()).max(1)).zip(by_out.chunks((share * to.one()).max(1))).collect();
    let targets: Vec<Option<&mut [f32]>> = match &mut by_x {
        Some(all) => all.chunks_mut((share * extent.one()).max(1)).map(Some).collect(),
        None => shares.iter().map(|_| None).collect(),
    };
    let sums: Vec<Vec<f32>> = shares
        .into_par_iter()
        .zip(targets)
        .map(|((x, by_out), mut target)| {
            let mut scratch = M::Scratch::default();
            let mut sum = vec![0.0; if wants_weights { method.weights_len() } else { 0 }];
            let groups = x.chunks(group * extent.one()).zip(by_out.chunks(group * to.one()));
            for (i, (x, by_out)) in groups.enumerate() {
                let from = i * group * extent.one();
                let target = target.as_deref_mut().map(|t| &mut t[from..from + x.len()]);
                method.backward(&mut scratch, x, by_out, target, wants_weights.then_some(sum.as_mut_slice()));
            }
            sum
        })
        .collect();
    let by_weights = wants_weights.then(|| {
        let mut sums = sums.into_iter();
        let mut total = sums.next().unwrap_or_else(|| vec![0.0; method.weights_len()]);
        sums.for_each(|s| total.iter_mut().zip(s).for_each(|(t, v)| *t += v));
        method.weights_back(&total)
    });
    [by_x, by_weights]
}

fn group_of<M: Method>(method: &M, extent: Extent) -> usize {
    let threads = rayon::current_num_threads().max(1);
    method.group().clamp(1, extent.n.div_ceil(threads).max(1))
}
