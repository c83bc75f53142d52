//! Spectra of small windows of a map, made flat by their own neighbourhood, so that a periodic
//! trace stands out as a peak.
//!
//! The decision that shapes it: under no periodic trace a periodogram divided by its local level
//! follows the exponential law whatever the picture shows, so peaks of all windows and frequencies
//! can be compared on one scale and counted as tests.
use assay_media::Plane;
use rayon::prelude::*;
use rustfft::{FftPlanner, num_complex::Complex};

/// Radius in pixels of the local mean and deviation that a map is freed from.
const LEVEL_RADIUS: usize = 6;

/// Spread below which a place counts as smooth: there the contour lines of rounding make periods of
/// their own.
const LEAST_SPREAD: f32 = 0.25;

/// Rows that one thread sums down the columns.
const BAND: usize = 64;

/// A map freed of its local mean and spread: what is left is fine structure of equal strength
/// everywhere. Places not judged are 0.
pub(super) fn even_out(map: &Plane) -> Plane {
    let judged = map_plane(map, |v| if v.is_nan() { 0.0 } else { 1.0 });
    let values = map_plane(map, |v| if v.is_nan() { 0.0 } else { v });
    let count = local_mean(&judged, LEVEL_RADIUS);
    let mean = local_mean(&values, LEVEL_RADIUS);
    let mut flat = values;
    zip3(&mut flat, &mean, &count, &judged, |v, m, c, j| if j > 0.0 { v - m / c.max(1e-3) } else { 0.0 });
    let squares = local_mean(&map_plane(&flat, |v| v * v), LEVEL_RADIUS);
    zip3(&mut flat, &squares, &count, &judged, |v, s, c, _| v / (s / c.max(1e-3)).sqrt().max(LEAST_SPREAD));
    flat
}

fn map_plane(plane: &Plane, f: impl Fn(f32) -> f32 + Sync) -> Plane {
    Plane { width: plane.width, height: plane.height, data: plane.data.par_iter().map(|v| f(*v)).collect() }
}

fn zip3(plane: &mut Plane, a: &Plane, b: &Plane, c: &Plane, f: impl Fn(f32, f32, f32, f32) -> f32 + Sync) {
    plane
        .data
        .par_iter_mut()
        .zip(&a.data)
        .zip(&b.data)
        .zip(&c.data)
        .for_each(|(((v, a), b), c)| *v = f(*v, *a, *b, *c));
}

/// Box mean; pixels beyond the border count as 0.
fn local_mean(plane: &Plane, radius: usize) -> Plane {
    let (width, height) = (plane.width, plane.height);
    let scale = 1.0 / (2 * radius + 1) as f32;
    let mut across = Plane::filled(width, height, 0.0);
    across.data.par_chunks_mut(width.max(1)).enumerate().for_each(|(y, out)| {
        let line = plane.row(y);
        let mut sum: f32 = line[..radius.min(width)].iter().sum();
        for (x, value) in out.iter_mut().enumerate() {
            if x + radius < width {
                sum += line[x + radius];
            }
            if x > radius {
                sum -= line[x - radius - 1];
            }
            *value = sum * scale;
        }
    });
    let mut out = Plane::filled(width, height, 0.0);
    out.data.par_chunks_mut((width * BAND).max(1)).enumerate().for_each(|(band, lines)| {
        let first = band * BAND;
        let mut sums = vec![0.0f32; width];
        for y in first.saturating_sub(radius)..(first + radius).min(height) {
            sums.iter_mut().zip(across.row(y)).for_each(|(s, v)| *s += v);
        }
        for (i, line) in lines.chunks_mut(width).enumerate() {
            let y = first + i;
            if y + radius < height {
                sums.iter_mut().zip(across.row(y + radius)).for_each(|(s, v)| *s += v);
            }
            if y > first && y > radius {
                sums.iter_mut().zip(across.row(y - radius - 1)).for_each(|(s, v)| *s -= v);
            }
            line.iter_mut().zip(&sums).for_each(|(o, s)| *o = s * scale);
        }
    });
    out
}

/// Power spectra of square windows.
pub(super) struct Spectra {
    /// Window side in pixels.
    pub(super) side: usize,
    /// Windows across.
    pub(super) columns: usize,
    /// Windows down.
    pub(super) rows: usize,
    /// Top left corners in pixels, row-major.
    pub(super) corners: Vec<(usize, usize)>,
    /// Share of judged pixels of each window.
    pub(super) judged: Vec<f32>,
    /// `side * side` flattened power of each window: 1 is its local level. Index `v * side + u`,
    /// frequencies `u / side`, `v / side`.
    pub(super) power: Vec<Vec<f32>>,
}

/// Evenly spread corners that start at 0 and end flush, at most `step` apart.
fn corners(length: usize, side: usize, step: usize) -> Vec<usize> {
    let last = length - side;
    let n = last.div_ceil(step.max(1));
    (0..=n).map(|i| i * last / n.max(1)).collect()
}

