//! A drawn scene that looks and measures like a photo: still life, window, brick wall, portrait
//! bust, seen by a simulated camera.
//!
//! The decision that shapes it: light is computed for every point of the picture from a seed (no
//! stored picture), then goes through [`Camera`], so textures, edges, flat zones and sensor noise
//! behave as in a photo at any size. It is the base of the demo's example files and of golden
//! cases. It depicts nobody.
mod bust;
mod camera;
mod layout;
mod noise;

pub use camera::Camera;
pub use layout::Scene;

use image::{GrayImage, Luma, RgbImage};
use noise::{V3, add, mul};
use rayon::prelude::*;

/// A photo of the scene of that seed: two by two samples a pixel, a clean exposure.
pub fn photograph(seed: u64, width: u32, height: u32) -> RgbImage {
    Scene::new(seed).photograph(width, height, 0.0, 2, &Camera::new(seed))
}

/// A video frame of the scene of that seed at a time: the camera pans, the bust sways, a ball
/// rolls.
pub fn frame(seed: u64, width: u32, height: u32, time_secs: f32) -> RgbImage {
    let moment = seed ^ u64::from(time_secs.to_bits()).rotate_left(17);
    Scene::new(seed).photograph(width, height, time_secs, 1, &Camera { blur_px: 0.8, ..Camera::new(moment) })
}

impl Scene {
    /// Renders `samples * samples` points a pixel and develops them.
    pub fn photograph(&self, width: u32, height: u32, time_secs: f32, samples: u32, camera: &Camera) -> RgbImage {
        if width == 0 || height == 0 {
            return RgbImage::new(width, height);
        }
        let (w, h, n) = (width as usize, height as usize, samples.max(1));
        let mut light: Vec<V3> = vec![[0.0; 3]; w * h];
        light.par_chunks_mut(w).enumerate().for_each(|(y, row)| {
            for (x, pixel) in row.iter_mut().enumerate() {
                let mut sum = [0.0; 3];
                for sy in 0..n {
                    for sx in 0..n {
                        let point = point_at(x as f32, y as f32, (sx, sy), n, (w, h));
                        sum = add(sum, self.light(point.0, point.1, time_secs));
                    }
                }
                *pixel = mul(sum, 1.0 / (n * n) as f32);
            }
        });
        camera.develop(&light, w, h)
    }

    /// 255 where the fruit of that number (0 is the largest) is seen at a pixel's middle, at time
    /// 0.
    pub fn fruit_mask(&self, fruit: usize, width: u32, height: u32) -> GrayImage {
        GrayImage::from_fn(width, height, |x, y| {
            let (u, v) = point_at(x as f32, y as f32, (0, 0), 1, (width as usize, height as usize));
            Luma([if self.nearest_fruit(u, v) == Some(fruit) { 255 } else { 0 }])
        })
    }
}

/// Scene coordinates of a sample: the height is 1, x is 0 in the middle, y grows downwards from 0.
fn point_at(x: f32, y: f32, sub: (u32, u32), n: u32, (width, height): (usize, usize)) -> (f32, f32) {
    let px = x + (sub.0 as f32 + 0.5) / n as f32;
    let py = y + (sub.1 as f32 + 0.5) / n as f32;
    ((px - width as f32 / 2.0) / height as f32, py / height as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_bytes_and_another_seed_others() {
        let once = photograph(1, 96, 72);
        assert_eq!(once, photograph(1, 96, 72));
        assert_ne!(once, photograph(2, 96, 72));
    }

    #[test]
    fn it_has_bright_and_dark_flat_and_busy_places() {
        let picture = photograph(3, 320, 240);
        let luma: Vec<f32> = picture
            .pixels()
            .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
            .collect();
        let spread = |bx: usize, by: usize| {
            let block: Vec<f32> = (0..64).map(|i| luma[(by * 8 + i / 8) * 320 + bx * 8 + i % 8]).collect();
            let mean = block.iter().sum::<f32>() / 64.0;
            (block.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 64.0).sqrt()
        };
        let spreads: Vec<f32> = (0..40 * 30).map(|i| spread(i % 40, i / 40)).collect();
        let flat = spreads.iter().filter(|s| **s < 4.0).count();
        let busy = spreads.iter().filter(|s| **s > 12.0).count();
        assert!(flat > 60 && busy > 200, "flat {flat}, busy {busy} of 1200 blocks");
        assert!(luma.iter().any(|v| *v < 25.0) && luma.iter().any(|v| *v > 225.0));
    }

    #[test]
    fn frames_of_a_clip_move() {
        let (a, b) = (frame(1, 160, 90, 0.0), frame(1, 160, 90, 1.0));
        let change: u64 = a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!(change as f64 / a.len() as f64 > 2.0);
    }

    #[test]
    fn the_largest_fruit_is_in_the_picture() {
        let mask = Scene::new(1).fruit_mask(0, 320, 240);
        let covered = mask.pixels().filter(|v| v[0] == 255).count() as f64 / f64::from(320 * 240);
        assert!((0.005..0.1).contains(&covered), "{covered}");
    }
}
