//! The maker of planted forgeries, end to end on drawn photos: twins, splits, qualities,
//! determinism.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
use assay_material::planted::{Clip, Edit, Index, Item, Kind, Photo, QUALITIES, Split, Wanted, make, make_clips};
use assay_material::{ffmpeg, saving, scene};
use assay_media::{NoProgress, Progress};
use image::{GrayImage, RgbImage};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Drawn photos in three folders: persons who recur across folders, every third of them for the
/// test, and nameless ones.
fn sources() -> &'static (tempfile::TempDir, Vec<Photo>) {
    static FOLDER: OnceLock<(tempfile::TempDir, Vec<Photo>)> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let root = tempfile::tempdir().unwrap();
        let mut photos = Vec::new();
        let mut seed = 0;
        for (folder, name) in [("faces/lfw250", "Person"), ("landmarks/ytfaces68", "Person"), ("nonface/bsds", "")] {
            let place = root.path().join(folder);
            std::fs::create_dir_all(&place).unwrap();
            for i in 0..8 {
                seed += 1;
                let (file, group, owner) = if name.is_empty() {
                    (format!("{i}.jpg"), format!("file:{folder}/{i}.jpg"), i)
                } else {
                    let letter = char::from(b'A' + (i % 6) as u8);
                    (format!("{name}_{letter}_{i:02}.jpg"), format!("person:{name}_{letter}"), i % 6)
                };
                let photo = scene::photograph(seed, 176 + 8 * (i % 3), 152);
                std::fs::write(place.join(&file), saving::jpeg_bytes(&photo, 93).unwrap()).unwrap();
                photos.push(Photo {
                    path: place.join(&file),
                    relative: format!("{folder}/{file}"),
                    folder: folder.to_owned(),
                    group,
                    split: if owner % 3 == 1 { Split::Test } else { Split::Calibration },
                    is_face: !name.is_empty(),
                });
            }
        }
        (root, photos)
    })
}

fn wanted(out: &Path) -> Wanted {
    Wanted { out: out.to_owned(), seed: 2026, pairs_calibration: 48, pairs_test: 20 }
}

fn made() -> &'static (tempfile::TempDir, Index) {
    static MADE: OnceLock<(tempfile::TempDir, Index)> = OnceLock::new();
    MADE.get_or_init(|| {
        let out = tempfile::tempdir().unwrap();
        let index = make(&sources().1, &wanted(out.path()), &NoProgress).unwrap();
        (out, index)
    })
}

fn open(file: &str) -> RgbImage {
    image::open(made().0.path().join(file)).unwrap().into_rgb8()
}

fn pairs() -> impl Iterator<Item = (&'static Item, &'static Item)> {
    let index = &made().1;
    index.items.iter().filter(|item| item.forged).map(move |forged| (forged, index.get(&forged.twin).unwrap()))
}

/// Luma quantisation table of a JPEG file, in zigzag order.
fn luma_table(bytes: &[u8]) -> Vec<u8> {
    let mut at = 2;
    while bytes[at] == 0xFF {
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        if bytes[at + 1] == 0xDB && bytes[at + 4] == 0 {
            return bytes[at + 5..at + 69].to_vec();
        }
        at += 2 + length;
    }
    panic!("no quantisation table");
}

#[test]
fn the_qualities_are_really_in_the_files() {
    // T.81 table K.1, zigzag order, scaled as the IJG library does.
    const K1: [u32; 64] = [
        16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51,
        61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77,
        113, 121, 112, 100, 120, 92, 101, 103, 99,
    ];
    let mut seen = BTreeSet::new();
    for item in &made().1.items {
        let bytes = std::fs::read(made().0.path().join(&item.file)).unwrap();
        let scale = 200 - 2 * u32::from(item.quality);
        let expected: Vec<u8> = K1.iter().map(|v| ((v * scale + 50) / 100).clamp(1, 255) as u8).collect();
        assert_eq!(luma_table(&bytes), expected, "{}", item.id);
        seen.insert(item.quality);
    }
    assert_eq!(seen, QUALITIES.into());
}

