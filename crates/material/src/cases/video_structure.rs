//! Cases of `video_structure`: two and a half seconds of the drawn scene, with frames taken out,
//! held, shown twice and put in.
use std::path::Path;

use super::clips::{drawn, save};
use crate::ffmpeg::Frames;
use crate::saving::{jpeg_bytes, write_whole};
use crate::scene::photograph;

/// Frames of a case.
const FRAMES: usize = 62;
/// Where the edit lies.
const CUT: usize = 30;

/// `positive_dropped`: a second is missing. `positive_frozen`: a frame is held for 14 more.
/// `positive_repeated`: 16 frames come twice. `positive_inserted`: 12 frames of another scene.
/// `negative_plain`, `negative_later`: the clip as it is, and a later part. `negative_doubled`:
/// every frame twice, a frame rate conversion. `negative_title`: a card that dissolves into the
/// motion. `negative_slide`: the motion dissolves into a card and goes on after it.
/// (`negative_end_card` was made apart: motion that ends in a card with key frames each second.)
/// `not_applicable_picture`, `not_applicable_short`: a still, twelve frames.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let mut clip = drawn(31, 0..(FRAMES + 26) as u32);
    let donor = clip.frames.len();
    clip.frames.extend(drawn(77, 40..52).frames);
    let file = |name: &str| folder.join(name);
    save(&file("negative_plain.mp4"), &clip, 0..FRAMES)?;
    save(&file("negative_later.mp4"), &clip, 26..26 + FRAMES)?;
    save(&file("negative_doubled.mp4"), &clip, (0..FRAMES / 2).flat_map(|i| [i, i]))?;
    save(&file("negative_title.mp4"), &with_card(&clip, |n| 28_usize.saturating_sub(n)), 0..FRAMES)?;
    let slide = |n: usize| n.saturating_sub(12).min(46_usize.saturating_sub(n));
    save(&file("negative_slide.mp4"), &with_card(&clip, slide), 0..FRAMES)?;
    save(&file("positive_dropped.mp4"), &clip, (0..CUT).chain(CUT + 25..FRAMES + 25))?;
    save(&file("positive_frozen.mp4"), &clip, (0..CUT).chain(std::iter::repeat_n(CUT - 1, 14)).chain(CUT..FRAMES - 14))?;
    save(&file("positive_repeated.mp4"), &clip, (0..CUT).chain(CUT - 16..FRAMES - 16))?;
    save(&file("positive_inserted.mp4"), &clip, (0..CUT).chain(donor..donor + 12).chain(CUT..FRAMES - 12))?;
    save(&file("not_applicable_short.mp4"), &clip, 0..12)?;
    write_whole(&file("not_applicable_picture.jpg"), &jpeg_bytes(&photograph(31, 160, 120), 85)?)
}

/// Frames of a dissolve, plus one.
const WHOLE: usize = 8;

/// The clip with a card mixed over it: `share` gives the card's share at a frame, in parts of
/// `WHOLE`.
fn with_card(clip: &Frames, share: impl Fn(usize) -> usize) -> Frames {
    let (width, luma) = (clip.width as usize, (clip.width * clip.height) as usize);
    let card = |i: usize| match (i / width, i % width) {
        _ if i >= luma => 128,
        (0..20, _) => 60,
        (y, 20..140) if y % 24 < 6 => 40,
        _ => 225,
    };
    let mixed = |(n, frame): (usize, &Vec<u8>)| {
        let share = share(n).min(WHOLE);
        let mix = |(i, v): (usize, &u8)| ((usize::from(*v) * (WHOLE - share) + card(i) * share) / WHOLE) as u8;
        frame.iter().enumerate().map(mix).collect()
    };
    Frames { frames: clip.frames.iter().take(FRAMES).enumerate().map(mixed).collect(), ..*clip }
}
