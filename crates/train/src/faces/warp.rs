//! Cutting crops out of pictures: similarity transforms and a sampler that does not alias.
use image::{RgbImage, imageops};

use assay_material::rng::Rng;

/// `target = scale * rotation * source + shift`, or its mirror image, as `[a, -b; b, a]` and a sign
/// of x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Scale times cosine.
    pub a: f32,
    /// Scale times sine.
    pub b: f32,
    /// Shift.
    pub shift: [f32; 2],
}

impl Similarity {
    /// About `centre` in the source by `radians`, times `scale`, to `target`.
    pub fn about(centre: [f32; 2], radians: f32, scale: f32, target: [f32; 2]) -> Self {
        let (a, b) = (scale * radians.cos(), scale * radians.sin());
        let shift = [target[0] - (a * centre[0] - b * centre[1]), target[1] - (b * centre[0] + a * centre[1])];
        Self { a, b, shift }
    }

    /// The least-squares transform from `source` to `target` points (Umeyama 1991, in two
    /// dimensions).
    pub fn fit(source: &[[f32; 2]], target: &[[f32; 2]]) -> Self {
        let n = source.len().min(target.len()).max(1) as f32;
        let mean = |p: &[[f32; 2]]| [p.iter().map(|q| q[0]).sum::<f32>() / n, p.iter().map(|q| q[1]).sum::<f32>() / n];
        let (from, to) = (mean(source), mean(target));
        let (mut dot, mut cross, mut norm) = (0.0, 0.0, 0.0);
        for (s, t) in source.iter().zip(target) {
            let (sx, sy, tx, ty) = (s[0] - from[0], s[1] - from[1], t[0] - to[0], t[1] - to[1]);
            dot += sx * tx + sy * ty;
            cross += sx * ty - sy * tx;
            norm += sx * sx + sy * sy;
        }
        let norm = norm.max(1e-6);
        let (a, b) = (dot / norm, cross / norm);
        Self { a, b, shift: [to[0] - (a * from[0] - b * from[1]), to[1] - (b * from[0] + a * from[1])] }
    }

    /// The image of a point.
    pub fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [self.a * x - self.b * y + self.shift[0], self.b * x + self.a * y + self.shift[1]]
    }

    /// The transform back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let square = (self.a * self.a + self.b * self.b).max(1e-12);
        let (a, b) = (self.a / square, -self.b / square);
        let [x, y] = self.shift;
        Self { a, b, shift: [-(a * x - b * y), -(b * x + a * y)] }
    }

    /// How many target pixels a source pixel spans.
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }

    /// A jittered copy about the middle of a square target of side `side`: shift in sides, turn in
    /// radians, scale as a logarithm.
    #[must_use]
    pub fn jittered(&self, rng: &mut Rng, side: f32, shift: f32, turn: f32, scale: f32) -> Self {
        let middle = [side / 2.0; 2];
        let to = [middle[0] + rng.normal() as f32 * shift * side, middle[1] + rng.normal() as f32 * shift * side];
        let jitter = Self::about(middle, rng.normal() as f32 * turn, (rng.normal() as f32 * scale).exp(), to);
        let shift = jitter.apply(self.shift);
        Self { a: jitter.a * self.a - jitter.b * self.b, b: jitter.b * self.a + jitter.a * self.b, shift }
    }
}

/// A picture at every halving.
#[derive(Debug)]
pub struct Levels(Vec<RgbImage>);

impl Levels {
    /// Halves down to 16 pixels.
    pub fn new(picture: RgbImage) -> Self {
        let mut levels = vec![picture];
        while let Some(last) = levels.last() {
            let (width, height) = (last.width() / 2, last.height() / 2);
            if width.min(height) < 16 {
                break;
            }
            levels.push(imageops::thumbnail(last, width, height));
        }
        Self(levels)
    }

    /// The picture itself.
    pub fn full(&self) -> &RgbImage {
        &self.0[0]
    }

    /// The square of side `side` that `target_from_source` shows, laid over `canvas` where the
    /// picture reaches; `canvas` is `side * side` pixels, RGB.
    pub fn draw(&self, target_from_source: &Similarity, side: usize, canvas: &mut [[f32; 3]]) {
        let scale = target_from_source.scale();
        let level = (-scale.log2()).floor().clamp(0.0, (self.0.len() - 1) as f32) as usize;
        let picture = &self.0[level];
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let shrink = [width as f32 / self.0[0].width() as f32, height as f32 / self.0[0].height() as f32];
        let back = target_from_source.inverse();
        let pixels: &[[u8; 3]] = picture.as_raw().as_chunks::<3>().0;
        for y in 0..side {
            for x in 0..side {
                let [sx, sy] = back.apply([x as f32 + 0.5, y as f32 + 0.5]);
                let (sx, sy) = (sx * shrink[0] - 0.5, sy * shrink[1] - 0.5);
                if sx < 0.0 || sy < 0.0 || sx > (width - 1) as f32 || sy > (height - 1) as f32 {
                    continue;
                }
                let (ix, iy) = ((sx as usize).min(width - 2), (sy as usize).min(height - 2));
                let (fx, fy) = (sx - ix as f32, sy - iy as f32);
                let at = iy * width + ix;
                let (p, q) = (&pixels[at..at + 2], &pixels[at + width..at + width + 2]);
                let out = &mut canvas[y * side + x];
                for c in 0..3 {
                    let top = f32::from(p[0][c]) * (1.0 - fx) + f32::from(p[1][c]) * fx;
                    let bottom = f32::from(q[0][c]) * (1.0 - fx) + f32::from(q[1][c]) * fx;
                    out[c] = top * (1.0 - fy) + bottom * fy;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_finds_the_transform_and_its_inverse_leads_back() {
        let truth = Similarity::about([10.0, 20.0], 0.4, 1.7, [64.0, 60.0]);
        let source = [[1.0, 2.0], [30.0, 5.0], [12.0, 44.0], [-7.0, 3.0]];
        let target = source.map(|p| truth.apply(p));
        let found = Similarity::fit(&source, &target);
        for p in source {
            let (back, same) = (found.inverse().apply(found.apply(p)), truth.apply(p));
            assert!((back[0] - p[0]).abs() < 1e-3 && (found.apply(p)[1] - same[1]).abs() < 1e-3);
        }
        assert!((found.scale() - 1.7).abs() < 1e-4);
    }

    #[test]
    fn a_ramp_is_drawn_at_the_right_place_at_every_scale() {
        let ramp = RgbImage::from_fn(256, 256, |x, y| image::Rgb([x as u8, y as u8, 0]));
        let levels = Levels::new(ramp);
        for scale in [1.0, 0.5, 0.2, 2.0] {
            let view = Similarity::about([128.0, 128.0], 0.0, scale, [32.0, 32.0]);
            let mut canvas = vec![[0.0; 3]; 64 * 64];
            levels.draw(&view, 64, &mut canvas);
            for (x, y) in [(32usize, 32usize), (40, 25)] {
                let [sx, sy] = view.inverse().apply([x as f32 + 0.5, y as f32 + 0.5]);
                let got = canvas[y * 64 + x];
                assert!(
                    (got[0] - (sx - 0.5)).abs() < 1.6 && (got[1] - (sy - 0.5)).abs() < 1.6,
                    "{scale}: {got:?} {sx} {sy}"
                );
            }
        }
    }
}
