//! One examined file as an analyzer sees it.
//!
//! [`Artefacts`] owns what is computed from a file, each thing once, for all analyzers; [`Sample`]
//! is one analyzer's view of it and refuses whatever that analyzer's [`About`](crate::About) does
//! not declare. So the list of needs in the documentation is true by construction.
//!
//! The decision that shapes it: what can be computed stands in two lists. `artefacts! { ... }`
//! names what is made of a file, `readings! { ... }` ([`pass`]) who reads the frames of the one
//! decode pass over a clip; each lies in a file of its own with the accessors through which it is
//! asked for.
mod faces;
mod marks;
mod motion;
mod packets;
mod pass;
mod previews;
mod statistics;
mod still;

use std::sync::{Arc, OnceLock};

use assay_evidence::{FrameHash, MediaKind, StreamHash};
use assay_faces::FaceNetworks;
use assay_media::{MediaError, NoProgress, Orientation, Progress, Source};

use crate::{About, AnalyzerError, Need};

pub use previews::Preview;
pub use statistics::{DENSE_SECS, FrameRecord, FrameStatistics};

type Shared<T> = OnceLock<Result<T, String>>;

/// Why an artefact could not be made.
enum Unmade {
    /// The file cannot be read.
    Media(MediaError),
    /// Another artefact that it is made from failed; its text.
    Known(String),
}

impl From<MediaError> for Unmade {
    fn from(error: MediaError) -> Self {
        Self::Media(error)
    }
}

impl From<AnalyzerError> for Unmade {
    fn from(error: AnalyzerError) -> Self {
        Self::Known(error.to_string())
    }
}

/// Something that is computed from a file, once.
trait Artefact: Sized {
    /// Whether a run with these needs makes it before any analyzer is asked, so that a broken file
    /// is one clear failure instead of many.
    fn comes_first(source: &Source, needs: &[Need]) -> bool;

    /// Computes it.
    fn make(of: &Artefacts, progress: &dyn Progress) -> Result<Self, Unmade>;

    /// Where it is kept; the list says so.
    fn cell(cells: &Cells) -> &Shared<Self>;
}

/// Declares the artefacts of a file, in the order in which they are prepared.
macro_rules! artefacts {
    ($($name:ident: $Artefact:ty),* $(,)?) => {
        #[derive(Default)]
        struct Cells {
            $($name: Shared<$Artefact>,)*
        }

        impl Artefacts {
            /// Decodes what the analyzers of this run will need, so that a broken file is one clear
            /// failure instead of many.
            ///
            /// # Errors
            /// The [`MediaError`] of the first thing that could not be read.
            pub fn prepare(&self, needs: &[Need], progress: &dyn Progress) -> Result<(), MediaError> {
                $(self.prepare_one::<$Artefact>(needs, progress)?;)*
                Ok(())
            }
        }
    };
}

artefacts! {
    picture: still::Picture,
    coefficients: still::Coefficients,
    packets: packets::Packets,
    pass: pass::Pass,
    still_faces: faces::StillFaces,
}

/// Everything that is computed from one file, each thing once.
pub struct Artefacts {
    source: Source,
    preview_frames: u32,
    networks: Option<Arc<dyn FaceNetworks>>,
    cells: Cells,
}

impl Artefacts {
    /// Wraps an opened file; nothing is decoded. `preview_frames` evenly spaced frames of a video
    /// are kept for the report.
    pub fn new(source: Source, preview_frames: u32) -> Self {
        Self { source, preview_frames, networks: None, cells: Cells::default() }
    }

    /// Looks for faces with these networks; without, there are none to ask for.
    #[must_use]
    pub fn with_networks(mut self, networks: Option<Arc<dyn FaceNetworks>>) -> Self {
        self.networks = networks;
        self
    }

    /// The opened file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// An artefact, made at the first call.
    fn get<T: Artefact>(&self) -> Result<&T, AnalyzerError> {
        let make = || {
            T::make(self, &NoProgress).map_err(|unmade| match unmade {
                Unmade::Media(error) => error.to_string(),
                Unmade::Known(text) => text,
            })
        };
        T::cell(&self.cells).get_or_init(make).as_ref().map_err(|text| AnalyzerError::Unreadable(text.clone()))
    }

    /// An artefact if it was made.
    fn made<T: Artefact>(&self) -> Option<&T> {
        T::cell(&self.cells).get()?.as_ref().ok()
    }

    fn prepare_one<T: Artefact>(&self, needs: &[Need], progress: &dyn Progress) -> Result<(), MediaError> {
        if T::comes_first(&self.source, needs) {
            let made = T::make(self, progress).map_err(|unmade| match unmade {
                Unmade::Media(error) => error,
                Unmade::Known(text) => MediaError::Decoder(text),
            })?;
            // Whoever was faster made the same.
            let _ = T::cell(&self.cells).set(Ok(made));
        }
        Ok(())
    }

    /// Hashes of the streams of a video, once the packet table was read.
    pub fn stream_hashes(&self) -> Vec<StreamHash> {
        self.made::<packets::Packets>().map(|packets| packets.0.hashes.clone()).unwrap_or_default()
    }

    /// Hashes of the decoded frames that this run used.
    pub fn frames_used(&self) -> Vec<FrameHash> {
        use sha2::Digest as _;
        let picture = self.made::<still::Picture>().map(|picture| {
            let sha256 = format!("{:x}", sha2::Sha256::digest(picture.rgb.as_raw()));
            FrameHash { index: 0, pts_secs: None, sha256 }
        });
        let frame = |p: &Preview| FrameHash { index: p.index, pts_secs: Some(p.pts_secs), sha256: p.sha256.clone() };
        picture.into_iter().chain(self.previews().iter().map(frame)).collect()
    }
}

/// One analyzer's view of a file.
pub struct Sample<'a> {
    artefacts: &'a Artefacts,
    needs: &'static [Need],
}

impl<'a> Sample<'a> {
    /// The view of the analyzer described by `about`.
    pub fn new(artefacts: &'a Artefacts, about: &About) -> Self {
        Self { artefacts, needs: about.needs }
    }

    /// A view that may touch nothing but size and orientation: enough to turn a picture for the
    /// report.
    pub fn bare(artefacts: &'a Artefacts) -> Self {
        Self { artefacts, needs: &[] }
    }

    fn declared(&self, what: &'static str, declares: impl Fn(&Need) -> bool) -> Result<(), AnalyzerError> {
        if self.needs.iter().any(declares) { Ok(()) } else { Err(AnalyzerError::Undeclared(what)) }
    }

    /// Picture or video.
    pub fn kind(&self) -> MediaKind {
        self.artefacts.source.kind()
    }

    /// Size in coded orientation.
    pub fn coded_size(&self) -> (u32, u32) {
        self.artefacts.source.coded_size()
    }

    /// From coded to shown orientation.
    pub fn orientation(&self) -> Orientation {
        self.artefacts.source.orientation()
    }

    /// Container facts and metadata.
    ///
    /// # Errors
    /// [`AnalyzerError::Undeclared`] without [`Need::Facts`].
    pub fn source(&self) -> Result<&'a Source, AnalyzerError> {
        self.declared("facts", |n| matches!(n, Need::Facts))?;
        Ok(&self.artefacts.source)
    }
}
