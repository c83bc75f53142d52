//! Planted sets of a collection: which of its files are sources, and on which side they lie.
//!
//! The decision that shapes it: people that networks learn from or are chosen by are for
//! calibration, since the analyzers that planted sets calibrate learned from nobody; test people
//! stay test people.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use assay_material::planted::{self, Clip, Index, Photo, Wanted};
use assay_media::Progress;

use crate::collections::{Collection, Folder, Media, Subject, Use};
use crate::datasets::{Label, Part, Split};

pub use assay_material::planted::RealSegment;

/// What to make of what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of source photos and clips.
    pub sources: PathBuf,
    /// Where the set is written; made if absent.
    pub out: PathBuf,
    /// Seed of all draws.
    pub seed: u64,
    /// Pairs for calibration; for clips, one of every kind from every segment is made instead.
    pub pairs_calibration: usize,
    /// Pairs for the test set.
    pub pairs_test: usize,
}

impl Options {
    /// The counts that the documents use.
    pub fn new(sources: PathBuf, out: PathBuf) -> Self {
        Self { sources, out, seed: 2026, pairs_calibration: 1200, pairs_test: 320 }
    }

    fn wanted(&self) -> Wanted {
        let Self { out, seed, pairs_calibration, pairs_test, .. } = self.clone();
        Wanted { out, seed, pairs_calibration, pairs_test }
    }
}

/// Makes the pictures, masks and `planted.json` in `options.out`, see [`planted::make`].
///
/// # Errors
/// When there are no sources, one cannot be decoded, nothing can be written, or `progress` was
/// cancelled.
pub fn make(options: &Options, progress: &dyn Progress) -> anyhow::Result<Index> {
    planted::make(&photos(&options.sources)?, &options.wanted(), progress)
}

/// Makes the clips and `planted_video.json` in `options.out`, see [`planted::make_clips`].
///
/// # Errors
/// When there are no clips, ffmpeg is missing or fails, nothing can be written, or `progress` was
/// cancelled.
pub fn make_clips(options: &Options, progress: &dyn Progress) -> anyhow::Result<Index> {
    planted::make_clips(&clips(&options.sources)?, &options.wanted(), progress)
}

/// Untouched stretches of the clips below `sources`, written into `out`, see
/// [`planted::real_segments`].
///
/// # Errors
/// As [`make_clips`].
pub fn real_segments(sources: &Path, out: &Path, progress: &dyn Progress) -> anyhow::Result<Vec<RealSegment>> {
    planted::real_segments(&clips(sources)?, out, progress)
}

/// Owners of photos of which the planted set of the documents has something to say.
///
/// # Errors
/// When the sources cannot be read.
pub fn known_groups(sources: &Path) -> anyhow::Result<BTreeSet<String>> {
    let wanted = Options::new(sources.to_owned(), PathBuf::new()).wanted();
    Ok(planted::known_groups(&photos(sources)?, &wanted))
}

/// The side of a planted set that a file is on.
pub fn side(split: Split) -> planted::Split {
    match split {
        Split::Train | Split::Validation => planted::Split::Calibration,
        Split::Test => planted::Split::Test,
    }
}

/// All source photos below `root` in the order of the descriptor's folders, with their sides. Where
/// nobody described the folder and it holds none of the shipped descriptor's, all pictures at any
/// depth are taken as photos by themselves.
///
/// # Errors
/// When the descriptor or a folder cannot be read, or there is no photo.
pub fn photos(root: &Path) -> anyhow::Result<Vec<Photo>> {
    let data = Collection::of(root)?;
    let of = |data: &Collection, (file, folder): (String, &Folder)| Photo {
        path: data.root().join(&file),
        folder: if folder.path == "." { "photos".to_owned() } else { folder.path.clone() },
        group: data.owner(&file),
        split: side(data.side(&file)),
        is_face: folder.subject == Subject::Face,
        relative: file,
    };
    let is_source = |(file, _): &(String, &Folder)| data.label(file, Part::Whole) == Some(Label::Real);
    let mut photos: Vec<Photo> =
        sources(&data, Media::Still)?.into_iter().filter(is_source).map(|found| of(&data, found)).collect();
    if photos.is_empty() && !data.is_own() {
        let data = Collection::undescribed(root)?;
        photos = sources(&data, Media::Still)?.into_iter().map(|found| of(&data, found)).collect();
    }
    ensure!(!photos.is_empty(), "no source photos below {}", root.display());
    Ok(photos)
}

