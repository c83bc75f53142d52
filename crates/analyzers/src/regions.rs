//! Regions over maps of cells: box sums, connected regions, scan statistics and the tails that turn
//! them into numbers of false alarms.
//!
//! The decision that shapes it: every map-making analyzer asks the same question ("is there a
//! connected place that differs from the rest of this picture, more than chance over all the places
//! I looked at allows?"), so the counting and the tail probabilities live in one place and all work
//! in log10, where 10^-300 is an ordinary number. It knows nothing about what the cells measure.

/// Box sums of a map in constant time (summed-area table).
#[derive(Debug, Clone)]
pub(crate) struct BoxSums {
    stride: usize,
    sums: Vec<f64>,
}

/// A rectangle of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Left column.
    pub(crate) x: usize,
    /// Top row.
    pub(crate) y: usize,
    /// Columns.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
}

impl Window {
    /// Cells covered.
    pub(crate) fn area(self) -> usize {
        self.width * self.height
    }
}

impl BoxSums {
    /// From row-major values.
    pub(crate) fn new(values: impl Iterator<Item = f64>, columns: usize, rows: usize) -> Self {
        let stride = columns + 1;
        let mut sums = vec![0.0; stride * (rows + 1)];
        let mut values = values;
        for y in 0..rows {
            let mut line = 0.0;
            for x in 0..columns {
                line += values.next().unwrap_or(0.0);
                sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + line;
            }
        }
        Self { stride, sums }
    }

    /// Sum over a window, which must lie inside the map.
    pub(crate) fn sum(&self, w: Window) -> f64 {
        let (top, bottom) = (w.y * self.stride, (w.y + w.height) * self.stride);
        let (left, right) = (w.x, w.x + w.width);
        self.sums[bottom + right] - self.sums[bottom + left] - self.sums[top + right] + self.sums[top + left]
    }

    /// Sum over the whole map.
    pub(crate) fn total(&self) -> f64 {
        self.sums.last().copied().unwrap_or(0.0)
    }
}

/// Windows of a multi-scale scan: squares and two-to-three rectangles from `smallest` cells a side
/// up to about half of the map's area, each size a third larger than the last, shifted by a quarter
/// of their sides. Order is fixed.
pub(crate) fn scan_windows(columns: usize, rows: usize, smallest: usize) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut side = smallest.max(1) as f64;
    while side * side <= 0.5 * (columns * rows) as f64 {
        let round = |v: f64| v.round() as usize;
        for (width, height) in [
            (round(side), round(side)),
            (round(side * 0.8), round(side * 1.25)),
            (round(side * 1.25), round(side * 0.8)),
        ] {
            if width == 0 || height == 0 || width > columns || height > rows {
                continue;
            }
            let (step_x, step_y) = ((width / 4).max(1), (height / 4).max(1));
            for y in (0..=rows - height).step_by(step_y) {
                for x in (0..=columns - width).step_by(step_x) {
                    windows.push(Window { x, y, width, height });
                }
            }
        }
        side = (side * 4.0 / 3.0).max(side + 1.0);
    }
    windows
}

/// One connected region of marked cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region {
    /// Row-major indices of its cells, ascending.
    pub(crate) cells: Vec<usize>,
    /// Bounding box.
    pub(crate) bounds: Window,
}

