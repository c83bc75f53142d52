//! Canvases and loss of the face detector.
//!
//! The decision that shapes it: every canvas is put together from a picture with faces and pictures
//! without, at a size drawn evenly in its logarithm, so that small and large, whole and cut faces
//! are equally common. Faces that another scale answers for are not asked for here.
use assay_models::blocks::Form;
use assay_models::face_detector::{Config, FaceDetector, OUTPUTS, STRIDE, decode, encode, suppress};
use assay_models::face_mesh::five;
use burn::tensor::activation::{log_sigmoid, sigmoid};
use burn::tensor::{Device, Tensor, TensorData};

use super::augment::{Canvas, Strength, append, degrade, mirror};
use super::data::Picture;
use super::points::tight_box;
use super::preview::Crop;
use super::warp::Similarity;
use crate::Task;
use assay_bench::collections::Split;
use assay_material::rng::Rng;

/// Side of a canvas in pixels.
pub const SIDE: usize = 128;
const CELLS: usize = SIDE / STRIDE;
/// Canvases in a batch.
const BATCH: usize = 32;
/// Sizes (square root of the box's area) that the network is to find.
const SIZES: [f32; 2] = [10.0, 80.0];
/// Faces up to this size may be found or not; larger ones are background at this scale.
const LARGEST_IGNORED: f32 = 112.0;

/// One canvas: pixels and the faces on it.
pub struct Example {
    /// `SIDE * SIDE` pixels.
    pub canvas: Canvas,
    /// Box and points of each face, in pixels.
    pub faces: Vec<([f32; 4], [[f32; 2]; 5])>,
}

/// The task.
pub struct Detector<'a> {
    with_faces: Vec<&'a Picture>,
    without: Vec<&'a Picture>,
    validation: Vec<Example>,
}

