//! One test for the whole family: every analyzer over every golden case.
//!
//! A case is a media file `cases/<id>/<outcome>_<what>.<ext>` with its golden
//! `<outcome>_<what>.<ext>.snap.json` beside it, `<outcome>` being `positive`, `negative` or
//! `not_applicable`. `UPDATE_GOLDENS=1 cargo test -p assay-analyzers --test family` writes the
//! goldens; read the diff.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use assay_analyzers::{ANALYZERS, Analyzer, Artefacts, Context, Need, Sample, documentation};
use assay_evidence::{Outcome, Role, Status};
use assay_faces::FaceNetworks;
use assay_media::{Limits, NoProgress, Source};
use serde_json::Value;

fn cases_of(id: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(id);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).map(|entries| entries.map(|e| e.unwrap().path()).collect()).unwrap_or_default();
    files.retain(|f| f.extension().is_some_and(|e| e != "json" && e != "md"));
    files.sort();
    files
}

/// The cases that this machine can run: clips need the system's ffmpeg.
fn runnable_cases_of(id: &str) -> Vec<PathBuf> {
    let works =
        |program: &str| std::process::Command::new(program).arg("-version").output().is_ok_and(|o| o.status.success());
    let mut files = cases_of(id);
    let is_clip = |f: &PathBuf| f.extension().is_some_and(|e| e == "mp4");
    if files.iter().any(is_clip) && !(works("ffmpeg") && works("ffprobe")) {
        println!("SKIPPED: the clips among the cases of {id}, because ffmpeg is not installed");
        files.retain(|f| !is_clip(f));
    }
    files
}

fn ask(analyzer: &dyn Analyzer, file: &Path) -> Outcome {
    static NETWORKS: LazyLock<Arc<dyn FaceNetworks>> =
        LazyLock::new(|| Arc::new(assay_detect::all_networks().unwrap()));
    let needs_faces = analyzer.about().needs.contains(&Need::Faces);
    let artefacts = Artefacts::new(Source::open(file, &Limits::default()).unwrap(), 4)
        .with_networks(needs_faces.then(|| NETWORKS.clone()));
    analyzer
        .analyze(&Sample::new(&artefacts, analyzer.about()), &Context { progress: &NoProgress, seed: 1 })
        .unwrap_or_else(|e| panic!("{} on {}: {e}", analyzer.about().id, file.display()))
}

/// Pictures are compared by size only, floats to three significant digits: the golden is for
/// meaning, not for the last bit of a sum.
fn for_golden(value: &mut Value) {
    match value {
        Value::Number(n) if n.is_f64() => {
            let v = n.as_f64().unwrap();
            let rounded: f64 = format!("{v:.2e}").parse().unwrap();
            *value = if rounded.abs() < 1e-4 { Value::from(0.0) } else { Value::from(rounded) };
        }
        Value::String(s) if s.starts_with("iVBOR") => *s = "PNG".into(),
        Value::Array(items) if items.len() > 24 => *value = Value::from(format!("{} items", items.len())),
        Value::Array(items) => items.iter_mut().for_each(for_golden),
        Value::Object(map) => map.values_mut().for_each(for_golden),
        _ => {}
    }
}

