//! Warps, pooling and doubling of planes.
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::{Planes, Work, vectorised};

/// Four places of a plane and their weights. Places outside have weight 0.
#[derive(Clone, Copy, Default)]
struct Read {
    at: [u32; 4],
    weight: [f32; 4],
}

/// Bilinear reading with zeros outside; `centres`: -1 and 1 are the centres of the first and last
/// pixel, else their outer edges.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`; `grid`: `[n, oh, ow, 2]`; output: `[n, c, oh, ow]`
pub(crate) fn grid_sample_zeros(x: Tensor<4>, grid: Tensor<4>, centres: bool) -> Tensor<4> {
    let (x, grid) = (Planes::from_tensor(x), Planes::from_tensor(grid));
    let [n, c, h, w] = x.dims;
    let [_, oh, ow, _] = grid.dims;
    let mut out = Planes::zeros([n, c, oh, ow]);
    let place = |g: f32, size: usize| {
        let (g, size) = (f64::from(g), size as f64);
        if centres { (g + 1.0) * (size - 1.0) / 2.0 } else { (g + 1.0) * size / 2.0 - 0.5 }
    };
    let reads: Vec<Read> = grid
        .values
        .par_chunks_exact(2)
        .map(|g| {
            let (px, py) = (place(g[0], w), place(g[1], h));
            let mut read = Read::default();
            // Far outside, and where a coordinate is not a number, nothing is read.
            if !(px > -1.0 && py > -1.0 && px < w as f64 && py < h as f64) {
                return read;
            }
            let (x0, y0) = (px.floor(), py.floor());
            let (fx, fy) = (px - x0, py - y0);
            for (k, (dx, dy)) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].into_iter().enumerate() {
                let (xi, yi) = (x0 + dx, y0 + dy);
                if xi >= 0.0 && yi >= 0.0 && xi < w as f64 && yi < h as f64 {
                    read.at[k] = (yi as usize * w + xi as usize) as u32;
                    let (wx, wy) = (if dx == 0.0 { 1.0 - fx } else { fx }, if dy == 0.0 { 1.0 - fy } else { fy });
                    read.weight[k] = (wx * wy) as f32;
                }
            }
            read
        })
        .collect();
    out.values.par_chunks_exact_mut((oh * ow).max(1)).enumerate().for_each(|(i, target)| {
        let plane = &x.values[i * h * w..(i + 1) * h * w];
        let reads = &reads[i / c.max(1) * oh * ow..];
        for (o, read) in target.iter_mut().zip(reads) {
            *o = (0..4).map(|k| plane[read.at[k] as usize] * read.weight[k]).sum();
        }
    });
    out.into_tensor()
}

/// Every pixel twice in both directions.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`; output: `[n, c, 2 h, 2 w]`
pub(crate) fn upsample_nearest(x: Tensor<4>) -> Tensor<4> {
    let x = Planes::from_tensor(x);
    let [n, c, h, w] = x.dims;
    let mut out = Planes::zeros([n, c, 2 * h, 2 * w]);
    out.values.par_chunks_exact_mut((4 * h * w).max(1)).zip(x.values.par_chunks_exact((h * w).max(1))).for_each(
        |(target, plane)| {
            for (two, row) in target.chunks_exact_mut(4 * w).zip(plane.chunks_exact(w)) {
                let (first, second) = two.split_at_mut(2 * w);
                for (pair, v) in first.as_chunks_mut::<2>().0.iter_mut().zip(row) {
                    *pair = [*v; 2];
                }
                second.copy_from_slice(first);
            }
        },
    );
    out.into_tensor()
}

/// The mean of every 2 x 2 pixels; an odd last row or column is left out.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`; output: `[n, c, h / 2, w / 2]`
pub(crate) fn average_pool(x: Tensor<4>) -> Tensor<4> {
    let x = Planes::from_tensor(x);
    let [n, c, h, w] = x.dims;
    let (oh, ow) = (h / 2, w / 2);
    let mut out = Planes::zeros([n, c, oh, ow]);
    if oh * ow == 0 {
        return out.into_tensor();
    }
    out.values.par_chunks_exact_mut(oh * ow).zip(x.values.par_chunks_exact(h * w)).for_each(|(target, plane)| {
        for (line, rows) in target.chunks_exact_mut(ow).zip(plane.chunks_exact(2 * w)) {
            let (above, below) = rows.split_at(w);
            for ((o, a), b) in line.iter_mut().zip(above.as_chunks::<2>().0).zip(below.as_chunks::<2>().0) {
                *o = (a[0] + a[1] + b[0] + b[1]) * 0.25;
            }
        }
    });
    out.into_tensor()
}

/// The planes as they came, and the mean of each.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`; output: the same, and `[n, c, 1, 1]`
pub(crate) fn plane_means(x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let x = Planes::from_tensor(x);
    let [n, c, h, w] = x.dims;
    let values = x.values.par_chunks_exact((h * w).max(1)).map(|plane| vectorised(Mean(plane))).collect();
    let means = Planes { values, dims: [n, c, 1, 1] };
    (x.into_tensor(), means.into_tensor())
}

struct Mean<'a>(&'a [f32]);

impl Work for Mean<'_> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        let (runs, rest) = self.0.as_chunks::<16>();
        let mut sums = [0.0f32; 16];
        for run in runs {
            for i in 0..16 {
                sums[i] += run[i];
            }
        }
        (sums.iter().sum::<f32>() + rest.iter().sum::<f32>()) / self.0.len() as f32
    }
}
