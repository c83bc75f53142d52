//! `assay animate` and `assay partswap` from outside: drawn heads, networks with random weights,
//! every mark read back, wrong use refused by name.
use std::path::Path;
use std::process::Command;

use assay_checkpoints::{StateDict, write_safetensors};
use assay_models::cosegmentation::{ReconstructionConfig, SegmentationConfig};
use assay_models::first_order::{FirstOrderConfig, GeneratorConfig, HourglassConfig, KeyPointConfig, PUBLISHED};
use assay_models::state::collect;
use burn::module::Module;
use burn::tensor::Device;
use serde_json::Value;

use crate::common::{assay, run, save};

const NARROW: HourglassConfig = HourglassConfig { block_expansion: 4, max_features: 8, num_blocks: 2 };

/// The program with a configuration folder of its own, so that a test makes no key for the user.
fn with_key(at: &Path) -> Command {
    let mut command = assay(at);
    command.env("XDG_CONFIG_HOME", at.join("configuration"));
    command
}

fn named(prefix: &str, module: &impl Module) -> StateDict {
    collect(module).into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect()
}

fn write(path: &Path, parts: [StateDict; 2]) {
    let all: StateDict = parts.into_iter().flatten().collect();
    std::fs::write(path, write_safetensors(&all, None).unwrap()).unwrap();
}

/// A First Order Motion Model of the published structure, very narrow.
fn animator(at: &Path) {
    let device = Device::default();
    let FirstOrderConfig { key_points, generator, .. } = PUBLISHED[1].config();
    let key_points = KeyPointConfig { hourglass: NARROW, ..key_points };
    let generator = GeneratorConfig {
        block_expansion: 4,
        max_features: 8,
        num_bottleneck_blocks: 1,
        motion_hourglass: NARROW,
        ..generator
    };
    let parts = [named("kp_detector.", &key_points.init(&device)), named("generator.", &generator.init(&device))];
    write(&at.join("animator.safetensors"), parts);
}

fn cosegmentation(at: &Path) {
    let device = Device::default();
    let segmentation = SegmentationConfig { hourglass: NARROW, ..SegmentationConfig::published(3) };
    let reconstruction = ReconstructionConfig {
        block_expansion: 4,
        max_features: 8,
        num_bottleneck_blocks: 1,
        ..ReconstructionConfig::PUBLISHED
    };
    let parts = [
        named("segmentation_module.", &segmentation.init(&device)),
        named("reconstruction_module.", &reconstruction.init(&device)),
    ];
    write(&at.join("parts.safetensors"), parts);
}

fn ffmpeg(at: &Path, args: &[&str]) {
    let mut command = Command::new("ffmpeg");
    command.current_dir(at).args(["-v", "error", "-y"]).args(args);
    assert!(command.status().unwrap().success());
}

/// A drawn head as a picture and as a clip of a second in which it moves, with sound; and a clip
/// and a picture without a face.
fn scene(at: &Path) {
    for (name, seed) in [("source", 52), ("driver", 53)] {
        let photo = assay_material::scene::photograph(seed, 680, 500);
        for i in 0..5 {
            let part = image::imageops::crop_imm(&photo, 8 * i, 4 * i, 640, 480).to_image();
            part.save(at.join(format!("{name}{i}.png"))).unwrap();
        }
    }
    let sound = ["-f", "lavfi", "-i", "sine=440:duration=1"];
    let coded = ["-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest"];
    ffmpeg(at, &[&["-framerate", "5", "-i", "driver%d.png"], &sound[..], &coded[..], &["driver.mp4"]].concat());
    save(at, "nobody.png", 3);
    ffmpeg(at, &["-loop", "1", "-framerate", "5", "-i", "nobody.png", "-t", "1", "-pix_fmt", "yuv420p", "nobody.mp4"]);
}

fn json(command: &mut Command) -> Value {
    let (code, text, errors) = run(command);
    assert_eq!(code, 0, "{text}{errors}");
    serde_json::from_str(&text).unwrap()
}

/// What `assay verify` reads from a file; its exit code says that there are marks.
fn verified(at: &Path, name: &str) -> Value {
    let (_, text, errors) = run(assay(at).args(["verify", name, "--json", "-"]));
    let rows: Value = serde_json::from_str(&text).expect(&errors);
    rows[0].clone()
}

fn is_marked(read_back: &Value) {
    assert_eq!(read_back["manifest"]["state"], "valid_unknown_issuer", "{read_back}");
    assert_eq!(read_back["label"]["words"], "AI-ALTERED", "{read_back}");
    assert_eq!(read_back["watermark"]["id"], read_back["manifest"]["watermark_id"], "{read_back}");
    assert!(read_back["watermark"]["id"].is_string(), "{read_back}");
}

