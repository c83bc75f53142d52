//! Rotation-invariant descriptors of every patch: magnitudes of Zernike moments (Ryu, Lee, Lee
//! 2010; Cozzolino et al. 2015, section III-A).
//!
//! The basis functions are normalised to unit energy on the sampled disc, so that white noise
//! disturbs every moment alike and the plain Euclidean distance is the right one. Patches that
//! reach over the picture's edge have no descriptor: the grid is smaller by the radius.
use assay_media::Plane;
use rayon::prelude::*;

/// Moments of order 0 to 5 with non-negative repetition.
const ORDERS: [(u32, u32); 12] =
    [(0, 0), (1, 1), (2, 0), (2, 2), (3, 1), (3, 3), (4, 0), (4, 2), (4, 4), (5, 1), (5, 3), (5, 5)];

/// Numbers per patch.
pub(super) const DIMENSIONS: usize = ORDERS.len();

/// Steps per unit of a moment: far below the noise of any JPEG, and sums of squares stay below
/// 2^31.
const STEPS: f32 = 2.0;

/// Descriptors on the grid of patch centres; grid `(0, 0)` is pixel `(radius, radius)`.
pub(super) struct Features {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Moments in steps; small, because a random search waits for memory.
    pub(super) data: Vec<[i16; DIMENSIONS]>,
}

impl Features {
    /// Descriptors of the discs of `radius` around every pixel that has a whole disc; `None` when
    /// there is none.
    pub(super) fn of(plane: &Plane, radius: usize) -> Option<Self> {
        let width = plane.width.checked_sub(2 * radius).filter(|w| *w > 0)?;
        let height = plane.height.checked_sub(2 * radius).filter(|h| *h > 0)?;
        let basis: Vec<Moment> = ORDERS.iter().map(|&(n, m)| Moment::new(n, m, radius)).collect();
        let mut data = vec![[0i16; DIMENSIONS]; width * height];
        data.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
            let mut real = vec![0.0f32; width];
            let mut imaginary = vec![0.0f32; width];
            for (k, moment) in basis.iter().enumerate() {
                accumulate(plane, y, &moment.real, radius, &mut real);
                if let Some(kernel) = &moment.imaginary {
                    accumulate(plane, y, kernel, radius, &mut imaginary);
                    for ((out, re), im) in row.iter_mut().zip(&real).zip(&imaginary) {
                        out[k] = (STEPS * (re * re + im * im).sqrt()).round() as i16;
                    }
                } else {
                    for (out, re) in row.iter_mut().zip(&real) {
                        out[k] = (STEPS * re.abs()).round() as i16;
                    }
                }
            }
        });
        Some(Self { width, height, data })
    }

    /// Squared distance between two grid points, in squared steps.
    pub(super) fn distance(&self, a: usize, b: usize) -> i32 {
        let (a, b) = (&self.data[a], &self.data[b]);
        let mut sum = 0;
        for k in 0..DIMENSIONS {
            let d = i32::from(a[k]) - i32::from(b[k]);
            sum += d * d;
        }
        sum
    }
}

/// One basis function, sampled; functions without rotation have no imaginary part.
struct Moment {
    real: Vec<f32>,
    imaginary: Option<Vec<f32>>,
}

impl Moment {
    fn new(n: u32, m: u32, radius: usize) -> Self {
        let side = 2 * radius + 1;
        let unit = radius as f64 + 0.5;
        let mut real = vec![0.0f64; side * side];
        let mut imaginary = vec![0.0f64; side * side];
        let mut inside = vec![false; side * side];
        for y in 0..side {
            for x in 0..side {
                let (u, v) = ((x as f64 - radius as f64) / unit, (y as f64 - radius as f64) / unit);
                let (rho, theta) = (u.hypot(v), v.atan2(u));
                if rho <= 1.0 {
                    let value = radial(n, m, rho);
                    inside[y * side + x] = true;
                    real[y * side + x] = value * (f64::from(m) * theta).cos();
                    imaginary[y * side + x] = value * (f64::from(m) * theta).sin();
                }
            }
        }
        if n > 0 {
            // Sampling on a square lattice leaves a small mean where there is no rotation or a
            // fourfold one, which would let the patch's brightness leak into the moment.
            let count = inside.iter().filter(|i| **i).count() as f64;
            let mean = real.iter().sum::<f64>() / count;
            real.iter_mut().zip(&inside).filter(|(_, i)| **i).for_each(|(r, _)| *r -= mean);
        }
        let energy: f64 = real.iter().chain(&imaginary).map(|v| v * v).sum::<f64>().sqrt();
        let scaled = |values: &[f64]| values.iter().map(|v| (v / energy) as f32).collect::<Vec<f32>>();
        Self { real: scaled(&real), imaginary: (m > 0).then(|| scaled(&imaginary)) }
    }
}

/// Zernike's radial polynomial (Teague 1980, eq. 13).
fn radial(n: u32, m: u32, rho: f64) -> f64 {
    let factorial = |k: u32| (1..=k).map(f64::from).product::<f64>();
    (0..=(n - m) / 2)
        .map(|s| {
            let sign = if s % 2 == 0 { 1.0 } else { -1.0 };
            sign * factorial(n - s) / (factorial(s) * factorial((n + m) / 2 - s) * factorial((n - m) / 2 - s))
                * rho.powi((n - 2 * s) as i32)
        })
        .sum()
}

/// `out[x]` = correlation of the kernel with the plane around `(x + radius, y + radius)`.
fn accumulate(plane: &Plane, y: usize, kernel: &[f32], radius: usize, out: &mut [f32]) {
    let side = 2 * radius + 1;
    out.fill(0.0);
    for (dy, taps) in kernel.chunks_exact(side).enumerate() {
        let row = plane.row(y + dy);
        for (dx, tap) in taps.iter().enumerate() {
            if *tap != 0.0 {
                for (o, s) in out.iter_mut().zip(&row[dx..]) {
                    *o += tap * s;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(side: usize, f: impl Fn(f32, f32) -> f32) -> Plane {
        let c = (side / 2) as f32;
        let data = (0..side * side).map(|i| f((i % side) as f32 - c, (i / side) as f32 - c)).collect();
        Plane { width: side, height: side, data }
    }

    #[test]
    fn moments_do_not_turn_with_the_patch() {
        let pattern = |u: f32, v: f32| 128.0 + 40.0 * (0.5 * u).sin() + 3.0 * v + 10.0 * (0.4 * u * v / 4.0).cos();
        let (sin, cos) = 0.7f32.sin_cos();
        let straight = Features::of(&plane(17, pattern), 8).unwrap();
        let turned = Features::of(&plane(17, |x, y| pattern(cos * x - sin * y, sin * x + cos * y)), 8).unwrap();
        for k in 0..DIMENSIONS {
            let (a, b) = (f32::from(straight.data[0][k]), f32::from(turned.data[0][k]));
            assert!((a - b).abs() < 0.05 * a.abs() + 8.0, "moment {k}: {a} and {b}");
        }
    }

    #[test]
    fn flat_patches_have_only_their_brightness() {
        let flat = Features::of(&Plane::filled(13, 13, 100.0), 6).unwrap();
        assert!(flat.data[0][0] > 1000);
        assert!(flat.data[0][1..].iter().all(|v| *v == 0), "{:?}", flat.data[0]);
        assert!(Features::of(&Plane::filled(12, 30, 1.0), 6).is_none());
    }
}
