//! What users type and get: exit codes, JSON, lists, the case file.
use std::path::Path;

use crate::common::{assay, run, save};

#[test]
fn exit_codes_follow_the_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    save(at, "photo.jpg", 1);
    assert_eq!(run(assay(at).args(["scan", "photo.jpg", "--threshold", "1e9"])).0, 0);
    assert_eq!(run(assay(at).args(["scan", "photo.jpg", "--threshold", "1e-9"])).0, 1);
    assert_eq!(run(assay(at).args(["scan", "photo.jpg", "--threshold", "0"])).0, 2);
    // For one question, the others kept out of reach.
    let only = |id: &str| {
        ["scan", "photo.jpg", "--threshold", "1e9", "--threshold"]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("{id}=1e-9")])
    };
    assert_eq!(run(assay(at).args(only("part_altered"))).0, 1);
    assert_eq!(run(assay(at).args(only("face_replaced"))).0, 0, "there is no face in it");
    let (code, _, errors) = run(assay(at).args(only("nonsense")));
    assert!(code == 2 && errors.contains("part_altered, face_replaced, face_generated"), "{errors}");
    assert_eq!(run(assay(at).args(["scan", "photo.jpg", "--analyzers", "nonsense"])).0, 2);
    assert_eq!(run(assay(at).args(["scan", "."]).args(["--shard", "3/2"])).0, 2);
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (code, _, errors) = run(assay(at).args(["scan", "https://example.org/a.jpg"]));
    assert!(code == 2 && errors.contains("download the file first"), "{errors}");
    let (code, _, errors) = run(assay(at).args(["scan", "a.jpg", "--jobs", "0"]));
    assert!(code == 2 && errors.contains("--jobs"), "{errors}");
}

#[test]
fn a_shell_a_reader_of_manuals_and_a_newcomer_get_what_they_want() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for shell in ["bash", "zsh", "fish"] {
        let (code, text, errors) = run(assay(at).args(["completions", shell]));
        assert!(code == 0 && text.contains("reproduce"), "{shell}: {errors}");
    }
    let (code, _, errors) = run(assay(at).args(["man", "pages"]));
    assert_eq!(code, 0, "{errors}");
    let page = std::fs::read_to_string(at.join("pages/assay-scan.1")).unwrap();
    assert!(page.contains("jobs"), "{page}");
    let (code, text, errors) = run(assay(at).args(["doctor", "--json", "-"]));
    assert!(code < 2, "{errors}");
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let checks = found["checks"].as_array().unwrap();
    let weights = checks.iter().find(|c| c["name"] == "weights").unwrap();
    assert!(weights["fine"] == true && checks.iter().any(|c| c["name"] == "ffmpeg"), "{text}");
    let (_, text, _) = run(assay(at).arg("--version"));
    assert!(text.contains("weights: each under terms of its own"), "{text}");
}

#[test]
fn json_on_standard_output_is_nothing_but_json() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    save(at, "a.jpg", 1);
    save(at, "b.png", 2);
    let (_, text, _) = run(assay(at).args(["scan", ".", "--json", "-", "--analyzers", "error_level"]));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], assay_evidence::SCHEMA_SCAN);
    let reports = document["reports"].as_array().unwrap();
    assert_eq!(reports.len(), 2);
    for report in reports {
        assert_eq!(report["result"]["findings"].as_array().unwrap().len(), 1);
        assert!(!report["result"]["verdict"]["not_tested"].as_array().unwrap().is_empty());
        assert!(report["result"]["verdict"]["abstained"].is_string(), "a display-only analyzer gives no verdict");
    }
}

#[test]
fn a_report_is_rendered_again_and_carries_the_case() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    save(at, "photo.jpg", 1);
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/case.example.toml");
    let (code, _, errors) = run(assay(at).args(["scan", "photo.jpg", "--json", "r.json", "--case"]).arg(case));
    assert!(code < 2, "{errors}");
    let (code, _, errors) = run(assay(at).args(["report", "r.json"]));
    assert_eq!(code, 0, "{errors}");
    let page = std::fs::read_to_string(at.join("r.html")).unwrap();
    for expected in ["2026-0117", "J. Doe", "Not tested", "probability of H1", "A region of the picture was replaced"] {
        assert!(page.contains(expected), "{expected}");
    }
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "nothing is loaded from anywhere");
    std::fs::write(at.join("case.toml"), "nummer = 3\n").unwrap();
    assert_eq!(run(assay(at).args(["scan", "photo.jpg", "--case", "case.toml"])).0, 2);
    // Words of one's own get a ratio only together with the question that has one.
    std::fs::write(at.join("case.toml"), "[propositions]\nforged = \"It is fake.\"\ngenuine = \"It is not.\"\n")
        .unwrap();
    let (code, _, errors) = run(assay(at).args(["scan", "photo.jpg", "--case", "case.toml"]));
    assert_eq!((code, errors.lines().count()), (2, 1), "{errors}");
    assert!(errors.contains("part_altered, face_replaced, face_generated"), "{errors}");
}

#[test]
fn analyzers_are_listed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (_, list, _) = run(assay(folder.path()).args(["analyzers", "list"]));
    assert_eq!(list.lines().count(), assay_analyzers::ANALYZERS.len());
    let (code, text, _) = run(assay(folder.path()).args(["analyzers", "show", "jpeg_ghost"]));
    assert_eq!(code, 0);
    for heading in ["Needs", "Fooled by", "Does not apply when", "Measured", "References"] {
        assert!(text.contains(heading), "{heading} in {text}");
    }
    assert_eq!(run(assay(folder.path()).args(["analyzers", "show", "nothing"])).0, 2);
    let (_, json, _) = run(assay(folder.path()).args(["analyzers", "list", "--json", "-"]));
    assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap().as_array().unwrap().len() > 5);
}