#[test]
fn twins_are_equal_away_from_the_edit_and_differ_in_it() {
    for (forged, pristine) in pairs() {
        let mask: GrayImage = image::open(made().0.path().join(forged.mask.as_ref().unwrap())).unwrap().into_luma8();
        let (a, b) = (open(&forged.file), open(&pristine.file));
        assert_eq!(a.dimensions(), b.dimensions());
        assert_eq!(mask.dimensions(), a.dimensions());
        // Compression spreads a change over its 16x16 unit, chroma enlargement a little further, a
        // soft edge some pixels more.
        let reach = 28i64;
        let (mut left, mut top, mut right, mut bottom) = (i64::MAX, i64::MAX, 0, 0);
        for (x, y, _) in mask.enumerate_pixels().filter(|(_, _, v)| v[0] == 255) {
            (left, top) = (left.min(i64::from(x)), top.min(i64::from(y)));
            (right, bottom) = (right.max(i64::from(x)), bottom.max(i64::from(y)));
        }
        let mut inside = Vec::new();
        for (x, y, pixel) in a.enumerate_pixels() {
            let (xi, yi) = (i64::from(x), i64::from(y));
            let near = xi >= left - reach && xi <= right + reach && yi >= top - reach && yi <= bottom + reach;
            if !near {
                assert_eq!(pixel, b.get_pixel(x, y), "{} at {x},{y}", forged.id);
            }
            if mask.get_pixel(x, y)[0] == 255 {
                inside.push(f64::from(pixel[1].abs_diff(b.get_pixel(x, y)[1])));
            }
        }
        let change = inside.iter().sum::<f64>() / inside.len() as f64;
        let least = if forged.kind == Kind::LocalResave { 0.05 } else { 2.0 };
        assert!(change > least, "{} ({:?}) changes by {change}", forged.id, forged.edit);
        let share = forged.edited_share.unwrap();
        assert!((0.03..=0.25).contains(&share));
        assert!((inside.len() as f64 / f64::from(a.width() * a.height()) - share).abs() < 1e-6);
    }
}

#[test]
fn a_pristine_twin_is_its_source_saved_once_more() {
    let (_, pristine) = pairs().next().unwrap();
    let source = image::open(sources().0.path().join(&pristine.source)).unwrap().into_rgb8();
    let bytes = std::fs::read(made().0.path().join(&pristine.file)).unwrap();
    assert_eq!(bytes, saving::jpeg_bytes(&source, pristine.quality).unwrap());
}

#[test]
fn the_splits_share_no_person_and_no_photo() {
    let mut side: BTreeMap<String, BTreeSet<Split>> = BTreeMap::new();
    let groups: BTreeMap<String, String> =
        sources().1.iter().map(|photo| (photo.relative.clone(), photo.group.clone())).collect();
    for item in &made().1.items {
        for source in [Some(&item.source), item.donor.as_ref()].into_iter().flatten() {
            side.entry(groups[source].clone()).or_default().insert(item.split);
        }
        assert_ne!(item.donor.as_ref().map(|donor| &groups[donor]), Some(&item.group), "{}", item.id);
    }
    assert!(side.values().all(|splits| splits.len() == 1), "{side:?}");
    assert!(made().1.of(Split::Test).count() > 0 && made().1.of(Split::Calibration).count() > 0);
}

#[test]
fn pairs_are_balanced_over_kinds_qualities_and_folders() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for item in made().1.of(Split::Calibration).filter(|item| item.forged) {
        for key in [item.kind.name().to_owned(), format!("q{}", item.quality), item.folder.clone()] {
            *counts.entry(key).or_default() += 1;
        }
    }
    for (key, count) in counts {
        let fair = if key.contains('/') { 16 } else { 12 };
        assert!(count.abs_diff(fair) <= 3, "{key}: {count}");
    }
}

#[test]
fn no_photo_makes_the_same_pristine_file_twice() {
    let pristine: Vec<(&str, u8)> =
        made().1.items.iter().filter(|item| !item.forged).map(|item| (item.source.as_str(), item.quality)).collect();
    assert_eq!(pristine.iter().collect::<BTreeSet<_>>().len(), pristine.len());
}

#[test]
fn the_same_seed_makes_the_same_bytes_on_any_number_of_threads() {
    let again = tempfile::tempdir().unwrap();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let index = one.install(|| make(&sources().1, &wanted(again.path()), &NoProgress)).unwrap();
    assert_eq!(index, made().1);
    for item in &index.items {
        for file in [Some(&item.file), item.mask.as_ref(), item.copied_from_mask.as_ref()].into_iter().flatten() {
            let read = |root: &Path| std::fs::read(root.join(file)).unwrap();
            assert!(read(again.path()) == read(made().0.path()), "{file}");
        }
    }
}

