//! Finding the label again.
//!
//! The decision that shapes it: normalised correlation with the very drawing that was put in, first
//! where and as large as it was drawn, then at other sizes all over the picture, so that a label is
//! found after scaling and cropping. The picture is reduced until the letters are a few pixels
//! high; that is enough to tell them and keeps the search short, which every unmarked picture pays
//! for.
use rustfft::FftDirection;
use rustfft::num_complex::Complex32;

use super::{Drawing, draw, origin, plate_height};
use crate::Making;
use crate::watermark::{Field, Transform};

/// Correlation from which on a label counts as found.
pub(crate) const THRESHOLD: f32 = 0.6;
/// Height of the plate when the whole picture is searched, in samples.
const SEARCHED: f32 = 10.0;
/// Sizes of the plate that are tried, relative to the expected one: a picture made half or one and
/// a half times as large, or cropped.
const SIZES: (f32, f32) = (0.62, 1.75);
/// Ratio of neighbouring sizes.
const STEP: f32 = 1.07;

/// Standard deviation below which a place is too flat to hold words, in grey levels.
const LEAST_SPREAD: f32 = 8.0;

/// A label that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seen {
    pub(crate) making: Making,
    /// Normalised correlation, up to 1.
    pub(crate) score: f32,
}

/// The label that fits best; `None` for pictures that are too small to hold one.
pub(crate) fn find(plane: &Field) -> Option<Seen> {
    let expected = plate_height(plane.width as u32, plane.height as u32);
    let best = |found: Vec<Seen>| found.into_iter().max_by(|a, b| a.score.total_cmp(&b.score));
    let here = best(Making::ALL.iter().filter_map(|making| in_place(plane, *making, expected)).collect());
    if let Some(seen) = here.filter(|seen| seen.score >= THRESHOLD) {
        return Some(seen);
    }
    let mut found: Vec<Seen> = here.into_iter().collect();
    // Reduced once as far as the smallest size allows; the steps between sizes then start from few
    // samples.
    let step = (expected * SIZES.0 / SEARCHED).max(1.0);
    let small = |side: usize| ((side as f32 / step).floor() as usize).max(1);
    let base = plane.resampled(step, small(plane.width), small(plane.height));
    let mut size = SIZES.0;
    while size <= SIZES.1 {
        found.extend(anywhere(&base, expected * size / step));
        size *= STEP;
    }
    best(found)
}

/// The drawing as a pattern with mean 0 and norm 1.
fn pattern(drawing: &Drawing) -> Vec<f32> {
    let mean = drawing.words.iter().sum::<f32>() / drawing.words.len() as f32;
    let norm = drawing.words.iter().map(|v| (v - mean).powi(2)).sum::<f32>().sqrt().max(1e-6);
    drawing.words.iter().map(|v| (v - mean) / norm).collect()
}

/// Correlation where the label was drawn.
fn in_place(plane: &Field, making: Making, plate: f32) -> Option<Seen> {
    let drawing = draw(making.words(), plate);
    let (left, top) = origin(plane.width as u32, plane.height as u32, &drawing);
    let (left, top) = (left as usize, top as usize);
    if left + drawing.width > plane.width || top + drawing.height > plane.height {
        return None;
    }
    let rows = || (0..drawing.height).flat_map(|y| &plane.data[(top + y) * plane.width + left..][..drawing.width]);
    let mean = rows().sum::<f32>() / drawing.words.len() as f32;
    let norm = rows().map(|v| (v - mean).powi(2)).sum::<f32>().sqrt();
    let product: f32 = rows().zip(pattern(&drawing)).map(|(v, p)| v * p).sum();
    Some(Seen { making, score: product / norm.max(LEAST_SPREAD * (drawing.words.len() as f32).sqrt()) })
}

