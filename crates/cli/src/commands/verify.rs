//! `assay verify`: what files say about where they come from.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_evidence::{ManifestState, Marks};
use assay_provenance::{Trust, verify};

use crate::Exit;
use crate::files::JsonTarget;
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pictures and clips
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Root certificates that you trust (PEM); without any, a valid signature is of an unknown
    /// issuer
    #[arg(long, value_name = "FILE")]
    anchors: Option<PathBuf>,
    /// Everything as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read the certificates in {}", path.display()))
    };
    let trust = Trust { anchors: args.anchors.as_ref().map(read).transpose()? };
    let mut exit = Exit::Clear;
    let mut rows = Vec::new();
    let bars = Bars::new(1);
    let progress = bars.worker();
    for (at, path) in args.files.iter().enumerate() {
        progress.update(&path.display().to_string(), at as u64, args.files.len() as u64);
        match verify(path, &trust) {
            Ok(found) => {
                if args.json.is_none() {
                    bars.say(&shown(path, &found.marks));
                }
                let is_remarkable = found.marks.generated.is_some()
                    || found.marks.manifest.state == ManifestState::Invalid
                    || !found.marks.contradictions.is_empty();
                exit = exit.max(if is_remarkable { Exit::Found } else { Exit::Clear });
                rows.push(serde_json::to_value(&found)?);
            }
            Err(error) => {
                bars.complain(&format!("assay: {error}"));
                rows.push(serde_json::json!({ "path": path.to_string_lossy(), "error": error.to_string() }));
                exit = Exit::Failed;
            }
        }
    }
    bars.clear();
    if let Some(target) = &args.json {
        target.write(&rows)?;
    }
    Ok(exit)
}

/// What was found, for people.
fn shown(path: &Path, marks: &Marks) -> String {
    let lines = assay_report::marks(marks).into_iter().map(|line| format!("  {line}"));
    std::iter::once(assay_report::plain(&path.to_string_lossy())).chain(lines).collect::<Vec<_>>().join("\n")
}
