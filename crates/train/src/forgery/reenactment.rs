//! Reenacted faces: heads that an animator moved, beside recorded ones that went through everything
//! else that made pictures go through.
//!
//! The decision that shapes it: no blending boundary gives reenactment away, so nothing else may
//! either. A recorded head is cut by the same square, brought down to the animator's side and up
//! again by the same filter, and where label and watermark are put on the made picture they are put
//! on the recorded one. Both are looked at as a scan does, by the face that is found in them.
//! Everything stays in memory.
use std::path::Path;

use anyhow::Context as _;
use assay_faces::{Networks, find};
use assay_media::Progress;
use assay_models::face_forgery::Config;
use assay_models::first_order::{Animator, Transfer};
use assay_models::registry::{self, Registry};
use assay_models::rgb::Rgb;
use assay_models::{Kind, registry::Entry};
use assay_provenance::{Making, MarkedWriter, Record, Synthetic};
use image::imageops::{self, FilterType};
use image::{RgbImage, imageops::crop_imm};
use rayon::prelude::*;

use super::examples::{Draws, Reals};
use super::generic::Table;
use super::given::Given;
use super::recipe::{About, Material, Order, Recipe};
use crate::animator::heads::{self, ROOM, Stretch};
use crate::faces::data::{Face, Picture, Told};
use crate::faces::warp::Levels;
use crate::folder;
use assay_bench::collections::Split;
use assay_material::rng::Rng;

/// The recipe.
pub struct The;

static ABOUT: About = About {
    kind: Kind::FaceReenactment,
    config: || Config::SMALL,
    teaches_map: false,
    takes_animator: true,
    shows_generated: true,
    ..About::new(
        "reenactment",
        "Heads that an animator moved (--animator) against recorded ones that went through the same but for it",
    )
};

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn load(&self, order: &Order<'_>, progress: &dyn Progress) -> anyhow::Result<Material> {
        let stage = Stage::open(animator(order.animator)?, order.data, progress)?;
        let entry = stage.entry();
        let what = serde_json::json!({
            "choice": order.choice, "animator": entry.id, "animator_sha256": entry.sha256, "pairs": PAIRS,
        });
        folder::write_record(&what, order.data, &stage.files(), order.options)?;
        let given = bank(&stage, order.options.seed, progress)?;
        Ok(Material { given, ..Material::default() })
    }

    fn draws<'a>(&self, material: &'a Material, _reals: &Reals<'a>) -> Box<dyn Draws + 'a> {
        Box::new(Table::new(&material.given))
    }
}

/// Side of the finished pictures: what the marks need at least.
pub const SHOWN: u32 = 256;
/// Pairs to learn from, and to follow the run by.
const PAIRS: [usize; 2] = [900, 100];
/// Share of the pairs that are marked, both of them.
const MARKED: f64 = 0.5;
/// Share of the sources that are photographs; the rest are frames of clips.
const PHOTOGRAPHS: f64 = 0.7;

/// Weights of an animator, by id or file; the shipped ones without a name.
///
/// # Errors
/// When there are none, or they are another network's.
pub fn animator(named: Option<&str>) -> anyhow::Result<Animator> {
    let loaded = match named {
        Some(name) => registry::open(name)?,
        None => Registry::shipped(Kind::FirstOrderMotion).context("name the weights of an animator with --animator")?,
    };
    Ok(Animator::open(loaded)?)
}

/// A made and a recorded picture of one head, both finished.
#[derive(Clone)]
pub struct Pair {
    /// Who is seen: the file of the source.
    pub source: String,
    /// As recorded, through the same chain.
    pub real: RgbImage,
    /// Reenacted.
    pub fake: RgbImage,
}

/// Heads of one data folder that pairs are made of.
pub struct Stage {
    animator: Animator,
    side: u32,
    clips: Vec<Stretch>,
    photographs: Vec<Stretch>,
}

/// A picture as networks take it.
pub fn borrowed(picture: &RgbImage) -> Rgb<'_> {
    Rgb { pixels: picture.as_raw(), width: picture.width() as usize, height: picture.height() as usize }
}

