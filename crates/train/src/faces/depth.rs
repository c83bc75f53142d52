//! A mean face with depth, from flat meshes alone.
//!
//! The decision that shapes it: no scan and no foreign face model is used. Thousands of people
//! turned by different angles under scaled orthographic projection determine one mean shape up to
//! its mirror image in depth (rigid factorisation, Tomasi and Kanade 1992, here by alternating
//! least squares); a start that bulges towards the camera settles that. Expressions and differences
//! between people average out.

/// The mean shape of meshes `[x, y]` in any unit: x to the right, y down, z towards the camera,
/// centred, of mean square radius 1.
pub fn mean_shape(meshes: &[Vec<[f32; 2]>], rounds: usize) -> Vec<[f32; 3]> {
    let Some(points) = meshes.first().map(Vec::len) else { return Vec::new() };
    let centred: Vec<Vec<[f64; 2]>> = meshes.iter().map(|m| centre(m)).collect();
    let mut shape: Vec<[f64; 3]> = (0..points)
        .map(|i| {
            let n = centred.len() as f64;
            let [x, y] = [0, 1].map(|c| centred.iter().map(|m| m[i][c]).sum::<f64>() / n);
            [x, y, 0.0]
        })
        .collect();
    let widest = shape.iter().map(|p| p[0].abs().max(p[1].abs())).fold(1e-9, f64::max);
    shape
        .iter_mut()
        .for_each(|p| p[2] = 0.8 * widest * (1.0 - (p[0] / widest).powi(2) - 0.4 * (p[1] / widest).powi(2)));
    for _ in 0..rounds {
        shape = scaled(&shape);
        let (mut normal, mut right) = ([[0.0; 3]; 3], vec![[0.0; 3]; points]);
        let gram = gram(&shape);
        let Some(inverse) = inverse(&gram) else { return Vec::new() };
        for mesh in &centred {
            let Some(view) = view(mesh, &shape, &inverse) else { continue };
            // Every mesh counts alike, however large its face is.
            let size = view[0].iter().map(|v| v * v).sum::<f64>().max(1e-12);
            for (row, axis) in view.iter().zip(0..2) {
                for i in 0..3 {
                    (0..3).for_each(|j| normal[i][j] += row[i] * row[j] / size);
                }
                for (out, p) in right.iter_mut().zip(mesh) {
                    (0..3).for_each(|i| out[i] += row[i] * p[axis] / size);
                }
            }
        }
        let Some(inverse) = self::inverse(&normal) else { return Vec::new() };
        shape = right.iter().map(|r| std::array::from_fn(|i| (0..3).map(|j| inverse[i][j] * r[j]).sum())).collect();
    }
    scaled(&shape).iter().map(|p| p.map(|v| v as f32)).collect()
}

fn centre(mesh: &[[f32; 2]]) -> Vec<[f64; 2]> {
    let n = mesh.len().max(1) as f64;
    let mean = [0, 1].map(|c| mesh.iter().map(|p| f64::from(p[c])).sum::<f64>() / n);
    mesh.iter().map(|p| [f64::from(p[0]) - mean[0], f64::from(p[1]) - mean[1]]).collect()
}

fn scaled(shape: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let n = shape.len().max(1) as f64;
    let mean: [f64; 3] = std::array::from_fn(|i| shape.iter().map(|p| p[i]).sum::<f64>() / n);
    let centred: Vec<[f64; 3]> = shape.iter().map(|p| std::array::from_fn(|i| p[i] - mean[i])).collect();
    let radius = (centred.iter().flatten().map(|v| v * v).sum::<f64>() / n).sqrt().max(1e-12);
    centred.iter().map(|p| p.map(|v| v / radius)).collect()
}

fn gram(shape: &[[f64; 3]]) -> [[f64; 3]; 3] {
    std::array::from_fn(|i| std::array::from_fn(|j| shape.iter().map(|p| p[i] * p[j]).sum()))
}

