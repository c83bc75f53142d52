//! Bringing one crop of a moving face onto another.
//!
//! The decision that shapes it: similarity transforms only, by their inverse composition (Baker and
//! Matthews, "Lucas-Kanade 20 Years On", IJCV 2004) from coarse to fine. What a similarity leaves
//! is what the network looks at: a head that turns, a mouth that moves, and a face that was made
//! anew in every frame.
use crate::faces::warp::Similarity;

/// Halvings of the coarsest level.
const LEVELS: usize = 3;
/// Steps on a level.
const STEPS: usize = 8;
/// Shift in pixels below which a level is done.
const STILL: f32 = 0.01;
/// Difference in grey levels beyond which a pixel pulls no harder.
const LARGEST_MISS: f32 = 20.0;
/// The face fills about this share of the crop, measured from its middle.
const REACH: f32 = 0.36;

/// One square picture of grey levels.
#[derive(Clone)]
struct Grey {
    values: Vec<f32>,
    side: usize,
}

impl Grey {
    fn halved(&self) -> Self {
        let side = self.side / 2;
        let at = |x: usize, y: usize| self.values[y * self.side + x];
        let mean = |i: usize| {
            let (x, y) = (i % side * 2, i / side * 2);
            (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0
        };
        Self { values: (0..side * side).map(mean).collect(), side }
    }

    /// Between pixels; `None` outside.
    fn sample(&self, [x, y]: [f32; 2]) -> Option<f32> {
        let (x, y) = (x - 0.5, y - 0.5);
        let last = (self.side - 1) as f32;
        if !(x >= 0.0 && y >= 0.0 && x < last && y < last) {
            return None;
        }
        let (ix, iy) = (x as usize, y as usize);
        let (fx, fy) = (x.fract(), y.fract());
        let at = iy * self.side + ix;
        let top = self.values[at] + (self.values[at + 1] - self.values[at]) * fx;
        let below = self.values[at + self.side] + (self.values[at + self.side + 1] - self.values[at + self.side]) * fx;
        Some(top + (below - top) * fy)
    }
}

/// A square crop at every halving, ready to be brought onto another.
pub struct Pyramid(Vec<Grey>);

impl Pyramid {
    /// Of `side * side` grey levels.
    pub fn new(values: Vec<f32>, side: usize) -> Self {
        let mut levels = vec![Grey { values, side }];
        for _ in 1..LEVELS {
            levels.extend(levels.last().map(Grey::halved));
        }
        Self(levels)
    }

    /// Where each point of this crop lies in `moving`, from the middle of both outwards. A pair
    /// without texture gives the identity.
    pub fn moving_from_here(&self, moving: &Self) -> Similarity {
        // About the middle, in pixels of the full crop.
        let mut found = Centred { a: 1.0, b: 0.0, x: 0.0, y: 0.0 };
        for (level, (here, there)) in self.0.iter().zip(&moving.0).enumerate().rev() {
            let scale = 1.0 / (1 << level) as f32;
            let start = Centred { x: found.x * scale, y: found.y * scale, ..found };
            let refined = refined(here, there, start);
            found = Centred { x: refined.x / scale, y: refined.y / scale, ..refined };
        }
        let middle = self.0[0].side as f32 / 2.0;
        let largest = self.0[0].side as f32 / 4.0;
        let is_plausible = found.x.abs().max(found.y.abs()) < largest && (0.7..1.4).contains(&found.a.hypot(found.b));
        let Centred { a, b, x, y } = if is_plausible { found } else { Centred { a: 1.0, b: 0.0, x: 0.0, y: 0.0 } };
        Similarity { a, b, shift: [middle + x - a * middle + b * middle, middle + y - b * middle - a * middle] }
    }
}

/// A similarity about the middle: `u' = a u - b v + x`, `v' = b u + a v + y`.
#[derive(Clone, Copy)]
struct Centred {
    a: f32,
    b: f32,
    x: f32,
    y: f32,
}

impl Centred {
    fn apply(self, [u, v]: [f32; 2]) -> [f32; 2] {
        [self.a * u - self.b * v + self.x, self.b * u + self.a * v + self.y]
    }

