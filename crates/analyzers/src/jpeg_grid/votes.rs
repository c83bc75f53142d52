//! Zeros of every overlapping block, and the grid origin for which each pixel votes.
use assay_media::Plane;
use rayon::prelude::*;

use crate::drawn::Drawn;
use crate::sliding::{STRIP, Sliding};

/// A pixel without a vote: two grids tie, the winning block is constant along a direction, or the
/// pixel is too near the border.
pub(super) const NO_VOTE: u8 = 64;
/// Pixels along the border that do not vote, because not all 64 blocks around them exist.
const BORDER: usize = 7;
/// Absolute values below which a coefficient counts as zero. The first is that of ZERO and gives
/// the pixels' votes; the others still see the zeros of an earlier save that a later one has
/// blurred, and are counted together to rank origins.
const ZEROS_BELOW: [f32; 4] = [0.5, 1.0, 2.0, 4.0];
/// Cells along the longer side at most.
const MAX_CELLS: usize = 64;
/// Side in pixels of a tile: the middles of the 64 blocks that compete for it lie inside it.
const TILE: usize = 8;
/// Packs a count of zeros with a grid origin, so that one maximum finds both.
const PACK: i16 = 128;
/// Origin bits of a block that is constant along a direction.
const CONSTANT: i16 = 100;

/// What the blocks of a picture say.
pub(super) struct Votes {
    /// Width of the picture.
    pub(super) width: usize,
    /// Height of the picture.
    pub(super) height: usize,
    /// The grid origin `oy * 8 + ox` each pixel votes for, or [`NO_VOTE`]; row-major.
    pub(super) votes: Vec<u8>,
    /// Cells across.
    pub(super) columns: usize,
    /// Cells down.
    pub(super) rows: usize,
    /// Side of a cell in pixels: one tile, or several in large pictures.
    pub(super) cell_side: usize,
    /// Places 0 (last) to 1 (first) that each origin takes in the ranking of a tile, summed over
    /// the tiles of a cell, `[origin][cell]`; only origins that share neither rows nor columns with
    /// the own grid are ranked.
    pub(super) places: Vec<f32>,
    /// Number of tiles ranked in each cell.
    pub(super) ranked: Vec<f32>,
    /// Share of blocks with texture in each cell, 0..=1.
    pub(super) texture: Vec<f32>,
}

impl Votes {
    /// Share of the picture that lies in blocks with texture, 0..=1.
    pub(super) fn share_with_texture(&self) -> f64 {
        self.texture.iter().map(|t| f64::from(*t)).sum::<f64>() / self.texture.len().max(1) as f64
    }
}

/// One row of cells: packed counts of its rows of block origins, and the rankings of its tiles.
struct Band {
    high: Vec<i16>,
    low: Vec<i16>,
    places: Vec<f32>,
    ranked: Vec<f32>,
    texture: Vec<f32>,
}

/// Transforms every overlapping block; drawn ones count as those that are constant along a
/// direction. Both sides of the picture are at least 16; `own` is the origin of the picture's own
/// grid.
pub(super) fn vote(luma: &Plane, drawn: &Drawn, own: usize) -> Votes {
    let cell_side = TILE * luma.width.max(luma.height).div_ceil(TILE).div_ceil(MAX_CELLS);
    let (columns, rows) = (luma.width.div_ceil(cell_side), luma.height.div_ceil(cell_side));
    let mut flat = constant_blocks(luma);
    if drawn.any() {
        let across = luma.width - 7;
        flat.iter_mut().enumerate().for_each(|(i, out)| *out |= drawn.touches(i % across, i / across));
    }
    let bands: Vec<Band> =
        (0..rows).into_par_iter().map(|row| band(luma, &flat, (row, rows), columns, cell_side, own)).collect();
    let size = (luma.width - 7) * (luma.height - 7);
    let (mut high, mut low) = (Vec::with_capacity(size), Vec::with_capacity(size));
    let (mut ranked, mut texture) = (Vec::with_capacity(columns * rows), Vec::with_capacity(columns * rows));
    let mut places = vec![0.0f32; 64 * columns * rows];
    for (row, band) in bands.iter().enumerate() {
        high.extend_from_slice(&band.high);
        low.extend_from_slice(&band.low);
        ranked.extend_from_slice(&band.ranked);
        texture.extend_from_slice(&band.texture);
        for g in 0..64 {
            places[(g * rows + row) * columns..][..columns].copy_from_slice(&band.places[g * columns..][..columns]);
        }
    }
    let votes = decide(&high, &low, luma.width, luma.height);
    Votes { width: luma.width, height: luma.height, votes, columns, rows, cell_side, places, ranked, texture }
}

