//! The forgery detectors: recipes by name, each a data set made on the way and a loss.
//!
//! The decision that shapes it: a recipe says how manipulated faces come about; the network, the loop and the files are the same for all. What
//! is written is the averaged, folded network in half precision.
pub(in crate::train) use reenactment::marked_sheet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_checkpoints::{HostTensor, StateDict};
use assay_faces::Networks;
use assay_media::Progress;
use assay_models::Kind;
use assay_models::face_forgery::{COLOUR_PLANES, SIDE};
use assay_models::registry::{self, Entry};
use assay_models::state::{collect, mean};

use super::faces::{data, preview};
use super::{Budget, Options, train};
use assay_bench::datasets;
use assay_material::rng::Rng;

pub mod anomaly;
pub mod batch;
pub mod blend;
pub mod bonettini;
mod examples;
pub mod faces;
pub mod given;
pub mod masked;
pub mod masks;
pub mod reconstruct;
pub mod reenactment;
pub mod task;
pub mod temporal;

pub use bonettini::{Published, Tuning};
pub use faces::Fold;
use task::Forgery;
pub use task::{Choice, Recipe, Scale};

/// Trains a detector on the pictures of `data` (for [`Recipe::Generic`] a table, or a folder that one can be made of) and writes
/// `weights.safetensors` into the run's folder.
///
/// # Errors
/// When the data cannot be read, the folder cannot be written, or training fails.
pub fn run(choice: Choice, data: &Path, options: &Options, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
    let keeps = options.from.as_ref().filter(|_| choice.start_share > 0.0);
    anyhow::ensure!(!keeps.is_some_and(|from| from.is_dir()), "a share can be kept of weights by id or file only");
    if choice.recipe == Recipe::Generic {
        let indexed = datasets::index(data)?;
        let networks = Networks::shipped()?;
        let files: Vec<String> = indexed.manifest.rows.iter().map(|r| r.path.display().to_string()).collect();
        let (faces, left_out) = given::load(indexed.manifest, &networks, progress)?;
        super::folder::write_record(&choice, Path::new(""), &files, options)?;
        if left_out > 0 {
            progress.update(&format!("{left_out} files without a usable face were left out"), 0, 0);
        }
        return finish(&Forgery::of_given(&faces, choice), options, progress);
    }
    if choice.recipe == Recipe::Reenactment {
        return reenactment::run(choice, None, data, options, progress);
    }
    if choice.recipe == Recipe::Temporal {
        return windows_of_clips(choice, data, options, progress);
    }
    progress.update("reading pictures", 0, 0);
    let pictures = data::load(data, Some(data::ClipFrames::GRAIN))?;
    let files = data::files_of(&pictures);
    super::folder::write_record(&choice, data, &files, options)?;
    if choice.recipe == Recipe::Masked {
        train(&masked::Filling::new(&pictures), options, progress)?;
        return Ok(options.out.join("checkpoint.safetensors"));
    }
    let mut task = Forgery::new(&pictures, choice);
    let mut options = options.clone();
    if choice.recipe == Recipe::Reconstruct {
        let (banks, rest) = banks(&task, &pictures, &options, progress)?;
        task = task.with_banks(banks);
        options.budget = rest;
    }
    finish(&task, &options, progress)
}

/// Share of a run's budget that each autoencoder gets.
const AUTOENCODER: f64 = 0.15;

fn part_of(budget: Budget, share: f64) -> Budget {
    match budget {
        Budget::Minutes(minutes) => Budget::Minutes(minutes * share),
        Budget::Steps(steps) => Budget::Steps((steps as f64 * share) as u64),
    }
}

