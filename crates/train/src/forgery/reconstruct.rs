//! Faces that went through an autoencoder and were laid back: a swap program's fingerprint without
//! a swap.
//!
//! The decision that shapes it: the autoencoders learn on the training people of the run itself, in
//! two layouts, and every face is passed once through each at a random length of its code; what
//! comes out is kept. Laying it back (mask, colours, sharpening, how much of the lost detail is
//! given back) is drawn anew each time, as swap programs leave it to their users.
use std::path::PathBuf;

use anyhow::Context as _;
use assay_media::Progress;
use assay_models::face_autoencoder::{Config, FaceAutoencoder, Layout};
use assay_models::face_mesh::TEMPLATE;
use assay_models::state::floats;
use burn::tensor::{Device, Tensor, TensorData};
use image::RgbImage;

use super::blend::matched;
use super::examples::{Draws, Example, Reals, Sort, sometimes, strength};
use super::faces::{self, View};
use super::masks;
use super::pairs::PAIRS;
use super::recipe::{About, Material, Order, Recipe};
use super::task::Forgery;
use super::{finish, part_of};
use crate::faces::augment::{Canvas, append, mirror, to_image};
use crate::faces::mesh::crop_from_picture;
use crate::faces::warp::{Levels, Similarity};
use crate::{Budget, Options, Task, train};
use assay_bench::collections::Split;
use assay_material::perturb::blur::blur;
use assay_material::rng::Rng;

/// The recipe.
pub struct The;

static ABOUT: About = About {
    has_patches: true,
    ..About::new(
        "reconstruct",
        "Real faces after autoencoders trained in the same run, laid back as swap programs do, mixed with self-blended ones",
    )
};

/// Crops of reconstructions, which validation has none of.
static RECONSTRUCTIONS: Sort = Sort { name: "reconstructions", map_auc: None, by_map: None, paired: None };

/// Share of the draws that are reconstructions; the rest are self-blended.
pub(super) const RECONSTRUCTED: f64 = 0.6;

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, order: &Order<'_>, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
        let material = self.load(order, progress)?;
        let task = Forgery::new(&material, order.choice);
        let (banks, rest) = banks(&task, &material, order.options, progress)?;
        let options = Options { budget: rest, ..order.options.clone() };
        finish(&task.with_draws(Box::new(Reconstructed { banks })), &options, progress)
    }
}

/// What came out of autoencoders, one list each, in the order of the training faces.
pub(super) struct Reconstructed {
    pub(super) banks: Vec<Vec<Passed>>,
}

impl Draws for Reconstructed {
    fn draw(&self, reals: &Reals<'_>, rng: &mut Rng, share: f64) -> [Example; 2] {
        sometimes::<()>(rng, PAIRS, &[]);
        let at = reals.any(rng);
        match sometimes(rng, RECONSTRUCTED, &self.banks).and_then(|bank| bank.get(at)) {
            Some(passed) => reconstructed(reals, reals.train[at], passed, share, rng),
            None => reals.blended(reals.train[at], share, rng),
        }
    }
}

/// The autoencoders of a run.
pub const LAYOUTS: [Config; 2] =
    [Config { side: 96, layout: Layout::Whole, code: 256 }, Config { side: 128, layout: Layout::Places, code: 24 }];

/// Share of a run's budget that each autoencoder gets.
pub(super) const AUTOENCODER: f64 = 0.15;

/// Faces in a batch.
const BATCH: usize = 24;

