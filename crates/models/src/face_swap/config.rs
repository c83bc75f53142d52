//! Widths of the autoencoder, with those of published programs.
use serde::{Deserialize, Serialize};

/// How two people share one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// One inner layer, a decoder for each person.
    #[default]
    Df,
    /// An inner layer for both and one for B, whose codes go side by side into one decoder: A is
    /// (both, both), B is (B, both).
    Liae,
}

/// Widths and options. The encoder makes the side sixteen times smaller, the decoder has three
/// steps up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// How two people share it.
    pub layout: Layout,
    /// Side of the face in pixels; a multiple of 16, with `doubles` of 32.
    pub side: usize,
    /// Pixels a side that are one position for the first convolution: 1, and every convolution
    /// halves; or 4, and the first one does not.
    pub patch: usize,
    /// Kernel of the encoder's convolutions.
    pub kernel: usize,
    /// Channels behind each of them.
    pub encoder: Vec<usize>,
    /// Numbers in the code.
    pub code: usize,
    /// Channels of the smallest map behind the code.
    pub inter: usize,
    /// Channels of the map twice as large that the decoder is given.
    pub raised: usize,
    /// Channels behind each of the decoder's three steps.
    pub decoder: Vec<usize>,
    /// The same of the mask's own steps, one more with `doubles`; without any there is no mask.
    pub mask: Vec<usize>,
    /// Kernel of the convolution that makes the picture.
    pub picture_kernel: usize,
    /// Whether a residual block stands behind each of the decoder's steps.
    pub is_residual: bool,
    /// Whether the last layer makes four pixels at each place, and the code is brought to unit
    /// length (DeepFaceLab's options `d` and `u`).
    pub doubles: bool,
    /// Self-attention in the encoder and behind the decoder's first step.
    pub attention: bool,
}

/// A named set of widths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// This project's own: plain 3x3 convolutions behind patches of 4x4 pixels, for a processor.
    #[default]
    Small,
    /// faceswap's `original` (64 pixels, `df`, no mask).
    Original,
    /// DeepFaceLab's Quick96 (`df-ud`).
    Quick96,
    /// DeepFaceLab's SAEHD at its usual widths (256, 64, 64, 22): `df`, or `liae-ud`.
    Saehd,
}

impl Preset {
    /// The widths. `layout` and `attention` can be chosen freely, also where the program has none
    /// of it.
    pub fn config(self, layout: Layout, side: usize, attention: bool) -> Config {
        let eightfold = |base: usize| vec![base, 2 * base, 4 * base, 8 * base];
        let three = |base: usize| vec![8 * base, 4 * base, 2 * base];
        let four = |base: usize| vec![8 * base, 4 * base, 2 * base, base];
        let liae = layout == Layout::Liae;
        match self {
            Self::Small => Config {
                layout,
                side,
                patch: 4,
                kernel: 3,
                encoder: vec![64, 128, 256],
                code: 256,
                inter: 128,
                raised: if liae { 64 } else { 128 },
                decoder: vec![128, 64, 32],
                mask: vec![32, 16, 16, 8],
                picture_kernel: 3,
                is_residual: true,
                doubles: true,
                attention,
            },
            Self::Original => Config {
                layout,
                side,
                patch: 1,
                kernel: 5,
                encoder: eightfold(128),
                code: 1024,
                inter: 1024,
                raised: 512,
                decoder: vec![256, 128, 64],
                mask: Vec::new(),
                picture_kernel: 5,
                is_residual: false,
                doubles: false,
                attention,
            },
            Self::Quick96 => Config {
                layout,
                side,
                patch: 1,
                kernel: 5,
                encoder: eightfold(64),
                code: 128,
                inter: if liae { 256 } else { 128 },
                raised: if liae { 256 } else { 128 },
                decoder: three(64),
                mask: four(16),
                picture_kernel: 3,
                is_residual: true,
                doubles: true,
                attention,
            },
            Self::Saehd => Config {
                layout,
                side,
                patch: 1,
                kernel: 5,
                encoder: eightfold(64),
                code: 256,
                inter: if liae { 512 } else { 256 },
                raised: if liae { 512 } else { 256 },
                decoder: three(64),
                mask: if liae { four(22) } else { three(22) },
                picture_kernel: if liae { 3 } else { 1 },
                is_residual: true,
                doubles: liae,
                attention,
            },
        }
    }
}

