//! What commands that generate have in common: who signs, where it goes, what is said at the end.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_generators::{Generator, Outcome, write};
use image::RgbImage;

use crate::Exit;
use crate::commands::mark::Signing;
use crate::files::{JsonTarget, write_whole};
use crate::progress::Bars;

/// Where the result goes.
#[derive(clap::Args)]
pub(crate) struct Output {
    /// Where the result goes: .mp4 for a clip, .png or .jpg for a picture
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    signing: Signing,
    /// Counts and what was read back from the file, as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
}

impl Output {
    /// Makes, marks, writes, and says so.
    ///
    /// # Errors
    /// When it cannot be made or written; nothing is left behind then.
    pub(crate) fn write(&self, generator: &mut dyn Generator, bars: &Bars, weights: &str) -> anyhow::Result<Exit> {
        let signer = self.signing.signer()?;
        let start = std::time::Instant::now();
        // The message holds its causes already.
        let made = write(generator, &self.out, signer, bars.worker().as_ref());
        bars.clear();
        let Outcome { tally, written } = made.map_err(|error| anyhow::anyhow!("{error}"))?;
        let secs = start.elapsed().as_secs_f64();
        if let Some(target) = &self.json {
            target.write(&serde_json::json!({
                "out": self.out, "weights": weights, "frames": tally.frames, "failures": tally.failures,
                "frames_per_sec": tally.frames as f64 / secs.max(1e-9),
                "watermark_psnr_db": written.watermark_psnr_db, "read_back": written.verification,
            }))?;
            return Ok(Exit::Clear);
        }
        let about = generator.about();
        outln!(
            "{}: {} frames by {} with {weights}, {:.1} frames/s with marks and encoding",
            self.out.display(),
            tally.frames,
            about.id,
            tally.frames as f64 / secs.max(1e-9)
        );
        for (reason, count) in &tally.failures {
            outln!("not done in {count} frames: {reason}");
        }
        outln!("read back: label, watermark and signed manifest");
        for limit in about.limits {
            outln!("note: {limit}");
        }
        Ok(Exit::Clear)
    }
}

/// A stretch of time as an option gives it.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|v: &f64| v.is_finite() && *v > 0.0).ok_or("expected seconds above 0".into())
}

/// Writes a picture that is marked already; the name must end in `.png`.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_picture(path: &Path, picture: &RgbImage) -> anyhow::Result<()> {
    let is_png = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    anyhow::ensure!(is_png, "{}: this picture is written as .png", path.display());
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).context("cannot encode the picture")?;
    write_whole(path, bytes.get_ref())
}
