//! What a made face is measured by while the autoencoder is trained. Each is unweighted; who trains
//! holds the weights.
//!
//! The decision that shapes it: structural similarity filters by two matrix products instead of a
//! convolution of one channel. The window of the published loss is a product of two, and products
//! are what a processor is fast at, both ways.
use burn::tensor::{Device, Tensor, TensorData};

/// Standard deviation of the window in pixels, at every size (DeepFaceLab, `dssim`).
const SIGMA: f32 = 1.5;

/// Side of the window that DeepFaceLab uses for faces of `side` pixels: `int(side / 11.6)`.
pub fn window(side: usize) -> usize {
    (side as f32 / 11.6) as usize
}

/// Structural dissimilarity `(1 - SSIM) / 2`, the mean over the places where the window fits:
/// Gaussian window of `window` pixels, which may be even, `k1` 0.01, `k2` 0.03, largest value 1
/// (DeepFaceLab, `core/leras/ops`, `dssim`; Wang et al. 2004).
///
/// # Shapes
/// - `a`, `b`: `[n, channels, h, w]` with values 0 to 1; output: `[n, channels]`
pub fn dssim(a: Tensor<4>, b: Tensor<4>, window: usize) -> Tensor<2> {
    let [n, channels, h, w] = a.dims();
    let device = a.device();
    let (down, across) = (filter(h, window, &device), filter(w, window, &device).swap_dims(0, 1));
    let reduced = |x: Tensor<4>| -> Tensor<3> {
        let planes: Tensor<3> = x.reshape([n * channels, h, w]);
        down.clone().unsqueeze::<3>().matmul(planes).matmul(across.clone().unsqueeze())
    };
    let (c1, c2) = (0.01f32 * 0.01, 0.03f32 * 0.03);
    let (mean_a, mean_b) = (reduced(a.clone()), reduced(b.clone()));
    let both = mean_a.clone() * mean_b.clone() * 2.0;
    let squares = mean_a.square() + mean_b.square();
    let luminance = (both.clone() + c1) / (squares.clone() + c1);
    let products = reduced(a.clone() * b.clone()) * 2.0;
    let energies = reduced(a.square() + b.square());
    let structure = (products - both + c2) / (energies - squares + c2);
    let ssim: Tensor<2> = (luminance * structure).mean_dims(&[1, 2]).reshape([n, channels]);
    (ssim * -1.0 + 1.0) / 2.0
}

/// The window along one axis as a matrix `[size - window + 1, size]`.
fn filter(size: usize, window: usize, device: &Device) -> Tensor<2> {
    let window = window.clamp(1, size);
    let middle = (window - 1) as f32 / 2.0;
    let weights: Vec<f32> = (0..window).map(|i| (-0.5 * ((i as f32 - middle) / SIGMA).powi(2)).exp()).collect();
    let total: f32 = weights.iter().sum();
    let places = size - window + 1;
    let mut rows = vec![0.0; places * size];
    for (place, row) in rows.chunks_exact_mut(size).enumerate() {
        row[place..place + window].iter_mut().zip(&weights).for_each(|(r, w)| *r = w / total);
    }
    // A constant of the loss.
    Tensor::from_data(TensorData::new(rows, [places, size]), device)
}

/// Mean absolute difference of the steps from pixel to pixel, across and down, where `weight` says
/// so (first-order edges of faceswap-GAN).
///
/// # Shapes
/// - `a`, `b`: `[n, channels, h, w]`; `weight`: `[n, 1, h, w]`; output: `[1]`
pub fn edges(a: &Tensor<4>, b: &Tensor<4>, weight: &Tensor<4>) -> Tensor<1> {
    let [_, _, h, w] = a.dims();
    let difference = a.clone() - b.clone();
    let across = difference.clone().narrow(3, 1, w - 1) - difference.clone().narrow(3, 0, w - 1);
    let down = difference.clone().narrow(2, 1, h - 1) - difference.narrow(2, 0, h - 1);
    let of = |steps: Tensor<4>, weight: Tensor<4>| (steps.abs() * weight).mean();
    of(across, weight.clone().narrow(3, 1, w - 1)) + of(down, weight.clone().narrow(2, 1, h - 1))
}
