//! `assay train`: trains a network of this project.
use std::path::PathBuf;

use assay_lab::train::{Options, faces};
use clap::{Subcommand, ValueEnum};

use crate::Exit;
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
enum Network {
    /// Boxes and five points
    Detector,
    /// 468 points of one face
    Mesh,
    /// Identity
    Embedding,
    /// The mean face with depth that head pose is measured against (no network; takes seconds)
    Shape,
}

#[derive(Subcommand)]
enum Command {
    /// Train a network that finds, measures or tells apart faces
    Faces {
        /// Which network
        network: Network,
        /// Folder of labelled pictures
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Folder of the run: checkpoints, log, weights; a run that was ended goes on from there
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Wall time in minutes, those before a resumption counted in
        #[arg(long, default_value_t = 30.0)]
        minutes: f64,
        /// Highest learning rate
        #[arg(long, default_value_t = 2e-3)]
        learning_rate: f64,
        /// Seed of all draws
        #[arg(long, default_value_t = 2026)]
        seed: u64,
    },
}

pub(crate) fn run(args: Args) -> anyhow::Result<Exit> {
    let bars = Bars::new(1);
    let progress = bars.worker();
    let Command::Faces { network, data, out, minutes, learning_rate, seed } = args.command;
    let network = match network {
        Network::Detector => faces::Network::Detector,
        Network::Mesh => faces::Network::Mesh,
        Network::Embedding => faces::Network::Embedding,
        Network::Shape => faces::Network::Shape,
    };
    let options = Options { minutes, out, seed, learning_rate };
    let weights = faces::run(network, &data, &options, progress.as_ref())?;
    bars.clear();
    outln!("written: {}", weights.display());
    Ok(Exit::Clear)
}
