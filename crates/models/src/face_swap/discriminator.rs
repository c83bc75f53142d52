//! Tells made faces from recorded ones, while the autoencoder is trained (faceswap-GAN v2.2: one
//! for each person, patches, self-attention).
//!
//! The decision that shapes it: it is given the face together with the warped one that it was made
//! from, so that it judges the restoration and not only the face. No normalisation.
use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::SelfAttention;
use crate::layers::{Conv, ConvConfig, Padding};
use crate::training::Rounding;

/// Widths of a discriminator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DiscriminatorConfig {
    /// Channels behind each halving; published: 64, 128, 256.
    pub widths: [usize; 3],
    /// Self-attention behind the second halving.
    pub attention: bool,
}

/// A discriminator of faces.
#[derive(Module, Debug)]
pub struct Discriminator {
    downs: Vec<Conv>,
    attention: Option<SelfAttention>,
    last: Conv,
}

impl DiscriminatorConfig {
    /// A discriminator with random parameters.
    pub fn init(&self, device: &Device) -> Discriminator {
        let down = |ins: usize, outs: usize| {
            let conv = ConvConfig::new(ins, outs, 4).padding(Padding::all(1)).stride(2);
            conv.rounding(Rounding::Loose).init(device)
        };
        let [a, b, c] = self.widths;
        Discriminator {
            downs: vec![down(6, a), down(a, b), down(b, c)],
            attention: self.attention.then(|| SelfAttention::init(b, device)),
            last: ConvConfig::new(c, 1, 3).same().init(device),
        }
    }
}

impl Discriminator {
    /// One number a patch; near 1 means taken for recorded.
    ///
    /// # Shapes
    /// - `faces`, `warped`: `[n, 3, side, side]` with values 0 to 1; output:
    ///   `[n, 1, side / 8, side / 8]`
    pub fn forward(&self, faces: Tensor<4>, warped: Tensor<4>) -> Tensor<4> {
        let mut x = Tensor::cat(vec![faces, warped], 1);
        for (i, down) in self.downs.iter().enumerate() {
            x = down.rectified(x, None, 0.2);
            if let Some(attention) = self.attention.as_ref().filter(|_| i == 1) {
                x = attention.forward(x);
            }
        }
        self.last.forward(x)
    }
}
