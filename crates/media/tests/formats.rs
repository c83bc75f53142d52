//! Every container and codec that Assay promises to read: frame counts, times, rotation, and that
//! frames reached by seeking are the same as those of one continuous pass.
mod common;

use assay_evidence::{MediaKind, Span};
use assay_media::{FramePlan, FrameSamples, Limits, NoProgress, Source};
use common::{Keeper, clip, ffmpeg, have_encoder, have_ffmpeg};

/// Name, encoder, its options, format, codec.
const CLIPS: &[(&str, &str, &str, &str, &str)] = &[
    ("h264.mp4", "libx264", "-c:v libx264 -preset veryfast -bf 2 -g 12 -pix_fmt yuv420p", "mp4", "h264"),
    ("prores.mov", "prores_ks", "-c:v prores_ks -profile:v 2", "mov", "prores"),
    (
        "hevc.mkv",
        "libx265",
        "-c:v libx265 -preset ultrafast -g 12 -bf 3 -x265-params log-level=none -pix_fmt yuv420p",
        "matroska",
        "hevc",
    ),
    ("vp9.webm", "libvpx-vp9", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 12", "webm", "vp9"),
    ("vp8.webm", "libvpx", "-c:v libvpx -deadline realtime -cpu-used 8 -g 12", "webm", "vp8"),
    ("mjpeg.avi", "mjpeg", "-c:v mjpeg -q:v 3", "avi", "mjpeg"),
    ("mpeg4.avi", "mpeg4", "-c:v mpeg4 -g 12 -q:v 3", "avi", "mpeg4"),
    ("mpeg4_b.avi", "mpeg4", "-c:v mpeg4 -g 12 -bf 2 -q:v 3", "avi", "mpeg4"),
    ("h264.avi", "libx264", "-c:v libx264 -preset veryfast -bf 2 -g 12 -pix_fmt yuv420p", "avi", "h264"),
    ("h264.ts", "libx264", "-c:v libx264 -preset veryfast -g 12 -pix_fmt yuv420p", "mpegts", "h264"),
    ("av1.mkv", "libsvtav1", "-c:v libsvtav1 -preset 12 -g 12", "matroska", "av1"),
    (
        "ten_bit.mp4",
        "libx265",
        "-c:v libx265 -preset ultrafast -g 12 -x265-params log-level=none -pix_fmt yuv420p10le",
        "mp4",
        "hevc",
    ),
    ("full_colour.mp4", "libx264", "-c:v libx264 -preset veryfast -g 12 -pix_fmt yuv444p", "mp4", "h264"),
    ("colours.gif", "gif", "", "gif", "gif"),
    ("animation.apng.png", "apng", "-f apng -plays 0", "apng", "apng"),
];

#[test]
fn every_format_gives_all_frames_in_time() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (name, encoder, coding, format, codec) in CLIPS {
        if !have_encoder(encoder) {
            continue;
        }
        let path = clip(folder.path(), name, coding);
        let source = Source::open(&path, &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((source.format(), source.kind()), (*format, MediaKind::Video), "{name}");
        assert_eq!(source.coded_size(), (160, 120), "{name}");
        assert_eq!(source.video().expect("streams").main_stream().codec, *codec, "{name}");
        let packets = source.packets().unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut all = Keeper::new(FramePlan::All, FrameSamples::Yuv);
        let summary =
            source.decode_with(&packets, &mut [&mut all], &NoProgress).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(all.indices(), (0..50).collect::<Vec<_>>(), "{name}: {summary:?}");
        assert_eq!((summary.frames, summary.passes), (50, 1), "{name}");
        let start = all.kept[0].pts_secs;
        for frame in &all.kept {
            let expected = frame.index as f64 / 25.0;
            assert!(
                (frame.pts_secs - start - expected).abs() < 0.0011,
                "{name}: frame {} at {}",
                frame.index,
                frame.pts_secs
            );
        }
        assert!(all.kept[0].key, "{name}");
        assert!(all.kept.windows(2).all(|pair| pair[0].sha256 != pair[1].sha256), "{name}: the pattern moves");
        assert_eq!(packets.hashes.len(), 1, "{name}");
        assert_eq!(packets.hashes[0].sha256.len(), 64, "{name}");
    }
}

#[test]
fn plans_give_the_same_frames_as_one_continuous_pass() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    // One of each way of seeking and of not seeking: an index, cues, time stamps to search, and no
    // presentation times at all.
    let names = ["h264.mp4", "hevc.mkv", "h264.ts", "mpeg4_b.avi"];
    for (name, encoder, coding, ..) in CLIPS.iter().filter(|clip| names.contains(&clip.0)) {
        if !have_encoder(encoder) {
            continue;
        }
        // Large enough that seeking pays: a decoder start is worth some 87 frames at this size.
        let path = folder.path().join(name);
        let coding = coding.replace("veryfast", "ultrafast");
        ffmpeg(&format!("-f lavfi -i testsrc2=s=1280x720:r=25:d=12 {coding}"), &path);
        let source = Source::open(&path, &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let packets = source.packets().unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut all = Keeper::new(FramePlan::All, FrameSamples::Yuv);
        source.decode_with(&packets, &mut [&mut all], &NoProgress).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut few = Keeper::new(FramePlan::EvenlySpaced(3), FrameSamples::Yuv);
        let window =
            FramePlan::Windows(vec![Span { start_secs: all.kept[200].pts_secs, end_secs: all.kept[210].pts_secs }]);
        let mut window = Keeper::new(window, FrameSamples::Luma);
        let summary = source
            .decode_with(&packets, &mut [&mut few, &mut window], &NoProgress)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        println!("{name}: {summary:?}");
        assert_eq!(few.kept.len(), 3, "{name}");
        assert_eq!(summary.passes > 1, *name != "mpeg4_b.avi", "{name}: {summary:?}");
        assert_eq!(window.indices(), (200..=210).collect::<Vec<_>>(), "{name}");
        for kept in few.kept.iter().chain(&window.kept) {
            let same = &all.kept[kept.index as usize];
            assert!(kept == same, "{name}: frame {} differs after seeking", kept.index);
        }
        let mut second = Keeper::new(FramePlan::EveryKth(2), FrameSamples::Luma);
        source.decode_with(&packets, &mut [&mut second], &NoProgress).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(second.indices(), (0..300).step_by(2).collect::<Vec<_>>(), "{name}: 150 runs in one expression");
        let mut luma = Keeper::new(FramePlan::EveryKth(70), FrameSamples::Luma);
        source.decode_with(&packets, &mut [&mut luma], &NoProgress).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(luma.indices(), [0, 70, 140, 210, 280], "{name}");
        for kept in &luma.kept {
            assert!(
                kept.luma == all.kept[kept.index as usize].luma,
                "{name}: luma of frame {} depends on the readers",
                kept.index
            );
        }
    }
}

#[test]
fn variable_frame_rate_keeps_its_times() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let kept = |n: &u32| n.is_multiple_of(3) || *n > 30;
    for name in ["vfr.mp4", "vfr.mkv"] {
        let path = folder.path().join(name);
        let select =
            "-vf select=not(mod(n\\,3))+gt(n\\,30) -fps_mode vfr -c:v libx264 -preset veryfast -bf 2 -pix_fmt yuv420p";
        ffmpeg(&format!("-f lavfi -i testsrc2=s=160x120:r=25:d=2 {select}"), &path);
        let source = Source::open(&path, &Limits::default()).expect("opens");
        let mut all = Keeper::new(FramePlan::All, FrameSamples::Luma);
        source.decode(&mut [&mut all], &NoProgress).expect("decodes");
        let expected: Vec<f64> = (0..50).filter(kept).map(|n| f64::from(n) / 25.0).collect();
        assert_eq!(all.kept.len(), expected.len(), "{name}");
        for (frame, secs) in all.kept.iter().zip(expected) {
            assert!(
                (frame.pts_secs - secs).abs() < 0.0011,
                "{name}: frame {} at {} instead of {secs}",
                frame.index,
                frame.pts_secs
            );
        }
    }
}

