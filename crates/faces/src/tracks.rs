//! From faces in frames to tracks, and from tracks to persons.
use crate::cluster::cluster;
use crate::cut::{self, Signature};
use crate::quality::LEAST_VISIBLE;
use crate::seen::{Observation, SeenFace};
use crate::thumbnails::{self, Thumbnail};
use crate::track::{Sighting, TrackSettings, Tracker, unit};
use crate::{Detecting, DetectorWeights, FaceNetworks, OperatingPoints};
use assay_evidence::{NetworkInfo, Span};

/// Thumbnails of a track that are kept.
const KEPT: usize = 24;

/// One face, followed without a break; in a still picture, one face.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceTrack {
    /// Number, from 0, in the order of appearance.
    pub id: usize,
    /// In presentation order, at most one a frame.
    pub observations: Vec<Observation>,
    /// Mean identity vector, weighted by quality, of unit length; `None` when the face was too poor
    /// throughout.
    pub embedding: Option<Vec<f32>>,
    /// Mean overall quality of its better half.
    pub quality: f32,
    /// The best of each share of its time, in presentation order.
    pub thumbnails: Vec<Thumbnail>,
}

impl FaceTrack {
    /// From its first to its last observation.
    pub fn span(&self) -> Span {
        let secs = |o: Option<&Observation>| o.map_or(0.0, |o| o.pts_secs);
        Span { start_secs: secs(self.observations.first()), end_secs: secs(self.observations.last()) }
    }
}

/// Tracks that are taken for one person's.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Positions in [`Faces::tracks`], ascending.
    pub tracks: Vec<usize>,
    /// Mean identity vector of unit length.
    pub embedding: Option<Vec<f32>>,
}

/// Every face of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Faces {
    /// In order of appearance.
    pub tracks: Vec<FaceTrack>,
    /// Most often seen first.
    pub persons: Vec<Person>,
    /// Times in seconds at which a new shot begins.
    pub cuts_secs: Vec<f64>,
    /// Frames in which faces were looked for.
    pub frames: u64,
    /// The stretches of a clip that were looked at; empty for a still picture.
    pub windows: Vec<Span>,
    /// Side in pixels of the shown picture of the smallest face that can be found.
    pub smallest_face_px: f32,
    /// The networks.
    pub networks: Vec<NetworkInfo>,
    /// What their numbers mean.
    pub operating_points: OperatingPoints,
    /// The detectors that judged the faces, in the order of the record.
    pub detectors: Vec<DetectorWeights>,
}

impl Faces {
    /// The best of each share of a person's time, at most `count`, in presentation order.
    pub fn strip(&self, person: &Person, count: usize) -> Vec<Thumbnail> {
        let all: Vec<&Thumbnail> =
            person.tracks.iter().filter_map(|t| self.tracks.get(*t)).flat_map(|t| &t.thumbnails).collect();
        thumbnails::strip(&all, count)
    }

    /// A person's observations in presentation order.
    pub fn observations<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = &'a Observation> {
        person.tracks.iter().filter_map(|t| self.tracks.get(*t)).flat_map(|t| &t.observations)
    }
}

/// One looked-at frame.
pub(crate) struct SeenFrame {
    pub(crate) index: u64,
    pub(crate) pts_secs: f64,
    pub(crate) faces: Vec<SeenFace>,
}

/// The light record of every decoded frame.
pub(crate) struct Glance {
    pub(crate) index: u64,
    pub(crate) pts_secs: f64,
    pub(crate) signature: Signature,
}

/// Frame indices with which a shot begins, and their times.
pub(crate) fn cuts(glances: &[Glance]) -> Vec<(u64, f64)> {
    let mut found = Vec::new();
    let mut start = 0;
    for end in 1..=glances.len() {
        // Only frames that follow each other are compared.
        if end < glances.len() && glances[end].index == glances[end - 1].index + 1 {
            continue;
        }
        let run = &glances[start..end];
        let signatures: Vec<Signature> = run.iter().map(|g| g.signature.clone()).collect();
        found.extend(cut::cuts(&signatures).into_iter().map(|at| (run[at].index, run[at].pts_secs)));
        start = end;
    }
    found
}

/// Follows the faces; `cuts` are the indices of frames that begin a shot, ascending.
pub(crate) fn follow(frames: Vec<SeenFrame>, cuts: &[(u64, f64)], points: &OperatingPoints) -> Vec<FaceTrack> {
    let settings = TrackSettings {
        face_score: points.face_score,
        same_person_cosine: points.same_person_cosine,
        other_person_cosine: points.other_person_cosine,
    };
    let mut tracker = Tracker::new(settings);
    let mut gathered: Vec<Vec<SeenFace>> = Vec::new();
    let mut next_cut = 0;
    for frame in frames {
        while cuts.get(next_cut).is_some_and(|c| c.0 <= frame.index) {
            tracker.end_shot();
            next_cut += 1;
        }
        let sightings: Vec<Sighting> = frame
            .faces
            .iter()
            .map(|f| Sighting {
                box_in_frame: f.observation.box_in_frame,
                score: f.observation.score,
                embedding: f.embedding.clone(),
            })
            .collect();
        let keys = tracker.step(frame.pts_secs, &sightings);
        for (face, key) in frame.faces.into_iter().zip(keys) {
            if let Some(key) = key {
                gathered.resize_with(gathered.len().max(key + 1), Vec::new);
                gathered[key].push(face);
            }
        }
    }
    let believed = tracker.finish();
    let mut kept: Vec<Vec<SeenFace>> = gathered
        .into_iter()
        .zip(believed)
        .filter(|(faces, believed)| *believed && is_face(faces))
        .map(|(f, _)| f)
        .collect();
    kept.sort_by(|a, b| {
        let first = |f: &[SeenFace]| (f[0].observation.index, f[0].observation.box_in_frame.x);
        let ((i, x), (j, y)) = (first(a), first(b));
        i.cmp(&j).then(x.total_cmp(&y))
    });
    kept.into_iter().enumerate().map(|(id, faces)| track(id, faces)).collect()
}

