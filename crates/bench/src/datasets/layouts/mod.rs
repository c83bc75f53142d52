//! Published data sets, recognised by how their folders lie and read into one table.
//!
//! The decision that shapes it: a layout is recognised by names that only it has, and when none
//! fits the error lists what was looked for, since an index that silently finds nothing is the
//! commonest complaint about such tools. Each layout fills in the persons that its file names tell.
//! Everything that is connected over a person, seen or driving, then shares a group. What could not
//! be told is said in the notes.
mod bench;
mod celeb_df;
mod dfdc;
mod ffpp;
mod files;
mod plain;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use serde::{Deserialize, Serialize};

use super::groups;
use super::manifest::{Manifest, Row};

/// A known way to lay out a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// A table of this project.
    Manifest,
    /// FaceForensics++ with DeepFakeDetection (Rössler et al. 2019).
    FaceForensics,
    /// Celeb-DF, both versions (Li et al. 2020).
    CelebDf,
    /// The Deepfake Detection Challenge (Dolhansky et al. 2020).
    Dfdc,
    /// Index files of DeepfakeBench (Yan et al. 2023).
    DeepfakeBench,
    /// A folder `real` and a folder `fake`.
    Plain,
}

impl Layout {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::FaceForensics => "FaceForensics++",
            Self::CelebDf => "Celeb-DF",
            Self::Dfdc => "DFDC",
            Self::DeepfakeBench => "DeepfakeBench index",
            Self::Plain => "folders real and fake",
        }
    }
}

/// A data set that was recognised.
#[derive(Debug, Clone)]
pub struct Indexed {
    /// How it is laid out.
    pub layout: Layout,
    /// What is in it.
    pub manifest: Manifest,
    /// What whoever uses it should know: files left out and why, splits that share persons, names
    /// that tell nothing.
    pub notes: Vec<String>,
}

/// What a layout's reader hands back.
type Rows = anyhow::Result<(Vec<Row>, Notes)>;

/// Recognises the data set at `root` (a folder, a manifest, or an index file of DeepfakeBench) and
/// lists what is in it.
///
/// # Errors
/// When nothing fits (the error says what was looked for), a folder or list cannot be read, or a
/// list contradicts the folders.
pub fn index(root: &Path) -> anyhow::Result<Indexed> {
    ensure!(root.exists(), "{} does not exist", root.display());
    if root.is_file() {
        return match root.extension().and_then(|e| e.to_str()).map(str::to_lowercase).as_deref() {
            Some("csv") => Ok(Indexed { layout: Layout::Manifest, manifest: Manifest::read(root)?, notes: Vec::new() }),
            Some("json") => {
                finish(Layout::DeepfakeBench, root.parent().unwrap_or(root), bench::read(&[root.to_owned()]))
            }
            _ => bail!("{} is neither a manifest (.csv) nor an index of DeepfakeBench (.json)", root.display()),
        };
    }
    if ffpp::fits(root) {
        return finish(Layout::FaceForensics, root, ffpp::read(root));
    }
    if celeb_df::fits(root) {
        return finish(Layout::CelebDf, root, celeb_df::read(root));
    }
    let lists = dfdc::lists(root)?;
    if !lists.is_empty() {
        return finish(Layout::Dfdc, root, dfdc::read(&lists));
    }
    let indices = bench::indices(root)?;
    if !indices.is_empty() {
        return finish(Layout::DeepfakeBench, root, bench::read(&indices));
    }
    if plain::fits(root) {
        return finish(Layout::Plain, root, plain::read(root));
    }
    bail!(
        "{} is laid out like none of the known data sets. Looked for: folders `original_sequences` or `manipulated_sequences` (FaceForensics++); \
         `Celeb-real`, `Celeb-synthesis` or `YouTube-real` (Celeb-DF); `metadata.json` or `labels.csv` here, in `train`, `test` or one folder below (DFDC); \
         index files *.json (DeepfakeBench); folders `real` and `fake`. A manifest is given by its file",
        root.display()
    )
}

fn finish(layout: Layout, root: &Path, read: Rows) -> anyhow::Result<Indexed> {
    let (mut rows, mut notes) = read?;
    locate(&mut rows, root, &mut notes)?;
    ensure!(
        !rows.is_empty(),
        "{} is laid out like {}, but no media file was found in it",
        root.display(),
        layout.name()
    );
    rows.sort_by(|a, b| (&a.path, a.part).cmp(&(&b.path, b.part)));
    let mut manifest = Manifest { root: root.to_owned(), rows };
    groups::fill(&mut manifest);
    Ok(Indexed { layout, manifest, notes: notes.sentences() })
}

/// Lists name files that lie elsewhere below the set, or not at all. The first are found by their
/// name where only one file has it; the others stay in the table and are counted.
fn locate(rows: &mut [Row], root: &Path, notes: &mut Notes) -> anyhow::Result<()> {
    if rows.iter().all(|row| row.path.exists()) {
        return Ok(());
    }
    let mut below: BTreeMap<OsString, Vec<PathBuf>> = BTreeMap::new();
    for path in files::files_below(root)? {
        if let Some(name) = path.file_name() {
            below.entry(name.to_owned()).or_default().push(path);
        }
    }
    for row in rows.iter_mut().filter(|row| !row.path.exists()) {
        let named = row.path.file_name().and_then(|name| below.get(name));
        let listed = row.path.display().to_string();
        match named.map(Vec::as_slice) {
            Some([one]) => {
                row.path.clone_from(one);
                notes.count("listed elsewhere and found below the set by its name", &listed);
            }
            Some(_) => notes.count("listed, not there, and several files below the set have its name", &listed),
            None => notes.count("listed and not there", &listed),
        }
    }
    Ok(())
}

