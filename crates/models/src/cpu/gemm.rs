//! The matrix product, safely.
//!
//! The decision that shapes it: the `gemm` crate has the fastest portable product in Rust (burn's
//! CPU backend uses it too) behind raw pointers. This module is the only place of the crate with
//! `unsafe`; it checks every extent before it passes a pointer on.
#![expect(
    unsafe_code,
    reason = "gemm's interface is raw pointers; extents are checked against the slices right before the call"
)]
use ::gemm::Parallelism;

/// The right-hand matrix: `values` holds `k` rows of `n` elements, each `stride` after the last.
#[derive(Clone, Copy)]
pub(crate) struct Right<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
}

/// A matrix inside a slice: element (i, j) is `values[i * row + j * column]`.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    values: &'a [f32],
    row: usize,
    column: usize,
}

impl<'a> View<'a> {
    /// Rows of `stride` elements, one after the other.
    pub(crate) fn rows(values: &'a [f32], stride: usize) -> Self {
        Self { values, row: stride, column: 1 }
    }

    /// The same elements with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self { values: self.values, row: self.column, column: self.row }
    }

    fn covers(&self, rows: usize, columns: usize) -> bool {
        rows == 0 || columns == 0 || (rows - 1) * self.row + (columns - 1) * self.column < self.values.len()
    }
}

/// `out = a b` with `a` of `[m, k]`, `b` of `[k, n]` and `out` of `[m, n]`, all row-major.
/// `is_parallel` spreads one product over the threads of the pool; without it the calling thread
/// does all.
///
/// # Panics
/// Where a slice is shorter than its extents say: a mistake of the caller, never of data.
pub(crate) fn multiply(out: &mut [f32], a: &[f32], b: Right<'_>, extents: [usize; 3], is_parallel: bool) {
    let parallelism = if is_parallel { Parallelism::Rayon(0) } else { Parallelism::None };
    call(out, View::rows(a, extents[1]), View::rows(b.values, b.stride), extents, false, parallelism);
}

/// `out = a b`, or `out += a b` where `adds`; `out` is `[m, n]`, row-major. The calling thread does
/// all.
///
/// # Panics
/// As [`multiply`].
pub(crate) fn product(out: &mut [f32], a: View<'_>, b: View<'_>, extents: [usize; 3], adds: bool) {
    call(out, a, b, extents, adds, Parallelism::None);
}

fn call(out: &mut [f32], a: View<'_>, b: View<'_>, [m, k, n]: [usize; 3], adds: bool, parallelism: Parallelism) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(out.len() >= m * n && a.covers(m, k), "matrices of {m} x {k} x {n}");
    assert!(b.covers(k, n), "right matrix of {k} x {n}");
    // SAFETY: `out`, `a` and `b` cover every element that the strides below address (asserted
    // above), and `out` is borrowed mutably, so it does not overlap the inputs.
    unsafe {
        ::gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            adds,
            a.values.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.values.as_ptr(),
            b.column as isize,
            b.row as isize,
            if adds { 1.0 } else { 0.0 },
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_definition() {
        let value = |i: usize| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0;
        for [m, k, n] in [[1, 1, 1], [3, 5, 7], [17, 33, 65], [4, 0, 3]] {
            let stride = n + 2;
            let a: Vec<f32> = (0..m * k).map(value).collect();
            let b: Vec<f32> = (0..k * stride).map(|i| value(i + 5)).collect();
            for is_parallel in [false, true] {
                let mut out = vec![9.0; m * n];
                multiply(&mut out, &a, Right { values: &b, stride }, [m, k, n], is_parallel);
                for i in 0..m {
                    for j in 0..n {
                        let exact: f32 = (0..k).map(|l| a[i * k + l] * b[l * stride + j]).sum();
                        assert!((out[i * n + j] - exact).abs() < 1e-4, "{m} {k} {n}");
                    }
                }
            }
        }
    }

    #[test]
    fn transposed_views_and_sums_agree_with_the_definition() {
        let value = |i: usize| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0;
        let [m, k, n] = [5, 9, 6];
        let a: Vec<f32> = (0..m * k).map(value).collect();
        let b: Vec<f32> = (0..k * n).map(|i| value(i + 5)).collect();
        let mut out = vec![2.0; m * n];
        product(&mut out, View::rows(&a, m).transposed(), View::rows(&b, k).transposed(), [m, k, n], true);
        for i in 0..m {
            for j in 0..n {
                let exact: f32 = (0..k).map(|l| a[l * m + i] * b[j * k + l]).sum();
                assert!((out[i * n + j] - 2.0 - exact).abs() < 1e-4);
            }
        }
    }

    #[test]
    #[should_panic(expected = "right matrix")]
    fn a_matrix_that_is_too_short_is_refused() {
        multiply(&mut [0.0; 4], &[0.0; 4], Right { values: &[0.0; 3], stride: 2 }, [2, 2, 2], false);
    }
}
