//! A self-supervised start: the network fills in what was hidden of faces and natural pictures (He
//! et al., "Masked Autoencoders Are Scalable Vision Learners", CVPR 2022; for convolutions, Xie et
//! al., "SimMIM", CVPR 2022).
//!
//! The decision that shapes it: beside the colours the energy of the residuals is to be told,
//! because the recipes that start from here look for grain that does not fit its surroundings. The
//! label-free data are every training face, real or not, and every natural picture; no label is
//! used.
use std::path::PathBuf;

use assay_checkpoints::StateDict;
use assay_media::Progress;
use assay_models::blocks::Form;
use assay_models::face_forgery::{CELL, CHANNELS, COLOUR_PLANES, Config, FaceForgery, Input, SIDE, append};
use assay_models::layers::{Conv, ConvConfig};
use assay_models::state::{self, Mismatch};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::faces::{self, Around, View};
use super::recipe::{About, Order, Recipe};
use crate::faces::augment::{Canvas, mirror};
use crate::faces::data::Picture;
use crate::{Task, train};
use assay_bench::collections::Split;
use assay_material::rng::Rng;

/// The recipe.
pub struct The;

static ABOUT: About = About::new(
    "masked",
    "A self-supervised start for the others (give its folder to their --from): fill in what was hidden of faces and \
     natural pictures",
);

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, order: &Order<'_>, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
        let material = self.load(order, progress)?;
        train(&Filling::new(&material.pictures), order.options, progress)?;
        Ok(order.options.out.join("checkpoint.safetensors"))
    }
}

/// Side of the map of places.
const MAP: usize = SIDE / CELL;

/// Crops in a batch.
const BATCH: usize = 32;
/// Channels of the merged places.
const PLACES: usize = 48;
/// What is told of a cell of 8x8 pixels: the means of its sixteen 2x2 patches in three colours, and
/// the mean size of each residual.
const TOLD: usize = 48 + RESIDUALS;
/// Layers of residuals.
const RESIDUALS: usize = (CHANNELS - COLOUR_PLANES) / 4;
/// Cells on a side of a hidden block.
const BLOCK: usize = 2;
/// Share of the blocks that is hidden.
const HIDDEN: f64 = 0.5;
/// Prefix of the network's own parameters among those of [`Masked`].
const PREFIX: &str = "net.";

/// The network with the layer that fills in.
#[derive(Module, Debug)]
pub struct Masked {
    net: FaceForgery,
    told: Conv,
}

/// The parameters of another run of the same network, or of a self-supervised one, whose heads then
/// begin at random.
///
/// # Errors
/// When they fit neither.
pub(super) fn adopt(net: FaceForgery, parameters: &StateDict) -> Result<FaceForgery, Mismatch> {
    if !parameters.keys().any(|name| name.starts_with(PREFIX)) {
        return state::load(net, parameters, "");
    }
    let mut all = state::collect(&net);
    for (name, tensor) in parameters {
        let own = name.strip_prefix(PREFIX).filter(|n| !n.starts_with("map.") && !n.starts_with("head."));
        all.extend(own.map(|own| (own.to_owned(), tensor.clone())));
    }
    state::load(net, &all, "")
}

/// The task.
pub struct Filling<'a> {
    faces: Vec<View<'a>>,
    natural: Vec<&'a Picture>,
    validation: Vec<Canvas>,
}

impl<'a> Filling<'a> {
    /// Everything of the training split. Validation crops are drawn once.
    pub fn new(pictures: &'a [Picture]) -> Self {
        let natural = |split: Split| -> Vec<&'a Picture> {
            let large = |p: &&Picture| p.levels.full().width().min(p.levels.full().height()) >= SIDE as u32;
            let of = |p: &&Picture| p.split == split && p.is_scene();
            pictures.iter().filter(of).filter(large).collect()
        };
        let faces = |split: Split| -> Vec<View<'a>> {
            let of = |p: &&Picture| p.split == split && !p.told.is_swap;
            let views = pictures.iter().filter(of).flat_map(|p| p.faces.iter().map(move |f| (p, f)));
            views.filter(|(_, f)| faces::size(&f.mesh) >= faces::MIN_EXTENT_PX).collect()
        };
        let mut task =
            Self { faces: faces(Split::Validation), natural: natural(Split::Validation), validation: Vec::new() };
        let mut rng = Rng::new(77);
        task.validation = (0..64).filter_map(|_| task.crop(&mut rng)).collect();
        Self { faces: faces(Split::Train), natural: natural(Split::Train), ..task }
    }

    fn crop(&self, rng: &mut Rng) -> Option<Canvas> {
        let natural = rng.chance(0.2).then(|| rng.pick(&self.natural)).flatten();
        let (picture, view) = if let Some(picture) = natural {
            let (width, height) = (picture.levels.full().width() as f32, picture.levels.full().height() as f32);
            let place = |rng: &mut Rng, free: f32| free * rng.unit() as f32;
            let at = [place(rng, width - SIDE as f32), place(rng, height - SIDE as f32)].map(|v| v + SIDE as f32 / 2.0);
            (*picture, faces::around_point(at, 1.0, SIDE))
        } else {
            let (picture, face) = *rng.pick(&self.faces)?;
            (picture, faces::crop_from_picture(&face.mesh, Around::JITTERED, SIDE, rng))
        };
        let mut crop = faces::draw(picture, &view, SIDE);
        if rng.chance(0.5) {
            mirror(&mut crop, SIDE);
        }
        Some(crop)
    }
}

