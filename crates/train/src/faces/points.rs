//! Boxes and mirror images of points.

/// Left, top, width, height of the tight box around points.
pub fn tight_box(points: &[[f32; 2]]) -> [f32; 4] {
    let mut low = [f32::MAX; 2];
    let mut high = [f32::MIN; 2];
    for p in points {
        (0..2).for_each(|c| (low[c], high[c]) = (low[c].min(p[c]), high[c].max(p[c])));
    }
    [low[0], low[1], high[0] - low[0], high[1] - low[1]]
}

/// The index of every mesh point's mirror image, from upright mean shapes whose middle lies at x =
/// 0.5.
pub fn mirrored(mean: &[[f32; 2]]) -> Vec<usize> {
    let distance = |i: usize, j: usize| (1.0 - mean[i][0] - mean[j][0]).powi(2) + (mean[i][1] - mean[j][1]).powi(2);
    (0..mean.len())
        .map(|i| (0..mean.len()).min_by(|a, b| distance(i, *a).total_cmp(&distance(i, *b))).unwrap_or(i))
        .collect()
}
