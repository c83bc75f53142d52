//! Batches and loss of the forgery detector.
//!
//! The decision that shapes it: a batch holds every face twice, real and manipulated, and both are
//! degraded by the same draws: nothing but the manipulation tells them apart. Blends begin easy and
//! degradation begins weak; both reach full strength at two fifths of the run.
use assay_checkpoints::StateDict;
use assay_models::blocks::Form;
use assay_models::face_forgery::{self, Config, FaceForgery, Input, SIDE};
use assay_models::state::{self, Mismatch};
use burn::tensor::{Device, Tensor};

use super::batch::{self, Batch, layers};
use super::bonettini::{self, Published};
use super::examples::{Draws, Example, Reals};
use super::faces::{Cut, Fold, View};
use super::masked;
use super::masks::{Mask, Shapes};
use super::recipe::{Chosen, Material};
use super::validation::{self, Said};
use super::{on_base, sbi};
use crate::Task;
use crate::faces::preview::Crop;
use assay_material::rng::Rng;

/// Faces in a batch, each twice.
const FACES: usize = 16;

/// What a crop shows of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Scale {
    /// All of it and what is around it, at [`SIDE`] pixels.
    #[default]
    Whole,
    /// A patch of [`SIDE`] pixels of what a scan asks about, of faces that have grain at that
    /// scale.
    Patches,
}

/// A network that was trained for something else, on which detectors are tuned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum BaseName {
    /// The shipped part of CLIP's image tower, of which the layer normalisations are tuned.
    Clip,
}

/// What share of a patch may be laid over, and how many patches are tried.
const COVERED: std::ops::Range<f64> = 0.04..0.95;
const PATCHES: usize = 6;

/// What a run does, and leaves out for comparison.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Choice {
    /// How manipulated faces come about.
    pub recipe: Chosen,
    /// Whether the map is trained.
    pub has_mask_head: bool,
    /// Hulls of the mesh, or ellipses.
    pub shapes: Shapes,
    /// Whether crops are degraded.
    pub degrades: bool,
    /// What the network sees.
    pub input: Input,
    /// Which side-by-side clips are left out of training; without one those outside the training
    /// split.
    pub held_out: Option<Fold>,
    /// A published network in place of this project's own.
    pub published: Option<Published>,
    /// What a network is tuned on in place of one from nothing. Records of former runs do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseName>,
    /// What the crops show.
    pub scale: Scale,
    /// Share of the start's weights in those that are written: what is learned anew costs less of
    /// what was known (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
    pub start_share: f32,
}

impl Choice {
    /// How whole faces are cut.
    pub fn cut(&self) -> Cut {
        match self.base {
            Some(BaseName::Clip) => on_base::CUT,
            None if self.published.is_some() => Cut::whole(bonettini::SIDE),
            None => Cut::whole(SIDE),
        }
    }

    /// Widths of this project's own network.
    pub fn config(&self) -> Config {
        (self.recipe.about().config)()
    }
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            recipe: Chosen::new(&sbi::The),
            has_mask_head: true,
            shapes: Shapes::Hulls,
            degrades: true,
            input: Input::default(),
            held_out: None,
            published: None,
            base: None,
            scale: Scale::default(),
            start_share: 0.0,
        }
    }
}

/// The task.
pub struct Forgery<'a> {
    reals: Reals<'a>,
    draws: Box<dyn Draws + 'a>,
    pub(super) validation: Vec<Example>,
}

impl<'a> Forgery<'a> {
    /// Sorts the faces. Validation crops are drawn once, with the seed of the figures.
    pub fn new(material: &'a Material, choice: Choice) -> Self {
        let mut reals = Reals::new(&material.pictures, choice);
        let draws = choice.recipe.draws(material, &reals);
        if choice.scale == Scale::Patches {
            reals.cut = Cut::JUDGED;
        }
        let validation = draws.held_out(&reals, &mut Rng::new(77));
        if choice.scale == Scale::Patches {
            reals.cut = Cut::PATCH;
        }
        Self { reals, draws, validation }
    }

    /// The same with other draws in training.
    #[must_use]
    pub fn with_draws(self, draws: Box<dyn Draws + 'a>) -> Self {
        Self { draws, ..self }
    }

