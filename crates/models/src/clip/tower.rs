//! From a picture to its tokens behind the ninth block.
use super::attention::{THREE, attend};
use super::base::{Base, Block, Linear};
use super::rows::{activated, add, normalised};
use super::{GRID, PATCH, SIDE, TOKENS, WIDTH};
use crate::cpu::quantised::{self, Rows};
use crate::cpu::{View, product};

/// What the way back needs of a block.
pub(super) struct KeptBlock {
    pub(super) input: Vec<f32>,
    pub(super) three: Vec<f32>,
    pub(super) shares: Vec<f32>,
    /// Between attention and the two layers.
    pub(super) middle: Vec<f32>,
    /// Before the activation.
    pub(super) hidden: Vec<f32>,
}

/// What the way back needs of a picture.
pub(super) struct Kept {
    pub(super) embedded: Vec<f32>,
    pub(super) blocks: Vec<KeptBlock>,
}

/// Scale and offset of the `i`-th layer normalisation of [`super::NORMS`].
pub(super) fn norm(norms: &[f32], i: usize) -> [&[f32]; 2] {
    let row = |r: usize| &norms[r * WIDTH..(r + 1) * WIDTH];
    [row(2 * i), row(2 * i + 1)]
}

impl Linear {
    fn forward(&self, rows: &[f32]) -> Vec<f32> {
        let (ins, outs) = (self.weight.depth(), self.bias.len());
        let mut out = vec![0.0; rows.len() / ins * outs];
        quantised::product(&mut out, &Rows::new(rows, ins), &self.weight, Some(&self.bias));
        out
    }
}

impl Base {
    /// Tokens before the first layer normalisation.
    fn embed(&self, pixels: &[f32]) -> Vec<f32> {
        const VALUES: usize = 3 * PATCH * PATCH;
        let mut patches = Vec::with_capacity((TOKENS - 1) * VALUES);
        for patch in 0..GRID * GRID {
            let (top, left) = (patch / GRID * PATCH, patch % GRID * PATCH);
            for plane in pixels.chunks_exact(SIDE * SIDE) {
                for y in top..top + PATCH {
                    patches.extend_from_slice(&plane[y * SIDE + left..y * SIDE + left + PATCH]);
                }
            }
        }
        let mut tokens = vec![0.0; TOKENS * WIDTH];
        let weight = View::rows(&self.patch, VALUES).transposed();
        let extents = [TOKENS - 1, VALUES, WIDTH];
        product(&mut tokens[WIDTH..], View::rows(&patches, VALUES), weight, extents, false);
        add(&mut tokens, &self.places);
        tokens
    }

    /// The tokens of one picture behind the last block.
    ///
    /// # Shapes
    /// - `pixels`: `[3, SIDE, SIDE]`, normalised; `norms`: `[NORMS, WIDTH]`
    /// - output: `[TOKENS, WIDTH]`
    pub fn tokens(&self, norms: &[f32], pixels: &[f32]) -> Vec<f32> {
        self.tokens_after(norms, pixels, self.blocks.len())
    }

    /// As [`Base::tokens`], behind the first `blocks` blocks.
    pub fn tokens_after(&self, norms: &[f32], pixels: &[f32], blocks: usize) -> Vec<f32> {
        let mut tokens = normalised(&self.embed(pixels), norm(norms, 0));
        for (i, block) in self.blocks.iter().enumerate().take(blocks) {
            block.forward(norms, i, &mut tokens, false);
        }
        tokens
    }

    /// As [`Base::tokens`], with what the way back needs.
    pub(super) fn kept(&self, norms: &[f32], pixels: &[f32]) -> (Vec<f32>, Kept) {
        let embedded = self.embed(pixels);
        let mut tokens = normalised(&embedded, norm(norms, 0));
        let each = self.blocks.iter().enumerate();
        let blocks = each.filter_map(|(i, block)| block.forward(norms, i, &mut tokens, true)).collect();
        (tokens, Kept { embedded, blocks })
    }
}

impl Block {
    /// Changes the tokens; gives what the way back needs where it is wanted.
    fn forward(&self, norms: &[f32], i: usize, tokens: &mut [f32], keep: bool) -> Option<KeptBlock> {
        let input = if keep { tokens.to_vec() } else { Vec::new() };
        let three = self.three.forward(&normalised(tokens, norm(norms, 1 + 2 * i)));
        debug_assert_eq!(three.len(), TOKENS * THREE);
        let (got, shares) = attend(&three, keep);
        add(tokens, &self.out.forward(&got));
        let middle = if keep { tokens.to_vec() } else { Vec::new() };
        let hidden = self.first.forward(&normalised(tokens, norm(norms, 2 + 2 * i)));
        add(tokens, &self.second.forward(&activated(&hidden)));
        shares.map(|shares| KeptBlock { input, three, shares, middle, hidden })
    }
}
