//! What is done alike to recorded and made faces before they are judged (Zhao et al.,
//! "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020).
//!
//! The decision that shapes it: one draw a batch, so that a made face and the recorded one that it
//! should resemble are changed alike and can still be compared place by place. All of it lets
//! gradients through.
use burn::tensor::{Tensor, TensorData};

use assay_material::rng::Rng;

/// How far a batch is shifted at most, as a share of the side.
const SHIFT: f64 = 0.125;

/// One way to look at a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    flips: bool,
    /// In pixels, right and down.
    shift: [i64; 2],
    gain: [f32; 3],
    offset: f32,
}

impl View {
    /// As it is.
    pub const PLAIN: Self = Self { flips: false, shift: [0; 2], gain: [1.0; 3], offset: 0.0 };

    /// A draw for faces of `side` pixels.
    pub fn drawn(side: usize, rng: &mut Rng) -> Self {
        let most = (side as f64 * SHIFT) as i64;
        let contrast = rng.range(0.7, 1.3);
        Self {
            flips: rng.chance(0.5),
            shift: [rng.between(-most, most), rng.between(-most, most)],
            gain: std::array::from_fn(|_| (contrast * rng.range(0.85, 1.15)) as f32),
            offset: rng.range(-0.2, 0.2) as f32,
        }
    }

    /// # Shapes
    /// Keeps `[batch, 3, side, side]`.
    pub fn of(&self, faces: Tensor<4>) -> Tensor<4> {
        if *self == Self::PLAIN {
            return faces;
        }
        let gain = Tensor::<4>::from_data(TensorData::new(self.gain.to_vec(), [1, 3, 1, 1]), &faces.device());
        let mut x = (faces - 0.5) * gain + (0.5 + self.offset);
        if self.flips {
            x = x.flip([3]);
        }
        for (axis, by) in [(3, self.shift[0]), (2, self.shift[1])] {
            x = shifted(x, axis, by);
        }
        x
    }
}

/// Moved along an axis; grey comes in.
fn shifted(x: Tensor<4>, axis: usize, by: i64) -> Tensor<4> {
    let gap = by.unsigned_abs() as usize;
    let mut shape = x.dims();
    let kept = shape[axis].saturating_sub(gap);
    if gap == 0 || kept == 0 {
        return x;
    }
    shape[axis] = gap;
    let grey = Tensor::<4>::full(shape, 0.5, &x.device());
    if by > 0 {
        Tensor::cat(vec![grey, x.narrow(axis, 0, kept)], axis)
    } else {
        Tensor::cat(vec![x.narrow(axis, gap, kept), grey], axis)
    }
}

#[cfg(test)]
mod tests {
    use assay_models::state::floats;
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn a_pixel_goes_where_the_view_says() {
        let device = Device::default();
        let mut values = vec![0.5f32; 3 * 64];
        (0..3).for_each(|c| values[c * 64 + 2 * 8 + 3] = 1.0);
        let x = Tensor::<4>::from_data(TensorData::new(values, [1, 3, 8, 8]), &device);
        let view = View { flips: true, shift: [-1, 2], gain: [0.5, 1.0, 1.0], offset: 0.1 };
        let out = floats(view.of(x.clone()));
        // Column 3 is column 4 when flipped, then 3; row 2 is row 4.
        assert!((out[4 * 8 + 3] - 0.85).abs() < 1e-6 && (out[64 + 4 * 8 + 3] - 1.1).abs() < 1e-6);
        assert!((out[0] - 0.5).abs() < 1e-6 && (out[5 * 8] - 0.6).abs() < 1e-6);
        assert_eq!(floats(View::PLAIN.of(x.clone())), floats(x));
    }
}
