//! Reading pictures and features at other places: warps and changes of size.
//!
//! The decision that shapes it: coordinates are `(x, y)` in [-1, 1] everywhere, and what the ends
//! of that range mean is a named option of the caller, because published weights were trained under
//! one convention and are run by their own code under the other.
use burn::tensor::module::interpolate;
use burn::tensor::ops::{GridSampleOptions, GridSamplePaddingMode, InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::cpu;

/// What the coordinates -1 and 1 of a sampling grid mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlignCorners {
    /// The outer edges of the first and last pixel: PyTorch's default since 1.3, and what the
    /// reference code does today.
    #[default]
    Edges,
    /// The centres of the first and last pixel: PyTorch before 1.3, under which the published First
    /// Order Motion weights were trained.
    Centres,
}

/// Bilinear reading of `x` at the places of `grid`; zero, or mirrored where `reflect`, outside.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`
/// - `grid`: `[n, oh, ow, 2]`, (x, y) in [-1, 1]
/// - output: `[n, c, oh, ow]`
pub fn grid_sample(x: Tensor<4>, grid: Tensor<4>, align: AlignCorners, reflect: bool) -> Tensor<4> {
    if !reflect && cpu::can_run(&x.device()) && cpu::can_run(&grid.device()) {
        return cpu::grid_sample_zeros(x, grid, align == AlignCorners::Centres);
    }
    let padding = if reflect { GridSamplePaddingMode::Reflection } else { GridSamplePaddingMode::Zeros };
    let options = GridSampleOptions::new(InterpolateMode::Bilinear)
        .with_padding_mode(padding)
        .with_align_corners(align == AlignCorners::Centres);
    x.grid_sample_2d(grid, options)
}

/// The places of `h` x `w` pixels, (x, y) in [-1, 1] from the centre of the first to the centre of
/// the last.
///
/// # Shapes
/// - output: `[h, w, 2]`
pub fn coordinate_grid(h: usize, w: usize, device: &Device) -> Tensor<3> {
    let place = |i: usize, n: usize| if n > 1 { 2.0 * (i as f32 / (n - 1) as f32) - 1.0 } else { -1.0 };
    let values: Vec<f32> = (0..h).flat_map(|y| (0..w).flat_map(move |x| [place(x, w), place(y, h)])).collect();
    Tensor::from_data(TensorData::new(values, [h, w, 2]), device)
}

/// Bilinear change of size with pixel areas aligned (PyTorch's `align_corners=False`).
///
/// # Shapes
/// - `x`: `[n, c, h, w]`
/// - output: `[n, c, size[0], size[1]]`
pub fn resize_bilinear(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [_, _, h, w] = x.dims();
    if [h, w] == size {
        return x;
    }
    let options = InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false).with_output_size(size);
    interpolate(x, options)
}

/// Every pixel four times.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`
/// - output: `[n, c, 2 h, 2 w]`
pub fn upsample_nearest(x: Tensor<4>) -> Tensor<4> {
    if cpu::can_run(&x.device()) { cpu::upsample_nearest(x) } else { crate::training::doubled(x) }
}

/// Every four channels become 2x2 pixels (sub-pixel convolution, Shi et al. 2016), in TensorFlow's
/// order: channel `(2 dy + dx) c + k` of a place is channel `k` of its pixel in row `dy` and column
/// `dx`. With channels last in memory, whole rows of channels are moved.
///
/// # Shapes
/// - `x`: `[n, 4 c, h, w]`; output: `[n, c, 2 h, 2 w]`
pub fn depth_to_space(x: Tensor<4>) -> Tensor<4> {
    let [n, channels, h, w] = x.dims();
    let rows = x.permute([0, 2, 3, 1]).reshape([n * h, w, 2, channels / 2]);
    rows.swap_dims(1, 2).reshape([n, 2 * h, 2 * w, channels / 4]).permute([0, 3, 1, 2])
}

/// The planes as they came, and the mean of each ("global average pooling"). Gives its input back
/// because on the processor that spares a copy.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`; output: the same, and `[n, c, 1, 1]`
pub fn plane_means(x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    if cpu::can_run(&x.device()) {
        return cpu::plane_means(x);
    }
    (x.clone(), x.mean_dims(&[2, 3]))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;
    use crate::state::floats;

    fn picture() -> Tensor<4> {
        Tensor::random([2, 3, 7, 9], Distribution::Uniform(-1.0, 1.0), &Device::default())
    }

    #[test]
    fn the_grid_of_pixel_centres_reads_the_picture_itself() {
        let x = picture();
        let grid = coordinate_grid(7, 9, &Device::default()).unsqueeze::<4>().expand([2, 7, 9, 2]);
        let same = floats(grid_sample(x.clone(), grid, AlignCorners::Centres, false));
        let far = same.iter().zip(floats(x)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 1e-5, "{far}");
    }

    #[test]
    fn the_kernel_agrees_with_burn_under_both_conventions() {
        let x = picture();
        let grid = Tensor::<4>::random([2, 5, 6, 2], Distribution::Uniform(-1.4, 1.4), &Device::default());
        for align in [AlignCorners::Edges, AlignCorners::Centres] {
            let options = GridSampleOptions::new(InterpolateMode::Bilinear)
                .with_padding_mode(GridSamplePaddingMode::Zeros)
                .with_align_corners(align == AlignCorners::Centres);
            let theirs = floats(x.clone().grid_sample_2d(grid.clone(), options));
            let ours = floats(grid_sample(x.clone(), grid.clone(), align, false));
            let far = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far < 1e-5, "{align:?}: {far}");
        }
    }

    #[test]
    fn plane_means_are_the_means() {
        let x = picture();
        let theirs = floats(x.clone().mean_dims(&[2, 3]));
        let far = floats(plane_means(x).1).iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 1e-6, "{far}");
    }

    #[test]
    fn four_channels_become_a_square_of_pixels() {
        let values: Vec<f32> = (0..2 * 8 * 3 * 5).map(|v| v as f32).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values.clone(), [2, 8, 3, 5]), &Device::default());
        let out = depth_to_space(x);
        assert_eq!(out.dims(), [2, 2, 6, 10]);
        let out = floats(out);
        // Picture 1, channel 1, row 2 * 2 + 1, column 2 * 3: dy 1, dx 0.
        let from = ((8 + 2 * 2 + 1) * 3 + 2) * 5 + 3;
        assert_eq!(out[((2 + 1) * 6 + 5) * 10 + 6], values[from]);
    }

    #[test]
    fn upsampling_repeats_every_pixel() {
        let x = Tensor::<4>::from_data([[[[1.0, 2.0], [3.0, 4.0]]]], &Device::default());
        let up = floats(upsample_nearest(x));
        assert_eq!(up, [1., 1., 2., 2., 1., 1., 2., 2., 3., 3., 4., 4., 3., 3., 4., 4.]);
    }
}
