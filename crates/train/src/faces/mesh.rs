//! Crops and loss of the mesh network.
//!
//! The decision that shapes it: crops are cut by the five points as the detector gives them, with
//! jitter as wide as the detector errs, so that the network never learns to trust its crop. The
//! head starts at a linear model of the training meshes.
use assay_faces::landmarks68;
use assay_models::blocks::Form;
use assay_models::face_mesh::{Config, FaceMesh, MARKED, POINTS, SIDE, TEMPLATE, five};
use burn::tensor::{Device, Tensor, TensorData};

use super::augment::{Canvas, Strength, append, degrade, mirror};
use super::data::{Face, Picture};
use super::points::mirrored;
use super::preview::Crop;
use super::shapes::Shapes;
use super::warp::Similarity;
use crate::Task;
use assay_bench::collections::Split;
use assay_material::rng::Rng;

const BATCH: usize = 32;

/// Share of the draws that go to faces with hand-made points, of which there are few.
const BY_HAND: f64 = 0.4;

/// What 68 points derived from the machine's mesh count beside hand-made ones.
const DERIVED: f32 = 0.15;

/// The task.
pub struct Mesh<'a> {
    train: Vec<(&'a Picture, &'a Face)>,
    by_hand: Vec<(&'a Picture, &'a Face)>,
    validation: Vec<(&'a Picture, &'a Face)>,
    shapes: Shapes,
    mirror_of: Vec<usize>,
}

/// The transform from the picture to the crop, in pixels of the crop, by the five points of a whole
/// mesh.
pub fn crop_from_picture(mesh: &[[f32; 2]], template: &[[f32; 2]; 5], side: usize) -> Similarity {
    let points = five(mesh).unwrap_or_default();
    Similarity::fit(&points, &template.map(|p| p.map(|v| v * side as f32)))
}

impl<'a> Mesh<'a> {
    /// Sorts the faces and learns the linear model.
    pub fn new(pictures: &'a [Picture]) -> Self {
        let of = |split: Split| -> Vec<(&Picture, &Face)> {
            let fits = |p: &&Picture| p.split == split && !p.is_scene();
            pictures.iter().filter(fits).flat_map(|p| p.faces.iter().map(move |f| (p, f))).collect()
        };
        let train = of(Split::Train);
        let upright: Vec<Vec<f32>> =
            train.iter().map(|(_, f)| with_marked(upright(&f.mesh)).into_iter().flatten().collect()).collect();
        let shapes = Shapes::learn(&upright, Config::default().hidden / 2);
        let mean: Vec<[f32; 2]> =
            shapes.mean[..2 * POINTS].as_chunks::<2>().0.iter().map(|p| [p[0] + 0.5, p[1] + 0.5]).collect();
        let by_hand = train.iter().filter(|(_, f)| f.hand.is_some()).copied().collect();
        let mut mirror_of = mirrored(&mean);
        mirror_of.extend((0..MARKED).map(|i| POINTS + landmarks68::mirror_of(i)));
        Self { mirror_of, by_hand, train, validation: of(Split::Validation), shapes }
    }

    /// A crop for people.
    pub fn preview(&self, rng: &mut Rng) -> Crop {
        let Some((picture, face)) = rng.pick(&self.train) else {
            return Crop { canvas: vec![[0.0; 3]; SIDE * SIDE], boxes: vec![], points: vec![] };
        };
        let (canvas, mesh) = self.example(picture, face, true, rng);
        let points = mesh.iter().map(|p| p.map(|v| (v + 0.5) * SIDE as f32)).collect();
        Crop { canvas, boxes: vec![], points }
    }

    fn example(&self, picture: &Picture, face: &Face, augmented: bool, rng: &mut Rng) -> (Canvas, Vec<[f32; 2]>) {
        let mut view = crop_from_picture(&face.mesh, &TEMPLATE, SIDE);
        let spread = if augmented { 1.0 } else { 0.5 };
        let turn = if augmented && rng.chance(0.1) { 0.5 } else { 0.12 };
        view = view.jittered(rng, SIDE as f32, 0.035 * spread, turn * spread, 0.1 * spread);
        let mut canvas = vec![[rng.range(0.0, 255.0) as f32; 3]; SIDE * SIDE];
        picture.levels.draw(&view, SIDE, &mut canvas);
        let points = match &face.hand {
            Some(hand) => face.mesh.iter().chain(hand).copied().collect(),
            None => with_marked(face.mesh.clone()),
        };
        let mut mesh: Vec<[f32; 2]> = points.iter().map(|p| view.apply(*p).map(|v| v / SIDE as f32 - 0.5)).collect();
        if augmented {
            if rng.chance(0.5) {
                mirror(&mut canvas, SIDE);
                mesh = self.mirror_of.iter().map(|i| [-mesh[*i][0], mesh[*i][1]]).collect();
            }
            degrade(&mut canvas, SIDE, Strength { chance: 0.4, cover: 0.15 }, rng);
        }
        (canvas, mesh)
    }
}

/// A mesh in the crop, in sides from its centre.
pub fn upright(mesh: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let view = crop_from_picture(mesh, &TEMPLATE, 1);
    mesh.iter().map(|p| view.apply(*p).map(|v| v - 0.5)).collect()
}

