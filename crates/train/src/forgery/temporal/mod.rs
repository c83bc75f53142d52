//! Short windows of consecutive frames: whether a face was made anew in each.
//!
//! The decision that shapes it: what is forged is forged frame by frame, with the tremor that such
//! work has (the mask, the place and the colours of every frame stray a little on their own), then
//! every frame is brought onto the middle one; the network sees only what remains. Few people were
//! filmed, so the real halves of the side-by-side clips are material too, and every figure needs a
//! part of them held out.
use std::path::PathBuf;

use assay_checkpoints::StateDict;
use assay_media::Progress;
use assay_models::Kind;
use assay_models::blocks::Form;
use assay_models::face_autoencoder::FaceAutoencoder;
use assay_models::face_forgery::{self, Config, FaceForgery, Judgement, SIDE, WINDOW};
use assay_models::state::{Mismatch, collect};
use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use super::Fold;
use super::batch::{self, Batch, layers};
use super::blend::{Blend, Tremor, matched, processed, self_blended};
use super::examples::changed;
use super::faces;
use super::masks::{self, Mask};
use super::recipe::{About, Order, Recipe};
use super::reconstruct::{AUTOENCODER, Autoencoding, LAYOUTS, Passed};
use super::task::Choice;
use super::{part_of, write_preview, write_weights};
use crate::faces::augment::Canvas;
use crate::faces::data;
use crate::faces::preview::Crop;
use crate::faces::warp::{Levels, Similarity};
use crate::{Options, Task, folder, train};
use assay_bench::collections::{self, Split};
use assay_bench::metrics::auc;
use assay_material::rng::Rng;
use windows::{KEPT, Moment, Window, grey};

pub mod align;
pub mod windows;

/// The recipe.
pub struct The;

static ABOUT: About = About {
    kind: Kind::FaceTemporal,
    ..About::new(
        "temporal",
        "Windows of eight consecutive frames of clips, forged frame by frame (with --hold-out also real and swapped ones)",
    )
};

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// An autoencoder on the photographs first, then the detector.
    fn run(&self, order: &Order<'_>, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
        let (choice, data, options) = (order.choice, order.data, order.options);
        let moments = windows::load(data, progress)?;
        let mut files: Vec<String> = moments.iter().map(|m| m.clip.clone()).collect();
        files.dedup();
        progress.update("reading pictures", 0, 0);
        let pictures = data::load(data, None)?;
        files.extend(data::files_of(&pictures));
        folder::write_record(&choice, data, &files, options)?;
        let train_faces = faces::real(&pictures, Split::Train, faces::MIN_EXTENT_PX);
        let validation = faces::real(&pictures, Split::Validation, faces::MIN_EXTENT_PX);
        let own = Autoencoding { config: LAYOUTS[0], train: &train_faces, validation };
        let out = options.out.join("autoencoder");
        let first = Options { budget: part_of(options.budget, AUTOENCODER), out, from: None, ..options.clone() };
        let net = train(&own, &first, progress)?;
        let task = Temporal::new(&moments, choice).with_bank(&net, &own, options.seed, progress);
        let rest = Options { budget: part_of(options.budget, 1.0 - AUTOENCODER), ..options.clone() };
        let mut rng = Rng::new(options.seed);
        write_preview(&options.out, SIDE, || task.preview(&mut rng))?;
        let tensors = collect(&train(&task, &rest, progress)?.folded());
        write_weights(&options.out, Kind::FaceTemporal, &tensors)
    }
}

/// Windows in a batch, each twice.
const WINDOWS: usize = 8;
/// Share of the run after which everything has its full strength.
const FULL_AT: f64 = 0.4;
/// Share of the draws that are swaps, where swaps are learned from.
const SWAPS: f64 = 0.4;
/// Share of the other draws that went through an autoencoder.
const RECONSTRUCTED: f64 = 0.4;
/// Largest number of windows in a validation.
const VALIDATED: usize = 96;

/// The frames of a window, forged or not, with what is true of them.
struct Drawn {
    /// Luma of each frame as the network sees it.
    frames: Vec<Vec<f32>>,
    is_fake: bool,
    mask: Option<Mask>,
}

impl Drawn {
    fn append(&self, batch: &mut Batch) {
        face_forgery::append_window(&mut batch.planes, &self.frames);
        batch.note(f32::from(self.is_fake), self.mask.as_ref(), |mask| layers(mask, SIDE));
    }
}

