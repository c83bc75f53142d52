//! What PyTorch's two containers have in common: the pickle's tree becomes sections, and storages
//! become tensors.
//!
//! The decision that shapes it: the pickle is read whole and judged first; only then are storages
//! read, each once, and only those that somebody wants. States of optimisers, which are twice as
//! large as the weights, are left in the file unless asked for.
mod archive;
mod sections;
mod stream;
mod view;

use std::collections::BTreeMap;

pub(crate) use archive::read_archive;
pub(crate) use stream::read_stream;

use self::sections::Leaf;
use crate::checkpoint::{Checkpoint, Container, Options};
use crate::error::shown;
use crate::pickle::{Pickle, StorageInfo};
use crate::{CheckpointError, HostTensor, StateDict};

/// A judged pickle whose tensors are waiting for their storages.
struct Pending {
    checkpoint: Checkpoint,
    leaves: Vec<Leaf>,
    /// Leaves by storage, in the order of the storages' numbers.
    wanted: BTreeMap<usize, Vec<usize>>,
    storages: Vec<StorageInfo>,
}

impl Pending {
    /// `file_bytes` bounds what the tensors may take together: storages may be shared, but not
    /// without end.
    fn new(pickle: Pickle, container: Container, options: Options, file_bytes: u64) -> Result<Self, CheckpointError> {
        let found = sections::collect(&pickle, options)?;
        let mut checkpoint = Checkpoint::empty(container);
        checkpoint.values = found.values;
        checkpoint.skipped = found.skipped;
        let allowed = file_bytes.saturating_mul(4).saturating_add(1 << 20);
        let mut total = 0_u64;
        let mut wanted: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, leaf) in found.leaves.iter().enumerate() {
            let storage = pickle.storages.get(leaf.view.storage);
            let storage = storage.ok_or_else(|| CheckpointError::malformed("a tensor without a storage"))?;
            let bytes = view::bytes(&leaf.view, storage).map_err(|e| leaf.error(&e))?;
            total = total.saturating_add(bytes);
            if total > allowed {
                return Err(CheckpointError::Malformed(format!(
                    "its tensors would take more than {allowed} bytes, but the file has {file_bytes}"
                )));
            }
            wanted.entry(leaf.view.storage).or_default().push(index);
        }
        Ok(Self { checkpoint, leaves: found.leaves, wanted, storages: pickle.storages })
    }

    /// Makes the tensors that look into this storage.
    fn place(&mut self, storage: usize, mut bytes: Vec<u8>) -> Result<(), CheckpointError> {
        let Some(info) = self.storages.get(storage) else { return Ok(()) };
        let leaves = self.wanted.remove(&storage).unwrap_or_default();
        let last = leaves.len().saturating_sub(1);
        for (turn, index) in leaves.into_iter().enumerate() {
            let Some(leaf) = self.leaves.get(index) else { continue };
            let made = if turn == last && view::is_whole(&leaf.view, info) {
                std::mem::take(&mut bytes)
            } else {
                view::gather(&leaf.view, info, &bytes).map_err(|e| leaf.error(&e))?
            };
            // `view::bytes` has shown that every extent fits the memory.
            let shape = leaf.view.shape.iter().map(|n| *n as usize).collect();
            let tensor = HostTensor { shape, dtype: info.dtype, bytes: made };
            let section: &mut StateDict = self.checkpoint.sections.entry(leaf.section.clone()).or_default();
            if section.insert(leaf.name.clone(), tensor).is_some() {
                return Err(CheckpointError::Malformed(format!("two tensors have the name {}", shown(&leaf.name))));
            }
        }
        Ok(())
    }

    fn finish(self) -> Checkpoint {
        self.checkpoint
    }
}

/// The bytes that a storage must have in the file.
fn declared(info: &StorageInfo, file_bytes: u64) -> Result<u64, CheckpointError> {
    info.bytes().filter(|bytes| *bytes <= file_bytes).ok_or_else(|| {
        CheckpointError::Malformed(format!(
            "its storage {} claims {} elements, more than the file has",
            shown(&info.key),
            info.elements
        ))
    })
}
