//! The inverted residual block with squeeze and excitation (Sandler et al. 2018, Hu et al. 2018).
use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor};

use crate::layers::{Activation, Conv, ConvConfig, Fold, Padding, plane_means};

/// Blocks of one kind; the first may have a stride.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage {
    pub(super) blocks: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) expansion: usize,
    pub(super) channels: usize,
}

/// Batch normalisation with the constants of the TensorFlow original.
pub(super) fn batch_norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).with_epsilon(1e-3).with_momentum(0.01).init(device)
}

#[derive(Module, Debug)]
pub(super) struct Block {
    under_expand_conv: Option<Conv>,
    under_bn0: Option<BatchNorm>,
    under_depthwise_conv: Conv,
    under_bn1: BatchNorm,
    under_se_reduce: Conv,
    under_se_expand: Conv,
    under_project_conv: Conv,
    under_bn2: BatchNorm,
    #[module(skip)]
    has_shortcut: bool,
}

impl Block {
    pub(super) fn init(channels: usize, stage: &Stage, stride: usize, padding: Padding, device: &Device) -> Self {
        let inner = channels * stage.expansion;
        let squeezed = (channels / 4).max(1);
        let expands = stage.expansion > 1;
        Self {
            under_expand_conv: expands.then(|| ConvConfig::new(channels, inner, 1).without_bias().init(device)),
            under_bn0: expands.then(|| batch_norm(inner, device)),
            under_depthwise_conv: ConvConfig::new(inner, inner, stage.kernel)
                .groups(inner)
                .stride(stride)
                .padding(padding)
                .without_bias()
                .init(device),
            under_bn1: batch_norm(inner, device),
            under_se_reduce: ConvConfig::new(inner, squeezed, 1).init(device),
            under_se_expand: ConvConfig::new(squeezed, inner, 1).init(device),
            under_project_conv: ConvConfig::new(inner, stage.channels, 1).without_bias().init(device),
            under_bn2: batch_norm(stage.channels, device),
            has_shortcut: stride == 1 && channels == stage.channels,
        }
    }

    /// # Shapes
    /// - `x`: `[n, channels in, h, w]`; output: `[n, channels out, h / stride, w / stride]`
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = self.has_shortcut.then(|| x.clone());
        let x = match (&self.under_expand_conv, &self.under_bn0) {
            (Some(conv), Some(norm)) => conv.normed(norm, x, Activation::Silu),
            _ => x,
        };
        let x = self.under_depthwise_conv.normed(&self.under_bn1, x, Activation::Silu);
        let (x, means) = plane_means(x);
        let squeezed = self.under_se_reduce.activated(means, Activation::Silu);
        let gate = self.under_se_expand.activated(squeezed, Activation::Sigmoid);
        let x = self.under_project_conv.gated(&self.under_bn2, x, gate);
        match shortcut {
            Some(shortcut) => x + shortcut,
            None => x,
        }
    }
}

impl Fold for Block {
    fn fold(mut self) -> Self {
        self.under_expand_conv = self.under_expand_conv.map(|conv| conv.folded(self.under_bn0.as_ref()));
        self.under_depthwise_conv = self.under_depthwise_conv.folded(Some(&self.under_bn1));
        self.under_se_reduce = self.under_se_reduce.folded(None);
        self.under_se_expand = self.under_se_expand.folded(None);
        self.under_project_conv = self.under_project_conv.folded(Some(&self.under_bn2));
        self
    }
}
