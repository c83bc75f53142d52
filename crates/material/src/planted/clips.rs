//! Planted clips: frames dropped, duplicated or spliced in.
//!
//! Segments of three seconds are decoded, edited as raw frames, cut to the same number of frames as
//! their twin and encoded alike, so that neither length nor encoder tells them apart. One pristine
//! segment is the twin of up to three forgeries.
use super::edits::{Edit, recorded};
use super::index::{Index, Item, Kind, Split};
use super::make::Wanted;
use super::sources::Clip;
use crate::ffmpeg::{self, ClipFacts, Frames};
use crate::rng::Rng;
use anyhow::Context;
use assay_media::Progress;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// x264 constant rate factor of every planted clip.
const CRF: u8 = 20;
/// Length of a segment in seconds.
const SEGMENT_SECS: f64 = 3.0;
/// Material decoded beyond a segment, so that a shortened one can be filled up to the same length.
const SPARE_SECS: f64 = 1.1;
/// Segments taken from one clip at most, so that a long clip does not outweigh the others.
const SEGMENTS_OF_A_CLIP: usize = 4;
/// Distance in seconds between a segment and frames of the same clip that are spliced into it.
const LEAST_DISTANCE_SECS: f64 = 1.0;

/// A clip with what ffprobe says of it.
struct Probed<'a> {
    clip: &'a Clip,
    facts: ClipFacts,
}

struct Segment<'a> {
    id: String,
    probed: &'a Probed<'a>,
    start_secs: f64,
}

/// Makes the clips and `planted_video.json` in `options.out`. The counts of pairs in `options` are
/// for pictures and are not used.
///
/// # Errors
/// When there are no clips, ffmpeg is missing or fails, nothing can be written, or `progress` was
/// cancelled.
pub fn make_clips(clips: &[Clip], options: &Wanted, progress: &dyn Progress) -> anyhow::Result<Index> {
    let clips = probed(clips)?;
    let place = options.out.join("clips");
    std::fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let mut segments = Vec::new();
    for probed in &clips {
        for place in 0..segments_of(probed) {
            let letter = if probed.clip.split == Split::Test { "tv" } else { "cv" };
            let id = format!("{letter}{:03}", segments.len());
            segments.push(Segment { id, probed, start_secs: SEGMENT_SECS * place as f64 });
        }
    }
    let total = segments.len() as u64;
    let done = AtomicU64::new(0);
    let made: Vec<anyhow::Result<Vec<Item>>> = segments
        .par_iter()
        .map(|segment| {
            anyhow::ensure!(!progress.cancelled(), "cancelled");
            let items = make_segment(segment, &clips, options);
            progress.update("planting clips", done.fetch_add(1, Ordering::Relaxed) + 1, total);
            items.with_context(|| format!("from {}", segment.probed.clip.relative))
        })
        .collect();
    let mut items = Vec::new();
    for segment in made {
        items.extend(segment?);
    }
    let index = Index::new(options.seed, items);
    index.save(&options.out, Index::CLIPS_FILE)?;
    Ok(index)
}

/// An untouched stretch of a real clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealSegment {
    /// The file made.
    pub path: PathBuf,
    /// What must stay on one side of the split.
    pub group: String,
    /// Side of the clip.
    pub split: Split,
    /// True when the same stretch is also a pristine twin of the planted set.
    pub is_twin: bool,
}

