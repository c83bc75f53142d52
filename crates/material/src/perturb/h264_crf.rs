//! Encoded as H.264 at a constant rate factor.
use std::path::Path;

use super::{About, Clips, Level, Number, Perturbation, Stills};
use crate::ffmpeg;
use crate::rng::Rng;

/// See the head of this file.
pub struct H264Crf;

/// The one there is.
pub static THE: H264Crf = H264Crf;

static ABOUT: About = About {
    id: "h264_crf",
    summary: "encoded as H.264 by x264 at a constant rate factor, other settings as they are usually",
    level: Number { name: "rate factor", unit: "", least: 0.0, most: 51.0 },
    levels: &[18.0, 23.0, 28.0, 33.0, 40.0],
    options: &[],
    stills: Stills::Never,
    clips: Clips::ByFile,
};

impl Perturbation for H264Crf {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn clip(&self, from: &Path, to: &Path, level: &Level, _: &mut Rng) -> anyhow::Result<()> {
        ffmpeg::compress(from, to, level.value.round() as u8)
    }
}
