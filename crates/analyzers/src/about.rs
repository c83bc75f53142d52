//! What an analyzer is: a static description and one method.
use assay_evidence::{Family, Outcome, Status};
use assay_media::Progress;

use crate::Sample;

/// What an analyzer may ask its sample for. [`Sample`] refuses what was not declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Container facts and metadata, for any kind of file.
    Facts,
    /// The decoded pixels of a still picture of at least this many pixels on the shorter side.
    Pixels {
        /// Shorter side in pixels.
        min_side: u32,
    },
    /// The quantised coefficients of a JPEG file.
    JpegCoefficients,
    /// The packet table of a video.
    Packets,
    /// Per-frame statistics of the dense frame pass over a video.
    FrameStatistics,
    /// The faces of the picture or clip, found and followed.
    Faces,
    /// What the detector of this id ([`assay_detect::find`]) says; of faces it comes with them.
    Detector(&'static str),
}

/// The static description of an analyzer.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Snake-case id, equal to the file name.
    pub id: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// One line: what it looks for.
    pub summary: &'static str,
    /// Family.
    pub family: Family,
    /// Calibrated or for the eye only.
    pub status: Status,
    /// What it needs; anything else is not touched.
    pub needs: &'static [Need],
    /// What fools it, one sentence each, for the reader of a report.
    pub fooled_by: &'static [&'static str],
    /// When it says "not applicable", one sentence each.
    pub not_applicable_when: &'static [&'static str],
    /// Papers and specifications.
    pub references: &'static [&'static str],
}

/// Why an analyzer broke.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalyzerError {
    /// The sample could not be read. The text is that of the
    /// [`MediaError`](assay_media::MediaError), which is shared by all who ask.
    #[error("{0}")]
    Unreadable(String),
    /// An artefact was asked for that `About::needs` does not declare.
    #[error("the analyzer touched {0:?}, which it does not declare")]
    Undeclared(&'static str),
    /// A picture for the report could not be encoded.
    #[error("cannot encode a picture for the report: {0}")]
    Picture(#[from] image::ImageError),
    /// A detector that it builds on is not there, or what belongs to it cannot be read.
    #[error("{0}")]
    Detector(String),
    /// Faces could not be looked for. The text is that of the
    /// [`FacesError`](assay_faces::FacesError).
    #[error("{0}")]
    Faces(String),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// What an analyzer is given beside the sample.
pub struct Context<'a> {
    /// Progress sink.
    pub progress: &'a dyn Progress,
    /// Seed of every pseudo-random choice.
    pub seed: u64,
}

/// One forensic method.
pub trait Analyzer: Sync + Send {
    /// The static description.
    fn about(&self) -> &'static About;

    /// Looks at the sample. Must be deterministic: same sample and seed, same outcome, with any
    /// number of threads.
    ///
    /// # Errors
    /// [`AnalyzerError`] when the sample cannot be read or the run is cancelled; never because the
    /// method does not apply.
    fn analyze(&self, sample: &Sample, context: &Context) -> Result<Outcome, AnalyzerError>;
}
