//! Windows of consecutive frames around a face, brought onto their middle frame.
//!
//! The decision that shapes it: a window keeps its frames as they were cut, one square for all, and
//! beside them how each lies on the middle one. What is laid over is laid over in the frame itself,
//! as a program does it that works frame by frame; only then is the frame brought onto the others.
use std::collections::VecDeque;
use std::path::Path;

use assay_faces::geometry::Rect;
use assay_faces::square;
use assay_media::Progress;
use assay_models::face_forgery::{MARGIN, MIDDLE, SIDE, WINDOW};
use image::RgbImage;
use rayon::prelude::*;

use super::align::Pyramid;
use crate::faces::data::{self, Face, Labels};
use crate::faces::points::tight_box;
use crate::faces::warp::{Levels, Similarity};
use crate::forgery::faces::{MIN_EXTENT_PX, size};
use assay_bench::collections::{Collection, Split};
use assay_bench::datasets::{Label, Part};

/// Side of the kept square in pixels: the crop with room to jitter.
pub const KEPT: usize = 208;
/// Every so many frames a window begins, where labels are.
const EVERY: u64 = 15;

/// Consecutive frames of one face.
pub struct Window {
    /// The frames, each `KEPT` pixels square.
    pub frames: Vec<Levels>,
    /// Where the middle frame's points lie in each frame.
    pub frame_from_middle: Vec<Similarity>,
}

impl Window {
    fn cut(frames: &[&RgbImage], square: &Rect) -> Self {
        Self::whole(frames.iter().map(|f| square::cut(f, square, KEPT as u32)).collect())
    }

    /// Of frames that are cut already.
    pub(super) fn whole(cuts: Vec<RgbImage>) -> Self {
        let pyramids: Vec<Pyramid> = cuts.iter().map(|c| Pyramid::new(luma(c), KEPT)).collect();
        let frame_from_middle = pyramids.iter().map(|p| pyramids[MIDDLE].moving_from_here(p)).collect();
        Self { frames: cuts.into_iter().map(Levels::new).collect(), frame_from_middle }
    }

    /// Mean difference of the middle frames.
    fn difference(&self, other: &Self) -> f64 {
        let [a, b] = [self, other].map(|w| w.frames[MIDDLE].full().as_raw());
        a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
    }
}

fn luma(picture: &RgbImage) -> Vec<f32> {
    picture.pixels().map(|p| grey(p.0.map(f32::from))).collect()
}

/// Luma of a pixel.
pub fn grey([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// A face in a clip over a window, and where there is one, its swapped twin of the same moment.
pub struct Moment {
    /// Path of the clip below the data folder.
    pub clip: String,
    /// Index of the middle frame.
    pub index: u64,
    /// Who or what keeps the clip on its side of the split.
    pub owner: String,
    /// Side of the split.
    pub split: Split,
    /// The 468 points in the middle frame, in pixels of the kept square.
    pub mesh: Vec<[f32; 2]>,
    /// As recorded.
    pub real: Window,
    /// With another face.
    pub swapped: Option<Window>,
}

/// Every window of every labelled clip.
///
/// # Errors
/// When labels or clips cannot be read.
pub fn load(folder: &Path, progress: &dyn Progress) -> anyhow::Result<Vec<Moment>> {
    let clips: Vec<(String, Labels)> = data::clip_labels(folder)?.into_iter().collect();
    let collection = Collection::of(folder)?;
    progress.update("reading windows of clips", 0, clips.len() as u64);
    let moments = clips.par_iter().map(|(clip, labels)| of_clip(&collection, clip, labels));
    let moments: Vec<Vec<Moment>> = moments.collect::<anyhow::Result<_>>()?;
    Ok(moments.into_iter().flatten().collect())
}

fn of_clip(collection: &Collection, clip: &str, labels: &Labels) -> anyhow::Result<Vec<Moment>> {
    let mut kept: VecDeque<RgbImage> = VecDeque::new();
    let mut moments = Vec::new();
    let mut read = 0u64;
    let select = format!("lt(mod(n\\,{EVERY})\\,{WINDOW})");
    assay_material::frames::selected_frames(&collection.root().join(clip), &select, |frame| {
        let (round, place) = (read / WINDOW as u64, read % WINDOW as u64);
        read += 1;
        if place == 0 {
            kept.clear();
        }
        kept.push_back(frame);
        if kept.len() == WINDOW {
            let frames: Vec<&RgbImage> = kept.iter().collect();
            moments.extend(at(collection, &frames, clip, round * EVERY + MIDDLE as u64, labels));
        }
    })?;
    Ok(moments)
}

/// The windows of the faces that the labels name at the middle frame.
fn at(collection: &Collection, frames: &[&RgbImage], clip: &str, index: u64, labels: &Labels) -> Vec<Moment> {
    let moment = |face: &Face, real: Window, swapped: Option<Window>| {
        let square = square(&face.mesh);
        let scale = KEPT as f32 / square.width;
        let mesh = face.mesh.iter().map(|[x, y]| [(x - square.x) * scale, (y - square.y) * scale]).collect();
        let (owner, split) = (collection.owner(clip), collection.side(clip));
        Moment { clip: clip.to_owned(), owner, index, split, mesh, real, swapped }
    };
    let large = |f: &Face| size(&f.mesh) >= MIN_EXTENT_PX;
    let mut out = Vec::new();
    if collection.label(clip, Part::Whole) == Some(Label::Real) {
        for face in data::faces_at(labels, index, "whole").into_iter().filter(large) {
            let real = Window::cut(frames, &square(&face.mesh));
            out.push(moment(&face, real, None));
        }
    }
    let halves: Vec<[RgbImage; 2]> = frames.iter().map(|f| assay_material::frames::halves(f)).collect();
    let half = |side: usize| halves.iter().map(|h| &h[side]).collect::<Vec<_>>();
    let both = data::faces_at(labels, index, "left").into_iter().filter(large).map(|face| {
        let [real, swapped] = [0, 1].map(|side| Window::cut(&half(side), &square(&face.mesh)));
        let differs = real.difference(&swapped);
        (moment(&face, real, Some(swapped)), differs)
    });
    // Of several people one is swapped.
    out.extend(both.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(moment, _)| moment));
    out
}

/// The kept square around a mesh: the crop of a scan, and room.
fn square(mesh: &[[f32; 2]]) -> Rect {
    let [x, y, width, height] = tight_box(mesh);
    let side = size(mesh) * MARGIN * KEPT as f32 / SIDE as f32;
    Rect::new(x + width / 2.0 - side / 2.0, y + height / 2.0 - side / 2.0, side, side)
}
