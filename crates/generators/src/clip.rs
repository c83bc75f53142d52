//! Frames of a clip as people see them, one by one.
//!
//! The decision that shapes it: one decode pass in the limited child, upright RGB frames in order
//! of presentation, and an error of whoever takes them ends the pass and comes out as it went in.
use std::path::Path;

use assay_evidence::Span;
use assay_faces::shown;
use assay_media::{Frame, FramePlan, FrameReader, FrameSamples, Limits, MediaError, Orientation, Progress, Source};
use image::RgbImage;

use crate::GeneratorError;

/// A clip that was opened.
pub struct ClipFacts {
    /// The file.
    pub source: Source,
    /// Width and height as shown, in pixels.
    pub size: (u32, u32),
    /// How long a frame is shown on average, in seconds.
    pub frame_secs: f64,
    /// Whether there is a sound track.
    pub has_sound: bool,
}

impl ClipFacts {
    /// Opens a clip; nothing is decoded.
    ///
    /// # Errors
    /// [`GeneratorError::Media`] where it cannot be read, [`GeneratorError::Unsuited`] where it is
    /// no clip.
    pub fn open(path: &Path) -> Result<Self, GeneratorError> {
        let source = Source::open(path, &Limits::default()).map_err(GeneratorError::media(path))?;
        let Some(video) = source.video() else {
            return Err(GeneratorError::unsuited(path, "it is no clip"));
        };
        let rate = video.main_stream().average_rate.filter(|(n, d)| *n > 0 && *d > 0);
        let frame_secs = rate.map_or(0.04, |(n, d)| f64::from(d) / f64::from(n)).clamp(1e-3, 10.0);
        let (width, height) = source.coded_size();
        let size = source.orientation().shown_size(width, height);
        let has_sound = video.streams.iter().any(|s| s.kind == assay_media::StreamKind::Audio);
        Ok(Self { source, size, frame_secs, has_sound })
    }
}

/// All frames, or those of the first seconds.
pub(crate) fn until(most_secs: Option<f64>) -> FramePlan {
    let window = |end_secs| FramePlan::Windows(vec![Span { start_secs: f64::NEG_INFINITY, end_secs }]);
    most_secs.map_or(FramePlan::All, window)
}

/// Gives every frame of `plan`, upright, with its time in seconds since the first one given, to
/// `take`.
///
/// # Errors
/// [`GeneratorError`] where the clip cannot be decoded, and that of `take`.
pub fn each_frame(
    source: &Source,
    plan: FramePlan,
    progress: &dyn Progress,
    take: &mut (dyn FnMut(&RgbImage, f64) -> Result<(), GeneratorError> + Send),
) -> Result<(), GeneratorError> {
    let mut reader = Reader { plan, orientation: source.orientation(), take, first_secs: None, failure: None };
    let decoded = source.decode(&mut [&mut reader], progress);
    match (reader.failure, decoded) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(GeneratorError::media(source.path())(error)),
        (None, Ok(_)) => Ok(()),
    }
}

struct Reader<'a> {
    plan: FramePlan,
    orientation: Orientation,
    take: &'a mut (dyn FnMut(&RgbImage, f64) -> Result<(), GeneratorError> + Send),
    /// A container's clock may start anywhere.
    first_secs: Option<f64>,
    failure: Option<GeneratorError>,
}

impl FrameReader for Reader<'_> {
    fn plan(&self) -> FramePlan {
        self.plan.clone()
    }

    fn samples(&self) -> FrameSamples {
        FrameSamples::Rgb
    }

    fn read(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let coded = frame.rgb();
        let first = *self.first_secs.get_or_insert(frame.pts_secs);
        let taken = (self.take)(&shown(&coded, self.orientation), frame.pts_secs - first);
        taken.map_err(|failure| {
            self.failure = Some(failure);
            // Ends the pass; what went wrong is kept beside.
            MediaError::Cancelled
        })
    }
}
