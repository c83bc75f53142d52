//! FaceForensics++ and DeepFakeDetection: `original_sequences/youtube/c23/videos/033.mp4`,
//! `manipulated_sequences/Deepfakes/c23/videos/033_097.mp4`, and the official lists of pairs
//! `splits/{train,val,test}.json` where present.
//!
//! The decision that shapes it: `033_097` shows clip 033 with the face or the motion of 097, so it
//! belongs with both. A division by target alone lets the source's face into two splits.
use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, ensure};

use super::files::{files, folders, is_media, name, stem};
use super::{Notes, Rows, numbered_persons};
use crate::datasets::manifest::{Label, Row, Split};

const ORIGINAL: &str = "original_sequences";
const MANIPULATED: &str = "manipulated_sequences";

/// True when one of its two folders is there.
pub(super) fn fits(root: &Path) -> bool {
    root.join(ORIGINAL).is_dir() || root.join(MANIPULATED).is_dir()
}

/// Lists the clips of every method and compression.
pub(super) fn read(root: &Path) -> Rows {
    let (mut rows, mut notes) = (Vec::new(), Notes::default());
    let official = official(root, &mut notes)?;
    for (folder, label) in [(ORIGINAL, Label::Real), (MANIPULATED, Label::Fake)] {
        for method in folders(&root.join(folder))? {
            let source = name(&method);
            let prefix = if matches!(source.as_str(), "actors" | "DeepFakeDetection") { "dfd" } else { "ffpp" };
            let masks = method.join("masks").join("videos");
            for compression in folders(&method)?.into_iter().filter(|c| name(c) != "masks") {
                let clips = compression.join("videos");
                if !clips.is_dir() {
                    notes
                        .count("folder of a compression without `videos`", &format!("{source}/{}", name(&compression)));
                }
                for file in files(&clips)? {
                    if !is_media(&file) {
                        notes.count("file left out: neither clip nor picture", &name(&file));
                        continue;
                    }
                    let stem = stem(&file);
                    let (person, driver) = numbered_persons(prefix, &stem).unzip();
                    if person.is_none() {
                        notes.count("clip whose name tells no person", &name(&file));
                    }
                    let driver = driver.flatten();
                    let mask = Some(masks.join(name(&file))).filter(|m| label == Label::Fake && m.is_file());
                    let split = official.as_ref().and_then(|o| o.split(prefix, &stem, &mut notes));
                    let compression = Some(name(&compression));
                    let source = Some(source.clone());
                    rows.push(Row { person, driver, mask, source, split, compression, ..Row::new(file, label) });
                }
            }
        }
    }
    Ok((rows, notes))
}

/// The official split of every clip number.
struct Official(HashMap<String, Split>);

impl Official {
    fn split(&self, prefix: &str, stem: &str, notes: &mut Notes) -> Option<Split> {
        // The actors of DeepFakeDetection have numbers of their own and no official split.
        if prefix != "ffpp" {
            return None;
        }
        let mut splits: Vec<Option<Split>> = stem.split('_').map(|id| self.0.get(id).copied()).collect();
        splits.dedup();
        if let [one] = splits[..] {
            if one.is_none() {
                notes.count("clip that is in none of the official lists", stem);
            }
            return one;
        }
        notes.count("clip whose two persons are in different official splits; it has none", stem);
        None
    }
}

fn official(root: &Path, notes: &mut Notes) -> anyhow::Result<Option<Official>> {
    let mut splits = HashMap::new();
    for word in ["train", "val", "test"] {
        let file = format!("{word}.json");
        let Some(path) = [root.join("splits").join(&file), root.join(&file)].into_iter().find(|p| p.is_file()) else {
            continue;
        };
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let pairs: Vec<Vec<String>> =
            serde_json::from_str(&text).with_context(|| format!("{} is no list of pairs of names", path.display()))?;
        for id in pairs.into_iter().flatten() {
            let Some(split) = Split::from_name(word) else { continue };
            let before = splits.insert(id.clone(), split);
            ensure!(before.is_none_or(|b| b == split), "{}: {id} is in another official list too", path.display());
        }
    }
    if splits.is_empty() {
        notes.say("No official lists of splits (splits/train.json, val.json, test.json) were found");
        return Ok(None);
    }
    Ok(Some(Official(splits)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plant, row};
    use super::super::{Layout, index};
    use crate::datasets::{Label, Split};

    #[test]
    fn clips_know_method_compression_persons_and_official_split() {
        let root = tempfile::tempdir().unwrap();
        plant(
            root.path(),
            &[
                "original_sequences/youtube/c23/videos/033.mp4",
                "original_sequences/youtube/c40/videos/097.mp4",
                "original_sequences/actors/c23/videos/01__walking.mp4",
                "manipulated_sequences/Deepfakes/c23/videos/033_097.mp4",
                "manipulated_sequences/Deepfakes/masks/videos/033_097.mp4",
                "manipulated_sequences/FaceSwap/c23/videos/033_097.mp4",
                "manipulated_sequences/FaceSwap/c23/videos/500_097.mp4",
                "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__walking__ABC.mp4",
                "manipulated_sequences/FaceSwap/c23/videos/odd.mp4",
            ],
        );
        std::fs::create_dir(root.path().join("splits")).unwrap();
        std::fs::write(root.path().join("splits/train.json"), r#"[["500", "501"]]"#).unwrap();
        std::fs::write(root.path().join("splits/test.json"), r#"[["033", "097"]]"#).unwrap();
        let indexed = index(root.path()).unwrap();
        assert_eq!((indexed.layout, indexed.manifest.rows.len()), (Layout::FaceForensics, 8));
        let fake = row(&indexed, "Deepfakes/c23/videos/033_097.mp4");
        assert_eq!((fake.label, fake.split), (Label::Fake, Some(Split::Test)));
        assert_eq!((fake.person.as_deref(), fake.driver.as_deref()), (Some("ffpp/033"), Some("ffpp/097")));
        assert_eq!((fake.source.as_deref(), fake.compression.as_deref()), (Some("Deepfakes"), Some("c23")));
        assert!(fake.mask.as_ref().is_some_and(|m| m.ends_with("masks/videos/033_097.mp4")));
        // 500 drives nobody else, but 097 ties it to 033.
        for end in ["c23/videos/033.mp4", "c40/videos/097.mp4", "500_097.mp4"] {
            assert_eq!(row(&indexed, end).group, fake.group);
        }
        assert_eq!(row(&indexed, "500_097.mp4").split, None);
        let actor = row(&indexed, "01__walking.mp4");
        assert_eq!((actor.group.as_deref(), actor.split), (Some("dfd/01"), None));
        assert_eq!(row(&indexed, "01_02__walking__ABC.mp4").group, actor.group);
        assert!(indexed.notes.iter().any(|n| n.contains("different official splits")));
        assert!(indexed.notes.iter().any(|n| n.contains("tells no person") && n.contains("odd.mp4")));
    }
}