/// Remarks, counted by kind, with one example of each: a set of a hundred thousand files must not
/// give as many lines.
#[derive(Debug, Default)]
struct Notes(BTreeMap<String, (usize, Option<String>)>);

impl Notes {
    /// Says it once.
    fn say(&mut self, sentence: &str) {
        self.0.entry(sentence.to_owned()).or_insert((0, None));
    }

    /// Counts one more of a kind.
    fn count(&mut self, kind: &str, example: &str) {
        self.0.entry(kind.to_owned()).or_insert_with(|| (0, Some(example.to_owned()))).0 += 1;
    }

    fn sentences(self) -> Vec<String> {
        let sentence = |(kind, (count, example)): (String, (usize, Option<String>))| match example {
            Some(example) => format!("{count} x {kind} (e.g. {example})"),
            None => kind,
        };
        self.0.into_iter().map(sentence).collect()
    }
}

/// Persons of FaceForensics++ by the name of a clip: `033`, `033_097` (target, source),
/// `01__hugging_happy`, `01_02__hugging_happy__ABCDEFGH`.
fn numbered_persons(prefix: &str, stem: &str) -> Option<(String, Option<String>)> {
    let ids: Vec<&str> = stem.split("__").next()?.split('_').collect();
    let all_digits = ids.iter().all(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()));
    let named = |id: &str| format!("{prefix}/{id}");
    match (all_digits, &ids[..]) {
        (true, [one]) => Some((named(one), None)),
        (true, [target, source]) => Some((named(target), Some(named(source)))),
        _ => None,
    }
}

/// Persons of Celeb-DF by the name of a clip: `id3_0004` or `id3_id7_0004` (target, donor); a bare
/// number is a person seen nowhere else.
fn celebrities(stem: &str) -> Option<(String, Option<String>)> {
    let parts: Vec<&str> = stem.split('_').collect();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let id = |part: &str| part.strip_prefix("id").is_some_and(number);
    match &parts[..] {
        [one, clip] if id(one) && number(clip) => Some((format!("celebdf/{one}"), None)),
        [target, donor, clip] if id(target) && id(donor) && number(clip) => {
            Some((format!("celebdf/{target}"), Some(format!("celebdf/{donor}"))))
        }
        [clip] if number(clip) => Some((format!("celebdf/youtube-{clip}"), None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Empty files at these places below `root`.
    pub(super) fn plant(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
    }

    /// The row of the file whose path ends so.
    pub(super) fn row<'a>(indexed: &'a Indexed, end: &str) -> &'a Row {
        indexed.manifest.rows.iter().find(|r| r.path.ends_with(end)).unwrap_or_else(|| panic!("no {end}"))
    }

    #[test]
    fn listed_files_are_found_by_their_name_or_counted() {
        let root = tempfile::tempdir().unwrap();
        plant(root.path(), &["test_videos/a.mp4", "one/twice.mp4", "two/twice.mp4"]);
        std::fs::write(root.path().join("labels.csv"), "filename,label\na.mp4,1\ngone.mp4,0\ntwice.mp4,0\n").unwrap();
        let indexed = index(root.path()).unwrap();
        assert_eq!(row(&indexed, "a.mp4").path, root.path().join("test_videos/a.mp4"));
        assert_eq!(indexed.manifest.rows.len(), 3);
        for words in ["1 x listed elsewhere and found", "1 x listed and not there", "several files below the set"] {
            assert!(indexed.notes.iter().any(|n| n.contains(words)), "{words}: {:?}", indexed.notes);
        }
    }

    #[test]
    fn what_fits_nothing_is_told_what_was_looked_for() {
        let root = tempfile::tempdir().unwrap();
        plant(root.path(), &["holiday/a.jpg", "data.json"]);
        let error = index(root.path()).unwrap_err().to_string();
        for word in ["original_sequences", "Celeb-real", "metadata.json", "DeepfakeBench", "`real` and `fake`"] {
            assert!(error.contains(word), "{error}");
        }
        assert!(index(&root.path().join("nowhere")).is_err());
    }

    #[test]
    fn a_layout_without_media_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        plant(root.path(), &["original_sequences/youtube/c23/videos/readme.txt"]);
        assert!(index(root.path()).unwrap_err().to_string().contains("no media file"));
    }

    #[test]
    fn names_tell_persons() {
        assert_eq!(numbered_persons("f", "033_097"), Some(("f/033".into(), Some("f/097".into()))));
        assert_eq!(numbered_persons("d", "01_02__walk__ABCD"), Some(("d/01".into(), Some("d/02".into()))));
        assert_eq!(numbered_persons("d", "01__walk"), Some(("d/01".into(), None)));
        assert_eq!(numbered_persons("f", "clip_1"), None);
        assert_eq!(celebrities("id3_id7_0004"), Some(("celebdf/id3".into(), Some("celebdf/id7".into()))));
        assert_eq!(celebrities("00170"), Some(("celebdf/youtube-00170".into(), None)));
        assert_eq!(celebrities("idx_0004"), None);
    }
}
