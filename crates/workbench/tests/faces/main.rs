//! Faces through the whole scan, with painted faces and networks that find them by colour.
//! `KEEP_REPORTS=DIR` keeps the pages for the eye.
#![allow(unreachable_pub, clippy::allow_attributes, reason = "the parts of a test")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
mod painted;

use std::path::Path;
use std::sync::Arc;

use assay_evidence::{FaceSearch, FacesFound, Outcome, Report};
use assay_faces::FaceNetworks;
use assay_media::NoProgress;
use assay_workbench::{Setup, Tool, questions, reproduce, scan_file};
use image::RgbImage;
use painted::{Painted, clip, paint, scene};

fn networks(broken: bool) -> Arc<dyn FaceNetworks> {
    Arc::new(Painted { broken })
}

fn scan(file: &Path, ids: &[&str], networks: impl Into<Option<Arc<dyn FaceNetworks>>>) -> Report {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let setup = Setup::new(&ids, 6).unwrap().with_networks(networks.into());
    let report = scan_file(file, &setup, &NoProgress).unwrap();
    if let Some(folder) = std::env::var_os("KEEP_REPORTS") {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        std::fs::write(Path::new(&folder).join(format!("{name}.html")), assay_report::page(&report)).unwrap();
    }
    report
}

fn found(report: &Report) -> &FacesFound {
    match &report.result.faces {
        FaceSearch::Searched(found) => found,
        other => panic!("{other:?}"),
    }
}

/// Faces of the terminal's summary.
fn face_lines(report: &Report) -> Vec<String> {
    let summary = assay_report::summary(report);
    let lines =
        summary.lines().skip_while(|l| !l.starts_with("  faces:")).take_while(|l| !l.starts_with("  not tested"));
    lines.map(|l| l.trim().to_owned()).collect()
}

fn three() -> RgbImage {
    let mut picture = scene(640, 420, 0);
    paint(&mut picture, 0, 140.0, 200.0, 70.0);
    paint(&mut picture, 1, 330.0, 160.0, 40.0);
    paint(&mut picture, 2, 520.0, 240.0, 55.0);
    picture
}

/// Two people swap sides, one hides the other; then another shot with somebody else and one of the
/// two.
fn frames() -> Vec<RgbImage> {
    let crossing = (0..75).map(|i| {
        let t = i as f32 / 74.0;
        let mut frame = scene(320, 180, 0);
        paint(&mut frame, 2, 260.0 - 200.0 * t, 92.0, 30.0);
        paint(&mut frame, 0, 60.0 + 200.0 * t, 88.0, 34.0);
        frame
    });
    let after = (0..50).map(|i| {
        let mut frame = scene(320, 180, 2);
        paint(&mut frame, 1, 80.0 + i as f32 * 0.5, 90.0, 36.0);
        paint(&mut frame, 0, 240.0, 95.0, 40.0);
        frame
    });
    crossing.chain(after).collect()
}

#[test]
fn a_picture_of_three_names_three() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("three.png");
    three().save(&file).unwrap();
    let report = scan(&file, &["error_level"], networks(false));
    let found = found(&report);
    assert_eq!(found.persons.len(), 3);
    // The largest stands first; boxes lie where the faces were painted.
    let boxes: Vec<[i32; 4]> = found
        .persons
        .iter()
        .map(|p| {
            let b = p.boxes[0];
            [b.x, b.y, b.width as i32, b.height as i32]
        })
        .collect();
    for (b, expected) in boxes.iter().zip([[70, 130, 140, 140], [465, 185, 110, 110], [290, 120, 80, 80]]) {
        assert!(b.iter().zip(expected).all(|(a, e)| (a - e).abs() <= 2), "{b:?} {expected:?}");
    }
    for person in &found.persons {
        assert!(person.seen.is_empty() && person.thumbnails.len() == 1 && person.likeness.len() == 2);
        assert!(person.likeness.iter().all(|l| l.cosine < 0.3));
        assert!(person.eyes_open.median > 0.1 && person.quality.overall > 0.05, "{person:?}");
    }
    let lines = face_lines(&report);
    assert_eq!(lines[0], "faces: 3 persons found (faces from 24 px can be found).");
    assert!(lines[1].starts_with("P1   face 139 px, quality "), "{lines:?}");
    let page = assay_report::page(&report);
    assert!(
        page.contains("Person P3") && page.matches("data:image/jpeg").count() >= 4 && page.contains(&"0".repeat(64))
    );
}

