//! What one question has on top of the base: layer normalisations of its own and two heads.
use std::sync::Arc;

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::{Base, DEVIATION, GRID, MEAN, NORMS, SIDE, TOKENS, WIDTH, graph};
use crate::ModelError;
use crate::registry::Loaded;
use crate::soup::Soup;
use crate::state::{self, floats};

/// Numbers that the head sees: the class token and the mean of the patches'.
const FEATURES: usize = 2 * WIDTH;
/// Share of the features that training leaves out.
const DROPOUT: f64 = 0.1;

/// A question's own parameters.
#[derive(Module, Debug)]
pub struct Tuned {
    norms: Param<Tensor<2>>,
    head_norm: LayerNorm,
    dropout: Dropout,
    head: Linear,
    map: Linear,
}

/// What a network says of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Positive speaks for a forgery.
    pub logit: f32,
    /// Logits of the patches, row by row, [`GRID`] x [`GRID`].
    pub map: Vec<f32>,
    /// What each patch adds to the logit, times the number of patches: their mean and a part that
    /// the class token and the offsets add make the logit.
    pub places: Vec<f32>,
}

impl Tuned {
    /// The published normalisations and heads of random weights.
    pub fn init(base: &Base, device: &Device) -> Self {
        let norms = TensorData::new(base.norms().to_vec(), [NORMS, WIDTH]);
        Self {
            norms: Param::from_tensor(Tensor::from_data(norms, device)),
            head_norm: LayerNormConfig::new(FEATURES).init(device),
            dropout: DropoutConfig::new(DROPOUT).init(),
            head: LinearConfig::new(FEATURES, 1).init(device),
            map: LinearConfig::new(WIDTH, 1).init(device),
        }
    }

    /// The logits of pictures, and of their patches.
    ///
    /// # Shapes
    /// `pixels` as [`append`] makes them, to `[n, 1]` and `[n, GRID * GRID]`.
    pub fn forward(&self, base: &Arc<Base>, pixels: &[f32]) -> (Tensor<2>, Tensor<2>) {
        let tokens = graph::tokens(base, self.norms.val(), pixels);
        let n = tokens.dims()[0];
        let class = tokens.clone().slice([0..n, 0..1]).reshape([n, WIDTH]);
        let patches = tokens.slice([0..n, 1..TOKENS]);
        let mean = patches.clone().mean_dim(1).reshape([n, WIDTH]);
        let features = self.dropout.forward(self.head_norm.forward(Tensor::cat(vec![class, mean], 1)));
        (self.head.forward(features), self.map.forward(patches).reshape([n, GRID * GRID]))
    }

    /// What can be asked without a graph.
    pub fn opened(&self, base: Arc<Base>) -> Opened {
        let of = |linear: &Linear| {
            (floats(linear.weight.val()), linear.bias.as_ref().map_or(0.0, |b| floats(b.val()).iter().sum()))
        };
        let state = state::collect(&self.head_norm);
        let norm = |name: &str| state.get(name).map(assay_checkpoints::HostTensor::to_f32).unwrap_or_default();
        Opened {
            base,
            norms: floats(self.norms.val()),
            head_norm: [norm("weight"), norm("bias")],
            head: of(&self.head),
            map: of(&self.map),
        }
    }
}

/// Appends a picture of [`SIDE`] x [`SIDE`] pixels (0 to 255, row by row) as the tower wants it:
/// planes, normalised.
pub fn append(pixels: &mut Vec<f32>, picture: &[[f32; 3]]) {
    for ((channel, mean), deviation) in (0..3).zip(MEAN).zip(DEVIATION) {
        pixels.extend(picture.iter().map(|p| (p[channel] / 255.0 - mean) / deviation));
    }
}

