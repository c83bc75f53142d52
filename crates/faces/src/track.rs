//! Who is who from frame to frame.
//!
//! The decisions that shape it: every frame is one assignment problem (Kalman prediction, overlap
//! and likeness of the identity vectors in one cost), solved exactly. Where two people cross,
//! likeness decides: vectors that are clearly of two people forbid a pair, however well the boxes
//! fit. Detections of low score may carry a track on but never begin one (Zhang et al. 2022,
//! ByteTrack). A face that is hidden is waited for [`PATIENCE_SECS`]; who comes back later gets a
//! new track, and [`crate::cluster`] finds that it is the same person. The order of the detections
//! within a frame means nothing.
use crate::assignment::assign;
use crate::geometry::Rect;
use crate::motion::Motion;

/// Seconds for which a hidden face is waited for.
pub const PATIENCE_SECS: f64 = 1.5;
/// Sightings until a track is believed.
pub const CONFIRMED_AFTER: u32 = 3;

/// Squared Mahalanobis distance, three degrees of freedom, that one in a thousand true boxes
/// exceeds.
const GATE: f64 = 16.27;
/// Face sizes per second that a hidden face may have moved, when its likeness speaks for it.
const REACH: f64 = 4.0;
/// Overlap with the prediction that a doubtful detection needs.
const DOUBTFUL_IOU: f32 = 0.3;
/// Overlap from which a second box on a face that is tracked already is taken for the same face
/// found twice.
const TWICE_IOU: f32 = 0.5;
/// Overlap from which a neighbour spoils the identity vector.
const SPOILT_IOU: f32 = 0.1;
/// Share of a new vector in the remembered one.
const RENEWAL: f32 = 0.2;

/// One detection as the tracker sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// The box, in frame pixels.
    pub box_in_frame: Rect,
    /// Score of the detector.
    pub score: f32,
    /// Identity vector of unit length; `None` where the face is too poor for one.
    pub embedding: Option<Vec<f32>>,
}

/// What scores and cosines mean; see [`crate::OperatingPoints`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackSettings {
    /// Score that begins a track.
    pub face_score: f32,
    /// Cosine from which two vectors are one person's.
    pub same_person_cosine: f32,
    /// Cosine below which they are two people's.
    pub other_person_cosine: f32,
}

/// Number of a track within one tracker, in the order of their beginning.
pub type TrackKey = usize;

struct Track {
    key: TrackKey,
    motion: Motion,
    appearance: Option<Vec<f32>>,
    /// That was taken with a neighbour in the way; the first clean one replaces it.
    spoilt: bool,
    last_secs: f64,
    sightings: u32,
    confirmed: bool,
    /// It was seen in the frame before this one.
    fresh: bool,
}

/// Follows faces through the frames of a clip, given in presentation order.
pub struct Tracker {
    settings: TrackSettings,
    tracks: Vec<Track>,
    /// One flag a key: believed.
    believed: Vec<bool>,
    now_secs: Option<f64>,
    frames_of_shot: u32,
}

/// The cosine of two vectors of unit length; 0 when their lengths differ.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    if a.len() == b.len() { a.iter().zip(b).map(|(x, y)| x * y).sum() } else { 0.0 }
}

/// The vector brought to unit length; `None` when it has none.
pub fn unit(vector: &[f32]) -> Option<Vec<f32>> {
    let length = vector.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    (length.is_finite() && length > 1e-9).then(|| vector.iter().map(|v| (f64::from(*v) / length) as f32).collect())
}

fn likeness(a: Option<&[f32]>, b: Option<&[f32]>) -> Option<f32> {
    Some(cosine(a?, b?))
}

impl Tracker {
    /// A tracker that has seen nothing.
    pub fn new(settings: TrackSettings) -> Self {
        Self { settings, tracks: Vec::new(), believed: Vec::new(), now_secs: None, frames_of_shot: 0 }
    }