/// Whether what was followed is a face, and not something of which no part is ever seen to be one.
fn is_face(faces: &[SeenFace]) -> bool {
    let mut visible: Vec<f32> = faces.iter().map(|f| f.observation.quality.visibility).collect();
    visible.sort_by(f32::total_cmp);
    visible.get(visible.len() / 2).is_some_and(|median| *median >= LEAST_VISIBLE)
}

pub(crate) fn track(id: usize, faces: Vec<SeenFace>) -> FaceTrack {
    let weighted: Vec<(&[f32], f32)> =
        faces.iter().filter_map(|f| Some((f.embedding.as_deref()?, f.observation.quality.overall.max(1e-3)))).collect();
    let embedding = mean(&weighted);
    let mut qualities: Vec<f32> = faces.iter().map(|f| f.observation.quality.overall).collect();
    qualities.sort_by(|a, b| b.total_cmp(a));
    qualities.truncate(qualities.len().div_ceil(2));
    let quality = qualities.iter().sum::<f32>() / qualities.len().max(1) as f32;
    let thumbnails: Vec<Thumbnail> = faces
        .iter()
        .filter_map(|f| {
            let o = &f.observation;
            let jpeg = f.jpeg.clone()?;
            Some(Thumbnail { index: o.index, pts_secs: o.pts_secs, quality: o.quality.overall, jpeg })
        })
        .collect();
    let thumbnails = thumbnails::strip(&thumbnails.iter().collect::<Vec<_>>(), KEPT);
    let observations = faces.into_iter().map(|f| f.observation).collect();
    FaceTrack { id, observations, embedding, quality, thumbnails }
}

fn mean(weighted: &[(&[f32], f32)]) -> Option<Vec<f32>> {
    let length = weighted.first()?.0.len();
    let mut sum = vec![0.0f32; length];
    for (vector, weight) in weighted.iter().filter(|(v, _)| v.len() == length) {
        sum.iter_mut().zip(*vector).for_each(|(s, v)| *s += weight * v);
    }
    unit(&sum)
}

/// Puts tracks of one person together; tracks that share a frame are two people's.
pub(crate) fn persons(tracks: &[FaceTrack], points: &OperatingPoints) -> Vec<Person> {
    let vectors: Vec<Option<&[f32]>> = tracks.iter().map(|t| t.embedding.as_deref()).collect();
    let indices: Vec<Vec<u64>> = tracks.iter().map(|t| t.observations.iter().map(|o| o.index).collect()).collect();
    let together = |i: usize, j: usize| {
        let (short, long) = if indices[i].len() < indices[j].len() { (i, j) } else { (j, i) };
        indices[short].iter().any(|index| indices[long].binary_search(index).is_ok())
    };
    let groups = cluster(&vectors, points.same_person_cosine, &together);
    let mut persons: Vec<Person> = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        if *group == persons.len() {
            persons.push(Person { tracks: Vec::new(), embedding: None });
        }
        if let Some(person) = persons.get_mut(*group) {
            person.tracks.push(at);
        }
    }
    for person in &mut persons {
        let weighted: Vec<(&[f32], f32)> = person
            .tracks
            .iter()
            .filter_map(|t| Some((tracks[*t].embedding.as_deref()?, tracks[*t].observations.len() as f32)))
            .collect();
        person.embedding = mean(&weighted);
    }
    // Stable: people seen equally often stay in order of appearance.
    let seen = |p: &Person| p.tracks.iter().map(|t| tracks[*t].observations.len()).sum::<usize>();
    let largest = |p: &Person| {
        let sizes = p.tracks.iter().flat_map(|t| &tracks[*t].observations).map(|o| o.box_in_frame.size());
        sizes.fold(0.0f32, f32::max)
    };
    persons.sort_by(|a, b| seen(b).cmp(&seen(a)).then(largest(b).total_cmp(&largest(a))));
    persons
}

/// The answer for one file.
pub(crate) fn faces(
    networks: &dyn FaceNetworks,
    tracks: Vec<FaceTrack>,
    cuts_secs: Vec<f64>,
    frames: u64,
    windows: Vec<Span>,
    smallest_face_px: f32,
) -> Faces {
    let operating_points = networks.operating_points();
    let persons = persons(&tracks, &operating_points);
    let detectors = networks.detectors().map(Detecting::weights).unwrap_or_default();
    let networks = networks.identity();
    Faces { tracks, persons, cuts_secs, frames, windows, smallest_face_px, networks, operating_points, detectors }
}
