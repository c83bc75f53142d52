//! From a generator's hands to a file and back: all marks, or no file.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]
use std::fs;

use assay_evidence::{ManifestState, ManifestWhere};
use assay_provenance::{
    Claim, ClipShape, Making, MarkedWriter, ProvenanceError, SourceUsed, Synthetic, Trust, claim, verify,
};
use common::{Place, record, write_clip};
use scene::scene;

mod common;
mod foreign_manifests;
mod full_disk;
mod official_reader;
#[path = "../../src/scene.rs"]
mod scene;

#[test]
fn stills_carry_all_marks() {
    let place = Place::new();
    let source = place.path("person.png");
    scene(200, 200, 3).save(&source).unwrap();
    for (name, making, size) in [
        ("a.png", Making::Generated, (256, 256)),
        ("b.jpg", Making::Altered, (640, 360)),
        ("c.png", Making::Altered, (720, 1280)),
    ] {
        let used = SourceUsed { path: source.clone(), role: "source portrait".into() };
        let writer = MarkedWriter::new(record(making, vec![used]), place.signer());
        let path = place.path(name);
        let written = writer.write_still(Synthetic::new(scene(size.0, size.1, 0)), &path).unwrap();
        assert!(written.watermark_psnr_db >= 42.0, "{}", written.watermark_psnr_db);
        let found = verify(&path, &Trust::default()).unwrap();
        assert_eq!(found.marks.manifest.state, ManifestState::ValidUnknownIssuer, "{:?}", found.marks.manifest);
        assert_eq!(found.marks.manifest.problems, Vec::<String>::new());
        assert_eq!(found.marks.manifest.found_in, Some(ManifestWhere::Embedded));
        assert!(found.marks.manifest.source_types.contains(&making.source_type().to_owned()));
        assert_eq!(found.marks.manifest.watermark_id, found.marks.watermark.id);
        assert_eq!(found.marks.label.words.as_deref(), Some(making.words()));
        assert_eq!(found.marks.manifest.ingredients, ["person.png"]);
        let recorded = found.marks.manifest.record.unwrap();
        assert_eq!((recorded["seed"].as_u64(), recorded["generator"].as_str()), (Some(7), Some("test")));
        assert_eq!(recorded["sources"][0]["sha256"].as_str().unwrap().len(), 64);
        assert_eq!(found.marks.contradictions, Vec::<String>::new());
    }
    assert_eq!(place.names(), ["a.png", "b.jpg", "c.png", "keys", "person.png"]);
}

fn ffmpeg(args: &[&str]) {
    assert!(std::process::Command::new("ffmpeg").args(["-v", "error", "-y"]).args(args).status().unwrap().success());
}

#[test]
fn clips_carry_all_marks_keep_their_times_and_take_sound_along() {
    let place = Place::new();
    let driver = place.path("driver.mp4");
    let to = driver.to_str().unwrap();
    ffmpeg(&["-f", "lavfi", "-i", "sine=duration=2", "-f", "lavfi", "-i", "testsrc=d=2:s=64x64", "-shortest", to]);
    // Variable frame rate.
    let times: Vec<f64> = (0..24).map(|i| f64::from(i) * 0.04 + if i > 12 { 0.017 } else { 0.0 }).collect();
    let path = write_clip(&place, "a.mp4", &times, Some(&driver));
    let found = verify(&path, &Trust::default()).unwrap();
    assert_eq!(found.marks.manifest.state, ManifestState::ValidUnknownIssuer, "{:?}", found.marks.manifest);
    assert_eq!(found.marks.watermark.id, found.marks.manifest.watermark_id);
    assert_eq!(found.marks.label.words.as_deref(), Some("AI-ALTERED"));
    let source = assay_media::Source::open(&path, &assay_media::Limits::default()).unwrap();
    let streams = &source.video().unwrap().streams;
    assert!(streams.iter().any(|s| s.kind == assay_media::StreamKind::Audio), "{streams:?}");
    let packets = source.packets().unwrap();
    let stream = packets.stream(source.video().unwrap().main_stream().index).unwrap();
    let read = stream.times_secs(None);
    assert_eq!(read.len(), times.len());
    for (read, wanted) in read.iter().zip(&times) {
        assert!((read - wanted).abs() < 1e-4, "{read} for {wanted}");
    }
    assert_eq!(place.names(), ["a.mp4", "driver.mp4", "keys"]);
}

