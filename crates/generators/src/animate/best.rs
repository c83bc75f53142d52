//! The driving frame whose face looks most like the source's: motion counts from there (the
//! reference's `find_best_frame`).
//!
//! The decision that shapes it: shapes are compared, not pictures: the 68 points without place and
//! size. Frames without a face are passed over, where the reference stops.
use assay_faces::landmarks68::POINTS;
use assay_media::{FramePlan, Progress, Source};
use assay_models::first_order::hull_area;

use crate::{Finder, GeneratorError, each_frame};

/// Frames that are compared at most, evenly spaced.
const COMPARED: u32 = 120;

/// Time of the best frame in seconds.
pub(super) fn frame(
    source: &Source,
    finder: &Finder,
    points: &[[f32; 2]; POINTS],
    progress: &dyn Progress,
) -> Result<f64, GeneratorError> {
    let wanted = normalised(points);
    let mut best = (f32::INFINITY, 0.0);
    each_frame(source, FramePlan::EvenlySpaced(COMPARED), progress, &mut |frame, secs| {
        let Some(face) = finder.largest(frame)? else { return Ok(()) };
        let shape = normalised(&face.observation.points68);
        let off: f32 = shape.iter().zip(&wanted).map(|(a, b)| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sum();
        if off < best.0 {
            best = (off, secs);
        }
        Ok(())
    })?;
    Ok(best.1)
}

/// About the origin, with a convex hull of area one.
fn normalised(points: &[[f32; 2]; POINTS]) -> Vec<[f32; 2]> {
    let sum = points.iter().fold([0.0; 2], |s, p| [s[0] + p[0], s[1] + p[1]]);
    let mean = sum.map(|v| v / POINTS as f32);
    let size = (hull_area(points).sqrt() as f32).max(1e-6);
    points.iter().map(|p| [(p[0] - mean[0]) / size, (p[1] - mean[1]) / size]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_and_size_do_not_count() {
        let points: [[f32; 2]; POINTS] =
            std::array::from_fn(|i| [(i as f32 * 0.7).cos() * 40.0, (i as f32).sin() * 50.0]);
        let moved = points.map(|[x, y]| [x * 3.0 + 100.0, y * 3.0 - 20.0]);
        let (a, b) = (normalised(&points), normalised(&moved));
        assert!(a.iter().zip(&b).all(|(p, q)| (p[0] - q[0]).abs() < 1e-3 && (p[1] - q[1]).abs() < 1e-3));
    }
}
