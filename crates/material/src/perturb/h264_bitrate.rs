//! Encoded as H.264 at a bit rate, as messengers and calls do.
use std::path::Path;

use super::{About, Choice, Clips, Level, Number, Perturbation, Stills};
use crate::ffmpeg::{self, AtRate};
use crate::rng::Rng;

/// See the head of this file.
pub struct H264Bitrate;

/// The one there is.
pub static THE: H264Bitrate = H264Bitrate;

static ABOUT: About = About {
    id: "h264_bitrate",
    summary: "encoded as H.264 by x264 at a bit rate that no second exceeds by much",
    level: Number { name: "bit rate", unit: "kbit/s", least: 10.0, most: 50_000.0 },
    levels: &[8000.0, 2000.0, 1000.0, 500.0, 250.0, 110.0],
    options: &[Choice::Number {
        name: "gop",
        range: Number { name: "distance of key frames", unit: "s", least: 0.1, most: 60.0 },
        usual: 2.0,
    }],
    stills: Stills::Never,
    clips: Clips::ByFile,
};

impl Perturbation for H264Bitrate {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn clip(&self, from: &Path, to: &Path, level: &Level, _: &mut Rng) -> anyhow::Result<()> {
        let rate = AtRate { kbps: level.value.round() as u32, gop_secs: level.number("gop"), filter: None };
        ffmpeg::at_rate(from, to, &rate)
    }
}
