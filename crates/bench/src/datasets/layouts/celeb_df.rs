//! Celeb-DF: `Celeb-real/id3_0004.mp4`, `Celeb-synthesis/id3_id7_0004.mp4` (target, donor),
//! `YouTube-real/00170.mp4`, and `List_of_testing_videos.txt` with `1 YouTube-real/00170.mp4` for a
//! real one and `0 ...` for a fake one.
//!
//! The decision that shapes it: the official list is taken as it is, although it shows the same
//! celebrities in both splits. The check for leaks then says so, instead of a quiet repair.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::files::{files, is_media, name, stem};
use super::{Notes, Rows, celebrities};
use crate::datasets::manifest::{Label, Row, Split};

const FOLDERS: [(&str, Label); 3] =
    [("Celeb-real", Label::Real), ("Celeb-synthesis", Label::Fake), ("YouTube-real", Label::Real)];
const LIST: &str = "List_of_testing_videos.txt";

/// True when one of its folders is there.
pub(super) fn fits(root: &Path) -> bool {
    FOLDERS.iter().any(|(folder, _)| root.join(folder).is_dir())
}

/// Lists the three folders and what the list of test clips names.
pub(super) fn read(root: &Path) -> Rows {
    let mut notes = Notes::default();
    let mut clips: BTreeMap<PathBuf, (&str, Label)> = BTreeMap::new();
    for (folder, label) in FOLDERS {
        for file in files(&root.join(folder))? {
            if is_media(&file) {
                clips.insert(file, (folder, label));
            } else {
                notes.count("file left out: neither clip nor picture", &name(&file));
            }
        }
    }
    let testing = testing(root, &mut notes)?;
    for path in testing.iter().flat_map(BTreeMap::keys) {
        let Some(folder) = FOLDERS.iter().find(|(f, _)| path.starts_with(root.join(f))) else {
            bail!("{LIST} names {}, which is in none of the folders", path.display())
        };
        if !clips.contains_key(path) {
            notes.count("clip of the list of test clips that is not there; it stays in the table", &name(path));
            clips.insert(path.clone(), *folder);
        }
    }
    let mut rows = Vec::new();
    for (path, (source, label)) in clips {
        let split = match &testing {
            None => None,
            Some(list) => Some(match list.get(&path) {
                None => Split::Train,
                Some(listed) => {
                    ensure!(*listed == label, "{LIST} calls {} {}", path.display(), listed.name());
                    Split::Test
                }
            }),
        };
        let (person, driver) = celebrities(&stem(&path)).unzip();
        if person.is_none() {
            notes.count("clip whose name tells no person", &name(&path));
        }
        let driver = driver.flatten();
        rows.push(Row { person, driver, source: Some(source.to_owned()), split, ..Row::new(path, label) });
    }
    Ok((rows, notes))
}

/// The official test clips with the label that the list gives them.
fn testing(root: &Path, notes: &mut Notes) -> anyhow::Result<Option<BTreeMap<PathBuf, Label>>> {
    let path = root.join(LIST);
    if !path.is_file() {
        notes.say("No List_of_testing_videos.txt was found: no clip has a split");
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut list = BTreeMap::new();
    for (i, line) in text.lines().map(str::trim).enumerate().filter(|(_, l)| !l.is_empty()) {
        let label = match line.split_once(char::is_whitespace) {
            Some(("1", clip)) => (clip, Label::Real),
            Some(("0", clip)) => (clip, Label::Fake),
            _ => bail!("{}:{}: `{line}` is neither `1 path` (real) nor `0 path` (fake)", path.display(), i + 1),
        };
        list.insert(root.join(label.0.trim()), label.1);
    }
    notes.say("The official split of Celeb-DF shows the same celebrities in training and test");
    Ok(Some(list))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plant, row};
    use super::super::{Layout, index};
    use crate::datasets::{Label, LeakKind, Split, leaks};

    const CLIPS: [&str; 5] = [
        "Celeb-real/id0_0000.mp4",
        "Celeb-real/id1_0000.mp4",
        "Celeb-real/id5_0002.mp4",
        "Celeb-synthesis/id0_id1_0000.mp4",
        "YouTube-real/00170.mp4",
    ];

    #[test]
    fn clips_know_persons_and_the_official_test() {
        let root = tempfile::tempdir().unwrap();
        plant(root.path(), &CLIPS);
        let list = "1 YouTube-real/00170.mp4\r\n0 Celeb-synthesis/id0_id1_0000.mp4\n1 Celeb-real/id9_0000.mp4\n";
        std::fs::write(root.path().join("List_of_testing_videos.txt"), list).unwrap();
        let indexed = index(root.path()).unwrap();
        assert_eq!((indexed.layout, indexed.manifest.rows.len()), (Layout::CelebDf, 6));
        let fake = row(&indexed, "id0_id1_0000.mp4");
        assert_eq!((fake.label, fake.split), (Label::Fake, Some(Split::Test)));
        assert_eq!(fake.group, row(&indexed, "id1_0000.mp4").group);
        assert_ne!(fake.group, row(&indexed, "id5_0002.mp4").group);
        assert_eq!(row(&indexed, "id0_0000.mp4").split, Some(Split::Train));
        assert_eq!(row(&indexed, "00170.mp4").person.as_deref(), Some("celebdf/youtube-00170"));
        assert!(indexed.notes.iter().any(|n| n.contains("not there") && n.contains("id9_0000.mp4")));
        let found = leaks(&indexed.manifest).leaks;
        assert!(found.iter().any(|l| l.kind == LeakKind::Person && l.name == "celebdf/id0"), "{found:?}");
    }

    #[test]
    fn a_list_that_contradicts_the_folders_is_refused() {
        for (line, words) in [("0 Celeb-real/id0_0000.mp4", "calls"), ("real x.mp4", "neither"), ("1 x.mp4", "none of")]
        {
            let root = tempfile::tempdir().unwrap();
            plant(root.path(), &CLIPS);
            std::fs::write(root.path().join("List_of_testing_videos.txt"), line).unwrap();
            let error = format!("{:#}", index(root.path()).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
    }
}
