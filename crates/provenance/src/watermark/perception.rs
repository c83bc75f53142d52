//! Planes, their frequency bands, and how much is going on in each: what hides a mark from the eye
//! and what drowns it for the detector.
//!
//! The decision that shapes it: embedding and detection divide the picture into the same bands and
//! measure the same local activity. The embedder makes the mark proportional to it (texture hides),
//! the detector divides by it (texture is noise), and the product of the two is an even pattern.
use rayon::prelude::*;

/// Row-major samples in grey levels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) data: Vec<f32>,
}

/// Scales of the Gaussians between which the bands lie, in samples.
pub(super) const SCALES: [f32; 5] = [0.0, 0.7, 1.4, 2.8, 7.0];
/// Bands.
pub(super) const BANDS: usize = SCALES.len() - 1;
/// Scale of the window over which activity is measured, in samples.
const WINDOW: f32 = 3.0;

impl Field {
    pub(super) fn zeros(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0.0; width * height] }
    }

    /// Convolution with a Gaussian, edges repeated.
    pub(super) fn blurred(&self, sigma: f32) -> Self {
        if sigma <= 0.0 {
            return self.clone();
        }
        let reach = (sigma * 3.0).ceil() as usize;
        let mut kernel: Vec<f32> = (0..=reach).map(|d| (-0.5 * (d as f32 / sigma).powi(2)).exp()).collect();
        let sum = kernel[0] + 2.0 * kernel[1..].iter().sum::<f32>();
        kernel.iter_mut().for_each(|v| *v /= sum);
        let (w, h) = (self.width, self.height);
        let mut across = vec![0.0f32; w * h];
        across.par_chunks_exact_mut(w.max(1)).zip(self.data.par_chunks_exact(w.max(1))).for_each(|(to, from)| {
            let mut padded = vec![from[0]; w + 2 * reach];
            padded[reach..reach + w].copy_from_slice(from);
            padded[reach + w..].fill(from[w - 1]);
            to.iter_mut().zip(&padded[reach..]).for_each(|(t, v)| *t = kernel[0] * v);
            for (d, k) in kernel.iter().enumerate().skip(1) {
                let (left, right) = (&padded[reach - d..], &padded[reach + d..]);
                to.iter_mut().zip(left.iter().zip(right)).for_each(|(t, (a, b))| *t += k * (a + b));
            }
        });
        let mut data = vec![0.0f32; w * h];
        data.par_chunks_exact_mut(w.max(1)).enumerate().for_each(|(y, to)| {
            for (d, k) in kernel.iter().enumerate() {
                let above = y.saturating_sub(d) * w;
                let below = (y + d).min(h - 1) * w;
                let share = if d == 0 { k / 2.0 } else { *k };
                let rows = across[above..above + w].iter().zip(&across[below..below + w]);
                to.iter_mut().zip(rows).for_each(|(t, (a, b))| *t += share * (a + b));
            }
        });
        Self { width: w, height: h, data }
    }

    /// Reduced or enlarged so that one sample covers `step` of the old ones: areas are averaged,
    /// positions between samples interpolated.
    pub(crate) fn resampled(&self, step: f32, width: usize, height: usize) -> Self {
        let across = Taps::new(self.width, width, step);
        let down = Taps::new(self.height, height, step);
        let mut rows = vec![0.0f32; width * self.height];
        rows.par_chunks_exact_mut(width.max(1)).zip(self.data.par_chunks_exact(self.width.max(1))).for_each(
            |(to, from)| {
                for (t, (start, weights)) in to.iter_mut().zip(across.all()) {
                    *t = from[start..].iter().zip(weights).map(|(v, k)| v * k).sum();
                }
            },
        );
        let mut data = vec![0.0f32; width * height];
        data.par_chunks_exact_mut(width.max(1)).enumerate().for_each(|(y, to)| {
            let (start, weights) = down.at(y);
            for (row, k) in weights.iter().enumerate() {
                let from = &rows[(start + row) * width..][..width];
                to.iter_mut().zip(from).for_each(|(t, v)| *t += k * v);
            }
        });
        Self { width, height, data }
    }

    /// The bands, from fine to coarse; what is coarser still is left out.
    pub(super) fn bands(&self) -> [Self; BANDS] {
        let mut finer = self.clone();
        std::array::from_fn(|band| {
            let coarser = self.blurred(SCALES[band + 1]);
            let mut between = std::mem::replace(&mut finer, coarser);
            between.data.iter_mut().zip(&finer.data).for_each(|(a, b)| *a -= b);
            between
        })
    }

    /// Local mean of the absolute value.
    pub(super) fn activity(&self) -> Self {
        let data = self.data.iter().map(|v| v.abs()).collect();
        Self { data, ..*self }.blurred(WINDOW)
    }
}

