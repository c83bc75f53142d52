//! One training example: a face, warped as the network gets it and as it was.
//!
//! The decision that shapes it: turning, mirroring and light are the same for both, so that the
//! network learns to keep them; the warp is of the input alone, so that it learns what the person
//! looks like (DeepFaceLab's `gen_warp_params`). Masks follow the target.
use assay_faces::hull::{blur, fill, hull, swollen};
use assay_generators::swap::align;
use image::RgbImage;

use super::data::Face;
use crate::faces::warp::Similarity;
use assay_material::rng::Rng;

/// Points of the 68 that are eyes and mouth.
const PARTS: [std::ops::Range<usize>; 3] = [36..42, 42..48, 48..60];
/// How much larger than themselves eyes and mouth count.
const PART_SIZE: f32 = 1.35;

/// Colour planes 0 to 1 and masks of `side * side`.
pub(super) struct Example {
    /// What the network gets, `3 side^2`.
    pub(super) input: Vec<f32>,
    /// What it is to give back, `3 side^2`.
    pub(super) target: Vec<f32>,
    /// What of the target is face, `side^2`.
    pub(super) mask: Vec<f32>,
    /// Eyes and mouth of the target, `side^2`.
    pub(super) parts: Vec<f32>,
}

/// What is done to a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Augment {
    /// Inputs are warped.
    pub warps: bool,
    /// Half of the faces are mirrored.
    pub mirrors: bool,
    /// Light and colours vary.
    pub colours: bool,
}

impl Example {
    /// As the network sees a face when nothing is done to it.
    pub(super) fn plain(face: &Face, side: usize) -> Self {
        let still = Augment { warps: false, mirrors: false, colours: false };
        Self::through(face, side, &kept_from_net(face, side), still, &mut Rng::new(0))
    }

    /// A random one.
    pub(super) fn drawn(face: &Face, side: usize, augment: Augment, rng: &mut Rng) -> Self {
        let middle = [side as f32 / 2.0; 2];
        let shift = |rng: &mut Rng| middle[0] + rng.range(-0.05, 0.05) as f32 * side as f32;
        let to = [shift(rng), shift(rng)];
        let turn = rng.range(-10.0, 10.0).to_radians() as f32;
        let net = Similarity::about(middle, turn, rng.range(-0.06, 0.06).exp() as f32, to);
        let kept = kept_from_net(face, side);
        // First the jitter within the network's crop, then out of it into the kept one.
        let view = Similarity { a: kept.a * net.a, b: kept.a * net.b, shift: kept.apply(net.shift) };
        Self::through(face, side, &view, augment, rng)
    }

    fn through(face: &Face, side: usize, kept_from_net: &Similarity, augment: Augment, rng: &mut Rng) -> Self {
        let place = |x: f32, y: f32| kept_from_net.apply([x + 0.5, y + 0.5]);
        let mut target = sample(&face.picture, side, |x, y| place(x as f32, y as f32));
        let mut input = if augment.warps {
            let warp = Warp::drawn(side, rng);
            sample(&face.picture, side, |x, y| {
                let [u, v] = warp.at(x, y);
                place(u, v)
            })
        } else {
            target.clone()
        };
        let net_from_kept = kept_from_net.inverse();
        let inside =
            |points: &[[f32; 2]]| -> Vec<[f32; 2]> { points.iter().map(|p| net_from_kept.apply(*p)).collect() };
        let mut mask = vec![0.0; side * side];
        fill(&hull(&inside(&face.mesh)), side, &mut mask);
        blur(&mut mask, side, side as f32 / 64.0);
        let mut parts = vec![0.0; side * side];
        for part in PARTS {
            let points = face.points68.get(part).unwrap_or_default();
            fill(&swollen(&hull(&inside(points)), PART_SIZE), side, &mut parts);
        }
        blur(&mut parts, side, side as f32 / 32.0);
        // A mean of ones may round to a little more.
        mask.iter_mut().chain(&mut parts).for_each(|v| *v = v.clamp(0.0, 1.0));
        if augment.colours {
            let change = Colours::drawn(rng);
            [&mut input, &mut target].into_iter().for_each(|planes| change.apply(planes));
        }
        if augment.mirrors && rng.chance(0.5) {
            for planes in [&mut input, &mut target, &mut mask, &mut parts] {
                planes.chunks_exact_mut(side).for_each(<[f32]>::reverse);
            }
        }
        Self { input, target, mask, parts }
    }
}

fn kept_from_net(face: &Face, side: usize) -> Similarity {
    let map = align::kept_from_net(face.picture.width(), side as u32);
    Similarity { a: map.x[0] as f32, b: 0.0, shift: [map.x[2] as f32, map.y[2] as f32] }
}

/// Bilinear at the places that `at` names, the nearest pixel beyond the edge; planes 0 to 1.
fn sample(picture: &RgbImage, side: usize, at: impl Fn(usize, usize) -> [f32; 2]) -> Vec<f32> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels: &[[u8; 3]] = picture.as_raw().as_chunks::<3>().0;
    let area = side * side;
    let mut planes = vec![0.0; 3 * area];
    for i in 0..area {
        let [x, y] = at(i % side, i / side);
        let x = (x - 0.5).clamp(0.0, (width - 1) as f32);
        let y = (y - 0.5).clamp(0.0, (height - 1) as f32);
        let (left, top) = ((x as usize).min(width.saturating_sub(2)), (y as usize).min(height.saturating_sub(2)));
        let (fx, fy) = (x - left as f32, y - top as f32);
        let row = |y: usize| {
            let line = &pixels[y.min(height - 1) * width..];
            (line[left], line[(left + 1).min(width - 1)])
        };
        let ((p, q), (r, s)) = (row(top), row(top + 1));
        for c in 0..3 {
            let mix = |a: u8, b: u8| f32::from(a) + (f32::from(b) - f32::from(a)) * fx;
            let (upper, lower) = (mix(p[c], q[c]), mix(r[c], s[c]));
            planes[c * area + i] = (upper + (lower - upper) * fy) / 255.0;
        }
    }
    planes
}

