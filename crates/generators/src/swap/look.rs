//! The first look at a file: every face of every frame, followed over time.
//!
//! The decision that shapes it: a swap needs every frame, so every frame is looked at, with the
//! tracker that scans use. Who is one person is decided when all tracks are known, by the mean of
//! their identity vectors.
use std::collections::BTreeMap;
use std::path::Path;

use assay_faces::FaceNetworks as _;
use assay_faces::cluster::cluster;
use assay_faces::track::{Sighting, TrackSettings, Tracker, unit};
use assay_faces::{Face, shown};
use assay_media::{FramePlan, Limits, Progress, Source};
use image::RgbImage;

use crate::{Finder, GeneratorError, each_frame};

/// A face of a frame with the track that it belongs to.
pub(super) struct Seen {
    pub(super) track: usize,
    pub(super) face: Face,
}

/// A track of one file.
#[derive(Debug, Clone, Default)]
pub(super) struct TrackFacts {
    /// First and last frame.
    pub(super) frames: (u64, u64),
    /// Faces.
    pub(super) count: u64,
    /// Sum of the faces' areas in square pixels.
    pub(super) area: f64,
    sum: Vec<f32>,
}

impl TrackFacts {
    /// Mean identity of unit length.
    pub(super) fn identity(&self) -> Option<Vec<f32>> {
        unit(&self.sum)
    }

    fn add(&mut self, frame: u64, face: &Face) {
        if self.count == 0 {
            self.frames.0 = frame;
        }
        (self.frames.1, self.count) = (frame, self.count + 1);
        self.area += f64::from(face.observation.box_in_frame.area());
        if let Some(embedding) = &face.embedding {
            self.sum.resize(embedding.len(), 0.0);
            self.sum.iter_mut().zip(embedding).for_each(|(s, v)| *s += v);
        }
    }
}

/// What was found in one file.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Frames that were looked at.
    pub(super) frames: u64,
    /// By number.
    pub(super) tracks: BTreeMap<usize, TrackFacts>,
}

/// Takes a frame, its index, its time in seconds and its faces.
pub(super) type Take<'a> = dyn FnMut(&RgbImage, u64, f64, Vec<Seen>) -> Result<(), GeneratorError> + Send + 'a;

/// The tracks of one person, as (file, track).
pub(super) type Person = Vec<(usize, usize)>;

/// Looks at every frame of a clip before `most_secs`, or at a picture, and hands each with its
/// faces to `take`.
pub(super) fn each(
    (source, most_secs): (&Source, f64),
    finder: &Finder,
    progress: &dyn Progress,
    take: &mut Take<'_>,
) -> Result<Looked, GeneratorError> {
    let points = finder.networks().operating_points();
    let mut tracker = Tracker::new(TrackSettings {
        face_score: points.face_score,
        same_person_cosine: points.same_person_cosine,
        other_person_cosine: points.other_person_cosine,
    });
    let mut looked = Looked::default();
    let mut see = |frame: &RgbImage, at_secs: f64| {
        if at_secs >= most_secs {
            return Err(GeneratorError::Cancelled);
        }
        let faces = finder.faces(frame)?;
        let sighting = |f: &Face| Sighting {
            box_in_frame: f.observation.box_in_frame,
            score: f.observation.score,
            embedding: f.embedding.clone(),
        };
        let keys = tracker.step(at_secs, &faces.iter().map(sighting).collect::<Vec<_>>());
        let mut seen = Vec::new();
        for (face, key) in faces.into_iter().zip(keys) {
            let Some(track) = key else { continue };
            looked.tracks.entry(track).or_default().add(looked.frames, &face);
            seen.push(Seen { track, face });
        }
        looked.frames += 1;
        take(frame, looked.frames - 1, at_secs, seen)
    };
    if source.video().is_some() {
        match each_frame(source, FramePlan::All, progress, &mut see) {
            // The clip is longer than wanted.
            Err(GeneratorError::Cancelled) if most_secs.is_finite() && !progress.cancelled() => {}
            other => other?,
        }
    } else {
        let coded = source.picture().map_err(GeneratorError::media(source.path()))?;
        see(&shown(&coded, source.orientation()), 0.0)?;
    }
    Ok(looked)
}

/// Opens a picture or clip.
pub(super) fn open(path: &Path) -> Result<Source, GeneratorError> {
    Source::open(path, &Limits::default()).map_err(GeneratorError::media(path))
}

/// The persons of some files, those who are seen most (largest and longest) first: for each the
/// tracks, as (file, track).
pub(super) fn persons(files: &[Looked], finder: &Finder) -> Vec<Person> {
    let all: Vec<(usize, usize, &TrackFacts)> = files
        .iter()
        .enumerate()
        .flat_map(|(file, looked)| looked.tracks.iter().map(move |(track, facts)| (file, *track, facts)))
        .collect();
    let vectors: Vec<Option<Vec<f32>>> = all.iter().map(|(.., facts)| facts.identity()).collect();
    let borrowed: Vec<Option<&[f32]>> = vectors.iter().map(Option::as_deref).collect();
    let apart = |i: usize, j: usize| {
        let ((file, _, a), (other, _, b)) = (&all[i], &all[j]);
        file == other && a.frames.0 <= b.frames.1 && b.frames.0 <= a.frames.1
    };
    let groups = cluster(&borrowed, finder.networks().operating_points().same_person_cosine, &apart);
    let mut persons: BTreeMap<usize, (f64, Vec<(usize, usize)>)> = BTreeMap::new();
    for (group, (file, track, facts)) in groups.iter().zip(&all) {
        let person = persons.entry(*group).or_default();
        person.0 += facts.area;
        person.1.push((*file, *track));
    }
    let mut persons: Vec<(f64, Vec<(usize, usize)>)> = persons.into_values().collect();
    persons.sort_by(|a, b| b.0.total_cmp(&a.0));
    persons.into_iter().map(|(_, tracks)| tracks).collect()
}
