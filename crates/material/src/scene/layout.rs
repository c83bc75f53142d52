//! What stands where in the drawn scene and what light comes from it.
use super::bust::Bust;
use super::noise::{V3, add, cell, dot, fractal, layer, lerp, mul, smooth, srgb, unit, value};
use crate::rng::Rng;

/// Direction to the window: left, up, towards the viewer. Unit length.
pub(super) const LIGHT: V3 = [-0.5657, -0.5657, 0.6];

/// Height of the table's far edge.
const TABLE: f32 = 0.635;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Skin {
    Orange,
    Apple,
    Lemon,
    Plum,
}

#[derive(Debug, Clone)]
struct Fruit {
    skin: Skin,
    x: f32,
    y: f32,
    /// Half width and half height.
    size: (f32, f32),
    seed: u64,
}

/// Everything drawn from the seed: colours, places, textures.
#[derive(Debug, Clone)]
pub struct Scene {
    seed: u64,
    brick: V3,
    cloth: V3,
    sky: V3,
    fruits: Vec<Fruit>,
    bust: Bust,
    bust_x: f32,
}

/// A matte surface in the room: window light, room light from above, a little light thrown back by
/// the table.
pub(super) fn shaded(colour: V3, normal: V3, gloss: f32) -> V3 {
    let direct = dot(normal, LIGHT).max(0.0);
    let room = 0.20 + 0.10 * (1.0 - normal[1]) / 2.0 + 0.06 * normal[1].max(0.0);
    let lit = std::array::from_fn(|c| colour[c] * (direct * [0.92, 0.88, 0.80][c] + room * [0.92, 0.98, 1.08][c]));
    // Half vector between the light and the viewer.
    let half = unit(add(LIGHT, [0.0, 0.0, 1.0]));
    add(lit, mul([1.0, 0.98, 0.94], gloss * dot(normal, half).max(0.0).powi(38)))
}

