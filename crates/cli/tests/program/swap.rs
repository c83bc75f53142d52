//! `assay swap` from outside: faces taken out of drawn pictures, a network trained for a few steps,
//! a picture and a clip converted, and every mark read back.
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{assay, run, save};

/// The program with a configuration folder of its own, so that a test makes no key for the user.
fn with_key(at: &Path) -> Command {
    let mut command = assay(at);
    command.env("XDG_CONFIG_HOME", at.join("configuration"));
    command
}

/// A drawn head five times, at slightly other places.
fn five(at: &Path, name: &str, seed: u64) -> Vec<String> {
    let photo = assay_material::scene::photograph(seed, 648, 488);
    let part = |i: u32| {
        let file = format!("{name}{i}.png");
        image::imageops::crop_imm(&photo, 2 * i, i, 640, 480).to_image().save(at.join(&file)).unwrap();
        file
    };
    (0..5).map(part).collect()
}

fn extracted(at: &Path, inputs: &[String], out: &str, more: &[&str]) -> Value {
    let mut command = assay(at);
    command.args(["swap", "extract", "--out", out, "--size", "128", "--json", "-"]).args(more).args(inputs);
    let (code, text, errors) = run(&mut command);
    assert_eq!(code, 0, "{text}{errors}");
    serde_json::from_str(&text).unwrap()
}

fn verified(at: &Path, name: &str) -> Value {
    let (code, text, errors) = run(assay(at).args(["verify", name, "--json", "-"]));
    assert_eq!(code, 1, "a mark is something found: {text}{errors}");
    serde_json::from_str::<Value>(&text).unwrap()[0].clone()
}

