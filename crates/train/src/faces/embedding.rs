//! Crops and loss of the identity network.
//!
//! The decision that shapes it: few people here have several pictures, so every picture is also its
//! own pair: two crops of it, degraded apart, must lie closer than any two people of the batch
//! (supervised contrastive loss, Khosla et al. 2020, eq. 2).
use std::collections::BTreeMap;

use assay_models::blocks::Form;
use assay_models::face_embedding::{Config, FaceEmbedding, SIDE, TEMPLATE};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};

use super::augment::{Canvas, Strength, append, degrade, mirror};
use super::data::{Face, Picture};
use super::mesh::crop_from_picture;
use super::preview::Crop;
use crate::Task;
use assay_bench::collections::Split;
use assay_bench::datasets::Label;
use assay_bench::metrics::auc;
use assay_material::rng::Rng;

/// People in a batch, with two crops each.
const PEOPLE: usize = 40;
const TEMPERATURE: f32 = 0.08;

type Views<'a> = Vec<(&'a Picture, &'a Face)>;

/// The task.
pub struct Embedding<'a> {
    /// People with several pictures, and people with one.
    several: Vec<Views<'a>>,
    single: Vec<Views<'a>>,
    validation: Vec<Views<'a>>,
}

/// The pictures of each person of a split that show exactly one face. Side-by-side swaps and
/// painted or generated faces are left out where `real` asks for it.
pub fn people(pictures: &[Picture], split: Split, real: bool) -> BTreeMap<String, Views<'_>> {
    let mut people: BTreeMap<String, Views<'_>> = BTreeMap::new();
    for picture in pictures.iter().filter(|p| p.split == split && !p.is_scene()) {
        let generated = !picture.told.is_swap && picture.told.label != Some(Label::Real);
        let swapped = picture.told.is_swap && picture.told.label == Some(Label::Fake);
        let [face] = picture.faces.as_slice() else { continue };
        if swapped || (real && generated) {
            continue;
        }
        // The members of a group of clips are different people; a frame's own clip tells them
        // apart.
        let clip = picture.name.split_once('#').map(|(clip, _)| clip.to_owned());
        people.entry(clip.unwrap_or_else(|| picture.person.clone())).or_default().push((picture, face));
    }
    people
}

impl<'a> Embedding<'a> {
    /// Sorts the pictures by person.
    pub fn new(pictures: &'a [Picture]) -> Self {
        let (several, single) = people(pictures, Split::Train, false).into_values().partition(|v| v.len() > 1);
        let validation = people(pictures, Split::Validation, true).into_values().filter(|v| v.len() > 1).collect();
        Self { several, single, validation }
    }
}

impl Embedding<'_> {
    /// A crop for people.
    pub fn preview(&self, rng: &mut Rng) -> Crop {
        let view = rng.pick(&self.several).and_then(|v| v.first().copied());
        let canvas = view.map_or_else(|| vec![[0.0; 3]; SIDE * SIDE], |(p, f)| augmented(p, f, rng));
        Crop { canvas, boxes: vec![], points: vec![] }
    }
}

/// The aligned crop of a face.
pub fn aligned(picture: &Picture, face: &Face) -> Canvas {
    let mut canvas = vec![[110.0; 3]; SIDE * SIDE];
    picture.levels.draw(&crop_from_picture(&face.mesh, &TEMPLATE, SIDE), SIDE, &mut canvas);
    canvas
}

fn augmented(picture: &Picture, face: &Face, rng: &mut Rng) -> Canvas {
    let view = crop_from_picture(&face.mesh, &TEMPLATE, SIDE);
    let mut canvas = vec![[rng.range(0.0, 255.0) as f32; 3]; SIDE * SIDE];
    picture.levels.draw(&view.jittered(rng, SIDE as f32, 0.02, 0.06, 0.05), SIDE, &mut canvas);
    if rng.chance(0.5) {
        mirror(&mut canvas, SIDE);
    }
    degrade(&mut canvas, SIDE, Strength { chance: 0.6, cover: 0.35 }, rng);
    canvas
}

