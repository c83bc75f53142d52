//! Measures the watermark: what survives which treatment, how often it is seen where there is none, how long it takes.
//!
//! ```text
//! robustness stills SIDE COUNT FILE...       SIDE: 256 as they are, or a width such as 1280
//! robustness clips WIDTHxHEIGHT COUNT FILE...
//! robustness alarms SIDE COUNT FILE...       unmarked windows of SIDE pixels at random places and scales
//! robustness speed FILE
//! ```
//! Prints rows of a Markdown table. Needs `ffmpeg` with x264.
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use assay_provenance::watermark::{self, Reading};
use image::RgbImage;
use image::imageops::{self, FilterType};

/// Frames of a clip, and how many of them the detector adds up.
const CLIP_FRAMES: usize = 75;
const READ_EVERY: usize = 3;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((what, rest)) = args.split_first() else { bail!("see the head of this file") };
    let count = || -> anyhow::Result<usize> { Ok(rest.get(1).context("a count")?.parse()?) };
    let files = || rest.iter().skip(2).map(PathBuf::from).collect::<Vec<_>>();
    match what.as_str() {
        "stills" => stills(rest[0].parse()?, count()?, &files()),
        "clips" => {
            let (w, h) = rest[0].split_once('x').context("WIDTHxHEIGHT")?;
            clips((w.parse()?, h.parse()?), count()?, &files())
        }
        "alarms" => alarms(rest[0].parse()?, count()?, &files()),
        "speed" => speed(Path::new(&rest[0])),
        _ => bail!("unknown command {what}"),
    }
}

fn open(path: &Path) -> anyhow::Result<RgbImage> {
    let bytes = std::fs::read(path)?;
    Ok(image::load_from_memory(&bytes).with_context(|| path.display().to_string())?.into_rgb8())
}

fn number(at: usize) -> u32 {
    (at as u32).wrapping_mul(2_654_435_761) ^ 0x5BD1_E995
}

/// One treatment's tally.
#[derive(Default)]
struct Tally {
    found: usize,
    read: usize,
    wrong: usize,
    of: usize,
    statistics: Vec<f32>,
}

impl Tally {
    fn add(&mut self, reading: Option<Reading>, id: u32) {
        self.of += 1;
        self.statistics.push(reading.map_or(0.0, |r| r.statistic));
        self.found += usize::from(reading.is_some_and(|r| r.found));
        match reading.and_then(|r| r.id) {
            Some(read) if read == id => self.read += 1,
            Some(_) => self.wrong += 1,
            None => {}
        }
    }

    fn row(&mut self, name: &str) -> String {
        self.statistics.sort_by(f32::total_cmp);
        let at = |share: usize| self.statistics.get(self.statistics.len() * share / 100).copied().unwrap_or_default();
        let percent = |n: usize| 100.0 * n as f64 / self.of.max(1) as f64;
        format!(
            "| {name} | {} of {} ({:.1} %) | {:.1} % | {} | {:.1} | {:.1} |",
            self.read,
            self.of,
            percent(self.read),
            percent(self.found),
            self.wrong,
            at(1),
            at(50)
        )
    }
}

const HEAD: &str =
    "| treatment | number read | pattern found | wrong number | statistic, 1 % | median |\n|---|---|---|---|---|---|";

fn jpeg(picture: &RgbImage, quality: u8) -> anyhow::Result<RgbImage> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture)?;
    Ok(image::load(Cursor::new(bytes), image::ImageFormat::Jpeg)?.into_rgb8())
}

fn scaled(picture: &RgbImage, scale: f32) -> RgbImage {
    let [w, h] = [picture.width(), picture.height()].map(|v| (v as f32 * scale).round() as u32);
    imageops::resize(picture, w, h, FilterType::CatmullRom)
}

