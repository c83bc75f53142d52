//! Products of rows of floats with matrices whose weights are 8-bit integers.
//!
//! The decision that shapes it: the weights stay the integers that they were published as, and a
//! row of the left side is rounded to 15 bits of its own largest value. A pair of products is then
//! one integer multiply-add, which does twice the work of a fused multiply-add of floats in the
//! same time, from a quarter of the memory, and errs a hundred times less than the rounding of the
//! weights itself. Sums over at most [`DEPTH`] products fit 32 bits; longer ones go on in floats.
use rayon::prelude::*;

use super::{Work, vectorised};

/// Rows of a tile.
const ROWS: usize = 6;
/// Columns of a tile: two vectors of eight 32-bit sums.
const COLUMNS: usize = 16;
/// Products that are summed as integers: 768 x 127 x 16383 is below 2^31.
const DEPTH: usize = 768;
/// Largest rounded value of the left side.
const LARGEST: f32 = 16_383.0;
/// Row tiles that one thread takes at once: what its second-level cache holds.
const BLOCK: usize = 32;

/// A pair of rows of the right side, column by column.
type RightPair = [i8; 2 * COLUMNS];
/// A pair of columns of the left side, two 16-bit integers a row.
type LeftPair = [i32; ROWS];
/// Sums of a tile.
type Sums = [[i32; COLUMNS]; ROWS];

/// A matrix `[depth, columns]` of integers with a scale a column, in the order in which the kernel
/// reads it.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    depth: usize,
    columns: usize,
    /// `[tile of columns][pair of rows]`.
    packed: Vec<RightPair>,
    scales: Vec<f32>,
}

impl Matrix {
    /// From columns one behind the other: `weights[column * depth + row]`, as a linear layer's
    /// weight `[outs, ins]` lies.
    ///
    /// # Panics
    /// Where the slices are not as long as the extents say: a mistake of the caller.
    pub(crate) fn new(weights: &[i8], [depth, columns]: [usize; 2], scales: &[f32]) -> Self {
        assert!(weights.len() == depth * columns && scales.len() == columns, "a matrix of {depth} x {columns}");
        Self::of(|row, column| weights[column * depth + row], [depth, columns], scales.to_vec())
    }

    /// The same matrix with rows and columns exchanged, without its scales: those stand along its
    /// depth now and belong to the left side ([`Rows::scaled`]).
    pub(crate) fn transposed(&self) -> Self {
        let pairs = self.depth.div_ceil(2);
        let at = |row: usize, column: usize| {
            // The new row is the old column.
            let pair = &self.packed[row / COLUMNS * pairs + column / 2];
            pair[2 * (row % COLUMNS) + column % 2]
        };
        Self::of(at, [self.columns, self.depth], vec![1.0; self.depth])
    }

    fn of(at: impl Fn(usize, usize) -> i8, [depth, columns]: [usize; 2], scales: Vec<f32>) -> Self {
        let pairs = depth.div_ceil(2);
        let mut packed = vec![[0; 2 * COLUMNS]; columns.div_ceil(COLUMNS) * pairs];
        for (i, pair) in packed.iter_mut().enumerate() {
            let (first_column, first_row) = (i / pairs * COLUMNS, i % pairs * 2);
            for (j, value) in pair.iter_mut().enumerate() {
                let (row, column) = (first_row + j % 2, first_column + j / 2);
                if row < depth && column < columns {
                    *value = at(row, column);
                }
            }
        }
        Self { depth, columns, packed, scales }
    }

    /// Rows, which are the columns of what it is multiplied with.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// A scale a column.
    pub(crate) fn scales(&self) -> &[f32] {
        &self.scales
    }
}

/// Rounded rows, as the kernel reads them.
pub(crate) struct Rows {
    rows: usize,
    depth: usize,
    /// `[tile of rows][pair of columns]`.
    packed: Vec<LeftPair>,
    scales: Vec<f32>,
}

impl Rows {
    /// Rounds rows of `depth` values that lie one behind the other.
    pub(crate) fn new(values: &[f32], depth: usize) -> Self {
        Self::of(values, depth, None)
    }