/// Best correlation over all places for a plate of this height in the picture.
fn anywhere(plane: &Field, plate: f32) -> Vec<Seen> {
    let step = (plate / SEARCHED).max(0.5);
    let small = |side: usize| ((side as f32 / step).floor() as usize).max(1);
    let reduced = plane.resampled(step, small(plane.width), small(plane.height));
    let (width, height) = (reduced.width.next_power_of_two(), reduced.height.next_power_of_two());
    let mut forward = Transform::new(width, height, FftDirection::Forward);
    let mut back = Transform::new(width, height, FftDirection::Inverse);
    let zero = Complex32::new(0.0, 0.0);
    let mut spectrum = vec![zero; width * height];
    for (y, row) in reduced.data.chunks_exact(reduced.width).enumerate() {
        for (x, v) in row.iter().enumerate() {
            // Both patterns have mean 0, so a constant makes no difference but for rounding.
            spectrum[y * width + x].re = v - 128.0;
        }
    }
    forward.run(&mut spectrum);
    let sums = Sums::of(&reduced);
    let drawings: [(Making, Drawing); 2] = Making::ALL.map(|making| (making, draw(making.words(), plate / step)));
    let fits = |d: &Drawing| d.width <= reduced.width && d.height <= reduced.height;
    // Two real patterns in one transform: one as the real part, one as the imaginary.
    let mut product = vec![zero; width * height];
    for (at, (_, drawing)) in drawings.iter().enumerate().filter(|(_, (_, d))| fits(d)) {
        let unit = if at == 0 { Complex32::new(1.0, 0.0) } else { Complex32::new(0.0, 1.0) };
        for (row, line) in pattern(drawing).chunks_exact(drawing.width).enumerate() {
            product[row * width..].iter_mut().zip(line).for_each(|(p, v)| *p += unit * *v);
        }
    }
    forward.run(&mut product);
    product.iter_mut().zip(&spectrum).for_each(|(p, s)| *p = p.conj() * s);
    back.run(&mut product);
    let scale = 1.0 / (width * height) as f32;
    let mut found = Vec::new();
    for (at, (making, drawing)) in drawings.iter().enumerate().filter(|(_, (_, d))| fits(d)) {
        let least = LEAST_SPREAD * (drawing.words.len() as f32).sqrt();
        let mut score = f32::MIN;
        for y in 0..=reduced.height - drawing.height {
            for x in 0..=reduced.width - drawing.width {
                let value = product[y * width + x];
                // The pattern was conjugated.
                let agreement = if at == 0 { value.re } else { -value.im };
                score = score.max(agreement * scale / sums.spread(x, y, drawing.width, drawing.height).max(least));
            }
        }
        found.push(Seen { making: *making, score });
    }
    found
}

/// Running sums of values and squares.
struct Sums {
    stride: usize,
    data: Vec<[f64; 2]>,
}

impl Sums {
    fn of(plane: &Field) -> Self {
        let stride = plane.width + 1;
        let mut data = vec![[0.0; 2]; stride * (plane.height + 1)];
        for y in 0..plane.height {
            let mut row = [0.0; 2];
            for x in 0..plane.width {
                let v = f64::from(plane.data[y * plane.width + x]);
                row = [row[0] + v, row[1] + v * v];
                let above = data[y * stride + x + 1];
                data[(y + 1) * stride + x + 1] = [above[0] + row[0], above[1] + row[1]];
            }
        }
        Self { stride, data }
    }

    /// Root of the sum of squared deviations from the mean inside a rectangle.
    fn spread(&self, x: usize, y: usize, width: usize, height: usize) -> f32 {
        let at = |x: usize, y: usize| self.data[y * self.stride + x];
        let [sum, squares] =
            [0, 1].map(|i| at(x + width, y + height)[i] - at(x, y + height)[i] - at(x + width, y)[i] + at(x, y)[i]);
        (squares - sum * sum / (width * height) as f64).max(0.0).sqrt() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::scene;
    use crate::watermark::luma;

    #[test]
    fn labels_are_told_apart_and_unlabelled_pictures_have_none() {
        for (width, height) in [(256, 256), (640, 360), (720, 1280)] {
            assert!(find(&luma(&scene(width, height, 0))).is_none_or(|s| s.score < THRESHOLD));
            for making in Making::ALL {
                let mut picture = scene(width, height, 0);
                crate::label::put(&mut picture, making);
                let seen = find(&luma(&picture)).unwrap();
                assert!(seen.making == making && seen.score > 0.9, "{seen:?}");
            }
        }
    }

    #[test]
    fn a_scaled_and_cropped_label_is_found() {
        let mut picture = scene(640, 480, 0);
        crate::label::put(&mut picture, Making::Altered);
        for scale in [0.5, 0.8, 1.5] {
            let [w, h] = [640.0 * scale, 480.0 * scale].map(|v: f32| v as u32);
            let other = image::imageops::resize(&picture, w, h, image::imageops::FilterType::Triangle);
            let cropped = image::imageops::crop_imm(&other, 0, h / 4, w * 4 / 5, h - h / 4).to_image();
            let seen = find(&luma(&cropped)).unwrap();
            assert!(seen.making == Making::Altered && seen.score >= THRESHOLD, "{scale}: {seen:?}");
        }
    }
}
