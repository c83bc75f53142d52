//! The forgery detectors: recipes by name, each a data set made on the way and a loss.
//!
//! The decision that shapes it: a recipe says how manipulated faces come about; the network, the
//! loop and the files are the same for all. What is written is the averaged, folded network in half
//! precision.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_checkpoints::{HostTensor, StateDict};
use assay_media::Progress;
use assay_models::Kind;
use assay_models::clip::Base;
use assay_models::face_forgery::{COLOUR_PLANES, Config};
use assay_models::registry::{self, Entry};
use assay_models::state::{collect, mean};

use super::faces::preview;
use super::{Budget, Options, train};
use assay_material::rng::Rng;

pub mod batch;
pub mod blend;
pub mod examples;
pub mod faces;
pub mod given;
pub mod masks;
mod on_base;
pub mod recipe;
pub mod task;
#[cfg(test)]
mod tests;
mod validation;

pub use bonettini::{Published, Tuning};
pub use faces::Fold;
pub use recipe::{About, Chosen, Material, Order, Recipe};
use task::Forgery;
pub use task::{BaseName, Choice, Scale};

/// Declares the recipes' files and lists them.
macro_rules! recipes {
    ($($module:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// Every recipe, in the order of the list.
        pub static RECIPES: &[&dyn Recipe] = &[$(&$module::The),*];
    };
}

recipes! {
    sbi,
    pairs,
    swaps,
    pictures,
    synthesis,
    reconstruct,
    reenactment,
    temporal,
    masked,
    generic,
    bonettini,
}

/// Trains a detector by a recipe and returns the file that was written, `weights.safetensors` in
/// the run's folder for all but the self-supervised start.
///
/// # Errors
/// When the recipe does not take what is asked of it, the data cannot be read, the folder cannot be
/// written, or training fails.
pub fn run(order: &Order<'_>, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
    let (choice, about) = (&order.choice, order.choice.recipe.about());
    let having = |fits: fn(&About) -> bool| -> String {
        let ids: Vec<&str> = RECIPES.iter().map(|r| r.about()).filter(|a| fits(a)).map(|a| a.id).collect();
        ids.join(", ")
    };
    let whole = choice.scale == Scale::Whole;
    anyhow::ensure!(about.has_patches || whole, "--patches belongs to the recipes {}", having(|a| a.has_patches));
    let named = order.animator.is_some();
    anyhow::ensure!(
        about.takes_animator || !named,
        "--animator belongs to the recipe {}",
        having(|a| a.takes_animator)
    );
    anyhow::ensure!(
        about.takes_tables || order.more.is_empty(),
        "--more belongs to the recipes {}",
        having(|a| a.takes_tables)
    );
    anyhow::ensure!(
        about.takes_autoencoder || order.autoencoder.is_none(),
        "--autoencoder belongs to the recipes {}",
        having(|a| a.takes_autoencoder)
    );
    anyhow::ensure!(!about.needs_base || choice.base.is_some(), "the recipe {} needs --base", about.id);
    let keeps = order.options.from.as_ref().filter(|_| choice.start_share > 0.0);
    anyhow::ensure!(!keeps.is_some_and(|from| from.is_dir()), "a share can be kept of weights by id or file only");
    choice.recipe.run(order, progress)
}

/// A share of a budget, for a network that is trained on the way.
fn part_of(budget: Budget, share: f64) -> Budget {
    match budget {
        Budget::Minutes(minutes) => Budget::Minutes(minutes * share),
        Budget::Steps(steps) => Budget::Steps((steps as f64 * share) as u64),
    }
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
    let about = choice.recipe.about();
    let sheet = if about.shows_generated { reenactment::marked_sheet(sheet)? } else { sheet };
    save_preview(&options.out, &sheet)?;
    let (kind, tensors) = match choice.published {
        None if choice.base.is_some() => {
            let base = Base::shipped()?;
            let net = train(&on_base::OnBase { crops: task, base }, options, progress)?;
            let mut entry = Entry::unstated("", Kind::ClipTuned);
            if let Some(crop) = about.crop {
                crop.clone_into(&mut entry.input.crop);
            }
            return super::folder::write_weights(&options.out, "assay train detector", entry, &collect(&net));
        }
        None => {
            let mut tensors = collect(&train(task, options, progress)?.folded());
            if !choice.input.has_high_pass {
                ignore_residuals(&mut tensors)?;
            }
            if let Some(from) = options.from.as_ref().filter(|_| choice.start_share > 0.0) {
                let none = || format!("{}: no weights whose share could be kept", from.display());
                let start = registry::open(&from.to_string_lossy()).with_context(none)?.tensors;
                tensors = mean([(&start, choice.start_share), (&tensors, 1.0 - choice.start_share)].into_iter());
            }
            (about.kind, tensors)
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
    if choice.published.is_none() && choice.config() != Config::default() {
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
