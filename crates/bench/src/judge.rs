//! Detectors asked about every file of a data set.
//!
//! The decision that shapes it: faces are found, followed and cut exactly as a scan does it, only
//! the frames are fewer: as many as asked for, evenly spaced. A file that cannot be read and a part
//! without a face are failures with a reason, never a made-up score.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use assay_detect::MapId;
use assay_evidence::Verdict;
use assay_faces::judged::MAP_SIDE;
use assay_faces::{ClipFaces, FaceNetworks, Faces, Judged, LOOKS_PER_SEC, shown};
use assay_media::{
    Frame, FramePlan, FrameReader, FrameSamples, Limits, MediaError, NoProgress, Orientation, Progress, Source,
};
use assay_workbench::Setup;
use image::RgbImage;
use rayon::prelude::*;

use crate::datasets::{Failure, FailureKind, FrameScore, Manifest, Part, Row};

/// Frames of a clip that are looked at when nothing else is said.
pub const FRAMES: u32 = 32;

/// How often a clip is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many frames, evenly spaced.
    Frames(u32),
    /// So many frames a second, up to so many seconds' worth.
    PerSecond(f64, f64),
}

impl Pace {
    fn frames(self, source: &Source) -> u32 {
        match self {
            Self::Frames(frames) => frames,
            Self::PerSecond(rate, longest) => {
                (source.duration_secs().unwrap_or(longest).min(longest) * rate).ceil().max(1.0) as u32
            }
        }
    }
}

/// Six looks a second, as a scan takes them.
pub const PACE: Pace = Pace::PerSecond(LOOKS_PER_SEC, 60.0);

/// How the detector scores of a look become one: a weighted sum, by the names that they were asked
/// under.
#[derive(Debug, Clone, PartialEq)]
pub struct Score(Vec<(String, f64)>);

impl Score {
    /// The score of one detector.
    pub fn of(detector: &str) -> Self {
        Self(vec![(detector.to_owned(), 1.0)])
    }

    /// The mean over some.
    pub fn mean(detectors: &[String]) -> Self {
        let share = 1.0 / detectors.len().max(1) as f64;
        Self(detectors.iter().map(|name| (name.clone(), share)).collect())
    }

    /// A sum with these weights.
    pub fn weighted(weights: Vec<(String, f64)>) -> Self {
        Self(weights)
    }

    /// The weights, by detector.
    pub fn weights(&self) -> &[(String, f64)] {
        &self.0
    }

    /// The score of a look; `None` where one of the detectors did not judge it.
    pub fn score(&self, look: &Look) -> Option<f64> {
        self.0.iter().map(|(name, weight)| Some(f64::from(*look.logits.get(name)?) * weight)).sum()
    }
}

/// One face in one frame, and what every detector says of it: nothing where it is too small or too
/// blurred.
#[derive(Debug, Clone)]
pub struct Look {
    /// Where it was seen; the score is not yet filled in.
    seen: FrameScore,
    /// Time in seconds from the start; 0 for a still.
    pub pts_secs: f64,
    /// Detector scores by the names that they were asked under.
    pub logits: BTreeMap<String, f32>,
    /// The maps over its crop, where some detector judged it.
    pub maps: Option<Box<Maps>>,
}

/// What detectors say of the places of a crop, [`MAP_SIDE`] x [`MAP_SIDE`].
#[derive(Debug, Clone)]
pub struct Maps {
    judged: BTreeMap<MapId, Vec<f32>>,
    /// The places whose middle lies in the hull of the mesh.
    pub face: Vec<bool>,
}

impl Maps {
    fn of(judged: &Judged, mesh: &[[f32; 2]]) -> Self {
        let crop = judged.crop_in_frame;
        let scale = |v: f32, from: f32, extent: f32| (v - from) / extent * MAP_SIDE as f32;
        let in_map = |p: &[f32; 2]| [scale(p[0], crop.x, crop.width), scale(p[1], crop.y, crop.height)];
        let mut inside = vec![0.0; MAP_SIDE * MAP_SIDE];
        assay_faces::hull::fill(
            &assay_faces::hull::hull(&mesh.iter().map(in_map).collect::<Vec<_>>()),
            MAP_SIDE,
            &mut inside,
        );
        let map = |id: MapId| Some((id, judged.map(id.detector, id.map)?.to_vec()));
        Self {
            judged: assay_detect::maps().filter_map(map).collect(),
            face: inside.iter().map(|v| *v >= 0.5).collect(),
        }
    }

