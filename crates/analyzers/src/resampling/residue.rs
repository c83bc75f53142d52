//! The residue of a fixed linear predictor (Kirchner 2008, eq. 20), on a logarithmic scale.
//!
//! The decision that shapes it: interpolation makes the *variance* of any high-pass residue
//! periodic (Gallagher 2005), and no fit to this picture is needed to see that. The fitted
//! predictor of [`super::em`] is dominated by the untouched rest of the picture and by its noise;
//! this one has the same contrast everywhere. The logarithm turns the period from a product with
//! the local texture into a sum.
use assay_media::Plane;
use rayon::prelude::*;

/// Grey levels added before the logarithm: the rounding of five samples, which says nothing.
const ROUNDING: f32 = 1.0;

/// `ln(|e| + 1)` of every pixel, NaN where `judged` is NaN (border, flat or clipped neighbourhood).
pub(super) fn log_residue(luma: &Plane, judged: &Plane) -> Plane {
    let (width, height) = (luma.width, luma.height);
    let mut out = Plane::filled(width, height, f32::NAN);
    out.data.par_chunks_mut(width.max(1)).enumerate().for_each(|(y, line)| {
        if y == 0 || y + 1 >= height {
            return;
        }
        let (above, here, below) = (luma.row(y - 1), luma.row(y), luma.row(y + 1));
        for x in 1..width.saturating_sub(1) {
            if judged.at(x, y).is_nan() {
                continue;
            }
            let corners = above[x - 1] + above[x + 1] + below[x - 1] + below[x + 1];
            let sides = above[x] + below[x] + here[x - 1] + here[x + 1];
            let residue = here[x] - (0.5 * sides - 0.25 * corners);
            line[x] = (residue.abs() + ROUNDING).ln();
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_predicted_and_dots_are_not() {
        let ramp = Plane { width: 9, height: 9, data: (0..81).map(|i| (i % 9 * 3 + i / 9 * 5) as f32).collect() };
        let judged = Plane::filled(9, 9, 1.0);
        let flat = log_residue(&ramp, &judged);
        assert!((flat.at(4, 4) - ROUNDING.ln()).abs() < 1e-5);
        assert!(flat.at(0, 4).is_nan() && flat.at(4, 8).is_nan());
        let mut dot = ramp;
        dot.data[4 * 9 + 4] += 40.0;
        assert!((log_residue(&dot, &judged).at(4, 4) - 41f32.ln()).abs() < 1e-5);
        assert!(log_residue(&dot, &Plane::filled(9, 9, f32::NAN)).at(4, 4).is_nan());
    }
}
