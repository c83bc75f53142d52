//! The detectors that are tuned on the shared base (`assay_models::clip`), on any recipe's draws.
//!
//! The decision that shapes it: what a recipe draws stays what it is; only the crop and what sees
//! it change. The base never trains, so a checkpoint is 200 kB. Step, rate and average are those
//! that Yermakov et al. ("Deepfake detection that generalizes across benchmarks", 2025) tune layer
//! normalisations with.
use std::sync::Arc;

use assay_models::clip::{Base, GRID, SIDE, Tuned, append};
use burn::tensor::{Device, Tensor};

use super::batch::{Batch, cells, cross_entropy};
use super::examples::Example;
use super::faces::{Around, Cut};
use super::masks::Mask;
use super::task::{Forgery, middle};
use super::validation::{self, Said};
use crate::Task;
use assay_material::rng::Rng;

/// Faces in a batch, each twice.
const FACES: usize = 8;
/// Side of the map that is taught: two patches a place.
const PLACES: usize = GRID / 2;
/// Weight of the map's loss.
const MAP_SHARE: f32 = 0.5;
/// Pairs that a run is followed by.
const VALIDATED: usize = 64;

/// How its crops are cut.
pub(super) const CUT: Cut = Cut {
    side: SIDE,
    plain: Around { margin: 1.35, scales: 0.0, shifts: 0.0 },
    varied: Around { margin: 1.35, scales: 0.14, shifts: 0.06 },
    is_native: false,
};

/// The task; crops come from another recipe's draws.
pub(super) struct OnBase<'a> {
    /// Where crops come from.
    pub crops: &'a Forgery<'a>,
    /// What sees them.
    pub base: Arc<Base>,
}

impl Task for OnBase<'_> {
    type Net = Tuned;
    type Batch = Batch;

    fn init(&self, device: &Device) -> Tuned {
        Tuned::init(&self.base, device)
    }

    fn pictures(&self) -> usize {
        2 * FACES
    }

    fn batch(&self, rng: &mut Rng, share: f64) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..FACES {
            for example in self.crops.draw(rng, share) {
                append(&mut batch.planes, &example.crop);
                batch.note(example.label, example.mask.as_ref(), |mask| match mask {
                    Some(mask) => cells(mask.iter().copied(), SIDE, SIDE / PLACES),
                    None => vec![0.0; PLACES * PLACES],
                });
            }
        }
        batch
    }

    fn loss(&self, net: &Tuned, mut batch: Batch, device: &Device) -> Tensor<1> {
        let planes = std::mem::take(&mut batch.planes);
        let (logits, maps) = net.forward(&self.base, &planes);
        let n = logits.dims()[0];
        let loss = cross_entropy(logits, batch.truth(device)).mean();
        let choice = self.crops.choice();
        if !(choice.has_mask_head && choice.recipe.about().teaches_map) {
            return loss;
        }
        let maps: Tensor<6> = maps.reshape([n, 1, PLACES, 2, PLACES, 2]);
        let maps: Tensor<4> = maps.mean_dim(3).mean_dim(5).reshape([n, 1, PLACES, PLACES]);
        let (truth, known) = batch.maps(1, device);
        loss + (cross_entropy(maps, truth) * known).mean() * MAP_SHARE
    }

    fn weight_decay(&self) -> f32 {
        0.0
    }

    fn validate(&self, net: &Tuned) -> Vec<(&'static str, f64)> {
        let opened = net.opened(self.base.clone());
        // Asking takes a third of what a step takes, so only some of the pairs are looked at.
        let pairs = self.crops.validation.chunks(2);
        let every = pairs.len().div_ceil(VALIDATED).max(1);
        let looked_at: Vec<&Example> = pairs.step_by(every).flatten().collect();
        let crops: Vec<&[[f32; 3]]> = looked_at.iter().map(|e| e.crop.as_slice()).collect();
        let said = opened.judge(&crops).into_iter();
        let said: Vec<Said> = said.map(|a| Said { logit: a.logit, middle: middle(&a.map), map: a.map }).collect();
        let truth = |_: &Example, mask: &Mask| cells(mask.iter().copied(), SIDE, SIDE / GRID);
        validation::figures(&looked_at, &said, truth)
    }
}
