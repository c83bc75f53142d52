//! `assay data`: the table of a data set.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use assay_bench::collections::{Collection, Media, Split};
use assay_bench::datasets::{self, Label, LeakKind, Manifest};
use clap::Subcommand;
use serde_json::json;

use crate::Exit;
use crate::files::JsonTarget;
use crate::progress::Bars;

use super::perturb;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the manifest of a data set: FaceForensics++, DFDC, Celeb-DF, DeepfakeBench's JSON,
    /// folders `real` and `fake`, or a manifest
    ///
    /// Files are divided by who is seen in them, never one by one. The same person or nearly the
    /// same picture in two splits is an error.
    Index {
        /// Folder of the data set, or a manifest
        root: PathBuf,
        /// Where the manifest goes (CSV:
        /// path,label,part,person,driver,group,mask,source,split,compression,video)
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Divide anew into train, validation and test, whatever the data set says
        #[arg(long)]
        split: bool,
        /// Only report leaks
        #[arg(long)]
        allow_leaks: bool,
        /// Counts, notes and leaks as JSON; `-` is standard output
        #[arg(long, value_name = "FILE")]
        json: Option<JsonTarget>,
    },
    /// Say what a folder of data holds by its descriptor, how it is divided, and whether somebody
    /// is on two sides
    Check {
        /// Folder of data
        data: PathBuf,
        /// Where the manifest of all its labelled files goes, for `assay evaluate` and
        /// `assay train detector --recipe generic`
        #[arg(long, value_name = "FILE")]
        manifest: Option<PathBuf>,
        /// The same as JSON; `-` is standard output
        #[arg(long, value_name = "FILE")]
        json: Option<JsonTarget>,
    },
    /// Find and measure the faces of a folder of data by the shipped networks and write `labels`,
    /// which training reads
    Label {
        /// Folder of data
        data: PathBuf,
    },
    /// Save pictures and clips as they arrive somewhere (made smaller, compressed, sent by
    /// messenger), to measure what that does; marked files are refused
    Perturb(perturb::Args),
}

pub(crate) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Index { root, out, split, allow_leaks, json } => index(&root, &out, split, allow_leaks, json.as_ref()),
        Command::Check { data, manifest, json } => check(&data, manifest.as_deref(), json.as_ref()),
        Command::Label { data } => label(&data),
        Command::Perturb(args) => perturb::run(&args),
    }
}

fn index(root: &Path, out: &Path, split: bool, allow_leaks: bool, json: Option<&JsonTarget>) -> anyhow::Result<Exit> {
    let mut indexed = datasets::index(root)?;
    let mut notes = indexed.notes;
    if split || indexed.manifest.rows.iter().all(|r| r.split.is_none()) {
        let assigned = datasets::assign(&mut indexed.manifest);
        let share = assigned.largest as f64 / indexed.manifest.rows.len().max(1) as f64;
        if share > 0.5 {
            notes.push(format!(
                "{:.0} % of the files belong to people who are connected with one another and stand on one side",
                100.0 * share
            ));
        }
    }
    let found = datasets::leaks(&indexed.manifest);
    let leaks: Vec<String> = found.leaks.iter().map(described).collect();
    let manifest = &indexed.manifest;
    if let Some(target) = json {
        target.write(&json!({
            "layout": indexed.layout.name(),
            "files": manifest.rows.len(),
            "real": manifest.rows.iter().filter(|r| r.label == Label::Real).count(),
            "notes": notes,
            "leaks": leaks,
            "pictures_compared": found.compared,
        }))?;
    }
    let to_stdout = json.is_some_and(|t| matches!(t, JsonTarget::Stdout));
    if !to_stdout {
        outln!("{}: {}", indexed.layout.name(), counted(manifest));
        notes.iter().for_each(|note| outln!("note: {note}"));
    }
    leaks.iter().for_each(|leak| eprintln!("assay: leak: {leak}"));
    ensure!(
        leaks.is_empty() || allow_leaks,
        "{}: {} leaks between splits; nothing was written (--allow-leaks writes anyway, --split divides anew)",
        root.display(),
        leaks.len()
    );
    manifest.write(out).with_context(|| format!("cannot write {}", out.display()))?;
    if !to_stdout {
        outln!("written: {}", out.display());
    }
    Ok(Exit::Clear)
}

