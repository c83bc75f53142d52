//! What a quantised coefficient looks like after one save and after two: probabilities of its
//! absolute value.
//!
//! Unquantised AC coefficients of like surroundings follow a mixture of Gaussians of many scales,
//! which is fitted to the picture; a first save with step `q1` leaves only multiples of `q1`, the
//! decoder's rounding to 8-bit samples spreads each by a Gaussian, the last save with step `q2`
//! bins the result (Bianchi & Piva 2012, eq. 3-6). Tables depend on the two steps and the scale
//! only, so they are made once and shared by all candidate qualities.

/// Absolute quantised values at and above this are not judged.
pub(super) const LEVELS: usize = 160;
/// Standard deviations relative to the step `q2`, in geometric progression.
pub(super) const SCALES: usize = 22;
const SCALE_LOW: f64 = 0.12;
const SCALE_RATIO: f64 = 1.4;

/// Standard deviation in the DCT domain of rounding twice (samples after the inverse transform, RGB
/// after colour conversion).
pub(super) const ROUNDING_SIGMA: f64 = 0.33;

/// Probabilities of `|h|` for every scale of the grid, for one pair of steps.
pub(super) struct Tables {
    /// Entries in use.
    bins: usize,
    /// `SCALES` rows of [`LEVELS`] probabilities; the last entry in use holds the tail.
    rows: Vec<[f32; LEVELS]>,
    /// Mean of `min(|h|, LEVELS - 1)` for each row.
    means: Vec<f64>,
}

/// Standard normal distribution function (Abramowitz & Stegun 7.1.26, error below 1e-6 after
/// scaling).
pub(super) fn normal_cdf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs() / std::f64::consts::SQRT_2);
    let poly =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = 0.5 * poly * (-x * x / 2.0).exp();
    if x >= 0.0 { 1.0 - tail } else { tail }
}

/// Mass of a Gaussian in bins of `step` around multiples of it, folded to absolute values; the last
/// bin holds the tail.
fn gaussian_bins(sigma: f64, step: f64, bins: usize) -> Vec<f64> {
    let mut masses = Vec::with_capacity(bins);
    let mut below = 0.5;
    for k in 0..bins {
        let upto = if k + 1 == bins { 1.0 } else { normal_cdf((k as f64 + 0.5) * step / sigma) };
        masses.push(2.0 * (upto - below).max(0.0));
        below = upto;
    }
    masses
}

impl Tables {
    /// After one save with step `q2`; `bins` entries at most [`LEVELS`], the last one holding the
    /// tail.
    pub(super) fn single(q2: u16, bins: usize) -> Self {
        Self::of(q2, bins, |sigma| gaussian_bins(sigma, f64::from(q2), bins))
    }

    /// After a save with step `q1` and another with step `q2`, the rounding noise between them
    /// having `sigma`.
    pub(super) fn double(q1: u16, q2: u16, sigma: f64, bins: usize) -> Self {
        let (q1, q2) = (f64::from(q1), f64::from(q2));
        let teeth = ((bins as f64 * q2) / q1).ceil() as usize + 2;
        // Which bins each tooth of the comb reaches, and with what share.
        let spread: Vec<Vec<(usize, f64)>> = (0..teeth)
            .map(|k| {
                let at = k as f64 * q1;
                let low = ((at - 4.0 * sigma) / q2 + 0.5).floor() as i64;
                let high = ((at + 4.0 * sigma) / q2 + 0.5).floor() as i64;
                let cdf = |edge: f64| normal_cdf((edge - at) / sigma);
                (low..=high)
                    .map(|h| {
                        let share = cdf((h as f64 + 0.5) * q2) - cdf((h as f64 - 0.5) * q2);
                        ((h.unsigned_abs() as usize).min(bins - 1), share)
                    })
                    .filter(|(_, share)| *share > 1e-9)
                    .collect()
            })
            .collect();
        Self::of(q2 as u16, bins, |scale| {
            let mut row = vec![0.0; bins];
            for (mass, reaches) in gaussian_bins(scale, q1, teeth).into_iter().zip(&spread) {
                if mass > 1e-12 {
                    for (h, share) in reaches {
                        row[*h] += mass * share;
                    }
                }
            }
            row
        })
    }

    fn of(q2: u16, bins: usize, row_of: impl Fn(f64) -> Vec<f64>) -> Self {
        let mut rows = Vec::with_capacity(SCALES);
        let mut means = Vec::with_capacity(SCALES);
        for i in 0..SCALES {
            let row = row_of(f64::from(q2) * SCALE_LOW * SCALE_RATIO.powi(i as i32));
            means.push(row.iter().enumerate().map(|(h, p)| h as f64 * p).sum());
            let mut kept = [0.0f32; LEVELS];
            for (to, from) in kept.iter_mut().zip(&row) {
                *to = *from as f32;
            }
            rows.push(kept);
        }
        Self { bins, rows, means }
    }

