//! Heat maps against masks: does the map say where the edit lies?
//!
//! Maps are coarse (a cell is a block or a window) and masks are fine. Both are compared pixel by
//! pixel as if the map were enlarged to the mask's size without smoothing; the counting is done by
//! cell, which gives the same numbers.
use super::ranking::{Ranked, Scored};
use image::GrayImage;
use serde::{Deserialize, Serialize};

/// A map whose cells divide the picture evenly, row-major; higher speaks for an edit, not-a-number
/// means "not judged".
#[derive(Debug, Clone, Copy)]
pub struct Cells<'a> {
    /// Cells across.
    pub columns: usize,
    /// Cells down.
    pub rows: usize,
    /// `rows * columns` values.
    pub values: &'a [f32],
}

/// Harmonic mean of precision and recall, with the threshold it was taken at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct F1 {
    /// Cells at or above it are taken as edited.
    pub threshold: f64,
    /// 0 to 1.
    pub value: f64,
}

/// A picture's map compared with its mask.
#[derive(Debug, Clone, PartialEq)]
pub struct Localisation {
    /// Value and `[edited, untouched]` pixels of each cell; cells that were not judged have the
    /// lowest value.
    cells: Vec<(f64, [f64; 2])>,
}

impl Localisation {
    /// Counts edited (mask above 127) and untouched pixels under each cell. A pixel belongs to the
    /// cell that holds its middle.
    ///
    /// `None` when the map has no cells, its length does not fit its size, or the mask is empty of
    /// pixels.
    pub fn new(map: Cells<'_>, mask: &GrayImage) -> Option<Self> {
        let (width, height) = (mask.width() as usize, mask.height() as usize);
        if map.columns == 0
            || map.rows == 0
            || map.columns.checked_mul(map.rows)? != map.values.len()
            || mask.is_empty()
        {
            return None;
        }
        let column_of: Vec<usize> = (0..width).map(|x| (2 * x + 1) * map.columns / (2 * width)).collect();
        let lowest = f64::NEG_INFINITY;
        let mut cells: Vec<(f64, [f64; 2])> = map
            .values
            .iter()
            .map(|value| (if value.is_nan() { lowest } else { f64::from(*value) }, [0.0; 2]))
            .collect();
        for (y, line) in mask.chunks_exact(width).enumerate() {
            let row = (2 * y + 1) * map.rows / (2 * height);
            for (column, value) in column_of.iter().zip(line) {
                let edited = *value > 127;
                cells[row * map.columns + column].1[usize::from(!edited)] += 1.0;
            }
        }
        cells.sort_by(|a, b| b.0.total_cmp(&a.0));
        Some(Self { cells })
    }

    /// Area under the curve over the pixels of this picture; `None` when it is edited everywhere or
    /// nowhere.
    pub fn auc(&self) -> Option<f64> {
        let both = |value: &f64| [true, false].map(|fake| Scored { score: *value, fake });
        let sides: Vec<Scored> = self.cells.iter().flat_map(|(value, _)| both(value)).collect();
        Ranked::new(&sides)?.auc(|at| self.cells[at / 2].1[at % 2])
    }

    /// F1 of the cells at or above a threshold; 0 when none is edited or none is taken.
    pub fn f1_at(&self, threshold: f64) -> F1 {
        let taken = self.cells.iter().take_while(|(value, _)| *value >= threshold);
        let [hits, false_positives] = taken.fold([0.0; 2], |sum, (_, w)| [sum[0] + w[0], sum[1] + w[1]]);
        F1 { threshold, value: f1(hits, false_positives, self.edited()) }
    }

    /// The best F1 over all thresholds. An upper bound: a user has no mask to choose the threshold
    /// by.
    pub fn best_f1(&self) -> F1 {
        let edited = self.edited();
        let (mut hits, mut false_positives) = (0.0, 0.0);
        let mut best = F1 { threshold: f64::INFINITY, value: 0.0 };
        for tied in self.cells.chunk_by(|a, b| a.0 == b.0) {
            hits += tied.iter().map(|(_, w)| w[0]).sum::<f64>();
            false_positives += tied.iter().map(|(_, w)| w[1]).sum::<f64>();
            let value = f1(hits, false_positives, edited);
            if value > best.value {
                best = F1 { threshold: tied[0].0, value };
            }
        }
        best
    }

    fn edited(&self) -> f64 {
        self.cells.iter().map(|(_, w)| w[0]).sum()
    }
}

