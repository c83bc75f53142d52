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
    assert_eq!(run(assay(at).args(["scan", "photo.jpg", "--analyzers", "nonsense"])).0, 2);
    assert_eq!(run(assay(at).args(["scan", "."]).args(["--shard", "3/2"])).0, 2);
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
