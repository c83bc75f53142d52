//! Small aligned pictures of a face for the reader's eye, and which of them to show.
use image::{ExtendedColorType, RgbImage};

use crate::FacesError;
use crate::template::{FacePoints, Template};

/// Side of a thumbnail in pixels.
pub const THUMBNAIL_SIDE: u32 = 128;
/// JPEG quality of a thumbnail.
const JPEG_QUALITY: u8 = 85;

/// An aligned crop (template `ffhq`) of one frame, encoded at once so that a long clip stays small
/// in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Thumbnail {
    /// Presentation index of its frame; 0 for a still picture.
    pub index: u64,
    /// Presentation time in seconds; 0 for a still picture.
    pub pts_secs: f64,
    /// Overall quality of the face in it.
    pub quality: f32,
    /// Baseline JPEG of [`THUMBNAIL_SIDE`] x [`THUMBNAIL_SIDE`] pixels.
    pub jpeg: Vec<u8>,
}

/// Cuts and encodes; where the points define no crop, the box is cut out instead.
pub(crate) fn encode(frame: &RgbImage, face: &FacePoints) -> Result<Vec<u8>, FacesError> {
    let placement =
        Template::Ffhq.place(face, THUMBNAIL_SIDE).or_else(|_| Template::Square(1.6).place(face, THUMBNAIL_SIDE))?;
    let crop = placement.crop(frame);
    let mut jpeg = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY);
    encoder.encode(crop.as_raw(), crop.width(), crop.height(), ExtendedColorType::Rgb8)?;
    Ok(jpeg)
}

/// At most `count` of them (in time order, as they come): time is cut into equal shares and the
/// best of each is taken.
pub(crate) fn strip(thumbnails: &[&Thumbnail], count: usize) -> Vec<Thumbnail> {
    let (Some(first), Some(last)) = (thumbnails.first(), thumbnails.last()) else { return Vec::new() };
    if thumbnails.len() <= count {
        return thumbnails.iter().map(|t| (*t).clone()).collect();
    }
    let length = (last.pts_secs - first.pts_secs).max(1e-9);
    let mut best: Vec<Option<&Thumbnail>> = vec![None; count];
    for thumbnail in thumbnails {
        let share = ((thumbnail.pts_secs - first.pts_secs) / length * count as f64) as usize;
        let slot = &mut best[share.min(count - 1)];
        if slot.is_none_or(|b| thumbnail.quality > b.quality) {
            *slot = Some(thumbnail);
        }
    }
    best.into_iter().flatten().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strip_is_the_best_of_each_share_of_time() {
        let made: Vec<Thumbnail> = (0..100)
            .map(|i| Thumbnail { index: i, pts_secs: i as f64 / 10.0, quality: (i % 10) as f32, jpeg: Vec::new() })
            .collect();
        let all: Vec<&Thumbnail> = made.iter().collect();
        let shown: Vec<u64> = strip(&all, 5).iter().map(|t| t.index).collect();
        assert_eq!(shown.len(), 5);
        assert!(shown.iter().all(|i| i % 10 == 9) && shown.windows(2).all(|w| w[1] - w[0] >= 10), "{shown:?}");
        assert_eq!(strip(&all[..3], 5).len(), 3);
        assert!(strip(&[], 5).is_empty());
    }
}
