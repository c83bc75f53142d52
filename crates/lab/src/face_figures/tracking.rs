//! How steadily faces are followed: on recorded clips, and on a made one where two people cross and
//! hide one another.
//!
//! The decision that shapes it: what counts as a switch is decided by places that are known. A
//! recorded clip shows one head without a cut, or the same moment side by side, where no face ever
//! leaves its half; in the made clip every head's path is drawn.
use std::path::Path;

use anyhow::Context as _;
use assay_faces::{ClipFaces, FaceNetworks, FaceTrack, Faces};
use assay_media::{Limits, NoProgress, Source};
use image::RgbImage;
use serde::Serialize;

use assay_material::frames::every_kth;

/// One clip's figures.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tracking {
    /// Path below the data folder, or what the made clip is.
    pub clip: String,
    /// Length of what was looked at.
    pub secs: f64,
    /// Faces that are in view all the time.
    pub expected: usize,
    /// Scene cuts that were found.
    pub cuts: usize,
    /// Tracks, persons.
    pub tracks: usize,
    /// Groups of tracks that are taken for one person's.
    pub persons: usize,
    /// Times at which a track went over to another face, or a face in view got a new track without
    /// a cut.
    pub switches: usize,
    /// Looks in which a face that was in view was not seen.
    pub lost: usize,
    /// Looks.
    pub looks: u64,
}

fn follow(networks: &dyn FaceNetworks, path: &Path) -> anyhow::Result<Faces> {
    let source = Source::open(path, &Limits::default())?;
    let mut reader = ClipFaces::new(networks, source.orientation(), Vec::new());
    source.decode(&mut [&mut reader], &NoProgress)?;
    Ok(reader.into_faces()?)
}

/// Times at which the face that a track shows changes, and the faces' tracks beyond the first of
/// each shot.
fn switches(faces: &Faces, shown: &dyn Fn(&FaceTrack, usize) -> Option<usize>) -> usize {
    let mut count = 0;
    let mut first_tracks: Vec<(usize, usize)> = Vec::new();
    for track in &faces.tracks {
        let heads: Vec<usize> = (0..track.observations.len()).filter_map(|i| shown(track, i)).collect();
        count += heads.windows(2).filter(|w| w[0] != w[1]).count();
        let shot = faces.cuts_secs.iter().filter(|c| **c <= track.span().start_secs + 1e-6).count();
        if let Some(head) = heads.first() {
            if first_tracks.contains(&(shot, *head)) {
                count += 1;
            }
            first_tracks.push((shot, *head));
        }
    }
    count
}

/// A recorded clip with one head in view, or with `halves` the same moment twice, side by side.
///
/// # Errors
/// When the clip cannot be read.
pub fn recorded(networks: &dyn FaceNetworks, data: &Path, clip: &str, halves: bool) -> anyhow::Result<Tracking> {
    let path = data.join(clip);
    let width = assay_material::ffmpeg::probe(&path)?.width as f32;
    let faces = follow(networks, &path).with_context(|| clip.to_owned())?;
    let shown = |track: &FaceTrack, i: usize| {
        let x = track.observations[i].box_in_frame.centre()[0];
        Some(usize::from(halves && x > width / 2.0))
    };
    let expected = if halves { 2 } else { 1 };
    Ok(figures(clip, &faces, expected, &shown))
}

fn figures(clip: &str, faces: &Faces, expected: usize, shown: &dyn Fn(&FaceTrack, usize) -> Option<usize>) -> Tracking {
    let seen: usize = faces.tracks.iter().map(|t| t.observations.len()).sum();
    let ends = faces.tracks.iter().map(|t| t.span().end_secs);
    let starts = faces.tracks.iter().map(|t| t.span().start_secs);
    Tracking {
        clip: clip.into(),
        secs: (ends.fold(0.0, f64::max) - starts.fold(f64::MAX, f64::min)).max(0.0),
        expected,
        cuts: faces.cuts_secs.len(),
        tracks: faces.tracks.len(),
        persons: faces.persons.len(),
        switches: switches(faces, shown),
        lost: (faces.frames as usize * expected).saturating_sub(seen),
        looks: faces.frames,
    }
}

/// Seconds, frames a second and size of the made clip.
const SECS: usize = 12;
const RATE: usize = 25;
const SIZE: (u32, u32) = (960, 544);
/// Height of the pasted heads.
const HEAD: u32 = 300;

