//! The visible label: words on a dark plate in the lower left corner.
//!
//! The decision that shapes it: plate and words are one drawing, a function of words and height
//! alone, so that what is drawn is also what is looked for. The height follows the picture's short
//! side. It is meant for the people who see the picture, not as a defence: it is cropped away
//! easily.
mod find;
mod glyphs;

use image::RgbImage;

pub(crate) use find::{Seen, THRESHOLD, find};

use crate::Making;

/// Height of the plate as a share of the picture's short side.
const SHARE: f32 = 0.055;
/// Smallest height of the plate, in pixels, at which the letters can still be read.
const SMALLEST_PX: f32 = 16.0;
/// Height of a letter, its stroke, the gap between letters and the margin around the words, in
/// plate heights.
const LETTER: f32 = 0.5;
const STROKE: f32 = 0.105;
const GAP: f32 = 0.21;
const MARGIN: f32 = 0.34;
/// Levels of plate and words.
const PLATE: f32 = 18.0;
const WORDS: f32 = 245.0;
/// How much of the picture still shows through the plate.
const SHOWS_THROUGH: f32 = 0.08;

/// The drawing of a label: how much of each pixel is covered by the words, 0 to 1.
#[derive(Debug, Clone, PartialEq)]
struct Drawing {
    width: usize,
    height: usize,
    words: Vec<f32>,
}

/// Height of the plate in a picture of this size, in pixels.
fn plate_height(width: u32, height: u32) -> f32 {
    (width.min(height) as f32 * SHARE).max(SMALLEST_PX).round()
}

/// Draws the words on a plate of this height; sizes below 1 are taken as 1.
fn draw(words: &str, plate: f32) -> Drawing {
    let letter = plate * LETTER;
    let mut segments: Vec<[[f32; 2]; 2]> = Vec::new();
    let mut x = plate * MARGIN + plate * STROKE / 2.0;
    let top = (plate - letter) / 2.0;
    for glyph in words.chars().filter_map(glyphs::of) {
        let place = |p: &[f32; 2]| [x + p[0] * letter, top + p[1] * letter];
        for stroke in glyph.strokes {
            segments.extend(stroke.windows(2).map(|pair| [place(&pair[0]), place(&pair[1])]));
        }
        x += glyph.width * letter + plate * GAP;
    }
    let width = (x - plate * GAP + plate * (MARGIN + STROKE / 2.0)).round().max(1.0) as usize;
    let height = plate.round().max(1.0) as usize;
    // Strokes thinner than a pixel would fade; they keep a pixel's width.
    let half = (plate * STROKE).max(1.15) / 2.0;
    let covered = |x: f32, y: f32| {
        let nearest = segments.iter().map(|s| distance([x, y], *s)).fold(f32::INFINITY, f32::min);
        (half + 0.5 - nearest).clamp(0.0, 1.0)
    };
    let words = (0..width * height).map(|at| covered((at % width) as f32 + 0.5, (at / width) as f32 + 0.5)).collect();
    Drawing { width, height, words }
}

/// From a point to a segment.
fn distance(p: [f32; 2], [a, b]: [[f32; 2]; 2]) -> f32 {
    let along = [b[0] - a[0], b[1] - a[1]];
    let from = [p[0] - a[0], p[1] - a[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let share = if length > 0.0 { ((from[0] * along[0] + from[1] * along[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
    (from[0] - share * along[0]).hypot(from[1] - share * along[1])
}

/// Puts the label into a picture.
pub(crate) fn put(picture: &mut RgbImage, making: Making) {
    let (width, height) = picture.dimensions();
    let drawing = draw(making.words(), plate_height(width, height));
    let (left, top) = origin(width, height, &drawing);
    for (at, share) in drawing.words.iter().enumerate() {
        let (x, y) = (left + (at % drawing.width) as u32, top + (at / drawing.width) as u32);
        let Some(pixel) = picture.get_pixel_mut_checked(x, y) else { continue };
        pixel.0 = pixel.0.map(|v| {
            let plate = PLATE + (f32::from(v) - PLATE) * SHOWS_THROUGH;
            (plate + (WORDS - plate) * share).round() as u8
        });
    }
}

/// Top left corner of the plate: a third of its height away from the picture's lower left corner.
fn origin(width: u32, height: u32, drawing: &Drawing) -> (u32, u32) {
    let away = (drawing.height as f32 / 3.0).round() as u32;
    let left = away.min(width.saturating_sub(drawing.width as u32));
    (left, height.saturating_sub(drawing.height as u32 + away))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plate_is_dark_and_the_words_are_light() {
        for side in [192, 256, 720, 1080] {
            for making in Making::ALL {
                let mut picture = RgbImage::from_pixel(side, side, image::Rgb([200, 120, 90]));
                put(&mut picture, making);
                let changed: Vec<_> = picture.pixels().filter(|p| p.0 != [200, 120, 90]).collect();
                let light = changed.iter().filter(|p| p[0] > 200).count() as f32 / changed.len() as f32;
                assert!((0.1..0.4).contains(&light), "{side}: {light} of the plate is light");
                assert_eq!(picture.get_pixel(side - 1, 0).0, [200, 120, 90]);
            }
        }
    }

    #[test]
    fn every_letter_of_every_label_has_a_glyph() {
        assert!(Making::ALL.iter().all(|m| m.words().chars().all(|c| glyphs::of(c).is_some())));
    }

    #[test]
    fn a_picture_smaller_than_the_label_is_taken() {
        put(&mut RgbImage::new(20, 9), Making::Generated);
        put(&mut RgbImage::new(1, 1), Making::Altered);
    }
}
