//! Every pixel four times, and the sum of its four gradients, with channels last.
//!
//! The decision that shapes it: no arithmetic is saved here but copies are: burn's way over a
//! tensor of six dimensions brings every map into another order and back.
use rayon::prelude::*;

use super::Extent;

/// `[n, h, w, c]` to `[n, 2 h, 2 w, c]`.
pub(super) fn forward(x: &[f32], extent: Extent) -> Vec<f32> {
    let Extent { w, c, .. } = extent;
    let mut out = vec![0.0; 4 * x.len()];
    out.par_chunks_mut((4 * w * c).max(1)).zip(x.par_chunks((w * c).max(1))).for_each(|(rows, row)| {
        let (first, second) = rows.split_at_mut(2 * w * c);
        for (pair, pixel) in first.chunks_exact_mut(2 * c).zip(row.chunks_exact(c)) {
            pair[..c].copy_from_slice(pixel);
            pair[c..].copy_from_slice(pixel);
        }
        second.copy_from_slice(first);
    });
    out
}

/// The gradient by `x` (of `extent`) from that by the output.
pub(super) fn backward(by_out: &[f32], extent: Extent) -> Vec<f32> {
    let Extent { w, c, .. } = extent;
    let mut out = vec![0.0; extent.len()];
    out.par_chunks_mut((w * c).max(1)).zip(by_out.par_chunks((4 * w * c).max(1))).for_each(|(row, rows)| {
        let (first, second) = rows.split_at(2 * w * c);
        let pairs = first.chunks_exact(2 * c).zip(second.chunks_exact(2 * c));
        for (pixel, (above, below)) in row.chunks_exact_mut(c).zip(pairs) {
            for (i, out) in pixel.iter_mut().enumerate() {
                *out = above[i] + above[c + i] + below[i] + below[c + i];
            }
        }
    });
    out
}
