//! Seconds a forward of the published networks takes on the processor, with random weights; one
//! JSON object on standard output.
//!
//!     speed [--runs N] [--net NAME] [--load | --layers]
//!
//! Threads are those of the rayon pool (`RAYON_NUM_THREADS`). `--load` gives instead the time to
//! read, build and fold each network from a safetensors file, and by how much the process grew;
//! `--layers` the single convolutions in which most time goes. `crates/models/reference/compare.sh`
//! runs this beside PyTorch and ONNX Runtime.
#![allow(clippy::unwrap_used, reason = "a benchmark has no better answer to a failure than to stop")]
#![allow(clippy::allow_attributes, reason = "nothing here is part of the library")]
use std::time::Instant;

use assay_checkpoints::{read_safetensors, write_safetensors};
use assay_models::blazeface::{BlazeFace, BlazeFaceConfig};
use assay_models::blocks::Form;
use assay_models::efficientnet::EfficientNetConfig;
use assay_models::face_forgery::{Input, Opened, append};
use assay_models::first_order::{KeyPoints, PUBLISHED};
use assay_models::layers::{Activation, ConvConfig, Fold};
use assay_models::layout::FirstOrderWidths;
use assay_models::registry::Registry;
use assay_models::rgb::Rgb;
use assay_models::shipped_faces::ShippedFaces;
use assay_models::xception::XceptionConfig;
use assay_models::{Kind, face_detector, state};
use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};

fn picture(side: usize) -> Tensor<4> {
    Tensor::random([1, 3, side, side], Distribution::Uniform(0.0, 1.0), &Device::flex())
}

/// Seconds of a clock on the wall, and seconds that the process was on a processor: the second is
/// what a busy machine leaves alone.
#[derive(Clone, Copy, serde::Serialize)]
struct Seconds {
    wall: f64,
    processor: f64,
}

/// Nanoseconds that all threads of this process have been on a processor (Linux; elsewhere 0).
fn processor_nanoseconds() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0.0 };
    let one = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    tasks.flatten().filter_map(one).sum()
}

/// Medians over `runs`, after one run to warm up.
fn median(runs: usize, mut work: impl FnMut()) -> Seconds {
    work();
    let (mut wall, mut processor) = (Vec::new(), Vec::new());
    for _ in 0..runs.max(1) {
        let (start, busy) = (Instant::now(), processor_nanoseconds());
        work();
        wall.push(start.elapsed().as_secs_f64());
        processor.push((processor_nanoseconds() - busy) / 1e9);
    }
    wall.sort_by(f64::total_cmp);
    processor.sort_by(f64::total_cmp);
    Seconds { wall: wall[wall.len() / 2], processor: processor[processor.len() / 2] }
}

/// One driving frame: key points, motion, picture; with the source encoded once, and again for
/// every frame.
fn first_order(runs: usize, is_folded: bool, widths: &FirstOrderWidths, side: usize) -> [Seconds; 3] {
    let device = Device::flex();
    let (mut detector, mut generator) = (widths.key_points.init(&device), widths.generator.init(&device));
    if is_folded {
        (detector, generator) = (detector.fold(), generator.fold());
    }
    let (source, driving) = (picture(side), picture(side));
    // With random weights the matrices can be close to singular, and a motion that reads outside
    // the picture is cheaper.
    let mild = |points: KeyPoints| KeyPoints {
        value: points.value,
        jacobian: points.jacobian.map(|j| j * 0.05 + Tensor::<2>::eye(2, &device).reshape([1, 1, 2, 2])),
    };
    let points = mild(detector.forward(source.clone()));
    let encoded = generator.encode_source(source.clone());
    let cached = median(runs, || {
        let seen = mild(detector.forward(driving.clone()));
        generator.animate(&encoded, &points, &seen).prediction.into_data();
    });
    let again = median(runs, || {
        let seen = mild(detector.forward(driving.clone()));
        generator.forward(source.clone(), &points, &seen).prediction.into_data();
    });
    let detection = median(runs, || {
        detector.forward(driving.clone()).value.into_data();
    });
    [cached, again, detection]
}