    /// Looks at the next frame; returns the track of each sighting, `None` for one that belongs to
    /// none.
    pub fn step(&mut self, pts_secs: f64, sightings: &[Sighting]) -> Vec<Option<TrackKey>> {
        let passed = self.now_secs.map_or(0.0, |now| pts_secs - now);
        // A stretch that nobody looked at is as good as a cut.
        if !(0.0..=PATIENCE_SECS).contains(&passed) {
            self.end_shot();
        }
        self.now_secs = Some(pts_secs);
        self.frames_of_shot += 1;
        self.tracks.retain(|track| pts_secs - track.last_secs <= PATIENCE_SECS);
        self.tracks.iter_mut().for_each(|track| track.motion.predict(passed.max(0.0)));

        let order = canonical_order(sightings);
        let ordered: Vec<&Sighting> = order.iter().map(|i| &sightings[*i]).collect();
        let mut owner: Vec<Option<usize>> = vec![None; ordered.len()];
        self.associate(pts_secs, &ordered, &mut owner, false);
        self.associate(pts_secs, &ordered, &mut owner, true);

        let mut keys = vec![None; sightings.len()];
        let spoilt: Vec<bool> = (0..ordered.len())
            .map(|i| {
                let here = &ordered[i].box_in_frame;
                (0..ordered.len()).any(|j| j != i && here.iou(&ordered[j].box_in_frame) > SPOILT_IOU)
            })
            .collect();
        let mut seen = vec![false; self.tracks.len()];
        for (i, sighting) in ordered.iter().enumerate() {
            if let Some(at) = owner[i] {
                let track = &mut self.tracks[at];
                seen[at] = true;
                track.see(pts_secs, sighting, spoilt[i]);
                keys[order[i]] = Some(track.key);
            }
        }
        let mut at = 0;
        self.tracks.retain_mut(|track| {
            at += 1;
            track.fresh = seen[at - 1];
            // A track that nobody believes yet is not waited for: false detections seldom come
            // twice.
            track.confirmed || track.fresh
        });
        let mut taken: Vec<usize> = (0..ordered.len()).filter(|i| owner[*i].is_some()).collect();
        let mut new: Vec<usize> = (0..ordered.len()).filter(|i| owner[*i].is_none()).collect();
        new.sort_by(|a, b| ordered[*b].score.total_cmp(&ordered[*a].score));
        for i in new {
            let sighting = ordered[i];
            let twice = taken.iter().any(|j| self.is_same_face(sighting, ordered[*j]));
            if twice || sighting.score < self.settings.face_score {
                continue;
            }
            taken.push(i);
            let key = self.believed.len();
            self.believed.push(false);
            self.tracks.push(Track {
                key,
                motion: Motion::new(&sighting.box_in_frame),
                appearance: sighting.embedding.clone(),
                spoilt: spoilt[i],
                last_secs: pts_secs,
                sightings: 1,
                confirmed: false,
                fresh: true,
            });
            keys[order[i]] = Some(key);
        }
        for track in &mut self.tracks {
            track.confirmed |= track.sightings >= CONFIRMED_AFTER;
            self.believed[track.key] |= track.confirmed;
        }
        keys
    }

    /// One round of assignment: sure sightings against all tracks, then doubtful ones against
    /// tracks that were seen a frame ago.
    fn associate(&self, now_secs: f64, sightings: &[&Sighting], owner: &mut [Option<usize>], doubtful: bool) {
        let free_tracks: Vec<usize> = (0..self.tracks.len())
            .filter(|t| !owner.contains(&Some(*t)) && (!doubtful || self.tracks[*t].fresh))
            .collect();
        let sure = |s: &Sighting| s.score >= self.settings.face_score;
        let free: Vec<usize> =
            (0..sightings.len()).filter(|i| owner[*i].is_none() && sure(sightings[*i]) != doubtful).collect();
        let mut costs = Vec::with_capacity(free_tracks.len() * free.len());
        for t in &free_tracks {
            let track = &self.tracks[*t];
            for i in &free {
                let sighting = sightings[*i];
                costs.push(if doubtful {
                    let iou = track.motion.predicted().iou(&sighting.box_in_frame);
                    (iou >= DOUBTFUL_IOU && !self.is_other(track, sighting)).then(|| f64::from(1.0 - iou))
                } else {
                    self.cost(track, sighting, now_secs)
                });
            }
        }
        for (row, column) in assign(&costs, free.len()).into_iter().enumerate() {
            if let Some(column) = column {
                owner[free[column]] = Some(free_tracks[row]);
            }
        }
    }