#[test]
fn questions_are_listed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (code, list, _) = run(assay(folder.path()).args(["questions", "list"]));
    assert_eq!((code, list.lines().count()), (0, assay_workbench::questions::QUESTIONS.len()));
    let (_, text, _) = run(assay(folder.path()).args(["questions", "show", "part_altered"]));
    for expected in ["H1", "H2", "jpeg_ghost", "Thresholds", "sources", "LR at most"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let (_, json, _) = run(assay(folder.path()).args(["questions", "show", "face_replaced", "--json", "-"]));
    let shown: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((shown["id"].as_str(), shown["needs_face"].as_bool()), (Some("face_replaced"), Some(true)));
    assert_eq!(run(assay(folder.path()).args(["questions", "show", "nothing"])).0, 2);
}

#[test]
fn a_drawn_animation_gets_no_value_whatever_its_scores() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let made = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x128:r=10:d=2"])
        .arg(at.join("bar.gif"))
        .status();
    if !made.is_ok_and(|status| status.success()) {
        println!("SKIPPED: ffmpeg is not installed");
        return;
    }
    let (code, text, errors) = run(assay(at).args(["scan", "bar.gif", "--threshold", "1e-9", "--json", "r.json"]));
    assert_eq!(code, 0, "{text}{errors}");
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(at.join("r.json")).unwrap()).unwrap();
    let verdict = &document["reports"][0]["result"]["verdict"];
    assert!(verdict["abstained"].as_str().unwrap().contains("GIF"), "{verdict}");
    assert!(verdict["statements"].as_array().unwrap().iter().all(|s| s["llr"].is_null()), "{verdict}");
    assert!(
        !document["reports"][0]["result"]["findings"].as_array().unwrap().is_empty(),
        "findings are shown all the same"
    );
}

#[test]
fn faces_are_looked_for_only_where_somebody_asks_and_only_what_is_asked_about_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    save(at, "photo.jpg", 1);
    let scan = |more: &[&str]| {
        run(assay(at).args(["scan", "photo.jpg", "--json", "r.json", "--analyzers"]).args(more));
        let text = std::fs::read_to_string(at.join("r.json")).unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let result = &document["reports"][0]["result"];
        let networks = result["settings"]["networks"].as_array().unwrap();
        let ids: Vec<String> = networks.iter().map(|n| n["id"].as_str().unwrap().to_owned()).collect();
        (result["faces"]["outcome"].as_str().unwrap().to_owned(), ids)
    };
    assert_eq!(scan(&["container"]), ("not_searched".into(), Vec::new()));
    let (outcome, finders) = scan(&["container", "--faces"]);
    assert_eq!((outcome.as_str(), finders.len()), ("searched", 3), "{finders:?}");
    assert_eq!(run(assay(at).args(["reproduce", "r.json"])).0, 0, "with the same networks");
    let (outcome, asked) = scan(&["face_synthesis"]);
    assert_eq!((outcome.as_str(), &asked[..3]), ("searched", &finders[..]));
    assert!(asked[3..].iter().all(|id| id.starts_with("face-synthesis")) && asked.len() > 3, "{asked:?}");
    assert_eq!(run(assay(at).args(["scan", "photo.jpg", "--faces", "--no-faces"])).0, 2);
}

#[test]
fn a_report_that_was_changed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    save(at, "photo.jpg", 1);
    run(assay(at).args(["scan", "photo.jpg", "--json", "r.json", "--analyzers", "error_level"]));
    let text = std::fs::read_to_string(at.join("r.json")).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let result = &mut document["reports"][0]["result"];
    result["verdict"]["headline"]["sentence"] = "It is genuine.".into();
    result["previews"][0]["jpeg"] = "x)}</style><h1>Injected</h1>".into();
    std::fs::write(at.join("changed.json"), document.to_string()).unwrap();
    let (code, _, errors) = run(assay(at).args(["report", "changed.json"]));
    assert_eq!(code, 2);
    assert!(errors.contains("was changed after it was written"), "{errors}");
    let page = std::fs::read_to_string(at.join("changed.html")).unwrap();
    assert!(!page.contains("<h1>Injected"), "a value from a report is no markup");
    std::fs::write(at.join("empty.json"), "{\"schema\":\"other\",\"reports\":[],\"failures\":[]}").unwrap();
    assert_eq!(run(assay(at).args(["report", "empty.json"])).0, 2);
    assert_eq!(run(assay(at).args(["reproduce", "empty.json"])).0, 2);
}

#[test]
fn an_output_that_cannot_be_written_is_one_line_and_code_2() {
    if !Path::new("/dev/full").exists() {
        println!("SKIPPED: no /dev/full on this system");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "photo.jpg", 1);
    for arguments in [&["scan", "photo.jpg", "--analyzers", "error_level"][..], &["analyzers", "list"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = assay(folder.path());
        let child = command.args(arguments).stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

#[test]
fn files_are_taken_by_content_and_names_cannot_write_on_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let media = at.join("media");
    std::fs::create_dir(&media).unwrap();
    save(&media, "plain.jpg", 1);
    std::fs::rename(media.join("plain.jpg"), media.join("f\u{1b}[31m0001")).unwrap();
    save(&media, "other.png", 2);
    std::fs::write(media.join("notes.txt"), "no picture").unwrap();
    let (code, text, errors) = run(assay(at).args(["scan", "media", "--analyzers", "error_level"]));
    assert_eq!(code, 0, "{errors}");
    assert!(text.contains("2 files") && text.contains("1 files in the folders are no pictures"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    // More machines than files is no failure.
    assert_eq!(run(assay(at).args(["scan", "media", "--analyzers", "error_level", "--shard", "3/3"])).0, 0);
}
