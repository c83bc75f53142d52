//! Which motion co-segmentation a checkpoint is.
//!
//! Source: `modules/{segmentation_module,reconstruction_module}.py` at 571e26f, read for facts only: the segmentation is a key-point detector
//! with other names for its heads and one head more, the reconstruction a generator without its dense motion network.
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::look::{Look, Shapes};
use super::{Architecture, under};
use crate::first_order::{GeneratorConfig, HourglassConfig, KeyPointConfig};

/// Widths and options, as the published configuration files name them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CosegmentationWidths {
    /// Colours of a picture.
    pub num_channels: usize,
    /// Segments without the background.
    pub num_segments: usize,
    /// Whether segments carry a 2x2 matrix.
    pub estimate_affine_part: bool,
    /// Size of the picture that the segmentation sees, relative to the input.
    pub scale_factor: f64,
    /// The segmentation's feature extractor.
    pub hourglass: HourglassConfig,
    /// The reconstruction's width at full size.
    pub block_expansion: usize,
    /// The most channels that a layer of the reconstruction may have.
    pub max_features: usize,
    /// Halvings of the picture.
    pub num_down_blocks: usize,
    /// Residual blocks at the smallest size.
    pub num_bottleneck_blocks: usize,
}

impl Architecture for CosegmentationWidths {
    fn infer(shapes: &Shapes) -> Result<Self, String> {
        let look = Look(shapes);
        let first = "reconstruction_module.first.conv.weight";
        let down = |i: usize| format!("reconstruction_module.down_blocks.{i}.conv.weight");
        let block_expansion = look.extent(first, 0)?;
        let num_down_blocks = look.count(down)?;
        Ok(Self {
            num_channels: look.extent(first, 1)?,
            num_segments: look.extent("segmentation_module.shift.weight", 0)?,
            estimate_affine_part: look.has("segmentation_module.affine.weight"),
            scale_factor: look.scale_factor("segmentation_module.down.weight")?,
            hourglass: look.hourglass("segmentation_module.predictor")?,
            block_expansion,
            max_features: look.widest(num_down_blocks, down)?.max(block_expansion),
            num_down_blocks,
            num_bottleneck_blocks: look.count(|i| format!("reconstruction_module.bottleneck.r{i}.conv1.weight"))?,
        })
    }

    fn shapes(&self) -> Shapes {
        let device = Device::default();
        let segmentation = KeyPointConfig {
            num_kp: self.num_segments,
            num_channels: self.num_channels,
            hourglass: self.hourglass,
            temperature: 0.1,
            scale_factor: self.scale_factor,
            estimate_jacobian: self.estimate_affine_part,
            single_jacobian_map: false,
            pad: 3,
        };
        let reconstruction = GeneratorConfig {
            num_channels: self.num_channels,
            num_kp: self.num_segments,
            block_expansion: self.block_expansion,
            max_features: self.max_features,
            num_down_blocks: self.num_down_blocks,
            num_bottleneck_blocks: self.num_bottleneck_blocks,
            estimate_occlusion_map: false,
            motion_hourglass: HourglassConfig { block_expansion: 1, max_features: 1, num_blocks: 1 },
            motion_scale: 1.0,
            kp_variance: 0.01,
        };
        let mut shapes: Shapes = under("reconstruction_module.", &reconstruction.init(&device));
        shapes.retain(|name, _| !name.contains(".dense_motion_network."));
        for (name, shape) in under("", &segmentation.init(&device)) {
            if let Some(part) = name.strip_prefix("kp.") {
                let mut one_more = shape.clone();
                one_more.iter_mut().take(1).for_each(|outputs| *outputs += 1);
                shapes.insert(format!("segmentation_module.segmentation.{part}"), one_more);
            }
            let name = match name.split_once('.') {
                Some(("kp", rest)) => format!("shift.{rest}"),
                Some(("jacobian", rest)) => format!("affine.{rest}"),
                _ => name,
            };
            shapes.insert(format!("segmentation_module.{name}"), shape);
        }
        shapes
    }
}
