//! 3x3 convolution in a quarter of the multiplications, with both its gradients: F(4 x 4, 3 x 3) as
//! in [`crate::cpu::winograd`], whose transforms these are.
//!
//! The decision that shapes it: the method is linear in the picture and in the weights, so its
//! gradients are its own transforms turned around: with `V = B'dB`, `U = GgG'` and
//! `Y = A'(sum U V)A`, the gradient by the products is `A dY A'`, by `U` a matrix product of that
//! with `V`, and by the picture `B (..) B'`, summed where tiles overlap. Both gradients share the
//! first transform.
use super::convolution::Method;
use super::{Extent, Rounding, Shape};
use crate::cpu::winograd::{POINTS, SIDE, TILE, Transform, input_adjoint, input_side, output_adjoint, output_side};
use crate::cpu::{View, Work, product, vectorised};

/// Channels that are transformed at a time.
const LANES: usize = 16;
/// Tiles to be multiplied at a time: enough for the matrix product to run well, few enough for the
/// cache.
const TILES: usize = 96;

/// Whether the method is to be had, and repays its transforms.
pub(super) fn fits(shape: Shape, x: Extent) -> bool {
    shape.rounding == Rounding::Loose
        && shape.side == 3
        && shape.stride == 1
        && shape.padding == 1
        && shape.ins.is_multiple_of(LANES)
        && shape.outs.is_multiple_of(LANES)
        && x.h.min(x.w) >= TILE
}

pub(super) struct Winograd {
    shape: Shape,
    from: Extent,
    to: Extent,
    /// `[36, outs, ins]`.
    weights: Vec<f32>,
    transform: Transform,
}

impl Winograd {
    pub(super) fn new(shape: Shape, from: Extent, weights: &[f32]) -> Self {
        let transform = Transform::new();
        let weights = transform.weights(weights, shape.outs * shape.ins);
        Self { shape, from, to: shape.output(from), weights, transform }
    }

    fn tiles_in_one(&self) -> usize {
        self.to.h.div_ceil(TILE) * self.to.w.div_ceil(TILE)
    }

    fn tiles(&self, extent: Extent, pictures: usize) -> Tiles {
        Tiles { extent, across: self.to.w.div_ceil(TILE), count: pictures * self.tiles_in_one() }
    }
}

/// Where tiles lie in maps of `extent`: `count` of them, picture after picture, row after row.
#[derive(Clone, Copy)]
struct Tiles {
    extent: Extent,
    across: usize,
    count: usize,
}

impl Tiles {
    /// Offset of the picture, first row and first column of output tile `t`.
    #[inline(always)]
    fn place(&self, t: usize) -> [usize; 3] {
        let in_one = self.across * self.extent.h.div_ceil(TILE);
        let (picture, t) = (t / in_one, t % in_one);
        [picture * self.extent.one(), t / self.across * TILE, t % self.across * TILE]
    }
}

impl Method for Winograd {
    /// Transformed pictures, products.
    type Scratch = (Vec<f32>, Vec<f32>);

    fn forward(&self, (pictures, products): &mut Self::Scratch, x: &[f32], out: &mut [f32]) {
        let Shape { outs, ins, .. } = self.shape;
        let from = self.tiles(self.from, x.len() / self.from.one());
        let tiles = from.count;
        pictures.resize(POINTS * tiles * ins, 0.0);
        products.resize(POINTS * tiles * outs, 0.0);
        vectorised(Gather { x, tiles: from, to: pictures });
        for f in 0..POINTS {
            let u = View::rows(&self.weights[f * outs * ins..(f + 1) * outs * ins], ins).transposed();
            let v = View::rows(&pictures[f * tiles * ins..(f + 1) * tiles * ins], ins);
            product(&mut products[f * tiles * outs..(f + 1) * tiles * outs], v, u, [tiles, ins, outs], false);
        }
        vectorised(Finish { products, tiles: Tiles { extent: self.to, ..from }, out });
    }

    fn backward(
        &self,
        (pictures, products): &mut Self::Scratch,
        x: &[f32],
        by_out: &[f32],
        by_x: Option<&mut [f32]>,
        by_weights: Option<&mut [f32]>,
    ) {
        let Shape { outs, ins, .. } = self.shape;
        let from = self.tiles(self.from, x.len() / self.from.one());
        let tiles = from.count;
        pictures.resize(POINTS * tiles * ins, 0.0);
        products.resize(POINTS * tiles * outs, 0.0);
        vectorised(FinishBack { by_out, tiles: Tiles { extent: self.to, ..from }, products });
        if let Some(sum) = by_weights {
            vectorised(Gather { x, tiles: from, to: pictures });
            for f in 0..POINTS {
                let m = View::rows(&products[f * tiles * outs..(f + 1) * tiles * outs], outs).transposed();
                let v = View::rows(&pictures[f * tiles * ins..(f + 1) * tiles * ins], ins);
                product(&mut sum[f * outs * ins..(f + 1) * outs * ins], m, v, [outs, tiles, ins], true);
            }
        }
        if let Some(by_x) = by_x {
            for f in 0..POINTS {
                let m = View::rows(&products[f * tiles * outs..(f + 1) * tiles * outs], outs);
                let u = View::rows(&self.weights[f * outs * ins..(f + 1) * outs * ins], ins);
                product(&mut pictures[f * tiles * ins..(f + 1) * tiles * ins], m, u, [tiles, outs, ins], false);
            }
            vectorised(GatherBack { pictures, tiles: from, by_x });
        }
    }

