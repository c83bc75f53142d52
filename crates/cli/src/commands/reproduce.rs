//! `assay reproduce FILE.json`.
use std::path::PathBuf;

use assay_workbench::setup_of;

use crate::Exit;
use crate::commands::{read_reports, tool};
use crate::files::JsonTarget;
use crate::progress::Bars;

/// Differences that are printed.
const MOST_SHOWN: usize = 40;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A report in JSON
    file: PathBuf,
    /// The examined file, when it is no longer where the report says
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The differences as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let reports = read_reports(&args.file)?;
    anyhow::ensure!(
        args.input.is_none() || reports.len() == 1,
        "--input goes with a single report: {}",
        args.file.display()
    );
    let mut exit = Exit::Clear;
    let mut rows = Vec::new();
    for report in &reports {
        let path = args.input.clone().unwrap_or_else(|| PathBuf::from(&report.run.path));
        let bars = Bars::new(1);
        // Settings that do not fit this version are told of below, file by file.
        let tool = tool()?;
        let networks = setup_of(report, tool.clone()).map_or(Ok(None), |setup| setup.open_networks(true))?;
        let outcome = assay_workbench::reproduce(report, &path, networks, tool, bars.worker().as_ref());
        bars.clear();
        let (again, mut differences) = match outcome {
            Ok(done) => done,
            Err(error) => {
                eprintln!("assay: {error}: {}", path.display());
                rows.push(serde_json::json!({ "path": path.to_string_lossy(), "error": error.to_string() }));
                exit = Exit::Failed;
                continue;
            }
        };
        if args.input.is_some() {
            // The caller said that the file has another name now.
            differences.retain(|d| d.pointer != "/input/file_name");
        }
        if args.json.is_none() {
            if differences.is_empty() {
                outln!("identical, byte for byte (result SHA-256 {}): {}", again.result_sha256, path.display());
            } else {
                outln!("{} values differ: {}", differences.len(), path.display());
                for d in differences.iter().take(MOST_SHOWN) {
                    outln!("  {}: was {}, is {}", d.pointer, d.was, d.is);
                }
                if let Some(more) = differences.len().checked_sub(MOST_SHOWN).filter(|n| *n > 0) {
                    outln!("  and {more} more; --json lists all");
                }
            }
        }
        exit = exit.max(if differences.is_empty() { Exit::Clear } else { Exit::Found });
        let list: Vec<_> =
            differences.iter().map(|d| serde_json::json!({ "pointer": d.pointer, "was": d.was, "is": d.is })).collect();
        rows.push(serde_json::json!({ "path": path.to_string_lossy(), "identical": differences.is_empty(), "differences": list }));
    }
    if let Some(target) = &args.json {
        target.write(&rows)?;
    }
    Ok(exit)
}
