//! The Deepfake Detection Challenge: `metadata.json` in each part's folder
//! (`{"x.mp4": {"label": "FAKE", "original": "y.mp4", "split": "train"}}`) and `labels.csv`
//! (`filename,label`) of its test set.
//!
//! The decision that shapes it: the set names no persons, and one actor is in many originals. With
//! several parts, a whole part stays together, as those who use the set divide it; with a single
//! part only the fakes stay with their original, and the notes say what that is worth. Every listed
//! file is in the table, there or not.
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::files::{folders, name, stem};
use super::{Notes, Rows};
use crate::datasets::csv::Table;
use crate::datasets::manifest::{Label, Row, Split};

const METADATA: &str = "metadata.json";
const LABELS: &str = "labels.csv";

#[derive(Deserialize)]
struct Entry {
    label: String,
    original: Option<String>,
    split: Option<String>,
}

/// The set's lists at `root`, in a folder below it, or below `train` and `test`.
pub(super) fn lists(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut places = vec![root.to_owned()];
    places.extend(folders(root)?);
    for nested in ["train", "test", "validation"] {
        places.extend(folders(&root.join(nested))?);
    }
    Ok(places.iter().flat_map(|p| [p.join(METADATA), p.join(LABELS)]).filter(|p| p.is_file()).collect())
}

/// Reads all of them.
pub(super) fn read(lists: &[PathBuf]) -> Rows {
    let (mut rows, mut notes) = (Vec::new(), Notes::default());
    let parts = lists.iter().filter(|l| name(l) == METADATA).count();
    match parts {
        0 => {}
        1 => notes.say("One part only: fakes stay with their original, but an actor who is in several originals can be in two splits"),
        _ => notes.say("The set names no persons: every part (folder with a metadata.json) stays in one split"),
    }
    for list in lists {
        if name(list) == METADATA {
            part(list, parts > 1, &mut rows, &mut notes)?;
        } else {
            labels(list, &mut rows, &mut notes).with_context(|| format!("in {}", list.display()))?;
        }
    }
    Ok((rows, notes))
}

fn part(list: &Path, whole: bool, rows: &mut Vec<Row>, notes: &mut Notes) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(list).with_context(|| format!("cannot read {}", list.display()))?;
    // A map that keeps the order would hide a name given twice; one row a name is what the format
    // can say.
    let entries: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).with_context(|| format!("{} is no list of files", list.display()))?;
    let folder = list.parent().unwrap_or(Path::new(""));
    for (file, value) in entries {
        let context = || format!("{}: entry `{file}`", list.display());
        let entry: Entry = serde_json::from_value(value).with_context(context)?;
        let label = match entry.label.as_str() {
            "REAL" => Label::Real,
            "FAKE" => Label::Fake,
            other => bail!("{}: label `{other}` is neither REAL nor FAKE", context()),
        };
        let original = entry.original.filter(|o| !o.is_empty());
        if label == Label::Fake && original.is_none() {
            notes.count("fake without an original", &file);
        }
        let group = if whole {
            format!("dfdc/{}", name(folder))
        } else {
            format!("dfdc/{}", stem(Path::new(original.as_deref().unwrap_or(&file))))
        };
        let split =
            entry.split.as_deref().map(|s| Split::from_name(s).with_context(|| format!("{}: split `{s}`", context())));
        let split = split.transpose()?;
        rows.push(Row {
            group: Some(group),
            split,
            source: Some("DFDC".into()),
            ..Row::new(folder.join(&file), label)
        });
    }
    Ok(())
}

fn labels(list: &Path, rows: &mut Vec<Row>, notes: &mut Notes) -> anyhow::Result<()> {
    let table = Table::read(list)?;
    let (file, label) = (table.required("filename")?, table.required("label")?);
    let folder = list.parent().unwrap_or(Path::new(""));
    // The published archive has the clips beside the list or in a folder beside it.
    let clips = Some(folder.join("videos")).filter(|v| v.is_dir()).unwrap_or_else(|| folder.to_owned());
    for record in &table.records {
        let label = match record.get(Some(label)) {
            Some("0" | "REAL") => Label::Real,
            Some("1" | "FAKE") => Label::Fake,
            other => bail!("line {}: label `{}` is neither 0 nor 1", record.line, other.unwrap_or_default()),
        };
        let name = record.get(Some(file)).unwrap_or_default();
        ensure!(!name.is_empty(), "line {}: the name of the file is empty", record.line);
        let source = Some("DFDC".into());
        rows.push(Row { source, split: Some(Split::Test), ..Row::new(clips.join(name), label) });
    }
    notes.say("labels.csv names neither persons nor originals: its files are only good for a test as a whole");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::super::{Layout, index};
    use crate::datasets::{Label, Split};
    use std::path::Path;

    const LIST: &str = r#"{"a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"},
        "b.mp4": {"label": "REAL", "split": "train", "original": null}, "c.mp4": {"label": "REAL", "split": "train"}}"#;

    fn put(root: &Path, file: &str, text: &str) {
        std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        std::fs::write(root.join(file), text).unwrap();
    }

    #[test]
    fn a_single_part_is_grouped_by_original() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "train_sample_videos/metadata.json", LIST);
        let indexed = index(root.path()).unwrap();
        assert_eq!((indexed.layout, indexed.manifest.rows.len()), (Layout::Dfdc, 3));
        let fake = row(&indexed, "a.mp4");
        assert_eq!((fake.label, fake.split, fake.group.as_deref()), (Label::Fake, Some(Split::Train), Some("dfdc/b")));
        assert_eq!(row(&indexed, "b.mp4").group, fake.group);
        assert_ne!(row(&indexed, "c.mp4").group, fake.group);
    }

    #[test]
    fn several_parts_stay_whole_and_the_test_list_is_read() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "train/dfdc_train_part_0/metadata.json", LIST);
        put(root.path(), "train/dfdc_train_part_1/metadata.json", r#"{"z.mp4": {"label": "REAL"}}"#);
        put(root.path(), "test/labels.csv", "filename,label\nt.mp4,1\n");
        let indexed = index(root.path()).unwrap();
        assert_eq!(indexed.manifest.rows.len(), 5);
        assert_eq!(row(&indexed, "c.mp4").group.as_deref(), Some("dfdc/dfdc_train_part_0"));
        assert_ne!(row(&indexed, "z.mp4").group, row(&indexed, "c.mp4").group);
        let test = row(&indexed, "test/t.mp4");
        assert_eq!((test.label, test.split), (Label::Fake, Some(Split::Test)));
    }

    #[test]
    fn a_bad_list_is_refused_by_name() {
        for (text, words) in [
            (r#"{"a.mp4": {"label": "MAYBE"}}"#, "`MAYBE`"),
            (r#"{"a.mp4": {}}"#, "entry `a.mp4`"),
            (r#"{"a.mp4": {"label": "REAL", "split": "dev"}}"#, "`dev`"),
            ("[]", "no list of files"),
        ] {
            let root = tempfile::tempdir().unwrap();
            put(root.path(), "metadata.json", text);
            let error = format!("{:#}", index(root.path()).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
    }
}
