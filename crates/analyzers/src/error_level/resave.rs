//! What one more save would change, without saving: quantisation in the DCT domain.
//!
//! Chroma is not subsampled, so that colour edges do not light up by the subsampling alone. Samples
//! beyond the right and bottom edge repeat the last ones, as encoders do.
use assay_media::dct::{forward8, inverse8};
use assay_media::jpeg::standard_table;
use image::RgbImage;
use rayon::prelude::*;

/// Absolute changes, row-major, of the picture's size.
pub(super) struct Changes {
    /// Width in pixels.
    pub(super) width: usize,
    /// Height in pixels.
    pub(super) height: usize,
    /// Luma in grey levels.
    pub(super) luma: Vec<f32>,
    /// Red, green and blue, interleaved, in whole levels.
    pub(super) rgb: Vec<u8>,
}

/// Changes by a save at an IJG quality.
pub(super) fn changes(picture: &RgbImage, quality: u8) -> Changes {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let tables = [standard_table(quality, false), standard_table(quality, true)].map(|t| t.map(f32::from));
    let mut luma = vec![0.0; width * height];
    let mut rgb = vec![0; width * height * 3];
    luma.par_chunks_mut(width * 8).zip(rgb.par_chunks_mut(width * 24)).enumerate().for_each(|(row, (luma, rgb))| {
        for left in (0..width).step_by(8) {
            let planes = block(picture, left, row * 8);
            let saved: [[f32; 64]; 3] = std::array::from_fn(|c| requantised(&planes[c], &tables[usize::from(c > 0)]));
            for (i, y) in (0..luma.len() / width).flat_map(|y| (0..8).map(move |x| (y * 8 + x, y))) {
                let x = left + i % 8;
                if x >= width {
                    continue;
                }
                luma[y * width + x] = (saved[0][i] - planes[0][i]).abs();
                let before = picture.get_pixel(x as u32, (row * 8 + y) as u32);
                let after = to_rgb(saved[0][i], saved[1][i], saved[2][i]);
                for c in 0..3 {
                    rgb[(y * width + x) * 3 + c] =
                        (after[c].clamp(0.0, 255.0).round() - f32::from(before[c])).abs() as u8;
                }
            }
        }
    });
    Changes { width, height, luma, rgb }
}

/// Mean of values.
pub(super) fn mean(values: &[f32]) -> f64 {
    values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len().max(1) as f64
}

fn requantised(samples: &[f32; 64], table: &[f32; 64]) -> [f32; 64] {
    let coefficients = forward8(samples);
    inverse8(&std::array::from_fn(|i| (coefficients[i] / table[i]).round() * table[i]))
}

/// Y, Cb and Cr (JFIF), less 128 for luma and centred at 0 for chroma.
fn block(picture: &RgbImage, left: usize, top: usize) -> [[f32; 64]; 3] {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut planes = [[0.0; 64]; 3];
    for i in 0..64 {
        let (x, y) = ((left + i % 8).min(width - 1), (top + i / 8).min(height - 1));
        let [r, g, b] = picture.get_pixel(x as u32, y as u32).0.map(f32::from);
        planes[0][i] = 0.299 * r + 0.587 * g + 0.114 * b - 128.0;
        planes[1][i] = -0.168_736 * r - 0.331_264 * g + 0.5 * b;
        planes[2][i] = 0.5 * r - 0.418_688 * g - 0.081_312 * b;
    }
    planes
}

fn to_rgb(y: f32, cb: f32, cr: f32) -> [f32; 3] {
    let y = y + 128.0;
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn noise() -> RgbImage {
        let mut state = 9u32;
        RgbImage::from_fn(50, 37, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
        })
    }

    #[test]
    fn a_plain_picture_hardly_changes_and_noise_changes_a_lot() {
        let plain = changes(&RgbImage::from_pixel(50, 37, Rgb([120, 120, 120])), 75);
        assert!(mean(&plain.luma) < 0.6, "{}", mean(&plain.luma));
        let (coarse, fine) = (changes(&noise(), 75), changes(&noise(), 90));
        assert!(mean(&coarse.luma) > 5.0 && mean(&coarse.luma) > 1.5 * mean(&fine.luma));
        assert_eq!(coarse.rgb.len(), 50 * 37 * 3);
    }

    #[test]
    fn a_second_save_of_the_same_quality_changes_far_less() {
        let picture = RgbImage::from_fn(48, 32, |x, y| {
            let v = 128.0 + 30.0 * (x as f32 * 0.9).sin() + 25.0 * (y as f32 * 1.3 + x as f32 * 0.4).cos();
            Rgb([v as u8; 3])
        });
        let first = changes(&picture, 75);
        let mut saved = picture.clone();
        let table = standard_table(75, false).map(f32::from);
        for top in (0..32).step_by(8) {
            for left in (0..48).step_by(8) {
                let again = requantised(&block(&picture, left, top)[0], &table);
                for i in 0..64 {
                    let grey = (again[i] + 128.0).round() as u8;
                    saved.put_pixel((left + i % 8) as u32, (top + i / 8) as u32, Rgb([grey; 3]));
                }
            }
        }
        let second = changes(&saved, 75);
        assert!(mean(&second.luma) < 0.4 * mean(&first.luma), "{} {}", mean(&second.luma), mean(&first.luma));
    }
}
