//! The Gaussian of real faces, in the features of the first shipped network that tells manipulated
//! faces.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_checkpoints::write_safetensors;
use assay_media::Progress;
use assay_models::Kind;
use assay_models::face_anomaly::FaceAnomaly;
use assay_models::face_forgery::{Crop, Input, Opened};
use assay_models::registry::{ENTRY_KEY, Entry, Registry};

use super::faces::{self, Around, View};
use crate::faces::data;
use assay_bench::collections::Split;
use assay_material::rng::Rng;

/// Fits it on the training people of `data`, ranks on validation people, and writes
/// `weights.safetensors` into `out`.
///
/// # Errors
/// When the data cannot be read or the file cannot be written.
pub fn run(data: &Path, out: &Path, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let shipped: Vec<String> = Registry::shipped_all(Kind::FaceForgery)?.into_iter().map(|l| l.entry.id).collect();
    let opened = Opened::shipped(&shipped.iter().map(String::as_str).collect::<Vec<_>>())?;
    let Crop { side, margin } = opened.crop;
    let around = Around { margin, ..Around::PLAIN };
    progress.update("reading pictures", 0, 0);
    let pictures = data::load(data, Some(data::ClipFrames::GRAIN))?;
    let features = |split: Split| -> Vec<Vec<f32>> {
        let views = faces::real(&pictures, split, faces::MIN_EXTENT_PX);
        let mut rng = Rng::new(1);
        let mut one = |(at, (picture, face)): (usize, &View<'_>)| {
            progress.update("describing faces", at as u64, views.len() as u64);
            let view = faces::crop_from_picture(&face.mesh, around, side, &mut rng);
            opened.network.judge(&[&faces::draw(picture, &view, side)], Input::default()).pop().map(|j| j.features)
        };
        views.iter().enumerate().filter_map(&mut one).collect()
    };
    let found = FaceAnomaly::fit(&features(Split::Train), &features(Split::Validation))
        .context("there are too few real faces to describe them by a Gaussian")?;
    let name = out.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let mut own = Entry::unstated(&name, Kind::FaceAnomaly);
    own.widths.insert("features_of".into(), opened.hashes().into());
    let stated = (ENTRY_KEY.to_owned(), serde_json::to_string(&own)?);
    let path = out.join("weights.safetensors");
    std::fs::write(&path, write_safetensors(&found.tensors(), Some([stated].into()))?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
