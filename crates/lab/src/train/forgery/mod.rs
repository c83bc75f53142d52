//! The forgery detectors: recipes by name, each a data set made on the way and a loss.
//!
//! The decision that shapes it: a recipe says how manipulated faces come about; the network, the loop and the files are the same for all. What
//! is written is the averaged, folded network in half precision.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_checkpoints::write_safetensors;
use assay_media::Progress;
use assay_models::Kind;
use assay_models::registry::{ENTRY_KEY, Entry};
use assay_models::state::{collect, halved};

use super::faces::{data, preview};
use super::{Options, train};
use crate::rng::Rng;

pub mod blend;
pub mod faces;
pub mod masks;
pub mod task;

pub use faces::Fold;
pub use task::{Choice, Recipe};

/// Trains a detector on the pictures of `data` and writes `weights.safetensors` into the run's folder.
///
/// # Errors
/// When the data cannot be read, the folder cannot be written, or training fails.
pub fn run(choice: Choice, data: &Path, options: &Options, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
    progress.update("reading pictures", 0, 0);
    let pictures = data::load(data, Some(data::ClipFrames::GRAIN))?;
    std::fs::create_dir_all(&options.out).with_context(|| format!("cannot make {}", options.out.display()))?;
    let task = task::Forgery::new(&pictures, choice);
    let mut rng = Rng::new(options.seed);
    let path = options.out.join("preview.jpg");
    let sheet = preview::sheet(assay_models::face_forgery::SIDE, || task.preview(&mut rng));
    sheet.save(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut files: Vec<String> =
        pictures.iter().map(|p| p.name.split('#').next().unwrap_or(&p.name).to_owned()).collect();
    files.dedup();
    super::folder::write_record(&choice, data, &files, options)?;
    let folded = collect(&train(&task, options, progress)?.folded());
    let path = options.out.join("weights.safetensors");
    let kind = if choice.recipe == Recipe::Synthesis { Kind::FaceSynthesis } else { Kind::FaceForgery };
    let name = options.out.file_name().map_or_else(|| kind.to_string(), |n| n.to_string_lossy().into_owned());
    let entry = Entry {
        source: "trained by assay train detector; run.json beside it says how and on what".into(),
        ..Entry::unstated(&name, kind)
    };
    let stated = (ENTRY_KEY.to_owned(), serde_json::to_string(&entry)?);
    std::fs::write(&path, write_safetensors(&halved(&folded), Some([stated].into()))?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
