//! The image tower of CLIP ViT-B/16 up to its ninth block, and networks on top of it that train its
//! layer normalisations only (Radford et al., "Learning transferable visual models from natural
//! language supervision", ICML 2021).
//!
//! The decision that shapes it: what tells a forged picture lies in the middle of a network that
//! has seen hundreds of millions of pictures, and little has to change for it to come out. So one
//! [`Base`] of 8-bit weights is shared by all questions, and a question has 29,184 numbers for the
//! layer normalisations of its own and a head (Yermakov, Čech, Matas and Fritz, "Deepfake detection
//! that generalizes across benchmarks", 2025). Linear layers never train, so the way back needs no
//! gradient of a weight. Forward and backward are kernels of this project; burn sees one operation.
mod attention;
mod backward;
mod base;
mod graph;
mod network;
mod rows;
mod tower;

pub use base::{Base, SCALE, Widths};
pub use network::{Answer, Opened, Tuned, append};

/// Side in pixels of what the tower sees.
pub const SIDE: usize = 224;
/// Side in pixels of a patch.
pub const PATCH: usize = 16;
/// Patches along a side.
pub const GRID: usize = SIDE / PATCH;
/// Tokens of a picture: the class token, then the patches row by row.
pub const TOKENS: usize = GRID * GRID + 1;
/// Numbers of a token.
pub const WIDTH: usize = 768;
/// Blocks that are used of the twelve.
pub const BLOCKS: usize = 9;
/// Heads of an attention, of 64 numbers each.
pub const HEADS: usize = 12;
/// Numbers between the two layers behind an attention.
pub const HIDDEN: usize = 4 * WIDTH;

/// Rows of [`WIDTH`] numbers that all layer normalisations have: the scale and the offset before
/// the first block, then those before the attention and those behind it, block after block.
pub const NORMS: usize = 2 + 4 * BLOCKS;

/// Mean of the colours red, green, blue (0 to 1) that the tower was trained with.
pub const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
/// Their standard deviation.
pub const DEVIATION: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];
