//! `assay models` from outside: importing published checkpoints, refusing what is none, and the way
//! from list to export.
use std::path::{Path, PathBuf};
use std::process::Command;

use assay_checkpoints::{HostTensor, StateDict, write_safetensors};
use assay_models::{Kind, layout};
use serde_json::Value;

use crate::common::{assay, run};

/// The program with its registry in the folder.
fn models(folder: &Path) -> Command {
    let mut command = assay(folder);
    command.env("ASSAY_MODELS_DIR", folder.join("registry")).arg("models");
    command
}

fn fixture(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("ASSAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = shared.join("parity").join(name);
    if path.is_file() {
        return Some(path.canonicalize().unwrap());
    }
    println!("SKIPPED: {} is absent", path.display());
    None
}

fn blazeface(folder: &Path, name: &str, value: f32) -> PathBuf {
    let shapes = layout::expected(Kind::Blazeface, &toml::Table::new()).unwrap();
    let tensors: StateDict = shapes
        .into_iter()
        .map(|(name, shape)| (name, HostTensor::from_f32(&shape, &vec![value; shape.iter().product()])))
        .collect();
    let path = folder.join(name);
    std::fs::write(&path, write_safetensors(&tensors, None).unwrap()).unwrap();
    path
}

/// Refused with exit code 2, one line that names the file and these words, and nothing stored.
fn refused(folder: &Path, arguments: &[&str], words: &[&str]) {
    let (code, text, errors) = run(models(folder).arg("import").args(arguments));
    assert_eq!((code, errors.lines().count()), (2, 1), "{text}{errors}");
    assert!(errors.starts_with("assay: "), "{errors}");
    for word in words {
        assert!(errors.contains(word), "{word}: {errors}");
    }
    assert!(!folder.join("registry").exists(), "nothing is stored");
}

#[test]
fn shared_animation_checkpoints_are_imported_from_both_containers() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut hashes = Vec::new();
    for (name, container) in
        [("fomm-small/vox-small.pth.tar", "PyTorch zip"), ("fomm-small/vox-small-legacy.pth.tar", "PyTorch stream")]
    {
        let Some(path) = fixture(name) else { return };
        let (code, text, errors) = run(models(at).arg("import").arg(&path).args(["--dry-run", "--json", "-"]));
        assert_eq!(code, 0, "{errors}");
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&report["kind"], &report["stored"]), (&"first-order-motion".into(), &false.into()));
        for none in ["missing", "unused", "misshapen"] {
            assert_eq!(report["match"][none].as_array().unwrap().len(), 0, "{name} {none}");
        }
        assert_eq!(report["match"]["applied"].as_array().unwrap().len(), 250, "every tensor of the three networks");
        assert_eq!(report["entry"]["origin"]["container"], container);
        assert_eq!(report["optimisers_left_out"].as_object().unwrap().len(), 3);
        let widths = &report["entry"]["widths"];
        assert_eq!(
            (&widths["key_points"]["num_kp"], &widths["generator"]["block_expansion"]),
            (&10.into(), &16.into())
        );
        assert_eq!(
            (&widths["discriminator"]["heatmaps"], &widths["discriminator"]["max_features"]),
            (&10.into(), &64.into())
        );
        hashes.push(report["entry"]["sha256"].as_str().unwrap().to_owned());
        assert!(!at.join("registry").exists(), "a dry run writes nothing");
    }
    assert_eq!(hashes[0], hashes[1], "both containers hold the same weights");
    let path = fixture("fomm-small/vox-small.pth.tar").unwrap();
    let (code, text, errors) = run(models(at).arg("import").arg(&path).args(["--licence", "random weights"]));
    assert_eq!(code, 0, "{errors}");
    assert!(text.contains("0 missing, 0 unused") && text.contains("imported as vox-small"), "{text}");
    let (code, text, errors) = run(models(at).arg("verify"));
    assert_eq!(code, 0, "{errors}");
    assert!(text.contains("vox-small: in order") && text.contains(&hashes[0]), "{text}");
}

#[test]
fn shared_checkpoints_of_the_wrong_kind_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = fixture("fomm-small/vox-small.pth.tar") else { return };
    let words = [
        "vox-small.pth.tar",
        "expected efficientnet-b4, whose tensors begin with efficientnet.",
        "found first-order-motion",
    ];
    refused(folder.path(), &[path.to_str().unwrap(), "--kind", "efficientnet-b4"], &words);
    let head = fixture("effnet/ST_head_f16.pth").unwrap();
    refused(
        folder.path(),
        &[head.to_str().unwrap()],
        &["ST_head_f16.pth", "expected one of", "found 7 tensors of no known network"],
    );
}