/// Four fifths of width and height, anywhere.
fn cropped(picture: &RgbImage, at: usize) -> RgbImage {
    let (w, h) = (picture.width() * 4 / 5, picture.height() * 4 / 5);
    let place = |room: u32, share: usize| room * (share % 100) as u32 / 100;
    let (x, y) = (place(picture.width() - w, at * 37), place(picture.height() - h, at * 61));
    imageops::crop_imm(picture, x, y, w, h).to_image()
}

fn levels(picture: &RgbImage, change: impl Fn([f32; 3]) -> [f32; 3]) -> RgbImage {
    let mut other = picture.clone();
    other.pixels_mut().for_each(|p| p.0 = change(p.0.map(f32::from)).map(|v| v.round().clamp(0.0, 255.0) as u8));
    other
}

type Treatment = (&'static str, fn(&RgbImage, usize) -> anyhow::Result<RgbImage>);

const STILL: &[Treatment] = &[
    ("none", |p, _| Ok(p.clone())),
    ("JPEG 75", |p, _| jpeg(p, 75)),
    ("JPEG 50", |p, _| jpeg(p, 50)),
    ("half the size", |p, _| Ok(scaled(p, 0.5))),
    ("1.5 times the size", |p, _| Ok(scaled(p, 1.5))),
    ("cropped to 80 % of each side", |p, at| Ok(cropped(p, at))),
    ("H.264 CRF 23", |p, _| through(std::slice::from_ref(p), "null", 23)?.pop().context("no frame")),
    ("H.264 CRF 33", |p, _| through(std::slice::from_ref(p), "null", 33)?.pop().context("no frame")),
    ("grey", |p, _| Ok(levels(p, |[r, g, b]| [0.299 * r + 0.587 * g + 0.114 * b; 3]))),
    ("20 % brighter", |p, _| Ok(levels(p, |v| v.map(|v| v * 1.2)))),
    ("20 % more contrast", |p, _| Ok(levels(p, |v| v.map(|v| (v - 128.0) * 1.2 + 128.0)))),
    ("half the size, then JPEG 75", |p, _| jpeg(&scaled(p, 0.5), 75)),
];

fn stills(side: u32, count: usize, files: &[PathBuf]) -> anyhow::Result<()> {
    let step = (files.len() / count.max(1)).max(1);
    let mut tallies: Vec<Tally> = STILL.iter().map(|_| Tally::default()).collect();
    let (mut decibels, mut drowned) = (Vec::new(), 0);
    for (at, file) in files.iter().step_by(step).take(count).enumerate() {
        let Ok(mut picture) = open(file) else { continue };
        if side != 256 {
            picture = scaled(&picture, side as f32 / picture.width() as f32);
            let height = picture.height().min(side * 9 / 16);
            picture = imageops::crop_imm(&picture, 0, (picture.height() - height) / 2, side, height).to_image();
        }
        let id = number(at);
        let Ok(psnr) = watermark::embed_readable(&mut picture, id) else {
            drowned += 1;
            continue;
        };
        decibels.push(psnr);
        for ((_, treat), tally) in STILL.iter().zip(&mut tallies) {
            tally.add(watermark::read(&treat(&picture, at)?), id);
        }
    }
    told_decibels(&mut decibels, drowned);
    println!("{HEAD}");
    STILL.iter().zip(&mut tallies).for_each(|((name, _), tally)| println!("{}", tally.row(name)));
    Ok(())
}

fn told_decibels(decibels: &mut [f64], drowned: usize) {
    decibels.sort_by(f64::total_cmp);
    let weaker = decibels.iter().filter(|v| **v < 42.0).count();
    let lowest = decibels.first().copied().unwrap_or_default();
    let of = decibels.len();
    println!("{of} marked, lowest PSNR {lowest:.2} dB, {weaker} below 42 dB, {drowned} could not carry the mark\n");
}

const CLIP: &[(&str, &str, u8)] = &[
    ("H.264 CRF 23", "null", 23),
    ("H.264 CRF 33", "null", 33),
    ("half the size, CRF 23", "scale=trunc(iw/4)*2:trunc(ih/4)*2:flags=bicubic", 23),
    ("1.5 times the size, CRF 23", "scale=trunc(iw*3/4)*2:trunc(ih*3/4)*2:flags=bicubic", 23),
    ("cropped to 80 % of each side, CRF 23", "crop=trunc(iw*2/5)*2:trunc(ih*2/5)*2:iw*0.07:ih*0.13", 23),
    ("grey, CRF 23", "hue=s=0", 23),
    ("20 % brighter, CRF 23", "lutyuv=y=val*1.2", 23),
    ("20 % more contrast, CRF 23", "lutyuv=y=(val-128)*1.2+128", 23),
];

fn clips((width, height): (u32, u32), count: usize, files: &[PathBuf]) -> anyhow::Result<()> {
    let mut tallies: Vec<Tally> = CLIP.iter().map(|_| Tally::default()).collect();
    let mut decibels = Vec::new();
    let mut done = 0;
    'all: for part in 0.. {
        let before = done;
        for file in files {
            let frames = part_of(file, part as f64 * 1.3, (width, height))?;
            if frames.len() < CLIP_FRAMES {
                continue;
            }
            let id = number(done);
            let mut marked = Vec::new();
            for mut frame in frames {
                decibels.push(watermark::embed(&mut frame, id)?);
                marked.push(frame);
            }
            for ((_, filter, crf), tally) in CLIP.iter().zip(&mut tallies) {
                let other = through(&marked, filter, *crf)?;
                tally.add(watermark::read_frames(other.iter().step_by(READ_EVERY)), id);
            }
            done += 1;
            if done == count {
                break 'all;
            }
        }
        if done == before {
            break;
        }
    }
    told_decibels(&mut decibels, 0);
    println!("{HEAD}");
    CLIP.iter().zip(&mut tallies).for_each(|((name, ..), tally)| println!("{}", tally.row(name)));
    Ok(())
}