/// Share of a frequency (cycles a sample) that lies in each band.
pub(super) fn band_shares(frequency: f32) -> [f32; BANDS] {
    let passed = |sigma: f32| (-0.5 * (std::f32::consts::TAU * sigma * frequency).powi(2)).exp();
    std::array::from_fn(|band| passed(SCALES[band]) - passed(SCALES[band + 1]))
}

/// Weights of a one-dimensional resampling with a piecewise cubic kernel (Catmull-Rom), stretched
/// where samples are merged.
struct Taps {
    count: usize,
    starts: Vec<usize>,
    weights: Vec<f32>,
}

impl Taps {
    fn new(from: usize, to: usize, step: f32) -> Self {
        let stretch = step.max(1.0);
        let count = ((4.0 * stretch).ceil() as usize + 1).min(from);
        let (mut starts, mut weights) = (Vec::with_capacity(to), Vec::with_capacity(to * count));
        for at in 0..to {
            let centre = (at as f32 + 0.5) * step - 0.5;
            let first = (centre - 2.0 * stretch).ceil();
            let start = (first.max(0.0) as usize).min(from - count);
            starts.push(start);
            let begin = weights.len();
            weights.resize(begin + count, 0.0);
            for tap in 0..=(4.0 * stretch).ceil() as usize {
                let place = first + tap as f32;
                let weight = cubic((place - centre) / stretch);
                // Beyond the edge the last sample is repeated.
                let inside = (place.max(0.0) as usize).clamp(start, start + count - 1) - start;
                weights[begin + inside] += weight;
            }
            let sum: f32 = weights[begin..].iter().sum();
            weights[begin..].iter_mut().for_each(|w| *w /= sum);
        }
        Self { count, starts, weights }
    }

    fn at(&self, at: usize) -> (usize, &[f32]) {
        (self.starts[at], &self.weights[at * self.count..][..self.count])
    }

    fn all(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.starts.iter().copied().zip(self.weights.chunks_exact(self.count))
    }
}

/// Keys, IEEE Trans. ASSP 29(6), 1981, with a = -1/2.
fn cubic(x: f32) -> f32 {
    let x = x.abs();
    match x {
        0.0..1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        1.0..2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waves(width: usize, height: usize, per_sample: f32) -> Field {
        let wave = |at: usize| (at % width) as f32 * per_sample + (at / width) as f32 * per_sample / 2.0;
        let data = (0..width * height).map(|at| 100.0 + 10.0 * (std::f32::consts::TAU * wave(at)).sin()).collect();
        Field { width, height, data }
    }

    #[test]
    fn bands_add_up_to_what_was_taken_out() {
        let field = waves(64, 48, 0.1);
        let coarse = field.blurred(SCALES[BANDS]);
        let bands = field.bands();
        for at in 0..field.data.len() {
            let sum: f32 = bands.iter().map(|b| b.data[at]).sum();
            assert!((sum + coarse.data[at] - field.data[at]).abs() < 1e-3);
        }
    }

    #[test]
    fn a_wave_has_its_share_in_each_band() {
        let field = waves(96, 96, 0.08);
        let shares = band_shares(0.08 * (1.25f32).sqrt());
        for (band, share) in field.bands().iter().zip(shares) {
            let inner: Vec<f32> =
                (32 * 96..64 * 96).filter(|at| (32..64).contains(&(at % 96))).map(|at| band.data[at]).collect();
            let rms = (inner.iter().map(|v| v * v).sum::<f32>() / inner.len() as f32).sqrt();
            assert!((rms - share * 10.0 / 2f32.sqrt()).abs() < 0.3, "{rms} for {share}");
        }
    }

    #[test]
    fn resampling_keeps_waves_in_place() {
        let field = waves(200, 120, 0.02);
        for step in [0.61f32, 1.0, 1.7, 2.0] {
            let (w, h) = ((200.0 / step) as usize, (120.0 / step) as usize);
            let other = field.resampled(step, w, h);
            for (x, y) in [(w / 2, h / 2), (w / 3, h / 4)] {
                let (fx, fy) = ((x as f32 + 0.5) * step - 0.5, (y as f32 + 0.5) * step - 0.5);
                let exact = 100.0 + 10.0 * (std::f32::consts::TAU * (fx * 0.02 + fy * 0.01)).sin();
                assert!(
                    (other.data[y * w + x] - exact).abs() < 0.15,
                    "step {step}: {} for {exact}",
                    other.data[y * w + x]
                );
            }
        }
    }

    #[test]
    fn pictures_smaller_than_the_kernel_are_taken() {
        let field = waves(3, 2, 0.1);
        assert_eq!(field.resampled(1.5, 2, 1).data.len(), 2);
        assert_eq!(field.blurred(7.0).data.len(), 6);
    }
}
