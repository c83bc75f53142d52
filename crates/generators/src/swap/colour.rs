//! A made face brought to the colours of the face that it replaces.
//!
//! The decision that shapes it: every statistic is weighted by the mask. Known programs multiply
//! pixels by the mask and then take means over the whole square, so that the black around a face
//! pulls every transfer towards it; here what lies outside has no say.
use serde::{Deserialize, Serialize};

/// How colours are brought over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transfer {
    /// They stay.
    None,
    /// Mean and spread of each channel in CIE Lab (Reinhard et al. 2001, there in another Lab); the
    /// spread grows by a fourth at most, since a made face is the softer one and what it lacks in
    /// detail is not to come back as contrast.
    #[default]
    Reinhard,
    /// Mean and covariance, by whitening and colouring with symmetric roots.
    Linear,
    /// Mean and covariance, by the linear map that moves colours least (Monge-Kantorovich; Pitie
    /// and Kokaram 2007).
    Mkl,
    /// The whole distribution of each channel.
    Histogram,
}

/// Largest growth of a channel's spread in [`Transfer::Reinhard`].
const STRETCH: f64 = 1.25;

type Colour = [f32; 3];
type Matrix = [[f64; 3]; 3];

/// Brings `made` to the colours of `target` (both 0 to 1), as both are where `mask` (0 to 1) is.
pub(super) fn transfer(made: &mut [Colour], target: &[Colour], mask: &[f32], how: Transfer) {
    if mask.iter().sum::<f32>() < 16.0 {
        // Too few pixels to say anything of their colours.
        return;
    }
    match how {
        Transfer::None => {}
        Transfer::Reinhard => {
            let (ours, theirs): (Vec<Colour>, Vec<Colour>) =
                (made.iter().map(lab).collect(), target.iter().map(lab).collect());
            let (from, to) = (Statistics::of(&ours, mask), Statistics::of(&theirs, mask));
            let scale: [f64; 3] =
                std::array::from_fn(|c| (to.covariance[c][c] / from.covariance[c][c].max(1e-6)).sqrt().min(STRETCH));
            for (pixel, own) in made.iter_mut().zip(&ours) {
                let moved: Colour =
                    std::array::from_fn(|c| ((f64::from(own[c]) - from.mean[c]) * scale[c] + to.mean[c]) as f32);
                *pixel = rgb(&moved);
            }
        }
        Transfer::Linear | Transfer::Mkl => {
            let (from, to) = (Statistics::of(made, mask), Statistics::of(target, mask));
            let (root, inverse) = (power(&from.covariance, 0.5), power(&from.covariance, -0.5));
            let map = if how == Transfer::Linear {
                product(&power(&to.covariance, 0.5), &inverse)
            } else {
                let middle = power(&product(&product(&root, &to.covariance), &root), 0.5);
                product(&product(&inverse, &middle), &inverse)
            };
            for pixel in made.iter_mut() {
                let off: [f64; 3] = std::array::from_fn(|c| f64::from(pixel[c]) - from.mean[c]);
                *pixel = std::array::from_fn(|r| {
                    let moved: f64 = (0..3).map(|c| map[r][c] * off[c]).sum();
                    (moved + to.mean[r]) as f32
                });
            }
        }
        Transfer::Histogram => (0..3).for_each(|c| match_channel(made, target, mask, c)),
    }
    made.iter_mut().flatten().for_each(|v| *v = v.clamp(0.0, 1.0));
}

/// Mean and covariance, weighted.
struct Statistics {
    mean: [f64; 3],
    covariance: Matrix,
}

impl Statistics {
    fn of(pixels: &[Colour], mask: &[f32]) -> Self {
        let total: f64 = mask.iter().map(|m| f64::from(*m)).sum();
        let mut mean = [0.0; 3];
        for (p, m) in pixels.iter().zip(mask) {
            (0..3).for_each(|c| mean[c] += f64::from(p[c]) * f64::from(*m) / total);
        }
        let mut covariance = [[0.0; 3]; 3];
        for (p, m) in pixels.iter().zip(mask) {
            for (r, row) in covariance.iter_mut().enumerate() {
                for (c, cell) in row.iter_mut().enumerate() {
                    let (a, b) = (f64::from(p[r]) - mean[r], f64::from(p[c]) - mean[c]);
                    *cell += a * b * f64::from(*m) / total;
                }
            }
        }
        // One colour all over has no spread to divide by.
        (0..3).for_each(|c| covariance[c][c] += 1e-7);
        Self { mean, covariance }
    }
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|r| std::array::from_fn(|c| (0..3).map(|k| a[r][k] * b[k][c]).sum()))
}

