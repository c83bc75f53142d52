//! MesoNet: two small networks for manipulated faces (Afchar et al., WIFS 2018, arXiv:1809.00888).
//!
//! The decision that shapes it: the original is Keras, so order and constants are Keras's:
//! convolution, ReLU, then normalisation with epsilon 1e-3, and flattening with the channel
//! innermost. Input 256 x 256 RGB in [0, 1]. The output is `P(real)`, as published.
use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{leaky_relu, sigmoid};
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::layers::{Activation, Conv, ConvConfig, Fold};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MesoNetKind {
    /// Four plain layers of convolution.
    Meso4,
    /// The first two are inception modules with dilated convolutions.
    MesoInception4,
}

/// Four parallel ways of seeing, side by side: 1 x 1, 3 x 3, and 3 x 3 with holes of one and two
/// pixels.
#[derive(Module, Debug)]
struct Inception {
    a: Conv,
    b: Vec<Conv>,
    c: Vec<Conv>,
    d: Vec<Conv>,
}

impl Inception {
    fn init(channels: usize, widths: [usize; 4], device: &Device) -> Self {
        let [a, b, c, d] = widths;
        let one = |n: usize| ConvConfig::new(channels, n, 1).init(device);
        let way = |n: usize, dilation: usize| vec![one(n), ConvConfig::new(n, n, 3).dilated(dilation).init(device)];
        Self { a: one(a), b: way(b, 1), c: way(c, 2), d: way(d, 3) }
    }

    fn forward(&self, x: &Tensor<4>) -> Tensor<4> {
        let way = |convs: &[Conv]| convs.iter().fold(x.clone(), |x, conv| conv.activated(x, Activation::Relu));
        let ways = vec![self.a.activated(x.clone(), Activation::Relu), way(&self.b), way(&self.c), way(&self.d)];
        Tensor::cat(ways, 1)
    }
}

/// MesoNet.
#[derive(Module, Debug)]
pub struct MesoNet {
    inception1: Option<Inception>,
    inception2: Option<Inception>,
    conv1: Option<Conv>,
    conv2: Option<Conv>,
    conv3: Conv,
    conv4: Conv,
    bn1: BatchNorm,
    bn2: BatchNorm,
    bn3: BatchNorm,
    bn4: BatchNorm,
    fc1: Linear,
    fc2: Linear,
}

impl MesoNetKind {
    /// A network with random weights.
    pub fn init(self, device: &Device) -> MesoNet {
        let plain = self == Self::Meso4;
        let conv = |from: usize, to: usize, k: usize| ConvConfig::new(from, to, k).same().init(device);
        let norm = |n: usize| BatchNormConfig::new(n).with_epsilon(1e-3).with_momentum(0.01).init(device);
        let [first, second] = if plain { [8, 8] } else { [11, 12] };
        MesoNet {
            inception1: (!plain).then(|| Inception::init(3, [1, 4, 4, 2], device)),
            inception2: (!plain).then(|| Inception::init(first, [2, 4, 4, 2], device)),
            conv1: plain.then(|| conv(3, first, 3)),
            conv2: plain.then(|| conv(first, second, 5)),
            conv3: conv(second, 16, 5),
            conv4: conv(16, 16, 5),
            bn1: norm(first),
            bn2: norm(second),
            bn3: norm(16),
            bn4: norm(16),
            fc1: LinearConfig::new(16 * 8 * 8, 16).init(device),
            fc2: LinearConfig::new(16, 1).init(device),
        }
    }
}

impl MesoNet {
    /// # Shapes
    /// - `x`: `[n, 3, 256, 256]` RGB in [0, 1]; output: `[n, 1]`, the probability of a real face
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let pool =
            |x: Tensor<4>, size: usize| max_pool2d(x, MaxPoolOptions::new([size, size]).with_stride([size, size]));
        let first = |conv: &Option<Conv>, inception: &Option<Inception>, x: Tensor<4>| match (conv, inception) {
            (Some(conv), _) => conv.activated(x, Activation::Relu),
            (None, Some(inception)) => inception.forward(&x),
            (None, None) => x,
        };
        let x = pool(self.bn1.forward(first(&self.conv1, &self.inception1, x)), 2);
        let x = pool(self.bn2.forward(first(&self.conv2, &self.inception2, x)), 2);
        let x = pool(self.bn3.forward(self.conv3.activated(x, Activation::Relu)), 2);
        let x = pool(self.bn4.forward(self.conv4.activated(x, Activation::Relu)), 4);
        let [n, c, h, w] = x.dims();
        let flat: Tensor<2> = x.permute([0, 2, 3, 1]).reshape([n, c * h * w]);
        let hidden = leaky_relu(self.fc1.forward(flat), 0.1);
        sigmoid(self.fc2.forward(hidden))
    }
}

impl Fold for MesoNet {
    fn fold(mut self) -> Self {
        let inception = |i: Inception| Inception {
            a: i.a.folded(None),
            b: i.b.into_iter().map(|c| c.folded(None)).collect(),
            c: i.c.into_iter().map(|c| c.folded(None)).collect(),
            d: i.d.into_iter().map(|c| c.folded(None)).collect(),
        };
        self.inception1 = self.inception1.map(inception);
        self.inception2 = self.inception2.map(inception);
        self.conv1 = self.conv1.map(|c| c.folded(None));
        self.conv2 = self.conv2.map(|c| c.folded(None));
        self.conv3 = self.conv3.folded(None);
        self.conv4 = self.conv4.folded(None);
        self
    }
}
