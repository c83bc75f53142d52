//! The tower as one node of burn's graph.
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients as Grads;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::tower::Kept;
use super::{Base, NORMS, SIDE, TOKENS, WIDTH};

type Trained = Autodiff<Flex>;

/// The tokens of pictures behind the last block.
///
/// # Shapes
/// - `pixels`: `[n, 3, SIDE, SIDE]`, normalised; `norms`: `[NORMS, WIDTH]`
/// - output: `[n, TOKENS, WIDTH]`
pub(super) fn tokens(base: &Arc<Base>, norms: Tensor<2>, pixels: &[f32]) -> Tensor<3> {
    let device = norms.device();
    let pictures = pixels.par_chunks_exact(3 * SIDE * SIDE);
    let shape = [pictures.len(), TOKENS, WIDTH];
    if device != Device::flex().autodiff() || !device.is_autodiff() {
        let given = crate::state::floats(norms);
        let all: Vec<f32> = pictures.flat_map_iter(|p| base.tokens(&given, p)).collect();
        return Tensor::from_data(TensorData::new(all, shape), &device);
    }
    let Ok(norms) = norms.try_into_primitive::<Trained>() else { unreachable!("the device was checked") };
    let (norms, node) = norms.into_parts();
    let norms = norms.to_contiguous().as_slice::<f32>().map(<[f32]>::to_vec).unwrap_or_default();
    let (all, kept): (Vec<Vec<f32>>, Vec<Kept>) = pictures.map(|p| base.kept(&norms, p)).unzip();
    let out = FlexTensor::from_data(TensorData::new(all.concat(), shape));
    let state = State { base: base.clone(), norms, kept: Arc::new(kept) };
    let out = match TowerBackward.prepare::<NoCheckpointing>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(state, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    };
    Tensor::from_primitive::<Trained>(out)
}

#[derive(Clone)]
struct State {
    base: Arc<Base>,
    norms: Vec<f32>,
    kept: Arc<Vec<Kept>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tokens of {} pictures", self.kept.len())
    }
}

#[derive(Debug)]
struct TowerBackward;

impl Backward<Flex, 1> for TowerBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 1>, grads: &mut Grads, _: &mut Checkpointer) {
        let [norms] = ops.parents;
        let State { base, norms: values, kept } = ops.state;
        let at = grads.consume::<Flex>(&ops.node).to_contiguous();
        let at = at.as_slice::<f32>().unwrap_or(&[]);
        let Some(node) = norms else { return };
        let one = |(at, kept): (&[f32], &Kept)| base.back(&values, kept, at.to_vec());
        let each = at.par_chunks_exact(TOKENS * WIDTH).zip(kept.par_iter()).map(one);
        // Summed in order, so that a run can be repeated to the last bit.
        let mut sum = vec![0.0; NORMS * WIDTH];
        each.collect::<Vec<_>>().iter().for_each(|gradient| super::rows::add(&mut sum, gradient));
        grads.register::<Flex>(node.id, FlexTensor::from_data(TensorData::new(sum, [NORMS, WIDTH])));
    }
}
