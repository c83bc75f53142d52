//! Training an animator (First Order Motion Model, Siarohin et al. 2019): `assay train animator`.
//!
//! The decision that shapes it: the losses are the published ones (equivariance of points and matrices, least-squares adversarial, feature matching, perceptual
//! pyramid), with this project's own networks where the published perceptual loss asks VGG-19, and the model is the published one with widths and a size that a
//! processor can train. Beside pairs of frames it learns from photographs, whose driver is the photograph itself under a known bend: there are few clips
//! here and many faces. Generator and discriminator are one module and one optimiser: each sees the other without its gradients.
pub mod heads;
mod sheet;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_media::Progress;
use assay_models::device::DeviceChoice;
use assay_models::first_order::{
    self, DiscriminatorConfig, FirstOrderConfig, GeneratorConfig, HourglassConfig, KeyPointConfig, KeyPointDetector,
    MultiScaleDiscriminator, PUBLISHED, SpectralNorm, ThinPlate,
};
use assay_models::layers::AlignCorners;
use assay_models::perceptual::Features;
use assay_models::registry::Entry;
use assay_models::training::Rounding;
use assay_models::{InputContract, Kind, state};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use image::RgbImage;

use self::heads::{ROOM, Stretch};
use super::faces::data::Split;
use super::folder::{write_record, write_weights};
use super::{Options, Task, train};
use crate::rng::Rng;

/// Side of the small model's pictures in pixels.
const SIDE: usize = 128;
/// Pairs in a batch.
const BATCH: usize = 8;
/// Share of pairs that are a photograph and its bent self.
const BENT: f64 = 0.4;
/// Sizes of the perceptual pyramid: 1 and 1/2.
const PYRAMID: usize = 2;
/// Weights of the losses. Equivariance, adversarial and feature matching are the published ones.
const PERCEPTUAL: f32 = 2.0;
const PIXELS: f32 = 10.0;
const EQUIVARIANCE: f32 = 10.0;
const MATCHING: f64 = 10.0;

/// What is trained.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Choice {
    /// Widths.
    pub config: FirstOrderConfig,
    /// Side of the pictures in pixels.
    pub side: usize,
    /// Whether a discriminator takes part (`vox-adv` and its kin; `vox-256` was trained without).
    pub adversarial: bool,
    /// Pairs in a batch.
    pub batch: usize,
}

impl Choice {
    /// The model that is shipped: the published structure at half the size, with widths that a processor trains in an hour or two.
    pub fn small(adversarial: bool) -> Self {
        let hourglass = |max_features: usize| HourglassConfig { block_expansion: 16, max_features, num_blocks: 4 };
        let FirstOrderConfig { key_points, generator, .. } = PUBLISHED[1].config();
        let config = FirstOrderConfig {
            key_points: KeyPointConfig { hourglass: hourglass(64), ..key_points },
            generator: GeneratorConfig {
                block_expansion: 16,
                max_features: 64,
                motion_hourglass: hourglass(96),
                ..generator
            },
            discriminator: discriminator(32, 128, generator.num_channels, generator.num_kp),
        };
        Self { config, side: SIDE, adversarial, batch: BATCH }
    }

    /// A published configuration at 256 pixels, for machines that can train it.
    pub fn published(name: &str, adversarial: bool) -> Option<Self> {
        let config = PUBLISHED.iter().find(|p| p.name == name)?.config();
        Some(Self { config, side: 256, adversarial, batch: BATCH })
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
    clips: Vec<Stretch>,
    photographs: Vec<Stretch>,
    /// Pairs of unseen people, drawn once.
    validation: Batch,
    features: Features,
    plain_features: Features,
}

/// Pairs of pictures, and how the driver is bent.
#[derive(Clone, Default)]
pub struct Batch {
    source: Vec<f32>,
    driving: Vec<f32>,
    /// `[n, 2, 3]` and `[n, 25]`; the identity for frames of clips.
    theta: Vec<f32>,
    control: Vec<f32>,
    /// The same for the equivariance losses.
    known: (Vec<f32>, Vec<f32>),
}

/// Control points a side of a bend.
const POINTS: usize = 5;

impl Batch {
    fn len(&self) -> usize {
        self.theta.len() / 6
    }

