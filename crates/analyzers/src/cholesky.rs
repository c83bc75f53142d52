//! Symmetric positive definite equations by Cholesky's factorisation: what the regressions of
//! several analyzers come down to.
//!
//! The decision that shapes it: no explicit inverse and no pivoting; a matrix that is not clearly
//! positive definite is refused, and the caller decides what that means. Sizes are those of
//! regressions (tens of unknowns).

/// Solves `a x = b` for a symmetric positive definite `a`, given row-major with at least its lower
/// triangle; `None` when it is not.
pub(crate) fn solve(mut a: Vec<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    if a.len() != n * n {
        return None;
    }
    for j in 0..n {
        let mut pivot = a[j * n + j];
        let before = pivot;
        for k in 0..j {
            pivot -= a[j * n + k] * a[j * n + k];
        }
        if pivot.is_nan() || pivot <= before.abs() * 1e-13 {
            return None;
        }
        let root = pivot.sqrt();
        a[j * n + j] = root;
        for i in j + 1..n {
            let mut value = a[i * n + j];
            for k in 0..j {
                value -= a[i * n + k] * a[j * n + k];
            }
            a[i * n + j] = value / root;
        }
    }
    for i in 0..n {
        for k in 0..i {
            b[i] -= a[i * n + k] * b[k];
        }
        b[i] /= a[i * n + i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            b[i] -= a[k * n + i] * b[k];
        }
        b[i] /= a[i * n + i];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_a_known_system() {
        // L = [[2,0,0],[1,3,0],[-1,2,1]], a = L L^T, x = (1, -2, 3).
        let a = vec![4.0, 2.0, -2.0, 2.0, 10.0, 5.0, -2.0, 5.0, 6.0];
        let b = vec![4.0 - 4.0 - 6.0, 2.0 - 20.0 + 15.0, -2.0 - 10.0 + 18.0];
        let x = solve(a, b).unwrap();
        for (got, expected) in x.iter().zip([1.0, -2.0, 3.0]) {
            assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
        }
    }

    #[test]
    fn refuses_what_is_not_positive_definite() {
        assert_eq!(solve(vec![1.0, 1.0, 1.0, 1.0], vec![1.0, 1.0]), None);
        assert_eq!(solve(vec![-1.0], vec![1.0]), None);
        assert_eq!(solve(vec![f64::NAN], vec![1.0]), None);
        assert_eq!(solve(vec![1.0, 0.0], vec![1.0, 1.0]), None);
        assert_eq!(solve(Vec::new(), Vec::new()), Some(Vec::new()));
    }
}
