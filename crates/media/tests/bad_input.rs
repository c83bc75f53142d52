//! Hostile and broken files: each gives one clear error, in time, without a panic and without a
//! child left behind.
#![expect(clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]
mod common;

use std::ffi::OsStr;
use std::io::{Cursor, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use assay_media::{FramePlan, FrameSamples, Limits, MediaError, NoProgress, Source};
use common::{Keeper, clip, ffmpeg, have_ffmpeg};
use image::{ImageFormat, RgbImage};

const H264: &str = "-c:v libx264 -preset veryfast -g 12 -pix_fmt yuv420p";

/// Does everything with a file that a scan does.
fn examine(path: &Path, limits: &Limits) -> Result<(), MediaError> {
    let source = Source::open(path, limits)?;
    if source.video().is_none() {
        source.picture()?;
        source.jpeg()?;
        return Ok(());
    }
    let mut keeper = Keeper::new(FramePlan::All, FrameSamples::Luma);
    source.decode(&mut [&mut keeper], &NoProgress)?;
    Ok(())
}

fn error(path: &Path) -> String {
    let error = examine(path, &Limits::default()).err().unwrap_or_else(|| panic!("{} is accepted", path.display()));
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("0x5") && !text.contains("/proc/"), "one clear line: {text}");
    text
}

fn noise() -> RgbImage {
    let mut state = 1u32;
    RgbImage::from_fn(160, 120, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb([(state >> 24) as u8, (x * 255 / 160) as u8, (y * 255 / 120) as u8])
    })
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    noise().write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner()
}

/// Twenty places to cut, from the first byte to the last but two: a JPEG that only lacks its end
/// marker is still a whole picture.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    (0..20).map(move |i| 1 + i * (length - 4) / 19)
}

#[test]
fn empty_and_foreign_files_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bomb = Vec::new();
    bomb.extend_from_slice(b"PK\x03\x04\x14\0\0\0\x08\0");
    bomb.extend([0; 4096]);
    for (name, bytes, says) in [
        ("empty.jpg", &b""[..], "empty"),
        ("text.jpg", b"This is no picture at all.\n", "plain text"),
        ("bomb.mp4", &bomb, "ZIP"),
        ("list.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n", "playlist"),
        ("concat.mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n", "playlist"),
        ("plain_concat.mp4", b"file '/etc/passwd'\n", "plain text"),
        ("sdp.mp4", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 1 RTP/AVP 96\n", "plain text"),
        ("one_byte.png", b"\x89", "starts with"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writes");
        let text = error(&path);
        assert!(text.contains(says), "{name}: {text}");
    }
}

#[test]
fn pictures_cut_short_are_errors_at_every_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, format) in [
        ("a.jpg", ImageFormat::Jpeg),
        ("a.png", ImageFormat::Png),
        ("a.webp", ImageFormat::WebP),
        ("a.gif", ImageFormat::Gif),
        ("a.bmp", ImageFormat::Bmp),
        ("a.tiff", ImageFormat::Tiff),
    ] {
        let bytes = encoded(format);
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).expect("writes");
        examine(&path, &Limits::default()).unwrap_or_else(|e| panic!("the whole {name}: {e}"));
        for cut in cuts(bytes.len()) {
            std::fs::write(&path, &bytes[..cut]).expect("writes");
            println!("{name} cut at {cut} of {}", bytes.len());
            error(&path);
        }
    }
}

#[test]
fn a_progressive_jpeg_cut_short_is_an_error_at_every_cut() {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    encoder.set_progressive(true);
    encoder.encode(noise().as_raw(), 160, 120, jpeg_encoder::ColorType::Rgb).expect("encodes");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.jpg");
    std::fs::write(&path, &bytes).expect("writes");
    examine(&path, &Limits::default()).expect("the whole picture");
    for cut in cuts(bytes.len()) {
        std::fs::write(&path, &bytes[..cut]).expect("writes");
        error(&path);
    }
}

#[test]
fn a_picture_with_too_many_pixels_is_refused_before_decoding() {
    // A valid PNG header of 100,000 x 100,000 pixels, 16-bit RGBA.
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = b"IHDR".to_vec();
    header.extend(100_000u32.to_be_bytes());
    header.extend(100_000u32.to_be_bytes());
    header.extend([16, 6, 0, 0, 0]);
    for chunk in [header, b"IDAT\x78\x9c\x01".to_vec(), b"IEND".to_vec()] {
        bytes.extend((chunk.len() as u32 - 4).to_be_bytes());
        let crc = crc32(&chunk);
        bytes.extend(chunk);
        bytes.extend(crc.to_be_bytes());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("huge.png");
    std::fs::write(&path, bytes).expect("writes");
    let started = Instant::now();
    let text = error(&path);
    assert!(text.contains("100000 x 100000"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
        crc
    })
}

#[test]
fn a_picture_file_over_the_byte_limit_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.png");
    std::fs::write(&path, encoded(ImageFormat::Png)).expect("writes");
    let limits = Limits { max_image_bytes: 1000, ..Limits::default() };
    assert!(matches!(examine(&path, &limits), Err(MediaError::OverLimit(_))));
    let limits = Limits { max_pixels: 1000, ..Limits::default() };
    assert!(matches!(examine(&path, &limits), Err(MediaError::OverLimit(_))));
}