/// A smooth random displacement: offsets at the corners of a coarse grid, nothing at the edge.
struct Warp {
    cells: usize,
    cell: f32,
    offsets: Vec<[f32; 2]>,
}

impl Warp {
    /// Cells of a half, a quarter or an eighth of the side, corners moved by 0.24 of a cell
    /// (DeepFaceLab, `core/imagelib/warp.py`).
    fn drawn(side: usize, rng: &mut Rng) -> Self {
        let cells = 2usize << rng.below(3);
        let cell = side as f32 / cells as f32;
        let inner = 1..cells;
        let offsets = (0..(cells + 1) * (cells + 1))
            .map(|i| {
                let (x, y) = (i % (cells + 1), i / (cells + 1));
                let mut offset = || rng.normal() as f32 * 0.24 * cell;
                if inner.contains(&x) && inner.contains(&y) { [offset(), offset()] } else { [0.0; 2] }
            })
            .collect();
        Self { cells, cell, offsets }
    }

    /// Where the pixel's value is taken from, in pixels.
    fn at(&self, x: usize, y: usize) -> [f32; 2] {
        let (u, v) = (x as f32 / self.cell, y as f32 / self.cell);
        let (left, top) = ((u as usize).min(self.cells - 1), (v as usize).min(self.cells - 1));
        let (fx, fy) = (u - left as f32, v - top as f32);
        let of = |x: usize, y: usize, c: usize| self.offsets[y * (self.cells + 1) + x][c];
        let offset = [0, 1].map(|c| {
            let upper = of(left, top, c) * (1.0 - fx) + of(left + 1, top, c) * fx;
            let lower = of(left, top + 1, c) * (1.0 - fx) + of(left + 1, top + 1, c) * fx;
            upper * (1.0 - fy) + lower * fy
        });
        [x as f32 + offset[0], y as f32 + offset[1]]
    }
}

/// A change of light.
struct Colours {
    gamma: f32,
    contrast: f32,
    tint: [f32; 3],
    saturation: f32,
}

impl Colours {
    fn drawn(rng: &mut Rng) -> Self {
        Self {
            gamma: rng.range(-0.25, 0.25).exp() as f32,
            contrast: rng.range(0.85, 1.15) as f32,
            tint: std::array::from_fn(|_| rng.range(0.92, 1.08) as f32),
            saturation: rng.range(0.8, 1.2) as f32,
        }
    }

    fn apply(&self, planes: &mut [f32]) {
        let area = planes.len() / 3;
        for i in 0..area {
            let p: [f32; 3] = std::array::from_fn(|c| planes[c * area + i].powf(self.gamma) * self.tint[c]);
            let grey = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
            for c in 0..3 {
                let v = grey + (p[c] - grey) * self.saturation;
                planes[c * area + i] = ((v - 0.5) * self.contrast + 0.5).clamp(0.0, 1.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face() -> Face {
        let picture = RgbImage::from_fn(104, 104, |x, y| image::Rgb([(2 * x) as u8, (2 * y) as u8, 90]));
        let ring = |n: usize, r: f32| -> Vec<[f32; 2]> {
            (0..n).map(|i| [52.0 + r * (i as f32).cos(), 52.0 + r * (i as f32).sin()]).collect()
        };
        Face { file: "a.jpg".into(), picture, mesh: ring(468, 30.0), points68: ring(68, 10.0) }
    }

    #[test]
    fn a_plain_example_is_the_inner_part_of_the_crop() {
        let example = Example::plain(&face(), 64);
        assert_eq!(example.input, example.target);
        // The network's crop begins a tenth of the kept one inside: 10.4 pixels, and 1.3 of them
        // are one.
        let expected = (10.4 + 1.3 * 32.5 - 0.5) * 2.0 / 255.0;
        assert!((example.target[20 * 64 + 32] - expected).abs() < 0.01);
        let area: f32 = example.mask.iter().sum();
        let disc = std::f32::consts::PI * (30.0f32 / 1.3).powi(2);
        assert!((area / disc - 1.0).abs() < 0.05, "{area} {disc}");
        assert!(example.parts.iter().sum::<f32>() < 0.5 * area);
    }

    #[test]
    fn drawn_examples_follow_their_seed_and_keep_their_range() {
        let augment = Augment { warps: true, mirrors: true, colours: true };
        let of = |seed| Example::drawn(&face(), 64, augment, &mut Rng::new(seed));
        let (a, b, c) = (of(1), of(1), of(2));
        assert_eq!(a.input, b.input);
        assert_ne!(a.input, c.input);
        assert_ne!(a.input, a.target);
        assert!(a.input.iter().chain(&a.target).chain(&a.mask).all(|v| (0.0..=1.0).contains(v)));
    }

    #[test]
    fn a_warp_moves_the_inside_and_leaves_the_edge() {
        let mut rng = Rng::new(4);
        for _ in 0..8 {
            let warp = Warp::drawn(64, &mut rng);
            assert!((0..64).all(|x| warp.at(x, 0) == [x as f32, 0.0]));
            assert!((0..64).any(|x| (warp.at(x, 32)[0] - x as f32).abs() > 0.2));
        }
    }
}
