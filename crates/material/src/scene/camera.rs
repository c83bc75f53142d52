//! A camera for drawn light: lens blur, vignetting, Bayer mosaic, shot and read noise,
//! demosaicking, tone curve.
//!
//! These steps leave the traces that the forensics of camera pictures look for: neighbouring
//! samples that depend on each other and noise that grows with brightness. The demosaicking is the
//! gradient-directed one of Hamilton and Adams (US 5,629,734).
use super::noise::V3;
use crate::rng::mix;
use image::RgbImage;
use rayon::prelude::*;
use std::f32::consts::TAU;

/// Settings of the camera.
#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    /// Standard deviation of the lens blur in pixels.
    pub blur_px: f32,
    /// Electrons of a sample at full scale; fewer give more noise.
    pub full_well: f32,
    /// Standard deviation of the read noise in electrons.
    pub read_noise: f32,
    /// Light lost in the corners, 0..1.
    pub vignetting: f32,
    /// Seed of the noise.
    pub seed: u64,
}

impl Camera {
    /// A clean exposure in good light.
    pub fn new(seed: u64) -> Self {
        Self { blur_px: 0.55, full_well: 6000.0, read_noise: 4.0, vignetting: 0.28, seed }
    }

    /// Develops row-major linear light (1.0 is white) to 8-bit sRGB.
    pub(super) fn develop(&self, light: &[V3], width: usize, height: usize) -> RgbImage {
        let light = blur(light, width, height, self.blur_px);
        let raw = self.mosaic(&light, width, height);
        let colour = demosaic(&raw, width, height);
        let bytes = colour.par_iter().flat_map_iter(|pixel| pixel.map(encode)).collect();
        RgbImage::from_raw(width as u32, height as u32, bytes).unwrap_or_default()
    }

    /// RGGB samples in 12-bit steps of 0..=1, balanced to white.
    fn mosaic(&self, light: &[V3], width: usize, height: usize) -> Vec<f32> {
        // The sensor sees less red and blue than green; white balance multiplies that, and its
        // noise, up again.
        const GAINS: V3 = [1.8, 1.0, 1.5];
        let (cx, cy) = (width as f32 / 2.0, height as f32 / 2.0);
        let corner = cx * cx + cy * cy;
        let mut raw = vec![0.0f32; width * height];
        raw.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
            for (x, sample) in row.iter_mut().enumerate() {
                let channel = channel_at(x, y);
                let off = ((x as f32 - cx).powi(2) + (y as f32 - cy).powi(2)) / corner;
                let exposure = light[y * width + x][channel] * (1.0 - self.vignetting * off) / GAINS[channel];
                let electrons = (exposure * self.full_well).max(0.0);
                let spread = (electrons + self.read_noise * self.read_noise).sqrt();
                let noisy = electrons + spread * normal(self.seed, x, y);
                let steps = (noisy / self.full_well * 4095.0).round().clamp(-64.0, 4095.0);
                *sample = steps / 4095.0 * GAINS[channel];
            }
        });
        raw
    }
}

/// Channel of the RGGB pattern.
fn channel_at(x: usize, y: usize) -> usize {
    (x & 1) + (y & 1)
}

/// Standard normal that belongs to a pixel, whatever the order of work.
fn normal(seed: u64, x: usize, y: usize) -> f32 {
    let bits = mix(seed ^ mix(((x as u64) << 32) | y as u64));
    let (a, b) = ((bits >> 40) as f32 / (1u64 << 24) as f32, (bits & 0xFF_FFFF) as f32 / (1u64 << 24) as f32);
    (-2.0 * (1.0 - a).ln()).sqrt() * (TAU * b).cos()
}

fn blur(light: &[V3], width: usize, height: usize, sigma: f32) -> Vec<V3> {
    let radius = (3.0 * sigma).ceil() as isize;
    let mut kernel: Vec<f32> = (-radius..=radius).map(|i| (-((i as f32) / sigma).powi(2) / 2.0).exp()).collect();
    let sum: f32 = kernel.iter().sum();
    for weight in &mut kernel {
        *weight /= sum;
    }
    let pass = |source: &[V3], step: (isize, isize)| -> Vec<V3> {
        let mut out = vec![[0.0; 3]; source.len()];
        out.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
            for (x, pixel) in row.iter_mut().enumerate() {
                for (k, weight) in kernel.iter().enumerate() {
                    let shift = k as isize - radius;
                    let sx = (x as isize + shift * step.0).clamp(0, width as isize - 1) as usize;
                    let sy = (y as isize + shift * step.1).clamp(0, height as isize - 1) as usize;
                    for c in 0..3 {
                        pixel[c] += weight * source[sy * width + sx][c];
                    }
                }
            }
        });
        out
    };
    pass(&pass(light, (1, 0)), (0, 1))
}