/// Every clip cut into whole three-second segments, encoded like planted clips and written into
/// `out` unless they are there: all segments, of both splits. Returns them in the order of their
/// names.
///
/// # Errors
/// As [`make_clips`].
pub fn real_segments(clips: &[Clip], out: &Path, progress: &dyn Progress) -> anyhow::Result<Vec<RealSegment>> {
    let clips = probed(clips)?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut wanted = Vec::new();
    for probed in &clips {
        let fit = (probed.facts.duration_secs / SEGMENT_SECS).floor().max(0.0) as usize;
        wanted.extend((0..fit).map(|place| (probed, place)));
    }
    let done = AtomicU64::new(0);
    let mut files = wanted
        .par_iter()
        .map(|(probed, place)| {
            anyhow::ensure!(!progress.cancelled(), "cancelled");
            let clip = probed.clip;
            let start_secs = SEGMENT_SECS * *place as f64;
            let path = out.join(format!("{}@{start_secs:04}.mp4", clip.relative.replace('/', "_")));
            if !path.exists() {
                let frames = ffmpeg::decode(&clip.path, clip.left_half, start_secs, SEGMENT_SECS)?;
                ffmpeg::encode(&path, &frames, frames.frames.iter().map(Vec::as_slice), CRF)?;
            }
            progress.update("cutting clips", done.fetch_add(1, Ordering::Relaxed) + 1, wanted.len() as u64);
            let is_twin = *place < segments_of(probed);
            Ok(RealSegment { path, group: clip.group.clone(), split: clip.split, is_twin })
        })
        .collect::<anyhow::Result<Vec<RealSegment>>>()?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Segments of a clip that become planted twins.
fn segments_of(probed: &Probed<'_>) -> usize {
    let fit = ((probed.facts.duration_secs - SPARE_SECS) / SEGMENT_SECS).floor().max(0.0) as usize;
    fit.min(SEGMENTS_OF_A_CLIP)
}

fn probed(clips: &[Clip]) -> anyhow::Result<Vec<Probed<'_>>> {
    anyhow::ensure!(!clips.is_empty(), "no source clips");
    clips.iter().map(|clip| Ok(Probed { clip, facts: ffmpeg::probe(&clip.path)? })).collect()
}

fn make_segment(segment: &Segment<'_>, clips: &[Probed<'_>], options: &Wanted) -> anyhow::Result<Vec<Item>> {
    let (clip, id) = (segment.probed.clip, &segment.id);
    let material = ffmpeg::decode(&clip.path, clip.left_half, segment.start_secs, SEGMENT_SECS + SPARE_SECS)?;
    let rate = segment.probed.facts.frames_per_sec();
    let length = (SEGMENT_SECS * rate).round() as usize;
    anyhow::ensure!(material.frames.len() >= length, "only {} frames where {length} are needed", material.frames.len());
    let source: Vec<&[u8]> = material.frames.iter().map(Vec::as_slice).collect();

    let pristine_id = format!("{id}-pristine");
    let pristine_file = format!("clips/{pristine_id}.mp4");
    ffmpeg::encode(&options.out.join(&pristine_file), &material, source[..length].iter().copied(), CRF)?;
    let pristine = Item {
        id: pristine_id.clone(),
        twin: String::new(),
        split: clip.split,
        kind: Kind::FrameDrop,
        forged: false,
        quality: CRF,
        file: pristine_file,
        source: clip.relative.clone(),
        folder: clip.folder.clone(),
        group: clip.group.clone(),
        donor: None,
        width: material.width,
        height: material.height,
        edit: None,
        edited_share: None,
        mask: None,
        copied_from_mask: None,
        edited_secs: Vec::new(),
    };
    let mut items = vec![pristine.clone()];
    for kind in Kind::CLIPS {
        let mut rng = Rng::labelled(options.seed, &format!("{id} {} {}", clip.relative, kind.name()));
        let Some(made) = edit(&mut rng, kind, segment, &source, length, clips)? else { continue };
        let forged_id = format!("{id}-{}", kind.name());
        let file = format!("clips/{forged_id}.mp4");
        let donated = made.donated.frames.iter().map(Vec::as_slice);
        let frames = source[..made.cut].iter().copied().chain(donated).chain(source[made.resume..].iter().copied());
        ffmpeg::encode(&options.out.join(&file), &material, frames.take(length), CRF)?;
        items.push(Item {
            id: forged_id,
            twin: pristine_id.clone(),
            kind,
            forged: true,
            file,
            donor: made.donor,
            edit: Some(made.edit),
            edited_secs: vec![
                [made.cut, made.cut + made.donated.frames.len()].map(|frame| recorded(frame as f64 / rate)),
            ],
            ..pristine.clone()
        });
    }
    let first = items.get(1).map(|item| (item.id.clone(), item.kind)).context("no edit fits")?;
    (items[0].twin, items[0].kind) = first;
    Ok(items)
}