    /// First the inverse of `step`, then this.
    fn after_inverse_of(self, step: Self) -> Self {
        let square = (step.a * step.a + step.b * step.b).max(1e-6);
        let (a, b) = (step.a / square, -step.b / square);
        let [x, y] = [-(a * step.x - b * step.y), -(b * step.x + a * step.y)];
        let [x, y] = self.apply([x, y]);
        Self { a: self.a * a - self.b * b, b: self.b * a + self.a * b, x, y }
    }
}

fn refined(here: &Grey, there: &Grey, mut at: Centred) -> Centred {
    let side = here.side;
    let middle = side as f32 / 2.0;
    // Turns and scales are told in pixels at this distance from the middle, so that all four
    // numbers are of one size.
    let unit = REACH * side as f32;
    let mut rows: Vec<([f32; 2], f32, [f32; 4])> = Vec::new();
    for y in 1..side - 1 {
        for x in 1..side - 1 {
            let [u, v] = [x as f32 + 0.5 - middle, y as f32 + 0.5 - middle];
            if u * u + v * v > unit * unit {
                continue;
            }
            let i = y * side + x;
            let gx = (here.values[i + 1] - here.values[i - 1]) / 2.0;
            let gy = (here.values[i + side] - here.values[i - side]) / 2.0;
            rows.push(([u, v], here.values[i], [(gx * u + gy * v) / unit, (gy * u - gx * v) / unit, gx, gy]));
        }
    }
    for _ in 0..STEPS {
        let misses: Vec<Option<f32>> = rows
            .iter()
            .map(|([u, v], value, _)| {
                let [x, y] = at.apply([*u, *v]);
                there.sample([x + middle, y + middle]).map(|seen| seen - value)
            })
            .collect();
        let count = misses.iter().flatten().count();
        if count < rows.len() / 2 {
            return at;
        }
        // A flash is no movement.
        let mean = misses.iter().flatten().sum::<f32>() / count as f32;
        let (mut normal, mut right) = ([[0.0f64; 4]; 4], [0.0f64; 4]);
        for ((_, _, gradient), miss) in rows.iter().zip(&misses) {
            let Some(miss) = miss else { continue };
            let miss = miss - mean;
            let weight = (LARGEST_MISS / miss.abs().max(LARGEST_MISS)).min(1.0);
            for i in 0..4 {
                right[i] += f64::from(weight * gradient[i] * miss);
                for j in 0..4 {
                    normal[i][j] += f64::from(weight * gradient[i] * gradient[j]);
                }
            }
        }
        let Some(step) = solve(normal, right) else { return at };
        let [scale, turn, x, y] = step.map(|v| v as f32);
        at = at.after_inverse_of(Centred { a: 1.0 + scale / unit, b: turn / unit, x, y });
        if step.iter().all(|v| v.abs() < f64::from(STILL)) {
            break;
        }
    }
    at
}

/// Gaussian elimination with pivots; `None` where the pixels say too little.
fn solve(mut rows: [[f64; 4]; 4], mut right: [f64; 4]) -> Option<[f64; 4]> {
    for k in 0..4 {
        let pivot = (k..4).max_by(|a, b| rows[*a][k].abs().total_cmp(&rows[*b][k].abs()))?;
        rows.swap(k, pivot);
        right.swap(k, pivot);
        if rows[k][k].abs() < 1e-3 {
            return None;
        }
        for i in k + 1..4 {
            let factor = rows[i][k] / rows[k][k];
            for j in k..4 {
                rows[i][j] -= factor * rows[k][j];
            }
            right[i] -= factor * right[k];
        }
    }
    let mut out = [0.0; 4];
    for k in (0..4).rev() {
        let known: f64 = (k + 1..4).map(|j| rows[k][j] * out[j]).sum();
        out[k] = (right[k] - known) / rows[k][k];
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 96;

    fn drawn(from: &Similarity, gain: f32) -> Vec<f32> {
        let value = |x: f32, y: f32| {
            120.0 + gain * (40.0 * (x * 0.21).sin() * (y * 0.17).cos() + 25.0 * (x * 0.07 + y * 0.11).sin())
        };
        (0..SIDE * SIDE)
            .map(|i| {
                let [x, y] = from.apply([(i % SIDE) as f32 + 0.5, (i / SIDE) as f32 + 0.5]);
                value(x, y)
            })
            .collect()
    }

    #[test]
    fn a_moved_turned_and_scaled_picture_is_found_again() {
        let plain = Similarity::about([0.0; 2], 0.0, 1.0, [0.0; 2]);
        let here = Pyramid::new(drawn(&plain, 1.0), SIDE);
        for (turn, scale, shift) in [(0.0, 1.0, [3.3, -2.1]), (0.05, 1.03, [-4.0, 1.0]), (-0.04, 0.97, [0.4, 5.0])] {
            let middle = SIDE as f32 / 2.0;
            let truth = Similarity::about([middle; 2], turn, scale, [middle + shift[0], middle + shift[1]]);
            let moving = Pyramid::new(drawn(&truth.inverse(), 1.0).iter().map(|v| v + 9.0).collect(), SIDE);
            let found = here.moving_from_here(&moving);
            for point in [[30.0, 30.0], [60.0, 40.0], [48.0, 70.0]] {
                let (a, b) = (truth.apply(point), found.apply(point));
                assert!((a[0] - b[0]).hypot(a[1] - b[1]) < 0.15, "{turn} {scale}: {a:?} {b:?}");
            }
        }
    }

    #[test]
    fn without_texture_nothing_moves() {
        let flat = Pyramid::new(vec![90.0; SIDE * SIDE], SIDE);
        let found = flat.moving_from_here(&flat);
        assert_eq!((found.a, found.b), (1.0, 0.0));
        assert!(found.shift.iter().all(|v| v.abs() < 1e-3));
    }
}
