//! Pairs of pictures of one head to learn motion from.
//!
//! The decision that shapes it: most pairs are two frames of a stretch, and some a photograph and
//! its bent self, whose motion is known; there are few clips here and many faces. Validation pairs
//! are of people of the validation split, drawn once.
use std::path::Path;
use std::sync::Arc;

use assay_media::Progress;
use assay_models::device::DeviceChoice;
use assay_models::first_order::{KeyPoints, ThinPlate, equivariance};
use assay_models::layers::AlignCorners;
use assay_models::perceptual::{Features, Published};
use burn::tensor::{Device, Tensor, TensorData};
use image::RgbImage;

use super::anchors::{self, Anchors, Placed};
use super::heads::{self, Head, ROOM, Stretch};
use assay_bench::collections::Split;
use assay_material::rng::Rng;

/// Share of pairs that are a photograph and its bent self.
const BENT: f64 = 0.4;
/// Sizes of the perceptual pyramid: 1 and 1/2.
const PYRAMID: usize = 2;
/// Weights of the losses. Equivariance is the published one. Pixels weigh much, because the
/// features hardly see colours.
const PERCEPTUAL: f32 = 2.0;
const PIXELS: f32 = 40.0;
const EQUIVARIANCE: f32 = 10.0;

/// What pairs are drawn from.
pub(super) struct Pairs {
    side: usize,
    clips: Vec<Stretch>,
    photographs: Vec<Stretch>,
    anchors: Arc<Anchors>,
    /// Pairs of unseen people, drawn once.
    pub(super) validation: Batch,
}

/// Pairs of pictures, and how the driver is bent.
#[derive(Clone, Default)]
pub struct Batch {
    source: Vec<f32>,
    driving: Vec<f32>,
    /// `[n, 2, 3]` and `[n, 25]`; the identity for frames of clips.
    theta: Vec<f32>,
    control: Vec<f32>,
    /// The same for the equivariance losses.
    known: (Vec<f32>, Vec<f32>),
    /// Where the key points belong in sources and drivers, and whether the latter holds: a driver
    /// that is bent has them elsewhere.
    anchors: [Vec<Placed>; 2],
    straight: Vec<f32>,
    /// Whether nothing is to be painted.
    pub(super) points_only: bool,
}

/// Control points a side of a bend.
const POINTS: usize = 5;

impl Batch {
    /// The same, to learn points from alone.
    pub(super) fn without_painting(self) -> Self {
        Self { points_only: true, ..self }
    }

    fn len(&self) -> usize {
        self.theta.len() / 6
    }

    fn bend((theta, control): (&[f32], &[f32]), device: &Device) -> ThinPlate {
        let n = theta.len() / 6;
        ThinPlate {
            theta: Tensor::from_data(TensorData::new(theta.to_vec(), [n, 2, 3]), device),
            control: Tensor::from_data(TensorData::new(control.to_vec(), [n, POINTS * POINTS]), device),
            points: POINTS,
        }
    }

    pub(super) fn tensors(&self, side: usize, device: &Device) -> (Tensor<4>, Tensor<4>) {
        let shape = [self.len(), 3, side, side];
        let tensor = |values: &[f32]| Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), device);
        let driving = tensor(&self.driving);
        // Coordinates count from pixel centres here, so the identity reads every pixel itself.
        let bent = Self::bend((&self.theta, &self.control), device).transform_frame(driving, AlignCorners::Centres);
        (tensor(&self.source), bent)
    }

    /// What a network's points of the driver must keep: bent, they lie where the points of the bent
    /// driver do (paper, section 3.1).
    pub(super) fn equivariance(
        &self,
        driving: &Tensor<4>,
        points: &KeyPoints,
        find: impl Fn(Tensor<4>) -> KeyPoints,
    ) -> Tensor<1> {
        let known = Self::bend((&self.known.0, &self.known.1), &driving.device());
        let bent = known.transform_frame(driving.clone(), AlignCorners::Centres);
        let (value, jacobian) = equivariance(points, &find(bent), &known);
        let both = jacobian.into_iter().fold(value, |sum, term| sum + term);
        both * EQUIVARIANCE
    }
}