    /// Two detections of one frame show one face twice.
    fn is_same_face(&self, a: &Sighting, b: &Sighting) -> bool {
        let unlike = likeness(a.embedding.as_deref(), b.embedding.as_deref());
        a.box_in_frame.iou(&b.box_in_frame) > TWICE_IOU && unlike.is_none_or(|c| c >= self.settings.other_person_cosine)
    }

    /// The vectors are clearly of two people.
    fn is_other(&self, track: &Track, sighting: &Sighting) -> bool {
        likeness(track.appearance.as_deref(), sighting.embedding.as_deref())
            .is_some_and(|c| c < self.settings.other_person_cosine)
    }

    /// Cost of taking this sighting for this track, 0..=1; `None` when it cannot be.
    fn cost(&self, track: &Track, sighting: &Sighting, now_secs: f64) -> Option<f64> {
        let gap = now_secs - track.last_secs;
        let likeness = likeness(track.appearance.as_deref(), sighting.embedding.as_deref());
        let (same, other) = (self.settings.same_person_cosine, self.settings.other_person_cosine);
        if self.is_other(track, sighting) {
            return None;
        }
        let iou = track.motion.predicted().iou(&sighting.box_in_frame);
        let distance = track.motion.distance(&sighting.box_in_frame);
        let near = distance <= GATE;
        let known =
            likeness.is_some_and(|c| c >= same) && track.motion.steps(&sighting.box_in_frame) <= REACH * (gap + 0.2);
        if !(near || known || iou > DOUBTFUL_IOU) {
            return None;
        }
        // Between "another" and "the same" likeness falls from 1 to 0; without a vector it says
        // nothing.
        let unlike = likeness.map_or(0.5, |c| ((same - c) / (same - other).max(1e-3)).clamp(0.0, 1.0));
        let apart = (distance / GATE).min(1.0);
        Some(0.35 * f64::from(1.0 - iou) + 0.25 * apart + 0.4 * f64::from(unlike))
    }

    /// A scene cut lies before the next frame: every track ends.
    pub fn end_shot(&mut self) {
        for track in &self.tracks {
            // In a shot too short to believe anything, what is in every frame is believed.
            self.believed[track.key] |= track.sightings >= self.frames_of_shot;
        }
        self.tracks.clear();
        self.frames_of_shot = 0;
    }

    /// Ends the clip; one flag for each key: the track is believed.
    pub fn finish(mut self) -> Vec<bool> {
        self.end_shot();
        self.believed
    }
}

impl Track {
    fn see(&mut self, now_secs: f64, sighting: &Sighting, spoilt: bool) {
        self.motion.update(&sighting.box_in_frame);
        self.last_secs = now_secs;
        self.sightings += 1;
        let Some(new) = &sighting.embedding else { return };
        match &self.appearance {
            Some(_) if spoilt => {}
            Some(old) if !self.spoilt && old.len() == new.len() => {
                let mixed: Vec<f32> = old.iter().zip(new).map(|(a, b)| (1.0 - RENEWAL) * a + RENEWAL * b).collect();
                self.appearance = unit(&mixed).or_else(|| self.appearance.take());
            }
            _ => (self.appearance, self.spoilt) = (Some(new.clone()), spoilt),
        }
    }
}

/// An order that depends on what is seen only, so that equal costs are broken alike however the
/// detector lists its answers.
fn canonical_order(sightings: &[Sighting]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sightings.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&sightings[*a], &sightings[*b]);
        let key =
            |s: &Sighting| [s.box_in_frame.x, s.box_in_frame.y, s.box_in_frame.width, s.box_in_frame.height, s.score];
        let by_place = key(a).into_iter().zip(key(b)).map(|(x, y)| x.total_cmp(&y)).find(|o| o.is_ne());
        by_place.unwrap_or_else(|| {
            let vector = |s: &Sighting| s.embedding.clone().unwrap_or_default();
            let (x, y) = (vector(a), vector(b));
            x.iter().zip(&y).map(|(p, q)| p.total_cmp(q)).find(|o| o.is_ne()).unwrap_or(x.len().cmp(&y.len()))
        })
    });
    order
}

#[cfg(test)]
#[path = "track_tests.rs"]
mod tests;
