//! One examined file as an analyzer sees it.
//!
//! [`Artefacts`] owns what is computed from a file, each thing once, for all analyzers; [`Sample`] is one analyzer's view of it and refuses
//! whatever that analyzer's [`About`](crate::About) does not declare. So the list of needs in the documentation is true by construction.
mod motion;
mod previews;
mod statistics;

use std::sync::{Arc, OnceLock};

use assay_evidence::{FrameHash, MediaKind, StreamHash};
use assay_faces::{ClipFaces, FaceNetworks, Faces};
use assay_media::{
    DecodeSummary, FrameReader, MediaError, Orientation, PacketTable, Plane, Progress, Source, VideoInfo,
    jpeg::Component,
};
use assay_provenance::{MarkReader, PixelMarks};
use image::RgbImage;

use crate::{About, AnalyzerError, Need};

pub use previews::Preview;
use previews::PreviewReader;
use statistics::StatisticsReader;
pub use statistics::{DENSE_SECS, FrameRecord, FrameStatistics};

type Shared<T> = OnceLock<Result<T, String>>;

/// Everything that is computed from one file, each thing once.
pub struct Artefacts {
    source: Source,
    preview_frames: u32,
    networks: Option<Arc<dyn FaceNetworks>>,
    picture: Shared<RgbImage>,
    luma: Shared<Plane>,
    jpeg: Shared<Option<Vec<Component>>>,
    packets: Shared<PacketTable>,
    video: Shared<VideoPass>,
    faces: Shared<Faces>,
}

/// What the one decode pass over a video gave.
struct VideoPass {
    previews: Vec<Preview>,
    statistics: FrameStatistics,
    summary: DecodeSummary,
    /// `None` without networks.
    faces: Option<Result<Faces, String>>,
    marks: PixelMarks,
}

impl Artefacts {
    /// Wraps an opened file; nothing is decoded. `preview_frames` evenly spaced frames of a video are kept for the report.
    pub fn new(source: Source, preview_frames: u32) -> Self {
        Self {
            source,
            preview_frames,
            networks: None,
            picture: OnceLock::new(),
            luma: OnceLock::new(),
            jpeg: OnceLock::new(),
            packets: OnceLock::new(),
            video: OnceLock::new(),
            faces: OnceLock::new(),
        }
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

    /// Decodes what the analyzers of this run will need, so that a broken file is one clear failure instead of many.
    ///
    /// # Errors
    /// The [`MediaError`] of the first thing that could not be read.
    pub fn prepare(&self, needs: &[Need], progress: &dyn Progress) -> Result<(), MediaError> {
        match self.source.kind() {
            MediaKind::Image => {
                let picture = self.source.picture()?;
                let _ = self.picture.set(Ok(picture));
                // The pixel decoder fills what is missing of a JPEG with grey; only the reader of its coefficients says that it is missing.
                if self.source.jpeg_structure().is_some() || needs.contains(&Need::JpegCoefficients) {
                    let _ = self.jpeg.set(Ok(self.source.jpeg()?));
                }
            }
            MediaKind::Video => {
                let _ = self.packets.set(Ok(self.source.packets()?));
                if needs.iter().any(|n| matches!(n, Need::FrameStatistics | Need::Faces)) {
                    let _ = self.video.set(Ok(self.decode_video(progress)?));
                }
            }
        }
        Ok(())
    }

    /// The still picture in coded orientation.
    ///
    /// # Errors
    /// The text of the media error.
    pub fn picture(&self) -> Result<&RgbImage, AnalyzerError> {
        shared(&self.picture, || self.source.picture())
    }

    /// The faces of the picture or clip as shown; `None` when there are no networks to look with.
    ///
    /// # Errors
    /// [`AnalyzerError`] when the file cannot be read or a network breaks.
    pub fn faces(&self) -> Result<Option<&Faces>, AnalyzerError> {
        let Some(networks) = self.networks.as_deref() else { return Ok(None) };
        let found = match self.source.kind() {
            MediaKind::Image => {
                let coded = self.picture()?;
                let find = || {
                    let shown = assay_faces::shown(coded, self.source.orientation());
                    Faces::of_still(networks, &shown).map_err(|error| error.to_string())
                };
                self.faces.get_or_init(find)
            }
            MediaKind::Video => {
                let pass = shared(&self.video, || self.decode_video(&assay_media::NoProgress))?;
                let Some(found) = &pass.faces else { return Ok(None) };
                found
            }
        };
        found.as_ref().map(Some).map_err(|text| AnalyzerError::Faces(text.clone()))
    }

    /// Watermark and label in the pixels that this run decoded anyway; looked for anew at each call where it is a still picture. No analyzer sees them: marks never enter the fusion.
    pub fn marks(&self) -> PixelMarks {
        match self.source.kind() {
            MediaKind::Image => self.picture().map_or_else(|_| PixelMarks::not_looked_for(), PixelMarks::of_picture),
            MediaKind::Video => {
                let pass = self.video.get().and_then(|pass| pass.as_ref().ok());
                pass.map_or_else(PixelMarks::not_looked_for, |pass| pass.marks.clone())
            }
        }
    }

    /// The frames of a video that were kept for the report; empty when no analyzer of this run needed frames.
    pub fn previews(&self) -> &[Preview] {
        self.video.get().and_then(|pass| pass.as_ref().ok()).map_or(&[], |pass| &pass.previews)
    }

    /// Hashes of the streams of a video, once the packet table was read.
    pub fn stream_hashes(&self) -> Vec<StreamHash> {
        self.packets.get().and_then(|table| table.as_ref().ok()).map(|table| table.hashes.clone()).unwrap_or_default()
    }

    /// Hashes of the decoded frames that this run used.
    pub fn frames_used(&self) -> Vec<FrameHash> {
        use sha2::Digest as _;
        match self.source.kind() {
            MediaKind::Image => match self.picture.get() {
                Some(Ok(picture)) => {
                    let sha256 = format!("{:x}", sha2::Sha256::digest(picture.as_raw()));
                    vec![FrameHash { index: 0, pts_secs: None, sha256 }]
                }
                _ => Vec::new(),
            },
            MediaKind::Video => self
                .previews()
                .iter()
                .map(|p| FrameHash { index: p.index, pts_secs: Some(p.pts_secs), sha256: p.sha256.clone() })
                .collect(),
        }
    }

    fn decode_video(&self, progress: &dyn Progress) -> Result<VideoPass, MediaError> {
        let packets = match self.packets.get() {
            Some(Ok(packets)) => packets,
            _ => &self.source.packets()?,
        };
        let stream = self.source.video().map(VideoInfo::main_stream);
        let times = stream.and_then(|s| Some(packets.stream(s.index)?.times_secs(s.average_rate))).unwrap_or_default();
        let mut previews = PreviewReader::new(self.preview_frames);
        let mut statistics = StatisticsReader::new(&times);
        // The same stretches as the statistics: no frame is decoded for the faces or the marks alone.
        let windows = statistics::windows(&times).0;
        let mut marks = MarkReader::new(windows.clone());
        let orientation = self.source.orientation();
        let mut faces = self.networks.as_deref().map(|networks| ClipFaces::new(networks, orientation, windows));
        let mut readers: Vec<&mut dyn FrameReader> = vec![&mut previews, &mut statistics, &mut marks];
        readers.extend(faces.as_mut().map(|reader| reader as &mut dyn FrameReader));
        let summary = self.source.decode_with(packets, &mut readers, progress)?;
        let faces = faces.map(|reader| reader.into_faces().map_err(|error| error.to_string()));
        Ok(VideoPass {
            previews: previews.into_previews(),
            statistics: statistics.into_statistics(),
            summary,
            faces,
            marks: marks.into_marks(),
        })
    }
}

fn shared<T>(cell: &Shared<T>, make: impl FnOnce() -> Result<T, MediaError>) -> Result<&T, AnalyzerError> {
    cell.get_or_init(|| make().map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|text| AnalyzerError::Unreadable(text.clone()))
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

    /// A view that may touch nothing but size and orientation: enough to turn a picture for the report.
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
        let picture = self.artefacts.picture()?;
        shared(&self.artefacts.luma, || Ok(Plane::luma_from_rgb(picture)))
    }