/// Crops, what is to be told of their cells, and 1 where a cell is hidden.
#[derive(Default)]
pub struct Batch {
    planes: Vec<f32>,
    told: Vec<f32>,
    hidden: Vec<f32>,
}

impl Batch {
    fn push(&mut self, crop: &Canvas, rng: &mut Rng) {
        let start = self.planes.len();
        append(&mut self.planes, crop, Input::default());
        let planes = &mut self.planes[start..];
        self.told.extend(told(planes));
        let blocks: Vec<bool> = (0..(MAP / BLOCK) * (MAP / BLOCK)).map(|_| rng.chance(HIDDEN)).collect();
        let is_hidden = |x: usize, y: usize| blocks[y / BLOCK * (MAP / BLOCK) + x / BLOCK];
        self.hidden.extend((0..MAP * MAP).map(|i| f32::from(is_hidden(i % MAP, i / MAP))));
        let half = SIDE / 2;
        for (i, value) in planes.iter_mut().enumerate() {
            if is_hidden(i % half / 4, i / half % half / 4) {
                *value = 0.0;
            }
        }
    }
}

/// `[TOLD, 20, 20]` values of the planes of one crop.
fn told(planes: &[f32]) -> Vec<f32> {
    let half = SIDE / 2;
    let mut out = vec![0.0; TOLD * MAP * MAP];
    for (at, value) in planes.iter().enumerate() {
        let (plane, y, x) = (at / (half * half), at / half % half, at % half);
        let cell = y / 4 * MAP + x / 4;
        if plane < COLOUR_PLANES {
            // Four planes a colour; the mean over a 2x2 patch.
            out[(plane / 4 * 16 + y % 4 * 4 + x % 4) * MAP * MAP + cell] += value / 4.0;
        } else {
            out[(48 + (plane - COLOUR_PLANES) / 4) * MAP * MAP + cell] += value.abs() / 64.0;
        }
    }
    out
}

fn miss(net: &Masked, batch: Batch, device: &Device) -> Tensor<1> {
    let n = batch.hidden.len() / (MAP * MAP);
    let tensor = |values: Vec<f32>, shape: [usize; 4]| Tensor::<4>::from_data(TensorData::new(values, shape), device);
    let hidden = tensor(batch.hidden, [n, 1, MAP, MAP]);
    let found = net.told.forward(net.net.places_of(tensor(batch.planes, [n, CHANNELS, SIDE / 2, SIDE / 2])));
    let off = (found - tensor(batch.told, [n, TOLD, MAP, MAP])).abs() * hidden.clone();
    off.sum() / (hidden.sum() * TOLD as f32)
}

impl Task for Filling<'_> {
    type Net = Masked;
    type Batch = Batch;

    fn init(&self, device: &Device) -> Masked {
        Masked {
            net: Config::default().init(Form::Trained, device),
            told: ConvConfig::new(PLACES, TOLD, 1).init(device),
        }
    }

    fn pictures(&self) -> usize {
        BATCH
    }

    fn batch(&self, rng: &mut Rng, _share: f64) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..BATCH {
            if let Some(crop) = self.crop(rng) {
                batch.push(&crop, rng);
            }
        }
        batch
    }

    fn loss(&self, net: &Masked, batch: Batch, device: &Device) -> Tensor<1> {
        miss(net, batch, device)
    }

    fn validate(&self, net: &Masked) -> Vec<(&'static str, f64)> {
        let mut rng = Rng::new(78);
        let mut batch = Batch::default();
        self.validation.iter().for_each(|crop| batch.push(crop, &mut rng));
        vec![("mean_error_of_hidden_cells", miss(net, batch, &Device::default()).into_scalar::<f32>().into())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_told_and_gone_from_the_input() {
        let crop: Canvas = (0..SIDE * SIDE).map(|i| [(i % 251) as f32, 40.0, (i / SIDE) as f32]).collect();
        let mut batch = Batch::default();
        batch.push(&crop, &mut Rng::new(3));
        assert_eq!((batch.told.len(), batch.hidden.len()), (TOLD * MAP * MAP, MAP * MAP));
        let share = batch.hidden.iter().sum::<f32>() / (MAP * MAP) as f32;
        assert!((0.3..0.7).contains(&share), "{share}");
        let half = SIDE / 2;
        for (cell, hidden) in batch.hidden.iter().enumerate() {
            // Blue grows downwards: its planes are nowhere zero but where they were hidden, save
            // for one row.
            let at = 8 * half * half + (cell / MAP * 4 + 1) * half + cell % MAP * 4 + 2;
            assert_eq!(batch.planes[at] == 0.0, *hidden == 1.0, "{cell}");
        }
        let green = &batch.told[16 * MAP * MAP..32 * MAP * MAP];
        assert!(green.iter().all(|v| (v - (40.0 / 127.5 - 1.0)).abs() < 1e-5), "told whether hidden or not");
    }

    #[test]
    fn a_start_fills_the_trunk_and_leaves_the_heads() {
        let device = Device::default();
        let start = Filling { faces: vec![], natural: vec![], validation: vec![] }.init(&device);
        let net = Config::default().init(Form::Trained, &device);
        let own = state::collect(&net);
        let filled = state::collect(&adopt(net, &state::collect(&start)).unwrap());
        let from = state::collect(&start);
        for (name, tensor) in &filled {
            let is_head = name.starts_with("map.") || name.starts_with("head.");
            let expected = if is_head { &own[name] } else { &from[&format!("net.{name}")] };
            assert_eq!(tensor, expected, "{name}");
        }
        assert!(adopt(Config::default().init(Form::Trained, &device), &StateDict::new()).is_err());
    }
}
