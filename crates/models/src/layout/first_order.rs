//! Which First Order Motion Model a checkpoint is. What the shapes cannot say (temperature,
//! variance of the heat-maps) is the same in all published configurations.
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::look::{Look, Shapes};
use super::{Architecture, under};
use crate::first_order::{DiscriminatorConfig, GeneratorConfig, KeyPointConfig, SpectralNorm};

/// Widths and options of the parts. Published animation checkpoints lack the discriminator,
/// training checkpoints have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FirstOrderWidths {
    /// Section `kp_detector`.
    pub key_points: KeyPointConfig,
    /// Section `generator`.
    pub generator: GeneratorConfig,
    /// Section `discriminator`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discriminator: Option<DiscriminatorConfig>,
}

impl Architecture for FirstOrderWidths {
    fn infer(shapes: &Shapes) -> Result<Self, String> {
        let look = Look(shapes);
        let num_kp = look.extent("kp_detector.kp.weight", 0)?;
        let num_channels = look.extent("generator.first.conv.weight", 1)?;
        let jacobian = "kp_detector.jacobian.weight";
        let estimate_jacobian = look.has(jacobian);
        let down = |i: usize| format!("generator.down_blocks.{i}.conv.weight");
        let motion = "generator.dense_motion_network";
        let block_expansion = look.extent("generator.first.conv.weight", 0)?;
        let num_down_blocks = look.count(down)?;
        Ok(Self {
            key_points: KeyPointConfig {
                num_kp,
                num_channels,
                hourglass: look.hourglass("kp_detector.predictor")?,
                temperature: 0.1,
                scale_factor: look.scale_factor("kp_detector.down.weight")?,
                estimate_jacobian,
                single_jacobian_map: estimate_jacobian && num_kp > 1 && look.extent(jacobian, 0)? == 4,
                pad: 0,
            },
            generator: GeneratorConfig {
                num_channels,
                num_kp,
                block_expansion,
                max_features: look.widest(num_down_blocks, down)?.max(block_expansion),
                num_down_blocks,
                num_bottleneck_blocks: look.count(|i| format!("generator.bottleneck.r{i}.conv1.weight"))?,
                estimate_occlusion_map: look.has(&format!("{motion}.occlusion.weight")),
                motion_hourglass: look.hourglass(&format!("{motion}.hourglass"))?,
                motion_scale: look.scale_factor(&format!("{motion}.down.weight"))?,
                kp_variance: 0.01,
                keeps_source: look.extent("generator.final.weight", 0)? == num_channels + 1,
            },
            discriminator: discriminator(look, num_channels, num_kp)?,
        })
    }

    fn shapes(&self) -> Shapes {
        let device = Device::default();
        let mut shapes = under("kp_detector.", &self.key_points.init(&device));
        shapes.extend(under("generator.", &self.generator.init(&device)));
        if let Some(discriminator) = &self.discriminator {
            shapes.extend(under("discriminator.", &discriminator.init(&device)));
        }
        shapes
    }
}

