//! Faces taken out of pictures and clips, aligned, measured, sorted.
//!
//! The decision that shapes it: crops are written as they are met, under numbers, into a folder of
//! another name; when all files are done, persons are told, doubles dropped, the rest sorted and
//! named, and the folder renamed. A frame without a usable face is counted. Crops are parts of
//! recordings and carry no mark; so that none can come from made media, a file that carries one is
//! refused.
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use assay_faces::template::Template;
use assay_faces::track::cosine;
use assay_media::Progress;
use assay_provenance::{Trust, verify};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};

use super::align::{self, KEPT_MARGIN};
use super::look::{self, Looked, Person, Seen};
use super::table::{FaceRow, FaceTable, SourceRow, TABLE_FILE};
use crate::{Finder, GeneratorError};

/// Quality of the crops' JPEG files.
const JPEG_QUALITY: u8 = 96;
/// Side of the grey pictures by which doubles are told.
const THUMB: u32 = 24;
/// Mean difference in grey levels below which two faces are one.
const DOUBLE: f32 = 1.5;

/// Order of the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As met.
    #[default]
    Time,
    /// The sharpest first.
    Blur,
    /// From turned left to turned right.
    Pose,
    /// Those most like the person's mean first; wrong faces come last.
    Similarity,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Extraction {
    /// Pictures and clips.
    pub inputs: Vec<PathBuf>,
    /// Folder of the crops; there must be none yet, or an empty one.
    pub out: PathBuf,
    /// Whose faces, from 1 in the order of how much they are seen; `None` for everybody's.
    pub person: Option<usize>,
    /// Order of the names.
    pub order: Order,
    /// Whether faces that look the same as another are left out.
    pub drops_doubles: bool,
    /// Side of the crops in pixels.
    pub side: u32,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Extracted {
    /// Faces that were kept.
    pub faces: usize,
    /// Persons that were told apart.
    pub persons: usize,
    /// Frames and pictures that were looked at.
    pub frames: u64,
    /// What was left out, by reason: frames without a face, faces of others, doubles.
    pub left_out: BTreeMap<String, u64>,
}

/// A face that lies in the folder under a number.
struct Kept {
    row: FaceRow,
    track: usize,
    thumb: Vec<f32>,
}

/// Takes faces out.
///
/// # Errors
/// [`GeneratorError`], naming the file that is at fault; nothing is left behind then.
pub fn extract(wanted: &Extraction, progress: &dyn Progress) -> Result<Extracted, GeneratorError> {
    let occupied = std::fs::read_dir(&wanted.out).is_ok_and(|mut entries| entries.next().is_some());
    if occupied || wanted.out.is_file() {
        return Err(GeneratorError::unsuited(&wanted.out, "it exists already; give --out another name"));
    }
    let name = wanted.out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let part = wanted.out.with_file_name(format!(".{name}.part"));
    let result = make_folder(&part).and_then(|()| into_folder(wanted, &part, progress));
    if result.is_err() {
        // What is half done is worth nothing; that it cannot be removed is not the news.
        let _ = std::fs::remove_dir_all(&part);
    }
    result
}

fn make_folder(part: &Path) -> Result<(), GeneratorError> {
    if part.exists() {
        std::fs::remove_dir_all(part).map_err(GeneratorError::io("remove", part))?;
    }
    std::fs::create_dir_all(part).map_err(GeneratorError::io("make", part))
}

fn into_folder(wanted: &Extraction, part: &Path, progress: &dyn Progress) -> Result<Extracted, GeneratorError> {
    let finder = Finder::open()?;
    let (mut sources, mut files, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let mut left_out: BTreeMap<String, u64> = BTreeMap::new();
    for path in &wanted.inputs {
        if let Some(mark) = verify(path, &Trust::default())?.marks.generated {
            let reason =
                format!("it carries an AI mark ({mark}), which its crops would lose; only recordings are taken");
            return Err(GeneratorError::unsuited(path, reason));
        }
        let source = look::open(path)?;
        let at = files.len();
        let looked = look::each((&source, f64::INFINITY), &finder, progress, &mut |frame, index, at_secs, seen| {
            if seen.is_empty() {
                *left_out.entry("frames without a face".into()).or_default() += 1;
            }
            for Seen { track, face } in seen {
                let Ok(placed) = align::place(&face.observation.points68, KEPT_MARGIN, wanted.side) else {
                    *left_out.entry("faces whose points define no crop".into()).or_default() += 1;
                    continue;
                };
                let crop = placed.crop(frame);
                let file = format!("{:06}.jpg", kept.len());
                save(&crop, &part.join(&file))?;
                let Some(crop_from_frame) = placed.crop_from_frame() else { continue };
                let rounded = |p: &[f32; 2]| crop_from_frame.apply(*p).map(|v| (v * 100.0).round() / 100.0);
                let (x, y) = (placed.frame_from_crop.x, placed.frame_from_crop.y);
                let o = face.observation;
                kept.push(Kept {
                    row: FaceRow {
                        file,
                        source: at,
                        frame: index,
                        at_secs,
                        person: 0,
                        score: o.score,
                        pose: o.pose.map(|p| [p.yaw, p.pitch, p.roll]),
                        sharpness: o.quality.sharpness,
                        quality: o.quality.overall,
                        frame_from_crop: [x[0], x[1], x[2], y[0], y[1], y[2]],
                        points68: o.points68.iter().map(rounded).collect(),
                        mesh: o.landmarks.mesh.iter().map(rounded).collect(),
                        identity: face.embedding.unwrap_or_default(),
                    },
                    track,
                    thumb: thumb(&crop),
                });
            }
            Ok(())
        })?;
        sources.push(SourceRow { file: source.file_name(), sha256: source.sha256().to_owned(), frames: looked.frames });
        files.push(looked);
    }
    let persons = look::persons(&files, &finder);
    let frames = files.iter().map(|f| f.frames).sum();
    chosen(wanted, part, (kept, &files, &persons), &mut left_out).and_then(|faces| {
        let count = faces.len();
        let template = Template::DlibPadding(KEPT_MARGIN).name();
        let table = FaceTable::new(template, wanted.side, sources, faces);
        let path = part.join(TABLE_FILE);
        let text = serde_json::to_vec(&table).map_err(|e| GeneratorError::unsuited(&path, e.to_string()))?;
        std::fs::write(&path, text).map_err(GeneratorError::io("write", &path))?;
        if wanted.out.exists() {
            std::fs::remove_dir(&wanted.out).map_err(GeneratorError::io("replace", &wanted.out))?;
        }
        std::fs::rename(part, &wanted.out).map_err(GeneratorError::io("write", &wanted.out))?;
        Ok(Extracted { faces: count, persons: persons.len(), frames, left_out })
    })
}

/// Tells whose faces they are, drops what is not wanted, and gives the rest their names.
fn chosen(
    wanted: &Extraction,
    part: &Path,
    (kept, files, persons): (Vec<Kept>, &[Looked], &[Person]),
    left_out: &mut BTreeMap<String, u64>,
) -> Result<Vec<FaceRow>, GeneratorError> {
    let shown = wanted.inputs.first().map_or(wanted.out.as_path(), PathBuf::as_path);
    if kept.is_empty() {
        return Err(GeneratorError::unsuited(shown, "there is no face in it"));
    }
    if let Some(number) = wanted.person.filter(|n| *n == 0 || *n > persons.len()) {
        let reason = format!("there is no person {number}; {} were told apart", persons.len());
        return Err(GeneratorError::unsuited(shown, reason));
    }
    let numbers: HashMap<(usize, usize), usize> =
        persons.iter().enumerate().flat_map(|(i, tracks)| tracks.iter().map(move |t| (*t, i + 1))).collect();
    let mut chosen: Vec<Kept> = Vec::new();
    for mut face in kept {
        face.row.person = numbers.get(&(face.row.source, face.track)).copied().unwrap_or(0);
        let reason = if wanted.person.is_some_and(|n| n != face.row.person) {
            Some("faces of others")
        } else if wanted.drops_doubles && chosen.iter().any(|other| is_double(other, &face)) {
            Some("doubles")
        } else {
            None
        };
        match reason {
            None => chosen.push(face),
            Some(reason) => {
                *left_out.entry(reason.into()).or_default() += 1;
                let path = part.join(&face.row.file);
                std::fs::remove_file(&path).map_err(GeneratorError::io("remove", &path))?;
            }
        }
    }
    sort(&mut chosen, wanted.order, (files, persons));
    let mut rows = Vec::new();
    for (i, mut face) in chosen.into_iter().enumerate() {
        // No name of before ends like this, so none is overwritten.
        let name = format!("{:05}-{:02}.jpg", i + 1, face.row.person);
        let from = part.join(&face.row.file);
        std::fs::rename(&from, part.join(&name)).map_err(GeneratorError::io("rename", &from))?;
        face.row.file = name;
        rows.push(face.row);
    }
    Ok(rows)
}

fn is_double(a: &Kept, b: &Kept) -> bool {
    let apart: f32 = a.thumb.iter().zip(&b.thumb).map(|(x, y)| (x - y).abs()).sum();
    a.row.person == b.row.person && apart < DOUBLE * a.thumb.len() as f32
}

fn sort(faces: &mut [Kept], order: Order, (files, persons): (&[Looked], &[Person])) {
    match order {
        Order::Time => {}
        Order::Blur => faces.sort_by(|a, b| b.row.sharpness.total_cmp(&a.row.sharpness)),
        Order::Pose => {
            let yaw = |f: &Kept| f.row.pose.map_or(f32::INFINITY, |p| p[0]);
            faces.sort_by(|a, b| yaw(a).total_cmp(&yaw(b)));
        }
        Order::Similarity => {
            let mean = |tracks: &Vec<(usize, usize)>| {
                let vectors = tracks.iter().filter_map(|(file, track)| files.get(*file)?.tracks.get(track)?.identity());
                let sum = vectors.reduce(|a, b| a.iter().zip(&b).map(|(x, y)| x + y).collect());
                sum.and_then(|s| assay_faces::track::unit(&s)).unwrap_or_default()
            };
            let means: Vec<Vec<f32>> = persons.iter().map(mean).collect();
            let like = |f: &Kept| {
                let mean = f.row.person.checked_sub(1).and_then(|i| means.get(i));
                mean.map_or(-1.0, |m| cosine(m, &f.row.identity))
            };
            faces.sort_by(|a, b| like(b).total_cmp(&like(a)));
        }
    }
}

fn thumb(crop: &RgbImage) -> Vec<f32> {
    let grey = imageops::grayscale(&imageops::resize(crop, THUMB, THUMB, FilterType::Triangle));
    grey.as_raw().iter().map(|v| f32::from(*v)).collect()
}

/// A crop of a recording; nothing made goes through here.
fn save(crop: &RgbImage, path: &Path) -> Result<(), GeneratorError> {
    let mut bytes = Vec::new();
    let encoded = crop.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY));
    encoded.map_err(|e| GeneratorError::unsuited(path, e.to_string()))?;
    std::fs::write(path, bytes).map_err(GeneratorError::io("write", path))
}
