//! From key points to a motion for every pixel.
//!
//! The decision that shapes it: motions are sampling grids, `target -> source`: at every pixel of
//! the result, the place of the source that belongs there (paper, equation 4). One more motion than
//! there are points is the background, which stays.
use burn::module::Module;
use burn::tensor::activation::{sigmoid, softmax};
use burn::tensor::{Device, Tensor};

use super::keypoints::{KeyPoints, heatmaps};
use super::{GeneratorConfig, Hourglass};
use crate::layers::{AlignCorners, AntiAlias, Conv, ConvConfig, Fold, coordinate_grid, grid_sample, resize_bilinear};

/// What the dense motion network says of one pair.
#[derive(Debug, Clone)]
pub struct Motion {
    /// The source's place for every pixel, `[n, h, w, 2]`.
    pub deformation: Tensor<4>,
    /// How much of each motion a pixel follows, `[n, points + 1, h, w]`; the first is the
    /// background.
    pub mask: Tensor<4>,
    /// How visible a pixel is in the source, `[n, 1, h, w]` in [0, 1].
    pub occlusion_map: Option<Tensor<4>>,
    /// The source warped by every motion, `[n, points + 1, channels, h, w]`.
    pub sparse_deformed: Tensor<5>,
}

/// Dense motion network (paper, section 3.2).
#[derive(Module, Debug)]
pub struct DenseMotion {
    hourglass: Hourglass,
    mask: Conv,
    occlusion: Option<Conv>,
    down: Option<AntiAlias>,
    #[module(skip)]
    kp_variance: f64,
}

impl DenseMotion {
    /// A network with random weights.
    pub fn init(config: &GeneratorConfig, device: &Device) -> Self {
        let channels = (config.num_kp + 1) * (config.num_channels + 1);
        let features = Hourglass::channels_out(channels, &config.motion_hourglass);
        let head = |n: usize| ConvConfig::new(features, n, 7).same().init(device);
        let down = || AntiAlias::init(config.num_channels, config.motion_scale, device);
        Self {
            hourglass: Hourglass::init(channels, &config.motion_hourglass, device),
            mask: head(config.num_kp + 1),
            occlusion: config.estimate_occlusion_map.then(|| head(1)),
            down: (config.motion_scale < 1.0).then(down),
            kp_variance: config.kp_variance,
        }
    }

    /// The source at the size at which motion is estimated. Depends on the source alone.
    ///
    /// # Shapes
    /// - `source`: `[n, channels, h, w]`; output: the same, smaller
    pub fn shrink(&self, source: Tensor<4>) -> Tensor<4> {
        match &self.down {
            Some(down) => down.forward(source),
            None => source,
        }
    }

    /// # Shapes
    /// - `small`: `[n, channels, h, w]`, what [`DenseMotion::shrink`] made of the source
    pub fn forward(&self, small: Tensor<4>, source: &KeyPoints, driving: &KeyPoints, align: AlignCorners) -> Motion {
        let [n, c, h, w] = small.dims();
        let k = source.value.dims()[1];
        let bells =
            heatmaps(&driving.value, [h, w], self.kp_variance) - heatmaps(&source.value, [h, w], self.kp_variance);
        let background = Tensor::zeros([n, 1, h, w], &bells.device());
        let bells: Tensor<5> = Tensor::cat(vec![background, bells], 1).reshape([n, k + 1, 1, h, w]);

        let motions = sparse_motions(source, driving, [h, w]);
        let repeated: Tensor<5> = small.reshape([n, 1, c, h, w]);
        let repeated: Tensor<4> = repeated.expand([n, k + 1, c, h, w]).reshape([n * (k + 1), c, h, w]);
        let grids: Tensor<4> = motions.clone().reshape([n * (k + 1), h, w, 2]);
        let sparse_deformed: Tensor<5> = grid_sample(repeated, grids, align, false).reshape([n, k + 1, c, h, w]);

        let input = Tensor::cat(vec![bells, sparse_deformed.clone()], 2).reshape([n, (k + 1) * (c + 1), h, w]);
        let features = self.hourglass.forward(input);
        let mask = softmax(self.mask.forward(features.clone()), 1);
        let occlusion_map = self.occlusion.as_ref().map(|conv| sigmoid(conv.forward(features)));
        let deformation = mixed(motions, &mask);
        Motion { deformation, mask, occlusion_map, sparse_deformed }
    }
}

