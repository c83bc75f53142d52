//! Batches and losses of the generator and its adversary.
//!
//! The decision that shapes it: both networks are one module with one optimiser and one backward
//! pass. The generator looks at a frozen copy of the adversary, the adversary at detached faces, so
//! no gradient takes a wrong way. Only first derivatives are needed: the adversary is kept in check
//! by hinge losses, by views that recorded and made faces share, and by a small penalty on large
//! answers (Karras et al. 2018, "drift"), not by a penalty on its gradient.
use assay_media::Progress;
use assay_models::blocks::Form;
use assay_models::device::DeviceChoice;
use assay_models::face_embedding::FaceEmbedding;
use assay_models::face_generator::{Config, Discriminator, FaceGenerator, Judgement, latent};
use assay_models::perceptual::Features;
use assay_models::shipped_faces::ShippedFaces;
use assay_models::state::floats;
use assay_provenance::{Making, MarkedWriter, Record, Synthetic};
use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use image::{RgbImage, imageops};

use super::faces::{Codes, cropped, identity};
use super::view::View;
use crate::Task;
use crate::faces::data::Picture;
use assay_bench::collections::Split;
use assay_material::rng::Rng;

/// Recorded faces in a batch; in the adversary's time as many more are made from drawn codes.
const FACES: usize = 16;
/// Share of the run after which the adversary joins, and after which it has its full weight.
const ADVERSARY: [f64; 2] = [0.25, 0.4];
/// What the adversary's opinion counts beside likeness, and what likeness of its features counts.
const OPINION: f32 = 0.04;
const FEATURES: f32 = 0.15;
/// What the shipped face networks see counts beside likeness.
const PERCEPTION: f32 = 0.02;
/// Penalty on the square of the adversary's answers.
const DRIFT: f32 = 0.002;
/// Faces of a preview.
const PREVIEW: u32 = 6;

/// The generator with its adversary.
#[derive(Module, Debug)]
pub struct FaceGan {
    /// What is kept.
    pub generator: FaceGenerator,
    /// What is thrown away.
    pub discriminator: Discriminator,
}

/// A training face: pixels and code, as it is and mirrored.
struct Learnt {
    faces: [RgbImage; 2],
    codes: [Vec<f32>; 2],
}

/// The task.
pub struct Generation {
    config: Config,
    train: Vec<Learnt>,
    validation: Vec<(RgbImage, Vec<f32>)>,
    embedding: FaceEmbedding,
    features: Features,
    /// Identity vectors of the validation faces.
    identities: Vec<Vec<f32>>,
}

/// A batch.
pub struct Batch {
    faces: Vec<f32>,
    codes: Vec<f32>,
    view: View,
    /// Weight of the adversary, 0 to 1.
    adversary: f32,
}

fn append(batch: &mut Vec<f32>, face: &RgbImage) {
    for c in 0..3 {
        batch.extend(face.pixels().map(|p| f32::from(p.0[c]) / 255.0));
    }
}

impl Generation {
    /// Cuts the faces and learns their codes.
    ///
    /// # Errors
    /// When there are too few.
    pub fn new(
        pictures: &[Picture],
        config: Config,
        device: DeviceChoice,
        progress: &dyn Progress,
    ) -> anyhow::Result<Self> {
        let of = |split: Split| -> Vec<RgbImage> {
            cropped(pictures, split, config.side as u32).into_iter().map(|c| c.face).collect()
        };
        let train = of(Split::Train);
        anyhow::ensure!(
            train.len() > 2 * config.latent,
            "{} suitable faces are too few to learn {} components from",
            train.len(),
            config.latent
        );
        progress.update(&format!("learning the codes of {} faces", train.len()), 0, 0);
        // Every other one mirrored: a face and its mirror image are equally likely.
        let turned =
            train.iter().enumerate().map(|(i, f)| if i % 2 == 0 { f.clone() } else { imageops::flip_horizontal(f) });
        let codes = Codes::learn(&turned.collect::<Vec<_>>(), config.latent);
        let train = train.into_iter().map(|face| {
            let faces = [imageops::flip_horizontal(&face), face];
            Learnt { codes: [codes.of(&faces[0]), codes.of(&faces[1])], faces }
        });
        let train = train.collect();
        let validation: Vec<_> = of(Split::Validation)
            .into_iter()
            .map(|face| {
                let code = codes.of(&face);
                (face, code)
            })
            .collect();
        let embedding = ShippedFaces::load()?.embedding;
        let identities = validation.iter().map(|(face, _)| identity(&embedding, face)).collect();
        let features = Features::shipped(&device.device()?.autodiff())?;
        Ok(Self { config, train, validation, embedding, features, identities })
    }