impl Config {
    /// Whether such a network can be built.
    ///
    /// # Errors
    /// In words, what is odd.
    pub fn check(&self) -> Result<(), String> {
        let step = if self.doubles { 32 } else { 16 };
        if self.side == 0 || !self.side.is_multiple_of(step) || self.side > 1024 {
            return Err(format!("a side of {} pixels, which is no multiple of {step} up to 1024", self.side));
        }
        let layers = match self.patch {
            1 => 4,
            4 => 3,
            other => return Err(format!("patches of {other} pixels, where 1 and 4 are known")),
        };
        if self.encoder.len() != layers {
            return Err(format!("{} layers in the encoder instead of {layers}", self.encoder.len()));
        }
        let masks = if self.doubles { 4 } else { 3 };
        if self.decoder.len() != 3 || !(self.mask.is_empty() || self.mask.len() == masks) {
            return Err(format!("{} steps up and {} of the mask", self.decoder.len(), self.mask.len()));
        }
        let widths = self.encoder.iter().chain(&self.decoder).chain(&self.mask);
        if widths.chain([&self.code, &self.inter, &self.raised]).any(|w| !(1..=8192).contains(w)) {
            return Err("a width that is none".into());
        }
        if [self.kernel, self.picture_kernel].iter().any(|k| k.is_multiple_of(2) || *k > 9) {
            return Err("a kernel that is none".into());
        }
        Ok(())
    }

    /// Side of the map that the encoder ends with.
    pub(super) fn end(&self) -> usize {
        self.side / 16
    }

    /// Side of the smallest map behind the code.
    pub(super) fn lowest(&self) -> usize {
        self.side / if self.doubles { 32 } else { 16 }
    }

    /// Channels that the decoder is given.
    pub(super) fn given(&self) -> usize {
        self.raised * if self.layout == Layout::Liae { 2 } else { 1 }
    }

    /// Multiplications of one face through encoder, inner layers and one decoder; attention not
    /// counted.
    pub fn multiplications(&self) -> u64 {
        let mut sum = 0;
        let mut ins = 3 * self.patch * self.patch;
        let mut at = self.side / self.patch;
        for (i, outs) in self.encoder.iter().enumerate() {
            at /= if self.patch == 1 || i > 0 { 2 } else { 1 };
            sum += self.kernel * self.kernel * ins * outs * at * at;
            ins = *outs;
        }
        let lowest = self.lowest() * self.lowest();
        let inters = if self.layout == Layout::Liae { 2 } else { 1 };
        let inner =
            ins * at * at * self.code + self.code * self.inter * lowest + 36 * self.inter * self.raised * lowest;
        sum += inters * inner;
        let steps = |widths: &[usize], is_residual: bool| -> (usize, usize, usize) {
            let (mut sum, mut ins, mut at) = (0, self.given(), 2 * self.lowest());
            for outs in widths {
                sum += 36 * ins * outs * at * at;
                (ins, at) = (*outs, 2 * at);
                sum += if is_residual { 18 * outs * outs * at * at } else { 0 };
            }
            (sum, ins, at)
        };
        let (picture, ins, at) = steps(&self.decoder, self.is_residual);
        let picture_outs = if self.doubles { 12 } else { 3 };
        sum += picture + self.picture_kernel * self.picture_kernel * ins * picture_outs * at * at;
        if !self.mask.is_empty() {
            let (mask, ins, at) = steps(&self.mask, false);
            sum += mask + ins * at * at;
        }
        sum as u64
    }
}
