//! Where key points belong on a face, and how the face around them is turned and stretched: what an
//! animator of faces is told at first hand.
//!
//! The decision that shapes it: the published model finds its key points alone, which takes it
//! days. The heads here come with a mesh, so ten points of it are the key points and the affine map
//! that fits their neighbourhood best is the matrix. The published equivariance says the same of
//! pictures that are bent.
use assay_models::first_order::KeyPoints;
use burn::tensor::{Tensor, TensorData};

/// Points of the mesh, each with the place in this list of the one that takes its part when a face
/// is mirrored: brow, chin, tip of the nose, lower lip, sides of the face, outer corners of the
/// eyes, corners of the mouth.
const ANCHORS: [(usize, usize); 10] =
    [(10, 0), (152, 1), (1, 2), (14, 3), (234, 5), (454, 4), (33, 7), (263, 6), (61, 9), (291, 8)];
/// Points of a neighbourhood.
const NEIGHBOURS: usize = 40;
/// Weights of the loss: of places, in units of half the picture's side, and of the entries of
/// matrices.
const PLACES: f32 = 20.0;
const MATRICES: f32 = 4.0;

/// Neighbourhoods on the mean face.
pub(super) struct Anchors {
    /// Of each anchor: indices into the mesh and offsets from their mean on the mean face.
    around: Vec<Vec<(usize, [f64; 2])>>,
}

/// Anchors of one picture.
pub(super) type Placed = Vec<([f32; 2], [f32; 4])>;

fn centred(points: &[[f32; 2]]) -> Vec<[f64; 2]> {
    let n = points.len().max(1) as f64;
    let mean = [0, 1].map(|i| points.iter().map(|p| f64::from(p[i])).sum::<f64>() / n);
    points.iter().map(|p| [f64::from(p[0]) - mean[0], f64::from(p[1]) - mean[1]]).collect()
}

impl Anchors {
    /// From meshes of many faces, in [-1, 1].
    pub(super) fn learn<'a>(meshes: impl Iterator<Item = &'a [[f32; 2]]>) -> Self {
        let mut mean: Vec<[f32; 2]> = Vec::new();
        for (count, mesh) in meshes.enumerate() {
            let centred = centred(mesh);
            mean.resize(centred.len(), [0.0; 2]);
            for (m, p) in mean.iter_mut().zip(&centred) {
                *m = [0, 1].map(|i| m[i] + (p[i] as f32 - m[i]) / (count as f32 + 1.0));
            }
        }
        let around = |(at, _): &(usize, usize)| {
            let Some(middle) = mean.get(*at) else { return Vec::new() };
            let off = |i: &usize| (mean[*i][0] - middle[0]).powi(2) + (mean[*i][1] - middle[1]).powi(2);
            let mut nearest: Vec<usize> = (0..mean.len()).collect();
            nearest.sort_by(|a, b| off(a).total_cmp(&off(b)));
            nearest.truncate(NEIGHBOURS);
            let offsets = centred(&nearest.iter().map(|i| mean[*i]).collect::<Vec<_>>());
            nearest.into_iter().zip(offsets).collect()
        };
        Self { around: ANCHORS.iter().map(around).collect() }
    }

    /// The anchors of a face: places in [-1, 1], and matrices from the mean face to this one.
    pub(super) fn of(&self, mesh: &[[f32; 2]], is_mirrored: bool) -> Placed {
        let place = |at: usize| mesh.get(ANCHORS[at].0).copied().unwrap_or_default();
        let all: Placed = (0..ANCHORS.len()).map(|at| (place(at), self.matrix(at, mesh))).collect();
        if !is_mirrored {
            return all;
        }
        let mirrored = |(_, partner): &(usize, usize)| {
            let ([x, y], [a, b, c, d]) = all[*partner];
            ([-x, y], [a, -b, -c, d])
        };
        ANCHORS.iter().map(mirrored).collect()
    }

    /// The least-squares map of offsets, row-major.
    fn matrix(&self, at: usize, mesh: &[[f32; 2]]) -> [f32; 4] {
        let around = &self.around[at];
        let found: Vec<[f32; 2]> = around.iter().filter_map(|(i, _)| mesh.get(*i).copied()).collect();
        if found.len() != around.len() || found.is_empty() {
            return [1.0, 0.0, 0.0, 1.0];
        }
        let (mut moment, mut cross) = ([0.0; 3], [0.0; 4]);
        for (p, (_, t)) in centred(&found).iter().zip(around) {
            moment = [moment[0] + t[0] * t[0], moment[1] + t[0] * t[1], moment[2] + t[1] * t[1]];
            for (sum, product) in cross.iter_mut().zip([p[0] * t[0], p[0] * t[1], p[1] * t[0], p[1] * t[1]]) {
                *sum += product;
            }
        }
        let determinant = moment[0] * moment[2] - moment[1] * moment[1];
        if determinant.abs() < 1e-12 {
            return [1.0, 0.0, 0.0, 1.0];
        }
        let row = |u: f64, v: f64| {
            [(u * moment[2] - v * moment[1]) / determinant, (v * moment[0] - u * moment[1]) / determinant]
        };
        let ([a, b], [c, d]) = (row(cross[0], cross[1]), row(cross[2], cross[3]));
        [a, b, c, d].map(|v| v as f32)
    }
}

