//! Raw frames out of and into the system's ffmpeg, for clips that this crate makes or that the user
//! hands over as sources.
//!
//! Examined files never come here; they are read by the media crate under its limits. Encoding is
//! single-threaded and without metadata, so the same frames give the same file with the same
//! ffmpeg.
use anyhow::Context;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// What a clip is, as far as cutting it needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipFacts {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frame rate as a fraction, as ffprobe writes it.
    pub rate: (u32, u32),
    /// Length in seconds.
    pub duration_secs: f64,
}

impl ClipFacts {
    /// Frames in a second.
    pub fn frames_per_sec(&self) -> f64 {
        f64::from(self.rate.0) / f64::from(self.rate.1)
    }
}

/// Frames of 8-bit planar 4:2:0.
#[derive(Debug, Clone, PartialEq)]
pub struct Frames {
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Frame rate as a fraction.
    pub rate: (u32, u32),
    /// One buffer of `width * height * 3 / 2` bytes a frame: Y, then U, then V.
    pub frames: Vec<Vec<u8>>,
}

/// Asks ffprobe for size, rate and length of the first video stream.
///
/// # Errors
/// When ffprobe is missing, fails, or finds no video.
pub fn probe(path: &Path) -> anyhow::Result<ClipFacts> {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-of", "default=noprint_wrappers=1"])
        .args(["-show_entries", "stream=width,height,r_frame_rate:format=duration"])
        .arg(path)
        .output()
        .context("cannot run ffprobe")?;
    let text = String::from_utf8_lossy(&out.stdout);
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let facts = || -> Option<ClipFacts> {
        let (num, den) = field("r_frame_rate")?.split_once('/')?;
        let rate = (num.parse().ok().filter(|n| *n > 0)?, den.parse().ok().filter(|d| *d > 0)?);
        Some(ClipFacts {
            width: field("width")?.parse().ok()?,
            height: field("height")?.parse().ok()?,
            rate,
            duration_secs: field("duration")?.parse().ok()?,
        })
    };
    facts().with_context(|| format!("ffprobe finds no video in {}", path.display()))
}

/// Decodes `seconds` from `start_secs`. `left_half` keeps the left half of a side-by-side clip.
///
/// # Errors
/// When ffmpeg is missing or fails.
pub fn decode(path: &Path, left_half: bool, start_secs: f64, seconds: f64) -> anyhow::Result<Frames> {
    let facts = probe(path)?;
    let width = if left_half { facts.width / 2 } else { facts.width } & !1;
    let height = facts.height & !1;
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-threads", "1", "-ss", &format!("{start_secs}"), "-i"])
        .arg(path)
        .args(["-t", &format!("{seconds}"), "-map", "0:v:0", "-vf", &format!("crop={width}:{height}:0:0")])
        .args(["-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run ffmpeg")?;
    let size = width as usize * height as usize * 3 / 2;
    let mut frames = Vec::new();
    if let Some(mut pipe) = child.stdout.take() {
        let mut frame = vec![0u8; size];
        while pipe.read_exact(&mut frame).is_ok() {
            frames.push(frame.clone());
        }
    }
    anyhow::ensure!(child.wait()?.success(), "ffmpeg cannot decode {}", path.display());
    Ok(Frames { width, height, rate: facts.rate, frames })
}

/// Encodes to H.264 in MP4 with x264 at a constant rate factor, other settings at their defaults.
///
/// # Errors
/// When ffmpeg is missing or fails, or there are no frames.
pub fn encode<'a>(path: &Path, shape: &Frames, frames: impl Iterator<Item = &'a [u8]>, crf: u8) -> anyhow::Result<()> {
    pipe_into_x264(path, (shape.width, shape.height), shape.rate, "yuv420p", frames, crf)
}

/// The same from RGB frames of one size; extents must be even.
///
/// # Errors
/// Those of [`encode`].
pub fn encode_rgb(path: &Path, frames: &[image::RgbImage], frames_per_sec: u32, crf: u8) -> anyhow::Result<()> {
    let size = frames.first().map(image::RgbImage::dimensions).context("a clip needs a frame")?;
    let samples = frames.iter().map(|f| f.as_raw().as_slice());
    pipe_into_x264(path, size, (frames_per_sec, 1), "rgb24", samples, crf)
}

fn pipe_into_x264<'a>(
    path: &Path,
    (width, height): (u32, u32),
    rate: (u32, u32),
    pixels: &str,
    frames: impl Iterator<Item = &'a [u8]>,
    crf: u8,
) -> anyhow::Result<()> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", pixels])
        .args(["-s", &format!("{width}x{height}"), "-r", &format!("{}/{}", rate.0, rate.1)])
        .args(["-i", "-", "-map_metadata", "-1", "-fflags", "+bitexact", "-c:v", "libx264", "-threads", "1"])
        .args(["-crf", &crf.to_string(), "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4"])
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot run ffmpeg")?;
    if let Some(mut pipe) = child.stdin.take() {
        for frame in frames {
            // A broken pipe shows in the exit status below, with ffmpeg's own words before it.
            if pipe.write_all(frame).is_err() {
                break;
            }
        }
    }
    anyhow::ensure!(child.wait()?.success(), "ffmpeg cannot encode {}", path.display());
    Ok(())
}

/// Encodes a clip anew to H.264 in MP4, without its sound.
///
/// # Errors
/// When ffmpeg is missing or fails.
pub fn compress(from: &Path, to: &Path, crf: u8) -> anyhow::Result<()> {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(from)
        .args(["-map", "0:v:0", "-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264", "-threads", "1"])
        .args(["-crf", &crf.to_string(), "-pix_fmt", "yuv420p", "-f", "mp4"])
        .arg(to)
        .status()
        .context("cannot run ffmpeg")?;
    anyhow::ensure!(status.success(), "ffmpeg cannot encode {}", from.display());
    Ok(())
}

/// How a clip is encoded at a bit rate.
#[derive(Debug, Clone, Copy)]
pub struct AtRate<'a> {
    /// Mean and, over two seconds, highest bit rate in kbit/s.
    pub kbps: u32,
    /// Seconds from one key frame to the next.
    pub gop_secs: f64,
    /// What is done to the frames before, in ffmpeg's words.
    pub filter: Option<&'a str>,
}

/// Encodes a clip anew to H.264 in MP4 at a bit rate, without its sound. Frames that a filter takes
/// out are shown as the one before.
///
/// # Errors
/// When ffmpeg is missing or fails.
pub fn at_rate(from: &Path, to: &Path, rate: &AtRate<'_>) -> anyhow::Result<()> {
    let frames_per_sec = probe(from)?.frames_per_sec();
    let gop = (frames_per_sec * rate.gop_secs).round().max(1.0);
    let filter = rate.filter.map(|filter| format!("{filter},")).unwrap_or_default();
    let kbps = |share: u32| format!("{}k", rate.kbps * share);
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(from)
        .args(["-map", "0:v:0", "-vf", &format!("{filter}crop=trunc(iw/2)*2:trunc(ih/2)*2")])
        .args(["-fps_mode", "cfr", "-c:v", "libx264", "-threads", "1", "-g", &gop.to_string()])
        .args(["-b:v", &kbps(1), "-maxrate", &kbps(1), "-bufsize", &kbps(2)])
        .args(["-map_metadata", "-1", "-fflags", "+bitexact", "-pix_fmt", "yuv420p", "-f", "mp4"])
        .arg(to)
        .status()
        .context("cannot run ffmpeg")?;
    anyhow::ensure!(status.success(), "ffmpeg cannot encode {}", from.display());
    Ok(())
}