/// The task.
pub struct Temporal<'a> {
    choice: Choice,
    train: Vec<&'a Moment>,
    /// Frames of every training window after each autoencoder.
    banks: Vec<Vec<Vec<Passed>>>,
    validation: Vec<(&'static str, Drawn)>,
}

impl<'a> Temporal<'a> {
    /// Sorts the windows. With a part of the side-by-side clips held out, the others are learned
    /// from with their swaps; without one their real halves only, and only those of the training
    /// split.
    pub fn new(moments: &'a [Moment], choice: Choice) -> Self {
        let held_out = held_out(moments, choice.held_out);
        let is_in =
            |m: &&Moment, split: Split| held_out(m).map_or(m.split == split, |held| held == (split != Split::Train));
        let of = |split: Split| moments.iter().filter(|m| is_in(m, split)).collect::<Vec<_>>();
        let mut task = Self { choice, train: of(Split::Train), banks: Vec::new(), validation: Vec::new() };
        let mut rng = Rng::new(77);
        let held = of(Split::Validation);
        for moment in spread(&held, VALIDATED) {
            let drawn = task.forged(moment, None, 1.0, &mut rng);
            task.validation.extend(drawn.into_iter().map(|d| ("blends", d)));
        }
        let pairs: Vec<&Moment> = held.into_iter().filter(|m| m.swapped.is_some()).collect();
        for moment in spread(&pairs, VALIDATED) {
            task.validation.extend(plain(moment).into_iter().map(|d| ("swaps", d)));
        }
        task
    }

