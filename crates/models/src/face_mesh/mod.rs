//! The mesh network of this project: 468 points of one face, how far each may be off, and the 68
//! points that people mark.
//!
//! The decision that shapes it: points are regressed from the whole crop, not read off heat maps.
//! 468 heat maps would cost more than the rest of the network, and a mesh is smooth: its points are
//! nearly a linear function of some fifty numbers, which the head learns. The 68 of the iBUG
//! mark-up are rows of the same layer: they start as a linear function of the mesh and learn from
//! hand-made points what people mark differently. It sees an upright crop; turning the face upright
//! is the caller's work.
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};

use crate::blocks::{Form, PATCH_CHANNELS, Stage, patches};
use crate::layers::Fold;
use crate::rgb::Rgb;
use crate::state::floats;

mod points;

pub use points::{TEMPLATE, five};

/// Points of the mesh (the topology of MediaPipe FaceMesh without the irises).
pub const POINTS: usize = 468;

/// Points of the iBUG 300-W mark-up.
pub const MARKED: usize = 68;

/// Side of the crop in pixels.
pub const SIDE: usize = 128;

/// Crop sides to one unit of the last layer. With 160 inputs a step of the optimiser moves every
/// output by a large sum; this keeps it small.
const UNIT: f32 = 0.03;

/// Widths of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Config {
    /// Channels at strides 4, 8, 16 and 32.
    pub widths: [usize; 4],
    /// Units between the last map and the points.
    pub hidden: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { widths: [48, 64, 96, 96], hidden: 160 }
    }
}

/// The network. Its input is `rgb / 127.5 - 1`.
#[derive(Module, Debug)]
pub struct FaceMesh {
    stages: Vec<Stage>,
    hidden: Linear,
    points: Linear,
    spread: Linear,
}

impl Config {
    /// The network with random parameters.
    pub fn init(&self, form: Form, device: &Device) -> FaceMesh {
        let [quarter, eighth, sixteenth, last] = self.widths;
        let end = SIDE / 32;
        FaceMesh {
            stages: vec![
                Stage::init([PATCH_CHANNELS, quarter], 1, 0, form, device),
                Stage::init([quarter, eighth], 2, 1, form, device),
                Stage::init([eighth, sixteenth], 2, 2, form, device),
                Stage::init([sixteenth, last], 2, 2, form, device),
            ],
            hidden: LinearConfig::new(last * end * end, self.hidden).init(device),
            points: LinearConfig::new(self.hidden, (POINTS + MARKED) * 2).init(device),
            spread: LinearConfig::new(self.hidden, POINTS).init(device),
        }
    }
}

/// What [`FaceMesh::measure`] answers, in crop sides from the crop's upper left corner.
#[derive(Debug, Clone)]
pub struct Measured {
    /// 468 points.
    pub mesh: Vec<[f32; 2]>,
    /// 68 points.
    pub marked: Vec<[f32; 2]>,
    /// How far each of the 468 may be off.
    pub spread: Vec<f32>,
}

impl FaceMesh {
    /// The maps after each stage, from fine to coarse: what a perceptual loss compares.
    ///
    /// # Shapes
    /// `[batch, 3, h, w]` to `[batch, channels, h / 4, w / 4]` and on; `h` and `w` multiples of 32.
    pub fn features(&self, picture: Tensor<4>) -> Vec<Tensor<4>> {
        let mut x = patches(picture);
        let after = |stage: &Stage| {
            x = stage.forward(x.clone());
            x.clone()
        };
        self.stages.iter().map(after).collect()
    }

    /// Points in crop sides from the crop's centre, first the mesh's, then the 68; and the
    /// logarithm of each mesh point's expected distance from the truth in the same unit.
    ///
    /// # Shapes
    /// `[batch, 3, 128, 128]` to `[batch, 468 + 68, 2]` and `[batch, 468]`.
    pub fn forward(&self, crop: Tensor<4>) -> (Tensor<3>, Tensor<2>) {
        let features = self.stages.iter().fold(patches(crop), |x, stage| stage.forward(x));
        let [batch, channels, height, width] = features.dims();
        let hidden = relu(self.hidden.forward(features.reshape([batch, channels * height * width])));
        let points = self.points.forward(hidden.clone()).reshape([batch, POINTS + MARKED, 2]) * UNIT;
        (points, self.spread.forward(hidden))
    }

    /// The points of one crop.
    pub fn measure(&self, crop: &Rgb<'_>) -> Measured {
        let mut planes = Vec::new();
        crop.append_planes(&mut planes);
        let input = TensorData::new(planes, [1, 3, crop.height, crop.width]);
        let (points, spread) = self.forward(Tensor::from_data(input, &Device::default()));
        let mut mesh: Vec<[f32; 2]> = floats(points).as_chunks::<2>().0.iter().map(|p| p.map(|v| v + 0.5)).collect();
        let marked = mesh.split_off(POINTS);
        Measured { mesh, marked, spread: floats(spread).iter().map(|s| s.clamp(-7.0, 1.0).exp()).collect() }
    }

    /// The same function without batch normalisation.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { stages: self.stages.iter().map(Stage::folded).collect(), ..self.clone() }
    }

    /// Starts the head at a linear model of points: `mean` `[(468 + 68) * 2]` and one row of as
    /// many for each of the first hidden units.
    #[must_use]
    pub fn with_shapes(mut self, mean: &[f32], rows: &[Vec<f32>]) -> Self {
        let [units, values] = self.points.weight.dims();
        let mut weight = floats(self.points.weight.val());
        for (unit, row) in rows.iter().take(units).enumerate() {
            let target = &mut weight[unit * values..(unit + 1) * values];
            target.iter_mut().zip(row).for_each(|(w, r)| *w = r / UNIT);
        }
        let data = |v: Vec<f32>, shape: &[usize]| TensorData::new(v, shape.to_vec());
        self.points.weight = self.points.weight.map(|old| {
            Tensor::from_data(data(weight, &[units, values]), &old.device()).set_require_grad(old.is_require_grad())
        });
        let mean: Vec<f32> = mean.iter().map(|v| v / UNIT).collect();
        self.points.bias = self.points.bias.map(|bias| {
            bias.map(|old| {
                Tensor::from_data(data(mean, &[values]), &old.device()).set_require_grad(old.is_require_grad())
            })
        });
        self
    }
}

impl Fold for FaceMesh {
    fn fold(self) -> Self {
        Self { stages: self.stages.fold(), ..self }
    }
}