#[test]
fn a_pickle_that_calls_something_is_refused_and_nothing_runs() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mark = at.join("ran");
    let command = format!("touch {}", mark.display());
    let old = format!("cos\nsystem\n(S'{command}'\ntR.").into_bytes();
    let new =
        [&b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c"[..], &[command.len() as u8], command.as_bytes(), b"\x85R."]
            .concat();
    let stream = [
        &b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}."[..],
        b"\x80\x02}X\x05\x00\x00\x00modelcbuiltins\neval\nX\x01\x00\x00\x001\x85Rs.",
    ]
    .concat();
    for (name, bytes, call) in
        [("old.pth", old, "os.system"), ("new.pth.tar", new, "posix.system"), ("s.pth", stream, "builtins.eval")]
    {
        std::fs::write(at.join(name), bytes).unwrap();
        refused(at, &[name], &[name, &format!("asks to call {call}; refused")]);
        assert!(!mark.exists(), "nothing runs");
    }
}

#[test]
fn garbage_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let whole = std::fs::read(blazeface(at, "whole.safetensors", 1.0)).unwrap();
    for (name, bytes, word) in [
        ("empty.pth", &b""[..], "empty"),
        ("text.pth", b"not weights", "neither safetensors nor a checkpoint"),
        ("cut.safetensors", &whole[..whole.len() / 2], "not a whole safetensors file"),
        ("zip.pth", b"PK\x03\x04 torn", "not a whole zip"),
    ] {
        std::fs::write(at.join(name), bytes).unwrap();
        refused(at, &[name], &[name, word]);
    }
    refused(at, &["absent.pth"], &["absent.pth", "No such file"]);
    refused(at, &["."], &["cannot read .", "not a file"]);
    assert_eq!(run(models(at).args(["import", "whole.safetensors", "--kind", "vgg"])).0, 2);
    assert_eq!(run(models(at).args(["import", "whole.safetensors", "--id", "../up"])).0, 2);
    assert!(!at.join("registry").exists());
}

#[test]
fn weights_are_listed_shown_verified_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (code, text, _) = run(models(at).args(["list", "--json", "-"]));
    let shipped = serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().len();
    assert_eq!(code, 0);
    blazeface(at, "Face Finder.pth", 1.0);
    let stated =
        ["--licence", "Apache-2.0", "--source", "MediaPipe", "--training-data", "not published", "--id", "finder"];
    let (code, text, errors) = run(models(at).args(["import", "Face Finder.pth"]).args(stated));
    assert_eq!(code, 0, "{errors}");
    assert!(text.contains("74 applied, 0 missing, 0 unused"), "{text}");
    let (_, text, _) = run(models(at).args(["list", "--json", "-"]));
    let all: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(all.as_array().unwrap().len(), shipped + 1);
    let row = &all[shipped];
    assert_eq!(
        (&row["id"], &row["place"], &row["licence"]),
        (&"finder".into(), &"imported".into(), &"Apache-2.0".into())
    );
    let (_, text, _) = run(models(at).arg("list"));
    assert!(
        text.lines().any(|l| l.starts_with("finder") && l.contains("blazeface") && l.contains("Apache-2.0")),
        "{text}"
    );
    let (code, text, _) = run(models(at).args(["show", "finder"]));
    assert_eq!(code, 0);
    for word in ["MediaPipe", "not published", "128x128 RGB", "Face Finder.pth", "SHA-256"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let (code, _, errors) = run(models(at).args(["show", "nobody"]));
    assert_eq!((code, errors.lines().count()), (2, 1), "{errors}");
    let (code, _, errors) = run(models(at).args(["export", "finder", "--out", "out.safetensors"]));
    assert_eq!(code, 0, "{errors}");
    let mut elsewhere = models(at);
    let (code, _, errors) =
        run(elsewhere.env("ASSAY_MODELS_DIR", at.join("other")).args(["import", "out.safetensors"]));
    assert_eq!(code, 0, "{errors}");
    let (_, text, _) =
        run(models(at).env("ASSAY_MODELS_DIR", at.join("other")).args(["show", "finder", "--json", "-"]));
    let mut shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown, *row, "the entry travels with the weights");
    let name = shown["file"].take();
    let stored = at.join("registry").join(name.as_str().unwrap());
    let mut bytes = std::fs::read(&stored).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&stored, bytes).unwrap();
    let (code, text, errors) = run(models(at).args(["verify", "--json", "-"]));
    assert_eq!(code, 2, "a changed file is found");
    assert!(errors.contains("finder are damaged"), "{errors}");
    let rows: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&rows[shipped]["id"], &rows[shipped]["ok"]), (&"finder".into(), &false.into()));
    let (code, _, errors) = run(models(at).args(["export", "finder", "--out", "again.safetensors"]));
    assert_eq!((code, errors.lines().count()), (2, 1), "{errors}");
    assert!(!at.join("again.safetensors").exists());
    assert_eq!(run(models(at).args(["verify", "nobody"])).0, 2);
}
