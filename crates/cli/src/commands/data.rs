//! `assay data`: the table of a data set.
use std::path::PathBuf;

use anyhow::Context as _;
use assay_bench::datasets::{self, Label, LeakKind, Manifest};
use clap::Subcommand;
use serde_json::json;

use crate::Exit;
use crate::files::JsonTarget;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the manifest of a data set: FaceForensics++, DFDC, Celeb-DF, DeepfakeBench's JSON, folders `real` and `fake`, or a manifest
    ///
    /// Files are divided by who is seen in them, never one by one. The same person or nearly the same picture in two splits is an error.
    Index {
        /// Folder of the data set, or a manifest
        root: PathBuf,
        /// Where the manifest goes (CSV: path,label,part,person,driver,group,mask,source,split,compression,video)
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
}

pub(crate) fn run(args: Args) -> anyhow::Result<Exit> {
    let Command::Index { root, out, split, allow_leaks, json } = args.command;
    let mut indexed = datasets::index(&root)?;
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
    if let Some(target) = &json {
        target.write(&json!({
            "layout": indexed.layout.name(),
            "files": manifest.rows.len(),
            "real": manifest.rows.iter().filter(|r| r.label == Label::Real).count(),
            "notes": notes,
            "leaks": leaks,
            "pictures_compared": found.compared,
        }))?;
    }
    let to_stdout = json.as_ref().is_some_and(|t| matches!(t, JsonTarget::Stdout));
    if !to_stdout {
        outln!("{}: {}", indexed.layout.name(), counted(manifest));
        notes.iter().for_each(|note| outln!("note: {note}"));
    }
    leaks.iter().for_each(|leak| eprintln!("assay: leak: {leak}"));
    anyhow::ensure!(
        leaks.is_empty() || allow_leaks,
        "{}: {} leaks between splits; nothing was written (--allow-leaks writes anyway, --split divides anew)",
        root.display(),
        leaks.len()
    );
    manifest.write(&out).with_context(|| format!("cannot write {}", out.display()))?;
    if !to_stdout {
        outln!("written: {}", out.display());
    }
    Ok(Exit::Clear)
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
