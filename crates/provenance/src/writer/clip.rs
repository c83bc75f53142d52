//! Clips: frames through the system's `ffmpeg` into H.264 in MP4.
//!
//! The decision that shapes it: frames are marked one by one as they come and go to the encoder at
//! once, so a clip of any length needs the memory of one frame. Every frame carries the same
//! watermark at the same place, which is what lets the detector add frames up. The encoder runs in
//! the limited child of `assay_media`, because it may have to read somebody's sound track.
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::time::Duration;

use assay_files::PartFile;
use assay_media::child::{Job, LimitedChild};
use assay_media::{Limits, Source};
use image::RgbImage;

use super::matroska::FrameStream;
use super::{MarkedWriter, Written, extension, instance, title};
use crate::error::part_beside;
use crate::manifest::{Content, sign, watermark_id};
use crate::{ProvenanceError, Synthetic, label, watermark};

/// Constant rate factor of x264: visually lossless, so that what the encoder takes from the marks
/// is little.
const CRF: &str = "16";
/// The largest file that the encoder may write, in bytes.
const MAX_BYTES: u64 = 64 << 30;

/// Size and nominal rate of a clip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipShape {
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// How long the last frame is shown, and every other one whose successor has no later time; in
    /// seconds.
    pub frame_secs: f64,
}

/// Takes frames until it is finished; dropped before, it leaves nothing behind.
pub struct ClipWriter {
    writer: MarkedWriter,
    path: PathBuf,
    instance: String,
    shape: ClipShape,
    /// `None` once it ended.
    child: Option<LimitedChild>,
    stream: Option<FrameStream<ChildStdin>>,
    encoded: PartFile,
    lowest_psnr: f64,
    last_micros: Option<u64>,
}

impl ClipWriter {
    pub(super) fn start(
        writer: MarkedWriter,
        path: &Path,
        shape: ClipShape,
        sound: Option<&Path>,
    ) -> Result<Self, ProvenanceError> {
        let unsuited = |reason: &str| ProvenanceError::Format { path: path.to_owned(), reason: reason.into() };
        if extension(path) != "mp4" {
            return Err(unsuited("made clips are written as .mp4"));
        }
        if shape.width % 2 + shape.height % 2 != 0 || shape.width * shape.height == 0 {
            return Err(unsuited("H.264 needs an even width and height"));
        }
        let limits = Limits {
            // An encoder is silent while it works off what it has looked ahead.
            child_silence: Duration::from_mins(10),
            ..Limits::default()
        };
        let failed = |source| ProvenanceError::Media { path: path.to_owned(), source };
        let encoded = part_beside(path, "frames")?;
        encoded.create().map_err(ProvenanceError::io(path))?;
        let mut args: Vec<OsString> = ["-hide_banner", "-nostdin", "-v", "error", "-y"].map(Into::into).to_vec();
        args.extend(["-protocol_whitelist", "pipe", "-f", "matroska", "-i", "pipe:0"].map(Into::into));
        let source = match sound {
            Some(sound) => Some(Source::open(sound, &limits).map_err(ProvenanceError::media(sound))?),
            None => None,
        };
        let mut inherited = Vec::new();
        if let Some(source) = &source {
            let (input, descriptor) = source.ffmpeg_input().map_err(ProvenanceError::media(source.path()))?;
            args.extend(input);
            inherited.push(descriptor);
            args.extend(["-map", "1:a:0?", "-c:a", "aac", "-b:a", "160k", "-shortest"].map(Into::into));
        }
        args.extend(
            ["-map", "0:v:0", "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"].map(Into::into),
        );
        args.extend(["-c:v", "libx264", "-preset", "medium", "-crf", CRF, "-threads", "1"].map(Into::into));
        args.extend(
            ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
                .map(Into::into),
        );
        args.extend(
            ["-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-video_track_timescale", "90000"]
                .map(Into::into),
        );
        args.extend(
            ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-movflags", "+faststart"]
                .map(Into::into),
        );
        args.extend(["-f".into(), "mp4".into()]);
        let mut output = OsString::from("file:");
        let absolute = std::path::absolute(encoded.path()).map_err(ProvenanceError::io(path))?;
        output.push(absolute);
        args.push(output);
        let program = std::env::var_os("ASSAY_FFMPEG").filter(|v| !v.is_empty()).unwrap_or_else(|| "ffmpeg".into());
        let job = Job {
            name: "ffmpeg (Debian package ffmpeg)",
            program,
            args,
            limits: &limits,
            file_bytes: MAX_BYTES,
            inherited,
            piped_input: true,
        };
        let mut child = LimitedChild::spawn(&job).map_err(failed)?;
        let lost = || ProvenanceError::Encoding { path: path.to_owned(), reason: "the encoder has no input".into() };
        let pipe = child.stdin().ok_or_else(lost)?;
        let stream = FrameStream::new(pipe, (shape.width, shape.height), shape.frame_secs);
        let instance = instance(path)?;
        let mut clip = Self {
            writer,
            path: path.to_owned(),
            instance,
            shape,
            child: Some(child),
            stream: None,
            encoded,
            lowest_psnr: f64::INFINITY,
            last_micros: None,
        };
        match stream {
            Ok(stream) => clip.stream = Some(stream),
            Err(error) => return Err(clip.encoder_failed(&error.to_string())),
        }
        Ok(clip)
    }

