//! Tensors of the First Order Motion Model.
//!
//! Source: `modules/{keypoint_detector,dense_motion,generator,discriminator}.py` at c027484 (MIT).
use serde::{Deserialize, Serialize};

use super::blocks::{Build, Generator, Hourglass, Look, Shapes, blur_side};

/// Widths and options, as the published configuration files name them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FirstOrder {
    /// Colours of a picture.
    pub num_channels: usize,
    /// Key points.
    pub num_kp: usize,
    /// Whether key points carry a jacobian.
    pub estimate_jacobian: bool,
    /// One map of jacobians for all key points (mgif).
    pub single_jacobian_map: bool,
    /// Whether the generator is masked where the source cannot be seen.
    pub estimate_occlusion_map: bool,
    /// Size of the picture that the key-point detector sees, relative to the input.
    pub kp_scale_factor: f64,
    /// The same for the dense motion network.
    pub motion_scale_factor: f64,
    /// The key-point detector's hourglass.
    pub kp_detector: Hourglass,
    /// The dense motion network's hourglass.
    pub dense_motion: Hourglass,
    /// The picture path.
    pub generator: Generator,
    /// Only full training checkpoints have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discriminator: Option<Discriminator>,
}

/// Widths and options of the multi-scale discriminator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discriminator {
    /// Scales as they are named in the checkpoint: `1`, `0-5`.
    pub scales: Vec<String>,
    /// Half the width of the first block.
    pub block_expansion: usize,
    /// No layer is wider.
    pub max_features: usize,
    /// Blocks.
    pub num_blocks: usize,
    /// Whether it sees maps of the key points.
    pub use_kp: bool,
    /// Whether weights are under spectral normalisation.
    pub sn: bool,
}

pub(super) fn infer(shapes: &Shapes) -> Result<FirstOrder, String> {
    let look = Look(shapes);
    let motion = "generator.dense_motion_network";
    let num_kp = look.extent("kp_detector.kp.weight", 0)?;
    let jacobian = "kp_detector.jacobian.weight";
    let estimate_jacobian = look.has(jacobian);
    Ok(FirstOrder {
        num_channels: look.extent("generator.first.conv.weight", 1)?,
        num_kp,
        estimate_jacobian,
        single_jacobian_map: estimate_jacobian && num_kp > 1 && look.extent(jacobian, 0)? == 4,
        estimate_occlusion_map: look.has(&format!("{motion}.occlusion.weight")),
        kp_scale_factor: look.scale_factor("kp_detector.down.weight")?,
        motion_scale_factor: look.scale_factor(&format!("{motion}.down.weight"))?,
        kp_detector: Hourglass::infer(look, "kp_detector.predictor")?,
        dense_motion: Hourglass::infer(look, &format!("{motion}.hourglass"))?,
        generator: Generator::infer(look, "generator")?,
        discriminator: infer_discriminator(look, num_kp)?,
    })
}

fn infer_discriminator(look: Look<'_>, num_kp: usize) -> Result<Option<Discriminator>, String> {
    let mut scales: Vec<String> = Vec::new();
    for name in look.0.keys().filter_map(|name| name.strip_prefix("discriminator.discs.")) {
        if let Some((scale, _)) = name.split_once('.')
            && scales.last().is_none_or(|last| last != scale)
        {
            scales.push(scale.to_owned());
        }
    }
    let Some(scale) = scales.first() else { return Ok(None) };
    let block = |i: usize| format!("discriminator.discs.{scale}.down_blocks.{i}.conv");
    let sn = look.has(&format!("{}.weight_orig", block(0)));
    let weight = |i: usize| format!("{}.{}", block(i), if sn { "weight_orig" } else { "weight" });
    let num_blocks = look.count(weight);
    let mut max_features = 0;
    for index in 0..num_blocks {
        max_features = max_features.max(look.extent(&weight(index), 0)?);
    }
    let channels = look.extent("generator.first.conv.weight", 1)?;
    let use_kp = look.extent(&weight(0), 1)? == channels + num_kp;
    let block_expansion = look.extent(&weight(0), 0)? / 2;
    Ok(Some(Discriminator { scales, block_expansion, max_features, num_blocks, use_kp, sn }))
}

pub(super) fn expected(widths: &FirstOrder) -> Shapes {
    let FirstOrder { num_channels: channels, num_kp, .. } = *widths;
    let mut build = Build::default();
    widths.kp_detector.add(&mut build, "kp_detector.predictor", channels);
    let features = widths.kp_detector.outputs(channels);
    build.conv("kp_detector.kp", num_kp, features, 7);
    if widths.estimate_jacobian {
        build.conv("kp_detector.jacobian", if widths.single_jacobian_map { 4 } else { 4 * num_kp }, features, 7);
    }
    if let Some(side) = blur_side(widths.kp_scale_factor) {
        build.add("kp_detector.down.weight", &[channels, 1, side, side]);
    }
    let motion = "generator.dense_motion_network";
    // For the background and every key point: a difference of two heat maps and the source, moved.
    let inputs = (num_kp + 1) * (channels + 1);
    widths.dense_motion.add(&mut build, &format!("{motion}.hourglass"), inputs);
    let features = widths.dense_motion.outputs(inputs);
    build.conv(&format!("{motion}.mask"), num_kp + 1, features, 7);
    if widths.estimate_occlusion_map {
        build.conv(&format!("{motion}.occlusion"), 1, features, 7);
    }
    if let Some(side) = blur_side(widths.motion_scale_factor) {
        build.add(format!("{motion}.down.weight"), &[channels, 1, side, side]);
    }
    widths.generator.add(&mut build, "generator", channels);
    if let Some(discriminator) = &widths.discriminator {
        let inputs = channels + if discriminator.use_kp { num_kp } else { 0 };
        discriminator.add(&mut build, inputs);
    }
    build.0
}

impl Discriminator {
    fn add(&self, build: &mut Build, inputs: usize) {
        let width = |level: usize| (self.block_expansion << level.min(32)).min(self.max_features);
        for scale in &self.scales {
            let name = format!("discriminator.discs.{scale}");
            for index in 0..self.num_blocks {
                let block = format!("{name}.down_blocks.{index}");
                let from = if index == 0 { inputs } else { width(index) };
                self.conv(build, &format!("{block}.conv"), width(index + 1), from, 4);
                if index > 0 {
                    build.add(format!("{block}.norm.weight"), &[width(index + 1)]);
                    build.add(format!("{block}.norm.bias"), &[width(index + 1)]);
                }
            }
            self.conv(build, &format!("{name}.conv"), 1, width(self.num_blocks), 1);
        }
    }

    fn conv(&self, build: &mut Build, name: &str, outputs: usize, inputs: usize, kernel: usize) {
        build.conv(name, outputs, inputs, kernel);
        if self.sn {
            build.0.remove(&format!("{name}.weight"));
            build.add(format!("{name}.weight_orig"), &[outputs, inputs, kernel, kernel]);
            build.add(format!("{name}.weight_u"), &[outputs]);
            build.add(format!("{name}.weight_v"), &[inputs * kernel * kernel]);
        }
    }
}