fn band(
    luma: &Plane,
    flat: &[bool],
    (row, rows): (usize, usize),
    columns: usize,
    cell_side: usize,
    own: usize,
) -> Band {
    let (across, down) = (luma.width - 7, luma.height - 7);
    // A block belongs to the tile that holds its middle.
    let first = (row * cell_side).saturating_sub(4).min(down);
    let end = if row + 1 == rows { down } else { ((row + 1) * cell_side - 4).min(down) };
    let size = across * (end - first);
    let mut out = Band {
        high: Vec::with_capacity(size),
        low: Vec::with_capacity(size),
        places: vec![0.0; 64 * columns],
        ranked: vec![0.0; columns],
        texture: vec![0.0; columns],
    };
    let mut sliding = Sliding::new();
    let mut counts = [[0.0f32; STRIP]; 2];
    // Of one row of tiles: zeros of the 64 origins, how many were seen, and how many of those are
    // not constant.
    let tiles = luma.width.div_ceil(TILE);
    let mut zeros = vec![[0.0f32; 64]; tiles];
    let mut seen = vec![(0u8, 0u8); tiles];
    let mut blocks = vec![0.0f32; columns];
    for y in first..end {
        for x0 in (0..across).step_by(STRIP) {
            let width = STRIP.min(across - x0);
            let coefficients = sliding.strip(luma, x0, y, width);
            counts.iter_mut().for_each(|c| c.fill(0.0));
            let [strict, all] = &mut counts;
            for line in coefficients {
                for x in 0..STRIP {
                    let c = line[x].abs();
                    let count = |below: f32| if c < below { 1.0f32 } else { 0.0 };
                    let zero = count(ZEROS_BELOW[0]);
                    strict[x] += zero;
                    all[x] += (zero + count(ZEROS_BELOW[1])) + (count(ZEROS_BELOW[2]) + count(ZEROS_BELOW[3]));
                }
            }
            for x in 0..width {
                let origin = (y % 8) * 8 + (x0 + x) % 8;
                let tile = ((x0 + x + 4) / TILE).min(tiles - 1);
                let z = strict[x] as i16 * PACK;
                zeros[tile][origin] = all[x];
                seen[tile].0 += 1;
                if flat[y * across + x0 + x] {
                    out.high.push(z + CONSTANT);
                    out.low.push(z + CONSTANT);
                } else {
                    out.high.push(z + origin as i16);
                    out.low.push(z + 63 - origin as i16);
                    seen[tile].1 += 1;
                }
            }
        }
        if (y + 5) % TILE == 0 || y + 1 == end {
            for (tile, (seen, textured)) in seen.iter_mut().enumerate() {
                let cell = (tile * TILE / cell_side).min(columns - 1);
                out.texture[cell] += f32::from(*textured);
                blocks[cell] += f32::from(*seen);
                if *seen == 64 && *textured == 64 {
                    out.ranked[cell] += 1.0;
                    rank(&zeros[tile], own, |g, place| out.places[g * columns + cell] += place);
                }
                (*seen, *textured) = (0, 0);
            }
        }
    }
    out.texture.iter_mut().zip(&blocks).for_each(|(t, n)| *t /= n.max(1.0));
    out
}

