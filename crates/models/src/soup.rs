//! Weights that are one file, or the weighted mean of several ("Model soups", Wortsman et al.,
//! ICML 2022; "Robust fine-tuning of zero-shot models", CVPR 2022).
//!
//! The decision that shapes it: weights that training took on from the same place are asked as one
//! network of their mean: it says what the mean of their logits says, in the time of one. Whatever
//! the architecture, files are found, checked and named here.
use std::path::Path;

use assay_checkpoints::{Checkpoint, Options, StateDict};

use crate::registry::{ENTRY_KEY, Entry, Loaded, Registry, sha256_of};
use crate::{Kind, ModelError, import, layout, state};

/// Files of weights and their mean.
pub struct Soup {
    /// What is known of the files; at least one.
    pub entries: Vec<Entry>,
    /// The first of them, whose network and crop all share.
    pub first: Entry,
    /// Their mean.
    pub tensors: StateDict,
}

impl Soup {
    /// The mean of weights that are part of the program, by id. Their hashes are computed again.
    ///
    /// # Errors
    /// [`ModelError`] where one is no part of this build, or was trained from elsewhere than the
    /// first.
    pub fn shipped(ids: &[&str]) -> Result<Self, ModelError> {
        let all: Vec<Loaded> = ids.iter().map(|id| Registry::shipped_of(id)).collect::<Result<_, _>>()?;
        if let Some(other) = all.iter().find(|loaded| all.first().is_some_and(|l| family(l) != family(loaded))) {
            let reason = "was not trained from where the others were, and their mean is no network";
            return Err(ModelError::Registry(format!("{} {reason}", other.entry.id)));
        }
        Self::of(all.into_iter().map(|loaded| (loaded, 1.0)).collect())
    }

    /// The weighted mean of weights: shipped ones by id, or files as `assay train detector` writes
    /// them, all of these kinds. They must have been trained from one place; alone, any will do.
    ///
    /// # Errors
    /// [`ModelError`] where one cannot be opened, is of no such kind, or wants another input than
    /// the first.
    pub fn mean(weighted: &[(String, f32)], kinds: &[Kind]) -> Result<Self, ModelError> {
        let open = |(name, share): &(String, f32)| Ok((opened(name, kinds)?, *share));
        Self::of(weighted.iter().map(open).collect::<Result<_, ModelError>>()?)
    }

    fn of(group: Vec<(Loaded, f32)>) -> Result<Self, ModelError> {
        let first = group.first().map(|(loaded, _)| loaded.entry.clone());
        let first = first.ok_or_else(|| ModelError::Registry("no weights are named".into()))?;
        let wants = |entry: &Entry| (entry.input.width, entry.input.height, entry.input.crop.clone());
        if let Some((other, _)) = group.iter().find(|(loaded, _)| wants(&loaded.entry) != wants(&first)) {
            let reason = "wants another crop of the face than the others";
            return Err(ModelError::Registry(format!("{} {reason}", other.entry.id)));
        }
        let tensors = state::mean(group.iter().map(|(loaded, share)| (&loaded.tensors, *share)));
        Ok(Self { first, tensors, entries: group.into_iter().map(|(loaded, _)| loaded.entry).collect() })
    }
}

/// Shipped weights by id, or a file.
fn opened(name: &str, kinds: &[Kind]) -> Result<Loaded, ModelError> {
    match Registry::shipped_of(name) {
        Ok(loaded) if kinds.contains(&loaded.entry.kind) => Ok(loaded),
        Ok(loaded) => Err(ModelError::WrongNetwork {
            path: name.into(),
            reason: format!("{name} is a {}, not a {}", loaded.entry.kind, words(kinds)),
        }),
        Err(_) => trained(Path::new(name), kinds),
    }
}

fn words(kinds: &[Kind]) -> String {
    kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or a ")
}

/// The weights that training started from, which an entry's `widths` name, or else the weights
/// themselves: networks that went on from the same place keep to one basin of the loss, and the
/// mean of their parameters is a network.
fn family(of: &Loaded) -> &str {
    of.entry.widths.get("started_from").and_then(|v| v.as_str()).unwrap_or(&of.entry.id)
}

/// What a run of this project wrote, where it says so itself and is of a kind that is never
/// imported.
///
/// # Errors
/// [`ModelError`] where the file cannot be opened.
pub(crate) fn written_by_training(path: &Path) -> Result<Option<Loaded>, ModelError> {
    let checkpoint = Checkpoint::read(path);
    let mut checkpoint = checkpoint.map_err(|source| ModelError::Checkpoint { path: path.to_owned(), source })?;
    let kind = import::stated(path, checkpoint.values.remove(ENTRY_KEY))?.map(|entry| entry.kind);
    let own = kind.filter(|kind| !layout::importable().any(|importable| importable == *kind));
    own.map(|kind| trained(path, &[kind])).transpose()
}

/// The weights that a run of `assay train detector` wrote, if they are of one of these kinds; a
/// file that does not say is taken for one of the first.
///
/// # Errors
/// [`ModelError`] where the file cannot be opened or is another network's.
pub(crate) fn trained(path: &Path, kinds: &[Kind]) -> Result<Loaded, ModelError> {
    let bytes = std::fs::read(path).map_err(ModelError::io("read", path))?;
    let mut checkpoint = Checkpoint::from_bytes(&bytes, Options::default())
        .map_err(|source| ModelError::Checkpoint { path: path.to_owned(), source })?;
    let name = path.display().to_string();
    let stated = import::stated(path, checkpoint.values.remove(ENTRY_KEY))?;
    let stated = stated.unwrap_or_else(|| Entry::unstated(&name, kinds.first().copied().unwrap_or(Kind::FaceForgery)));
    if !kinds.contains(&stated.kind) {
        let reason = format!("it says that it is a {}, not a {}", stated.kind, words(kinds));
        return Err(ModelError::WrongNetwork { path: path.to_owned(), reason });
    }
    let entry = Entry { id: name.clone(), file: name, sha256: sha256_of(&bytes), bytes: bytes.len() as u64, ..stated };
    Ok(Loaded { entry, tensors: checkpoint.into_tensors() })
}
