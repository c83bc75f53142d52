//! The forgery detector of this project: whether a face was synthesised or manipulated, and where.
//!
//! The decision that shapes it: what gives a blended face away is fine grain, so the crop is taken
//! at about the picture's own resolution and the first layer sees, beside the colours, what is left
//! of them after smoothing (clipped, so that strong edges do not drown weak noise), in patches of
//! 2x2 pixels. A second head says at a stride of 8 what was laid over (the blend mask); it is
//! trained with the first and shown as a map. Cutting the crop is the caller's work; calibration is
//! not done here.
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor, TensorData, module::interpolate};

use crate::blocks::{Form, Stage};
use crate::layers::{Conv, ConvConfig, Fold};
use crate::state::floats;

mod input;
mod opened;

pub use input::{CHANNELS, COLOUR_PLANES, Input, MIDDLE, WINDOW, append, append_window};
pub use opened::{Crop, Opened, open_temporal};

/// Side in pixels of the crops that every network here learns from.
pub const SIDE: usize = 160;

/// Pixels of a crop to one place of a map.
pub const CELL: usize = 8;

/// Side of these crops over the longer side of the tight box around the mesh.
pub const MARGIN: f32 = 1.5;

/// Side in pixels of the crops that [`crate::Kind::FaceForgery`] judges, twice as fine as those
/// that it learned from: it then sees a part of the face at a time and says what grain it finds
/// there, which differs less from person to person than what it says of whole faces
/// (docs/pushes.md). The same was found of networks that can see small patches only (Chai et al.,
/// "What makes fake images detectable?", ECCV 2020).
pub const JUDGED_SIDE: usize = 288;

/// [`MARGIN`] of the crops of [`JUDGED_SIDE`] pixels.
pub const JUDGED_MARGIN: f32 = 1.35;

