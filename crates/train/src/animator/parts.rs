//! Training motion co-segmentation on top of an animator (Siarohin et al. 2020, "Motion-supervised
//! Co-Part Segmentation"): `assay train partswap`.
//!
//! The decision that shapes it: as published, everything but the segmentation head starts from a
//! First Order Motion Model (its key points become the centres of the segments, its matrices their
//! local motion, its generator the reconstruction), no loss speaks of segments, and they come about
//! because the motion of a pixel is nothing but its segments'.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_checkpoints::StateDict;
use assay_media::Progress;
use assay_models::cosegmentation::{
    ReconstructionConfig, ReconstructionModule, SegmentationConfig, SegmentationModule, Segments,
};
use assay_models::device::DeviceChoice;
use assay_models::layers::AlignCorners;
use assay_models::layout::FirstOrderWidths;
use assay_models::registry::{Entry, Loaded, Registry};
use assay_models::training::Rounding;
use assay_models::{InputContract, Kind, registry, state};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use image::RgbImage;

use super::pairs::{Batch, Likeness, Pairs};
use super::sheet;
use crate::folder::{write_record, write_weights};
use crate::{Options, Task, train};
use assay_material::rng::Rng;

/// What is trained.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Choice {
    /// Segments besides the background.
    pub segments: usize,
    /// Pairs in a batch.
    pub batch: usize,
}

/// The two networks under the names of a published checkpoint.
#[derive(Module, Debug)]
pub struct Networks {
    segmentation_module: SegmentationModule,
    reconstruction_module: ReconstructionModule,
}

/// The task.
pub struct Parting {
    choice: Choice,
    side: usize,
    align: AlignCorners,
    segmentation: SegmentationConfig,
    reconstruction: ReconstructionConfig,
    /// The animator's tensors under the names that they have here.
    start: StateDict,
    pairs: Pairs,
    likeness: Likeness,
}

/// The name that a tensor of an animator has here; `None` for those of its motion network, which is
/// not needed.
fn renamed(name: &str) -> Option<String> {
    if let Some(rest) = name.strip_prefix("generator.") {
        return (!rest.starts_with("dense_motion_network.")).then(|| format!("reconstruction_module.{rest}"));
    }
    let rest = name.strip_prefix("kp_detector.")?;
    let (part, rest) = rest.split_once('.')?;
    let part = match part {
        "kp" => "shift",
        "jacobian" => "affine",
        other => other,
    };
    Some(format!("segmentation_module.{part}.{rest}"))
}

impl Parting {
    /// Reads the data and takes over what an animator knows.
    ///
    /// # Errors
    /// When the weights are no animator's, the data cannot be read, or it holds no clip of either
    /// split.
    pub fn new(
        choice: Choice,
        animator: Loaded,
        data: &Path,
        device: DeviceChoice,
        progress: &dyn Progress,
    ) -> anyhow::Result<Self> {
        let Loaded { entry, tensors } = animator;
        anyhow::ensure!(entry.kind == Kind::FirstOrderMotion, "{} is a {}, and no animator", entry.id, entry.kind);
        let FirstOrderWidths { key_points, generator, .. } = entry.widths.clone().try_into()?;
        let segmentation = SegmentationConfig {
            num_channels: key_points.num_channels,
            hourglass: key_points.hourglass,
            temperature: key_points.temperature,
            scale_factor: key_points.scale_factor,
            estimate_affine_part: key_points.estimate_jacobian,
            num_segments: choice.segments,
        };
        let reconstruction = ReconstructionConfig {
            num_channels: generator.num_channels,
            block_expansion: generator.block_expansion,
            max_features: generator.max_features,
            num_down_blocks: generator.num_down_blocks,
            num_bottleneck_blocks: generator.num_bottleneck_blocks,
            estimate_visibility: true,
            keeps_source: generator.keeps_source,
        };
        let start = tensors.into_iter().filter_map(|(name, tensor)| Some((renamed(&name)?, tensor))).collect();
        let side = entry.input.width as usize;
        Ok(Self {
            likeness: Likeness::open(device)?,
            align: if entry.input.align_corners == Some(true) { AlignCorners::Centres } else { AlignCorners::Edges },
            pairs: Pairs::open(side, data, progress)?,
            choice,
            side,
            segmentation,
            reconstruction,
            start,
        })
    }

