//! Index files of DeepfakeBench:
//! `{dataset: {class: {split: {[compression:] {video: {label, frames: [...]}}}}}}`.
//!
//! The decision that shapes it: a video is class, compression and name together. By name alone, as
//! the benchmark itself counts, `000_003` of four methods becomes one video. Its indices list some
//! videos in several splits; such a video goes to the strictest, and the notes count it.
//!
//! Format read from the benchmark's published description and files; none of its code is used.
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value};

use super::files::{files, name};
use super::{Notes, Rows, celebrities, numbered_persons};
use crate::datasets::manifest::{Label, Row, Split};

type Object = Map<String, Value>;

/// Files of a folder that look like such indices.
pub(super) fn indices(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let all = files(root)?.into_iter().filter(|f| f.extension().is_some_and(|e| e == "json"));
    Ok(all.filter(|f| load(f).is_ok_and(|top| looks_right(&top))).collect())
}

fn load(path: &Path) -> anyhow::Result<Object> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON object", path.display()))
}

fn looks_right(top: &Object) -> bool {
    let classes = top.values().filter_map(Value::as_object).flat_map(Map::values).filter_map(Value::as_object);
    let splits: Vec<&String> = classes.flat_map(Map::keys).collect();
    !splits.is_empty() && splits.iter().all(|s| Split::from_name(s).is_some())
}

/// Where in the index a video stands.
struct Place<'a> {
    root: &'a Path,
    class: &'a str,
    split: Split,
    compression: Option<&'a str>,
}

#[derive(Default)]
struct Reader {
    rows: Vec<Row>,
    /// Place of each file's row.
    known: HashMap<PathBuf, usize>,
    notes: Notes,
}

/// Reads all indices; what several of them list is taken once.
pub(super) fn read(indices: &[PathBuf]) -> Rows {
    let mut reader = Reader::default();
    for path in indices {
        let top = load(path)?;
        ensure!(
            looks_right(&top),
            "{} is no index of DeepfakeBench ({{dataset: {{class: {{train|val|test: ...}}}}}})",
            path.display()
        );
        let root = path.parent().unwrap_or(Path::new(""));
        reader.dataset(root, &top).with_context(|| format!("in {}", path.display()))?;
    }
    Ok((reader.rows, reader.notes))
}

fn object<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a Object> {
    value.as_object().with_context(|| format!("`{name}` is no object"))
}

