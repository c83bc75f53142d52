//! What a reader sees first: the strongest statement, the region that it points at, and what an
//! examiner's own words got. `KEEP_REPORTS=DIR` keeps the pages for the eye.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
use std::path::{Path, PathBuf};

use assay_evidence::{Prior, Proposition, Report};
use assay_media::NoProgress;
use assay_workbench::{Setup, read_case, scan_file};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../analyzers/cases").join(name)
}

fn keep(report: &Report, name: &str) -> String {
    let page = assay_report::page(report);
    if let Some(folder) = std::env::var_os("KEEP_REPORTS") {
        std::fs::write(Path::new(&folder).join(name), &page).unwrap();
    }
    page
}

#[test]
fn a_find_shows_its_region_before_anything_else_and_a_low_value_does_not() {
    let usual = Setup::new(&[], 6).unwrap();
    let setup = |text: &str| Setup::new(&[], 6).unwrap().with_thresholds(&[text.parse().unwrap()]);
    let file = case("jpeg_ghost/positive_shifted.jpg");
    let found = scan_file(&file, &setup("part_altered=2"), &NoProgress).unwrap();
    let verdict = &found.result.verdict;
    assert!(verdict.above_threshold, "{:?}", verdict.statements[0]);
    assert_eq!(verdict.headline.sentence, "A part of this picture was probably altered: the marked region.");
    let page = keep(&found, "found.html");
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(
        at("class=\"marked\"") < at("class=\"said\"") && at("class=\"said\"") < at("How the statements came about")
    );
    assert!(at("class=\"boxes\"") < at("class=\"said\""), "the region is drawn on the first screen");
    assert!(!page.contains("The examined picture</h3>"), "once is enough");

    let below = scan_file(&file, &setup("part_altered=1e9"), &NoProgress).unwrap();
    let page = keep(&below, "below.html");
    assert!(!page.contains("class=\"marked\"") && page.contains("The examined picture</h3>"));
    // Nothing but the thresholds decides; the values and the findings are the same.
    assert_eq!(below.result.findings, found.result.findings);
    assert_eq!(below.result.verdict.statements[0].llr, verdict.statements[0].llr);
    assert_eq!(usual.settings.thresholds.len(), 6, "a threshold a question, for pictures and for videos");
}

#[test]
fn the_example_case_is_read_and_its_proposition_gets_its_ratio() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/case.example.toml");
    let mut setup = Setup::new(&[], 6).unwrap();
    setup.case = read_case(&example).unwrap();
    setup.case.propositions.push(Proposition {
        question: "face_generated".into(),
        prior: Some(Prior { probability: 0.5, source: "nobody".into() }),
        ..Proposition::default()
    });
    let report = scan_file(&case("jpeg_ghost/positive_shifted.jpg"), &setup, &NoProgress).unwrap();
    let altered = report.result.verdict.statement("part_altered").unwrap();
    assert!(altered.propositions.forged.starts_with("A region of the picture was replaced"));
    let lr = 10f64.powf(altered.llr.unwrap().log10);
    let expected = lr / (9.0 + lr);
    assert!((altered.posterior.as_ref().unwrap().probability - expected).abs() < 1e-9);
    assert!(report.result.verdict.statement("face_generated").unwrap().posterior.is_none(), "no value, no posterior");
    let page = keep(&report, "case.html");
    assert!(page.contains("probability of H1") && page.contains("A region of the picture was replaced"));
}

#[test]
fn a_case_without_a_question_is_refused_with_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.toml");
    std::fs::write(&file, "[propositions]\nforged = \"It is fake.\"\n").unwrap();
    let error = read_case(&file).unwrap_err().to_string();
    assert!(error.contains("part_altered, face_replaced, face_generated") && error.contains("case.toml"), "{error}");
    assert!(read_case(&folder.path().join("none.toml")).unwrap_err().to_string().contains("cannot read the case file"));
}
