//! The 8x8 DCT of every overlapping block of a picture: all 64 possible grid origins at once.
//!
//! The decision that shapes it: blocks that start in neighbouring columns are transformed side by
//! side, first down the columns, then along the rows, so that the inner loop runs over consecutive
//! memory and the compiler vectorises it. A strip of block origins is handed to the caller while it
//! is still in the cache; the coefficients of a whole picture are never kept.
use assay_media::Plane;

/// Block origins in one strip. 64 coefficients of 128 origins in single precision are 32 KB.
pub(crate) const STRIP: usize = 128;

/// Half the cosines of k·π/16 as in T.81 A.3.3.
const C: [f32; 8] =
    [0.353_553_4, 0.490_392_64, 0.461_939_77, 0.415_734_8, 0.353_553_4, 0.277_785_12, 0.191_341_71, 0.097_545_16];

/// Working memory for one thread.
pub(crate) struct Sliding {
    /// Column transforms: 8 vertical frequencies of `STRIP + 7` columns.
    columns: Vec<[f32; STRIP + 8]>,
    /// Coefficient `v * 8 + u` of every origin in the strip.
    coefficients: Vec<[f32; STRIP]>,
}

impl Sliding {
    pub(crate) fn new() -> Self {
        Self { columns: vec![[0.0; STRIP + 8]; 8], coefficients: vec![[0.0; STRIP]; 64] }
    }

    /// Transforms the blocks whose top left corners are `(x0 .. x0 + count, y)`. Row `v * 8 + u` of
    /// the answer holds that coefficient (orthonormal; `u` horizontal) for each origin; entries
    /// from `count` on mean nothing. `count` is at most [`STRIP`], and all the blocks must lie
    /// inside the plane.
    pub(crate) fn strip(&mut self, plane: &Plane, x0: usize, y: usize, count: usize) -> &[[f32; STRIP]] {
        let span = count + 7;
        let rows: [&[f32]; 8] = std::array::from_fn(|i| &plane.row(y + i)[x0..x0 + span]);
        for x in 0..span {
            let out = dct8(std::array::from_fn(|i| rows[i][x]));
            for (v, value) in out.into_iter().enumerate() {
                self.columns[v][x] = value;
            }
        }
        for v in 0..8 {
            let line = &self.columns[v];
            let (out, _) = self.coefficients[v * 8..].split_at_mut(8);
            let [o0, o1, o2, o3, o4, o5, o6, o7] = out else { continue };
            for x in 0..STRIP {
                let c = dct8(std::array::from_fn(|i| line[x + i]));
                o0[x] = c[0];
                o1[x] = c[1];
                o2[x] = c[2];
                o3[x] = c[3];
                o4[x] = c[4];
                o5[x] = c[5];
                o6[x] = c[6];
                o7[x] = c[7];
            }
        }
        &self.coefficients
    }
}

#[inline(always)]
fn dct8(x: [f32; 8]) -> [f32; 8] {
    let (s0, s1, s2, s3) = (x[0] + x[7], x[1] + x[6], x[2] + x[5], x[3] + x[4]);
    let (d0, d1, d2, d3) = (x[0] - x[7], x[1] - x[6], x[2] - x[5], x[3] - x[4]);
    let (e0, e1, e2, e3) = (s0 + s3, s1 + s2, s1 - s2, s0 - s3);
    [
        (e0 + e1) * C[4],
        (d0 * C[1] + d1 * C[3]) + (d2 * C[5] + d3 * C[7]),
        e3 * C[2] + e2 * C[6],
        (d0 * C[3] - d1 * C[7]) - (d2 * C[1] + d3 * C[5]),
        (e0 - e1) * C[4],
        (d0 * C[5] - d1 * C[1]) + (d2 * C[7] + d3 * C[3]),
        e3 * C[6] - e2 * C[2],
        (d0 * C[7] - d1 * C[5]) + (d2 * C[3] - d3 * C[1]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_equal_single_blocks() {
        let (width, height) = (200, 20);
        let data = (0..width * height).map(|i| ((i * 7919 + i / 13 * 31) % 256) as f32).collect();
        let plane = Plane { width, height, data };
        let mut sliding = Sliding::new();
        for (x0, y, count) in [(0, 0, STRIP), (128, 3, 65), (192, 12, 1)] {
            let got = sliding.strip(&plane, x0, y, count);
            for x in 0..count {
                let block: [f32; 64] = std::array::from_fn(|i| plane.at(x0 + x + i % 8, y + i / 8));
                for (k, expected) in assay_media::dct::forward8(&block).iter().enumerate() {
                    assert!((got[k][x] - expected).abs() < 2e-3, "{k} at {x}: {} is not {expected}", got[k][x]);
                }
            }
        }
    }
}