/// Connected regions of the marked cells, in the order of their first cell. Cells at most `reach`
/// columns and rows apart belong together (1 is the usual neighbourhood of eight).
pub(crate) fn connected(marked: &[bool], columns: usize, rows: usize, reach: usize) -> Vec<Region> {
    let mut seen = vec![false; marked.len()];
    let mut regions = Vec::new();
    let mut open = Vec::new();
    for start in 0..marked.len().min(columns * rows) {
        if !marked[start] || seen[start] {
            continue;
        }
        seen[start] = true;
        open.push(start);
        let mut cells = Vec::new();
        let (mut left, mut top, mut right, mut bottom) = (columns, rows, 0, 0);
        while let Some(cell) = open.pop() {
            let (x, y) = (cell % columns, cell / columns);
            cells.push(cell);
            (left, top, right, bottom) = (left.min(x), top.min(y), right.max(x), bottom.max(y));
            for ny in y.saturating_sub(reach)..=(y + reach).min(rows - 1) {
                for nx in x.saturating_sub(reach)..=(x + reach).min(columns - 1) {
                    let next = ny * columns + nx;
                    if marked[next] && !seen[next] {
                        seen[next] = true;
                        open.push(next);
                    }
                }
            }
        }
        cells.sort_unstable();
        let bounds = Window { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
        regions.push(Region { cells, bounds });
    }
    regions
}

/// The cells left, right, above and below, as far as they exist.
pub(crate) fn sides(at: usize, columns: usize, rows: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (at % columns, at / columns);
    let near = [
        (x > 0).then(|| at - 1),
        (x + 1 < columns).then(|| at + 1),
        (y > 0).then(|| at - columns),
        (y + 1 < rows).then(|| at + columns),
    ];
    near.into_iter().flatten()
}

/// Box blur of a map with the window cut off at the border (so the mean is over the cells that
/// exist): radius in cells.
pub(crate) fn box_blur(values: &[f32], columns: usize, rows: usize, radius: usize) -> Vec<f32> {
    let sums = BoxSums::new(values.iter().map(|v| f64::from(*v)), columns, rows);
    let mut out = Vec::with_capacity(columns * rows);
    for y in 0..rows {
        let (top, bottom) = (y.saturating_sub(radius), (y + radius + 1).min(rows));
        for x in 0..columns {
            let (left, right) = (x.saturating_sub(radius), (x + radius + 1).min(columns));
            let window = Window { x: left, y: top, width: right - left, height: bottom - top };
            out.push((sums.sum(window) / window.area() as f64) as f32);
        }
    }
    out
}

/// log10 of the upper tail of the standard normal distribution, P(Z > z), with a relative error of
/// the tail below 1.2e-7 everywhere, also where the tail itself is too small for a double
/// (Chebyshev fit of the complementary error function: Press et al., Numerical Recipes, 6.2).
pub(crate) fn log10_normal_tail(z: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    if z < 0.0 {
        return (1.0 - 10f64.powf(log10_normal_tail(-z))).log10();
    }
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let fit = FIT.iter().rev().fold(0.0, |sum, c| sum * t + c);
    ((0.5 * t).ln() - x * x + fit) / std::f64::consts::LN_10
}

/// log10 of the upper tail of the binomial distribution, P(at least `k` of `n`), each with
/// probability `p`.
///
/// Summed from the first term until a term no longer counts, so the cost is a few hundred steps at
/// most in the cases that matter (k well above n·p). Used for numbers of false alarms (Desolneux,
/// Moisan, Morel: From Gestalt Theory to Image Analysis, 2008).
pub(crate) fn log10_binomial_tail(n: u64, k: u64, p: f64) -> f64 {
    if k == 0 {
        return 0.0;
    }
    if k > n || p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return 0.0;
    }
    let (nf, kf) = (n as f64, k as f64);
    let first =
        ln_gamma(nf + 1.0) - ln_gamma(kf + 1.0) - ln_gamma(nf - kf + 1.0) + kf * p.ln() + (nf - kf) * (-p).ln_1p();
    let (mut term, mut sum) = (1.0f64, 1.0f64);
    let odds = p / (1.0 - p);
    for i in k..n {
        term *= (n - i) as f64 / (i + 1) as f64 * odds;
        sum += term;
        if term < sum * 1e-12 && (i as f64) > nf * p {
            break;
        }
        if sum > 1e280 {
            return 0.0;
        }
    }
    ((first + sum.ln()) / std::f64::consts::LN_10).min(0.0)
}

