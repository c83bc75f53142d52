//! The detectors of Bonettini et al., "Video Face Manipulation Detection Through Ensemble of CNNs",
//! ICPR 2020: EfficientNet-B4 with and without attention, trained end to end or by triplets with a
//! tuned head. The numbers are those of the paper's released scripts.
//!
//! The decision that shapes it: the networks are the published ones, so their weights go wherever
//! published weights go; only where the crops come from is this project's. Where masks are known
//! the attention may be taught to look at what was altered (Du et al., "Towards Generalizable
//! Deepfake Detection with Locality-aware AutoEncoder", CIKM 2020).
use std::path::PathBuf;

use assay_checkpoints::StateDict;
use assay_media::Progress;
use assay_models::face_forgery::CELL;
use assay_models::efficientnet::{EfficientNet, EfficientNetConfig, SiameseTuned};
use assay_models::state::{self, Mismatch, floats};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};

use super::batch::{Batch, cells, cross_entropy};
use super::examples::Example;
use super::recipe::{About, Chosen, Order, Recipe};
use super::task::{Choice, Forgery};
use super::{generic, pairs};
use crate::{Schedule, Task};
use assay_bench::metrics::auc;
use assay_material::rng::Rng;

/// The recipe.
pub struct The;

static ABOUT: About = About {
    is_published: true,
    ..About::new("bonettini", "EfficientNet-B4 as published (see --network), on a manifest's faces or on pairs")
};

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// The crops are another recipe's: those of a table, or else pairs.
    fn run(&self, order: &Order<'_>, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
        let recipe: &'static dyn Recipe = if order.data.is_file() { &generic::The } else { &pairs::The };
        let published = order.choice.published.or(Some(Published::default()));
        let choice = Choice { recipe: Chosen::new(recipe), published, ..order.choice };
        recipe.run(&Order { choice, ..*order }, progress)
    }
}

/// Side of the crop in pixels.
pub const SIDE: usize = 224;
/// Margin of the triplet loss (PyTorch's default).
const MARGIN: f32 = 1.0;
/// ImageNet's means and deviations.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Tuning {
    /// Everything, by cross entropy.
    EndToEnd,
    /// The backbone, by triplets of random faces.
    Triplets,
    /// A normalised linear head on a frozen backbone.
    Head,
}

/// A run's choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Published {
    /// With an attention map after block 9.
    pub attention: bool,
    /// What is trained.
    pub tuning: Tuning,
    /// Whether masks teach the attention.
    pub locality: bool,
    /// Crops, or triplets, in a batch.
    pub batch: usize,
}

impl Default for Published {
    fn default() -> Self {
        Self { attention: false, tuning: Tuning::EndToEnd, locality: false, batch: 32 }
    }
}

impl Published {
    fn network(self) -> EfficientNetConfig {
        EfficientNetConfig { attention: self.attention, ..EfficientNetConfig::default() }
    }
}

/// The task; crops come from another recipe's draws.
pub struct Bonettini<'a> {
    /// Where crops come from.
    pub crops: &'a Forgery<'a>,
    /// The choices.
    pub published: Published,
}

/// Appends a crop as the published networks see it.
fn push(batch: &mut Batch, example: &Example) {
    for c in 0..3 {
        batch.planes.extend(example.crop.iter().map(|p| (p[c] / 255.0 - MEAN[c]) / DEVIATION[c]));
    }
    batch.note(example.label, example.mask.as_ref(), |mask| cells(mask.into_iter().flatten().copied(), SIDE, CELL));
}

fn faces(batch: &mut Batch, device: &Device) -> Tensor<4> {
    let planes = std::mem::take(&mut batch.planes);
    Tensor::from_data(TensorData::new(planes, [batch.len(), 3, SIDE, SIDE]), device)
}

/// `max(0, |a - p| - |a - n| + 1)` over features, three rows a triplet.
fn triplets(features: &Tensor<2>) -> Tensor<1> {
    let [rows, width] = features.dims();
    let of =
        |place: usize| features.clone().reshape([rows / 3, 3, width]).narrow(1, place, 1).reshape([rows / 3, width]);
    let distance = |other: Tensor<2>| ((of(0) - other + 1e-6).powf_scalar(2.0).sum_dim(1)).sqrt();
    relu(distance(of(1)) - distance(of(2)) + MARGIN).mean()
}

