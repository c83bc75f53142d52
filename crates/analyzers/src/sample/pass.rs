//! The one decode pass over a clip, and who reads its frames.
//!
//! The decision that shapes it: `readings! { ... }` is the list of readers. Each says how it begins
//! for a clip and what it gives at the end; nobody decodes for himself, and all see the same
//! frames.
use assay_evidence::{MediaKind, Span};
use assay_faces::FaceNetworks;
use assay_media::{DecodeSummary, FrameReader, MediaError, Orientation, Progress, Source, VideoInfo};

use super::packets::Packets;
use super::{Artefact, Artefacts, Cells, Sample, Shared, Unmade, faces, marks, previews, statistics};
use crate::{AnalyzerError, Need};

/// A clip that is about to be decoded, as far as readers plan by it.
pub(super) struct Clip<'a> {
    /// Presentation times of its frames in seconds, ascending.
    pub(super) times_secs: &'a [f64],
    /// The stretches that are looked at. No frame is decoded for faces or marks alone, so they take
    /// these.
    pub(super) windows: &'a [Span],
    /// From coded to shown orientation.
    pub(super) orientation: Orientation,
    /// Evenly spaced frames that are kept for the report.
    pub(super) preview_frames: u32,
    /// What faces are looked for with.
    pub(super) networks: Option<&'a dyn FaceNetworks>,
}

/// Something that is read from the frames of a clip.
pub(super) trait Reading {
    /// Who reads.
    type Reader<'a>: FrameReader;
    /// What comes of it.
    type Output;

    /// A reader for this clip; `None` where the run has nothing to read with.
    fn begin<'a>(clip: &Clip<'a>) -> Option<Self::Reader<'a>>;

    /// What the reader has when the pass is over.
    fn end(reader: Self::Reader<'_>) -> Self::Output;
}

/// Declares the readers of the pass.
macro_rules! readings {
    ($($name:ident: $Reading:ty),* $(,)?) => {
        /// What was read; `None` of what the run had nothing to read with.
        pub(super) struct Readings {
            $(pub(super) $name: Option<<$Reading as Reading>::Output>,)*
        }

        fn read(
            clip: &Clip<'_>,
            decode: impl FnOnce(&mut [&mut dyn FrameReader]) -> Result<DecodeSummary, MediaError>,
        ) -> Result<Pass, MediaError> {
            $(let mut $name = <$Reading as Reading>::begin(clip);)*
            let mut readers: Vec<&mut dyn FrameReader> = Vec::new();
            $(readers.extend($name.as_mut().map(|reader| reader as &mut dyn FrameReader));)*
            let summary = decode(&mut readers)?;
            let readings = Readings { $($name: $name.map(<$Reading as Reading>::end),)* };
            Ok(Pass { readings, summary })
        }
    };
}

readings! {
    previews: previews::Previews,
    statistics: statistics::Statistics,
    marks: marks::ClipMarks,
    faces: faces::FacesOfClip,
}

/// What the pass gave.
pub(super) struct Pass {
    pub(super) readings: Readings,
    summary: DecodeSummary,
}

impl Artefact for Pass {
    fn comes_first(source: &Source, needs: &[Need]) -> bool {
        let is_asked = needs.iter().any(|n| matches!(n, Need::FrameStatistics | Need::Faces));
        source.kind() == MediaKind::Video && is_asked
    }

    fn make(of: &Artefacts, progress: &dyn Progress) -> Result<Self, Unmade> {
        let packets = &of.get::<Packets>()?.0;
        let stream = of.source.video().map(VideoInfo::main_stream);
        let times_secs =
            stream.and_then(|s| Some(packets.stream(s.index)?.times_secs(s.average_rate))).unwrap_or_default();
        let windows = statistics::windows(&times_secs).0;
        let clip = Clip {
            times_secs: &times_secs,
            windows: &windows,
            orientation: of.source.orientation(),
            preview_frames: of.preview_frames,
            networks: of.networks.as_deref(),
        };
        Ok(read(&clip, |readers| of.source.decode_with(packets, readers, progress))?)
    }

    fn cell(cells: &Cells) -> &Shared<Self> {
        &cells.pass
    }
}

impl<'a> Sample<'a> {
    /// How the decode pass went.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared or unreadable.
    pub fn decode_summary(&self) -> Result<&'a DecodeSummary, AnalyzerError> {
        self.declared("frame statistics", |n| matches!(n, Need::FrameStatistics))?;
        Ok(&self.artefacts.get::<Pass>()?.summary)
    }
}