#[test]
fn what_cannot_carry_the_marks_is_not_written() {
    let place = Place::new();
    let writer = MarkedWriter::new(record(Making::Generated, Vec::new()), place.signer());
    let small = writer.write_still(Synthetic::new(scene(100, 300, 0)), &place.path("small.png"));
    assert!(matches!(small, Err(ProvenanceError::Watermark(_))));
    let odd = writer.write_still(Synthetic::new(scene(256, 256, 0)), &place.path("a.bmp"));
    assert!(matches!(odd, Err(ProvenanceError::Format { .. })));
    let nowhere = writer.write_still(Synthetic::new(scene(256, 256, 0)), &place.path("no/such/folder/a.png"));
    assert!(matches!(nowhere, Err(ProvenanceError::Io { .. })), "{:?}", nowhere.err());
    let missing = SourceUsed { path: place.path("gone.png"), role: "source".into() };
    let writer = MarkedWriter::new(record(Making::Altered, vec![missing]), place.signer());
    assert!(writer.write_still(Synthetic::new(scene(256, 256, 0)), &place.path("a.png")).is_err());
    assert_eq!(place.names(), ["keys"]);
}

#[test]
fn sheets_and_previews_are_marked_or_refused() {
    let place = Place::new();
    let about = record(Making::Generated, Vec::new());
    let faces =
        |count: u32, side: u32| (0..count).map(|i| Synthetic::new(scene(side, side, 9 * i))).collect::<Vec<_>>();
    // Nine faces of 64 px, none of which could carry a mark by itself.
    let alone = MarkedWriter::preview(Synthetic::new(scene(64, 64, 0)), &about);
    assert!(matches!(alone, Err(ProvenanceError::Watermark(_))));
    let sheet = || Synthetic::sheet(faces(9, 64), 3).unwrap();
    let preview = MarkedWriter::preview(sheet(), &about).unwrap();
    assert!(assay_provenance::watermark::read(&preview).unwrap().id.is_some());
    let path = place.path("sheet.png");
    MarkedWriter::new(about.clone(), place.signer()).write_still(sheet(), &path).unwrap();
    assert!(verify(&path, &Trust::default()).unwrap().marks.contradictions.is_empty());
    // A large one of another shape, and one that is too small.
    MarkedWriter::preview(Synthetic::sheet(faces(24, 128), 8).unwrap(), &about).unwrap();
    let small = Synthetic::sheet(faces(4, 64), 4).unwrap();
    assert!(matches!(MarkedWriter::preview(small, &about), Err(ProvenanceError::Watermark(_))));
}

#[test]
fn formats_without_manifest_get_one_clear_error() {
    let place = Place::new();
    let words = Claim { text: "mine".into(), source_type: None };
    for name in ["clip.mkv", "clip.webm", "clip.ts"] {
        let clip = place.path(name);
        ffmpeg(&["-f", "lavfi", "-i", "testsrc=d=1:s=128x96", clip.to_str().unwrap()]);
        let error = claim(&clip, &place.path(&format!("out-{name}")), &words, &place.signer()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("cannot hold a manifest"), "{error}");
    }
    let bitmap = place.path("photo.bmp");
    scene(200, 200, 0).save(&bitmap).unwrap();
    let error = claim(&bitmap, &place.path("out.bmp"), &words, &place.signer()).unwrap_err().to_string();
    assert!(error.contains("photo.bmp") && error.contains("bmp files cannot hold a manifest"), "{error}");
    let shape = ClipShape { width: 256, height: 192, frame_secs: 0.04 };
    for name in ["made.mkv", "made.webm", "made"] {
        let writer = MarkedWriter::new(record(Making::Altered, Vec::new()), place.signer());
        let error = writer.start_clip(&place.path(name), shape, None).err().unwrap().to_string();
        assert!(error.contains(name) && error.contains("written as .mp4"), "{error}");
    }
    assert_eq!(place.names(), ["clip.mkv", "clip.ts", "clip.webm", "keys", "photo.bmp"]);
}