    /// Weights of the scales that explain the counts of `|h|` best (expectation-maximisation from a
    /// broad start).
    pub(super) fn fit(&self, counts: &[u32; LEVELS], mean: f64) -> Weights {
        const ROUNDS: usize = 40;
        /// Observations that the start is worth.
        const PRIOR: f32 = 5.0;
        let near = self.means.partition_point(|m| *m < mean) as f32;
        let mut start: Weights = std::array::from_fn(|s| (-((s as f32 - near) / 2.0).powi(2)).exp());
        let sum: f32 = start.iter().sum();
        start.iter_mut().for_each(|w| *w /= sum);
        let seen: Vec<(usize, f32)> = counts
            .iter()
            .enumerate()
            .filter(|(_, n)| **n > 0)
            .map(|(h, n)| (h.min(self.bins - 1), *n as f32))
            .collect();
        let total: f32 = seen.iter().map(|(_, n)| n).sum();
        let mut weights = start;
        for _ in 0..ROUNDS {
            let mut shares: Weights = start.map(|w| w * PRIOR);
            for (h, n) in &seen {
                let parts: Weights = std::array::from_fn(|s| weights[s] * self.rows[s][*h]);
                let all: f32 = parts.iter().sum::<f32>().max(1e-12);
                shares.iter_mut().zip(parts).for_each(|(share, part)| *share += n * part / all);
            }
            weights = shares.map(|w| w / (total + PRIOR));
        }
        weights
    }

    /// The probabilities under these weights, the scales moved together until the mean of `|h|` is
    /// `mean`.
    pub(super) fn mixed(&self, weights: &Weights, mean: f64) -> [f32; LEVELS] {
        let mean_at = |shift: f64| -> f64 {
            weights.iter().enumerate().map(|(s, w)| f64::from(*w) * at(s as f64 + shift, |i| self.means[i])).sum()
        };
        let (mut low, mut high) = (-6.0, 6.0);
        for _ in 0..14 {
            let middle = 0.5 * (low + high);
            if mean_at(middle) < mean { low = middle } else { high = middle }
        }
        let shift = 0.5 * (low + high);
        let mut moved: Weights = [0.0; SCALES];
        for (s, w) in weights.iter().enumerate() {
            let place = (s as f64 + shift).clamp(0.0, SCALES as f64 - 1.0);
            let (below, share) = (place as usize, place.fract() as f32);
            moved[below] += w * (1.0 - share);
            moved[(below + 1).min(SCALES - 1)] += w * share;
        }
        let mut row = [0.0f32; LEVELS];
        for (w, from) in moved.iter().zip(&self.rows).filter(|(w, _)| **w > 1e-6) {
            for (to, p) in row[..self.bins].iter_mut().zip(from) {
                *to += w * p;
            }
        }
        row
    }
}

/// Weights of the scales of a mixture; they sum to one.
pub(super) type Weights = [f32; SCALES];

/// Linear interpolation on the grid of scales.
fn at(place: f64, value: impl Fn(usize) -> f64) -> f64 {
    let place = place.clamp(0.0, SCALES as f64 - 1.0);
    let below = place as usize;
    let share = place.fract();
    value(below) * (1.0 - share) + value((below + 1).min(SCALES - 1)) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Laplacian of that scale in steps, counted in bins around the multiples of the step.
    fn laplacian(scale: f64) -> [u32; LEVELS] {
        let below = |h: f64| 1.0 - (-h / scale).exp();
        std::array::from_fn(|h| (1e5 * (below(h as f64 + 0.5) - below((h as f64 - 0.5).max(0.0)))).round() as u32)
    }

    fn mean_of(counts: &[u32; LEVELS]) -> f64 {
        let total: f64 = counts.iter().map(|n| f64::from(*n)).sum();
        counts.iter().enumerate().map(|(h, n)| h as f64 * f64::from(*n)).sum::<f64>() / total
    }

    #[test]
    fn probabilities_sum_to_one() {
        for (name, tables) in [
            ("single", Tables::single(3, 90)),
            ("coarse first", Tables::double(8, 3, 0.33, LEVELS)),
            ("fine first", Tables::double(3, 8, 0.33, 20)),
            ("finest", Tables::double(1, 1, 0.33, LEVELS)),
        ] {
            for row in &tables.rows {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 2e-3, "{name}: {}", row.iter().sum::<f32>());
            }
        }
    }

    #[test]
    fn a_coarse_first_step_leaves_a_comb() {
        let counts = laplacian(6.0);
        let plain = Tables::single(2, LEVELS);
        let weights = plain.fit(&counts, mean_of(&counts));
        let comb = Tables::double(8, 2, 0.33, LEVELS).mixed(&weights, mean_of(&counts));
        assert!(comb[4] > 20.0 * comb[5] && comb[8] > 20.0 * comb[6], "{:?}", &comb[..10]);
    }

    #[test]
    fn a_mixture_follows_a_laplacian() {
        let counts = laplacian(4.0);
        let total: f64 = counts.iter().map(|n| f64::from(*n)).sum();
        let plain = Tables::single(5, LEVELS);
        let row = plain.mixed(&plain.fit(&counts, mean_of(&counts)), mean_of(&counts));
        for h in 0..12 {
            let expected = f64::from(counts[h]) / total;
            assert!((f64::from(row[h]) / expected - 1.0).abs() < 0.12, "|h| = {h}: {} is not {expected}", row[h]);
        }
    }

    #[test]
    fn the_mean_is_met() {
        let plain = Tables::single(5, LEVELS);
        let weights = plain.fit(&laplacian(3.0), 3.0);
        for mean in [0.3, 2.0, 11.0] {
            let row = Tables::double(6, 5, 0.33, LEVELS).mixed(&weights, mean);
            let got: f64 = row.iter().enumerate().map(|(h, p)| h as f64 * f64::from(*p)).sum();
            assert!((got - mean).abs() < 0.02 * mean + 1e-2, "{got} is not {mean}");
        }
    }
}