/// Middle of head `which` at a time: each swings from side to side, so that they cross, one behind
/// the other, every three seconds.
fn path(which: usize, secs: f64) -> [f64; 2] {
    let swing = (secs * std::f64::consts::PI / 3.0).cos();
    let side = if which == 0 { -1.0 } else { 1.0 };
    [480.0 + side * 270.0 * swing, 272.0 + side * 18.0 * (secs * 1.7).sin()]
}

/// Makes a clip of two talking heads that cross four times, the first in front, and follows them.
///
/// # Errors
/// When the two clips cannot be read or the made one cannot be written.
pub fn crossing(networks: &dyn FaceNetworks, data: &Path, heads: [&str; 2], folder: &Path) -> anyhow::Result<Tracking> {
    let read = |clip: &str| -> anyhow::Result<Vec<RgbImage>> {
        let frames = every_kth(&data.join(clip), 1)?.into_iter().take(SECS * RATE);
        Ok(frames.map(|(_, f)| image::imageops::thumbnail(&f, HEAD * f.width() / f.height(), HEAD)).collect())
    };
    let clips = [read(heads[0])?, read(heads[1])?];
    anyhow::ensure!(clips.iter().all(|c| !c.is_empty()), "a head's clip has no frames");
    let mut frames = Vec::new();
    for i in 0..SECS * RATE {
        let mut frame = RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
            image::Rgb([(70 + x / 12 + (y / 9) % 7 * 3) as u8, (90 + y / 8) as u8, 110])
        });
        // The second head first: the first is in front of it.
        for which in [1, 0] {
            let clip = &clips[which];
            // Back and forth through clips that are too short.
            let at = i % (2 * clip.len());
            let head = &clip[if at < clip.len() { at } else { 2 * clip.len() - 1 - at }];
            let [x, y] = path(which, i as f64 / RATE as f64);
            paste_oval(&mut frame, head, x as f32, y as f32);
        }
        frames.push(frame);
    }
    let file = folder.join("crossing.mp4");
    assay_material::ffmpeg::encode_rgb(&file, &frames, RATE as u32, 20)?;
    let faces = follow(networks, &file)?;
    let shown = |track: &FaceTrack, i: usize| {
        let o = &track.observations[i];
        let distance = |which: usize| {
            let [x, y] = path(which, o.pts_secs);
            let [cx, cy] = o.box_in_frame.centre();
            (x - f64::from(cx)).hypot(y - f64::from(cy))
        };
        let apart = (path(0, o.pts_secs)[0] - path(1, o.pts_secs)[0]).abs();
        // While one head hides the other a face's own head cannot be told by its place.
        (apart > 120.0).then(|| usize::from(distance(1) < distance(0)))
    };
    // A face that was hidden gets a new track only where it was away for longer than the tracker
    // waits; here it never is.
    let mut figure = figures(&format!("made: {} and {} cross", heads[0], heads[1]), &faces, 2, &shown);
    let hidden = (0..faces.frames).filter(|k| {
        let secs = *k as f64 * SECS as f64 / faces.frames.max(1) as f64;
        (path(0, secs)[0] - path(1, secs)[0]).abs() < 120.0
    });
    figure.lost = figure.lost.saturating_sub(hidden.count());
    Ok(figure)
}

fn paste_oval(frame: &mut RgbImage, head: &RgbImage, x: f32, y: f32) {
    let (width, height) = (head.width() as f32, head.height() as f32);
    for (hx, hy, pixel) in head.enumerate_pixels() {
        let (u, v) = (2.0 * hx as f32 / width - 1.0, 2.0 * hy as f32 / height - 1.0);
        let share = ((1.0 - u.hypot(v)) * 12.0).clamp(0.0, 1.0);
        let (fx, fy) = (x as i64 + hx as i64 - width as i64 / 2, y as i64 + hy as i64 - height as i64 / 2);
        if share > 0.0 && (0..i64::from(frame.width())).contains(&fx) && (0..i64::from(frame.height())).contains(&fy) {
            let below = frame.get_pixel_mut(fx as u32, fy as u32);
            for c in 0..3 {
                below.0[c] = (f32::from(below.0[c]) * (1.0 - share) + f32::from(pixel.0[c]) * share) as u8;
            }
        }
    }
}