/// A symmetric matrix without negative eigenvalues to a power, by Jacobi's rotations.
fn power(matrix: &Matrix, exponent: f64) -> Matrix {
    let (mut a, mut vectors) = (*matrix, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    for _ in 0..32 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q].abs() < 1e-15 {
                continue;
            }
            let angle = 0.5 * (2.0 * a[p][q]).atan2(a[q][q] - a[p][p]);
            let (s, c) = angle.sin_cos();
            let mut turn = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
            (turn[p][p], turn[q][q], turn[p][q], turn[q][p]) = (c, c, s, -s);
            let back: Matrix = std::array::from_fn(|r| std::array::from_fn(|k| turn[k][r]));
            a = product(&product(&back, &a), &turn);
            vectors = product(&vectors, &turn);
        }
    }
    let values: [f64; 3] = std::array::from_fn(|i| a[i][i].max(1e-9).powf(exponent));
    std::array::from_fn(|r| std::array::from_fn(|c| (0..3).map(|k| vectors[r][k] * values[k] * vectors[c][k]).sum()))
}

/// Levels of a histogram.
const LEVELS: usize = 256;

fn match_channel(made: &mut [Colour], target: &[Colour], mask: &[f32], channel: usize) {
    let level = |v: f32| ((v.clamp(0.0, 1.0) * (LEVELS - 1) as f32).round() as usize).min(LEVELS - 1);
    let counted = |pixels: &[Colour]| -> Vec<f64> {
        let mut counts = vec![0.0; LEVELS];
        pixels.iter().zip(mask).for_each(|(p, m)| counts[level(p[channel])] += f64::from(*m));
        counts
    };
    let shares = |counts: &[f64]| -> Vec<f64> {
        let total: f64 = counts.iter().sum::<f64>().max(1e-12);
        let mut sum = 0.0;
        counts
            .iter()
            .map(|count| {
                let middle = (sum + 0.5 * count) / total;
                sum += count;
                middle
            })
            .collect()
    };
    let counts = counted(made);
    let (ours, theirs) = (shares(&counts), shares(&counted(target)));
    // Where the target's share passes ours, between two levels.
    let mut table: Vec<f32> = ours
        .iter()
        .map(|share| {
            let at = theirs.partition_point(|t| t < share).min(LEVELS - 1);
            let before = at.saturating_sub(1);
            let step = theirs[at] - theirs[before];
            let part = if step > 1e-12 { ((share - theirs[before]) / step).clamp(0.0, 1.0) } else { 1.0 };
            (before as f64 + part * (at - before) as f64) as f32 / (LEVELS - 1) as f32
        })
        .collect();
    extend_over_empty(&mut table, &counts);
    for pixel in made {
        let v = pixel[channel].clamp(0.0, 1.0) * (LEVELS - 1) as f32;
        let (low, part) = (v as usize, v.fract());
        let high = (low + 1).min(LEVELS - 1);
        pixel[channel] = table[low] + (table[high] - table[low]) * part;
    }
}

/// A level that no pixel has says nothing of itself, but pixels between it and the next are read
/// from both: it follows its neighbours.
fn extend_over_empty(table: &mut [f32], counts: &[f64]) {
    let step = 1.0 / (LEVELS - 1) as f32;
    for level in (0..LEVELS).filter(|l| counts[*l] <= 0.0) {
        let before = (0..level).rev().find(|l| counts[*l] > 0.0);
        let after = (level + 1..LEVELS).find(|l| counts[*l] > 0.0);
        table[level] = match (before, after) {
            (Some(a), Some(b)) => table[a] + (table[b] - table[a]) * (level - a) as f32 / (b - a) as f32,
            (Some(a), None) => (table[a] + (level - a) as f32 * step).min(1.0),
            (None, Some(b)) => (table[b] - (b - level) as f32 * step).max(0.0),
            (None, None) => table[level],
        };
    }
}

/// CIE 1976 L*a*b* of sRGB under D65, each divided by 100.
fn lab(p: &Colour) -> Colour {
    let linear = p.map(|v| if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) });
    let row = |a: f32, b: f32, c: f32| a * linear[0] + b * linear[1] + c * linear[2];
    let xyz = [
        row(0.412_453, 0.357_580, 0.180_423) / 0.950_456,
        row(0.212_671, 0.715_160, 0.072_169),
        row(0.019_334, 0.119_193, 0.950_227) / 1.088_754,
    ];
    let f = xyz.map(|t| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
    [1.16 * f[1] - 0.16, 5.0 * (f[0] - f[1]), 2.0 * (f[1] - f[2])]
}

