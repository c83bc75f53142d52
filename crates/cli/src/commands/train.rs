//! `assay train`: trains a network of this project.
use std::path::PathBuf;

use anyhow::Context as _;
use assay_media::Progress;
use assay_models::device::DeviceChoice;
use assay_models::face_forgery::Input;
use assay_models::face_generator::{Config, LastLayers};
use assay_models::first_order::PUBLISHED;
use assay_train::face_generator;
use assay_train::forgery::masks::Shapes;
use assay_train::forgery::{self, BaseName, Choice, Chosen, Fold, Order, Published, RECIPES, Scale, Tuning};
use assay_train::{Budget, Options, animator, faces};
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

/// Highest learning rate of this project's own networks.
const OUR_RATE: f64 = 2e-3;
/// That of Siarohin et al. (2019), whose batches are five times as large, times two.
const ANIMATOR_RATE: f64 = 4e-4;
/// That of the generator of faces and its adversary.
const GENERATOR_RATE: f64 = 1e-3;
/// That of layer normalisations on a base that does not train.
const TUNING_RATE: f64 = 1e-3;
/// That of Bonettini et al. (2020).
const PUBLISHED_RATE: f64 = 1e-5;

/// How long, how fast, and where.
#[derive(clap::Args)]
pub(crate) struct Run {
    /// Folder of the run: record, checkpoints, log, curves, previews, weights; a run that was ended
    /// goes on from there
    #[arg(long, value_name = "DIR", default_value = "run")]
    out: PathBuf,
    /// Wall time in minutes, those before a resumption counted in
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// Number of steps instead of a time: the same run on every machine
    #[arg(long, value_name = "N", conflicts_with = "minutes")]
    steps: Option<u64>,
    /// Highest learning rate [default: what the network is usually trained with, for a published
    /// one its paper's]
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Seed of all draws
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// Start from the network of another run's folder, or from weights by id or file
    #[arg(long, value_name = "DIR|ID|FILE")]
    from: Option<PathBuf>,
    /// What it is computed on: cpu, or in a program built with that feature cuda or wgpu
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceChoice,
}

impl Run {
    /// As training takes it.
    pub(crate) fn options(self, usual_rate: f64) -> anyhow::Result<Options> {
        // Before any picture is read.
        self.device.device()?;
        let budget = self.steps.map_or(Budget::Minutes(self.minutes), Budget::Steps);
        let learning_rate = self.learning_rate.unwrap_or(usual_rate);
        Ok(Options { budget, out: self.out, seed: self.seed, learning_rate, from: self.from, device: self.device })
    }
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
        #[command(flatten)]
        run: Run,
    },
    /// Train a generator of faces for `assay synthesize`
    Synthesizer {
        /// The last layers, whose fingerprint a detector may find
        #[arg(long, default_value = "k3")]
        variant: VariantName,
        /// Side of the faces in pixels: 64 or 128
        #[arg(long, value_name = "PX", default_value_t = 64)]
        side: usize,
        /// Folder of labelled pictures
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        #[command(flatten)]
        run: Run,
    },
    /// Train an animator (First Order Motion Model): a picture of a face that follows the motion of
    /// a clip
    Animator {
        /// Folder of labelled pictures and clips
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        #[command(flatten)]
        run: Run,
        /// A published configuration at 256 pixels, such as vox-256, instead of the small model at
        /// 128
        #[arg(long, value_name = "NAME")]
        published: Option<String>,
        /// Let a discriminator take part, with feature matching
        #[arg(long)]
        adversarial: bool,
        /// Pairs of pictures in a batch
        #[arg(long, default_value_t = 8)]
        batch: usize,
    },
    /// Train motion co-segmentation on top of an animator: parts of faces that can be swapped
    Partswap {
        /// Folder of labelled pictures and clips
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        #[command(flatten)]
        run: Run,
        /// Weights of the animator that it starts from, by id or file; the shipped ones when not
        /// given
        #[arg(long, value_name = "ID|FILE")]
        animator: Option<String>,
        /// Segments besides the background
        #[arg(long, value_name = "N", default_value_t = 10)]
        segments: usize,
        /// Pairs of pictures in a batch
        #[arg(long, default_value_t = 8)]
        batch: usize,
    },
    /// Train a network that tells forged faces from real ones
    Detector(Box<Detector>),
    /// List the recipes of `assay train detector`
    Recipes,
}

