//! Crops in host memory with what is true of them, and the losses of what networks say of them.
//!
//! The decision that shapes it: every network of these recipes has strides of 8 where it says
//! where, so maps are means over cells of 8x8 pixels whatever the crop's side.
use assay_models::face_forgery::{self, CELL, CHANNELS, FaceForgery, LAYERS};
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

use super::masks::Mask;
use assay_material::rng::Rng;

/// A batch.
#[derive(Default)]
pub struct Batch {
    /// What the network sees, crop after crop.
    pub(super) planes: Vec<f32>,
    /// 1 for a forged face.
    pub(super) labels: Vec<f32>,
    maps: Vec<f32>,
    /// 1 where the map is known.
    known: Vec<f32>,
}

impl Batch {
    /// A batch of noise as of crops of `side` pixels for the forgery network, to time steps with.
    pub fn drawn(pictures: usize, side: usize, rng: &mut Rng) -> Self {
        let mut values = |count: usize| (0..count).map(|_| rng.range(-1.0, 1.0) as f32).collect::<Vec<_>>();
        let planes = values(pictures * CHANNELS * side * side / 4);
        let maps = values(pictures * LAYERS * (side / CELL).pow(2)).iter().map(|v| v.abs()).collect();
        let labels = (0..pictures).map(|i| (i % 2) as f32).collect();
        Self { planes, labels, maps, known: vec![1.0; pictures] }
    }

    /// Notes what is true of the crop whose planes were appended. A real face's map is known: it is
    /// empty.
    pub(super) fn note(&mut self, label: f32, mask: Option<&Mask>, map: impl Fn(Option<&Mask>) -> Vec<f32>) {
        self.labels.push(label);
        self.maps.extend(map(mask));
        self.known.push(f32::from(label < 0.5 || mask.is_some()));
    }

    /// Crops in the batch.
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// The labels as `[n, 1]`.
    pub(super) fn truth(&mut self, device: &Device) -> Tensor<2> {
        let labels = std::mem::take(&mut self.labels);
        let count = labels.len();
        Tensor::from_data(TensorData::new(labels, [count, 1]), device)
    }

    /// The maps as `[n, layers, places, places]` and, to multiply with, 1 where they are known.
    pub(super) fn maps(&mut self, layers: usize, device: &Device) -> (Tensor<4>, Tensor<4>) {
        let (maps, known) = (std::mem::take(&mut self.maps), std::mem::take(&mut self.known));
        let count = known.len();
        let places = (maps.len() / (count.max(1) * layers)).isqrt();
        (
            Tensor::from_data(TensorData::new(maps, [count, layers, places, places]), device),
            Tensor::from_data(TensorData::new(known, [count, 1, 1, 1]), device),
        )
    }
}

/// Means over square cells of `cell` pixels of a square of `side` pixels.
pub(super) fn cells(values: impl Iterator<Item = f32>, side: usize, cell: usize) -> Vec<f32> {
    let columns = side / cell;
    let mut out = vec![0.0; columns * columns];
    for (at, v) in values.enumerate() {
        out[at / side / cell * columns + at % side / cell] += v / (cell * cell) as f32;
    }
    out
}

/// The forgery network's maps: the share of each cell that was laid over, and how near that is to
/// half (the seam, `4 m (1 - m)`: Li et al., "Face X-ray", CVPR 2020).
pub(super) fn layers(mask: Option<&Mask>, side: usize) -> Vec<f32> {
    let Some(mask) = mask else { return vec![0.0; LAYERS * (side / CELL).pow(2)] };
    let largest = mask.iter().copied().fold(1e-6, f32::max);
    let shares = || mask.iter().map(|v| v / largest);
    let mut out = cells(shares(), side, CELL);
    out.extend(cells(shares().map(|share| 4.0 * share * (1.0 - share)), side, CELL));
    out
}

/// Cross entropy of logits against shares.
pub(super) fn cross_entropy<const D: usize>(logits: Tensor<D>, truth: Tensor<D>) -> Tensor<D> {
    let miss = log_sigmoid(-logits.clone()) * (-truth.clone() + 1.0);
    -(log_sigmoid(logits) * truth + miss)
}

/// The forgery network's loss: of its logit, and where they are taught, of its maps.
pub(super) fn loss(net: &FaceForgery, mut batch: Batch, teaches_maps: bool, device: &Device) -> Tensor<1> {
    let planes = std::mem::take(&mut batch.planes);
    let (logit, map) = net.forward(face_forgery::tensor(planes, batch.len(), device));
    let loss = cross_entropy(logit, batch.truth(device)).mean();
    if !teaches_maps {
        return loss;
    }
    let (maps, known) = batch.maps(LAYERS, device);
    loss + (cross_entropy(map, maps) * known).mean()
}

#[cfg(test)]
mod tests {
    use assay_models::face_forgery::SIDE;

    use super::*;

    #[test]
    fn maps_are_shares_of_cells_and_seams_lie_between() {
        let mut mask = vec![0.0; SIDE * SIDE];
        mask.iter_mut().take(SIDE * 4).for_each(|v| *v = 0.5);
        mask[SIDE * SIDE - 1] = 0.25;
        let found = layers(Some(&mask), SIDE);
        let cells = (SIDE / CELL).pow(2);
        assert!((found[0] - 0.5).abs() < 1e-6, "half of the cell, at its largest");
        assert!(found[cells] < 1e-6, "no seam where all is whole or nothing");
        let last = found[2 * cells - 1];
        assert!((last - 1.0 / 64.0).abs() < 1e-6, "{last}");
        assert!(layers(None, SIDE).iter().all(|v| *v == 0.0));
    }
}
