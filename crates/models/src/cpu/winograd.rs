//! Convolution by 3 x 3 kernels in a quarter of the multiplications: F(4 x 4, 3 x 3) of Lavin and
//! Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016), from Winograd's minimal
//! filtering.
//!
//! The decision that shapes it: rows are split into their four phases first, so that all transforms
//! are additions of contiguous vectors with one tile a lane, and a thread works on a band of tile
//! rows whose transforms stay in its cache. The sums lose half a decimal digit against the direct
//! form; the parity tests hold both to the same tolerance.
use std::cell::RefCell;

use rayon::prelude::*;

use super::activation::finish_in_place;
use super::gemm::{Right, multiply};
use super::planes::{kept, pieces, strips};
use super::{Kernel, Work, vectorised};
use crate::layers::Activation;

/// Side of an output tile.
pub(crate) const TILE: usize = 4;
/// Side of an input tile, and of a transformed one.
pub(crate) const SIDE: usize = 6;
/// Products a tile.
pub(crate) const POINTS: usize = SIDE * SIDE;
/// Tiles that a band should have at least, for the matrix product to run well.
const BAND_TILES: usize = 128;

/// The polynomials are matched at 0, infinity and plus and minus these. Lavin and Gray took 1 and
/// 2; these halve the rounding error (measured over random layers; every constant below is exact in
/// single precision), which is what the parity tests need.
const A: f32 = 0.625;
const B: f32 = 1.5;
const AA: f32 = A * A;
const BB: f32 = B * B;

/// `G`, and with it the transform of weights and its adjoint.
pub(crate) struct Transform {
    g: [[f64; 3]; SIDE],
}

impl Transform {
    pub(crate) fn new() -> Self {
        let row = |point: f64, others: f64| [1.0 / others, point / others, point * point / others];
        let (a, b) = (f64::from(A), f64::from(B));
        let (at_a, at_b) = (2.0 * a * a * (a * a - b * b), 2.0 * b * b * (b * b - a * a));
        let last = [0.0, 0.0, 1.0];
        Self { g: [row(0.0, a * a * b * b), row(a, at_a), row(-a, at_a), row(b, at_b), row(-b, at_b), last] }
    }

    /// `G g G'` of every kernel, as 36 matrices of one number for each of `pairs`.
    pub(crate) fn weights(&self, weights: &[f32], pairs: usize) -> Vec<f32> {
        let mut transformed = vec![0.0; POINTS * pairs];
        vectorised(WeightsForth { g: &self.g, weights, pairs, transformed: &mut transformed });
        transformed
    }

    /// `G' u G`: the gradient by the kernels from that by their transforms.
    pub(crate) fn weights_adjoint(&self, transformed: &[f32], pairs: usize) -> Vec<f32> {
        let mut weights = vec![0.0; 9 * pairs];
        let g = self.g.map(|row| row.map(|v| v as f32));
        vectorised(WeightsBack { g, transformed, pairs, weights: &mut weights });
        weights
    }
}

/// Kernels that are transformed at a time.
const KERNELS: usize = 16;

/// In double precision: rounding here would be the same for every tile, and add up.
struct WeightsForth<'a> {
    g: &'a [[f64; 3]; SIDE],
    weights: &'a [f32],
    pairs: usize,
    transformed: &'a mut [f32],
}

impl Work for WeightsForth<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { g, weights, pairs, transformed } = self;
        for (first, kernels) in (0..pairs).step_by(KERNELS).zip(weights.chunks(9 * KERNELS)) {
            let mut lanes = [[0.0f64; KERNELS]; 9];
            for (l, kernel) in kernels.chunks_exact(9).enumerate() {
                (0..9).for_each(|k| lanes[k][l] = f64::from(kernel[k]));
            }
            let count = kernels.len() / 9;
            for (i, row) in g.iter().enumerate() {
                let half: [[f64; KERNELS]; 3] = std::array::from_fn(|b| {
                    std::array::from_fn(|l| row[0] * lanes[b][l] + row[1] * lanes[3 + b][l] + row[2] * lanes[6 + b][l])
                });
                for (j, column) in g.iter().enumerate() {
                    let value: [f32; KERNELS] = std::array::from_fn(|l| {
                        (column[0] * half[0][l] + column[1] * half[1][l] + column[2] * half[2][l]) as f32
                    });
                    let to = (i * SIDE + j) * pairs + first;
                    transformed[to..to + count].copy_from_slice(&value[..count]);
                }
            }
        }
    }
}

struct WeightsBack<'a> {
    g: [[f32; 3]; SIDE],
    transformed: &'a [f32],
    pairs: usize,
    weights: &'a mut [f32],
}