    fn bend((theta, control): (&[f32], &[f32]), device: &Device) -> ThinPlate {
        let n = theta.len() / 6;
        ThinPlate {
            theta: Tensor::from_data(TensorData::new(theta.to_vec(), [n, 2, 3]), device),
            control: Tensor::from_data(TensorData::new(control.to_vec(), [n, POINTS * POINTS]), device),
            points: POINTS,
        }
    }

    fn tensors(&self, side: usize, device: &Device) -> (Tensor<4>, Tensor<4>) {
        let shape = [self.len(), 3, side, side];
        let tensor = |values: &[f32]| Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), device);
        let driving = tensor(&self.driving);
        // Coordinates count from pixel centres here, so the identity reads every pixel itself.
        let bent = Self::bend((&self.theta, &self.control), device).transform_frame(driving, AlignCorners::Centres);
        (tensor(&self.source), bent)
    }
}

/// Draws an affine map near the identity and a bend.
fn draw_bend(rng: &mut Rng, affine: f64, bend: f64) -> ([f32; 6], Vec<f32>) {
    let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    let theta = identity.map(|v: f32| v + (rng.normal() * affine) as f32);
    (theta, (0..POINTS * POINTS).map(|_| (rng.normal() * bend) as f32).collect())
}

impl Animation {
    /// Reads the data; only the training split is drawn from.
    ///
    /// # Errors
    /// When it cannot be read, or holds no clip of either split.
    pub fn new(choice: Choice, data: &Path, device: DeviceChoice, progress: &dyn Progress) -> anyhow::Result<Self> {
        let side = (choice.side as f32 * ROOM).round() as u32;
        let clips = heads::clips(data, side, progress)?;
        let photographs = heads::photographs(data, side, progress)?;
        let (training, held): (Vec<_>, Vec<_>) =
            clips.into_iter().filter(|s| s.split != Split::Test).partition(|s| s.split == Split::Train);
        anyhow::ensure!(!training.is_empty(), "{} holds no clip of the training split", data.display());
        anyhow::ensure!(!held.is_empty(), "{} holds no clip of the validation split", data.display());
        let photographs = photographs.into_iter().filter(|s| s.split == Split::Train).collect();
        let device = device.device()?;
        let task = Self {
            features: Features::shipped(&device.clone().autodiff())?,
            plain_features: Features::shipped(&device)?,
            choice,
            clips: held,
            photographs: Vec::new(),
            validation: Batch::default(),
        };
        let mut rng = Rng::new(31);
        let mut validation = Batch::default();
        (0..16).for_each(|_| task.add_pair(&mut rng, &mut validation));
        Ok(Self { clips: training, photographs, validation, ..task })
    }

    /// Files that were read, for the record.
    fn files(&self) -> Vec<String> {
        let all = self.clips.iter().chain(&self.photographs);
        let mut files: Vec<String> = all.map(|s| s.name.split('#').next().unwrap_or(&s.name).to_owned()).collect();
        files.sort();
        files.dedup();
        files
    }

