//! The forgery detector of this project: whether a face was synthesised or manipulated, and where.
//!
//! The decision that shapes it: what gives a blended face away is fine grain, so the crop is taken at about the picture's own resolution and the
//! first layer sees, beside the colours, what is left of them after smoothing (clipped, so that strong edges do not drown weak noise), in
//! patches of 2x2 pixels. A second head says at a stride of 8 what was laid over; it is trained with the first and shown as a map.
//! Cutting the crop is the caller's work; calibration is not done here.
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor, TensorData, module::interpolate};

use crate::blocks::{Form, Stage};
use crate::layers::{Conv, ConvConfig, Fold};
use crate::state::floats;

mod input;

pub use input::{CHANNELS, COLOUR_PLANES, Input, MIDDLE, WINDOW, append, append_window};

/// Side of the crop in pixels.
pub const SIDE: usize = 160;

/// Side of the crop over the longer side of the tight box around the mesh.
pub const MARGIN: f32 = 1.5;

/// The same for [`crate::Kind::FaceSynthesis`]: a generator's grain is everywhere and finer than seams, so the crop is close. In a portrait of 256 pixels it
/// has about the picture's own resolution.
pub const SYNTHESIS_MARGIN: f32 = 1.08;

/// Side of the map of manipulated places.
pub const MAP: usize = SIDE / 8;

/// What the second head says of a place: whether it was laid over, and whether it lies on the seam.
pub const LAYERS: usize = 2;

/// Widths of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Config {
    /// Channels at strides 2, 4, 8 and 16.
    pub widths: [usize; 4],
}

impl Default for Config {
    fn default() -> Self {
        Self { widths: [32, 48, 96, 160] }
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct FaceForgery {
    stages: Vec<Stage>,
    lateral: Stage,
    merge: Stage,
    map: Conv,
    head: Linear,
}

impl Config {
    /// Less than half of it, for [`crate::Kind::FaceReenactment`].
    pub const SMALL: Self = Self { widths: [32, 32, 64, 96] };

    /// As a list of weights says it.
    pub fn table(&self) -> toml::Table {
        toml::Table::try_from(self).unwrap_or_default()
    }

    /// The network with random parameters.
    pub fn init(&self, form: Form, device: &Device) -> FaceForgery {
        let [half, quarter, eighth, sixteenth] = self.widths;
        FaceForgery {
            stages: vec![
                Stage::init([CHANNELS, half], 1, 0, form, device),
                Stage::init([half, quarter], 2, 1, form, device),
                Stage::init([quarter, eighth], 2, 2, form, device),
                Stage::init([eighth, sixteenth], 2, 2, form, device),
            ],
            lateral: Stage::init([sixteenth, eighth], 1, 0, form, device),
            merge: Stage::init([eighth, quarter], 1, 0, form, device),
            map: ConvConfig::new(quarter, LAYERS, 1).init(device),
            head: LinearConfig::new(sixteenth + quarter, 1).init(device),
        }
    }
}

impl FaceForgery {
    /// The logit of a manipulation, and the logits of the map's layers.
    ///
    /// # Shapes
    /// `[batch, 32, 80, 80]` as [`append`] makes it, to `[batch, 1]` and `[batch, 2, 20, 20]`.
    pub fn forward(&self, input: Tensor<4>) -> (Tensor<2>, Tensor<4>) {
        let (coarse, merged) = self.trunk(input);
        let features = Tensor::cat(vec![means(coarse), means(merged.clone())], 1);
        (self.head.forward(features), self.map.forward(merged))
    }

    /// What the map is read from, at a stride of 8; everything but the heads has a part in it, so a self-supervised task that reads it trains the whole trunk.
    ///
    /// # Shapes
    /// As [`FaceForgery::forward`]'s input, to `[batch, 48, 20, 20]`.
    pub fn places_of(&self, input: Tensor<4>) -> Tensor<4> {
        self.trunk(input).1
    }

    /// The maps whose means the head sees, at strides 16 and 8.
    ///
    /// # Shapes
    /// As [`FaceForgery::forward`]'s input, to `[batch, 160, 10, 10]` and `[batch, 48, 20, 20]`.
    fn trunk(&self, input: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let mut x = input;
        let mut eighth = None;
        for (i, stage) in self.stages.iter().enumerate() {
            x = stage.forward(x);
            if i == 2 {
                eighth = Some(x.clone());
            }
        }
        let [_, _, height, width] = x.dims();
        let options = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size([2 * height, 2 * width]);
        let coarse = interpolate(self.lateral.forward(x.clone()), options);
        let merged = self.merge.forward(match eighth {
            Some(eighth) => eighth + coarse,
            None => coarse,
        });
        (x, merged)
    }

    /// What the network says of crops of [`SIDE`] x [`SIDE`] pixels, RGB in 0..=255.
    pub fn judge(&self, crops: &[&[[f32; 3]]], input: Input) -> Vec<Judgement> {
        let mut planes = Vec::new();
        crops.iter().for_each(|crop| append(&mut planes, crop, input));
        self.judge_planes(planes)
    }

    /// As [`FaceForgery::judge`], of crops that are planes already (see [`append`]), for several networks that are asked of the same ones.
    pub fn judge_planes(&self, planes: Vec<f32>) -> Vec<Judgement> {
        let crops = planes.len() / (CHANNELS * SIDE * SIDE / 4);
        let shape = [crops, CHANNELS, SIDE / 2, SIDE / 2];
        let (coarse, merged) = self.trunk(Tensor::from_data(TensorData::new(planes, shape), &Device::default()));
        let pooled = Tensor::cat(vec![means(coarse.clone()), means(merged.clone())], 1);
        let logits = floats(self.head.forward(pooled.clone()));
        let map = floats(self.map.forward(merged.clone()));
        let (features, places) = (floats(pooled), self.places(coarse, merged));
        let sigmoid = |v: &f32| 1.0 / (1.0 + (-v).exp());
        let count = features.len() / crops.max(1);
        let of = |values: &[f32], each: usize, at: usize| values[at * each..][..each].to_vec();
        logits
            .into_iter()
            .enumerate()
            .map(|(at, logit)| Judgement {
                logit,
                map: map[at * LAYERS * MAP * MAP..][..MAP * MAP].iter().map(sigmoid).collect(),
                places: of(&places, MAP * MAP, at),
                features: of(&features, count, at),
            })
            .collect()
    }

    /// What every place adds to the logit: the head is linear in means over the places, so it can be applied to each (class activation mapping, Zhou et al.,
    /// CVPR 2016). Their mean and the head's bias are the logit.
    fn places(&self, coarse: Tensor<4>, merged: Tensor<4>) -> Vec<f32> {
        let [batch, deep, height, width] = coarse.dims();
        let weights = floats(self.head.weight.val());
        let weighted = |x: Vec<f32>, weights: &[f32], cells: usize| -> Vec<f32> {
            let one = |maps: &[f32]| -> Vec<f32> {
                (0..cells).map(|i| maps.iter().skip(i).step_by(cells).zip(weights).map(|(v, w)| v * w).sum()).collect()
            };
            x.chunks_exact(cells * weights.len()).flat_map(one).collect()
        };
        let (first, second) = weights.split_at(deep);
        let (coarse, fine) =
            (weighted(floats(coarse), first, height * width), weighted(floats(merged), second, MAP * MAP));
        let share = MAP / width;
        let place = |i: usize| {
            let (picture, y, x) = (i / (MAP * MAP), i / MAP % MAP / share, i % MAP / share);
            fine[i] + coarse[(picture * height + y) * width + x]
        };
        (0..batch * MAP * MAP).map(place).collect()
    }

    /// The same function without batch normalisation.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self {
            stages: self.stages.iter().map(Stage::folded).collect(),
            lateral: self.lateral.folded(),
            merge: self.merge.folded(),
            map: self.map.clone(),
            head: self.head.clone(),
        }
    }
}