#[test]
fn a_picture_without_a_face_says_so_and_is_examined_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.png");
    scene(2400, 1200, 0).save(&file).unwrap();
    let report = scan(&file, &["error_level", "jpeg_grid"], networks(false));
    assert!(found(&report).persons.is_empty());
    // The detector saw the picture at two thirds of its size.
    assert_eq!(face_lines(&report), ["faces: No face found (faces from 36 px can be found)."]);
    let page = assay_report::page(&report);
    assert!(page.contains("No face found (faces from 36 px can be found)."));
    // What is not said for that reason is the first sentence of the page and of the terminal.
    let note = "No face was found (faces from 36 px can be found), so nothing is said about replaced faces or generated faces.";
    assert_eq!(report.result.verdict.first, [note]);
    assert!(page.find(note).unwrap() < page.find(&report.result.verdict.headline.sentence).unwrap());
    assert!(assay_report::summary(&report).lines().nth(1).unwrap().contains(note));
    let without = scan(&file, &["error_level", "jpeg_grid"], None);
    assert_eq!(report.result.findings, without.result.findings);
    assert!(matches!(without.result.faces, FaceSearch::NotSearched { .. }));
    assert!(face_lines(&without)[0].starts_with("faces: Not looked for."));
}

#[test]
fn faces_never_move_the_verdict_and_a_broken_network_breaks_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("three.jpg");
    three().save(&file).unwrap();
    let (with, without, broken) =
        (scan(&file, &[], networks(false)), scan(&file, &[], None), scan(&file, &[], networks(true)));
    assert_eq!(found(&with).persons.len(), 3);
    assert!(matches!(&broken.result.faces, FaceSearch::Failed { reason } if reason.contains("on purpose")));
    // The analyzers that look at faces say each time why they could not; everything else is the
    // same.
    let about_faces = |id: &str| id.starts_with("face_");
    let titles = ["Face forgery networks", "Generated-face network", "How usual a face is"];
    let apart = |report: &Report| {
        let (mut verdict, mut findings) = (report.result.verdict.clone(), report.result.findings.clone());
        verdict.not_tested.retain(|n| !titles.contains(&n.what.as_str()));
        // Why questions about faces have no value is said each time; that they have none is the
        // same.
        verdict.first.clear();
        for said in verdict.statements.iter_mut().filter(|s| questions::find(&s.question).unwrap().needs_face) {
            assert!(said.llr.is_none());
            said.abstained = None;
            said.sentence.clear();
        }
        findings.retain(|f| !about_faces(&f.analyzer));
        (verdict, findings)
    };
    for other in [&without, &broken] {
        assert_eq!(apart(&with), apart(other));
    }
    let first = |report: &Report| report.result.verdict.first.join(" ");
    assert!(first(&with).contains("A face was found, but nothing is said about replaced faces"));
    assert!(first(&without).starts_with("Faces were not looked for"));
    assert!(first(&broken).starts_with("The search for faces failed"));
    assert!(with.result.findings.iter().filter(|f| matches!(f.outcome, Outcome::Evidence(_))).count() >= 6);
}

