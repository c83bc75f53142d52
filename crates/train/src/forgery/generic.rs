//! Real and fake faces of a labelled table: files of one's own.
//!
//! The decision that shapes it: real and fake files need not have anything in common, least of all
//! their compression, so each crop is saved again by draws of its own from one range.
use std::path::Path;

use assay_faces::Networks;
use assay_media::Progress;

use super::blend::saved_again;
use super::examples::{Draws, Example, Reals, Sort, sometimes};
use super::faces;
use super::given::{self, Given};
use super::masks::Mask;
use super::pairs::PAIRS;
use super::recipe::{About, Material, Order, Recipe};
use crate::faces::augment::mirror;
use crate::folder;
use assay_bench::collections::Split;
use assay_bench::datasets;
use assay_material::rng::Rng;

/// The recipe.
pub struct The;

static ABOUT: About = About::new(
    "generic",
    "Real and fake files of your own: a manifest, a folder with `real` and `fake`, FaceForensics++, DFDC, Celeb-DF, \
     DeepfakeBench",
);

/// Faces of a table, in the figures.
static GIVEN: Sort = Sort { name: "given", map_auc: Some("given_map_auc"), by_map: None, paired: None };

/// Pairs in validation.
const VALIDATED: usize = 160;

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn load(&self, order: &Order<'_>, progress: &dyn Progress) -> anyhow::Result<Material> {
        let indexed = datasets::index(order.data)?;
        let networks = Networks::shipped()?;
        let files: Vec<String> = indexed.manifest.rows.iter().map(|r| r.path.display().to_string()).collect();
        let (given, left_out) = given::load(indexed.manifest, &networks, progress)?;
        folder::write_record(&order.choice, Path::new(""), &files, order.options)?;
        if left_out > 0 {
            progress.update(&format!("{left_out} files without a usable face were left out"), 0, 0);
        }
        Ok(Material { given, ..Material::default() })
    }

    fn draws<'a>(&self, material: &'a Material, _reals: &Reals<'a>) -> Box<dyn Draws + 'a> {
        Box::new(Table::new(&material.given))
    }
}

/// Real and fake faces to learn from and held-out ones.
pub(super) struct Table<'a> {
    train: Vec<&'a Given>,
    held_out: Vec<&'a Given>,
}

impl<'a> Table<'a> {
    pub(super) fn new(given: &'a [Given]) -> Self {
        let of = |split: Split| given.iter().filter(|g| g.picture.split == split).collect();
        Self { train: of(Split::Train), held_out: of(Split::Validation) }
    }
}

impl Draws for Table<'_> {
    fn draw(&self, reals: &Reals<'_>, rng: &mut Rng, _share: f64) -> [Example; 2] {
        // As if there were pairs of moments: runs of one seed have the same draws with and without.
        sometimes::<()>(rng, PAIRS, &[]);
        pair(reals, &self.train, true, rng)
    }

    fn held_out(&self, reals: &Reals<'_>, rng: &mut Rng) -> Vec<Example> {
        let has_both = [true, false].iter().all(|label| self.held_out.iter().any(|g| g.is_fake == *label));
        let count = if has_both { VALIDATED } else { 0 };
        (0..count).flat_map(|_| pair(reals, &self.held_out, false, rng)).collect()
    }
}

/// A real and a fake face, each saved again by draws of its own.
fn pair(reals: &Reals<'_>, given: &[&Given], varies: bool, rng: &mut Rng) -> [Example; 2] {
    let side = reals.cut.side;
    [false, true].map(|is_fake| {
        let of: Vec<&&Given> = given.iter().filter(|g| g.is_fake == is_fake).collect();
        match rng.pick(&of) {
            Some(given) => example(reals, given, varies.then_some(1.0), &GIVEN, rng),
            None => {
                Example { crop: vec![[0.0; 3]; side * side], label: f32::from(is_fake), mask: None, sort: &GIVEN }
            }
        }
    })
}

/// A face of a table as it is, or jittered, and saved again with a chance that may be 1.
pub(super) fn example(
    reals: &Reals<'_>,
    given: &Given,
    saved: Option<f64>,
    sort: &'static Sort,
    rng: &mut Rng,
) -> Example {
    let side = reals.cut.side;
    let around = if saved.is_some() { reals.cut.varied } else { reals.cut.plain };
    let mesh = given.picture.faces.first().map_or(&[][..], |f| &f.mesh);
    let view = faces::crop_from_picture(mesh, around, side, rng);
    let mut crop = faces::draw(&given.picture, &view, side);
    let mut mask: Option<Mask> = given.mask.as_ref().map(|mask| {
        let mut drawn = vec![[0.0; 3]; side * side];
        mask.draw(&view, side, &mut drawn);
        drawn.iter().map(|p| p[0] / 255.0).collect()
    });
    if saved.is_some() && rng.chance(0.5) {
        mirror(&mut crop, side);
        mask.iter_mut().for_each(|m| m.chunks_exact_mut(side).for_each(<[f32]>::reverse));
    }
    // No number is drawn where there is nothing to choose.
    if let Some(chance) = saved.filter(|_| reals.choice.degrades)
        && (chance >= 1.0 || rng.chance(chance))
    {
        saved_again(&mut crop, side, rng);
    }
    Example { crop, label: f32::from(given.is_fake), mask, sort }
}
