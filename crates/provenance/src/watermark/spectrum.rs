//! The spectrum of a plane at frequencies between the bins.
//!
//! The decision that shapes it: the plane is padded to at least twice its size and its centre is
//! made the origin, so that the spectrum varies slowly and a value between bins is interpolated;
//! trying another scale then costs a few hundred look-ups and no resampling. What is decoded in the
//! end is computed exactly.
use rustfft::num_complex::Complex32;
use rustfft::{FftDirection, FftPlanner};

use super::perception::Field;

/// Rings over which the mean power is taken, from 0 to the corner of the spectrum.
const RINGS: usize = 96;

/// In-place two-dimensional transform without scaling.
pub(crate) struct Transform {
    width: usize,
    height: usize,
    across: std::sync::Arc<dyn rustfft::Fft<f32>>,
    down: std::sync::Arc<dyn rustfft::Fft<f32>>,
    turned: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Transform {
    pub(crate) fn new(width: usize, height: usize, direction: FftDirection) -> Self {
        let mut planner = FftPlanner::new();
        let across = planner.plan_fft(width, direction);
        let down = planner.plan_fft(height, direction);
        let scratch = across.get_inplace_scratch_len().max(down.get_inplace_scratch_len());
        let zero = Complex32::new(0.0, 0.0);
        Self { width, height, across, down, turned: vec![zero; width * height], scratch: vec![zero; scratch] }
    }

    pub(crate) fn run(&mut self, data: &mut [Complex32]) {
        self.across.process_with_scratch(data, &mut self.scratch);
        turn(data, &mut self.turned, self.width, self.height);
        self.down.process_with_scratch(&mut self.turned, &mut self.scratch);
        turn(&self.turned, data, self.height, self.width);
    }
}

/// Transposes in squares that fit the first cache.
fn turn(from: &[Complex32], to: &mut [Complex32], width: usize, height: usize) {
    const SIDE: usize = 16;
    for top in (0..height).step_by(SIDE) {
        for left in (0..width).step_by(SIDE) {
            for y in top..(top + SIDE).min(height) {
                for x in left..(left + SIDE).min(width) {
                    to[x * height + y] = from[y * width + x];
                }
            }
        }
    }
}

/// A padded spectrum whose origin of place is the centre of the plane.
pub(super) struct Spectrum {
    width: usize,
    height: usize,
    data: Vec<Complex32>,
    /// Root of the mean power on rings of equal frequency.
    rings: [f32; RINGS],
}

impl Spectrum {
    pub(super) fn of(plane: &Field) -> Self {
        let (width, height) = ((2 * plane.width).next_power_of_two(), (2 * plane.height).next_power_of_two());
        let mut data = vec![Complex32::new(0.0, 0.0); width * height];
        for (y, row) in plane.data.chunks_exact(plane.width.max(1)).enumerate() {
            let to = (y + height - plane.height / 2) % height * width;
            for (x, value) in row.iter().enumerate() {
                data[to + (x + width - plane.width / 2) % width].re = *value;
            }
        }
        Transform::new(width, height, FftDirection::Forward).run(&mut data);
        let mut sums = [(0.0f64, 0usize); RINGS];
        for (y, row) in data.chunks_exact(width).enumerate().step_by(2) {
            let fy = y.min(height - y) as f32 / height as f32;
            for (x, value) in row.iter().enumerate().step_by(2) {
                let fx = x.min(width - x) as f32 / width as f32;
                let (sum, count) = &mut sums[ring(fx, fy)];
                *sum += f64::from(value.norm_sqr());
                *count += 1;
            }
        }
        let rings = sums.map(|(sum, count)| (sum / count.max(1) as f64).sqrt().max(1e-9) as f32);
        Self { width, height, data, rings }
    }

    /// Root mean square of the spectrum at this distance from the origin, interpolated between
    /// rings.
    pub(super) fn usual(&self, fx: f32, fy: f32) -> f32 {
        let place = ((fx * fx + fy * fy).sqrt() * std::f32::consts::SQRT_2 * RINGS as f32 - 0.5)
            .clamp(0.0, RINGS as f32 - 1.001);
        let at = place as usize;
        let share = place - at as f32;
        self.rings[at] * (1.0 - share) + self.rings[at + 1] * share
    }

