//! Seeded procedural noise and small vector helpers for the drawn scene.
use crate::rng::mix;

/// Linear RGB or a direction.
pub(super) type V3 = [f32; 3];

pub(super) fn add(a: V3, b: V3) -> V3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(super) fn mul(a: V3, k: f32) -> V3 {
    [a[0] * k, a[1] * k, a[2] * k]
}

pub(super) fn lerp(a: V3, b: V3, t: f32) -> V3 {
    add(mul(a, 1.0 - t), mul(b, t))
}

pub(super) fn dot(a: V3, b: V3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn unit(a: V3) -> V3 {
    mul(a, dot(a, a).sqrt().max(1e-9).recip())
}

/// 0 below `low`, 1 above `high`, smooth between (also falling, when `low > high`).
pub(super) fn smooth(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A colour from sRGB values 0..=1, as a person picks it, in linear light.
pub(super) fn srgb(r: f32, g: f32, b: f32) -> V3 {
    [r, g, b].map(|v| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) })
}

/// The seed of one texture of a scene.
pub(super) fn layer(seed: u64, number: u64) -> u64 {
    seed ^ number
}

/// Uniform 0..1 from integer coordinates.
pub(super) fn cell(seed: u64, x: i32, y: i32) -> f32 {
    let key = (u64::from(x as u32) << 32) | u64::from(y as u32);
    (mix(seed ^ mix(key)) >> 40) as f32 / (1u64 << 24) as f32
}

/// Value noise 0..1 with cells of size 1.
pub(super) fn value(seed: u64, x: f32, y: f32) -> f32 {
    let (xf, yf) = (x.floor(), y.floor());
    let (xi, yi) = (xf as i32, yf as i32);
    let (u, v) = (smooth(0.0, 1.0, x - xf), smooth(0.0, 1.0, y - yf));
    let top = cell(seed, xi, yi) * (1.0 - u) + cell(seed, xi + 1, yi) * u;
    let bottom = cell(seed, xi, yi + 1) * (1.0 - u) + cell(seed, xi + 1, yi + 1) * u;
    top * (1.0 - v) + bottom * v
}

/// Fractal noise 0..1: each octave twice as fine and half as strong, turned a little so that no
/// axis shows.
pub(super) fn fractal(seed: u64, x: f32, y: f32, octaves: u32) -> f32 {
    let (mut x, mut y, mut gain, mut sum, mut total) = (x, y, 1.0, 0.0, 0.0);
    for octave in 0..octaves {
        sum += gain * value(seed.wrapping_add(u64::from(octave) * 7919), x, y);
        total += gain;
        gain *= 0.5;
        (x, y) = (1.6 * x + 1.2 * y + 3.7, 1.6 * y - 1.2 * x + 1.3);
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_continuous_bounded_and_seeded() {
        for i in 0..500 {
            let (x, y) = (i as f32 * 0.37 - 60.0, i as f32 * 0.11 - 20.0);
            let here = fractal(5, x, y, 5);
            assert!((0.0..=1.0).contains(&here));
            assert!((here - fractal(5, x + 1e-4, y, 5)).abs() < 0.02);
        }
        assert_ne!(value(1, 0.3, 0.4), value(2, 0.3, 0.4));
    }
}