/// The spectra of all windows, about `step` pixels apart; `None` when the map is smaller than one
/// window.
pub(super) fn spectra(flat: &Plane, side: usize, step: usize) -> Option<Spectra> {
    if flat.width < side || flat.height < side {
        return None;
    }
    let (xs, ys) = (corners(flat.width, side, step), corners(flat.height, side, step));
    let corners: Vec<(usize, usize)> = ys.iter().flat_map(|y| xs.iter().map(move |x| (*x, *y))).collect();
    let fft = FftPlanner::<f32>::new().plan_fft_forward(side);
    let taper: Vec<f32> =
        (0..side).map(|i| (std::f32::consts::PI * (i as f32 + 0.5) / side as f32).sin().powi(2)).collect();
    let found: Vec<(f32, Vec<f32>)> = corners
        .par_iter()
        .map(|(x0, y0)| {
            let mut data = vec![Complex::new(0.0f32, 0.0); side * side];
            let mut judged = 0u32;
            for y in 0..side {
                let line = &flat.row(y0 + y)[*x0..x0 + side];
                for x in 0..side {
                    judged += u32::from(line[x] != 0.0);
                    data[y * side + x].re = line[x] * taper[x] * taper[y];
                }
            }
            fft.process(&mut data);
            transpose(&mut data, side);
            fft.process(&mut data);
            let power: Vec<f32> = data.iter().map(Complex::norm_sqr).collect();
            // After one transposition the array is indexed [u][v]; the flattening is symmetric, so
            // it turns back at the end.
            let mut flattened = flatten(&power, side);
            transpose(&mut flattened, side);
            (judged as f32 / (side * side) as f32, flattened)
        })
        .collect();
    let (judged, power) = found.into_iter().unzip();
    Some(Spectra { side, columns: xs.len(), rows: ys.len(), corners, judged, power })
}

fn transpose<T: Copy>(data: &mut [T], side: usize) {
    for y in 0..side {
        for x in 0..y {
            data.swap(y * side + x, x * side + y);
        }
    }
}

/// Divides each value by the mean of its 11x11 surroundings without the inner 3x3, cyclically.
fn flatten(power: &[f32], side: usize) -> Vec<f32> {
    let wide = cyclic_box(power, side, 5);
    let near = cyclic_box(power, side, 1);
    let floor = power.iter().sum::<f32>() / power.len() as f32 * 1e-3 + 1e-9;
    power.iter().zip(wide.iter().zip(&near)).map(|(p, (w, n))| p / ((w - n) / (121.0 - 9.0)).max(floor)).collect()
}

fn cyclic_box(values: &[f32], side: usize, radius: usize) -> Vec<f32> {
    let pass = |input: &[f32]| {
        let mut out = vec![0.0f32; side * side];
        for y in 0..side {
            for x in 0..side {
                let mut sum = 0.0;
                for d in 0..=2 * radius {
                    sum += input[y * side + (x + side + d - radius) % side];
                }
                // Written transposed, so that two passes give both directions and the original
                // order.
                out[x * side + y] = sum;
            }
        }
        out
    };
    pass(&pass(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: usize, height: usize) -> Plane {
        let data = (0..width * height)
            .map(|i| {
                let mut z = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                ((z ^ (z >> 31)) % 10_000) as f32 / 10_000.0
            })
            .collect();
        Plane { width, height, data }
    }

    #[test]
    fn local_means_equal_plain_sums() {
        let plane = noise(50, 140);
        let mean = local_mean(&plane, 6);
        for (x, y) in [(0, 0), (49, 139), (20, 70), (25, 64), (25, 63), (3, 128)] {
            let mut sum = 0.0;
            for j in y.max(6) - 6..(y + 7).min(140) {
                for i in x.max(6usize) - 6..(x + 7).min(50) {
                    sum += plane.at(i, j);
                }
            }
            assert!((mean.at(x, y) - sum / 169.0).abs() < 1e-4, "({x}, {y})");
        }
    }

    #[test]
    fn noise_is_flat_and_a_wave_is_a_peak() {
        let mut plane = noise(160, 160);
        let plain = spectra(&even_out(&plane), 64, 32).unwrap();
        let mean: f32 = plain.power[0].iter().sum::<f32>() / 4096.0;
        assert!((0.8..1.3).contains(&mean), "{mean}");
        for y in 0..160 {
            for x in 0..160 {
                plane.data[y * 160 + x] += 0.3 * (std::f32::consts::TAU * (x as f32 * 0.3125 + y as f32 * 0.125)).cos();
            }
        }
        let with = spectra(&even_out(&plane), 64, 32).unwrap();
        // 0.3125 and 0.125 cycles per pixel are bins 20 and 8.
        let peak = with.power[4][8 * 64 + 20];
        assert!(peak > 30.0 && peak > 3.0 * plain.power[4][8 * 64 + 20], "{peak}");
        assert!(spectra(&plane, 161, 8).is_none());
    }

    #[test]
    fn corners_cover_to_the_last_pixel() {
        assert_eq!(corners(64, 64, 16), [0]);
        assert_eq!(corners(100, 64, 16), [0, 12, 24, 36]);
    }
}
