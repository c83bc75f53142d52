//! Sent by a messenger, once or several times, or seen in a call.
//!
//! Messenger-like: no messenger says what it does, and published measurements disagree (longest
//! edge 800 to 2,048, JPEG 55 to 85). What is done here is the common part: the longest edge is
//! limited (Lanczos), stills are saved as JPEG 4:2:0 without metadata, clips as H.264 at a bit rate
//! with a key frame every two seconds and AAC at 64 kbit/s. A call is 640x360 or smaller at a lower
//! rate, with one frame in a hundred lost and the one before held. Each forwarding does it again.
//! `draw=yes` draws edge, quality and rate from the published ranges instead of taking those given.
use std::path::Path;

use image::RgbImage;
use image::imageops::{self, FilterType};

use super::{About, Choice, Clips, Level, Number, Perturbation, Stills};
use crate::ffmpeg::{self, AtRate};
use crate::rng::Rng;
use crate::saving::{decode_jpeg, jpeg_bytes};

/// See the head of this file.
pub struct Messenger;

/// The one there is.
pub static THE: Messenger = Messenger;

static ABOUT: About = About {
    id: "messenger",
    summary: "sent by a messenger: made smaller and saved, once or several times; or seen in a call",
    level: Number { name: "times it was sent", unit: "", least: 1.0, most: 5.0 },
    levels: &[1.0, 2.0, 3.0],
    options: &[
        Choice::Number {
            name: "edge",
            range: Number { name: "longest edge of stills", unit: "pixels", least: 64.0, most: 8192.0 },
            usual: 1600.0,
        },
        Choice::Number {
            name: "quality",
            range: Number { name: "JPEG quality", unit: "", least: 1.0, most: 100.0 },
            usual: 75.0,
        },
        Choice::Word { name: "kind", words: &["chat", "call"] },
        Choice::Number {
            name: "kbps",
            range: Number {
                name: "bit rate of clips, 0 for the kind's own",
                unit: "kbit/s",
                least: 0.0,
                most: 20_000.0,
            },
            usual: 0.0,
        },
        Choice::Word { name: "draw", words: &["no", "yes"] },
    ],
    stills: Stills::Saved,
    clips: Clips::ByFile,
};

/// Longest edges and JPEG qualities that are told of messengers, and the range of bit rates of
/// their clips in kbit/s.
const EDGES: [u32; 5] = [800, 1080, 1280, 1600, 2048];
const QUALITIES: (i64, i64) = (55, 85);
const CHAT_KBPS: (i64, i64) = (500, 1500);
const CALL_KBPS: (i64, i64) = (200, 600);
/// Longest edge of clips in a chat and in a call.
const CLIP_EDGES: [u32; 2] = [848, 640];
/// Of so many frames of a call one is lost.
const LOST: u32 = 100;
/// Sound of clips in kbit/s.
const SOUND_KBPS: u32 = 64;

impl Perturbation for Messenger {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn still(&self, picture: &RgbImage, level: &Level, rng: &mut Rng) -> anyhow::Result<RgbImage> {
        decode_jpeg(&sent(picture, level, rng)?)
    }

    fn saved(&self, picture: &RgbImage, level: &Level, rng: &mut Rng) -> anyhow::Result<Vec<u8>> {
        sent(picture, level, rng)
    }

    fn clip(&self, from: &Path, to: &Path, level: &Level, rng: &mut Rng) -> anyhow::Result<()> {
        let is_call = level.word("kind") == "call";
        let range = if is_call { CALL_KBPS } else { CHAT_KBPS };
        let kbps = match (level.word("draw"), level.number("kbps") as u32) {
            ("yes", _) => rng.between(range.0, range.1) as u32,
            (_, 0) => i64::midpoint(range.0, range.1) as u32,
            (_, kbps) => kbps,
        };
        let edge = CLIP_EDGES[usize::from(is_call)];
        // The first frame is never lost: a clip begins where it began.
        let lost = format!("select=mod(n*7919+{}\\,{LOST}),", 1 + rng.below(LOST as usize - 1));
        let filter = format!(
            "{}scale=w='if(gte(iw,ih),trunc(min(iw,{edge})/2)*2,-2)':h='if(gte(iw,ih),-2,trunc(min(ih,{edge})/2)*2)':\
             flags=lanczos",
            if is_call { &lost } else { "" }
        );
        let rate = AtRate { kbps, gop_secs: 2.0, filter: Some(&filter) };
        let folder = tempfile::tempdir()?;
        let mut at = from.to_owned();
        let times = level.value.round() as usize;
        for time in 1..=times {
            let next = if time == times { to.to_owned() } else { folder.path().join(format!("{time}.mp4")) };
            ffmpeg::at_rate(&at, &next, &rate)?;
            at = next;
        }
        Ok(())
    }

    fn sound_kbps(&self, _: &Level) -> Option<u32> {
        Some(SOUND_KBPS)
    }
}

/// The JPEG file that arrives.
fn sent(picture: &RgbImage, level: &Level, rng: &mut Rng) -> anyhow::Result<Vec<u8>> {
    let (mut edge, mut quality) = (level.number("edge") as u32, level.number("quality").round() as u8);
    let mut picture = picture.clone();
    let mut bytes = Vec::new();
    for time in 0..level.value.round() as usize {
        if level.word("draw") == "yes" {
            edge = rng.pick(&EDGES).copied().unwrap_or(edge);
            quality = rng.between(QUALITIES.0, QUALITIES.1) as u8;
        }
        if time > 0 {
            picture = decode_jpeg(&bytes)?;
        }
        let longest = picture.width().max(picture.height());
        if longest > edge {
            let scaled = |v: u32| ((f64::from(v) * f64::from(edge) / f64::from(longest)).round() as u32).max(1);
            let (width, height) = (scaled(picture.width()), scaled(picture.height()));
            picture = imageops::resize(&picture, width, height, FilterType::Lanczos3);
        }
        bytes = jpeg_bytes(&picture, quality)?;
    }
    Ok(bytes)
}