impl<'a> Detector<'a> {
    /// Sorts the pictures and draws the validation canvases.
    pub fn new(pictures: &'a [Picture], screened: &dyn Fn(&Picture) -> bool) -> Self {
        let of = |split: Split, faces: bool| -> Vec<&'a Picture> {
            let fits = |p: &&Picture| {
                p.split == split && (if faces { !p.faces.is_empty() && !p.is_scene() } else { screened(p) })
            };
            pictures.iter().filter(fits).collect()
        };
        let mut task =
            Self { with_faces: of(Split::Validation, true), without: of(Split::Validation, false), validation: vec![] };
        let mut rng = Rng::new(99);
        task.validation = (0..512).map(|_| task.example(&mut rng)).collect();
        task.with_faces = of(Split::Train, true);
        task.without = of(Split::Train, false);
        task
    }

    /// Draws a canvas.
    pub fn example(&self, rng: &mut Rng) -> Example {
        let mut canvas = vec![[rng.range(0.0, 255.0) as f32; 3]; SIDE * SIDE];
        let mut faces: Vec<([f32; 4], [[f32; 2]; 5])> = Vec::new();
        if let Some(back) = rng.pick(&self.without) {
            fill(&mut canvas, back, rng);
        }
        let kind = rng.unit();
        if kind < 0.6 {
            self.view(&mut canvas, &mut faces, rng);
        } else if kind < 0.9 {
            for _ in 0..rng.between(1, 6) {
                self.paste(&mut canvas, &mut faces, rng);
            }
        }
        if rng.chance(0.5) {
            mirror(&mut canvas, SIDE);
            for (face_box, points) in &mut faces {
                face_box[0] = SIDE as f32 - face_box[0] - face_box[2];
                let m = |p: [f32; 2]| [SIDE as f32 - p[0], p[1]];
                *points = [m(points[1]), m(points[0]), m(points[2]), m(points[4]), m(points[3])];
            }
        }
        degrade(&mut canvas, SIDE, Strength { chance: 0.5, cover: 0.2 }, rng);
        Example { canvas, faces }
    }

    /// A canvas for people.
    pub fn preview(&self, rng: &mut Rng) -> Crop {
        let Example { canvas, faces } = self.example(rng);
        Crop { canvas, boxes: faces.iter().map(|f| f.0).collect(), points: faces.iter().flat_map(|f| f.1).collect() }
    }

    fn size(rng: &mut Rng) -> f32 {
        // One canvas in twelve shows a face too large for this scale.
        let high = if rng.chance(0.08) { 260.0 } else { f64::from(SIZES[1]) };
        (rng.range(f64::from(SIZES[0]).ln(), high.ln()).exp()) as f32
    }

    fn turn(rng: &mut Rng) -> f32 {
        (if rng.chance(0.15) { rng.range(-1.2, 1.2) } else { rng.normal() * 0.2 }) as f32
    }

    /// A photograph around one of its faces, with the other faces that come into view.
    fn view(&self, canvas: &mut Canvas, faces: &mut Vec<([f32; 4], [[f32; 2]; 5])>, rng: &mut Rng) {
        let Some(picture) = rng.pick(&self.with_faces) else { return };
        let Some(face) = rng.pick(&picture.faces) else { return };
        let [x, y, w, h] = tight_box(&face.mesh);
        let scale = Self::size(rng) / (w * h).sqrt().max(1.0);
        let to = std::array::from_fn(|_| rng.range(-4.0, SIDE as f64 + 4.0) as f32);
        let view = Similarity::about([x + w / 2.0, y + h / 2.0], Self::turn(rng), scale, to);
        picture.levels.draw(&view, SIDE, canvas);
        for face in &picture.faces {
            let mesh: Vec<[f32; 2]> = face.mesh.iter().map(|p| view.apply(*p)).collect();
            faces.extend(five(&mesh).map(|points| (tight_box(&mesh), points)));
        }
    }

    /// A face cut out and laid on the canvas, beside those that are there.
    fn paste(&self, canvas: &mut Canvas, faces: &mut Vec<([f32; 4], [[f32; 2]; 5])>, rng: &mut Rng) {
        let Some(picture) = rng.pick(&self.with_faces) else { return };
        let [face] = picture.faces.as_slice() else { return };
        let [x, y, w, h] = tight_box(&face.mesh);
        let size = Self::size(rng).min(90.0);
        let to: [f32; 2] = std::array::from_fn(|_| rng.range(0.0, SIDE as f64) as f32);
        let view = Similarity::about([x + w / 2.0, y + h / 2.0], Self::turn(rng), size / (w * h).sqrt().max(1.0), to);
        let reach = size * rng.range(0.62, 1.1) as f32;
        let near = |b: &[f32; 4]| {
            let (cx, cy, r) = (b[0] + b[2] / 2.0, b[1] + b[3] / 2.0, (b[2] * b[3]).sqrt() * 0.6);
            (cx - to[0]).hypot(cy - to[1]) < r + reach
        };
        if faces.iter().any(|(b, _)| near(b)) {
            return;
        }
        let mut layer = canvas.clone();
        picture.levels.draw(&view, SIDE, &mut layer);
        let soft = rng.range(0.02, 0.4) as f32 * reach;
        let square = rng.chance(0.3);
        for (at, p) in canvas.iter_mut().enumerate() {
            let (dx, dy) = ((at % SIDE) as f32 + 0.5 - to[0], (at / SIDE) as f32 + 0.5 - to[1]);
            let distance = if square { dx.abs().max(dy.abs()) } else { dx.hypot(dy * 0.85) };
            let share = ((reach - distance) / soft.max(0.5)).clamp(0.0, 1.0);
            (0..3).for_each(|c| p[c] += (layer[at][c] - p[c]) * share);
        }
        let mesh: Vec<[f32; 2]> = face.mesh.iter().map(|p| view.apply(*p)).collect();
        faces.extend(five(&mesh).map(|points| (tight_box(&mesh), points)));
    }
}

fn fill(canvas: &mut Canvas, back: &Picture, rng: &mut Rng) {
    let (width, height) = (back.levels.full().width() as f32, back.levels.full().height() as f32);
    let least = SIDE as f32 / width.min(height);
    let scale = least * rng.range(1.0, 3.0).powf(1.5) as f32 * if rng.chance(0.3) { 0.6 } else { 1.0 };
    let centre = [rng.range(0.3, 0.7) as f32 * width, rng.range(0.3, 0.7) as f32 * height];
    let turn = if rng.chance(0.3) { rng.range(-3.1, 3.1) } else { 0.0 } as f32;
    back.levels.draw(&Similarity::about(centre, turn, scale, [SIDE as f32 / 2.0; 2]), SIDE, canvas);
}