    /// The quantised coefficients; `None` when the file is not a JPEG.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared or unreadable.
    pub fn jpeg(&self) -> Result<Option<&'a [Component]>, AnalyzerError> {
        self.declared("JPEG coefficients", |n| matches!(n, Need::JpegCoefficients))?;
        Ok(shared(&self.artefacts.jpeg, || self.artefacts.source.jpeg())?.as_deref())
    }

    /// The faces of the picture or clip as shown; `None` when there are no networks to look with.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared, unreadable, or a network breaks.
    pub fn faces(&self) -> Result<Option<&'a Faces>, AnalyzerError> {
        self.declared("faces", |n| matches!(n, Need::Faces))?;
        self.artefacts.faces()
    }

    /// The packet table of a video.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared or unreadable.
    pub fn packets(&self) -> Result<&'a PacketTable, AnalyzerError> {
        self.declared("packets", |n| matches!(n, Need::Packets))?;
        shared(&self.artefacts.packets, || self.artefacts.source.packets())
    }

    /// The numbers of each frame of the dense pass.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared or unreadable.
    pub fn frame_statistics(&self) -> Result<&'a FrameStatistics, AnalyzerError> {
        self.declared("frame statistics", |n| matches!(n, Need::FrameStatistics))?;
        let pass = shared(&self.artefacts.video, || self.artefacts.decode_video(&assay_media::NoProgress))?;
        Ok(&pass.statistics)
    }

    /// How the decode pass went.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared or unreadable.
    pub fn decode_summary(&self) -> Result<&'a DecodeSummary, AnalyzerError> {
        self.declared("frame statistics", |n| matches!(n, Need::FrameStatistics))?;
        let pass = shared(&self.artefacts.video, || self.artefacts.decode_video(&assay_media::NoProgress))?;
        Ok(&pass.summary)
    }
}
