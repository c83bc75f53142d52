//! Closed curves around points, and the pixels within them: masks of faces and of their parts.
//!
//! The decision that shapes it: a mask is a curve first. A curve can be moved, swollen and brought
//! into another crop without loss; pixels come last.

/// The convex hull (Andrew's monotone chain).
pub fn hull(points: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    if sorted.len() < 3 {
        return sorted;
    }
    let turn = |o: [f32; 2], a: [f32; 2], b: [f32; 2]| (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
    let chain = |points: &mut dyn Iterator<Item = [f32; 2]>| {
        let mut chain: Vec<[f32; 2]> = Vec::new();
        for p in points {
            while chain.len() > 1 && turn(chain[chain.len() - 2], chain[chain.len() - 1], p) <= 0.0 {
                chain.pop();
            }
            chain.push(p);
        }
        chain.pop();
        chain
    };
    let mut lower = chain(&mut sorted.iter().copied());
    lower.extend(chain(&mut sorted.iter().rev().copied()));
    lower
}

/// The curve made larger about the mean of its points.
pub fn swollen(curve: &[[f32; 2]], by: f32) -> Vec<[f32; 2]> {
    let n = curve.len().max(1) as f32;
    let middle = [curve.iter().map(|p| p[0]).sum::<f32>() / n, curve.iter().map(|p| p[1]).sum::<f32>() / n];
    curve.iter().map(|p| [0, 1].map(|c| middle[c] + (p[c] - middle[c]) * by)).collect()
}

/// Sets every pixel whose centre lies inside the curve to one (even-odd rule); `mask` has rows of
/// `side` pixels.
pub fn fill(curve: &[[f32; 2]], side: usize, mask: &mut [f32]) {
    let mut crossings: Vec<f32> = Vec::new();
    for (y, row) in mask.chunks_exact_mut(side).enumerate() {
        let at = y as f32 + 0.5;
        crossings.clear();
        for (a, b) in curve.iter().zip(curve.iter().cycle().skip(1)) {
            if (a[1] <= at) != (b[1] <= at) {
                crossings.push(a[0] + (at - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
            }
        }
        crossings.sort_by(f32::total_cmp);
        for pair in crossings.as_chunks::<2>().0 {
            let [from, to] = pair.map(|v| ((v + 0.5).max(0.0) as usize).min(side));
            row[from..to.max(from)].fill(1.0);
        }
    }
}

/// Nearly a normal distribution's blur of a square: three means in a row each way.
pub fn blur(values: &mut [f32], side: usize, sigma: f32) {
    // Three boxes of width w have the variance (w^2 - 1) / 4.
    let width = ((4.0 * sigma * sigma + 1.0).sqrt().round() as usize).max(1) | 1;
    if width == 1 || side == 0 {
        return;
    }
    let mut line = vec![0.0; side];
    for _ in 0..3 {
        for row in values.chunks_exact_mut(side) {
            line.copy_from_slice(row);
            running_mean(&line, width, |x, v| row[x] = v);
        }
    }
    for x in 0..side {
        for _ in 0..3 {
            (0..side).for_each(|y| line[y] = values[y * side + x]);
            running_mean(&line, width, |y, v| values[y * side + x] = v);
        }
    }
}

fn running_mean(line: &[f32], width: usize, mut put: impl FnMut(usize, f32)) {
    let reach = width / 2;
    let last = line.len() - 1;
    let at = |i: isize| line[i.clamp(0, last as isize) as usize];
    let mut sum: f32 = (-(reach as isize)..=reach as isize).map(at).sum();
    for x in 0..line.len() {
        put(x, sum / width as f32);
        sum += at((x + reach + 1) as isize) - at(x as isize - reach as isize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hull_holds_its_points_and_fills_as_much_as_its_area() {
        let square = [[10.0, 10.0], [50.0, 10.0], [50.0, 40.0], [10.0, 40.0], [30.0, 20.0]];
        let hull = hull(&square);
        assert_eq!(hull.len(), 4);
        let mut mask = vec![0.0; 64 * 64];
        fill(&hull, 64, &mut mask);
        let area: f32 = mask.iter().sum();
        assert!((area - 1200.0).abs() < 45.0, "{area}");
        let mut larger = vec![0.0; 64 * 64];
        fill(&swollen(&hull, 1.2), 64, &mut larger);
        assert!((larger.iter().sum::<f32>() - 1200.0 * 1.44).abs() < 60.0);
    }

    #[test]
    fn a_blur_keeps_the_sum_and_has_its_width() {
        let mut values = vec![0.0; 64 * 64];
        values[32 * 64 + 32] = 1.0;
        blur(&mut values, 64, 3.0);
        let moment =
            |f: fn(f32) -> f32| -> f32 { values.iter().enumerate().map(|(i, v)| v * f((i % 64) as f32 - 32.0)).sum() };
        assert!((moment(|_| 1.0) - 1.0).abs() < 1e-4 && moment(|x| x).abs() < 1e-3);
        assert!((moment(|x| x * x).sqrt() - 3.0).abs() < 0.6);
    }
}
