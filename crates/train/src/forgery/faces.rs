//! The faces that forgery detectors learn from, and their crops.
//!
//! The decision that shapes it: a crop is a square around the mesh, not turned, near the picture's
//! own resolution; turning resamples, and resampling is what a detector should see only where a
//! forger did it.
use std::collections::BTreeMap;

use assay_faces::geometry::Rect;
use assay_faces::square;
use assay_models::face_forgery::{JUDGED_MARGIN, JUDGED_SIDE, MARGIN, SIDE, SYNTHESIS_MARGIN};

use crate::faces::augment::{Canvas, to_image};
use crate::faces::data::{Face, Picture};
use crate::faces::points::tight_box;
use crate::faces::warp::Similarity;
use assay_bench::collections::Split;
use assay_bench::datasets::Label;
use assay_material::rng::Rng;

/// Faces narrower than this show no grain at the crop's size.
pub const MIN_EXTENT_PX: f32 = 40.0;
/// The same where patches of a crop are learned from ([`Cut::PATCH`]).
pub const MIN_PATCH_EXTENT_PX: f32 = 110.0;

/// One face of one picture.
pub type View<'a> = (&'a Picture, &'a Face);

/// A real and a manipulated picture of the same moment.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// As it was recorded.
    pub real: View<'a>,
    /// With another face.
    pub fake: View<'a>,
}

/// Whether nothing in a picture is synthesised or manipulated, as far as the data's makers say.
pub fn is_real(picture: &Picture) -> bool {
    picture.told.label == Some(Label::Real) && !picture.is_scene()
}

/// Every real face of a split that measures at least `least` pixels, side-by-side clips left out.
pub fn real(pictures: &[Picture], split: Split, least: f32) -> Vec<View<'_>> {
    let fits = |p: &&Picture| p.split == split && is_real(p) && !p.told.is_swap;
    let large = |(_, f): &View<'_>| size(&f.mesh) >= least;
    pictures.iter().filter(fits).flat_map(|p| p.faces.iter().map(move |f| (p, f))).filter(large).collect()
}

/// The faces of both halves of side-by-side clips at the same moment. Where a clip shows several
/// people the one that differs most is taken.
pub fn pairs(pictures: &[Picture]) -> Vec<Pair<'_>> {
    let mut moments: BTreeMap<(&str, &str), [Option<&Picture>; 2]> = BTreeMap::new();
    for picture in pictures.iter().filter(|p| p.told.is_swap) {
        let Some((clip, rest)) = picture.name.split_once('#') else { continue };
        let Some((part, frame)) = rest.split_once(',') else { continue };
        let side = match (part, picture.told.label) {
            ("left" | "right", Some(Label::Real)) => 0,
            ("left" | "right", Some(Label::Fake)) => 1,
            _ => continue,
        };
        moments.entry((clip, frame)).or_default()[side] = Some(picture);
    }
    moments.into_values().filter_map(pair).collect()
}

/// One of several parts that the groups of side-by-side clips are divided into, each held out by
/// one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fold {
    /// Which part, from 0.
    pub part: usize,
    /// Of how many.
    pub of: usize,
}

fn pair([real, fake]: [Option<&Picture>; 2]) -> Option<Pair<'_>> {
    let (real, fake) = (real?, fake?);
    let candidates = real.faces.iter().flat_map(|a| fake.faces.iter().map(move |b| (a, b)));
    let overlap = |a: &Face, b: &Face| Some(Rect::around(&a.mesh)?.iou(&Rect::around(&b.mesh)?));
    let near = candidates.filter(|(a, b)| overlap(a, b) > Some(0.4));
    let (a, b, _) =
        near.map(|(a, b)| (a, b, difference(real, fake, tight_box(&a.mesh)))).max_by(|x, y| x.2.total_cmp(&y.2))?;
    (size(&a.mesh) >= MIN_EXTENT_PX).then_some(Pair { real: (real, a), fake: (fake, b) })
}

/// Mean difference of two pictures of one size inside a box.
fn difference(a: &Picture, b: &Picture, [x, y, width, height]: [f32; 4]) -> f64 {
    let (a, b) = (a.levels.full(), b.levels.full());
    let range = |from: f32, extent: f32, most: u32| (from.max(0.0) as u32)..((from + extent).max(0.0) as u32).min(most);
    let columns = range(x, width, a.width().min(b.width()));
    let (mut sum, mut count) = (0u64, 0u64);
    for row in range(y, height, a.height().min(b.height())) {
        for column in columns.clone() {
            let (p, q) = (a.get_pixel(column, row), b.get_pixel(column, row));
            sum += (0..3).map(|c| u64::from(p.0[c].abs_diff(q.0[c]))).sum::<u64>();
            count += 3;
        }
    }
    sum as f64 / count.max(1) as f64
}

