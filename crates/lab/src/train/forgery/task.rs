//! Batches and loss of the forgery detector.
//!
//! The decision that shapes it: a batch holds every face twice, real and manipulated, and both are degraded by the same draws: nothing but the
//! manipulation tells them apart. Blends begin easy and degradation begins weak; both reach full strength at two fifths of the run.
use assay_models::blocks::Form;
use assay_models::face_forgery::{self, Config, FaceForgery, Input, LAYERS, MAP, SIDE};
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

use super::blend::{Blend, processed, saved_again, self_blended};
use super::faces::{self, Around, Fold, Pair, View};
use super::masks::{self, Mask, Shapes};
use crate::datasets;
use crate::measure::auc;
use crate::rng::Rng;
use crate::train::Task;
use crate::train::faces::augment::{Canvas, mirror};
use crate::train::faces::data::{Picture, Split};
use crate::train::faces::preview::Crop;

/// Faces in a batch, each twice.
const FACES: usize = 16;

/// Share of the run after which everything has its full strength.
const FULL_AT: f64 = 0.4;

/// How manipulated faces come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Recipe {
    /// Real faces laid over themselves.
    Sbi,
    /// The same, and real and swapped frames of the same moment.
    Pairs,
    /// Wholly generated portraits against real ones.
    Synthesis,
}

/// Share of the draws that are pairs of real and swapped frames in [`Recipe::Pairs`]; the rest are self-blended.
const PAIRS: f64 = 0.4;

/// Share of the drawn pairs whose real half is laid over itself instead.
const BLENDED_PAIRS: f64 = 0.3;
/// Share of the varied pairs of which a part only is swapped.
const PARTIAL: f64 = 0.6;
/// Every so many of the held-out moments are looked at in validation.
const VALIDATED_PAIRS: usize = 4;

/// How a pair is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Draw {
    /// As a scan sees it.
    Plain,
    /// Jittered, degraded, in parts; `share` of the run has passed.
    Varied { share: f64 },
}

/// What a run does, and leaves out for comparison.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Choice {
    /// How manipulated faces come about.
    pub recipe: Recipe,
    /// Whether the map is trained.
    pub has_mask_head: bool,
    /// Hulls of the mesh, or ellipses.
    pub shapes: Shapes,
    /// Whether crops are degraded.
    pub degrades: bool,
    /// What the network sees.
    pub input: Input,
    /// Which side-by-side clips are left out of training; without one those outside the training split.
    pub held_out: Option<Fold>,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            recipe: Recipe::Sbi,
            has_mask_head: true,
            shapes: Shapes::Hulls,
            degrades: true,
            input: Input::default(),
            held_out: None,
        }
    }
}

/// The task.
pub struct Forgery<'a> {
    choice: Choice,
    train: Vec<View<'a>>,
    by_source: Vec<Vec<usize>>,
    pairs: Vec<Pair<'a>>,
    portraits: Portraits<'a>,
    validation: Vec<Example>,
    mirror_of: Vec<usize>,
}

/// A crop with what is true of it.
struct Example {
    crop: Canvas,
    is_fake: bool,
    /// What was laid over, where that is known.
    mask: Option<Mask>,
    name: &'static str,
}

/// Generated portraits, real ones of the same size and compression, and everything that is real or generated.
struct Portraits<'a> {
    twins: Vec<View<'a>>,
    generated: Vec<View<'a>>,
    reals: Vec<View<'a>>,
    all_generated: Vec<View<'a>>,
}

impl<'a> Portraits<'a> {
    fn new(pictures: &'a [Picture], split: Split) -> Self {
        let of = |sources: &[&str]| -> Vec<View<'a>> {
            let fits = |p: &&Picture| p.split == split && sources.contains(&p.source.as_str());
            pictures.iter().filter(fits).flat_map(|p| p.faces.iter().map(move |f| (p, f))).collect()
        };
        Self {
            twins: of(&["ffhq256"]),
            generated: of(&["stylegan256"]),
            reals: of(&["ffhq256", "celeba178", "lfw250", "selfies"]),
            all_generated: of(&["stylegan256", "gan256"]),
        }
    }
}

/// The pairs to learn from and the held-out ones.
fn divided(pairs: Vec<Pair<'_>>, held_out: Option<Fold>) -> [Vec<Pair<'_>>; 2] {
    let clip = |pair: &Pair<'_>| pair.real.0.name.split('#').next().unwrap_or_default().to_owned();
    let mut clips: Vec<String> = pairs.iter().map(clip).collect();
    clips.dedup();
    let is_in = |pair: &Pair<'_>, split: Split| match held_out {
        Some(fold) => (faces::parts(&clips, fold.of).get(&clip(pair)) == Some(&fold.part)) == (split != Split::Train),
        None => pair.real.0.split == split,
    };
    [Split::Train, Split::Validation].map(|split| pairs.iter().copied().filter(|p| is_in(p, split)).collect())
}