/// The scaled rotation's first two rows that lead from the shape to the mesh: least squares, then
/// the nearest pair of orthogonal rows of one length (polar decomposition of the 2x3 matrix).
fn view(mesh: &[[f64; 2]], shape: &[[f64; 3]], inverse: &[[f64; 3]; 3]) -> Option<[[f64; 3]; 2]> {
    let cross: [[f64; 3]; 2] =
        std::array::from_fn(|a| std::array::from_fn(|i| mesh.iter().zip(shape).map(|(m, s)| m[a] * s[i]).sum()));
    let m: [[f64; 3]; 2] =
        std::array::from_fn(|a| std::array::from_fn(|i| (0..3).map(|j| cross[a][j] * inverse[j][i]).sum()));
    let dot = |a: usize, b: usize| (0..3).map(|i| m[a][i] * m[b][i]).sum::<f64>();
    let (p, q, r) = (dot(0, 0), dot(0, 1), dot(1, 1));
    // Inverse square root of the symmetric [[p, q], [q, r]].
    let root = (p * r - q * q).max(0.0).sqrt();
    let trace = (p + r + 2.0 * root).sqrt();
    if root < 1e-12 || trace < 1e-12 {
        return None;
    }
    let (a, b, d) = ((r + root) / (root * trace), -q / (root * trace), (p + root) / (root * trace));
    let scale = (p.sqrt() + r.sqrt()) / 2.0;
    Some([
        std::array::from_fn(|i| scale * (a * m[0][i] + b * m[1][i])),
        std::array::from_fn(|i| scale * (b * m[0][i] + d * m[1][i])),
    ])
}

fn inverse(m: &[[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    let minor = |i: usize, j: usize| {
        let (a, b, c, d) = ((i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3);
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let determinant: f64 = (0..3).map(|j| m[0][j] * minor(0, j)).sum();
    (determinant.abs() > 1e-12).then(|| std::array::from_fn(|i| std::array::from_fn(|j| minor(j, i) / determinant)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_material::rng::Rng;

    #[test]
    fn a_made_head_is_found_again_from_its_projections() {
        let mut rng = Rng::new(11);
        let truth: Vec<[f64; 3]> = (0..60)
            .map(|_| {
                let (x, y) = (rng.range(-0.8, 0.8), rng.range(-1.0, 1.0));
                [x, y, 0.9 - 0.7 * x * x - 0.3 * y * y + 0.2 * (3.0 * y).sin()]
            })
            .collect();
        let truth = scaled(&truth);
        let meshes: Vec<Vec<[f32; 2]>> = (0..400)
            .map(|_| {
                let (yaw, pitch, size) = (rng.normal() * 0.4, rng.normal() * 0.2, rng.range(20.0, 200.0));
                truth
                    .iter()
                    .map(|[x, y, z]| {
                        let (sideways, depth) = (x * yaw.cos() + z * yaw.sin(), z * yaw.cos() - x * yaw.sin());
                        let upward = y * pitch.cos() - depth * pitch.sin();
                        [sideways, upward].map(|v| (size * (v + rng.normal() * 0.01)) as f32)
                    })
                    .collect()
            })
            .collect();
        let found = mean_shape(&meshes, 60);
        // The mean view is found only up to a small common turn; distances between points do not
        // know it.
        let distance = |p: [f64; 3], q: [f64; 3]| (0..3).map(|i| (p[i] - q[i]).powi(2)).sum::<f64>().sqrt();
        let mut worst = 0.0f64;
        for i in 0..60 {
            for j in 0..i {
                let got = distance(found[i].map(f64::from), found[j].map(f64::from));
                worst = worst.max((got - distance(truth[i], truth[j])).abs());
            }
        }
        assert!(worst < 0.08, "{worst}");
        let depth: f64 = found.iter().zip(&truth).map(|(f, t)| f64::from(f[2]) * t[2]).sum();
        assert!(depth > 0.0);
    }
}