    fn made(net: &Networks, source: &Tensor<4>, driving: &Tensor<4>) -> (Tensor<4>, [Segments; 2]) {
        let segments = [source, driving].map(|x| net.segmentation_module.forward(x.clone()));
        let encoded = net.reconstruction_module.encode(source.clone());
        let made = net.reconstruction_module.reconstruct(encoded, &segments[0], &segments[1]);
        (made.prediction, segments)
    }
}

impl Task for Parting {
    type Net = Networks;
    type Batch = Batch;

    fn init(&self, device: &Device) -> Networks {
        let fresh = Rounding::Loose.during(|| Networks {
            segmentation_module: self.segmentation.init(device),
            reconstruction_module: self.reconstruction.init(device).with_align_corners(self.align),
        });
        // The head of the segments stays as drawn, and centres too where their number differs from
        // that of the key points.
        state::load_partly(fresh, &self.start, "").0
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
        self.pairs.batch(rng, self.choice.batch)
    }

    fn loss(&self, net: &Networks, batch: Batch, device: &Device) -> Tensor<1> {
        let (source, driving) = batch.tensors(self.side, device);
        let (made, [_, segments]) = Self::made(net, &source, &driving);
        self.likeness.unlikeness(&driving, &made)
            + batch.equivariance(&driving, &segments.points, |bent| net.segmentation_module.forward(bent).points)
    }

    fn validate(&self, net: &Networks) -> Vec<(&'static str, f64)> {
        let (source, driving) = self.pairs.validation.tensors(self.side, &Device::default());
        let (made, [_, segments]) = Self::made(net, &source, &driving);
        let mut figures = self.likeness.figures(&source, &driving, &made);
        let [n, _, h, w] = segments.segmentation.dims();
        let background = segments.segmentation.slice([0..n, 0..1, 0..h, 0..w]).mean().into_scalar::<f32>();
        figures.push(("share_of_the_background", background.into()));
        figures
    }

    fn preview(&self, net: &Networks) -> anyhow::Result<Option<RgbImage>> {
        let (source, driving) = self.pairs.validation.tensors(self.side, &Device::default());
        let (made, [of_source, of_driving]) = Self::made(net, &source, &driving);
        sheet::marked(&[source, driving, made], &[&of_source.points, &of_driving.points], 8).map(Some)
    }
}

/// Trains and writes the weights; the animator is an id, a file, or without a name the shipped one.
///
/// # Errors
/// When animator or data cannot be read, the folder cannot be written or holds another run, and
/// when the loss is not a number.
pub fn run(
    choice: Choice,
    animator: Option<&str>,
    data: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> anyhow::Result<PathBuf> {
    let animator = match animator {
        Some(name) => registry::open(name)?,
        None => Registry::shipped(Kind::FirstOrderMotion)?,
    };
    let Entry { id, sha256, .. } = animator.entry.clone();
    let task = Parting::new(choice, animator, data, options.device, progress)?;
    let what = serde_json::json!({ "choice": &task.choice, "features": &task.likeness.name, "animator": id, "animator_sha256": sha256 });
    write_record(&what, data, &task.pairs.files(), options)?;
    let net = train(&task, options, progress)?;
    let side = u32::try_from(task.side).context("the side is no size")?;
    let input = InputContract {
        width: side,
        height: side,
        align_corners: Some(task.align == AlignCorners::Centres),
        ..InputContract::published(Kind::MotionCosegmentation)
    };
    write_weights(
        &options.out,
        "assay train partswap",
        Entry { input, ..Entry::unstated("partswap", Kind::MotionCosegmentation) },
        &state::collect(&net),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_animator_knows_goes_where_it_belongs() {
        let cases = [
            ("generator.first.conv.weight", Some("reconstruction_module.first.conv.weight")),
            ("generator.dense_motion_network.mask.weight", None),
            ("kp_detector.kp.bias", Some("segmentation_module.shift.bias")),
            ("kp_detector.jacobian.weight", Some("segmentation_module.affine.weight")),
            (
                "kp_detector.predictor.encoder.down_blocks.0.conv.weight",
                Some("segmentation_module.predictor.encoder.down_blocks.0.conv.weight"),
            ),
            ("discriminator.discs.1.conv.weight", None),
        ];
        for (name, expected) in cases {
            assert_eq!(renamed(name).as_deref(), expected, "{name}");
        }
    }
}
