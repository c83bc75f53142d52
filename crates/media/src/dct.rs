//! The 8x8 discrete cosine transform of JPEG in single precision.
//!
//! Both directions are exact up to rounding (no AAN scaling to be folded into a quantisation
//! table), so that a forward transform of an inverse one gives the stored coefficients back. The
//! one decision: eight columns are transformed side by side with the even-odd factorisation, which
//! the compiler turns into vector instructions on every target, then the block is transposed. There
//! is no integer variant; bit-equality with a particular decoder's pixels is not a goal.

/// Coefficients of one row or sample of eight columns at once.
type Lanes = [f32; 8];

// Half the cosines of k·π/16: the factor 1/2 is that of T.81 A.3.3 split evenly over both passes.
const C1: f32 = 0.490_392_64;
const C2: f32 = 0.461_939_77;
const C3: f32 = 0.415_734_8;
const C4: f32 = 0.353_553_4;
const C5: f32 = 0.277_785_12;
const C6: f32 = 0.191_341_71;
const C7: f32 = 0.097_545_16;

#[inline]
fn add(a: &Lanes, b: &Lanes) -> Lanes {
    std::array::from_fn(|i| a[i] + b[i])
}

#[inline]
fn sub(a: &Lanes, b: &Lanes) -> Lanes {
    std::array::from_fn(|i| a[i] - b[i])
}

#[inline]
fn scale(a: &Lanes, f: f32) -> Lanes {
    std::array::from_fn(|i| a[i] * f)
}

#[inline]
fn mix2(a: &Lanes, fa: f32, b: &Lanes, fb: f32) -> Lanes {
    std::array::from_fn(|i| a[i] * fa + b[i] * fb)
}

#[inline]
fn mix4(x: [&Lanes; 4], f: [f32; 4]) -> Lanes {
    std::array::from_fn(|i| (x[0][i] * f[0] + x[1][i] * f[1]) + (x[2][i] * f[2] + x[3][i] * f[3]))
}

#[inline]
fn transpose(m: &[Lanes; 8]) -> [Lanes; 8] {
    std::array::from_fn(|i| std::array::from_fn(|j| m[j][i]))
}

#[inline]
fn split(block: &[f32; 64]) -> [Lanes; 8] {
    std::array::from_fn(|i| std::array::from_fn(|j| block[i * 8 + j]))
}

#[inline]
fn join(rows: &[Lanes; 8]) -> [f32; 64] {
    std::array::from_fn(|i| rows[i / 8][i % 8])
}

#[inline]
fn forward_columns(x: &[Lanes; 8]) -> [Lanes; 8] {
    let (s0, s1, s2, s3) = (add(&x[0], &x[7]), add(&x[1], &x[6]), add(&x[2], &x[5]), add(&x[3], &x[4]));
    let (d0, d1, d2, d3) = (sub(&x[0], &x[7]), sub(&x[1], &x[6]), sub(&x[2], &x[5]), sub(&x[3], &x[4]));
    let (e0, e1, e2, e3) = (add(&s0, &s3), add(&s1, &s2), sub(&s0, &s3), sub(&s1, &s2));
    let d = [&d0, &d1, &d2, &d3];
    [
        scale(&add(&e0, &e1), C4),
        mix4(d, [C1, C3, C5, C7]),
        mix2(&e2, C2, &e3, C6),
        mix4(d, [C3, -C7, -C1, -C5]),
        scale(&sub(&e0, &e1), C4),
        mix4(d, [C5, -C1, C7, C3]),
        mix2(&e2, C6, &e3, -C2),
        mix4(d, [C7, -C5, C3, -C1]),
    ]
}

#[inline]
fn inverse_columns(c: &[Lanes; 8]) -> [Lanes; 8] {
    let (t0, t1) = (scale(&add(&c[0], &c[4]), C4), scale(&sub(&c[0], &c[4]), C4));
    let (t2, t3) = (mix2(&c[2], C2, &c[6], C6), mix2(&c[2], C6, &c[6], -C2));
    let (s0, s1, s2, s3) = (add(&t0, &t2), add(&t1, &t3), sub(&t1, &t3), sub(&t0, &t2));
    let odd = [&c[1], &c[3], &c[5], &c[7]];
    let d0 = mix4(odd, [C1, C3, C5, C7]);
    let d1 = mix4(odd, [C3, -C7, -C1, -C5]);
    let d2 = mix4(odd, [C5, -C1, C7, C3]);
    let d3 = mix4(odd, [C7, -C5, C3, -C1]);
    [
        add(&s0, &d0),
        add(&s1, &d1),
        add(&s2, &d2),
        add(&s3, &d3),
        sub(&s3, &d3),
        sub(&s2, &d2),
        sub(&s1, &d1),
        sub(&s0, &d0),
    ]
}

/// Forward transform (T.81 A.3.3, orthonormal): samples, row-major `y * 8 + x`, to coefficients,
/// row-major `v * 8 + u`.
///
/// JPEG subtracts 128 from the samples first; that only moves the coefficient at 0, by 1024.
pub fn forward8(samples: &[f32; 64]) -> [f32; 64] {
    let columns = forward_columns(&split(samples));
    join(&transpose(&forward_columns(&transpose(&columns))))
}

/// Inverse transform (T.81 A.3.3, orthonormal): coefficients, row-major `v * 8 + u`, to samples,
/// row-major `y * 8 + x`.
pub fn inverse8(coefficients: &[f32; 64]) -> [f32; 64] {
    let columns = inverse_columns(&split(coefficients));
    join(&transpose(&inverse_columns(&transpose(&columns))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u32) -> [f32; 64] {
        let mut state = seed;
        std::array::from_fn(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as f32 - 128.0
        })
    }

    /// The defining sum, in double precision.
    fn by_definition(samples: &[f32; 64]) -> [f64; 64] {
        std::array::from_fn(|i| {
            let (v, u) = (i / 8, i % 8);
            let c = |k: usize| if k == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
            let cosine = |n: usize, k: usize| (((2 * n + 1) * k) as f64 * std::f64::consts::PI / 16.0).cos();
            let sum: f64 = (0..64).map(|j| f64::from(samples[j]) * cosine(j % 8, u) * cosine(j / 8, v)).sum();
            sum * c(u) * c(v) / 4.0
        })
    }

    #[test]
    fn forward_equals_the_defining_sum() {
        for seed in 0..50 {
            let samples = noise(seed);
            for (i, (got, expected)) in forward8(&samples).iter().zip(by_definition(&samples)).enumerate() {
                assert!((f64::from(*got) - expected).abs() < 1e-3, "coefficient {i}: {got} is not {expected}");
            }
        }
    }

    #[test]
    fn inverse_undoes_forward() {
        for seed in 0..50 {
            let samples = noise(seed);
            for (got, expected) in inverse8(&forward8(&samples)).iter().zip(samples) {
                assert!((got - expected).abs() < 1e-3);
            }
        }
    }
}
