//! Real faces laid over themselves (self-blended images: Shiohara and Yamasaki, CVPR 2022).
//!
//! The decision that shapes it: the recipe that all others are measured against. No forged file is
//! learned from, so nothing of any one forger's program can be learned by heart.
use super::examples::{Draws, Example, Reals, Sort};
use super::recipe::{About, Recipe};
use assay_material::rng::Rng;

/// The recipe.
pub struct The;

static ABOUT: About =
    About { has_patches: true, ..About::new("sbi", "Real faces laid over themselves (self-blended images)") };

/// Crops of blends, in the figures.
pub(super) static BLENDS: Sort = Sort {
    name: "blends",
    map_auc: Some("blend_map_auc"),
    by_map: Some("blends_by_map"),
    paired: Some("blends_paired"),
};

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }
}

/// Nothing but blends.
pub(super) struct Blends;

impl Draws for Blends {
    fn draw(&self, reals: &Reals<'_>, rng: &mut Rng, share: f64) -> [Example; 2] {
        reals.any_blended(rng, share)
    }
}