#[test]
fn abandoned_clips_leave_nothing() {
    let place = Place::new();
    let shape = ClipShape { width: 256, height: 192, frame_secs: 0.04 };
    let start = || {
        let writer = MarkedWriter::new(record(Making::Altered, Vec::new()), place.signer());
        writer.start_clip(&place.path("a.mp4"), shape, None).unwrap()
    };
    let mut clip = start();
    clip.push(Synthetic::new(scene(256, 192, 0)), 0.0).unwrap();
    assert!(clip.push(Synthetic::new(scene(256, 192, 0)), 0.0).is_err(), "a time twice");
    assert!(clip.push(Synthetic::new(scene(256, 190, 0)), 1.0).is_err(), "another size");
    assert!(clip.push(Synthetic::new(scene(256, 192, 0)), f64::NAN).is_err(), "no time");
    drop(clip);
    assert!(start().finish().is_err(), "no frame");
    assert_eq!(place.names(), ["keys"]);
}

#[test]
fn changed_stripped_and_exchanged_files_are_found_out() {
    let place = Place::new();
    let writer = MarkedWriter::new(record(Making::Generated, Vec::new()), place.signer());
    let (a, b) = (place.path("a.png"), place.path("b.png"));
    writer.write_still(Synthetic::new(scene(320, 256, 0)), &a).unwrap();
    writer.write_still(Synthetic::new(scene(320, 256, 9)), &b).unwrap();
    let bytes = fs::read(&a).unwrap();
    let mut changed = bytes.clone();
    // Within the picture data, whose checksum then fails for a strict decoder; the text chunk
    // before it does as well for C2PA.
    let at = changed.windows(4).position(|w| w == b"IHDR").unwrap();
    changed.splice(
        at + 17 + 4..at + 17 + 4,
        [0, 0, 0, 4, b't', b'E', b'X', b't', b'a', 0, b'b', b'c', 0x7B, 0x4B, 0xC9, 0x8B],
    );
    fs::write(place.path("changed.png"), &changed).unwrap();
    let found = verify(&place.path("changed.png"), &Trust::default());
    assert!(found.is_ok_and(|f| f.marks.manifest.state == ManifestState::Invalid));
    // Saved anew: the manifest is gone, watermark and label remain.
    let stripped = place.path("stripped.jpg");
    image::open(&a).unwrap().into_rgb8().save(&stripped).unwrap();
    let found = verify(&stripped, &Trust::default()).unwrap();
    assert_eq!(found.marks.manifest.state, ManifestState::None);
    assert!(found.marks.watermark.id.is_some() && found.marks.label.found && !found.marks.contradictions.is_empty());
    // One picture's manifest beside the other's pixels.
    let sidecar = place.path("stripped.c2pa");
    fs::write(&sidecar, b"not a manifest").unwrap();
    assert_eq!(verify(&stripped, &Trust::default()).unwrap().marks.manifest.state, ManifestState::Invalid);
}

#[test]
fn claims_keep_pixels_and_parents_and_refuse_generated_media() {
    let place = Place::new();
    let (photo, signed, again) = (place.path("photo.png"), place.path("signed.png"), place.path("again.png"));
    scene(300, 260, 0).save(&photo).unwrap();
    let words = Claim { text: "taken by me".into(), source_type: None };
    let first = claim(&photo, &signed, &words, &place.signer()).unwrap();
    assert_eq!(first.marks.manifest.state, ManifestState::ValidUnknownIssuer, "{:?}", first.marks.manifest);
    assert_eq!(first.marks.manifest.record.unwrap()["claim"], "taken by me");
    assert_eq!(image::open(&photo).unwrap(), image::open(&signed).unwrap());
    let second = claim(&signed, &again, &words, &place.signer()).unwrap();
    assert_eq!(second.marks.manifest.ingredients.len(), 1, "the first claim is the parent");
    let writer = MarkedWriter::new(record(Making::Generated, Vec::new()), place.signer());
    let made = place.path("made.png");
    writer.write_still(Synthetic::new(scene(300, 260, 0)), &made).unwrap();
    let refused = claim(&made, &place.path("x.png"), &words, &place.signer());
    assert!(matches!(refused, Err(ProvenanceError::MarkedAsGenerated { .. })));
    // Without its manifest, by the watermark.
    let bare = place.path("bare.png");
    image::open(&made).unwrap().save(&bare).unwrap();
    let refused = claim(&bare, &place.path("x.png"), &words, &place.signer());
    assert!(matches!(refused, Err(ProvenanceError::MarkedAsGenerated { .. })));
    assert!(!place.names().iter().any(|n| n.starts_with('x') || n.starts_with('.')));
}
