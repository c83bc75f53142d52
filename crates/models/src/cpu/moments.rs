//! Soft-max over a map and means under it, for key points.
//!
//! The decision that shapes it: a key point moves every pixel of the result, and thousands of
//! single-precision terms would cost it a digit, so the sums are in double precision. They are
//! small.
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::Planes;

/// The mean place under the soft-max of each map, and the mean of each of the matrices' maps under
/// it.
///
/// # Shapes
/// - `points`: `[n, k, h, w]`; `maps`: `[n, 4 k, h, w]`, or `[n, 4, h, w]` for all
/// - output: `[n, k, 2]`, (x, y) in [-1, 1] from the first to the last pixel's centre; `[n, k, 4]`
pub(crate) fn soft_moments(
    points: Tensor<4>,
    maps: Option<Tensor<4>>,
    temperature: f64,
) -> (Tensor<3>, Option<Tensor<3>>) {
    let points = Planes::from_tensor(points);
    let maps = maps.map(Planes::from_tensor);
    let [n, k, h, w] = points.dims;
    let place = |i: usize, n: usize| if n > 1 { 2.0 * (i as f64 / (n - 1) as f64) - 1.0 } else { -1.0 };
    let one = |(i, map): (usize, &[f32])| {
        let most = map.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        let heat: Vec<f64> = map.iter().map(|v| ((f64::from(*v) - f64::from(most)) / temperature).exp()).collect();
        let total: f64 = heat.iter().sum();
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            (heat.iter().zip(values).map(|(p, v)| p * v).sum::<f64>() / total) as f32
        };
        let x = mean(&mut (0..h * w).map(|j| place(j % w, w)));
        let y = mean(&mut (0..h * w).map(|j| place(j / w, h)));
        let matrix: Vec<f32> = maps
            .iter()
            .flat_map(|maps| {
                let shared = maps.dims[1] / 4;
                let first = (i / k * maps.dims[1]) + 4 * (i % k).min(shared.saturating_sub(1));
                let planes = maps.values.chunks_exact(h * w).skip(first).take(4);
                planes.map(|plane| mean(&mut plane.iter().map(|v| f64::from(*v)))).collect::<Vec<_>>()
            })
            .collect();
        ([x, y], matrix)
    };
    let found: Vec<([f32; 2], Vec<f32>)> =
        points.values.par_chunks_exact((h * w).max(1)).enumerate().map(one).collect();
    let device = Device::flex();
    let places: Vec<f32> = found.iter().flat_map(|(place, _)| *place).collect();
    let matrices: Vec<f32> = found.into_iter().flat_map(|(_, matrix)| matrix).collect();
    let value = Tensor::from_data(TensorData::new(places, [n, k, 2]), &device);
    let jacobian = maps.is_some().then(|| Tensor::from_data(TensorData::new(matrices, [n, k, 4]), &device));
    (value, jacobian)
}