/// What the maps of one batch should be.
pub struct Batch {
    pictures: Vec<f32>,
    /// 1 at a face's cell, falling off around it; `[batch, cells * cells]`.
    heat: Vec<f32>,
    /// 0 where nothing is asked of the score.
    asked: Vec<f32>,
    /// Regressed values `[batch, 14, cells * cells]` and the weight of each cell.
    values: Vec<f32>,
    weights: Vec<f32>,
}

fn targets(example: &Example, batch: &mut Batch) {
    let plane = CELLS * CELLS;
    let (mut heat, mut asked) = (vec![0.0f32; plane], vec![1.0f32; plane]);
    let (mut values, mut weights) = (vec![0.0f32; 14 * plane], vec![0.0f32; plane]);
    for (face_box, points) in &example.faces {
        let [left, top, width, height] = *face_box;
        let (size, cx, cy) = ((width * height).sqrt(), left + width / 2.0, top + height / 2.0);
        let in_view = |at: f32| (0.0..SIDE as f32).contains(&at);
        let ignored = !(SIZES[0] * 0.9..=SIZES[1]).contains(&size) || !in_view(cx) || !in_view(cy);
        for at in 0..plane {
            let (column, row) = (at % CELLS, at / CELLS);
            let (x, y) = ((column as f32 + 0.5) * STRIDE as f32, (row as f32 + 0.5) * STRIDE as f32);
            let (dx, dy) = ((x - cx) / width, (y - cy) / height);
            if ignored {
                if size < LARGEST_IGNORED && dx.abs().max(dy.abs()) < 0.6 {
                    asked[at] = 0.0;
                }
                continue;
            }
            let own = (x - cx).abs() <= STRIDE as f32 / 2.0 && (y - cy).abs() <= STRIDE as f32 / 2.0;
            let away = (dx * dx + dy * dy).sqrt();
            let value = if own { 1.0 } else { (-(away / 0.22).powi(2) / 2.0).exp().min(0.95) };
            heat[at] = heat[at].max(value);
            let weight = if own { 1.0 } else { (1.0 - away / 0.35).max(0.0) };
            if weight > weights[at] {
                weights[at] = weight;
                let encoded = encode(*face_box, points, column, row);
                (0..14).for_each(|i| values[i * plane + at] = encoded[i]);
            }
        }
    }
    batch.heat.extend(heat);
    batch.asked.extend(asked);
    batch.values.extend(values);
    batch.weights.extend(weights);
}