impl Fold for DenseMotion {
    fn fold(mut self) -> Self {
        self.hourglass = self.hourglass.fold();
        self.mask = self.mask.folded(None);
        self.occlusion = self.occlusion.map(|conv| conv.folded(None));
        self
    }
}

/// The motion around every key point, `T(z) = source + J (z - driving)` with
/// `J = J_source J_driving^-1` (paper, equations 4 and 5), behind the background, which stays.
///
/// # Shapes
/// - output: `[n, points + 1, h, w, 2]`
pub fn sparse_motions(source: &KeyPoints, driving: &KeyPoints, [h, w]: [usize; 2]) -> Tensor<5> {
    let [n, k, _] = source.value.dims();
    let grid = coordinate_grid(h, w, &source.value.device());
    let identity: Tensor<5> = grid.clone().reshape([1, 1, h, w, 2]);
    let grid: Tensor<4> = grid.reshape([1, 1, h * w, 2]);
    let mut offset = grid - driving.value.clone().reshape([n, k, 1, 2]);
    if let (Some(source), Some(driving)) = (&source.jacobian, &driving.jacobian) {
        let local = source.clone().matmul(inverse(driving));
        // Rows of `offset` are vectors, so they are multiplied by the transpose.
        offset = offset.matmul(local.swap_dims(2, 3));
    }
    let moved = (offset + source.value.clone().reshape([n, k, 1, 2])).reshape([n, k, h, w, 2]);
    Tensor::cat(vec![identity.expand([n, 1, h, w, 2]), moved], 1)
}

/// The motions, each as much as its mask says.
///
/// # Shapes
/// - `motions`: `[n, k, h, w, 2]`; `mask`: `[n, k, h, w]`; output: `[n, h, w, 2]`
pub(crate) fn mixed(motions: Tensor<5>, mask: &Tensor<4>) -> Tensor<4> {
    let [n, k, h, w, _] = motions.dims();
    (motions * mask.clone().reshape([n, k, h, w, 1])).sum_dim(1).reshape([n, h, w, 2])
}

/// `x` read at the places of `deformation`, which is brought to the size of `x` first.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`; `deformation`: `[n, dh, dw, 2]`; output: `[n, c, h, w]`
pub fn warp(x: Tensor<4>, deformation: Tensor<4>, align: AlignCorners) -> Tensor<4> {
    let [_, _, h, w] = x.dims();
    let [_, dh, dw, _] = deformation.dims();
    let grid = if [dh, dw] == [h, w] {
        deformation
    } else {
        resize_bilinear(deformation.permute([0, 3, 1, 2]), [h, w]).permute([0, 2, 3, 1])
    };
    grid_sample(x, grid, align, false)
}

/// `x` read at the places of a coarser `deformation`. Not the places themselves are brought to its
/// size, but how far they are from where they would stay, so that what stays is read exactly.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`; `deformation`: `[n, dh, dw, 2]`; output: `[n, c, h, w]`
pub(crate) fn warp_finely(x: Tensor<4>, deformation: Tensor<4>, align: AlignCorners) -> Tensor<4> {
    let ([_, _, h, w], [_, dh, dw, _], device) = (x.dims(), deformation.dims(), x.device());
    let moved = deformation - coordinate_grid(dh, dw, &device).reshape([1, dh, dw, 2]);
    let moved = resize_bilinear(moved.permute([0, 3, 1, 2]), [h, w]).permute([0, 2, 3, 1]);
    grid_sample(x, moved + coordinate_grid(h, w, &device).reshape([1, h, w, 2]), align, false)
}

/// Inverse of 2 x 2 matrices.
///
/// # Shapes
/// - `m` and output: `[n, k, 2, 2]`
pub(super) fn inverse(m: &Tensor<4>) -> Tensor<4> {
    let [n, k, _, _] = m.dims();
    let entry = |i: usize, j: usize| m.clone().slice([0..n, 0..k, i..i + 1, j..j + 1]);
    let (a, b, c, d) = (entry(0, 0), entry(0, 1), entry(1, 0), entry(1, 1));
    let determinant = a.clone() * d.clone() - b.clone() * c.clone();
    let above = Tensor::cat(vec![d, -b], 3);
    let below = Tensor::cat(vec![-c, a], 3);
    Tensor::cat(vec![above, below], 2) / determinant
}