/// A batch in host memory.
pub struct Batch {
    planes: Vec<f32>,
    labels: Vec<f32>,
    maps: Vec<f32>,
}

impl<'a> Forgery<'a> {
    /// Sorts the faces. Validation crops are drawn once, with the seed of the figures.
    pub fn new(pictures: &'a [Picture], choice: Choice) -> Self {
        let train = faces::real(pictures, Split::Train);
        let mut sources: Vec<&str> = train.iter().map(|(p, _)| p.source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        let of = |s: &&str| (0..train.len()).filter(|i| train[*i].0.source == **s).collect();
        let by_source = sources.iter().map(of).collect();
        let mean: Vec<[f32; 2]> = {
            let upright: Vec<Vec<[f32; 2]>> =
                train.iter().take(500).map(|(_, f)| crate::train::faces::mesh::upright(&f.mesh)).collect();
            let n = upright.len().max(1) as f32;
            (0..assay_models::face_mesh::POINTS)
                .map(|i| [0, 1].map(|c| upright.iter().map(|m| m[i][c]).sum::<f32>() / n + 0.5))
                .collect()
        };
        let [pairs, held_out_pairs] = match choice.recipe {
            Recipe::Pairs => divided(faces::pairs(pictures), choice.held_out),
            _ => [Vec::new(), Vec::new()],
        };
        let mut task = Self {
            choice,
            by_source,
            pairs,
            portraits: Portraits::new(pictures, Split::Train),
            validation: Vec::new(),
            mirror_of: crate::train::faces::points::mirrored(&mean),
            train,
        };
        let mut rng = Rng::new(77);
        if choice.recipe == Recipe::Synthesis {
            let held_out = Portraits::new(pictures, Split::Validation);
            for _ in 0..160 {
                let drawn = task.generated(&held_out, Around::CLOSE_PLAIN, &mut rng);
                task.validation.extend(drawn.into_iter().flatten());
            }
            return task;
        }
        let held_out = faces::real(pictures, Split::Validation);
        for i in 0..160.min(held_out.len()) {
            let view = held_out[i * held_out.len() / 160.min(held_out.len())];
            let [real, fake] = task.blended(view, 1.0, &mut rng);
            task.validation.extend([real, fake]);
        }
        for pair in held_out_pairs.into_iter().step_by(VALIDATED_PAIRS) {
            task.validation.extend(task.swapped(pair, Draw::Plain, &mut rng));
        }
        task
    }

    /// A real crop beside its manipulated twin, for people.
    pub fn preview(&self, rng: &mut Rng) -> Crop {
        let [real, fake] = self.draw(rng, 1.0);
        let canvas = if rng.chance(0.3) { real.crop } else { fake.crop };
        Crop { canvas, boxes: vec![], points: vec![] }
    }

    fn draw(&self, rng: &mut Rng, share: f64) -> [Example; 2] {
        if self.choice.recipe == Recipe::Synthesis
            && let Some(examples) = self.generated(&self.portraits, Around::CLOSE, rng)
        {
            return examples;
        }
        if rng.chance(PAIRS)
            && let Some(pair) = rng.pick(&self.pairs).copied()
        {
            // The people of the clips are seen forged by other means too, so that being one of them tells nothing.
            return if rng.chance(BLENDED_PAIRS) {
                self.blended(pair.real, share, rng)
            } else {
                self.swapped(pair, Draw::Varied { share }, rng)
            };
        }
        // Sources are drawn more evenly than their sizes: by the root of how many faces they have.
        let weights: Vec<f64> = self.by_source.iter().map(|s| (s.len() as f64).sqrt()).collect();
        let mut at = rng.range(0.0, weights.iter().sum());
        let chosen = weights.iter().position(|w| {
            at -= w;
            at < 0.0
        });
        let of = &self.by_source[chosen.unwrap_or(0)];
        self.blended(self.train[of[rng.below(of.len())]], share, rng)
    }

    fn blended(&self, (picture, face): View<'_>, share: f64, rng: &mut Rng) -> [Example; 2] {
        let subtlety = (share / FULL_AT).min(1.0);
        let view = faces::crop_from_picture(&face.mesh, Around::JITTERED, rng);
        let mut real = faces::draw(picture, &view);
        let mut mesh: Vec<[f32; 2]> = face.mesh.iter().map(|p| view.apply(*p)).collect();
        if rng.chance(0.5) {
            mirror(&mut real, SIDE);
            mesh = self.mirror_of.iter().map(|i| [SIDE as f32 - mesh[*i][0], mesh[*i][1]]).collect();
        }
        let other = rng.pick(&self.train).filter(|_| rng.chance(0.3)).map(|(picture, face)| {
            let view = faces::crop_from_picture(&face.mesh, Around::PLAIN, rng);
            faces::draw(picture, &view)
        });
        let blend = Blend { shapes: self.choice.shapes, subtlety };
        let (fake, mask) = self_blended(&real, SIDE, &mesh, other.as_ref(), blend, rng);
        self.degraded([real, fake], mask, subtlety, "blends", rng)
    }

    /// Both halves by the same crop; what was changed follows from their difference. So that no person and no place can be learned by heart, at times
    /// a part of the swap only is laid over the real half.
    fn swapped(&self, pair: Pair<'_>, how: Draw, rng: &mut Rng) -> [Example; 2] {
        let mesh = if rng.chance(0.5) { &pair.real.1.mesh } else { &pair.fake.1.mesh };
        let around = if how == Draw::Plain { Around::PLAIN } else { Around::JITTERED };
        let view = faces::crop_from_picture(mesh, around, rng);
        let [mut real, mut fake] = [pair.real.0, pair.fake.0].map(|p| faces::draw(p, &view));
        if let Draw::Varied { share } = how
            && rng.chance(PARTIAL)
        {
            let mesh: Vec<[f32; 2]> = mesh.iter().map(|p| view.apply(*p)).collect();
            let mut kept = masks::draw(&mesh, SIDE, self.choice.shapes, rng);
            let ratio = if rng.chance(0.5 * share) { rng.range(0.5, 1.0) as f32 } else { 1.0 };
            masks::soften(&mut kept, SIDE, 8.0, ratio, rng);
            for ((fake, real), m) in fake.iter_mut().zip(&real).zip(&kept) {
                *fake = std::array::from_fn(|c| real[c] + m * (fake[c] - real[c]));
            }
        }
        if how != Draw::Plain && rng.chance(0.5) {
            mirror(&mut real, SIDE);
            mirror(&mut fake, SIDE);
        }
        let mut mask: Mask = real
            .iter()
            .zip(&fake)
            .map(|(a, b)| f32::from((0..3).map(|c| (a[c] - b[c]).abs()).sum::<f32>() > 18.0))
            .collect();
        masks::blur(&mut mask, SIDE, 4.0);
        mask.iter_mut().for_each(|v| *v = (*v * 2.0).min(1.0));
        let strength = match how {
            Draw::Plain => 0.0,
            Draw::Varied { share } => (share / FULL_AT).min(1.0),
        };
        self.degraded([real, fake], mask, strength, "swaps", rng)
    }

    /// A real and a generated portrait. Files of generators share a compression that real ones have not, so both are scaled down a little and
    /// saved again by the same draws.
    fn generated(&self, portraits: &Portraits<'_>, around: Around, rng: &mut Rng) -> Option<[Example; 2]> {
        let (reals, fakes) = if rng.chance(0.7) {
            (&portraits.twins, &portraits.generated)
        } else {
            (&portraits.reals, &portraits.all_generated)
        };
        let (real, fake) = (*rng.pick(reals)?, *rng.pick(fakes)?);
        let flips = rng.chance(0.5);
        let draws = rng.clone();
        rng.next_u64();
        let [real, fake] = [real, fake].map(|(picture, face)| {
            let mut draws = draws.clone();
            let view = faces::crop_from_picture(&face.mesh, around, &mut draws);
            let mut crop = faces::draw(picture, &view);
            if flips {
                mirror(&mut crop, SIDE);
            }
            if self.choice.degrades {
                saved_again(&mut crop, SIDE, &mut draws);
            }
            crop
        });
        let name = "portraits";
        Some([
            Example { crop: real, is_fake: false, mask: None, name },
            Example { crop: fake, is_fake: true, mask: None, name },
        ])
    }

    fn degraded(
        &self,
        crops: [Canvas; 2],
        mask: Mask,
        strength: f64,
        name: &'static str,
        rng: &mut Rng,
    ) -> [Example; 2] {
        let draws = rng.clone();
        rng.next_u64();
        let [real, fake] = crops.map(|mut crop| {
            if self.choice.degrades {
                processed(&mut crop, SIDE, strength, &mut draws.clone());
            }
            crop
        });
        [
            Example { crop: real, is_fake: false, mask: None, name },
            Example { crop: fake, is_fake: true, mask: Some(mask), name },
        ]
    }
}

/// Means over the places of the map: of the mask, and of how near it is to half (the seam, `4 m (1 - m)`: Li et al., "Face X-ray", CVPR 2020).
fn layers(mask: Option<&Mask>) -> Vec<f32> {
    let mut out = vec![0.0; LAYERS * MAP * MAP];
    let Some(mask) = mask else { return out };
    let cell = SIDE / MAP;
    let largest = mask.iter().copied().fold(1e-6, f32::max);
    for (y, row) in mask.chunks_exact(SIDE).enumerate() {
        for (x, v) in row.iter().enumerate() {
            let at = y / cell * MAP + x / cell;
            let share = v / largest;
            out[at] += share / (cell * cell) as f32;
            out[MAP * MAP + at] += 4.0 * share * (1.0 - share) / (cell * cell) as f32;
        }
    }
    out
}

/// The mean of the map's middle, where the face is.
fn middle(map: &[f32]) -> f32 {
    let range = MAP / 4..MAP - MAP / 4;
    let rows = range.clone().map(|y| map.get(y * MAP + range.start..y * MAP + range.end).unwrap_or_default());
    rows.map(|r| r.iter().sum::<f32>()).sum::<f32>() / (range.len() * range.len()) as f32
}

/// Mean cross entropy of logits against shares.
fn cross_entropy<const D: usize>(logits: Tensor<D>, truth: Tensor<D>) -> Tensor<1> {
    let miss = log_sigmoid(-logits.clone()) * (-truth.clone() + 1.0);
    -(log_sigmoid(logits) * truth + miss).mean()
}

impl Task for Forgery<'_> {
    type Net = FaceForgery;
    type Batch = Batch;