impl Task for Detector<'_> {
    type Net = FaceDetector;
    type Batch = Batch;

    fn init(&self, device: &Device) -> FaceDetector {
        let mut net = Config::default().init(Form::Trained, device);
        net.start_at_rare_faces();
        net
    }

    fn pictures(&self) -> usize {
        BATCH
    }

    fn batch(&self, rng: &mut Rng, _share: f64) -> Batch {
        let mut batch = Batch { pictures: vec![], heat: vec![], asked: vec![], values: vec![], weights: vec![] };
        for _ in 0..BATCH {
            let example = self.example(rng);
            append(&mut batch.pictures, &example.canvas);
            targets(&example, &mut batch);
        }
        batch
    }

    /// Penalty-reduced focal loss of the scores (CenterNet, Zhou et al. 2019, eq. 1) and the
    /// absolute error of boxes and points in box sizes.
    fn loss(&self, net: &FaceDetector, batch: Batch, device: &Device) -> Tensor<1> {
        let plane = CELLS * CELLS;
        let count = batch.pictures.len() / (3 * SIDE * SIDE);
        let host = |v: Vec<f32>, shape: [usize; 3]| Tensor::<3>::from_data(TensorData::new(v, shape), device);
        let pictures = Tensor::<4>::from_data(TensorData::new(batch.pictures, [count, 3, SIDE, SIDE]), device);
        let heat = host(batch.heat, [count, 1, plane]);
        let asked = host(batch.asked, [count, 1, plane]);
        let values = host(batch.values, [count, 14, plane]);
        let weights = host(batch.weights, [count, 1, plane]);
        let out = net.forward(pictures).reshape([count, OUTPUTS, plane]);
        let score = out.clone().slice([0..count, 0..1, 0..plane]);
        let regressed = out.slice([0..count, 1..OUTPUTS, 0..plane]);
        let at_face = heat.clone().greater_equal_elem(0.999).float();
        let p: Tensor<3> = sigmoid(score.clone());
        let hit = log_sigmoid(score.clone()) * sigmoid(-score.clone()).powf_scalar(2.0) * at_face.clone();
        let miss = log_sigmoid(-score) * p.powf_scalar(2.0) * (-heat + 1.0).powf_scalar(4.0) * (-at_face.clone() + 1.0);
        let faces = at_face.sum().clamp_min(1.0);
        let scores = -((hit + miss) * asked).sum() / faces;
        // An offset of a tenth of a small face must count as much as a tenth of a large one.
        let extents = values.clone().slice([0..count, 2..4, 0..plane]).exp();
        let error = (regressed - values).abs();
        let centre = error.clone().slice([0..count, 0..2, 0..plane]) / extents;
        let rest = error.slice([0..count, 2..14, 0..plane]);
        let per_cell = (centre.sum_dim(1) + rest.sum_dim(1) * 0.5) * weights.clone();
        scores + per_cell.sum() / weights.sum().clamp_min(1.0) * 2.0
    }

    fn validate(&self, net: &FaceDetector) -> Vec<(&'static str, f64)> {
        let device = Device::default();
        let mut scored: Vec<(f32, bool)> = Vec::new();
        let (mut wanted, mut overlap_sum, mut hits) = (0usize, 0.0f64, 0usize);
        for examples in self.validation.chunks(32) {
            let mut pictures = Vec::new();
            examples.iter().for_each(|e| append(&mut pictures, &e.canvas));
            let shape = [examples.len(), 3, SIDE, SIDE];
            let out = net.forward(Tensor::from_data(TensorData::new(pictures, shape), &device));
            let maps = assay_models::state::floats(out);
            for (example, map) in examples.iter().zip(maps.chunks_exact(OUTPUTS * CELLS * CELLS)) {
                let found = suppress(decode(map, CELLS, CELLS, 0.05), 0.4);
                let mut taken = vec![false; found.len()];
                for (face_box, points) in &example.faces {
                    let size = (face_box[2] * face_box[3]).sqrt();
                    let truth = assay_models::face_detector::Found { face_box: *face_box, points: *points, score: 1.0 };
                    let best = (0..found.len()).max_by(|a, b| truth.iou(&found[*a]).total_cmp(&truth.iou(&found[*b])));
                    let best = best.filter(|i| truth.iou(&found[*i]) > 0.5);
                    if let Some(i) = best {
                        taken[i] = true;
                    }
                    let inside = |v: f32, extent: f32| v > 0.0 && v + extent < SIDE as f32;
                    let whole = inside(face_box[0], face_box[2]) && inside(face_box[1], face_box[3]);
                    if (12.0..72.0).contains(&size) && whole {
                        wanted += 1;
                        if let Some(i) = best {
                            hits += 1;
                            overlap_sum += f64::from(truth.iou(&found[i]));
                            scored.push((found[i].score, true));
                        }
                    }
                }
                scored.extend(found.iter().zip(&taken).filter(|(_, t)| !**t).map(|(f, _)| (f.score, false)));
            }
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut recall_at = [0.0, 0.0];
        for (limit, out) in [0.01, 0.1].into_iter().zip(&mut recall_at) {
            let (mut right, mut wrong) = (0usize, 0usize);
            for (_, is_face) in &scored {
                if *is_face {
                    right += 1;
                } else {
                    wrong += 1;
                }
                if wrong as f64 > limit * self.validation.len() as f64 {
                    break;
                }
            }
            *out = right as f64 / wanted.max(1) as f64;
        }
        vec![
            ("recall_at_1_false_in_100", recall_at[0]),
            ("recall_at_10_false_in_100", recall_at[1]),
            ("recall_ever", hits as f64 / wanted.max(1) as f64),
            ("mean_iou", overlap_sum / hits.max(1) as f64),
        ]
    }
}