/// A face and the same face after an autoencoder, laid back.
fn reconstructed(
    reals: &Reals<'_>,
    (picture, face): View<'_>,
    passed: &Passed,
    share: f64,
    rng: &mut Rng,
) -> [Example; 2] {
    let subtlety = strength(share);
    let (view, side) = reals.cut.view(&face.mesh, reals.cut.varied, rng);
    let mut real = faces::draw(picture, &view, side);
    let mesh: Vec<[f32; 2]> = face.mesh.iter().map(|p| view.apply(*p)).collect();
    let inner = passed.laid_into(&real, side, &view, subtlety, rng);
    let mut mask = masks::draw(&mesh, side, reals.choice.shapes, rng);
    masks::soften(&mut mask, side, 4.0 + 9.0 * subtlety, 1.0, rng);
    let inner = if rng.chance(0.6) { matched(&inner, &real, &mask) } else { inner };
    let mut fake = masks::laid(&inner, &real, &mask);
    if rng.chance(0.5) {
        mirror(&mut real, side);
        mirror(&mut fake, side);
        mask.chunks_exact_mut(side).for_each(<[f32]>::reverse);
    }
    reals.degraded([real, fake], mask, subtlety, &RECONSTRUCTIONS, rng)
}

/// Trains the autoencoders in folders of their own and passes every training face through them;
/// with what is left of the budget.
fn banks(
    task: &Forgery<'_>,
    material: &Material,
    options: &Options,
    progress: &dyn Progress,
) -> anyhow::Result<(Vec<Vec<Passed>>, Budget)> {
    let mut banks = Vec::new();
    for (at, config) in LAYOUTS.into_iter().enumerate() {
        let validation = faces::real(&material.pictures, Split::Validation, faces::MIN_EXTENT_PX);
        let own = Autoencoding { config, train: task.faces(), validation };
        let out = options.out.join(format!("autoencoder-{}", at + 1));
        let options = Options { budget: part_of(options.budget, AUTOENCODER), out, from: None, ..options.clone() };
        let net = train(&own, &options, progress)?;
        progress.update("passing faces through the autoencoder", 0, 0);
        let bank = bank(&net, &own, options.seed);
        let path = options.out.join("faces.jpg");
        sheet(&bank, &own).save(&path).with_context(|| format!("cannot write {}", path.display()))?;
        banks.push(bank);
    }
    Ok((banks, part_of(options.budget, 1.0 - AUTOENCODER * LAYOUTS.len() as f64)))
}

/// Trains one autoencoder on faces.
pub struct Autoencoding<'a> {
    /// Which.
    pub config: Config,
    /// Training faces.
    pub train: &'a [View<'a>],
    /// Validation faces.
    pub validation: Vec<View<'a>>,
}

/// The aligned face of a picture with its mesh, as the autoencoder sees it.
fn aligned((picture, mesh): (&Levels, &[[f32; 2]]), side: usize) -> (Similarity, Canvas) {
    let view = crop_from_picture(mesh, &TEMPLATE, side);
    let mut canvas = vec![[0.0; 3]; side * side];
    picture.draw(&view, side, &mut canvas);
    (view, canvas)
}

fn seen((picture, face): View<'_>) -> (&Levels, &[[f32; 2]]) {
    (&picture.levels, &face.mesh)
}

impl Autoencoding<'_> {
    /// A length of the code: often all of it, else any share.
    pub(super) fn length(&self, rng: &mut Rng) -> usize {
        if rng.chance(0.4) { 0 } else { 1 + rng.below(self.config.code) }
    }
}

fn tensor(faces: Vec<f32>, side: usize, device: &Device) -> Tensor<4> {
    let count = faces.len() / (3 * side * side);
    Tensor::from_data(TensorData::new(faces, [count, 3, side, side]), device) * 0.5 + 0.5
}

/// Differences between neighbours: what blur takes away.
fn edges(x: &Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let [_, _, height, width] = x.dims();
    let across = x.clone().narrow(3, 1, width - 1) - x.clone().narrow(3, 0, width - 1);
    let down = x.clone().narrow(2, 1, height - 1) - x.clone().narrow(2, 0, height - 1);
    (across, down)
}

