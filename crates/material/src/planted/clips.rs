//! Planted clips: frames dropped, duplicated or spliced in.
//!
//! Segments of three seconds are decoded, edited as raw frames, cut to the same number of frames as their twin and encoded alike, so
//! that neither length nor encoder tells them apart. One pristine segment is the twin of up to three forgeries.
use super::edits::{Edit, recorded};
use super::index::{Index, Item, Kind, Split};
use super::make::Options;
use crate::ffmpeg::{self, ClipFacts, Frames};
use crate::rng::{Rng, hash};
use anyhow::Context;
use assay_media::Progress;
use rayon::prelude::*;
use std::collections::BTreeMap;
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
/// Every third group is for testing.
const TEST_EVERY: usize = 3;

/// Folders of real clips. In side-by-side clips the left half is real.
const FOLDERS: [(&str, bool); 5] = [
    ("video/talking", false),
    ("video/blink", false),
    ("video/pulse", false),
    ("drive256", false),
    ("pairs/faceswap_sbs", true),
];

/// Clips that share a person; a clip that no prefix fits is a group of its own.
const GROUPS: [(&str, &[&str]); 5] = [
    ("winston-former-coralson", &["Emily_Winston_", "Natasha_Former_", "Yohanna_Coralson_"]),
    ("wiesel", &["Dean_Wiesel_"]),
    ("reeves", &["Keanu_Reeves_"]),
    ("norland", &["Tim_Norland_"]),
    ("ocasio-cortez", &["WDA_AlexandriaOcasioCortez_", "vr_3"]),
];

/// Side-by-side only by its folder: the whole frame is a swap.
const NOT_REAL: [&str; 1] = ["Dean_Wiesel_2.mp4"];

struct Clip {
    path: PathBuf,
    relative: String,
    folder: String,
    group: String,
    split: Split,
    left_half: bool,
    facts: ClipFacts,
}

struct Segment<'a> {
    id: String,
    clip: &'a Clip,
    start_secs: f64,
}