impl Work for WeightsBack<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { g, transformed, pairs, weights } = self;
        for (first, kernels) in (0..pairs).step_by(KERNELS).zip(weights.chunks_mut(9 * KERNELS)) {
            let count = kernels.len() / 9;
            let mut sums = [[0.0f32; KERNELS]; 9];
            for (i, row) in g.iter().enumerate() {
                let mut half = [[0.0f32; KERNELS]; 3];
                for (j, column) in g.iter().enumerate() {
                    let at = (i * SIDE + j) * pairs + first;
                    for (l, u) in transformed[at..at + count].iter().enumerate() {
                        (0..3).for_each(|b| half[b][l] += column[b] * u);
                    }
                }
                for a in 0..3 {
                    for b in 0..3 {
                        (0..KERNELS).for_each(|l| sums[a * 3 + b][l] += row[a] * half[b][l]);
                    }
                }
            }
            for (l, kernel) in kernels.chunks_exact_mut(9).enumerate() {
                (0..9).for_each(|k| kernel[k] = sums[k][l]);
            }
        }
    }
}

/// Where the sums go.
pub(super) struct Target<'a> {
    pub(super) out: &'a mut [f32],
    /// Whether what is there is added to.
    pub(super) adds: bool,
}

pub(super) fn run(
    kernel: &Kernel,
    transformed: &[f32],
    x: &[f32],
    size: [usize; 2],
    target: Target<'_>,
    activation: Activation,
) {
    let [_, ow] = kernel.output_size(size[0], size[1]);
    match ow.div_ceil(TILE) {
        ..8 => bands::<4>(kernel, transformed, x, size, target, activation),
        8..16 => bands::<8>(kernel, transformed, x, size, target, activation),
        _ => bands::<16>(kernel, transformed, x, size, target, activation),
    }
}

/// What a thread keeps from band to band, and from layer to layer: the pages of a new buffer cost
/// as much as a transform.
#[derive(Default)]
struct Scratch {
    input: Vec<f32>,
    product: Vec<f32>,
    phases: Vec<f32>,
    line: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// `L` tiles are transformed at a time. The last ones of a row are its last `L`, of which some were
/// transformed before: padding a row to a multiple of `L` would cost products.
fn bands<const L: usize>(
    kernel: &Kernel,
    transformed: &[f32],
    x: &[f32],
    [h, w]: [usize; 2],
    Target { out, adds }: Target<'_>,
    activation: Activation,
) {
    let [outs, channels, _, _] = kernel.shape;
    let [oh, ow] = kernel.output_size(h, w);
    let across = ow.div_ceil(TILE).max(L);
    let down = oh.div_ceil(TILE);
    let threads = rayon::current_num_threads().max(1);
    let rows = BAND_TILES.div_ceil(across).min(down.div_ceil(threads)).max(1);
    let bands = pieces(down, rows);
    let widths: Vec<usize> =
        bands.iter().enumerate().map(|(i, r)| ((i * rows + r) * TILE).min(oh) * ow - i * rows * TILE * ow).collect();
    let work: Vec<_> = strips(out, oh * ow, &widths).into_iter().enumerate().collect();
    let band = |scratch: &mut Scratch, i: usize, mut strip: Vec<&mut [f32]>| {
        let tiles = bands[i] * across;
        // One more tile than there are, because a tile reads two columns of its neighbour.
        let length = across + 1;
        let input = kept(&mut scratch.input, POINTS * channels * tiles);
        // The last tiles are read with what lies behind them.
        let product = kept(&mut scratch.product, POINTS * outs * tiles + L);
        let phases = kept(&mut scratch.phases, SIDE * TILE * length);
        // The margins on both sides of a line stay empty.
        scratch.line.clear();
        scratch.line.resize((TILE * length).max(kernel.padding.left + w), 0.0);
        for channel in 0..channels {
            let plane = &x[channel * h * w..(channel + 1) * h * w];
            for r in 0..bands[i] {
                let first = (i * rows + r) * TILE;
                vectorised(Phases { kernel, plane, size: [h, w], first, line: &mut scratch.line, phases, length });
                let place = channel * tiles + r * across;
                vectorised(InputRow::<L> { phases, across, input, place, stride: channels * tiles });
            }
        }
        let matrices = transformed.chunks_exact(outs * channels).zip(input.chunks_exact(channels * tiles));
        for ((u, v), m) in matrices.zip(product.chunks_exact_mut(outs * tiles)) {
            multiply(m, u, Right { values: v, stride: tiles }, [outs, channels, tiles], false);
        }
        for (channel, target) in strip.iter_mut().enumerate() {
            let (place, stride, bias) = (channel * tiles, outs * tiles, kernel.bias[channel]);
            vectorised(OutputPlane::<L> { product, place, stride, across, target, ow, adds, bias, activation });
        }
    };
    work.into_par_iter().for_each(|(i, strip)| SCRATCH.with_borrow_mut(|scratch| band(scratch, i, strip)));
}

/// A row of tiles of one channel into the 36 matrices, of which each is `stride` long; the row
/// begins at `place` of each.
struct InputRow<'a, const L: usize> {
    phases: &'a [f32],
    across: usize,
    input: &'a mut [f32],
    place: usize,
    stride: usize,
}

