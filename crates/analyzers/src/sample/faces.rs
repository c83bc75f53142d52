//! The faces of a still picture, or of a clip during its decode pass.
use assay_evidence::MediaKind;
use assay_faces::{ClipFaces, Faces};
use assay_media::{Progress, Source};

use super::pass::{Clip, Pass, Reading};
use super::{Artefact, Artefacts, Cells, Sample, Shared, Unmade};
use crate::{AnalyzerError, Need};

/// What was found, or why a network broke; `None` without networks.
type Found = Option<Result<Faces, String>>;

/// Looks for faces while a clip is decoded.
pub(super) struct FacesOfClip;

impl Reading for FacesOfClip {
    type Reader<'a> = ClipFaces<'a>;
    type Output = Result<Faces, String>;

    fn begin<'a>(clip: &Clip<'a>) -> Option<Self::Reader<'a>> {
        Some(ClipFaces::new(clip.networks?, clip.orientation, clip.windows.to_vec()))
    }

    fn end(reader: Self::Reader<'_>) -> Self::Output {
        reader.into_faces().map_err(|error| error.to_string())
    }
}

/// The faces of a still picture.
pub(super) struct StillFaces(Found);

impl Artefact for StillFaces {
    /// A network that breaks leaves the rest of a report standing.
    fn comes_first(_source: &Source, _needs: &[Need]) -> bool {
        false
    }

    fn make(of: &Artefacts, _progress: &dyn Progress) -> Result<Self, Unmade> {
        let Some(networks) = of.networks.as_deref() else { return Ok(Self(None)) };
        let shown = assay_faces::shown(of.picture()?, of.source.orientation());
        Ok(Self(Some(Faces::of_still(networks, &shown).map_err(|error| error.to_string()))))
    }

    fn cell(cells: &Cells) -> &Shared<Self> {
        &cells.still_faces
    }
}

impl Artefacts {
    /// The faces of the picture or clip as shown; `None` when there are no networks to look with.
    ///
    /// # Errors
    /// [`AnalyzerError`] when the file cannot be read or a network breaks.
    pub fn faces(&self) -> Result<Option<&Faces>, AnalyzerError> {
        if self.networks.is_none() {
            return Ok(None);
        }
        let found = match self.source.kind() {
            MediaKind::Image => self.get::<StillFaces>()?.0.as_ref(),
            MediaKind::Video => self.get::<Pass>()?.readings.faces.as_ref(),
            // Nothing shows a face in a kind of file that is not looked at.
            _ => None,
        };
        found.map(|found| found.as_ref().map_err(|text| AnalyzerError::Faces(text.clone()))).transpose()
    }
}

impl<'a> Sample<'a> {
    /// The faces of the picture or clip as shown; `None` when there are no networks to look with.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared, unreadable, or a network breaks.
    pub fn faces(&self) -> Result<Option<&'a Faces>, AnalyzerError> {
        self.declared("faces", |n| matches!(n, Need::Faces))?;
        self.artefacts.faces()
    }
}
