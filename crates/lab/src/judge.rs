//! A detector asked about every file of a data set.
//!
//! The decision that shapes it: faces are found, followed and cut exactly as a scan does it, only the frames are fewer: as many as asked for, evenly
//! spaced. A file that cannot be read and a part without a face are failures with a reason, never a made-up score.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use assay_faces::{ClipFaces, FaceNetworks, Faces, Observation, shown};
use assay_media::{
    Frame, FramePlan, FrameReader, FrameSamples, Limits, MediaError, NoProgress, Orientation, Progress, Source,
};
use image::RgbImage;
use rayon::prelude::*;

use crate::datasets::{Failure, FailureKind, FrameScore, Manifest, Part};

/// Frames of a clip that are looked at when nothing else is said.
pub const FRAMES: u32 = 32;

/// Which score is taken of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detector {
    /// The mean of all forgery networks' logits.
    Ensemble,
    /// One network, by its place among the shipped ones.
    One(usize),
}

impl Detector {
    fn score(self, observation: &Observation) -> Option<f64> {
        let suspicion = observation.suspicion.as_ref()?;
        match self {
            Self::Ensemble => Some(f64::from(suspicion.logit())),
            Self::One(at) => suspicion.logits.get(at).map(|l| f64::from(*l)),
        }
    }
}

/// Scores and failures of every row; rows of one file share its decoding.
pub fn judge(
    manifest: &Manifest,
    networks: &Arc<dyn FaceNetworks>,
    detector: Detector,
    frames: u32,
    progress: &dyn Progress,
) -> (Vec<FrameScore>, Vec<Failure>) {
    let mut files: BTreeMap<&Path, Vec<Part>> = BTreeMap::new();
    for row in &manifest.rows {
        files.entry(&row.path).or_default().push(row.part);
    }
    let files: Vec<_> = files.into_iter().collect();
    let done = Mutex::new(0u64);
    let answers: Vec<(Vec<FrameScore>, Vec<Failure>)> = files
        .par_iter()
        .map(|(path, parts)| {
            let answer = if progress.cancelled() {
                Ok((Vec::new(), Vec::new()))
            } else {
                file(path, parts, networks.as_ref(), detector, frames)
            };
            if let Ok(mut done) = done.lock() {
                *done += 1;
                progress.update("judging", *done, files.len() as u64);
            }
            answer.unwrap_or_else(|error| {
                let failure = |part: &Part| failure(path, *part, FailureKind::Decode, format!("{error:#}"));
                (Vec::new(), parts.iter().map(failure).collect())
            })
        })
        .collect();
    let mut all = (Vec::new(), Vec::new());
    for (scores, failures) in answers {
        all.0.extend(scores);
        all.1.extend(failures);
    }
    all
}

fn failure(path: &Path, part: Part, kind: FailureKind, reason: String) -> Failure {
    Failure { path: path.to_owned(), part, kind, reason }
}

fn file(
    path: &Path,
    parts: &[Part],
    networks: &dyn FaceNetworks,
    detector: Detector,
    frames: u32,
) -> anyhow::Result<(Vec<FrameScore>, Vec<Failure>)> {
    let source = Source::open(path, &Limits::default())?;
    let found: Vec<Result<Faces, String>> = if source.video().is_some() {
        let packets = source.packets()?;
        let mut readers: Vec<PartReader<'_>> =
            parts.iter().map(|part| PartReader::new(networks, *part, source.orientation(), frames)).collect();
        let mut all: Vec<&mut dyn FrameReader> = readers.iter_mut().map(|r| r as &mut dyn FrameReader).collect();
        source.decode_with(&packets, &mut all, &NoProgress).context("cannot decode it")?;
        readers.into_iter().map(PartReader::finish).collect()
    } else {
        let picture = source.picture()?;
        let picture = shown(&picture, source.orientation());
        let look = |part: &Part| Faces::of_still(networks, &cut(&picture, *part)).map_err(|e| e.to_string());
        parts.iter().map(look).collect()
    };
    let (mut scores, mut failures) = (Vec::new(), Vec::new());
    for (part, found) in parts.iter().zip(found) {
        let faces = match found {
            Ok(faces) => faces,
            Err(reason) => {
                failures.push(failure(path, *part, FailureKind::NoFace, reason));
                continue;
            }
        };
        let before = scores.len();
        for (number, person) in (0u32..).zip(&faces.persons) {
            for o in faces.observations(person) {
                let Some(log_odds) = detector.score(o) else { continue };
                let [width, height] = [o.box_in_frame.width, o.box_in_frame.height];
                scores.push(FrameScore {
                    path: path.to_owned(),
                    part: *part,
                    person: number,
                    frame: o.index,
                    log_odds,
                    face_px: Some(f64::from(width.min(height))),
                    yaw_deg: o.pose.as_ref().map(|p| f64::from(p.yaw)),
                });
            }
        }
        if scores.len() == before {
            let reason =
                if faces.persons.is_empty() { "no face was found" } else { "every face is too small or too blurred" };
            failures.push(failure(path, *part, FailureKind::NoFace, reason.into()));
        }
    }
    Ok((scores, failures))
}

fn cut(picture: &RgbImage, part: Part) -> std::borrow::Cow<'_, RgbImage> {
    let (width, height) = picture.dimensions();
    let [x, y, w, h] = match part {
        Part::Whole => return std::borrow::Cow::Borrowed(picture),
        Part::Left => [0, 0, width / 2, height],
        Part::Right => [width / 2, 0, width / 2, height],
        Part::Top => [0, 0, width, height / 2],
        Part::Bottom => [0, height / 2, width, height / 2],
    };
    std::borrow::Cow::Owned(image::imageops::crop_imm(picture, x, y, w, h).to_image())
}

/// Looks at one part of evenly spaced frames.
struct PartReader<'a> {
    part: Part,
    orientation: Orientation,
    frames: u32,
    faces: ClipFaces<'a>,
    failure: Option<String>,
}

impl<'a> PartReader<'a> {
    fn new(networks: &'a dyn FaceNetworks, part: Part, orientation: Orientation, frames: u32) -> Self {
        let faces = ClipFaces::new(networks, Orientation::default(), Vec::new());
        Self { part, orientation, frames, faces, failure: None }
    }

    fn finish(self) -> Result<Faces, String> {
        match self.failure {
            Some(failure) => Err(failure),
            None => self.faces.into_faces().map_err(|e| e.to_string()),
        }
    }
}

impl FrameReader for PartReader<'_> {
    fn plan(&self) -> FramePlan {
        FramePlan::EvenlySpaced(self.frames)
    }

    fn samples(&self) -> FrameSamples {
        FrameSamples::Rgb
    }

    fn read(&mut self, frame: &Frame) -> Result<(), MediaError> {
        if self.failure.is_none() {
            let coded = frame.rgb();
            let picture = shown(&coded, self.orientation);
            let found = self.faces.look_at(&cut(&picture, self.part), frame.index, frame.pts_secs);
            self.failure = found.err().map(|e| e.to_string());
        }
        Ok(())
    }
}
