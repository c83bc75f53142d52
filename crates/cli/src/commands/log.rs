//! `assay log DIR`.
use std::path::PathBuf;

use assay_workbench::{STORE_NAME, Store};

use crate::Exit;
use crate::files::JsonTarget;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Output folder of a scan
    folder: PathBuf,
    /// The entries as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        args.folder.join(STORE_NAME).is_file(),
        "no store of a scan in this folder: {}",
        args.folder.display()
    );
    let (entries, broken_at) = Store::open(&args.folder)?.log_entries()?;
    match &args.json {
        Some(target) => target.write(&serde_json::json!({ "entries": entries, "broken_at": broken_at }))?,
        None => {
            for entry in &entries {
                outln!("{:>6}  {}  {}  {}", entry.seq, entry.at, &entry.hash[..16.min(entry.hash.len())], entry.event);
            }
        }
    }
    match broken_at {
        None => {
            eprintln!("{} entries, the chain is whole", entries.len());
            Ok(Exit::Clear)
        }
        Some(seq) => {
            eprintln!("assay: the chain is broken at entry {seq}: {}", args.folder.display());
            Ok(Exit::Failed)
        }
    }
}
