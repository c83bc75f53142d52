//! Watermark and label in pixels, whoever decoded them.
//!
//! The decision that shapes it: a clip is looked at by a [`FrameReader`], so that a scan's one
//! decode pass serves the marks along with everything else. Of a long clip only frames from the
//! stretches that others look at are taken, and the search all over a picture for a label that is
//! not where it was drawn is made in few frames: an unmarked file must not pay much for the
//! question.
use assay_evidence::{LabelReport, Span, WatermarkReport};
use assay_media::{Frame, FramePlan, FrameReader, FrameSamples, MediaError};
use image::RgbImage;

use crate::label;
use crate::manifest::id_text;
use crate::watermark::{self, Detector, Field};

/// Frames of a clip that are added up for the watermark.
const FRAMES: u32 = 32;
/// Every how many of them is looked at for the label.
const LABEL_EVERY: u32 = 16;

/// What was found in the pixels of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelMarks {
    /// The invisible mark.
    pub watermark: WatermarkReport,
    /// The visible label.
    pub label: LabelReport,
}

impl PixelMarks {
    /// Looks at a still picture in coded orientation.
    pub fn of_picture(picture: &RgbImage) -> Self {
        let mut looks = MarkReader::default();
        looks.look(&watermark::luma(picture));
        looks.into_marks()
    }

    /// For a file of which no pixels were decoded.
    pub fn not_looked_for() -> Self {
        MarkReader::default().into_marks()
    }
}

/// Looks for marks while a clip is decoded; give it to the decode pass as a reader, then ask for
/// [`MarkReader::into_marks`].
#[derive(Debug, Default)]
pub struct MarkReader {
    windows: Vec<Span>,
    detector: Detector,
    frames: u32,
    seen: Option<label::Seen>,
}

impl MarkReader {
    /// `windows` are the stretches to take frames from; none is the whole clip.
    pub fn new(windows: Vec<Span>) -> Self {
        Self { windows, ..Self::default() }
    }

    fn look(&mut self, luma: &Field) {
        self.detector.add(luma);
        let is_label_due = self.seen.is_none_or(|seen| seen.score < label::THRESHOLD);
        if self.frames.is_multiple_of(LABEL_EVERY) && is_label_due {
            let seen = label::find(luma);
            self.seen = [self.seen, seen].into_iter().flatten().max_by(|a, b| a.score.total_cmp(&b.score));
        }
        self.frames += 1;
    }

    /// What came of it.
    pub fn into_marks(self) -> PixelMarks {
        let reading = self.detector.finish();
        let watermark = WatermarkReport {
            found: reading.is_some_and(|r| r.found),
            id: reading.and_then(|r| r.id).map(id_text),
            statistic: reading.map_or(0.0, |r| r.statistic),
            threshold: reading.map_or(0.0, |r| r.threshold),
            false_positive_rate: watermark::FALSE_POSITIVE_RATE,
            scale: reading.filter(|r| r.found).map(|r| r.scale),
            mirrored: reading.is_some_and(|r| r.found && r.mirrored),
            frames: if reading.is_some() { self.frames } else { 0 },
        };
        let found = self.seen.filter(|seen| seen.score >= label::THRESHOLD);
        let label = LabelReport {
            found: found.is_some(),
            words: found.map(|seen| seen.making.words().to_owned()),
            score: self.seen.map_or(0.0, |seen| seen.score),
        };
        PixelMarks { watermark, label }
    }
}

impl FrameReader for MarkReader {
    fn plan(&self) -> FramePlan {
        FramePlan::Among(FRAMES, self.windows.clone())
    }

    fn samples(&self) -> FrameSamples {
        FrameSamples::Luma
    }

    fn read(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let (width, height) = (frame.width as usize, frame.height as usize);
        let data = frame.luma().iter().map(|v| f32::from(*v)).collect();
        self.look(&Field { width, height, data });
        Ok(())
    }
}
