//! A known, smooth deformation: what the equivariance losses compare the key points with.
//!
//! The decision that shapes it: its jacobian is written out instead of differentiated, so that the
//! losses need first derivatives only.
use burn::tensor::{Device, Tensor};

use crate::layers::{AlignCorners, coordinate_grid, grid_sample};

/// An affine map and a thin-plate-like warp on top (paper, supplementary; code `Transform`). The
/// reference's kernel is `d^2 log(d + 1e-6)` of the L1 distance, and one weight moves both
/// coordinates.
#[derive(Debug, Clone)]
pub struct ThinPlate {
    /// `[n, 2, 3]`.
    pub theta: Tensor<3>,
    /// Weights of the control points, `[n, points^2]`, row-major.
    pub control: Tensor<2>,
    /// Control points a side.
    pub points: usize,
}

impl ThinPlate {
    const EPSILON: f64 = 1e-6;

    /// Where `coordinates` go.
    ///
    /// # Shapes
    /// - `coordinates` and output: `[n, m, 2]`, (x, y) in [-1, 1]
    pub fn warp(&self, coordinates: Tensor<3>) -> Tensor<3> {
        let [n, m, _] = coordinates.dims();
        let affine = self.theta.clone().slice([0..n, 0..2, 0..2]);
        let shift: Tensor<3> = self.theta.clone().slice([0..n, 0..2, 2..3]).reshape([n, 1, 2]);
        let moved = coordinates.clone().matmul(affine.swap_dims(1, 2)) + shift;
        let offset = self.offsets(coordinates);
        let distance = offset.abs().sum_dim(3);
        let bent = distance.clone().square() * (distance + Self::EPSILON).log();
        let weights: Tensor<4> = self.control.clone().reshape([n, 1, self.points * self.points, 1]);
        moved + (bent * weights).sum_dim(2).reshape([n, m, 1])
    }

    /// Derivative of [`ThinPlate::warp`] at `coordinates`.
    ///
    /// # Shapes
    /// - `coordinates`: `[n, m, 2]`; output: `[n, m, 2, 2]`, rows are the derivatives of x and y
    pub fn jacobian(&self, coordinates: Tensor<3>) -> Tensor<4> {
        let [n, m, _] = coordinates.dims();
        let affine: Tensor<4> = self.theta.clone().slice([0..n, 0..2, 0..2]).reshape([n, 1, 2, 2]);
        let offset = self.offsets(coordinates);
        let distance = offset.clone().abs().sum_dim(3);
        let shifted = distance.clone() + Self::EPSILON;
        let slope = distance.clone() * shifted.clone().log() * 2.0 + distance.square() / shifted;
        let weights: Tensor<4> = self.control.clone().reshape([n, 1, self.points * self.points, 1]);
        // The same for the x and the y of the result.
        let gradient: Tensor<4> = (slope * weights * offset.sign()).sum_dim(2).reshape([n, m, 1, 2]);
        affine.expand([n, m, 2, 2]) + gradient.expand([n, m, 2, 2])
    }

    /// The picture under the map; mirrored outside.
    ///
    /// # Shapes
    /// - `frame` and output: `[n, c, h, w]`
    pub fn transform_frame(&self, frame: Tensor<4>, align: AlignCorners) -> Tensor<4> {
        let [n, _, h, w] = frame.dims();
        let grid: Tensor<3> = coordinate_grid(h, w, &frame.device()).reshape([1, h * w, 2]);
        let warped = self.warp(grid.expand([n, h * w, 2])).reshape([n, h, w, 2]);
        grid_sample(frame, warped, align, true)
    }

    /// Every coordinate against every control point: `[n, m, points^2, 2]`.
    fn offsets(&self, coordinates: Tensor<3>) -> Tensor<4> {
        let [n, m, _] = coordinates.dims();
        let count = self.points * self.points;
        let control: Tensor<4> =
            coordinate_grid(self.points, self.points, &coordinates.device()).reshape([1, 1, count, 2]);
        coordinates.reshape([n, m, 1, 2]) - control
    }

    /// The map that changes nothing.
    pub fn identity(n: usize, points: usize, device: &Device) -> Self {
        let theta = Tensor::<3>::from_data([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], device);
        Self { theta: theta.expand([n, 2, 3]), control: Tensor::zeros([n, points * points], device), points }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;
    use crate::state::floats;

    #[test]
    fn the_jacobian_is_the_derivative() {
        let device = Device::default();
        let plate = ThinPlate {
            theta: Tensor::<3>::random([1, 2, 3], Distribution::Normal(0.5, 0.3), &device),
            control: Tensor::<2>::random([1, 25], Distribution::Normal(0.0, 0.05), &device),
            points: 5,
        };
        let at = Tensor::<3>::from_data([[[0.13, -0.41], [-0.77, 0.29]]], &device);
        let exact = floats(plate.jacobian(at.clone()));
        const STEP: f32 = 1e-2;
        for axis in 0..2 {
            let mut step = vec![0.0; 2];
            step[axis] = STEP;
            let step: Tensor<3> = Tensor::<1>::from_floats(step.as_slice(), &device).reshape([1, 1, 2]);
            let difference = (plate.warp(at.clone() + step.clone()) - plate.warp(at.clone() - step)) / (2.0 * STEP);
            for (i, d) in floats(difference).into_iter().enumerate() {
                assert!((d - exact[i * 2 + axis]).abs() < 2e-2, "{axis} {i}: {d} {}", exact[i * 2 + axis]);
            }
        }
    }

    #[test]
    fn the_identity_keeps_the_picture() {
        let device = Device::default();
        let x = Tensor::<4>::random([2, 3, 8, 8], Distribution::Default, &device);
        let same = ThinPlate::identity(2, 5, &device).transform_frame(x.clone(), AlignCorners::Centres);
        let far = floats(same - x).into_iter().map(f32::abs).fold(0.0, f32::max);
        assert!(far < 1e-5);
    }
}
