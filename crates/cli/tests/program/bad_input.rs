//! Bad input through the whole program: one clear line that names the file and the reason, exit
//! code 2, nothing half-written, and in a batch the rest goes on. The reader's own cases are in
//! `crates/media/tests/bad_input.rs`.
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{assay, run, save};

fn has_ffmpeg() -> bool {
    let there = Command::new("ffmpeg").arg("-version").output().is_ok_and(|o| o.status.success());
    if !there {
        println!("SKIPPED: ffmpeg is not installed");
    }
    there
}

/// Scans the file alone and in a batch with a good one.
fn refused(folder: &Path, bad: &Path, reason: &str) {
    let good = folder.join("good.jpg");
    if !good.exists() {
        save(folder, "good.jpg", 1);
    }
    let out = folder.join("out");
    let (code, text, errors) = run(assay(folder).arg("scan").arg(bad).arg("--out").arg(&out));
    assert_eq!(code, 2, "{}: {text}{errors}", bad.display());
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines.len(), 1, "one line for {}: {errors}", bad.display());
    assert!(lines[0].starts_with("assay: ") && lines[0].contains(reason), "{errors}");
    assert!(lines[0].contains(&*bad.file_name().unwrap().to_string_lossy()), "the line names the file: {errors}");
    let reports = || -> Vec<String> {
        let entries = std::fs::read_dir(&out).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.retain(|n| !n.starts_with("assay.sqlite") && n != "index.html");
        names.sort();
        names
    };
    assert!(reports().is_empty(), "{:?}", reports());

    let json = folder.join("batch.json");
    let (code, _, _) =
        run(assay(folder).arg("scan").arg(bad).arg(&good).arg("--out").arg(&out).arg("--json").arg(&json));
    assert_eq!(code, 2);
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(document["reports"].as_array().unwrap().len(), 1, "the good file was examined");
    assert_eq!(document["failures"].as_array().unwrap().len(), 1, "the failure is a row");
    assert_eq!(reports().len(), 2, "{:?}", reports());
    std::fs::remove_dir_all(&out).unwrap();
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn empty_and_foreign_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    refused(at, &write(at, "empty.jpg", b""), "empty");
    refused(at, &write(at, "text.jpg", b"This is a text, not a picture.\n"), "not a picture or video");
    refused(at, &at.join("missing.jpg"), "No such file");
}

#[test]
fn truncated_pictures_are_refused_at_every_cut() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for ending in ["jpg", "png"] {
        let whole = std::fs::read(save(at, &format!("whole.{ending}"), 3)).unwrap();
        for cut in 1..=20 {
            let keep = whole.len() * cut / 21;
            let bad = write(at, &format!("cut{cut}.{ending}"), &whole[..keep]);
            let (code, text, errors) = run(assay(at).arg("scan").arg(&bad));
            assert_eq!((code, errors.lines().count()), (2, 1), "{}: {text}{errors}", bad.display());
        }
    }
    let whole = std::fs::read(at.join("whole.jpg")).unwrap();
    refused(at, &write(at, "half.jpg", &whole[..whole.len() / 2]), "damaged");
    // An end marker does not make half a picture whole, whatever is asked of it.
    let mut ended = whole[..whole.len() / 2].to_vec();
    ended.extend([0xFF, 0xD9]);
    let bad = write(at, "ended.jpg", &ended);
    refused(at, &bad, "damaged");
    for id in ["container", "copy_move", "error_level"] {
        let (code, text, errors) = run(assay(at).arg("scan").arg(&bad).args(["--analyzers", id]));
        assert_eq!((code, errors.lines().count()), (2, 1), "{id}: {text}{errors}");
    }
}

#[test]
fn truncated_clips_are_refused_at_every_cut() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let clip = at.join("whole.mp4");
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=128x96:r=25:d=2",
            "-movflags",
            "+faststart",
            "-pix_fmt",
            "yuv420p",
        ])
        .arg(&clip)
        .status()
        .unwrap();
    assert!(made.success());
    let whole = std::fs::read(&clip).unwrap();
    for cut in 1..=20 {
        let keep = whole.len() * cut / 21;
        let bad = write(at, &format!("cut{cut}.mp4"), &whole[..keep]);
        let (code, text, errors) = run(assay(at).arg("scan").arg(&bad));
        assert_eq!((code, errors.lines().count()), (2, 1), "{}: {text}{errors}", bad.display());
    }
    refused(at, &at.join("cut10.mp4"), "damaged MP4: the file ends at byte");
}

