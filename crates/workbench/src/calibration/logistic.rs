//! Logistic regression by Newton's method, with the covariance of its coefficients.
//!
//! Used twice: on one analyzer's raw score (Platt 1999) and on all analyzers' log-likelihood ratios
//! (Brümmer's linear logistic fusion). Classes are weighted to equal mass, so that the log-odds are
//! a log-likelihood ratio.
use serde::{Deserialize, Serialize};

/// Coefficients and their covariance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// Weights, one a feature, then the intercept.
    pub weights: Vec<f64>,
    /// Row-major covariance of `weights`.
    pub covariance: Vec<f64>,
}

impl Logistic {
    /// Natural log-odds and their standard error for the features.
    pub fn log_odds(&self, features: &[f64]) -> (f64, f64) {
        let d = self.weights.len();
        let x = |i: usize| if i + 1 == d { 1.0 } else { features.get(i).copied().unwrap_or(0.0) };
        let mean = (0..d).map(|i| self.weights[i] * x(i)).sum();
        let mut variance = 0.0;
        for i in 0..d {
            for j in 0..d {
                variance += x(i) * self.covariance[i * d + j] * x(j);
            }
        }
        (mean, f64::max(variance, 0.0).sqrt())
    }

    /// Fits to rows of features; `penalty` is the weight of the squared coefficients (not of the
    /// intercept) against the mean log-likelihood of one item. With `nonnegative`, features whose
    /// weight would turn negative are held at zero: an analyzer whose score is defined as support
    /// for H1 never counts against it by overfitting.
    pub fn fit(rows: &[Vec<f64>], forged: &[bool], penalty: f64, nonnegative: bool) -> Option<Self> {
        let d = rows.first()?.len() + 1;
        let (n1, n0) = (forged.iter().filter(|f| **f).count(), forged.iter().filter(|f| !**f).count());
        if n1 == 0 || n0 == 0 || rows.len() != forged.len() {
            return None;
        }
        let half = rows.len() as f64 / 2.0;
        let mass = |f: bool| half / if f { n1 as f64 } else { n0 as f64 };
        let mut held = vec![false; d];
        loop {
            let fitted = newton(rows, forged, d, penalty, &held, mass)?;
            let negative: Vec<usize> =
                (0..d - 1).filter(|&i| nonnegative && !held[i] && fitted.weights[i] < 0.0).collect();
            if negative.is_empty() {
                return Some(fitted);
            }
            negative.into_iter().for_each(|i| held[i] = true);
        }
    }
}

fn newton(
    rows: &[Vec<f64>],
    forged: &[bool],
    d: usize,
    penalty: f64,
    held: &[bool],
    mass: impl Fn(bool) -> f64,
) -> Option<Logistic> {
    let mut w = vec![0.0; d];
    let mut hessian = vec![0.0; d * d];
    let mut loss = f64::INFINITY;
    let mut step_scale = 1.0;
    let mut best = w.clone();
    for _ in 0..200 {
        let mut gradient = vec![0.0; d];
        hessian.iter_mut().for_each(|h| *h = 0.0);
        let mut current = 0.0;
        for (row, &label) in rows.iter().zip(forged) {
            let x = |i: usize| if i + 1 == d { 1.0 } else { row[i] };
            let z: f64 = (0..d).map(|i| w[i] * x(i)).sum();
            let p = 1.0 / (1.0 + (-z).exp());
            let m = mass(label);
            let signed = if label { z } else { -z };
            current += m * ((-signed.abs()).exp().ln_1p() + (-signed).max(0.0));
            for i in 0..d {
                gradient[i] += m * (p - f64::from(u8::from(label))) * x(i);
                for j in 0..d {
                    hessian[i * d + j] += m * (p * (1.0 - p)).max(1e-9) * x(i) * x(j);
                }
            }
        }
        let n = rows.len() as f64;
        for i in 0..d - 1 {
            current += 0.5 * penalty * n * w[i] * w[i];
            gradient[i] += penalty * n * w[i];
            hessian[i * d + i] += penalty * n;
        }
        for i in (0..d).filter(|&i| held[i]) {
            gradient[i] = w[i];
            for j in 0..d {
                hessian[i * d + j] = f64::from(u8::from(i == j));
                hessian[j * d + i] = f64::from(u8::from(i == j));
            }
        }
        if current > loss + 1e-12 {
            // Newton overshot (near-separable data): go back half the way.
            step_scale *= 0.5;
            for i in 0..d {
                w[i] = 0.5 * (w[i] + best[i]);
            }
            if step_scale < 1e-6 {
                break;
            }
            continue;
        }
        let converged = (loss - current).abs() < 1e-10 * n;
        loss = current;
        best.clone_from(&w);
        if converged {
            break;
        }
        let step = solve(&hessian, &gradient, d)?;
        for i in 0..d {
            w[i] -= step[i];
        }
    }
    let mut covariance = vec![0.0; d * d];
    for i in 0..d {
        let mut unit = vec![0.0; d];
        unit[i] = f64::from(u8::from(!held[i]));
        let column = solve(&hessian, &unit, d)?;
        for (j, value) in column.into_iter().enumerate() {
            covariance[j * d + i] = if held[j] { 0.0 } else { value };
        }
    }
    Some(Logistic { weights: best, covariance })
}

