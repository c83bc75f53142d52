//! How `ffprobe` and `ffmpeg` are called on an untrusted file.
//!
//! The decision that shapes it: every option that narrows what they may open stands in one place,
//! before the input, and the input itself is always the inherited descriptor. The demuxer is the
//! one that our own look at the content named; protocols, demuxers and decoders are closed lists;
//! external references of MOV files stay off.
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::OnceLock;

use crate::child::{self, Job, LimitedChild};
use crate::sniff::Format;
use crate::{Limits, MediaError};

/// Decoders by FFmpeg's names. Hardware and network decoders are absent on purpose: software
/// decoding is the same everywhere.
const CODECS: &str = "h264,hevc,vp8,vp9,libdav1d,libaom-av1,av1,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4,h263,mpeg1video,mpeg2video,mjpeg,prores,dnxhd,\
ffv1,huffyuv,ffvhuff,theora,wmv1,wmv2,wmv3,vc1,rawvideo,gif,apng,png,aac,aac_latm,mp2,mp2float,mp3,mp3float,opus,libopus,vorbis,flac,alac,ac3,eac3,\
wmav1,wmav2,amrnb,amrwb,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,\
pcm_f32be,pcm_alaw,pcm_mulaw";
/// Streams beyond this number make the file refused.
const MAX_STREAMS: u32 = 64;
/// Containers of any size have tables of some megabytes.
const MIN_ALLOC: u64 = 64 << 20;
/// The largest answer of `ffprobe` about streams, in bytes.
const MAX_ANSWER: usize = 16 << 20;

/// The two programs on one opened file.
pub(crate) struct Tool<'a> {
    descriptor: RawFd,
    format: Format,
    demuxer: &'static str,
    limits: &'a Limits,
}

impl<'a> Tool<'a> {
    /// For a format that FFmpeg reads.
    ///
    /// # Errors
    /// [`MediaError::Unsupported`] for one that it does not.
    pub(crate) fn new(file: &File, format: Format, limits: &'a Limits) -> Result<Self, MediaError> {
        let demuxer = format.demuxer().ok_or_else(|| MediaError::Unsupported {
            format: format.label(),
            reason: "it is a still picture, not a video".into(),
        })?;
        Ok(Self { descriptor: file.as_raw_fd(), format, demuxer, limits })
    }

