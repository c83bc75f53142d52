//! The faces of any labelled table: pictures and clips, real or fake, with masks where there are
//! some.
//!
//! The decision that shapes it: faces are found and cut as a scan does it, and only the region
//! around a face is kept. Real and fake files need not share anything, least of all their
//! compression; crops of both are saved again by draws from the same range before the network sees
//! them.
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context as _;
use assay_faces::geometry::Rect;
use assay_faces::{FaceNetworks, shown};
use assay_media::{
    Frame, FramePlan, FrameReader, FrameSamples, Limits, MediaError, NoProgress, Orientation, Progress, Source,
};
use image::RgbImage;
use rayon::prelude::*;

use super::faces::{MIN_EXTENT_PX, size};
use crate::faces::data::{Face, Picture, Told};
use crate::faces::warp::Levels;
use assay_bench::collections::Split;
use assay_bench::datasets::{self, Label, Manifest, Part, Row};
use assay_bench::judge::cut;

/// Frames of a clip that are taken.
const FRAMES: u32 = 24;
/// Side of the kept region over the longer extent of the mesh: room for jitter.
const KEPT: f32 = 2.2;

/// A face of a table's file.
pub struct Given {
    /// The region around the face, with its mesh.
    pub picture: Picture,
    /// What the table says.
    pub is_fake: bool,
    /// The same region of the mask, white where something was altered.
    pub mask: Option<Levels>,
}

/// Every usable face of the table. Rows without a split are divided by who is seen; a table that
/// leaks is refused. Files that cannot be read and files without a face are left out and counted:
/// `(faces, left out)`.
///
/// # Errors
/// When the table leaks, or nothing is left of it.
pub fn load(
    mut manifest: Manifest,
    networks: &dyn FaceNetworks,
    progress: &dyn Progress,
) -> anyhow::Result<(Vec<Given>, usize)> {
    if manifest.rows.iter().any(|r| r.split.is_none()) {
        datasets::assign(&mut manifest);
    }
    let leaks = datasets::leaks(&manifest);
    anyhow::ensure!(
        leaks.leaks.is_empty(),
        "the splits leak: {} persons, groups or pictures are in two of them; `assay data index` shows which",
        leaks.leaks.len()
    );
    let done = Mutex::new(0u64);
    let found: Vec<Option<Vec<Given>>> = manifest
        .rows
        .par_iter()
        .map(|row| {
            let faces = of_row(&manifest, row, networks).ok().filter(|f| !f.is_empty());
            if let Ok(mut done) = done.lock() {
                *done += 1;
                progress.update("finding faces", *done, manifest.rows.len() as u64);
            }
            faces
        })
        .collect();
    let left_out = found.iter().filter(|f| f.is_none()).count();
    let faces: Vec<Given> = found.into_iter().flatten().flatten().collect();
    let of = |label: bool| faces.iter().filter(|f| f.is_fake == label && f.picture.split == Split::Train).count();
    anyhow::ensure!(
        of(true) > 0 && of(false) > 0,
        "the training split has {} real and {} fake faces; both are needed",
        of(false),
        of(true)
    );
    Ok((faces, left_out))
}

fn of_row(manifest: &Manifest, row: &Row, networks: &dyn FaceNetworks) -> anyhow::Result<Vec<Given>> {
    let frames = frames(&row.path, row.part)?;
    let masks = match &row.mask {
        Some(path) => frames_of_mask(path, row.part, frames.len())?,
        None => Vec::new(),
    };
    let split = row.split.unwrap_or(Split::Test);
    let mut given = Vec::new();
    for (at, frame) in frames.iter().enumerate() {
        for face in assay_faces::find(networks, frame)? {
            let mesh = &face.observation.landmarks.mesh;
            let Some(tight) = Rect::around(mesh).filter(|_| size(mesh) >= MIN_EXTENT_PX) else { continue };
            let region = region(frame, &tight);
            let shift = |[x, y]: &[f32; 2]| [x - region[0] as f32, y - region[1] as f32];
            let part = |picture: &RgbImage| {
                Levels::new(image::imageops::crop_imm(picture, region[0], region[1], region[2], region[3]).to_image())
            };
            given.push(Given {
                picture: Picture {
                    name: format!("{}#{},{at}", manifest.name(&row.path), row.part.name()),
                    source: row.source.clone().unwrap_or_default(),
                    // A group where nobody is named: what is of one recording stays together.
                    person: row.person.clone().or_else(|| row.group.clone()).unwrap_or_default(),
                    split,
                    levels: part(frame),
                    told: Told { label: Some(row.label), ..Told::default() },
                    faces: vec![Face { mesh: mesh.iter().map(shift).collect(), hand: None }],
                },
                is_fake: row.label == Label::Fake,
                mask: masks.get(at).filter(|m| m.dimensions() == frame.dimensions()).map(part),
            });
        }
    }
    Ok(given)
}

/// Left, top, width and height of what is kept around a face.
fn region(frame: &RgbImage, tight: &Rect) -> [u32; 4] {
    let side = tight.width.max(tight.height) * KEPT;
    let [x, y] = tight.centre();
    let range = |middle: f32, most: u32| {
        let from = (middle - side / 2.0).clamp(0.0, most as f32) as u32;
        let to = (middle + side / 2.0).clamp(0.0, most as f32) as u32;
        (from, (to - from).max(1))
    };
    let ((left, width), (top, height)) = (range(x, frame.width()), range(y, frame.height()));
    [left.min(frame.width() - 1), top.min(frame.height() - 1), width, height]
}

/// The picture, or evenly spaced frames of the clip; one part of them.
fn frames(path: &Path, part: Part) -> anyhow::Result<Vec<RgbImage>> {
    let source = Source::open(path, &Limits::default()).with_context(|| path.display().to_string())?;
    if source.video().is_none() {
        let picture = source.picture()?;
        return Ok(vec![cut(&shown(&picture, source.orientation()), part).into_owned()]);
    }
    let mut grab = Grab { part, orientation: source.orientation(), frames: Vec::new() };
    source.decode_with(&source.packets()?, &mut [&mut grab], &NoProgress)?;
    Ok(grab.frames)
}

/// The mask for every frame; a single picture stands for all of them.
fn frames_of_mask(path: &Path, part: Part, count: usize) -> anyhow::Result<Vec<RgbImage>> {
    let masks = frames(path, part)?;
    match masks.as_slice() {
        [one] => Ok(vec![one.clone(); count]),
        _ => Ok(masks),
    }
}

struct Grab {
    part: Part,
    orientation: Orientation,
    frames: Vec<RgbImage>,
}

impl FrameReader for Grab {
    fn plan(&self) -> FramePlan {
        FramePlan::EvenlySpaced(FRAMES)
    }

    fn samples(&self) -> FrameSamples {
        FrameSamples::Rgb
    }

    fn read(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let coded = frame.rgb();
        self.frames.push(cut(&shown(&coded, self.orientation), self.part).into_owned());
        Ok(())
    }
}