fn resident(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|v| v.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// Seconds to read, build and fold, the mebibytes that stay, and those of the file.
fn load<M: Module + Fold>(name: &str, init: impl Fn() -> M, entries: &mut serde_json::Map<String, serde_json::Value>) {
    let file = std::env::temp_dir().join(format!("assay-speed-{name}-{}.safetensors", std::process::id()));
    std::fs::write(&file, write_safetensors(&state::collect(&init()), None).unwrap()).unwrap();
    let before = resident("VmRSS");
    let start = Instant::now();
    let tensors = read_safetensors(&std::fs::read(&file).unwrap()).unwrap();
    let net = state::load(init(), &tensors, "").unwrap().fold();
    let seconds = start.elapsed().as_secs_f64();
    drop(tensors);
    let grown = resident("VmRSS") - before;
    drop(net);
    let size = std::fs::metadata(&file).unwrap().len() as f64 / 1_048_576.0;
    std::fs::remove_file(&file).unwrap();
    entries.insert(name.into(), serde_json::json!({ "seconds": seconds, "grown_mib": grown, "file_mib": size }));
}

/// The convolutions in which most of the time goes: channels in, out, kernel, groups, side, and how
/// often a frame has it.
fn layers(runs: usize) -> serde_json::Value {
    let cases = [
        ("first_order bottleneck x12", 256, 256, 3, 1, 64),
        ("first_order up 1", 256, 128, 3, 1, 128),
        ("first_order up 2", 128, 64, 3, 1, 256),
        ("first_order final", 64, 3, 7, 1, 256),
        ("first_order first", 3, 64, 7, 1, 256),
        ("dense motion mask", 108, 11, 7, 1, 64),
        ("dense motion down 1", 44, 128, 3, 1, 64),
        ("dense motion down 3", 256, 512, 3, 1, 16),
        ("dense motion up 4", 256, 64, 3, 1, 64),
        ("dense motion up 2", 2048, 512, 3, 1, 8),
        ("efficientnet expand 2", 24, 144, 1, 1, 112),
        ("efficientnet depthwise 1", 48, 48, 3, 48, 112),
        ("efficientnet depthwise 7", 336, 336, 5, 336, 28),
        ("efficientnet depthwise 17", 960, 960, 5, 960, 14),
        ("efficientnet expand 17", 160, 960, 1, 1, 14),
        ("efficientnet project 24", 1632, 272, 1, 1, 7),
    ];
    let mut entries = serde_json::Map::new();
    for (name, from, to, kernel, groups, side) in cases {
        let conv = ConvConfig::new(from, to, kernel).same().groups(groups).init(&Device::flex());
        let x = Tensor::<4>::random([1, from, side, side], Distribution::Uniform(0.0, 1.0), &Device::flex());
        let plain = median(runs, || drop(conv.forward(x.clone()).into_data()));
        let conv = conv.folded(None);
        let folded = median(runs, || drop(conv.activated(x.clone(), Activation::Silu).into_data()));
        let work = (side * side * from / groups * to * kernel * kernel * 2) as f64;
        let entry =
            serde_json::json!({ "burn": plain, "folded": folded, "folded_gflops": work / folded.processor / 1e9 });
        entries.insert(name.into(), entry);
    }
    serde_json::Value::Object(entries)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |flag: &str| arguments.iter().position(|a| a == flag).and_then(|i| arguments.get(i + 1));
    let runs: usize = value("--runs").and_then(|v| v.parse().ok()).unwrap_or(5);
    let chosen = value("--net").cloned();
    let wanted = |name: &str| chosen.as_deref().is_none_or(|c| c == name);
    let device = Device::flex();
    let mut entries = serde_json::Map::new();
    let mut put = |name: &str, seconds: Seconds| entries.insert(name.to_owned(), serde_json::json!(seconds));

    if arguments.iter().any(|a| a == "--layers") {
        println!("{:#}", layers(runs));
        return;
    }
    if arguments.iter().any(|a| a == "--load") {
        let mut entries = serde_json::Map::new();
        load("first_order_key_points", || PUBLISHED[1].config().key_points.init(&device), &mut entries);
        load("first_order_generator", || PUBLISHED[1].config().generator.init(&device), &mut entries);
        load("efficientnet_b4", || EfficientNetConfig::default().init(&device), &mut entries);
        load("xception", || XceptionConfig { outputs: 1 }.init(&device), &mut entries);
        load("blazeface", || BlazeFaceConfig {}.init(&device), &mut entries);
        let (before, start) = (resident("VmRSS"), Instant::now());
        let faces = ShippedFaces::load().unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let size: u64 = faces.entries.iter().map(|e| e.bytes).sum();
        let entry = serde_json::json!({
            "seconds": seconds, "grown_mib": resident("VmRSS") - before, "file_mib": size as f64 / 1_048_576.0,
        });
        entries.insert("all shipped face networks".into(), entry);
        println!("{}", serde_json::Value::Object(entries));
        return;
    }
    let config = PUBLISHED[1].config();
    let full = FirstOrderWidths { key_points: config.key_points, generator: config.generator, discriminator: None };
    if wanted("animator") {
        let entry = Registry::shipped(Kind::FirstOrderMotion).unwrap().entry;
        let widths: FirstOrderWidths = entry.widths.try_into().unwrap();
        let [cached, again, detection] = first_order(runs, true, &widths, entry.input.width as usize);
        put("animator", cached);
        put("animator_source_again", again);
        put("animator_key_points", detection);
    }
    if wanted("first_order") {
        let [cached, again, detection] = first_order(runs, true, &full, 256);
        put("first_order", cached);
        put("first_order_source_again", again);
        put("first_order_key_points", detection);
    }
    if wanted("first_order_plain") && chosen.is_some() {
        let [cached, again, detection] = first_order(runs, false, &full, 256);
        put("first_order_plain", cached);
        put("first_order_source_again_plain", again);
        put("first_order_key_points_plain", detection);
    }
    if wanted("efficientnet_b4") {
        let net = EfficientNetConfig::default().init(&device);
        let x = picture(224);
        if arguments.iter().any(|a| a == "--plain") {
            put("efficientnet_b4_plain", median(runs, || drop(net.forward(x.clone()).into_data())));
        }
        let net = net.fold();
        put("efficientnet_b4", median(runs, || drop(net.forward(x.clone()).into_data())));
    }
    if wanted("detectors") {
        // All that a scan asks about one face: every shipped network on its crop.
        let forgery = ["face-forgery-sbi-1", "face-forgery-pairs-1", "face-forgery-pairs-2", "face-forgery-pairs-3"];
        let opened = [Opened::shipped(&forgery).unwrap(), Opened::shipped(&["face-synthesis-1"]).unwrap()];
        let crop = |side: usize| -> Vec<[f32; 3]> {
            (0..side * side).map(|i| [(i * i / 977 % 251) as f32, (i % 249) as f32, 90.0]).collect()
        };
        let crops = opened.each_ref().map(|o| crop(o.crop.side));
        put(
            "all_judges_one_face",
            median(runs, || {
                for (opened, crop) in opened.iter().zip(&crops) {
                    let mut planes = Vec::new();
                    append(&mut planes, crop, Input::default());
                    drop(opened.network.judge_planes(planes, 1));
                }
            }),
        );
    }
    if wanted("xception") {
        let net = XceptionConfig { outputs: 1 }.init(&device).fold();
        let x = picture(299);
        put("xception", median(runs, || drop(net.forward(x.clone()).into_data())));
    }
    if wanted("faces") {
        // One picture of 128 x 128 through either network, then every face of a 1280 x 720 frame:
        // ours from 24 pixels on, BlazeFace's in its windows (from about 100 pixels on).
        let net = BlazeFaceConfig {}.init(&device).fold();
        let weights = Registry::shipped(Kind::FaceDetector).unwrap().tensors;
        let ours = face_detector::Config::default().init(Form::Folded, &device);
        let ours = state::load(ours, &weights, "").unwrap().fold();
        let x = picture(128);
        put("blazeface", median(runs, || drop(net.forward(x.clone()).boxes.into_data())));
        put("face_detector", median(runs, || drop(ours.forward(x.clone()).into_data())));
        let frame: Vec<u8> = (0..1280 * 720 * 3usize).map(|i| (i * i / 977 % 251) as u8).collect();
        let blazeface = BlazeFace::new(net);
        put("blazeface_720p", median(runs, || drop(blazeface.detect(&frame, 1280, 720))));
        let rgb = Rgb::new(&frame, 1280, 720).unwrap();
        put("face_detector_720p", median(runs, || drop(ours.find(&rgb, 24.0, 0.75))));
        put("face_detector_720p_48_px", median(runs, || drop(ours.find(&rgb, 48.0, 0.75))));
    }
    println!("{}", serde_json::Value::Object(entries));
}
