//! The mean power spectrum of what is finer than the local mean.
use assay_media::Plane;
use image::{Rgb, RgbImage};
use rayon::prelude::*;
use rustfft::{FftPlanner, num_complex::Complex};

/// Side of a window in pixels.
const SIDE: usize = 64;
/// Windows that are read; a larger picture is sampled evenly.
const WINDOWS: usize = 1024;
/// Screen pixels per frequency.
const ZOOM: u32 = 5;

/// Mean power of each frequency, `[v][u]`, frequency 0 first, in decibels.
pub(super) struct Spectrum {
    decibels: Vec<f64>,
}

/// Spectrum of a plane of at least 64 x 64 samples.
pub(super) fn of(luma: &Plane) -> Spectrum {
    let places = |length: usize| -> Vec<usize> {
        (0..=(length.saturating_sub(SIDE)) / (SIDE / 2)).map(|i| i * SIDE / 2).collect()
    };
    let (lefts, tops) = (places(luma.width), places(luma.height));
    let all = lefts.len() * tops.len();
    let step = all.div_ceil(WINDOWS).max(1);
    let taper: Vec<f32> =
        (0..SIDE).map(|i| (std::f32::consts::PI * (i as f32 + 0.5) / SIDE as f32).sin().powi(2)).collect();
    let fft = FftPlanner::<f32>::new().plan_fft_forward(SIDE);
    let windows: Vec<Vec<f32>> = (0..all)
        .into_par_iter()
        .step_by(step)
        .map(|w| {
            let (left, top) = (lefts[w % lefts.len()], tops[w / lefts.len()]);
            let mut field: Vec<Complex<f32>> = (0..SIDE * SIDE)
                .map(|i| {
                    let (x, y) = (i % SIDE, i / SIDE);
                    Complex::new(detail(luma, left + x, top + y) * taper[x] * taper[y], 0.0)
                })
                .collect();
            fft.process(&mut field);
            let mut turned: Vec<Complex<f32>> = (0..SIDE * SIDE).map(|i| field[i % SIDE * SIDE + i / SIDE]).collect();
            fft.process(&mut turned);
            (0..SIDE * SIDE).map(|i| turned[i % SIDE * SIDE + i / SIDE].norm_sqr()).collect()
        })
        .collect();
    let count = windows.len().max(1) as f64;
    let decibels = (0..SIDE * SIDE)
        .map(|i| 10.0 * (windows.iter().map(|w| f64::from(w[i])).sum::<f64>() / count + 1e-3).log10())
        .collect();
    Spectrum { decibels }
}

/// A sample less the binomial mean of its 3x3 neighbourhood; the edge repeats.
fn detail(luma: &Plane, x: usize, y: usize) -> f32 {
    let row = |y: usize| {
        let row = luma.row(y);
        (row[x.saturating_sub(1)] + 2.0 * row[x] + row[(x + 1).min(luma.width - 1)]) / 4.0
    };
    luma.at(x, y) - (row(y.saturating_sub(1)) + 2.0 * row(y) + row((y + 1).min(luma.height - 1))) / 4.0
}

impl Spectrum {
    /// Mean over all directions: points of frequency (cycles per pixel) and decibels.
    pub(super) fn profile(&self) -> Vec<[f64; 2]> {
        let half = SIDE / 2;
        let mut rings = vec![(0.0, 0.0); half + 1];
        for (i, power) in self.decibels.iter().enumerate() {
            let away = |k: usize| k.min(SIDE - k) as f64;
            let ring = away(i % SIDE).hypot(away(i / SIDE)).round() as usize;
            if let Some((sum, count)) = rings.get_mut(ring) {
                *sum += power;
                *count += 1.0;
            }
        }
        let point =
            |(k, (sum, count)): (usize, &(f64, f64))| [k as f64 / SIDE as f64, (sum / count * 1e3).round() / 1e3];
        rings.iter().enumerate().skip(1).map(point).collect()
    }

    /// The spectrum in grey, frequency 0 in the middle, stretched between its 1st and 99.9th
    /// percentile.
    pub(super) fn picture(&self) -> RgbImage {
        let mut sorted = self.decibels.clone();
        sorted.sort_by(f64::total_cmp);
        let part = |share: f64| sorted[(share * (sorted.len() - 1) as f64) as usize];
        let (low, high) = (part(0.01), part(0.999));
        let side = SIDE as u32 * ZOOM;
        RgbImage::from_fn(side, side, |x, y| {
            let at = |k: u32| (k / ZOOM) as usize;
            let (u, v) = ((at(x) + SIDE / 2) % SIDE, (at(y) + SIDE / 2) % SIDE);
            let grey =
                (255.0 * (self.decibels[v * SIDE + u] - low) / (high - low).max(1e-6)).round().clamp(0.0, 255.0) as u8;
            Rgb([grey; 3])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_is_a_peak_at_its_frequency() {
        let mut luma = Plane::filled(200, 130, 128.0);
        for (i, v) in luma.data.iter_mut().enumerate() {
            *v += 20.0 * (std::f32::consts::TAU * 0.25 * (i % 200) as f32).cos();
        }
        let spectrum = of(&luma);
        let (peak, _) = spectrum.decibels.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        assert!(peak / SIDE == 0 && (peak % SIDE == SIDE / 4 || peak % SIDE == 3 * SIDE / 4), "{peak}");
        let profile = spectrum.profile();
        let best = profile.iter().max_by(|a, b| a[1].total_cmp(&b[1])).unwrap();
        assert!((best[0] - 0.25).abs() < 0.02, "{best:?}");
        assert_eq!(spectrum.picture().dimensions(), (320, 320));
    }
}