/// Means over pictures of area, F1 at a fixed threshold and best F1.
///
/// A picture without a map (abstention) counts with an area of 0.5 and an F1 of 0; `None` when
/// there are no pictures.
pub fn mean_localisation(pictures: &[Option<Localisation>], threshold: f64) -> Option<[f64; 3]> {
    if pictures.is_empty() {
        return None;
    }
    let mut sums = [0.0; 3];
    for picture in pictures {
        let figures = match picture {
            Some(p) => [p.auc().unwrap_or(0.5), p.f1_at(threshold).value, p.best_f1().value],
            None => [0.5, 0.0, 0.0],
        };
        for (sum, figure) in sums.iter_mut().zip(figures) {
            *sum += figure;
        }
    }
    Some(sums.map(|sum| sum / pictures.len() as f64))
}

fn f1(hits: f64, false_positives: f64, edited: f64) -> f64 {
    if hits == 0.0 { 0.0 } else { 2.0 * hits / (hits + false_positives + edited) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;
    use proptest::prelude::*;

    /// 4x2 pixels, the left half edited.
    fn left_half() -> GrayImage {
        GrayImage::from_fn(4, 2, |x, _| Luma([if x < 2 { 255 } else { 0 }]))
    }

    #[test]
    fn maps_are_enlarged_to_the_mask() {
        let right = Localisation::new(Cells { columns: 2, rows: 1, values: &[0.9, 0.1] }, &left_half()).unwrap();
        assert_eq!(right.auc(), Some(1.0));
        assert_eq!(right.best_f1(), F1 { threshold: f64::from(0.9f32), value: 1.0 });
        let wrong = Localisation::new(Cells { columns: 2, rows: 1, values: &[0.1, 0.9] }, &left_half()).unwrap();
        assert_eq!(wrong.auc(), Some(0.0), "never turned over");
    }

    #[test]
    fn f1_matches_counting_by_hand() {
        // Cells of one pixel each in a row; the first two columns are edited.
        let values = [0.9, 0.2, 0.8, 0.1];
        let map = Localisation::new(Cells { columns: 4, rows: 1, values: &values }, &left_half()).unwrap();
        // At 0.5: 2 pixels hit, 2 false, 2 missed: 4 / (4 + 2 + 2).
        assert!((map.f1_at(0.5).value - 0.5).abs() < 1e-12);
        // At 0.2: 4 hit, 2 false, 0 missed: 8 / (8 + 2).
        assert!((map.best_f1().value - 0.8).abs() < 1e-12);
        assert!((map.auc().unwrap() - 0.75).abs() < 1e-12);
        assert_eq!(map.f1_at(2.0).value, 0.0);
    }

    #[test]
    fn cells_that_were_not_judged_are_never_taken() {
        let values = [f32::NAN, 0.5, 0.2, 0.1];
        let map = Localisation::new(Cells { columns: 4, rows: 1, values: &values }, &left_half()).unwrap();
        assert!((map.f1_at(0.0).value - 2.0 * 2.0 / (2.0 + 4.0 + 4.0)).abs() < 1e-12);
    }

    #[test]
    fn maps_of_the_wrong_length_are_refused() {
        assert!(Localisation::new(Cells { columns: 3, rows: 1, values: &[0.0; 2] }, &left_half()).is_none());
        assert!(Localisation::new(Cells { columns: 0, rows: 0, values: &[] }, &left_half()).is_none());
    }

    #[test]
    fn a_missing_map_is_no_better_than_chance() {
        let right = Localisation::new(Cells { columns: 2, rows: 1, values: &[0.9, 0.1] }, &left_half());
        assert_eq!(mean_localisation(&[right, None], 0.5), Some([0.75, 0.5, 0.5]));
        assert_eq!(mean_localisation(&[], 0.5), None);
    }

    proptest! {
        #[test]
        fn counting_by_cell_equals_counting_by_pixel(
            values in prop::collection::vec(0u8..6, 12),
            bits in prop::collection::vec(any::<bool>(), 7 * 5),
        ) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let mask = GrayImage::from_fn(7, 5, |x, y| Luma([if bits[(y * 7 + x) as usize] { 255 } else { 0 }]));
            let map = Localisation::new(Cells { columns: 4, rows: 3, values: &values }, &mask).unwrap();
            let (mut edited, mut untouched) = (Vec::new(), Vec::new());
            for (x, y, pixel) in mask.enumerate_pixels() {
                let column = ((f64::from(x) + 0.5) / 7.0 * 4.0) as usize;
                let row = ((f64::from(y) + 0.5) / 5.0 * 3.0) as usize;
                let side = if pixel[0] == 255 { &mut edited } else { &mut untouched };
                side.push(f64::from(values[row * 4 + column]));
            }
            match (map.auc(), crate::metrics::auc(&edited, &untouched)) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-9),
                (a, b) => prop_assert_eq!(a, b),
            }
            prop_assert!(map.best_f1().value + 1e-12 >= map.f1_at(3.0).value);
            prop_assert!((0.0..=1.0).contains(&map.best_f1().value));
        }
    }
}
