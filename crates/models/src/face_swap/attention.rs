//! Self-attention over the places of a map (Zhang et al. 2019, "Self-Attention Generative
//! Adversarial Networks", section 3).
use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use crate::layers::{Conv, ConvConfig, Fold};

/// Every place looks at all others; what it sees is added with a weight that begins at nothing.
#[derive(Module, Debug)]
pub(super) struct SelfAttention {
    query: Conv,
    key: Conv,
    value: Conv,
    /// `[1]`.
    gamma: Param<Tensor<1>>,
}

impl SelfAttention {
    pub(super) fn init(channels: usize, device: &Device) -> Self {
        let conv = |outs: usize| ConvConfig::new(channels, outs, 1).init(device);
        let narrow = (channels / 8).max(1);
        Self {
            query: conv(narrow),
            key: conv(narrow),
            value: conv(channels),
            gamma: Param::from_tensor(Tensor::zeros([1], device)),
        }
    }

    /// # Shapes
    /// Keeps `[n, channels, h, w]`.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, channels, h, w] = x.dims();
        let flat = |t: Tensor<4>| -> Tensor<3> {
            let c = t.dims()[1];
            t.reshape([n, c, h * w])
        };
        let (query, key) = (flat(self.query.forward(x.clone())), flat(self.key.forward(x.clone())));
        // Row: the place that looks.
        let looks = softmax(query.swap_dims(1, 2).matmul(key), 2);
        let seen = flat(self.value.forward(x.clone())).matmul(looks.swap_dims(1, 2));
        x + seen.reshape([n, channels, h, w]) * self.gamma.val().reshape([1, 1, 1, 1])
    }
}

impl Fold for SelfAttention {
    fn fold(self) -> Self {
        Self { query: self.query.folded(None), key: self.key.folded(None), value: self.value.folded(None), ..self }
    }
}
