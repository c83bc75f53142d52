//! The matrix product, safely.
//!
//! The decision that shapes it: the `gemm` crate has the fastest portable product in Rust (burn's CPU backend uses it too) behind raw
//! pointers. This module is the only place of the crate with `unsafe`; it checks every extent before it passes a pointer on.
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

/// `out = a b` with `a` of `[m, k]`, `b` of `[k, n]` and `out` of `[m, n]`, all row-major. `is_parallel` spreads one product over the
/// threads of the pool; without it the calling thread does all.
///
/// # Panics
/// Where a slice is shorter than its extents say: a mistake of the caller, never of data.
pub(crate) fn multiply(out: &mut [f32], a: &[f32], b: Right<'_>, [m, k, n]: [usize; 3], is_parallel: bool) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(out.len() >= m * n && a.len() >= m * k, "matrices of {m} x {k} x {n}");
    assert!(k == 0 || (b.stride >= n && b.values.len() >= (k - 1) * b.stride + n), "right matrix of {k} x {n}");
    let parallelism = if is_parallel { Parallelism::Rayon(0) } else { Parallelism::None };
    // SAFETY: `out`, `a` and `b` cover every element that the strides below address (asserted above), and `out` is borrowed
    // mutably, so it does not overlap the inputs.
    unsafe {
        ::gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.as_ptr(),
            1,
            k as isize,
            b.values.as_ptr(),
            1,
            b.stride as isize,
            0.0,
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
    #[should_panic(expected = "right matrix")]
    fn a_matrix_that_is_too_short_is_refused() {
        multiply(&mut [0.0; 4], &[0.0; 4], Right { values: &[0.0; 3], stride: 2 }, [2, 2, 2], false);
    }
}