impl Scene {
    /// The scene of that seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::labelled(seed, "scene");
        let pick = |rng: &mut Rng, colours: &[V3]| rng.pick(colours).copied().unwrap_or([0.5; 3]);
        let brick = pick(&mut rng, &[srgb(0.62, 0.36, 0.29), srgb(0.58, 0.44, 0.36), srgb(0.52, 0.40, 0.38)]);
        let cloth = pick(&mut rng, &[srgb(0.20, 0.36, 0.60), srgb(0.66, 0.18, 0.18), srgb(0.20, 0.46, 0.36)]);
        let sky = pick(&mut rng, &[srgb(0.36, 0.58, 0.86), srgb(0.46, 0.64, 0.84)]);
        let mut skins = [Skin::Orange, Skin::Apple];
        if rng.chance(0.5) {
            skins.reverse();
        }
        let mut fruit = |skin, x: f32, y: f32, r: f32, squash: f32| Fruit {
            skin,
            x: x + rng.range(-0.015, 0.015) as f32,
            y: y + rng.range(-0.008, 0.008) as f32,
            size: (r, r * squash),
            seed: rng.next_u64(),
        };
        let fruits = vec![
            fruit(skins[0], -0.37, 0.765, 0.098, 0.96),
            fruit(skins[1], -0.175, 0.790, 0.084, 0.95),
            fruit(Skin::Lemon, -0.285, 0.926, 0.066, 0.74),
            fruit(Skin::Plum, -0.085, 0.880, 0.052, 0.96),
            fruit(Skin::Plum, -0.525, 0.880, 0.050, 0.97),
        ];
        let bust = Bust::draw(&mut rng);
        let bust_x = 0.14 + rng.range(-0.02, 0.02) as f32;
        Self { seed, brick, cloth, sky, fruits, bust, bust_x }
    }

    /// Linear light at a point; see [`super::point_at`] for the coordinates.
    pub(super) fn light(&self, x: f32, y: f32, time_secs: f32) -> V3 {
        // The camera moves on a slow, small path that starts at rest.
        let (x, y) = (x + 0.03 * (0.9 * time_secs).sin(), y + 0.008 * (1.3 * time_secs).sin());
        if let Some(light) = self.ball(x, y, time_secs) {
            return light;
        }
        if let Some(light) = self.nearest_fruit(x, y).and_then(|fruit| self.fruits[fruit].light(x, y)) {
            return light;
        }
        if let Some(light) = self.card(x, y) {
            return light;
        }
        if y > TABLE {
            return self.table(x, y, time_secs);
        }
        let sway = (0.022 * (1.7 * time_secs).sin(), 0.006 * (3.1 * time_secs).sin());
        if let Some(light) = self.bust.light(x - self.bust_x - sway.0, y - 0.275 - sway.1) {
            return light;
        }
        self.window(x, y).or_else(|| self.poster(x, y)).unwrap_or_else(|| self.wall(x, y))
    }

    /// Number of the fruit seen at a point: the one whose foot stands nearest.
    pub(super) fn nearest_fruit(&self, x: f32, y: f32) -> Option<usize> {
        let foot = |i: &usize| self.fruits[*i].y + self.fruits[*i].size.1;
        (0..self.fruits.len())
            .filter(|i| self.fruits[*i].covers(x, y).is_some())
            .max_by(|a, b| foot(a).total_cmp(&foot(b)))
    }

    fn wall(&self, x: f32, y: f32) -> V3 {
        let (bw, bh) = (0.132, 0.047);
        let row = (y / bh).floor();
        let shift = if row as i32 % 2 == 0 { 0.0 } else { 0.5 };
        let wobble = 0.0035 * (fractal(layer(self.seed, 71), x * 30.0, y * 30.0, 2) - 0.5);
        let column = (x / bw + shift).floor();
        let (u, v) = ((x / bw + shift - column) * bw + wobble, (y / bh - row) * bh + wobble);
        let edge = u.min(bw - u).min(v).min(bh - v);
        let tint = cell(layer(self.seed, 5), column as i32, row as i32);
        let tint2 = cell(layer(self.seed, 6), column as i32, row as i32);
        let rough = fractal(layer(self.seed, 72), x * 120.0, y * 120.0, 4);
        let slope = fractal(layer(self.seed, 72), (x + 0.003) * 120.0, (y + 0.003) * 120.0, 4) - rough;
        let pits = smooth(0.32, 0.22, fractal(layer(self.seed, 73), x * 70.0, y * 70.0, 3));
        let face = mul(self.brick, 0.62 + 0.55 * tint + 0.35 * (rough - 0.5));
        let face = lerp(face, [face[0] * 0.8, face[0] * 0.72, face[0] * 0.70], 0.6 * tint2 * tint2);
        let mortar = mul(srgb(0.66, 0.63, 0.58), 0.7 + 0.5 * fractal(layer(self.seed, 74), x * 160.0, y * 160.0, 3));
        let bevel = smooth(0.0030, 0.0062, edge);
        let relief = if v < bh / 2.0 { 0.10 } else { -0.12 } * smooth(0.011, 0.004, edge) * bevel;
        let colour = lerp(mortar, mul(face, 1.0 - 0.45 * pits), bevel);
        // The wall darkens away from the window, and behind the sitter.
        let fall = 0.92 - 0.34 * smooth(-0.5, 0.9, x) - 0.10 * y;
        let behind = (x - self.bust_x - 0.05) / 0.2;
        let shadow = 1.0 - 0.38 * (-(behind * behind) - ((y - 0.42) / 0.28).powi(2)).exp();
        mul(shaded(colour, [0.0, 0.0, 1.0], 0.0), (fall + relief + 2.6 * slope) * shadow)
    }

    fn window(&self, x: f32, y: f32) -> Option<V3> {
        let (left, right, top, bottom) = (-0.60, -0.135, 0.055, 0.485);
        let outside = (left - x).max(x - right).max(top - y).max(y - bottom);
        if outside > 0.030 {
            return None;
        }
        let middle = ((x - f32::midpoint(left, right)).abs()).min((y - f32::midpoint(top, bottom) + 0.04).abs());
        let frame = outside > 0.0 || middle < 0.009;
        if frame {
            let long =
                if outside > 0.0 && (left - x).max(x - right) >= (top - y).max(y - bottom) { (x, y) } else { (y, x) };
            let grain = fractal(layer(self.seed, 81), long.0 * 260.0, long.1 * 9.0, 4);
            let rim = (outside.abs().min((0.030 - outside).abs()) / 0.006).min(1.0);
            let sill = if y > bottom { 1.15 } else { 0.88 };
            let colour = mul(srgb(0.86, 0.83, 0.77), (0.72 + 0.4 * grain) * (0.72 + 0.28 * rim) * sill);
            return Some(shaded(colour, unit([-0.1, if y > bottom { -0.6 } else { 0.1 }, 0.9]), 0.0));
        }
        Some(self.outdoors(x, y))
    }

    fn outdoors(&self, x: f32, y: f32) -> V3 {
        let hill = 0.385 + 0.05 * (fractal(layer(self.seed, 91), x * 5.0, 0.0, 3) - 0.5);
        let trees = 0.43
            + 0.07 * (fractal(layer(self.seed, 92), x * 16.0, 1.0, 4) - 0.55)
            + 0.02 * (value(layer(self.seed, 93), x * 160.0, y * 60.0) - 0.5);
        if y > trees {
            let leaves = fractal(layer(self.seed, 94), x * 110.0, y * 110.0, 4);
            return mul(srgb(0.28, 0.42, 0.18), 0.25 + 1.5 * leaves * leaves);
        }
        if y > hill {
            let fields = fractal(layer(self.seed, 95), x * 24.0, y * 90.0, 4);
            return lerp(srgb(0.50, 0.62, 0.42), srgb(0.62, 0.70, 0.66), 0.4 + 0.4 * fields);
        }
        let (cx, cy) = (x * 5.5, y * 11.0);
        let warp = fractal(layer(self.seed, 96), cx * 1.3, cy * 1.3, 4) - 0.5;
        let cloud = smooth(0.46, 0.70, fractal(layer(self.seed, 97), cx + 1.2 * warp, cy + 0.8 * warp, 6));
        let lit = fractal(layer(self.seed, 97), cx - 0.25 + 1.2 * warp, cy - 0.3 + 0.8 * warp, 6);
        let clear = lerp(self.sky, srgb(0.80, 0.88, 0.94), smooth(0.0, 0.42, y));
        lerp(clear, mul([1.0, 0.99, 0.97], (1.12 - 0.62 * (lit - 0.35)).min(1.0)), cloud)
    }

    fn poster(&self, x: f32, y: f32) -> Option<V3> {
        let (left, top, width, height) = (0.395, 0.085, 0.215, 0.33);
        // It hangs a little crooked.
        let (dx, dy) = (x - left - width / 2.0, y - top - height / 2.0);
        let (u, v) = ((dx - 0.025 * dy) / width + 0.5, (dy + 0.025 * dx) / height + 0.5);
        if !(0.0..1.0).contains(&u) || !(0.0..1.0).contains(&v) {
            return None;
        }
        let paper = mul(srgb(0.93, 0.90, 0.82), 0.95 + 0.08 * fractal(layer(self.seed, 101), u * 40.0, v * 60.0, 3));
        let ink = srgb(0.13, 0.13, 0.16);
        let mut colour = paper;
        if (0.08..0.92).contains(&u) && (0.05..0.125).contains(&v) {
            colour = self.words((u, v - 0.05), (0.075, 0.052), 301, (paper, ink));
        } else if (0.08..0.92).contains(&u) && (0.15..0.48).contains(&v) {
            colour = picture_on_poster((u - 0.08) / 0.84, (v - 0.15) / 0.33);
        } else if (0.08..0.92).contains(&u) && (0.53..0.94).contains(&v) {
            let line = ((v - 0.53) / 0.037).floor();
            let last = line as i32 % 4 == 3 && u > 0.55;
            if !last {
                colour = self.words((u, v - 0.53 - line * 0.037), (0.021, 0.0185), 400 + line as u64, (paper, ink));
            }
        }
        let curl = 1.0 - 0.12 * smooth(0.12, 0.0, (1.0 - u).min(1.0 - v));
        Some(mul(shaded(colour, unit([0.06, 0.0, 1.0]), 0.0), curl * (0.98 - 0.1 * u)))
    }

    /// Text-like strokes: words of upright and level bars in one line of the given height.
    fn words(&self, (u, v): (f32, f32), (height, pitch): (f32, f32), line: u64, (paper, ink): (V3, V3)) -> V3 {
        let letter = (u / pitch).floor();
        let seed = layer(self.seed, line);
        if !(0.0..height).contains(&v) || cell(seed, letter as i32, 7) < 0.17 {
            return paper;
        }
        let (a, b) = (u / pitch - letter, v / height);
        let kind = cell(seed, letter as i32, 1);
        let stem = (0.12..0.34).contains(&a) || (kind > 0.45 && (0.62..0.84).contains(&a));
        let bar = (kind < 0.75 && b < 0.2) || (kind > 0.25 && (0.42..0.58).contains(&b)) || (kind < 0.5 && b > 0.8);
        if stem || (bar && (0.12..0.84).contains(&a)) { ink } else { paper }
    }

    fn table(&self, x: f32, y: f32, time_secs: f32) -> V3 {
        let depth = 0.30 / (y - TABLE + 0.16);
        let (u, v) = (x * depth * 1.05, depth * 2.1);
        // Gingham: two sets of stripes, woven; where both are dyed the colour is full.
        let wave = 0.05 * (fractal(layer(self.seed, 111), u * 2.5, v * 2.5, 3) - 0.5);
        let stripe = |t: f32| smooth(0.03, -0.03, ((t * 7.0).rem_euclid(1.0) - 0.5).abs() - 0.25);
        let dyed = stripe(u + wave) + stripe(v + wave);
        let near = smooth(0.62, 0.95, y);
        let thread = ((u * 260.0).floor() as i32, (v * 260.0).floor() as i32);
        let weave = if (thread.0 + thread.1) % 2 == 0 { 0.06 } else { -0.06 } * near
            + 0.14 * (cell(layer(self.seed, 112), thread.0, thread.1) - 0.5);
        let linen = srgb(0.91, 0.89, 0.84);
        let colour = mul(lerp(linen, self.cloth, 0.46 * dyed), 1.0 + weave);
        let crease = fractal(layer(self.seed, 113), u * 3.0 + 9.0, v * 3.0, 4)
            - fractal(layer(self.seed, 113), u * 3.0 + 9.06, v * 3.0 + 0.05, 4);
        let mut shade = 1.0 + 2.2 * crease;
        for fruit in &self.fruits {
            shade *= fruit.shadow(x, y);
        }
        let (bx, by) = ball_place(time_secs);
        shade *= contact(x, y, bx, by + BALL, BALL);
        // The card's and the sitter's shadows.
        shade *= 1.0
            - 0.45
                * smooth(0.0, 0.03, x - 0.27)
                * smooth(0.66, 0.60, x - 0.35 * (y - 0.8))
                * smooth(0.925, 0.885, y)
                * smooth(0.66, 0.70, y);
        shade *= 1.0 - 0.35 * (-((x - self.bust_x - 0.08) / 0.24).powi(2)).exp() * smooth(TABLE + 0.09, TABLE, y);
        let edge = 1.0 - 0.5 * smooth(0.006, 0.0, y - TABLE);
        mul(shaded(colour, unit([0.0, -0.75, 0.66]), 0.0), shade * edge * (0.93 - 0.22 * smooth(-0.3, 0.9, x)))
    }

    /// A printed colour checker that leans on nothing in particular.
    fn card(&self, x: f32, y: f32) -> Option<V3> {
        let v = (y - 0.665) / 0.225;
        let lean = 0.018 * (1.0 - v);
        let u = (x - 0.295 - lean) / (0.30 - 2.0 * lean * 0.4);
        if !(0.0..1.0).contains(&u) || !(0.0..1.0).contains(&v) {
            return None;
        }
        let mut colour = srgb(0.10, 0.10, 0.105);
        let (pu, pv) = ((u - 0.035) / 0.93 * 6.0, (v - 0.045) / 0.74 * 4.0);
        if (0.0..6.0).contains(&pu) && (0.0..4.0).contains(&pv) {
            let (iu, iv) = (pu.floor(), pv.floor());
            if (pu - iu - 0.5).abs() < 0.42 && (pv - iv - 0.5).abs() < 0.42 {
                let [r, g, b] = PATCHES[(iv as usize * 6 + iu as usize).min(23)];
                colour = srgb(r, g, b);
            }
        } else if (0.84..0.95).contains(&v) && (0.035..0.965).contains(&u) {
            // A fine black and white checker and a line of type.
            if u < 0.5 {
                let (iu, iv) = ((u * 64.0).floor() as i32, ((v - 0.84) / 0.11 * 5.0).floor() as i32);
                colour = if (iu + iv) % 2 == 0 { srgb(0.93, 0.93, 0.92) } else { srgb(0.08, 0.08, 0.08) };
            } else if (0.865..0.925).contains(&v) {
                colour = self.words((u - 0.52, v - 0.865), (0.06, 0.034), 501, (colour, srgb(0.85, 0.85, 0.83)));
            }
        }
        Some(shaded(colour, unit([-0.12, -0.18, 0.97]), 0.015))
    }

    fn ball(&self, x: f32, y: f32, time_secs: f32) -> Option<V3> {
        let (bx, by) = ball_place(time_secs);
        let (dx, dy) = ((x - bx) / BALL, (y - by) / BALL);
        let inside = 1.0 - dx * dx - dy * dy;
        (inside > 0.0).then(|| {
            let normal = [dx, dy, inside.sqrt()];
            // Turns as it rolls: one radius of way is one radian.
            let turn = bx / BALL;
            let (sin, cos) = turn.sin_cos();
            let (px, py) = (dx * cos + dy * sin, dy * cos - dx * sin);
            let sector = ((py.atan2(px) / std::f32::consts::TAU * 6.0).floor() as i32).rem_euclid(2);
            let colour = if px.hypot(py) < 0.22 || sector == 0 { srgb(0.93, 0.91, 0.86) } else { self.cloth };
            shaded(mul(colour, 0.95), normal, 0.55)
        })
    }
}

