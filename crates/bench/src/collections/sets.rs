//! The sets that forgery networks are measured on, and copies of them saved again.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_workbench::calibration::Condition;
use image::imageops::FilterType;
use rayon::prelude::*;

use super::{Collection, Split, Truth, Use};
use crate::datasets::{Label, Manifest, Part, Row};
use assay_material::ffmpeg;
use assay_material::saving::jpeg_bytes;

/// One way of saving a picture or a clip again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Saving {
    /// For tables and folders.
    pub name: &'static str,
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    AsFound,
    Lossless,
    Jpeg { quality: u8, halves: bool },
    H264 { crf: u8 },
}

/// How portraits are compared: never as found, because the files of generators share a compression.
pub const PORTRAITS: [Saving; 4] = [
    Saving { name: "JPEG 95", how: How::Jpeg { quality: 95, halves: false } },
    Saving { name: "JPEG 75", how: How::Jpeg { quality: 75, halves: false } },
    Saving { name: "JPEG 50", how: How::Jpeg { quality: 50, halves: false } },
    Saving { name: "half size, JPEG 95", how: How::Jpeg { quality: 95, halves: true } },
];

/// Stills of every condition that calibration keeps apart.
pub const STILLS: [Saving; 5] = [
    Saving { name: "lossless", how: How::Lossless },
    Saving { name: "JPEG 95", how: How::Jpeg { quality: 95, halves: false } },
    Saving { name: "JPEG 85", how: How::Jpeg { quality: 85, halves: false } },
    Saving { name: "JPEG 75", how: How::Jpeg { quality: 75, halves: false } },
    Saving { name: "JPEG 50", how: How::Jpeg { quality: 50, halves: false } },
];

/// As photographs are found, and after strong compression.
pub const PHOTOGRAPHS: [Saving; 2] = [Saving { name: "as found", how: How::AsFound }, PORTRAITS[2]];

/// As clips are found, and after H.264.
pub const CLIPS: [Saving; 4] = [
    Saving { name: "as found", how: How::AsFound },
    Saving { name: "H.264 CRF 23", how: How::H264 { crf: 23 } },
    Saving { name: "H.264 CRF 33", how: How::H264 { crf: 33 } },
    Saving { name: "H.264 CRF 40", how: How::H264 { crf: 40 } },
];

