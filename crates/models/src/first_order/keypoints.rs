//! Finding the key points of a picture, and the 2 x 2 matrix that goes with each.
//!
//! The decision that shapes it: a point is the mean place of a soft-max over a map, in the map's
//! own frame. Without padding that map is 58 x 58 for a picture of 64 x 64, and its corners count
//! as (-1, -1) and (1, 1), as in the reference: published weights depend on it.
use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use super::{Hourglass, KeyPointConfig};
use crate::cpu;
use crate::layers::{AntiAlias, Conv, ConvConfig, Fold, Padding, coordinate_grid};

/// Key points of a batch of pictures.
#[derive(Debug, Clone)]
pub struct KeyPoints {
    /// Places, `[n, points, 2]`, (x, y) in [-1, 1].
    pub value: Tensor<3>,
    /// Local motion to first order, `[n, points, 2, 2]`; rows are the derivatives of x and of y.
    pub jacobian: Option<Tensor<4>>,
}

impl KeyPoints {
    /// The same without the history of their computation.
    #[must_use]
    pub fn detach(self) -> Self {
        Self { value: self.value.detach(), jacobian: self.jacobian.map(Tensor::detach) }
    }
}

/// Key-point detector (paper, section 3.1).
#[derive(Module, Debug)]
pub struct KeyPointDetector {
    predictor: Hourglass,
    kp: Conv,
    jacobian: Option<Conv>,
    down: Option<AntiAlias>,
    #[module(skip)]
    temperature: f64,
    #[module(skip)]
    num_kp: usize,
}

impl KeyPointConfig {
    /// A detector with random weights.
    pub fn init(&self, device: &Device) -> KeyPointDetector {
        let features = Hourglass::channels_out(self.num_channels, &self.hourglass);
        let head = |n: usize| ConvConfig::new(features, n, 7).padding(Padding::all(self.pad)).init(device);
        let maps = if self.single_jacobian_map { 1 } else { self.num_kp };
        KeyPointDetector {
            predictor: Hourglass::init(self.num_channels, &self.hourglass, device),
            kp: head(self.num_kp),
            jacobian: self.estimate_jacobian.then(|| head(4 * maps)),
            down: (self.scale_factor < 1.0).then(|| AntiAlias::init(self.num_channels, self.scale_factor, device)),
            temperature: self.temperature,
            num_kp: self.num_kp,
        }
    }
}

impl KeyPointDetector {
    /// # Shapes
    /// - `x`: `[n, channels, h, w]` in [0, 1]
    pub fn forward(&self, x: Tensor<4>) -> KeyPoints {
        let x = match &self.down {
            Some(down) => down.forward(x),
            None => x,
        };
        let features = self.predictor.forward(x);
        let points = self.kp.forward(features.clone());
        let jacobians = self.jacobian.as_ref().map(|conv| conv.forward(features));
        key_points_from_maps(points, jacobians, self.temperature)
    }

    /// Key points that this detector finds.
    pub fn num_kp(&self) -> usize {
        self.num_kp
    }
}

impl Fold for KeyPointDetector {
    fn fold(mut self) -> Self {
        self.predictor = self.predictor.fold();
        self.kp = self.kp.folded(None);
        self.jacobian = self.jacobian.map(|conv| conv.folded(None));
        self
    }
}

/// The mean place of the soft-max of every map, and the mean of the matrices under it.
///
/// # Shapes
/// - `points`: `[n, k, h, w]`
/// - `jacobians`: `[n, 4 k, h, w]`, or `[n, 4, h, w]` where all points share one map
pub fn key_points_from_maps(points: Tensor<4>, jacobians: Option<Tensor<4>>, temperature: f64) -> KeyPoints {
    let [n, k, h, w] = points.dims();
    if cpu::can_run(&points.device()) {
        let (value, jacobian) = cpu::soft_moments(points, jacobians, temperature);
        return KeyPoints { value, jacobian: jacobian.map(|j| j.reshape([n, k, 2, 2])) };
    }
    let flat: Tensor<3> = points.reshape([n, k, h * w]);
    let heat = softmax(flat / temperature, 2);
    let grid: Tensor<3> = coordinate_grid(h, w, &heat.device()).reshape([1, h * w, 2]);
    let value = heat.clone().matmul(grid.expand([n, h * w, 2]));
    let jacobian = jacobians.map(|maps| {
        let shared = maps.dims()[1] / 4;
        let maps: Tensor<4> = maps.reshape([n, shared, 4, h * w]);
        let weighted = maps * heat.reshape([n, k, 1, h * w]);
        weighted.sum_dim(3).reshape([n, k, 2, 2])
    });
    KeyPoints { value, jacobian }
}

/// A Gaussian bell of the given variance at every point.
///
/// # Shapes
/// - `points`: `[n, k, 2]`; output: `[n, k, h, w]`
pub fn heatmaps(points: &Tensor<3>, [h, w]: [usize; 2], variance: f64) -> Tensor<4> {
    let [n, k, _] = points.dims();
    let grid: Tensor<5> = coordinate_grid(h, w, &points.device()).reshape([1, 1, h, w, 2]);
    let offset = grid - points.clone().reshape([n, k, 1, 1, 2]);
    let squared = offset.square().sum_dim(4).reshape([n, k, h, w]);
    (squared * (-0.5 / variance)).exp()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;
    use crate::state::floats;

    #[test]
    fn the_kernel_agrees_with_the_form_that_records_gradients() {
        let (plain, recording) = (Device::flex(), Device::flex().autodiff());
        let random = |c: usize| Tensor::<4>::random([2, c, 9, 7], Distribution::Uniform(-0.3, 0.3), &plain);
        for maps in [12, 4] {
            let (points, maps) = (random(3), random(maps));
            let on = |t: &Tensor<4>| Tensor::<4>::from_data(t.to_data(), &recording);
            let theirs = key_points_from_maps(on(&points), Some(on(&maps)), 0.1);
            let ours = key_points_from_maps(points, Some(maps), 0.1);
            let far = |a: Vec<f32>, b: Vec<f32>| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far(floats(ours.value), floats(theirs.value)) < 1e-5);
            let [ours, theirs] = [ours.jacobian, theirs.jacobian].map(|j| floats(j.unwrap()));
            assert_eq!(ours.len(), 24);
            assert!(far(ours, theirs) < 1e-5);
        }
    }
}