    /// The same of rows that are multiplied by `by` first, value by value.
    pub(crate) fn scaled(values: &[f32], by: &[f32]) -> Self {
        Self::of(values, by.len(), Some(by))
    }

    fn of(values: &[f32], depth: usize, by: Option<&[f32]>) -> Self {
        let (rows, pairs) = (values.len() / depth, depth.div_ceil(2));
        let tiles = rows.div_ceil(ROWS);
        let mut packed = vec![[0; ROWS]; tiles * pairs];
        let mut scales = vec![0.0; tiles * ROWS];
        let of_tile = values.par_chunks(ROWS * depth);
        packed
            .par_chunks_mut(pairs)
            .zip(scales.par_chunks_mut(ROWS))
            .zip(of_tile)
            .for_each(|((packed, scales), values)| vectorised(Round { packed, scales, values, depth, by }));
        Self { rows, depth, packed, scales }
    }
}

/// Rounds one tile of rows.
struct Round<'a> {
    packed: &'a mut [LeftPair],
    scales: &'a mut [f32],
    values: &'a [f32],
    depth: usize,
    by: Option<&'a [f32]>,
}

impl Work for Round<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { packed, scales, values, depth, by } = self;
        let mut scaled = Vec::new();
        for (r, row) in values.chunks_exact(depth).enumerate() {
            let row = match by {
                None => row,
                Some(by) => {
                    scaled.clear();
                    scaled.extend(row.iter().zip(by).map(|(v, s)| v * s));
                    &scaled
                }
            };
            let most = largest(row);
            // What is no number stays none: the scale carries it into every sum.
            let inverse = if most > 0.0 { LARGEST / most } else { 0.0 };
            scales[r] = most / LARGEST;
            let round = |v: f32| (v * inverse).round_ties_even() as i32;
            let (twos, rest) = row.as_chunks::<2>();
            for (pair, two) in packed.iter_mut().zip(twos) {
                pair[r] = (round(two[0]) & 0xffff) | (round(two[1]) << 16);
            }
            if let ([last], Some(pair)) = (rest, packed.last_mut()) {
                pair[r] = round(*last) & 0xffff;
            }
        }
    }
}

#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let mut most = [0_f32; 16];
    let (chunks, rest) = row.as_chunks::<16>();
    let mut is_number = true;
    for chunk in chunks {
        for (most, v) in most.iter_mut().zip(chunk) {
            is_number &= v.is_finite();
            *most = most.max(v.abs());
        }
    }
    is_number &= rest.iter().all(|v| v.is_finite());
    let most = rest.iter().map(|v| v.abs()).chain(most).fold(0.0, f32::max);
    if is_number { most } else { f32::NAN }
}

/// `out = rows · matrix + bias`, row-major.
///
/// # Panics
/// Where the extents do not fit: a mistake of the caller.
pub(crate) fn product(out: &mut [f32], rows: &Rows, matrix: &Matrix, bias: Option<&[f32]>) {
    let columns = matrix.columns;
    assert!(rows.depth == matrix.depth && out.len() == rows.rows * columns, "{} x {columns}", rows.rows);
    assert!(bias.is_none_or(|b| b.len() == columns), "a bias for {columns} columns");
    let tiles = rows.rows.div_ceil(ROWS);
    // Every thread gets as many blocks as the others.
    let threads = rayon::current_num_threads();
    let blocks = tiles.div_ceil(BLOCK).next_multiple_of(threads);
    let block = tiles.div_ceil(blocks).max(1);
    out.par_chunks_mut(block * ROWS * columns).enumerate().for_each(|(i, out)| {
        multiply(&Part { rows, matrix, bias, first: i * block }, out);
    });
}

/// Some row tiles of a product.
struct Part<'a> {
    rows: &'a Rows,
    matrix: &'a Matrix,
    bias: Option<&'a [f32]>,
    /// The first tile.
    first: usize,
}

