//! Source, driver and result side by side, for people.
use assay_models::first_order::KeyPoints;
use assay_models::state::floats;
use burn::tensor::Tensor;
use image::{Rgb, RgbImage};

use crate::forgery::reenactment::marked_sheet;

/// Colours of key points.
const COLOURS: [[u8; 3]; 5] = [[255, 60, 60], [60, 220, 60], [80, 120, 255], [255, 220, 0], [255, 0, 255]];

/// The first `most` pictures of each batch, a batch a row, with key points on the first rows;
/// marked as what it is.
///
/// # Shapes
/// - `batches`: each `[n, 3, side, side]` in [0, 1]
///
/// # Errors
/// When the sheet is too small to be marked.
pub(super) fn marked(batches: &[Tensor<4>], points: &[&KeyPoints], most: usize) -> anyhow::Result<RgbImage> {
    let [count, _, side, _] = batches.first().map_or([0; 4], Tensor::dims);
    let columns = count.min(most);
    let mut sheet = RgbImage::new((columns * side) as u32, (batches.len() * side) as u32);
    for (row, batch) in batches.iter().enumerate() {
        let values = floats(batch.clone());
        let places = points.get(row).map(|p| floats(p.value.clone()));
        for column in 0..columns {
            let (left, top) = (column * side, row * side);
            for (i, value) in values[column * 3 * side * side..(column + 1) * 3 * side * side].iter().enumerate() {
                let (c, y, x) = (i / (side * side), i / side % side, i % side);
                let pixel = sheet.get_pixel_mut((left + x) as u32, (top + y) as u32);
                pixel.0[c] = (value * 255.0 + 0.5).clamp(0.0, 255.0) as u8;
            }
            let Some(places) = &places else { continue };
            let own = &places[column * places.len() / count..(column + 1) * places.len() / count];
            for (k, [x, y]) in own.as_chunks::<2>().0.iter().enumerate() {
                let at = |v: f32, from: usize| from as f32 + (v.clamp(-1.0, 1.0) + 1.0) / 2.0 * (side as f32 - 3.0);
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let colour = Rgb(COLOURS[k % COLOURS.len()]);
                    sheet.put_pixel(at(*x, left) as u32 + dx, at(*y, top) as u32 + dy, colour);
                }
            }
        }
    }
    marked_sheet(sheet)
}