fn rgb(p: &Colour) -> Colour {
    let y = (p[0] + 0.16) / 1.16;
    let f = [y + p[1] / 5.0, y, y - p[2] / 2.0];
    let xyz = f.map(|t| if t > 0.206_893 { t.powi(3) } else { (t - 16.0 / 116.0) / 7.787 });
    let (x, y, z) = (xyz[0] * 0.950_456, xyz[1], xyz[2] * 1.088_754);
    let linear = [
        3.240_479 * x - 1.537_15 * y - 0.498_535 * z,
        -0.969_256 * x + 1.875_992 * y + 0.041_556 * z,
        0.055_648 * x - 0.204_043 * y + 1.057_311 * z,
    ];
    linear.map(|v| if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clouds of correlated colours in the left half; the right half is black in one and white
    /// in the other.
    fn clouds() -> (Vec<Colour>, Vec<Colour>, Vec<f32>) {
        let mut state = 9u32;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 24) as f32
        };
        let (mut made, mut target, mut mask) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..64 * 64 {
            let inside = i % 64 < 32;
            let (a, b, c) = (draw(), draw(), draw());
            made.push(if inside { [0.3 + 0.2 * a, 0.3 + 0.1 * a + 0.1 * b, 0.25 + 0.1 * c] } else { [0.0; 3] });
            let (a, b, c) = (draw(), draw(), draw());
            target.push(if inside { [0.5 + 0.15 * a, 0.4 + 0.2 * b + 0.05 * a, 0.4 + 0.1 * c] } else { [1.0; 3] });
            mask.push(f32::from(inside));
        }
        (made, target, mask)
    }

    const ALL: [Transfer; 4] = [Transfer::Reinhard, Transfer::Linear, Transfer::Mkl, Transfer::Histogram];

    #[test]
    fn colours_inside_the_mask_become_the_targets() {
        for how in ALL {
            let (mut made, target, mask) = clouds();
            // Reinhard's method matches each channel of Lab.
            let space = |all: &[Colour]| -> Vec<Colour> {
                if how == Transfer::Reinhard { all.iter().map(lab).collect() } else { all.to_vec() }
            };
            let before = Statistics::of(&space(&made), &mask);
            transfer(&mut made, &target, &mask, how);
            let (ours, theirs) = (Statistics::of(&space(&made), &mask), Statistics::of(&space(&target), &mask));
            for c in 0..3 {
                assert!((ours.mean[c] - theirs.mean[c]).abs() < 0.01, "{how:?} {:?} {:?}", ours.mean, theirs.mean);
                let spread = (ours.covariance[c][c] / theirs.covariance[c][c]).sqrt();
                let most = STRETCH * (before.covariance[c][c] / theirs.covariance[c][c]).sqrt();
                let wanted = if how == Transfer::Reinhard { most.min(1.0) } else { 1.0 };
                assert!((spread - wanted).abs() < 0.1, "{how:?} channel {c}: {spread}");
            }
            if matches!(how, Transfer::Linear | Transfer::Mkl) {
                let off = ours.covariance[0][1] - theirs.covariance[0][1];
                assert!(off.abs() < 1e-4, "{how:?}: {off}");
            }
        }
    }

    #[test]
    fn a_flat_face_gets_the_mean_but_a_fourth_more_contrast_at_most() {
        let (sharp, _, mask) = clouds();
        let mut made: Vec<Colour> = sharp.iter().map(|p| p.map(|v| 0.3 + 0.2 * v)).collect();
        let before = Statistics::of(&made.iter().map(lab).collect::<Vec<_>>(), &mask);
        transfer(&mut made, &sharp, &mask, Transfer::Reinhard);
        let [after, target] = [&made, &sharp].map(|p| Statistics::of(&p.iter().map(lab).collect::<Vec<_>>(), &mask));
        let growth = (after.covariance[0][0] / before.covariance[0][0]).sqrt();
        assert!((growth - STRETCH).abs() < 0.02 && (after.mean[0] - target.mean[0]).abs() < 0.01, "{growth}");
    }

    #[test]
    fn what_lies_outside_the_mask_has_no_say() {
        for how in ALL {
            let (mut made, target, mask) = clouds();
            let (mut other, mut grey) = (made.clone(), target.clone());
            for i in (0..other.len()).filter(|i| i % 64 >= 32) {
                (other[i], grey[i]) = ([0.9, 0.1, 0.5], [0.2; 3]);
            }
            transfer(&mut made, &target, &mask, how);
            transfer(&mut other, &grey, &mask, how);
            let same = |i: usize| (0..3).all(|c| (made[i][c] - other[i][c]).abs() < 1e-5);
            assert!((0..made.len()).filter(|i| i % 64 < 32).all(same), "{how:?}");
        }
    }

    #[test]
    fn the_same_colours_stay_and_lab_leads_back() {
        for p in [[0.1, 0.5, 0.9], [1.0, 1.0, 1.0], [0.02, 0.0, 0.3]] {
            let back = rgb(&lab(&p));
            assert!((0..3).all(|c| (back[c] - p[c]).abs() < 2e-3), "{p:?} {back:?}");
        }
        for how in ALL {
            let (made, _, mask) = clouds();
            let mut same = made.clone();
            transfer(&mut same, &made, &mask, how);
            let worst =
                same.iter().flatten().zip(made.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 0.01, "{how:?}: {worst}");
        }
    }

    #[test]
    fn a_power_of_one_half_is_the_root() {
        let m = [[0.04, 0.01, 0.0], [0.01, 0.03, -0.005], [0.0, -0.005, 0.02]];
        let root = power(&m, 0.5);
        let back = product(&root, &root);
        assert!((0..3).all(|r| (0..3).all(|c| (back[r][c] - m[r][c]).abs() < 1e-9)), "{back:?}");
    }
}