    fn made(&self, net: &FaceGenerator, codes: Vec<f32>) -> Vec<RgbImage> {
        let (count, side) = (codes.len() / self.config.latent, self.config.side);
        let z = Tensor::<2>::from_data(TensorData::new(codes, [count, self.config.latent]), &Device::default());
        let values = floats(net.forward(z));
        let area = side * side;
        let picture = |planes: &[f32]| {
            RgbImage::from_fn(side as u32, side as u32, |x, y| {
                let at = y as usize * side + x as usize;
                image::Rgb([0, 1, 2].map(|c| (planes[c * area + at] * 255.0 + 0.5).clamp(0.0, 255.0) as u8))
            })
        };
        values.chunks_exact(3 * area).map(picture).collect()
    }

    /// Faces from codes that are drawn, the same at every call.
    fn drawn(&self, net: &FaceGenerator, count: u64) -> Vec<RgbImage> {
        (0..count).flat_map(|n| self.made(net, latent(1, n, self.config.latent))).collect()
    }
}

/// Mean absolute difference at full, half and quarter size, and of neighbours' differences.
fn likeness(made: &Tensor<4>, recorded: &Tensor<4>) -> Tensor<1> {
    let off = made.clone() - recorded.clone();
    let edges = |x: &Tensor<4>| {
        let [_, _, height, width] = x.dims();
        let across = x.clone().narrow(3, 1, width - 1) - x.clone().narrow(3, 0, width - 1);
        let down = x.clone().narrow(2, 1, height - 1) - x.clone().narrow(2, 0, height - 1);
        across.abs().mean() + down.abs().mean()
    };
    let half = halved(off.clone());
    let quarter = halved(half.clone());
    off.clone().abs().mean() + edges(&off) + half.abs().mean() + quarter.abs().mean()
}

/// Means of 2x2.
fn halved(x: Tensor<4>) -> Tensor<4> {
    let [batch, colours, height, width] = x.dims();
    let cells: Tensor<6> = x.reshape([batch, colours, height / 2, 2, width / 2, 2]);
    cells.mean_dims(&[3, 5]).reshape([batch, colours, height / 2, width / 2])
}

/// Both answers of the adversary through `f`, averaged.
fn both(judgement: &Judgement, f: impl Fn(Tensor<4>) -> Tensor<4>) -> Tensor<1> {
    let whole: Tensor<4> = judgement.whole.clone().unsqueeze_dims(&[2, 3]);
    (f(whole).mean() + f(judgement.places.clone()).mean()) * 0.5
}

impl Task for Generation {
    type Net = FaceGan;
    type Batch = Batch;

    fn init(&self, device: &Device) -> FaceGan {
        FaceGan {
            generator: self.config.init(Form::Trained, device),
            discriminator: Discriminator::init(&self.config, device),
        }
    }

    fn pictures(&self) -> usize {
        FACES
    }

    fn weight_decay(&self) -> f32 {
        0.0
    }

    fn momentum(&self) -> f32 {
        0.5
    }

    fn batch(&self, rng: &mut Rng, share: f64) -> Batch {
        let adversary = ((share - ADVERSARY[0]) / (ADVERSARY[1] - ADVERSARY[0])).clamp(0.0, 1.0) as f32;
        let view = View::drawn(self.config.side, rng);
        let mut batch = Batch { faces: Vec::new(), codes: Vec::new(), view, adversary };
        let count = if adversary > 0.0 { FACES } else { 2 * FACES };
        for _ in 0..count {
            let side = rng.below(2);
            let Some(one) = rng.pick(&self.train) else { break };
            append(&mut batch.faces, &one.faces[side]);
            batch.codes.extend(&one.codes[side]);
        }
        if adversary > 0.0 {
            batch.codes.extend((0..FACES * self.config.latent).map(|_| rng.normal() as f32));
        }
        batch
    }

