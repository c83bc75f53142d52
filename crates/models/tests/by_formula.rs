//! Xception, VGG-19 and MesoNet against independent PyTorch versions (`reference/`), on weights
//! that both sides compute by the same formula.
#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]
mod common;

use std::path::Path;

use assay_checkpoints::{HostTensor, StateDict};
use assay_models::layers::Fold;
use assay_models::mesonet::MesoNetKind;
use assay_models::state;
use assay_models::vgg::Vgg19Config;
use assay_models::xception::XceptionConfig;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use common::{Gaps, host, loaded, safetensors};

/// `reference/weights.py`: numbers in [0, 1) from a name.
fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let seed = name.bytes().fold(0x811C_9DC5u32, |s, b| (s ^ u32::from(b)).wrapping_mul(0x0100_0193));
    (0..count as u32).map(move |i| {
        let mut x = i.wrapping_mul(2_654_435_761).wrapping_add(seed);
        for _ in 0..2 {
            x = (x ^ (x >> 16)).wrapping_mul(0x045D_9F3B);
        }
        f64::from(x ^ (x >> 16)) / 4_294_967_296.0
    })
}

fn weights(name: &str, shape: &[usize]) -> HostTensor {
    let last = name.rsplit('.').next().unwrap();
    let fan_in: usize = shape.iter().skip(1).product();
    let value = |u: f64| match last {
        "running_var" => 0.75 + 0.5 * u,
        "running_mean" | "bias" => 0.2 * (u - 0.5),
        _ if shape.len() == 1 => 0.75 + 0.5 * u,
        _ => (2.0 * u - 1.0) * (3.0 / fan_in as f64).sqrt(),
    };
    let values: Vec<f32> = uniform(name, shape.iter().product()).map(|u| value(u) as f32).collect();
    HostTensor::from_f32(shape, &values)
}

fn filled<M: Module>(module: M, prefix: &str) -> M {
    let state: StateDict = state::collect(&module)
        .into_iter()
        .map(|(name, t)| (name.clone(), weights(&format!("{prefix}{name}"), &t.shape)))
        .collect();
    loaded(module, &state)
}

fn noise(shape: [usize; 4], scale: f32, offset: f32) -> Tensor<4> {
    let values: Vec<f32> = uniform("input", shape.iter().product()).map(|u| u as f32 * scale + offset).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::default())
}

fn expected(file: &str) -> StateDict {
    safetensors(&Path::new(env!("CARGO_MANIFEST_DIR")).join("reference").join(file))
}

#[test]
fn xception_equals_the_independent_version() {
    let config = XceptionConfig { outputs: 2 };
    let plain = filled(config.init(&Device::default()), "");
    let expected = expected("xception.safetensors");
    let input = noise([2, 3, 139, 131], 2.0, -1.0);
    for (title, net) in [("xception plain", plain.clone()), ("xception folded", plain.fold())] {
        let mut gaps = Gaps::default();
        let features = state::floats(net.features(input.clone()));
        gaps.relative("features", &features, &host(&expected, "features").to_f32(), 1e-5);
        let logits = state::floats(net.forward(input.clone()));
        gaps.relative("logits", &logits, &host(&expected, "logits").to_f32(), 2e-5);
        gaps.finish(title);
    }
}

#[test]
fn xception_has_the_names_of_the_published_checkpoints() {
    let names = state::collect(&XceptionConfig { outputs: 1 }.init_siamese(&Device::default()));
    for name in [
        "feat_ext.xception.conv1.weight",
        "feat_ext.xception.block1.rep.0.conv1.weight",
        "feat_ext.xception.block1.rep.4.running_mean",
        "feat_ext.xception.block12.rep.1.pointwise.weight",
        "feat_ext.xception.block12.skipbn.running_var",
        "feat_ext.xception.last_linear.bias",
        "classifier.0.running_mean",
        "classifier.1.weight",
    ] {
        assert!(names.contains_key(name), "{name}");
    }
    assert_eq!(names["feat_ext.xception.block4.rep.7.pointwise.weight"].shape, [728, 728, 1, 1]);
    // 22,855,952 parameters with ImageNet's 1000 classes in the published port.
    let net = state::collect(&XceptionConfig { outputs: 1000 }.init(&Device::default()));
    let learnt = net.iter().filter(|(name, _)| !name.contains("running"));
    assert_eq!(learnt.map(|(_, t)| t.shape.iter().product::<usize>()).sum::<usize>(), 22_855_952);
}

#[test]
fn the_features_of_vgg_equal_the_independent_version() {
    let net = filled(Vgg19Config { classifier: false }.init(&Device::default()), "");
    let expected = expected("vgg.safetensors");
    let mut gaps = Gaps::default();
    for (i, map) in net.maps(noise([1, 3, 16, 32], 1.0, 0.0)).into_iter().enumerate() {
        gaps.relative(&format!("map {i}"), &state::floats(map), &host(&expected, &format!("map{i}")).to_f32(), 1e-5);
    }
    gaps.finish("vgg");
}

#[test]
fn mesonets_equal_the_independent_version() {
    let expected = expected("mesonet.safetensors");
    let input = noise([2, 3, 256, 256], 1.0, 0.0);
    for (name, kind) in [("meso4", MesoNetKind::Meso4), ("mesoinception4", MesoNetKind::MesoInception4)] {
        let plain = filled(kind.init(&Device::default()), &format!("{name}."));
        for (form, net) in [("plain", plain.clone()), ("folded", plain.fold())] {
            let mut gaps = Gaps::default();
            gaps.compare("output", net.forward(input.clone()), host(&expected, name), 2e-6);
            gaps.finish(&format!("{name} {form}"));
        }
    }
}