/// Natural logarithm of the gamma function (Lanczos, g = 7, nine terms).
fn ln_gamma(x: f64) -> f64 {
    const C: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let t = x + 7.5;
    let series = C[0] + (1..9).map(|i| C[i] / (x + i as f64)).sum::<f64>();
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + series.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn box_sums_equal_plain_sums() {
        let (columns, rows) = (7, 5);
        let values: Vec<f64> = (0..35).map(|i| f64::from((i * 37) % 11)).collect();
        let sums = BoxSums::new(values.iter().copied(), columns, rows);
        assert_eq!(sums.total(), values.iter().sum::<f64>());
        let w = Window { x: 2, y: 1, width: 4, height: 3 };
        let plain: f64 = (1..4).flat_map(|y| (2..6).map(move |x| (x, y))).map(|(x, y)| values[y * columns + x]).sum();
        assert_eq!(sums.sum(w), plain);
    }

    #[test]
    fn windows_lie_inside_and_reach_half_the_area() {
        let windows = scan_windows(31, 27, 4);
        assert!(windows.iter().all(|w| w.x + w.width <= 31 && w.y + w.height <= 27));
        assert!(windows.iter().any(|w| w.area() > 31 * 27 / 3));
        assert!(windows.iter().any(|w| w.width == 4 && w.height == 4));
        assert!(scan_windows(1, 1, 4).is_empty());
    }

    #[test]
    fn regions_join_within_reach() {
        let marked: Vec<bool> = "##..#\
                                 ....#\
                                 #...."
            .chars()
            .map(|c| c == '#')
            .collect();
        let near = connected(&marked, 5, 3, 1);
        assert_eq!(near.len(), 3);
        assert_eq!(near[1].cells, [4, 9]);
        assert_eq!(near[1].bounds, Window { x: 4, y: 0, width: 1, height: 2 });
        assert_eq!(connected(&marked, 5, 3, 2).len(), 2);
    }

    #[test]
    fn sides_stop_at_the_edges() {
        assert_eq!(sides(0, 3, 2).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(sides(4, 3, 2).collect::<Vec<_>>(), [3, 5, 1]);
    }

    #[test]
    fn blur_keeps_a_constant() {
        assert!(box_blur(&[3.0; 20], 5, 4, 2).iter().all(|v| (v - 3.0).abs() < 1e-6));
    }

    #[test]
    fn normal_tail_matches_tables() {
        for (z, p) in
            [(0.0, 0.5f64), (1.0, 0.158_655), (1.96, 0.024_998), (3.0, 1.349_9e-3), (6.0, 9.866e-10), (-1.0, 0.841_345)]
        {
            assert!((log10_normal_tail(z) - p.log10()).abs() < 2e-4, "z = {z}");
        }
        // P(Z > 20) = 2.7536e-89.
        assert!((log10_normal_tail(20.0) + 88.5601).abs() < 1e-3);
        assert!((log10_normal_tail(4.9999) - log10_normal_tail(5.0001)).abs() < 1e-3);
    }

    #[test]
    fn binomial_tail_matches_direct_sums() {
        // P(at least 2 of 3 at 1/2) = 1/2; P(at least 3 of 10 at 0.1) = 0.0701908264.
        assert!((log10_binomial_tail(3, 2, 0.5) - 0.5f64.log10()).abs() < 1e-9);
        assert!((log10_binomial_tail(10, 3, 0.1) - 0.070_190_826_4f64.log10()).abs() < 1e-9);
        assert_eq!(log10_binomial_tail(10, 0, 0.1), 0.0);
        assert_eq!(log10_binomial_tail(10, 11, 0.1), f64::NEG_INFINITY);
        assert!((log10_binomial_tail(1000, 1000, 1.0 / 64.0) - 1000.0 * (1.0f64 / 64.0).log10()).abs() < 1e-6);
        assert!(log10_binomial_tail(10_000_000, 200_000, 1.0 / 64.0) < -300.0);
    }
}