    fn add_pair(&self, rng: &mut Rng, batch: &mut Batch) {
        let is_photograph = !self.photographs.is_empty() && rng.chance(BENT);
        let Some(stretch) = rng.pick(if is_photograph { &self.photographs } else { &self.clips }) else { return };
        let (Some(source), Some(driving)) = (rng.pick(&stretch.frames), rng.pick(&stretch.frames)) else { return };
        let side = self.choice.side as u32;
        let free = source.picture.width() - side;
        let corner = [rng.below(free as usize + 1) as u32, rng.below(free as usize + 1) as u32];
        let look = Look::draw(rng, corner, side);
        look.append(&source.picture, &mut batch.source);
        look.append(&driving.picture, &mut batch.driving);
        let (theta, control) = if is_photograph { draw_bend(rng, 0.09, 0.012) } else { draw_bend(rng, 0.0, 0.0) };
        batch.theta.extend(theta);
        batch.control.extend(control);
        let (theta, control) = draw_bend(rng, 0.05, 0.005);
        batch.known.0.extend(theta);
        batch.known.1.extend(control);
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

/// Where a square is cut and how its colours are changed: the same for both pictures of a pair.
struct Look {
    corner: [u32; 2],
    side: u32,
    is_mirrored: bool,
    gain: [f32; 3],
    shift: f32,
}

impl Look {
    fn draw(rng: &mut Rng, corner: [u32; 2], side: u32) -> Self {
        let contrast = rng.range(0.9, 1.1);
        let gain = std::array::from_fn(|_| (contrast * rng.range(0.95, 1.05)) as f32);
        Self { corner, side, is_mirrored: rng.chance(0.5), gain, shift: rng.range(-0.05, 0.05) as f32 }
    }

    fn append(&self, picture: &RgbImage, planes: &mut Vec<f32>) {
        let [left, top] = self.corner;
        for (c, gain) in self.gain.iter().enumerate() {
            for y in 0..self.side {
                for x in 0..self.side {
                    let x = if self.is_mirrored { self.side - 1 - x } else { x };
                    let value = f32::from(picture.get_pixel(left + x, top + y).0[c]) / 255.0;
                    planes.push(((value - 0.5) * gain + 0.5 + self.shift).clamp(0.0, 1.0));
                }
            }
        }
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

    fn batch(&self, rng: &mut Rng, _share: f64) -> Batch {
        let mut batch = Batch::default();
        (0..self.choice.batch).for_each(|_| self.add_pair(rng, &mut batch));
        batch
    }

    fn loss(&self, net: &Networks, batch: Batch, device: &Device) -> Tensor<1> {
        let (source, driving) = batch.tensors(self.choice.side, device);
        let source_points = net.kp_detector.forward(source.clone());
        let driving_points = net.kp_detector.forward(driving.clone());
        let made = net.generator.forward(source, &source_points, &driving_points).prediction;
        let mut loss = self.features.difference(&driving, &made, PYRAMID) * PERCEPTUAL
            + (driving.clone() - made.clone()).abs().mean() * PIXELS;
        let known = Batch::bend((&batch.known.0, &batch.known.1), device);
        let bent = known.transform_frame(driving.clone(), AlignCorners::Centres);
        let (value, jacobian) = first_order::equivariance(&driving_points, &net.kp_detector.forward(bent), &known);
        loss = loss + value * EQUIVARIANCE;
        if let Some(jacobian) = jacobian {
            loss = loss + jacobian * EQUIVARIANCE;
        }
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
        let (source, driving) = self.validation.tensors(self.choice.side, &device);
        let points = (net.kp_detector.forward(source.clone()), net.kp_detector.forward(driving.clone()));
        let made = net.generator.forward(source.clone(), &points.0, &points.1).prediction;
        let mean = |a: &Tensor<4>| f64::from((driving.clone() - a.clone()).abs().mean().into_scalar::<f32>());
        let looks = self.plain_features.difference(&driving, &made, 1);
        vec![
            ("l1", mean(&made)),
            ("l1_of_the_source", mean(&source)),
            ("perceptual", looks.into_scalar::<f32>().into()),
        ]
    }

    fn preview(&self, net: &Networks) -> anyhow::Result<Option<RgbImage>> {
        let (source, driving) = self.validation.tensors(self.choice.side, &Device::default());
        let points = (net.kp_detector.forward(source.clone()), net.kp_detector.forward(driving.clone()));
        let made = net.generator.forward(source.clone(), &points.0, &points.1);
        sheet::marked(&[source, driving, made.prediction], &[&points.0, &points.1], 8).map(Some)
    }
}

/// Trains and writes the weights.
///
/// # Errors
/// When the data cannot be read, the folder cannot be written or holds another run, and when the loss is no number any more.
pub fn run(choice: Choice, data: &Path, options: &Options, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
    let task = Animation::new(choice, data, options.device, progress)?;
    write_record(&task.choice, data, &task.files(), options)?;
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
