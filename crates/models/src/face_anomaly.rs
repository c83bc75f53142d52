//! How unlike real faces a face is, by a forgery network's own features: a Gaussian of real faces
//! and nothing else.
//!
//! The decision that shapes it: no forged face takes part, so it has no opinion on what a forgery
//! looks like. The distance is Mahalanobis' in the features before the network's head (Lee et al.
//! 2018), and what is told of it is its rank among real faces of people whom neither the network
//! nor the Gaussian has seen.
use assay_checkpoints::{HostTensor, StateDict};

/// Percentiles of the distance that are kept, 0 to 100.
const RANKS: usize = 101;
/// Share of the mean variance that is put in place of every feature's own (Ledoit and Wolf 2004,
/// with a fixed share).
const SHRINKAGE: f64 = 0.05;

/// The Gaussian and the ranks.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceAnomaly {
    mean: Vec<f32>,
    /// Inverse of the covariance's Cholesky factor, row-major, lower triangle.
    whitening: Vec<f32>,
    ranks: Vec<f32>,
}

impl FaceAnomaly {
    /// A Gaussian of `features`, ranks of `held_out`; `None` where there are too few to determine
    /// it or they differ in length.
    pub fn fit(features: &[Vec<f32>], held_out: &[Vec<f32>]) -> Option<Self> {
        let d = features.first()?.len();
        if d == 0
            || features.len() < 2 * d
            || held_out.is_empty()
            || features.iter().chain(held_out).any(|f| f.len() != d)
        {
            return None;
        }
        let n = features.len() as f64;
        let mean: Vec<f64> = (0..d).map(|i| features.iter().map(|f| f64::from(f[i])).sum::<f64>() / n).collect();
        let mut covariance = vec![0.0; d * d];
        for f in features {
            let off: Vec<f64> = f.iter().zip(&mean).map(|(v, m)| f64::from(*v) - m).collect();
            for i in 0..d {
                (0..=i).for_each(|j| covariance[i * d + j] += off[i] * off[j] / n);
            }
        }
        let spread = (0..d).map(|i| covariance[i * d + i]).sum::<f64>() / d as f64;
        covariance.iter_mut().for_each(|v| *v *= 1.0 - SHRINKAGE);
        (0..d).for_each(|i| covariance[i * d + i] += SHRINKAGE * spread);
        let narrow = |v: Vec<f64>| v.into_iter().map(|v| v as f32).collect();
        let mut found =
            Self { mean: narrow(mean), whitening: narrow(inverse_factor(covariance, d)?), ranks: Vec::new() };
        let mut distances: Vec<f32> = held_out.iter().map(|f| found.distance(f)).collect();
        distances.sort_by(f32::total_cmp);
        let last = (distances.len() - 1) as f64;
        found.ranks = (0..RANKS).map(|i| distances[(last * i as f64 / (RANKS - 1) as f64).round() as usize]).collect();
        Some(found)
    }

    /// Mahalanobis' distance from the mean real face.
    pub fn distance(&self, features: &[f32]) -> f32 {
        let d = self.mean.len();
        let off: Vec<f32> = features.iter().zip(&self.mean).map(|(v, m)| v - m).collect();
        let squared = |row: &[f32]| row.iter().zip(&off).map(|(w, o)| w * o).sum::<f32>().powi(2);
        self.whitening.chunks_exact(d.max(1)).map(squared).sum::<f32>().sqrt()
    }

    /// Share of held-out real faces that are nearer to the mean, strictly between 0 and 1.
    pub fn rank(&self, features: &[f32]) -> f32 {
        let distance = self.distance(features);
        let below = self.ranks.partition_point(|r| *r < distance);
        (below as f32 + 0.5) / (self.ranks.len() as f32 + 1.0)
    }

    /// As tensors.
    pub fn tensors(&self) -> StateDict {
        let d = self.mean.len();
        [
            ("mean".to_owned(), HostTensor::from_f32(&[d], &self.mean)),
            ("whitening".to_owned(), HostTensor::from_f32(&[d, d], &self.whitening)),
            ("ranks".to_owned(), HostTensor::from_f32(&[self.ranks.len()], &self.ranks)),
        ]
        .into()
    }

    /// From tensors; `None` where one is missing or has another shape.
    pub fn from_tensors(tensors: &StateDict) -> Option<Self> {
        let of = |name: &str| tensors.get(name).map(HostTensor::to_f32);
        let found = Self { mean: of("mean")?, whitening: of("whitening")?, ranks: of("ranks")? };
        let fits = found.whitening.len() == found.mean.len().pow(2) && found.ranks.len() == RANKS;
        fits.then_some(found)
    }
}

/// The inverse of the Cholesky factor of a symmetric positive definite matrix, given by its lower
/// triangle; `None` where it is not.
fn inverse_factor(mut a: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    for j in 0..n {
        let pivot = a[j * n + j] - (0..j).map(|k| a[j * n + k].powi(2)).sum::<f64>();
        if pivot.is_nan() || pivot <= 0.0 {
            return None;
        }
        let root = pivot.sqrt();
        a[j * n + j] = root;
        for i in j + 1..n {
            let value = a[i * n + j] - (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum::<f64>();
            a[i * n + j] = value / root;
        }
    }
    let mut inverse = vec![0.0; n * n];
    for j in 0..n {
        inverse[j * n + j] = 1.0 / a[j * n + j];
        for i in j + 1..n {
            let sum = (j..i).map(|k| a[i * n + k] * inverse[k * n + j]).sum::<f64>();
            inverse[i * n + j] = -sum / a[i * n + i];
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Correlated vectors from a small generator; the second is twice the first with a little
    /// noise.
    fn drawn(count: usize, seed: u64) -> Vec<Vec<f32>> {
        let mut state = seed;
        let mut next = move || {
            let mut sum = 0.0;
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                sum += (state >> 33) as f32 / (1u64 << 31) as f32;
            }
            sum - 6.0
        };
        (0..count)
            .map(|_| {
                let a = next();
                vec![a, 2.0 * a + 0.3 * next(), 5.0 + next()]
            })
            .collect()
    }

    #[test]
    fn what_breaks_a_correlation_is_far_though_each_number_is_usual() {
        let found = FaceAnomaly::fit(&drawn(2000, 1), &drawn(500, 2)).unwrap();
        assert!(found.distance(&[1.0, 2.0, 5.0]) < 2.0);
        assert!(found.rank(&[1.0, -2.0, 5.0]) > 0.98);
        assert!(found.rank(&[0.0, 0.0, 5.0]) < 0.1);
        // Ranks of real vectors are spread evenly.
        let ranks: Vec<f32> = drawn(400, 3).iter().map(|f| found.rank(f)).collect();
        let mean = ranks.iter().sum::<f32>() / ranks.len() as f32;
        assert!((0.42..0.58).contains(&mean), "{mean}");
    }

    #[test]
    fn tensors_bring_it_back_and_too_few_vectors_are_refused() {
        let found = FaceAnomaly::fit(&drawn(200, 1), &drawn(50, 2)).unwrap();
        assert_eq!(FaceAnomaly::from_tensors(&found.tensors()), Some(found));
        assert!(FaceAnomaly::fit(&drawn(5, 1), &drawn(5, 2)).is_none());
        assert!(FaceAnomaly::from_tensors(&StateDict::new()).is_none());
    }
}
