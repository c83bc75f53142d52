//! Xception as a detector of manipulated faces (Chollet 2017; the structure of the PyTorch port by
//! T. Standley, on which Rossler et al. 2019 and Bonettini et al. 2020 trained theirs).
//!
//! The decision that shapes it: modules are named and numbered as in that port
//! (`block3.rep.4.pointwise`), because every published checkpoint is. Which mean and deviation the
//! input is normalised with differs between publications and belongs to the weights.
use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::layers::{Activation, Conv, ConvConfig, Fold, Keyed, plane_means};

/// Channels that the pooled features have.
pub const FEATURES: usize = 2048;

/// What kind of Xception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct XceptionConfig {
    /// Outputs of the last layer: 1 for a logit, 2 for a pair of classes, 1000 for ImageNet.
    pub outputs: usize,
}

/// Depth-wise, then point-wise convolution, neither with bias.
#[derive(Module, Debug)]
struct Separable {
    conv1: Conv,
    pointwise: Conv,
}

impl Separable {
    fn init(channels_in: usize, channels_out: usize, device: &Device) -> Self {
        Self {
            conv1: ConvConfig::new(channels_in, channels_in, 3).same().groups(channels_in).without_bias().init(device),
            pointwise: ConvConfig::new(channels_in, channels_out, 1).without_bias().init(device),
        }
    }

    fn normed(&self, norm: &BatchNorm, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        self.pointwise.normed(norm, self.conv1.forward(x), activation)
    }

    fn folded(mut self, norm: &BatchNorm) -> Self {
        self.conv1 = self.conv1.folded(None);
        self.pointwise = self.pointwise.folded(Some(norm));
        self
    }
}

/// The `Sequential` of a block; what has no parameters leaves gaps in the numbers.
#[derive(Module, Debug)]
struct Repeats {
    flat_convs: Keyed<Separable>,
    flat_norms: Keyed<BatchNorm>,
}

/// Separable convolutions around a shortcut.
#[derive(Module, Debug)]
struct Block {
    rep: Repeats,
    skip: Option<Conv>,
    skipbn: Option<BatchNorm>,
    #[module(skip)]
    starts_with_relu: bool,
    #[module(skip)]
    stride: usize,
}

struct BlockConfig {
    channels: [usize; 2],
    repeats: usize,
    stride: usize,
    starts_with_relu: bool,
    grows_first: bool,
}

impl BlockConfig {
    fn init(&self, device: &Device) -> Block {
        let [from, to] = self.channels;
        let grows_at = if self.grows_first { 0 } else { self.repeats - 1 };
        let width = |i: usize| if i > grows_at { to } else { from };
        let out = |i: usize| if i >= grows_at { to } else { from };
        let at = |i: usize| 3 * i + usize::from(self.starts_with_relu);
        let convs = (0..self.repeats).map(|i| (at(i).to_string(), Separable::init(width(i), out(i), device)));
        let norms = (0..self.repeats).map(|i| ((at(i) + 1).to_string(), BatchNormConfig::new(out(i)).init(device)));
        let has_skip = from != to || self.stride != 1;
        Block {
            rep: Repeats { flat_convs: Keyed::new(convs), flat_norms: Keyed::new(norms) },
            skip: has_skip.then(|| ConvConfig::new(from, to, 1).stride(self.stride).without_bias().init(device)),
            skipbn: has_skip.then(|| BatchNormConfig::new(to).init(device)),
            starts_with_relu: self.starts_with_relu,
            stride: self.stride,
        }
    }
}

impl Block {
    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let shortcut = match (&self.skip, &self.skipbn) {
            (Some(conv), Some(norm)) => conv.normed(norm, input.clone(), Activation::None),
            _ => input.clone(),
        };
        let mut x = if self.starts_with_relu { relu(input) } else { input };
        let last = self.rep.flat_convs.iter().len().saturating_sub(1);
        for (i, (conv, norm)) in self.rep.flat_convs.iter().zip(self.rep.flat_norms.iter()).enumerate() {
            // The ReLU that stands before the next convolution.
            x = conv.normed(norm, x, if i < last { Activation::Relu } else { Activation::None });
        }
        if self.stride > 1 {
            let options = MaxPoolOptions::new([3, 3]).with_stride([self.stride; 2]).with_padding([1, 1]);
            x = max_pool2d(x, options);
        }
        x + shortcut
    }
}

impl Fold for Block {
    fn fold(mut self) -> Self {
        let Repeats { flat_convs, flat_norms } = self.rep;
        let folded = flat_convs.zip_map(&flat_norms, Separable::folded);
        self.rep = Repeats { flat_convs: folded, flat_norms };
        self.skip = self.skip.map(|conv| conv.folded(self.skipbn.as_ref()));
        self
    }
}

