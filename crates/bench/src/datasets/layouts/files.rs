//! Media files below a folder, in a fixed order.
use std::path::{Path, PathBuf};

use anyhow::Context;
use walkdir::WalkDir;

use crate::collections::Media;

/// A data set that lies deeper is none of the published layouts.
const MAX_DEPTH: usize = 16;

/// True for the extensions of clips and pictures.
pub(super) fn is_media(path: &Path) -> bool {
    Media::of(path).is_some()
}

/// Entries of a folder by name; none when it does not exist.
fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let context = || format!("cannot list {}", folder.display());
    let mut list = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        list.push(entry.with_context(context)?.path());
    }
    list.sort();
    Ok(list)
}

/// Folders directly below, by name.
pub(super) fn folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|p| p.is_dir()).collect())
}

/// Files directly below, by name.
pub(super) fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|p| p.is_file()).collect())
}

/// All files below, at any depth, folder by folder and by name. Links are followed.
pub(super) fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    let mut list = Vec::new();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            // A link to nowhere is a file that cannot be read, which is told of that file.
            Err(error) if error.loop_ancestor().is_none() && error.path().is_some_and(Path::is_symlink) => {
                list.extend(error.path().map(Path::to_owned));
                continue;
            }
            Err(error) => return Err(error).with_context(|| format!("cannot list {}", folder.display())),
        };
        let path = entry.path();
        let deep = entry.file_type().is_dir() && entry.depth() > MAX_DEPTH;
        anyhow::ensure!(!deep, "{} lies more than {MAX_DEPTH} folders deep", path.display());
        if !entry.file_type().is_dir() {
            list.push(entry.into_path());
        }
    }
    Ok(list)
}

/// The last name of a path as text.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The last name without its extension.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_come_in_the_order_of_their_names_and_links_in_circles_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("b/c")).unwrap();
        for name in ["b/c/2.png", "b/d.png", "a.png", "z.png"] {
            std::fs::write(at(name), b"").unwrap();
        }
        symlink(at("nowhere.png"), at("b/e.png")).unwrap();
        let names = ["a.png", "b/c/2.png", "b/d.png", "b/e.png", "z.png"];
        assert_eq!(files_below(folder.path()).unwrap(), names.map(at));
        assert!(files_below(&at("none")).unwrap().is_empty());
        symlink(folder.path(), at("b/up")).unwrap();
        assert!(files_below(folder.path()).is_err());
    }
}
