//! Box sums, blurs and the locally normalised residual on which matches are verified.
use assay_media::Plane;
use rayon::prelude::*;

/// Sums over the square of `2 radius + 1` around each sample, cut at the edges. `f64` running sums,
/// so that the result does not drift.
pub(super) fn box_sum(values: &[f32], width: usize, height: usize, radius: usize) -> Vec<f32> {
    let mut across = vec![0.0f32; values.len()];
    across.par_chunks_mut(width).zip(values.par_chunks(width)).for_each(|(out, row)| {
        let mut sum: f64 = row.iter().take(radius).map(|v| f64::from(*v)).sum();
        for x in 0..width {
            if x + radius < width {
                sum += f64::from(row[x + radius]);
            }
            if x > radius {
                sum -= f64::from(row[x - radius - 1]);
            }
            out[x] = sum as f32;
        }
    });
    // Fixed bands of rows, so that the order of additions does not depend on the threads.
    const ROWS: usize = 64;
    let mut down = vec![0.0f32; values.len()];
    down.par_chunks_mut(width * ROWS).enumerate().for_each(|(band, out)| {
        let top = band * ROWS;
        let mut sums = vec![0.0f64; width];
        let add = |sums: &mut [f64], y: usize, sign: f64| {
            sums.iter_mut().zip(&across[y * width..(y + 1) * width]).for_each(|(s, v)| *s += sign * f64::from(*v));
        };
        for y in top.saturating_sub(radius)..(top + radius).min(height) {
            add(&mut sums, y, 1.0);
        }
        for (i, row) in out.chunks_mut(width).enumerate() {
            let y = top + i;
            if y + radius < height {
                add(&mut sums, y + radius, 1.0);
            }
            if y > radius && i > 0 {
                add(&mut sums, y - radius - 1, -1.0);
            }
            row.iter_mut().zip(&sums).for_each(|(o, s)| *o = *s as f32);
        }
    });
    down
}

/// Mean over the same squares.
pub(super) fn box_mean(values: &[f32], width: usize, height: usize, radius: usize) -> Vec<f32> {
    let mut sums = box_sum(values, width, height, radius);
    let side = |i: usize, n: usize| ((i + radius + 1).min(n) - i.saturating_sub(radius)) as f32;
    sums.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        let rows = side(y, height);
        row.iter_mut().enumerate().for_each(|(x, v)| *v /= rows * side(x, width));
    });
    sums
}

/// The picture less its local mean, over its local contrast: fine detail with every textured place
/// counting alike.
///
/// `floor` in grey levels is the contrast below which detail is taken for compression noise and
/// fades out.
pub(super) fn normalised_residual(plane: &Plane, blur: usize, window: usize, floor: f32) -> Vec<f32> {
    let (width, height) = (plane.width, plane.height);
    // Twice a box is close enough to a Gaussian.
    let once = box_mean(&plane.data, width, height, blur);
    let low = box_mean(&once, width, height, blur);
    let mut high: Vec<f32> = plane.data.par_iter().zip(&low).map(|(v, l)| v - l).collect();
    let squares: Vec<f32> = high.par_iter().map(|v| v * v).collect();
    let energy = box_mean(&squares, width, height, window);
    high.par_iter_mut().zip(&energy).for_each(|(v, e)| *v /= (e + floor * floor).sqrt());
    high
}

/// How far each place has structure in two directions, 0 (flat or one straight edge) to 1: the
/// smaller eigenvalue of the structure tensor (Förstner, Gülch 1987) over the mean of both. A
/// straight edge equals itself anywhere along its length and proves nothing.
pub(super) fn structure(plane: &Plane, window: usize, floor: f32) -> Vec<f32> {
    let (width, height) = (plane.width, plane.height);
    let mut tensors: [Vec<f32>; 3] = [(); 3].map(|()| vec![0.0f32; width * height]);
    let [xx, xy, yy] = &mut tensors;
    let rows = xx.par_chunks_mut(width).zip(xy.par_chunks_mut(width)).zip(yy.par_chunks_mut(width)).enumerate();
    rows.for_each(|(y, ((xx, xy), yy))| {
        let (above, row, below) = (plane.row(y.saturating_sub(1)), plane.row(y), plane.row((y + 1).min(height - 1)));
        for x in 0..width {
            let gx = row[(x + 1).min(width - 1)] - row[x.saturating_sub(1)];
            let gy = below[x] - above[x];
            (xx[x], xy[x], yy[x]) = (gx * gx, gx * gy, gy * gy);
        }
    });
    let [xx, xy, yy] = tensors.map(|t| box_mean(&t, width, height, window));
    let noise = floor * floor;
    xx.par_iter()
        .zip(&xy)
        .zip(&yy)
        .map(|((xx, xy), yy)| {
            let trace = xx + yy;
            let spread = ((xx - yy).powi(2) + 4.0 * xy * xy).sqrt();
            let share = (trace - spread) / (trace + noise);
            ((share - 0.06) / 0.3).clamp(0.0, 1.0)
        })
        .collect()
}

/// The plane averaged over whole blocks of `factor`.
pub(super) fn reduce(plane: &Plane, factor: usize) -> Plane {
    let (width, height) = (plane.width / factor, plane.height / factor);
    let mut data = vec![0.0f32; width * height];
    let area = (factor * factor) as f32;
    data.par_chunks_mut(width.max(1)).enumerate().for_each(|(y, out)| {
        for dy in 0..factor {
            let row = plane.row(y * factor + dy);
            for (o, block) in out.iter_mut().zip(row.chunks_exact(factor)) {
                *o += block.iter().sum::<f32>();
            }
        }
        out.iter_mut().for_each(|v| *v /= area);
    });
    Plane { width, height, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn box_sums_equal_the_naive_ones() {
        let (width, height) = (23, 150);
        let values: Vec<f32> = (0..width * height).map(|i| ((i * 7919) % 101) as f32).collect();
        for radius in [1usize, 4, 30] {
            let sums = box_sum(&values, width, height, radius);
            for (x, y) in [(0, 0), (22, 149), (11, 64), (5, 63), (3, 128), (22, 70)] {
                let mut expected = 0.0;
                for v in y.max(radius) - radius..(y + radius + 1).min(height) {
                    for u in x.max(radius) - radius..(x + radius + 1).min(width) {
                        expected += values[v * width + u];
                    }
                }
                assert!(
                    (sums[y * width + x] - expected).abs() < 1e-2,
                    "{radius} {x} {y}: {} {expected}",
                    sums[y * width + x]
                );
            }
        }
    }
}
