//! The losses of a face swap and what is shown of it.
//!
//! The decision that shapes it: autoencoder and discriminators are one module under one optimiser
//! and one backward pass. The autoencoder is judged by a copy of the discriminators that does not
//! learn from it, and the discriminators see made faces that do not remember how they were made.
use assay_faces::track::{cosine, unit};
use assay_faces::{FaceNetworks as _, Landmarks, Networks};
use assay_models::face_swap::losses::{dssim, edges, window};
use assay_models::face_swap::{Config, Discriminator, DiscriminatorConfig, FaceSwap, Made, Person};
use assay_models::perceptual::Features;
use assay_models::state::floats;
use assay_provenance::{MarkedWriter, Synthetic};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use image::RgbImage;
use image::imageops::{self, FilterType};

use super::data::{Face, Faces};
use super::example::{Augment, Example};
use super::{Adversarial, preview_record};
use crate::Task;
use assay_material::rng::Rng;

/// Weights of the losses.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Weights {
    /// Structural dissimilarity of faces (DeepFaceLab: 10).
    pub dssim: f64,
    /// Mean absolute difference of faces (faceswap-GAN: 1) ...
    pub l1: f64,
    /// ... or mean square (DeepFaceLab: 10).
    pub mse: f64,
    /// Mean square of masks (DeepFaceLab: 10).
    pub mask: f64,
    /// Mean absolute difference within eyes and mouth (DeepFaceLab: 300).
    pub parts: f64,
    /// First-order edges of faces, ten times in eyes and mouth.
    pub edges: f64,
    /// Features of the networks that know faces.
    pub perceptual: f64,
    /// What the discriminator says (faceswap-GAN: 0.1).
    pub adversarial: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { dssim: 10.0, l1: 2.0, mse: 5.0, mask: 10.0, parts: 60.0, edges: 2.0, perceptual: 0.05, adversarial: 0.1 }
    }
}

/// What counts of the surroundings of a face.
const SURROUNDINGS: f64 = 0.15;
/// Discriminators take part when so much of a run has passed.
const GAN_FROM: f64 = 0.3;
/// Faces of a preview.
const SHOWN: usize = 6;

/// The autoencoder with its discriminators, one for each person.
#[derive(Module, Debug)]
pub struct Nets {
    pub(super) swap: FaceSwap,
    pub(super) discriminators: Vec<Discriminator>,
}

/// Half of it faces of A, half of B.
pub struct Batch {
    input: Vec<f32>,
    target: Vec<f32>,
    mask: Vec<f32>,
    parts: Vec<f32>,
    /// Share of the recorded face in a mixed one; `None` while discriminators rest.
    mix: Option<f32>,
}

impl Batch {
    /// Grey noise in place of faces, to time a step.
    pub(super) fn drawn(task: &Swapping, rng: &mut Rng) -> Self {
        let area = 2 * task.batch * task.config.side * task.config.side;
        let mut noise = |count: usize| (0..count).map(|_| rng.unit() as f32).collect::<Vec<f32>>();
        Self { input: noise(3 * area), target: noise(3 * area), mask: noise(area), parts: noise(area), mix: None }
    }
}

/// The task.
pub struct Swapping {
    pub(super) config: Config,
    pub(super) weights: Weights,
    pub(super) augment: Augment,
    pub(super) adversarial: Adversarial,
    /// Faces of each person in a batch.
    pub(super) batch: usize,
    pub(super) faces: [Faces; 2],
    pub(super) features: Option<Features>,
    pub(super) networks: Networks,
}

const BOTH: [Person; 2] = [Person::A, Person::B];

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