/// Gaussian elimination with partial pivoting; `None` when singular.
fn solve(matrix: &[f64], right: &[f64], d: usize) -> Option<Vec<f64>> {
    let mut a = matrix.to_vec();
    let mut b = right.to_vec();
    for column in 0..d {
        let pivot = (column..d).max_by(|&i, &j| a[i * d + column].abs().total_cmp(&a[j * d + column].abs()))?;
        if a[pivot * d + column].abs() < 1e-300 {
            return None;
        }
        for k in 0..d {
            a.swap(column * d + k, pivot * d + k);
        }
        b.swap(column, pivot);
        for row in column + 1..d {
            let factor = a[row * d + column] / a[column * d + column];
            for k in column..d {
                a[row * d + k] -= factor * a[column * d + k];
            }
            b[row] -= factor * b[column];
        }
    }
    for row in (0..d).rev() {
        for k in row + 1..d {
            b[row] -= a[row * d + k] * b[k];
        }
        b[row] /= a[row * d + row];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two normal distributions with means -1 and +1 and unit variance: the true log-odds are 2x.
    #[test]
    fn recovers_the_log_odds_of_two_normals() {
        let quantiles = [-1.64, -1.04, -0.67, -0.39, -0.13, 0.13, 0.39, 0.67, 1.04, 1.64];
        let mut rows = Vec::new();
        let mut forged = Vec::new();
        for q in quantiles {
            rows.push(vec![q + 1.0]);
            forged.push(true);
            rows.push(vec![q - 1.0]);
            forged.push(false);
        }
        let fit = Logistic::fit(&rows, &forged, 1e-9, false).unwrap();
        assert!((fit.weights[0] - 2.0).abs() < 0.5, "{:?}", fit.weights);
        assert!(fit.weights[1].abs() < 1e-6);
        let (_, error_near) = fit.log_odds(&[0.0]);
        let (_, error_far) = fit.log_odds(&[3.0]);
        assert!(error_far > error_near);
    }

    #[test]
    fn a_feature_that_points_the_wrong_way_is_held_at_zero() {
        let rows: Vec<Vec<f64>> = (0..40).map(|i| vec![f64::from(i % 7), f64::from(-(i % 2))]).collect();
        let forged: Vec<bool> = (0..40).map(|i| i % 2 == 1 && i % 5 != 0).collect();
        let fit = Logistic::fit(&rows, &forged, 1e-3, true).unwrap();
        assert_eq!(fit.weights[1], 0.0);
        assert_eq!(fit.covariance[4], 0.0);
    }

    #[test]
    fn separable_classes_still_converge() {
        let rows: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i)]).collect();
        let forged: Vec<bool> = (0..20).map(|i| i >= 10).collect();
        let fit = Logistic::fit(&rows, &forged, 1e-4, true).unwrap();
        assert!(fit.weights.iter().all(|w| w.is_finite()) && fit.weights[0] > 0.0);
    }
}
