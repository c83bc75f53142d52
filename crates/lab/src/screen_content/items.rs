//! Photographs and drawings with their numbers.
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use assay_analyzers::screen::{COUNT, SavedAs, numbers};
use assay_bench::collections::{Collection, Split, split_of};
use assay_material::frames::{halves, selected_frames};
use assay_material::graphics::{Kind, Saving, draw};
use assay_material::rng::{Rng, hash};
use assay_material::saving::{decode_jpeg, jpeg_bytes};
use assay_media::{Limits, Progress, Source};
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use rayon::prelude::*;

/// Sheets above this many files count as large folders.
const LARGE: usize = 300;
/// Photographs saved again, a photograph.
const AGAIN: usize = 2;
/// A frame of a clip is taken every so many.
const FRAME_EVERY: u64 = 90;
/// Frames of a clip at most.
const FRAMES: usize = 6;

/// One measured picture.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// File of a photograph, kind and number of a drawing.
    pub(super) name: String,
    /// Folder of a photograph, kind of a drawing.
    pub(super) kind: String,
    pub(super) split: Split,
    pub(super) saved_as: SavedAs,
    pub(super) numbers: [f64; COUNT],
    /// Of a drawing, the share that a photograph covers; `None` for photographs.
    pub(super) share: Option<f64>,
    /// What was done to a photograph before it was saved again; `None` as found.
    pub(super) change: Option<String>,
}

impl Item {
    /// Is it a drawing?
    pub(super) fn drawn(&self) -> bool {
        self.share.is_some()
    }
}

/// What people do to photographs, by name.
const CHANGES: [&str; 7] = ["nothing", "half size", "1.7 times the size", "blur", "blown out", "darkened", "grey"];

fn changed(picture: &RgbImage, change: &str) -> RgbImage {
    let scaled = |by: f64| {
        let side = |v: u32| ((f64::from(v) * by).round() as u32).max(96);
        imageops::resize(picture, side(picture.width()), side(picture.height()), FilterType::CatmullRom)
    };
    let toned = |tone: &dyn Fn(f32) -> f32| {
        let mut out = picture.clone();
        out.iter_mut().for_each(|v| *v = tone(f32::from(*v)).round().clamp(0.0, 255.0) as u8);
        out
    };
    match change {
        "half size" => scaled(0.5),
        "1.7 times the size" => scaled(1.7),
        "blur" => imageops::blur(picture, 2.0),
        "blown out" => toned(&|v| v * 1.9),
        "darkened" => toned(&|v| v * 0.22),
        "grey" => {
            let grey = imageops::grayscale(picture);
            RgbImage::from_fn(grey.width(), grey.height(), |x, y| Rgb([grey.get_pixel(x, y)[0]; 3]))
        }
        _ => picture.clone(),
    }
}

/// A quality of each range in turn, then lossless.
fn quality(rng: &mut Rng, way: usize) -> Option<u8> {
    match way % 5 {
        0 => Some(rng.between(90, 98) as u8),
        1 => Some(rng.between(80, 89) as u8),
        2 => Some(rng.between(70, 79) as u8),
        3 => Some(rng.between(40, 69) as u8),
        _ => None,
    }
}

fn saved_as(quality: Option<u8>) -> SavedAs {
    quality.map_or(SavedAs::Lossless, SavedAs::of_quality)
}

/// The picture of a file with the way in which it was saved.
fn opened(path: &Path) -> anyhow::Result<(RgbImage, SavedAs)> {
    let source = Source::open(path, &Limits::default())?;
    let table = source.jpeg_structure().and_then(|s| s.table_of(0));
    Ok((source.picture()?, SavedAs::of(source.format(), table)))
}

fn pictures_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn ends_with(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    endings.contains(&ending.as_str())
}

const STILLS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "bmp", "tiff"];

