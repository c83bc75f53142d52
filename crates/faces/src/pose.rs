//! Where a head points, in degrees, from its mesh and a mean face with depth.
//!
//! The decision that shapes it: a camera that sees a head from some distance sees it almost without
//! perspective, so the mesh is taken as the reference shape, turned, scaled and shifted (scaled
//! orthographic projection). The 2x3 matrix of that is a weighted linear least-squares problem; its
//! rows are then made orthogonal and of one length, which is the nearest rotation. Points that fit
//! badly (an open mouth, a wrong point) get less weight (Huber) and the fit is repeated. The
//! reference shape is data of the networks; no camera is calibrated here.
use crate::{FacesError, MESH_POINTS};

/// Rounds of re-weighting; it settles after three or four.
const ROUNDS: usize = 6;
/// Residual, as a multiple of the typical one, from which a point's weight falls.
const HUBER: f64 = 1.345;

/// A head's direction in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pose {
    /// Turned about the vertical axis; positive when the nose points to the right of the picture.
    pub yaw: f32,
    /// Positive when the nose points up.
    pub pitch: f32,
    /// Positive when the head leans clockwise in the picture.
    pub roll: f32,
    /// Typical distance of a mesh point from the fitted shape, as a share of the face's size: what
    /// the pose does not explain.
    pub residual: f32,
}

/// A mean face: x to the right and y down in the picture, z towards the camera, any unit, any
/// origin.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceShape {
    /// Centred points.
    points: Vec<[f64; 3]>,
}

impl ReferenceShape {
    /// From [`MESH_POINTS`] points `[x, y, z]`: x right, y down, z towards the camera.
    ///
    /// # Errors
    /// [`FacesError::Shape`] for another number of points, numbers that are none, or a shape
    /// without depth.
    pub fn new(points: &[[f32; 3]]) -> Result<Self, FacesError> {
        if points.len() != MESH_POINTS {
            return Err(FacesError::Shape(format!("it has {} points, not {MESH_POINTS}", points.len())));
        }
        if points.iter().flatten().any(|v| !v.is_finite()) {
            return Err(FacesError::Shape("it holds numbers that are none".into()));
        }
        let n = points.len() as f64;
        let sum = points.iter().fold([0.0; 3], |s, p| [0, 1, 2].map(|k| s[k] + f64::from(p[k])));
        let points: Vec<[f64; 3]> = points.iter().map(|p| [0, 1, 2].map(|k| f64::from(p[k]) - sum[k] / n)).collect();
        let shape = Self { points };
        let spread = |k: usize| (shape.points.iter().map(|p| p[k] * p[k]).sum::<f64>() / n).sqrt();
        let widest = spread(0).max(spread(1));
        if spread(0).min(spread(1)).min(spread(2)) < 0.02 * widest || widest <= 0.0 {
            return Err(FacesError::Shape("it is flat".into()));
        }
        Ok(shape)
    }

    /// From little-endian f32 numbers, x y z point by point.
    ///
    /// # Errors
    /// [`FacesError::Shape`].
    pub fn from_le_bytes(bytes: &[u8]) -> Result<Self, FacesError> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let (points, left) = numbers.as_chunks::<3>();
        if !rest.is_empty() || !left.is_empty() {
            return Err(FacesError::Shape(format!("{} bytes are no points of three numbers", bytes.len())));
        }
        Self::new(points)
    }
}

/// The 2x3 projection with its shift that fits best under the weights, by normal equations on
/// centred coordinates.
fn fit(shape: &[[f64; 3]], mesh: &[[f64; 2]], weights: &[f64]) -> Option<([[f64; 3]; 2], [f64; 2])> {
    let total: f64 = weights.iter().sum();
    if total.is_nan() || total <= 1e-9 {
        return None;
    }
    let (mut ms, mut mm) = ([0.0; 3], [0.0; 2]);
    for ((s, m), w) in shape.iter().zip(mesh).zip(weights) {
        ms.iter_mut().zip(s).for_each(|(a, b)| *a += w * b / total);
        mm.iter_mut().zip(m).for_each(|(a, b)| *a += w * b / total);
    }
    let (mut gram, mut right) = ([[0.0; 3]; 3], [[0.0; 3]; 2]);
    for ((s, m), w) in shape.iter().zip(mesh).zip(weights) {
        let s = [s[0] - ms[0], s[1] - ms[1], s[2] - ms[2]];
        for i in 0..3 {
            for j in 0..3 {
                gram[i][j] += w * s[i] * s[j];
            }
            for k in 0..2 {
                right[k][i] += w * s[i] * (m[k] - mm[k]);
            }
        }
    }
    let inverse = invert(&gram)?;
    let rows = right.map(|r| [0, 1, 2].map(|i| dot(&inverse[i], &r)));
    let shift = [0, 1].map(|k| mm[k] - dot(&rows[k], &ms));
    Some((rows, shift))
}

fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: &[f64; 3], b: &[f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn invert(m: &[[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    let c = [cross(&m[1], &m[2]), cross(&m[2], &m[0]), cross(&m[0], &m[1])];
    let det = dot(&m[0], &c[0]);
    let size = (m[0][0] + m[1][1] + m[2][2]) / 3.0;
    (det.is_finite() && det.abs() > 1e-12 * size.powi(3).abs())
        .then(|| [0, 1, 2].map(|i| [0, 1, 2].map(|j| c[j][i] / det)))
}

/// The scale and the two orthonormal rows nearest to `rows` (symmetric orthogonalisation of two
/// vectors, which favours neither).
fn orthonormal(rows: &[[f64; 3]; 2]) -> Option<(f64, [[f64; 3]; 2])> {
    let (aa, ab, bb) = (dot(&rows[0], &rows[0]), dot(&rows[0], &rows[1]), dot(&rows[1], &rows[1]));
    // (R Rt)^(-1/2) R with the square root of a symmetric 2x2 matrix in closed form.
    let det = aa * bb - ab * ab;
    if det.is_nan() || det <= 1e-12 * (aa + bb).powi(2) {
        return None;
    }
    let root = det.sqrt();
    let trace = (aa + bb + 2.0 * root).sqrt();
    let (saa, sab, sbb) = ((aa + root) / trace, ab / trace, (bb + root) / trace);
    let inner = saa * sbb - sab * sab;
    let row = |p: f64, q: f64| [0, 1, 2].map(|k| (p * rows[0][k] + q * rows[1][k]) / inner);
    Some((0.5 * (saa + sbb), [row(sbb, -sab), row(-sab, saa)]))
}

/// Measures the pose of a mesh; `confidence` weighs its points (empty: all alike). `None` when
/// nothing can be fitted.
pub fn pose(mesh: &[[f32; 2]], confidence: &[f32], shape: &ReferenceShape) -> Option<Pose> {
    if mesh.len() != MESH_POINTS || !(confidence.is_empty() || confidence.len() == MESH_POINTS) {
        return None;
    }
    let mesh: Vec<[f64; 2]> = mesh.iter().map(|p| [f64::from(p[0]), f64::from(p[1])]).collect();
    if mesh.iter().flatten().any(|v| !v.is_finite()) {
        return None;
    }
    let base: Vec<f64> = if confidence.is_empty() {
        vec![1.0; MESH_POINTS]
    } else {
        confidence.iter().map(|c| f64::from(*c).clamp(0.01, 1.0)).collect()
    };
    let mut weights = base.clone();
    let (mut rotation, mut residual) = (None, 0.0);
    for _ in 0..ROUNDS {
        let (rows, shift) = fit(&shape.points, &mesh, &weights)?;
        let (scale, turned) = orthonormal(&rows)?;
        let distances: Vec<f64> = shape
            .points
            .iter()
            .zip(&mesh)
            .map(|(s, m)| [0, 1].map(|k| rows_value(scale, &turned[k], s, shift[k]) - m[k]))
            .map(|d| d[0].hypot(d[1]))
            .collect();
        let mut sorted = distances.clone();
        sorted.sort_by(f64::total_cmp);
        let typical = sorted[MESH_POINTS / 2];
        let size = scale * (shape.points.iter().map(|p| dot(p, p)).sum::<f64>() / MESH_POINTS as f64).sqrt();
        residual = typical / size.max(1e-9);
        rotation = Some(turned);
        let bound = HUBER * typical.max(1e-9);
        for ((weight, base), distance) in weights.iter_mut().zip(&base).zip(&distances) {
            *weight = base * (bound / distance.max(bound));
        }
    }
    let [right, down] = rotation?;
    // Where the nose of the reference (its z axis) points in the picture: x right, y down, z
    // towards the camera.
    let toward = cross(&right, &down);
    let nose = [right[2], down[2], toward[2]];
    let yaw = nose[0].atan2(nose[2]);
    let pitch = (-nose[1]).atan2(nose[0].hypot(nose[2]));
    // What is left when yaw and pitch are undone is the turn in the plane of the picture.
    let level = [yaw.cos(), 0.0, -yaw.sin()];
    let axis = [right[0], down[0], toward[0]];
    let upright = cross(&[yaw.sin() * pitch.cos(), -pitch.sin(), yaw.cos() * pitch.cos()], &level);
    let roll = dot(&axis, &upright).atan2(dot(&axis, &level));
    let degrees = |v: f64| v.to_degrees() as f32;
    Some(Pose { yaw: degrees(yaw), pitch: degrees(pitch), roll: degrees(roll), residual: residual as f32 })
}

fn rows_value(scale: f64, row: &[f64; 3], point: &[f64; 3], shift: f64) -> f64 {
    scale * dot(row, point) + shift
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A half ellipsoid with a nose, as many points as the mesh has.
    fn head() -> Vec<[f32; 3]> {
        (0..MESH_POINTS)
            .map(|i| {
                let (u, v) = ((i % 26) as f32 / 25.0 - 0.5, (i / 26) as f32 / 17.0 - 0.5);
                let depth = (1.0 - 1.6 * u * u - 1.2 * v * v).max(0.0).sqrt();
                let nose = if u.abs() < 0.1 && v.abs() < 0.15 { 0.25 } else { 0.0 };
                [u * 1.4, v * 1.9, depth * 0.8 + nose]
            })
            .collect()
    }

    /// Turns by roll about z after pitch about x after yaw about y, in the picture's axes (y down,
    /// z towards the camera).
    fn project(shape: &[[f32; 3]], yaw: f64, pitch: f64, roll: f64, scale: f64) -> Vec<[f32; 2]> {
        let (yaw, pitch, roll) = (yaw.to_radians(), pitch.to_radians(), roll.to_radians());
        let about_x = |[x, y, z]: [f64; 3], a: f64| [x, y * a.cos() - z * a.sin(), y * a.sin() + z * a.cos()];
        let about_y = |[x, y, z]: [f64; 3], a: f64| [x * a.cos() + z * a.sin(), y, z * a.cos() - x * a.sin()];
        let about_z = |[x, y, z]: [f64; 3], a: f64| [x * a.cos() - y * a.sin(), x * a.sin() + y * a.cos(), z];
        shape
            .iter()
            .map(|p| {
                let p = p.map(f64::from);
                let [x, y, _] = about_y(about_x(about_z(p, roll), pitch), yaw);
                [(scale * x + 300.0) as f32, (scale * y + 200.0) as f32]
            })
            .collect()
    }

    #[test]
    fn signs_are_as_documented() {
        let shape = ReferenceShape::new(&head()).unwrap();
        let at = |yaw, pitch, roll| pose(&project(&head(), yaw, pitch, roll, 100.0), &[], &shape).unwrap();
        let nose = 230;
        let moved = |yaw, pitch| {
            let (straight, turned) = (project(&head(), 0.0, 0.0, 0.0, 100.0), project(&head(), yaw, pitch, 0.0, 100.0));
            [turned[nose][0] - straight[nose][0], turned[nose][1] - straight[nose][1]]
        };
        assert!(at(30.0, 0.0, 0.0).yaw > 29.0 && moved(30.0, 0.0)[0] > 10.0, "the nose goes right");
        assert!(at(0.0, 20.0, 0.0).pitch > 19.0 && moved(0.0, 20.0)[1] < -5.0, "the nose goes up");
        assert!(at(0.0, 0.0, 15.0).roll > 14.0);
    }

    proptest! {
        #[test]
        fn a_known_pose_is_measured(yaw in -75.0f64..75.0, pitch in -45.0f64..45.0, roll in -60.0f64..60.0, scale in 8.0f64..400.0) {
            let shape = ReferenceShape::new(&head()).unwrap();
            let found = pose(&project(&head(), yaw, pitch, roll, scale), &[], &shape).unwrap();
            prop_assert!((f64::from(found.yaw) - yaw).abs() < 0.1, "{found:?}");
            prop_assert!((f64::from(found.pitch) - pitch).abs() < 0.1, "{found:?}");
            prop_assert!((f64::from(found.roll) - roll).abs() < 0.1, "{found:?}");
            prop_assert!(found.residual < 1e-3);
        }
    }

    #[test]
    fn wild_points_move_the_pose_little() {
        let shape = ReferenceShape::new(&head()).unwrap();
        let mut mesh = project(&head(), 25.0, -10.0, 5.0, 100.0);
        for i in (0..MESH_POINTS).step_by(10) {
            mesh[i] = [mesh[i][0] + 60.0, mesh[i][1] - 40.0];
        }
        let found = pose(&mesh, &[], &shape).unwrap();
        assert!(
            (found.yaw - 25.0).abs() < 2.0 && (found.pitch + 10.0).abs() < 2.0 && (found.roll - 5.0).abs() < 2.0,
            "{found:?}"
        );
        // Points that say themselves that they are unsure matter less still.
        let mut confidence = vec![1.0; MESH_POINTS];
        (0..MESH_POINTS).step_by(10).for_each(|i| confidence[i] = 0.02);
        let sure = pose(&mesh, &confidence, &shape).unwrap();
        assert!((sure.yaw - 25.0).abs() < 0.3, "{sure:?}");
    }

    #[test]
    fn what_cannot_be_fitted_gives_nothing() {
        let shape = ReferenceShape::new(&head()).unwrap();
        assert!(pose(&vec![[5.0, 5.0]; MESH_POINTS], &[], &shape).is_none());
        assert!(pose(&vec![[f32::NAN; 2]; MESH_POINTS], &[], &shape).is_none());
        assert!(pose(&[[0.0, 0.0]], &[], &shape).is_none());
        let flat: Vec<[f32; 3]> = head().iter().map(|p| [p[0], p[1], 0.0]).collect();
        assert!(ReferenceShape::new(&flat).is_err() && ReferenceShape::new(&flat[1..]).is_err());
        assert!(ReferenceShape::from_le_bytes(&[0; 11]).is_err());
        let bytes: Vec<u8> = head().iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(ReferenceShape::from_le_bytes(&bytes).unwrap(), shape);
    }
}