impl Stage {
    /// Reads heads of clips and photographs.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open(animator: Animator, data: &Path, progress: &dyn Progress) -> anyhow::Result<Self> {
        let side = animator.side() as u32;
        let kept = (side as f32 * ROOM).round() as u32;
        let clips = heads::clips(data, kept, progress)?;
        let photographs = heads::photographs(data, kept, progress)?;
        Ok(Self { animator, side, clips, photographs })
    }

    /// What is known of the animator.
    pub fn entry(&self) -> &Entry {
        self.animator.entry()
    }

    /// Files that were read, for the record.
    fn files(&self) -> Vec<String> {
        let all = self.clips.iter().chain(&self.photographs);
        let mut files: Vec<String> = all.map(|s| s.name.split('#').next().unwrap_or(&s.name).to_owned()).collect();
        files.sort();
        files.dedup();
        files
    }

    /// The square that an animation cuts, without the room around it.
    fn square(&self, head: &RgbImage) -> RgbImage {
        let corner = |extent: u32| extent.saturating_sub(self.side) / 2;
        crop_imm(head, corner(head.width()), corner(head.height()), self.side, self.side).to_image()
    }

    /// The photographed heads of a split with the names of their files, as large as an animation
    /// takes them.
    pub fn photographs(&self, split: Split) -> Vec<(String, RgbImage)> {
        let of = self.photographs.iter().filter(|s| s.split == split);
        of.filter_map(|s| Some((s.name.clone(), self.square(&s.frames.first()?.picture)))).collect()
    }

    /// Pair number `at` of a split, before any mark: a head moved as another person's moves. The
    /// recorded one is that head, or a frame of the person who moves.
    pub fn pair(&self, split: Split, seed: u64, at: u64) -> Option<Pair> {
        let mut rng = Rng::labelled(seed, &format!("reenacted {split:?} {at}"));
        let of = |all: &'_ [Stretch]| -> Vec<usize> { (0..all.len()).filter(|i| all[*i].split == split).collect() };
        let (clips, photographs) = (of(&self.clips), of(&self.photographs));
        let driver = &self.clips[*rng.pick(&clips)?];
        let source = if rng.chance(PHOTOGRAPHS) && !photographs.is_empty() {
            &self.photographs[*rng.pick(&photographs)?]
        } else {
            &self.clips[*rng.pick(&clips)?]
        };
        let still = self.square(&rng.pick(&source.frames)?.picture);
        let [initial, driving] = [(); 2].map(|()| rng.pick(&driver.frames).map(|head| self.square(&head.picture)));
        let (initial, driving) = (initial?, driving?);
        let transfer = Transfer { relative_movement: true, relative_jacobian: true, adapt_scale: rng.chance(0.5) };
        let portrait = self.animator.portrait(&borrowed(&still));
        let [initial, moved] = [&initial, &driving].map(|p| self.animator.points(&borrowed(p)));
        let made = self.animator.animate(&portrait, &moved, &initial, transfer).picture;
        let made = RgbImage::from_raw(made.width as u32, made.height as u32, made.pixels)?;
        let recorded = if rng.chance(0.7) { still } else { driving };
        let filter = *rng.pick(&[FilterType::Triangle, FilterType::CatmullRom, FilterType::Lanczos3])?;
        let shown = |picture: &RgbImage| imageops::resize(picture, SHOWN, SHOWN, filter);
        Some(Pair { source: source.name.clone(), real: shown(&recorded), fake: shown(&made) })
    }
}

/// The pair with the label and the watermark that outputs carry, on both; `None` where one cannot
/// be marked.
pub fn marked(pair: Pair) -> Option<Pair> {
    let put = |picture: RgbImage| marked_sheet(picture).ok();
    Some(Pair { real: put(pair.real)?, fake: put(pair.fake)?, ..pair })
}

/// A picture with that label and watermark, to stay in memory or to be shown of a run.
///
/// # Errors
/// When it is too small to be marked.
pub fn marked_sheet(picture: RgbImage) -> anyhow::Result<RgbImage> {
    let record = Record {
        making: Making::Altered,
        generator: "animate".into(),
        weights: Vec::new(),
        settings: serde_json::Value::Null,
        seed: None,
        sources: Vec::new(),
    };
    Ok(MarkedWriter::preview(Synthetic::new(picture), &record)?)
}

/// The mesh of the largest face that a scan finds.
pub fn mesh_of(networks: &Networks, picture: &RgbImage) -> Option<Vec<[f32; 2]>> {
    let faces = find(networks, picture).ok()?;
    let largest = faces.into_iter().max_by(|a, b| {
        let area = |f: &assay_faces::Face| f.observation.box_in_frame.area();
        area(a).total_cmp(&area(b))
    })?;
    Some(largest.observation.landmarks.mesh)
}

/// Both pictures of pairs, with the faces found in them.
fn bank(stage: &Stage, seed: u64, progress: &dyn Progress) -> anyhow::Result<Vec<Given>> {
    let networks = Networks::shipped()?;
    let of = |split: Split, count: usize| -> Vec<Given> {
        let one = |at: u64| {
            progress.update("reenacting heads", at, count as u64);
            let pair = stage.pair(split, seed, at)?;
            let is_marked = Rng::labelled(seed, &format!("marked {at}")).chance(MARKED);
            let Pair { source, real, fake } = if is_marked { marked(pair)? } else { pair };
            let given = |picture: RgbImage, is_fake: bool| {
                let mesh = mesh_of(&networks, &picture)?;
                let picture = Picture {
                    name: format!("{source}#{at}"),
                    source: source.clone(),
                    person: source.clone(),
                    split,
                    levels: Levels::new(picture),
                    told: Told::default(),
                    faces: vec![Face { mesh, hand: None }],
                };
                Some(Given { picture, is_fake, mask: None })
            };
            Some([given(real, false)?, given(fake, true)?])
        };
        (0..count as u64).into_par_iter().filter_map(one).flatten_iter().collect()
    };
    let mut all = of(Split::Train, PAIRS[0]);
    all.extend(of(Split::Validation, PAIRS[1]));
    anyhow::ensure!(
        all.iter().any(|g| g.picture.split == Split::Train),
        "no head could be reenacted: is there a clip of the training split?"
    );
    Ok(all)
}
