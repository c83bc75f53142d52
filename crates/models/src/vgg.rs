//! VGG-19 (Simonyan and Zisserman, ICLR 2015, arXiv:1409.1556), of which perceptual losses ask the
//! features.
//!
//! The decision that shapes it: names are those of torchvision's checkpoint, which brings a
//! classifier that nothing here asks; it is known so that a file can be held to its network, and
//! left out of the network that is run. No weights are part of the program: torchvision's were
//! trained on ImageNet.
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::layers::{Activation, Conv, ConvConfig, Keyed};

/// Places of the convolutions among torchvision's layers, with their channels.
const CONVOLUTIONS: [(usize, usize, usize); 16] = [
    (0, 3, 64),
    (2, 64, 64),
    (5, 64, 128),
    (7, 128, 128),
    (10, 128, 256),
    (12, 256, 256),
    (14, 256, 256),
    (16, 256, 256),
    (19, 256, 512),
    (21, 512, 512),
    (23, 512, 512),
    (25, 512, 512),
    (28, 512, 512),
    (30, 512, 512),
    (32, 512, 512),
    (34, 512, 512),
];
/// The convolutions behind a pooling, of which the first of each size is asked (`relu1_1` to
/// `relu5_1`, as in First Order Motion Model, section 3.4).
const ASKED: [usize; 5] = [0, 5, 10, 19, 28];
/// Mean and spread of ImageNet's colours.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const SPREAD: [f32; 3] = [0.229, 0.224, 0.225];

/// What of the network there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vgg19Config {
    /// Whether the three layers that tell ImageNet's classes are there.
    pub classifier: bool,
}

/// The network.
#[derive(Module, Debug)]
pub struct Vgg19 {
    features: Keyed<Conv>,
    classifier: Option<Keyed<Linear>>,
}

impl Vgg19Config {
    /// A network with random weights.
    pub fn init(self, device: &Device) -> Vgg19 {
        let conv =
            |(at, from, to): (usize, usize, usize)| (at.to_string(), ConvConfig::new(from, to, 3).same().init(device));
        let linear = |(at, from, to): (&str, usize, usize)| (at.to_owned(), LinearConfig::new(from, to).init(device));
        let layers = [("0", 512 * 7 * 7, 4096), ("3", 4096, 4096), ("6", 4096, 1000)];
        Vgg19 {
            features: Keyed::new(CONVOLUTIONS.map(conv)),
            classifier: self.classifier.then(|| Keyed::new(layers.map(linear))),
        }
    }
}

impl Vgg19 {
    /// The maps `relu1_1`, `relu2_1`, `relu3_1`, `relu4_1` and `relu5_1`.
    ///
    /// # Shapes
    /// - `picture`: `[n, 3, h, w]` in [0, 1], sides of 16 at least; output: 64 channels at its
    ///   size, then twice as many at half of it, 512 in the last two
    pub fn maps(&self, picture: Tensor<4>) -> Vec<Tensor<4>> {
        let device = picture.device();
        let colours = |v: [f32; 3]| Tensor::<4>::from_data(TensorData::new(v.to_vec(), [1, 3, 1, 1]), &device);
        let mut x = (picture - colours(MEAN)) / colours(SPREAD);
        let mut maps = Vec::with_capacity(ASKED.len());
        for ((at, ..), conv) in CONVOLUTIONS.iter().zip(self.features.iter()) {
            let is_asked = ASKED.contains(at);
            if is_asked && *at > 0 {
                x = max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]));
            }
            x = conv.activated(x, Activation::Relu);
            if is_asked {
                maps.push(x.clone());
            }
            if maps.len() == ASKED.len() {
                break;
            }
        }
        maps
    }
}