/// Trains on windows of clips: an autoencoder on the photographs first, then the detector.
fn windows_of_clips(
    choice: Choice,
    data: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> anyhow::Result<PathBuf> {
    let moments = temporal::windows::load(data, progress)?;
    let mut files: Vec<String> = moments.iter().map(|m| m.clip.clone()).collect();
    files.dedup();
    progress.update("reading pictures", 0, 0);
    let pictures = data::load(data, None)?;
    files.extend(data::files_of(&pictures));
    super::folder::write_record(&choice, data, &files, options)?;
    let train_faces = faces::real(&pictures, assay_bench::collections::Split::Train, faces::MIN_EXTENT_PX);
    let validation = faces::real(&pictures, assay_bench::collections::Split::Validation, faces::MIN_EXTENT_PX);
    let own = reconstruct::Autoencoding { config: reconstruct::LAYOUTS[0], train: &train_faces, validation };
    let out = options.out.join("autoencoder");
    let first = Options { budget: part_of(options.budget, AUTOENCODER), out, from: None, ..options.clone() };
    let net = train(&own, &first, progress)?;
    let task = temporal::Temporal::new(&moments, choice).with_bank(&net, &own, options.seed, progress);
    let rest = Options { budget: part_of(options.budget, 1.0 - AUTOENCODER), ..options.clone() };
    let mut rng = Rng::new(options.seed);
    write_preview(&options.out, SIDE, || task.preview(&mut rng))?;
    let tensors = collect(&train(&task, &rest, progress)?.folded());
    write_weights(&options.out, Kind::FaceTemporal, &tensors)
}

/// Trains the autoencoders in folders of their own and passes every training face through them; with what is left of the budget.
fn banks(
    task: &Forgery<'_>,
    pictures: &[data::Picture],
    options: &Options,
    progress: &dyn Progress,
) -> anyhow::Result<(Vec<Vec<reconstruct::Passed>>, Budget)> {
    let mut banks = Vec::new();
    for (at, config) in reconstruct::LAYOUTS.into_iter().enumerate() {
        let validation = faces::real(pictures, assay_bench::collections::Split::Validation, faces::MIN_EXTENT_PX);
        let own = reconstruct::Autoencoding { config, train: task.faces(), validation };
        let out = options.out.join(format!("autoencoder-{}", at + 1));
        let options = Options { budget: part_of(options.budget, AUTOENCODER), out, from: None, ..options.clone() };
        let net = train(&own, &options, progress)?;
        progress.update("passing faces through the autoencoder", 0, 0);
        let bank = reconstruct::bank(&net, &own, options.seed);
        let path = options.out.join("faces.jpg");
        reconstruct::sheet(&bank, &own).save(&path).with_context(|| format!("cannot write {}", path.display()))?;
        banks.push(bank);
    }
    Ok((banks, part_of(options.budget, 1.0 - AUTOENCODER * reconstruct::LAYOUTS.len() as f64)))
}

/// Takes away the weights of planes that were empty in training: a scan fills them.
fn ignore_residuals(tensors: &mut StateDict) -> anyhow::Result<()> {
    let first = tensors.get_mut("stages.0.enter.conv.weight").context("the network has no first convolution")?;
    let &[_, planes, height, width] = first.shape.as_slice() else { anyhow::bail!("its weights are no convolution's") };
    let mut values = first.to_f32();
    for row in values.chunks_exact_mut(planes * height * width) {
        row[COLOUR_PLANES * height * width..].fill(0.0);
    }
    *first = HostTensor::from_f32(&first.shape, &values);
    Ok(())
}

fn finish(task: &Forgery<'_>, options: &Options, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
    let mut rng = Rng::new(options.seed);
    let choice = task.choice();
    let sheet = preview::sheet(task.side(), || task.preview(&mut rng));
    // What an animator made is shown to nobody without its marks.
    let sheet = if choice.recipe == Recipe::Reenactment { reenactment::marked_sheet(sheet)? } else { sheet };
    save_preview(&options.out, &sheet)?;
    let (kind, tensors) = match choice.published {
        None => {
            let kind = match choice.recipe {
                Recipe::Synthesis => Kind::FaceSynthesis,
                Recipe::Reenactment => Kind::FaceReenactment,
                _ => Kind::FaceForgery,
            };
            let mut tensors = collect(&train(task, options, progress)?.folded());
            if !choice.input.has_high_pass {
                ignore_residuals(&mut tensors)?;
            }
            if let Some(from) = options.from.as_ref().filter(|_| choice.start_share > 0.0) {
                let none = || format!("{}: no weights whose share could be kept", from.display());
                let start = registry::open(&from.to_string_lossy()).with_context(none)?.tensors;
                tensors = mean([(&start, choice.start_share), (&tensors, 1.0 - choice.start_share)].into_iter());
            }
            (kind, tensors)
        }
        Some(published) => {
            let own = bonettini::Bonettini { crops: task, published };
            match (published.tuning, published.attention) {
                (Tuning::Head, true) => {
                    (Kind::EfficientnetB4AttentionSt, collect(&train(&bonettini::Head(own), options, progress)?))
                }
                (Tuning::Head, false) => {
                    (Kind::EfficientnetB4St, collect(&train(&bonettini::Head(own), options, progress)?))
                }
                (_, true) => (Kind::EfficientnetB4Attention, collect(&train(&own, options, progress)?)),
                (_, false) => (Kind::EfficientnetB4, collect(&train(&own, options, progress)?)),
            }
        }
    };
    let mut entry = Entry::unstated("", kind);
    if kind == Kind::FaceReenactment {
        entry.widths = choice.config().table();
    }
    super::folder::write_weights(&options.out, "assay train detector", entry, &tensors)
}

/// A sheet of drawn crops, for people.
fn write_preview(out: &Path, side: usize, draw: impl FnMut() -> preview::Crop) -> anyhow::Result<()> {
    save_preview(out, &preview::sheet(side, draw))
}

fn save_preview(out: &Path, sheet: &image::RgbImage) -> anyhow::Result<()> {
    let path = out.join("preview.jpg");
    sheet.save(&path).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes the weights with what they are.
fn write_weights(out: &Path, kind: Kind, tensors: &StateDict) -> anyhow::Result<PathBuf> {
    super::folder::write_weights(out, "assay train detector", Entry::unstated("", kind), tensors)
}
