//! Training an animator (First Order Motion Model, Siarohin et al. 2019): `assay train animator`.
//!
//! The decision that shapes it: the losses are the published ones (equivariance of points and
//! matrices, least-squares adversarial, feature matching, perceptual pyramid), with this project's
//! own networks where the published perceptual loss asks VGG-19 (which is asked where the user has
//! imported it), and the model is the published one with widths and a size that a processor can
//! train. Generator and discriminator are one module and one optimiser: each sees the other without
//! its gradients.
mod anchors;
pub mod heads;
mod pairs;
pub mod parts;
mod sheet;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_media::Progress;
use assay_models::device::DeviceChoice;
use assay_models::first_order::{
    self, DiscriminatorConfig, FirstOrderConfig, GeneratorConfig, HourglassConfig, KeyPointConfig, KeyPointDetector,
    MultiScaleDiscriminator, PUBLISHED, SpectralNorm,
};
use assay_models::layers::AlignCorners;
use assay_models::registry::Entry;
use assay_models::training::Rounding;
use assay_models::{InputContract, Kind, state};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use image::RgbImage;

pub use self::pairs::Batch;
use self::pairs::{Likeness, Pairs};
use super::folder::{write_record, write_weights};
use super::{Options, Task, train};
use assay_material::rng::Rng;

/// Side of the small model's pictures in pixels.
const SIDE: usize = 128;
/// Pairs in a batch.
const BATCH: usize = 8;
/// Share of a run in which key points alone are learned, so that what is painted by them is painted
/// by good ones.
const POINTS_FIRST: f64 = 0.12;
/// Weight of feature matching, the published one.
const MATCHING: f64 = 10.0;

/// What is trained.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Choice {
    /// Widths.
    pub config: FirstOrderConfig,
    /// Side of the pictures in pixels.
    pub side: usize,
    /// Whether key points learn from where they belong on a face, and not from what is painted by
    /// them as in the published training: the way from there leads through inverse matrices and led
    /// them off the face again.
    pub anchored: bool,
    /// Whether a discriminator takes part (`vox-adv` and its kin; `vox-256` was trained without).
    pub adversarial: bool,
    /// Pairs in a batch.
    pub batch: usize,
}

impl Choice {
    /// The model that is shipped: the published structure at half the size, with widths that a
    /// processor trains in an hour or two.
    pub fn small(adversarial: bool) -> Self {
        let hourglass = |max_features: usize| HourglassConfig { block_expansion: 16, max_features, num_blocks: 4 };
        let FirstOrderConfig { key_points, generator, .. } = PUBLISHED[1].config();
        let config = FirstOrderConfig {
            key_points: KeyPointConfig { hourglass: hourglass(64), ..key_points },
            generator: GeneratorConfig {
                block_expansion: 16,
                max_features: 64,
                num_bottleneck_blocks: 4,
                motion_hourglass: hourglass(96),
                keeps_source: true,
                ..generator
            },
            discriminator: discriminator(32, 128, generator.num_channels, generator.num_kp),
        };
        Self { config, side: SIDE, anchored: true, adversarial, batch: BATCH }
    }

    /// A published configuration at 256 pixels, for machines that can train it.
    pub fn published(name: &str, adversarial: bool) -> Option<Self> {
        let config = PUBLISHED.iter().find(|p| p.name == name)?.config();
        Some(Self { config, side: 256, anchored: false, adversarial, batch: BATCH })
    }
}

fn discriminator(
    block_expansion: usize,
    max_features: usize,
    num_channels: usize,
    heatmaps: usize,
) -> DiscriminatorConfig {
    DiscriminatorConfig {
        num_channels,
        block_expansion,
        max_features,
        num_blocks: 3,
        scales: vec!["1".into()],
        heatmaps,
        spectral_norm: SpectralNorm::Off,
        kp_variance: 0.01,
    }
}

/// The three networks under the names of a published checkpoint.
#[derive(Module, Debug)]
pub struct Networks {
    kp_detector: KeyPointDetector,
    generator: first_order::Generator,
    discriminator: Option<MultiScaleDiscriminator>,
}

/// The task.
pub struct Animation {
    choice: Choice,
    pairs: Pairs,
    likeness: Likeness,
}

impl Animation {
    /// Reads the data; only the training split is drawn from.
    ///
    /// # Errors
    /// When it cannot be read, or holds no clip of either split.
    pub fn new(choice: Choice, data: &Path, device: DeviceChoice, progress: &dyn Progress) -> anyhow::Result<Self> {
        let pairs = Pairs::open(choice.side, data, progress)?;
        Ok(Self { likeness: Likeness::open(device)?, choice, pairs })
    }