    /// Every frame of every training window with its mesh, window after window.
    pub fn frames(&self) -> Vec<(&'a Levels, Vec<[f32; 2]>)> {
        let of = |m: &&'a Moment| {
            let mesh = |from: &Similarity| m.mesh.iter().map(|p| from.apply(*p)).collect();
            m.real
                .frames
                .iter()
                .zip(&m.real.frame_from_middle)
                .map(move |(f, from)| (f, mesh(from)))
                .collect::<Vec<_>>()
        };
        self.train.iter().flat_map(of).collect()
    }

    /// With what came out of an autoencoder: one length of the code a window, as a program does not
    /// change its network from frame to frame.
    #[must_use]
    pub fn with_bank(
        mut self,
        net: &FaceAutoencoder,
        task: &Autoencoding<'_>,
        seed: u64,
        progress: &dyn Progress,
    ) -> Self {
        let frames = self.frames();
        let count = self.train.len() as u64;
        let bank = frames.chunks(WINDOW).enumerate().map(|(at, window)| {
            progress.update("passing windows through the autoencoder", at as u64, count);
            let length = task.length(&mut Rng::labelled(seed, &format!("code of window {at}")));
            window.iter().map(|(frame, mesh)| Passed::new(net, task.config, (frame, mesh), length)).collect()
        });
        let bank = bank.collect();
        self.banks.push(bank);
        self
    }

    fn draw(&self, rng: &mut Rng, share: f64) -> Vec<Drawn> {
        if self.train.is_empty() {
            return Vec::new();
        }
        let at = rng.below(self.train.len());
        let moment = self.train[at];
        if self.choice.held_out.is_some() && moment.swapped.is_some() && rng.chance(SWAPS) {
            return self.swapped(moment, share, rng);
        }
        let bank = rng.pick(&self.banks).and_then(|b| b.get(at)).filter(|_| rng.chance(RECONSTRUCTED));
        self.forged(moment, bank, share, rng)
    }

    /// A window as recorded, and forged frame by frame.
    fn forged(&self, moment: &Moment, passed: Option<&Vec<Passed>>, share: f64, rng: &mut Rng) -> Vec<Drawn> {
        let subtlety = (share / FULL_AT).min(1.0);
        let view = jittered(rng);
        let draws = rng.clone();
        rng.next_u64();
        let tremors: Vec<Tremor> = (0..WINDOW).map(|_| Tremor::drawn(rng)).collect();
        let plain = unmoved();
        let frames: Vec<(Canvas, Canvas, Mask)> = (0..WINDOW)
            .into_par_iter()
            .map(|t| {
                let mut draws = draws.clone();
                let real = canvas(&moment.real.frames[t]);
                let mesh: Vec<[f32; 2]> =
                    moment.mesh.iter().map(|p| moment.real.frame_from_middle[t].apply(*p)).collect();
                let mesh = tremors[t].mesh(&mesh);
                let (fake, mask) = if let Some(passed) = passed.and_then(|p| p.get(t)) {
                    let mut mask = masks::draw(&mesh, KEPT, self.choice.shapes, &mut draws);
                    masks::soften(&mut mask, KEPT, 4.0 + 9.0 * subtlety, 1.0, &mut draws);
                    let inner = passed.laid_into(&real, KEPT, &plain, subtlety, &mut draws);
                    let inner = if draws.chance(0.6) { matched(&inner, &real, &mask) } else { inner };
                    (masks::laid(&inner, &real, &mask), mask)
                } else {
                    let blend = Blend { shapes: self.choice.shapes, subtlety, tremor: tremors[t] };
                    self_blended(&real, KEPT, &mesh, None, blend, &mut draws)
                };
                (real, fake, mask)
            })
            .collect();
        let mut mask = vec![0.0; KEPT * KEPT];
        for (_, _, own) in &frames {
            mask.iter_mut().zip(own).for_each(|(sum, v)| *sum += v / WINDOW as f32);
        }
        let [real, fake] = {
            let (real, fake): (Vec<Canvas>, Vec<Canvas>) = frames.into_iter().map(|(r, f, _)| (r, f)).unzip();
            [real, fake]
        };
        let mask = placed(&mask, &view, &plain);
        self.finished([(&moment.real, real), (&moment.real, fake)], &view, mask, subtlety, rng)
    }

    fn swapped(&self, moment: &Moment, share: f64, rng: &mut Rng) -> Vec<Drawn> {
        let Some(swapped) = &moment.swapped else { return Vec::new() };
        let view = jittered(rng);
        let [real, fake] = [&moment.real, swapped].map(|w| w.frames.iter().map(canvas).collect::<Vec<_>>());
        let middle = face_forgery::MIDDLE;
        let mut mask = changed(&real[middle], &fake[middle]);
        masks::blur(&mut mask, KEPT, 4.0);
        mask.iter_mut().for_each(|v| *v = (*v * 2.0).min(1.0));
        let mask = placed(&mask, &view, &unmoved());
        self.finished([(&moment.real, real), (swapped, fake)], &view, mask, (share / FULL_AT).min(1.0), rng)
    }

    /// Both degraded by the same draws, mirrored together, and brought onto their middle frames.
    fn finished(
        &self,
        both: [(&Window, Vec<Canvas>); 2],
        view: &Similarity,
        mut mask: Mask,
        strength: f64,
        rng: &mut Rng,
    ) -> Vec<Drawn> {
        let draws = rng.clone();
        rng.next_u64();
        let is_mirrored = rng.chance(0.5);
        let mirror = |values: &mut [f32]| values.chunks_exact_mut(SIDE).for_each(<[f32]>::reverse);
        if is_mirrored {
            mirror(&mut mask);
        }
        let mut out = Vec::new();
        for (is_fake, (window, canvases)) in [false, true].into_iter().zip(both) {
            let frames = canvases.into_par_iter().zip(&window.frame_from_middle).map(|(mut canvas, from_middle)| {
                if self.choice.degrades {
                    processed(&mut canvas, KEPT, strength, &mut draws.clone());
                }
                let luma: Vec<f32> = canvas.into_iter().map(grey).collect();
                let mut frame = placed(&luma, view, from_middle);
                if is_mirrored {
                    mirror(&mut frame);
                }
                frame
            });
            out.push(Drawn { frames: frames.collect(), is_fake, mask: is_fake.then(|| mask.clone()) });
        }
        out
    }

    /// The middle frames of a drawn window, for people.
    pub fn preview(&self, rng: &mut Rng) -> Crop {
        let drawn = self.draw(rng, 1.0).into_iter().nth(usize::from(rng.chance(0.7)));
        let middle = drawn.and_then(|d| d.frames.into_iter().nth(face_forgery::MIDDLE));
        let canvas = middle.map_or_else(|| vec![[0.0; 3]; SIDE * SIDE], |f| f.into_iter().map(|v| [v; 3]).collect());
        Crop { canvas, boxes: vec![], points: vec![] }
    }
}

