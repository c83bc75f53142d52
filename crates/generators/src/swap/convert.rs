//! One person's face put in another's place, in a picture or clip.
//!
//! The decision that shapes it: a clip is read twice. The first pass finds every face, follows it
//! and decides who is meant; then the alignment is smoothed over time, the past and the future of a
//! frame alike, because crops that tremble are the first thing that people see. The second pass
//! makes a frame for a frame.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use assay_faces::track::cosine;
use assay_faces::{FaceNetworks as _, landmarks68};
use assay_media::{FramePlan, Progress};
use assay_models::face_swap::{CROP, Person, Swapper};
use assay_models::registry;
use assay_provenance::{ClipShape, Record, SourceUsed, Synthetic, WeightsUsed};
use image::RgbImage;
use serde::Serialize;

use super::ABOUT;
use super::align::{self, NET_MARGIN};
use super::blend::{self, Settings};
use super::look::{self, Looked};
use crate::animate::{borrowed, owned, read_picture};
use crate::{About, ClipFacts, Finder, Generator, GeneratorError, MadeFrame, Plan, Tally, each_frame};

/// Why a frame stays as it is.
const UNSEEN: &str = "the person is not seen";
const NO_CROP: &str = "the face's points define no crop";

/// Whose face is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The person of this number, from 1 in the order of how much they are seen (size and time).
    Number(usize),
    /// The person who looks most like the one in this picture.
    Like(PathBuf),
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// Id or file of weights, or the folder of a run.
    pub weights: String,
    /// Picture or clip.
    pub input: PathBuf,
    /// Whose face is put in.
    pub to: Person,
    /// Whose face is replaced.
    pub choice: Choice,
    /// How it is put in.
    pub settings: Settings,
    /// Standard deviation in seconds of the alignment's smoothing; 0 is none.
    pub smooth_secs: f64,
    /// Seconds of the clip at most.
    pub most_secs: Option<f64>,
}

/// Where the face of one frame lies.
#[derive(Debug, Clone)]
struct Aligned {
    at_secs: f64,
    track: usize,
    points68: [[f32; 2]; landmarks68::POINTS],
    mesh: Vec<[f32; 2]>,
}

enum Input {
    Still(Box<RgbImage>),
    Clip(Box<ClipFacts>),
}

/// A conversion that can be made.
pub struct Convert {
    request: Request,
    swapper: Swapper,
    input: Input,
    /// By number of the frame.
    faces: BTreeMap<u64, Aligned>,
    persons: usize,
}

/// A run's folder stands for the weights in it.
pub fn weights_of(named: &str) -> String {
    let inside = Path::new(named).join("weights.safetensors");
    if inside.is_file() { inside.display().to_string() } else { named.to_owned() }
}

impl Convert {
    /// Opens weights and input, finds all faces and decides whose is replaced.
    ///
    /// # Errors
    /// [`GeneratorError`], naming the file that is at fault.
    pub fn open(request: Request, progress: &dyn Progress) -> Result<Self, GeneratorError> {
        let swapper = Swapper::open(registry::open(&weights_of(&request.weights))?)?;
        let stated = &swapper.entry().input.crop;
        if stated != CROP {
            let reason = format!("its weights expect the crop {stated:?}, and faces are cut by {CROP:?}");
            return Err(GeneratorError::unsuited(Path::new(&request.weights), reason));
        }
        let source = look::open(&request.input)?;
        let finder = Finder::open()?;
        let mut found: Vec<(u64, Aligned)> = Vec::new();
        let most_secs = request.most_secs.unwrap_or(f64::INFINITY);
        let looked = look::each((&source, most_secs), &finder, progress, &mut |_, index, at_secs, seen| {
            found.extend(seen.into_iter().map(|s| {
                let o = s.face.observation;
                (index, Aligned { at_secs, track: s.track, points68: o.points68, mesh: o.landmarks.mesh })
            }));
            Ok(())
        })?;
        if found.is_empty() {
            return Err(GeneratorError::unsuited(&request.input, "there is no face in it"));
        }
        let files = [looked];
        let persons = look::persons(&files, &finder);
        let tracks = chosen(&request, &files[0], &persons, &finder)?;
        let mut faces: BTreeMap<u64, Aligned> = BTreeMap::new();
        for (index, aligned) in found.into_iter().filter(|(_, a)| tracks.contains(&a.track)) {
            faces.insert(index, aligned);
        }
        let faces = smoothed(faces, request.smooth_secs);
        let input = if source.video().is_some() {
            Input::Clip(Box::new(ClipFacts::open(&request.input)?))
        } else {
            Input::Still(Box::new(read_picture(&request.input)?))
        };
        Ok(Self { request, swapper, input, faces, persons: persons.len() })
    }

    /// What is known of the weights.
    pub fn weights(&self) -> &registry::Entry {
        self.swapper.entry()
    }

    /// Persons that were told apart in the input.
    pub fn persons(&self) -> usize {
        self.persons
    }

    /// Frames in which the chosen person is seen.
    pub fn seen(&self) -> usize {
        self.faces.len()
    }

