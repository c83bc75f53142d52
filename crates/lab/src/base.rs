//! `assay lab base`: the part of CLIP's image tower that the program has, in files that a
//! repository can hold.
use std::path::PathBuf;

use anyhow::Context as _;
use assay_checkpoints::{HostTensor, StateDict, write_safetensors};
use assay_material::saving::write_whole;
use assay_models::clip::Widths;
use assay_models::registry::{self, sha256_of};
use assay_models::{InputContract, Kind};

use crate::experiment::{Maker, Stage};

/// Largest part in bytes.
const PART: usize = 19_900_000;
/// Name of the file whose parts are written.
const FILE: &str = "clip-vit-b16-1.safetensors";

/// From what, and where to.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Weights of the kind clip-vision: an imported id, or the file that `assay models import`
    /// takes
    #[arg(long, value_name = "ID|FILE")]
    weights: String,
    /// Where the parts are written
    #[arg(long, value_name = "DIR", default_value = "crates/models/weights")]
    out: PathBuf,
}

/// The maker.
pub struct The;

impl Maker for The {
    const ID: &'static str = "base";
    const ABOUT: &'static str = "Write the part of CLIP's image tower that the program has";
    type Args = Arguments;

    fn run(args: Arguments, _: &Stage<'_>) -> anyhow::Result<String> {
        let loaded = registry::open(&args.weights)?;
        let kind = loaded.entry.kind;
        anyhow::ensure!(kind == Kind::ClipVision, "{} is a {kind}, not a {}", args.weights, Kind::ClipVision);
        let mut tensors = StateDict::new();
        for name in Widths::USED.shapes().into_keys() {
            let tensor = loaded.tensors.get(&name).with_context(|| format!("{name} is missing"))?;
            tensors.insert(name, halved(tensor));
        }
        let bytes = write_safetensors(&tensors, None)?;
        let mut text = String::new();
        for (i, part) in bytes.chunks(PART).enumerate() {
            let path = args.out.join(format!("{FILE}.{}", i + 1));
            write_whole(&path, part)?;
            text += &format!("written: {}\n", path.display());
        }
        let entry = registry::Entry {
            id: FILE.trim_end_matches(".safetensors").to_owned(),
            file: FILE.into(),
            sha256: sha256_of(&bytes),
            bytes: bytes.len() as u64,
            input: InputContract::published(kind),
            widths: toml::Table::try_from(Widths::USED)?,
            metrics: toml::Table::new(),
            card: Some("docs/models/clip-vit-b16-1.md".into()),
            ..loaded.entry
        };
        Ok(text + "its entry in crates/models/weights.toml:\n\n[[model]]\n" + &toml::to_string(&entry)?)
    }
}

/// In half precision, where that loses nothing.
fn halved(tensor: &HostTensor) -> HostTensor {
    let half = HostTensor::f16_from_f32(&tensor.shape, &tensor.to_f32());
    if half.bytes.len() < tensor.bytes.len() && half.to_f32() == tensor.to_f32() { half } else { tensor.clone() }
}