#[test]
fn videos_cut_short_are_errors_at_every_cut() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (name, coding) in [
        ("moov_last.mp4", H264.to_owned()),
        ("moov_first.mp4", format!("{H264} -movflags +faststart")),
        ("a.mkv", H264.to_owned()),
        ("a.avi", "-c:v mjpeg".to_owned()),
        ("a.gif", String::new()),
    ] {
        let path = clip(folder.path(), name, &coding);
        let bytes = std::fs::read(&path).expect("reads");
        for cut in cuts(bytes.len()) {
            std::fs::write(&path, &bytes[..cut]).expect("writes");
            let text = error(&path);
            assert!(text.contains("damaged") || text.contains("not a picture or video"), "{name} cut at {cut}: {text}");
        }
    }
}

#[test]
fn a_clip_whose_frames_are_destroyed_is_damaged() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", H264);
    let mut bytes = std::fs::read(&path).expect("reads");
    let data = bytes.windows(4).position(|w| w == b"mdat").expect("mdat") + 4;
    let moov = bytes.windows(4).position(|w| w == b"moov").expect("moov") - 4;
    let half = data + (moov - data) / 2;
    bytes[half..moov].fill(0);
    std::fs::write(&path, bytes).expect("writes");
    let text = error(&path);
    assert!(text.contains("damaged MP4: frame"), "{text}");
}

#[test]
fn media_in_another_file_is_never_followed() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mov", H264);
    let bytes = std::fs::read(&path).expect("reads");
    // The data reference of the track: 'url ' with flag 1 (in this file). Clear the flag and give
    // it an address instead.
    let mut outside = bytes.clone();
    let place = find(&bytes, *b"dref");
    let address = b"http://127.0.0.1:9/secret\0";
    let entry = place + 12;
    assert_eq!(&bytes[entry + 4 + 4..entry + 4 + 8], &[0, 0, 0, 1], "one entry in this file");
    outside[entry + 4 + 7] = 0;
    outside.splice(entry + 12..entry + 12, address.iter().copied());
    grow(&mut outside, entry, address.len());
    for parent in [b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"] {
        let at = find(&outside, *parent) - 4;
        grow(&mut outside, at, address.len());
    }
    std::fs::write(&path, outside).expect("writes");
    let text = error(&path);
    assert!(text.contains("another file"), "{text}");
}

fn find(bytes: &[u8], kind: [u8; 4]) -> usize {
    bytes.windows(4).position(|w| w == kind).expect("the box")
}

fn grow(bytes: &mut [u8], at: usize, by: usize) {
    let size = u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) + by as u32;
    bytes[at..at + 4].copy_from_slice(&size.to_be_bytes());
}

#[test]
fn folders_and_pipes_are_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(error(folder.path()).contains("directory"));
    assert!(error(&folder.path().join("absent.jpg")).contains("cannot read"));
    let fifo = folder.path().join("fifo.jpg");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    assert!(error(&fifo).contains("not a regular file"));
    let closed = folder.path().join("closed.png");
    std::fs::write(&closed, encoded(ImageFormat::Png)).expect("writes");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).expect("chmod");
    // The superuser may read everything.
    if std::fs::File::open(&closed).is_ok() {
        eprintln!("SKIPPED: this user may read files without permission");
    } else {
        assert!(error(&closed).contains("ermission"));
    }
}

