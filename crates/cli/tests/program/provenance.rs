//! `assay verify` and `assay mark` from outside: a claim is signed and read back, a change is seen,
//! and nothing half-written stays.
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

fn verified(at: &Path, name: &str) -> (i32, Value) {
    let (code, text, errors) = run(assay(at).args(["verify", name, "--json", "-"]));
    assert!(text.starts_with('['), "{text}{errors}");
    let rows: Value = serde_json::from_str(&text).unwrap();
    (code, rows[0].clone())
}

#[test]
fn a_claim_is_signed_read_back_and_contradicted_by_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assay_material::scene::photograph(7, 320, 240).save(at.join("photo.png")).unwrap();
    let (code, plain) = verified(at, "photo.png");
    assert_eq!((code, &plain["manifest"]["state"], &plain["watermark"]["found"]), (0, &"none".into(), &false.into()));

    let claim =
        ["mark", "photo.png", "--out", "signed.png", "--claim", "Taken by me", "--source-type", "digital-capture"];
    let (code, text, errors) = run(with_key(at).args(claim));
    assert_eq!(code, 0, "{text}{errors}");
    let (code, signed) = verified(at, "signed.png");
    assert_eq!((code, &signed["manifest"]["state"]), (0, &"valid_unknown_issuer".into()), "{signed}");
    let stated = &signed["manifest"]["record"];
    assert_eq!(stated["claim"], "Taken by me");
    assert!(stated["claimed_source_type"].to_string().contains("digitalCapture"), "{stated}");
    let pixels = |name: &str| image::open(at.join(name)).unwrap().into_rgb8();
    assert_eq!(pixels("photo.png"), pixels("signed.png"));

    // One bit of a pixel's data is another file, which the manifest does not speak for.
    let mut bytes = std::fs::read(at.join("signed.png")).unwrap();
    let data = bytes.windows(4).position(|w| w == b"IDAT").unwrap();
    bytes[data + 200] ^= 1;
    std::fs::write(at.join("changed.png"), bytes).unwrap();
    let (code, text, errors) = run(assay(at).args(["verify", "changed.png", "signed.png"]));
    assert_ne!(code, 0, "{text}{errors}");
    assert!(text.contains("signed.png") && text.contains("unknown issuer"), "the rest of a batch goes on: {text}");
}

#[test]
fn wrong_use_says_what_is_wrong_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assay_material::scene::photograph(8, 320, 240).save(at.join("photo.bmp")).unwrap();
    std::fs::write(at.join("text.png"), "no picture").unwrap();
    for (input, out, word) in [
        ("photo.bmp", "a.bmp", "cannot hold a manifest"),
        ("text.png", "b.png", "text.png"),
        ("none.png", "c.png", "none.png"),
    ] {
        let (code, _, errors) = run(with_key(at).args(["mark", input, "--out", out, "--claim", "Mine"]));
        assert_eq!(code, 2, "{errors}");
        assert!(errors.contains(word) && errors.contains(input), "{errors}");
        assert!(!at.join(out).exists());
    }
    let (code, text, errors) = run(assay(at).args(["verify", "none.png", "photo.bmp"]));
    assert_eq!(code, 2, "{text}{errors}");
    assert!(errors.contains("none.png") && text.contains("photo.bmp"), "{text}{errors}");
    let parts =
        std::fs::read_dir(at).unwrap().filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains("part"));
    assert_eq!(parts.count(), 0);
}