/// The forged order: frames before `cut`, the donated ones, then from `resume` on.
struct Cutting {
    cut: usize,
    donated: Frames,
    resume: usize,
    donor: Option<String>,
    edit: Edit,
}

fn edit(
    rng: &mut Rng,
    kind: Kind,
    segment: &Segment<'_>,
    source: &[&[u8]],
    length: usize,
    clips: &[Probed<'_>],
) -> anyhow::Result<Option<Cutting>> {
    let facts = &segment.probed.facts;
    let rate = facts.frames_per_sec();
    let cut = (length as f64 * rng.range(0.3, 0.6)) as usize;
    let none = Frames { width: 0, height: 0, rate: facts.rate, frames: Vec::new() };
    match kind {
        Kind::FrameDrop => {
            let drop = ((rng.range(0.3, 1.0) * rate).round() as usize).min(source.len() - length);
            let edit = Edit::FrameDrop { first_frame: cut as u32, frames: drop as u32 };
            Ok((drop > 0).then_some(Cutting { cut, donated: none, resume: cut + drop, donor: None, edit }))
        }
        Kind::FrameDuplicate => {
            let count = (rng.between(5, 20) as usize).min(cut.saturating_sub(1));
            let frozen = rng.chance(0.5);
            let frames: Vec<Vec<u8>> = if frozen {
                vec![source[cut - 1].to_vec(); count]
            } else {
                source[cut - count..cut].iter().map(|frame| frame.to_vec()).collect()
            };
            let first_frame = if frozen { cut - 1 } else { cut - count } as u32;
            let edit = Edit::FrameDuplicate { first_frame, frames: count as u32, frozen };
            Ok(Some(Cutting { cut, donated: Frames { frames, ..none }, resume: cut, donor: None, edit }))
        }
        _ => {
            let count = (rng.range(0.4, 1.2) * rate).round().max(1.0);
            let seconds = count / rate;
            let Some((donor, donor_start_secs)) = pick_donor(rng, segment, seconds, clips) else { return Ok(None) };
            let mut donated = ffmpeg::decode(&donor.path, donor.left_half, donor_start_secs, seconds + 0.5 / rate)?;
            donated.frames.truncate(count as usize);
            if donated.frames.is_empty() {
                return Ok(None);
            }
            let frames = donated.frames.len() as u32;
            let edit = Edit::SpliceInTime { first_frame: cut as u32, frames, donor_start_secs };
            let name = Some(donor.relative.clone());
            Ok(Some(Cutting { cut, donated, resume: cut, donor: name, edit }))
        }
    }
}

/// Frames of the same clip away from the segment, or of another clip of the same split, size and
/// rate.
fn pick_donor<'a>(
    rng: &mut Rng,
    segment: &Segment<'a>,
    seconds: f64,
    clips: &'a [Probed<'a>],
) -> Option<(&'a Clip, f64)> {
    let own = segment.probed;
    let size = |c: &Probed<'_>| (c.facts.width, c.facts.height, c.clip.left_half, c.facts.rate);
    let others: Vec<&Probed<'_>> = clips
        .iter()
        .filter(|other| {
            other.clip.split == own.clip.split
                && other.clip.relative != own.clip.relative
                && size(other) == size(own)
                && other.facts.duration_secs > seconds + 0.5
        })
        .collect();
    if !others.is_empty() && rng.chance(0.5) {
        let other = *rng.pick(&others)?;
        return Some((other.clip, thousandths(rng.range(0.0, other.facts.duration_secs - seconds - 0.3))));
    }
    let before = segment.start_secs - LEAST_DISTANCE_SECS - seconds;
    let after = segment.start_secs + SEGMENT_SECS + LEAST_DISTANCE_SECS;
    let last = own.facts.duration_secs - seconds - 0.3;
    let mut spans: Vec<(f64, f64)> = Vec::new();
    if before > 0.0 {
        spans.push((0.0, before));
    }
    if last > after {
        spans.push((after, last));
    }
    if let Some((low, high)) = rng.pick(&spans) {
        return Some((own.clip, thousandths(rng.range(*low, *high))));
    }
    let other = *rng.pick(&others)?;
    Some((other.clip, thousandths(rng.range(0.0, other.facts.duration_secs - seconds - 0.3))))
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