/// Colours of the card's patches as sRGB 0..=1, six in a row.
const PATCHES: [[f32; 3]; 24] = [
    [0.45, 0.32, 0.27],
    [0.76, 0.58, 0.51],
    [0.38, 0.48, 0.61],
    [0.35, 0.42, 0.26],
    [0.52, 0.50, 0.69],
    [0.40, 0.74, 0.67],
    [0.85, 0.48, 0.18],
    [0.28, 0.36, 0.65],
    [0.76, 0.33, 0.38],
    [0.36, 0.24, 0.42],
    [0.62, 0.74, 0.25],
    [0.89, 0.64, 0.18],
    [0.16, 0.24, 0.58],
    [0.27, 0.58, 0.29],
    [0.69, 0.20, 0.22],
    [0.92, 0.79, 0.12],
    [0.73, 0.33, 0.58],
    [0.06, 0.52, 0.64],
    [0.95, 0.95, 0.94],
    [0.79, 0.79, 0.78],
    [0.63, 0.63, 0.63],
    [0.48, 0.48, 0.47],
    [0.33, 0.33, 0.33],
    [0.20, 0.20, 0.20],
];

fn picture_on_poster(u: f32, v: f32) -> V3 {
    // Rings over a diagonal fade, as on a concert bill.
    let ring = ((u - 0.62) * 1.1).hypot((v - 0.45) * 0.72);
    let ground = lerp(srgb(0.93, 0.66, 0.25), srgb(0.75, 0.25, 0.30), smooth(0.0, 1.2, 0.6 * u + 0.6 * v));
    let band = (ring * 22.0).floor() as i32;
    let colour = if ring < 0.36 && band % 2 == 0 { srgb(0.15, 0.30, 0.42) } else { ground };
    lerp(colour, srgb(0.96, 0.92, 0.80), smooth(0.055, 0.05, ring))
}

