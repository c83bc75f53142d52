//! The tiny autoencoder "taef2" (Ollin Boer Bohan, MIT licence), distilled from the autoencoder of
//! FLUX.2: what a latent diffusion generator leaves on every picture, on any photograph.
//!
//! The decision that shapes it: a picture that went through it shows what the photograph shows, so
//! pairs of both differ by nothing but the decoder that all pictures of such a generator go
//! through. The published files name layers by number; here they are two lists by that number.
use std::path::Path;

use assay_checkpoints::{Checkpoint, Options, StateDict};
use burn::module::Module;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::activation::{relu, tanh};
use burn::tensor::{Device, Tensor, TensorData};

use crate::ModelError;
use crate::layers::{Activation, Conv, ConvConfig, Keyed, Padding, upsample_nearest};
use crate::state::{self, floats};

/// Channels of all layers within.
const WIDTH: usize = 64;
/// Channels of the code.
pub const CODE: usize = 32;
/// Pixels of the picture along a side of the code's place.
pub const STEP: usize = 8;

/// A layer of a coder, by its number.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layer {
    /// A convolution of 3x3 from so many channels to so many.
    Conv { from: usize, to: usize, stride: usize, bias: bool },
    /// Three convolutions around which the input goes; some add a normalised branch before.
    Block { normed: bool },
    /// `3 tanh(x / 3)`.
    Clamp,
    /// Negative values away.
    Relu,
    /// Every pixel becomes four.
    Double,
}

const STRIDED: Layer = Layer::Conv { from: WIDTH, to: WIDTH, stride: 2, bias: false };
const PLAIN: Layer = Layer::Conv { from: WIDTH, to: WIDTH, stride: 1, bias: false };
const BLOCK: Layer = Layer::Block { normed: false };
const NORMED: Layer = Layer::Block { normed: true };

const ENCODER: [Layer; 15] = [
    Layer::Conv { from: 3, to: WIDTH, stride: 1, bias: true },
    BLOCK,
    STRIDED,
    BLOCK,
    BLOCK,
    BLOCK,
    STRIDED,
    BLOCK,
    BLOCK,
    BLOCK,
    STRIDED,
    NORMED,
    NORMED,
    NORMED,
    Layer::Conv { from: WIDTH, to: CODE, stride: 1, bias: true },
];
const DECODER: [Layer; 20] = [
    Layer::Clamp,
    Layer::Conv { from: CODE, to: WIDTH, stride: 1, bias: true },
    Layer::Relu,
    NORMED,
    NORMED,
    NORMED,
    Layer::Double,
    PLAIN,
    BLOCK,
    BLOCK,
    BLOCK,
    Layer::Double,
    PLAIN,
    BLOCK,
    BLOCK,
    BLOCK,
    Layer::Double,
    PLAIN,
    BLOCK,
    Layer::Conv { from: WIDTH, to: 3, stride: 1, bias: true },
];

#[derive(Module, Debug)]
struct Block {
    conv: Keyed<Conv>,
    pool: Keyed<Conv>,
    norm: Option<GroupNorm>,
}

impl Block {
    fn init(normed: bool, device: &Device) -> Self {
        let conv = |key: &str| (key.to_owned(), ConvConfig::new(WIDTH, WIDTH, 3).padding(Padding::all(1)).init(device));
        let pool = |(key, from, to): (&str, usize, usize)| {
            (key.to_owned(), ConvConfig::new(from, to, 1).without_bias().init(device))
        };
        let pools = [("0", WIDTH, 4 * WIDTH), ("3", 4 * WIDTH, WIDTH)];
        Self {
            conv: Keyed::new(["0", "2", "4"].map(conv)),
            pool: Keyed::new(pools.into_iter().filter(|_| normed).map(pool)),
            norm: normed.then(|| GroupNormConfig::new(4, 4 * WIDTH).init(device)),
        }
    }

    fn forward(&self, mut x: Tensor<4>) -> Tensor<4> {
        if let (Some(norm), [widen, narrow]) = (&self.norm, &self.pool.iter().collect::<Vec<_>>()[..]) {
            let wide = relu(norm.forward(widen.forward(x.clone())));
            x = x + narrow.forward(wide);
        }
        let last = self.conv.iter().len().saturating_sub(1);
        let mut y = x.clone();
        for (at, conv) in self.conv.iter().enumerate() {
            y = if at < last { conv.activated(y, Activation::Relu) } else { conv.forward(y) };
        }
        relu(y + x)
    }
}

/// One half of the autoencoder.
#[derive(Module, Debug)]
struct Coder {
    convs: Keyed<Conv>,
    blocks: Keyed<Block>,
}

