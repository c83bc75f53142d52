//! Putting the mark in.
//!
//! The decision that shapes it: the mark is computed on a canonical plane whose short side has at
//! most [`CANONICAL`] samples and enlarged from there, so that a mark is as coarse as its picture
//! is large and survives being made small. Its strength follows the picture band by band and is
//! then scaled as a whole until the peak signal-to-noise ratio of the mark alone is [`TARGET_DB`].
//! All three colours change by the same amount: colour stays, and so does grey.
use image::RgbImage;
use rayon::prelude::*;
use rustfft::FftDirection;
use rustfft::num_complex::Complex32;

use super::pattern::{PERIOD, lines};
use super::perception::{BANDS, Field, band_shares};
use super::spectrum::Transform;
use super::{CANONICAL, SMALLEST_SIDE, WatermarkError, code};

/// Peak signal-to-noise ratio of the mark alone over all colours, in decibels.
const TARGET_DB: f64 = 42.1;
/// What is tried after that where the picture's own texture drowns the mark; such texture hides a
/// stronger one.
const STRONGER_DB: [f64; 2] = [39.5, 37.0];
/// How far above the threshold a freshly put mark must be, in standard deviations: about a fifth is
/// lost to a compression or a crop.
const MARGIN: f32 = 3.0;
/// What is added to the local activity before the mark is made proportional to it: the mark in a
/// flat place, relative to that in a place of this mean absolute deviation, in grey levels.
const FLOOR: f32 = 1.0;

/// Most of the factor at [`TARGET_DB`]: the mark's standard deviation in a flat place, in grey
/// levels. More would be seen as grain on a bare wall; a picture with much of that gets a weaker
/// mark, and needs less.
const MOST_FACTOR: f32 = 1.44;

/// Radius, in cycles a period, at which a line has its largest amplitude. Chosen on portraits and
/// clips that no figure in `docs/watermark.md` is taken from; lower ones were worse under H.264,
/// not better.
const PEAK_RADIUS: f32 = 17.7;

/// The pattern as it is added where every band's mask is 1.
fn tiles(values: &[Complex32]) -> [Vec<f32>; BANDS] {
    let mut transform = Transform::new(PERIOD, PERIOD, FftDirection::Inverse);
    std::array::from_fn(|band| {
        let mut data = vec![Complex32::new(0.0, 0.0); PERIOD * PERIOD];
        for (line, value) in lines().iter().zip(values) {
            let share = band_shares(line.radius() / PERIOD as f32)[band];
            let x = line.x.rem_euclid(PERIOD as i32) as usize;
            data[line.y as usize * PERIOD + x] = value * share;
        }
        transform.run(&mut data);
        // The whole pattern has a mean square of 1.
        let unit = (2.0 / values.iter().map(Complex32::norm_sqr).sum::<f32>()).sqrt();
        data.iter().map(|v| v.re * unit).collect()
    })
}

/// How much a place of this activity gets, up to one factor. The root lies between a mark as even
/// as can be, which is read best, and one in proportion to the texture that hides it.
fn mask(activity: f32) -> f32 {
    (activity + FLOOR).sqrt()
}

/// Amplitude of a line relative to the others: rising from low frequencies, where pictures have
/// most of their own energy and the eye its sensitivity, and falling towards the highest, which
/// compression takes first.
fn amplitude(radius: f32) -> f32 {
    radius / PEAK_RADIUS * (0.5 - (radius / PEAK_RADIUS).powi(2) / 2.0).exp()
}

/// How much to add at each pixel, up to one factor.
fn shape(luma: &Field, id: u32) -> Field {
    let step = (luma.width.min(luma.height) as f32 / CANONICAL as f32).max(1.0);
    let resized = |field: &Field, step: f32, w: usize, h: usize| {
        if w == field.width && h == field.height { field.clone() } else { field.resampled(step, w, h) }
    };
    let small = |side: usize| ((side as f32 / step).round() as usize).max(1);
    let plane = resized(luma, step, small(luma.width), small(luma.height));
    let code = code::encode(id);
    let values: Vec<Complex32> = lines().iter().map(|line| line.value(&code) * amplitude(line.radius())).collect();
    let mut mark = Field::zeros(plane.width, plane.height);
    for (band, tile) in plane.bands().iter().zip(tiles(&values)) {
        let activity = band.activity();
        let rows = mark.data.par_chunks_exact_mut(plane.width).zip(activity.data.par_chunks_exact(plane.width));
        rows.enumerate().for_each(|(y, (to, activity))| {
            let tile = &tile[y % PERIOD * PERIOD..][..PERIOD];
            for (to, activity) in to.chunks_mut(PERIOD).zip(activity.chunks(PERIOD)) {
                to.iter_mut().zip(activity).zip(tile).for_each(|((t, a), v)| *t += mask(*a) * v);
            }
        });
    }
    resized(&mark, 1.0 / step, luma.width, luma.height)
}

