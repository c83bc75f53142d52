//! What a generator hands out.
//!
//! The decision that shapes it: anybody can wrap, nobody outside this crate can unwrap. There is no `Deref`, no accessor, no `Clone`, no `Debug`
//! of the content. So a generator that returns `Synthetic<T>` cannot pass its pixels to an encoder; only [`crate::MarkedWriter`] can, and it marks
//! them. This holds for code that uses the type; a fork can take it out, and no type can forbid that.

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
