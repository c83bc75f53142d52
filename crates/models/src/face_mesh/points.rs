//! Which points of the mesh are eyes, nose and mouth, and where the crop puts them.

/// Mesh points around the eye at the left of an unmirrored picture: outer corner, inner corner,
/// lids.
const EYE_LEFT: [usize; 4] = [33, 133, 159, 145];
/// The same of the other eye.
const EYE_RIGHT: [usize; 4] = [263, 362, 386, 374];
const NOSE_TIP: usize = 1;
const MOUTH: [usize; 2] = [61, 291];

/// Where the five points lie in the crop, in sides.
pub const TEMPLATE: [[f32; 2]; 5] = [[0.365, 0.40], [0.635, 0.40], [0.5, 0.545], [0.39, 0.683], [0.61, 0.683]];

/// Eyes, nose tip and mouth corners, left of the picture first; `None` where the mesh has not all
/// points.
pub fn five(mesh: &[[f32; 2]]) -> Option<[[f32; 2]; 5]> {
    let all = mesh.get(..super::POINTS)?;
    let mean = |at: &[usize; 4]| [0, 1].map(|c| at.iter().map(|i| all[*i][c]).sum::<f32>() / 4.0);
    Some([mean(&EYE_LEFT), mean(&EYE_RIGHT), all[NOSE_TIP], all[MOUTH[0]], all[MOUTH[1]]])
}