/// The stills below the data folder, `every` so many of the large folders, as paths from there.
fn stills(data: &Path, every: usize) -> anyhow::Result<Vec<String>> {
    let mut by_folder: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for path in pictures_below(data)?.into_iter().filter(|p| ends_with(p, &STILLS)) {
        let below = path.strip_prefix(data)?.to_string_lossy().replace('\\', "/");
        by_folder.entry(folder_of(&below)).or_default().push(below);
    }
    let step = |files: &[String]| if files.len() > LARGE { every.max(1) } else { 1 };
    Ok(by_folder
        .into_values()
        .flat_map(|f| {
            let step = step(&f);
            f.into_iter().step_by(step)
        })
        .collect())
}

fn folder_of(file: &str) -> String {
    file.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}

/// A picture as it is and saved again in ways that follow from its name.
fn with_copies(
    split: Split,
    picture: &RgbImage,
    found: Option<SavedAs>,
    name: &str,
    kind: &str,
) -> anyhow::Result<Vec<Item>> {
    let mut rng = Rng::labelled(18, name);
    let item = |numbers, saved_as, change: Option<&str>| Item {
        name: name.to_owned(),
        kind: kind.to_owned(),
        split,
        saved_as,
        numbers,
        share: None,
        change: change.map(str::to_owned),
    };
    let mut items: Vec<Item> = found.into_iter().map(|as_found| item(numbers(picture), as_found, None)).collect();
    let first = rng.below(5);
    for copy in 0..AGAIN {
        let change = if rng.chance(0.4) { CHANGES[0] } else { CHANGES[1 + rng.below(CHANGES.len() - 1)] };
        let edited = changed(picture, change);
        let quality = quality(&mut rng, first + 2 * copy);
        let shown = quality.map_or_else(|| Ok(edited.clone()), |q| decode_jpeg(&jpeg_bytes(&edited, q)?))?;
        items.push(item(numbers(&shown), saved_as(quality), Some(change)));
    }
    Ok(items)
}

/// Every photograph and some frames of every clip, with the names of the files that could not be
/// read.
pub(super) fn photographs(
    collection: &Collection,
    every: usize,
    progress: &dyn Progress,
) -> anyhow::Result<(Vec<Item>, Vec<String>)> {
    let data = collection.root();
    let files = stills(data, every)?;
    anyhow::ensure!(!files.is_empty(), "there are no pictures below {}", data.display());
    let done = AtomicU64::new(0);
    let measured: Vec<Result<Vec<Item>, String>> = files
        .par_iter()
        .map(|file| {
            progress.update("measuring photographs", done.fetch_add(1, Ordering::Relaxed), files.len() as u64);
            let (picture, as_found) = opened(&data.join(file)).map_err(|error| format!("{file}: {error:#}"))?;
            if picture.width().min(picture.height()) < 96 {
                return Ok(Vec::new());
            }
            with_copies(collection.side(file), &picture, Some(as_found), file, &folder_of(file))
                .map_err(|error| format!("{file}: {error:#}"))
        })
        .collect();
    let (mut items, mut unreadable) = (Vec::new(), Vec::new());
    for result in measured {
        match result {
            Ok(own) => items.extend(own),
            Err(error) => unreadable.push(error),
        }
    }
    let clips: Vec<PathBuf> =
        pictures_below(data)?.into_iter().filter(|p| ends_with(p, &["mp4", "mov", "webm", "mkv"])).collect();
    let frames: Vec<anyhow::Result<Vec<Item>>> = clips
        .par_iter()
        .enumerate()
        .map(|(at, clip)| {
            progress.update("measuring frames of clips", at as u64, clips.len() as u64);
            let below = clip.strip_prefix(data)?.to_string_lossy().replace('\\', "/");
            let mut frames = Vec::new();
            selected_frames(clip, &format!("not(mod(n\\,{FRAME_EVERY}))"), |frame| {
                if frames.len() < FRAMES {
                    frames.push(frame);
                }
            })?;
            let mut items = Vec::new();
            for frame in frames {
                let [left, _] = halves(&frame);
                let shown = if below.contains("faceswap_sbs") { left } else { frame };
                if shown.width().min(shown.height()) >= 96 {
                    items.extend(with_copies(
                        collection.side(&below),
                        &shown,
                        Some(SavedAs::Lossless),
                        &below,
                        "frames of clips",
                    )?);
                }
            }
            Ok(items)
        })
        .collect();
    for (clip, own) in clips.iter().zip(frames) {
        match own {
            Ok(own) => items.extend(own),
            Err(error) => unreadable.push(format!("{}: {error:#}", clip.display())),
        }
    }
    Ok((items, unreadable))
}

