//! `assay swap`: faces of two people taken out, an autoencoder trained on them, and one put in the other's place.
use std::path::PathBuf;

use assay_generators::swap::{Extraction, Order, extract};
use assay_lab::train::swap::{self, Adversarial, Augment, Choice, Weights};
use assay_lab::train::{Budget, Options};
use assay_models::device::DeviceChoice;
use assay_models::face_swap::{Layout, Preset};
use clap::{Subcommand, ValueEnum};

use crate::Exit;
use crate::files::JsonTarget;
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// Highest learning rate of the small network.
const RATE: f64 = 5e-4;
/// That of DeepFaceLab and faceswap.
const PUBLISHED_RATE: f64 = 5e-5;

#[derive(Subcommand)]
enum Command {
    /// Take the faces of a person out of pictures and clips: aligned crops with one table of landmarks, poses, sharpness, identities and sources
    Extract(ExtractArgs),
    /// Train an autoencoder on the crops of two people
    Train(Box<TrainArgs>),
}

#[derive(clap::Args)]
struct ExtractArgs {
    /// Pictures and clips, recorded ones: a file with an AI mark is refused
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Folder of the crops; there must be none yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Whose faces, counted from 1 in the order of how much they are seen
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "all")]
    person: usize,
    /// Everybody's faces
    #[arg(long)]
    all: bool,
    /// Order of the crops' names
    #[arg(long, default_value = "time")]
    sort: Sort,
    /// Leave out faces that look the same as another of the same person
    #[arg(long)]
    drop_duplicates: bool,
    /// Side of the crops in pixels
    #[arg(long, default_value_t = 320, value_parser = clap::value_parser!(u32).range(64..=1024))]
    size: u32,
    /// What was found and left out, as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Sort {
    /// As met
    Time,
    /// The sharpest first
    Blur,
    /// From turned left to turned right
    Pose,
    /// Those most like the person first, wrong faces last
    Similarity,
}

#[derive(clap::Args)]
struct TrainArgs {
    /// Crops of the person whose face is put in
    #[arg(long, value_name = "DIR")]
    a: PathBuf,
    /// Crops of the person in whose place it is put
    #[arg(long, value_name = "DIR")]
    b: PathBuf,
    /// Folder of the run: record, checkpoints, log, curves, preview, weights; a run that was ended goes on from there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Widths of the network
    #[arg(long, default_value = "small")]
    network: Network,
    /// How two people share the network
    #[arg(long, default_value = "df")]
    layout: LayoutName,
    /// Side of the faces in pixels
    #[arg(long, default_value = "64", value_parser = ["64", "96", "128", "256"])]
    size: String,
    /// Self-attention
    #[arg(long)]
    attention: bool,
    /// Let discriminators take part, from a third of the run on
    #[arg(long, default_value = "off", value_name = "KIND")]
    adversarial: Contest,
    /// Faces of each person in a batch
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    batch: u32,
    /// Do not mirror faces: for people who look different from left and right
    #[arg(long)]
    no_mirror: bool,
    /// Weight of the loss by features of the networks that know faces; 0 leaves it out
    #[arg(long, default_value_t = Weights::default().perceptual)]
    perceptual: f64,
    /// Share of every source, from its end, that is kept for validation
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    hold_out: f64,
    /// Wall time in minutes, those before a resumption counted in
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// Number of steps instead of a time: the same run on every machine
    #[arg(long, value_name = "N", conflicts_with = "minutes")]
    steps: Option<u64>,
    /// Highest learning rate [default: 5e-4; for a published network 5e-5]
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Seed of all draws
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// Start from the network of another run's folder
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// What it is computed on: cpu, or in a program built with that feature cuda or wgpu
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceChoice,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Network {
    /// This project's own, for a processor
    Small,
    /// faceswap's `original`, without a mask (size 64)
    Original,
    /// DeepFaceLab's Quick96 (size 96)
    Quick96,
    /// DeepFaceLab's SAEHD at its usual widths
    Saehd,
}

#[derive(Clone, Copy, ValueEnum)]
enum LayoutName {
    /// A decoder for each person
    Df,
    /// One decoder behind two inner layers: more of the light of B, less likeness to A
    Liae,
}

#[derive(Clone, Copy, ValueEnum)]
enum Contest {
    /// None
    Off,
    /// Least squares
    Lsgan,
    /// Least squares on mixtures of recorded and made faces
    MixUp,
}

pub(crate) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Extract(args) => take_out(args),
        Command::Train(args) => learn(*args),
    }
}

fn take_out(args: ExtractArgs) -> anyhow::Result<Exit> {
    let wanted = Extraction {
        inputs: args.inputs,
        out: args.out,
        person: (!args.all).then_some(args.person),
        order: match args.sort {
            Sort::Time => Order::Time,
            Sort::Blur => Order::Blur,
            Sort::Pose => Order::Pose,
            Sort::Similarity => Order::Similarity,
        },
        drops_doubles: args.drop_duplicates,
        side: args.size,
    };
    let bars = Bars::new(wanted.inputs.len());
    let found = extract(&wanted, bars.worker().as_ref());
    bars.clear();
    let found = found?;
    if let Some(target) = &args.json {
        target.write(&found)?;
        return Ok(Exit::Clear);
    }
    outln!("{} faces of {} persons in {} frames: {}", found.faces, found.persons, found.frames, wanted.out.display());
    for (reason, count) in &found.left_out {
        outln!("left out: {count} {reason}");
    }
    outln!("these are parts of recordings, so they carry no AI mark; faces.json names the files that they are from");
    Ok(Exit::Clear)
}

fn learn(args: TrainArgs) -> anyhow::Result<Exit> {
    // Before any picture is read.
    args.device.device()?;
    anyhow::ensure!((0.0..=0.9).contains(&args.hold_out), "--hold-out is a share from 0 to 0.9");
    anyhow::ensure!(args.perceptual >= 0.0 && args.perceptual.is_finite(), "--perceptual is a weight, 0 or more");
    let usual = if args.network == Network::Small { RATE } else { PUBLISHED_RATE };
    let choice = Choice {
        preset: match args.network {
            Network::Small => Preset::Small,
            Network::Original => Preset::Original,
            Network::Quick96 => Preset::Quick96,
            Network::Saehd => Preset::Saehd,
        },
        layout: match args.layout {
            LayoutName::Df => Layout::Df,
            LayoutName::Liae => Layout::Liae,
        },
        side: args.size.parse()?,
        attention: args.attention,
        adversarial: match args.adversarial {
            Contest::Off => Adversarial::Off,
            Contest::Lsgan => Adversarial::Lsgan,
            Contest::MixUp => Adversarial::MixUp,
        },
        weights: Weights { perceptual: args.perceptual, ..Weights::default() },
        augment: Augment { warps: true, mirrors: !args.no_mirror, colours: true },
        batch: args.batch as usize,
        held_out: args.hold_out,
    };
    let options = Options {
        budget: args.steps.map_or(Budget::Minutes(args.minutes), Budget::Steps),
        out: args.out,
        seed: args.seed,
        learning_rate: args.learning_rate.unwrap_or(usual),
        from: args.from,
        device: args.device,
    };
    let bars = Bars::new(1);
    let written = swap::run(&choice, [&args.a, &args.b], &options, bars.worker().as_ref());
    bars.clear();
    outln!("written: {}", written?.display());
    Ok(Exit::Clear)
}
