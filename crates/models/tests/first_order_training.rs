//! Losses and gradients of the First Order Motion Model with frozen statistics against the
//! reference (fomm-small, `evalbn.*`).
mod common;

use assay_models::first_order::{
    FirstOrderConfig, HourglassConfig, PUBLISHED, ThinPlate, adversarial, discriminator_loss, equivariance,
    feature_matching,
};
use assay_models::layers::{AlignCorners, freeze_statistics};
use assay_models::state::floats;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use common::{Gaps, fixture, host, loaded, safetensors, section, tensor};

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

/// Gradients of a module's parameters by name.
fn gradients<M: Module>(module: &M, all: &Gradients) -> std::collections::BTreeMap<String, Vec<f32>> {
    struct Visitor<'a> {
        names: Vec<String>,
        all: &'a Gradients,
        found: std::collections::BTreeMap<String, Vec<f32>>,
    }
    impl ModuleVisitor for Visitor<'_> {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.names.push(name.to_owned());
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.names.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = param.val().grad(self.all) {
                let name = self.names.join(".").replace(".gamma", ".weight");
                self.found.insert(name, floats(gradient));
            }
        }
    }
    let mut visitor = Visitor { names: Vec::new(), all, found: std::collections::BTreeMap::new() };
    module.visit(&mut visitor);
    visitor.found
}

#[test]
fn shared_losses_and_gradients_equal_the_reference() {
    let Some(folder) = fixture("fomm-small") else { return };
    let device = Device::default().autodiff();
    let inputs = safetensors(&folder.join("inputs.safetensors"));
    let expected = safetensors(&folder.join("train.safetensors"));
    let file = folder.join("vox-small.pth.tar");
    let config = small();
    let detector = freeze_statistics(loaded(config.key_points.init(&device), &section(&file, "kp_detector")));
    let generator = freeze_statistics(loaded(config.generator.init(&device), &section(&file, "generator")));
    let judge = loaded(config.discriminator.init(&device), &section(&file, "discriminator"));

    let source: Tensor<4> = tensor(&inputs, "source", &device);
    let frames: Tensor<4> = tensor(&inputs, "driving", &device);
    let frame = |i: usize| frames.clone().slice([i..i + 1, 0..3, 0..256, 0..256]);
    let sources = Tensor::cat(vec![source.clone(), frame(0), frame(1), frame(2)], 0);
    let driving = Tensor::cat(vec![frame(1), frame(2), frame(3), source], 0);
    let plate = ThinPlate {
        theta: tensor(&expected, "theta", &device),
        control: tensor::<3>(&expected, "control_params", &device).reshape([4, 25]),
        points: 5,
    };
    let mut gaps = Gaps::default();
    let transformed = plate.transform_frame(driving.clone(), AlignCorners::Edges);
    let first = transformed.clone().slice([0..1, 0..3, 0..256, 0..256]);
    gaps.compare("transformed frame", first, host(&expected, "transformed_frame"), 2e-5);

    let source_points = detector.forward(sources.clone());
    let driving_points = detector.forward(driving.clone());
    let transformed_points = detector.forward(transformed);
    let made = generator.forward(sources, &source_points, &driving_points).prediction;
    let seen = driving_points.clone().detach();
    let (real, generated) = (judge.forward(&driving, Some(&seen)), judge.forward(&made, Some(&seen)));
    let gan = adversarial(&generated).unwrap();
    let matching = feature_matching(&real, &generated, &[10.0; 4]).unwrap();
    let (value, jacobian) = equivariance(&driving_points, &transformed_points, &plate);
    let (value, jacobian) = (value * 10.0, jacobian.unwrap() * 10.0);
    let total = gan.clone() + matching.clone() + value.clone() + jacobian.clone();
    for (name, loss) in [
        ("gen_gan", &gan),
        ("feature_matching", &matching),
        ("equivariance_value", &value),
        ("equivariance_jacobian", &jacobian),
        ("total_generator", &total),
    ] {
        let theirs = host(&expected, &format!("evalbn.f64.loss.{name}")).to_f32();
        gaps.relative("losses", &floats(loss.clone()), &theirs, 1e-5);
    }

    let all = total.backward();
    let mut compared = 0;
    for (module, found) in [("kp_detector", gradients(&detector, &all)), ("generator", gradients(&generator, &all))] {
        for (name, ours) in found {
            if let Some(theirs) = expected.get(&format!("evalbn.f64.grad_G.{module}.{name}")) {
                gaps.relative("gradients of the generator", &ours, &theirs.to_f32(), 2.6e-3);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 6);

    let made = made.detach();
    let real = judge.forward(&driving, Some(&seen));
    let loss = discriminator_loss(&real, &judge.forward(&made, Some(&seen))).unwrap();
    gaps.relative("losses", &floats(loss.clone()), &host(&expected, "evalbn.f64.loss.disc_gan").to_f32(), 1e-5);
    let mut compared = 0;
    for (name, ours) in gradients(&judge, &loss.backward()) {
        if let Some(theirs) = expected.get(&format!("evalbn.f64.grad_D.{name}")) {
            gaps.relative("gradients of the discriminator", &ours, &theirs.to_f32(), 2.6e-3);
            compared += 1;
        }
    }
    assert_eq!(compared, 3);
    gaps.finish("training");
}

#[test]
fn shared_discriminator_maps_equal_the_reference() {
    let Some(folder) = fixture("fomm-small") else { return };
    let device = Device::default();
    let inputs = safetensors(&folder.join("inputs.safetensors"));
    let (outputs, expected) =
        (safetensors(&folder.join("outputs.safetensors")), safetensors(&folder.join("train.safetensors")));
    let judge =
        loaded(small().discriminator.init(&device), &section(&folder.join("vox-small.pth.tar"), "discriminator"));
    let frames: Tensor<4> = tensor(&inputs, "driving", &device);
    let points = |name: &str| -> Tensor<3> {
        Tensor::cat((1..3).map(|i| tensor(&outputs, &format!("kp_driving.{i}.{name}"), &device)).collect(), 0)
    };
    let seen = assay_models::first_order::KeyPoints { value: points("value"), jacobian: None };
    let said = judge.forward(&frames.slice([1..3, 0..3, 0..256, 0..256]), Some(&seen)).remove(0);
    let mut gaps = Gaps::default();
    // Instance normalisation divides by deviations that can be small, so the gap is judged against
    // the largest entry.
    gaps.relative(
        "prediction map",
        &floats(said.prediction),
        &host(&expected, "disc_eval.prediction_map").to_f32(),
        2e-5,
    );
    for (i, map) in said.features.into_iter().enumerate() {
        let [n, c, _, _] = map.dims();
        let means: Tensor<2> = map.mean_dims(&[2, 3]).reshape([n, c]);
        let theirs = host(&expected, &format!("disc_eval.feature_map_{i}.channel_mean"));
        gaps.compare("feature maps", means, theirs, 1e-5);
    }
    gaps.finish("discriminator");
}
