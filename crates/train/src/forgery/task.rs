//! Batches and loss of the forgery detector.
//!
//! The decision that shapes it: a batch holds every face twice, real and manipulated, and both are degraded by the same draws: nothing but the
//! manipulation tells them apart. Blends begin easy and degradation begins weak; both reach full strength at two fifths of the run.
use assay_checkpoints::StateDict;
use assay_models::blocks::Form;
use assay_models::face_forgery::{self, Config, FaceForgery, Input, SIDE};
use assay_models::state::{self, Mismatch};
use burn::tensor::{Device, Tensor};

use super::batch::{self, Batch, layers};
use super::bonettini::{self, Published};
use super::examples::{Draw, Example, Portraits};
use super::faces::{self, Around, Cut, Fold, Pair, View};
use super::given::Given;
use super::masked;
use super::masks::Shapes;
use super::reconstruct::Passed;
use crate::Task;
use crate::faces::data::Picture;
use crate::faces::preview::Crop;
use assay_bench::collections::{self, Split};
use assay_bench::datasets;
use assay_bench::measure::auc;
use assay_material::rng::Rng;

/// Faces in a batch, each twice.
const FACES: usize = 16;

/// How manipulated faces come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Recipe {
    /// Real faces laid over themselves.
    Sbi,
    /// The same, and real and swapped frames of the same moment.
    Pairs,
    /// Wholly generated portraits against real ones.
    Synthesis,
    /// Real faces after an autoencoder, laid back, mixed with self-blended ones.
    Reconstruct,
    /// Windows of consecutive frames, forged frame by frame.
    Temporal,
    /// Nothing forged: what was hidden is filled in, as a start for the others.
    Masked,
    /// The faces of a labelled table.
    Generic,
    /// Heads that an animator moved.
    Reenactment,
}

/// What a crop shows of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Scale {
    /// All of it and what is around it, at [`SIDE`] pixels.
    #[default]
    Whole,
    /// A patch of [`SIDE`] pixels of what a scan asks about, of faces that have grain at that scale.
    Patches,
}

/// Every so many of the held-out moments are looked at in validation.
const VALIDATED_PAIRS: usize = 4;

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
    /// A published network in place of this project's own.
    pub published: Option<Published>,
    /// What the crops show.
    pub scale: Scale,
    /// Share of the start's weights in those that are written: what is learned anew costs less of what was known (Wortsman et al., "Robust fine-tuning of
    /// zero-shot models", CVPR 2022).
    pub start_share: f32,
}

impl Choice {
    /// Side in pixels of the crops.
    pub fn side(&self) -> usize {
        if self.published.is_some() { bonettini::SIDE } else { SIDE }
    }

    /// Widths of this project's own network.
    pub fn config(&self) -> Config {
        if self.recipe == Recipe::Reenactment { Config::SMALL } else { Config::default() }
    }
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
            published: None,
            scale: Scale::default(),
            start_share: 0.0,
        }
    }
}

/// The task.
pub struct Forgery<'a> {
    pub(super) choice: Choice,
    /// How the crops of training are cut; those of validation are as a scan cuts them.
    pub(super) cut: Cut,
    pub(super) train: Vec<View<'a>>,
    pub(super) by_source: Vec<Vec<usize>>,
    pub(super) pairs: Vec<Pair<'a>>,
    pub(super) portraits: Portraits<'a>,
    /// What came out of autoencoders, one list each, in the order of `train`.
    pub(super) banks: Vec<Vec<Passed>>,
    /// Training faces of a table.
    pub(super) given: Vec<&'a Given>,
    pub(super) validation: Vec<Example>,
    pub(super) mirror_of: Vec<usize>,
}

/// The pairs to learn from and the held-out ones.
fn divided<'a>(pairs: &[Pair<'a>], held_out: Option<Fold>) -> [Vec<Pair<'a>>; 2] {
    let clip = |pair: &Pair<'_>| pair.real.0.name.split('#').next().unwrap_or_default().to_owned();
    let mut clips: Vec<(String, String)> = pairs.iter().map(|p| (clip(p), p.real.0.person.clone())).collect();
    clips.dedup();
    let parts = held_out.map(|fold| collections::parts(&clips, fold.of)).unwrap_or_default();
    let is_in = |pair: &Pair<'_>, split: Split| match held_out {
        Some(fold) => (parts.get(&clip(pair)) == Some(&fold.part)) == (split != Split::Train),
        None => pair.real.0.split == split,
    };
    [Split::Train, Split::Validation].map(|split| pairs.iter().copied().filter(|p| is_in(p, split)).collect())
}