    fn loss(&self, net: &FaceGan, batch: Batch, device: &Device) -> Tensor<1> {
        let (side, length) = (self.config.side, self.config.latent);
        let recorded_count = batch.faces.len() / (3 * side * side);
        let count = batch.codes.len() / length;
        let recorded = TensorData::new(batch.faces, [recorded_count, 3, side, side]);
        let recorded = Tensor::<4>::from_data(recorded, device);
        let made = net.generator.forward(Tensor::from_data(TensorData::new(batch.codes, [count, length]), device));
        let again = made.clone().narrow(0, 0, recorded_count);
        let loss = likeness(&again, &recorded) + self.features.difference(&recorded, &again, 1) * PERCEPTION;
        if batch.adversary <= 0.0 {
            return loss;
        }
        let made = batch.view.of(made);
        let of_recorded = net.discriminator.forward(batch.view.of(recorded));
        let of_made = net.discriminator.clone().no_grad().forward(made.clone());
        let of_detached = net.discriminator.forward(made.detach());
        let features = of_made.features.iter().zip(&of_recorded.features).map(|(made, recorded)| {
            (made.clone().narrow(0, 0, recorded_count) - recorded.clone().detach()).abs().mean()
        });
        let features = features.reduce(|a, b| a + b).unwrap_or_else(|| Tensor::zeros([1], device));
        let opinion = -both(&of_made, |x| x);
        let squared = |x: Tensor<4>| x.square();
        let adversary = both(&of_recorded, |x| relu(-x + 1.0))
            + both(&of_detached, |x| relu(x + 1.0))
            + (both(&of_recorded, squared) + both(&of_detached, squared)) * DRIFT;
        loss + (features * FEATURES + opinion * OPINION) * batch.adversary + adversary
    }

    fn validate(&self, net: &FaceGan) -> Vec<(&'static str, f64)> {
        let mut off = 0.0;
        let some: Vec<_> = self.validation.iter().take(96).collect();
        for (face, code) in &some {
            let made = self.made(&net.generator, code.clone());
            let sum = |made: &RgbImage| -> f64 {
                made.as_raw().iter().zip(face.as_raw()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum()
            };
            off += made.first().map_or(0.0, sum) / face.as_raw().len() as f64;
        }
        let drawn = self.drawn(&net.generator, self.identities.len().min(128) as u64);
        let drawn: Vec<Vec<f32>> = drawn.iter().map(|f| identity(&self.embedding, f)).collect();
        vec![
            ("mean_error_grey_levels", off / some.len().max(1) as f64),
            ("identity_distance", kernel_distance(&drawn, &self.identities)),
        ]
    }

    fn preview(&self, net: &FaceGan) -> anyhow::Result<Option<RgbImage>> {
        let side = self.config.side as u32;
        let mut sheet = RgbImage::new(PREVIEW * side, PREVIEW * side);
        for (at, face) in self.drawn(&net.generator, u64::from(PREVIEW * PREVIEW)).iter().enumerate() {
            let at = at as u32;
            imageops::replace(&mut sheet, face, i64::from(at % PREVIEW * side), i64::from(at / PREVIEW * side));
        }
        let record = Record {
            making: Making::Generated,
            generator: "synthesize".into(),
            weights: Vec::new(),
            settings: serde_json::Value::Null,
            seed: Some(1),
            sources: Vec::new(),
        };
        Ok(Some(MarkedWriter::preview(Synthetic::new(sheet), &record)?))
    }
}

/// The squared distance of two sets of unit vectors under the kernel `(1 + x.y)^3` (Binkowski et
/// al., "Demystifying MMD GANs", ICLR 2018), unbiased: near 0 where both are drawn alike.
pub(super) fn kernel_distance(a: &[Vec<f32>], b: &[Vec<f32>]) -> f64 {
    let kernel = |x: &[f32], y: &[f32]| (1.0 + x.iter().zip(y).map(|(a, b)| f64::from(a * b)).sum::<f64>()).powi(3);
    let within = |v: &[Vec<f32>]| {
        let n = v.len() as f64;
        let all = (0..v.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
        all.map(|(i, j)| kernel(&v[i], &v[j])).sum::<f64>() * 2.0 / (n * (n - 1.0)).max(1.0)
    };
    let across = a.iter().flat_map(|x| b.iter().map(move |y| kernel(x, y))).sum::<f64>();
    within(a) + within(b) - 2.0 * across / (a.len() * b.len()).max(1) as f64
}