#[test]
fn the_index_reads_back_and_refuses_other_schemas() {
    assert!(Index::load(made().0.path()).unwrap() == made().1);
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join(Index::FILE), r#"{"schema":"x","maker":"","seed":1,"items":[]}"#).unwrap();
    let refusal = Index::load(other.path()).unwrap_err().to_string();
    assert!(refusal.contains("schema x"), "{refusal}");
    assert!(Index::load(&other.path().join("absent")).is_err());
}

#[test]
fn no_photos_are_an_error() {
    let empty = tempfile::tempdir().unwrap();
    assert!(make(&[], &wanted(empty.path()), &NoProgress).unwrap_err().to_string().contains("no source photos"));
    assert!(make_clips(&[], &wanted(empty.path()), &NoProgress).is_err());
}

#[test]
fn a_cancelled_run_leaves_no_index() {
    struct Stop;
    impl Progress for Stop {
        fn update(&self, _: &str, _: u64, _: u64) {}
        fn cancelled(&self) -> bool {
            true
        }
    }
    let out = tempfile::tempdir().unwrap();
    assert!(make(&sources().1, &wanted(out.path()), &Stop).is_err());
    assert!(!out.path().join(Index::FILE).exists());
}

#[test]
fn planted_clips_keep_their_length_and_hold_the_edit_they_name() {
    if std::process::Command::new("ffmpeg").arg("-version").output().is_err() {
        println!("SKIPPED: ffmpeg is not installed");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let mut clips = Vec::new();
    for clip in 0..3usize {
        // The frame's number can be read from its brightness.
        let frames: Vec<Vec<u8>> = (0..130).map(|n| level_frame(40 + n)).collect();
        let shape = ffmpeg::Frames { width: 64, height: 48, rate: (25, 1), frames: Vec::new() };
        let relative = format!("clip{clip}.mp4");
        let path = root.path().join(&relative);
        ffmpeg::encode(&path, &shape, frames.iter().map(Vec::as_slice), 10).unwrap();
        let (group, split) = (format!("file:{relative}"), if clip == 1 { Split::Test } else { Split::Calibration });
        clips.push(Clip { path, relative, folder: "clips".into(), group, split, left_half: false });
    }
    let out = tempfile::tempdir().unwrap();
    let index = make_clips(&clips, &wanted(out.path()), &NoProgress).unwrap();
    assert_eq!(Index::load_clips(out.path()).unwrap(), index);
    let levels = |file: &str| -> Vec<i32> {
        let clip = ffmpeg::decode(&PathBuf::from(out.path()).join(file), false, 0.0, 10.0).unwrap();
        clip.frames.iter().map(|frame| i32::from(frame[64 * 24 + 32]) - 40).collect()
    };
    let near = |a: i32, b: i32| (a - b).abs() <= 2;
    for forged in index.items.iter().filter(|item| item.forged) {
        let twin = index.get(&forged.twin).unwrap();
        assert_eq!((twin.split, twin.forged), (forged.split, false));
        let (edited, plain) = (levels(&forged.file), levels(&twin.file));
        assert_eq!((edited.len(), plain.len()), (75, 75), "{}", forged.id);
        let cut = (forged.edited_secs[0][0] * 25.0).round() as usize;
        assert!(near(edited[cut - 1], cut as i32 - 1));
        match forged.edit.as_ref().unwrap() {
            Edit::FrameDrop { first_frame, frames } => {
                assert_eq!(*first_frame as usize, cut);
                assert!((8..=25).contains(frames) && near(edited[cut], (cut as u32 + frames) as i32), "{}", forged.id);
            }
            Edit::FrameDuplicate { first_frame, frames, frozen } => {
                let last = if *frozen { *first_frame } else { first_frame + frames - 1 };
                assert!(near(edited[cut + *frames as usize - 1], last as i32), "{}", forged.id);
                assert!(near(edited[cut + *frames as usize], cut as i32), "{}", forged.id);
            }
            Edit::SpliceInTime { frames, donor_start_secs, .. } => {
                assert!(near(edited[cut], (donor_start_secs * 25.0).ceil() as i32), "{}", forged.id);
                assert!(near(edited[cut + *frames as usize], cut as i32), "{}", forged.id);
            }
            other => panic!("{other:?} in a clip"),
        }
    }
    let kinds: BTreeSet<&str> = index.items.iter().filter(|i| i.forged).map(|i| i.kind.name()).collect();
    assert!(kinds.contains("frame_drop") && kinds.contains("frame_duplicate"), "{kinds:?}");
}

fn level_frame(level: u8) -> Vec<u8> {
    let mut frame = vec![level; 64 * 48];
    frame.extend(vec![128; 64 * 48 / 2]);
    frame
}
