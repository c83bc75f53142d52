//! The sets that forgery networks are measured on, and copies of them saved again.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_workbench::calibration::Condition;
use image::imageops::FilterType;
use rayon::prelude::*;

use super::{Split, split_of_file};
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

/// Folders of real photographs with faces.
pub const PHOTOGRAPH_FOLDERS: [&str; 4] = ["lfw250", "celeba178", "ffhq256", "selfies"];

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

    /// Rows of pictures below `data`, each with its label and the file that it stems from, saved this way.
    ///
    /// # Errors
    /// When one cannot be read or written.
    pub fn rows_of(self, data: &Path, work: &Path, files: &[(String, Label, String)]) -> anyhow::Result<Vec<Row>> {
        files
            .par_iter()
            .map(|(file, label, origin)| {
                let path = self.apply(data, work, file)?;
                let group = Some(super::owner(origin));
                Ok(Row { group, source: Some(origin.clone()), ..Row::new(path, *label) })
            })
            .collect()
    }

    /// Rows of files saved this way.
    fn rows(self, data: &Path, work: &Path, files: &[String], parts: &[(Part, Label)]) -> anyhow::Result<Vec<Row>> {
        let saved: Vec<Vec<Row>> = files
            .par_iter()
            .map(|file| {
                let path = self.apply(data, work, file)?;
                let row = |(part, label): &(Part, Label)| Row {
                    part: *part,
                    group: Some(super::owner(file)),
                    source: Some(file.clone()),
                    ..Row::new(&path, *label)
                };
                Ok(parts.iter().map(row).collect())
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(saved.concat())
    }
}

/// The side-by-side clips, below the data folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn swap_clips(data: &Path) -> anyhow::Result<Vec<String>> {
    files(data, "pairs/faceswap_sbs", "mp4")
}

/// The halves of the side-by-side clips; one clip shows the swap alone.
///
/// # Errors
/// When a clip cannot be read or saved again.
pub fn swaps(data: &Path, work: &Path, saving: Saving) -> anyhow::Result<Manifest> {
    let (whole, halves): (Vec<String>, Vec<String>) =
        swap_clips(data)?.into_iter().partition(|f| f.contains("Dean_Wiesel_2"));
    let mut rows = saving.rows(data, work, &whole, &[(Part::Whole, Label::Fake)])?;
    rows.extend(saving.rows(data, work, &halves, &[(Part::Left, Label::Real), (Part::Right, Label::Fake)])?);
    Ok(Manifest { root: data.to_owned(), rows })
}

/// Generated portraits and real ones of one side of the split.
///
/// # Errors
/// When a picture cannot be read or saved again.
pub fn portraits(
    data: &Path,
    work: &Path,
    [fakes, reals]: [&str; 2],
    split: Split,
    saving: Saving,
) -> anyhow::Result<Manifest> {
    let mut rows = Vec::new();
    for (name, label) in [(reals, Label::Real), (fakes, Label::Fake)] {
        let files = of_split(files(data, &format!("faces/{name}"), "")?, split);
        rows.extend(saving.rows(data, work, &files, &[(Part::Whole, label)])?);
    }
    Ok(Manifest { root: work.to_owned(), rows })
}

/// Real photographs of one folder and one side of the split.
///
/// # Errors
/// When a picture cannot be read or saved again.
pub fn photographs(data: &Path, work: &Path, folder: &str, split: Split, saving: Saving) -> anyhow::Result<Manifest> {
    let files = of_split(files(data, &format!("faces/{folder}"), "")?, split);
    Ok(Manifest { root: data.to_owned(), rows: saving.rows(data, work, &files, &[(Part::Whole, Label::Real)])? })
}

/// Real clips of some sides of the split, side-by-side clips left out.
///
/// # Errors
/// When a clip cannot be read or saved again.
pub fn clips(data: &Path, work: &Path, splits: &[Split], saving: Saving) -> anyhow::Result<Manifest> {
    let mut all = Vec::new();
    for folder in ["video/talking", "video/blink", "video/pulse", "drive256"] {
        all.extend(files(data, folder, "mp4")?);
        all.extend(files(data, folder, "mov")?);
    }
    all.retain(|file| splits.contains(&split_of_file(file)));
    Ok(Manifest { root: data.to_owned(), rows: saving.rows(data, work, &all, &[(Part::Whole, Label::Real)])? })
}

fn of_split(files: Vec<String>, split: Split) -> Vec<String> {
    files.into_iter().filter(|f| split_of_file(f) == split).collect()
}

/// Files of a folder below `data`, sorted, named from there.
fn files(data: &Path, folder: &str, ending: &str) -> anyhow::Result<Vec<String>> {
    let place = data.join(folder);
    let entries = std::fs::read_dir(&place).with_context(|| format!("cannot read {}", place.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(ending) {
            names.push(format!("{folder}/{name}"));
        }
    }
    names.sort();
    Ok(names)
}