/// Marks a picture so that the mark can be read again with some margin, and gives the peak
/// signal-to-noise ratio of what was changed, in decibels. That is 42 but for pictures full of
/// texture.
///
/// # Errors
/// [`WatermarkError::TooSmall`]; [`WatermarkError::Drowned`] where even a stronger mark cannot be
/// read.
pub fn embed_readable(picture: &mut RgbImage, id: u32) -> Result<f64, WatermarkError> {
    for (at, target) in std::iter::once(TARGET_DB).chain(STRONGER_DB).enumerate() {
        let mut marked = picture.clone();
        let psnr = embed_at(&mut marked, id, target)?;
        let read = super::read(&marked).filter(|reading| reading.id == Some(id));
        let margin = read.and_then(|r| Some(r.full_statistic? - r.full_threshold)).unwrap_or(f32::MIN);
        // The last try needs no margin to be better than nothing.
        if margin >= if at == STRONGER_DB.len() { 0.0 } else { MARGIN } {
            *picture = marked;
            return Ok(psnr);
        }
    }
    Err(WatermarkError::Drowned)
}

/// Marks a picture with a number and gives the peak signal-to-noise ratio of what was changed, in
/// decibels.
///
/// # Errors
/// [`WatermarkError::TooSmall`].
pub fn embed(picture: &mut RgbImage, id: u32) -> Result<f64, WatermarkError> {
    embed_at(picture, id, TARGET_DB)
}

fn embed_at(picture: &mut RgbImage, id: u32, target_db: f64) -> Result<f64, WatermarkError> {
    let (width, height) = picture.dimensions();
    if width.min(height) < SMALLEST_SIDE {
        return Err(WatermarkError::TooSmall { width, height });
    }
    let mark = shape(&super::luma(picture), id);
    let mean_square = mark.data.iter().map(|v| f64::from(v * v)).sum::<f64>() / mark.data.len() as f64;
    let wanted = 255.0 * 255.0 / 10f64.powf(target_db / 10.0);
    let most = if target_db < TARGET_DB { f32::INFINITY } else { MOST_FACTOR };
    let mut factor = ((wanted / mean_square).sqrt() as f32).min(most);
    let changed = |value: u8, by: f32| (f32::from(value) + by).round().clamp(0.0, 255.0) as u8;
    let row_bytes = width as usize * 3;
    let error_at = |picture: &RgbImage, factor: f32| -> f64 {
        let rows = picture.par_chunks_exact(row_bytes).zip(mark.data.par_chunks_exact(width as usize));
        let sums = rows.map(|(row, mark)| {
            let pixels = row.as_chunks::<3>().0.iter().zip(mark);
            let errors = pixels.flat_map(|(p, m)| p.map(|v| u64::from(v.abs_diff(changed(v, m * factor))).pow(2)));
            errors.sum::<u64>()
        });
        sums.sum::<u64>() as f64 / (f64::from(width) * f64::from(height) * 3.0)
    };
    // Rounding adds to the error and clipping takes from it; three corrections bring it to the
    // target.
    for _ in 0..3 {
        let error = error_at(picture, factor).max(1e-3);
        factor = (factor * (wanted / error).sqrt().clamp(0.5, 2.0) as f32).min(most);
    }
    let error = error_at(picture, factor);
    picture.par_chunks_exact_mut(row_bytes).zip(mark.data.par_chunks_exact(width as usize)).for_each(|(row, mark)| {
        for (p, m) in row.as_chunks_mut::<3>().0.iter_mut().zip(mark) {
            *p = p.map(|v| changed(v, m * factor));
        }
    });
    Ok(10.0 * (255.0 * 255.0 / error.max(1e-9)).log10())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::scene;

    #[test]
    fn what_is_put_in_is_read_at_every_size_and_is_weak() {
        for (width, height) in [(192, 192), (256, 256), (640, 360), (500, 1100), (1280, 720)] {
            let mut picture = scene(width, height, 0);
            let before = picture.clone();
            let psnr = embed(&mut picture, 0xC0FF_EE11).unwrap();
            let squares: f64 = picture.iter().zip(before.iter()).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
            let exact = 10.0 * (255.0 * 255.0 * picture.len() as f64 / squares).log10();
            assert!((psnr - exact).abs() < 1e-9 && psnr >= 42.0, "{psnr}, exactly {exact}");
            let reading = crate::watermark::read(&picture).unwrap();
            assert_eq!(reading.id, Some(0xC0FF_EE11), "{width}x{height}: {reading:?}");
            assert!(!crate::watermark::read(&before).unwrap().found);
        }
        assert!(embed(&mut scene(191, 400, 0), 1).is_err());
    }

    #[test]
    fn flat_black_and_white_pictures_are_taken() {
        for level in [0, 128, 255] {
            let mut picture = RgbImage::from_pixel(256, 256, image::Rgb([level; 3]));
            embed(&mut picture, 5).unwrap();
            assert_eq!(crate::watermark::read(&picture).unwrap().id, Some(5), "level {level}");
        }
    }

    #[test]
    fn a_mirrored_scaled_and_cropped_mark_is_read() {
        let mut picture = scene(640, 480, 0);
        embed(&mut picture, 9).unwrap();
        let smaller = image::imageops::resize(&picture, 448, 336, image::imageops::FilterType::CatmullRom);
        let part = image::imageops::crop_imm(&smaller, 31, 17, 360, 280).to_image();
        let reading = crate::watermark::read(&image::imageops::flip_horizontal(&part)).unwrap();
        assert!(reading.id == Some(9) && reading.mirrored, "{reading:?}");
    }
}