impl<const L: usize> Work for InputRow<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { phases, across, input, place, stride } = self;
        for t in (0..across).step_by(L).map(|t| t.min(across - L)) {
            transform_input::<L>(phases, across + 1, t, input, [place + t, stride]);
        }
    }
}

/// The rows of tiles of one channel from the 36 products, with bias and activation.
struct OutputPlane<'a, const L: usize> {
    product: &'a [f32],
    place: usize,
    stride: usize,
    across: usize,
    target: &'a mut [f32],
    ow: usize,
    adds: bool,
    bias: f32,
    activation: Activation,
}

impl<const L: usize> Work for OutputPlane<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { product, place, stride, across, target, ow, adds, bias, activation } = self;
        for (r, rows) in target.chunks_mut(TILE * ow).enumerate() {
            for t in (0..across).step_by(L) {
                let from = [place + r * across + t, stride];
                if adds {
                    transform_output::<L, true>(product, from, rows, t * TILE, ow);
                } else {
                    transform_output::<L, false>(product, from, rows, t * TILE, ow);
                }
            }
            finish_in_place(rows, bias, activation);
        }
    }
}

/// The six input rows of the tiles whose first output row is `first`, each as four rows of every
/// fourth pixel, `length` long. `line` is empty but for what was copied into it here before.
struct Phases<'a> {
    kernel: &'a Kernel,
    plane: &'a [f32],
    size: [usize; 2],
    first: usize,
    line: &'a mut [f32],
    phases: &'a mut [f32],
    length: usize,
}

impl Work for Phases<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { kernel, plane, size: [h, w], first, line, phases, length } = self;
        let (left, top) = (kernel.padding.left, kernel.padding.top);
        for (y, target) in phases.chunks_exact_mut(TILE * length).enumerate() {
            let Some(row) = (first + y).checked_sub(top).filter(|y| *y < h) else {
                target.fill(0.0);
                continue;
            };
            // Padded column `4 t + p` is column `4 t + p - left` of the picture.
            line[left..left + w].copy_from_slice(&plane[row * w..(row + 1) * w]);
            let (first, second) = target.split_at_mut(2 * length);
            let ((zero, one), (two, three)) = (first.split_at_mut(length), second.split_at_mut(length));
            let columns = line.as_chunks::<TILE>().0.iter();
            for ((((column, a), b), c), d) in columns.zip(zero).zip(one).zip(two).zip(three) {
                [*a, *b, *c, *d] = *column;
            }
        }
    }
}

/// `B' d` for six vectors: one side of the input transform.
#[inline(always)]
pub(crate) fn input_side<const L: usize>(d: [[f32; L]; SIDE]) -> [[f32; L]; SIDE] {
    let mut v = [[0.0; L]; SIDE];
    for l in 0..L {
        let [d0, d1, d2, d3, d4, d5] = [d[0][l], d[1][l], d[2][l], d[3][l], d[4][l], d[5][l]];
        let (even_a, odd_a) = (d4 - BB * d2, A * (d3 - BB * d1));
        let (even_b, odd_b) = (d4 - AA * d2, B * (d3 - AA * d1));
        v[0][l] = AA * BB * d0 - (AA + BB) * d2 + d4;
        v[1][l] = even_a + odd_a;
        v[2][l] = even_a - odd_a;
        v[3][l] = even_b + odd_b;
        v[4][l] = even_b - odd_b;
        v[5][l] = AA * BB * d1 - (AA + BB) * d3 + d5;
    }
    v
}