/// What a folder holds, folder by folder.
fn check(root: &Path, manifest: Option<&Path>, json: Option<&JsonTarget>) -> anyhow::Result<Exit> {
    let data = Collection::of(root)?;
    let mut rows = Vec::new();
    let mut all = Vec::new();
    let mut text = format!("{}: {}\n", data.descriptor().id, data.descriptor().about);
    for folder in &data.descriptor().folders {
        let name = format!("{} ({})", folder.path, if folder.media == Media::Still { "stills" } else { "clips" });
        if !root.join(&folder.path).is_dir() {
            text += &format!("  {name}: not there\n");
            rows.push(json!({ "folder": folder.path, "name": folder.name(), "there": false }));
            continue;
        }
        let files = data.files_in(folder)?;
        let owners: BTreeSet<String> = files.iter().map(|file| data.owner(file)).collect();
        let sides = [Split::Train, Split::Validation, Split::Test]
            .map(|side| files.iter().filter(|file| data.side(file) == side).count());
        let uses: Vec<&str> = folder.uses.iter().map(|it| it.name()).collect();
        text += &format!(
            "  {name}: {} files of {} owners; train {}, validation {}, test {}; for {}\n",
            files.len(),
            owners.len(),
            sides[0],
            sides[1],
            sides[2],
            if uses.is_empty() { "nothing".to_owned() } else { uses.join(", ") }
        );
        folder.defects.iter().for_each(|defect| text += &format!("    note: {defect}\n"));
        folder.withheld.iter().for_each(|w| text += &format!("    note: {} is withheld: {}\n", w.file, w.reason));
        rows.push(json!({
            "folder": folder.path, "name": folder.name(), "there": true, "files": files.len(),
            "owners": owners.len(), "train": sides[0], "validation": sides[1], "test": sides[2], "uses": uses,
        }));
        all.extend(files);
    }
    let leaks = data.leaks(&all.iter().map(String::as_str).collect::<Vec<_>>());
    leaks.iter().for_each(|leak| eprintln!("assay: leak: {leak}"));
    match json {
        Some(target) => target.write(&json!({ "id": data.descriptor().id, "folders": rows, "leaks": leaks }))?,
        None => out!("{text}"),
    }
    ensure!(!all.is_empty(), "{} holds nothing that its descriptor names", root.display());
    if let Some(out) = manifest {
        let table = data.manifest()?;
        table.write(out)?;
        eprintln!("assay: {}: {}", out.display(), counted(&table));
    }
    Ok(if leaks.is_empty() { Exit::Clear } else { Exit::Found })
}

fn label(data: &Path) -> anyhow::Result<Exit> {
    let bars = Bars::new(1);
    let networks = assay_faces::Networks::shipped()?;
    let found = assay_train::faces::label::label(data, &networks, bars.worker().as_ref())?;
    bars.clear();
    outln!(
        "{} faces in {} pictures, {} faces in frames of {} clips; {} files without a face",
        found.faces,
        found.pictures,
        found.frame_faces,
        found.clips,
        found.without
    );
    found.unreadable.iter().for_each(|line| eprintln!("assay: {line}"));
    Ok(if found.unreadable.is_empty() { Exit::Clear } else { Exit::Failed })
}

fn counted(manifest: &Manifest) -> String {
    let real = manifest.rows.iter().filter(|r| r.label == Label::Real).count();
    let of = |name: &str| manifest.rows.iter().filter(|r| r.split.is_some_and(|s| s.name() == name)).count();
    format!(
        "{} rows, {real} real, {} fake; train {}, validation {}, test {}",
        manifest.rows.len(),
        manifest.rows.len() - real,
        of("train"),
        of("validation"),
        of("test")
    )
}

fn described(leak: &datasets::Leak) -> String {
    let kind = match leak.kind {
        LeakKind::Person => "one person",
        LeakKind::Group => "one group",
        LeakKind::Video => "one video",
        LeakKind::Picture => "nearly the same picture",
    };
    let splits: Vec<&str> = leak.splits.iter().map(|s| s.name()).collect();
    let examples: Vec<String> = leak.examples.iter().map(|p| p.display().to_string()).collect();
    format!("{kind} in {}: {} ({} files, such as {})", splits.join(" and "), leak.name, leak.files, examples.join(", "))
}