/// So many drawings of each kind, every other one with a photograph of its own side of the split
/// inside, each saved lossless and as JPEG of two ranges of quality.
pub(super) fn drawings(collection: &Collection, per_kind: usize, progress: &dyn Progress) -> anyhow::Result<Vec<Item>> {
    let data = collection.root();
    let photos = stills(data, 1)?;
    let of_split = |split: Split| -> Vec<&String> { photos.iter().filter(|f| collection.side(f) == split).collect() };
    let sides = [Split::Train, Split::Validation, Split::Test].map(|split| (split, of_split(split)));
    let wanted: Vec<(Kind, u64)> =
        Kind::ALL.iter().flat_map(|kind| (0..per_kind as u64).map(move |seed| (*kind, seed))).collect();
    let done = AtomicU64::new(0);
    let items: Vec<Vec<Item>> = wanted
        .par_iter()
        .map(|(kind, seed)| {
            progress.update("drawing", done.fetch_add(1, Ordering::Relaxed), wanted.len() as u64);
            let name = format!("{} {seed}", kind.id());
            let split = if kind.held_out() { Split::Test } else { split_of(&format!("drawing:{name}")) };
            let mut rng = Rng::labelled(19, &name);
            let own =
                sides.iter().find(|(side, _)| *side == split).map(|(_, files)| files.as_slice()).unwrap_or_default();
            let photograph = match rng.pick(own) {
                Some(file) if seed % 2 == 1 => Some(opened(&data.join(file))?.0),
                _ => None,
            };
            let drawn = draw(*kind, *seed, photograph.as_ref());
            let shift = hash(&name) as usize % 4;
            let mut own = Vec::new();
            for way in [4, shift, (shift + 1 + rng.below(3)) % 4] {
                let quality = quality(&mut rng, way);
                let saved = Saving::drawn(&mut rng, quality).apply(&drawn.picture)?;
                let shown = image::load_from_memory(&saved.bytes)?.into_rgb8();
                own.push(Item {
                    name: name.clone(),
                    kind: if kind.held_out() { format!("{} (never learned)", kind.id()) } else { kind.id().to_owned() },
                    split,
                    saved_as: saved_as(quality),
                    numbers: numbers(&shown),
                    share: Some(drawn.photograph),
                    change: None,
                });
            }
            Ok(own)
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(items.concat())
}

/// Screenshots of the user's own, as found.
pub(super) fn screens(folder: &Path, progress: &dyn Progress) -> anyhow::Result<Vec<Item>> {
    let files: Vec<PathBuf> = pictures_below(folder)?.into_iter().filter(|p| ends_with(p, &STILLS)).collect();
    files
        .par_iter()
        .enumerate()
        .map(|(at, file)| {
            progress.update("measuring screenshots", at as u64, files.len() as u64);
            let (picture, saved_as) = opened(file).with_context(|| format!("cannot read {}", file.display()))?;
            let below = file.strip_prefix(folder)?.to_string_lossy().into_owned();
            Ok(Item {
                kind: folder_of(&below),
                name: below,
                split: Split::Test,
                saved_as,
                numbers: numbers(&picture),
                share: Some(0.0),
                change: None,
            })
        })
        .collect()
}
