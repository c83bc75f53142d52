//! First Order Motion Model against its reference implementation (../shared/parity/fomm-small).
#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]
mod common;

use assay_checkpoints::StateDict;
use assay_models::first_order::{
    FirstOrderConfig, Generator, HourglassConfig, KeyPointDetector, KeyPoints, PUBLISHED, Transfer,
};
use assay_models::layers::{AlignCorners, Fold};
use assay_models::state;
use burn::tensor::{Device, Tensor};
use common::{Gaps, fixture, host, loaded, safetensors, section, tensor};

/// The fixture's widths.
fn small() -> FirstOrderConfig {
    let mut config = PUBLISHED[1].config();
    config.key_points.hourglass = HourglassConfig { block_expansion: 8, max_features: 128, num_blocks: 5 };
    config.generator.block_expansion = 16;
    config.generator.max_features = 128;
    config.generator.motion_hourglass = HourglassConfig { block_expansion: 16, max_features: 128, num_blocks: 5 };
    config.discriminator.block_expansion = 8;
    config.discriminator.max_features = 64;
    config
}

/// The README gives how far the reference's single precision is from its double precision. Two
/// implementations in single precision are each that far from the truth, so they may be twice that
/// far from one another.
const GAP: f32 = 2.0 * 5.2e-6;

const MODES: [(&str, Transfer); 3] = [
    ("absolute", Transfer { relative_movement: false, relative_jacobian: false, adapt_scale: false }),
    ("relative", Transfer { relative_movement: true, relative_jacobian: true, adapt_scale: false }),
    ("relative_adapt", Transfer { relative_movement: true, relative_jacobian: true, adapt_scale: true }),
];

fn compare(title: &str, detector: &KeyPointDetector, generator: &Generator, inputs: &StateDict, expected: &StateDict) {
    let device = Device::default();
    let mut gaps = Gaps::default();
    let points = |gaps: &mut Gaps, name: &str, found: &KeyPoints| {
        gaps.compare("key points", found.value.clone(), host(expected, &format!("{name}.value")), GAP);
        let jacobian = found.jacobian.clone().unwrap();
        gaps.compare("jacobians", jacobian, host(expected, &format!("{name}.jacobian")), GAP);
    };
    let source: Tensor<4> = tensor(inputs, "source", &device);
    let frames: Tensor<4> = tensor(inputs, "driving", &device);
    let source_points = detector.forward(source.clone());
    points(&mut gaps, "kp_source", &source_points);
    let driving: Vec<KeyPoints> =
        (0..4).map(|i| detector.forward(frames.clone().slice([i..i + 1, 0..3, 0..256, 0..256]))).collect();
    for (i, found) in driving.iter().enumerate() {
        points(&mut gaps, &format!("kp_driving.{i}"), found);
    }
    for (mode, transfer) in MODES {
        for (i, found) in driving.iter().enumerate() {
            let moved = transfer.apply(&source_points, found, &driving[0]);
            points(&mut gaps, &format!("{mode}.kp_norm.{i}"), &moved);
        }
    }
    let mut pictures = 0;
    for (prefix, align) in [("ac_false", AlignCorners::Edges), ("ac_true", AlignCorners::Centres)] {
        let generator = generator.clone().with_align_corners(align);
        let encoded = generator.encode_source(source.clone());
        for (mode, transfer) in MODES {
            for (i, found) in driving.iter().enumerate() {
                let name = |what: &str| format!("{prefix}.{mode}.{i}.{what}");
                if !expected.contains_key(&name("prediction")) {
                    continue;
                }
                let moved = transfer.apply(&source_points, found, &driving[0]);
                let made = generator.animate(&encoded, &source_points, &moved);
                let motion = made.motion;
                gaps.compare("deformation", motion.deformation, host(expected, &name("deformation")), GAP);
                gaps.compare("mask", motion.mask, host(expected, &name("mask")), GAP);
                let occlusion = motion.occlusion_map.unwrap();
                gaps.compare("occlusion", occlusion, host(expected, &name("occlusion_map")), GAP);
                gaps.compare("prediction", made.prediction, host(expected, &name("prediction")), GAP);
                if let Some(deformed) = expected.get(&name("sparse_deformed")) {
                    gaps.compare("sparse_deformed", motion.sparse_deformed, deformed, 2.0 * 4.2e-5);
                }
                pictures += 1;
            }
        }
    }
    assert_eq!(pictures, 10);
    gaps.finish(title);
}

#[test]
fn shared_pictures_and_motions_equal_the_reference() {
    let Some(folder) = fixture("fomm-small") else { return };
    let device = Device::default();
    let inputs = safetensors(&folder.join("inputs.safetensors"));
    let expected = safetensors(&folder.join("outputs.safetensors"));
    let config = small();
    let (file, legacy) = (folder.join("vox-small.pth.tar"), folder.join("vox-small-legacy.pth.tar"));
    for part in ["kp_detector", "generator", "discriminator"] {
        assert_eq!(section(&file, part), section(&legacy, part));
    }
    let detector = loaded(config.key_points.init(&device), &section(&file, "kp_detector"));
    let generator = loaded(config.generator.init(&device), &section(&file, "generator"));
    compare("plain", &detector, &generator, &inputs, &expected);
    compare("folded", &detector.fold(), &generator.fold(), &inputs, &expected);
}

#[test]
fn published_configurations_have_the_published_sizes() {
    let device = Device::default();
    // reference: 59.79 million parameters with the detector's 14.22, counted without running
    // statistics.
    let count = |state: &StateDict| -> usize {
        let learnt = state.iter().filter(|(name, _)| !name.contains("running") && !name.contains("down.weight"));
        learnt.map(|(_, t)| t.shape.iter().product::<usize>()).sum()
    };
    let vox = PUBLISHED[0].config();
    let detector = state::collect(&vox.key_points.init(&device));
    let generator = state::collect(&vox.generator.init(&device));
    assert!(generator.contains_key("bottleneck.r5.conv2.weight") && generator.contains_key("final.weight"));
    assert_eq!((count(&detector) as f64 / 1e4).round(), 1422.0);
    assert_eq!(((count(&generator) + count(&detector)) as f64 / 1e4).round(), 5979.0);
    let judge = state::collect(&vox.discriminator.init(&device));
    assert!(judge.contains_key("discs.1.down_blocks.0.conv.weight_orig"));
    let names: Vec<&str> = PUBLISHED.iter().map(|p| p.name).collect();
    assert_eq!(names.len(), 8);
    let mgif = state::collect(&PUBLISHED[5].config().key_points.init(&device));
    assert_eq!(mgif["jacobian.weight"].shape, [4, 35, 7, 7]);
    let adversarial = state::collect(&PUBLISHED[1].config().discriminator.init(&device));
    assert_eq!(adversarial["discs.1.down_blocks.0.conv.weight"].shape, [64, 13, 4, 4]);
}