    pub(crate) fn label(&self) -> &'static str {
        self.format.label()
    }

    pub(crate) fn demuxer(&self) -> &'static str {
        self.demuxer
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Options that must stand before the input, and the input.
    pub(crate) fn input(&self) -> Vec<OsString> {
        let pixels = self.limits.max_pixels.min(i32::MAX as u64).to_string();
        let streams = MAX_STREAMS.to_string();
        let mut args: Vec<OsString> = Vec::new();
        args.extend(
            ["-protocol_whitelist", "file", "-format_whitelist", self.demuxer, "-codec_whitelist", CODECS]
                .map(Into::into),
        );
        args.extend(["-max_pixels", &pixels, "-max_streams", &streams, "-f", self.demuxer].map(Into::into));
        if self.demuxer == "mov" {
            args.extend(["-enable_drefs", "0", "-use_absolute_path", "0"].map(Into::into));
        }
        args.extend(["-i".into(), format!("file:/proc/self/fd/{}", self.descriptor).into()]);
        args
    }

    fn job(&self, name: &'static str, variable: &str, args: Vec<OsString>, also: &[RawFd]) -> Job<'a> {
        let usual = name.split(' ').next().unwrap_or(name);
        let program = std::env::var_os(variable).filter(|v| !v.is_empty()).unwrap_or_else(|| usual.into());
        let inherited = std::iter::once(self.descriptor).chain(also.iter().copied()).collect();
        Job { name, program, args, limits: self.limits, file_bytes: 0, inherited, piped_input: false }
    }

    /// Runs `ffprobe` with these output options and gives its answer.
    ///
    /// # Errors
    /// [`MediaError::Damaged`] with `ffprobe`'s reason, and those of the child.
    pub(crate) fn ffprobe(&self, show: &[&str]) -> Result<Vec<u8>, MediaError> {
        let (bytes, exit) = child::output(&self.ffprobe_job(show), MAX_ANSWER)?;
        self.accept(&exit)?;
        Ok(bytes)
    }

    /// Starts `ffprobe` with these output options.
    ///
    /// # Errors
    /// Those of the child.
    pub(crate) fn start_ffprobe(&self, show: &[&str]) -> Result<LimitedChild, MediaError> {
        LimitedChild::spawn(&self.ffprobe_job(show))
    }

    fn ffprobe_job(&self, show: &[&str]) -> Job<'a> {
        let mut args: Vec<OsString> =
            ["-hide_banner", "-v", "error", "-max_alloc", &self.max_alloc()].map(Into::into).to_vec();
        args.extend(show.iter().map(Into::into));
        args.extend(self.input());
        self.job("ffprobe (Debian package ffmpeg)", "ASSAY_FFPROBE", args, &[])
    }

    /// Starts `ffmpeg`: `before` goes in front of the input, `after` behind it; `also` are further
    /// descriptors that it keeps.
    ///
    /// # Errors
    /// Those of the child.
    pub(crate) fn start_ffmpeg(
        &self,
        before: &[String],
        after: &[String],
        also: &[RawFd],
    ) -> Result<LimitedChild, MediaError> {
        let common = ["-hide_banner", "-nostdin", "-v", "error", "-max_alloc", &self.max_alloc()];
        let mut args: Vec<OsString> = common.map(Into::into).to_vec();
        args.extend(before.iter().map(Into::into));
        args.extend(self.input());
        args.extend(after.iter().map(Into::into));
        LimitedChild::spawn(&self.job("ffmpeg (Debian package ffmpeg)", "ASSAY_FFMPEG", args, also))
    }

    /// The largest single block that a decoder may ask for: a frame of the largest size at 16 bits
    /// and three channels, at least what small clips need, and never more than a quarter of its
    /// address space.
    fn max_alloc(&self) -> String {
        let frame = self.limits.max_pixels.saturating_mul(8).max(MIN_ALLOC);
        frame.min(self.limits.child_address_space / 4).min(i32::MAX as u64).to_string()
    }

    /// Turns a bad end into the error that names the reason.
    ///
    /// # Errors
    /// [`MediaError::Damaged`] when the program itself gave up, [`MediaError::Decoder`] when it was
    /// ended by a signal.
    pub(crate) fn accept(&self, exit: &child::Exit) -> Result<(), MediaError> {
        use std::os::unix::process::ExitStatusExt;
        if exit.status.success() {
            return Ok(());
        }
        let reason = exit.complaints.first_lines().into_iter().next();
        if let Some(signal) = exit.status.signal() {
            let what = match signal {
                libc::SIGXCPU => "its processor time was used up".to_owned(),
                libc::SIGKILL => "it was killed (processor time or memory used up)".to_owned(),
                libc::SIGXFSZ => "it tried to write a file".to_owned(),
                other => format!("it crashed with signal {other}"),
            };
            let said = reason.map_or(String::new(), |r| format!("; it had said: {r}"));
            return Err(MediaError::Decoder(format!("{what}{said}")));
        }
        let reason = reason.unwrap_or_else(|| format!("the decoder ended with {} and no message", exit.status));
        if reason.contains("exceeds") {
            return Err(MediaError::OverLimit(reason));
        }
        if reason.contains("Cannot allocate memory") {
            return Err(MediaError::OverLimit(format!("the decoder needs more memory than it may have ({reason})")));
        }
        Err(MediaError::Damaged { format: self.label(), reason })
    }
}

/// `ffmpeg`'s version line, asked once a process; `ffmpeg (version unknown)` when it cannot be run.
pub(crate) fn version(limits: &Limits) -> String {
    static VERSION: OnceLock<String> = OnceLock::new();
    let ask = || {
        let program = std::env::var_os("ASSAY_FFMPEG").filter(|v| !v.is_empty()).unwrap_or_else(|| "ffmpeg".into());
        let args = vec!["-version".into()];
        let job = Job {
            name: "ffmpeg (Debian package ffmpeg)",
            program,
            args,
            limits,
            file_bytes: 0,
            inherited: Vec::new(),
            piped_input: false,
        };
        let (bytes, _) = child::output(&job, 1 << 16).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().next()?;
        Some(line.split(" Copyright").next().unwrap_or(line).to_owned())
    };
    VERSION.get_or_init(|| ask().unwrap_or_else(|| "ffmpeg (version unknown)".into())).clone()
}
