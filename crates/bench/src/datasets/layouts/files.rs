//! Media files below a folder, in a fixed order.
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::collections::Media;

/// Links that point upwards must not make the walk endless.
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

/// All files below, at any depth.
pub(super) fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut list = Vec::new();
    walk(folder, 0, &mut list)?;
    Ok(list)
}

fn walk(folder: &Path, depth: usize, list: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    anyhow::ensure!(depth <= MAX_DEPTH, "{} lies more than {MAX_DEPTH} folders deep", folder.display());
    for path in entries(folder)? {
        if path.is_dir() {
            walk(&path, depth + 1, list)?;
        } else {
            list.push(path);
        }
    }
    Ok(())
}

/// The last name of a path as text.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The last name without its extension.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
