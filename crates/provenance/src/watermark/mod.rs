//! The invisible mark: a number of 32 bits in a picture or a clip, found again after compression,
//! scaling and cropping, without any network or secret.
//!
//! The decision that shapes it: the mark is a periodic pattern of middle spatial frequencies of the
//! luma, spread over the whole picture (Cox et al., IEEE Trans. Image Process. 6(12), 1997), so
//! that finding it again is a search over scale and place in one spectrum. The key is public:
//! anybody can read the mark, and anybody can put one in. So a mark proves nothing by itself; it is
//! a pointer to a manifest, and `crate::verify` says whether the two agree.
//!
//! It does not survive rotation by more than about a degree, perspective, or somebody who takes the
//! code and subtracts it.
mod code;
mod detect;
mod embed;
mod pattern;
mod perception;
mod spectrum;
mod sync;

use image::RgbImage;

pub(crate) use detect::Detector;
pub use detect::{FALSE_POSITIVE_RATE, Reading};
pub use embed::{embed, embed_readable};
pub(crate) use perception::Field;
pub(crate) use spectrum::Transform;

/// Short side of the plane on which the mark is laid out and looked for, in samples; smaller
/// pictures are taken as they are.
const CANONICAL: usize = 512;
/// Longest side of the plane that is searched; of longer pictures the middle.
const LONGEST_SIDE: usize = 1024;
/// Smallest short side of a picture that is marked, in pixels.
pub const SMALLEST_SIDE: u32 = 192;
/// Smallest short side in which a mark is looked for.
const SMALLEST_SEARCHED: usize = 64;

/// Why a picture cannot be marked.
#[derive(Debug, thiserror::Error)]
pub enum WatermarkError {
    /// Too few pixels for the pattern.
    #[error("a picture of {width}x{height} pixels is too small for the watermark; both sides need {SMALLEST_SIDE}")]
    TooSmall {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The picture's own texture is stronger than any mark that is put in.
    #[error("the picture's texture drowns the watermark")]
    Drowned,
}

/// BT.601 luma.
pub(crate) fn luma(picture: &RgbImage) -> Field {
    let weigh = |p: &[u8; 3]| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]);
    let data = picture.as_raw().as_chunks::<3>().0.iter().map(weigh).collect();
    Field { width: picture.width() as usize, height: picture.height() as usize, data }
}

/// Looks for the mark in one picture; `None` when it is too small for a search.
pub fn read(picture: &RgbImage) -> Option<Reading> {
    let mut detector = Detector::default();
    detector.add(&luma(picture));
    detector.finish()
}

/// Looks for the mark in frames of one clip together; `None` when they are too small for a search.
/// Frames of another size than the first are left out.
pub fn read_frames<'a>(frames: impl IntoIterator<Item = &'a RgbImage>) -> Option<Reading> {
    let mut detector = Detector::default();
    frames.into_iter().for_each(|frame| detector.add(&luma(frame)));
    detector.finish()
}