#[test]
fn rotation_is_given_and_not_applied() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let plain = clip(folder.path(), "plain.mp4", "-c:v libx264 -preset veryfast -pix_fmt yuv420p");
    for degrees in [90, 180, 270] {
        let path = folder.path().join(format!("turned_{degrees}.mp4"));
        ffmpeg(&format!("-i {} -c copy -metadata:s:v rotate={degrees}", plain.display()), &path);
        let source = Source::open(&path, &Limits::default()).expect("opens");
        assert_eq!(source.coded_size(), (160, 120));
        let mut first =
            Keeper::new(FramePlan::Windows(vec![Span { start_secs: 0.0, end_secs: 0.0 }]), FrameSamples::Luma);
        source.decode(&mut [&mut first], &NoProgress).expect("decodes");
        let (ours, ..) = source.orientation().turn(&first.kept[0].luma, 160, 120);
        // What a player shows: ffmpeg turns by itself.
        let shown = folder.path().join("shown.gray");
        ffmpeg(&format!("-i {} -frames:v 1 -vf extractplanes=y -f rawvideo", path.display()), &shown);
        assert!(ours == std::fs::read(shown).expect("reads"), "turned by {degrees}");
    }
}

#[test]
fn frames_that_an_edit_list_cuts_off_have_no_place() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let plain = clip(folder.path(), "plain.mp4", "-c:v libx264 -preset veryfast -bf 2 -g 12 -pix_fmt yuv420p");
    let path = folder.path().join("cut.mp4");
    ffmpeg(&format!("-ss 0.3 -i {} -c copy", plain.display()), &path);
    let whole = Source::open(&plain, &Limits::default()).expect("opens");
    let source = Source::open(&path, &Limits::default()).expect("opens");
    let packets = source.packets().expect("packets");
    let stream = &packets.streams[0];
    assert!(stream.packets.iter().any(|p| p.discarded), "ffmpeg cut with an edit list");
    let mut all = Keeper::new(FramePlan::All, FrameSamples::Luma);
    let mut uncut = Keeper::new(FramePlan::All, FrameSamples::Luma);
    let summary = source.decode_with(&packets, &mut [&mut all], &NoProgress).expect("decodes");
    whole.decode(&mut [&mut uncut], &NoProgress).expect("decodes");
    assert_eq!((all.kept.len(), summary.before_first_key), (stream.presentation.len(), 0));
    let skipped = uncut.kept.len() - all.kept.len();
    assert!((7..=8).contains(&skipped), "0.3 s are 7 or 8 frames, not {skipped}");
    for (ours, theirs) in all.kept.iter().zip(&uncut.kept[skipped..]) {
        assert!(ours.luma == theirs.luma, "frame {}", ours.index);
    }
}