/// A mesh, then the 68 points that follow from it.
fn with_marked(mut mesh: Vec<[f32; 2]>) -> Vec<[f32; 2]> {
    let marked = landmarks68::marked(&mesh).unwrap_or([[0.0; 2]; MARKED]);
    mesh.extend(marked);
    mesh
}

/// The outer eye corners among the mesh's points.
pub const EYE_CORNERS: [usize; 2] = [33, 263];
/// The same among the 68.
pub const MARKED_EYE_CORNERS: [usize; 2] = [36, 45];

/// Mean distance over the distance between the points of `truth` that are the outer eye corners.
pub fn normalised_error(found: &[[f32; 2]], truth: &[[f32; 2]], [one, other]: [usize; 2]) -> f64 {
    let distance = |a: [f32; 2], b: [f32; 2]| f64::from((a[0] - b[0]).hypot(a[1] - b[1]));
    let between_eyes = distance(truth[one], truth[other]).max(1e-6);
    found.iter().zip(truth).map(|(a, b)| distance(*a, *b)).sum::<f64>() / truth.len() as f64 / between_eyes
}

impl Task for Mesh<'_> {
    type Net = FaceMesh;
    type Batch = (Vec<f32>, Vec<f32>, Vec<f32>);

    fn init(&self, device: &Device) -> FaceMesh {
        Config::default().init(Form::Trained, device).with_shapes(&self.shapes.mean, &self.shapes.rows)
    }

    fn pictures(&self) -> usize {
        BATCH
    }

    fn batch(&self, rng: &mut Rng, _share: f64) -> Self::Batch {
        let (mut pictures, mut meshes, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..BATCH {
            let of = if rng.chance(BY_HAND) && !self.by_hand.is_empty() { &self.by_hand } else { &self.train };
            let Some((picture, face)) = rng.pick(of) else { continue };
            weights.push(if face.hand.is_some() { 1.0 } else { DERIVED });
            let (canvas, mesh) = self.example(picture, face, true, rng);
            append(&mut pictures, &canvas);
            meshes.extend(mesh.into_iter().flatten());
        }
        (pictures, meshes, weights)
    }

    /// The mean distance, and the negative log likelihood of each distance under a Laplace law of
    /// the predicted spread.
    fn loss(&self, net: &FaceMesh, (pictures, meshes, weights): Self::Batch, device: &Device) -> Tensor<1> {
        let count = pictures.len() / (3 * SIDE * SIDE);
        let (points, spread) =
            net.forward(Tensor::from_data(TensorData::new(pictures, [count, 3, SIDE, SIDE]), device));
        let all = POINTS + MARKED;
        let truth = Tensor::<3>::from_data(TensorData::new(meshes, [count, all, 2]), device);
        let distances: Tensor<2> = ((points - truth).powf_scalar(2.0).sum_dim(2) + 1e-8).sqrt().reshape([count, all]);
        let weights = Tensor::<2>::from_data(TensorData::new(weights, [count, 1]), device);
        let marked = (distances.clone().narrow(1, POINTS, MARKED) * weights).mean();
        let distance = distances.narrow(1, 0, POINTS);
        let spread = spread.clamp(-7.0, 1.0);
        let likelihood = distance.clone().detach() * (-spread.clone()).exp() + spread;
        distance.mean() * 20.0 + marked * 20.0 + likelihood.mean() * 0.05
    }

    fn validate(&self, net: &FaceMesh) -> Vec<(&'static str, f64)> {
        let mut rng = Rng::new(5);
        let device = Device::default();
        let (mut errors, mut by_hand, mut marked) = (Vec::new(), Vec::new(), Vec::new());
        for chunk in self.validation.chunks(32) {
            let mut pictures = Vec::new();
            let mut truths = Vec::new();
            for (picture, face) in chunk {
                let (canvas, mesh) = self.example(picture, face, false, &mut rng);
                append(&mut pictures, &canvas);
                truths.push((mesh, picture.told.has_points, face.hand.is_some()));
            }
            let (points, _) =
                net.forward(Tensor::from_data(TensorData::new(pictures, [chunk.len(), 3, SIDE, SIDE]), &device));
            let points = assay_models::state::floats(points);
            for (found, (truth, is_video, is_marked)) in points.chunks_exact((POINTS + MARKED) * 2).zip(&truths) {
                let found = found.as_chunks::<2>().0;
                let error = normalised_error(&found[..POINTS], &truth[..POINTS], EYE_CORNERS);
                errors.push(error);
                if *is_video {
                    by_hand.push(error);
                }
                if *is_marked {
                    marked.push(normalised_error(&found[POINTS..], &truth[POINTS..], MARKED_EYE_CORNERS));
                }
            }
        }
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
        let over = errors.iter().filter(|e| **e > 0.1).count() as f64 / errors.len().max(1) as f64;
        vec![
            ("error_over_eyes", mean(&errors)),
            ("on_ytfaces", mean(&by_hand)),
            ("share_over_0.1", over),
            ("68_by_hand", mean(&marked)),
        ]
    }
}