/// Mirror without repeating the edge, which keeps the Bayer phase.
fn mirror(i: isize, length: usize) -> usize {
    let last = length as isize - 1;
    let i = if i < 0 { -i } else { i };
    (if i > last { (2 * last - i).max(0) } else { i }) as usize
}

fn demosaic(raw: &[f32], width: usize, height: usize) -> Vec<V3> {
    let at = |x: isize, y: isize| raw[mirror(y, height) * width + mirror(x, width)];
    let mut green = vec![0.0f32; raw.len()];
    green.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        for (x, value) in row.iter_mut().enumerate() {
            let (xi, yi) = (x as isize, y as isize);
            if channel_at(x, y) == 1 {
                *value = at(xi, yi);
                continue;
            }
            let curve_h = 2.0 * at(xi, yi) - at(xi - 2, yi) - at(xi + 2, yi);
            let curve_v = 2.0 * at(xi, yi) - at(xi, yi - 2) - at(xi, yi + 2);
            let (left, right, up, down) = (at(xi - 1, yi), at(xi + 1, yi), at(xi, yi - 1), at(xi, yi + 1));
            let across = f32::midpoint(left, right) + curve_h / 4.0;
            let along = f32::midpoint(up, down) + curve_v / 4.0;
            let (dh, dv) = ((left - right).abs() + curve_h.abs(), (up - down).abs() + curve_v.abs());
            *value = if dh < dv {
                across
            } else if dv < dh {
                along
            } else {
                f32::midpoint(across, along)
            };
        }
    });
    let difference = |x: isize, y: isize| {
        let i = mirror(y, height) * width + mirror(x, width);
        raw[i] - green[i]
    };
    let mut colour = vec![[0.0f32; 3]; raw.len()];
    colour.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.iter_mut().enumerate() {
            let (xi, yi) = (x as isize, y as isize);
            let g = green[y * width + x];
            let horizontal = || f32::midpoint(difference(xi - 1, yi), difference(xi + 1, yi));
            let vertical = || f32::midpoint(difference(xi, yi - 1), difference(xi, yi + 1));
            let diagonal = || {
                (difference(xi - 1, yi - 1)
                    + difference(xi + 1, yi - 1)
                    + difference(xi - 1, yi + 1)
                    + difference(xi + 1, yi + 1))
                    / 4.0
            };
            let (red, blue) = match (x & 1, y & 1) {
                (0, 0) => (difference(xi, yi), diagonal()),
                (1, 0) => (horizontal(), vertical()),
                (0, _) => (vertical(), horizontal()),
                _ => (diagonal(), difference(xi, yi)),
            };
            *pixel = [g + red, g, g + blue];
        }
    });
    colour
}

/// Linear light to an 8-bit sRGB sample.
fn encode(v: f32) -> u8 {
    let v = v.clamp(0.0, 1.0);
    let s = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
    (s * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> Camera {
        Camera { blur_px: 0.3, full_well: 1e9, read_noise: 0.0, vignetting: 0.0, seed: 1 }
    }

    #[test]
    fn even_light_stays_even_and_keeps_its_colour() {
        let light = vec![[0.5, 0.2, 0.1]; 32 * 20];
        let picture = quiet().develop(&light, 32, 20);
        let expected = [0.5, 0.2, 0.1].map(encode);
        assert!(picture.pixels().all(|p| p.0.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1)));
    }

    #[test]
    fn noise_grows_with_brightness_in_electrons() {
        let camera = Camera { full_well: 1000.0, read_noise: 2.0, vignetting: 0.0, ..quiet() };
        let spread = |level: f32| {
            let raw = camera.mosaic(&vec![[level; 3]; 128 * 128], 128, 128);
            let greens: Vec<f32> =
                (0..raw.len()).filter(|i| channel_at(i % 128, i / 128) == 1).map(|i| raw[i]).collect();
            let mean = greens.iter().sum::<f32>() / greens.len() as f32;
            greens.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / greens.len() as f32
        };
        // Variance in units of full scale: (n + read²) / well², n = level * well.
        assert!((spread(0.4) / (404.0 / 1e6) - 1.0).abs() < 0.06, "{}", spread(0.4));
        assert!((spread(0.1) / (104.0 / 1e6) - 1.0).abs() < 0.06, "{}", spread(0.1));
    }
}
