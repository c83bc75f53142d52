//! Frames of clips as RGB, by the system's ffmpeg: for clips that the user hands over as material.
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use image::RgbImage;

/// The left and the right half of a side-by-side frame.
pub fn halves(frame: &RgbImage) -> [RgbImage; 2] {
    let half = frame.width() / 2;
    [0, half].map(|x| image::imageops::crop_imm(frame, x, 0, half, frame.height()).to_image())
}

/// Frames 0, k, 2k ... of a clip of the training data, as RGB.
///
/// # Errors
/// When ffmpeg is missing or fails.
pub fn every_kth(path: &Path, k: u64) -> anyhow::Result<Vec<(u64, RgbImage)>> {
    let mut frames = Vec::new();
    selected_frames(path, &format!("not(mod(n\\,{k}))"), |frame| frames.push((frames.len() as u64 * k, frame)))?;
    Ok(frames)
}

/// Visits the frames of a clip for which an expression of ffmpeg's `select` holds, in their order,
/// as RGB.
///
/// # Errors
/// When ffmpeg is missing or fails.
pub fn selected_frames(path: &Path, select: &str, mut visit: impl FnMut(RgbImage)) -> anyhow::Result<()> {
    let facts = crate::ffmpeg::probe(path)?;
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-threads", "1", "-noautorotate", "-i"])
        .arg(path)
        .args(["-map", "0:v:0", "-vf", &format!("select={select}"), "-fps_mode", "passthrough"])
        .args(["-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run ffmpeg")?;
    if let Some(mut pipe) = child.stdout.take() {
        let mut buffer = vec![0u8; facts.width as usize * facts.height as usize * 3];
        while pipe.read_exact(&mut buffer).is_ok() {
            visit(RgbImage::from_raw(facts.width, facts.height, buffer.clone()).context("a frame's size")?);
        }
    }
    anyhow::ensure!(child.wait()?.success(), "ffmpeg cannot decode {}", path.display());
    Ok(())
}
