//! The packet table of a video.
use assay_evidence::MediaKind;
use assay_media::{PacketTable, Progress, Source};

use super::{Artefact, Artefacts, Cells, Sample, Shared, Unmade};
use crate::{AnalyzerError, Need};

/// The table, with the hash of every stream.
pub(super) struct Packets(pub(super) PacketTable);

impl Artefact for Packets {
    fn comes_first(source: &Source, _needs: &[Need]) -> bool {
        source.kind() == MediaKind::Video
    }

    fn make(of: &Artefacts, _progress: &dyn Progress) -> Result<Self, Unmade> {
        Ok(Self(of.source.packets()?))
    }

    fn cell(cells: &Cells) -> &Shared<Self> {
        &cells.packets
    }
}

impl<'a> Sample<'a> {
    /// The packet table of a video.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared or unreadable.
    pub fn packets(&self) -> Result<&'a PacketTable, AnalyzerError> {
        self.declared("packets", |n| matches!(n, Need::Packets))?;
        Ok(&self.artefacts.get::<Packets>()?.0)
    }
}
