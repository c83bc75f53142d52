//! Watermark and label in the pixels that a run decodes anyway. No analyzer sees them: marks never
//! enter the fusion.
use assay_evidence::MediaKind;
use assay_provenance::{MarkReader, PixelMarks};

use super::Artefacts;
use super::pass::{Clip, Pass, Reading};

/// Looks for marks while a clip is decoded.
pub(super) struct ClipMarks;

impl Reading for ClipMarks {
    type Reader<'a> = MarkReader;
    type Output = PixelMarks;

    fn begin<'a>(clip: &Clip<'a>) -> Option<Self::Reader<'a>> {
        Some(MarkReader::new(clip.windows.to_vec()))
    }

    fn end(reader: Self::Reader<'_>) -> Self::Output {
        reader.into_marks()
    }
}

impl Artefacts {
    /// Watermark and label in the pixels that this run decoded anyway; looked for anew at each call
    /// where it is a still picture.
    pub fn marks(&self) -> PixelMarks {
        if self.source.kind() == MediaKind::Image {
            return self.picture().map_or_else(|_| PixelMarks::not_looked_for(), PixelMarks::of_picture);
        }
        let read = self.made::<Pass>().and_then(|pass| pass.readings.marks.clone());
        read.unwrap_or_else(PixelMarks::not_looked_for)
    }
}
