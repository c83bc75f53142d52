//! A still picture: its pixels, its luma, and the stored coefficients of a JPEG.
use std::sync::OnceLock;

use assay_evidence::MediaKind;
use assay_media::jpeg::Component;
use assay_media::{Plane, Progress, Source};
use image::RgbImage;

use super::{Artefact, Artefacts, Cells, Sample, Shared, Unmade};
use crate::{AnalyzerError, Need};

/// The pixels in coded orientation.
pub(super) struct Picture {
    pub(super) rgb: RgbImage,
    luma: OnceLock<Plane>,
}

impl Artefact for Picture {
    fn comes_first(source: &Source, _needs: &[Need]) -> bool {
        source.kind() == MediaKind::Image
    }

    fn make(of: &Artefacts, _progress: &dyn Progress) -> Result<Self, Unmade> {
        Ok(Self { rgb: of.source.picture()?, luma: OnceLock::new() })
    }

    fn cell(cells: &Cells) -> &Shared<Self> {
        &cells.picture
    }
}

/// The quantised coefficients; `None` of a file that is not a JPEG.
pub(super) struct Coefficients(Option<Vec<Component>>);

impl Artefact for Coefficients {
    /// The pixel decoder fills what is missing of a JPEG with grey; only this reader says that it
    /// is missing.
    fn comes_first(source: &Source, needs: &[Need]) -> bool {
        let is_asked = source.jpeg_structure().is_some() || needs.contains(&Need::JpegCoefficients);
        source.kind() == MediaKind::Image && is_asked
    }

    fn make(of: &Artefacts, _progress: &dyn Progress) -> Result<Self, Unmade> {
        Ok(Self(of.source.jpeg()?))
    }

    fn cell(cells: &Cells) -> &Shared<Self> {
        &cells.coefficients
    }
}

impl Artefacts {
    /// The still picture in coded orientation.
    ///
    /// # Errors
    /// The text of the media error.
    pub fn picture(&self) -> Result<&RgbImage, AnalyzerError> {
        Ok(&self.get::<Picture>()?.rgb)
    }
}

impl<'a> Sample<'a> {
    /// The still picture, 8-bit RGB, coded orientation.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared or unreadable.
    pub fn picture(&self) -> Result<&'a RgbImage, AnalyzerError> {
        self.declared("pixels", |n| matches!(n, Need::Pixels { .. }))?;
        self.artefacts.picture()
    }

    /// Luma of the still picture in whole grey levels 0..=255, coded orientation.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared or unreadable.
    pub fn luma(&self) -> Result<&'a Plane, AnalyzerError> {
        self.declared("pixels", |n| matches!(n, Need::Pixels { .. }))?;
        let picture = self.artefacts.get::<Picture>()?;
        Ok(picture.luma.get_or_init(|| Plane::luma_from_rgb(&picture.rgb)))
    }

    /// The quantised coefficients; `None` when the file is not a JPEG.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared or unreadable.
    pub fn jpeg(&self) -> Result<Option<&'a [Component]>, AnalyzerError> {
        self.declared("JPEG coefficients", |n| matches!(n, Need::JpegCoefficients))?;
        Ok(self.artefacts.get::<Coefficients>()?.0.as_deref())
    }
}
