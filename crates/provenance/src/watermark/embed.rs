//! Putting the mark in.
//!
//! The decision that shapes it: the mark is computed on a canonical plane whose short side has at most [`CANONICAL`] samples and enlarged from there, so that a mark is as coarse as
//! its picture is large and survives being made small. Its strength follows the picture band by band and is then scaled as a whole until the
//! peak signal-to-noise ratio of the mark alone is [`TARGET_DB`]. All three colours change by the same amount: colour stays, and so does grey.
use image::RgbImage;
use rayon::prelude::*;
use rustfft::FftDirection;
use rustfft::num_complex::Complex32;

use super::pattern::{PERIOD, lines};
use super::perception::{BANDS, Field, band_shares};
use super::spectrum::Transform;
use super::{CANONICAL, SMALLEST_SIDE, WatermarkError, code};

/// Peak signal-to-noise ratio of the mark alone over all colours, in decibels.
pub(super) const TARGET_DB: f64 = 42.1;
/// What is added to the local activity before the mark is made proportional to it: the mark in a flat place, relative to that in a place
/// of this mean absolute deviation, in grey levels.
const FLOOR: f32 = 1.0;

/// Radius, in cycles a period, at which a line has its full amplitude; below it falls in proportion. Pictures have most of their own energy there, and so has the eye its
/// sensitivity.
const FULL_RADIUS: f32 = 16.0;

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
        // The whole pattern has a mean square of about 1.
        let unit = (2.0 / lines().len() as f32).sqrt();
        data.iter().map(|v| v.re * unit).collect()
    })
}

/// How much a place of this activity gets, up to one factor. The root lies between a mark as even as can be, which is read best, and one in
/// proportion to the texture that hides it.
fn mask(activity: f32) -> f32 {
    (activity + FLOOR).sqrt()
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
    let values: Vec<Complex32> =
        lines().iter().map(|line| line.value(&code) * (line.radius() / FULL_RADIUS)).collect();
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

/// Marks a picture with a number and gives the peak signal-to-noise ratio of what was changed, in decibels.
///
/// # Errors
/// [`WatermarkError::TooSmall`].
pub fn embed(picture: &mut RgbImage, id: u32) -> Result<f64, WatermarkError> {
    let (width, height) = picture.dimensions();
    if width.min(height) < SMALLEST_SIDE {
        return Err(WatermarkError::TooSmall { width, height });
    }
    let mark = shape(&super::luma(picture), id);
    let mean_square = mark.data.iter().map(|v| f64::from(v * v)).sum::<f64>() / mark.data.len() as f64;
    let wanted = 255.0 * 255.0 / 10f64.powf(TARGET_DB / 10.0);
    let mut factor = (wanted / mean_square).sqrt() as f32;
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
    // Rounding adds to the error and clipping takes from it; three corrections bring it to the target.
    for _ in 0..3 {
        let error = error_at(picture, factor).max(1e-3);
        factor *= (wanted / error).sqrt().clamp(0.5, 2.0) as f32;
    }
    let error = error_at(picture, factor);
    picture.par_chunks_exact_mut(row_bytes).zip(mark.data.par_chunks_exact(width as usize)).for_each(|(row, mark)| {
        for (p, m) in row.as_chunks_mut::<3>().0.iter_mut().zip(mark) {
            *p = p.map(|v| changed(v, m * factor));
        }
    });
    Ok(10.0 * (255.0 * 255.0 / error.max(1e-9)).log10())
}
