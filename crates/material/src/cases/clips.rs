//! Small clips of the drawn scene for golden cases, and the ffmpeg that cuts them.
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::example::planar;
use crate::ffmpeg::{self, Frames};
use crate::scene::frame;

/// Frames a second.
pub(super) const RATE: u32 = 25;

/// Frames of the scene of that seed.
pub(super) fn drawn(seed: u64, numbers: Range<u32>) -> Frames {
    let (width, height) = (192, 144);
    let frames = numbers.map(|n| planar(&frame(seed, width, height, n as f32 / RATE as f32))).collect();
    Frames { width, height, rate: (RATE, 1), frames }
}

/// Saves the frames of `clip` in this order.
pub(super) fn save(path: &Path, clip: &Frames, order: impl Iterator<Item = usize>) -> anyhow::Result<()> {
    let frames = order.filter_map(|i| clip.frames.get(i)).map(Vec::as_slice);
    ffmpeg::encode(path, clip, frames, 30)
}

/// Runs ffmpeg without new encoding: `before` the input, `after` it, up to the output.
pub(super) fn copy(from: &Path, before: &[&str], after: &[&str], to: &Path) -> anyhow::Result<()> {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(before)
        .arg("-i")
        .arg(from)
        .args(["-c", "copy", "-map_metadata", "-1", "-fflags", "+bitexact"])
        .args(after)
        .arg(to)
        .status()
        .context("cannot run ffmpeg")?;
    anyhow::ensure!(status.success(), "ffmpeg cannot copy {}", from.display());
    Ok(())
}