/// The same for [`crate::Kind::FaceSynthesis`]: a generator's grain is everywhere and finer than
/// seams, so the crop is close. In a portrait of 256 pixels it has about the picture's own
/// resolution.
pub const SYNTHESIS_MARGIN: f32 = 1.08;

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
    /// `[batch, 32, side / 2, side / 2]` as [`append`] makes it, to `[batch, 1]` and
    /// `[batch, 2, side / 8, side / 8]`.
    pub fn forward(&self, input: Tensor<4>) -> (Tensor<2>, Tensor<4>) {
        let (coarse, merged) = self.trunk(input);
        let features = Tensor::cat(vec![means(coarse), means(merged.clone())], 1);
        (self.head.forward(features), self.map.forward(merged))
    }

    /// What the map is read from, at a stride of 8; everything but the heads has a part in it, so a
    /// self-supervised task that reads it trains the whole trunk.
    ///
    /// # Shapes
    /// As [`FaceForgery::forward`]'s input, to `[batch, 48, side / 8, side / 8]`.
    pub fn places_of(&self, input: Tensor<4>) -> Tensor<4> {
        self.trunk(input).1
    }

    /// The maps whose means the head sees, at strides 16 and 8.
    ///
    /// # Shapes
    /// As [`FaceForgery::forward`]'s input, to `[batch, 160, side / 16, side / 16]` and
    /// `[batch, 48, side / 8, side / 8]`.
    fn trunk(&self, input: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let mut x = input;
        let mut eighth = None;
        for (i, stage) in self.stages.iter().enumerate() {
            x = stage.forward(x);
            if i == 2 {
                eighth = Some(x.clone());
            }
        }
        let coarse = doubled(self.lateral.forward(x.clone()));
        let merged = self.merge.forward(match eighth {
            Some(eighth) => eighth + coarse,
            None => coarse,
        });
        (x, merged)
    }

    /// What the network says of square crops of one size, RGB in 0..=255; the side must be a
    /// multiple of 16.
    pub fn judge(&self, crops: &[&[[f32; 3]]], input: Input) -> Vec<Judgement> {
        let mut planes = Vec::new();
        crops.iter().for_each(|crop| append(&mut planes, crop, input));
        self.judge_planes(planes, crops.len())
    }

    /// As [`FaceForgery::judge`], of crops that are planes already (see [`append`]), for several
    /// networks that are asked of the same ones.
    pub fn judge_planes(&self, planes: Vec<f32>, crops: usize) -> Vec<Judgement> {
        let (coarse, merged) = self.trunk(tensor(planes, crops, &Device::default()));
        let cells = merged.dims()[2] * merged.dims()[3];
        let pooled = Tensor::cat(vec![means(coarse.clone()), means(merged.clone())], 1);
        let logits = floats(self.head.forward(pooled));
        let map = floats(self.map.forward(merged.clone()));
        let places = self.places(coarse, merged);
        let sigmoid = |v: &f32| 1.0 / (1.0 + (-v).exp());
        let of = |values: &[f32], each: usize, at: usize| values[at * each..][..each].to_vec();
        logits
            .into_iter()
            .enumerate()
            .map(|(at, logit)| Judgement {
                logit,
                map: map[at * LAYERS * cells..][..cells].iter().map(sigmoid).collect(),
                places: of(&places, cells, at),
            })
            .collect()
    }

    /// What every place adds to the logit: the head is linear in means over the places, so it can
    /// be applied to each (class activation mapping, Zhou et al., CVPR 2016). Their mean and the
    /// head's bias are the logit.
    fn places(&self, coarse: Tensor<4>, merged: Tensor<4>) -> Vec<f32> {
        let ([batch, deep, height, width], side) = (coarse.dims(), merged.dims()[3]);
        let weights = floats(self.head.weight.val());
        let weighted = |x: Vec<f32>, weights: &[f32], cells: usize| -> Vec<f32> {
            let one = |maps: &[f32]| -> Vec<f32> {
                (0..cells).map(|i| maps.iter().skip(i).step_by(cells).zip(weights).map(|(v, w)| v * w).sum()).collect()
            };
            x.chunks_exact(cells * weights.len()).flat_map(one).collect()
        };
        let (first, second) = weights.split_at(deep);
        let (coarse, fine) =
            (weighted(floats(coarse), first, height * width), weighted(floats(merged), second, side * side));
        let share = side / width;
        let place = |i: usize| {
            let (picture, y, x) = (i / (side * side), i / side % side / share, i % side / share);
            fine[i] + coarse[(picture * height + y) * width + x]
        };
        (0..batch * side * side).map(place).collect()
    }

    /// The opposite of [`FaceForgery::folded`]: the same function with batch normalisations that
    /// have the mean and spread of `input`, to be trained further.
    ///
    /// # Shapes
    /// - `input`: as [`FaceForgery::forward`]'s
    #[must_use]
    pub fn unfolded(&self, input: Tensor<4>) -> Self {
        let mut outputs = Vec::new();
        let mut x = input;
        let mut unfold = |stage: &Stage| {
            let (stage, said) = stage.unfolded(x.clone());
            x = said.clone();
            outputs.push(said);
            stage
        };
        let stages: Vec<Stage> = self.stages.iter().map(&mut unfold).collect();
        let (lateral, coarse) = self.lateral.unfolded(x);
        let eighth = outputs.swap_remove(2);
        let (merge, _) = self.merge.unfolded(eighth + doubled(coarse));
        Self { stages, lateral, merge, map: self.map.clone(), head: self.head.clone() }
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
    /// Shares, 0 to 1, of what was laid over, one for every [`CELL`] x [`CELL`] pixels, row by row.
    pub map: Vec<f32>,
    /// What each of the same places adds to the logit; their mean is the logit without the head's
    /// bias.
    pub places: Vec<f32>,
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

/// Every place four times.
fn doubled(x: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let options = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size([2 * height, 2 * width]);
    interpolate(x, options)
}

/// The planes of `crops` crops as a batch.
///
/// # Shapes
/// To `[crops, 32, side / 2, side / 2]`, whichever side the planes were made with.
pub fn tensor(planes: Vec<f32>, crops: usize, device: &Device) -> Tensor<4> {
    let half = (planes.len() / (crops.max(1) * CHANNELS)).isqrt();
    Tensor::from_data(TensorData::new(planes, [crops, CHANNELS, half, half]), device)
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
        let cells = (SIDE / CELL).pow(2);
        assert_eq!((plain.len(), plain[0].map.len()), (2, cells));
        let bias = floats(net.head.bias.as_ref().unwrap().val())[0];
        let mean = plain[1].places.iter().sum::<f32>() / cells as f32;
        assert!((mean + bias - plain[1].logit).abs() < 1e-4, "{mean} {bias} {}", plain[1].logit);
        for other in [judge(&net.folded()), judge(&net.folded().fold()), judge(&net.clone().fold())] {
            assert!((other[1].logit - plain[0].logit).abs() < 1e-4, "{} {}", other[1].logit, plain[0].logit);
        }
        let mut planes = Vec::new();
        append(&mut planes, &crop, Input::default());
        let again = net.folded().unfolded(tensor(planes, 1, &Device::default()));
        assert!((judge(&again)[1].logit - plain[0].logit).abs() < 1e-3);
        assert_eq!(again.num_params(), net.num_params());
        let parameters = net.num_params();
        assert!((1_000_000..2_500_000).contains(&parameters), "{parameters}");
    }
}
