//! How far eyes and mouth are open.
//!
//! Ratios of height to width (Soukupova and Cech 2016 for the eye), so they need no calibration and
//! change little with the size of the face. They do change with its pitch, and what counts as shut
//! differs between people: a blink is a dip in a person's own curve, not a threshold.

/// Height over width; 0 is shut.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Openness {
    /// The eye on the left of the picture.
    pub left_eye: f32,
    /// The eye on the right of the picture.
    pub right_eye: f32,
    /// Between the inner lips.
    pub mouth: f32,
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn ratio(height: f32, width: f32) -> f32 {
    if width > 1e-6 { height / width } else { 0.0 }
}

/// Measures the openness on the 68 points.
pub fn openness(points: &[[f32; 2]; 68]) -> Openness {
    let eye = |at: usize| {
        let lids = distance(points[at + 1], points[at + 5]) + distance(points[at + 2], points[at + 4]);
        ratio(0.5 * lids, distance(points[at], points[at + 3]))
    };
    let lips =
        (distance(points[61], points[67]) + distance(points[62], points[66]) + distance(points[63], points[65])) / 3.0;
    Openness { left_eye: eye(36), right_eye: eye(42), mouth: ratio(lips, distance(points[60], points[64])) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_the_drawn_eyes_and_mouth() {
        let mut points = [[0.0f32; 2]; 68];
        let eye = |points: &mut [[f32; 2]; 68], at: usize, x: f32, half: f32| {
            let drawn = [[0.0, 0.0], [10.0, -half], [20.0, -half], [30.0, 0.0], [20.0, half], [10.0, half]];
            for (i, p) in drawn.iter().enumerate() {
                points[at + i] = [x + p[0], 50.0 + p[1]];
            }
        };
        eye(&mut points, 36, 20.0, 4.5);
        eye(&mut points, 42, 80.0, 0.0);
        let lip =
            [[0.0, 0.0], [10.0, -5.0], [20.0, -5.0], [30.0, -5.0], [40.0, 0.0], [30.0, 5.0], [20.0, 5.0], [10.0, 5.0]];
        for (i, p) in lip.iter().enumerate() {
            points[60 + i] = [45.0 + p[0], 120.0 + p[1]];
        }
        let open = openness(&points);
        assert!(
            (open.left_eye - 0.3).abs() < 1e-6 && open.right_eye == 0.0 && (open.mouth - 0.25).abs() < 1e-6,
            "{open:?}"
        );
        // Neither size nor roll changes them.
        let turned = points.map(|[x, y]| [2.0 * (0.8 * x - 0.6 * y), 2.0 * (0.6 * x + 0.8 * y)]);
        assert!((openness(&turned).left_eye - 0.3).abs() < 1e-4);
        assert_eq!(openness(&[[0.0; 2]; 68]), Openness::default());
    }
}