/// All recorded source clips below `root`, with their sides; of side-by-side clips those whose left
/// half is recorded.
///
/// # Errors
/// When the descriptor or a folder cannot be read, or there is no clip.
pub fn clips(root: &Path) -> anyhow::Result<Vec<Clip>> {
    let data = Collection::of(root)?;
    let clip = |(file, folder): (String, &Folder)| {
        let [whole, left] = [Part::Whole, Part::Left].map(|part| data.label(&file, part) == Some(Label::Real));
        (whole || left).then(|| Clip {
            path: root.join(&file),
            folder: folder.path.clone(),
            group: data.owner(&file),
            split: side(data.side(&file)),
            left_half: left,
            relative: file,
        })
    };
    let clips: Vec<Clip> = sources(&data, Media::Clip)?.into_iter().filter_map(clip).collect();
    ensure!(!clips.is_empty(), "no source clips below {}", root.display());
    Ok(clips)
}

/// Source files of one kind in the folders that are there.
fn sources(data: &Collection, media: Media) -> anyhow::Result<Vec<(String, &Folder)>> {
    let mut found = Vec::new();
    for folder in data.folders(Use::Planted).filter(|folder| folder.media == media) {
        if data.root().join(&folder.path).is_dir() {
            let files = data.files_for(folder, Use::Planted)?;
            found.extend(files.into_iter().map(|file| (file, folder)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn plant(root: &Path, files: &[&str]) {
        for file in files {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            std::fs::write(root.join(file), "").unwrap();
        }
    }

    #[test]
    fn a_person_is_one_group_on_the_side_of_the_networks() {
        let root = tempfile::tempdir().unwrap();
        let people: Vec<String> = (0..40).map(|i| format!("Person_{}{}", char::from(b'a' + i / 5), i % 5)).collect();
        let people: Vec<String> = people.iter().map(|p| p.replace(|c: char| c.is_ascii_digit(), "x")).collect();
        for (i, person) in people.iter().enumerate() {
            let files =
                [format!("faces/lfw250/{person}_{i:04}.jpg"), format!("landmarks/ytfaces68/{person}_{i:02}.jpg")];
            plant(root.path(), &files.each_ref().map(String::as_str));
        }
        plant(
            root.path(),
            &["faces/stylegan256/1.jpg", "portraits/s0.jpg", "nonface/bsds/1.jpg", "faces/ffhq256/note.txt"],
        );
        let photos = photos(root.path()).unwrap();
        assert_eq!(photos.len(), 81, "generated and unlabelled pictures are no sources");
        let data = Collection::of(root.path()).unwrap();
        let mut sides: BTreeMap<&str, BTreeSet<planted::Split>> = BTreeMap::new();
        for photo in &photos {
            assert_eq!(photo.split == planted::Split::Test, data.side(&photo.relative) == Split::Test);
            assert_eq!(photo.is_face, photo.folder != "nonface/bsds");
            sides.entry(&photo.group).or_default().insert(photo.split);
        }
        assert_eq!(sides.len(), 9);
        assert!(sides.values().all(|sides| sides.len() == 1), "{sides:?}");
    }

    #[test]
    fn a_folder_of_pictures_that_nobody_described_is_one_of_photos() {
        let root = tempfile::tempdir().unwrap();
        let words = root.path().display().to_string();
        assert!(photos(root.path()).unwrap_err().to_string().contains(&words));
        plant(root.path(), &["a.JPG", "deeper/b.png", "deeper/c.mp4"]);
        let photos = photos(root.path()).unwrap();
        let told: Vec<(&str, &str)> = photos.iter().map(|p| (p.relative.as_str(), p.group.as_str())).collect();
        assert_eq!(told, [("a.JPG", "file:a.JPG"), ("deeper/b.png", "file:deeper/b.png")]);
        assert!(clips(root.path()).unwrap_err().to_string().contains("no source clips"));
    }

    #[test]
    fn of_side_by_side_clips_the_recorded_half_is_a_source() {
        let root = tempfile::tempdir().unwrap();
        let of = |name: &str| format!("pairs/faceswap_sbs/{name}.mp4");
        let files = [of("Rob_Doe_0"), of("Dean_Wiesel_2"), "video/talking/vr_1.mp4".to_owned()];
        plant(root.path(), &files.each_ref().map(String::as_str));
        let clips = clips(root.path()).unwrap();
        let told: Vec<(&str, bool)> = clips.iter().map(|c| (c.relative.as_str(), c.left_half)).collect();
        assert_eq!(told, [("video/talking/vr_1.mp4", false), (files[0].as_str(), true)]);
    }
}
