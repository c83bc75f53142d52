//! The losses under which the three networks are trained (paper, section 3.4; code
//! `modules/model.py`), without the perceptual one.
//!
//! The decision that shapes it: each is a plain function of tensors and unweighted; who trains
//! holds the weights. The perceptual loss needs a network of its own and is not here.
use burn::tensor::Tensor;

use super::discriminator::Judgement;
use super::keypoints::KeyPoints;
use super::motion::inverse;
use super::transform::ThinPlate;

/// Least-squares adversarial loss of the generator, summed over scales: how far its pictures are
/// from being taken for real.
///
/// # Shapes
/// - output: `[1]`
pub fn adversarial(generated: &[Judgement]) -> Option<Tensor<1>> {
    generated.iter().map(|g| (g.prediction.clone() * -1.0 + 1.0).square().mean()).reduce(|a, b| a + b)
}

/// Mean absolute difference of the discriminator's features, with one weight a block, summed over
/// scales.
///
/// # Shapes
/// - output: `[1]`
pub fn feature_matching(real: &[Judgement], generated: &[Judgement], weights: &[f64]) -> Option<Tensor<1>> {
    let scales = real.iter().zip(generated);
    let blocks = scales.flat_map(|(r, g)| r.features.iter().zip(&g.features).zip(weights));
    blocks.map(|((r, g), weight)| (r.clone() - g.clone()).abs().mean() * *weight).reduce(|a, b| a + b)
}

/// Least-squares loss of the discriminator: real pictures to 1, generated ones to 0.
///
/// # Shapes
/// - output: `[1]`
pub fn discriminator_loss(real: &[Judgement], generated: &[Judgement]) -> Option<Tensor<1>> {
    let one = |(r, g): (&Judgement, &Judgement)| {
        ((r.prediction.clone() * -1.0 + 1.0).square() + g.prediction.clone().square()).mean()
    };
    real.iter().zip(generated).map(one).reduce(|a, b| a + b)
}

/// How far key points are from moving with the picture (paper, equations 9 to 11): of the places,
/// and of the matrices where there are. `transformed` are the key points of the picture under
/// `transform`.
///
/// # Shapes
/// - outputs: `[1]`
pub fn equivariance(
    points: &KeyPoints,
    transformed: &KeyPoints,
    transform: &ThinPlate,
) -> (Tensor<1>, Option<Tensor<1>>) {
    let value = (points.value.clone() - transform.warp(transformed.value.clone())).abs().mean();
    let matrices = points.jacobian.clone().zip(transformed.jacobian.clone());
    let jacobian = matrices.map(|(ours, theirs)| {
        let moved = transform.jacobian(transformed.value.clone()).matmul(theirs);
        let product = inverse(&ours).matmul(moved);
        let identity: Tensor<4> = Tensor::<2>::eye(2, &product.device()).reshape([1, 1, 2, 2]);
        (identity - product).abs().mean()
    });
    (value, jacobian)
}
