//! What is shown around an animated head.
//!
//! The decision that shapes it: the head is put back with a feathered square where the picture
//! shows enough around it; a picture that is all head comes out as the square alone, because its
//! still edge would stand beside a moving face.
use image::RgbImage;
use image::imageops::{self, FilterType};

use super::{Framing, LEAST_SIDE};
use crate::Crop;
use crate::portrait::Framed;

/// The picture must be this many times as large as the square, on its shorter side, for the square
/// to be put back.
const ROOM: f32 = 1.25;
/// Where the animated square goes.
pub(super) enum Canvas {
    /// Into the whole picture.
    Pasted(Crop, Framed),
    /// It is all that is shown, so many pixels wide.
    Alone(Crop, u32),
}

impl Canvas {
    pub(super) fn new(picture: &RgbImage, crop: Crop, framing: Framing) -> Self {
        let shorter = picture.width().min(picture.height());
        let is_pasted = match framing {
            Framing::Crop => false,
            Framing::Paste => true,
            Framing::Auto => shorter as f32 >= ROOM * crop.side && shorter >= LEAST_SIDE,
        };
        if is_pasted {
            return Self::Pasted(crop, Framed::of(picture, crop));
        }
        Self::Alone(crop, (crop.side.round() as u32).clamp(LEAST_SIDE, 1024) & !1)
    }

    /// Width and height of what comes out.
    pub(super) fn size(&self) -> (u32, u32) {
        match self {
            Self::Pasted(_, framed) => framed.size(),
            Self::Alone(_, side) => (*side, *side),
        }
    }

    /// The source's head, `side` pixels wide.
    pub(super) fn head(&self, picture: &RgbImage, side: u32) -> RgbImage {
        let (Self::Pasted(crop, _) | Self::Alone(crop, _)) = self;
        crop.cut(picture, side)
    }

    /// The frame with this animated square.
    pub(super) fn framed(&self, picture: &RgbImage, square: &RgbImage) -> RgbImage {
        match self {
            Self::Pasted(_, framed) => framed.with(picture, square),
            Self::Alone(_, side) => imageops::resize(square, *side, *side, FilterType::CatmullRom),
        }
    }
}

/// Squares beside one another, made large enough to carry marks.
pub(super) fn sheet(squares: &[&RgbImage]) -> RgbImage {
    let mut sheet = RgbImage::new(LEAST_SIDE * squares.len() as u32, LEAST_SIDE);
    for (i, square) in squares.iter().enumerate() {
        let large = imageops::resize(*square, LEAST_SIDE, LEAST_SIDE, FilterType::CatmullRom);
        imageops::replace(&mut sheet, &large, i64::from(LEAST_SIDE) * i as i64, 0);
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_with_room_around_it_is_put_back_and_another_comes_out_alone() {
        let picture = RgbImage::from_pixel(641, 480, image::Rgb([10, 20, 30]));
        let crop = Crop { centre: [320.0, 200.0], side: 200.0 };
        let red = RgbImage::from_pixel(128, 128, image::Rgb([200, 0, 0]));
        let canvas = Canvas::new(&picture, crop, Framing::Auto);
        assert_eq!(canvas.size(), (640, 480));
        let frame = canvas.framed(&picture, &red);
        assert_eq!(frame.get_pixel(320, 200).0, [200, 0, 0]);
        assert_eq!(frame.get_pixel(10, 10).0, [10, 20, 30]);
        let tight = Canvas::new(&picture, Crop { side: 460.0, ..crop }, Framing::Auto);
        assert_eq!(tight.size(), (460, 460));
        assert_eq!(tight.framed(&picture, &red).dimensions(), (460, 460));
        assert_eq!(Canvas::new(&picture, crop, Framing::Crop).size(), (256, 256));
    }
}