    /// The value at a frequency in cycles a sample, |f| <= 0.5, interpolated linearly between the
    /// four bins around it.
    pub(super) fn at(&self, fx: f32, fy: f32) -> Complex32 {
        let wrap = |f: f32, size: usize| {
            // One turn more of the circle: what is cut off is then rounded down.
            let place = (f + 1.0) * size as f32;
            let below = place as usize;
            (below & (size - 1), place - below as f32)
        };
        let ((x, sx), (y, sy)) = (wrap(fx, self.width), wrap(fy, self.height));
        let (right, under) = ((x + 1) & (self.width - 1), (y + 1) & (self.height - 1));
        let (top, bottom) = (&self.data[y * self.width..], &self.data[under * self.width..]);
        (top[x] * (1.0 - sx) + top[right] * sx) * (1.0 - sy) + (bottom[x] * (1.0 - sx) + bottom[right] * sx) * sy
    }
}

fn ring(fx: f32, fy: f32) -> usize {
    (((fx * fx + fy * fy).sqrt() * std::f32::consts::SQRT_2 * RINGS as f32) as usize).min(RINGS - 1)
}

/// The exact spectrum at multiples of two base frequencies (cycles a sample): `value(x, y)` for
/// `-most..=most` across and `0..=most` down.
pub(super) struct Multiples {
    most: usize,
    data: Vec<Complex32>,
}

impl Multiples {
    pub(super) fn of(plane: &Field, base: [f32; 2], most: usize) -> Self {
        let side = 2 * most + 1;
        let turn = |cycles: f32| Complex32::from_polar(1.0, -std::f32::consts::TAU * cycles.fract());
        let waves = |length: usize, base: f32, multiple: i32| -> Vec<Complex32> {
            (0..length).map(|at| turn((at as f32 - (length / 2) as f32) * base * multiple as f32)).collect()
        };
        let across: Vec<Vec<Complex32>> = (0..=most as i32).map(|m| waves(plane.width, base[0], m)).collect();
        let mut data = vec![Complex32::new(0.0, 0.0); side * (most + 1)];
        let down: Vec<Vec<Complex32>> = (0..=most as i32).map(|m| waves(plane.height, base[1], m)).collect();
        let mut sums = vec![Complex32::new(0.0, 0.0); side];
        for (y, row) in plane.data.chunks_exact(plane.width.max(1)).enumerate() {
            for (m, wave) in across.iter().enumerate() {
                let (mut re, mut im) = ([0.0f32; 8], [0.0f32; 8]);
                let (values, rest) = row.as_chunks::<8>();
                let (turns, last) = wave.as_chunks::<8>();
                for (v, t) in values.iter().zip(turns) {
                    for lane in 0..8 {
                        re[lane] += v[lane] * t[lane].re;
                        im[lane] += v[lane] * t[lane].im;
                    }
                }
                let tail: Complex32 = rest.iter().zip(last).map(|(v, t)| t * *v).sum();
                let sum = Complex32::new(re.iter().sum(), im.iter().sum()) + tail;
                sums[most + m] = sum;
                sums[most - m] = sum.conj();
            }
            for (wave, to) in down.iter().zip(data.chunks_exact_mut(side)) {
                to.iter_mut().zip(&sums).for_each(|(t, s)| *t += s * wave[y]);
            }
        }
        Self { most, data }
    }

    pub(super) fn value(&self, x: i32, y: i32) -> Complex32 {
        let side = 2 * self.most as i32 + 1;
        self.data[(y * side + x + self.most as i32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane() -> Field {
        let mut state = 7u32;
        let data = (0..90 * 70).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as f32 / 32768.0 - 1.0
        });
        Field { width: 90, height: 70, data: data.collect() }
    }

    fn exact(plane: &Field, fx: f32, fy: f32) -> Complex32 {
        (0..plane.data.len())
            .map(|at| {
                let (x, y) = ((at % plane.width) as f32 - 45.0, (at / plane.width) as f32 - 35.0);
                Complex32::from_polar(plane.data[at], -std::f32::consts::TAU * (x * fx + y * fy))
            })
            .sum()
    }

    #[test]
    fn multiples_are_exact() {
        let plane = plane();
        let lines = Multiples::of(&plane, [0.013, 0.011], 9);
        for (x, y) in [(0, 0), (9, 9), (-9, 3), (-1, 9), (5, 0)] {
            let difference = lines.value(x, y) - exact(&plane, x as f32 * 0.013, y as f32 * 0.011);
            assert!(difference.norm() < 0.02, "{x} {y}: {difference}");
        }
    }

    #[test]
    fn values_between_bins_are_close() {
        let plane = plane();
        let spectrum = Spectrum::of(&plane);
        let (mut error, mut power) = (0.0, 0.0);
        for step in 0..60 {
            let (fx, fy) = (0.4 * (step as f32 * 0.37).sin(), 0.3 * (step as f32 * 0.73).cos());
            let true_value = exact(&plane, fx, fy);
            error += (spectrum.at(fx, fy) - true_value).norm_sqr();
            power += true_value.norm_sqr();
        }
        assert!(error / power < 0.05, "{}", error / power);
    }
}