impl Saving {
    /// The file saved this way, below `work`; the file itself where it stays as found. What was made before is taken again.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn apply(self, data: &Path, work: &Path, file: &str) -> anyhow::Result<PathBuf> {
        let from = data.join(file);
        let folder = work.join(self.name.replace([' ', ','], "_"));
        let flat = file.replace('/', "_");
        let write = |target: PathBuf, make: &dyn Fn(&Path) -> anyhow::Result<()>| {
            if !target.exists() {
                std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
                make(&target).with_context(|| format!("cannot save {} again", from.display()))?;
            }
            Ok(target)
        };
        match self.how {
            How::AsFound => Ok(from.clone()),
            How::Lossless => write(folder.join(flat).with_extension("png"), &|target| {
                let picture = image::ImageReader::open(&from)?.with_guessed_format()?.decode()?;
                Ok(picture.into_rgb8().save(target)?)
            }),
            How::Jpeg { quality, halves } => write(folder.join(flat).with_extension("jpg"), &|target| {
                let mut picture = image::ImageReader::open(&from)?.with_guessed_format()?.decode()?.into_rgb8();
                if halves {
                    let half = (picture.width() / 2, picture.height() / 2);
                    picture = image::imageops::resize(&picture, half.0, half.1, FilterType::CatmullRom);
                }
                Ok(std::fs::write(target, jpeg_bytes(&picture, quality)?)?)
            }),
            How::H264 { crf } => {
                write(folder.join(flat).with_extension("mp4"), &|target| ffmpeg::compress(&from, target, crf))
            }
        }
    }

    /// The condition that the files have for calibration.
    pub fn condition(self) -> Condition {
        match self.how {
            How::AsFound | How::Lossless => Condition::Lossless,
            How::H264 { .. } => Condition::Video,
            How::Jpeg { quality, .. } => {
                let holds =
                    |c: &Condition| matches!(c, Condition::Jpeg { from, to } if (*from..=*to).contains(&quality));
                Condition::all().into_iter().find(holds).unwrap_or(Condition::Lossless)
            }
        }
    }

    /// Rows of files that were made of others, saved this way.
    ///
    /// # Errors
    /// When one cannot be read or written.
    pub fn rows_of(self, folder: &Path, work: &Path, files: &[Derived]) -> anyhow::Result<Vec<Row>> {
        let row = |derived: &Derived| {
            let path = self.apply(folder, work, &derived.file)?;
            let (group, source) = (Some(derived.owner.clone()), Some(derived.source.clone()));
            Ok(Row { group, source, ..Row::new(path, derived.label) })
        };
        files.par_iter().map(row).collect()
    }

    /// Rows of a collection's files saved this way, one a part.
    fn rows(self, data: &Collection, work: &Path, files: &[String]) -> anyhow::Result<Vec<Row>> {
        let saved: Vec<Vec<Row>> = files
            .par_iter()
            .map(|file| {
                let path = self.apply(data.root(), work, file)?;
                let row = |(part, label): (Part, Label)| Row {
                    part,
                    group: Some(data.owner(file)),
                    source: Some(file.clone()),
                    ..Row::new(&path, label)
                };
                Ok(data.parts(file).into_iter().map(row).collect())
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(saved.concat())
    }
}

/// A file that was made of one of a collection.
#[derive(Debug, Clone)]
pub struct Derived {
    /// Below its own folder.
    pub file: String,
    /// What is true of it.
    pub label: Label,
    /// The file that it was made of, below the collection's root.
    pub source: String,
    /// The owner of that file.
    pub owner: String,
}

/// A side-by-side clip.
#[derive(Debug, Clone)]
pub struct SwapClip {
    /// Below the collection's root.
    pub file: String,
    /// Who or what keeps it on its side.
    pub owner: String,
    /// What is true of its parts.
    pub parts: Vec<(Part, Label)>,
}

impl SwapClip {
    /// Whether it shows the recorded face beside the swapped one.
    pub fn is_pair(&self) -> bool {
        self.parts.len() > 1
    }
}

/// The side-by-side clips.
///
/// # Errors
/// When the descriptor or a folder cannot be read.
pub fn swap_clips(data: &Path) -> anyhow::Result<Vec<SwapClip>> {
    let data = Collection::of(data)?;
    let clip = |file: String| SwapClip { owner: data.owner(&file), parts: data.parts(&file), file };
    Ok(files(&data, Use::Swaps)?.into_iter().map(clip).collect())
}

/// The parts of the side-by-side clips.
///
/// # Errors
/// When a clip cannot be read or saved again.
pub fn swaps(data: &Path, work: &Path, saving: Saving) -> anyhow::Result<Manifest> {
    let data = Collection::of(data)?;
    let (halves, whole): (Vec<String>, Vec<String>) =
        files(&data, Use::Swaps)?.into_iter().partition(|file| data.parts(file).len() > 1);
    let mut rows = saving.rows(&data, work, &whole)?;
    rows.extend(saving.rows(&data, work, &halves)?);
    Ok(Manifest { root: data.root().to_owned(), rows })
}

/// The names of folders of generated faces, each with the recorded ones that it is held against.
///
/// # Errors
/// When the descriptor cannot be read.
pub fn generated(data: &Path) -> anyhow::Result<Vec<[String; 2]>> {
    let data = Collection::of(data)?;
    let generated = data.folders(Use::Portraits).filter(|folder| folder.label == Truth::Fake);
    let pair = |folder: &super::Folder| {
        let against = data.descriptor().folders.iter().find(|f| Some(&f.path) == folder.against.as_ref())?;
        Some([folder.name().to_owned(), against.name().to_owned()])
    };
    Ok(generated.filter_map(pair).collect())
}

/// Generated portraits and real ones of one side of the split, by the names of their folders.
///
/// # Errors
/// When a picture cannot be read or saved again.
pub fn portraits(
    data: &Path,
    work: &Path,
    [fakes, reals]: &[String; 2],
    split: Split,
    saving: Saving,
) -> anyhow::Result<Manifest> {
    let data = Collection::of(data)?;
    let mut rows = Vec::new();
    for name in [reals, fakes] {
        let files = of_splits(&data, data.files_for(data.named(name)?, Use::Portraits)?, &[split]);
        rows.extend(saving.rows(&data, work, &files)?);
    }
    Ok(Manifest { root: work.to_owned(), rows })
}

/// The names of the folders of recorded photographs with faces.
///
/// # Errors
/// When the descriptor cannot be read.
pub fn photograph_folders(data: &Path) -> anyhow::Result<Vec<String>> {
    Ok(Collection::of(data)?.folders(Use::Photographs).map(|folder| folder.name().to_owned()).collect())
}

/// Real photographs of one folder, by its name, and one side of the split.
///
/// # Errors
/// When a picture cannot be read or saved again.
pub fn photographs(data: &Path, work: &Path, folder: &str, split: Split, saving: Saving) -> anyhow::Result<Manifest> {
    let data = Collection::of(data)?;
    let files = of_splits(&data, data.files_for(data.named(folder)?, Use::Photographs)?, &[split]);
    Ok(Manifest { root: data.root().to_owned(), rows: saving.rows(&data, work, &files)? })
}

/// Real clips of some sides of the split, side-by-side clips left out.
///
/// # Errors
/// When a clip cannot be read or saved again.
pub fn clips(data: &Path, work: &Path, splits: &[Split], saving: Saving) -> anyhow::Result<Manifest> {
    let data = Collection::of(data)?;
    let files = of_splits(&data, files(&data, Use::Clips)?, splits);
    Ok(Manifest { root: data.root().to_owned(), rows: saving.rows(&data, work, &files)? })
}

fn of_splits(data: &Collection, mut files: Vec<String>, splits: &[Split]) -> Vec<String> {
    files.retain(|file| splits.contains(&data.side(file)));
    files
}

/// All files for a use; every folder must be there.
fn files(data: &Collection, what_for: Use) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    for folder in data.folders(what_for) {
        files.extend(data.files_for(folder, what_for)?);
    }
    Ok(files)
}
