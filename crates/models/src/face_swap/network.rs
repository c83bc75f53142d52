//! The autoencoder itself.
//!
//! The decision that shapes it: a face comes back as somebody, so there is one forward with the
//! person as its argument. A reconstruction and a swap are the same call on another face.
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use super::attention::SelfAttention;
use super::config::{Config, Layout};
use crate::blocks::patches;
use crate::layers::{Conv, ConvConfig, Fold, depth_to_space};
use crate::training::Rounding;

/// What is negative behind a convolution is multiplied by this.
const SLOPE: f32 = 0.1;
/// The same within residual blocks.
const RESIDUAL_SLOPE: f32 = 0.2;

/// One of the two people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Person {
    /// The first.
    A,
    /// The second.
    B,
}

/// A batch of made faces.
#[derive(Debug, Clone)]
pub struct Made {
    /// `[n, 3, side, side]`, 0 to 1.
    pub picture: Tensor<4>,
    /// What of it is face, `[n, 1, side, side]`, 0 to 1; `None` for a network without such a head.
    pub mask: Option<Tensor<4>>,
}

/// The network.
#[derive(Module, Debug)]
pub struct FaceSwap {
    encoder: Vec<Conv>,
    attention: Option<SelfAttention>,
    inters: Vec<Inter>,
    decoders: Vec<Decoder>,
    #[module(skip)]
    patch: usize,
    #[module(skip)]
    doubles: bool,
}

/// From the encoder's map to a code and back to a small map.
#[derive(Module, Debug)]
struct Inter {
    into: Linear,
    out_of: Linear,
    raise: Conv,
    #[module(skip)]
    lowest: usize,
}

/// Two convolutions beside the identity.
#[derive(Module, Debug)]
struct Residual {
    conv1: Conv,
    conv2: Conv,
}

#[derive(Module, Debug)]
struct Decoder {
    ups: Vec<Conv>,
    residuals: Vec<Residual>,
    attention: Option<SelfAttention>,
    picture: Conv,
    mask_ups: Vec<Conv>,
    mask: Option<Conv>,
    #[module(skip)]
    doubles: bool,
}

fn conv(ins: usize, outs: usize, kernel: usize, stride: usize, device: &Device) -> Conv {
    ConvConfig::new(ins, outs, kernel).same().stride(stride).rounding(Rounding::Loose).init(device)
}

impl Config {
    /// The network with random parameters.
    pub fn init(&self, device: &Device) -> FaceSwap {
        let first = 3 * self.patch * self.patch;
        let ins = std::iter::once(&first).chain(&self.encoder);
        let encoder: Vec<Conv> = ins
            .zip(&self.encoder)
            .enumerate()
            .map(|(i, (ins, outs))| {
                let stride = if self.patch == 1 || i > 0 { 2 } else { 1 };
                conv(*ins, *outs, self.kernel, stride, device)
            })
            .collect();
        let last = self.encoder.last().copied().unwrap_or(first);
        // The map before the last one is where a face's parts are told from one another.
        let before = self.encoder.iter().rev().nth(1).copied();
        let inters = if self.layout == Layout::Liae { 2 } else { 1 };
        let decoders = if self.layout == Layout::Df { 2 } else { 1 };
        FaceSwap {
            attention: before.filter(|_| self.attention).map(|c| SelfAttention::init(c, device)),
            encoder,
            inters: (0..inters).map(|_| Inter::init(self, last * self.end() * self.end(), device)).collect(),
            decoders: (0..decoders).map(|_| Decoder::init(self, device)).collect(),
            patch: self.patch,
            doubles: self.doubles,
        }
    }
}

impl Inter {
    fn init(config: &Config, flat: usize, device: &Device) -> Self {
        let lowest = config.lowest();
        Self {
            into: LinearConfig::new(flat, config.code).init(device),
            out_of: LinearConfig::new(config.code, config.inter * lowest * lowest).init(device),
            raise: conv(config.inter, 4 * config.raised, 3, 1, device),
            lowest,
        }
    }

    /// # Shapes
    /// `[n, flat]` to `[n, raised, 2 lowest, 2 lowest]`.
    fn forward(&self, latent: Tensor<2>) -> Tensor<4> {
        let small = self.out_of.forward(self.into.forward(latent));
        let [n, values] = small.dims();
        let small = small.reshape([n, values / (self.lowest * self.lowest), self.lowest, self.lowest]);
        depth_to_space(self.raise.rectified(small, None, SLOPE))
    }
}

impl Residual {
    fn init(channels: usize, device: &Device) -> Self {
        let conv = || conv(channels, channels, 3, 1, device);
        Self { conv1: conv(), conv2: conv() }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = self.conv1.rectified(x.clone(), None, RESIDUAL_SLOPE);
        self.conv2.rectified(inner, Some(x), RESIDUAL_SLOPE)
    }
}