impl Task for Autoencoding<'_> {
    type Net = FaceAutoencoder;
    type Batch = (Vec<f32>, Vec<usize>);

    fn init(&self, device: &Device) -> FaceAutoencoder {
        self.config.init(device)
    }

    fn pictures(&self) -> usize {
        BATCH
    }

    fn batch(&self, rng: &mut Rng, _share: f64) -> Self::Batch {
        let mut batch = (Vec::new(), Vec::new());
        for _ in 0..BATCH {
            let Some(view) = rng.pick(self.train).copied() else { break };
            let (_, mut face) = aligned(seen(view), self.config.side);
            if rng.chance(0.5) {
                mirror(&mut face, self.config.side);
            }
            append(&mut batch.0, &face);
            batch.1.push(self.length(rng));
        }
        batch
    }

    fn loss(&self, net: &FaceAutoencoder, (faces, kept): Self::Batch, device: &Device) -> Tensor<1> {
        let faces = tensor(faces, self.config.side, device);
        let out = net.forward(faces.clone(), &kept);
        let ((a, b), (c, d)) = (edges(&out), edges(&faces));
        (out - faces).abs().mean() + (a - c).abs().mean() + (b - d).abs().mean()
    }

    fn validate(&self, net: &FaceAutoencoder) -> Vec<(&'static str, f64)> {
        let mut sum = 0.0;
        let faces: Vec<View<'_>> = self.validation.iter().copied().take(64).collect();
        for face in &faces {
            let (_, canvas) = aligned(seen(*face), self.config.side);
            let out = passed(net, self.config.side, &canvas, 0);
            let off = canvas.iter().flatten().zip(out.as_raw()).map(|(a, b)| f64::from((a - f32::from(*b)).abs()));
            sum += off.sum::<f64>() / out.as_raw().len() as f64;
        }
        vec![("mean_error_grey_levels", sum / faces.len().max(1) as f64)]
    }
}

/// One face through the network.
fn passed(net: &FaceAutoencoder, side: usize, face: &Canvas, kept: usize) -> RgbImage {
    let mut values = Vec::new();
    append(&mut values, face);
    let out = floats(net.forward(tensor(values, side, &Device::default()), &[kept]));
    RgbImage::from_fn(side as u32, side as u32, |x, y| {
        let at = |c: usize| out[(c * side + y as usize) * side + x as usize];
        image::Rgb([0, 1, 2].map(|c| (at(c) * 255.0).round().clamp(0.0, 255.0) as u8))
    })
}

/// A face as an autoencoder gave it back, with the way from its picture to it.
pub struct Passed {
    face_from_picture: Similarity,
    face: RgbImage,
}

/// Every training face through a trained network, at a random length of its code; in the order of
/// `train`.
pub fn bank(net: &FaceAutoencoder, task: &Autoencoding<'_>, seed: u64) -> Vec<Passed> {
    task.train
        .iter()
        .enumerate()
        .map(|(at, view)| {
            let mut rng = Rng::labelled(seed, &format!("code {at}"));
            Passed::new(net, task.config, seen(*view), task.length(&mut rng))
        })
        .collect()
}

impl Passed {
    /// A square of one colour, as if it were a face.
    #[cfg(test)]
    pub(super) fn made(face_from_picture: Similarity, side: u32, grey: u8) -> Self {
        Self { face_from_picture, face: RgbImage::from_pixel(side, side, image::Rgb([90, 60 + grey, 70])) }
    }

    /// The face of a picture with its mesh through a network, with so many places of its code kept
    /// (0 for all).
    pub fn new(net: &FaceAutoencoder, config: Config, face: (&Levels, &[[f32; 2]]), kept: usize) -> Self {
        let (face_from_picture, canvas) = aligned(face, config.side);
        Self { face_from_picture, face: passed(net, config.side, &canvas, kept) }
    }

