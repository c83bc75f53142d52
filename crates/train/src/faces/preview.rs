//! A sheet of training crops with their truths, for people to look at before they trust a run.
use image::{Rgb, RgbImage, imageops};

use super::augment::to_image;

/// Crops in a row, and rows.
const SHEET: usize = 8;

/// One crop of `side * side` pixels with boxes (left, top, width, height) and points in pixels.
pub struct Crop {
    /// RGB in `0.0..=255.0`.
    pub canvas: Vec<[f32; 3]>,
    /// Boxes to be drawn.
    pub boxes: Vec<[f32; 4]>,
    /// Points to be drawn.
    pub points: Vec<[f32; 2]>,
}

/// Eight by eight crops.
pub fn sheet(side: usize, mut next: impl FnMut() -> Crop) -> RgbImage {
    let mut sheet = RgbImage::new((side * SHEET) as u32, (side * SHEET) as u32);
    for at in 0..SHEET * SHEET {
        let crop = next();
        let mut picture = to_image(&crop.canvas, side);
        for [x, y, w, h] in crop.boxes {
            for i in 0..=(w.max(h) as i64) {
                let (along_x, along_y) = ((x + (i as f32).min(w)) as i64, (y + (i as f32).min(h)) as i64);
                for (px, py) in
                    [(along_x, y as i64), (along_x, (y + h) as i64), (x as i64, along_y), ((x + w) as i64, along_y)]
                {
                    dot(&mut picture, px, py, [0, 255, 0]);
                }
            }
        }
        crop.points.iter().for_each(|[x, y]| dot(&mut picture, *x as i64, *y as i64, [255, 40, 40]));
        let (column, row) = (at % SHEET, at / SHEET);
        imageops::replace(&mut sheet, &picture, (column * side) as i64, (row * side) as i64);
    }
    sheet
}

/// Colours one pixel where it lies in the picture.
pub fn dot(picture: &mut RgbImage, x: i64, y: i64, colour: [u8; 3]) {
    if (0..i64::from(picture.width())).contains(&x) && (0..i64::from(picture.height())).contains(&y) {
        picture.put_pixel(x as u32, y as u32, Rgb(colour));
    }
}
