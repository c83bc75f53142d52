//! From the key points of a driving clip to those the source shall take: absolute, or relative to
//! the clip's first frame.
//!
//! The decision that shapes it: the three switches of the reference (`animate.py`, `normalize_kp`)
//! as one plain value.
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::keypoints::KeyPoints;
use super::motion::inverse;
use crate::state::floats;

/// How motion is carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Transfer {
    /// Points move as far as the driving ones have moved since their first frame, instead of going
    /// to the same places.
    pub relative_movement: bool,
    /// The same for the matrices.
    pub relative_jacobian: bool,
    /// Movements are scaled by the ratio of the faces' sizes, the root of the areas of the points'
    /// convex hulls.
    pub adapt_scale: bool,
}

impl Transfer {
    /// Points of the source for one driving frame. Batches of one.
    ///
    /// # Shapes
    /// - all: `[1, points, 2]` and `[1, points, 2, 2]`
    pub fn apply(&self, source: &KeyPoints, driving: &KeyPoints, initial: &KeyPoints) -> KeyPoints {
        let scale = if self.adapt_scale { ratio(&source.value, &initial.value) } else { 1.0 };
        let mut moved = driving.clone();
        if self.relative_movement {
            moved.value = (moved.value - initial.value.clone()) * scale + source.value.clone();
            if self.relative_jacobian
                && let (Some(driving), Some(initial), Some(source)) =
                    (&driving.jacobian, &initial.jacobian, &source.jacobian)
            {
                let turned = driving.clone().matmul(inverse(initial));
                moved.jacobian = Some(turned.matmul(source.clone()));
            }
        }
        moved
    }
}

fn ratio(source: &Tensor<3>, driving: &Tensor<3>) -> f32 {
    let area = |points: &Tensor<3>| {
        let values = floats(points.clone());
        hull_area(values.as_chunks::<2>().0)
    };
    let (source, driving) = (area(source), area(driving));
    if driving > 0.0 { (source.sqrt() / driving.sqrt()) as f32 } else { 1.0 }
}

/// Area of the convex hull of points in the plane (Andrew's monotone chain, then the shoelace
/// formula).
pub fn hull_area(points: &[[f32; 2]]) -> f64 {
    let mut sorted: Vec<[f64; 2]> = points.iter().map(|p| p.map(f64::from)).collect();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    let cross = |o: [f64; 2], a: [f64; 2], b: [f64; 2]| (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
    let chain = |points: &mut dyn Iterator<Item = [f64; 2]>| {
        let mut hull: Vec<[f64; 2]> = Vec::new();
        for p in points {
            while hull.len() >= 2 && cross(hull[hull.len() - 2], hull[hull.len() - 1], p) <= 0.0 {
                hull.pop();
            }
            hull.push(p);
        }
        hull.pop();
        hull
    };
    let mut hull = chain(&mut sorted.iter().copied());
    hull.extend(chain(&mut sorted.iter().rev().copied()));
    let next = hull.iter().cycle().skip(1);
    hull.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f64>().abs() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hulls_have_the_area_of_their_outline() {
        let square = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.5, 0.5], [0.5, 0.0]];
        assert!((hull_area(&square) - 1.0).abs() < 1e-12);
        assert!((hull_area(&[[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]]) - 6.0).abs() < 1e-12);
        for flat in [&[][..], &[[1.0, 2.0]], &[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]] {
            assert_eq!(hull_area(flat), 0.0);
        }
    }
}
