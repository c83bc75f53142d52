//! The three operations as nodes of burn's graph.
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients as Grads;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata as _};
use burn::nn::BatchNorm;
use burn::tensor::activation::{leaky_relu, relu};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};

use super::convolution::Prepared;
use super::normalisation::{self, Statistics};
use super::{Extent, Rounding, Shape, doubling, rectifier};

type Trained = Autodiff<Flex>;

/// Whether a tensor lies in this process's memory and records gradients.
fn is_ours(x: &Tensor<4>) -> bool {
    let device = x.device();
    device.is_autodiff() && device == burn::tensor::Device::flex().autodiff()
}

/// Convolution without bias by a square kernel, with the same zeros on all four sides.
///
/// # Shapes
/// - `x`: `[n, ins, h, w]`; `weight`: `[outs, ins, k, k]`
/// - output: `[n, outs, (h + 2 padding - k) / stride + 1, ...]`
pub fn conv(x: Tensor<4>, weight: Tensor<4>, stride: usize, padding: usize, rounding: Rounding) -> Tensor<4> {
    if !is_ours(&x) {
        let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
        return conv2d(x, weight, None, options);
    }
    let [outs, ins, side, _] = weight.dims();
    let shape = Shape { outs, ins, side, stride, padding, rounding };
    let (Ok(x), Ok(weight)) = (x.try_into_primitive::<Trained>(), weight.try_into_primitive::<Trained>()) else {
        unreachable!("the device was checked")
    };
    let (x, x_node) = x.into_parts();
    let (weight, weight_node) = weight.into_parts();
    let x = Maps::of(&x);
    let prepared = Arc::new(Prepared::new(shape, x.extent, &values(&weight)));
    let out = prepared.forward(shape, x.values(), x.extent);
    let out = tensor(out, shape.output(x.extent));
    let out = match ConvBackward.prepare::<NoCheckpointing>([x_node, weight_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((shape, x, prepared), out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    };
    Tensor::from_primitive::<Trained>(out)
}

/// Batch normalisation with the statistics of the batch, then `skip` added, then the rectifier
/// where `rectifies`. The layer's running statistics follow. Where nothing is trained, the running
/// statistics are used.
///
/// # Shapes
/// - `z`, `skip` and output: `[n, channels, h, w]`
pub fn norm(norm: &BatchNorm, z: Tensor<4>, skip: Option<Tensor<4>>, rectifies: bool) -> Tensor<4> {
    if !is_ours(&z) || !norm.training.is_enabled() {
        let out = norm.forward(z);
        let out = match skip {
            Some(skip) => out + skip,
            None => out,
        };
        return if rectifies { relu(out) } else { out };
    }
    let device = z.device();
    let epsilon = norm.epsilon as f32;
    let of = |t: Tensor<1>| t.try_into_primitive::<Trained>().ok();
    let (Ok(z), Some(gamma), Some(beta)) =
        (z.try_into_primitive::<Trained>(), of(norm.gamma.val()), of(norm.beta.val()))
    else {
        unreachable!("the device was checked")
    };
    let (z, z_node) = z.into_parts();
    let (gamma, gamma_node) = gamma.into_parts();
    let (beta, beta_node) = beta.into_parts();
    let z = Maps::of(&z);
    let (gamma, beta) = (values(&gamma), values(&beta));
    let statistics = normalisation::statistics(z.values(), z.extent.c);
    follow(norm, &statistics, &device);
    let skip = skip.and_then(|s| s.try_into_primitive::<Trained>().ok()).map(|s| {
        let (s, node) = s.into_parts();
        (Maps::of(&s), node)
    });
    let out = normalisation::forward(
        z.values(),
        skip.as_ref().map(|s| s.0.values()),
        [&gamma, &beta],
        &statistics,
        epsilon,
        rectifies,
    );
    let extent = z.extent;
    let out = tensor(out, extent);
    let open = rectifies.then(|| Maps { data: out.clone().permute(&[0, 2, 3, 1]), extent });
    let state = NormState { z, open, gamma, statistics, epsilon };
    let out = match skip {
        Some((_, skip_node)) => {
            match SkipNormBackward
                .prepare::<NoCheckpointing>([z_node, gamma_node, beta_node, skip_node])
                .compute_bound()
                .stateful()
            {
                OpsKind::Tracked(prep) => prep.finish(state, out),
                OpsKind::UnTracked(prep) => prep.finish(out),
            }
        }
        None => {
            match NormBackward.prepare::<NoCheckpointing>([z_node, gamma_node, beta_node]).compute_bound().stateful() {
                OpsKind::Tracked(prep) => prep.finish(state, out),
                OpsKind::UnTracked(prep) => prep.finish(out),
            }
        }
    };
    Tensor::from_primitive::<Trained>(out)
}

/// `bias` and `skip` added, then what is negative multiplied by `slope` (0 to 1; with 1 nothing is
/// rectified).
///
/// # Shapes
/// - `z`, `skip` and output: `[n, channels, h, w]`; `bias`: `[channels]`
pub fn rectified(z: Tensor<4>, bias: Tensor<1>, skip: Option<Tensor<4>>, slope: f32) -> Tensor<4> {
    let channels = bias.dims()[0];
    if !is_ours(&z) {
        let out = z + bias.reshape([1, channels, 1, 1]);
        let out = match skip {
            Some(skip) => out + skip,
            None => out,
        };
        return match slope {
            0.0 => relu(out),
            1.0 => out,
            slope => leaky_relu(out, f64::from(slope)),
        };
    }
    let (Ok(z), Ok(bias)) = (z.try_into_primitive::<Trained>(), bias.try_into_primitive::<Trained>()) else {
        unreachable!("the device was checked")
    };
    let (z, z_node) = z.into_parts();
    let (bias, bias_node) = bias.into_parts();
    let z = Maps::of(&z);
    let skip = skip.and_then(|s| s.try_into_primitive::<Trained>().ok()).map(|s| {
        let (s, node) = s.into_parts();
        (Maps::of(&s), node)
    });
    let out = rectifier::forward(z.values(), &values(&bias), skip.as_ref().map(|s| s.0.values()), slope);
    let extent = z.extent;
    let out = tensor(out, extent);
    let state = RectifierState { out: Maps { data: out.clone().permute(&[0, 2, 3, 1]), extent }, slope };
    let out = match skip {
        Some((_, skip_node)) => {
            let nodes = [z_node, bias_node, skip_node];
            match SkipRectifierBackward.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
                OpsKind::Tracked(prep) => prep.finish(state, out),
                OpsKind::UnTracked(prep) => prep.finish(out),
            }
        }
        None => match RectifierBackward.prepare::<NoCheckpointing>([z_node, bias_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(state, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        },
    };
    Tensor::from_primitive::<Trained>(out)
}

/// Every pixel four times.
///
/// # Shapes
/// - `x`: `[n, c, h, w]`; output: `[n, c, 2 h, 2 w]`
pub fn doubled(x: Tensor<4>) -> Tensor<4> {
    if !is_ours(&x) {
        let [n, c, h, w] = x.dims();
        let wide: Tensor<6> = x.reshape([n, c, h, 1, w, 1]);
        return wide.expand([n, c, h, 2, w, 2]).reshape([n, c, 2 * h, 2 * w]);
    }
    let Ok(x) = x.try_into_primitive::<Trained>() else { unreachable!("the device was checked") };
    let (x, x_node) = x.into_parts();
    let x = Maps::of(&x);
    let large = Extent { h: 2 * x.extent.h, w: 2 * x.extent.w, ..x.extent };
    let out = tensor(doubling::forward(x.values(), x.extent), large);
    let out = match DoublingBackward.prepare::<NoCheckpointing>([x_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(x.extent, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    };
    Tensor::from_primitive::<Trained>(out)
}

/// Moves the running statistics as burn's own layer does.
fn follow(norm: &BatchNorm, statistics: &Statistics, device: &burn::tensor::Device) {
    let new = |v: &Vec<f32>| {
        let extent = [v.len()];
        Tensor::<1>::from_data(TensorData::new(v.clone(), extent), device).mul_scalar(norm.momentum)
    };
    for (running, batch) in [(&norm.running_mean, &statistics.mean), (&norm.running_var, &statistics.variance)] {
        let old = running.value_sync().to_device(device).mul_scalar(1.0 - norm.momentum);
        running.update((old + new(batch)).detach());
    }
}

/// Maps with channels last, contiguous.
#[derive(Debug, Clone)]
struct Maps {
    data: FlexTensor,
    extent: Extent,
}

impl Maps {
    /// Copies only where the maps do not lie so already.
    fn of(x: &FlexTensor) -> Self {
        let shape = x.shape();
        let extent = Extent { n: shape[0], c: shape[1], h: shape[2], w: shape[3] };
        Self { data: x.permute(&[0, 2, 3, 1]).to_contiguous(), extent }
    }

    fn values(&self) -> &[f32] {
        self.data.as_slice::<f32>().unwrap_or(&[])
    }
}

fn values(x: &FlexTensor) -> Vec<f32> {
    x.to_contiguous().as_slice::<f32>().map(<[f32]>::to_vec).unwrap_or_default()
}

/// Channels last in memory, `[n, c, h, w]` to everybody else.
fn tensor(values: Vec<f32>, extent: Extent) -> FlexTensor {
    let Extent { n, h, w, c } = extent;
    FlexTensor::from_data(TensorData::new(values, [n, h, w, c])).permute(&[0, 3, 1, 2])
}

fn vector(values: Vec<f32>) -> FlexTensor {
    let extent = [values.len()];
    FlexTensor::from_data(TensorData::new(values, extent))
}

#[derive(Debug)]
struct ConvBackward;

impl Backward<Flex, 2> for ConvBackward {
    type State = (Shape, Maps, Arc<Prepared>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Grads, _: &mut Checkpointer) {
        let [by_x, by_weights] = ops.parents;
        let (shape, x, prepared) = ops.state;
        let by_out = Maps::of(&grads.consume::<Flex>(&ops.node));
        let wants = [by_x.is_some(), by_weights.is_some()];
        let [x_gradient, weights_gradient] = prepared.backward(shape, x.values(), x.extent, by_out.values(), wants);
        if let (Some(node), Some(gradient)) = (by_x, x_gradient) {
            grads.register::<Flex>(node.id, tensor(gradient, x.extent));
        }
        if let (Some(node), Some(gradient)) = (by_weights, weights_gradient) {
            let Shape { outs, ins, side, .. } = shape;
            let data = TensorData::new(gradient, [outs, ins, side, side]);
            grads.register::<Flex>(node.id, FlexTensor::from_data(data));
        }
    }
}

#[derive(Debug)]
struct DoublingBackward;

impl Backward<Flex, 1> for DoublingBackward {
    type State = Extent;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Grads, _: &mut Checkpointer) {
        let [x] = ops.parents;
        let by_out = Maps::of(&grads.consume::<Flex>(&ops.node));
        if let Some(node) = x {
            let gradient = doubling::backward(by_out.values(), ops.state);
            grads.register::<Flex>(node.id, tensor(gradient, ops.state));
        }
    }
}

#[derive(Debug, Clone)]
struct NormState {
    z: Maps,
    open: Option<Maps>,
    gamma: Vec<f32>,
    statistics: Statistics,
    epsilon: f32,
}

impl NormState {
    fn backward(&self, by_out: &FlexTensor, wants_skip: bool) -> normalisation::Gradients {
        normalisation::backward(
            self.z.values(),
            self.open.as_ref().map(Maps::values),
            &self.gamma,
            &self.statistics,
            self.epsilon,
            Maps::of(by_out).values(),
            wants_skip,
        )
    }
}

#[derive(Debug)]
struct NormBackward;

impl Backward<Flex, 3> for NormBackward {
    type State = NormState;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Grads, _: &mut Checkpointer) {
        let [z, gamma, beta] = ops.parents;
        let by_out = grads.consume::<Flex>(&ops.node);
        let found = ops.state.backward(&by_out, false);
        let answers =
            [(z, tensor(found.z, ops.state.z.extent)), (gamma, vector(found.gamma)), (beta, vector(found.beta))];
        for (node, gradient) in answers {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct SkipNormBackward;

impl Backward<Flex, 4> for SkipNormBackward {
    type State = NormState;

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Grads, _: &mut Checkpointer) {
        let [z, gamma, beta, skip] = ops.parents;
        let by_out = grads.consume::<Flex>(&ops.node);
        let extent = ops.state.z.extent;
        let found = ops.state.backward(&by_out, skip.is_some());
        let answers = [(z, tensor(found.z, extent)), (gamma, vector(found.gamma)), (beta, vector(found.beta))];
        for (node, gradient) in answers {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
        if let (Some(node), Some(gradient)) = (skip, found.skip) {
            grads.register::<Flex>(node.id, tensor(gradient, extent));
        }
    }
}

#[derive(Debug, Clone)]
struct RectifierState {
    out: Maps,
    slope: f32,
}

impl RectifierState {
    /// By the input, and by the bias.
    fn backward(&self, by_out: &FlexTensor) -> (FlexTensor, FlexTensor) {
        let by_out = Maps::of(by_out);
        let (by_z, by_bias) = rectifier::backward(self.out.values(), by_out.values(), self.out.extent.c, self.slope);
        (tensor(by_z, self.out.extent), vector(by_bias))
    }
}

#[derive(Debug)]
struct RectifierBackward;

impl Backward<Flex, 2> for RectifierBackward {
    type State = RectifierState;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Grads, _: &mut Checkpointer) {
        let [z, bias] = ops.parents;
        let (by_z, by_bias) = ops.state.backward(&grads.consume::<Flex>(&ops.node));
        for (node, gradient) in [(z, by_z), (bias, by_bias)] {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct SkipRectifierBackward;

impl Backward<Flex, 3> for SkipRectifierBackward {
    type State = RectifierState;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Grads, _: &mut Checkpointer) {
        let [z, bias, skip] = ops.parents;
        let (by_z, by_bias) = ops.state.backward(&grads.consume::<Flex>(&ops.node));
        for (node, gradient) in [(skip, by_z.clone()), (z, by_z), (bias, by_bias)] {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::BatchNormConfig;
    use burn::tensor::{Device, Distribution};

    use super::*;
    use crate::state::floats;

    fn far<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> f32 {
        let (a, b) = (floats(a), floats(b));
        let largest = b.iter().fold(1.0f32, |m, v| m.max(v.abs()));
        a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
    }

    /// Output and both gradients against burn's: name, ins, outs, kernel, stride, padding, height,
    /// width.
    #[test]
    fn convolution_and_its_gradients_agree_with_burn() {
        let device = Device::flex().autodiff();
        let cases = [
            ("winograd", 16, 32, 3, 1, 1, 16, 16),
            ("winograd, uneven", 32, 16, 3, 1, 1, 10, 7),
            ("winograd, many tiles", 16, 16, 3, 1, 1, 44, 38),
            ("winograd, one tile", 48, 48, 3, 1, 1, 4, 4),
            ("few channels", 5, 7, 3, 1, 1, 9, 11),
            ("small map", 16, 16, 3, 1, 1, 3, 3),
            ("stride 2", 16, 24, 3, 2, 1, 16, 14),
            ("stride 2, odd", 6, 8, 3, 2, 1, 9, 15),
            ("pointwise", 12, 20, 1, 1, 0, 6, 5),
            ("pointwise, stride 2", 12, 20, 1, 2, 0, 6, 5),
            ("7 x 7", 3, 8, 7, 2, 3, 20, 20),
        ];
        for (name, ins, outs, side, stride, padding, h, w) in cases {
            let random = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
            let x = random([5, ins, h, w]).require_grad();
            let weight = random([outs, ins, side, side]).require_grad();
            let ours = conv(x.clone(), weight.clone(), stride, padding, Rounding::Loose);
            let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
            let theirs = conv2d(x.clone(), weight.clone(), None, options);
            assert_eq!(ours.dims(), theirs.dims(), "{name}");
            let by_out = random(ours.dims());
            let ours_back = (ours.clone() * by_out.clone()).sum().backward();
            let theirs_back = (theirs.clone() * by_out).sum().backward();
            assert!(far(ours.inner(), theirs.inner()) < 1e-5, "{name}, forward");
            for (what, of) in [("x", &x), ("weights", &weight)] {
                let (Some(a), Some(b)) = (of.grad(&ours_back), of.grad(&theirs_back)) else { panic!("{name}") };
                let distance = far(a, b);
                assert!(distance < 2e-5, "{name}, by {what}: {distance}");
            }
        }
    }

    #[test]
    fn doubling_and_its_gradient_agree_with_burn() {
        let device = Device::flex().autodiff();
        let random = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
        let x = random([3, 5, 7, 4]).require_grad();
        let by_out = random([3, 5, 14, 8]);
        let wide: Tensor<6> = x.clone().reshape([3, 5, 7, 1, 4, 1]);
        let theirs = wide.expand([3, 5, 7, 2, 4, 2]).reshape([3, 5, 14, 8]);
        let ours = doubled(x.clone());
        let ours_back = (ours.clone() * by_out.clone()).sum().backward();
        let theirs_back = (theirs.clone() * by_out).sum().backward();
        assert!(far(ours.inner(), theirs.inner()) < 1e-7);
        let (Some(a), Some(b)) = (x.grad(&ours_back), x.grad(&theirs_back)) else { panic!("no gradient") };
        assert!(far(a, b) < 1e-6);
    }

    #[test]
    fn normalisation_and_its_gradients_agree_with_burn() {
        let device = Device::flex().autodiff();
        for (skips, rectifies) in [(false, false), (false, true), (true, true), (true, false)] {
            let random =
                |shape: [usize; 4], mean: f64| Tensor::<4>::random(shape, Distribution::Normal(mean, 2.0), &device);
            let shape = [6, 20, 11, 9];
            let layers: [BatchNorm; 2] = std::array::from_fn(|_| BatchNormConfig::new(20).init(&device));
            let z = random(shape, 30.0).require_grad();
            let skip = skips.then(|| random(shape, 0.0).require_grad());
            let ours = norm(&layers[0], z.clone(), skip.clone(), rectifies);
            let mut theirs = layers[1].forward(z.clone());
            if let Some(skip) = &skip {
                theirs = theirs + skip.clone();
            }
            if rectifies {
                theirs = relu(theirs);
            }
            let by_out = random(shape, 0.5);
            let ours_back = (ours.clone() * by_out.clone()).sum().backward();
            let theirs_back = (theirs.clone() * by_out).sum().backward();
            assert!(far(ours.inner(), theirs.inner()) < 1e-5, "forward");
            let inputs = [Some(&z), skip.as_ref()];
            for of in inputs.into_iter().flatten() {
                let (Some(a), Some(b)) = (of.grad(&ours_back), of.grad(&theirs_back)) else { panic!("no gradient") };
                assert!(far(a, b) < 2e-5, "skips {skips} rectifies {rectifies}");
            }
            let of = |layer: &BatchNorm, back| [layer.gamma.val().grad(back), layer.beta.val().grad(back)];
            for (a, b) in of(&layers[0], &ours_back).into_iter().zip(of(&layers[1], &theirs_back)) {
                let (Some(a), Some(b)) = (a, b) else { panic!("no gradient") };
                assert!(far(a, b) < 2e-5);
            }
            let running = |l: &BatchNorm| [l.running_mean.value_sync().inner(), l.running_var.value_sync().inner()];
            for (a, b) in running(&layers[0]).into_iter().zip(running(&layers[1])) {
                assert!(far(a, b) < 1e-5);
            }
        }
    }

    #[test]
    fn rectifiers_and_their_gradients_agree_with_burn() {
        let device = Device::flex().autodiff();
        for (skips, slope) in [(false, 0.0), (false, 0.1), (true, 0.2), (true, 1.0), (false, 1.0)] {
            let random = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
            let z = random([3, 20, 7, 9]).require_grad();
            let bias = Tensor::<1>::random([20], Distribution::Normal(0.0, 1.0), &device).require_grad();
            let skip = skips.then(|| random([3, 20, 7, 9]).require_grad());
            let ours = rectified(z.clone(), bias.clone(), skip.clone(), slope);
            let mut sum = z.clone() + bias.clone().reshape([1, 20, 1, 1]);
            if let Some(skip) = &skip {
                sum = sum + skip.clone();
            }
            let theirs = relu(sum.clone()) - relu(-sum) * slope;
            let by_out = random([3, 20, 7, 9]);
            let ours_back = (ours.clone() * by_out.clone()).sum().backward();
            let theirs_back = (theirs.clone() * by_out).sum().backward();
            assert!(far(ours.inner(), theirs.inner()) < 1e-6, "forward");
            for of in [Some(&z), skip.as_ref()].into_iter().flatten() {
                let (Some(a), Some(b)) = (of.grad(&ours_back), of.grad(&theirs_back)) else { panic!("no gradient") };
                assert!(far(a, b) < 1e-6, "slope {slope}");
            }
            let (Some(a), Some(b)) = (bias.grad(&ours_back), bias.grad(&theirs_back)) else { panic!("no gradient") };
            assert!(far(a, b) < 2e-5, "slope {slope}");
        }
    }
}