    /// The frame with the face put in, or the reason why it was not.
    fn converted(&self, frame: &RgbImage, index: u64) -> (RgbImage, Option<&'static str>) {
        convert(&self.swapper, self.faces.get(&index), frame, &self.request)
    }
}

/// The tracks of the person who is meant.
fn chosen(
    request: &Request,
    looked: &Looked,
    persons: &[look::Person],
    finder: &Finder,
) -> Result<Vec<usize>, GeneratorError> {
    let person = match &request.choice {
        Choice::Number(number) => number.checked_sub(1).and_then(|i| persons.get(i)).ok_or_else(|| {
            let reason = format!("there is no person {number} in it; {} were told apart", persons.len());
            GeneratorError::unsuited(&request.input, reason)
        })?,
        Choice::Like(path) => {
            let face = finder.largest(&read_picture(path)?)?.and_then(|f| f.embedding);
            let wanted = face.ok_or_else(|| {
                GeneratorError::unsuited(path, "there is no face in the reference that could be recognised")
            })?;
            let like = |tracks: &Vec<(usize, usize)>| {
                let known = tracks.iter().filter_map(|(_, t)| looked.tracks.get(t)?.identity());
                known.map(|v| cosine(&v, &wanted)).fold(-1.0, f32::max)
            };
            let best = persons.iter().map(|p| (like(p), p)).max_by(|a, b| a.0.total_cmp(&b.0));
            let least = finder.networks().operating_points().same_person_cosine;
            match best {
                Some((likeness, person)) if likeness >= least => person,
                other => {
                    let likeness = other.map_or(-1.0, |(l, _)| l);
                    let reason = format!(
                        "nobody in it looks like {}: the nearest has a cosine of {likeness:.2}, and one person's begin at {least}",
                        path.display()
                    );
                    return Err(GeneratorError::unsuited(&request.input, reason));
                }
            }
        }
    };
    Ok(person.iter().map(|(_, track)| *track).collect())
}

/// Every face's points as the weighted mean of those around it in time on the same track.
fn smoothed(faces: BTreeMap<u64, Aligned>, sigma_secs: f64) -> BTreeMap<u64, Aligned> {
    if sigma_secs <= 0.0 {
        return faces;
    }
    let all: Vec<(&u64, &Aligned)> = faces.iter().collect();
    let smooth = |at: usize| -> Aligned {
        let own = all[at].1;
        let mut out = own.clone();
        let near = |other: &&(&u64, &Aligned)| {
            other.1.track == own.track && (other.1.at_secs - own.at_secs).abs() <= 3.0 * sigma_secs
        };
        let before = all[..at].iter().rev().take_while(near);
        let after = all[at + 1..].iter().take_while(near);
        let around: Vec<(&Aligned, f32)> = before
            .chain(after)
            .map(|(_, a)| (*a, (-0.5 * ((a.at_secs - own.at_secs) / sigma_secs).powi(2)).exp() as f32))
            .collect();
        let total = 1.0 + around.iter().map(|(_, w)| w).sum::<f32>();
        let mean = |own: [f32; 2], of: &dyn Fn(&Aligned) -> Option<[f32; 2]>| -> [f32; 2] {
            let sum = around.iter().fold(own, |s, (a, w)| {
                let p = of(a).unwrap_or(own);
                [s[0] + p[0] * w, s[1] + p[1] * w]
            });
            // A missing point would stand for itself with its weight.
            sum.map(|v| v / total)
        };
        for (i, p) in out.points68.iter_mut().enumerate() {
            *p = mean(*p, &|a| a.points68.get(i).copied());
        }
        for (i, p) in out.mesh.iter_mut().enumerate() {
            *p = mean(*p, &|a| a.mesh.get(i).copied());
        }
        out
    };
    (0..all.len()).map(|at| (*all[at].0, smooth(at))).collect()
}

fn convert(
    swapper: &Swapper,
    aligned: Option<&Aligned>,
    frame: &RgbImage,
    request: &Request,
) -> (RgbImage, Option<&'static str>) {
    let mut out = frame.clone();
    let Some(aligned) = aligned else { return (out, Some(UNSEEN)) };
    let side = swapper.side();
    let Ok(placed) = align::place(&aligned.points68, NET_MARGIN, side as u32) else { return (out, Some(NO_CROP)) };
    let working = blend::working_side(side, placed.frame_from_crop.scale() * side as f64);
    let Ok(large) = align::place(&aligned.points68, NET_MARGIN, working as u32) else { return (out, Some(NO_CROP)) };
    let made = swapper.swap(&borrowed(&placed.crop(frame)), request.to);
    let picture = owned(made.picture);
    let face =
        blend::Face { picture: &picture, mask: made.mask.as_deref().map(|values| (values, side)), mesh: &aligned.mesh };
    blend::put(&mut out, &large, &face, request.settings);
    (out, None)
}

/// What the manifest says of the settings.
#[derive(Serialize)]
struct Recorded<'a> {
    to: Person,
    person: Option<usize>,
    reference: Option<String>,
    crop: &'static str,
    #[serde(flatten)]
    settings: &'a Settings,
    smooth_secs: f64,
    most_secs: Option<f64>,
}

