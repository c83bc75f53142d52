//! Marks of origin through the whole scan: the same as `assay verify` says, from the pixels that
//! the scan decodes anyway, and no part of the verdict. `KEEP_REPORTS=DIR` keeps the pages for the
//! eye.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
use std::path::{Path, PathBuf};

use assay_evidence::{ManifestState, Marks, Report};
use assay_media::NoProgress;
use assay_provenance::{ClipShape, Making, MarkedWriter, Record, Signer, Synthetic, Trust, verify};
use assay_workbench::{Setup, scan_file};
use image::RgbImage;

fn scene(width: u32, height: u32, shift: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let wave = 60.0 * ((x + shift) as f32 / 21.0).sin() * (y as f32 / 33.0).cos();
        let v = (120.0 + wave) as u8 ^ ((x * 7 + y * 13) % 5) as u8;
        image::Rgb([v, v.saturating_sub(20), v / 2 + 40])
    })
}

fn writer(folder: &Path) -> MarkedWriter {
    let record = Record {
        making: Making::Generated,
        generator: "test".into(),
        weights: Vec::new(),
        settings: serde_json::json!({}),
        seed: Some(1),
        sources: Vec::new(),
    };
    MarkedWriter::new(record, Signer::own(Some(&folder.join("keys"))).unwrap())
}

fn scan(file: &Path, id: &str) -> Report {
    let setup = Setup::new(&[id.to_owned()], 6).unwrap();
    let report = scan_file(file, &setup, &NoProgress).unwrap();
    if let Some(folder) = std::env::var_os("KEEP_REPORTS") {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        std::fs::write(Path::new(&folder).join(format!("{name}.html")), assay_report::page(&report)).unwrap();
    }
    report
}

fn marks(report: &Report) -> &Marks {
    report.result.marks.as_ref().unwrap()
}

fn badges(report: &Report) -> Vec<&str> {
    report.result.badges.iter().map(|b| b.words.as_str()).collect()
}

const POINTER: &str = "This file says that a trained model made it";

#[test]
fn a_made_picture_says_so_beside_an_untouched_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let made = at("made.png");
    writer(folder.path()).write_still(Synthetic::new(scene(320, 256, 0)), &made).unwrap();
    let report = scan(&made, "jpeg_grid");
    assert_eq!(*marks(&report), verify(&made, &Trust::default()).unwrap().marks);
    assert!(assay_report::page(&report).contains(POINTER));
    let summary = assay_report::summary(&report);
    assert!(summary.contains("label      AI-GENERATED") && summary.contains("manifest   valid"), "{summary}");
    // In two words beside the headline, on the page, in the terminal and in the list of a batch.
    assert_eq!(badges(&report), ["Signed as AI-generated"]);
    let page = assay_report::page(&report);
    let headline = page.find(&report.result.verdict.headline.sentence).unwrap();
    assert!(page.find("Signed as AI-generated").unwrap() < headline);
    assert!(
        summary.contains("[Signed as AI-generated]")
            && assay_report::line(&report).contains("[Signed as AI-generated]")
    );
    let row = assay_report::IndexRow::of(&report, "made.html".into());
    assert!(assay_report::index_page(&[row]).contains("Signed as AI-generated"));

    // The same pixels without the manifest get the same verdict.
    let bare = at("bare.png");
    image::open(&made).unwrap().save(&bare).unwrap();
    let stripped = scan(&bare, "jpeg_grid");
    assert_eq!(stripped.result.verdict, report.result.verdict);
    assert_eq!(marks(&stripped).manifest.state, ManifestState::None);
    assert!(!marks(&stripped).contradictions.is_empty());
    assert_eq!(badges(&stripped), ["Marked as AI-generated", "Marks contradict"]);
    // What lies beside a file is not part of it.
    std::fs::write(at("bare.c2pa"), "no manifest").unwrap();
    assert_eq!(scan(&bare, "jpeg_grid").result, stripped.result);
    assert_eq!(verify(&bare, &Trust::default()).unwrap().marks.manifest.state, ManifestState::Invalid);

    let plain = at("plain.png");
    scene(320, 256, 5).save(&plain).unwrap();
    let report = scan(&plain, "jpeg_grid");
    assert_eq!((marks(&report).generated.as_ref(), marks(&report).label.found), (None, false));
    assert!(badges(&report).is_empty());
    let page = assay_report::page(&report);
    assert!(!page.contains(POINTER) && page.contains("Marks of origin") && page.contains("none found"));
}

#[test]
fn a_made_clip_is_read_in_the_pass_that_decodes_it() {
    if std::process::Command::new("ffmpeg").arg("-version").output().is_err() {
        eprintln!("SKIPPED: ffmpeg is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made.mp4");
    let shape = ClipShape { width: 256, height: 192, frame_secs: 0.04 };
    let mut clip = writer(folder.path()).start_clip(&made, shape, None).unwrap();
    for i in 0..40 {
        clip.push(Synthetic::new(scene(256, 192, i)), f64::from(i) * 0.04).unwrap();
    }
    clip.finish().unwrap();
    let report = scan(&made, "video_structure");
    assert_eq!(*marks(&report), verify(&made, &Trust::default()).unwrap().marks);
    assert!(marks(&report).watermark.frames == 32 && marks(&report).generated.is_some());
    // Where no frame is decoded for any other reason, none is for the marks; the manifest is read
    // all the same.
    let unseen = scan(&made, "container");
    assert_eq!((marks(&unseen).watermark.frames, marks(&unseen).watermark.found), (0, false));
    assert!(marks(&unseen).generated.is_some());
}
