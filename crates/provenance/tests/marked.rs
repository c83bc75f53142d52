//! From a generator's hands to a file and back: all marks, or no file.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]
use std::fs;
use std::path::{Path, PathBuf};

use assay_evidence::{ManifestState, ManifestWhere};
use assay_provenance::{
    Claim, ClipShape, Making, MarkedWriter, ProvenanceError, Record, Signer, SourceUsed, Synthetic, Trust, WeightsUsed,
    claim, verify,
};
use scene::scene;

#[path = "../src/scene.rs"]
mod scene;

fn record(making: Making, sources: Vec<SourceUsed>) -> Record {
    Record {
        making,
        generator: "test".into(),
        weights: vec![WeightsUsed { id: "none".into(), sha256: "0".repeat(64) }],
        settings: serde_json::json!({ "strength": 0.5 }),
        seed: Some(7),
        sources,
    }
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn signer(&self) -> Signer {
        Signer::own(Some(&self.path("keys"))).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(self.folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

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

fn write_clip(place: &Place, name: &str, times: &[f64], sound: Option<&Path>) -> PathBuf {
    let path = place.path(name);
    let writer = MarkedWriter::new(record(Making::Altered, Vec::new()), place.signer());
    let shape = ClipShape { width: 256, height: 192, frame_secs: 0.04 };
    let mut clip = writer.start_clip(&path, shape, sound).unwrap();
    for (at, time) in times.iter().enumerate() {
        clip.push(Synthetic::new(scene(256, 192, at as u32)), *time).unwrap();
    }
    clip.finish().unwrap();
    path
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

/// A full disk, as far as a process can have one: no file may grow beyond a limit. Run in a child because the limit holds for the whole process.
#[test]
fn a_full_disk_leaves_nothing_behind() {
    const CHILD: &str = "ASSAY_TEST_FULL_DISK";
    if let Some(folder) = std::env::var_os(CHILD) {
        let folder = PathBuf::from(folder);
        let writer = || {
            MarkedWriter::new(record(Making::Generated, Vec::new()), Signer::own(Some(&folder.join("keys"))).unwrap())
        };
        let still = writer().write_still(Synthetic::new(scene(256, 256, 0)), &folder.join("a.png"));
        let error = still.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("a.png"), "{error}");
        let shape = ClipShape { width: 256, height: 192, frame_secs: 0.04 };
        let mut clip = writer().start_clip(&folder.join("a.mp4"), shape, None).unwrap();
        let failed = (0..40).find_map(|i| clip.push(Synthetic::new(scene(256, 192, i)), f64::from(i) * 0.04).err());
        let error = failed.map_or_else(|| clip.finish().err(), Some).map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("a.mp4"), "{error}");
        return;
    }
    let place = Place::new();
    drop(place.signer());
    let test = std::env::current_exe().unwrap();
    // 16 blocks of 1024 bytes; the signal for a file that grows too large is left out so that the write fails as on a full disk.
    let script = format!(
        "ulimit -f 16; trap '' XFSZ; exec '{}' a_full_disk_leaves_nothing_behind --exact --nocapture",
        test.display()
    );
    let output =
        std::process::Command::new("bash").args(["-c", &script]).env(CHILD, place.folder.path()).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
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
    // Within the picture data, whose checksum then fails for a strict decoder; the text chunk before it does as well for C2PA.
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
