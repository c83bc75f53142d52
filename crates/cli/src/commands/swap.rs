//! `assay swap`: faces of two people taken out, an autoencoder trained on them, and one put in the
//! other's place.
use std::path::PathBuf;

use assay_generators::swap::{
    Blend, Choice as Whose, Convert, Extraction, MaskKind, Order, Request, Settings, Transfer, extract,
};
use assay_models::face_swap::{Layout, Person, Preset};
use assay_train::swap::{self, Adversarial, Augment, Choice, RATE, Weights};
use clap::{Subcommand, ValueEnum};

use super::train::Run;
use crate::Exit;
use crate::files::JsonTarget;
use crate::generated::{Output, seconds};
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// That of DeepFaceLab and faceswap.
const PUBLISHED_RATE: f64 = 5e-5;

#[derive(Subcommand)]
enum Command {
    /// Take the faces of a person out of pictures and clips: aligned crops with one table of
    /// landmarks, poses, sharpness, identities and sources
    Extract(ExtractArgs),
    /// Train an autoencoder on the crops of two people
    Train(Box<TrainArgs>),
    /// Put one person's face in the other's place in a picture or clip; the result carries label,
    /// watermark and signed manifest
    Convert(Box<ConvertArgs>),
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
    #[command(flatten)]
    run: Run,
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
    /// Let discriminators take part, after three tenths of the run
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
}

#[derive(clap::Args)]
struct ConvertArgs {
    /// The folder of a run of `assay swap train`, a file of weights, or an id of
    /// `assay models list`
    #[arg(long, value_name = "FILE|RUN")]
    weights: String,
    /// Picture or clip
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    #[command(flatten)]
    output: Output,
    /// Whose face is put in
    #[arg(long, default_value = "a")]
    to: To,
    /// Whose face is replaced, counted from 1 in the order of how much they are seen
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "reference")]
    person: usize,
    /// Whose face is replaced: the person in this picture
    #[arg(long, value_name = "PICTURE")]
    reference: Option<PathBuf>,
    /// How the face is brought to the target's colours
    #[arg(long, default_value = "reinhard")]
    colour: ColourName,
    /// What happens at the face's edge
    #[arg(long, default_value = "feather")]
    blend: BlendName,
    /// Where the mask comes from
    #[arg(long, default_value = "mesh")]
    mask: MaskName,
    /// How much the face is sharpened, 0 to 4
    #[arg(long, default_value_t = 0.0, value_name = "X")]
    sharpen: f32,
    /// Softness of the edge as a share of the face's square
    #[arg(long, default_value_t = Settings::default().feather, value_name = "SHARE")]
    feather: f32,
    /// How long the place of the face is averaged over, in seconds (standard deviation); 0 is not
    /// at all
    #[arg(long, default_value_t = 0.04, value_name = "SECONDS")]
    smooth: f64,
    /// Seconds of the clip at most
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<f64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum To {
    /// Person A of the training
    A,
    /// Person B
    B,
}

#[derive(Clone, Copy, ValueEnum)]
enum ColourName {
    /// Not at all
    None,
    /// Mean and spread of each channel in Lab
    Reinhard,
    /// Mean and covariance, by whitening
    Linear,
    /// Mean and covariance, moving colours least (Monge-Kantorovich)
    Mkl,
    /// The whole distribution of each channel
    Histogram,
}

#[derive(Clone, Copy, ValueEnum)]
enum BlendName {
    /// It fades into the frame
    Feather,
    /// It takes the frame's level and keeps its own detail (Poisson)
    Seamless,
}

#[derive(Clone, Copy, ValueEnum)]
enum MaskName {
    /// The hull of the face in the frame
    Mesh,
    /// What the network takes for face
    Network,
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
        Command::Convert(args) => convert(*args),
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
    let options = args.run.options(usual)?;
    let bars = Bars::new(1);
    let written = swap::run(&choice, [&args.a, &args.b], &options, bars.worker().as_ref());
    bars.clear();
    outln!("written: {}", written?.display());
    Ok(Exit::Clear)
}

fn convert(args: ConvertArgs) -> anyhow::Result<Exit> {
    anyhow::ensure!((0.0..=4.0).contains(&args.sharpen), "--sharpen is a number from 0 to 4");
    anyhow::ensure!((0.0..=0.25).contains(&args.feather), "--feather is a share from 0 to 0.25");
    anyhow::ensure!((0.0..=1.0).contains(&args.smooth), "--smooth is a time from 0 to 1 second");
    let request = Request {
        weights: args.weights,
        input: args.input,
        to: match args.to {
            To::A => Person::A,
            To::B => Person::B,
        },
        choice: args.reference.map_or(Whose::Number(args.person), Whose::Like),
        settings: Settings {
            colour: match args.colour {
                ColourName::None => Transfer::None,
                ColourName::Reinhard => Transfer::Reinhard,
                ColourName::Linear => Transfer::Linear,
                ColourName::Mkl => Transfer::Mkl,
                ColourName::Histogram => Transfer::Histogram,
            },
            blend: match args.blend {
                BlendName::Feather => Blend::Feather,
                BlendName::Seamless => Blend::Seamless,
            },
            mask: match args.mask {
                MaskName::Mesh => MaskKind::Mesh,
                MaskName::Network => MaskKind::Network,
            },
            sharpen: args.sharpen,
            feather: args.feather,
        },
        smooth_secs: args.smooth,
        most_secs: args.seconds,
    };
    let bars = Bars::new(1);
    let weights = request.weights.clone();
    let opened = Convert::open(request, bars.worker().as_ref());
    let mut conversion = opened.map_err(|error| anyhow::anyhow!("{error}"))?;
    args.output.write(&mut conversion, &bars, &weights)
}
