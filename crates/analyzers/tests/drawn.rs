//! Drawn screen content and the methods that compare places of a recorded picture: a letter is no
//! evidence.
//!
//! The pages are drawn from seeds and saved once as JPEG, never edited.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
use std::path::{Path, PathBuf};

use assay_analyzers::{Artefacts, Context, Sample, find, screen};
use assay_evidence::{MediaKind, Outcome};
use assay_material::graphics::{Kind, Saving, draw};
use assay_material::scene::photograph;
use assay_media::{Limits, NoProgress, Source};

/// Pages of letters and symbols: kind, seed, quality of the only save.
const PAGES: [(Kind, u64, u8); 4] =
    [(Kind::Chat, 0, 92), (Kind::Document, 0, 92), (Kind::Settings, 0, 92), (Kind::Slide, 0, 95)];
/// Scores that an untouched photograph seldom exceeds.
const MOST: [(&str, f64); 2] = [("jpeg_ghost", 6.0), ("double_quantization", 5.0)];

fn ask(id: &str, file: &Path) -> Outcome {
    let analyzer = find(id).unwrap();
    let artefacts = Artefacts::new(Source::open(file, &Limits::default()).unwrap(), 1);
    let context = Context { progress: &NoProgress, seed: 1 };
    analyzer
        .analyze(&Sample::new(&artefacts, analyzer.about()), &context)
        .unwrap_or_else(|error| panic!("{id} on {}: {error}", file.display()))
}

/// The raw score, or nothing where the method does not apply.
fn raw(id: &str, file: &Path) -> Option<f64> {
    match ask(id, file) {
        Outcome::Evidence(evidence) => evidence.score.map(|s| s.raw),
        _ => None,
    }
}

fn saved(folder: &Path, kind: Kind, seed: u64, quality: u8) -> PathBuf {
    let saving = Saving { scale: 1.0, first: None, quality: Some(quality), full_chroma: false };
    let file = folder.join(format!("{}_{seed}_{quality}.jpg", kind.id().replace(' ', "_")));
    std::fs::write(&file, saving.apply(&draw(kind, seed, None).picture).unwrap().bytes).unwrap();
    file
}

#[test]
fn letters_on_an_even_ground_are_no_evidence_of_an_alteration() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (kind, seed, quality) in PAGES {
        let file = saved(folder.path(), kind, seed, quality);
        for (id, most) in MOST {
            match raw(id, &file) {
                Some(score) if score > most => wrong.push(format!("{id} on {}: {score:.2}", file.display())),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn measured(file: &Path) -> Option<(f64, f64)> {
    let Outcome::Evidence(evidence) = ask("screen_content", file) else { return None };
    let value = |name: &str| evidence.measures.iter().find(|m| m.name == name).map(|m| m.value);
    value(screen::SCORE).zip(value(screen::LEVEL))
}

#[test]
fn screen_content_answers_on_every_kind_of_still_and_not_on_clips() {
    let odd = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/odd");
    for name in ["alpha.png", "one_bit.png", "cmyk.jpg", "page.webp", "still.gif", "moving.gif"] {
        let file = odd.join(name);
        let kind = Source::open(&file, &Limits::default()).unwrap().kind();
        match measured(&file) {
            Some((score, level)) => assert!(score > level, "{name}: {score} is below {level}"),
            None => assert_eq!(kind, MediaKind::Video, "{name} is a still picture"),
        }
    }
}

#[test]
fn a_screenshot_is_told_and_the_photograph_in_it_is_not() {
    let folder = tempfile::tempdir().unwrap();
    for quality in [65, 75, 85, 95] {
        let (score, level) = measured(&saved(folder.path(), Kind::Chat, 11, quality)).unwrap();
        assert!(score > level, "chat at quality {quality}: {score} is below {level}");
        let file = folder.path().join("photo.jpg");
        let photo = photograph(8, 400, 300);
        std::fs::write(&file, assay_material::saving::jpeg_bytes(&photo, quality).unwrap()).unwrap();
        let (score, level) = measured(&file).unwrap();
        assert!(score < level, "photograph at quality {quality}: {score} is not below {level}");
    }
}