impl Swapping {
    /// The recorded side of one person's losses, made faces on the other.
    fn restored(&self, made: &Made, [target, mask, parts]: [&Tensor<4>; 3]) -> Tensor<1> {
        let w = &self.weights;
        let weight = mask.clone() * (1.0 - SURROUNDINGS) + SURROUNDINGS;
        let (ours, theirs) = (made.picture.clone() * weight.clone(), target.clone() * weight.clone());
        let side = self.config.side;
        let similarity = |size: usize| dssim(ours.clone(), theirs.clone(), size).mean();
        let structure = if side >= 256 {
            similarity(window(side)) * 0.5 + similarity((side as f32 / 23.2) as usize) * 0.5
        } else {
            similarity(window(side))
        };
        let difference = ours.clone() - theirs.clone();
        let mut loss = structure * w.dssim + difference.clone().abs().mean() * w.l1;
        loss = loss + difference.clone().square().mean() * w.mse;
        loss = loss + (difference.abs() * parts.clone()).mean() * w.parts;
        loss = loss + edges(&made.picture, target, &(weight + parts.clone() * 9.0)) * w.edges;
        if let Some(made) = &made.mask {
            loss = loss + (made.clone() - mask.clone()).square().mean() * w.mask;
        }
        loss
    }

    /// What networks that know faces see of the difference. Half of the faces will do, those of
    /// both people at once: these networks cost as much as ours.
    fn noticed(&self, features: &Features, made: [Tensor<4>; 2], target: &Tensor<4>, mask: &Tensor<4>) -> Tensor<1> {
        let (n, some) = (self.batch, self.batch.div_ceil(2));
        let of = |x: &Tensor<4>| {
            let parts = [0, n].map(|from| x.clone().narrow(0, from, some));
            Tensor::cat(parts.into(), 0)
        };
        let weight = of(mask) * (1.0 - SURROUNDINGS) + SURROUNDINGS;
        let made = Tensor::cat(made.map(|x| x.narrow(0, 0, some)).into(), 0);
        features.difference(&(of(target) * weight.clone()), &(made * weight), 1) * (2.0 * self.weights.perceptual)
    }

    /// What the autoencoder is told by a discriminator, and what the discriminator learns.
    fn contest(
        &self,
        discriminator: &Discriminator,
        made: &Made,
        [input, target, mask]: [&Tensor<4>; 3],
        mix: f32,
    ) -> Tensor<1> {
        let alpha = made.mask.clone().unwrap_or_else(|| mask.clone());
        let composed = made.picture.clone() * alpha.clone() + input.clone() * (alpha * -1.0 + 1.0);
        let judge = discriminator.clone().no_grad();
        let toward = |said: Tensor<4>, value: f32| (said - value).square().mean();
        let judged = |net: &Discriminator, face: Tensor<4>| net.forward(face, input.clone());
        let mut sum = Tensor::zeros([1], &input.device());
        for face in [composed, made.picture.clone()] {
            let still = face.clone().detach();
            let (told, learned) = match self.adversarial {
                Adversarial::Off => continue,
                Adversarial::Lsgan => {
                    let real = toward(judged(discriminator, target.clone()), 1.0);
                    (toward(judged(&judge, face), 1.0), (real + toward(judged(discriminator, still), 0.0)) * 0.5)
                }
                Adversarial::MixUp => {
                    let mixed = |face: Tensor<4>| target.clone() * mix + face * (1.0 - mix);
                    let told = toward(judged(&judge, mixed(face)), 1.0 - mix);
                    (told, toward(judged(discriminator, mixed(still)), mix))
                }
            };
            sum = sum + told * self.weights.adversarial + learned;
        }
        sum
    }