    /// Adds a frame that is shown from `at_secs` on; times must rise.
    ///
    /// # Errors
    /// [`ProvenanceError`] when the frame does not fit or the encoder stopped. Nothing is left
    /// behind once the writer is dropped.
    pub fn push(&mut self, frame: Synthetic<RgbImage>, at_secs: f64) -> Result<(), ProvenanceError> {
        let mut frame = frame.open();
        let unsuited = |reason: String| ProvenanceError::Format { path: self.path.clone(), reason };
        if frame.dimensions() != (self.shape.width, self.shape.height) {
            let (w, h) = frame.dimensions();
            return Err(unsuited(format!(
                "a frame of {w}x{h} pixels in a clip of {}x{}",
                self.shape.width, self.shape.height
            )));
        }
        let micros = (at_secs * 1e6).round();
        let rises = self.last_micros.is_none_or(|last| micros > last as f64);
        if !(micros.is_finite() && micros >= 0.0 && rises) {
            return Err(unsuited(format!("a frame at {at_secs} s, which is not after the one before")));
        }
        let micros = micros as u64;
        self.last_micros = Some(micros);
        label::put(&mut frame, self.writer.record.making);
        let psnr = watermark::embed(&mut frame, watermark_id(&self.instance))?;
        self.lowest_psnr = self.lowest_psnr.min(psnr);
        let sent = self.stream.as_mut().map(|stream| stream.frame(micros, frame.as_raw()));
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(self.encoder_failed(&error.to_string())),
            None => Err(self.encoder_failed("it was stopped before")),
        }
    }

    /// Ends the clip: signs, reads back, renames. Single frames are not read back, the clip as a
    /// whole is.
    ///
    /// # Errors
    /// [`ProvenanceError`]; nothing is left behind then.
    pub fn finish(mut self) -> Result<Written, ProvenanceError> {
        self.stream = None;
        let path = self.path.clone();
        if self.last_micros.is_none() {
            return Err(ProvenanceError::Format { path, reason: "a clip needs a frame".into() });
        }
        let Some(child) = self.child.take() else {
            return Err(ProvenanceError::Encoding { path, reason: "the encoder was stopped before".into() });
        };
        let exit = child.finish().map_err(ProvenanceError::media(&path))?;
        if !exit.status.success() {
            return Err(ProvenanceError::Encoding {
                path,
                reason: told(&exit.complaints.first_lines(), &exit.status.to_string()),
            });
        }
        let partial = part_beside(&path, "part")?;
        let mut source = std::fs::File::open(self.encoded.path()).map_err(ProvenanceError::io(&path))?;
        let mut target = partial.create().map_err(ProvenanceError::io(&path))?;
        let content = Content::Made(&self.writer.record);
        let about = (title(&path), self.instance);
        sign(&content, (&about.0, &about.1, "mp4"), (&mut source, &mut target), &self.writer.signer, &path)?;
        drop((source, target, self.encoded));
        self.writer.finish(partial, &about.1, self.lowest_psnr, &path)
    }

    /// What the encoder said before it stopped, or else what we noticed.
    fn encoder_failed(&mut self, noticed: &str) -> ProvenanceError {
        self.stream = None;
        let said = self.child.take().and_then(|child| child.finish().ok());
        let said = said.and_then(|exit| exit.complaints.first_lines().into_iter().next());
        let reason = format!("the encoder stopped ({})", said.as_deref().unwrap_or(noticed));
        ProvenanceError::Encoding { path: self.path.clone(), reason }
    }
}

fn told(lines: &[String], status: &str) -> String {
    lines.first().cloned().unwrap_or_else(|| format!("the encoder ended with {status} and no message"))
}
