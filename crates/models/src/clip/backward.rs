//! What reaches the layer normalisations of the gradient at the tokens.
use super::attention::attend_back;
use super::base::{Base, Linear};
use super::rows::{activated_back, normalised_back};
use super::tower::{Kept, norm};
use super::{NORMS, WIDTH};
use crate::cpu::quantised::{self, Matrix, Rows};

/// What reaches the input of a linear layer.
fn through(layer: &Linear, turned: &Matrix, gradient: &[f32]) -> Vec<f32> {
    let rows = Rows::scaled(gradient, layer.weight.scales());
    let mut out = vec![0.0; gradient.len() / layer.bias.len() * layer.weight.depth()];
    quantised::product(&mut out, &rows, turned, None);
    out
}

/// The rows of the `i`-th layer normalisation.
fn rows_of(gradients: &mut [f32], i: usize) -> [&mut [f32]; 2] {
    let (scale, offset) = gradients[2 * i * WIDTH..(2 * i + 2) * WIDTH].split_at_mut(WIDTH);
    [scale, offset]
}

impl Base {
    /// The gradient of the layer normalisations, `[NORMS, WIDTH]`.
    ///
    /// # Shapes
    /// - `at_tokens`: `[TOKENS, WIDTH]`
    pub(super) fn back(&self, norms: &[f32], kept: &Kept, mut at_tokens: Vec<f32>) -> Vec<f32> {
        let mut gradients = vec![0.0; NORMS * WIDTH];
        let layers = self.blocks.iter().zip(self.turned()).zip(&kept.blocks).enumerate();
        for (i, ((block, turned), kept)) in layers.rev() {
            let mut at_hidden = through(&block.second, &turned.second, &at_tokens);
            activated_back(&mut at_hidden, &kept.hidden);
            let at_second = through(&block.first, &turned.first, &at_hidden);
            let [scale, _] = norm(norms, 2 + 2 * i);
            normalised_back(&at_second, &kept.middle, scale, &mut at_tokens, rows_of(&mut gradients, 2 + 2 * i));
            let at_got = through(&block.out, &turned.out, &at_tokens);
            let at_three = attend_back(&at_got, &kept.three, &kept.shares);
            let at_first = through(&block.three, &turned.three, &at_three);
            let [scale, _] = norm(norms, 1 + 2 * i);
            normalised_back(&at_first, &kept.input, scale, &mut at_tokens, rows_of(&mut gradients, 1 + 2 * i));
        }
        let [scale, _] = norm(norms, 0);
        let mut nowhere = vec![0.0; at_tokens.len()];
        normalised_back(&at_tokens, &kept.embedded, scale, &mut nowhere, rows_of(&mut gradients, 0));
        gradients
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SIDE, TOKENS};
    use super::*;

    fn drawn(count: usize, seed: u64) -> Vec<f32> {
        (0..count as u64).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1000.0 - 1.0).collect()
    }

    /// Directional derivatives against differences, in every layer normalisation.
    #[test]
    fn the_gradient_is_the_slope() {
        let base = Base::drawn();
        let pixels = drawn(3 * SIDE * SIDE, 1);
        let at_tokens = drawn(TOKENS * WIDTH, 2);
        let norms = base.norms().to_vec();
        let (_, kept) = base.kept(&norms, &pixels);
        let gradients = base.back(&norms, &kept, at_tokens.clone());
        let value = |norms: &[f32]| -> f64 {
            let tokens = base.tokens(norms, &pixels);
            tokens.iter().zip(&at_tokens).map(|(t, g)| f64::from(*t) * f64::from(*g)).sum()
        };
        for row in 0..NORMS {
            // Along the gradient itself, where the slope is steepest.
            let part = row * WIDTH..(row + 1) * WIDTH;
            let length = gradients[part.clone()].iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            // Large enough that the rounding of rows to 15 bits is no part of the difference.
            let step = 0.1;
            let moved = |sign: f64| {
                let mut norms = norms.clone();
                for (n, g) in norms[part.clone()].iter_mut().zip(&gradients[part.clone()]) {
                    *n += (sign * step * f64::from(*g) / length) as f32;
                }
                value(&norms)
            };
            let slope = (moved(1.0) - moved(-1.0)) / (2.0 * step);
            assert!((slope - length).abs() < 0.01 * length, "row {row}: slope {slope}, gradient {length}");
        }
    }
}