/// A question's network, ready to be asked.
#[derive(Debug, Clone)]
pub struct Opened {
    base: Arc<Base>,
    norms: Vec<f32>,
    head_norm: [Vec<f32>; 2],
    head: (Vec<f32>, f32),
    map: (Vec<f32>, f32),
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Opened {
    /// The weighted mean of tuned weights ([`Soup`]) on the shipped base, in the crop that the
    /// first of them wants.
    ///
    /// # Errors
    /// [`ModelError`] where the base is no part of this build, or the weights do not fit it.
    pub fn new(soup: &Soup) -> Result<Self, ModelError> {
        let base = Base::shipped()?;
        let loaded = Loaded { entry: soup.first.clone(), tensors: soup.tensors.clone() };
        Ok(loaded.module(Tuned::init(&base, &Device::default()), "")?.opened(base))
    }

    /// What it says of pictures of [`SIDE`] x [`SIDE`] pixels, 0 to 255, row by row.
    pub fn judge(&self, pictures: &[&[[f32; 3]]]) -> Vec<Answer> {
        pictures.par_iter().map(|picture| self.judge_one(picture)).collect()
    }

    /// What it says of one picture.
    pub fn judge_one(&self, picture: &[[f32; 3]]) -> Answer {
        let mut pixels = Vec::with_capacity(3 * SIDE * SIDE);
        append(&mut pixels, picture);
        let tokens = self.base.tokens(&self.norms, &pixels);
        let (class, patches) = tokens.split_at(WIDTH);
        let mut features = class.to_vec();
        let mut mean = vec![0.0; WIDTH];
        patches.chunks_exact(WIDTH).for_each(|patch| super::rows::add(&mut mean, patch));
        features.extend(mean.iter().map(|v| v / (TOKENS - 1) as f32));
        let [scale, offset] = &self.head_norm;
        let normed = super::rows::normalised(&features, [scale, offset]);
        let map = patches.chunks_exact(WIDTH).map(|patch| dot(patch, &self.map.0) + self.map.1).collect();
        let logit = dot(&normed, &self.head.0) + self.head.1;
        // The normalisation of the features is linear once their spread is known.
        let (_, reciprocal) = super::rows::moments(&features);
        let weights: Vec<f32> = self.head.0.iter().zip(scale).skip(WIDTH).map(|(w, s)| w * s * reciprocal).collect();
        let places = patches.chunks_exact(WIDTH).map(|patch| dot(patch, &weights)).collect();
        Answer { logit, map, places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked_with_and_without_a_graph_it_says_the_same_and_every_parameter_gets_a_gradient() {
        let base = Base::drawn();
        let device = Device::flex().autodiff();
        let net = Tuned::init(&base, &device);
        let pictures: Vec<Vec<[f32; 3]>> = (0..2)
            .map(|k| (0..SIDE * SIDE).map(|i| [(i * (k + 3) % 251) as f32, (i % 13 * 19) as f32, 90.0]).collect())
            .collect();
        let mut pixels = Vec::new();
        pictures.iter().for_each(|p| append(&mut pixels, p));
        let plain = Tuned::init(&base, &Device::flex());
        let plain = state::load(plain, &state::collect(&net), "").unwrap();
        let answers = plain.opened(base.clone()).judge(&pictures.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let (logits, maps) = plain.forward(&base, &pixels);
        let (logits, maps) = (floats(logits), floats(maps));
        for (i, answer) in answers.iter().enumerate() {
            assert!((answer.logit - logits[i]).abs() < 1e-3, "{} {}", answer.logit, logits[i]);
            let far = answer.map.iter().zip(&maps[i * GRID * GRID..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far < 1e-3 && answer.places.len() == GRID * GRID);
        }
        assert!((answers[0].logit - answers[1].logit).abs() > 1e-4);
        let (logits, maps) = net.forward(&base, &pixels);
        let gradients = (logits.sum() + maps.mean()).backward();
        let of = net.norms.val().grad(&gradients).unwrap();
        assert!(floats(of).chunks_exact(WIDTH).all(|row| row.iter().any(|g| g.abs() > 0.0)));
    }
}