/// `A' m` for six vectors: one side of the output transform.
#[inline(always)]
pub(crate) fn output_side<const L: usize>(m: [[f32; L]; SIDE]) -> [[f32; L]; TILE] {
    let mut y = [[0.0; L]; TILE];
    for l in 0..L {
        let (sum_a, difference_a) = (m[1][l] + m[2][l], m[1][l] - m[2][l]);
        let (sum_b, difference_b) = (m[3][l] + m[4][l], m[3][l] - m[4][l]);
        y[0][l] = m[0][l] + sum_a + sum_b;
        y[1][l] = A * difference_a + B * difference_b;
        y[2][l] = AA * sum_a + BB * sum_b;
        y[3][l] = AA * A * difference_a + BB * B * difference_b + m[5][l];
    }
    y
}

/// `B v` for six vectors: the gradient of [`input_side`].
#[inline(always)]
pub(crate) fn input_adjoint<const L: usize>(v: [[f32; L]; SIDE]) -> [[f32; L]; SIDE] {
    let mut d = [[0.0; L]; SIDE];
    for l in 0..L {
        let (sum_a, difference_a) = (v[1][l] + v[2][l], v[1][l] - v[2][l]);
        let (sum_b, difference_b) = (v[3][l] + v[4][l], v[3][l] - v[4][l]);
        d[0][l] = AA * BB * v[0][l];
        d[1][l] = AA * BB * v[5][l] - A * BB * difference_a - B * AA * difference_b;
        d[2][l] = -(AA + BB) * v[0][l] - BB * sum_a - AA * sum_b;
        d[3][l] = A * difference_a + B * difference_b - (AA + BB) * v[5][l];
        d[4][l] = v[0][l] + sum_a + sum_b;
        d[5][l] = v[5][l];
    }
    d
}

/// `A y` for four vectors: the gradient of [`output_side`].
#[inline(always)]
pub(crate) fn output_adjoint<const L: usize>(y: [[f32; L]; TILE]) -> [[f32; L]; SIDE] {
    let mut m = [[0.0; L]; SIDE];
    for l in 0..L {
        let [y0, y1, y2, y3] = [y[0][l], y[1][l], y[2][l], y[3][l]];
        let (even_a, odd_a) = (y0 + AA * y2, A * (y1 + AA * y3));
        let (even_b, odd_b) = (y0 + BB * y2, B * (y1 + BB * y3));
        m[0][l] = y0;
        m[1][l] = even_a + odd_a;
        m[2][l] = even_a - odd_a;
        m[3][l] = even_b + odd_b;
        m[4][l] = even_b - odd_b;
        m[5][l] = y3;
    }
    m
}

#[inline(always)]
fn load<const L: usize>(from: &[f32], at: usize) -> [f32; L] {
    from[at..].first_chunk::<L>().copied().unwrap_or([0.0; L])
}

#[inline(always)]
fn transform_input<const L: usize>(
    phases: &[f32],
    length: usize,
    t: usize,
    input: &mut [f32],
    [place, stride]: [usize; 2],
) {
    let mut columns = [[[0.0f32; L]; SIDE]; SIDE];
    for j in 0..SIDE {
        // Column j of a tile is phase j % 4 of tile t + j / 4.
        let mut rows = [[0.0f32; L]; SIDE];
        for i in 0..SIDE {
            rows[i] = load::<L>(phases, (i * TILE + j % TILE) * length + t + j / TILE);
        }
        columns[j] = input_side(rows);
    }
    for i in 0..SIDE {
        let mut row = [[0.0f32; L]; SIDE];
        for j in 0..SIDE {
            row[j] = columns[j][i];
        }
        let row = input_side(row);
        for j in 0..SIDE {
            let to = place + (i * SIDE + j) * stride;
            input[to..to + L].copy_from_slice(&row[j]);
        }
    }
}

#[inline(always)]
fn transform_output<const L: usize, const ADDS: bool>(
    product: &[f32],
    [place, stride]: [usize; 2],
    rows: &mut [f32],
    x: usize,
    ow: usize,
) {
    let mut columns = [[[0.0f32; L]; TILE]; SIDE];
    for j in 0..SIDE {
        let mut points = [[0.0f32; L]; SIDE];
        for i in 0..SIDE {
            points[i] = load::<L>(product, place + (i * SIDE + j) * stride);
        }
        columns[j] = output_side(points);
    }
    for (i, line) in rows.chunks_exact_mut(ow).enumerate() {
        let mut row = [[0.0f32; L]; SIDE];
        for j in 0..SIDE {
            row[j] = columns[j][i];
        }
        let row = output_side(row);
        let Some(line) = line.get_mut(x..) else { continue };
        for (l, pixels) in line.chunks_mut(TILE).take(L).enumerate() {
            for (p, pixel) in pixels.iter_mut().enumerate() {
                *pixel = if ADDS { *pixel + row[p][l] } else { row[p][l] };
            }
        }
    }
}