    /// The faces as the network sees and gives them: recorded, as themselves, as the other person.
    fn rows<'a>(&self, net: &FaceSwap, faces: impl Iterator<Item = (&'a Face, Person)>) -> Vec<[RgbImage; 3]> {
        let side = self.config.side;
        let shown = |planes: &[f32]| {
            RgbImage::from_fn(side as u32, side as u32, |x, y| {
                let at = |c: usize| planes[(c * side + y as usize) * side + x as usize];
                image::Rgb([0, 1, 2].map(|c| (at(c) * 255.0 + 0.5).clamp(0.0, 255.0) as u8))
            })
        };
        faces
            .map(|(face, person)| {
                let example = Example::plain(face, side);
                let input = tensor(example.input.clone(), [1, 3, side, side], &Device::default());
                let latent = net.encode(input);
                let as_person = |p| shown(&floats(net.decode(&latent, p).picture));
                let other = if person == Person::A { Person::B } else { Person::A };
                [shown(&example.input), as_person(person), as_person(other)]
            })
            .collect()
    }

    /// Some held-out faces of a person, evenly spaced.
    fn some(&self, person: usize, count: usize) -> impl Iterator<Item = &Face> {
        let faces = &self.faces[person];
        let from = if faces.held_out.is_empty() { &faces.train } else { &faces.held_out };
        from.iter().step_by((from.len() / count.max(1)).max(1)).take(count)
    }

    /// Mean cosine to A of held-out faces of B that were made A's.
    fn likeness(&self, net: &FaceSwap) -> Option<f64> {
        let side = self.config.side;
        let (mut sum, mut count) = (0.0, 0);
        for face in self.some(1, 8) {
            let [_, _, made] = self.rows(net, std::iter::once((face, Person::B))).pop()?;
            let map = assay_generators::swap::align::kept_from_net(face.picture.width(), side as u32).inverse()?;
            let mesh: Vec<[f32; 2]> = face.mesh.iter().map(|p| map.apply(*p)).collect();
            let landmarks = Landmarks { confidence: vec![1.0; mesh.len()], marked: Vec::new(), mesh };
            let vector = unit(&self.networks.embed(&made, &landmarks).ok()?)?;
            sum += f64::from(cosine(&vector, &self.faces[0].identity));
            count += 1;
        }
        (count > 0).then(|| sum / f64::from(count))
    }
}

impl Task for Swapping {
    type Net = Nets;
    type Batch = Batch;

    fn init(&self, device: &Device) -> Nets {
        let wide = self.config.side >= 128;
        let config = DiscriminatorConfig {
            widths: if wide { [64, 128, 256] } else { [32, 64, 128] },
            attention: self.config.attention,
        };
        let count = if self.adversarial == Adversarial::Off { 0 } else { 2 };
        Nets { swap: self.config.init(device), discriminators: (0..count).map(|_| config.init(device)).collect() }
    }

    fn pictures(&self) -> usize {
        2 * self.batch
    }

    fn batch(&self, rng: &mut Rng, share: f64) -> Batch {
        let mix = (self.adversarial != Adversarial::Off && share >= GAN_FROM).then(|| beta(0.2, rng));
        let mut batch = Batch { input: Vec::new(), target: Vec::new(), mask: Vec::new(), parts: Vec::new(), mix };
        for faces in &self.faces {
            for _ in 0..self.batch {
                let Some(face) = rng.pick(&faces.train) else { continue };
                let example = Example::drawn(face, self.config.side, self.augment, rng);
                batch.input.extend(example.input);
                batch.target.extend(example.target);
                batch.mask.extend(example.mask);
                batch.parts.extend(example.parts);
            }
        }
        batch
    }

    fn loss(&self, net: &Nets, batch: Batch, device: &Device) -> Tensor<1> {
        let (n, side) = (self.batch, self.config.side);
        let planes = |values: Vec<f32>, c: usize| tensor(values, [2 * n, c, side, side], device);
        let (input, target) = (planes(batch.input, 3), planes(batch.target, 3));
        let (mask, parts) = (planes(batch.mask, 1), planes(batch.parts, 1));
        let latent = net.swap.encode(input.clone());
        let mut loss = Tensor::zeros([1], device);
        let mut pictures = Vec::new();
        for (i, person) in BOTH.into_iter().enumerate() {
            let of = |x: &Tensor<4>| x.clone().narrow(0, i * n, n);
            let (input, target, mask, parts) = (of(&input), of(&target), of(&mask), of(&parts));
            let made = net.swap.decode(&latent.clone().narrow(0, i * n, n), person);
            loss = loss + self.restored(&made, [&target, &mask, &parts]);
            if let (Some(discriminator), Some(mix)) = (net.discriminators.get(i), batch.mix) {
                loss = loss + self.contest(discriminator, &made, [&input, &target, &mask], mix);
            }
            pictures.push(made.picture);
        }
        if let (Some(features), Ok(pictures)) = (&self.features, <[Tensor<4>; 2]>::try_from(pictures)) {
            loss = loss + self.noticed(features, pictures, &target, &mask);
        }
        loss
    }

