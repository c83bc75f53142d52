//! Source photos: which there are, which belong together, and on which side of the split they fall.
use super::index::Split;
use crate::rng::hash;
use anyhow::Context;
use image::RgbImage;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Folders of camera photos. Painted, drawn and generated pictures are no sources.
const FOLDERS: [&str; 9] = [
    "faces/lfw250",
    "faces/celeba178",
    "faces/ffhq256",
    "faces/selfies",
    "landmarks/ytfaces68",
    "landmarks/dlib_examples",
    "nonface/bsds",
    "nonface/imagenet256",
    "camera/natural",
];

/// Folders whose file names are names of persons.
const NAMED: [&str; 4] = ["faces/lfw250", "faces/lfw_multi", "landmarks/ytfaces68", "landmarks/dlib_examples"];

/// Every fourth group is for testing; the default counts of pairs keep the same ratio.
const TEST_EVERY: usize = 4;

/// One source photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// File.
    pub path: PathBuf,
    /// Path below the folder of sources, with `/`.
    pub relative: String,
    /// Folder below the folder of sources.
    pub folder: String,
    /// What must stay on one side of the split.
    pub group: String,
    /// Its side.
    pub split: Split,
}

impl Photo {
    /// Decodes to RGB as an editing program does.
    ///
    /// # Errors
    /// When the file cannot be read or decoded.
    pub fn decode(&self) -> anyhow::Result<RgbImage> {
        let picture = image::open(&self.path).with_context(|| format!("cannot decode {}", self.path.display()))?;
        Ok(picture.into_rgb8())
    }
}

/// The group of a file: the person where the folder names its files by person, else the file itself.
///
/// A person's name is what stands before the first part with a digit, without trailing lower-case words, in lower case:
/// `Tom_Cruise_avp_2014_4.jpg` and `Tom_Cruise_0001.jpg` are one group.
pub fn group_of(folder: &str, file_name: &str) -> String {
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    let mut words: Vec<&str> = stem
        .split('_')
        .take_while(|word| !word.chars().any(|c| c.is_ascii_digit()))
        .filter(|w| !w.is_empty())
        .collect();
    while words.len() > 1 && words.last().is_some_and(|word| word.chars().all(|c| c.is_lowercase() || c == '-')) {
        words.pop();
    }
    if NAMED.contains(&folder) && words.len() > 1 {
        format!("person:{}", words.join("_").to_lowercase())
    } else {
        format!("photo:{folder}/{file_name}")
    }
}

/// The group of a photo given below the folder of sources.
pub fn group_below(relative: &str) -> String {
    let (folder, name) = relative.rsplit_once('/').unwrap_or(("", relative));
    group_of(folder, name)
}

/// All source photos below `root`, in path order, with their split.
///
/// Known folders that exist are taken; a folder that holds none of them but pictures is taken as one folder of photos, so that the
/// maker serves other collections too.
///
/// # Errors
/// When nothing usable is found or a folder cannot be read.
pub fn photos_under(root: &Path) -> anyhow::Result<Vec<Photo>> {
    let mut photos = Vec::new();
    for folder in FOLDERS {
        if root.join(folder).is_dir() {
            list(root, folder, &mut photos)?;
        }
    }
    if photos.is_empty() {
        list(root, "", &mut photos)?;
    }
    anyhow::ensure!(!photos.is_empty(), "no source photos below {}", root.display());
    assign(&mut photos);
    Ok(photos)
}

fn list(root: &Path, folder: &str, photos: &mut Vec<Photo>) -> anyhow::Result<()> {
    let place = root.join(folder);
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(&place).with_context(|| format!("cannot read {}", place.display()))? {
        if let Ok(name) = entry?.file_name().into_string() {
            names.insert(name);
        }
    }
    for name in names {
        let lower = name.to_lowercase();
        if [".jpg", ".jpeg", ".png"].iter().any(|suffix| lower.ends_with(suffix)) {
            photos.push(Photo {
                path: place.join(&name),
                relative: if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") },
                folder: if folder.is_empty() { "photos".into() } else { folder.into() },
                group: group_of(folder, &name),
                split: Split::Calibration,
            });
        }
    }
    Ok(())
}

/// Groups of a folder in hash order; every fourth goes to the test set. A person in several folders is assigned with the first.
fn assign(photos: &mut [Photo]) {
    let mut side: BTreeMap<String, Split> = BTreeMap::new();
    let mut folders: Vec<String> = photos.iter().map(|photo| photo.folder.clone()).collect();
    folders.dedup();
    for folder in folders {
        let mut groups: Vec<(u64, String)> = photos
            .iter()
            .filter(|photo| photo.folder == folder && !side.contains_key(&photo.group))
            .map(|photo| (hash(&photo.group), photo.group.clone()))
            .collect();
        groups.sort();
        groups.dedup();
        for (place, (_, group)) in groups.into_iter().enumerate() {
            let split = if place % TEST_EVERY == 1 { Split::Test } else { Split::Calibration };
            side.insert(group, split);
        }
    }
    for photo in photos {
        if let Some(split) = side.get(&photo.group) {
            photo.split = *split;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_one_group_across_folders() {
        for (folder, file, group) in [
            ("faces/lfw250", "AJ_Cook_0001.jpg", "person:aj_cook"),
            ("landmarks/ytfaces68", "Abdel_Aziz_Al-Hakim_00.jpg", "person:abdel_aziz_al-hakim"),
            ("landmarks/dlib_examples", "Tom_Cruise_avp_2014_4.jpg", "person:tom_cruise"),
            ("faces/lfw250", "Tom_Cruise_0001.jpg", "person:tom_cruise"),
            ("landmarks/dlib_examples", "2008_001009.jpg", "photo:landmarks/dlib_examples/2008_001009.jpg"),
            ("faces/ffhq256", "00001.jpg", "photo:faces/ffhq256/00001.jpg"),
            ("camera/natural", "Nikon_D70_0_19593.JPG", "photo:camera/natural/Nikon_D70_0_19593.JPG"),
        ] {
            assert_eq!(group_of(folder, file), group);
        }
    }

    #[test]
    fn groups_never_cross_the_split() {
        let mut photos: Vec<Photo> = Vec::new();
        for (folder, count) in [("faces/lfw250", 40), ("landmarks/ytfaces68", 60)] {
            for i in 0..count {
                let name = format!("Person_{}_{i:02}.jpg", char::from(b'A' + (i % 20) as u8));
                photos.push(Photo {
                    path: PathBuf::new(),
                    relative: format!("{folder}/{name}"),
                    folder: folder.into(),
                    group: group_of(folder, &name),
                    split: Split::Calibration,
                });
            }
        }
        assign(&mut photos);
        let mut sides: BTreeMap<&str, BTreeSet<Split>> = BTreeMap::new();
        for photo in &photos {
            sides.entry(&photo.group).or_default().insert(photo.split);
        }
        assert_eq!(sides.len(), 20);
        assert!(sides.values().all(|side| side.len() == 1));
        assert_eq!(sides.values().filter(|side| side.contains(&Split::Test)).count(), 5);
    }
}