impl Batch {
    /// How far key points of sources and drivers are from where they belong.
    pub(super) fn miss(&self, source: &KeyPoints, driving: &KeyPoints) -> Option<Tensor<1>> {
        let all = vec![1.0; self.len()];
        let miss = anchors::miss(source, &self.anchors[0], &all)?;
        Some(miss + anchors::miss(driving, &self.anchors[1], &self.straight)?)
    }
}

/// Who says how unlike a made picture is to its driver.
pub(super) struct Likeness {
    features: Features,
    /// Those of validation, without gradients.
    plain: Features,
    published: Option<Published>,
    /// Whose features they are, for the record.
    pub(super) name: String,
}

impl Likeness {
    /// By VGG-19 where the user has imported it, else by this project's networks and pixels.
    ///
    /// # Errors
    /// When weights cannot be read.
    pub(super) fn open(device: DeviceChoice) -> anyhow::Result<Self> {
        let device = device.device()?;
        let trained = device.clone().autodiff();
        let (published, name) = match Published::imported(&trained)? {
            Some((published, id)) => (Some(published), id),
            None => (None, "face-mesh and face-embedding as shipped".to_owned()),
        };
        Ok(Self { features: Features::shipped(&trained)?, plain: Features::shipped(&device)?, published, name })
    }

    /// The loss.
    pub(super) fn unlikeness(&self, driving: &Tensor<4>, made: &Tensor<4>) -> Tensor<1> {
        if let Some(published) = &self.published {
            return published.difference(driving, made);
        }
        let pixels = (driving.clone() - made.clone()).abs().mean();
        self.features.difference(driving, made, PYRAMID) * PERCEPTUAL + pixels * PIXELS
    }
}

impl Likeness {
    /// Figures of made pictures beside those of the unmoved source.
    pub(super) fn figures(
        &self,
        source: &Tensor<4>,
        driving: &Tensor<4>,
        made: &Tensor<4>,
    ) -> Vec<(&'static str, f64)> {
        let mean = |a: &Tensor<4>| f64::from((driving.clone() - a.clone()).abs().mean().into_scalar::<f32>());
        let looks = self.plain.difference(driving, made, 1);
        vec![("l1", mean(made)), ("l1_of_the_source", mean(source)), ("perceptual", looks.into_scalar::<f32>().into())]
    }
}

/// The mesh of a head in the square that is cut out of it, in [-1, 1] from the first pixel's centre
/// to the last one's.
fn in_square(head: &Head, corner: [u32; 2], side: u32) -> Vec<[f32; 2]> {
    let place = |v: f32, corner: u32| 2.0 * (v - 0.5 - corner as f32) / (side as f32 - 1.0) - 1.0;
    head.mesh.iter().map(|p| [place(p[0], corner[0]), place(p[1], corner[1])]).collect()
}

/// Draws an affine map near the identity and a bend.
fn draw_bend(rng: &mut Rng, affine: f64, bend: f64) -> ([f32; 6], Vec<f32>) {
    let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    let theta = identity.map(|v: f32| v + (rng.normal() * affine) as f32);
    (theta, (0..POINTS * POINTS).map(|_| (rng.normal() * bend) as f32).collect())
}