#[test]
fn ten_bits_become_eight_without_dither_or_range_conversion() {
    if !have_ffmpeg() || !have_encoder("libx265") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for range in ["tv", "pc"] {
        let coding = format!(
            "-c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv420p10le -color_range {range}"
        );
        let path = clip(folder.path(), &format!("{range}.mp4"), &coding);
        let source = Source::open(&path, &Limits::default()).expect("opens");
        let mut all = Keeper::new(FramePlan::EveryKth(10), FrameSamples::Yuv);
        source.decode(&mut [&mut all], &NoProgress).expect("decodes");
        let deep = folder.path().join("deep.raw");
        ffmpeg(&format!("-i {} -vf extractplanes=y -pix_fmt gray10le -f rawvideo", path.display()), &deep);
        let deep = std::fs::read(deep).expect("reads");
        for kept in &all.kept {
            let at = kept.index as usize * 160 * 120 * 2;
            let wide =
                deep[at..at + 160 * 120 * 2].chunks_exact(2).map(|b| f64::from(u16::from_le_bytes([b[0], b[1]])) / 4.0);
            let worst = wide.zip(&kept.luma).map(|(exact, ours)| (exact - f64::from(*ours)).abs()).fold(0.0, f64::max);
            assert!(worst <= 0.75, "range {range}: frame {} differs by {worst}", kept.index);
        }
    }
}

