//! Evenly spaced frames of a video, kept small for the report.
use assay_media::{Frame, FramePlan, FrameReader, FrameSamples, MediaError};
use image::RgbImage;

use super::Artefacts;
use super::pass::{Clip, Pass, Reading};

/// Long side of a kept frame in pixels.
const SIDE: u32 = 480;

/// One kept frame.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Presentation index in the stream.
    pub index: u64,
    /// Presentation time in seconds.
    pub pts_secs: f64,
    /// SHA-256 of the decoded samples at full size.
    pub sha256: String,
    /// The frame, reduced, in coded orientation.
    pub picture: RgbImage,
}

/// Collects the previews during the decode pass.
pub(super) struct PreviewReader {
    count: u32,
    previews: Vec<Preview>,
}

/// Keeps frames for the report.
pub(super) struct Previews;

impl Reading for Previews {
    type Reader<'a> = PreviewReader;
    type Output = Vec<Preview>;

    fn begin<'a>(clip: &Clip<'a>) -> Option<Self::Reader<'a>> {
        Some(PreviewReader { count: clip.preview_frames, previews: Vec::new() })
    }

    fn end(reader: Self::Reader<'_>) -> Self::Output {
        reader.previews
    }
}

impl Artefacts {
    /// The frames of a video that were kept for the report; empty when no analyzer of this run
    /// needed frames.
    pub fn previews(&self) -> &[Preview] {
        self.made::<Pass>().and_then(|pass| pass.readings.previews.as_deref()).unwrap_or_default()
    }
}

impl FrameReader for PreviewReader {
    fn plan(&self) -> FramePlan {
        FramePlan::EvenlySpaced(self.count)
    }

    fn samples(&self) -> FrameSamples {
        FrameSamples::Rgb
    }

    fn read(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let rgb = frame.rgb();
        let (width, height) = rgb.dimensions();
        let scale = (f64::from(SIDE) / f64::from(width.max(height).max(1))).min(1.0);
        let side = |v: u32| ((f64::from(v) * scale).round() as u32).max(1);
        let picture = image::imageops::thumbnail(&rgb, side(width), side(height));
        self.previews.push(Preview { index: frame.index, pts_secs: frame.pts_secs, sha256: frame.sha256(), picture });
        Ok(())
    }
}
