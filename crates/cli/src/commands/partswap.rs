//! `assay partswap`: parts of one face put into another.
use std::path::PathBuf;

use assay_generators::partswap::{PartSwap, Request};
use assay_models::cosegmentation::Swap;

use crate::Exit;
use crate::generated::{Output, seconds, write_picture};
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Picture whose parts are taken
    #[arg(long, value_name = "PICTURE")]
    source: PathBuf,
    /// Picture or clip into which they go
    #[arg(long, value_name = "FILE")]
    target: PathBuf,
    #[command(flatten)]
    output: Output,
    /// Weights by id or file, any published motion co-segmentation checkpoint; without it those
    /// that are part of the program
    #[arg(long, value_name = "ID|FILE")]
    checkpoint: Option<String>,
    /// Parts to be swapped, by number; `--map` shows which is which
    #[arg(long, value_name = "N,N", value_delimiter = ',', required = true)]
    parts: Vec<usize>,
    /// Swap a place whole or not at all, instead of by degrees
    #[arg(long)]
    hard: bool,
    /// Let the source's parts say where, instead of the target's
    #[arg(long)]
    mask_from_source: bool,
    /// Seconds of a clip at most
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<f64>,
    /// Show both pictures with their parts in colours, and the swap, in this picture (.png, marked)
    #[arg(long, value_name = "PNG")]
    map: Option<PathBuf>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<Exit> {
    let swap = Swap { segments: args.parts, hard: args.hard, mask_from_source: args.mask_from_source };
    let request =
        Request { source: args.source, target: args.target, weights: args.checkpoint, swap, most_secs: args.seconds };
    let bars = Bars::new(1);
    let opened = PartSwap::open(request, bars.worker().as_ref());
    let mut swap = opened.map_err(|error| anyhow::anyhow!("{error}"))?;
    if let Some(path) = &args.map {
        write_picture(path, &swap.map().map_err(|error| anyhow::anyhow!("{error}"))?)?;
    }
    let weights = swap.weights().id.clone();
    args.output.write(&mut swap, &bars, &weights)
}