    fn weights_len(&self) -> usize {
        POINTS * self.shape.outs * self.shape.ins
    }

    fn weights_back(&self, own: &[f32]) -> Vec<f32> {
        self.transform.weights_adjoint(own, self.shape.outs * self.shape.ins)
    }

    fn group(&self) -> usize {
        (TILES / self.tiles_in_one().max(1)).max(1)
    }
}

type Lanes = [f32; LANES];

#[inline(always)]
fn load(from: &[f32], at: usize) -> Lanes {
    from[at..].first_chunk::<LANES>().copied().unwrap_or([0.0; LANES])
}

/// Pictures to `V`, `[36, tiles, channels]`.
struct Gather<'a> {
    x: &'a [f32],
    tiles: Tiles,
    to: &'a mut [f32],
}

impl Work for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { x, tiles, to } = self;
        let Extent { h, w, c, .. } = tiles.extent;
        let plane = tiles.count * c;
        for t in 0..tiles.count {
            let [base, top, left] = tiles.place(t);
            for lane in (0..c).step_by(LANES) {
                let mut half = [[[0.0f32; LANES]; SIDE]; SIDE];
                for j in 0..SIDE {
                    let mut column = [[0.0f32; LANES]; SIDE];
                    for (i, value) in column.iter_mut().enumerate() {
                        // The picture lies one pixel inside its padding.
                        let (y, at) = (top + i, left + j);
                        if y >= 1 && y <= h && at >= 1 && at <= w {
                            *value = load(x, base + ((y - 1) * w + at - 1) * c + lane);
                        }
                    }
                    half[j] = input_side(column);
                }
                for i in 0..SIDE {
                    let row = input_side(std::array::from_fn(|j| half[j][i]));
                    for (j, value) in row.iter().enumerate() {
                        let at = (i * SIDE + j) * plane + t * c + lane;
                        to[at..at + LANES].copy_from_slice(value);
                    }
                }
            }
        }
    }
}

/// The gradient by the pictures from that by `V`.
struct GatherBack<'a> {
    pictures: &'a [f32],
    tiles: Tiles,
    by_x: &'a mut [f32],
}

impl Work for GatherBack<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { pictures, tiles, by_x } = self;
        let Extent { h, w, c, .. } = tiles.extent;
        let plane = tiles.count * c;
        by_x.fill(0.0);
        for t in 0..tiles.count {
            let [base, top, left] = tiles.place(t);
            for lane in (0..c).step_by(LANES) {
                let mut half = [[[0.0f32; LANES]; SIDE]; SIDE];
                for j in 0..SIDE {
                    half[j] =
                        input_adjoint(std::array::from_fn(|i| load(pictures, (i * SIDE + j) * plane + t * c + lane)));
                }
                for i in 0..SIDE {
                    let y = top + i;
                    if y < 1 || y > h {
                        continue;
                    }
                    let row = input_adjoint(std::array::from_fn(|j| half[j][i]));
                    for (j, value) in row.iter().enumerate() {
                        let at = left + j;
                        if at >= 1 && at <= w {
                            let to = base + ((y - 1) * w + at - 1) * c + lane;
                            for (o, v) in by_x[to..to + LANES].iter_mut().zip(value) {
                                *o += v;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Products to outputs.
struct Finish<'a> {
    products: &'a [f32],
    tiles: Tiles,
    out: &'a mut [f32],
}

impl Work for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { products, tiles, out } = self;
        let Extent { h, w, c, .. } = tiles.extent;
        let plane = tiles.count * c;
        for t in 0..tiles.count {
            let [base, top, left] = tiles.place(t);
            for lane in (0..c).step_by(LANES) {
                let mut half = [[[0.0f32; LANES]; TILE]; SIDE];
                for j in 0..SIDE {
                    half[j] =
                        output_side(std::array::from_fn(|i| load(products, (i * SIDE + j) * plane + t * c + lane)));
                }
                for i in 0..TILE.min(h - top) {
                    let row = output_side(std::array::from_fn(|j| half[j][i]));
                    for (j, value) in row.iter().enumerate().take(w - left) {
                        let to = base + ((top + i) * w + left + j) * c + lane;
                        out[to..to + LANES].copy_from_slice(value);
                    }
                }
            }
        }
    }
}

/// The gradient by the products from that by the outputs.
struct FinishBack<'a> {
    by_out: &'a [f32],
    tiles: Tiles,
    products: &'a mut [f32],
}

impl Work for FinishBack<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { by_out, tiles, products } = self;
        let Extent { h, w, c, .. } = tiles.extent;
        let plane = tiles.count * c;
        for t in 0..tiles.count {
            let [base, top, left] = tiles.place(t);
            for lane in (0..c).step_by(LANES) {
                let mut half = [[[0.0f32; LANES]; SIDE]; TILE];
                for j in 0..TILE.min(w - left) {
                    let mut column = [[0.0f32; LANES]; TILE];
                    for (i, value) in column.iter_mut().enumerate().take(h - top) {
                        *value = load(by_out, base + ((top + i) * w + left + j) * c + lane);
                    }
                    half[j] = output_adjoint(column);
                }
                for i in 0..SIDE {
                    let row = output_adjoint(std::array::from_fn(|j| half[j][i]));
                    for (j, value) in row.iter().enumerate() {
                        let at = (i * SIDE + j) * plane + t * c + lane;
                        products[at..at + LANES].copy_from_slice(value);
                    }
                }
            }
        }
    }
}
