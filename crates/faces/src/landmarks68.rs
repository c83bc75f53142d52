//! The 68 points of the iBUG 300-W mark-up, taken from the 468 of the mesh.
//!
//! The decision that shapes it: the two mark-ups name different places (the mesh follows the
//! silhouette of a head in three dimensions, iBUG the visible outline of the jaw), so a point is a
//! weighted mean of mesh points. The table here is by anatomy, symmetric, and was chosen by looking
//! at where hand-made points lie. What is left, a habit of those who mark (half a pixel here, the
//! jaw further out there), is learned as one offset a point from the training people.
use crate::MESH_POINTS;
use crate::geometry::Rect;

/// Number of iBUG points.
pub const POINTS: usize = 68;

/// How one point is made: mesh indices with weights that add up to one.
pub type Recipe = [(u16, f32); 2];

const fn one(index: u16) -> Recipe {
    [(index, 1.0), (index, 0.0)]
}

const fn mix(a: u16, share: f32, b: u16) -> Recipe {
    [(a, share), (b, 1.0 - share)]
}

/// In iBUG order: jaw from the left of the picture (0..17), brows (17..27), bridge and base of the
/// nose (27..36), eyes (36..48), outer lip (48..60), inner lip (60..68).
#[rustfmt::skip]
pub const TABLE: [Recipe; POINTS] = [
    one(127), one(234), mix(93, 0.5, 177), mix(58, 0.5, 215), one(172), one(136), mix(150, 0.5, 149), one(176), one(152),
    one(400), mix(379, 0.5, 378), one(365), one(397), mix(288, 0.5, 435), mix(323, 0.5, 401), one(454), one(356),
    one(70), one(63), one(105), one(66), mix(107, 0.6, 66), mix(336, 0.6, 296), one(296), one(334), one(293), one(300),
    one(6), mix(197, 0.5, 195), one(5), mix(4, 0.5, 1), mix(75, 0.5, 60), one(97), one(2), one(326), mix(305, 0.5, 290),
    one(33), one(160), one(158), one(133), one(153), one(144),
    one(362), one(385), one(387), one(263), one(373), one(380),
    one(61), one(39), one(37), one(0), one(267), one(269), one(291), one(405), one(314), one(17), one(84), one(181),
    one(78), one(82), one(13), one(312), one(308), one(317), one(14), one(87),
];

/// What people mark beside what the mesh's points mean: the median offset of hand-made points from
/// [`TABLE`]'s over 977 faces of YouTube Faces (the training people), along the line from outer eye
/// corner to outer eye corner and across it, in lengths of that line.
#[rustfmt::skip]
const OFFSETS: [[f32; 2]; POINTS] = [
    [-0.046, -0.000], [-0.034, 0.050], [-0.021, 0.010], [-0.032, -0.059], [-0.038, -0.033], [0.001, 0.041],
    [-0.016, 0.027], [0.019, 0.044], [0.028, 0.055], [0.035, 0.041], [0.066, 0.033], [0.049, 0.049],
    [0.085, -0.011], [0.075, -0.045], [0.057, 0.028], [0.067, 0.071], [0.071, 0.013], [0.004, -0.004],
    [0.033, -0.009], [0.046, 0.006], [0.021, 0.011], [0.033, 0.029], [0.008, 0.030], [0.014, 0.016],
    [-0.010, 0.014], [0.005, 0.004], [0.029, 0.008], [0.022, -0.014], [0.024, 0.016], [0.027, 0.040],
    [0.032, 0.026], [0.012, 0.042], [0.030, 0.022], [0.026, 0.038], [0.019, 0.023], [0.035, 0.042],
    [0.032, 0.012], [0.034, 0.018], [0.019, 0.024], [-0.003, 0.014], [0.008, 0.017], [0.016, 0.015],
    [0.045, 0.015], [0.027, 0.032], [0.010, 0.022], [0.010, 0.021], [0.023, 0.023], [0.036, 0.022],
    [0.011, 0.029], [0.002, 0.044], [0.043, 0.029], [0.026, 0.032], [0.006, 0.031], [0.041, 0.049],
    [0.024, 0.035], [0.045, 0.014], [0.035, 0.032], [0.022, 0.035], [0.009, 0.035], [-0.012, 0.010],
    [-0.009, 0.032], [0.003, 0.021], [0.023, 0.020], [0.045, 0.027], [0.040, 0.037], [0.036, 0.039],
    [0.021, 0.043], [0.003, 0.039],
];