#[test]
fn the_first_error_of_a_reader_ends_the_pass() {
    struct Fussy(u32);
    impl assay_media::FrameReader for Fussy {
        fn plan(&self) -> FramePlan {
            FramePlan::All
        }
        fn samples(&self) -> FrameSamples {
            FrameSamples::Luma
        }
        fn read(&mut self, frame: &assay_media::Frame) -> Result<(), assay_media::MediaError> {
            self.0 += 1;
            if frame.index < 3 { Ok(()) } else { Err(assay_media::MediaError::OverLimit("enough".into())) }
        }
    }
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", "-c:v libx264 -preset veryfast -pix_fmt yuv420p");
    let source = Source::open(&path, &Limits::default()).expect("opens");
    let mut fussy = Fussy(0);
    let error = source.decode(&mut [&mut fussy], &NoProgress).expect_err("a reader's error").to_string();
    assert!(error.contains("enough") && fussy.0 == 4, "{error}");
}

#[test]
fn still_formats_keep_their_samples() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = image::RgbImage::from_fn(37, 23, |x, y| image::Rgb([(x * 6) as u8, (y * 11) as u8, (x + y) as u8]));
    for name in ["a.png", "a.webp", "a.tiff", "a.bmp"] {
        let path = folder.path().join(name);
        picture.save(&path).expect("saves");
        let source = Source::open(&path, &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((source.kind(), source.coded_size()), (MediaKind::Image, (37, 23)), "{name}");
        assert!(source.picture().expect("decodes") == picture, "{name}");
    }
    let path = folder.path().join("deep.png");
    let deep = image::ImageBuffer::from_fn(9, 9, |x, y| image::Rgba([x as u16 * 7000, y as u16 * 7000, 255, 40]));
    image::DynamicImage::ImageRgba16(deep).save(&path).expect("saves");
    let source = Source::open(&path, &Limits::default()).expect("opens");
    assert_eq!(source.picture().expect("decodes").get_pixel(8, 4).0, [(56000 >> 8) as u8, (28000 >> 8) as u8, 0]);
    let facts = format!("{:?}", source.facts());
    assert!(facts.contains("alpha channel is present") && facts.contains("more than 8 bits"), "{facts}");
}