/// The vectors of faces, 32 at a time.
pub fn embed(net: &FaceEmbedding, views: &[(&Picture, &Face)]) -> Vec<Vec<f32>> {
    let device = Device::default();
    let mut out = Vec::new();
    for chunk in views.chunks(32) {
        let mut pictures = Vec::new();
        chunk.iter().for_each(|(p, f)| append(&mut pictures, &aligned(p, f)));
        let shape = [chunk.len(), 3, SIDE, SIDE];
        let vectors = net.forward(Tensor::from_data(TensorData::new(pictures, shape), &device));
        let extent = vectors.dims()[1];
        out.extend(assay_models::state::floats(vectors).chunks_exact(extent).map(<[f32]>::to_vec));
    }
    out
}

/// Area under the ROC curve of "same person" over all pairs of vectors whose names are given; 0
/// where there are no pairs of either sort.
pub fn verification_auc(vectors: &[Vec<f32>], names: &[usize]) -> f64 {
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for i in 0..vectors.len() {
        for j in i + 1..vectors.len() {
            let similarity: f32 = vectors[i].iter().zip(&vectors[j]).map(|(a, b)| a * b).sum();
            if names[i] == names[j] { &mut same } else { &mut other }.push(f64::from(similarity));
        }
    }
    auc(&same, &other).unwrap_or(0.0)
}

impl Task for Embedding<'_> {
    type Net = FaceEmbedding;
    type Batch = Vec<f32>;

    fn init(&self, device: &Device) -> FaceEmbedding {
        Config::default().init(Form::Trained, device)
    }

    fn pictures(&self) -> usize {
        2 * PEOPLE
    }

    fn batch(&self, rng: &mut Rng, _share: f64) -> Self::Batch {
        let mut pictures = Vec::new();
        for of in [&self.several, &self.single] {
            let mut order: Vec<usize> = (0..of.len()).collect();
            for i in 0..(PEOPLE / 2).min(order.len()) {
                let j = i + rng.below(order.len() - i);
                order.swap(i, j);
                let views = &of[order[i]];
                let first = rng.below(views.len());
                let second =
                    if views.len() > 1 { (first + 1 + rng.below(views.len() - 1)) % views.len() } else { first };
                for at in [first, second] {
                    let (picture, face) = views[at];
                    append(&mut pictures, &augmented(picture, face, rng));
                }
            }
        }
        pictures
    }

    fn loss(&self, net: &FaceEmbedding, pictures: Self::Batch, device: &Device) -> Tensor<1> {
        let count = pictures.len() / (3 * SIDE * SIDE);
        let out = net.forward(Tensor::from_data(TensorData::new(pictures, [count, 3, SIDE, SIDE]), device));
        let similarity = out.clone().matmul(out.transpose()) / TEMPERATURE;
        let own: Vec<f32> = (0..count * count).map(|i| if i / count == i % count { -1e4 } else { 0.0 }).collect();
        let partner: Vec<f32> = (0..count * count).map(|i| f32::from(i / count == (i % count) ^ 1)).collect();
        let host = |v: Vec<f32>| Tensor::<2>::from_data(TensorData::new(v, [count, count]), device);
        let log = log_softmax(similarity + host(own), 1);
        -(log * host(partner)).sum() / count as f32
    }

    fn validate(&self, net: &FaceEmbedding) -> Vec<(&'static str, f64)> {
        let mut figures = Vec::new();
        for (name, clips) in [("auc_photos", false), ("auc_clips", true)] {
            let (mut vectors, mut names) = (Vec::new(), Vec::new());
            for (person, views) in self.validation.iter().enumerate() {
                let views: Views<'_> =
                    views.iter().filter(|(p, _)| (p.source == "clips") == clips).take(6).copied().collect();
                names.extend(std::iter::repeat_n(person, views.len()));
                vectors.extend(embed(net, &views));
            }
            figures.push((name, verification_auc(&vectors, &names)));
        }
        figures
    }
}
