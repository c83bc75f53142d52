//! Training of a face swap on two folders of crops (`assay swap train`).
//!
//! The decision that shapes it: it is one more task of the one loop, so previews, curves,
//! resumption and records are those of every run. What is written is the averaged autoencoder
//! alone, with its widths and crop; discriminators stay in the checkpoint.
mod data;
mod example;
pub mod speed;
mod task;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_faces::Networks;
use assay_media::Progress;
use assay_models::face_swap::{Config, Layout, Preset};
use assay_models::perceptual::Features;
use assay_models::registry::Entry;
use assay_models::state::collect;
use assay_models::{InputContract, Kind};
use assay_provenance::{Making, Record};

use super::{Options, train};
pub use example::Augment;
pub use task::{Nets, Swapping, Weights};

/// Highest learning rate of the small network, unless another is asked for.
pub const RATE: f64 = 8e-4;

/// Whether discriminators take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adversarial {
    /// They do not.
    #[default]
    Off,
    /// By least squares (Mao et al. 2017).
    Lsgan,
    /// By least squares on mixtures of recorded and made faces (mix-up, faceswap-GAN v2.2).
    MixUp,
}

/// What is trained, and how.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Choice {
    /// Widths by name.
    pub preset: Preset,
    /// How two people share the network.
    pub layout: Layout,
    /// Side of the face in pixels.
    pub side: usize,
    /// Self-attention.
    pub attention: bool,
    /// Discriminators.
    pub adversarial: Adversarial,
    /// Weights of the losses.
    pub weights: Weights,
    /// What is done to faces.
    pub augment: Augment,
    /// Faces of each person in a batch.
    pub batch: usize,
    /// Share of each source, from its end, that is never learned from.
    pub held_out: f64,
}

impl Choice {
    /// This project's own network at this side.
    pub fn small(side: usize) -> Self {
        Self {
            preset: Preset::Small,
            layout: Layout::Df,
            side,
            attention: false,
            adversarial: Adversarial::Off,
            weights: Weights::default(),
            augment: Augment { warps: true, mirrors: true, colours: true },
            batch: 8,
            held_out: 0.1,
        }
    }

    /// Multiplications of one face.
    pub fn work(&self) -> f64 {
        self.config().multiplications() as f64
    }

    fn config(&self) -> Config {
        self.preset.config(self.layout, self.side, self.attention)
    }
}

fn preview_record() -> Record {
    Record {
        making: Making::Altered,
        generator: "swap".into(),
        weights: Vec::new(),
        settings: serde_json::Value::Null,
        seed: None,
        sources: Vec::new(),
    }
}

/// Trains on the crops of two people and writes `weights.safetensors` into the run's folder.
///
/// # Errors
/// When a folder holds no usable crops, the run's folder cannot be written, or training fails.
pub fn run(
    choice: &Choice,
    folders: [&Path; 2],
    options: &Options,
    progress: &dyn Progress,
) -> anyhow::Result<PathBuf> {
    let config = choice.config();
    config.check().map_err(|what| anyhow::anyhow!("such a network cannot be built: {what}"))?;
    progress.update("reading faces", 0, 0);
    let task = task(choice, config.clone(), folders, options)?;
    let files: Vec<String> = task
        .faces
        .iter()
        .flat_map(|side| side.train.iter().map(|f| side.folder.join(&f.file).display().to_string()))
        .collect();
    super::folder::write_record(choice, Path::new(""), &files, options)?;
    let trained = train(&task, options, progress)?;
    let counts = task.faces.each_ref().map(|f| f.train.len());
    let mut entry = Entry::unstated("", Kind::FaceSwap);
    let published = InputContract::published(Kind::FaceSwap);
    entry.input = InputContract { width: choice.side as u32, height: choice.side as u32, ..published };
    entry.widths = toml::Table::try_from(&config).context("the widths cannot be written")?;
    entry.training_data = format!("{} faces of one person (A) and {} of another (B)", counts[0], counts[1]);
    super::folder::write_weights(&options.out, "assay swap train", entry, &collect(&trained.swap))
}

fn task(choice: &Choice, config: Config, folders: [&Path; 2], options: &Options) -> anyhow::Result<Swapping> {
    let [a, b] = folders.map(|folder| data::load(folder, choice.side, choice.held_out));
    let device = options.device.device()?.autodiff();
    let features = (choice.weights.perceptual > 0.0).then(|| Features::shipped(&device)).transpose()?;
    Ok(Swapping {
        config,
        weights: choice.weights,
        augment: choice.augment,
        adversarial: choice.adversarial,
        batch: choice.batch.max(1),
        faces: [a?, b?],
        features,
        networks: Networks::shipped()?,
    })
}