/// The network, one or more logits.
#[derive(Module, Debug)]
pub struct Xception {
    conv1: Conv,
    bn1: BatchNorm,
    conv2: Conv,
    bn2: BatchNorm,
    flat_blocks: Keyed<Block>,
    conv3: Separable,
    bn3: BatchNorm,
    conv4: Separable,
    bn4: BatchNorm,
    last_linear: Linear,
}

/// [`Xception`] under the name that the ICPR 2020 checkpoints give it. Positive means fake.
#[derive(Module, Debug)]
pub struct XceptionDetector {
    xception: Xception,
}

/// The siamese-tuned form of [`XceptionDetector`].
#[derive(Module, Debug)]
pub struct XceptionSiamese {
    feat_ext: XceptionDetector,
    classifier: (BatchNorm, Linear),
}

impl XceptionConfig {
    /// A network with random weights.
    pub fn init(&self, device: &Device) -> Xception {
        let block = |i: usize| BlockConfig {
            channels: match i {
                1 => [64, 128],
                2 => [128, 256],
                3 => [256, 728],
                12 => [728, 1024],
                _ => [728, 728],
            },
            repeats: if (4..12).contains(&i) { 3 } else { 2 },
            stride: if (4..12).contains(&i) { 1 } else { 2 },
            starts_with_relu: i > 1,
            grows_first: i < 12,
        };
        let plain = |from: usize, to: usize| ConvConfig::new(from, to, 3).without_bias();
        let norm = |channels: usize| BatchNormConfig::new(channels).init(device);
        Xception {
            conv1: plain(3, 32).stride(2).init(device),
            bn1: norm(32),
            conv2: plain(32, 64).init(device),
            bn2: norm(64),
            flat_blocks: Keyed::new((1..=12).map(|i| (format!("block{i}"), block(i).init(device)))),
            conv3: Separable::init(1024, 1536, device),
            bn3: norm(1536),
            conv4: Separable::init(1536, FEATURES, device),
            bn4: norm(FEATURES),
            last_linear: LinearConfig::new(FEATURES, self.outputs).init(device),
        }
    }

    /// The ICPR 2020 detector with random weights.
    pub fn init_detector(&self, device: &Device) -> XceptionDetector {
        XceptionDetector { xception: self.init(device) }
    }

    /// Its siamese-tuned form with random weights.
    pub fn init_siamese(&self, device: &Device) -> XceptionSiamese {
        XceptionSiamese {
            feat_ext: self.init_detector(device),
            classifier: (
                BatchNormConfig::new(FEATURES).init(device),
                LinearConfig::new(FEATURES, self.outputs).init(device),
            ),
        }
    }
}

impl Xception {
    /// Features after the last ReLU, averaged over the picture.
    ///
    /// # Shapes
    /// - `x`: `[n, 3, h, w]`, normalised; output: `[n, 2048]`
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.conv1.normed(&self.bn1, x, Activation::Relu);
        let x = self.conv2.normed(&self.bn2, x, Activation::Relu);
        let x = self.flat_blocks.iter().fold(x, |x, block| block.forward(x));
        let x = self.conv3.normed(&self.bn3, x, Activation::Relu);
        let x = self.conv4.normed(&self.bn4, x, Activation::Relu);
        let [n, c, _, _] = x.dims();
        plane_means(x).1.reshape([n, c])
    }

    /// # Shapes
    /// - `x`: `[n, 3, h, w]`, normalised; output: `[n, outputs]`, logits
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.last_linear.forward(self.features(x))
    }
}

impl XceptionDetector {
    /// # Shapes
    /// - `x`: `[n, 3, h, w]`, normalised; output: `[n, outputs]`, logits
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.xception.forward(x)
    }
}

impl XceptionSiamese {
    /// # Shapes
    /// - `x`: `[n, 3, h, w]`, normalised; output: `[n, outputs]`, logits
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let (norm, linear) = &self.classifier;
        linear.forward(norm.forward(self.feat_ext.xception.features(x)))
    }
}

impl Fold for Xception {
    fn fold(mut self) -> Self {
        self.conv1 = self.conv1.folded(Some(&self.bn1));
        self.conv2 = self.conv2.folded(Some(&self.bn2));
        self.flat_blocks = self.flat_blocks.fold();
        self.conv3 = self.conv3.folded(&self.bn3);
        self.conv4 = self.conv4.folded(&self.bn4);
        self
    }
}

impl Fold for XceptionDetector {
    fn fold(self) -> Self {
        Self { xception: self.xception.fold() }
    }
}

impl Fold for XceptionSiamese {
    fn fold(mut self) -> Self {
        self.feat_ext = self.feat_ext.fold();
        self
    }
}