    fn weight_decay(&self) -> f32 {
        0.0
    }

    fn momentum(&self) -> f32 {
        0.5
    }

    /// As DeepFaceLab's `clipgrad`.
    fn clipping(&self) -> Option<f32> {
        Some(1.0)
    }

    fn validate(&self, net: &Nets) -> Vec<(&'static str, f64)> {
        let names = ["reconstruction_of_a_grey_levels", "reconstruction_of_b_grey_levels"];
        let mut figures = Vec::new();
        for (i, person) in BOTH.into_iter().enumerate() {
            let (mut sum, mut weight) = (0.0, 0.0);
            for face in self.some(i, 16) {
                let mask = Example::plain(face, self.config.side).mask;
                for [own, back, _] in self.rows(&net.swap, std::iter::once((face, person))) {
                    for ((a, b), m) in own.pixels().zip(back.pixels()).zip(&mask) {
                        let off: i32 = (0..3).map(|c| (i32::from(a[c]) - i32::from(b[c])).abs()).sum();
                        sum += f64::from(off) / 3.0 * f64::from(*m);
                        weight += f64::from(*m);
                    }
                }
            }
            figures.push((names[i], sum / f64::max(weight, 1e-6)));
        }
        if !self.faces[0].identity.is_empty() {
            figures.extend(self.likeness(&net.swap).map(|v| ("likeness_of_swaps_to_a", v)));
        }
        figures
    }

    fn preview(&self, net: &Nets) -> anyhow::Result<Option<RgbImage>> {
        let mut rows = self.rows(&net.swap, self.some(0, SHOWN).map(|f| (f, Person::A)));
        rows.extend(self.rows(&net.swap, self.some(1, SHOWN).map(|f| (f, Person::B))));
        let tile = (self.config.side as u32).max(96);
        let (across, down) = (3 * tile, SHOWN as u32 * tile);
        let mut sheet = RgbImage::new(2 * across, down);
        for (i, row) in rows.iter().enumerate() {
            let (column, line) = ((i / SHOWN) as u32, (i % SHOWN) as u32);
            for (j, picture) in row.iter().enumerate() {
                let large = imageops::resize(picture, tile, tile, FilterType::CatmullRom);
                let x = column * across + j as u32 * tile;
                imageops::replace(&mut sheet, &large, i64::from(x), i64::from(line * tile));
            }
        }
        Ok(Some(MarkedWriter::preview(Synthetic::new(sheet), &preview_record())?))
    }
}

/// A draw from the symmetric beta distribution (Johnk 1964).
fn beta(alpha: f64, rng: &mut Rng) -> f32 {
    loop {
        let (x, y) = (rng.unit().powf(1.0 / alpha), rng.unit().powf(1.0 / alpha));
        if x + y > 0.0 && x + y <= 1.0 {
            return (x / (x + y)) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beta_draw_of_a_small_parameter_is_mostly_near_the_ends() {
        let mut rng = Rng::new(3);
        let draws: Vec<f32> = (0..4000).map(|_| beta(0.2, &mut rng)).collect();
        let mean = draws.iter().sum::<f32>() / 4000.0;
        let variance = draws.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 4000.0;
        // Mean 1/2, variance 1 / (4 (2 alpha + 1)).
        assert!((mean - 0.5).abs() < 0.03 && (variance - 0.178_57).abs() < 0.01, "{mean} {variance}");
    }
}
