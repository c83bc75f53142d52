//! What is done to marked pictures and clips.
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use image::RgbImage;
use image::imageops::{self, FilterType};

fn jpeg(picture: &RgbImage, quality: u8) -> anyhow::Result<RgbImage> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture)?;
    Ok(image::load(Cursor::new(bytes), image::ImageFormat::Jpeg)?.into_rgb8())
}

pub(crate) fn scaled(picture: &RgbImage, scale: f32) -> RgbImage {
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

pub(crate) type Treatment = (&'static str, fn(&RgbImage, usize) -> anyhow::Result<RgbImage>);

pub(crate) const STILL: &[Treatment] = &[
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

/// Name, filter of ffmpeg, constant rate factor.
pub(crate) const CLIP: &[(&str, &str, u8)] = &[
    ("H.264 CRF 23", "null", 23),
    ("H.264 CRF 33", "null", 33),
    ("half the size, CRF 23", "scale=trunc(iw/4)*2:trunc(ih/4)*2:flags=bicubic", 23),
    ("1.5 times the size, CRF 23", "scale=trunc(iw*3/4)*2:trunc(ih*3/4)*2:flags=bicubic", 23),
    ("cropped to 80 % of each side, CRF 23", "crop=trunc(iw*2/5)*2:trunc(ih*2/5)*2:iw*0.07:ih*0.13", 23),
    ("grey, CRF 23", "hue=s=0", 23),
    ("20 % brighter, CRF 23", "lutyuv=y=val*1.2", 23),
    ("20 % more contrast, CRF 23", "lutyuv=y=(val-128)*1.2+128", 23),
];

/// `count` frames of a clip from a moment on, cut to the shape and scaled; fewer where it ends.
pub(crate) fn frames_of(
    file: &Path,
    start_secs: f64,
    count: usize,
    (width, height): (u32, u32),
) -> anyhow::Result<Vec<RgbImage>> {
    let ratio = f64::from(width) / f64::from(height);
    let filter = format!("crop='min(iw,ih*{ratio})':'min(ih,iw/{ratio})',scale={width}:{height}:flags=bicubic");
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-threads", "1", "-ss", &start_secs.to_string(), "-i"])
        .arg(file)
        .args(["-frames:v", &count.to_string(), "-vf", &filter, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
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
pub(crate) fn through(frames: &[RgbImage], filter: &str, crf: u8) -> anyhow::Result<Vec<RgbImage>> {
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
