//! `assay report FILE.json`.
use std::path::PathBuf;

use crate::Exit;
use crate::commands::read_reports;
use crate::files::write_whole;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A report, or the document of a whole scan, in JSON
    file: PathBuf,
    /// Where to write the page
    /// [default: the same name ending in .html; for a scan document a number is added]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the short summary instead of writing a page
    #[arg(long)]
    text: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let reports = read_reports(&args.file)?;
    let mut exit = Exit::Clear;
    for (index, report) in reports.iter().enumerate() {
        if assay_workbench::result_hash(&report.result) != report.result_sha256 {
            eprintln!(
                "assay: the result was changed after it was written (its SHA-256 does not fit): {}",
                args.file.display()
            );
            exit = Exit::Failed;
        }
        if args.text {
            out!("{}", assay_report::summary(report));
            continue;
        }
        let base = args.out.clone().unwrap_or_else(|| args.file.with_extension("html"));
        let path = if reports.len() == 1 { base } else { base.with_extension(format!("{}.html", index + 1)) };
        write_whole(&path, assay_report::page(report).as_bytes())?;
        outln!("report: {}", path.display());
    }
    Ok(exit)
}