fn discriminator(look: Look<'_>, num_channels: usize, num_kp: usize) -> Result<Option<DiscriminatorConfig>, String> {
    let mut scales: Vec<String> = Vec::new();
    for name in look.0.keys().filter_map(|name| name.strip_prefix("discriminator.discs.")) {
        if let Some((scale, _)) = name.split_once('.')
            && scales.last().is_none_or(|last| last != scale)
        {
            scales.push(scale.to_owned());
        }
    }
    let Some(scale) = scales.first() else { return Ok(None) };
    let conv = |i: usize| format!("discriminator.discs.{scale}.down_blocks.{i}.conv");
    let stored = |suffix: &str| look.has(&format!("{}.{suffix}", conv(0)));
    let spectral_norm = match (stored("weight_orig"), stored("weight_v")) {
        (false, _) => SpectralNorm::Off,
        (true, false) => SpectralNorm::LeftVector,
        (true, true) => SpectralNorm::BothVectors,
    };
    let suffix = if spectral_norm == SpectralNorm::Off { "weight" } else { "weight_orig" };
    let weight = |i: usize| format!("{}.{suffix}", conv(i));
    let num_blocks = look.count(weight)?;
    let heatmaps = look.extent(&weight(0), 1)?.saturating_sub(num_channels);
    if heatmaps != 0 && heatmaps != num_kp {
        return Err(format!("{} takes neither pictures nor pictures with {num_kp} key points", weight(0)));
    }
    Ok(Some(DiscriminatorConfig {
        num_channels,
        // The first block is twice as wide as the configuration's number.
        block_expansion: look.extent(&weight(0), 0)?.div_ceil(2),
        max_features: look.widest(num_blocks, weight)?,
        num_blocks,
        scales,
        heatmaps,
        spectral_norm,
        kp_variance: 0.01,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::first_order::{HourglassConfig, PUBLISHED};

    #[test]
    fn every_published_configuration_is_found_again_from_its_shapes() {
        for published in PUBLISHED {
            let config = published.config();
            let full = FirstOrderWidths {
                key_points: config.key_points,
                generator: GeneratorConfig { max_features: 256, ..config.generator },
                discriminator: Some(config.discriminator),
            };
            assert_eq!(FirstOrderWidths::infer(&full.shapes()), Ok(full.clone()), "{}", published.name);
            let bare = FirstOrderWidths { discriminator: None, ..full };
            assert_eq!(FirstOrderWidths::infer(&bare.shapes()), Ok(bare), "{}", published.name);
        }
    }

    #[test]
    fn other_widths_and_options_are_found() {
        let config = PUBLISHED[0].config();
        let hourglass = HourglassConfig { block_expansion: 8, max_features: 24, num_blocks: 3 };
        let widths = FirstOrderWidths {
            key_points: KeyPointConfig {
                num_kp: 4,
                hourglass,
                scale_factor: 0.5,
                estimate_jacobian: false,
                ..config.key_points
            },
            generator: GeneratorConfig {
                num_kp: 4,
                block_expansion: 8,
                max_features: 64,
                num_down_blocks: 3,
                num_bottleneck_blocks: 2,
                estimate_occlusion_map: false,
                motion_hourglass: hourglass,
                motion_scale: 1.0,
                keeps_source: true,
                ..config.generator
            },
            discriminator: Some(DiscriminatorConfig {
                block_expansion: 4,
                max_features: 16,
                num_blocks: 3,
                scales: vec!["0-5".into(), "1".into()],
                spectral_norm: SpectralNorm::LeftVector,
                ..config.discriminator
            }),
        };
        assert_eq!(FirstOrderWidths::infer(&widths.shapes()), Ok(widths));
    }

    #[test]
    fn what_is_missing_or_odd_is_named() {
        let config = PUBLISHED[0].config();
        let widths =
            FirstOrderWidths { key_points: config.key_points, generator: config.generator, discriminator: None };
        let whole = widths.shapes();
        let broken = |change: fn(&mut Shapes)| {
            let mut shapes = whole.clone();
            change(&mut shapes);
            FirstOrderWidths::infer(&shapes).unwrap_err()
        };
        assert!(broken(|s| drop(s.remove("generator.first.conv.weight"))).contains("first.conv.weight is missing"));
        assert!(broken(|s| drop(s.insert("kp_detector.kp.weight".into(), vec![10]))).contains("the shape [10]"));
        assert!(broken(|s| drop(s.insert("kp_detector.down.weight".into(), vec![3, 1, 7, 7]))).contains("kernel of 7"));
        let many = |s: &mut Shapes| {
            (0..99).for_each(|i| drop(s.insert(format!("generator.down_blocks.{i}.conv.weight"), vec![8, 8, 3, 3])));
        };
        assert!(broken(many).contains("too many"));
    }
}