impl Generator for Convert {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn record(&self) -> Record {
        let entry = self.swapper.entry();
        let (person, reference) = match &self.request.choice {
            Choice::Number(number) => (Some(*number), None),
            Choice::Like(path) => (None, path.file_name().map(|n| n.to_string_lossy().into_owned())),
        };
        let recorded = Recorded {
            to: self.request.to,
            person,
            reference,
            crop: CROP,
            settings: &self.request.settings,
            smooth_secs: self.request.smooth_secs,
            most_secs: self.request.most_secs,
        };
        Record {
            making: ABOUT.making,
            generator: ABOUT.id.into(),
            weights: vec![WeightsUsed { id: entry.id.clone(), sha256: entry.sha256.clone() }],
            settings: serde_json::to_value(recorded).unwrap_or_default(),
            seed: None,
            sources: vec![SourceUsed { path: self.request.input.clone(), role: "target".into() }],
        }
    }

    fn plan(&self) -> Plan {
        match &self.input {
            Input::Still(_) => Plan::Still,
            Input::Clip(clip) => {
                // H.264 has its colours at every other pixel.
                let even = |v: u32| (v & !1).max(2);
                let (width, height) = (even(clip.size.0), even(clip.size.1));
                let shape = ClipShape { width, height, frame_secs: clip.frame_secs };
                Plan::Clip { shape, sound: clip.has_sound.then(|| self.request.input.clone()) }
            }
        }
    }

    fn generate(
        &mut self,
        emit: &mut (dyn FnMut(MadeFrame) -> Result<(), GeneratorError> + Send),
        progress: &dyn Progress,
    ) -> Result<Tally, GeneratorError> {
        let mut tally = Tally::default();
        let mut count = |failure: Option<&'static str>| {
            tally.frames += 1;
            failure.into_iter().for_each(|reason| tally.failed(reason));
            tally.frames - 1
        };
        match &self.input {
            Input::Still(picture) => {
                let (made, failure) = self.converted(picture, 0);
                count(failure);
                emit(MadeFrame { picture: Synthetic::new(made), at_secs: 0.0 })?;
                Ok(tally)
            }
            Input::Clip(clip) => {
                let most = self.request.most_secs.unwrap_or(f64::INFINITY);
                let (swapper, faces, request) = (&self.swapper, &self.faces, &self.request);
                let mut index = 0;
                let taken = each_frame(&clip.source, FramePlan::All, progress, &mut |frame, at_secs| {
                    if at_secs >= most {
                        return Err(GeneratorError::Cancelled);
                    }
                    let (made, failure) = convert(swapper, faces.get(&index), frame, request);
                    index = count(failure) + 1;
                    let (width, height) = (made.width() & !1, made.height() & !1);
                    let made = if made.dimensions() == (width, height) {
                        made
                    } else {
                        image::imageops::crop_imm(&made, 0, 0, width, height).to_image()
                    };
                    emit(MadeFrame { picture: Synthetic::new(made), at_secs })
                });
                match taken {
                    // The clip was longer than wanted.
                    Err(GeneratorError::Cancelled) if index > 0 && most.is_finite() && !progress.cancelled() => {
                        Ok(tally)
                    }
                    Err(error) => Err(error),
                    Ok(()) => Ok(tally),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aligned(at_secs: f64, track: usize, x: f32) -> Aligned {
        Aligned { at_secs, track, points68: [[x, 5.0]; 68], mesh: vec![[x, 7.0]; 468] }
    }

    #[test]
    fn smoothing_takes_trembling_away_and_keeps_to_its_track() {
        let faces: BTreeMap<u64, Aligned> = (0..40)
            .map(|i| {
                let tremor = if i % 2 == 0 { 1.0 } else { -1.0 };
                (
                    i,
                    aligned(
                        i as f64 * 0.04,
                        usize::from(i >= 20),
                        i as f32 + tremor + if i >= 20 { 100.0 } else { 0.0 },
                    ),
                )
            })
            .collect();
        let out = smoothed(faces.clone(), 0.06);
        for i in [8u64, 10, 30, 33] {
            let shift = if i >= 20 { 100.0 } else { 0.0 };
            let x = out[&i].points68[3][0];
            assert!((x - i as f32 - shift).abs() < 0.15, "{i}: {x}");
            assert_eq!(out[&i].mesh[9][1], out[&i].mesh[0][1]);
        }
        assert!(out[&19].mesh[0][0] < 30.0 && out[&20].mesh[0][0] > 110.0, "tracks stay apart");
        assert_eq!(smoothed(faces.clone(), 0.0)[&7].points68, faces[&7].points68);
    }

    #[test]
    fn a_runs_folder_stands_for_its_weights() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().display().to_string();
        assert_eq!(weights_of(&name), name);
        std::fs::write(folder.path().join("weights.safetensors"), b"x").unwrap();
        assert!(weights_of(&name).ends_with("weights.safetensors"));
    }
}