/// How far key points are from the anchors of their pictures; `None` for a network with another
/// number of points.
///
/// # Shapes
/// - `points`: of `n` pictures; `weights`: `n`, 0 for a picture of which nothing is known
pub(super) fn miss(points: &KeyPoints, anchors: &[Placed], weights: &[f32]) -> Option<Tensor<1>> {
    let [n, k, _] = points.value.dims();
    if k != ANCHORS.len() || anchors.len() != n {
        return None;
    }
    let device = points.value.device();
    let known = Tensor::<3>::from_data(TensorData::new(weights.to_vec(), [n, 1, 1]), &device);
    let places: Vec<f32> = anchors.iter().flatten().flat_map(|(place, _)| *place).collect();
    let places = Tensor::<3>::from_data(TensorData::new(places, [n, k, 2]), &device);
    let mut miss = ((points.value.clone() - places).abs() * known.clone()).mean() * PLACES;
    if let Some(jacobian) = &points.jacobian {
        let matrices: Vec<f32> = anchors.iter().flatten().flat_map(|(_, matrix)| *matrix).collect();
        let matrices = Tensor::<4>::from_data(TensorData::new(matrices, [n, k, 2, 2]), &device);
        miss = miss + ((jacobian.clone() - matrices).abs() * known.reshape([n, 1, 1, 1])).mean() * MATRICES;
    }
    Some(miss)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mesh() -> Vec<[f32; 2]> {
        // A sunflower over the disc, so that every neighbourhood spans the plane.
        (0..468)
            .map(|i| {
                let (radius, angle) = ((i as f32 / 468.0).sqrt() * 0.6, i as f32 * 2.4);
                [radius * angle.cos(), radius * angle.sin()]
            })
            .collect()
    }

    #[test]
    fn a_face_that_is_turned_stretched_and_moved_has_that_matrix_everywhere() {
        let mesh = mesh();
        let anchors = Anchors::learn([mesh.as_slice()].into_iter());
        let moved: Vec<[f32; 2]> =
            mesh.iter().map(|[x, y]| [1.2 * x - 0.3 * y + 0.1, 0.25 * x + 0.9 * y - 0.2]).collect();
        for (at, (place, matrix)) in anchors.of(&moved, false).into_iter().enumerate() {
            assert_eq!(place, moved[ANCHORS[at].0]);
            for (found, truth) in matrix.into_iter().zip([1.2, -0.3, 0.25, 0.9]) {
                assert!((found - truth).abs() < 1e-3, "{matrix:?}");
            }
        }
    }

    #[test]
    fn mirrored_twice_is_as_it_was_and_partners_take_their_parts() {
        let mesh = mesh();
        let anchors = Anchors::learn([mesh.as_slice()].into_iter());
        let [plain, mirrored] = [false, true].map(|m| anchors.of(&mesh, m));
        for (at, (_, partner)) in ANCHORS.iter().enumerate() {
            assert_eq!(ANCHORS[*partner].1, at);
            let ([x, y], [a, b, c, d]) = plain[*partner];
            assert_eq!(mirrored[at], ([-x, y], [a, -b, -c, d]));
        }
    }
}