impl Coder {
    fn init(layers: &[Layer], device: &Device) -> Self {
        let (mut convs, mut blocks) = (Vec::new(), Vec::new());
        for (at, layer) in layers.iter().enumerate() {
            match *layer {
                Layer::Conv { from, to, stride, bias } => {
                    let config = ConvConfig::new(from, to, 3).stride(stride).padding(Padding::all(1));
                    let config = if bias { config } else { config.without_bias() };
                    convs.push((at.to_string(), config.init(device)));
                }
                Layer::Block { normed } => blocks.push((at.to_string(), Block::init(normed, device))),
                Layer::Clamp | Layer::Relu | Layer::Double => {}
            }
        }
        Self { convs: Keyed::new(convs), blocks: Keyed::new(blocks) }
    }

    fn forward(&self, layers: &[Layer], mut x: Tensor<4>) -> Tensor<4> {
        let (mut convs, mut blocks) = (self.convs.iter(), self.blocks.iter());
        for layer in layers {
            x = match layer {
                Layer::Conv { .. } => convs.next().map_or(x.clone(), |conv| conv.forward(x)),
                Layer::Block { .. } => blocks.next().map_or(x.clone(), |block| block.forward(x)),
                Layer::Clamp => tanh(x / 3.0) * 3.0,
                Layer::Relu => relu(x),
                Layer::Double => upsample_nearest(x),
            };
        }
        x
    }

    /// The weights of a published file.
    fn open(layers: &[Layer], path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path).map_err(ModelError::io("read", path))?;
        let checkpoint = Checkpoint::from_bytes(&bytes, Options::default())
            .map_err(|source| ModelError::Checkpoint { path: path.to_owned(), source })?;
        let named: StateDict = checkpoint.into_tensors().into_iter().map(|(name, t)| (renamed(&name), t)).collect();
        state::load(Self::init(layers, &Device::default()), &named, "")
            .map_err(|e| ModelError::WrongNetwork { path: path.to_owned(), reason: e.to_string() })
    }
}

/// A published name (`3.pool.1.weight`) in the lists of a coder (`blocks.3.norm.gamma` and so on).
fn renamed(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [at, "pool", "1", rest] => format!("blocks.{at}.norm.{rest}"),
        [at, part @ ("conv" | "pool"), rest @ ..] => format!("blocks.{at}.{part}.{}", rest.join(".")),
        _ => format!("convs.{name}"),
    }
}

/// The autoencoder.
#[derive(Debug)]
pub struct TinyAutoencoder {
    encoder: Coder,
    decoder: Coder,
}

impl TinyAutoencoder {
    /// From the two published files, `taef2_encoder.pth` and `taef2_decoder.pth`, of a folder.
    ///
    /// # Errors
    /// [`ModelError`] where one cannot be read or is another network's.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        Ok(Self {
            encoder: Coder::open(&ENCODER, &folder.join("taef2_encoder.pth"))?,
            decoder: Coder::open(&DECODER, &folder.join("taef2_decoder.pth"))?,
        })
    }

    /// The code of pictures.
    ///
    /// # Shapes
    /// `[n, 3, h, w]` in [0, 1], sides multiples of [`STEP`], to `[n, CODE, h / STEP, w / STEP]`.
    pub fn encode(&self, pictures: Tensor<4>) -> Tensor<4> {
        self.encoder.forward(&ENCODER, pictures)
    }

    /// Pictures from their code, not limited to [0, 1].
    ///
    /// # Shapes
    /// The reverse of [`TinyAutoencoder::encode`].
    pub fn decode(&self, code: Tensor<4>) -> Tensor<4> {
        self.decoder.forward(&DECODER, code)
    }

    /// A picture after it went through both.
    ///
    /// # Shapes
    /// RGB bytes row by row, sides multiples of [`STEP`]; the same comes back.
    pub fn passed(&self, pixels: &[u8], [width, height]: [usize; 2]) -> Vec<u8> {
        let plane = |channel: usize| pixels.iter().skip(channel).step_by(3).map(|v| f32::from(*v) / 255.0);
        let planes = TensorData::new((0..3).flat_map(plane).collect::<Vec<f32>>(), [1, 3, height, width]);
        let out = floats(self.decode(self.encode(Tensor::from_data(planes, &Device::default()))));
        let byte = |v: f32| (v * 255.0).round().clamp(0.0, 255.0) as u8;
        (0..pixels.len()).map(|i| byte(out[i % 3 * (width * height) + i / 3])).collect()
    }
}
