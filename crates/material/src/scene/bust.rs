//! The portrait bust: ellipsoids with shading, hair of streaked noise, a woven jacket. Nobody in
//! particular.
use super::layout::{LIGHT, shaded};
use super::noise::{V3, add, cell, dot, fractal, layer, lerp, mul, smooth, srgb, unit, value};
use crate::rng::Rng;

/// Colours and proportions of the sitter.
#[derive(Debug, Clone)]
pub(super) struct Bust {
    seed: u64,
    skin: V3,
    hair: V3,
    jacket: V3,
    shirt: V3,
    iris: V3,
}

/// Half width and half height of the head in picture heights.
const HEAD: (f32, f32) = (0.104, 0.142);

impl Bust {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let mut pick = |colours: &[V3]| rng.pick(colours).copied().unwrap_or([0.5; 3]);
        let skin =
            pick(&[srgb(0.90, 0.72, 0.60), srgb(0.78, 0.57, 0.44), srgb(0.55, 0.37, 0.27), srgb(0.86, 0.66, 0.52)]);
        let hair =
            pick(&[srgb(0.16, 0.11, 0.08), srgb(0.36, 0.22, 0.12), srgb(0.55, 0.38, 0.20), srgb(0.10, 0.10, 0.11)]);
        let jacket =
            pick(&[srgb(0.20, 0.27, 0.38), srgb(0.36, 0.24, 0.26), srgb(0.25, 0.33, 0.27), srgb(0.40, 0.38, 0.36)]);
        let shirt = pick(&[srgb(0.92, 0.91, 0.88), srgb(0.80, 0.86, 0.93), srgb(0.94, 0.88, 0.76)]);
        let iris = pick(&[srgb(0.33, 0.22, 0.13), srgb(0.27, 0.42, 0.52), srgb(0.32, 0.40, 0.25)]);
        Self { seed: rng.next_u64(), skin, hair, jacket, shirt, iris }
    }

    /// Light at a point relative to the middle of the head; `None` where the bust does not cover.
    pub(super) fn light(&self, x: f32, y: f32) -> Option<V3> {
        self.fringe(x, y)
            .or_else(|| self.face(x, y))
            .or_else(|| self.ears(x, y))
            .or_else(|| self.clothes(x, y))
            .or_else(|| self.neck(x, y))
            .or_else(|| self.hair_behind(x, y))
    }

    fn strands(&self, x: f32, y: f32, normal: V3) -> V3 {
        // Streaks run around the crown: fine across the strand, long along it.
        let angle = x.atan2(-(y + 0.02));
        let radius = x.hypot(y);
        let fine = value(self.seed, angle * 70.0, radius * 14.0);
        let coarse = value(layer(self.seed, 9), angle * 16.0, radius * 9.0);
        let sheen = (-((radius - 0.115) / 0.022).powi(2)).exp() * smooth(0.9, -0.6, x / HEAD.0) * 0.5;
        let colour = mul(self.hair, 0.45 + 0.75 * fine + 0.5 * coarse);
        add(shaded(colour, normal, 0.0), mul([1.0, 0.93, 0.82], sheen * fine * 0.22))
    }

    fn fringe(&self, x: f32, y: f32) -> Option<V3> {
        let (u, v) = (x / (HEAD.0 * 1.10), (y + 0.012) / (HEAD.1 * 1.09));
        let inside = u * u + v * v < 1.0;
        let line = -0.54
            + 0.30 * (u - 0.25) * (u - 0.25)
            + 0.62 * smooth(0.66, 1.0, u.abs())
            + 0.05 * (value(layer(self.seed, 3), u * 26.0, 0.5) - 0.5);
        (inside && v < line).then(|| {
            let depth = (1.0 - u * u - v * v).max(0.0).sqrt();
            self.strands(x, y, unit([u, v, depth + 0.15]))
        })
    }

    fn hair_behind(&self, x: f32, y: f32) -> Option<V3> {
        let (u, v) = (x / (HEAD.0 * 1.2), (y - 0.02) / (HEAD.1 * 1.14));
        (u * u + v * v < 1.0 && v < 0.82).then(|| mul(self.strands(x, y, unit([u, v, 0.5])), 0.55))
    }

    fn skin(&self, x: f32, y: f32, normal: V3, shade: f32) -> V3 {
        let grain = fractal(layer(self.seed, 21), x * 260.0, y * 260.0, 3) - 0.5;
        let tone = fractal(layer(self.seed, 22), x * 22.0, y * 22.0, 3) - 0.5;
        let colour = mul(self.skin, 1.0 + 0.16 * grain + 0.14 * tone);
        mul(shaded(colour, normal, 0.10), shade)
    }

    fn face(&self, x: f32, y: f32) -> Option<V3> {
        let v = y / HEAD.1;
        let jaw = 1.0 - 0.24 * smooth(0.1, 1.0, v) - 0.05 * smooth(-0.3, -1.0, v);
        let u = x / (HEAD.0 * jaw);
        let inside = 1.0 - u * u - v * v;
        if inside < 0.0 {
            return None;
        }
        let bump = |cx: f32, cy: f32, sx: f32, sy: f32| -> (f32, f32, f32) {
            let (dx, dy) = ((x - cx) / sx, (y - cy) / sy);
            let g = (-(dx * dx + dy * dy)).exp();
            (g, dx * g, dy * g)
        };
        // Nose, cheeks, brow ridge and chin push the surface out; its slope follows.
        let mut normal = [u, v, inside.sqrt() + 0.12];
        for (cx, cy, sx, sy, amount) in [
            (0.0, 0.022, 0.015, 0.045, 0.75),
            (0.0, 0.046, 0.020, 0.015, 0.55),
            (-0.052, 0.038, 0.030, 0.030, 0.22),
            (0.052, 0.038, 0.030, 0.030, 0.22),
            (0.0, -0.032, 0.075, 0.016, 0.22),
            (0.0, 0.118, 0.026, 0.020, 0.30),
            (-0.038, -0.006, 0.024, 0.014, -0.45),
            (0.038, -0.006, 0.024, 0.014, -0.45),
        ] {
            let (_, gx, gy) = bump(cx, cy, sx, sy);
            normal[0] += amount * 1.6 * gx;
            normal[1] += amount * 1.6 * gy;
        }
        let normal = unit(normal);
        let under_nose = bump(0.006, 0.066, 0.019, 0.007).0;
        let under_lip = bump(0.0, 0.102, 0.022, 0.006).0;
        let shade = 1.0 - 0.42 * under_nose - 0.25 * under_lip - 0.18 * bump(0.0, -0.1, 0.09, 0.02).0;
        let mut light = self.skin(x, y, normal, shade);
        for side in [-1.0, 1.0] {
            // Blush, nostrils, brows, eyes.
            light = lerp(
                light,
                [light[0], light[1] * 0.8, light[2] * 0.78],
                0.6 * bump(side * 0.055, 0.042, 0.03, 0.022).0,
            );
            light = mul(light, 1.0 - 0.6 * bump(side * 0.0115, 0.058, 0.0055, 0.0035).0);
            let (bx, by) = (x * side - 0.039, y + 0.034);
            let arch = by + 0.006 - 4.5 * bx * bx;
            let thick =
                0.0062 * smooth(0.031, 0.0, bx.abs()) * (0.8 + 0.5 * value(layer(self.seed, 4), x * 900.0, y * 300.0));
            if thick > 0.0 {
                light = lerp(light, mul(self.hair, 0.35), 0.85 * smooth(thick, thick * 0.3, arch.abs()));
            }
            light = self.eye(x, y, side, light);
        }
        Some(self.lips(x, y, light))
    }

    fn eye(&self, x: f32, y: f32, side: f32, skin: V3) -> V3 {
        let (ex, ey) = (x - side * 0.039, y + 0.006);
        let half = 0.023;
        let opening = 1.0 - (ex / half).powi(2);
        if opening <= 0.0 {
            return skin;
        }
        let (top, bottom) = (-0.0105 * opening, 0.0075 * opening);
        let lid = smooth(0.0028, 0.0008, (ey - top).abs());
        let crease = 0.35 * smooth(0.0022, 0.0, (ey - top + 0.0048).abs());
        let mut light = mul(skin, 1.0 - crease);
        if ey > top && ey < bottom {
            let white = mul(srgb(0.93, 0.91, 0.89), 0.62 + 0.2 * smooth(top, bottom, ey));
            let from_iris = (ex - 0.001).hypot(ey);
            let rays = value(layer(self.seed, 6), ey.atan2(ex) * 9.0, from_iris * 300.0);
            let iris = mul(self.iris, 0.6 + 0.9 * rays);
            light = lerp(white, iris, smooth(0.0108, 0.0096, from_iris));
            light = lerp(light, [0.006; 3], smooth(0.0048, 0.0040, from_iris));
            light = lerp(light, [1.0; 3], smooth(0.0028, 0.0018, (ex + 0.0035).hypot(ey + 0.0035)));
            light = mul(light, 0.6 + 0.4 * smooth(top, top + 0.005, ey));
        }
        lerp(light, mul(self.hair, 0.12), 0.9 * lid * smooth(half, half * 0.8, ex.abs()))
    }

    fn lips(&self, x: f32, y: f32, skin: V3) -> V3 {
        let (lx, ly) = (x / 0.034, y - 0.086);
        let width = 1.0 - lx * lx;
        if width <= 0.0 {
            return skin;
        }
        let bow = 0.0022 * (1.0 - (lx / 0.28).powi(2)).max(0.0);
        let (top, bottom) = (-0.0088 * width.sqrt() * (1.0 - 0.15 * lx.abs()) + bow, 0.0115 * width);
        let inside = smooth(top - 0.001, top + 0.001, ly) * smooth(bottom + 0.001, bottom - 0.001, ly);
        let wrinkles = value(layer(self.seed, 8), x * 900.0, y * 120.0);
        let rose = [skin[0] * 0.92, skin[1] * 0.58, skin[2] * 0.62];
        let lower = if ly > 0.0 {
            1.08 + 0.3 * (-((lx + 0.25) / 0.3).powi(2) - ((ly - 0.005) / 0.003).powi(2)).exp()
        } else {
            0.82
        };
        let seam = 1.0 - 0.65 * smooth(0.0018, 0.0003, (ly - 0.001 * (lx * 3.0).cos()).abs());
        lerp(skin, mul(rose, lower * seam * (0.9 + 0.2 * wrinkles)), 0.9 * inside)
    }

    fn ears(&self, x: f32, y: f32) -> Option<V3> {
        let (u, v) = ((x.abs() - HEAD.0 * 0.99) / 0.017, (y - 0.012) / 0.034);
        let inside = 1.0 - u * u - v * v;
        (inside > 0.0).then(|| {
            let fold = 1.0 - 0.35 * (-((inside - 0.55) / 0.15).powi(2)).exp();
            self.skin(x, y, unit([x.signum() * 0.5 + u * 0.4, v * 0.5, 0.7]), fold * 0.9)
        })
    }

    fn neck(&self, x: f32, y: f32) -> Option<V3> {
        let half = 0.058 + 0.02 * smooth(0.16, 0.24, y);
        (x.abs() < half && y > 0.05 && y < 0.3).then(|| {
            let u = x / half;
            let chin = 1.0 - 0.55 * smooth(0.20, 0.12, y + 0.12 * x);
            self.skin(x, y, unit([u, 0.05, (1.0 - u * u).max(0.0).sqrt() + 0.1]), chin)
        })
    }

    fn clothes(&self, x: f32, y: f32) -> Option<V3> {
        let across = x.abs();
        let shoulder = 0.172 + 0.062 * smooth(0.03, 0.17, across) + 1.9 * (across - 0.16).max(0.0).powi(2) * 6.0;
        let collar = 0.185 - 0.25 * (across - 0.062).abs();
        if y < shoulder.min(if across < 0.1 { collar } else { 9.0 }) || across > 0.27 {
            return None;
        }
        let opening = 0.075 - 0.42 * (y - 0.19);
        let throat = 0.05 - 0.95 * (y - 0.175);
        if across < throat {
            return None;
        }
        let u = x / 0.27;
        let folds = fractal(layer(self.seed, 31), x * 9.0 + y * 4.0, y * 3.0, 3) - 0.5;
        let normal = unit([u * 0.9 + folds * 0.8, -0.25 * smooth(0.32, 0.2, y), 0.75]);
        if across < opening {
            let weave = 0.97 + 0.06 * cell(self.seed, (x * 700.0) as i32, (y * 700.0) as i32);
            let edge = 1.0 - 0.45 * smooth(0.010, 0.0, (across - throat).abs() - 0.002) * 0.6;
            let button = smooth(0.0065, 0.0055, across.hypot((y - 0.27).rem_euclid(0.07) - 0.035));
            let cloth = mul(shaded(mul(self.shirt, weave), normal, 0.0), edge);
            return Some(lerp(cloth, mul(self.jacket, 0.8), button * 0.8));
        }
        // Herringbone: diagonals that change direction from column to column.
        let column = (x * 62.0).floor() as i32;
        let slant = if column % 2 == 0 { x } else { -x };
        let twill = ((y * 150.0 + slant * 150.0) * std::f32::consts::TAU).sin();
        let fibre = cell(layer(self.seed, 2), (x * 900.0) as i32, (y * 900.0) as i32) - 0.5;
        let lapel = 1.0
            - 0.5 * smooth(0.007, 0.0, (across - opening - 0.004).abs())
            - 0.35
                * smooth(0.005, 0.0, (across - opening - 0.062 + 0.5 * (y - 0.25).max(0.0)).abs())
                * smooth(0.36, 0.33, y);
        let colour = mul(self.jacket, (1.0 + 0.22 * twill + 0.35 * fibre) * lapel);
        let rim = 0.25 * dot(normal, LIGHT).max(0.0);
        Some(add(shaded(colour, normal, 0.0), mul(colour, rim)))
    }
}