#[test]
fn a_picture_that_claims_too_much_is_refused_before_it_is_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut png = std::fs::read(save(at, "small.png", 4)).unwrap();
    png[16..20].copy_from_slice(&100_000u32.to_be_bytes());
    png[20..24].copy_from_slice(&100_000u32.to_be_bytes());
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    refused(at, &write(at, "huge.png", &png), "over the limit");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xEDB8_8320 } else { c >> 1 })
    })
}

#[test]
fn archives_playlists_and_references_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // A local header of a stored zip entry, followed by what would inflate to a gigabyte of zeros.
    let mut zip = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\x40\x05\0\0\0a.bin".to_vec();
    zip.extend(std::iter::repeat_n(0u8, 4096));
    refused(at, &write(at, "bomb.mp4", &zip), "ZIP archive");
    save(at, "good.jpg", 1);
    refused(at, &write(at, "list.mp4", b"#EXTM3U\n#EXTINF:1,\ngood.jpg\n#EXT-X-ENDLIST\n"), "playlist");
    refused(at, &write(at, "concat.mp4", b"ffconcat version 1.0\nfile good.jpg\n"), "playlist");
    refused(at, &write(at, "url.mp4", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n"), "playlist");
}

#[test]
fn a_folder_without_rights_is_a_failure_and_the_rest_goes_on() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let closed = at.join("media/closed");
    std::fs::create_dir_all(&closed).unwrap();
    save(&at.join("media"), "good.jpg", 1);
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    let root = std::fs::read_dir(&closed).is_ok();
    let mut command = if root {
        // Rights do not bind root: the scan runs as nobody.
        std::fs::set_permissions(at, std::fs::Permissions::from_mode(0o755)).unwrap();
        if !Command::new("setpriv").arg("--version").output().is_ok_and(|o| o.status.success()) {
            println!("SKIPPED: running as root and setpriv is not installed");
            return;
        }
        let binary = at.join("assay");
        std::fs::copy(env!("CARGO_BIN_EXE_assay"), &binary).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(binary).current_dir(at);
        command
    } else {
        assay(at)
    };
    let (code, text, errors) = run(command.args(["scan", "media"]));
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(code, 2, "{text}{errors}");
    assert!(errors.contains("cannot read the folder") && errors.contains("closed"), "{errors}");
    assert!(text.contains("good.jpg"), "{text}");
}

#[test]
fn a_path_that_is_not_utf8_is_examined_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let good = save(at, "good.jpg", 1);
    let odd = at.join(std::ffi::OsStr::from_bytes(b"od\xffd.jpg"));
    if std::fs::copy(&good, &odd).is_err() {
        println!("SKIPPED: this file system takes no such names");
        return;
    }
    let (code, text, errors) = run(assay(at).arg("scan").arg(&odd).args(["--out", "out"]));
    assert!(code < 2, "{text}{errors}");
    let bad = at.join(std::ffi::OsStr::from_bytes(b"ba\xffd.jpg"));
    std::fs::write(&bad, b"text").unwrap();
    let (code, _, errors) = run(assay(at).arg("scan").arg(&bad));
    assert_eq!((code, errors.lines().count()), (2, 1), "{errors}");
    let mut child = assay(at).args(["scan", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"od\xffd.jpg\ngood.jpg\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("2 files: "), "{output:?}");
}

#[test]
fn a_decoder_that_hangs_is_ended() {
    use std::os::unix::fs::PermissionsExt as _;
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let clip = at.join("clip.mp4");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=1", "-pix_fmt", "yuv420p"])
        .arg(&clip)
        .status()
        .unwrap();
    assert!(made.success());
    let script = at.join("hangs");
    std::fs::write(&script, "#!/bin/sh\nexec sleep 1000\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (code, text, errors) =
        run(assay(at).arg("scan").arg(&clip).args(["--decoder-silence", "1"]).env("ASSAY_FFMPEG", &script));
    assert_eq!((code, errors.lines().count()), (2, 1), "{text}{errors}");
    assert!(errors.contains("no output"), "{errors}");
}
