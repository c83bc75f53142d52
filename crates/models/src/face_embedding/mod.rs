//! The identity network of this project: an aligned face to a direction in which pictures of one
//! person lie close.
//!
//! The decision that shapes it: the last map is weighed position by position before it is summed
//! (the global depthwise convolution of MobileFaceNet, Chen et al. 2018), since an aligned face has
//! each part at its place. The result has unit length; its product with another's is their
//! similarity. It names nobody.
use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor, TensorData};

use crate::blocks::{Form, PATCH_CHANNELS, Stage, patches};
use crate::layers::Fold;
use crate::rgb::Rgb;
use crate::state::floats;

/// Side of the aligned crop in pixels.
pub const SIDE: usize = 112;

/// Where eyes, nose tip and mouth corners lie in the crop, in sides (the template of ArcFace, Deng
/// et al. 2019).
pub const TEMPLATE: [[f32; 2]; 5] =
    [[0.341_92, 0.461_57], [0.656_53, 0.459_83], [0.500_23, 0.640_51], [0.370_97, 0.824_69], [0.631_52, 0.823_25]];

/// Widths of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Config {
    /// Channels at strides 4, 8 and 16.
    pub widths: [usize; 3],
    /// Extent of the answer.
    pub dimensions: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { widths: [48, 64, 128], dimensions: 128 }
    }
}

/// The network. Its input is `rgb / 127.5 - 1`.
#[derive(Module, Debug)]
pub struct FaceEmbedding {
    stages: Vec<Stage>,
    places: Param<Tensor<4>>,
    head: Linear,
}

impl Config {
    /// The network with random parameters.
    pub fn init(&self, form: Form, device: &Device) -> FaceEmbedding {
        let [quarter, eighth, last] = self.widths;
        let end = SIDE / 16;
        FaceEmbedding {
            stages: vec![
                Stage::init([PATCH_CHANNELS, quarter], 1, 0, form, device),
                Stage::init([quarter, eighth], 2, 2, form, device),
                Stage::init([eighth, last], 2, 3, form, device),
            ],
            places: Param::from_tensor(Tensor::random([1, last, end, end], Distribution::Normal(0.02, 0.02), device)),
            head: LinearConfig::new(last, self.dimensions).init(device),
        }
    }
}

impl FaceEmbedding {
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

    /// Unit vectors.
    ///
    /// # Shapes
    /// `[batch, 3, 112, 112]` to `[batch, dimensions]`.
    pub fn forward(&self, crop: Tensor<4>) -> Tensor<2> {
        let features = self.stages.iter().fold(patches(crop), |x, stage| stage.forward(x));
        let [batch, channels, height, width] = features.dims();
        let weighed = (features * self.places.val()).reshape([batch, channels, height * width]);
        let pooled: Tensor<2> = weighed.sum_dim(2).reshape([batch, channels]);
        let out = self.head.forward(pooled);
        let length = out.clone().powf_scalar(2.0).sum_dim(1).sqrt() + 1e-6;
        out / length
    }

    /// The vector of one aligned crop: the mean of its own and its mirror image's, of unit length.
    pub fn identify(&self, crop: &Rgb<'_>) -> Vec<f32> {
        let mut planes = Vec::new();
        crop.append_planes(&mut planes);
        crop.mirrored().view().append_planes(&mut planes);
        let input = TensorData::new(planes, [2, 3, crop.height, crop.width]);
        let both = floats(self.forward(Tensor::from_data(input, &Device::default())));
        let (own, mirror) = both.split_at(both.len() / 2);
        let sum: Vec<f32> = own.iter().zip(mirror).map(|(a, b)| a + b).collect();
        let length = sum.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        sum.iter().map(|v| v / length).collect()
    }

    /// The same function without batch normalisation.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { stages: self.stages.iter().map(Stage::folded).collect(), ..self.clone() }
    }
}

impl Fold for FaceEmbedding {
    fn fold(self) -> Self {
        Self { stages: self.stages.fold(), ..self }
    }
}