impl Pairs {
    /// Reads the data; only the training split is drawn from.
    ///
    /// # Errors
    /// When it cannot be read, or holds no clip of either split.
    pub(super) fn open(side: usize, data: &Path, progress: &dyn Progress) -> anyhow::Result<Self> {
        let room = (side as f32 * ROOM).round() as u32;
        let clips = heads::clips(data, room, progress)?;
        let photographs = heads::photographs(data, room, progress)?;
        let (training, held): (Vec<_>, Vec<_>) =
            clips.into_iter().filter(|s| s.split != Split::Test).partition(|s| s.split == Split::Train);
        anyhow::ensure!(!training.is_empty(), "{} holds no clip of the training split", data.display());
        anyhow::ensure!(!held.is_empty(), "{} holds no clip of the validation split", data.display());
        let photographs: Vec<Stretch> = photographs.into_iter().filter(|s| s.split == Split::Train).collect();
        let known = if photographs.is_empty() { &training } else { &photographs };
        let known: Vec<Vec<[f32; 2]>> =
            known.iter().filter_map(|s| Some(in_square(s.frames.first()?, [0; 2], room))).collect();
        let anchors = Arc::new(Anchors::learn(known.iter().map(Vec::as_slice)));
        let none = Batch::default();
        let held = Self { side, clips: held, photographs: Vec::new(), anchors: Arc::clone(&anchors), validation: none };
        let validation = held.batch(&mut Rng::new(31), 16);
        Ok(Self { side, clips: training, photographs, anchors, validation })
    }

    /// As many pairs.
    pub(super) fn batch(&self, rng: &mut Rng, count: usize) -> Batch {
        let mut batch = Batch::default();
        (0..count).for_each(|_| self.add_pair(rng, &mut batch));
        batch
    }

    /// Files that were read, for the record.
    pub(super) fn files(&self) -> Vec<String> {
        let all = self.clips.iter().chain(&self.photographs);
        let mut files: Vec<String> = all.map(|s| s.name.split('#').next().unwrap_or(&s.name).to_owned()).collect();
        files.sort();
        files.dedup();
        files
    }

    fn add_pair(&self, rng: &mut Rng, batch: &mut Batch) {
        let is_photograph = !self.photographs.is_empty() && rng.chance(BENT);
        let Some(stretch) = rng.pick(if is_photograph { &self.photographs } else { &self.clips }) else { return };
        let (Some(source), Some(driving)) = (rng.pick(&stretch.frames), rng.pick(&stretch.frames)) else { return };
        let side = self.side as u32;
        let free = source.picture.width() - side;
        let corner = [rng.below(free as usize + 1) as u32, rng.below(free as usize + 1) as u32];
        let look = Look::draw(rng, corner, side);
        look.append(&source.picture, &mut batch.source);
        look.append(&driving.picture, &mut batch.driving);
        for (all, head) in batch.anchors.iter_mut().zip([source, driving]) {
            all.push(self.anchors.of(&in_square(head, corner, side), look.is_mirrored));
        }
        batch.straight.push(if is_photograph { 0.0 } else { 1.0 });
        let (theta, control) = if is_photograph { draw_bend(rng, 0.09, 0.012) } else { draw_bend(rng, 0.0, 0.0) };
        batch.theta.extend(theta);
        batch.control.extend(control);
        let (theta, control) = draw_bend(rng, 0.05, 0.005);
        batch.known.0.extend(theta);
        batch.known.1.extend(control);
    }
}

/// Where a square is cut and how its colours are changed: the same for both pictures of a pair.
struct Look {
    corner: [u32; 2],
    side: u32,
    is_mirrored: bool,
    gain: [f32; 3],
    shift: f32,
}

impl Look {
    fn draw(rng: &mut Rng, corner: [u32; 2], side: u32) -> Self {
        let contrast = rng.range(0.9, 1.1);
        let gain = std::array::from_fn(|_| (contrast * rng.range(0.95, 1.05)) as f32);
        Self { corner, side, is_mirrored: rng.chance(0.5), gain, shift: rng.range(-0.05, 0.05) as f32 }
    }

    fn append(&self, picture: &RgbImage, planes: &mut Vec<f32>) {
        let [left, top] = self.corner;
        for (c, gain) in self.gain.iter().enumerate() {
            for y in 0..self.side {
                for x in 0..self.side {
                    let x = if self.is_mirrored { self.side - 1 - x } else { x };
                    let value = f32::from(picture.get_pixel(left + x, top + y).0[c]) / 255.0;
                    planes.push(((value - 0.5) * gain + 0.5 + self.shift).clamp(0.0, 1.0));
                }
            }
        }
    }
}
