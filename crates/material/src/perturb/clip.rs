//! Clips changed frame by frame, by the system's ffmpeg.
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use image::RgbImage;

use crate::ffmpeg::probe;
use crate::rng::Rng;

/// The constant rate factor at which changed frames are saved where nothing else is asked for: a
/// loss that is hardly there.
pub(super) const NEARLY: u8 = 10;

/// Writes `from` to `to` with every frame changed by `change`, which gets the random numbers of the
/// clip and those of the frame. The last of several rewritings is saved for viewers (4:2:0, CRF
/// [`NEARLY`]), others without loss.
pub(super) fn by_frame(
    from: &Path,
    to: &Path,
    is_last: bool,
    mut change: impl FnMut(RgbImage, &Rng, &mut Rng) -> anyhow::Result<RgbImage>,
    rng: &mut Rng,
) -> anyhow::Result<()> {
    let rate = probe(from)?.rate;
    let every = Rng::new(rng.next_u64());
    // Turned as the file says, since the new file does not say it.
    let mut decoder = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-threads", "1", "-i"])
        .arg(from)
        .args(["-map", "0:v:0", "-f", "image2pipe", "-c:v", "ppm", "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run ffmpeg")?;
    let mut encoder: Option<Child> = None;
    let mut pipe = BufReader::new(decoder.stdout.take().context("no pipe from ffmpeg")?);
    let mut changed = || -> anyhow::Result<()> {
        while let Some(frame) = next_frame(&mut pipe)? {
            let frame = change(frame, &every, rng)?;
            let child = match &mut encoder {
                Some(child) => child,
                None => encoder.insert(encode(to, frame.dimensions(), rate, is_last)?),
            };
            let pipe = child.stdin.as_mut().context("no pipe to ffmpeg")?;
            pipe.write_all(frame.as_raw()).with_context(|| format!("ffmpeg cannot encode {}", from.display()))?;
        }
        Ok(())
    };
    let changed = changed();
    // Whatever went wrong, no process is left behind.
    drop(pipe);
    let decoded = decoder.wait()?;
    let encoded = encoder.map(|mut child| {
        drop(child.stdin.take());
        child.wait()
    });
    changed?;
    ensure!(decoded.success(), "ffmpeg cannot decode {}", from.display());
    let encoded = encoded.with_context(|| format!("{} has no frames", from.display()))??;
    ensure!(encoded.success(), "ffmpeg cannot encode {}", from.display());
    Ok(())
}

/// The next picture of a stream of PPM files; none at its end.
fn next_frame(pipe: &mut impl BufRead) -> anyhow::Result<Option<RgbImage>> {
    let mut words = Vec::new();
    let mut line = String::new();
    while words.len() < 4 {
        line.clear();
        if pipe.read_line(&mut line)? == 0 {
            ensure!(words.is_empty(), "the stream of frames is cut short");
            return Ok(None);
        }
        words.extend(line.split_whitespace().map(str::to_owned));
    }
    ensure!(words[0] == "P6" && words[3] == "255", "unexpected frame from ffmpeg");
    let (width, height): (u32, u32) = (words[1].parse()?, words[2].parse()?);
    let mut samples = vec![0u8; width as usize * height as usize * 3];
    pipe.read_exact(&mut samples).context("the stream of frames is cut short")?;
    Ok(Some(RgbImage::from_raw(width, height, samples).context("a frame's size")?))
}

fn encode(to: &Path, (width, height): (u32, u32), rate: (u32, u32), is_last: bool) -> anyhow::Result<Child> {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"])
        .args(["-s", &format!("{width}x{height}"), "-r", &format!("{}/{}", rate.0, rate.1), "-i", "-"])
        .args(["-map_metadata", "-1", "-fflags", "+bitexact", "-threads", "1"]);
    if is_last {
        command
            .args(["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264", "-crf", &NEARLY.to_string()])
            .args(["-pix_fmt", "yuv420p"]);
    } else {
        command.args(["-c:v", "libx264rgb", "-qp", "0", "-preset", "ultrafast"]);
    }
    command.args(["-f", "mp4"]).arg(to).stdin(Stdio::piped()).stdout(Stdio::null());
    command.spawn().context("cannot run ffmpeg")
}

/// Writes the pictures of `pictures` and the sound of `sound` to `to`: the sound as it is, or
/// encoded anew as AAC. False where there is no sound.
pub(super) fn with_sound(pictures: &Path, sound: &Path, to: &Path, kbps: Option<u32>) -> anyhow::Result<bool> {
    let streams = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "a", "-show_entries", "stream=index", "-of", "csv=p=0"])
        .arg(sound)
        .output()
        .context("cannot run ffprobe")?;
    if String::from_utf8_lossy(&streams.stdout).trim().is_empty() {
        return Ok(false);
    }
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(pictures).arg("-i").arg(sound);
    command.args(["-map", "0:v:0", "-map", "1:a:0", "-map_metadata", "-1", "-fflags", "+bitexact", "-c:v", "copy"]);
    match kbps {
        Some(kbps) => command.args(["-c:a", "aac", "-b:a", &format!("{kbps}k"), "-threads", "1"]),
        None => command.args(["-c:a", "copy"]),
    };
    let status = command.args(["-f", "mp4"]).arg(to).status().context("cannot run ffmpeg")?;
    ensure!(status.success(), "ffmpeg cannot put the sound of {} back", sound.display());
    Ok(true)
}
