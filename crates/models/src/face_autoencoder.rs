//! A small autoencoder of faces, as face-swap programs are built around: what it leaves on a face
//! is a generator's fingerprint.
//!
//! The decision that shapes it: one encoder and one decoder with pixel-shuffle upscaling ("df" of
//! the swap programs, with one decoder instead of two), and the code either one vector for the
//! whole face or a few numbers for each place. Codes are ordered by nested dropout (Rippel,
//! Gelbart, Adams 2014): any number of the first ones is a code, so one network gives faces from
//! blurred to nearly right.
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

use crate::blocks::{ConvNorm, Form, Stage, patches};
use crate::layers::{Conv, ConvConfig};

/// What a code belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Layout {
    /// One vector a face.
    Whole,
    /// A few numbers for every sixteenth of the side.
    Places,
}

/// Layout and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Config {
    /// Side of the face in pixels, a multiple of 16.
    pub side: usize,
    /// What a code belongs to.
    pub layout: Layout,
    /// Numbers in a code; for [`Layout::Places`] at each place.
    pub code: usize,
}

/// Channels at strides 4, 8 and 16.
const WIDTHS: [usize; 3] = [48, 96, 128];

/// The network.
#[derive(Module, Debug)]
pub struct FaceAutoencoder {
    encoder: Vec<Stage>,
    into_code: Vec<Linear>,
    narrow: Vec<Conv>,
    out_of_code: Vec<Linear>,
    widen: Vec<Conv>,
    decoder: Vec<ConvNorm>,
    picture: Conv,
}

impl Config {
    /// Numbers along the axis that nested dropout cuts.
    fn cells(self) -> usize {
        (self.side / 16) * (self.side / 16)
    }

    /// The network with random parameters.
    pub fn init(&self, device: &Device) -> FaceAutoencoder {
        let [quarter, eighth, sixteenth] = WIDTHS;
        let form = Form::Trained;
        let whole = self.layout == Layout::Whole;
        let dense = |from: usize, to: usize| -> Vec<Linear> {
            whole.then(|| LinearConfig::new(from, to).init(device)).into_iter().collect()
        };
        let places = |from: usize, to: usize| -> Vec<Conv> {
            (!whole).then(|| ConvConfig::new(from, to, 1).init(device)).into_iter().collect()
        };
        let flat = sixteenth * self.cells();
        FaceAutoencoder {
            encoder: vec![
                Stage::init([48, quarter], 1, 0, form, device),
                Stage::init([quarter, eighth], 2, 0, form, device),
                Stage::init([eighth, sixteenth], 2, 1, form, device),
            ],
            into_code: dense(flat, self.code),
            narrow: places(sixteenth, self.code),
            out_of_code: dense(self.code, flat),
            widen: places(self.code, sixteenth),
            decoder: vec![
                ConvNorm::init([sixteenth, 4 * eighth], 3, 1, form, device),
                ConvNorm::init([eighth, 4 * quarter], 3, 1, form, device),
                ConvNorm::init([quarter, 4 * 32], 3, 1, form, device),
            ],
            picture: ConvConfig::new(32, 12, 3).same().init(device),
        }
    }
}

/// Every four channels become a patch of 2x2 (Shi et al. 2016, sub-pixel convolution).
///
/// # Shapes
/// `[batch, 4 channels, height, width]` to `[batch, channels, 2 height, 2 width]`.
fn shuffled(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let c = channels / 4;
    x.reshape([batch, c, 2, 2, height, width]).permute([0, 1, 4, 2, 5, 3]).reshape([batch, c, 2 * height, 2 * width])
}

impl FaceAutoencoder {
    /// The face after a code of which only the first `kept` numbers of each row count; with 0 all
    /// are kept.
    ///
    /// # Shapes
    /// `[batch, 3, side, side]` with values 0 to 1, to the same; `kept` holds a number a face.
    pub fn forward(&self, faces: Tensor<4>, kept: &[usize]) -> Tensor<4> {
        let device = faces.device();
        let x = self.encoder.iter().fold(patches(faces), |x, stage| stage.forward(x));
        let [batch, channels, height, width] = x.dims();
        let keep = |code: usize| -> Tensor<2> {
            let row = |kept: &usize| (0..code).map(|i| f32::from(*kept == 0 || i < *kept)).collect::<Vec<_>>();
            let values: Vec<f32> = kept.iter().flat_map(row).collect();
            Tensor::from_data(TensorData::new(values, [batch, code]), &device)
        };
        let x = match (self.into_code.first(), self.out_of_code.first(), self.narrow.first(), self.widen.first()) {
            (Some(into), Some(out), ..) => {
                let code = into.forward(x.reshape([batch, channels * height * width]));
                let cut = keep(code.dims()[1]);
                out.forward(code * cut).reshape([batch, channels, height, width])
            }
            (_, _, Some(narrow), Some(widen)) => {
                let code = narrow.forward(x);
                let count = code.dims()[1];
                widen.forward(code * keep(count).reshape([batch, count, 1, 1]))
            }
            _ => x,
        };
        let x = self.decoder.iter().fold(x, |x, stage| shuffled(stage.rectified(x)));
        sigmoid(shuffled(self.picture.forward(x)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::floats;

    #[test]
    fn both_layouts_keep_the_shape_and_a_shorter_code_changes_the_face() {
        let device = Device::default();
        for layout in [Layout::Whole, Layout::Places] {
            let net = Config { side: 64, layout, code: 8 }.init(&device);
            let faces = Tensor::<4>::ones([2, 3, 64, 64], &device) * 0.4;
            let all = net.forward(faces.clone(), &[0, 0]);
            assert_eq!(all.dims(), [2, 3, 64, 64]);
            let (all, cut) = (floats(all), floats(net.forward(faces, &[0, 1])));
            let half = all.len() / 2;
            assert_eq!(all[..half], cut[..half]);
            assert_ne!(all[half..], cut[half..]);
        }
    }

    #[test]
    fn shuffling_puts_four_channels_side_by_side() {
        let values: Vec<f32> = (0..4).map(|v| v as f32).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, [1, 4, 1, 1]), &Device::default());
        assert_eq!(floats(shuffled(x)), [0.0, 1.0, 2.0, 3.0]);
    }
}
