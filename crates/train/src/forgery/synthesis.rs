//! Wholly generated portraits against real ones.
//!
//! The decision that shapes it: files of generators share a compression that real ones have not, so
//! both are scaled down a little and saved again by the same draws; and rectangles change places
//! between them, so that grain is learned and not what a generator likes to show.
use assay_models::Kind;

use super::blend::saved_again;
use super::examples::{Draws, Example, Reals, Sort};
use super::faces::{self, Around, View};
use super::masks::{self, Mask};
use super::recipe::{About, Material, Recipe};
use crate::faces::augment::mirror;
use crate::faces::data::Picture;
use assay_bench::collections::{Split, Use};
use assay_bench::datasets::Label;
use assay_material::rng::Rng;

/// The recipe.
pub struct The;

static ABOUT: About =
    About { kind: Kind::FaceSynthesis, ..About::new("synthesis", "Wholly generated portraits against real ones") };

/// Portraits, in the figures.
static PORTRAITS: Sort = Sort { name: "portraits", map_auc: None, by_map: None, paired: Some("portraits_paired") };

/// Share of the drawn portraits of which a rectangle changes places between the real and the
/// generated one (CutMix: Yun et al., ICCV 2019).
const EXCHANGED: f64 = 0.7;
/// Pairs in validation.
const VALIDATED: usize = 160;

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn draws<'a>(&self, material: &'a Material, _reals: &Reals<'a>) -> Box<dyn Draws + 'a> {
        let of = |split: Split| Portraits::new(&material.pictures, split);
        Box::new(Generated { train: of(Split::Train), held_out: of(Split::Validation) })
    }
}

/// The portraits to learn from and the held-out ones.
struct Generated<'a> {
    train: Portraits<'a>,
    held_out: Portraits<'a>,
}

impl Draws for Generated<'_> {
    fn draw(&self, reals: &Reals<'_>, rng: &mut Rng, share: f64) -> [Example; 2] {
        self.train.draw(reals, Around::CLOSE, rng).unwrap_or_else(|| reals.any_blended(rng, share))
    }

    fn held_out(&self, reals: &Reals<'_>, rng: &mut Rng) -> Vec<Example> {
        (0..VALIDATED).filter_map(|_| self.held_out.draw(reals, Around::CLOSE_PLAIN, rng)).flatten().collect()
    }
}

/// Generated portraits, real ones of the same size and compression, and everything that is real or
/// generated.
struct Portraits<'a> {
    twins: Vec<View<'a>>,
    generated: Vec<View<'a>>,
    reals: Vec<View<'a>>,
    all_generated: Vec<View<'a>>,
}

impl<'a> Portraits<'a> {
    fn new(pictures: &'a [Picture], split: Split) -> Self {
        let of = |label: Label, only_matched: bool| -> Vec<View<'a>> {
            let fits = |p: &&Picture| {
                let told = &p.told;
                let is_asked_for = told.label == Some(label) && (told.is_matched || !only_matched);
                p.split == split && told.uses.contains(&Use::Portraits) && is_asked_for
            };
            pictures.iter().filter(fits).flat_map(|p| p.faces.iter().map(move |f| (p, f))).collect()
        };
        Self {
            twins: of(Label::Real, true),
            generated: of(Label::Fake, true),
            reals: of(Label::Real, false),
            all_generated: of(Label::Fake, false),
        }
    }

    /// A real and a generated portrait; `None` where there are none.
    fn draw(&self, reals: &Reals<'_>, around: Around, rng: &mut Rng) -> Option<[Example; 2]> {
        let (real_ones, made_ones) =
            if rng.chance(0.7) { (&self.twins, &self.generated) } else { (&self.reals, &self.all_generated) };
        let (real, fake) = (*rng.pick(real_ones)?, *rng.pick(made_ones)?);
        let flips = rng.chance(0.5);
        let side = reals.cut.side;
        let draws = rng.clone();
        rng.next_u64();
        let mut crops = [real, fake].map(|(picture, face)| {
            let mut draws = draws.clone();
            let view = faces::crop_from_picture(&face.mesh, around, side, &mut draws);
            let mut crop = faces::draw(picture, &view, side);
            if flips {
                mirror(&mut crop, side);
            }
            crop
        });
        let varies = around == Around::CLOSE;
        let mut place = vec![0.0; side * side];
        if varies && rng.chance(EXCHANGED) {
            masks::rectangle(&mut place, side, rng);
            let [real, fake] = &mut crops;
            for ((r, f), _) in real.iter_mut().zip(fake).zip(&place).filter(|(_, m)| **m > 0.5) {
                std::mem::swap(r, f);
            }
        }
        // Not the draws of the crop again: how a picture is saved has nothing to do with how it is
        // cut.
        let savings = Rng::new(rng.next_u64());
        if reals.choice.degrades {
            for crop in &mut crops {
                saved_again(crop, side, &mut savings.clone());
            }
        }
        let rest: Mask = place.iter().map(|m| 1.0 - m).collect();
        let share = place.iter().sum::<f32>() / place.len() as f32;
        let [real, fake] = crops;
        let known = |mask: Mask| Some(mask).filter(|_| varies);
        Some([
            Example { crop: real, label: share, mask: known(place), sort: &PORTRAITS },
            Example { crop: fake, label: 1.0 - share, mask: known(rest), sort: &PORTRAITS },
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::super::recipe::Chosen;
    use super::super::task::{Choice, Forgery};
    use super::super::tests::picture;
    use super::*;
    use crate::faces::data::Told;
    use crate::faces::warp::Levels;

    #[test]
    fn a_rectangle_changes_places_between_portraits_and_is_told_of() {
        let flat = |name: &str, label: Label, grey: u8| {
            let pixels = image::RgbImage::from_pixel(400, 400, image::Rgb([grey; 3]));
            let uses = [Use::Portraits].into();
            let told = Told { label: Some(label), is_matched: true, uses, ..Told::default() };
            Picture { levels: Levels::new(pixels), told, ..picture(name, Split::Train, 230.0) }
        };
        let pictures = vec![flat("recorded", Label::Real, 50), flat("generated", Label::Fake, 200)];
        let material = Material { pictures, ..Material::default() };
        let choice = Choice { recipe: Chosen::new(&The), degrades: false, ..Choice::default() };
        let task = Forgery::new(&material, choice);
        let portraits = Portraits::new(&material.pictures, Split::Train);
        let (mut rng, mut exchanged) = (Rng::new(3), 0);
        for _ in 0..20 {
            let examples = portraits.draw(task.reals(), Around::CLOSE, &mut rng).unwrap();
            assert!((examples[0].label + examples[1].label - 1.0).abs() < 1e-5);
            exchanged += usize::from(examples[0].label > 0.0);
            for example in &examples {
                let mask = example.mask.as_ref().unwrap();
                assert!((mask.iter().sum::<f32>() / mask.len() as f32 - example.label).abs() < 1e-4);
                // What lies beyond the picture is black in both.
                let seen = example.crop.iter().zip(mask).filter(|(p, _)| p[0] > 45.0);
                assert!(seen.clone().count() > mask.len() / 2);
                assert!(seen.clone().all(|(p, m)| (p[0] > 195.0) == (*m > 0.5) && (p[0] > 195.0 || p[0] < 55.0)));
            }
        }
        assert!((8..20).contains(&exchanged), "{exchanged} of 20");
        let plain = portraits.draw(task.reals(), Around::CLOSE_PLAIN, &mut rng).unwrap();
        assert!(plain.iter().all(|e| e.mask.is_none() && e.label.fract() == 0.0));
    }
}
