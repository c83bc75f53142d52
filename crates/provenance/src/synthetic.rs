//! What a generator hands out.
//!
//! The decision that shapes it: anybody can wrap, nobody outside this crate can unwrap. There is no
//! `Deref`, no accessor, no `Clone`, no `Debug` of the content. So a generator that returns
//! `Synthetic<T>` cannot pass its pixels to an encoder; only [`crate::MarkedWriter`] can, and it
//! marks them. This holds for code that uses the type; a fork can take it out, and no type can
//! forbid that.

use image::{Rgb, RgbImage, imageops};

use crate::ProvenanceError;

/// Pixels of a sheet at most.
const MOST_PIXELS: u64 = 1 << 28;
/// Between the pictures of a sheet, in pixels, and its colour.
const GAP: u32 = 4;
const GROUND: Rgb<u8> = Rgb([128; 3]);

/// Made pixels that only this crate can reach.
///
/// ```compile_fail
/// let made = assay_provenance::Synthetic::new(image::RgbImage::new(256, 256));
/// made.save("unmarked.png");
/// ```
///
/// ```compile_fail
/// let made = assay_provenance::Synthetic::new(image::RgbImage::new(256, 256));
/// let picture: image::RgbImage = made.open();
/// ```
///
/// ```compile_fail
/// let made = assay_provenance::Synthetic::new(image::RgbImage::new(256, 256));
/// let assay_provenance::Synthetic(picture) = made;
/// ```
///
/// ```compile_fail
/// let made = assay_provenance::Synthetic::new(image::RgbImage::new(256, 256));
/// let copy: &image::RgbImage = &*made;
/// ```
///
/// What does compile:
///
/// ```
/// let made = assay_provenance::Synthetic::new(image::RgbImage::new(256, 256));
/// drop(made);
/// ```
#[must_use = "what was made is lost unless it is written with a MarkedWriter"]
pub struct Synthetic<T>(T);

impl<T> Synthetic<T> {
    /// Wraps what a generator made.
    pub fn new(made: T) -> Self {
        Self(made)
    }

    /// The pixels, for the writer.
    pub(crate) fn open(self) -> T {
        self.0
    }
}

impl Synthetic<RgbImage> {
    /// A sheet of pictures, left to right and top to bottom, each in the middle of a cell as large
    /// as the largest. It stays closed, and so may hold pictures that are too small to be marked
    /// one by one; the sheet as a whole is labelled and watermarked when it is written or
    /// previewed, or is refused when it is too small itself.
    ///
    /// # Errors
    /// [`ProvenanceError::Sheet`] when there is no picture or no column, or the sheet would be too
    /// large.
    pub fn sheet(pictures: Vec<Self>, columns: usize) -> Result<Self, ProvenanceError> {
        let refused = |reason: &str| ProvenanceError::Sheet { reason: reason.into() };
        let columns = columns.min(pictures.len());
        if columns == 0 {
            return Err(refused("it has no pictures or no columns"));
        }
        let rows = pictures.len().div_ceil(columns);
        let cell = pictures.iter().fold((0, 0), |(w, h), p| (p.0.width().max(w), p.0.height().max(h)));
        let extent = |count: usize, side: u32| count as u64 * (u64::from(side) + u64::from(GAP)) + u64::from(GAP);
        let (width, height) = (extent(columns, cell.0), extent(rows, cell.1));
        if width.saturating_mul(height) > MOST_PIXELS {
            return Err(refused(&format!("{width}x{height} pixels are too many")));
        }
        let mut sheet = RgbImage::from_pixel(width as u32, height as u32, GROUND);
        for (at, Self(picture)) in pictures.into_iter().enumerate() {
            let place = |at: usize, side: u32, own: u32| extent(at, side) as i64 + i64::from((side - own) / 2);
            let left = place(at % columns, cell.0, picture.width());
            imageops::replace(&mut sheet, &picture, left, place(at / columns, cell.1, picture.height()));
        }
        Ok(Self(sheet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_lie_in_the_middle_of_their_cells() {
        let cells = [(8, 8), (4, 6), (8, 2)];
        let make =
            || cells.iter().map(|(w, h)| Synthetic::new(RgbImage::from_pixel(*w, *h, Rgb([*h as u8; 3])))).collect();
        let sheet = Synthetic::<RgbImage>::sheet(make(), 2).unwrap().open();
        assert_eq!(sheet.dimensions(), (2 * 8 + 3 * GAP, 2 * 8 + 3 * GAP));
        let at = |x: u32, y: u32| sheet.get_pixel(x, y)[0];
        assert_eq!((at(GAP, GAP), at(GAP - 1, GAP)), (8, 128));
        assert_eq!((at(2 * GAP + 8 + 2, GAP + 1), at(2 * GAP + 8 + 1, GAP + 1)), (6, 128));
        assert_eq!((at(GAP, 2 * GAP + 8 + 3), at(GAP, 2 * GAP + 8 + 2)), (2, 128));
        assert_eq!(Synthetic::<RgbImage>::sheet(make(), 99).unwrap().open().height(), 8 + 2 * GAP);
        assert!(Synthetic::<RgbImage>::sheet(make(), 0).is_err());
        assert!(Synthetic::<RgbImage>::sheet(Vec::new(), 3).is_err());
        let wide = vec![Synthetic::new(RgbImage::new(1 << 16, 1)), Synthetic::new(RgbImage::new(1, 1 << 13))];
        assert!(matches!(Synthetic::<RgbImage>::sheet(wide, 2), Err(ProvenanceError::Sheet { .. })));
    }
}