    fn init(&self, device: &Device) -> FaceForgery {
        Config::default().init(Form::Trained, device)
    }

    fn pictures(&self) -> usize {
        2 * FACES
    }

    fn batch(&self, rng: &mut Rng, share: f64) -> Batch {
        let mut batch = Batch { planes: Vec::new(), labels: Vec::new(), maps: Vec::new() };
        for _ in 0..FACES {
            for example in self.draw(rng, share) {
                face_forgery::append(&mut batch.planes, &example.crop, self.choice.input);
                batch.labels.push(f32::from(example.is_fake));
                batch.maps.extend(layers(example.mask.as_ref()));
            }
        }
        batch
    }

    fn loss(&self, net: &FaceForgery, batch: Batch, device: &Device) -> Tensor<1> {
        let n = batch.labels.len();
        let half = SIDE / 2;
        let planes = TensorData::new(batch.planes, [n, face_forgery::CHANNELS, half, half]);
        let (logit, map) = net.forward(Tensor::from_data(planes, device));
        let loss = cross_entropy(logit, Tensor::from_data(TensorData::new(batch.labels, [n, 1]), device));
        if !self.choice.has_mask_head || self.choice.recipe == Recipe::Synthesis {
            return loss;
        }
        loss + cross_entropy(map, Tensor::from_data(TensorData::new(batch.maps, [n, LAYERS, MAP, MAP]), device))
    }

