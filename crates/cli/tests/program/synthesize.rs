//! `assay synthesize` from outside: marked pictures by seed, several at once, and wrong use.
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{assay, run};

/// The program with a configuration folder of its own, so that a test makes no key for the user.
fn with_key(at: &Path) -> Command {
    let mut command = assay(at);
    command.env("XDG_CONFIG_HOME", at.join("configuration"));
    command
}

#[test]
fn faces_are_made_numbered_and_marked() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (code, text, errors) =
        run(with_key(at).args(["synthesize", "--out", "people", "--count", "2", "--grid", "4x4", "--json", "-"]));
    assert_eq!(code, 0, "{text}{errors}");
    let rows: Value = serde_json::from_str(&text).unwrap();
    let firsts: Vec<u64> = rows.as_array().unwrap().iter().map(|r| r["first_face"].as_u64().unwrap()).collect();
    assert_eq!(firsts, [0, 16]);
    for name in ["people/face-00001.png", "people/face-00002.png"] {
        let (code, text, errors) = run(assay(at).args(["verify", name, "--json", "-"]));
        assert_eq!(code, 1, "{errors}: a mark is something found");
        let found: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(found[0]["label"]["words"], "AI-GENERATED");
        assert_eq!(found[0]["watermark"]["found"], true);
        assert_eq!(found[0]["manifest"]["record"]["generator"], "synthesize");
        assert_eq!(found[0]["contradictions"].as_array().map(Vec::len), Some(0));
    }
    // What is marked as made is no claim of anybody's.
    let claim = ["mark", "people/face-00001.png", "--out", "mine.png", "--claim", "Taken by me"];
    let (code, _, errors) = run(with_key(at).args(claim));
    assert_eq!(code, 2);
    assert!(errors.contains("face-00001.png") && !at.join("mine.png").exists(), "{errors}");
    let (code, text, errors) = run(with_key(at).args(["synthesize", "--out", "one.jpg"]));
    assert_eq!(code, 0, "{errors}");
    assert!(text.contains("made at 64 pixels, scaled to 256"), "what is scaled up is said: {text}");
}

#[test]
fn wrong_use_is_one_line_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("notes.safetensors"), "no weights").unwrap();
    for (arguments, word) in [
        (&["--size", "64"][..], "the marks need 256"),
        (&["--grid", "3"], "expected CxR"),
        (&["--variant", "k7"], "train synthesizer"),
        (&["--weights", "face-mesh-1"], "face-mesh"),
        (&["--weights", "notes.safetensors"], "notes.safetensors"),
        (&["--weights", "nowhere"], "nowhere"),
        (&["--count", "0"], "--count"),
    ] {
        let (code, _, errors) = run(with_key(at).args(["synthesize", "--out", "x.png"]).args(arguments));
        assert_eq!(code, 2, "{errors}");
        assert!(errors.contains(word), "{errors}");
        assert!(!at.join("x.png").exists());
    }
    let (code, _, errors) = run(with_key(at).args(["synthesize", "--out", "x.bmp"]));
    assert!(code == 2 && errors.contains("x.bmp") && errors.contains(".png"), "{errors}");
    let left = std::fs::read_dir(at).unwrap().flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    assert!(!left.into_iter().any(|name| name.contains("x.")), "nothing half-written");
}