#[cfg(target_arch = "x86_64")]
fn multiply(part: &Part<'_>, out: &mut [f32]) {
    struct Wide<'a, 'b> {
        simd: pulp::x86::V3,
        part: &'a Part<'b>,
        out: &'a mut [f32],
    }
    impl pulp::NullaryFnOnce for Wide<'_, '_> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Self { simd, part, out } = self;
            part.run(out, |left, right| wide_sums(simd, left, right));
        }
    }
    match pulp::x86::V3::try_new() {
        Some(simd) => simd.vectorize(Wide { simd, part, out }),
        None => part.run(out, plain_sums),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn multiply(part: &Part<'_>, out: &mut [f32]) {
    part.run(out, plain_sums);
}

impl Part<'_> {
    #[inline(always)]
    fn run(&self, out: &mut [f32], sums: impl Fn(&[LeftPair], &[RightPair]) -> Sums) {
        let Matrix { columns, packed, scales, .. } = self.matrix;
        let pairs = self.rows.depth.div_ceil(2);
        for start in (0..pairs).step_by(DEPTH / 2) {
            let end = (start + DEPTH / 2).min(pairs);
            for (panel, right) in packed.chunks_exact(pairs).enumerate() {
                let begin = panel * COLUMNS;
                let width = COLUMNS.min(columns - begin);
                let mut scale = [0.0; COLUMNS];
                scale[..width].copy_from_slice(&scales[begin..begin + width]);
                let mut bias = [0.0; COLUMNS];
                if let Some(given) = self.bias {
                    bias[..width].copy_from_slice(&given[begin..begin + width]);
                }
                for (i, out) in out.chunks_mut(ROWS * columns).enumerate() {
                    let tile = self.first + i;
                    let left = &self.rows.packed[tile * pairs + start..tile * pairs + end];
                    let sums = sums(left, &right[start..end]);
                    let of_rows = self.rows.scales[tile * ROWS..].iter().zip(&sums);
                    for (row, (of_row, sums)) in out.chunks_exact_mut(*columns).zip(of_rows) {
                        let mut values = [0.0; COLUMNS];
                        for c in 0..COLUMNS {
                            values[c] = sums[c] as f32 * of_row * scale[c];
                        }
                        let place = &mut row[begin..begin + width];
                        if start == 0 {
                            place.iter_mut().zip(values).zip(bias).for_each(|((p, v), b)| *p = v + b);
                        } else {
                            place.iter_mut().zip(values).for_each(|(p, v)| *p += v);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn wide_sums(simd: pulp::x86::V3, left: &[LeftPair], right: &[RightPair]) -> Sums {
    let mut sums = [[simd.avx._mm256_setzero_si256(); 2]; ROWS];
    for (left, right) in left.iter().zip(right) {
        let halves: [[i8; COLUMNS]; 2] = pulp::cast(*right);
        let wide = halves.map(|half| simd.avx2._mm256_cvtepi8_epi16(pulp::cast(half)));
        for (sums, pair) in sums.iter_mut().zip(left) {
            let pair = simd.avx._mm256_set1_epi32(*pair);
            for (sum, wide) in sums.iter_mut().zip(wide) {
                *sum = simd.avx2._mm256_add_epi32(*sum, simd.avx2._mm256_madd_epi16(pair, wide));
            }
        }
    }
    pulp::cast(sums)
}

/// The same without vectors.
fn plain_sums(left: &[LeftPair], right: &[RightPair]) -> Sums {
    let mut sums = [[0; COLUMNS]; ROWS];
    for (left, right) in left.iter().zip(right) {
        for (sums, pair) in sums.iter_mut().zip(left) {
            let (low, high) = (i32::from(*pair as i16), pair >> 16);
            for (sum, two) in sums.iter_mut().zip(right.as_chunks::<2>().0) {
                *sum += low * i32::from(two[0]) + high * i32::from(two[1]);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(i: usize) -> f32 {
        ((i * 7919 + 13) % 1013) as f32 / 500.0 - 1.0
    }

    fn weight(i: usize) -> i8 {
        ((i * 104_729 + 7) % 255) as u8 as i8
    }

    /// `values · weights * scales`, in double precision.
    fn exact(values: &[f32], weights: &[i8], [depth, columns]: [usize; 2], scales: &[f32]) -> Vec<f64> {
        let rows = values.chunks_exact(depth);
        rows.flat_map(|row| {
            (0..columns).map(move |c| {
                let products = row.iter().enumerate().map(|(d, v)| f64::from(*v) * f64::from(weights[c * depth + d]));
                products.sum::<f64>() * f64::from(scales[c])
            })
        })
        .collect()
    }

    #[test]
    fn agrees_with_the_definition() {
        for [m, k, n] in [[1, 1, 1], [5, 3, 17], [13, 768, 16], [200, 770, 33], [7, 3072, 40]] {
            let values: Vec<f32> = (0..m * k).map(value).collect();
            let weights: Vec<i8> = (0..k * n).map(weight).collect();
            let scales: Vec<f32> = (0..n).map(|c| 0.001 + c as f32 * 1e-5).collect();
            let bias: Vec<f32> = (0..n).map(|c| c as f32).collect();
            let matrix = Matrix::new(&weights, [k, n], &scales);
            let mut out = vec![f32::NAN; m * n];
            product(&mut out, &Rows::new(&values, k), &matrix, Some(&bias));
            let exact = exact(&values, &weights, [k, n], &scales);
            // A row is rounded to a 32,766th of its largest value, 1.
            let error = 127.0 * 0.0014 * 3.1e-5 * (k as f64).sqrt() * 5.0 + 1e-5;
            for (i, (found, exact)) in out.iter().zip(exact).enumerate() {
                let found = f64::from(*found) - f64::from(bias[i % n]);
                assert!((found - exact).abs() < error + exact.abs() * 1e-6, "{m} {k} {n}: {found} {exact}");
            }
        }
    }

    #[test]
    fn the_vectors_say_what_the_plain_loop_says() {
        let left: Vec<LeftPair> =
            (0..DEPTH / 2).map(|i| std::array::from_fn(|r| ((i * 31 + r * 7919) as i32) << 9)).collect();
        let right: Vec<RightPair> = (0..DEPTH / 2).map(|i| std::array::from_fn(|c| weight(i * 32 + c))).collect();
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            struct Both<'a>(pulp::x86::V3, &'a [LeftPair], &'a [RightPair]);
            impl pulp::NullaryFnOnce for Both<'_> {
                type Output = Sums;
                fn call(self) -> Sums {
                    wide_sums(self.0, self.1, self.2)
                }
            }
            assert_eq!(simd.vectorize(Both(simd, &left, &right)), plain_sums(&left, &right));
        }
        // The largest sums there are do not overflow.
        let full = |v: i32| vec![[(v & 0xffff) | (v << 16); ROWS]; DEPTH / 2];
        let sums = plain_sums(&full(16_383), &vec![[127; 2 * COLUMNS]; DEPTH / 2]);
        assert_eq!(sums[0][0], 768 * 127 * 16_383);
        assert_eq!(plain_sums(&full(-16_383), &vec![[127; 2 * COLUMNS]; DEPTH / 2])[5][15], -768 * 127 * 16_383);
    }

    #[test]
    fn a_transposed_matrix_leads_back() {
        let [k, n] = [37, 21];
        let weights: Vec<i8> = (0..k * n).map(weight).collect();
        let scales: Vec<f32> = (0..n).map(|c| 0.01 + c as f32 * 1e-3).collect();
        let matrix = Matrix::new(&weights, [k, n], &scales);
        let values: Vec<f32> = (0..3 * n).map(value).collect();
        let mut out = vec![0.0; 3 * k];
        product(&mut out, &Rows::scaled(&values, matrix.scales()), &matrix.transposed(), None);
        for r in 0..3 {
            for d in 0..k {
                let exact: f32 = (0..n).map(|c| values[r * n + c] * scales[c] * f32::from(weights[c * k + d])).sum();
                assert!((out[r * k + d] - exact).abs() < 0.02, "{} {exact}", out[r * k + d]);
            }
        }
    }

    #[test]
    fn what_is_no_number_is_not_hidden() {
        let matrix = Matrix::new(&[1, 2], [2, 1], &[1.0]);
        let mut out = [0.0; 3];
        product(&mut out, &Rows::new(&[f32::NAN, 1.0, 0.0, 0.0, 1.0, f32::INFINITY], 2), &matrix, None);
        assert!(out[0].is_nan() && out[1] == 0.0 && out[2].is_nan(), "{out:?}");
    }
}