/// What the network says of one crop.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Above zero where the network takes the face for manipulated. Not calibrated.
    pub logit: f32,
    /// 20 x 20 shares, 0 to 1, of what was laid over, row by row.
    pub map: Vec<f32>,
    /// What each of 20 x 20 places adds to the logit; their mean is the logit without the head's bias.
    pub places: Vec<f32>,
    /// What the logit was made from.
    pub features: Vec<f32>,
}

impl Fold for FaceForgery {
    fn fold(self) -> Self {
        Self {
            stages: self.stages.fold(),
            lateral: self.lateral.fold(),
            merge: self.merge.fold(),
            map: self.map.folded(None),
            ..self
        }
    }
}

/// The mean over every map.
///
/// # Shapes
/// `[batch, channels, height, width]` to `[batch, channels]`.
fn means(x: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = x.dims();
    x.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_as_documented_and_folding_keeps_the_answers() {
        let net = Config::default().init(Form::Trained, &Device::default());
        let crop: Vec<[f32; 3]> = (0..SIDE * SIDE).map(|i| [(i * 7 % 251) as f32, (i % 13) as f32, 90.0]).collect();
        let judge = |net: &FaceForgery| net.judge(&[&crop, &crop], Input::default());
        let plain = judge(&net);
        assert_eq!((plain.len(), plain[0].map.len()), (2, MAP * MAP));
        let bias = floats(net.head.bias.as_ref().unwrap().val())[0];
        let mean = plain[1].places.iter().sum::<f32>() / (MAP * MAP) as f32;
        assert!((mean + bias - plain[1].logit).abs() < 1e-4, "{mean} {bias} {}", plain[1].logit);
        for other in [judge(&net.folded()), judge(&net.folded().fold()), judge(&net.clone().fold())] {
            assert!((other[1].logit - plain[0].logit).abs() < 1e-4, "{} {}", other[1].logit, plain[0].logit);
        }
        let parameters = net.num_params();
        assert!((1_000_000..2_500_000).contains(&parameters), "{parameters}");
    }
}