    /// One of them; `None` where its detector was not asked.
    pub fn map(&self, id: MapId) -> Option<&[f32]> {
        self.judged.get(&id).map(Vec::as_slice)
    }
}

impl Look {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.seen.path
    }

    /// Which of the file's faces this is: part and person.
    pub fn whose(&self) -> (Part, u32) {
        (self.seen.part, self.seen.person)
    }

    /// Shorter side of the face in pixels.
    pub fn face_px(&self) -> f64 {
        self.seen.face_px.unwrap_or(0.0)
    }
}

/// One person of one part of one file.
pub type Whose<'a> = (&'a Path, Part, u32);

/// The looks of every person that got a score, in the order of time.
pub fn by_person<'a>(looks: &'a [Look], score: impl Fn(&Look) -> Option<f64>) -> BTreeMap<Whose<'a>, Vec<(f64, f64)>> {
    let mut persons: BTreeMap<Whose<'a>, Vec<(f64, f64)>> = BTreeMap::new();
    for look in looks {
        if let Some(score) = score(look) {
            let (part, person) = look.whose();
            persons.entry((look.path(), part, person)).or_default().push((look.pts_secs, score));
        }
    }
    persons.values_mut().for_each(|looks| looks.sort_by(|a, b| a.0.total_cmp(&b.0)));
    persons
}

/// The looks with the score that each is given; those without one are left out.
pub fn scores(looks: &[Look], score: impl Fn(&Look) -> Option<f64>) -> Vec<FrameScore> {
    looks.iter().filter_map(|look| Some(FrameScore { log_odds: score(look)?, ..look.seen.clone() })).collect()
}

