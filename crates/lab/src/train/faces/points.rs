//! Which points of the mesh are what, and the mean shape that the crops are cut by.

/// Mesh points around the eye at the left of an unmirrored picture: outer corner, inner corner, lids.
const EYE_LEFT: [usize; 4] = [33, 133, 159, 145];
/// The same of the other eye.
const EYE_RIGHT: [usize; 4] = [263, 362, 386, 374];
const NOSE_TIP: usize = 1;
const MOUTH: [usize; 2] = [61, 291];

/// Eyes, nose tip and mouth corners of a mesh, left of the picture first.
pub fn five(mesh: &[[f32; 2]]) -> [[f32; 2]; 5] {
    let mean = |at: &[usize; 4]| [0, 1].map(|c| at.iter().map(|i| mesh[*i][c]).sum::<f32>() / 4.0);
    [mean(&EYE_LEFT), mean(&EYE_RIGHT), mesh[NOSE_TIP], mesh[MOUTH[0]], mesh[MOUTH[1]]]
}

/// Where the five points lie in the mesh network's crop, in sides.
pub const MESH_TEMPLATE: [[f32; 2]; 5] = [[0.365, 0.40], [0.635, 0.40], [0.5, 0.545], [0.39, 0.683], [0.61, 0.683]];

/// Where they lie in the identity network's crop of 112 pixels, in sides (the template of ArcFace, Deng et al. 2019).
pub const IDENTITY_TEMPLATE: [[f32; 2]; 5] =
    [[0.341_92, 0.461_57], [0.656_53, 0.459_83], [0.500_23, 0.640_51], [0.370_97, 0.824_69], [0.631_52, 0.823_25]];

/// Left, top, width, height of the tight box around points.
pub fn tight_box(points: &[[f32; 2]]) -> [f32; 4] {
    let mut low = [f32::MAX; 2];
    let mut high = [f32::MIN; 2];
    for p in points {
        (0..2).for_each(|c| (low[c], high[c]) = (low[c].min(p[c]), high[c].max(p[c])));
    }
    [low[0], low[1], high[0] - low[0], high[1] - low[1]]
}

/// The index of every mesh point's mirror image, from upright mean shapes whose middle lies at x = 0.5.
pub fn mirrored(mean: &[[f32; 2]]) -> Vec<usize> {
    let distance = |i: usize, j: usize| (1.0 - mean[i][0] - mean[j][0]).powi(2) + (mean[i][1] - mean[j][1]).powi(2);
    (0..mean.len())
        .map(|i| (0..mean.len()).min_by(|a, b| distance(i, *a).total_cmp(&distance(i, *b))).unwrap_or(i))
        .collect()
}