impl Reader {
    fn dataset(&mut self, root: &Path, top: &Object) -> anyhow::Result<()> {
        for (dataset, classes) in top {
            for (class, splits) in object(classes, dataset)? {
                for (word, content) in object(splits, class)? {
                    let Some(split) = Split::from_name(word) else { bail!("`{word}` of {class} is no split") };
                    let content = object(content, word)?;
                    if is_video(content) {
                        // The benchmark's own script writes the last video of DFDC's test here in
                        // place of a list.
                        self.notes.count("list of a split that is a single nameless video; it is left out", class);
                        continue;
                    }
                    for (key, value) in content {
                        let inner = object(value, key)?;
                        let place = Place { root, class, split, compression: None };
                        if is_video(inner) {
                            self.video(&place, key, inner)?;
                            continue;
                        }
                        for (video, value) in inner {
                            let place = Place { compression: Some(key), ..place };
                            self.video(&place, video, object(value, video)?)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn video(&mut self, place: &Place<'_>, video: &str, content: &Object) -> anyhow::Result<()> {
        let class = place.class;
        let label = label(class)?;
        if let Some(own) = content.get("label").and_then(Value::as_str) {
            let own = self::label(own).with_context(|| format!("video {video} of {class}"))?;
            ensure!(own == label, "video {video} of {class} is called {}", own.name());
        }
        let frames = paths(content, "frames", place.root).with_context(|| format!("video {video} of {class}"))?;
        let masks = if content.contains_key("masks") { paths(content, "masks", place.root)? } else { Vec::new() };
        let masks: HashMap<String, PathBuf> = masks.into_iter().map(|m| (name(&m), m)).collect();
        let key = [Some(class), place.compression, Some(video)].into_iter().flatten().collect::<Vec<_>>().join("/");
        let (person, driver) = persons(class, video).unzip();
        let driver = driver.flatten();
        let group = person.is_none().then(|| format!("bench/{video}"));
        let row = |path: PathBuf| Row {
            person: person.clone(),
            driver: driver.clone(),
            group: group.clone(),
            mask: masks.get(&name(&path)).cloned(),
            source: Some(class.to_owned()),
            split: Some(place.split),
            compression: place.compression.map(str::to_owned),
            video: Some(key.clone()),
            ..Row::new(path, label)
        };
        if frames.is_empty() {
            self.notes.count("video without frames; it stays in the table and counts as not scored", &key);
            return self.add(row(place.root.join(&key)));
        }
        frames.into_iter().try_for_each(|frame| self.add(row(frame)))
    }

    fn add(&mut self, row: Row) -> anyhow::Result<()> {
        let Some(&at) = self.known.get(&row.path) else {
            self.known.insert(row.path.clone(), self.rows.len());
            self.rows.push(row);
            return Ok(());
        };
        let known = &mut self.rows[at];
        let file = row.path.display();
        ensure!(known.label == row.label, "{file} is listed as real and as fake");
        ensure!(known.video == row.video, "{file} is listed as a frame of two videos");
        if known.split != row.split {
            let example = row.video.as_deref().unwrap_or_default();
            self.notes.count(
                "frame that is listed in several splits; the strictest (test, validation, train) is taken",
                example,
            );
            known.split = known.split.max(row.split);
        }
        Ok(())
    }
}

fn is_video(content: &Object) -> bool {
    content.get("frames").is_some_and(Value::is_array)
}

/// Real or fake by the name of a class: `FF-real`, `CelebDFv2_fake`, `DFDCP_FakeA`; the methods of
/// FaceForensics++ are `FF-DF` and so on.
fn label(class: &str) -> anyhow::Result<Label> {
    let lower = class.to_lowercase();
    match (lower.contains("real"), lower.contains("fake")) {
        (true, false) => Ok(Label::Real),
        (false, true) => Ok(Label::Fake),
        (false, false) if ["ff-df", "ff-f2f", "ff-fs", "ff-nt", "ff-fh"].contains(&lower.as_str()) => Ok(Label::Fake),
        _ => bail!("the class `{class}` is neither clearly real nor clearly fake"),
    }
}

fn paths(content: &Object, list: &str, root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let values = content.get(list).and_then(Value::as_array).with_context(|| format!("`{list}` is no list"))?;
    let path = |v: &Value| {
        let text = v.as_str().with_context(|| format!("`{list}` holds something that is no path: {v}"))?;
        // Indices written under Windows have backslashes.
        Ok(root.join(text.replace('\\', "/")))
    };
    values.iter().map(path).collect()
}

fn persons(class: &str, video: &str) -> Option<(String, Option<String>)> {
    match class {
        c if c.starts_with("FF-") => numbered_persons("ffpp", video),
        c if c.starts_with("DFD_") => numbered_persons("dfd", video),
        c if c.starts_with("CelebDF") => celebrities(video),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::super::{Layout, index};
    use crate::datasets::{Label, Split};

    fn index_of(text: &str) -> anyhow::Result<super::super::Indexed> {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("set.json");
        std::fs::write(&file, text).unwrap();
        let by_file = index(&file)?;
        assert_eq!(index(root.path()).unwrap().manifest, by_file.manifest);
        Ok(by_file)
    }

    #[test]
    fn videos_of_two_methods_stay_two() {
        let video = |method: &str| {
            format!(
                r#"{{"000_003": {{"label": "{method}", "frames": ["{method}\\000_003\\1.png"], "masks": ["m/1.png"]}}}}"#
            )
        };
        let text = format!(
            r#"{{"FaceForensics++": {{"FF-real": {{"train": {{"c23": {{"000": {{"label": "FF-real", "frames": ["r/000/1.png", "r/000/2.png"]}}}}}}}},
                "FF-DF": {{"train": {{"c23": {}}}}}, "FF-FS": {{"train": {{"c23": {}}}}}}}}}"#,
            video("FF-DF"),
            video("FF-FS")
        );
        let indexed = index_of(&text).unwrap();
        assert_eq!((indexed.layout, indexed.manifest.rows.len()), (Layout::DeepfakeBench, 4));
        let (swap, fake) = (row(&indexed, "FF-FS/000_003/1.png"), row(&indexed, "FF-DF/000_003/1.png"));
        assert_eq!((swap.label, swap.compression.as_deref()), (Label::Fake, Some("c23")));
        assert_eq!(swap.video.as_deref(), Some("FF-FS/c23/000_003"));
        assert_ne!(swap.video, fake.video);
        assert!(swap.mask.as_ref().is_some_and(|m| m.ends_with("m/1.png")));
        let real = row(&indexed, "r/000/2.png");
        assert_eq!((real.label, &real.group), (Label::Real, &swap.group));
        assert_eq!(real.video.as_deref(), Some("FF-real/c23/000"));
    }

    #[test]
    fn flaws_of_published_indices_are_counted() {
        let indexed = index_of(
            r#"{"CDF": {"CelebDFv2_real": {"train": {"id0_0000": {"label": "CelebDFv2_real", "frames": ["a/1.png"]}},
                                           "test": {"id0_0000": {"label": "CelebDFv2_real", "frames": ["a/1.png"]}}},
                        "CelebDFv2_fake": {"val": {"label": "CelebDFv2_fake", "frames": ["x.png"]},
                                           "test": {"id0_id1_0000": {"label": "CelebDFv2_fake", "frames": []}}}}}"#,
        )
        .unwrap();
        assert_eq!(indexed.manifest.rows.len(), 2);
        assert_eq!(row(&indexed, "a/1.png").split, Some(Split::Test));
        assert_eq!(row(&indexed, "CelebDFv2_fake/id0_id1_0000").driver.as_deref(), Some("celebdf/id1"));
        for words in ["several splits", "without frames", "nameless video"] {
            assert!(indexed.notes.iter().any(|n| n.contains(words)), "{words}: {:?}", indexed.notes);
        }
    }

    #[test]
    fn unclear_or_contradicting_labels_are_refused() {
        for (text, words) in [
            (r#"{"D": {"odd": {"test": {"v": {"frames": ["a.png"]}}}}}"#, "neither clearly real"),
            (r#"{"D": {"X_real": {"test": {"v": {"label": "X_fake", "frames": ["a.png"]}}}}}"#, "is called fake"),
            (
                r#"{"D": {"X_real": {"test": {"v": {"frames": ["a.png"]}}}, "X_fake": {"test": {"v": {"frames": ["a.png"]}}}}}"#,
                "as real and as fake",
            ),
            (r#"{"a": 1}"#, "no index of DeepfakeBench"),
        ] {
            let error = format!("{:#}", index_of(text).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
    }
}
