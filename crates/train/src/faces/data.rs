//! The pictures that the face networks learn from: photographs and frames with machine-made meshes,
//! split by person.
//!
//! The decision that shapes it: what a picture is, who is in it and on which side of the split it
//! lies is said by the collection that it is of, so that nobody is learned from who is measured on
//! elsewhere.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use anyhow::Context as _;
use assay_checkpoints::read_safetensors;
use assay_faces::geometry::Rect;
use image::RgbImage;
use image::imageops::FilterType;
use rayon::prelude::*;

use super::points::tight_box;
use super::warp::Levels;
use assay_bench::collections::{Collection, Folder, Split, Subject, Use};
use assay_bench::datasets::{Label, Part};
use assay_material::frames::{every_kth, halves};

/// A labelled face.
#[derive(Debug, Clone)]
pub struct Face {
    /// 468 points in pixels of the picture, made by machine.
    pub mesh: Vec<[f32; 2]>,
    /// 68 points made by hand, where somebody marked this face.
    pub hand: Option<Hand>,
}

/// The 68 hand-made points of a face.
pub type Hand = Vec<[f32; 2]>;

/// Hand-made points by file name.
pub type HandPoints = BTreeMap<String, Hand>;

/// A picture in memory.
#[derive(Debug)]
pub struct Picture {
    /// Path below the data folder; for a frame with `#part,index`.
    pub name: String,
    /// Folder: `lfw250`, `celeba178`, `ytfaces68`, `clips` ...
    pub source: String,
    /// Who is in it, or the file where that is not known.
    pub person: String,
    /// Side of the split.
    pub split: Split,
    /// The pixels at every halving.
    pub levels: Levels,
    /// What the collection says of it.
    pub told: Told,
    /// Faces that the machine found.
    pub faces: Vec<Face>,
}

/// What a collection says of a picture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// What is true of it, where that is known.
    pub label: Option<Label>,
    /// What it shows.
    pub subject: Subject,
    /// Whether it is one half of a side-by-side clip, or such a clip's only part.
    pub is_swap: bool,
    /// Whether only the making tells it from the pictures that it is held against.
    pub is_matched: bool,
    /// Whether points were made by hand for pictures of its folder.
    pub has_points: bool,
    /// What it may be used for.
    pub uses: BTreeSet<Use>,
}

impl Told {
    fn of(data: &Collection, file: &str, part: Part) -> Self {
        let folder = data.folder_of(file);
        let uses: BTreeSet<Use> = folder.iter().flat_map(|f| f.uses.iter().copied()).collect();
        Self {
            label: data.label(file, part),
            subject: folder.map_or_else(Subject::default, |f| f.subject),
            is_swap: uses.contains(&Use::Swaps),
            is_matched: data.is_matched(file),
            has_points: folder.is_some_and(|f| f.points.is_some()),
            uses,
        }
    }
}

impl Picture {
    /// Whether it was taken for what is in it other than people; a few show people all the same.
    pub fn is_scene(&self) -> bool {
        self.told.subject == Subject::Scene
    }
}

/// Which frames of clips are read, and how large they are kept.
#[derive(Debug, Clone, Copy)]
pub struct ClipFrames {
    /// Every so many frames; every [`LABELLED`]th has labels of its own, between two of them meshes
    /// are interpolated.
    pub every: u64,
    /// The longer side that no kept frame exceeds.
    pub largest: u32,
}

impl ClipFrames {
    /// For networks that find and measure faces: shapes, not grain.
    pub const SHAPES: Self = Self { every: LABELLED, largest: 480 };
    /// For networks that look at grain: as recorded.
    pub const GRAIN: Self = Self { every: 5, largest: 1280 };
}

/// Distance of the labelled frames of a clip.
pub(super) const LABELLED: u64 = 15;

/// Hand-made points by file name.
///
/// # Errors
/// When the descriptor or a table that it names cannot be read.
pub fn hand_points(data: &Path) -> anyhow::Result<HandPoints> {
    let data = Collection::of(data)?;
    let mut out = HandPoints::new();
    for table in data.descriptor().folders.iter().filter_map(|folder| folder.points.as_ref()) {
        let text = std::fs::read_to_string(data.root().join(table)).with_context(|| format!("cannot read {table}"))?;
        for line in text.lines().skip(1) {
            let mut cells = line.split(',');
            let Some(name) = cells.next() else { continue };
            let numbers: Vec<f32> = cells.filter_map(|c| c.parse().ok()).collect();
            if numbers.len() == 136 {
                out.insert(name.to_owned(), numbers.as_chunks::<2>().0.to_vec());
            }
        }
    }
    Ok(out)
}