#[test]
fn descriptions_are_complete_and_unique() {
    let mut ids = BTreeSet::new();
    for analyzer in ANALYZERS {
        let about = analyzer.about();
        assert!(ids.insert(about.id), "two analyzers are called {}", about.id);
        assert!(about.id.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", about.id);
        for (what, filled) in [
            ("title", !about.title.is_empty()),
            ("summary", !about.summary.is_empty()),
            ("needs", !about.needs.is_empty()),
            ("fooled_by", !about.fooled_by.is_empty()),
            ("not_applicable_when", !about.not_applicable_when.is_empty()),
            ("references", !about.references.is_empty()),
        ] {
            assert!(filled, "{} has no {what}", about.id);
        }
        assert!(documentation(about.id).is_some_and(|d| d.len() > 400), "{} is not documented", about.id);
        for need in about.needs {
            if let Need::Detector(id) = need {
                assert!(assay_detect::find(id).is_some(), "{} asks {id:?}, which is no detector", about.id);
                assert!(about.needs.contains(&Need::Faces), "{} gets {id} with the faces", about.id);
            }
        }
    }
}

#[test]
fn every_analyzer_has_cases_of_each_outcome() {
    for analyzer in ANALYZERS {
        let names: Vec<String> = cases_of(analyzer.about().id)
            .iter()
            .map(|f| f.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        for outcome in ["positive_", "negative_", "not_applicable_"] {
            assert!(names.iter().any(|n| n.starts_with(outcome)), "{} has no {outcome} case", analyzer.about().id);
        }
    }
}

#[test]
fn outcomes_match_the_goldens() {
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    let mut wrong = Vec::new();
    for analyzer in ANALYZERS {
        for file in runnable_cases_of(analyzer.about().id) {
            let outcome = ask(*analyzer, &file);
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let applies = matches!(outcome, Outcome::Evidence(_));
            assert_eq!(applies, !name.starts_with("not_applicable_"), "{}: {outcome:?}", file.display());
            if let Outcome::Evidence(evidence) = &outcome {
                let scored = analyzer.about().status == Status::Calibrated;
                assert_eq!(evidence.role == Role::Scored, scored, "{}", file.display());
                assert_eq!(evidence.score.is_some(), scored, "{}", file.display());
                assert!(evidence.score.as_ref().is_none_or(|s| s.raw.is_finite()), "{}", file.display());
                assert!(!evidence.explanation.is_empty(), "{}", file.display());
            }
            let mut value = serde_json::to_value(&outcome).unwrap();
            for_golden(&mut value);
            let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
            let golden = file.with_file_name(format!("{name}.snap.json"));
            if update {
                std::fs::write(&golden, text).unwrap();
            } else if std::fs::read_to_string(&golden).unwrap_or_default() != text {
                wrong.push(format!("{}:\n{text}", golden.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "goldens differ (UPDATE_GOLDENS=1 writes them anew):\n{}", wrong.join("\n"));
}

#[test]
fn positives_score_above_negatives() {
    let mut wrong = Vec::new();
    for analyzer in ANALYZERS.iter().filter(|a| a.about().status == Status::Calibrated) {
        let score = |prefix: &str| -> Vec<f64> {
            runnable_cases_of(analyzer.about().id)
                .iter()
                .filter(|f| f.file_name().unwrap().to_string_lossy().starts_with(prefix))
                .filter_map(|f| match ask(*analyzer, f) {
                    Outcome::Evidence(e) => e.score.map(|s| s.raw),
                    _ => None,
                })
                .collect()
        };
        let lowest_positive = score("positive_").into_iter().fold(f64::INFINITY, f64::min);
        let highest_negative = score("negative_").into_iter().fold(f64::NEG_INFINITY, f64::max);
        if lowest_positive <= highest_negative {
            wrong.push(format!("{}: {lowest_positive} <= {highest_negative}", analyzer.about().id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outcomes_do_not_depend_on_the_number_of_threads() {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let five = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
    for analyzer in ANALYZERS {
        for file in runnable_cases_of(analyzer.about().id) {
            let a = serde_json::to_string(&one.install(|| ask(*analyzer, &file))).unwrap();
            let b = serde_json::to_string(&five.install(|| ask(*analyzer, &file))).unwrap();
            assert!(a == b, "{} on {} depends on the threads", analyzer.about().id, file.display());
        }
    }
}

#[test]
fn odd_pictures_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (width, height) in [(1, 1), (1, 300), (300, 1), (7, 9), (64, 64), (257, 131)] {
        for (name, value) in [("black", 0u8), ("white", 255), ("mix", 1)] {
            let picture = image::RgbImage::from_fn(width, height, |x, y| {
                let v = if value == 1 { (x * 37 + y * 91 + x * y) as u8 } else { value };
                image::Rgb([v, v.wrapping_mul(3), v])
            });
            for ext in ["png", "jpg"] {
                let file = folder.path().join(format!("{name}_{width}x{height}.{ext}"));
                picture.save(&file).unwrap();
                files.push(file);
            }
        }
    }
    for file in &files {
        for analyzer in ANALYZERS {
            ask(*analyzer, file);
        }
    }
}
