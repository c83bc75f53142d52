//! The segments of pictures in colours, so that a user can choose among them.
//!
//! The decision that shapes it: colours alone cannot be named, so a list at the upper right shows
//! which number has which; nothing lies where the label will.
use assay_models::cosegmentation::PartMap;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// Side of each square in pixels.
const SIDE: u32 = 256;
/// How much of the colour lies over the picture.
const SHARE: f32 = 0.55;

/// Hues evenly round the circle; the background is grey.
fn colour(part: usize, parts: usize) -> [f32; 3] {
    if part == 0 {
        return [90.0; 3];
    }
    let hue = (part - 1) as f32 / parts.max(1) as f32 * 6.0;
    let channel = |shift: f32| 255.0 * (((hue + shift).rem_euclid(6.0) - 3.0).abs() - 1.0).clamp(0.0, 1.0);
    [channel(0.0), channel(4.0), channel(2.0)]
}

/// A row a picture: itself and its segments; beside the last row what was made; beside the first
/// the colours of the numbers from the background down, each with as many dots as its number.
pub(super) fn sheet(rows: &[(&RgbImage, PartMap)], made: &RgbImage, parts: usize) -> RgbImage {
    let square = |picture: &RgbImage| imageops::resize(picture, SIDE, SIDE, FilterType::CatmullRom);
    let mut sheet = RgbImage::new(3 * SIDE, SIDE * rows.len() as u32);
    for (row, (picture, map)) in rows.iter().enumerate() {
        let top = i64::from(SIDE) * row as i64;
        let large = square(picture);
        let mut coloured = large.clone();
        for (x, y, pixel) in coloured.enumerate_pixels_mut() {
            let cell = |v: u32| v as usize * map.side / SIDE as usize;
            let part = map.cells.get(cell(y) * map.side + cell(x)).copied().unwrap_or(0);
            let over = colour(usize::from(part), parts);
            for (value, over) in pixel.0.iter_mut().zip(over) {
                *value = (f32::from(*value) * (1.0 - SHARE) + over * SHARE) as u8;
            }
        }
        imageops::replace(&mut sheet, &large, 0, top);
        imageops::replace(&mut sheet, &coloured, i64::from(SIDE), top);
        if row + 1 == rows.len() {
            imageops::replace(&mut sheet, &square(made), 2 * i64::from(SIDE), top);
        }
    }
    let height = SIDE / (parts as u32 + 1);
    for part in 0..=parts {
        let top = height * part as u32;
        for (x, y) in (0..SIDE).flat_map(|x| (0..height).map(move |y| (x, y))) {
            let is_dot = x / 8 < part as u32 && x % 8 >= 3 && y.abs_diff(height / 2) < 3.min(height / 2);
            let value = if is_dot { [0; 3] } else { colour(part, parts).map(|v| v as u8) };
            sheet.put_pixel(2 * SIDE + x, top + y, Rgb(value));
        }
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_colour_of_its_own_over_its_cells() {
        let picture = RgbImage::from_pixel(128, 128, Rgb([128; 3]));
        let map = PartMap { cells: (0..16).map(|i| u8::from(i % 4 >= 2)).collect(), side: 4 };
        let sheet = sheet(&[(&picture, map.clone()), (&picture, map)], &picture, 5);
        assert_eq!(sheet.dimensions(), (768, 2 * 256));
        let dots = |row: u32| (0..256).filter(|x| sheet.get_pixel(512 + x, row).0 == [0; 3]).count();
        assert_eq!([0, 1, 5].map(|part| dots(42 * part + 21)), [0, 5, 25]);
        assert_ne!(sheet.get_pixel(256 + 20, 100), sheet.get_pixel(256 + 200, 100));
        assert_eq!(sheet.get_pixel(10, 10).0, [128; 3]);
        let all: std::collections::BTreeSet<[u8; 3]> = (0..=10).map(|p| colour(p, 10).map(|v| v as u8)).collect();
        assert_eq!(all.len(), 11);
    }
}
