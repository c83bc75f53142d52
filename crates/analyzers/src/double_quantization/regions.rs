//! Connected regions of blocks that speak together.

/// A connected region of blocks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cluster {
    /// Sum of the log-likelihood ratios of its blocks in nats.
    pub(crate) sum: f64,
    /// By how many nats two pasts, one in the region and one outside, explain the picture better
    /// than either alone.
    pub(crate) contrast: f64,
    /// Its blocks, ascending.
    pub(crate) blocks: Vec<usize>,
}

/// Mean over the 3x3 neighbourhood inside the map.
pub(crate) fn smooth(values: &[f32], wide: usize) -> Vec<f32> {
    let high = values.len() / wide.max(1);
    let mut smooth = Vec::with_capacity(values.len());
    for y in 0..high {
        for x in 0..wide {
            let (mut sum, mut weight) = (0.0, 0.0);
            for ny in y.saturating_sub(1)..(y + 2).min(high) {
                for nx in x.saturating_sub(1)..(x + 2).min(wide) {
                    sum += values[ny * wide + nx];
                    weight += 1.0;
                }
            }
            smooth.push(sum / weight);
        }
    }
    smooth
}

/// The connected region (eight neighbours) of positive smoothed values whose sum is largest.
pub(crate) fn strongest_cluster(values: &[f32], wide: usize) -> Option<Cluster> {
    let smoothed = smooth(values, wide);
    let high = values.len() / wide.max(1);
    let mut seen = vec![false; values.len()];
    let mut best: Option<Cluster> = None;
    for start in 0..smoothed.len() {
        if seen[start] || smoothed[start] <= 0.0 {
            continue;
        }
        seen[start] = true;
        let mut members = vec![start];
        let mut next = 0;
        while next < members.len() {
            let (x, y) = (members[next] % wide, members[next] / wide);
            next += 1;
            for ny in y.saturating_sub(1)..(y + 2).min(high) {
                for nx in x.saturating_sub(1)..(x + 2).min(wide) {
                    let at = ny * wide + nx;
                    if !seen[at] && smoothed[at] > 0.0 {
                        seen[at] = true;
                        members.push(at);
                    }
                }
            }
        }
        members.sort_unstable();
        let sum: f64 = members.iter().map(|b| f64::from(values[*b])).sum();
        if best.as_ref().is_none_or(|b| sum > b.sum) {
            best = Some(Cluster { sum, contrast: 0.0, blocks: members });
        }
    }
    let total: f64 = values.iter().map(|v| f64::from(*v)).sum();
    best.map(|cluster| Cluster { contrast: cluster.sum.min(cluster.sum - total), ..cluster })
}
