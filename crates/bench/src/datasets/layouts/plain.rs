//! A folder `real` and a folder `fake` with anything below them.
//!
//! The decision that shapes it: nothing is guessed from file names, so no persons are known, and
//! the notes say so. A folder below `fake` or `real` is taken as the source.
use std::path::{Path, PathBuf};

use super::files::{files_below, folders, is_media, name};
use super::{Notes, Rows};
use crate::datasets::manifest::{Label, Row};

fn folder(root: &Path, label: Label) -> Option<PathBuf> {
    folders(root).ok()?.into_iter().find(|f| name(f).eq_ignore_ascii_case(label.name()))
}

/// True when both folders are there.
pub(super) fn fits(root: &Path) -> bool {
    folder(root, Label::Real).is_some() && folder(root, Label::Fake).is_some()
}

/// Lists both folders.
pub(super) fn read(root: &Path) -> Rows {
    let (mut rows, mut notes) = (Vec::new(), Notes::default());
    for label in [Label::Real, Label::Fake] {
        let Some(folder) = folder(root, label) else { continue };
        for file in files_below(&folder)? {
            if !is_media(&file) {
                notes.count("file left out: neither clip nor picture", &name(&file));
                continue;
            }
            let below = file.strip_prefix(&folder).ok().and_then(Path::parent);
            let source = below.and_then(|b| b.iter().next()).map(|s| s.to_string_lossy().into_owned());
            rows.push(Row { source, ..Row::new(file, label) });
        }
    }
    notes.say("Nothing tells who is seen: splits keep near-duplicates apart only by the check for leaks");
    Ok((rows, notes))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plant, row};
    use super::super::{Layout, index};
    use crate::datasets::Label;

    #[test]
    fn both_folders_are_listed() {
        let root = tempfile::tempdir().unwrap();
        plant(root.path(), &["Real/a.jpg", "fake/gan/b.PNG", "fake/c.mp4", "fake/readme.md"]);
        let indexed = index(root.path()).unwrap();
        assert_eq!((indexed.layout, indexed.manifest.rows.len()), (Layout::Plain, 3));
        assert_eq!(row(&indexed, "a.jpg").label, Label::Real);
        assert_eq!(row(&indexed, "b.PNG").source.as_deref(), Some("gan"));
        assert_eq!(row(&indexed, "c.mp4").source, None);
        assert!(indexed.notes.iter().any(|n| n.contains("1 x file left out") && n.contains("readme.md")));
    }
}