    /// The reconstructed face in the crop's coordinates, over the crop itself where the face does
    /// not reach; colours matched or not, sharpened or not, with a part of what was lost given
    /// back. `subtlety` from 0 to 1 makes it harder to see.
    pub fn laid_into(
        &self,
        crop: &Canvas,
        side: usize,
        crop_from_picture: &Similarity,
        subtlety: f64,
        rng: &mut Rng,
    ) -> Canvas {
        let picture_from_crop = crop_from_picture.inverse();
        let last = self.face.width() as f32 - 1.001;
        let mut out = crop.clone();
        for (i, pixel) in out.iter_mut().enumerate() {
            let at = picture_from_crop.apply([(i % side) as f32 + 0.5, (i / side) as f32 + 0.5]);
            let [x, y] = self.face_from_picture.apply(at).map(|v| v - 0.5);
            if x < 0.0 || y < 0.0 || x > last || y > last {
                continue;
            }
            let (ix, iy, fx, fy) = (x as u32, y as u32, x.fract(), y.fract());
            let p = |dx: u32, dy: u32| self.face.get_pixel(ix + dx, iy + dy).0.map(f32::from);
            let (a, b, c, d) = (p(0, 0), p(1, 0), p(0, 1), p(1, 1));
            *pixel = std::array::from_fn(|k| {
                let (top, bottom) = (a[k] + (b[k] - a[k]) * fx, c[k] + (d[k] - c[k]) * fx);
                top + (bottom - top) * fy
            });
        }
        if rng.chance(0.5) {
            let mut soft = out.clone();
            blur(&mut soft, side, rng.range(0.6, 1.5) as f32);
            let strength = rng.range(0.2, 1.2) as f32;
            for (p, s) in out.iter_mut().zip(&soft) {
                (0..3).for_each(|c| p[c] = (p[c] + strength * (p[c] - s[c])).clamp(0.0, 255.0));
            }
        }
        // A decoder trained for weeks loses less than one trained for minutes.
        let back = (rng.range(0.0, 0.75) * subtlety) as f32;
        out.iter_mut().zip(crop).for_each(|(p, own)| (0..3).for_each(|c| p[c] += back * (own[c] - p[c])));
        out
    }
}

/// Pictures of faces above what came out of an autoencoder, for people.
pub fn sheet(bank: &[Passed], task: &Autoencoding<'_>) -> RgbImage {
    let side = task.config.side as u32;
    let columns = 8u32.min(bank.len() as u32).max(1);
    let mut sheet = RgbImage::new(columns * side, 2 * side);
    for (at, (passed, view)) in bank.iter().zip(task.train).step_by((bank.len() / 8).max(1)).take(8).enumerate() {
        let own = to_image(&aligned(seen(*view), task.config.side).1, task.config.side);
        let x = i64::from(at as u32 * side);
        image::imageops::replace(&mut sheet, &own, x, 0);
        image::imageops::replace(&mut sheet, &passed.face, x, i64::from(side));
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reconstruction_lies_where_its_face_was_and_nowhere_else() {
        let side = 64;
        // The face's square is the middle half of the crop, drawn in plain red.
        let face_from_picture = Similarity::about([32.0, 32.0], 0.0, 1.0, [16.0, 16.0]);
        let passed = Passed { face_from_picture, face: RgbImage::from_pixel(32, 32, image::Rgb([200, 10, 10])) };
        let crop: Canvas = vec![[80.0; 3]; side * side];
        let plain = Similarity::about([0.0; 2], 0.0, 1.0, [0.0; 2]);
        for seed in 0..8 {
            let out = passed.laid_into(&crop, side, &plain, 0.0, &mut Rng::new(seed));
            assert!(out[32 * side + 32][0] > 180.0 && out[32 * side + 32][1] < 30.0);
            assert!(out[4 * side + 4].iter().all(|v| (v - 80.0).abs() < 1e-3));
        }
    }

    #[test]
    fn an_autoencoder_learns_its_faces() {
        let device = Device::default().autodiff();
        let config = Config { side: 32, layout: Layout::Places, code: 8 };
        let task = Autoencoding { config, train: &[], validation: Vec::new() };
        let mut net = task.init(&device);
        let mut optimizer = burn::optim::AdamWConfig::new().init();
        let faces: Vec<f32> = (0..4 * 3 * 32 * 32).map(|i| if i / 16 % 2 == 0 { 0.5 } else { -0.5 }).collect();
        let mut losses = Vec::new();
        for _ in 0..25 {
            let loss = task.loss(&net, (faces.clone(), vec![0; 4]), &device);
            let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &net);
            net = optimizer.step(5e-3, net, gradients);
            losses.push(loss.into_scalar::<f32>());
        }
        assert!(losses[24] < 0.6 * losses[0], "{losses:?}");
    }
}
