//! Dense linear fitting (Cozzolino et al. 2015, section III-C): where the offset field is linear
//! over a neighbourhood, neighbours were matched as one piece. Connected pieces give candidate
//! transforms.
use rayon::prelude::*;

use super::patch_match::Field;
use super::transform::Similarity;
use crate::regions::sides;

/// Radius of the neighbourhood that is fitted, in grid steps.
const WINDOW: i32 = 6;
/// Largest mean squared departure from the linear model, in squared pixels for both coordinates
/// together.
const LARGEST_ERROR: f32 = 1.5;

/// A connected piece of consistent offsets.
pub(super) struct Piece {
    /// From grid point to matched grid point.
    pub(super) transform: Similarity,
    /// Sum of the weights of its points.
    pub(super) weight: f64,
    /// Some of its points, evenly taken.
    pub(super) points: Vec<[f64; 2]>,
}

/// Pieces of at least `least` total weight, heaviest first; `weights` say how much texture each
/// grid point has.
pub(super) fn pieces(field: &Field, weights: &[f32], least: f64, most: usize) -> Vec<Piece> {
    let smooth = median_filtered(field);
    let errors = fitting_errors(&smooth, field.width, field.height);
    let (width, height) = (field.width, field.height);
    let mut seen = vec![false; width * height];
    let mut found = Vec::new();
    let mut stack = Vec::new();
    for start in 0..width * height {
        if seen[start] || errors[start] > LARGEST_ERROR {
            continue;
        }
        seen[start] = true;
        stack.push(start);
        let mut members = Vec::new();
        while let Some(at) = stack.pop() {
            members.push(at);
            for next in sides(at, width, height) {
                let step =
                    (0..2).map(|k| (i32::from(smooth[next][k]) - i32::from(smooth[at][k])).abs()).max().unwrap_or(0);
                if !seen[next] && errors[next] <= LARGEST_ERROR && step <= 2 {
                    seen[next] = true;
                    stack.push(next);
                }
            }
        }
        let weight: f64 = members.iter().map(|m| f64::from(weights[*m])).sum();
        if weight < least {
            continue;
        }
        let stride = members.len().div_ceil(1024);
        let pairs: Vec<[f64; 4]> = members
            .iter()
            .step_by(stride)
            .map(|m| {
                let (x, y) = ((m % width) as f64, (m / width) as f64);
                [x, y, x + f64::from(smooth[*m][0]), y + f64::from(smooth[*m][1])]
            })
            .collect();
        let Some(transform) = Similarity::fit(&pairs) else { continue };
        let points = pairs.iter().map(|p| [p[0], p[1]]).collect();
        found.push(Piece { transform, weight, points });
    }
    found.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.points.len().cmp(&b.points.len())));
    found.truncate(most);
    found
}

/// Medians of both coordinates over 5 x 5 points: single mismatches would spoil a least-squares
/// fit.
fn median_filtered(field: &Field) -> Vec<[i16; 2]> {
    let (width, height) = (field.width, field.height);
    let mut out = vec![[0i16; 2]; width * height];
    out.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        let mut values = [[0i16; 25]; 2];
        for (x, o) in row.iter_mut().enumerate() {
            let mut n = 0;
            for v in y.saturating_sub(2)..(y + 3).min(height) {
                for u in x.saturating_sub(2)..(x + 3).min(width) {
                    let offset = field.offsets[v * width + u];
                    values[0][n] = offset[0];
                    values[1][n] = offset[1];
                    n += 1;
                }
            }
            *o = [0, 1].map(|k| *values[k][..n].select_nth_unstable(n / 2).1);
        }
    });
    out
}

/// Mean squared residual of the best linear model of the offsets around each point; infinite where
/// the window is cut by the edge.
///
/// With coordinates counted from the window's middle the regressors are orthogonal, so the residual
/// is `sum d^2 - (sum d)^2 / n - (sum d u)^2 / k - (sum d v)^2 / k` with `k = sum u^2`.
fn fitting_errors(offsets: &[[i16; 2]], width: usize, height: usize) -> Vec<f32> {
    let side = (2 * WINDOW + 1) as usize;
    let reach = WINDOW as usize;
    let mut errors = vec![f32::INFINITY; width * height];
    if width < side || height < side {
        return errors;
    }
    // Per point and coordinate: sums over its row of d, d u and d^2.
    let rows: Vec<[[i64; 3]; 2]> = (0..width * height)
        .into_par_iter()
        .map(|at| {
            let x = at % width;
            let mut sums = [[0i64; 3]; 2];
            if x >= reach && x + reach < width {
                for (i, offset) in offsets[at - reach..=at + reach].iter().enumerate() {
                    let u = i as i64 - i64::from(WINDOW);
                    for k in 0..2 {
                        let d = i64::from(offset[k]);
                        sums[k][0] += d;
                        sums[k][1] += d * u;
                        sums[k][2] += d * d;
                    }
                }
            }
            sums
        })
        .collect();
    let n = (side * side) as f64;
    let spread = side as f64 * (1..=i64::from(WINDOW)).map(|u| (2 * u * u) as f64).sum::<f64>();
    errors.par_chunks_mut(width).enumerate().filter(|(y, _)| *y >= reach && y + reach < height).for_each(|(y, row)| {
        for (x, error) in row.iter_mut().enumerate().take(width - reach).skip(reach) {
            let mut total = 0.0;
            for k in 0..2 {
                let (mut sum, mut along, mut down, mut squares) = (0i64, 0i64, 0i64, 0i64);
                for v in 0..side {
                    let part = rows[(y + v - reach) * width + x][k];
                    sum += part[0];
                    along += part[1];
                    squares += part[2];
                    down += part[0] * (v as i64 - i64::from(WINDOW));
                }
                total += squares as f64
                    - (sum as f64).powi(2) / n
                    - ((along as f64).powi(2) + (down as f64).powi(2)) / spread;
            }
            *error = (total / n).max(0.0) as f32;
        }
    });
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_patch_in_a_random_field_is_one_piece() {
        let (width, height) = (60, 50);
        let mut rng = assay_random::Rng::new(5);
        let mut offsets: Vec<[i16; 2]> =
            (0..width * height).map(|_| [0, 1].map(|_| (rng.next_u64() % 60) as i16 - 30)).collect();
        for y in 10..40i16 {
            for x in 15..45i16 {
                offsets[y as usize * width + x as usize] = [20 + x / 10, 9 - x / 10];
            }
        }
        let field = Field { width, height, offsets, costs: vec![0; width * height] };
        let found = pieces(&field, &vec![1.0; width * height], 50.0, 8);
        assert_eq!(found.len(), 1);
        let (x, _) = found[0].transform.apply(30.0, 25.0);
        assert!((x - 53.0).abs() < 1.0, "{x}");
    }
}