/// Looks and failures of every row; rows of one file share its decoding.
pub fn look(
    manifest: &Manifest,
    networks: &Arc<dyn FaceNetworks>,
    pace: Pace,
    progress: &dyn Progress,
) -> (Vec<Look>, Vec<Failure>) {
    let mut files: BTreeMap<&Path, Vec<Part>> = BTreeMap::new();
    for row in &manifest.rows {
        files.entry(&row.path).or_default().push(row.part);
    }
    let files: Vec<_> = files.into_iter().collect();
    let done = Mutex::new(0u64);
    let answers: Vec<(Vec<Look>, Vec<Failure>)> = files
        .par_iter()
        .map(|(path, parts)| {
            let answer = if progress.cancelled() {
                Ok((Vec::new(), Vec::new()))
            } else {
                file(path, parts, networks.as_ref(), pace)
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
    for (looks, failures) in answers {
        all.0.extend(looks);
        all.1.extend(failures);
    }
    all
}

/// Verdicts by file, and what got none.
pub type Verdicts = (Vec<(PathBuf, Verdict)>, Vec<Failure>);

/// The verdict of a whole scan with default thresholds on every file. An abstention and a part of a
/// file are failures with a reason.
///
/// # Errors
/// When a scan cannot be set up.
pub fn verdicts(
    manifest: &Manifest,
    networks: Arc<dyn FaceNetworks>,
    progress: &dyn Progress,
) -> anyhow::Result<Verdicts> {
    let setup = Setup::new(&[], 1)?.with_networks(Some(networks));
    let done = Mutex::new(0u64);
    let answers: Vec<Option<Result<Verdict, Failure>>> = manifest
        .rows
        .par_iter()
        .map(|row| {
            if progress.cancelled() {
                return None;
            }
            let answer = verdict(row, &setup);
            if let Ok(mut done) = done.lock() {
                *done += 1;
                progress.update("scanning", *done, manifest.rows.len() as u64);
            }
            Some(answer)
        })
        .collect();
    let (mut verdicts, mut failures) = (Vec::new(), Vec::new());
    for (row, answer) in manifest.rows.iter().zip(answers) {
        match answer {
            Some(Ok(verdict)) => verdicts.push((row.path.clone(), verdict)),
            Some(Err(failure)) => failures.push(failure),
            None => {}
        }
    }
    Ok((verdicts, failures))
}

/// One score a file: the natural logarithm of the mean likelihood ratio over the questions of a
/// whole scan.
///
/// # Errors
/// As [`verdicts`].
pub fn scan(
    manifest: &Manifest,
    networks: Arc<dyn FaceNetworks>,
    progress: &dyn Progress,
) -> anyhow::Result<(Vec<FrameScore>, Vec<Failure>)> {
    let (verdicts, failures) = verdicts(manifest, networks, progress)?;
    let score = |(path, verdict): (PathBuf, Verdict)| {
        Some(FrameScore {
            path,
            part: Part::Whole,
            person: 0,
            frame: 0,
            log_odds: verdict.mean?.log10 * std::f64::consts::LN_10,
            face_px: None,
            yaw_deg: None,
        })
    };
    Ok((verdicts.into_iter().filter_map(score).collect(), failures))
}

fn verdict(row: &Row, setup: &Setup) -> Result<Verdict, Failure> {
    let failed = |kind: FailureKind, reason: String| failure(&row.path, row.part, kind, reason);
    if row.part != Part::Whole {
        let reason = "a scan looks at whole files; cut the part out first".to_owned();
        return Err(failed(FailureKind::Abstained, reason));
    }
    let report = assay_workbench::scan_file(&row.path, setup, &NoProgress)
        .map_err(|error| failed(FailureKind::Decode, error.to_string()))?;
    let verdict = report.result.verdict;
    match verdict.abstained {
        Some(reason) => Err(failed(FailureKind::Abstained, reason)),
        None => Ok(verdict),
    }
}

fn failure(path: &Path, part: Part, kind: FailureKind, reason: String) -> Failure {
    Failure { path: path.to_owned(), part, kind, reason }
}

fn file(
    path: &Path,
    parts: &[Part],
    networks: &dyn FaceNetworks,
    pace: Pace,
) -> anyhow::Result<(Vec<Look>, Vec<Failure>)> {
    let source = Source::open(path, &Limits::default())?;
    let frames = pace.frames(&source);
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
    let (mut looks, mut failures) = (Vec::new(), Vec::new());
    for (part, found) in parts.iter().zip(found) {
        let faces = match found {
            Ok(faces) => faces,
            Err(reason) => {
                failures.push(failure(path, *part, FailureKind::NoFace, reason));
                continue;
            }
        };
        let mut is_judged = false;
        for (number, person) in (0u32..).zip(&faces.persons) {
            for o in faces.observations(person) {
                let [width, height] = [o.box_in_frame.width, o.box_in_frame.height];
                let seen = FrameScore {
                    path: path.to_owned(),
                    part: *part,
                    person: number,
                    frame: o.index,
                    log_odds: f64::NAN,
                    face_px: Some(f64::from(width.min(height))),
                    yaw_deg: o.pose.as_ref().map(|p| f64::from(p.yaw)),
                };
                is_judged |= o.judged.is_some();
                let answers = o.judged.iter().flat_map(|judged| &judged.answers);
                looks.push(Look {
                    seen,
                    pts_secs: o.pts_secs,
                    logits: answers.map(|(name, answer)| (name.clone(), answer.logit)).collect(),
                    maps: o.judged.as_ref().map(|judged| Box::new(Maps::of(judged, &o.landmarks.mesh))),
                });
            }
        }
        if !is_judged {
            let reason =
                if faces.persons.is_empty() { "no face was found" } else { "every face is too small or too blurred" };
            failures.push(failure(path, *part, FailureKind::NoFace, reason.into()));
        }
    }
    Ok((looks, failures))
}

/// One part of a picture.
pub fn cut(picture: &RgbImage, part: Part) -> std::borrow::Cow<'_, RgbImage> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_the_weighted_sum_of_the_detectors_that_it_names() {
        let seen = FrameScore {
            path: "a.png".into(),
            part: Part::Whole,
            person: 0,
            frame: 0,
            log_odds: f64::NAN,
            face_px: None,
            yaw_deg: None,
        };
        let logits = [("one".to_owned(), 2.0), ("other".to_owned(), -1.0)].into();
        let look = Look { seen, pts_secs: 0.0, logits, maps: None };
        assert_eq!(Score::of("other").score(&look), Some(-1.0));
        assert_eq!(Score::mean(&["one".into(), "other".into()]).score(&look), Some(0.5));
        assert_eq!(Score::weighted(vec![("one".into(), 0.0), ("other".into(), 3.0)]).score(&look), Some(-3.0));
        assert_eq!(Score::of("third").score(&look), None, "a detector that was not asked gives no score");
    }
}
