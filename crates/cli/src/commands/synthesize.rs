//! `assay synthesize`: pictures of synthetic faces.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_generators::synthesize::{Request, Synthesize};
use assay_generators::{Outcome, write};
use assay_models::face_generator::LastLayers;
use serde_json::json;

use crate::Exit;
use crate::commands::mark::Signing;
use crate::commands::train::VariantName;
use crate::files::JsonTarget;
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the picture goes: .png, .jpg or .jpeg; with --count a folder, or the name that numbers
    /// are put behind
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Seed of the draws: the same seed and weights make the same faces
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Pictures
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    count: u64,
    /// Faces in a picture, columns by rows
    #[arg(long, value_name = "CxR", default_value = "1x1", value_parser = grid)]
    grid: (u32, u32),
    /// Side of a face in pixels; the network's own side (64 for the shipped one) is scaled to it.
    /// Without it a face is as large as the network makes it, or as the marks need: 256 pixels for
    /// the whole picture
    #[arg(long, value_name = "PX")]
    size: Option<u32>,
    /// Factor on what is drawn: below 1 faces are more usual and more alike, above 1 less
    #[arg(long, value_name = "X", default_value_t = 0.8)]
    truncation: f32,
    /// Last layers of the shipped network
    #[arg(long)]
    variant: Option<VariantName>,
    /// Other weights, by id or file, as `assay train synthesizer` writes them
    #[arg(long, value_name = "ID|FILE")]
    weights: Option<String>,
    #[command(flatten)]
    signing: Signing,
    /// What was written and read back, as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
}

fn grid(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once('x').and_then(|(c, r)| Some((c.parse().ok()?, r.parse().ok()?)));
    parsed.filter(|(c, r)| (1..=64).contains(c) && (1..=64).contains(r)).ok_or("expected CxR, such as 4x3".into())
}

/// The name of one of several pictures.
fn numbered(out: &Path, number: u64) -> PathBuf {
    let name = |stem: &str, extension: &str| format!("{stem}-{number:05}.{extension}");
    match (out.is_dir(), out.extension(), out.file_stem()) {
        (false, Some(extension), Some(stem)) => {
            out.with_file_name(name(&stem.to_string_lossy(), &extension.to_string_lossy()))
        }
        _ => out.join(name("face", "png")),
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<Exit> {
    let request = Request {
        weights: args.weights,
        variant: args.variant.map(LastLayers::from),
        seed: args.seed,
        grid: args.grid,
        size: args.size,
        truncation: args.truncation,
    };
    let mut faces = Synthesize::open(request)?;
    if args.count > 1 && args.out.extension().is_none() {
        std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    }
    let bars = Bars::new(1);
    let progress = bars.worker();
    let mut rows = Vec::new();
    for number in 0..args.count {
        let out = if args.count > 1 { numbered(&args.out, number + 1) } else { args.out.clone() };
        let first = number * faces.faces();
        faces.begin_at(first);
        // The message holds its causes already.
        let made = write(&mut faces, &out, args.signing.signer()?, progress.as_ref());
        let Outcome { written, .. } = made.map_err(|error| anyhow::anyhow!("{error}"))?;
        if args.json.is_none() {
            outln!("written: {}", out.display());
        }
        rows.push(json!({
            "out": out, "seed": args.seed, "first_face": first, "faces": faces.faces(),
            "watermark_psnr_db": written.watermark_psnr_db, "read_back": written.verification,
        }));
    }
    bars.clear();
    let (made_px, shown_px) = faces.sides();
    if let Some(target) = &args.json {
        target.write(&rows)?;
    } else {
        let scaled = if made_px == shown_px { String::new() } else { format!(", scaled to {shown_px}") };
        outln!("synthetic faces by {}, made at {made_px} pixels{scaled}; marked as AI-generated", faces.weights().id);
    }
    Ok(Exit::Clear)
}
