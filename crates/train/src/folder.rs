//! The folder of a run: its checkpoint, its log with curves, and the record of what it was made
//! from.
//!
//! The decision that shapes it: every file is written beside its place and renamed, so that a run
//! may be killed at any moment. The standing is renamed last; it is what makes a checkpoint count.
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_checkpoints::{HostTensor, StateDict, read_safetensors, write_safetensors};
use assay_models::registry::{ENTRY_KEY, Entry, id_from};
use assay_models::state::halved;
use burn::optim::ModuleOptimizer;
use image::RgbImage;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{Options, Standing, curves};
use assay_material::saving::write_whole;

/// One line of the log: a checkpoint.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Line {
    pub secs: f64,
    pub steps: u64,
    pub loss: f64,
    #[serde(default)]
    pub learning_rate: f64,
    pub steps_per_sec: f64,
    pub validation: BTreeMap<String, f64>,
}

/// The parameters of a run and where it stood.
pub(super) struct Checkpoint {
    pub standing: Standing,
    pub net: StateDict,
    pub average: StateDict,
}

/// A run's folder.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// A folder that is only read.
    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where the optimiser's moments lie, if they were kept.
    pub(super) fn optimizer(&self) -> Option<PathBuf> {
        Some(self.0.join("optimizer.bpk")).filter(|p| p.exists())
    }

    pub(super) fn read_checkpoint(&self) -> anyhow::Result<Option<Checkpoint>> {
        let path = self.0.join("checkpoint.safetensors");
        if !path.exists() {
            return Ok(None);
        }
        let tensors = read_safetensors(&std::fs::read(&path)?).with_context(|| path.display().to_string())?;
        let standing = std::fs::read(self.0.join("standing.json")).context("the checkpoint lacks standing.json")?;
        let part = |prefix: &str| -> StateDict {
            tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix(prefix)?.to_owned(), t.clone()))).collect()
        };
        let standing = serde_json::from_slice(&standing).context("standing.json")?;
        Ok(Some(Checkpoint { standing, net: part("net."), average: part("average.") }))
    }

    pub(super) fn write_checkpoint(
        &self,
        standing: &Standing,
        net: &StateDict,
        average: &StateDict,
        optimizer: &ModuleOptimizer,
    ) -> anyhow::Result<()> {
        let named = |prefix: &'static str, s: &StateDict| -> Vec<(String, HostTensor)> {
            s.iter().map(|(n, t)| (format!("{prefix}{n}"), t.clone())).collect()
        };
        let all: StateDict = named("net.", net).into_iter().chain(named("average.", average)).collect();
        let (part, whole) = (self.0.join("optimizer.part.bpk"), self.0.join("optimizer.bpk"));
        optimizer.save(&part).with_context(|| format!("cannot write {}", part.display()))?;
        std::fs::rename(&part, &whole).with_context(|| format!("cannot write {}", whole.display()))?;
        write_whole(&self.0.join("checkpoint.safetensors"), &write_safetensors(&all, None)?)?;
        write_whole(&self.0.join("standing.json"), &serde_json::to_vec(standing)?)
    }

    /// Keeps what a generator makes by now, in place of the one before.
    pub(super) fn write_preview(&self, picture: &RgbImage) -> anyhow::Result<()> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).context("cannot encode the preview")?;
        write_whole(&self.0.join("preview.png"), bytes.get_ref())
    }

    /// Appends a line and draws the curves anew.
    pub(super) fn log(&self, line: &Line) -> anyhow::Result<()> {
        let path = self.0.join("log.jsonl");
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&path)?;
        writeln!(file, "{}", serde_json::to_string(line)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let text = std::fs::read_to_string(&path)?;
        // A line that was cut short when a run was killed is left out.
        let lines: Vec<Line> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
        write_whole(&self.0.join("curves.html"), curves::page(&lines).as_bytes())
    }
}

/// Writes `run.json`: what is trained and how, from which data, by which source.
///
/// # Errors
/// When the data cannot be read or the record cannot be written.
pub(super) fn write_record(
    what: &impl serde::Serialize,
    data: &Path,
    files: &[String],
    options: &Options,
) -> anyhow::Result<()> {
    let folder = Folder::open(&options.out)?;
    let record = serde_json::json!({
        "what": what, "options": options, "data": digests(data, files)?,
        "program": { "version": env!("CARGO_PKG_VERSION"), "sha256": own_digest() }, "revision": revision(),
    });
    write_whole(&folder.0.join("run.json"), &serde_json::to_vec_pretty(&record)?)
}

/// The SHA-256 of the program that trains.
fn own_digest() -> Option<String> {
    assay_files::sha256_of_file(&std::env::current_exe().ok()?).ok()
}

/// The git revision of the working directory, with `+` where files differ from it.
fn revision() -> Option<String> {
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git").args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let differs = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|s| !s.is_empty());
    git(&["rev-parse", "HEAD"]).map(|head| head + if differs { "+" } else { "" })
}

/// For every folder that was read: how many files, and the SHA-256 of their names and their own
/// SHA-256, sorted.
fn digests(data: &Path, files: &[String]) -> anyhow::Result<BTreeMap<String, serde_json::Value>> {
    let mut hashes = files
        .par_iter()
        .map(|file| {
            let bytes = std::fs::read(data.join(file)).with_context(|| format!("cannot read {file}"))?;
            Ok((file.as_str(), Sha256::digest(&bytes)))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    hashes.sort_unstable();
    let mut folders: BTreeMap<&str, (u64, Sha256)> = BTreeMap::new();
    for (file, hash) in hashes {
        let of = folders.entry(file.rsplit_once('/').map_or("", |(folder, _)| folder)).or_default();
        of.0 += 1;
        of.1.update(file.as_bytes());
        of.1.update(hash);
    }
    let entry = |(folder, (count, hash)): (&str, (u64, Sha256))| {
        (folder.to_owned(), serde_json::json!({ "files": count, "sha256": format!("{:x}", hash.finalize()) }))
    };
    Ok(folders.into_iter().map(entry).collect())
}

/// Writes `weights.safetensors`, half precision, with what they are; the run's folder gives them
/// their name.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write_weights(out: &Path, command: &str, entry: Entry, tensors: &StateDict) -> anyhow::Result<PathBuf> {
    let path = out.join("weights.safetensors");
    let id = out.file_name().map_or_else(|| entry.kind.to_string(), |n| id_from(&n.to_string_lossy()));
    let source = format!("trained by {command}; run.json beside it says how and on what");
    let stated = (ENTRY_KEY.to_owned(), serde_json::to_string(&Entry { id, source, ..entry })?);
    write_whole(&path, &write_safetensors(&halved(tensors), Some([stated].into()))?)?;
    Ok(path)
}