    fn networks(&self, device: &Device) -> Networks {
        let config = &self.choice.config;
        Rounding::Loose.during(|| Networks {
            kp_detector: config.key_points.init(device),
            generator: config.generator.init(device).with_align_corners(AlignCorners::Centres),
            discriminator: self.choice.adversarial.then(|| config.discriminator.init(device)),
        })
    }
}

impl Task for Animation {
    type Net = Networks;
    type Batch = Batch;

    fn init(&self, device: &Device) -> Networks {
        self.networks(device)
    }

    fn pictures(&self) -> usize {
        self.choice.batch
    }

    fn momentum(&self) -> f32 {
        0.5
    }

    fn weight_decay(&self) -> f32 {
        0.0
    }

    fn batch(&self, rng: &mut Rng, share: f64) -> Batch {
        if !self.choice.anchored || share >= POINTS_FIRST {
            return self.pairs.batch(rng, self.choice.batch);
        }
        // Finding points costs little beside painting.
        self.pairs.batch(rng, 3 * self.choice.batch).without_painting()
    }

    fn loss(&self, net: &Networks, batch: Batch, device: &Device) -> Tensor<1> {
        let (source, driving) = batch.tensors(self.choice.side, device);
        let source_points = net.kp_detector.forward(source.clone());
        let driving_points = net.kp_detector.forward(driving.clone());
        let mut loss = batch.equivariance(&driving, &driving_points, |bent| net.kp_detector.forward(bent));
        let (source_points, driving_points) = if self.choice.anchored {
            if let Some(miss) = batch.miss(&source_points, &driving_points) {
                loss = loss + miss;
            }
            (source_points.detach(), driving_points.detach())
        } else {
            (source_points, driving_points)
        };
        if batch.points_only {
            return loss;
        }
        let made = net.generator.forward(source, &source_points, &driving_points).prediction;
        loss = loss + self.likeness.unlikeness(&driving, &made);
        if let Some(discriminator) = &net.discriminator {
            let points = driving_points.detach();
            let judge = |net: &MultiScaleDiscriminator, x: &Tensor<4>| net.forward(x, Some(&points));
            let fixed = discriminator.clone().no_grad();
            let (real, fake) = (judge(&fixed, &driving), judge(&fixed, &made));
            let weights = vec![MATCHING; self.choice.config.discriminator.num_blocks];
            let terms = [
                first_order::adversarial(&fake),
                first_order::feature_matching(&real, &fake, &weights),
                first_order::discriminator_loss(&judge(discriminator, &driving), &judge(discriminator, &made.detach())),
            ];
            loss = terms.into_iter().flatten().fold(loss, |sum, term| sum + term);
        }
        loss
    }

    fn validate(&self, net: &Networks) -> Vec<(&'static str, f64)> {
        let device = Device::default();
        let (source, driving) = self.pairs.validation.tensors(self.choice.side, &device);
        let points = (net.kp_detector.forward(source.clone()), net.kp_detector.forward(driving.clone()));
        let made = net.generator.forward(source.clone(), &points.0, &points.1).prediction;
        self.likeness.figures(&source, &driving, &made)
    }

    fn preview(&self, net: &Networks) -> anyhow::Result<Option<RgbImage>> {
        let (source, driving) = self.pairs.validation.tensors(self.choice.side, &Device::default());
        let points = (net.kp_detector.forward(source.clone()), net.kp_detector.forward(driving.clone()));
        let made = net.generator.forward(source.clone(), &points.0, &points.1);
        sheet::marked(&[source, driving, made.prediction], &[&points.0, &points.1], 8).map(Some)
    }
}

/// Trains and writes the weights.
///
/// # Errors
/// When the data cannot be read, the folder cannot be written or holds another run, and when the
/// loss is not a number.
pub fn run(choice: Choice, data: &Path, options: &Options, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
    let task = Animation::new(choice, data, options.device, progress)?;
    let what = serde_json::json!({ "choice": &task.choice, "features": &task.likeness.name });
    write_record(&what, data, &task.pairs.files(), options)?;
    let net = train(&task, options, progress)?;
    let mut tensors = state::collect(&net);
    // What is shipped animates; the discriminator stays in the checkpoint of the run.
    tensors.retain(|name, _| !name.starts_with("discriminator."));
    let side = u32::try_from(task.choice.side).context("the side is no size")?;
    let input = InputContract { width: side, height: side, ..InputContract::published(Kind::FirstOrderMotion) };
    write_weights(
        &options.out,
        "assay train animator",
        Entry { input, ..Entry::unstated("animator", Kind::FirstOrderMotion) },
        &tensors,
    )
}
