//! What is written here is valid for the official C2PA reader (PyPI `c2pa-python`), too.
//!
//! The decision that shapes it: another program reads, by `reference/check.py`, which also says
//! what each kind of file must hold. `cargo xtask test` installs it into a virtual environment in
//! the target folder; elsewhere any `python3` that has it will do, and where none has the test says
//! so.
use std::path::{Path, PathBuf};
use std::process::Command;

use assay_provenance::{Claim, Making, MarkedWriter, SourceUsed, Synthetic, claim};

use crate::common::{Place, record, write_clip};
use crate::scene::scene;

/// A Python with the official reader.
fn python() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python").join("bin/python");
    let has_reader = |python: &PathBuf| {
        Command::new(python).args(["-c", "import c2pa"]).output().is_ok_and(|output| output.status.success())
    };
    [built, PathBuf::from("python3")].into_iter().find(has_reader)
}

#[test]
fn official_reader_agrees() {
    let Some(python) = python() else {
        eprintln!("SKIPPED: no python3 with c2pa-python (pip install c2pa-python)");
        return;
    };
    let place = Place::new();
    let photo = place.path("photo.png");
    scene(320, 256, 3).save(&photo).unwrap();
    let from_photo = || vec![SourceUsed { path: photo.clone(), role: "source portrait".into() }];
    let mut made = Vec::new();
    for (name, making, sources) in [
        ("generated.png", Making::Generated, Vec::new()),
        ("generated.jpg", Making::Generated, Vec::new()),
        ("altered.png", Making::Altered, from_photo()),
        ("altered.jpg", Making::Altered, from_photo()),
    ] {
        let writer = MarkedWriter::new(record(making, sources), place.signer());
        writer.write_still(Synthetic::new(scene(320, 256, 0)), &place.path(name)).unwrap();
        made.push(place.path(name));
    }
    let times: Vec<f64> = (0..24).map(|i| f64::from(i) * 0.04).collect();
    made.push(write_clip(&place, "altered.mp4", &times, None));

    let mut claimed = Vec::new();
    let words = Claim { text: "taken by me".into(), source_type: None };
    let plain_clip = place.path("plain.mp4");
    crate::ffmpeg(&["-f", "lavfi", "-i", "testsrc=d=1:s=320x240", plain_clip.to_str().unwrap()]);
    let jpeg = place.path("photo.jpg");
    scene(320, 256, 5).save(&jpeg).unwrap();
    for (from, name) in [(&photo, "claim.png"), (&jpeg, "claim.jpg"), (&plain_clip, "claim.mp4")] {
        claim(from, &place.path(name), &words, &place.signer()).unwrap();
        claimed.push(place.path(name));
    }
    // A claim on a claim keeps the first as its parent.
    claim(&place.path("claim.png"), &place.path("again.png"), &words, &place.signer()).unwrap();
    claimed.push(place.path("again.png"));

    // One byte of what was signed, changed: the checks must be able to fail.
    let broken = place.path("broken.jpg");
    let mut bytes = std::fs::read(place.path("generated.jpg")).unwrap();
    let near_the_end = bytes.len() - 100;
    bytes[near_the_end] ^= 1;
    std::fs::write(&broken, bytes).unwrap();

    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/check.py");
    let run = |files: &[PathBuf], claims: &[PathBuf]| {
        let output = Command::new(&python).arg(&check).args(files).arg("--claims").args(claims).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said)
    };
    let (code, said) = run(&made, &claimed);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches(": Valid,").count(), made.len() + claimed.len(), "{said}");
    for wrong in [run(&[broken], &[]), run(&claimed[..1], &[]), run(&[], &made[..1])] {
        assert_eq!(wrong.0, Some(1), "{}", wrong.1);
    }
}