/// Grids that share neither rows nor columns with the own one.
pub(super) fn generic(origin: usize, own: usize) -> bool {
    origin % 8 != own % 8 && origin / 8 != own / 8
}

/// Ranks the generic origins of a tile by how far each stands out above those next to it, 0 for the
/// last to 1 for the first; equals share their mean place. An edge in the picture raises
/// neighbouring origins alike, a save raises one alone.
fn rank(zeros: &[f32; 64], own: usize, mut place: impl FnMut(usize, f32)) {
    let mut peaks = [(0.0f32, 0usize); 49];
    let mut n = 0;
    for g in (0..64).filter(|g| generic(*g, own)) {
        let (x, y) = (g % 8, g / 8);
        let (mut sum, mut near) = (0.0f32, 0.0f32);
        for (nx, ny) in [(x + 1, y), (x + 7, y), (x, y + 1), (x, y + 7)] {
            let next = (ny % 8) * 8 + nx % 8;
            if generic(next, own) {
                sum += zeros[next];
                near += 1.0;
            }
        }
        peaks[n] = (zeros[g] - sum / near, g);
        n += 1;
    }
    peaks.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for equals in peaks.chunk_by(|a, b| a.0 == b.0) {
        let start = peaks.partition_point(|p| p.0 < equals[0].0);
        let mean = (start as f32 + (equals.len() - 1) as f32 / 2.0) / 48.0;
        for (_, g) in equals {
            place(*g, mean);
        }
    }
}

/// Which overlapping blocks are constant along the rows or along the columns, row-major over the
/// origins.
fn constant_blocks(luma: &Plane) -> Vec<bool> {
    let (width, height) = (luma.width, luma.height);
    let across = width - 7;
    // Length of the run of equal samples that ends here, counted up to 8, in both directions.
    let along: Vec<(u8, u8)> = (0..height)
        .into_par_iter()
        .flat_map_iter(|y| {
            let line = luma.row(y);
            (0..across).map(move |x| {
                let equal = line[x + 1..x + 8].iter().all(|v| *v == line[x]);
                let same_below = y + 1 < height && luma.row(y + 1)[x..x + 8] == line[x..x + 8];
                (u8::from(equal), u8::from(same_below))
            })
        })
        .collect();
    let mut flat = Vec::with_capacity(across * (height - 7));
    let mut run = vec![(0u8, 0u8); across];
    for y in 0..height {
        for x in 0..across {
            let (equal, _) = along[y * across + x];
            let same_above = y > 0 && along[(y - 1) * across + x].1 == 1;
            let (rows, repeats) = &mut run[x];
            *rows = if equal == 1 { (*rows + 1).min(8) } else { 0 };
            *repeats = if same_above { (*repeats + 1).min(7) } else { 0 };
            if y >= 7 {
                flat.push(*rows == 8 || *repeats == 7);
            }
        }
    }
    flat
}

