//! The heads that an animator learns from: stretches of clips cut as an animation cuts them, and
//! single photographs.
//!
//! The decision that shapes it: within a stretch the square stays where it is, so all that moves is
//! the head. A photograph is a stretch of one frame, whose driver is the photograph bent; it brings
//! faces of people of whom there is no clip. Splits are those of every training here.
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use assay_faces::geometry::Rect;
use assay_faces::template::Placement;
use assay_generators::Crop;
use assay_media::Progress;
use image::RgbImage;
use rayon::prelude::*;

use crate::faces::data::{self, Face, Labels};
use assay_bench::collections::{Collection, Split};
use assay_bench::datasets::{Label, Part};

/// Side of the kept heads over the side of the network's input: room for jitter.
pub const ROOM: f32 = 1.15;
/// Every so many frames of a clip are kept.
const EVERY: u64 = 5;
/// Frames in a stretch at most; a longer clip gives several, so that none outweighs the rest.
const LONGEST: usize = 80;
/// Faces narrower than this, in pixels, would be all blur.
const LEAST_EXTENT: f32 = 56.0;
/// Two faces of neighbouring labels overlap at least so much if they are one person's.
const SAME: f32 = 0.3;

/// One head over time.
#[derive(Debug)]
pub struct Stretch {
    /// Path of the clip or picture below the data folder, with the part of the frame.
    pub name: String,
    /// Side of the split.
    pub split: Split,
    /// Frames in order, square, with the mesh in pixels of each.
    pub frames: Vec<Head>,
}

/// One square.
#[derive(Debug)]
pub struct Head {
    /// The pixels.
    pub picture: RgbImage,
    /// 468 points in pixels of it.
    pub mesh: Vec<[f32; 2]>,
}

/// Reads every clip with labels: heads of `side` pixels.
///
/// # Errors
/// When the labels or a clip cannot be read.
pub fn clips(folder: &Path, side: u32, progress: &dyn Progress) -> anyhow::Result<Vec<Stretch>> {
    let all: Vec<(String, Labels)> = data::clip_labels(folder)?.into_iter().collect();
    let collection = Collection::of(folder)?;
    let done = std::sync::atomic::AtomicU64::new(0);
    let total = all.len() as u64;
    let read = all
        .into_par_iter()
        .map(|(file, labels)| {
            let stretches = clip(&collection, &file, &labels, side).with_context(|| format!("cannot read {file}"))?;
            progress.update("cutting heads", done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, total);
            Ok(stretches)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(read.into_iter().flatten().collect())
}

/// The largest recorded face of every labelled frame, followed over time.
fn clip(collection: &Collection, file: &str, labels: &Labels, side: u32) -> anyhow::Result<Vec<Stretch>> {
    let mut tracks: Vec<(String, Vec<(u64, Face)>)> = Vec::new();
    let last = labels.keys().map(|(frame, _)| *frame).max().unwrap_or(0);
    let is_recorded = |part: &Part| collection.label(file, *part) == Some(Label::Real);
    for part in [Part::Whole, Part::Left, Part::Right].into_iter().filter(is_recorded).map(Part::name) {
        let mut track: Vec<(u64, Face)> = Vec::new();
        for frame in (0..=last).step_by(EVERY as usize) {
            let faces = data::faces_at(labels, frame, part);
            let extent = |f: &Face| Rect::around(&f.mesh).map_or(0.0, |b| b.width.max(b.height));
            let Some(face) = faces.into_iter().max_by(|a, b| extent(a).total_cmp(&extent(b))) else { continue };
            if extent(&face) < LEAST_EXTENT {
                continue;
            }
            let goes_on = track.last().is_some_and(|(_, before)| {
                let boxes = (Rect::around(&before.mesh), Rect::around(&face.mesh));
                matches!(boxes, (Some(a), Some(b)) if a.iou(&b) > SAME)
            });
            if (!goes_on || track.len() >= LONGEST) && !track.is_empty() {
                tracks.push((part.to_owned(), std::mem::take(&mut track)));
            }
            track.push((frame, face));
        }
        tracks.push((part.to_owned(), track));
    }
    tracks.retain(|(_, track)| track.len() >= 8);
    let placed: Vec<Option<Placement>> = tracks
        .iter()
        .map(|(_, track)| {
            let crop = Crop::around(track.iter().map(|(_, f)| f.mesh.as_slice()))?;
            Some(Crop { side: crop.side * ROOM, ..crop }.placed(side))
        })
        .collect();
    let mut frames: Vec<Vec<Head>> = tracks.iter().map(|_| Vec::new()).collect();
    let mut index = 0;
    let mut wanted: BTreeMap<u64, Vec<(usize, usize)>> = BTreeMap::new();
    for (at, (_, track)) in tracks.iter().enumerate() {
        track.iter().enumerate().for_each(|(i, (frame, _))| wanted.entry(*frame).or_default().push((at, i)));
    }
    assay_material::frames::selected_frames(
        &collection.root().join(file),
        &format!("not(mod(n\\,{EVERY}))"),
        |frame| {
            for (at, i) in wanted.remove(&index).unwrap_or_default() {
                let (part, track) = &tracks[at];
                let Some(placement) = &placed[at] else { continue };
                let half;
                let picture = if part == "whole" {
                    &frame
                } else {
                    let [left, right] = assay_material::frames::halves(&frame);
                    half = if part == "left" { left } else { right };
                    &half
                };
                frames[at].push(cut(picture, placement, &track[i].1.mesh));
            }
            index += EVERY;
        },
    )?;
    let split = collection.side(file);
    let stretch =
        |((part, _), frames): ((String, _), Vec<Head>)| Stretch { name: format!("{file}#{part}"), split, frames };
    Ok(tracks.into_iter().zip(frames).map(stretch).filter(|s| s.frames.len() >= 8).collect())
}

fn cut(picture: &RgbImage, placement: &Placement, mesh: &[[f32; 2]]) -> Head {
    let back = placement.crop_from_frame();
    let mesh = mesh.iter().map(|p| back.map_or(*p, |m| m.apply(*p))).collect();
    Head { picture: placement.crop(picture), mesh }
}

/// Every real photograph with one face, cut in the same way.
///
/// # Errors
/// When the labels or a picture cannot be read.
pub fn photographs(folder: &Path, side: u32, progress: &dyn Progress) -> anyhow::Result<Vec<Stretch>> {
    progress.update("reading photographs", 0, 0);
    let pictures = data::load(folder, None)?;
    let real = |p: &&data::Picture| super::super::forgery::faces::is_real(p) && p.faces.len() == 1;
    let one = |p: &data::Picture| {
        let face = p.faces.first()?;
        let crop = Crop::around(std::iter::once(face.mesh.as_slice()))?;
        let large = crop.side >= 2.0 * LEAST_EXTENT;
        let placement = Crop { side: crop.side * ROOM, ..crop }.placed(side);
        let frames = vec![cut(p.levels.full(), &placement, &face.mesh)];
        large.then(|| Stretch { name: p.name.clone(), split: p.split, frames })
    };
    Ok(pictures.par_iter().filter(real).filter_map(one).collect())
}
