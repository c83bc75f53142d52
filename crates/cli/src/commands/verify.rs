//! `assay verify`: what files say about where they come from.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_provenance::{ManifestState, ManifestWhere, Trust, Verification, verify};

use crate::Exit;
use crate::files::JsonTarget;
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pictures and clips
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Root certificates that you trust (PEM); without any, a valid signature is of an unknown issuer
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
                    bars.say(&shown(path, &found));
                }
                let is_remarkable = found.generated_mark().is_some()
                    || found.manifest.state == ManifestState::Invalid
                    || !found.contradictions.is_empty();
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
fn shown(path: &Path, found: &Verification) -> String {
    let manifest = &found.manifest;
    let place = match manifest.found_in {
        Some(ManifestWhere::Embedded) => " (in the file)",
        Some(ManifestWhere::Sidecar) => " (in a file beside it)",
        None => "",
    };
    let mut lines = vec![path.display().to_string(), format!("  manifest   {}{place}", words(manifest.state))];
    let mut add = |text: String| lines.push(format!("             {text}"));
    manifest.problems.iter().for_each(|problem| add(problem.clone()));
    manifest
        .issuer
        .iter()
        .for_each(|issuer| add(format!("signed by \u{201c}{issuer}\u{201d}, as its certificate says")));
    manifest.generator.iter().for_each(|generator| add(format!("made by {generator}")));
    manifest
        .source_types
        .iter()
        .for_each(|kind| add(format!("source type {}", kind.rsplit('/').next().unwrap_or(kind))));
    let claim = manifest.record.as_ref().and_then(|r| r["claim"].as_str());
    claim.iter().for_each(|text| add(format!("the signer states, and nobody examined: {text}")));
    let mark = &found.watermark;
    lines.push(if mark.found {
        let id = mark.id.as_deref().unwrap_or("unreadable");
        format!("  watermark  number {id}, statistic {:.1} (found from {:.1})", mark.statistic, mark.threshold)
    } else if mark.frames == 0 {
        "  watermark  not looked for: the picture is too small".into()
    } else {
        format!("  watermark  none (statistic {:.1}, found from {:.1})", mark.statistic, mark.threshold)
    });
    lines.push(format!("  label      {}", found.label.words.as_deref().unwrap_or("none")));
    lines.extend(found.contradictions.iter().map(|sentence| format!("  !          {sentence}")));
    lines.join("\n")
}

fn words(state: ManifestState) -> &'static str {
    match state {
        ManifestState::None => "none; that says nothing about the file",
        ManifestState::Invalid => "INVALID: it does not fit the file, or is broken",
        ManifestState::ValidUnknownIssuer => "valid, by an unknown issuer",
        ManifestState::Trusted => "valid, by an issuer that you trust",
    }
}
