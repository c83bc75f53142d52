//! Real and swapped frames of the same moment, mixed with self-blended faces.
//!
//! The decision that shapes it: both halves of a side-by-side clip are cut by the same crop, and
//! the people of the clips are seen forged by other means too, so that being one of them tells
//! nothing.
use super::blend::regrain;
use super::examples::{Draws, Example, Reals, Sort, changed, sometimes, strength};
use super::faces::{self, Fold, Pair};
use super::masks;
use super::recipe::{About, Material, Recipe};
use crate::faces::augment::mirror;
use assay_bench::collections::{self, Split};
use assay_material::rng::Rng;

/// The recipe.
pub struct The;

static ABOUT: About = About {
    has_patches: true,
    ..About::new("pairs", "The same as sbi, mixed with real and swapped frames of the same moment")
};

/// Crops of swaps, in the figures.
pub(super) static SWAPS: Sort =
    Sort { name: "swaps", map_auc: Some("swap_map_auc"), by_map: Some("swaps_by_map"), paired: Some("swaps_paired") };

/// Share of the draws that are pairs of real and swapped frames; the rest are self-blended.
pub(super) const PAIRS: f64 = 0.4;
/// Share of the drawn pairs whose real half is laid over itself instead.
const BLENDED_PAIRS: f64 = 0.3;
/// Share of the varied pairs of which a part only is swapped.
const PARTIAL: f64 = 0.6;
/// Share of the varied pairs whose swapped place is made finer or coarser: some programs' faces are
/// smoother than what is around them, others' sharper.
const REGRAINED: f64 = 0.5;
/// Every so many of the held-out moments are looked at in validation.
const VALIDATED_PAIRS: usize = 4;

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn draws<'a>(&self, material: &'a Material, reals: &Reals<'a>) -> Box<dyn Draws + 'a> {
        Box::new(Swaps::new(material, reals))
    }
}

/// The pairs to learn from and the held-out ones.
pub(super) struct Swaps<'a> {
    pairs: Vec<Pair<'a>>,
    held_out: Vec<Pair<'a>>,
}

impl<'a> Swaps<'a> {
    pub(super) fn new(material: &'a Material, reals: &Reals<'a>) -> Self {
        let [pairs, held_out] = divided(&faces::pairs(&material.pictures), reals.choice.held_out);
        Self { pairs, held_out }
    }
}

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

impl Draws for Swaps<'_> {
    fn draw(&self, reals: &Reals<'_>, rng: &mut Rng, share: f64) -> [Example; 2] {
        let Some(pair) = sometimes(rng, PAIRS, &self.pairs).copied() else {
            return reals.other_blended(rng, share);
        };
        if rng.chance(BLENDED_PAIRS) {
            reals.blended(pair.real, share, rng)
        } else {
            swapped(reals, pair, Draw::Varied { share }, rng)
        }
    }

    fn held_out(&self, reals: &Reals<'_>, rng: &mut Rng) -> Vec<Example> {
        let mut all = reals.held_out_blended(rng);
        for pair in self.held_out.iter().step_by(VALIDATED_PAIRS) {
            all.extend(swapped(reals, *pair, Draw::Plain, rng));
        }
        all
    }
}

/// How a pair is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Draw {
    /// As a scan sees it.
    Plain,
    /// Jittered, degraded, in parts; `share` of the run has passed.
    Varied { share: f64 },
}

/// Both halves by the same crop; what was changed follows from their difference. So that no person
/// and no place can be learned by heart, at times a part of the swap only is laid over the real
/// half.
fn swapped(reals: &Reals<'_>, pair: Pair<'_>, how: Draw, rng: &mut Rng) -> [Example; 2] {
    let mesh = if rng.chance(0.5) { &pair.real.1.mesh } else { &pair.fake.1.mesh };
    let around = if how == Draw::Plain { reals.cut.plain } else { reals.cut.varied };
    let (view, side) = reals.cut.view(mesh, around, rng);
    let [mut real, mut fake] = [pair.real.0, pair.fake.0].map(|p| faces::draw(p, &view, side));
    if let Draw::Varied { share } = how
        && rng.chance(PARTIAL)
    {
        let mesh: Vec<[f32; 2]> = mesh.iter().map(|p| view.apply(*p)).collect();
        let mut kept = masks::draw(&mesh, side, reals.choice.shapes, rng);
        let ratio = if rng.chance(0.5 * share) { rng.range(0.5, 1.0) as f32 } else { 1.0 };
        masks::soften(&mut kept, side, 8.0, ratio, rng);
        fake = masks::laid(&fake, &real, &kept);
    }
    let mut mask = changed(&real, &fake);
    if how != Draw::Plain && rng.chance(REGRAINED) {
        let mut other = fake.clone();
        regrain(&mut other, side, rng);
        let mut place = mask.clone();
        masks::blur(&mut place, side, 3.0);
        fake = masks::laid(&other, &fake, &place);
    }
    if how != Draw::Plain && rng.chance(0.5) {
        mask.chunks_exact_mut(side).for_each(<[f32]>::reverse);
        mirror(&mut real, side);
        mirror(&mut fake, side);
    }
    masks::blur(&mut mask, side, 4.0);
    mask.iter_mut().for_each(|v| *v = (*v * 2.0).min(1.0));
    let strength = match how {
        Draw::Plain => 0.0,
        Draw::Varied { share } => strength(share),
    };
    reals.degraded([real, fake], mask, strength, &SWAPS, rng)
}