/// Whether a pair's clip is held out; `None` where its own split decides.
fn held_out(moments: &[Moment], fold: Option<Fold>) -> impl Fn(&Moment) -> Option<bool> {
    let pairs = moments.iter().filter(|m| m.swapped.is_some());
    let mut clips: Vec<(String, String)> = pairs.map(|m| (m.clip.clone(), m.owner.clone())).collect();
    clips.dedup();
    let parts = fold.map(|fold| (fold, collections::parts(&clips, fold.of)));
    move |moment| {
        let (fold, parts) = parts.as_ref().filter(|_| moment.swapped.is_some())?;
        Some(parts.get(&moment.clip) == Some(&fold.part))
    }
}

/// So many of them, evenly spaced.
fn spread<'a>(moments: &[&'a Moment], most: usize) -> Vec<&'a Moment> {
    let count = most.min(moments.len());
    (0..count).map(|i| moments[i * moments.len() / count]).collect()
}

/// The real window and its swapped twin as a scan sees them, each brought onto its own middle
/// frame.
fn plain(moment: &Moment) -> Vec<Drawn> {
    let view = centred();
    let of = |window: &Window| -> Vec<Vec<f32>> {
        let frames = window.frames.iter().zip(&window.frame_from_middle);
        frames.map(|(f, from)| placed(&canvas(f).into_iter().map(grey).collect::<Vec<_>>(), &view, from)).collect()
    };
    let drawn = |(is_fake, window)| Drawn { frames: of(window), is_fake, mask: None };
    [(false, Some(&moment.real)), (true, moment.swapped.as_ref())]
        .into_iter()
        .filter_map(|(is_fake, window)| Some(drawn((is_fake, window?))))
        .collect()
}

/// What a network says of the real window of a moment and of its swapped twin, as a scan would see
/// them.
pub fn judge(net: &FaceForgery, moment: &Moment) -> Vec<(bool, Judgement)> {
    let drawn = plain(moment);
    let mut planes = Vec::new();
    drawn.iter().for_each(|d| face_forgery::append_window(&mut planes, &d.frames));
    drawn.iter().map(|d| d.is_fake).zip(net.judge_planes(planes, drawn.len())).collect()
}

fn unmoved() -> Similarity {
    Similarity::about([0.0; 2], 0.0, 1.0, [0.0; 2])
}

/// From the kept square to the crop of a scan.
fn centred() -> Similarity {
    Similarity::about([KEPT as f32 / 2.0; 2], 0.0, 1.0, [SIDE as f32 / 2.0; 2])
}

fn jittered(rng: &mut Rng) -> Similarity {
    let shift = |rng: &mut Rng| SIDE as f32 * (0.5 + rng.range(-0.06, 0.06) as f32);
    let scale = 1.0 / (1.0 + rng.range(-0.14, 0.14) as f32);
    Similarity::about([KEPT as f32 / 2.0; 2], 0.0, scale, [shift(rng), shift(rng)])
}

fn canvas(frame: &Levels) -> Canvas {
    frame.full().pixels().map(|p| p.0.map(f32::from)).collect()
}

/// A kept square of values as the crop shows it; `crop_from_middle` leads from the middle frame,
/// `frame_from_middle` to the frame that the values are of.
fn placed(values: &[f32], crop_from_middle: &Similarity, frame_from_middle: &Similarity) -> Vec<f32> {
    let back = crop_from_middle.inverse();
    let last = (KEPT - 1) as f32 - 1e-3;
    (0..SIDE * SIDE)
        .map(|i| {
            let at = frame_from_middle.apply(back.apply([(i % SIDE) as f32 + 0.5, (i / SIDE) as f32 + 0.5]));
            let [x, y] = at.map(|v| (v - 0.5).clamp(0.0, last));
            let (at, fx, fy) = (y as usize * KEPT + x as usize, x.fract(), y.fract());
            let top = values[at] + (values[at + 1] - values[at]) * fx;
            let below = values[at + KEPT] + (values[at + KEPT + 1] - values[at + KEPT]) * fx;
            top + (below - top) * fy
        })
        .collect()
}

