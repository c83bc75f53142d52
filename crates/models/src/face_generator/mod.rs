//! The generator of faces that do not exist: a vector drawn from a Gaussian to a picture of a face.
//!
//! The decision that shapes it: this project's plain blocks (nearest-neighbour doubling, 3x3
//! convolution, batch normalisation that is folded before use) up to half the side, then last
//! layers of one of three kinds. What they leave in a picture's spectrum is a generator's
//! fingerprint, so they are what variants differ in, and nothing else. How the vectors come to mean
//! faces is the training's work, in `lab`. It judges nothing and marks nothing.
mod discriminator;
mod synthesizer;

use burn::module::Module;
use burn::nn::conv::{ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

pub use discriminator::{Discriminator, Judgement};
pub use synthesizer::{Synthesizer, latent};

use crate::blocks::{ConvNorm, Form};
use crate::layers::{Activation, Conv, ConvConfig, Fold, Padding, upsample_nearest};
use crate::training::Rounding;

/// The last layers, at full size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastLayers {
    /// Doubling by nearest neighbours, then two convolutions of 3x3.
    K3,
    /// A transposed convolution of 4x4 with stride 2 (as DCGAN's: Radford, Metz, Chintala 2016),
    /// then a convolution of 4x4.
    K4,
    /// Doubling by nearest neighbours, then two convolutions of 7x7.
    K7,
}

impl LastLayers {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::K3, Self::K4, Self::K7];

    /// The name that commands use.
    pub fn name(self) -> &'static str {
        match self {
            Self::K3 => "k3",
            Self::K4 => "k4",
            Self::K7 => "k7",
        }
    }

    /// Side of the kernels in pixels.
    pub fn kernel(self) -> usize {
        match self {
            Self::K3 => 3,
            Self::K4 => 4,
            Self::K7 => 7,
        }
    }
}

/// Size and layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Side of the face in pixels: 64 or 128.
    pub side: usize,
    /// Numbers in a vector.
    pub latent: usize,
    /// The last layers.
    pub last: LastLayers,
}

impl Default for Config {
    fn default() -> Self {
        Self { side: 64, latent: 96, last: LastLayers::K3 }
    }
}

/// Side of the first map.
const START: usize = 4;
/// Channels at sides 4, 8, 16, 32 and, for the larger picture, 64.
const WIDTHS: [usize; 5] = [128, 128, 96, 80, 48];
/// Channels of the last layers, before and after the doubling.
const LAST: [usize; 2] = [32, 16];

/// The network.
#[derive(Module, Debug)]
pub struct FaceGenerator {
    enter: Linear,
    stages: Vec<ConvNorm>,
    more: ConvNorm,
    narrow: ConvNorm,
    last: Vec<Conv>,
    transposed: Vec<ConvTranspose2d>,
    pixels: Conv,
    #[module(skip)]
    latent: usize,
}

impl Config {
    /// Whether a network of this size can be made.
    pub fn is_possible(&self) -> bool {
        [64, 128].contains(&self.side) && (1..=4096).contains(&self.latent)
    }

    /// As a list of weights says it.
    pub fn widths(&self) -> toml::Table {
        toml::Table::try_from(self).unwrap_or_default()
    }

    /// Maps that are doubled before the last layers.
    fn doublings(&self) -> usize {
        (self.side / START).max(2).ilog2() as usize - 1
    }

    /// The network with random parameters.
    pub fn init(&self, form: Form, device: &Device) -> FaceGenerator {
        let widths = &WIDTHS[..=self.doublings().min(WIDTHS.len() - 1)];
        let stage = |pair: &[usize]| ConvNorm::init([pair[0], pair[1]], 3, 1, form, device);
        let deepest = widths.last().copied().unwrap_or(WIDTHS[0]);
        let kernel = self.last.kernel();
        let conv = |from: usize, to: usize| ConvConfig::new(from, to, kernel).rounding(Rounding::Loose);
        let (last, transposed, pixels) = match self.last {
            LastLayers::K3 | LastLayers::K7 => {
                (vec![conv(LAST[0], LAST[1]).same().init(device)], Vec::new(), conv(LAST[1], 3).same())
            }
            LastLayers::K4 => {
                let doubling = ConvTranspose2dConfig::new(LAST, [4, 4]).with_stride([2, 2]).with_padding([1, 1]);
                (Vec::new(), vec![doubling.init(device)], conv(LAST[1], 3).padding(Padding::split(1, 2)))
            }
        };
        FaceGenerator {
            enter: LinearConfig::new(self.latent, START * START * widths[0]).init(device),
            stages: widths.windows(2).map(stage).collect(),
            more: ConvNorm::init([WIDTHS[2]; 2], 3, 1, form, device),
            narrow: ConvNorm::init([deepest, LAST[0]], 1, 1, form, device),
            last,
            transposed,
            pixels: pixels.init(device),
            latent: self.latent,
        }
    }
}

impl FaceGenerator {
    /// Faces, values 0 to 1.
    ///
    /// # Shapes
    /// `[batch, latent]` to `[batch, 3, side, side]`.
    pub fn forward(&self, latent: Tensor<2>) -> Tensor<4> {
        let batch = latent.dims()[0];
        let x = relu(self.enter.forward(latent)).reshape([batch, WIDTHS[0], START, START]);
        let x = self.stages.iter().enumerate().fold(x, |x, (at, stage)| {
            let x = stage.rectified(upsample_nearest(x));
            // A second look where the parts of a face are placed, and a map is still small.
            if at == 1 { self.more.rectified(x) } else { x }
        });
        let x = self.narrow.rectified(x);
        let x = match (self.last.first(), self.transposed.first()) {
            (Some(conv), _) => conv.activated(upsample_nearest(x), Activation::Relu),
            (_, Some(doubling)) => relu(doubling.forward(x)),
            _ => x,
        };
        self.pixels.activated(x, Activation::Sigmoid)
    }

    /// Numbers in a vector.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// The same function without batch normalisation.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self {
            stages: self.stages.iter().map(ConvNorm::folded).collect(),
            more: self.more.folded(),
            narrow: self.narrow.folded(),
            ..self.clone()
        }
    }
}

impl Fold for FaceGenerator {
    fn fold(self) -> Self {
        Self {
            stages: self.stages.fold(),
            more: self.more.fold(),
            narrow: self.narrow.fold(),
            last: self.last.into_iter().map(|conv| conv.folded(None)).collect(),
            pixels: self.pixels.folded(None),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;
    use crate::state::{floats, shapes};

    #[test]
    fn every_variant_makes_pictures_and_folding_keeps_them() {
        let device = Device::default();
        for (side, last) in LastLayers::ALL.map(|last| (64, last)).into_iter().chain([(128, LastLayers::K3)]) {
            let net = Config { side, last, latent: 8 }.init(Form::Trained, &device);
            let z = Tensor::<2>::random([2, 8], Distribution::Normal(0.0, 1.0), &device);
            let made = net.forward(z.clone());
            assert_eq!(made.dims(), [2, 3, side, side], "{last:?}");
            let (made, folded) = (floats(made), floats(net.folded().fold().forward(z)));
            let far = made.iter().zip(&folded).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far < 1e-4, "{last:?}: {far}");
            assert_ne!(made[..made.len() / 2], made[made.len() / 2..], "two vectors, two faces");
        }
    }

    #[test]
    fn the_default_fits_into_a_megabyte_and_a_third_in_half_precision() {
        let net = Config::default().init(Form::Folded, &Device::default());
        let parameters: usize = shapes(&net).values().map(|s| s.iter().product::<usize>()).sum();
        assert!(parameters < 650_000, "{parameters}");
    }
}
