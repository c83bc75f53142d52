//! Masks of what is laid over a face: hulls of parts of the mesh, bent, softened, weakened.
//!
//! The decision that shapes it: a mask is a closed curve first. Bending a curve is cheap and leaves
//! no holes; only the softening works on pixels.
pub use assay_faces::hull::{blur, hull};
use assay_faces::hull::{fill, swollen};

use crate::faces::augment::Canvas;
use assay_material::rng::Rng;

/// Points of a curve after it was drawn evenly.
const CURVE: usize = 72;

/// Outer brow points and what of the mesh lies above them is taken for the forehead.
const BROWS: [usize; 10] = [70, 63, 105, 66, 107, 336, 296, 334, 293, 300];
/// Eyes with their brows, the nose, the mouth.
const LEFT_EYE: [usize; 12] = [70, 63, 105, 66, 107, 55, 133, 153, 144, 163, 33, 130];
const RIGHT_EYE: [usize; 12] = [300, 293, 334, 296, 336, 285, 362, 380, 373, 390, 263, 359];
const NOSE: [usize; 10] = [6, 122, 351, 129, 358, 98, 327, 2, 48, 278];
const MOUTH: [usize; 10] = [61, 185, 37, 0, 267, 409, 291, 405, 17, 181];
const CHIN: [usize; 11] = [172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 397];

/// A mask of `side * side` shares in 0..=1.
pub type Mask = Vec<f32>;

/// Which masks are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Shapes {
    /// Hulls of several parts of the mesh.
    Hulls,
    /// An ellipse in the mesh's box, as without a mesh.
    Ellipse,
}

/// A random hard mask for a mesh in pixels of the crop.
pub fn draw(mesh: &[[f32; 2]], side: usize, shapes: Shapes, rng: &mut Rng) -> Mask {
    let mut mask = vec![0.0; side * side];
    let mut add = |curve: Vec<[f32; 2]>, rng: &mut Rng| fill(&bent(&curve, rng), side, &mut mask);
    let at = |indices: &[usize]| -> Vec<[f32; 2]> { indices.iter().filter_map(|i| mesh.get(*i)).copied().collect() };
    if shapes == Shapes::Ellipse {
        let [x, y, width, height] = crate::faces::points::tight_box(mesh);
        let angle = |i: usize| i as f32 / CURVE as f32 * std::f32::consts::TAU;
        let point = |i: usize| [x + width * (0.5 + 0.5 * angle(i).cos()), y + height * (0.5 + 0.5 * angle(i).sin())];
        fill(&(0..CURVE).map(point).collect::<Vec<_>>(), side, &mut mask);
        return mask;
    }
    match rng.below(20) {
        // The whole face, as face swaps replace it.
        0..=5 => add(hull(mesh), rng),
        // With the forehead up to the hair.
        6..=9 => add(hull(&lifted(mesh, rng.range(0.1, 0.4) as f32)), rng),
        // From the brows down.
        10..=13 => {
            let brow = at(&BROWS).iter().map(|p| p[1]).fold(f32::MAX, f32::min);
            add(hull(&mesh.iter().filter(|p| p[1] >= brow).copied().collect::<Vec<_>>()), rng);
        }
        // A random part of the points.
        14..=15 => {
            let kept: Vec<[f32; 2]> = mesh.iter().filter(|_| rng.chance(0.08)).copied().collect();
            add(hull(&kept), rng);
        }
        // Parts: eyes, nose, mouth, chin.
        16..=18 => {
            let parts: [&[usize]; 5] = [&LEFT_EYE, &RIGHT_EYE, &NOSE, &MOUTH, &CHIN];
            let first = rng.below(parts.len());
            for (i, part) in parts.iter().enumerate() {
                if i == first || rng.chance(0.5) {
                    add(swollen(&hull(&at(part)), 1.25), rng);
                }
            }
        }
        // Mouth and chin, as lip synchronisation replaces them.
        _ => add(swollen(&hull(&[at(&MOUTH), at(&CHIN)].concat()), 1.1), rng),
    }
    mask
}

/// A rectangle somewhere in an empty mask, of an eighth of it to half.
pub fn rectangle(mask: &mut Mask, side: usize, rng: &mut Rng) {
    let (area, aspect) = (rng.range(0.125, 0.5), rng.range(0.5, 2.0).sqrt());
    let [width, height] = [aspect, 1.0 / aspect].map(|a| ((area.sqrt() * a * side as f64) as usize).min(side));
    let [left, top] = [width, height].map(|length| rng.below(side - length + 1));
    for row in mask.chunks_exact_mut(side).skip(top).take(height) {
        row[left..left + width].fill(1.0);
    }
}

/// Points above the brows moved up by a share of the face's height.
fn lifted(mesh: &[[f32; 2]], share: f32) -> Vec<[f32; 2]> {
    let [_, top, _, height] = crate::faces::points::tight_box(mesh);
    let lift = |p: &[f32; 2]| {
        let above = (1.0 - (p[1] - top) / (0.25 * height)).clamp(0.0, 1.0);
        [p[0], p[1] - above * share * height]
    };
    mesh.iter().map(lift).collect()
}

