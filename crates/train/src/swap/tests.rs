use std::f32::consts::TAU;
use std::path::PathBuf;

use assay_faces::Networks;
use assay_media::NoProgress;
use assay_models::device::DeviceChoice;
use assay_models::face_swap::{Config, Layout};
use assay_models::state::collect;
use image::RgbImage;

use super::data::{Face, Faces};
use super::*;
use crate::{Budget, Task as _, train};

/// Discs with eyes and a mouth, whose colour is the person.
fn drawn(colour: [u8; 3]) -> Faces {
    let face = |turn: f32| {
        let ring = |n: usize, r: f32, [x, y]: [f32; 2]| -> Vec<[f32; 2]> {
            (0..n)
                .map(|i| [x + r * (TAU * i as f32 / n as f32).cos(), y + r * (TAU * i as f32 / n as f32).sin()])
                .collect()
        };
        let picture = RgbImage::from_fn(52, 52, |x, y| {
            let (u, v) = (x as f32 - 26.0, y as f32 - 26.0);
            let eye = (u.abs() - 7.0).hypot(v + 5.0 - turn) < 3.0;
            let mouth = u.abs() < 6.0 && (v - 10.0 - turn).abs() < 1.5;
            image::Rgb(if eye || mouth {
                [20; 3]
            } else if u.hypot(v) < 20.0 {
                colour
            } else {
                [110; 3]
            })
        });
        let mut points68 = ring(68, 5.0, [26.0, 24.0]);
        points68[48..60].copy_from_slice(&ring(12, 5.0, [26.0, 36.0]));
        Face { file: "a.jpg".into(), picture, mesh: ring(468, 20.0, [26.0; 2]), points68 }
    };
    let turns = (0..6).map(|i| face(i as f32 * 0.5)).collect();
    Faces { folder: PathBuf::new(), train: turns, held_out: vec![face(1.2)], identity: Vec::new() }
}

fn task(layout: Layout, adversarial: Adversarial) -> Swapping {
    let config = Config {
        encoder: vec![16, 16, 32],
        code: 16,
        inter: 16,
        raised: 16,
        decoder: vec![16, 16, 16],
        mask: vec![16, 16, 8, 8],
        attention: adversarial != Adversarial::Off,
        ..Preset::Small.config(layout, 32, false)
    };
    Swapping {
        config,
        weights: Weights { perceptual: 0.0, ..Weights::default() },
        augment: Augment { warps: true, mirrors: true, colours: false },
        adversarial,
        batch: 2,
        faces: [drawn([220, 60, 60]), drawn([60, 60, 220])],
        features: None,
        networks: Networks::shipped().unwrap(),
    }
}

fn options(folder: &std::path::Path, steps: u64) -> Options {
    Options {
        budget: Budget::Steps(steps),
        out: folder.to_owned(),
        seed: 5,
        learning_rate: 4e-3,
        from: None,
        device: DeviceChoice::Cpu,
    }
}

#[test]
fn a_trained_network_gives_a_face_back_as_either_person() {
    for layout in [Layout::Df, Layout::Liae] {
        let folder = tempfile::tempdir().unwrap();
        let task = task(layout, Adversarial::Off);
        let net = train(&task, &options(folder.path(), 160), &NoProgress).unwrap();
        let input = example::Example::plain(&task.faces[1].held_out[0], 32).input;
        let input = burn::tensor::Tensor::from_data(
            burn::tensor::TensorData::new(input, [1, 3, 32, 32]),
            &burn::tensor::Device::default(),
        );
        // A cheek of B, who is blue: made A's it is red.
        let cheek = |person| {
            let made = assay_models::state::floats(net.swap.forward(input.clone(), person).picture);
            [0, 1, 2].map(|c| made[(c * 32 + 17) * 32 + 16])
        };
        let (a, b) = (cheek(assay_models::face_swap::Person::A), cheek(assay_models::face_swap::Person::B));
        assert!(a[0] > a[2] + 0.2 && b[2] > b[0] + 0.2, "{layout:?}: {a:?} {b:?}");
        let figures = task.validate(&net);
        assert!(figures.iter().all(|(_, v)| v.is_finite() && *v < 60.0), "{figures:?}");
        let preview = task.preview(&net).unwrap().unwrap();
        assert_eq!(preview.dimensions(), (6 * 96, 6 * 96));
        assert!(folder.path().join("preview.png").exists() && folder.path().join("curves.html").exists());
    }
}

#[test]
fn discriminators_learn_beside_the_autoencoder_and_runs_with_them_go_on() {
    for adversarial in [Adversarial::Lsgan, Adversarial::MixUp] {
        let task = task(Layout::Df, adversarial);
        let (whole, ended) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let straight = train(&task, &options(whole.path(), 12), &NoProgress).unwrap();
        let start = crate::load_average(&task, &collect(&task.init(&burn::tensor::Device::default())));
        assert!(start.is_ok());
        train(&task, &options(ended.path(), 12), &EndAfter(7.into())).unwrap();
        let resumed = train(&task, &options(ended.path(), 12), &NoProgress).unwrap();
        // Unlike without discriminators, not to the very same network.
        assert_ne!(
            collect(&resumed.discriminators),
            collect(&task.init(&burn::tensor::Device::default()).discriminators)
        );
        let other =
            train(&task, &Options { seed: 6, ..options(&whole.path().join("other"), 12) }, &NoProgress).unwrap();
        assert_ne!(collect(&straight.discriminators), collect(&other.discriminators));
    }
}

/// Lets so many steps pass.
struct EndAfter(std::sync::atomic::AtomicU64);

impl assay_media::Progress for EndAfter {
    fn update(&self, _: &str, _: u64, _: u64) {
        self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed) == 0
    }
}
