//! The sets that forgery networks are measured on, and copies of them saved again.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_workbench::calibration::Condition;
use rayon::prelude::*;

use super::{Collection, Media, Split, Truth, Use};
use crate::datasets::{Label, Manifest, Part, Row};
use assay_material::perturb::Chain;
use assay_material::rng::Rng;
use assay_material::saving::write_whole;

/// One way of saving a picture or a clip again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Saving {
    /// For tables and folders.
    pub name: &'static str,
    /// What is done to the file, as [`Chain::parse`] reads it; none where it stays as found.
    with: Option<&'static str>,
}

const fn with(name: &'static str, chain: &'static str) -> Saving {
    Saving { name, with: Some(chain) }
}

const AS_FOUND: Saving = Saving { name: "as found", with: None };

/// How portraits are compared: never as found, because the files of generators share a compression.
pub const PORTRAITS: [Saving; 4] = [
    with("JPEG 95", "jpeg:95"),
    with("JPEG 75", "jpeg:75"),
    with("JPEG 50", "jpeg:50"),
    with("half size, JPEG 95", "scale:0.5,jpeg:95"),
];

/// Stills of every condition that calibration keeps apart.
pub const STILLS: [Saving; 5] = [
    with("lossless", ""),
    with("JPEG 95", "jpeg:95"),
    with("JPEG 85", "jpeg:85"),
    with("JPEG 75", "jpeg:75"),
    with("JPEG 50", "jpeg:50"),
];

/// As photographs are found, and after strong compression.
pub const PHOTOGRAPHS: [Saving; 2] = [AS_FOUND, PORTRAITS[2]];

/// As clips are found, and after H.264.
pub const CLIPS: [Saving; 4] = [
    AS_FOUND,
    with("H.264 CRF 23", "h264_crf:23"),
    with("H.264 CRF 33", "h264_crf:33"),
    with("H.264 CRF 40", "h264_crf:40"),
];

impl Saving {
    /// The file saved this way, below `work`; the file itself where it stays as found. What was
    /// made before is taken again.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn apply(self, data: &Path, work: &Path, file: &str) -> anyhow::Result<PathBuf> {
        let from = data.join(file);
        let Some(text) = self.with else { return Ok(from) };
        let chain = Chain::parse(text)?;
        let is_clip = Media::of(&from) == Some(Media::Clip);
        let ending = if is_clip { "mp4" } else { chain.still_ending() };
        let folder = work.join(self.name.replace([' ', ','], "_"));
        let target = folder.join(file.replace('/', "_")).with_extension(ending);
        if target.exists() {
            return Ok(target);
        }
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut rng = Rng::labelled(0, file);
        let mut save = || -> anyhow::Result<()> {
            if is_clip {
                return chain.clip(&from, &target, false, &mut rng);
            }
            let picture = image::ImageReader::open(&from)?.with_guessed_format()?.decode()?.into_rgb8();
            write_whole(&target, &chain.still_file(&picture, &mut rng)?.0)
        };
        save().with_context(|| format!("cannot save {} again", from.display()))?;
        Ok(target)
    }

    /// The condition that the files have for calibration.
    pub fn condition(self) -> Condition {
        let last = self.with.and_then(|text| Chain::parse(text).ok()?.steps.pop());
        match last.map(|step| (step.what.about().id, step.level.value.round() as u8)) {
            Some(("h264_crf" | "h264_bitrate", _)) => Condition::Video,
            Some(("jpeg", quality)) => {
                let holds =
                    |c: &Condition| matches!(c, Condition::Jpeg { from, to } if (*from..=*to).contains(&quality));
                Condition::all().into_iter().find(holds).unwrap_or(Condition::Lossless)
            }
            _ => Condition::Lossless,
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

#[cfg(test)]
mod tests {
    use assay_material::saving::jpeg_bytes;
    use assay_material::{ffmpeg, scene};
    use image::imageops::{self, FilterType};

    use super::*;

    /// Files that earlier figures were measured on, by the calls that made them.
    #[test]
    fn saved_files_have_the_names_and_bytes_that_figures_were_made_with() {
        let folder = tempfile::tempdir().unwrap();
        let (data, work) = (folder.path().join("data"), folder.path().join("work"));
        std::fs::create_dir_all(data.join("faces/x")).unwrap();
        let picture = scene::photograph(3, 161, 120);
        picture.save(data.join("faces/x/1.png")).unwrap();
        let found = std::fs::read(data.join("faces/x/1.png")).unwrap();
        let half = imageops::resize(&picture, 80, 60, FilterType::CatmullRom);
        for (saving, name, bytes, condition) in [
            (STILLS[0], "lossless/faces_x_1.png", found, Condition::Lossless),
            (
                STILLS[2],
                "JPEG_85/faces_x_1.jpg",
                jpeg_bytes(&picture, 85).unwrap(),
                Condition::Jpeg { from: 80, to: 89 },
            ),
            (
                PORTRAITS[3],
                "half_size__JPEG_95/faces_x_1.jpg",
                jpeg_bytes(&half, 95).unwrap(),
                Condition::Jpeg { from: 90, to: 100 },
            ),
        ] {
            let path = saving.apply(&data, &work, "faces/x/1.png").unwrap();
            assert_eq!(path, work.join(name));
            assert!(std::fs::read(&path).unwrap() == bytes, "{name}");
            assert_eq!(saving.condition(), condition, "{name}");
        }
        assert_eq!(AS_FOUND.apply(&data, &work, "faces/x/1.png").unwrap(), data.join("faces/x/1.png"));
        if std::process::Command::new("ffmpeg").arg("-version").output().is_err() {
            println!("SKIPPED: ffmpeg is not installed");
            return;
        }
        let even = imageops::crop_imm(&picture, 0, 0, 160, 120).to_image();
        ffmpeg::encode_rgb(&data.join("faces/x/2.mp4"), &[even.clone(), even], 25, 10).unwrap();
        let path = CLIPS[2].apply(&data, &work, "faces/x/2.mp4").unwrap();
        assert_eq!(
            (path.as_path(), CLIPS[2].condition()),
            (&*work.join("H.264_CRF_33/faces_x_2.mp4"), Condition::Video)
        );
        let known = folder.path().join("known.mp4");
        ffmpeg::compress(&data.join("faces/x/2.mp4"), &known, 33).unwrap();
        assert!(std::fs::read(path).unwrap() == std::fs::read(known).unwrap());
    }
}
