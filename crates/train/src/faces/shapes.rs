//! A linear model of shapes: the mean and the directions of largest spread (principal components),
//! by subspace iteration.

/// Mean and scaled directions of a set of vectors.
#[derive(Debug, Clone)]
pub struct Shapes {
    /// The mean vector.
    pub mean: Vec<f32>,
    /// Directions of unit length times the standard deviation along them, largest first.
    pub rows: Vec<Vec<f32>>,
}

impl Shapes {
    /// Learns `count` directions from vectors of one length.
    pub fn learn(vectors: &[Vec<f32>], count: usize) -> Self {
        let extent = vectors.first().map_or(0, Vec::len);
        let n = vectors.len().max(1) as f32;
        let mean: Vec<f32> = (0..extent).map(|i| vectors.iter().map(|v| v[i]).sum::<f32>() / n).collect();
        let centred: Vec<Vec<f32>> =
            vectors.iter().map(|v| v.iter().zip(&mean).map(|(a, b)| a - b).collect()).collect();
        let mut rng = assay_material::rng::Rng::new(1);
        let mut basis: Vec<Vec<f32>> =
            (0..count.min(extent)).map(|_| (0..extent).map(|_| rng.normal() as f32).collect()).collect();
        let mut spreads = vec![0.0; basis.len()];
        for _ in 0..8 {
            orthonormalise(&mut basis);
            let mut next = vec![vec![0.0f32; extent]; basis.len()];
            spreads = vec![0.0f32; basis.len()];
            for v in &centred {
                for ((b, out), spread) in basis.iter().zip(&mut next).zip(&mut spreads) {
                    let along = dot(b, v);
                    *spread += along * along / n;
                    out.iter_mut().zip(v).for_each(|(o, x)| *o += along * x / n);
                }
            }
            basis = next;
        }
        orthonormalise(&mut basis);
        let rows = basis.iter().zip(spreads).map(|(b, s)| b.iter().map(|v| v * s.sqrt()).collect()).collect();
        Self { mean, rows }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn orthonormalise(basis: &mut [Vec<f32>]) {
    for i in 0..basis.len() {
        let (done, rest) = basis.split_at_mut(i);
        let Some(v) = rest.first_mut() else { return };
        for d in done.iter() {
            let along = dot(d, v);
            v.iter_mut().zip(d).for_each(|(a, b)| *a -= along * b);
        }
        let length = dot(v, v).sqrt().max(1e-12);
        v.iter_mut().for_each(|a| *a /= length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directions_of_a_made_cloud_are_found() {
        let mut rng = assay_material::rng::Rng::new(3);
        let vectors: Vec<Vec<f32>> = (0..2000)
            .map(|_| {
                let (a, b) = (rng.normal() as f32 * 3.0, rng.normal() as f32);
                vec![1.0 + a, 2.0 + b, 3.0, a * 0.0]
            })
            .collect();
        let shapes = Shapes::learn(&vectors, 2);
        assert!((shapes.mean[1] - 2.0).abs() < 0.1);
        assert!((shapes.rows[0][0].abs() - 3.0).abs() < 0.2 && shapes.rows[0][1].abs() < 0.2, "{:?}", shapes.rows);
        assert!((shapes.rows[1][1].abs() - 1.0).abs() < 0.1);
    }
}
