//! How much fine structure the last JPEG save left, for the analyzers that live off it.
//!
//! The decision that shapes it: one number from the luma quantisation table, because that is what
//! sets the high frequencies to zero; the quality setting of this or that program is not guessed.
use crate::{AnalyzerError, Sample};

/// Mean quantisation step of the high band at which half of the fine structure counts as lost:
/// about IJG quality 87.
const HALF_STEP: f64 = 25.0;

/// 0..=1, 1 for files that are not JPEG: `1 / (1 + (q / 25)²)` with the mean luma quantisation step
/// `q` where 6 <= u+v <= 9.
///
/// # Errors
/// [`AnalyzerError`] when the coefficients were not declared or cannot be read.
pub(crate) fn fine_structure_left(sample: &Sample) -> Result<f64, AnalyzerError> {
    let table = sample.jpeg()?.and_then(<[_]>::first).map(|luma| luma.quantisation);
    Ok(table.map_or(1.0, |table| left_by(&table)))
}

fn left_by(quantisation: &[u16; 64]) -> f64 {
    let steps = || quantisation.iter().enumerate().filter(|(k, _)| (6..=9).contains(&(k / 8 + k % 8)));
    let mean = steps().map(|(_, q)| f64::from(*q)).sum::<f64>() / steps().count().max(1) as f64;
    1.0 / (1.0 + (mean / HALF_STEP).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarser_tables_leave_less() {
        assert!(left_by(&[1; 64]) > 0.99);
        assert!((left_by(&[25; 64]) - 0.5).abs() < 1e-9);
        assert!(left_by(&[80; 64]) < 0.1);
    }
}