/// Some frames of a clip, cut to the shape and scaled.
fn part_of(file: &Path, start_secs: f64, (width, height): (u32, u32)) -> anyhow::Result<Vec<RgbImage>> {
    let ratio = f64::from(width) / f64::from(height);
    let filter = format!("crop='min(iw,ih*{ratio})':'min(ih,iw/{ratio})',scale={width}:{height}:flags=bicubic");
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-threads", "1", "-ss", &start_secs.to_string(), "-i"])
        .arg(file)
        .args(["-frames:v", &CLIP_FRAMES.to_string(), "-vf", &filter, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
        .stdout(Stdio::piped())
        .spawn()?;
    let frames = raw_frames(child.stdout.take().context("no output")?, (width, height));
    child.wait()?;
    frames
}

fn raw_frames(mut from: impl Read, (width, height): (u32, u32)) -> anyhow::Result<Vec<RgbImage>> {
    let mut frames = Vec::new();
    let mut bytes = vec![0; width as usize * height as usize * 3];
    while from.read_exact(&mut bytes).is_ok() {
        frames.push(RgbImage::from_raw(width, height, bytes.clone()).context("a frame")?);
    }
    Ok(frames)
}

/// Frames through a filter and x264 and back.
fn through(frames: &[RgbImage], filter: &str, crf: u8) -> anyhow::Result<Vec<RgbImage>> {
    let (width, height) = frames.first().context("no frame")?.dimensions();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("a.mp4");
    let mut child = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-y",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            &format!("{width}x{height}"),
            "-r",
            "25",
            "-i",
            "-",
        ])
        .args(["-vf", &format!("{filter},pad=ceil(iw/2)*2:ceil(ih/2)*2"), "-c:v", "libx264", "-threads", "1"])
        .args(["-crf", &crf.to_string(), "-pix_fmt", "yuv420p"])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("no input")?;
    for frame in frames {
        input.write_all(frame.as_raw())?;
    }
    drop(input);
    anyhow::ensure!(child.wait()?.success(), "ffmpeg failed");
    let size = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0"])
        .arg(&path)
        .output()?;
    let text = String::from_utf8(size.stdout)?;
    let (w, h) = text.trim().split_once(',').context("no size")?;
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-threads", "1", "-i"])
        .arg(&path)
        .args(["-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
        .stdout(Stdio::piped())
        .spawn()?;
    let decoded = raw_frames(child.stdout.take().context("no output")?, (w.parse()?, h.parse()?));
    child.wait()?;
    decoded
}

fn alarms(side: u32, count: usize, files: &[PathBuf]) -> anyhow::Result<()> {
    let mut state = 1u64;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut statistics = Vec::new();
    let mut found = 0;
    let threshold = 'all: loop {
        for file in files {
            let picture = open(file)?;
            for _ in 0..8 {
                let least = side as f32 / picture.width().min(picture.height()) as f32;
                let scaled = scaled(&picture, least.max(0.5) * (1.0 + draw()));
                let place = |room: u32, share: f32| (room as f32 * share) as u32;
                let (x, y) = (
                    place(scaled.width().saturating_sub(side), draw()),
                    place(scaled.height().saturating_sub(side), draw()),
                );
                let window = imageops::crop_imm(&scaled, x, y, side, side).to_image();
                let Some(reading) = watermark::read(&window) else { continue };
                found += usize::from(reading.found);
                statistics.push(f64::from(reading.statistic));
                if statistics.len() == count {
                    break 'all f64::from(reading.threshold);
                }
            }
        }
    };
    // The threshold is where hypotheses * exp(-t^2 / 2) is half the stated rate.
    let hypotheses = watermark::FALSE_POSITIVE_RATE / 2.0 * (threshold * threshold / 2.0f64).exp();
    println!("{found} of {} windows of {side} px said to carry the mark\n", statistics.len());
    println!("| statistic above | windows | bound by theory |\n|---|---|---|");
    for t in [5.5, 6.0, 6.25, 6.5, 6.75, 7.0, 7.25, 7.5, 8.0] {
        let above = statistics.iter().filter(|v| **v >= t).count();
        let bound = (hypotheses * (-t * t / 2.0).exp()).min(1.0) * statistics.len() as f64;
        println!("| {t} | {above} | {bound:.1} |");
    }
    Ok(())
}

fn speed(file: &Path) -> anyhow::Result<()> {
    let picture = open(file)?;
    let frame = imageops::resize(&picture, 1920, 1080, FilterType::CatmullRom);
    const TIMES: u32 = 5;
    let time = |name: &str, run: &dyn Fn() -> anyhow::Result<()>| -> anyhow::Result<()> {
        let mut all = Vec::new();
        for _ in 0..TIMES {
            let start = Instant::now();
            run()?;
            all.push(start.elapsed().as_secs_f64() * 1e3);
        }
        all.sort_by(f64::total_cmp);
        println!("| {name} | {:.0} ms | {:.0} ms |", all[0], all[all.len() / 2]);
        Ok(())
    };
    println!(
        "| 1920x1080, {} threads | fastest | median |\n|---|---|---|",
        std::env::var("RAYON_NUM_THREADS").unwrap_or_else(|_| "all".into())
    );
    let mut marked = frame.clone();
    watermark::embed(&mut marked, 1)?;
    time("embedding, a frame", &|| {
        let psnr = watermark::embed(&mut frame.clone(), 1)?;
        anyhow::ensure!(psnr > 0.0);
        Ok(())
    })?;
    let read = |reading: Option<Reading>| reading.map(|_| ()).context("too small");
    time("reading, a marked picture", &|| read(watermark::read(&marked)))?;
    time("reading, an unmarked picture", &|| read(watermark::read(&frame)))?;
    time("reading, 32 frames", &|| read(watermark::read_frames(std::iter::repeat_n(&marked, 32))))
}