/// The longer side of the tight box.
pub fn size(mesh: &[[f32; 2]]) -> f32 {
    let [_, _, width, height] = tight_box(mesh);
    width.max(height)
}

/// How a crop lies around a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Around {
    /// Its side over the longer extent of the mesh.
    pub margin: f32,
    /// How far its scale strays, as a share.
    pub scales: f64,
    /// How far its middle strays, in sides.
    pub shifts: f64,
}

impl Around {
    /// As a scan cuts it for networks that tell manipulated faces.
    pub const PLAIN: Self = Self { margin: MARGIN, scales: 0.0, shifts: 0.0 };
    /// The same, jittered.
    pub const JITTERED: Self = Self { margin: MARGIN, scales: 0.14, shifts: 0.06 };
    /// Close to a generated or real portrait, anywhere on it.
    pub const CLOSE: Self = Self { margin: SYNTHESIS_MARGIN, scales: 0.15, shifts: 0.25 };
    /// As a scan cuts it for networks that tell generated faces.
    pub const CLOSE_PLAIN: Self = Self { margin: SYNTHESIS_MARGIN, scales: 0.0, shifts: 0.0 };
}

/// How crops are cut: their side in pixels, and where they lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Side of the crop.
    pub side: usize,
    /// As a scan cuts it.
    pub plain: Around,
    /// The same, jittered.
    pub varied: Around,
    /// Whether a crop finer than its picture is cut at the picture's own pixels, forged there, and
    /// enlarged last, as a scan enlarges what somebody forged.
    pub is_native: bool,
}

impl Cut {
    /// What a scan asks about.
    pub const JUDGED: Self = Self {
        side: JUDGED_SIDE,
        plain: Around { margin: JUDGED_MARGIN, scales: 0.0, shifts: 0.0 },
        varied: Around { margin: JUDGED_MARGIN, scales: 0.14, shifts: 0.06 },
        is_native: true,
    };
    /// A patch of it.
    pub const PATCH: Self = {
        let around = Around { margin: JUDGED_MARGIN * SIDE as f32 / JUDGED_SIDE as f32, scales: 0.2, shifts: 0.4 };
        Self { side: SIDE, plain: around, varied: around, is_native: true }
    };

    /// The whole face with what is around it.
    pub const fn whole(side: usize) -> Self {
        Self { side, plain: Around::PLAIN, varied: Around::JITTERED, is_native: false }
    }

    /// The transform to the crop, and the side that it is worked on at.
    pub fn view(&self, mesh: &[[f32; 2]], around: Around, rng: &mut Rng) -> (Similarity, usize) {
        let view = crop_from_picture(mesh, around, self.side, rng);
        if !self.is_native || view.scale() <= 1.0 {
            return (view, self.side);
        }
        let side = (self.side as f32 / view.scale()).round() as usize;
        let corner = view.inverse().apply([0.0; 2]).map(f32::round);
        (Similarity::about(corner, 0.0, 1.0, [0.0; 2]), side)
    }
}

/// A crop of `side` pixels at another side.
pub fn resized(crop: &Canvas, side: usize, to: usize) -> Canvas {
    let whole = Rect::new(0.0, 0.0, side as f32, side as f32);
    square::cut(&to_image(crop, side), &whole, to as u32).pixels().map(|p| p.0.map(f32::from)).collect()
}

/// The transform from the picture to the crop of `side` pixels.
pub fn crop_from_picture(mesh: &[[f32; 2]], around: Around, side: usize, rng: &mut Rng) -> Similarity {
    let [x, y, width, height] = tight_box(mesh);
    let margin = around.margin * (1.0 + rng.range(-around.scales, around.scales)) as f32;
    let side = side as f32;
    let scale = side / (size(mesh) * margin);
    let shift = |rng: &mut Rng| rng.range(-around.shifts, around.shifts) as f32 * side;
    let target = [side / 2.0 + shift(rng), side / 2.0 + shift(rng)];
    Similarity::about([x + width / 2.0, y + height / 2.0], 0.0, scale, target)
}

/// The transform to a crop of `side` pixels around a point of the picture.
pub fn around_point(point: [f32; 2], scale: f32, side: usize) -> Similarity {
    Similarity::about(point, 0.0, scale, [side as f32 / 2.0; 2])
}

/// The crop, cut as a scan cuts it; the transform must not turn.
pub fn draw(picture: &Picture, view: &Similarity, side: usize) -> Canvas {
    let back = view.inverse();
    let ([x, y], extent) = (back.apply([0.0; 2]), side as f32 * back.scale());
    let crop = square::cut(picture.levels.full(), &Rect::new(x, y, extent, extent), side as u32);
    crop.pixels().map(|p| p.0.map(f32::from)).collect()
}
