//! The discriminator, which judges patches of a picture while a generator is trained.
//!
//! The decision that shapes it: spectral normalisation keeps the reference's stored vectors
//! (`weight_orig`, `weight_u`, `weight_v`), so that a published discriminator loads whole. The
//! vectors are used as they are stored; no power iteration moves them.
use burn::module::{Module, Param};
use burn::tensor::activation::leaky_relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Distribution, Tensor};

use super::blocks::halve;
use super::keypoints::{KeyPoints, heatmaps};
use super::{DiscriminatorConfig, SpectralNorm};
use crate::layers::{AntiAlias, ConvConfig, InstanceNorm, Keyed};

/// A convolution without padding whose weights may be divided by their largest singular value
/// (Miyato et al. 2018).
#[derive(Module, Debug)]
struct SpectralConv {
    weight: Option<Param<Tensor<4>>>,
    weight_orig: Option<Param<Tensor<4>>>,
    weight_u: Option<Param<Tensor<1>>>,
    weight_v: Option<Param<Tensor<1>>>,
    bias: Option<Param<Tensor<1>>>,
}

impl SpectralConv {
    fn init(channels_in: usize, channels_out: usize, kernel: usize, norm: SpectralNorm, device: &Device) -> Self {
        let drawn = ConvConfig::new(channels_in, channels_out, kernel).init(device);
        let unit = |n: usize| {
            let v = Tensor::<1>::random([n], Distribution::Normal(0.0, 1.0), device);
            let v = v.clone() / v.square().sum().sqrt();
            Param::from_tensor(v).set_require_grad(false)
        };
        let (weight, weight_orig) =
            if norm == SpectralNorm::Off { (Some(drawn.weight), None) } else { (None, Some(drawn.weight)) };
        Self {
            weight,
            weight_orig,
            weight_u: (norm != SpectralNorm::Off).then(|| unit(channels_out)),
            weight_v: (norm == SpectralNorm::BothVectors).then(|| unit(channels_in * kernel * kernel)),
            bias: drawn.bias,
        }
    }

    /// The weights that are applied.
    fn effective(&self) -> Option<Tensor<4>> {
        let Some(original) = &self.weight_orig else { return self.weight.as_ref().map(Param::val) };
        let original = original.val();
        let [o, i, kh, kw] = original.dims();
        let matrix: Tensor<2> = original.clone().reshape([o, i * kh * kw]);
        let u: Tensor<2> = self.weight_u.as_ref()?.val().reshape([1, o]);
        let product = u.matmul(matrix);
        let v: Tensor<2> = match &self.weight_v {
            Some(v) => v.val().reshape([1, i * kh * kw]),
            None => (product.clone() / product.clone().square().sum_dim(1).sqrt()).detach(),
        };
        let sigma = (product * v).sum().reshape([1, 1, 1, 1]);
        Some(original / sigma)
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let Some(weight) = self.effective() else { return x };
        conv2d(x, weight, self.bias.as_ref().map(Param::val), ConvOptions::new([1; 2], [0; 2], [1; 2], 1))
    }
}

/// Convolution 4 x 4, instance normalisation (not in the first), leaky ReLU, halving (not in the
/// last).
#[derive(Module, Debug)]
struct Block {
    conv: SpectralConv,
    norm: Option<InstanceNorm>,
    #[module(skip)]
    is_last: bool,
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.conv.forward(x);
        let x = match &self.norm {
            Some(norm) => norm.forward(x),
            None => x,
        };
        let x = leaky_relu(x, 0.2);
        if self.is_last { x } else { halve(x) }
    }
}

/// What a discriminator says of a batch.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// Output of every block, for feature matching.
    pub features: Vec<Tensor<4>>,
    /// One number a patch, `[n, 1, h, w]`; near 1 means taken for real.
    pub prediction: Tensor<4>,
}

/// A discriminator for one size of picture.
#[derive(Module, Debug)]
pub struct Discriminator {
    down_blocks: Vec<Block>,
    conv: SpectralConv,
    #[module(skip)]
    kp_variance: f64,
    #[module(skip)]
    heatmaps: usize,
}

impl Discriminator {
    /// A discriminator with random weights.
    pub fn init(config: &DiscriminatorConfig, device: &Device) -> Self {
        let width = |level: usize| config.max_features.min(config.block_expansion << level);
        let block = |i: usize| {
            let from = if i == 0 { config.num_channels + config.heatmaps } else { width(i) };
            Block {
                conv: SpectralConv::init(from, width(i + 1), 4, config.spectral_norm, device),
                norm: (i > 0).then(|| InstanceNorm::init(width(i + 1), device)),
                is_last: i + 1 == config.num_blocks,
            }
        };
        Self {
            down_blocks: (0..config.num_blocks).map(block).collect(),
            conv: SpectralConv::init(width(config.num_blocks), 1, 1, config.spectral_norm, device),
            kp_variance: config.kp_variance,
            heatmaps: config.heatmaps,
        }
    }

    /// # Shapes
    /// - `x`: `[n, channels, h, w]` in [0, 1]; `points` are needed where the network sees heat-maps
    pub fn forward(&self, x: Tensor<4>, points: Option<&KeyPoints>) -> Judgement {
        let [_, _, h, w] = x.dims();
        let mut x = match points.filter(|_| self.heatmaps > 0) {
            Some(points) => Tensor::cat(vec![x, heatmaps(&points.value, [h, w], self.kp_variance)], 1),
            None => x,
        };
        let mut features = Vec::new();
        for block in &self.down_blocks {
            x = block.forward(x);
            features.push(x.clone());
        }
        Judgement { features, prediction: self.conv.forward(x) }
    }
}

/// One discriminator for every size of picture.
#[derive(Module, Debug)]
pub struct MultiScaleDiscriminator {
    discs: Keyed<Discriminator>,
}

impl DiscriminatorConfig {
    /// Discriminators with random weights.
    pub fn init(&self, device: &Device) -> MultiScaleDiscriminator {
        let discs = self.scales.iter().map(|scale| (scale.clone(), Discriminator::init(self, device)));
        MultiScaleDiscriminator { discs: Keyed::new(discs) }
    }
}

impl MultiScaleDiscriminator {
    /// One judgement a scale, in the order of the configuration.
    ///
    /// # Shapes
    /// - `x`: `[n, channels, h, w]` in [0, 1], at full size
    pub fn forward(&self, x: &Tensor<4>, points: Option<&KeyPoints>) -> Vec<Judgement> {
        let channels = x.dims()[1];
        let judge = |(scale, disc): (&str, &Discriminator)| {
            let scale: f64 = scale.replace('-', ".").parse().unwrap_or(1.0);
            let small = AntiAlias::init(channels, scale, &x.device().without_autodiff());
            let small = if scale < 1.0 { shrunk(&small, x) } else { x.clone() };
            disc.forward(small, points)
        };
        self.discs.entries().map(judge).collect()
    }
}

fn shrunk(filter: &AntiAlias, x: &Tensor<4>) -> Tensor<4> {
    filter.clone().to_device(&x.device()).forward(x.clone())
}
