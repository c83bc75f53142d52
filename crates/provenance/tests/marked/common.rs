//! What the tests share: a folder with keys of its own, a record, a clip.
use std::fs;
use std::path::{Path, PathBuf};

use assay_provenance::{ClipShape, Making, MarkedWriter, Record, Signer, SourceUsed, Synthetic, WeightsUsed};

use crate::scene::scene;

pub(crate) fn record(making: Making, sources: Vec<SourceUsed>) -> Record {
    Record {
        making,
        generator: "test".into(),
        weights: vec![WeightsUsed { id: "none".into(), sha256: "0".repeat(64) }],
        settings: serde_json::json!({ "strength": 0.5 }),
        seed: Some(7),
        sources,
    }
}

pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn signer(&self) -> Signer {
        Signer::own(Some(&self.path("keys"))).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(self.folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub(crate) fn write_clip(place: &Place, name: &str, times: &[f64], sound: Option<&Path>) -> PathBuf {
    let path = place.path(name);
    let writer = MarkedWriter::new(record(Making::Altered, Vec::new()), place.signer());
    let shape = ClipShape { width: 256, height: 192, frame_secs: 0.04 };
    let mut clip = writer.start_clip(&path, shape, sound).unwrap();
    for (at, time) in times.iter().enumerate() {
        clip.push(Synthetic::new(scene(256, 192, at as u32)), *time).unwrap();
    }
    clip.finish().unwrap();
    path
}