/// The curve drawn evenly, moved out and in by a smooth random wave and shifted a little.
fn bent(curve: &[[f32; 2]], rng: &mut Rng) -> Vec<[f32; 2]> {
    let even = evenly(curve);
    let [_, _, width, height] = crate::faces::points::tight_box(&even);
    let size = width.max(height);
    let waves: Vec<[f32; 3]> = (1..6)
        .map(|k| {
            let strength = rng.range(0.0, 0.05) as f32 / (k as f32).sqrt();
            [k as f32, strength, rng.range(0.0, std::f64::consts::TAU) as f32]
        })
        .collect();
    let shift: [f32; 2] = [rng.range(-0.03, 0.03) as f32 * size, rng.range(-0.02, 0.02) as f32 * size];
    let middle = {
        let n = even.len().max(1) as f32;
        [even.iter().map(|p| p[0]).sum::<f32>() / n, even.iter().map(|p| p[1]).sum::<f32>() / n]
    };
    let by = rng.range(0.92, 1.06) as f32;
    let moved = |(i, p): (usize, &[f32; 2])| {
        let angle = i as f32 / CURVE as f32 * std::f32::consts::TAU;
        let wave: f32 = waves.iter().map(|[k, strength, phase]| strength * (k * angle + phase).sin()).sum();
        [0, 1].map(|c| middle[c] + (p[c] - middle[c]) * (by + wave) + shift[c])
    };
    even.iter().enumerate().map(moved).collect()
}

fn evenly(curve: &[[f32; 2]]) -> Vec<[f32; 2]> {
    if curve.len() < 2 {
        return curve.to_vec();
    }
    let step = |i: usize| {
        let (a, b) = (curve[i], curve[(i + 1) % curve.len()]);
        (b[0] - a[0]).hypot(b[1] - a[1])
    };
    let total: f32 = (0..curve.len()).map(step).sum();
    let (mut edge, mut before) = (0, 0.0);
    (0..CURVE)
        .map(|i| {
            let along = total * i as f32 / CURVE as f32;
            while edge + 1 < curve.len() && before + step(edge) < along {
                before += step(edge);
                edge += 1;
            }
            let share = ((along - before) / step(edge).max(1e-6)).clamp(0.0, 1.0);
            let (a, b) = (curve[edge], curve[(edge + 1) % curve.len()]);
            [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share]
        })
        .collect()
}

/// Blurs, takes only what was wholly inside, blurs again, and weakens by a blend ratio (Shiohara
/// and Yamasaki 2022, the released code's steps). `softest` is the largest standard deviation of
/// the second blur in pixels.
pub fn soften(mask: &mut Mask, side: usize, softest: f64, ratio: f32, rng: &mut Rng) {
    blur(mask, side, rng.range(0.8, 3.5) as f32);
    let largest = mask.iter().copied().fold(1e-6, f32::max);
    let threshold = rng.range(0.5, 0.98) as f32;
    mask.iter_mut().for_each(|v| *v = f32::from(*v / largest >= threshold));
    blur(mask, side, rng.range(0.6, softest) as f32);
    let largest = mask.iter().copied().fold(1e-6, f32::max);
    mask.iter_mut().for_each(|v| *v = (*v / largest).clamp(0.0, 1.0) * ratio);
}

/// One picture laid over another, by a mask.
pub fn laid(over: &Canvas, under: &Canvas, mask: &Mask) -> Canvas {
    let mix =
        |((a, b), m): ((&[f32; 3], &[f32; 3]), &f32)| -> [f32; 3] { std::array::from_fn(|c| b[c] + m * (a[c] - b[c])) };
    over.iter().zip(under).zip(mask).map(mix).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disc() -> Vec<[f32; 2]> {
        (0..468)
            .map(|i| [80.0 + 40.0 * (i as f32).sin() * (i as f32 / 468.0), 80.0 + 50.0 * (i as f32).cos()])
            .collect()
    }

    #[test]
    fn a_hull_holds_its_points_and_fills_as_much_as_its_area() {
        let square = [[10.0, 10.0], [50.0, 10.0], [50.0, 40.0], [10.0, 40.0], [30.0, 20.0]];
        let hull = hull(&square);
        assert_eq!(hull.len(), 4);
        let mut mask = vec![0.0; 64 * 64];
        fill(&evenly(&hull), 64, &mut mask);
        let area: f32 = mask.iter().sum();
        assert!((area - 1200.0).abs() < 45.0, "{area}");
    }

    #[test]
    fn masks_stay_in_range_and_are_seldom_empty() {
        let mut rng = Rng::new(1);
        let mut empty = 0;
        for _ in 0..200 {
            let mut mask = draw(&disc(), 160, Shapes::Hulls, &mut rng);
            soften(&mut mask, 160, 10.0, 0.5, &mut rng);
            assert!(mask.iter().all(|v| (0.0..=0.5001).contains(v)));
            empty += usize::from(mask.iter().sum::<f32>() < 50.0);
        }
        assert!(empty < 20, "{empty}");
    }
}