impl Bonettini<'_> {
    fn drawn(&self, rng: &mut Rng, share: f64) -> Batch {
        let mut batch = Batch::default();
        if self.published.tuning == Tuning::Triplets {
            for at in 0..self.published.batch {
                // Two of one kind and one of the other, in turns.
                let alike = at % 2;
                let mut pick = |label: usize| self.crops.draw(rng, share).into_iter().nth(label);
                for example in [pick(alike), pick(alike), pick(1 - alike)].into_iter().flatten() {
                    push(&mut batch, &example);
                }
            }
            return batch;
        }
        for _ in 0..self.published.batch.div_ceil(2) {
            self.crops.draw(rng, share).iter().for_each(|example| push(&mut batch, example));
        }
        batch
    }

    /// Loss and AUC over the validation crops by their logits.
    fn figures(&self, logits: &dyn Fn(Tensor<4>) -> Tensor<2>) -> Vec<(&'static str, f64)> {
        let (mut fakes, mut reals, mut loss) = (Vec::new(), Vec::new(), 0.0);
        for example in &self.crops.validation {
            let mut one = Batch::default();
            push(&mut one, example);
            let logit = floats(logits(faces(&mut one, &Device::default()))).first().copied().map_or(0.0, f64::from);
            loss += (1.0 + (if example.is_fake() { -logit } else { logit }).exp()).ln();
            if example.is_fake() { &mut fakes } else { &mut reals }.push(logit);
        }
        let mut figures = vec![("loss_on_validation", loss / self.crops.validation.len().max(1) as f64)];
        figures.extend(auc(&fakes, &reals).map(|v| ("validation_auc", v)));
        figures
    }
}

impl Task for Bonettini<'_> {
    type Net = EfficientNet;
    type Batch = Batch;

    fn init(&self, device: &Device) -> EfficientNet {
        self.published.network().init(device)
    }

    fn pictures(&self) -> usize {
        self.published.batch * if self.published.tuning == Tuning::Triplets { 3 } else { 1 }
    }

    fn batch(&self, rng: &mut Rng, share: f64) -> Batch {
        self.drawn(rng, share)
    }

    fn loss(&self, net: &EfficientNet, mut batch: Batch, device: &Device) -> Tensor<1> {
        let faces = faces(&mut batch, device);
        if self.published.tuning == Tuning::Triplets {
            return triplets(&net.features(faces));
        }
        let (logits, attention) = net.attending(faces);
        let loss = cross_entropy(logits, batch.truth(device)).mean();
        let Some(attention) = attention.filter(|_| self.published.locality) else { return loss };
        let (truth, known) = batch.maps(1, device);
        let attention = attention.clamp(1e-5, 1.0 - 1e-5);
        let miss = -(attention.clone().log() * truth.clone() + (-attention + 1.0).log() * (-truth + 1.0));
        loss + (miss * known).mean()
    }

    fn schedule(&self) -> Schedule {
        Schedule::Plateau
    }

    fn weight_decay(&self) -> f32 {
        0.0
    }

    fn validate(&self, net: &EfficientNet) -> Vec<(&'static str, f64)> {
        self.figures(&|x| net.forward(x))
    }
}

/// The head of the siamese form on a backbone from another run.
pub struct Head<'a>(pub Bonettini<'a>);

impl Task for Head<'_> {
    type Net = SiameseTuned;
    type Batch = Batch;

    fn init(&self, device: &Device) -> SiameseTuned {
        self.0.published.network().init_siamese(device)
    }

    fn pictures(&self) -> usize {
        self.0.published.batch
    }

    fn batch(&self, rng: &mut Rng, share: f64) -> Batch {
        self.0.drawn(rng, share)
    }

    fn loss(&self, net: &SiameseTuned, mut batch: Batch, device: &Device) -> Tensor<1> {
        let faces = faces(&mut batch, device);
        cross_entropy(net.tuned(faces), batch.truth(device)).mean()
    }

    fn schedule(&self) -> Schedule {
        Schedule::Plateau
    }

    fn weight_decay(&self) -> f32 {
        0.0
    }

    fn adopt(&self, net: SiameseTuned, parameters: &StateDict) -> Result<SiameseTuned, Mismatch> {
        // The head stays as drawn; the backbone has to be whole.
        let own = state::collect(&net).into_iter().filter(|(name, _)| !name.starts_with("feat_ext."));
        let backbone = parameters.iter().map(|(name, tensor)| (format!("feat_ext.{name}"), tensor.clone()));
        state::load(net, &own.chain(backbone).collect(), "")
    }

    fn validate(&self, net: &SiameseTuned) -> Vec<(&'static str, f64)> {
        self.0.figures(&|x| net.forward(x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triplets_cost_nothing_once_the_alike_are_nearer_by_the_margin() {
        let device = Device::default();
        let loss = |rows: [f32; 6]| {
            let features = Tensor::<2>::from_data(TensorData::new(rows.to_vec(), [3, 2]), &device);
            triplets(&features).into_scalar::<f32>()
        };
        assert_eq!(loss([0.0, 0.0, 0.1, 0.0, 5.0, 0.0]), 0.0);
        // Positive at 1, negative at 1: the margin itself.
        assert!((loss([0.0, 0.0, 1.0, 0.0, 0.0, 1.0]) - 1.0).abs() < 1e-4);
    }
}
