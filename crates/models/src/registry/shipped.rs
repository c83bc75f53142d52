//! Weights that are part of the program.
//!
//! The decision that shapes it: a scan needs no download, so the files are embedded; `weights.toml`
//! says of them what the user's registry says of imported ones.
use std::borrow::Cow;

use super::Entry;
use super::list::List;
use crate::ModelError;

/// File names of `weights.toml` with their bytes: one line a file.
const FILES: &[(&str, &[&[u8]])] = &[
    ("face-detector-1.safetensors", &[include_bytes!("../../weights/face-detector-1.safetensors")]),
    ("face-mesh-1.safetensors", &[include_bytes!("../../weights/face-mesh-1.safetensors")]),
    ("face-embedding-1.safetensors", &[include_bytes!("../../weights/face-embedding-1.safetensors")]),
    ("face-generator-1.safetensors", &[include_bytes!("../../weights/face-generator-1.safetensors")]),
    ("face-forgery-sbi-1.safetensors", &[include_bytes!("../../weights/face-forgery-sbi-1.safetensors")]),
    ("face-forgery-pairs-1.safetensors", &[include_bytes!("../../weights/face-forgery-pairs-1.safetensors")]),
    ("face-forgery-pairs-2.safetensors", &[include_bytes!("../../weights/face-forgery-pairs-2.safetensors")]),
    ("face-forgery-pairs-3.safetensors", &[include_bytes!("../../weights/face-forgery-pairs-3.safetensors")]),
    ("face-synthesis-1.safetensors", &[include_bytes!("../../weights/face-synthesis-1.safetensors")]),
    ("face-animator-1.safetensors", &[include_bytes!("../../weights/face-animator-1.safetensors")]),
    ("face-parts-1.safetensors", &[include_bytes!("../../weights/face-parts-1.safetensors")]),
    // No file of the repository is larger than 20 MB, so this one lies in parts.
    #[cfg(feature = "large")]
    (
        "clip-vit-b16-1.safetensors",
        &[
            include_bytes!("../../weights/clip-vit-b16-1.safetensors.1"),
            include_bytes!("../../weights/clip-vit-b16-1.safetensors.2"),
            include_bytes!("../../weights/clip-vit-b16-1.safetensors.3"),
            include_bytes!("../../weights/clip-vit-b16-1.safetensors.4"),
        ],
    ),
];

/// All shipped entries.
///
/// # Errors
/// [`ModelError::Registry`] where `weights.toml` is not in order; a test keeps that from happening.
pub(super) fn entries() -> Result<Vec<Entry>, ModelError> {
    let mut all = List::parse(include_str!("../../weights.toml"), "weights.toml")?.model;
    if cfg!(not(feature = "large")) {
        all.retain(|entry| FILES.iter().any(|(name, _)| *name == entry.file));
    }
    Ok(all)
}

/// The bytes of a shipped entry.
///
/// # Errors
/// [`ModelError::Registry`] where the file is not embedded; a test keeps that from happening.
pub(super) fn bytes(entry: &Entry) -> Result<Cow<'static, [u8]>, ModelError> {
    match FILES.iter().find(|(name, _)| *name == entry.file) {
        Some((_, [whole])) => Ok(Cow::Borrowed(whole)),
        Some((_, parts)) => Ok(Cow::Owned(parts.concat())),
        None => Err(ModelError::Registry(format!("{} is not part of this build", entry.id))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Kind;
    use crate::registry::sha256_of;

    #[test]
    fn entries_and_files_belong_to_one_another() {
        let entries = entries().unwrap();
        let listed: BTreeSet<&str> = entries.iter().map(|e| e.file.as_str()).collect();
        assert_eq!(listed, FILES.iter().map(|(name, _)| *name).collect(), "weights.toml and FILES name the same files");
        for entry in &entries {
            let bytes = bytes(entry).unwrap();
            assert_eq!((entry.bytes, &entry.sha256), (bytes.len() as u64, &sha256_of(&bytes)), "{}", entry.id);
            assert!(!entry.licence.is_empty() && !entry.training_data.is_empty(), "{}", entry.id);
        }
        for (name, parts) in FILES {
            assert!(parts.iter().all(|part| part.len() < 20_000_000), "{name} has parts larger than 20 MB");
        }
        // The shared base, networks that find, measure and make faces, and detectors.
        let entries: Vec<Entry> = entries.into_iter().filter(|e| e.kind != Kind::ClipVision).collect();
        let detecting = |e: &&Entry| matches!(e.kind, Kind::FaceForgery | Kind::FaceSynthesis);
        let (detectors, finders): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(detecting);
        assert!(
            finders.iter().all(|e| e.bytes < 3_000_000) && finders.iter().map(|e| e.bytes).sum::<u64>() < 12_000_000
        );
        assert!(detectors.iter().map(|e| e.bytes).sum::<u64>() < 20_000_000);
        let on_disk = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/weights")).unwrap();
        let on_disk: BTreeSet<String> = on_disk
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .filter_map(|name| Some(format!("{}.safetensors", name.split_once(".safetensors")?.0)))
            .filter(|name| cfg!(feature = "large") || !name.starts_with("clip-"))
            .collect();
        let listed = FILES.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>();
        assert!(on_disk.iter().map(String::as_str).eq(listed), "a file in weights/ that is not listed is dead weight");
    }
}