#[test]
fn a_picture_follows_a_clip_and_carries_every_mark_and_the_sound() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    scene(at);
    animator(at);
    let animate = |out: &str, more: &[&str]| {
        let mut command = with_key(at);
        command.args(["animate", "--source", "source0.png", "--driving", "driver.mp4", "--out", out, "--json", "-"]);
        command.args(["--checkpoint", "animator.safetensors"]).args(more);
        json(&mut command)
    };
    let whole = animate("whole.mp4", &["--preview", "preview.png"]);
    assert_eq!((&whole["frames"], &whole["failures"]), (&5.into(), &serde_json::json!({})), "{whole}");
    is_marked(&whole["read_back"]);
    assert_eq!(verified(at, "whole.mp4")["watermark"]["id"], whole["read_back"]["watermark"]["id"]);
    let probed = Command::new("ffprobe").current_dir(at).args(["-v", "error", "-show_streams", "whole.mp4"]).output();
    let streams = String::from_utf8(probed.unwrap().stdout).unwrap();
    assert!(streams.contains("codec_name=aac") && streams.contains("width=640"), "{streams}");
    assert_eq!(verified(at, "preview.png")["label"]["words"], "AI-ALTERED");
    let crop = animate("crop.mp4", &["--framing", "crop", "--absolute", "--seconds", "0.5"]);
    assert!(crop["frames"].as_u64().unwrap() < 5, "{crop}");
    is_marked(&crop["read_back"]);
    is_marked(&animate("best.mp4", &["--best-frame", "--adapt-scale"])["read_back"]);
    let mut shipped = with_key(at);
    shipped.args([
        "animate",
        "--source",
        "source0.png",
        "--driving",
        "driver.mp4",
        "--out",
        "shipped.mp4",
        "--json",
        "-",
    ]);
    let shipped = json(&mut shipped);
    assert_eq!(shipped["weights"], "face-animator-1", "{shipped}");
    is_marked(&shipped["read_back"]);
}

#[test]
fn parts_are_swapped_in_a_picture_and_in_a_clip_and_the_map_shows_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    scene(at);
    cosegmentation(at);
    for (target, out) in [("driver0.png", "still.png"), ("driver.mp4", "clip.mp4")] {
        let mut command = with_key(at);
        command.args(["partswap", "--source", "source0.png", "--target", target, "--out", out, "--parts", "1,2"]);
        command.args(["--checkpoint", "parts.safetensors", "--hard", "--map", "map.png", "--json", "-"]);
        is_marked(&json(&mut command)["read_back"]);
    }
    assert_eq!(image::open(at.join("map.png")).unwrap().into_rgb8().width(), 768);
    let mut shipped = with_key(at);
    shipped.args(["partswap", "--source", "source0.png", "--target", "driver0.png", "--out", "shipped.png"]);
    let shipped = json(shipped.args(["--parts", "10", "--json", "-"]));
    assert_eq!(shipped["weights"], "face-parts-1", "{shipped}");
    is_marked(&shipped["read_back"]);
}

#[test]
fn wrong_use_is_refused_by_name_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    scene(at);
    animator(at);
    cosegmentation(at);
    let before = std::fs::read_dir(at).unwrap().count();
    let cases: [(&[&str], &[&str]); 6] = [
        (&["--source", "nobody.png", "--driving", "driver.mp4"], &["nobody.png", "there is no face"]),
        (&["--source", "source0.png", "--driving", "nobody.mp4"], &["nobody.mp4", "there is no face"]),
        (&["--source", "source0.png", "--driving", "driver0.png"], &["driver0.png", "it is no clip"]),
        (&["--source", "driver.mp4", "--driving", "driver.mp4"], &["driver.mp4", "must be a picture"]),
        (&["--source", "gone.png", "--driving", "driver.mp4"], &["gone.png"]),
        (&["--source", "source0.png", "--driving", "driver.mp4", "--out", "made.webm"], &["made.webm", ".mp4"]),
    ];
    for (args, words) in cases {
        let mut command = with_key(at);
        command.args(["animate", "--checkpoint", "animator.safetensors"]).args(args);
        if !args.contains(&"--out") {
            command.args(["--out", "made.mp4"]);
        }
        let (code, text, errors) = run(&mut command);
        assert_eq!(code, 2, "{args:?}: {text}{errors}");
        assert!(words.iter().all(|w| errors.contains(w)), "{args:?}: {errors}");
    }
    let mut other = with_key(at);
    other.args(["animate", "--source", "source0.png", "--driving", "driver.mp4", "--out", "made.mp4"]);
    let (code, _, errors) = run(other.args(["--checkpoint", "parts.safetensors"]));
    assert!(code == 2 && errors.contains("motion-cosegmentation") && errors.contains("first-order-motion"), "{errors}");
    let mut part = with_key(at);
    part.args(["partswap", "--source", "source0.png", "--target", "driver0.png", "--out", "made.png", "--parts", "9"]);
    let (code, _, errors) = run(part.args(["--checkpoint", "parts.safetensors"]));
    assert!(code == 2 && errors.contains("no part 9"), "{errors}");
    // The key's folder may be new.
    let after = std::fs::read_dir(at).unwrap().filter(|e| e.as_ref().unwrap().file_name() != "configuration").count();
    assert_eq!(after, before);
}