impl<'a> Forgery<'a> {
    /// Sorts the faces. Validation crops are drawn once, with the seed of the figures.
    pub fn new(pictures: &'a [Picture], choice: Choice) -> Self {
        let least = match choice.scale {
            Scale::Whole => faces::MIN_EXTENT_PX,
            Scale::Patches => faces::MIN_PATCH_EXTENT_PX,
        };
        let train = faces::real(pictures, Split::Train, least);
        let mut sources: Vec<&str> = train.iter().map(|(p, _)| p.source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        let of = |s: &&str| (0..train.len()).filter(|i| train[*i].0.source == **s).collect();
        let by_source = sources.iter().map(of).collect();
        let mean: Vec<[f32; 2]> = {
            let upright: Vec<Vec<[f32; 2]>> =
                train.iter().take(500).map(|(_, f)| crate::faces::mesh::upright(&f.mesh)).collect();
            let n = upright.len().max(1) as f32;
            (0..assay_models::face_mesh::POINTS)
                .map(|i| [0, 1].map(|c| upright.iter().map(|m| m[i][c]).sum::<f32>() / n + 0.5))
                .collect()
        };
        let [pairs, held_out_pairs] = match choice.recipe {
            Recipe::Pairs => divided(&faces::pairs(pictures), choice.held_out),
            _ => [Vec::new(), Vec::new()],
        };
        let mut task = Self {
            choice,
            cut: Cut::whole(choice.side()),
            by_source,
            pairs,
            portraits: Portraits::new(pictures, Split::Train),
            banks: Vec::new(),
            given: Vec::new(),
            validation: Vec::new(),
            mirror_of: crate::faces::points::mirrored(&mean),
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
        if choice.scale == Scale::Patches {
            task.cut = Cut::JUDGED;
        }
        let held_out = faces::real(pictures, Split::Validation, least);
        for i in 0..160.min(held_out.len()) {
            let view = held_out[i * held_out.len() / 160.min(held_out.len())];
            let [real, fake] = task.blended(view, 1.0, &mut rng);
            task.validation.extend([real, fake]);
        }
        for pair in held_out_pairs.into_iter().step_by(VALIDATED_PAIRS) {
            task.validation.extend(task.swapped(pair, Draw::Plain, &mut rng));
        }
        if choice.scale == Scale::Patches {
            task.cut = Cut::PATCH;
        }
        task
    }

    /// A task on the faces of a table.
    pub fn of_given(given: &'a [Given], choice: Choice) -> Self {
        let of = |split: Split| given.iter().filter(|g| g.picture.split == split).collect::<Vec<_>>();
        let mut task = Self {
            choice,
            cut: Cut::whole(choice.side()),
            train: Vec::new(),
            by_source: Vec::new(),
            pairs: Vec::new(),
            portraits: Portraits::default(),
            banks: Vec::new(),
            given: of(Split::Train),
            validation: Vec::new(),
            mirror_of: Vec::new(),
        };
        let (held_out, mut rng) = (of(Split::Validation), Rng::new(77));
        let has_both = [true, false].iter().all(|label| held_out.iter().any(|g| g.is_fake == *label));
        for _ in 0..if has_both { 160 } else { 0 } {
            let drawn = task.given_pair(&held_out, false, &mut rng);
            task.validation.extend(drawn);
        }
        task
    }

    /// What the run does.
    pub fn choice(&self) -> Choice {
        self.choice
    }

    /// Side of the crops in pixels.
    pub fn side(&self) -> usize {
        self.cut.side
    }

    /// Training faces, in the order of the banks.
    pub fn faces(&self) -> &[View<'a>] {
        &self.train
    }

    /// With what came out of the autoencoders.
    #[must_use]
    pub fn with_banks(mut self, banks: Vec<Vec<Passed>>) -> Self {
        self.banks = banks;
        self
    }

    /// A real crop beside its manipulated twin, for people.
    pub fn preview(&self, rng: &mut Rng) -> Crop {
        let [real, fake] = self.draw(rng, 1.0);
        let canvas = if rng.chance(0.3) { real.crop } else { fake.crop };
        Crop { canvas, boxes: vec![], points: vec![] }
    }
}

/// The mean of the map's middle, where the face is.
fn middle(map: &[f32]) -> f32 {
    let side = map.len().isqrt();
    let range = side / 4..side - side / 4;
    let rows = range.clone().map(|y| map.get(y * side + range.start..y * side + range.end).unwrap_or_default());
    rows.map(|r| r.iter().sum::<f32>()).sum::<f32>() / (range.len() * range.len()) as f32
}

impl Task for Forgery<'_> {
    type Net = FaceForgery;
    type Batch = Batch;

    fn init(&self, device: &Device) -> FaceForgery {
        self.choice.config().init(Form::Trained, device)
    }

    fn pictures(&self) -> usize {
        2 * FACES
    }

    fn batch(&self, rng: &mut Rng, share: f64) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..FACES {
            for example in self.draw(rng, share) {
                face_forgery::append(&mut batch.planes, &example.crop, self.choice.input);
                batch.note(example.label, example.mask.as_ref(), |mask| layers(mask, self.cut.side));
            }
        }
        batch
    }