/// Makes the clips and `planted_video.json` in `options.out`. The counts of pairs in `options` are for pictures and are not used.
///
/// # Errors
/// When there are no clips, ffmpeg is missing or fails, nothing can be written, or `progress` was cancelled.
pub fn make_clips(options: &Options, progress: &dyn Progress) -> anyhow::Result<Index> {
    let clips = clips_under(&options.sources)?;
    let place = options.out.join("clips");
    std::fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let mut segments = Vec::new();
    for clip in &clips {
        for place in 0..segments_of(clip) {
            let letter = if clip.split == Split::Test { "tv" } else { "cv" };
            let id = format!("{letter}{:03}", segments.len());
            segments.push(Segment { id, clip, start_secs: SEGMENT_SECS * place as f64 });
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
            items.with_context(|| format!("from {}", segment.clip.relative))
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

/// Every real clip below `sources`, cut into whole three-second segments, encoded like planted clips and written into `out` unless they are there: all
/// segments, of both splits. Returns them in the order of their names.
///
/// # Errors
/// As [`make_clips`].
pub fn real_segments(sources: &Path, out: &Path, progress: &dyn Progress) -> anyhow::Result<Vec<RealSegment>> {
    let clips = clips_under(sources)?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut wanted = Vec::new();
    for clip in &clips {
        let fit = (clip.facts.duration_secs / SEGMENT_SECS).floor().max(0.0) as usize;
        wanted.extend((0..fit).map(|place| (clip, place)));
    }
    let done = AtomicU64::new(0);
    let mut files = wanted
        .par_iter()
        .map(|(clip, place)| {
            anyhow::ensure!(!progress.cancelled(), "cancelled");
            let start_secs = SEGMENT_SECS * *place as f64;
            let path = out.join(format!("{}@{start_secs:04}.mp4", clip.relative.replace('/', "_")));
            if !path.exists() {
                let frames = ffmpeg::decode(&clip.path, clip.left_half, start_secs, SEGMENT_SECS)?;
                ffmpeg::encode(&path, &frames, frames.frames.iter().map(Vec::as_slice), CRF)?;
            }
            progress.update("cutting clips", done.fetch_add(1, Ordering::Relaxed) + 1, wanted.len() as u64);
            let is_twin = *place < segments_of(clip);
            Ok(RealSegment { path, group: clip.group.clone(), split: clip.split, is_twin })
        })
        .collect::<anyhow::Result<Vec<RealSegment>>>()?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Segments of a clip that become planted twins.
fn segments_of(clip: &Clip) -> usize {
    let fit = ((clip.facts.duration_secs - SPARE_SECS) / SEGMENT_SECS).floor().max(0.0) as usize;
    fit.min(SEGMENTS_OF_A_CLIP)
}

fn clips_under(root: &Path) -> anyhow::Result<Vec<Clip>> {
    let mut clips = Vec::new();
    for (folder, left_half) in FOLDERS {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        for name in names {
            let video = [".mp4", ".mov", ".mkv", ".webm", ".avi"].iter().any(|suffix| name.ends_with(suffix));
            if !video || NOT_REAL.contains(&name.as_str()) {
                continue;
            }
            let path = root.join(folder).join(&name);
            let facts = ffmpeg::probe(&path)?;
            let relative = format!("{folder}/{name}");
            let group = clip_group(&relative, &name);
            clips.push(Clip {
                path,
                relative,
                folder: folder.into(),
                group,
                split: Split::Calibration,
                left_half,
                facts,
            });
        }
    }
    anyhow::ensure!(!clips.is_empty(), "no source clips below {}", root.display());
    let groups: BTreeMap<u64, String> = clips.iter().map(|clip| (hash(&clip.group), clip.group.clone())).collect();
    let test: Vec<&String> = groups.values().skip(1).step_by(TEST_EVERY).collect();
    for clip in &mut clips {
        if test.contains(&&clip.group) {
            clip.split = Split::Test;
        }
    }
    Ok(clips)
}

fn clip_group(relative: &str, name: &str) -> String {
    GROUPS
        .iter()
        .find(|(_, prefixes)| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .map_or_else(|| format!("clip:{relative}"), |(group, _)| format!("person:{group}"))
}

fn make_segment(segment: &Segment<'_>, clips: &[Clip], options: &Options) -> anyhow::Result<Vec<Item>> {
    let (clip, id) = (segment.clip, &segment.id);
    let material = ffmpeg::decode(&clip.path, clip.left_half, segment.start_secs, SEGMENT_SECS + SPARE_SECS)?;
    let rate = clip.facts.frames_per_sec();
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
    clips: &[Clip],
) -> anyhow::Result<Option<Cutting>> {
    let clip = segment.clip;
    let rate = clip.facts.frames_per_sec();
    let cut = (length as f64 * rng.range(0.3, 0.6)) as usize;
    let none = Frames { width: 0, height: 0, rate: clip.facts.rate, frames: Vec::new() };
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

/// Frames of the same clip away from the segment, or of another clip of the same split, size and rate.
fn pick_donor<'a>(rng: &mut Rng, segment: &Segment<'a>, seconds: f64, clips: &'a [Clip]) -> Option<(&'a Clip, f64)> {
    let clip = segment.clip;
    let size = |c: &Clip| (c.facts.width, c.facts.height, c.left_half, c.facts.rate);
    let others: Vec<&Clip> = clips
        .iter()
        .filter(|other| {
            other.split == clip.split
                && other.relative != clip.relative
                && size(other) == size(clip)
                && other.facts.duration_secs > seconds + 0.5
        })
        .collect();
    if !others.is_empty() && rng.chance(0.5) {
        let other = *rng.pick(&others)?;
        return Some((other, thousandths(rng.range(0.0, other.facts.duration_secs - seconds - 0.3))));
    }
    let before = segment.start_secs - LEAST_DISTANCE_SECS - seconds;
    let after = segment.start_secs + SEGMENT_SECS + LEAST_DISTANCE_SECS;
    let last = clip.facts.duration_secs - seconds - 0.3;
    let mut spans: Vec<(f64, f64)> = Vec::new();
    if before > 0.0 {
        spans.push((0.0, before));
    }
    if last > after {
        spans.push((after, last));
    }
    if let Some((low, high)) = rng.pick(&spans) {
        return Some((clip, thousandths(rng.range(*low, *high))));
    }
    let other = *rng.pick(&others)?;
    Some((other, thousandths(rng.range(0.0, other.facts.duration_secs - seconds - 0.3))))
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_of_one_person_are_one_group() {
        let group = |name: &str| clip_group(&format!("pairs/{name}"), name);
        assert_eq!(group("Emily_Winston_1.mp4"), group("Yohanna_Coralson_0.mp4"));
        assert_eq!(group("WDA_AlexandriaOcasioCortez_000.mp4"), group("vr_3.mp4"));
        assert_ne!(group("Tina_Shift_0.mp4"), group("Rob_Doe_0.mp4"));
    }
}