impl Decoder {
    fn init(config: &Config, device: &Device) -> Self {
        let given = config.given();
        let ups = |widths: &[usize]| -> Vec<Conv> {
            let ins = std::iter::once(&given).chain(widths);
            ins.zip(widths).map(|(ins, outs)| conv(*ins, 4 * outs, 3, 1, device)).collect()
        };
        let last = config.decoder.last().copied().unwrap_or(given);
        let residuals = config.decoder.iter().filter(|_| config.is_residual);
        let first = config.decoder.first().filter(|_| config.attention);
        Self {
            ups: ups(&config.decoder),
            residuals: residuals.map(|c| Residual::init(*c, device)).collect(),
            attention: first.map(|c| SelfAttention::init(*c, device)),
            picture: conv(last, if config.doubles { 12 } else { 3 }, config.picture_kernel, 1, device),
            mask_ups: ups(&config.mask),
            mask: config.mask.last().map(|c| conv(*c, 1, 1, 1, device)),
            doubles: config.doubles,
        }
    }

    fn forward(&self, code: Tensor<4>) -> Made {
        let mut x = code.clone();
        for (i, up) in self.ups.iter().enumerate() {
            x = depth_to_space(up.rectified(x, None, SLOPE));
            if let Some(residual) = self.residuals.get(i) {
                x = residual.forward(x);
            }
            if let Some(attention) = self.attention.as_ref().filter(|_| i == 0) {
                x = attention.forward(x);
            }
        }
        let picture = self.picture.forward(x);
        let picture = if self.doubles { depth_to_space(picture) } else { picture };
        let mask = self.mask.as_ref().map(|last| {
            let up = |x, up: &Conv| depth_to_space(up.rectified(x, None, SLOPE));
            sigmoid(last.forward(self.mask_ups.iter().fold(code, up)))
        });
        Made { picture: sigmoid(picture), mask }
    }
}

impl FaceSwap {
    /// What the encoder sees in faces.
    ///
    /// # Shapes
    /// `[n, 3, side, side]` with values 0 to 1, to `[n, flat]`.
    pub fn encode(&self, faces: Tensor<4>) -> Tensor<2> {
        let mut x = if self.patch == 1 { faces } else { patches(faces) };
        for (i, conv) in self.encoder.iter().enumerate() {
            x = conv.rectified(x, None, SLOPE);
            if let Some(attention) = self.attention.as_ref().filter(|_| i + 2 == self.encoder.len()) {
                x = attention.forward(x);
            }
        }
        let [n, channels, h, w] = x.dims();
        let flat: Tensor<2> = x.reshape([n, channels * h * w]);
        if !self.doubles {
            return flat;
        }
        let square: Tensor<2> = flat.clone().square().mean_dim(1);
        flat / (square + 1e-6).sqrt()
    }

    /// The faces of what [`FaceSwap::encode`] saw, as faces of `person`.
    ///
    /// # Shapes
    /// `[n, flat]` to [`Made`].
    pub fn decode(&self, latent: &Tensor<2>, person: Person) -> Made {
        let at = usize::from(person == Person::B);
        let code = |inter: usize| self.inters.get(inter).map(|i| i.forward(latent.clone()));
        let (code, decoder) = match (code(0), (person == Person::B).then(|| code(1)).flatten()) {
            (Some(both), Some(own)) => (Tensor::cat(vec![own, both], 1), 0),
            (Some(both), None) if self.inters.len() > 1 => (Tensor::cat(vec![both.clone(), both], 1), 0),
            (Some(both), None) => (both, at),
            (None, _) => unreachable!("a network has an inner layer"),
        };
        match self.decoders.get(decoder) {
            Some(decoder) => decoder.forward(code),
            None => unreachable!("a network has its decoders"),
        }
    }

    /// Faces as faces of `person`: reconstructions where they are that person's, swaps where they
    /// are the other's.
    ///
    /// # Shapes
    /// `[n, 3, side, side]` with values 0 to 1, to [`Made`].
    pub fn forward(&self, faces: Tensor<4>, person: Person) -> Made {
        self.decode(&self.encode(faces), person)
    }
}

impl Fold for Residual {
    fn fold(self) -> Self {
        Self { conv1: self.conv1.folded(None), conv2: self.conv2.folded(None) }
    }
}

fn folded(convs: Vec<Conv>) -> Vec<Conv> {
    convs.into_iter().map(|conv| conv.folded(None)).collect()
}

impl Fold for Decoder {
    fn fold(self) -> Self {
        Self {
            ups: folded(self.ups),
            residuals: self.residuals.fold(),
            attention: self.attention.map(Fold::fold),
            picture: self.picture.folded(None),
            mask_ups: folded(self.mask_ups),
            mask: self.mask.map(|conv| conv.folded(None)),
            doubles: self.doubles,
        }
    }
}

impl Fold for FaceSwap {
    fn fold(self) -> Self {
        let raised = |inter: Inter| Inter { raise: inter.raise.folded(None), ..inter };
        Self {
            encoder: folded(self.encoder),
            attention: self.attention.map(Fold::fold),
            inters: self.inters.into_iter().map(raised).collect(),
            decoders: self.decoders.fold(),
            ..self
        }
    }
}
