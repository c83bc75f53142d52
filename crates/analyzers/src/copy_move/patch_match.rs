//! PatchMatch (Barnes et al. 2009) over dense descriptors, with the predictors of Cozzolino, Poggi,
//! Verdoliva 2015 (section III-B): offsets of causal neighbours (order zero: copies moved) and
//! their linear extrapolation (order one: copies turned or scaled).
//!
//! The decision that shapes it: rows are scanned in bands of fixed height; a band reads its own
//! rows as they are updated and all others as they were before the sweep, and every random number
//! is a hash of seed, sweep and place. So the field is the same with any number of threads. Targets
//! nearer than the exclusion radius are never considered.
use assay_random::Rng;
use rayon::prelude::*;

use super::features::Features;

/// Rows of a band; the bands of every other sweep are shifted by half of it, so that no border
/// stays.
const BAND: usize = 32;

/// For every grid point the offset to its best match, in grid steps.
pub(super) struct Field {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) offsets: Vec<[i16; 2]>,
    pub(super) costs: Vec<i32>,
}

fn below(rng: &mut Rng, limit: usize) -> i32 {
    (((rng.next_u64() >> 32) * limit as u64) >> 32) as i32
}

struct Search<'a> {
    features: &'a Features,
    exclusion: i32,
    guesses: &'a [[i32; 2]],
    seed: u64,
}

/// The field of best matches. `guesses` are offsets that every grid point tries once (from a global
/// search for translations).
pub(super) fn patch_match(
    features: &Features,
    exclusion: usize,
    guesses: &[[i32; 2]],
    sweeps: u32,
    seed: u64,
) -> Field {
    let (width, height) = (features.width, features.height);
    let search = Search { features, exclusion: exclusion as i32, guesses, seed };
    let mut field =
        Field { width, height, offsets: vec![[0, 0]; width * height], costs: vec![i32::MAX; width * height] };
    for sweep in 0..sweeps {
        let before = field.offsets.clone();
        let shift = if sweep % 2 == 0 { 0 } else { BAND / 2 };
        let mut bands = Vec::new();
        let (mut offsets, mut costs) = (field.offsets.as_mut_slice(), field.costs.as_mut_slice());
        let mut top = 0;
        while top < height {
            let rows = if top == 0 && shift > 0 { shift } else { BAND }.min(height - top);
            let (o, rest_o) = offsets.split_at_mut(rows * width);
            let (c, rest_c) = costs.split_at_mut(rows * width);
            bands.push((top, o, c));
            (offsets, costs) = (rest_o, rest_c);
            top += rows;
        }
        bands.into_par_iter().for_each(|(top, offsets, costs)| search.sweep_band(sweep, top, offsets, costs, &before));
        reciprocate(&mut field);
    }
    field
}

impl Search<'_> {
    fn sweep_band(&self, sweep: u32, top: usize, offsets: &mut [[i16; 2]], costs: &mut [i32], before: &[[i16; 2]]) {
        let width = self.features.width;
        let count = offsets.len();
        let forward = sweep.is_multiple_of(2);
        let step: i32 = if forward { -1 } else { 1 };
        for k in 0..count {
            let local = if forward { k } else { count - 1 - k };
            let (x, y) = ((local % width) as i32, (top + local / width) as i32);
            let index = top * width + local;
            let mut best = (offsets[local], costs[local]);
            let place = (index as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93);
            let mut rng = Rng::new(self.seed ^ (u64::from(sweep) << 48) ^ place);
            if sweep == 0 {
                for _ in 0..2 {
                    let target = [below(&mut rng, width) - x, below(&mut rng, self.features.height) - y];
                    self.consider(x, y, target, &mut best);
                }
                for guess in self.guesses {
                    self.consider(x, y, *guess, &mut best);
                    self.consider(x, y, [-guess[0], -guess[1]], &mut best);
                }
            }
            let read = |dx: i32, dy: i32| -> Option<[i32; 2]> {
                let (nx, ny) = (x + dx, y + dy);
                if nx < 0 || ny < 0 || nx >= width as i32 || ny >= self.features.height as i32 {
                    return None;
                }
                let at = ny as usize * width + nx as usize;
                let in_band = at.checked_sub(top * width).filter(|i| *i < count);
                let offset = in_band.map_or_else(|| before[at], |i| offsets[i]);
                (offset != [0, 0]).then(|| offset.map(i32::from))
            };
            for (dx, dy) in [(step, 0), (0, step), (step, step), (-step, step)] {
                if let Some(near) = read(dx, dy) {
                    self.consider(x, y, near, &mut best);
                    if let Some(far) = read(2 * dx, 2 * dy)
                        && far != near
                    {
                        self.consider(x, y, [2 * near[0] - far[0], 2 * near[1] - far[1]], &mut best);
                    }
                }
            }
            // Every second sweep starts with half the reach, so that all sizes of jumps come about.
            let mut reach = (width.max(self.features.height) >> (sweep % 2)) as i32;
            while reach >= 1 {
                let span = 2 * reach as usize + 1;
                let jump = [below(&mut rng, span) - reach, below(&mut rng, span) - reach];
                let centre = best.0.map(i32::from);
                self.consider(x, y, [centre[0] + jump[0], centre[1] + jump[1]], &mut best);
                reach /= 3;
            }
            offsets[local] = best.0;
            costs[local] = best.1;
        }
    }

    fn consider(&self, x: i32, y: i32, offset: [i32; 2], best: &mut ([i16; 2], i32)) {
        let (tx, ty) = (x + offset[0], y + offset[1]);
        let (width, height) = (self.features.width as i32, self.features.height as i32);
        if tx < 0 || ty < 0 || tx >= width || ty >= height {
            return;
        }
        if offset[0] * offset[0] + offset[1] * offset[1] < self.exclusion * self.exclusion {
            return;
        }
        let cost = self.features.distance((y * width + x) as usize, (ty * width + tx) as usize);
        if cost < best.1 {
            *best = ([offset[0] as i16, offset[1] as i16], cost);
        }
    }
}

/// A match holds both ways: every point offers itself to its target.
fn reciprocate(field: &mut Field) {
    for index in 0..field.offsets.len() {
        let [dx, dy] = field.offsets[index].map(i32::from);
        if (dx, dy) == (0, 0) {
            continue;
        }
        let target = (index as i32 + dy * field.width as i32 + dx) as usize;
        let cost = field.costs[index];
        if cost < field.costs[target] {
            field.costs[target] = cost;
            field.offsets[target] = [-dx as i16, -dy as i16];
        }
    }
}
