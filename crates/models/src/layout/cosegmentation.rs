//! Which motion co-segmentation a checkpoint is. Temperature and the masking of what the source
//! does not show are the same in all published configurations and cannot be seen in the shapes.
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::look::{Look, Shapes};
use super::{Architecture, under};
use crate::cosegmentation::{ReconstructionConfig, SegmentationConfig};

/// Widths and options of the two modules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CosegmentationWidths {
    /// Section `segmentation_module`.
    pub segmentation: SegmentationConfig,
    /// Section `reconstruction_module`.
    pub reconstruction: ReconstructionConfig,
}

impl Architecture for CosegmentationWidths {
    fn infer(shapes: &Shapes) -> Result<Self, String> {
        let look = Look(shapes);
        let first = "reconstruction_module.first.conv.weight";
        let down = |i: usize| format!("reconstruction_module.down_blocks.{i}.conv.weight");
        let num_channels = look.extent(first, 1)?;
        let block_expansion = look.extent(first, 0)?;
        let num_down_blocks = look.count(down)?;
        let num_segments = look.extent("segmentation_module.shift.weight", 0)?;
        Ok(Self {
            segmentation: SegmentationConfig {
                num_channels,
                hourglass: look.hourglass("segmentation_module.predictor")?,
                scale_factor: look.scale_factor("segmentation_module.down.weight")?,
                estimate_affine_part: look.has("segmentation_module.affine.weight"),
                ..SegmentationConfig::published(num_segments)
            },
            reconstruction: ReconstructionConfig {
                num_channels,
                block_expansion,
                max_features: look.widest(num_down_blocks, down)?.max(block_expansion),
                num_down_blocks,
                num_bottleneck_blocks: look.count(|i| format!("reconstruction_module.bottleneck.r{i}.conv1.weight"))?,
                keeps_source: look.extent("reconstruction_module.final.weight", 0)? == num_channels + 1,
                ..ReconstructionConfig::PUBLISHED
            },
        })
    }

    fn shapes(&self) -> Shapes {
        let device = Device::default();
        let mut shapes = under("segmentation_module.", &self.segmentation.init(&device));
        shapes.extend(under("reconstruction_module.", &self.reconstruction.init(&device)));
        shapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_configuration_is_found_again_from_its_shapes() {
        for segments in [5, 10, 15] {
            let widths = CosegmentationWidths {
                segmentation: SegmentationConfig::published(segments),
                reconstruction: ReconstructionConfig { max_features: 256, ..ReconstructionConfig::PUBLISHED },
            };
            let keeps_source = ReconstructionConfig { keeps_source: true, ..widths.reconstruction };
            let keeping = CosegmentationWidths { reconstruction: keeps_source, ..widths.clone() };
            assert_eq!(CosegmentationWidths::infer(&widths.shapes()), Ok(widths));
            assert_eq!(CosegmentationWidths::infer(&keeping.shapes()), Ok(keeping));
        }
    }
}
