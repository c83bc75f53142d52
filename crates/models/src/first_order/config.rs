//! Widths of the networks, and the published configurations.
//!
//! The decision that shapes it: plain data with public fields, so that import can infer one from a
//! checkpoint's tensors, and constants for what was published (first-order-model, `config/*.yaml`).
use serde::{Deserialize, Serialize};

/// An encoder and decoder with skip connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourglassConfig {
    /// Channels of the first level; every level doubles them.
    pub block_expansion: usize,
    /// The most channels a level may have.
    pub max_features: usize,
    /// Levels.
    pub num_blocks: usize,
}

impl HourglassConfig {
    /// Channels after `level` doublings.
    pub(super) fn width(&self, level: usize) -> usize {
        self.max_features.min(self.block_expansion << level)
    }
}

/// The key-point detector.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KeyPointConfig {
    /// Key points.
    pub num_kp: usize,
    /// Channels of a picture.
    pub num_channels: usize,
    /// The feature extractor.
    pub hourglass: HourglassConfig,
    /// The soft-max over a heat-map divides by this.
    pub temperature: f64,
    /// Size of the picture that is looked at, relative to the one given.
    pub scale_factor: f64,
    /// Whether a 2 x 2 matrix is estimated with every point.
    pub estimate_jacobian: bool,
    /// Whether all points share one map of matrices.
    pub single_jacobian_map: bool,
    /// Zeros around the last convolutions: 0 here, 3 in motion co-segmentation.
    pub pad: usize,
}

/// The generator with its dense motion network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GeneratorConfig {
    /// Channels of a picture.
    pub num_channels: usize,
    /// Key points.
    pub num_kp: usize,
    /// Channels after the first layer.
    pub block_expansion: usize,
    /// The most channels a layer may have.
    pub max_features: usize,
    /// Halvings of the size before the features are warped.
    pub num_down_blocks: usize,
    /// Residual blocks after the warp.
    pub num_bottleneck_blocks: usize,
    /// Whether parts that the source does not show are masked.
    pub estimate_occlusion_map: bool,
    /// Feature extractor of the dense motion network.
    pub motion_hourglass: HourglassConfig,
    /// Size at which the dense motion is estimated, relative to the picture.
    pub motion_scale: f64,
    /// Variance of the heat-map of a key point, in the squared units of coordinates.
    pub kp_variance: f64,
    /// Whether the last layer also says how much of the warped source itself is kept at every
    /// pixel. Not in the published model; its successor (Siarohin et al. 2021, "Motion
    /// Representations for Articulated Animation", `skips`) keeps the source by its occlusion map.
    /// It spares a small model learning to copy.
    #[serde(default)]
    pub keeps_source: bool,
}

/// How the weights of a discriminator are normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpectralNorm {
    /// Not at all.
    #[default]
    Off,
    /// By the largest singular value, whose left vector alone is stored (PyTorch 1.0).
    LeftVector,
    /// The same with both vectors stored (PyTorch since 1.1).
    BothVectors,
}

/// The discriminator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscriminatorConfig {
    /// Channels of a picture.
    pub num_channels: usize,
    /// Channels after the first block.
    pub block_expansion: usize,
    /// The most channels a block may have.
    pub max_features: usize,
    /// Blocks.
    pub num_blocks: usize,
    /// Sizes of the picture that are judged, one discriminator for each, as the checkpoint's keys
    /// spell them (`1`, `0-5`).
    pub scales: Vec<String>,
    /// Heat-maps of this many key points are judged together with the picture; 0 for none.
    pub heatmaps: usize,
    /// Normalisation of the weights.
    pub spectral_norm: SpectralNorm,
    /// Variance of the heat-maps.
    pub kp_variance: f64,
}

/// The three networks of one published model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FirstOrderConfig {
    /// Finds the key points of a picture.
    pub key_points: KeyPointConfig,
    /// Makes the picture.
    pub generator: GeneratorConfig,
    /// Judges it while training.
    pub discriminator: DiscriminatorConfig,
}

/// A published configuration in few words: all else is common to all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Name of the configuration file.
    pub name: &'static str,
    /// One map of jacobians for all points.
    pub single_jacobian_map: bool,
    /// The discriminator sees the key points.
    pub use_kp: bool,
    /// The discriminator's weights are normalised.
    pub spectral_norm: bool,
    /// Weight of the adversarial loss; 0 means that the discriminator was never trained.
    pub generator_gan: u8,
}

/// All configurations that were published, at 256 x 256 pixels with 10 key points (detection of
/// `use_kp` and `sn` as in the files).
pub const PUBLISHED: [Published; 8] = [
    Published { name: "vox-256", single_jacobian_map: false, use_kp: false, spectral_norm: true, generator_gan: 0 },
    Published { name: "vox-adv-256", single_jacobian_map: false, use_kp: true, spectral_norm: false, generator_gan: 1 },
    Published { name: "taichi-256", single_jacobian_map: false, use_kp: false, spectral_norm: true, generator_gan: 0 },
    Published {
        name: "taichi-adv-256",
        single_jacobian_map: false,
        use_kp: true,
        spectral_norm: false,
        generator_gan: 1,
    },
    Published { name: "fashion-256", single_jacobian_map: false, use_kp: false, spectral_norm: true, generator_gan: 1 },
    Published { name: "mgif-256", single_jacobian_map: true, use_kp: false, spectral_norm: true, generator_gan: 1 },
    Published { name: "bair-256", single_jacobian_map: false, use_kp: false, spectral_norm: true, generator_gan: 1 },
    Published { name: "nemo-256", single_jacobian_map: false, use_kp: false, spectral_norm: true, generator_gan: 1 },
];

impl Published {
    /// The configuration in full.
    pub fn config(&self) -> FirstOrderConfig {
        let (num_kp, num_channels) = (10, 3);
        FirstOrderConfig {
            key_points: KeyPointConfig {
                num_kp,
                num_channels,
                hourglass: HourglassConfig { block_expansion: 32, max_features: 1024, num_blocks: 5 },
                temperature: 0.1,
                scale_factor: 0.25,
                estimate_jacobian: true,
                single_jacobian_map: self.single_jacobian_map,
                pad: 0,
            },
            generator: GeneratorConfig {
                num_channels,
                num_kp,
                block_expansion: 64,
                max_features: 512,
                num_down_blocks: 2,
                num_bottleneck_blocks: 6,
                estimate_occlusion_map: true,
                motion_hourglass: HourglassConfig { block_expansion: 64, max_features: 1024, num_blocks: 5 },
                motion_scale: 0.25,
                kp_variance: 0.01,
                keeps_source: false,
            },
            discriminator: DiscriminatorConfig {
                num_channels,
                block_expansion: 32,
                max_features: 512,
                num_blocks: 4,
                scales: vec!["1".into()],
                heatmaps: if self.use_kp { num_kp } else { 0 },
                spectral_norm: if self.spectral_norm { SpectralNorm::BothVectors } else { SpectralNorm::Off },
                kp_variance: 0.01,
            },
        }
    }
}