#[test]
fn names_of_any_bytes_work() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in [&b"caf\xe9 \xff.png"[..], b"-i http:x.png", b"%03d.png", b"a:b\nc.png"] {
        let path = folder.path().join(OsStr::from_bytes(name));
        std::fs::write(&path, encoded(ImageFormat::Png)).expect("writes");
        examine(&path, &Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    let source =
        Source::open(&folder.path().join(OsStr::from_bytes(b"caf\xe9 \xff.png")), &Limits::default()).expect("opens");
    assert_eq!(source.file_name(), "caf\u{fffd} \u{fffd}.png");
    if !have_ffmpeg() {
        return;
    }
    let plain = clip(folder.path(), "plain.mp4", H264);
    for name in [&b"caf\xe9 \xff.mp4"[..], b"-i.mp4", b"concat:x.mp4", b"%03d.mp4", b"http:\\\\x"] {
        let path = folder.path().join(OsStr::from_bytes(name));
        std::fs::copy(&plain, &path).expect("copies");
        examine(&path, &Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

#[test]
fn a_frame_over_the_limit_is_refused() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", H264);
    let limits = Limits { max_pixels: 1000, ..Limits::default() };
    let text = examine(&path, &limits).expect_err("too large").to_string();
    assert!(text.contains("over the limit"), "{text}");
}

#[test]
fn a_decoder_without_memory_or_time_is_one_error() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.mp4");
    ffmpeg("-f lavfi -i testsrc2=s=640x360:r=25:d=2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p", &path);
    let limits = Limits { child_address_space: 24 << 20, ..Limits::default() };
    assert!(examine(&path, &limits).is_err());
    let limits = Limits { child_wall: Duration::from_millis(1), ..Limits::default() };
    let text = examine(&path, &limits).expect_err("no time").to_string();
    assert!(text.contains("ended"), "{text}");
}

#[test]
fn cancelling_stops_the_decoder() {
    struct Impatient;
    impl assay_media::Progress for Impatient {
        fn update(&self, _phase: &str, _done: u64, _total: u64) {}
        fn cancelled(&self) -> bool {
            true
        }
    }
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", H264);
    let source = Source::open(&path, &Limits::default()).expect("opens");
    let mut keeper = Keeper::new(FramePlan::All, FrameSamples::Luma);
    assert!(matches!(source.decode(&mut [&mut keeper], &Impatient), Err(MediaError::Cancelled)));
}

/// Runs [`child_examines`] in a process of its own, where `ffmpeg` is this script, and gives its
/// answer.
fn with_decoder(folder: &Path, script: &str, path: &Path) -> (String, Duration) {
    let program = folder.join("decoder.sh");
    let mut file = std::fs::File::create(&program).expect("creates");
    write!(file, "#!/bin/sh\n{script}\n").expect("writes");
    drop(file);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    let started = Instant::now();
    let output = examiner(&program, path).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answer = text.lines().find_map(|line| line.split_once("ANSWER: ")).map(|(_, answer)| answer.to_owned());
    (answer.unwrap_or_else(|| panic!("no answer in {text}")), started.elapsed())
}

fn examiner(program: &Path, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "child_examines", "--ignored", "--nocapture"]);
    command.env("ASSAY_FFMPEG", program).env("ASSAY_TEST_FILE", path).stdin(Stdio::null());
    command
}

#[test]
#[ignore = "run by the tests of bad decoders, in a process of its own"]
fn child_examines() {
    let path = PathBuf::from(std::env::var_os("ASSAY_TEST_FILE").expect("a file"));
    let limits = Limits { child_silence: Duration::from_secs(1), ..Limits::default() };
    match examine(&path, &limits) {
        Ok(()) => println!("ANSWER: fine"),
        Err(error) => println!("ANSWER: {error}"),
    }
}

/// True while a process runs that has this text in its command line.
fn is_running(mark: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("proc").flatten();
    processes
        .filter_map(|p| std::fs::read(p.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains(mark))
}

fn ends_soon(mark: &str) -> bool {
    let started = Instant::now();
    while is_running(mark) {
        if started.elapsed() > Duration::from_secs(10) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

#[test]
fn bad_decoders_end_in_one_error() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", H264);
    // A time that no other process is likely to sleep for.
    for (name, script, says) in [
        ("hangs", "sleep 86413.7", "no output for 1 s"),
        ("hangs in a grandchild that holds the pipes", "(sleep 86413.7) & sleep 86413.7", "no output for 1 s"),
        ("closes its pipes and hangs", "exec >&- 2>&-; sleep 86413.7", "no output for 1 s"),
        ("leaves a grandchild behind", "sleep 86413.7 & exit 3", "no output for 1 s"),
        (
            "complains without end, then fails",
            "i=0; while [ $i -lt 20000 ]; do echo 'bad data [x]' >&2; i=$((i+1)); done; exit 1",
            "bad data",
        ),
        ("crashes", "kill -SEGV $$", "signal 11"),
        ("writes a file", "echo x > \"$0.out\"; echo 'cannot write' >&2; exit 1", "tried to write a file"),
    ] {
        let (answer, took) = with_decoder(folder.path(), script, &path);
        assert!(answer.contains(says), "{name}: {answer}");
        assert!(took < Duration::from_secs(30), "{name} took {took:?}");
        assert!(ends_soon("sleep 86413.7"), "{name} leaves a process");
    }
    let written = std::fs::metadata(folder.path().join("decoder.sh.out")).map_or(0, |m| m.len());
    assert_eq!(written, 0, "a decoder may write no file");
}

#[test]
fn decoders_die_with_their_parent() {
    if !have_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", H264);
    let program = folder.path().join("decoder.sh");
    std::fs::write(&program, "#!/bin/sh\nexec sleep 86417.3\n").expect("writes");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    let mut parent = examiner(&program, &path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
    let started = Instant::now();
    while !is_running("sleep 86417.3") {
        assert!(started.elapsed() < Duration::from_secs(20), "the decoder never started");
        std::thread::sleep(Duration::from_millis(5));
    }
    parent.kill().expect("kills");
    parent.wait().expect("reaps");
    assert!(ends_soon("sleep 86417.3"), "the decoder outlives its parent");
}