/// The 68 points of a mesh about where people would mark them: [`TABLE`], then the offsets that
/// were learned; `None` as for [`from_mesh`]. The mesh network's own 68 points start here and learn
/// the rest from pictures.
pub fn marked(mesh: &[[f32; 2]]) -> Option<[[f32; 2]; POINTS]> {
    let mut points = from_mesh(mesh, &TABLE)?;
    let along = [points[45][0] - points[36][0], points[45][1] - points[36][1]];
    for (point, [a, b]) in points.iter_mut().zip(OFFSETS) {
        *point = [point[0] + a * along[0] - b * along[1], point[1] + a * along[1] + b * along[0]];
    }
    Some(points)
}

/// The 68 points of a mesh; `None` when the mesh has not [`MESH_POINTS`] points or the table names
/// others.
pub fn from_mesh(mesh: &[[f32; 2]], table: &[Recipe; POINTS]) -> Option<[[f32; 2]; POINTS]> {
    if mesh.len() != MESH_POINTS {
        return None;
    }
    let mut points = [[0.0; 2]; POINTS];
    for (point, recipe) in points.iter_mut().zip(table) {
        for (index, weight) in recipe {
            let [x, y] = mesh.get(usize::from(*index))?;
            *point = [point[0] + weight * x, point[1] + weight * y];
        }
    }
    Some(points)
}

/// The point that takes the place of point `index` when a face is mirrored left to right.
pub const fn mirror_of(index: usize) -> usize {
    match index {
        0..=16 => 16 - index,
        17..=26 => 43 - index,
        31..=35 => 66 - index,
        36..=39 | 42..=45 => 81 - index,
        40 | 41 | 46 | 47 => 87 - index,
        48..=54 => 102 - index,
        55..=59 => 114 - index,
        60..=64 => 124 - index,
        65..=67 => 132 - index,
        _ => index,
    }
}

fn mean(points: &[[f32; 2]]) -> [f32; 2] {
    let n = points.len().max(1) as f32;
    let sum = points.iter().fold([0.0, 0.0], |s, p| [s[0] + p[0], s[1] + p[1]]);
    [sum[0] / n, sum[1] / n]
}

/// Eye on the left of the picture, eye on the right, tip of the nose, left and right corner of the
/// mouth.
pub fn five(points: &[[f32; 2]; POINTS]) -> [[f32; 2]; 5] {
    [mean(&points[36..42]), mean(&points[42..48]), points[30], points[48], points[54]]
}

/// The smallest box around the 68 points.
pub fn around(points: &[[f32; 2]; POINTS]) -> Rect {
    Rect::around(points).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_means_of_points_of_the_mesh() {
        for (i, recipe) in TABLE.iter().enumerate() {
            assert!((recipe.iter().map(|r| r.1).sum::<f32>() - 1.0).abs() < 1e-6, "point {i}");
            assert!(recipe.iter().all(|r| usize::from(r.0) < MESH_POINTS && (0.0..=1.0).contains(&r.1)), "point {i}");
        }
        let mesh = vec![[3.0, 4.0]; MESH_POINTS];
        assert!(
            from_mesh(&mesh, &TABLE).unwrap().iter().all(|p| (p[0] - 3.0).abs() < 1e-5 && (p[1] - 4.0).abs() < 1e-5)
        );
        assert!(from_mesh(&mesh[1..], &TABLE).is_none());
    }

    #[test]
    fn the_table_is_symmetric() {
        for i in 0..POINTS {
            assert_eq!(mirror_of(mirror_of(i)), i);
            let (a, b) = (TABLE[i], TABLE[mirror_of(i)]);
            assert_eq!((a[0].1, a[0].0 == a[1].0), (b[0].1, b[0].0 == b[1].0), "point {i}");
            assert_eq!(mirror_of(i) == i, a[0].0 == b[0].0, "point {i}");
        }
    }

    #[test]
    fn five_points_stand_where_a_face_has_them() {
        let mut points = [[0.0; 2]; POINTS];
        points[36..42].iter_mut().for_each(|p| *p = [30.0, 40.0]);
        points[42..48].iter_mut().for_each(|p| *p = [70.0, 40.0]);
        (points[30], points[48], points[54]) = ([50.0, 60.0], [35.0, 80.0], [65.0, 80.0]);
        assert_eq!(five(&points), [[30.0, 40.0], [70.0, 40.0], [50.0, 60.0], [35.0, 80.0], [65.0, 80.0]]);
    }
}