const BALL: f32 = 0.045;

fn ball_place(time_secs: f32) -> (f32, f32) {
    (0.085 + 0.09 * (1.1 * time_secs).sin(), 0.90)
}

/// Shadow of a round thing whose foot stands at `(x0, y0)`: dark at the foot, long away from the
/// window.
fn contact(x: f32, y: f32, x0: f32, y0: f32, radius: f32) -> f32 {
    let cast =
        ((x - x0 - 0.75 * radius) / (1.5 * radius)).powi(2) + ((y - y0 + 0.16 * radius) / (0.36 * radius)).powi(2);
    let foot = ((x - x0) / (0.75 * radius)).powi(2) + ((y - y0 + 0.05 * radius) / (0.2 * radius)).powi(2);
    (1.0 - 0.62 * smooth(1.35, 0.15, cast)) * (1.0 - 0.55 * smooth(1.3, 0.2, foot))
}

impl Fruit {
    /// Place within the outline as a share of the half axes; `None` outside.
    fn covers(&self, x: f32, y: f32) -> Option<(f32, f32)> {
        let (dx, mut dy) = ((x - self.x) / self.size.0, (y - self.y) / self.size.1);
        if self.skin == Skin::Apple {
            // Shoulders higher than the stem.
            dy -= 0.10 * (-(dx / 0.28).powi(2)).exp() * smooth(0.0, -0.9, dy);
        }
        let limit = if self.skin == Skin::Lemon {
            // Tips at both ends.
            1.0 - 0.13 * smooth(0.45, 0.85, dx.abs()) + 0.10 * smooth(0.25, 0.0, dy.abs()) * smooth(0.8, 0.95, dx.abs())
        } else {
            1.0
        };
        (dx * dx + dy * dy < limit * limit).then_some((dx, dy))
    }