/// Each pixel takes the origin of the block with the most zeros among the 64 that cover it.
fn decide(high: &[i16], low: &[i16], width: usize, height: usize) -> Vec<u8> {
    let across = width - 7;
    let down = height - 7;
    let wide = |keys: &[i16]| -> Vec<i16> {
        // Largest of eight neighbours along a row, in three doublings.
        let mut out = vec![0i16; across.saturating_sub(7) * down];
        let inner = across.saturating_sub(7);
        if inner == 0 {
            return out;
        }
        out.par_chunks_mut(inner).zip(keys.par_chunks(across)).for_each(|(out, line)| {
            let two: Vec<i16> = line.windows(2).map(|w| w[0].max(w[1])).collect();
            let four: Vec<i16> = two.iter().zip(&two[2..]).map(|(a, b)| *a.max(b)).collect();
            for (o, (a, b)) in out.iter_mut().zip(four.iter().zip(&four[4..])) {
                *o = *a.max(b);
            }
        });
        out
    };
    let (high, low) = (wide(high), wide(low));
    let inner = across.saturating_sub(7);
    let mut votes = vec![NO_VOTE; width * height];
    votes.par_chunks_mut(width).enumerate().for_each(|(y, line)| {
        if y < BORDER || y >= down {
            return;
        }
        let column = |keys: &[i16]| -> Vec<i16> {
            let mut best = keys[(y - 7) * inner..(y - 6) * inner].to_vec();
            for above in y - 6..=y {
                for (b, k) in best.iter_mut().zip(&keys[above * inner..(above + 1) * inner]) {
                    *b = (*b).max(*k);
                }
            }
            best
        };
        let (high, low) = (column(&high), column(&low));
        for (vote, (h, l)) in line[BORDER..].iter_mut().zip(high.iter().zip(&low)) {
            let (largest, smallest) = (h % PACK, 63 - l % PACK);
            if largest < 64 && largest == smallest {
                *vote = largest as u8;
            }
        }
    });
    votes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: usize, height: usize) -> Plane {
        let mut state = 9u32;
        let data = (0..width * height)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as f32
            })
            .collect();
        Plane { width, height, data }
    }

    /// Saves on a grid with this origin, coarsely, so that most coefficients become zero.
    pub(super) fn saved(plane: &Plane, ox: usize, oy: usize, step: f32) -> Plane {
        let mut out = plane.clone();
        for y in (oy..=plane.height - 8).step_by(8) {
            for x in (ox..=plane.width - 8).step_by(8) {
                let block: [f32; 64] = std::array::from_fn(|i| plane.at(x + i % 8, y + i / 8));
                let c = assay_media::dct::forward8(&block).map(|c| (c / step).round() * step);
                for (i, v) in assay_media::dct::inverse8(&c).iter().enumerate() {
                    out.data[(y + i / 8) * plane.width + x + i % 8] = v.round();
                }
            }
        }
        out
    }

    #[test]
    fn pixels_vote_for_the_grid_of_the_save() {
        let votes = vote(&saved(&noise(64, 56), 3, 5, 120.0), &Drawn::none(), 0);
        let cast = votes.votes.iter().filter(|v| **v != NO_VOTE).count();
        let right = votes.votes.iter().filter(|v| u32::from(**v) == 5 * 8 + 3).count();
        assert!(cast > 500 && right * 10 > cast * 9, "{right} of {cast}");
    }

    #[test]
    fn the_foreign_grid_ranks_high_under_the_own_one() {
        let foreign = saved(&noise(128, 128), 3, 5, 120.0);
        let votes = vote(&saved(&foreign, 0, 0, 20.0), &Drawn::none(), 0);
        let cells = votes.columns * votes.rows;
        let tiles: f32 = votes.ranked.iter().sum();
        let mean = |g: usize| votes.places[g * cells..(g + 1) * cells].iter().sum::<f32>() / tiles;
        assert!(tiles > 100.0 && mean(5 * 8 + 3) > 0.9, "{} of {tiles}", mean(5 * 8 + 3));
        assert!((mean(2 * 8 + 6) - 0.5).abs() < 0.1);
        assert_eq!(mean(8), 0.0);
    }

    #[test]
    fn nothing_votes_where_nothing_changes() {
        let votes = vote(&Plane::filled(40, 40, 128.0), &Drawn::none(), 0);
        assert!(votes.votes.iter().all(|v| *v == NO_VOTE));
        assert!(votes.texture.iter().all(|n| *n == 0.0) && votes.ranked.iter().all(|n| *n == 0.0));
    }

    #[test]
    fn stripes_are_constant_along_a_direction() {
        let mut plane = noise(40, 40);
        for y in 0..40 {
            for x in 0..40 {
                plane.data[y * 40 + x] = ((x * 37) % 256) as f32;
            }
        }
        assert!(constant_blocks(&plane).iter().all(|f| *f));
        assert!(constant_blocks(&noise(40, 40)).iter().all(|f| !*f));
    }
}