#[test]
fn crossing_people_are_followed_through_a_clip() {
    let folder = tempfile::tempdir().unwrap();
    let Some(file) = clip(folder.path(), "crossing.mp4", &frames()) else { return };
    let report = scan(&file, &["video_structure"], networks(false));
    let found = found(&report);
    assert_eq!(found.cuts_secs, [3.0]);
    assert!((28..=34).contains(&found.frames), "{} looks in five seconds", found.frames);
    assert_eq!(found.persons.len(), 3);
    let [red, second, third] = &found.persons[..] else { panic!("three people") };
    // The first person is in front throughout and in both shots: one track a shot.
    assert_eq!(red.seen.len(), 2);
    assert_eq!(red.frames, found.frames);
    assert!(red.seen[0].start_secs < 0.1 && red.seen[0].end_secs > 2.7 && red.seen[1].start_secs < 3.05);
    assert!(red.boxes[0].x < 40 && red.boxes.iter().rfind(|b| b.pts_secs.unwrap() < 3.0).unwrap().x > 200);
    // The one who was hidden is the same on the other side; the third is in the second shot only.
    let (blue, green) = if second.seen[0].start_secs < 1.0 { (second, third) } else { (third, second) };
    assert!(
        blue.seen[0].start_secs < 0.1
            && blue.seen.last().unwrap().end_secs > 2.7
            && blue.seen.last().unwrap().end_secs < 3.0
    );
    assert_eq!(blue.seen.len(), 1, "waited for while hidden");
    assert!(blue.frames < red.frames && blue.boxes[0].x > 200 && blue.boxes.last().unwrap().x < 60);
    assert_eq!(green.seen.len(), 1);
    assert!(green.seen[0].start_secs < 3.05 && green.seen[0].end_secs > 4.7);
    for person in &found.persons {
        assert!((4..=8).contains(&person.thumbnails.len()), "{}", person.thumbnails.len());
        assert!(person.thumbnails.windows(2).all(|w| w[0].pts_secs < w[1].pts_secs));
    }
    let lines = face_lines(&report);
    assert!(lines[1].starts_with("P1   0.0 to 4.8 s in 2 stretches, face 6"), "{lines:?}");
    let page = assay_report::page(&report);
    assert!(page.contains("new shot at 3.00 s") && page.contains("Person P3"));
}

#[test]
fn results_are_the_same_with_any_number_of_threads_and_can_be_reproduced() {
    let folder = tempfile::tempdir().unwrap();
    let Some(file) = clip(folder.path(), "again.mp4", &frames()[50..100]) else { return };
    let at = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| scan(&file, &["video_structure"], networks(false)))
    };
    let (one, five) = (at(1), at(5));
    assert!(!found(&one).persons.is_empty());
    assert_eq!(one.result_sha256, five.result_sha256);
    let (again, differences) = reproduce(&one, &file, Some(networks(false)), Tool::default(), &NoProgress).unwrap();
    assert!(differences.is_empty(), "{differences:?}");
    assert_eq!(again.result_sha256, one.result_sha256);
    // Another program is another result.
    let other = Tool { version: "0.0.0".into(), ..Tool::default() };
    let (_, differences) = reproduce(&one, &file, Some(networks(false)), other, &NoProgress).unwrap();
    assert_eq!(differences.iter().map(|d| d.pointer.as_str()).collect::<Vec<_>>(), ["/tool/version"]);
    // Without the networks the difference is named, and nothing differs but what is not said for
    // it.
    let (_, differences) = reproduce(&one, &file, None, Tool::default(), &NoProgress).unwrap();
    let follows =
        ["/settings/networks", "/faces", "/verdict/first", "/verdict/statements/1/", "/verdict/statements/2/"];
    assert!(differences.iter().all(|d| follows.iter().any(|f| d.pointer.starts_with(f))), "{differences:?}");
    assert!(differences.iter().any(|d| d.pointer.starts_with("/settings/networks")));
    // A report made without faces is run again without them.
    let bare = scan(&file, &["video_structure"], None);
    assert!(reproduce(&bare, &file, Some(networks(false)), Tool::default(), &NoProgress).unwrap().1.is_empty());
    let old: Report = {
        let mut value = serde_json::to_value(&bare).unwrap();
        value["result"].as_object_mut().unwrap().remove("faces");
        value["result"]["settings"].as_object_mut().unwrap().remove("networks");
        serde_json::from_value(value).unwrap()
    };
    assert!(
        matches!(&old.result.faces, FaceSearch::NotSearched { reason } if reason.contains("version")),
        "old reports can be read"
    );
}

/// A ring that a logo draws was taken for a face, and that face for manipulated.
#[test]
fn a_drawn_ring_is_nobody() {
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faces/ring_logo_face.mp4");
    let shipped: Arc<dyn FaceNetworks> = Arc::new(assay_detect::networks(&[]).unwrap());
    let report = scan(&clip, &["container"], shipped);
    assert!(found(&report).persons.is_empty(), "{:?}", found(&report).persons.len());
}