    fn validate(&self, net: &FaceForgery) -> Vec<(&'static str, f64)> {
        let mut figures = Vec::new();
        let names = [
            ("blends", "blend_map_auc", "blends_by_map", "blends_paired"),
            ("swaps", "swap_map_auc", "swaps_by_map", "swaps_paired"),
            ("portraits", "", "", "portraits_paired"),
        ];
        for (name, pixels, by_map, paired) in names {
            let of: Vec<&Example> = self.validation.iter().filter(|e| e.name == name).collect();
            let (mut fakes, mut reals, mut inside, mut outside) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let (mut fake_maps, mut real_maps) = (Vec::new(), Vec::new());
            for chunk in of.chunks(32) {
                let crops: Vec<&[[f32; 3]]> = chunk.iter().map(|e| e.crop.as_slice()).collect();
                for (example, found) in chunk.iter().zip(net.judge(&crops, self.choice.input)) {
                    if example.is_fake { &mut fakes } else { &mut reals }.push(f64::from(found.logit));
                    if example.is_fake { &mut fake_maps } else { &mut real_maps }.push(f64::from(middle(&found.map)));
                    let Some(mask) = &example.mask else { continue };
                    for (truth, share) in layers(Some(mask)).iter().zip(&found.map) {
                        if *truth > 0.5 { &mut inside } else { &mut outside }.push(f64::from(*share));
                    }
                }
            }
            let higher: f64 = fakes.iter().zip(&reals).map(|(f, r)| datasets::metrics::credit(*r, *f)).sum();
            figures.extend(auc(&fakes, &reals).map(|v| (name, v)));
            figures.extend(auc(&fakes, &reals).map(|_| (paired, higher / fakes.len() as f64)));
            figures.extend(auc(&inside, &outside).map(|v| (pixels, v)));
            figures.extend(auc(&fake_maps, &real_maps).filter(|_| !by_map.is_empty()).map(|v| (by_map, v)));
        }
        figures
    }
}
