//! What the parity tests share: where the fixtures are, and how far two tensors may lie apart.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its fixture has failed")]
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(clippy::allow_attributes, reason = "an expectation would be unfulfilled where a file uses all of it")]
use std::path::{Path, PathBuf};

use assay_checkpoints::{Checkpoint, HostTensor, StateDict, read_safetensors};
use assay_models::state::{self, floats};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// The fixture's folder, or a line that says that the test did not run.
pub(crate) fn fixture(name: &str) -> Option<PathBuf> {
    shared(&format!("parity/{name}"))
}

/// A folder of what is shared beside the checkout, or a line that says that the test did not run.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("ASSAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: nothing at {}", folder.display());
    None
}

pub(crate) fn safetensors(path: &Path) -> StateDict {
    read_safetensors(&std::fs::read(path).unwrap()).unwrap()
}

pub(crate) fn section(path: &Path, name: &str) -> StateDict {
    Checkpoint::read(path).unwrap().sections.remove(name).unwrap_or_else(|| panic!("{} has no {name}", path.display()))
}

/// Loads a whole section: nothing missing, nothing left over.
pub(crate) fn loaded<M: Module>(module: M, tensors: &StateDict) -> M {
    state::load(module, tensors, "").unwrap()
}

pub(crate) fn tensor<const D: usize>(tensors: &StateDict, name: &str, device: &Device) -> Tensor<D> {
    state::tensor(host(tensors, name), device)
}

pub(crate) fn host<'a>(tensors: &'a StateDict, name: &str) -> &'a HostTensor {
    tensors.get(name).unwrap_or_else(|| panic!("no tensor {name}"))
}

/// Collects the largest differences of a test, by kind of tensor, and fails where one is over its
/// tolerance.
#[derive(Default)]
pub(crate) struct Gaps {
    rows: std::collections::BTreeMap<String, (f32, f32, usize)>,
}

impl Gaps {
    /// Compares all elements; `kind` names the row.
    pub(crate) fn compare<const D: usize>(&mut self, kind: &str, ours: Tensor<D>, theirs: &HostTensor, tolerance: f32) {
        assert_eq!(ours.dims().as_slice(), theirs.shape.as_slice(), "{kind}");
        self.slices(kind, &floats(ours), &theirs.to_f32(), tolerance);
    }

    pub(crate) fn slices(&mut self, kind: &str, ours: &[f32], theirs: &[f32], tolerance: f32) {
        assert_eq!(ours.len(), theirs.len(), "{kind}");
        let gap = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
        // `max` drops what is not a number; a sum keeps it.
        let gap = if gap.clone().sum::<f32>().is_nan() { f32::INFINITY } else { gap.fold(0.0, f32::max) };
        let row = self.rows.entry(kind.to_owned()).or_insert((0.0, tolerance, 0));
        row.0 = row.0.max(gap);
        row.2 += 1;
    }

    /// As [`Gaps::slices`], relative to the largest entry of the reference.
    pub(crate) fn relative(&mut self, kind: &str, ours: &[f32], theirs: &[f32], tolerance: f32) {
        let scale = theirs.iter().fold(0.0f32, |m, v| m.max(v.abs())).max(f32::MIN_POSITIVE);
        let over = |values: &[f32]| values.iter().map(|v| v / scale).collect::<Vec<_>>();
        self.slices(kind, &over(ours), &over(theirs), tolerance);
    }

    pub(crate) fn finish(self, title: &str) {
        let mut wrong = Vec::new();
        for (kind, (gap, tolerance, n)) in &self.rows {
            println!("{title}: {kind}: {gap:.2e} of {tolerance:.0e} over {n} tensors");
            if gap > tolerance {
                wrong.push(kind.clone());
            }
        }
        assert!(!self.rows.is_empty());
        assert!(wrong.is_empty(), "{title}: over the tolerance: {wrong:?}");
    }
}