    /// What the run does.
    pub fn choice(&self) -> Choice {
        self.reals.choice
    }

    /// Side of the crops in pixels.
    pub fn side(&self) -> usize {
        self.reals.cut.side
    }

    /// The real faces.
    pub fn reals(&self) -> &Reals<'a> {
        &self.reals
    }

    /// Training faces.
    pub fn faces(&self) -> &[View<'a>] {
        &self.reals.train
    }

    /// A real crop and a manipulated one, as the recipe makes them; `share` of the run has passed.
    /// Of patches only such are taken that show both what was laid over and what was not.
    pub(super) fn draw(&self, rng: &mut Rng, share: f64) -> [Example; 2] {
        for _ in 0..PATCHES {
            let drawn = self.draws.draw(&self.reals, rng, share);
            let covered = |mask: &Mask| mask.iter().filter(|v| **v > 0.1).count() as f64 / mask.len().max(1) as f64;
            if self.choice().scale == Scale::Whole
                || drawn[1].mask.as_ref().is_some_and(|mask| COVERED.contains(&covered(mask)))
            {
                return drawn;
            }
        }
        self.draws.draw(&self.reals, rng, share)
    }

    /// A real crop beside its manipulated twin, for people.
    pub fn preview(&self, rng: &mut Rng) -> Crop {
        let [real, fake] = self.draw(rng, 1.0);
        let canvas = if rng.chance(0.3) { real.crop } else { fake.crop };
        Crop { canvas, boxes: vec![], points: vec![] }
    }
}

/// The mean of the map's middle, where the face is.
pub(super) fn middle(map: &[f32]) -> f32 {
    let side = map.len().isqrt();
    let range = side / 4..side - side / 4;
    let rows = range.clone().map(|y| map.get(y * side + range.start..y * side + range.end).unwrap_or_default());
    rows.map(|r| r.iter().sum::<f32>()).sum::<f32>() / (range.len() * range.len()) as f32
}

impl Task for Forgery<'_> {
    type Net = FaceForgery;
    type Batch = Batch;

    fn init(&self, device: &Device) -> FaceForgery {
        self.choice().config().init(Form::Trained, device)
    }

    fn pictures(&self) -> usize {
        2 * FACES
    }

    fn batch(&self, rng: &mut Rng, share: f64) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..FACES {
            for example in self.draw(rng, share) {
                face_forgery::append(&mut batch.planes, &example.crop, self.choice().input);
                batch.note(example.label, example.mask.as_ref(), |mask| layers(mask, self.side()));
            }
        }
        batch
    }

    fn loss(&self, net: &FaceForgery, batch: Batch, device: &Device) -> Tensor<1> {
        let teaches_maps = self.choice().has_mask_head && self.choice().recipe.about().teaches_map;
        batch::loss(net, batch, teaches_maps, device)
    }

    fn adopt(&self, net: FaceForgery, parameters: &StateDict) -> Result<FaceForgery, Mismatch> {
        if parameters.keys().any(|name| name.contains(".norm.")) {
            return masked::adopt(net, parameters);
        }
        // Weights as they are shipped have no normalisations any more.
        let folded = state::load(self.choice().config().init(Form::Folded, &Device::default()), parameters, "")?;
        let batch = self.batch(&mut Rng::new(79), 1.0);
        let planes = face_forgery::tensor(batch.planes, 2 * FACES, &Device::default());
        state::load(net, &state::collect(&folded.unfolded(planes)), "")
    }

    fn validate(&self, net: &FaceForgery) -> Vec<(&'static str, f64)> {
        let judged = self.validation.chunk_by(|a, b| a.sort.name == b.sort.name).flat_map(|of| of.chunks(32));
        let said = judged.flat_map(|chunk| {
            let crops: Vec<&[[f32; 3]]> = chunk.iter().map(|e| e.crop.as_slice()).collect();
            net.judge(&crops, self.choice().input)
        });
        let said: Vec<Said> =
            said.map(|found| Said { logit: found.logit, middle: middle(&found.map), map: found.map }).collect();
        let examples: Vec<&Example> = self.validation.iter().collect();
        validation::figures(&examples, &said, |e, mask| layers(Some(mask), e.crop.len().isqrt()))
    }
}