#[test]
fn faces_are_taken_out_learned_and_put_in_and_the_result_carries_every_mark() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (a, b) = (five(at, "a", 52), five(at, "b", 53));
    let found = extracted(at, &a, "faces_a", &["--sort", "blur"]);
    assert_eq!((&found["faces"], &found["persons"], &found["frames"]), (&5.into(), &1.into(), &5.into()), "{found}");
    extracted(at, &b, "faces_b", &[]);
    let table: Value = serde_json::from_slice(&std::fs::read(at.join("faces_a/faces.json")).unwrap()).unwrap();
    let rows = table["faces"].as_array().unwrap();
    let sharpness: Vec<f64> = rows.iter().map(|r| r["sharpness"].as_f64().unwrap()).collect();
    assert!(sharpness.is_sorted_by(|x, y| x >= y), "{sharpness:?}");
    assert_eq!(table["template"], "dlib-padding-0.5");
    assert_eq!(rows[0]["identity"].as_array().map(Vec::len), Some(128));
    assert_eq!(table["sources"][0]["sha256"].as_str().map(str::len), Some(64));
    // The same picture twice is a double.
    let twice = [a[0].clone(), a[0].clone()];
    let doubled = extracted(at, &twice, "doubles", &["--drop-duplicates"]);
    assert_eq!((&doubled["faces"], &doubled["left_out"]["doubles"]), (&1.into(), &1.into()), "{doubled}");

    let train = |steps: &str| {
        let words = ["swap", "train", "--a", "faces_a", "--b", "faces_b", "--out", "run", "--batch", "2", "--steps"];
        let (code, text, errors) = run(assay(at).args(words).arg(steps));
        assert_eq!(code, 0, "{text}{errors}");
        serde_json::from_slice::<Value>(&std::fs::read(at.join("run/standing.json")).unwrap()).unwrap()
    };
    assert_eq!(train("2")["steps"], 2);
    assert_eq!(train("3")["steps"], 3, "the run goes on");
    for file in ["run.json", "log.jsonl", "curves.html", "preview.png", "weights.safetensors", "optimizer.bpk"] {
        assert!(at.join("run").join(file).exists(), "{file}");
    }
    let preview = verified(at, "run/preview.png");
    assert!(preview["watermark"]["found"] == true && preview["label"]["words"] == "AI-ALTERED", "{preview}");

    let convert = |input: &str, out: &str, more: &[&str]| {
        let words = ["swap", "convert", "--weights", "run", "--input", input, "--out", out, "--json", "-"];
        let (code, text, errors) = run(with_key(at).args(words).args(more));
        assert_eq!(code, 0, "{text}{errors}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let made = convert(&b[0], "swapped.png", &["--colour", "mkl", "--blend", "seamless", "--sharpen", "0.5"]);
    assert_eq!((&made["frames"], &made["failures"]), (&1.into(), &serde_json::json!({})), "{made}");
    let marks = verified(at, "swapped.png");
    assert_eq!(marks["manifest"]["state"], "valid_unknown_issuer", "{marks}");
    assert!(marks["watermark"]["found"] == true && marks["label"]["words"] == "AI-ALTERED", "{marks}");
    let record = marks["manifest"]["record"].to_string();
    for word in ["\"swap\"", "seamless", "mkl", "dlib-padding-0.3", "sharpen"] {
        assert!(record.contains(word), "{word} is not in {record}");
    }
    let pixels = |name: &str| image::open(at.join(name)).unwrap().into_rgb8();
    assert_ne!(pixels(&b[0]).get_pixel(382, 150), pixels("swapped.png").get_pixel(382, 150));

    // A clip whose last frame shows nobody.
    std::fs::copy(at.join(&b[4]), at.join("c4.png")).unwrap();
    for (i, name) in b.iter().enumerate().take(4) {
        std::fs::copy(at.join(name), at.join(format!("c{i}.png"))).unwrap();
    }
    image::RgbImage::from_pixel(640, 480, image::Rgb([90; 3])).save(at.join("c5.png")).unwrap();
    let clip = ["-v", "error", "-framerate", "10", "-i", "c%d.png", "-pix_fmt", "yuv420p", "clip.mp4"];
    assert!(Command::new("ffmpeg").current_dir(at).args(clip).status().unwrap().success());
    let made = convert("clip.mp4", "swapped.mp4", &["--reference", &b[1]]);
    assert_eq!((&made["frames"], &made["failures"]["the person is not seen"]), (&6.into(), &1.into()), "{made}");
    let marks = verified(at, "swapped.mp4");
    assert!(marks["watermark"]["found"] == true && marks["label"]["words"] == "AI-ALTERED", "{marks}");

    // Crops of made media would lose its marks.
    let (code, _, errors) = run(assay(at).args(["swap", "extract", "swapped.png", "--out", "washed"]));
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("swapped.png") && errors.contains("AI mark"), "{errors}");
    assert!(!at.join("washed").exists());

    // What cannot be: each with its file and its reason, and nothing left behind.
    save(at, "wall.png", 3);
    let refused = |words: &[&str], reason: &str| {
        let (code, text, errors) = run(with_key(at).args(["swap"]).args(words));
        assert_eq!(code, 2, "{words:?}: {text}{errors}");
        assert!(errors.contains(reason) && errors.trim_end().lines().count() == 1, "{words:?}: {errors}");
    };
    let b0 = b[0].as_str();
    let input = |input, weights, out| ["convert", "--input", input, "--weights", weights, "--out", out];
    refused(&input("wall.png", "run", "x.png"), "wall.png: there is no face in it");
    refused(&input(b0, "face-mesh-1", "x.png"), "a swap needs a face-swap");
    refused(&input(b0, "nowhere", "x.png"), "nowhere");
    refused(&input(b0, "run", "x.bmp"), "x.bmp");
    refused(&[&input(b0, "run", "x.png")[..], &["--person", "7"]].concat(), "there is no person 7");
    refused(&[&input(b0, "run", "x.png")[..], &["--reference", "wall.png"]].concat(), "wall.png: there is no face");
    refused(&["extract", "wall.png", "--out", "none"], "wall.png: there is no face in it");
    refused(&["extract", b0, "--out", "faces_a"], "faces_a: it exists already");
    refused(&["train", "--a", "configuration", "--b", "faces_b", "--out", "y"], "faces.json");
    let left = std::fs::read_dir(at).unwrap().filter_map(|e| e.ok()?.file_name().into_string().ok());
    let left: Vec<String> =
        left.filter(|n| n.contains("part") || n.starts_with('x') || n == "none" || n == "y").collect();
    assert_eq!(left, Vec::<String>::new());
}
