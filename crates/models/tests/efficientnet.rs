//! EfficientNet-B4 detectors against their reference implementation (../shared/parity/effnet).
#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]
mod common;

use std::path::Path;

use assay_checkpoints::{Checkpoint, StateDict};
use assay_models::efficientnet::{EfficientNet, EfficientNetConfig, PaddingVariant, SiameseTuned};
use assay_models::layers::Fold;
use assay_models::state::{self, floats};
use burn::tensor::{Device, Tensor};
use common::{Gaps, fixture, host, loaded, safetensors, tensor};

fn flat(path: &Path) -> StateDict {
    Checkpoint::read(path).unwrap().into_tensors()
}

/// Mean and deviation (n - 1) of every sample of a block's output.
fn stats(x: &Tensor<4>) -> Vec<f32> {
    let [n, c, h, w] = x.dims();
    let one = c * h * w;
    let values = floats(x.clone());
    let mut out = Vec::with_capacity(2 * n);
    for sample in values.chunks_exact(one) {
        let mean = sample.iter().map(|v| f64::from(*v)).sum::<f64>() / one as f64;
        let square = sample.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>();
        out.extend([mean as f32, (square / (one as f64 - 1.0)).sqrt() as f32]);
    }
    out
}

struct Nets {
    plain: EfficientNet,
    attention: EfficientNet,
    plain_st: SiameseTuned,
    attention_st: SiameseTuned,
}

impl Nets {
    fn fold(self) -> Self {
        Self {
            plain: self.plain.fold(),
            attention: self.attention.fold(),
            plain_st: self.plain_st.fold(),
            attention_st: self.attention_st.fold(),
        }
    }

    fn compare(&self, title: &str, input: &Tensor<4>, expected: &StateDict) {
        let mut gaps = Gaps::default();
        let row = |name: &str| host(expected, name);
        for (name, net) in [("EfficientNetB4", &self.plain), ("EfficientNetAutoAttB4", &self.attention)] {
            gaps.compare("logits", net.forward(input.clone()), row(&format!("{name}.logits")), 1e-3);
            let (mut blocks, mut ninth) = (Vec::new(), None);
            let features = net.observed(input.clone(), &mut |i, x| {
                blocks.extend(stats(x));
                if i == 9 {
                    ninth = Some(x.clone());
                }
            });
            gaps.compare("features", features, row(&format!("{name}.features")), 1e-3);
            gaps.slices("block statistics", &blocks, &row(&format!("{name}.block_stats")).to_f32(), 1e-3);
            let ninth = ninth.unwrap();
            let means: Tensor<2> = ninth.clone().mean_dims(&[2, 3]).reshape([2, 56]);
            gaps.compare("block 9 means", means, row("EfficientNetB4.block9_channel_mean"), 1e-3);
            let first: Tensor<3> = ninth.slice([0..2, 0..1, 0..28, 0..28]).reshape([2, 28, 28]);
            gaps.compare("block 9 channel 0", first, row("EfficientNetB4.block9_ch0"), 1e-3);
        }
        for (name, net) in [("EfficientNetB4ST", &self.plain_st), ("EfficientNetAutoAttB4ST", &self.attention_st)] {
            gaps.compare("ST logits", net.forward(input.clone()), row(&format!("{name}.logits")), 5e-3);
        }
        let map = self.attention.attention(input.clone()).unwrap();
        gaps.compare("attention", map, row("EfficientNetAutoAttB4.attention"), 1e-4);
        assert!(self.plain.attention(input.clone()).is_none());
        gaps.finish(title);
    }
}

#[test]
fn shared_logits_and_features_equal_the_reference() {
    let Some(folder) = fixture("effnet") else { return };
    let device = Device::default();
    let with_attention = flat(&folder.join("EfficientNetAutoAttB4_small_f16.pth"));
    let head = flat(&folder.join("ST_head_f16.pth"));
    let without: StateDict = with_attention.clone().into_iter().filter(|(name, _)| !name.contains("attconv")).collect();
    let tuned = |state: &StateDict| -> StateDict {
        let inner = state.iter().map(|(name, t)| (format!("feat_ext.{name}"), t.clone()));
        inner.chain(head.clone()).collect()
    };
    let input = tensor(&safetensors(&folder.join("inputs.safetensors")), "input", &device);
    for (version, padding) in [("063", PaddingVariant::V063), ("071", PaddingVariant::V071)] {
        let expected = safetensors(&folder.join(format!("expected_{version}.safetensors")));
        let config = |attention| EfficientNetConfig { attention, padding };
        let nets = Nets {
            plain: loaded(config(false).init(&device), &without),
            attention: loaded(config(true).init(&device), &with_attention),
            plain_st: loaded(config(false).init_siamese(&device), &tuned(&without)),
            attention_st: loaded(config(true).init_siamese(&device), &tuned(&with_attention)),
        };
        if padding == PaddingVariant::default() {
            nets.compare(&format!("{version} plain"), &input, &expected);
        }
        nets.fold().compare(&format!("{version} folded"), &input, &expected);
    }
}

#[test]
fn b4_has_the_published_number_of_parameters() {
    let net = state::collect(&EfficientNetConfig::default().init(&Device::default()));
    let learnt = net.iter().filter(|(name, _)| !name.contains("running"));
    assert_eq!(learnt.map(|(_, t)| t.shape.iter().product::<usize>()).sum::<usize>(), 17_550_409);
}