#[test]
fn heif_and_avif_come_through_the_child() {
    let convert = |from: &std::path::Path, to: &std::path::Path, av1: bool| {
        let mut command = std::process::Command::new("heif-enc");
        command.args(av1.then_some("-A")).arg(from).arg("-o").arg(to).output().is_ok_and(|o| o.status.success())
    };
    let folder = tempfile::tempdir().expect("a folder");
    let plain = folder.path().join("plain.png");
    let picture = image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([(x * 4) as u8, (y * 5) as u8, 128]));
    picture.save(&plain).expect("saves");
    for (name, format, av1) in [("a.heic", "heif", false), ("a.avif", "avif", true)] {
        let path = folder.path().join(name);
        if !convert(&plain, &path, av1) {
            eprintln!("SKIPPED: no heif-enc that writes {format}");
            continue;
        }
        let source = Source::open(&path, &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(
            (source.format(), source.coded_size(), source.kind()),
            (format, (64, 48), MediaKind::Image),
            "{name}"
        );
        let decoded = match source.picture() {
            Err(assay_media::MediaError::MissingProgram(program)) => {
                eprintln!("SKIPPED: {program} is not installed");
                continue;
            }
            other => other.unwrap_or_else(|e| panic!("{name}: {e}")),
        };
        let error: u64 = decoded.as_raw().iter().zip(picture.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = error as f64 / picture.as_raw().len() as f64;
        assert!(mean < 8.0, "{name}: mean difference {mean}");
        assert!(source.decoder().contains("libheif version"), "{}", source.decoder());
        let bytes = std::fs::read(&path).expect("reads");
        for cut in (0..20).map(|i| 1 + i * (bytes.len() - 2) / 19) {
            std::fs::write(&path, &bytes[..cut]).expect("writes");
            let outcome = Source::open(&path, &Limits::default()).and_then(|source| source.picture());
            assert!(outcome.is_err(), "{name} cut at {cut}");
        }
    }
}

#[test]
fn a_picture_from_bytes_is_that_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = image::RgbImage::from_fn(37, 23, |x, y| image::Rgb([(x * 6) as u8, (y * 11) as u8, (x + y) as u8]));
    for name in ["a.png", "a.jpg"] {
        let path = folder.path().join(name);
        picture.save(&path).expect("saves");
        let bytes = std::fs::read(&path).expect("reads");
        let of_path = Source::open(&path, &Limits::default()).expect("opens");
        let of_bytes = Source::from_bytes(&format!("/else/where/{name}"), &bytes, &Limits::default()).expect("opens");
        assert_eq!(of_bytes.file_name(), name);
        assert_same(&of_bytes, &of_path);
        assert_eq!(of_bytes.still_bytes(), Some(bytes.as_slice()));
        assert!(of_bytes.picture().expect("decodes") == of_path.picture().expect("decodes"));
        assert_eq!(of_bytes.jpeg().expect("reads").is_some(), name.ends_with("jpg"));
    }
    let error = Source::from_bytes("notes.txt", b"not a picture", &Limits::default()).expect_err("is refused");
    assert!(matches!(error, assay_media::MediaError::UnknownFormat(_)), "{error}");
    let small = Limits { max_image_bytes: 10, ..Limits::default() };
    let bytes = std::fs::read(folder.path().join("a.png")).expect("reads");
    let error = Source::from_bytes("a.png", &bytes, &small).expect_err("is refused");
    assert!(matches!(error, assay_media::MediaError::OverLimit(_)), "{error}");
}

#[test]
fn a_clip_from_bytes_is_that_of_the_file() {
    if !have_ffmpeg() || !have_encoder("libx264") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "h264.mp4", "-c:v libx264 -preset veryfast -bf 2 -g 12 -pix_fmt yuv420p");
    let of_path = Source::open(&path, &Limits::default()).expect("opens");
    let bytes = std::fs::read(&path).expect("reads");
    std::fs::remove_file(&path).expect("removes");
    let of_bytes = Source::from_bytes("h264.mp4", &bytes, &Limits::default()).expect("opens");
    assert_same(&of_bytes, &of_path);
    let frames = |source: &Source| {
        let mut all = Keeper::new(FramePlan::All, FrameSamples::Yuv);
        let summary = source.decode(&mut [&mut all], &NoProgress).expect("decodes");
        (all.kept, summary.frames)
    };
    assert_eq!(frames(&of_bytes), frames(&of_path));
}

/// What is known of two sources before a pixel is decoded.
fn assert_same(one: &Source, other: &Source) {
    assert_eq!(one.file_name(), other.file_name());
    assert_eq!((one.sha256(), one.sha512(), one.bytes_len()), (other.sha256(), other.sha512(), other.bytes_len()));
    assert_eq!((one.kind(), one.format(), one.coded_size()), (other.kind(), other.format(), other.coded_size()));
    assert_eq!((one.facts(), one.duration_secs()), (other.facts(), other.duration_secs()));
}