    fn loss(&self, net: &FaceForgery, batch: Batch, device: &Device) -> Tensor<1> {
        let teaches_maps = self.choice.has_mask_head && self.choice.recipe != Recipe::Reenactment;
        batch::loss(net, batch, teaches_maps, device)
    }

    fn adopt(&self, net: FaceForgery, parameters: &StateDict) -> Result<FaceForgery, Mismatch> {
        if parameters.keys().any(|name| name.contains(".norm.")) {
            return masked::adopt(net, parameters);
        }
        // Weights as they are shipped have no normalisations any more.
        let folded = state::load(self.choice.config().init(Form::Folded, &Device::default()), parameters, "")?;
        let batch = self.batch(&mut Rng::new(79), 1.0);
        let planes = face_forgery::tensor(batch.planes, 2 * FACES, &Device::default());
        state::load(net, &state::collect(&folded.unfolded(planes)), "")
    }

    fn validate(&self, net: &FaceForgery) -> Vec<(&'static str, f64)> {
        let mut figures = Vec::new();
        let names = [
            ("blends", "blend_map_auc", "blends_by_map", "blends_paired"),
            ("swaps", "swap_map_auc", "swaps_by_map", "swaps_paired"),
            ("portraits", "", "", "portraits_paired"),
            ("given", "given_map_auc", "", ""),
        ];
        for (name, pixels, by_map, paired) in names {
            let of: Vec<&Example> = self.validation.iter().filter(|e| e.name == name).collect();
            let (mut fakes, mut reals, mut inside, mut outside) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let (mut fake_maps, mut real_maps) = (Vec::new(), Vec::new());
            for chunk in of.chunks(32) {
                let crops: Vec<&[[f32; 3]]> = chunk.iter().map(|e| e.crop.as_slice()).collect();
                for (example, found) in chunk.iter().zip(net.judge(&crops, self.choice.input)) {
                    if example.is_fake() { &mut fakes } else { &mut reals }.push(f64::from(found.logit));
                    if example.is_fake() { &mut fake_maps } else { &mut real_maps }.push(f64::from(middle(&found.map)));
                    let Some(mask) = &example.mask else { continue };
                    for (truth, share) in layers(Some(mask), example.crop.len().isqrt()).iter().zip(&found.map) {
                        if *truth > 0.5 { &mut inside } else { &mut outside }.push(f64::from(*share));
                    }
                }
            }
            let higher: f64 = fakes.iter().zip(&reals).map(|(f, r)| datasets::metrics::credit(*r, *f)).sum();
            figures.extend(auc(&fakes, &reals).map(|v| (name, v)));
            figures.extend(
                auc(&fakes, &reals).filter(|_| !paired.is_empty()).map(|_| (paired, higher / fakes.len() as f64)),
            );
            figures.extend(auc(&inside, &outside).map(|v| (pixels, v)));
            figures.extend(auc(&fake_maps, &real_maps).filter(|_| !by_map.is_empty()).map(|v| (by_map, v)));
        }
        figures
    }
}