#[derive(clap::Args)]
struct Detector {
    /// How forged faces come about; `assay train recipes` lists them
    #[arg(long, value_name = "ID")]
    recipe: Chosen,
    /// Folder of labelled pictures; for `generic` a manifest or the folder of a data set
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Another manifest or folder of a data set that is learned from as well (repeatable)
    #[arg(long, value_name = "FILE|DIR")]
    more: Vec<PathBuf>,
    /// Folder with taef2_encoder.pth and taef2_decoder.pth (github madebyollin/taesd): the recipe
    /// `pictures` sets recorded pictures beside the same after this autoencoder
    #[arg(long, value_name = "DIR")]
    autoencoder: Option<PathBuf>,
    #[command(flatten)]
    run: Run,
    /// Weights of the animator of the recipe `reenactment`, by id or file; the shipped ones when
    /// not given
    #[arg(long, value_name = "ID|FILE")]
    animator: Option<String>,
    /// Leave a part out, to see what it brings (repeatable)
    #[arg(long, value_name = "PART")]
    without: Vec<Part>,
    /// Hold out the side-by-side clips of one of several parts (PART/OF, the first part is 1), for
    /// cross-validation
    #[arg(long, value_name = "PART/OF", value_parser = fold)]
    hold_out: Option<Fold>,
    /// Learn from patches of what a scan asks about, of faces that are large enough to have grain
    /// at that scale (sbi, pairs and reconstruct)
    #[arg(long, conflicts_with = "network")]
    patches: bool,
    /// Write the mean of the weights of --from (an id or a file), which count so much, and of those
    /// that were learned
    #[arg(long, value_name = "SHARE", value_parser = start_share, requires = "from", conflicts_with = "network")]
    start_share: Option<f32>,
    /// Train a published network in place of our own, by its paper's schedule: EfficientNet-B4
    /// (Bonettini et al., ICPR 2020).
    #[arg(long, value_name = "NETWORK")]
    network: Option<NetworkName>,
    /// Tune this network in place of training one from nothing: clip has 30,000 numbers to learn
    /// and needs a tenth of the time
    #[arg(long, value_name = "NETWORK", conflicts_with_all = ["network", "patches", "start_share"])]
    base: Option<BaseArgument>,
    /// What of a published network is trained; a head needs the triplet run in --from
    #[arg(long, value_name = "PART", default_value = "end-to-end", requires = "network")]
    tuning: TuningName,
    /// Let the masks of forged places teach the attention map (locality-aware, Du et al. 2020)
    #[arg(long, requires = "network")]
    locality: bool,
    /// Crops, or triplets, in a batch of a published network
    #[arg(long, default_value_t = 32, requires = "network")]
    batch: usize,
}

impl Detector {
    fn choice(&self) -> Choice {
        let is_published = self.recipe.about().is_published;
        let published = self.network.or(is_published.then_some(NetworkName::B4)).map(|network| Published {
            attention: network == NetworkName::B4Attention,
            tuning: match self.tuning {
                TuningName::EndToEnd => Tuning::EndToEnd,
                TuningName::Triplets => Tuning::Triplets,
                TuningName::Head => Tuning::Head,
            },
            locality: self.locality,
            batch: self.batch.max(2),
        });
        let has = |part: Part| !self.without.contains(&part);
        Choice {
            recipe: self.recipe,
            has_mask_head: has(Part::MaskHead),
            shapes: if has(Part::Hulls) { Shapes::Hulls } else { Shapes::Ellipse },
            degrades: has(Part::Degradation),
            input: Input { has_high_pass: has(Part::HighPass) },
            held_out: self.hold_out,
            published,
            base: self.base.map(|BaseArgument::Clip| BaseName::Clip),
            scale: if self.patches { Scale::Patches } else { Scale::Whole },
            start_share: self.start_share.unwrap_or(0.0),
        }
    }

