//! The face detector of this project: one stride, many scales.
//!
//! The decision that shapes it: the network knows faces of 10 to 80 pixels and nothing else, and
//! the picture is shown to it at every halving. One head at stride 8 then covers every size,
//! training needs no wide canvas, and a level costs a quarter of the one before. It answers raw
//! maps; boxes, thresholds and suppression are the work of `decode`, which knows no network.
use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};

use crate::blocks::{Form, PATCH_CHANNELS, Stage, patches};
use crate::layers::Fold;

mod decode;
mod pyramid;

pub use decode::{Found, STRIDE, decode, encode, suppress};

/// Channels of the head: one score, four of the box, ten of the points.
pub const OUTPUTS: usize = 15;

/// Widths of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Config {
    /// Channels at strides 4, 8 and 16.
    pub widths: [usize; 3],
}

impl Default for Config {
    fn default() -> Self {
        Self { widths: [32, 48, 96] }
    }
}

/// The network. Its input is `rgb / 127.5 - 1`.
#[derive(Module, Debug)]
pub struct FaceDetector {
    stem: Stage,
    fine: Stage,
    coarse: Stage,
    lateral: Stage,
    merge: Stage,
    head: Conv2d,
}

impl Config {
    /// The network with random parameters.
    pub fn init(&self, form: Form, device: &Device) -> FaceDetector {
        let [quarter, eighth, sixteenth] = self.widths;
        let head = Conv2dConfig::new([eighth, OUTPUTS], [1, 1]).with_padding(PaddingConfig2d::Valid).init(device);
        FaceDetector {
            stem: Stage::init([PATCH_CHANNELS, quarter], 1, 0, form, device),
            fine: Stage::init([quarter, eighth], 2, 1, form, device),
            coarse: Stage::init([eighth, sixteenth], 2, 2, form, device),
            lateral: Stage::init([sixteenth, eighth], 1, 0, form, device),
            merge: Stage::init([eighth, eighth], 1, 1, form, device),
            head,
        }
    }
}

impl FaceDetector {
    /// Sets the score's bias so that a face is rare before anything is learned (Lin et al. 2017,
    /// section 3.3).
    pub fn start_at_rare_faces(&mut self) {
        let bias = self.head.bias.take();
        self.head.bias = bias.map(|bias| {
            bias.map(|old| {
                let mut values = vec![0.0f32; OUTPUTS];
                values[0] = -4.0;
                Tensor::from_data(burn::tensor::TensorData::new(values, [OUTPUTS]), &old.device())
                    .set_require_grad(old.is_require_grad())
            })
        });
    }

    /// Scores (before the sigmoid), boxes and points of every cell.
    ///
    /// # Shapes
    /// `[batch, 3, height, width]`, both multiples of 16, to `[batch, 15, height / 8, width / 8]`.
    /// [`decode`] says what the channels mean.
    pub fn forward(&self, picture: Tensor<4>) -> Tensor<4> {
        let fine = self.fine.forward(self.stem.forward(patches(picture)));
        let coarse = self.lateral.forward(self.coarse.forward(fine.clone()));
        let [_, _, height, width] = fine.dims();
        let options = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size([height, width]);
        self.head.forward(self.merge.forward(fine + interpolate(coarse, options)))
    }

    /// The same function without batch normalisation.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self {
            stem: self.stem.folded(),
            fine: self.fine.folded(),
            coarse: self.coarse.folded(),
            lateral: self.lateral.folded(),
            merge: self.merge.folded(),
            head: self.head.clone(),
        }
    }
}

impl Fold for FaceDetector {
    fn fold(self) -> Self {
        Self {
            stem: self.stem.fold(),
            fine: self.fine.fold(),
            coarse: self.coarse.fold(),
            lateral: self.lateral.fold(),
            merge: self.merge.fold(),
            ..self
        }
    }
}