impl Task for Temporal<'_> {
    type Net = FaceForgery;
    type Batch = Batch;

    fn init(&self, device: &Device) -> FaceForgery {
        Config::default().init(Form::Trained, device)
    }

    fn pictures(&self) -> usize {
        2 * WINDOWS
    }

    fn batch(&self, rng: &mut Rng, share: f64) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..WINDOWS {
            self.draw(rng, share).iter().for_each(|drawn| drawn.append(&mut batch));
        }
        batch
    }

    fn loss(&self, net: &FaceForgery, batch: Batch, device: &Device) -> Tensor<1> {
        batch::loss(net, batch, self.choice.has_mask_head, device)
    }

    fn adopt(&self, net: FaceForgery, parameters: &StateDict) -> Result<FaceForgery, Mismatch> {
        super::masked::adopt(net, parameters)
    }

    fn validate(&self, net: &FaceForgery) -> Vec<(&'static str, f64)> {
        let mut figures = Vec::new();
        for name in ["blends", "swaps"] {
            let (mut fakes, mut reals) = (Vec::new(), Vec::new());
            for (_, drawn) in self.validation.iter().filter(|(of, _)| *of == name) {
                let mut planes = Vec::new();
                face_forgery::append_window(&mut planes, &drawn.frames);
                for found in net.judge_planes(planes, 1) {
                    if drawn.is_fake { &mut fakes } else { &mut reals }.push(f64::from(found.logit));
                }
            }
            figures.extend(auc(&fakes, &reals).map(|v| (name, v)));
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::forgery::masks::Shapes;

    /// A textured face-like square that moves by whole pixels.
    fn moment(swapped: bool) -> Moment {
        let frame = |t: usize| {
            RgbImage::from_fn(KEPT as u32, KEPT as u32, |x, y| {
                let (x, y) = (x as f32 - t as f32, y as f32);
                let v = 120.0 + 50.0 * (x * 0.21).sin() * (y * 0.17).cos() + 25.0 * (x * 0.07 + y * 0.11).sin();
                image::Rgb([v as u8; 3])
            })
        };
        let window = || Window::whole((0..WINDOW).map(frame).collect());
        let centre = KEPT as f32 / 2.0;
        let mesh = (0..468).map(|i| {
            let (sin, cos) = (i as f32).sin_cos();
            [centre + 50.0 * sin, centre + 62.0 * cos]
        });
        let (mesh, swapped) = (mesh.collect(), swapped.then(window));
        Moment { clip: "a".into(), owner: "file:a".into(), index: 4, split: Split::Train, mesh, real: window(), swapped }
    }

    #[test]
    fn a_moving_face_lies_still_and_forged_frames_tremble() {
        let moments = [moment(true)];
        let change = |d: &Drawn| -> f32 {
            let frames = d.frames.windows(2);
            let off = frames.map(|w| w[0].iter().zip(&w[1]).map(|(a, b)| (a - b).abs()).sum::<f32>());
            off.sum::<f32>() / (SIDE * SIDE * (WINDOW - 1)) as f32
        };
        let still = plain(&moments[0]);
        assert!(still.iter().all(|d| change(d) < 1.0), "{}", change(&still[0]));
        let choice = Choice { shapes: Shapes::Hulls, degrades: false, ..Choice::default() };
        let task = Temporal { choice, train: moments.iter().collect(), banks: vec![], validation: vec![] };
        let mut more = 0;
        for seed in 0..8 {
            let drawn = task.forged(&moments[0], None, 1.0, &mut Rng::new(seed));
            assert_eq!((drawn[0].is_fake, drawn[1].is_fake, drawn[1].mask.is_some()), (false, true, true));
            more += usize::from(change(&drawn[1]) > change(&drawn[0]));
        }
        assert!(more >= 6, "{more} of 8");
    }

    #[test]
    fn what_is_held_out_is_not_learned_from() {
        let mut all = vec![moment(true), moment(true), moment(true)];
        for (i, m) in all.iter_mut().enumerate() {
            m.clip = format!("pairs/faceswap_sbs/Person_{i}.mp4");
            m.owner = format!("group:Person_{i}");
        }
        for part in 0..3 {
            let choice = Choice { held_out: Some(Fold { part, of: 3 }), ..Choice::default() };
            let task = Temporal::new(&all, choice);
            assert_eq!(task.train.len(), 2);
            assert!(task.validation.iter().any(|(name, _)| *name == "swaps"));
        }
    }
}
