//! Training of the generator of faces.
//!
//! The decision that shapes it: faces have codes before the training begins ([`faces::Codes`]), and
//! a generator that is given a face's code must give that face back: a strong, steady teacher,
//! which a GAN on a few thousand pictures and one processor core lacks. The adversary joins when
//! faces are there, judges them and faces from drawn codes alike, and brings what an average
//! cannot: grain and edges (as in VAE-GAN, Larsen et al., ICML 2016, with principal components in
//! the encoder's place). Drawn codes are standard normal.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_media::Progress;
use assay_models::Kind;
use assay_models::face_generator::Config;
use assay_models::registry::Entry;
use assay_models::state::collect;

use super::faces::data;
use super::folder::{write_record, write_weights};
use super::{Options, train};

pub mod faces;
mod task;
pub mod view;

pub use task::{FaceGan, Generation};

/// Trains a generator on the pictures of `data` and writes `weights.safetensors` into the run's
/// folder.
///
/// # Errors
/// When the data cannot be read, the folder cannot be written, or training fails.
pub fn run(config: Config, data: &Path, options: &Options, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
    anyhow::ensure!(config.is_possible(), "there is no generator of faces of {} pixels", config.side);
    progress.update("reading pictures", 0, 0);
    let pictures = data::load(data, None)?;
    std::fs::create_dir_all(&options.out).with_context(|| format!("cannot make {}", options.out.display()))?;
    write_record(&config, data, &data::files_of(&pictures), options)?;
    let task = Generation::new(&pictures, config, options.device, progress)?;
    let net = train(&task, options, progress)?;
    let (mut entry, side) = (Entry::unstated("synthesizer", Kind::FaceGenerator), config.side as u32);
    (entry.input.width, entry.input.height, entry.widths) = (side, side, config.widths());
    write_weights(&options.out, "assay train synthesizer", entry, &collect(&net.generator.folded()))
}