    fn train(self, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
        let choice = self.choice();
        let rate = match (choice.base, choice.published) {
            (Some(BaseName::Clip), _) => TUNING_RATE,
            (None, Some(_)) => PUBLISHED_RATE,
            (None, None) => OUR_RATE,
        };
        let options = self.run.options(rate)?;
        let animator = self.animator.as_deref();
        let order = Order {
            choice,
            data: &self.data,
            more: &self.more,
            autoencoder: self.autoencoder.as_deref(),
            animator,
            options: &options,
        };
        forgery::run(&order, progress)
    }
}

/// Last layers of the generator of faces.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VariantName {
    /// Doubled, then convolutions of 3x3
    K3,
    /// A transposed convolution of 4x4, then one of 4x4
    K4,
    /// Doubled, then convolutions of 7x7
    K7,
}

impl From<VariantName> for LastLayers {
    fn from(name: VariantName) -> Self {
        match name {
            VariantName::K3 => Self::K3,
            VariantName::K4 => Self::K4,
            VariantName::K7 => Self::K7,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NetworkName {
    /// EfficientNet-B4
    B4,
    /// The same with an attention map
    B4Attention,
}

#[derive(Clone, Copy, ValueEnum)]
enum BaseArgument {
    /// The first nine blocks of CLIP ViT-B/16; its layer normalisations are tuned
    Clip,
}

#[derive(Clone, Copy, ValueEnum)]
enum TuningName {
    /// Everything, by cross entropy
    EndToEnd,
    /// The backbone, by triplets (siamese)
    Triplets,
    /// A head on the frozen backbone of a triplet run
    Head,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The head that says where
    MaskHead,
    /// Masks from the mesh; ellipses instead
    Hulls,
    /// Compression and the other degradations of crops
    Degradation,
    /// The input's residual channels
    HighPass,
}

fn fold(text: &str) -> Result<Fold, String> {
    let parsed = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    match parsed {
        Some((part, of)) if (1..=of).contains(&part) && of > 1 => Ok(Fold { part: part - 1, of }),
        _ => Err("expected PART/OF, such as 1/3".into()),
    }
}

fn start_share(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|share| (0.0..1.0).contains(share)).ok_or_else(|| "expected a share from 0 to 1".into())
}

pub(crate) fn run(args: Args) -> anyhow::Result<Exit> {
    let bars = Bars::new(1);
    let progress = bars.worker();
    let weights = match args.command {
        Command::Faces { network, data, run } => {
            let network = match network {
                Network::Detector => faces::Network::Detector,
                Network::Mesh => faces::Network::Mesh,
                Network::Embedding => faces::Network::Embedding,
                Network::Shape => faces::Network::Shape,
            };
            faces::run(network, &data, &run.options(OUR_RATE)?, progress.as_ref())?
        }
        Command::Synthesizer { variant, side, data, run } => {
            let config = Config { side, last: variant.into(), ..Config::default() };
            face_generator::run(config, &data, &run.options(GENERATOR_RATE)?, progress.as_ref())?
        }
        Command::Animator { data, run, published, adversarial, batch } => {
            let choice = match &published {
                None => animator::Choice::small(adversarial),
                Some(name) => animator::Choice::published(name, adversarial).with_context(|| {
                    let names: Vec<&str> = PUBLISHED.iter().map(|p| p.name).collect();
                    format!("no published configuration is called {name:?}; there are {}", names.join(", "))
                })?,
            };
            let choice = animator::Choice { batch: batch.max(2), ..choice };
            animator::run(choice, &data, &run.options(ANIMATOR_RATE)?, progress.as_ref())?
        }
        Command::Partswap { data, run, animator: named, segments, batch } => {
            let choice = animator::parts::Choice { segments: segments.clamp(1, 64), batch: batch.max(2) };
            animator::parts::run(choice, named.as_deref(), &data, &run.options(ANIMATOR_RATE)?, progress.as_ref())?
        }
        Command::Detector(detector) => detector.train(progress.as_ref())?,
        Command::Recipes => {
            for about in RECIPES.iter().map(|recipe| recipe.about()) {
                outln!("{:<12} {}", about.id, about.summary);
            }
            return Ok(Exit::Clear);
        }
    };
    bars.clear();
    outln!("written: {}", weights.display());
    Ok(Exit::Clear)
}
