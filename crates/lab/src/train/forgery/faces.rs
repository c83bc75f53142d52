//! The faces that forgery detectors learn from, and their crops.
//!
//! The decision that shapes it: a crop is a square around the mesh, not turned, near the picture's own resolution; turning resamples, and resampling is
//! what a detector should see only where a forger did it.
use std::collections::BTreeMap;

use assay_faces::geometry::Rect;
use assay_faces::suspicion;
use assay_models::face_forgery::{MARGIN, SIDE};

use crate::rng::Rng;
use crate::train::faces::augment::Canvas;
use crate::train::faces::data::{Face, Picture, Split};
use crate::train::faces::points::tight_box;
use crate::train::faces::warp::Similarity;

/// Faces narrower than this show no grain at the crop's size.
const SMALLEST: f32 = 40.0;

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
    let made = ["gan256", "stylegan256", "portraits", "nonface", "bsds", "imagenet256"];
    !made.contains(&picture.source.as_str())
        && !picture.name.starts_with("nonface")
        && !picture.name.contains("#right")
        && !picture.name.contains("Dean_Wiesel_2")
}

/// Every real face of a split that is large enough. Both halves of side-by-side clips are left out unless `with_pairs`.
pub fn real(pictures: &[Picture], split: Split, with_pairs: bool) -> Vec<View<'_>> {
    let fits = |p: &&Picture| p.split == split && is_real(p) && (with_pairs || !p.name.contains("faceswap_sbs"));
    let large = |(_, f): &View<'_>| size(&f.mesh) >= SMALLEST;
    pictures.iter().filter(fits).flat_map(|p| p.faces.iter().map(move |f| (p, f))).filter(large).collect()
}

/// The faces of both halves of side-by-side clips at the same moment. Where a clip shows several people the one that differs most is taken.
pub fn pairs(pictures: &[Picture], split: Option<Split>) -> Vec<Pair<'_>> {
    let mut moments: BTreeMap<(&str, &str), [Option<&Picture>; 2]> = BTreeMap::new();
    for picture in pictures.iter().filter(|p| p.name.contains("faceswap_sbs") && split.is_none_or(|s| s == p.split)) {
        let Some((clip, rest)) = picture.name.split_once('#') else { continue };
        let Some((part, frame)) = rest.split_once(',') else { continue };
        let side = match part {
            "left" => 0,
            "right" => 1,
            _ => continue,
        };
        moments.entry((clip, frame)).or_default()[side] = Some(picture);
    }
    moments.into_values().filter_map(pair).collect()
}

fn pair([real, fake]: [Option<&Picture>; 2]) -> Option<Pair<'_>> {
    let (real, fake) = (real?, fake?);
    let candidates = real.faces.iter().flat_map(|a| fake.faces.iter().map(move |b| (a, b)));
    let near = candidates.filter(|(a, b)| overlap(tight_box(&a.mesh), tight_box(&b.mesh)) > 0.4);
    let (a, b, _) =
        near.map(|(a, b)| (a, b, difference(real, fake, tight_box(&a.mesh)))).max_by(|x, y| x.2.total_cmp(&y.2))?;
    (size(&a.mesh) >= SMALLEST).then_some(Pair { real: (real, a), fake: (fake, b) })
}

fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let side = |i: usize| ((a[i] + a[i + 2]).min(b[i] + b[i + 2]) - a[i].max(b[i])).max(0.0);
    let shared = side(0) * side(1);
    shared / (a[2] * a[3] + b[2] * b[3] - shared).max(1e-6)
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

/// The transform from the picture to the crop; `jitter` is 0 for the crop that a scan takes.
pub fn crop_from_picture(mesh: &[[f32; 2]], jitter: f64, rng: &mut Rng) -> Similarity {
    let [x, y, width, height] = tight_box(mesh);
    let margin = MARGIN * (1.0 + rng.range(-0.14, 0.14) * jitter) as f32;
    let scale = SIDE as f32 / (size(mesh) * margin);
    let shift = |rng: &mut Rng| (rng.range(-0.06, 0.06) * jitter) as f32 * SIDE as f32;
    let target = [SIDE as f32 / 2.0 + shift(rng), SIDE as f32 / 2.0 + shift(rng)];
    Similarity::about([x + width / 2.0, y + height / 2.0], 0.0, scale, target)
}

/// The crop, cut as a scan cuts it; the transform must not turn.
pub fn draw(picture: &Picture, view: &Similarity) -> Canvas {
    let back = view.inverse();
    let ([x, y], side) = (back.apply([0.0; 2]), SIDE as f32 * back.scale());
    let crop = suspicion::cut(picture.levels.full(), &Rect::new(x, y, side, side));
    crop.pixels().map(|p| p.0.map(f32::from)).collect()
}