    fn shadow(&self, x: f32, y: f32) -> f32 {
        contact(x, y, self.x, self.y + self.size.1, self.size.0)
    }

    fn light(&self, x: f32, y: f32) -> Option<V3> {
        let (dx, dy) = self.covers(x, y)?;
        let depth = (1.0 - dx * dx - dy * dy).max(0.0).sqrt();
        let (along, around) = (dy.clamp(-1.0, 1.0).asin(), dx.atan2(depth + 0.05));
        let mut normal = [dx, dy, depth];
        let (colour, gloss) = match self.skin {
            Skin::Orange => {
                // Pores: a fine bumpy skin.
                let pore = |a: f32, b: f32| fractal(self.seed, a * 30.0, b * 30.0, 2);
                let here = pore(around, along);
                normal[0] += 2.0 * (pore(around + 0.02, along) - here);
                normal[1] += 2.0 * (pore(around, along + 0.02) - here);
                let blotch = fractal(layer(self.seed, 1), around * 3.0, along * 3.0, 3);
                let tone = lerp(srgb(0.93, 0.47, 0.07), srgb(0.97, 0.62, 0.16), blotch);
                let navel = smooth(0.10, 0.05, (dx - 0.12).hypot(dy + 0.72));
                (lerp(mul(tone, 0.85 + 0.3 * here), srgb(0.30, 0.33, 0.12), 0.8 * navel), 0.28)
            }
            Skin::Apple => {
                let streak = fractal(self.seed, around * 26.0, along * 2.2, 4);
                let cheek = smooth(
                    0.30,
                    0.62,
                    streak * 0.55 + 0.45 * fractal(layer(self.seed, 1), around * 1.4, along * 1.4, 2),
                );
                let dots = smooth(0.80, 0.88, value(layer(self.seed, 2), around * 22.0, along * 22.0));
                let tone = lerp(srgb(0.80, 0.72, 0.25), srgb(0.68, 0.09, 0.10), cheek);
                let hollow = (-(dx / 0.24).powi(2) - ((dy + 0.86) / 0.13).powi(2)).exp();
                let stem = smooth(0.035, 0.02, (dx - 0.25 * (dy + 0.9)).abs()) * smooth(-0.72, -0.80, dy);
                let tone = mul(lerp(tone, srgb(0.90, 0.84, 0.60), 0.5 * dots), 1.0 - 0.55 * hollow);
                (lerp(tone, srgb(0.25, 0.17, 0.09), stem), 0.5)
            }
            Skin::Lemon => {
                let pore = |a: f32, b: f32| fractal(self.seed, a * 24.0, b * 24.0, 2);
                let here = pore(around, along);
                normal[0] += 1.5 * (pore(around + 0.02, along) - here);
                normal[1] += 1.5 * (pore(around, along + 0.02) - here);
                let tone = lerp(srgb(0.93, 0.80, 0.15), srgb(0.85, 0.80, 0.28), smooth(0.5, 1.0, dx.abs()));
                (mul(tone, 0.88 + 0.24 * here), 0.22)
            }
            Skin::Plum => {
                let bloom = fractal(self.seed, around * 6.0, along * 6.0, 5);
                (lerp(srgb(0.25, 0.09, 0.22), srgb(0.46, 0.42, 0.58), smooth(0.40, 0.75, bloom)), 0.3)
            }
        };
        let rim = 0.72 + 0.28 * smooth(0.0, 0.5, depth);
        Some(mul(shaded(colour, unit(normal), gloss), rim))
    }
}