/// The files that pictures come from, below the data folder, one entry a file.
pub fn files_of(pictures: &[Picture]) -> Vec<String> {
    let mut files: Vec<String> =
        pictures.iter().map(|p| p.name.split('#').next().unwrap_or(&p.name).to_owned()).collect();
    files.dedup();
    files
}

/// The file's own name.
pub fn file_of(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

struct Row {
    file: String,
    frame: u64,
    part: String,
    mesh: Vec<[f32; 2]>,
}

fn rows(folder: &Path, table: &str, tensor: &str) -> anyhow::Result<Vec<Row>> {
    let labels = folder.join("labels");
    let read = |name: &str| std::fs::read(labels.join(name)).with_context(|| format!("cannot read labels/{name}"));
    let text = String::from_utf8(read(table)?)?;
    let tensors = read_safetensors(&read("facemesh468.safetensors")?)?;
    let meshes = tensors.get(tensor).with_context(|| format!("no tensor {tensor}"))?.to_f32();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| header.iter().position(|h| *h == name);
    let mut out = Vec::new();
    for (line, mesh) in lines.zip(meshes.chunks_exact(468 * 2)) {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| column(name).and_then(|i| cells.get(i)).copied().unwrap_or_default();
        out.push(Row {
            file: cell("file").to_owned(),
            frame: cell("frame").parse().unwrap_or(0),
            part: cell("part").to_owned(),
            mesh: mesh.as_chunks::<2>().0.to_vec(),
        });
    }
    Ok(out)
}

/// Reads every labelled picture and frame of `folder` that networks may learn from, and every
/// picture of a scene (there without faces where the machine found none).
///
/// # Errors
/// When the descriptor, the labels or a picture cannot be read.
pub fn load(folder: &Path, clips: Option<ClipFrames>) -> anyhow::Result<Vec<Picture>> {
    let data = Collection::of(folder)?;
    let mut by_file: BTreeMap<String, Vec<Face>> = BTreeMap::new();
    for row in rows(folder, "faces.csv", "faces")? {
        by_file.entry(row.file).or_default().push(Face { mesh: row.mesh, hand: None });
    }
    let points = hand_points(folder)?;
    let marked = |folder: &&Folder| folder.points.is_some();
    let places: Vec<&str> = data.descriptor().folders.iter().filter(marked).map(|f| f.path.as_str()).collect();
    for (place, (name, points)) in places.iter().flat_map(|place| points.iter().map(move |p| (place, p))) {
        let faces = by_file.get_mut(&format!("{place}/{name}"));
        let off = |f: &Face| {
            let [mesh, hand] = [tight_box(&f.mesh), tight_box(points)];
            (mesh[0] + mesh[2] / 2.0 - hand[0] - hand[2] / 2.0).hypot(mesh[1] + mesh[3] - hand[1] - hand[3]) / hand[2]
        };
        let nearest = faces.and_then(|f| f.iter_mut().min_by(|a, b| off(a).total_cmp(&off(b))));
        if let Some(face) = nearest.filter(|f| off(f) < 0.5) {
            face.hand = Some(points.clone());
        }
    }
    for scenes in data.folders(Use::Training).filter(|f| f.subject == Subject::Scene) {
        for file in data.files_for(scenes, Use::Training)? {
            by_file.entry(file).or_default();
        }
    }
    by_file.retain(|file, _| data.may(file, Use::Training));
    let files: Vec<(String, Vec<Face>)> = by_file.into_iter().collect();
    let mut pictures = files
        .into_par_iter()
        .map(|(file, faces)| {
            let picture = image::ImageReader::open(folder.join(&file))?.with_guessed_format()?.decode();
            let picture = picture.with_context(|| format!("cannot read {file}"))?.into_rgb8();
            Ok(described(&data, &file, None, picture, faces))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(kept) = clips {
        let clips: Vec<(String, Labels)> = clip_labels(folder)?.into_iter().collect();
        let frames: Vec<Vec<Picture>> = clips
            .into_par_iter()
            .map(|(file, labels)| clip_frames(&data, &file, &labels, kept))
            .collect::<anyhow::Result<_>>()?;
        pictures.extend(frames.into_iter().flatten());
    }
    Ok(pictures)
}

/// The labelled faces of a clip by frame and part.
pub type Labels = HashMap<(u64, String), Vec<Face>>;

/// The labels of every clip that networks may learn from, by its path below the data folder.
///
/// # Errors
/// When they or the descriptor cannot be read.
pub fn clip_labels(folder: &Path) -> anyhow::Result<BTreeMap<String, Labels>> {
    let data = Collection::of(folder)?;
    let mut by_clip: BTreeMap<String, Labels> = BTreeMap::new();
    for row in rows(folder, "video_faces.csv", "video_faces")? {
        let frames = by_clip.entry(row.file).or_default();
        frames.entry((row.frame, row.part)).or_default().push(Face { mesh: row.mesh, hand: None });
    }
    by_clip.retain(|clip, _| data.may(clip, Use::Training));
    Ok(by_clip)
}

/// The picture of a file, or of a frame's part of a clip.
fn described(
    data: &Collection,
    file: &str,
    frame: Option<(Part, u64)>,
    picture: RgbImage,
    faces: Vec<Face>,
) -> Picture {
    let folder = data.folder_of(file).map(|f| f.path.as_str()).unwrap_or_default();
    let (name, source) = match frame {
        Some((part, index)) => (format!("{file}#{},{index}", part.name()), "clips"),
        None => (file.to_owned(), folder.rsplit('/').next().unwrap_or(folder)),
    };
    Picture {
        name,
        source: source.to_owned(),
        person: data.owner(file),
        split: data.side(file),
        levels: Levels::new(picture),
        told: Told::of(data, file, frame.map_or(Part::Whole, |(part, _)| part)),
        faces,
    }
}

/// The labelled frames of one clip, made smaller where they are large.
fn clip_frames(data: &Collection, file: &str, labels: &Labels, kept: ClipFrames) -> anyhow::Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (index, frame) in every_kth(&data.root().join(file), kept.every)? {
        for part in [Part::Whole, Part::Left, Part::Right] {
            let faces = faces_at(labels, index, part.name());
            if faces.is_empty() {
                continue;
            }
            let cut = if part == Part::Whole {
                frame.clone()
            } else {
                let [left, right] = halves(&frame);
                if part == Part::Left { left } else { right }
            };
            let scale = (kept.largest as f32 / cut.width().max(cut.height()) as f32).min(1.0);
            let size = |v: u32| ((v as f32 * scale).round() as u32).max(1);
            let small = if scale < 1.0 {
                image::imageops::resize(&cut, size(cut.width()), size(cut.height()), FilterType::Triangle)
            } else {
                cut
            };
            let shrink =
                |f: Face| Face { mesh: f.mesh.iter().map(|[x, y]| [x * scale, y * scale]).collect(), hand: None };
            let faces = faces.into_iter().map(shrink).collect();
            pictures.push(described(data, file, Some((part, index)), small, faces));
        }
    }
    Ok(pictures)
}

/// The faces of a labelled frame, or between two labelled frames those that overlap in both.
pub fn faces_at(labels: &Labels, index: u64, part: &str) -> Vec<Face> {
    let at = |index: u64| labels.get(&(index, part.to_owned())).map_or(&[][..], Vec::as_slice);
    let before = at(index / LABELLED * LABELLED);
    let share = (index % LABELLED) as f32 / LABELLED as f32;
    if share == 0.0 {
        return before.to_vec();
    }
    let after = at((index / LABELLED + 1) * LABELLED);
    let between = |face: &Face| {
        let own = Rect::around(&face.mesh)?;
        let overlap = |other: &Face| Rect::around(&other.mesh).map_or(0.0, |r| r.iou(&own));
        let next = after.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)))?;
        let mix = |(a, b): (&[f32; 2], &[f32; 2])| [0, 1].map(|c| a[c] + share * (b[c] - a[c]));
        (overlap(next) > 0.4).then(|| Face { mesh: face.mesh.iter().zip(&next.mesh).map(mix).collect(), hand: None })
    };
    before.iter().filter_map(between).collect()
}
