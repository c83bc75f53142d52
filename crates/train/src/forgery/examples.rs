//! How the crops of a batch come about: blended, swapped, generated, reconstructed, given.
//!
//! The decision that shapes it: every draw is a real crop and a manipulated one, and whatever else happens to them (crop, mirror, degradation) follows from the same
//! random numbers wherever both come from the same material.
use super::blend::{Blend, Tremor, matched, processed, regrain, saved_again, self_blended};
use super::faces::{self, Around, Pair, View};
use super::given::Given;
use super::masks::{self, Mask};
use super::reconstruct::Passed;
use super::task::{Forgery, Recipe, Scale};
use crate::faces::augment::{Canvas, mirror};
use crate::faces::data::Picture;
use assay_bench::collections::{Split, Use};
use assay_bench::datasets::Label;
use assay_material::rng::Rng;

/// Share of the run after which everything has its full strength.
const FULL_AT: f64 = 0.4;

/// Share of the draws that are pairs of real and swapped frames in [`Recipe::Pairs`]; the rest are self-blended.
const PAIRS: f64 = 0.4;

/// Share of the drawn pairs whose real half is laid over itself instead.
const BLENDED_PAIRS: f64 = 0.3;
/// Share of the varied pairs of which a part only is swapped.
const PARTIAL: f64 = 0.6;
/// Share of the varied pairs whose swapped place is made finer or coarser: some programs' faces are smoother than what is around them, others' sharper.
const REGRAINED: f64 = 0.5;
/// Share of the draws that are reconstructions in [`Recipe::Reconstruct`]; the rest are self-blended.
const RECONSTRUCTED: f64 = 0.6;

/// Share of the drawn portraits of which a rectangle changes places between the real and the generated one (CutMix: Yun et al., ICCV 2019).
const EXCHANGED: f64 = 0.7;

/// What share of a patch may be laid over, and how many patches are tried.
const COVERED: std::ops::Range<f64> = 0.04..0.95;
const PATCHES: usize = 6;

/// How a pair is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Draw {
    /// As a scan sees it.
    Plain,
    /// Jittered, degraded, in parts; `share` of the run has passed.
    Varied { share: f64 },
}

/// A crop with what is true of it.
pub(super) struct Example {
    pub(super) crop: Canvas,
    /// 1 for a forged face, 0 for a real one; where both are cut together, how much of the crop is forged.
    pub(super) label: f32,
    /// What was laid over, where that is known.
    pub(super) mask: Option<Mask>,
    /// Of what kind, for the validation figures.
    pub(super) name: &'static str,
}

impl Example {
    pub(super) fn is_fake(&self) -> bool {
        self.label > 0.5
    }
}

/// Generated portraits, real ones of the same size and compression, and everything that is real or generated.
#[derive(Default)]
pub(super) struct Portraits<'a> {
    twins: Vec<View<'a>>,
    generated: Vec<View<'a>>,
    reals: Vec<View<'a>>,
    all_generated: Vec<View<'a>>,
}

impl<'a> Portraits<'a> {
    pub(super) fn new(pictures: &'a [Picture], split: Split) -> Self {
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
}

/// Where two crops differ clearly.
pub(super) fn changed(a: &Canvas, b: &Canvas) -> Mask {
    let differs = |(a, b): (&[f32; 3], &[f32; 3])| (0..3).map(|c| (a[c] - b[c]).abs()).sum::<f32>() > 18.0;
    a.iter().zip(b).map(|pair| f32::from(differs(pair))).collect()
}

impl Forgery<'_> {
    /// A real crop and a manipulated one, as the recipe makes them; `share` of the run has passed. Of patches only such are taken that show both what was
    /// laid over and what was not.
    pub(super) fn draw(&self, rng: &mut Rng, share: f64) -> [Example; 2] {
        for _ in 0..PATCHES {
            let drawn = self.drawn(rng, share);
            let covered = |mask: &Mask| mask.iter().filter(|v| **v > 0.1).count() as f64 / mask.len().max(1) as f64;
            if self.choice.scale == Scale::Whole
                || drawn[1].mask.as_ref().is_some_and(|mask| COVERED.contains(&covered(mask)))
            {
                return drawn;
            }
        }
        self.drawn(rng, share)
    }

    fn drawn(&self, rng: &mut Rng, share: f64) -> [Example; 2] {
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
        if matches!(self.choice.recipe, Recipe::Generic | Recipe::Reenactment) {
            return self.given_pair(&self.given, true, rng);
        }
        // Sources are drawn more evenly than their sizes: by the root of how many faces they have.
        let weights: Vec<f64> = self.by_source.iter().map(|s| (s.len() as f64).sqrt()).collect();
        let mut at = rng.range(0.0, weights.iter().sum());
        let chosen = weights.iter().position(|w| {
            at -= w;
            at < 0.0
        });
        let of = &self.by_source[chosen.unwrap_or(0)];
        let at = of[rng.below(of.len())];
        if rng.chance(RECONSTRUCTED)
            && let Some(passed) = rng.pick(&self.banks).and_then(|bank| bank.get(at))
        {
            return self.reconstructed(self.train[at], passed, share, rng);
        }
        self.blended(self.train[at], share, rng)
    }

    /// A face and the same face after an autoencoder, laid back.
    fn reconstructed(&self, (picture, face): View<'_>, passed: &Passed, share: f64, rng: &mut Rng) -> [Example; 2] {
        let subtlety = (share / FULL_AT).min(1.0);
        let (view, side) = self.cut.view(&face.mesh, self.cut.varied, rng);
        let mut real = faces::draw(picture, &view, side);
        let mesh: Vec<[f32; 2]> = face.mesh.iter().map(|p| view.apply(*p)).collect();
        let inner = passed.laid_into(&real, side, &view, subtlety, rng);
        let mut mask = masks::draw(&mesh, side, self.choice.shapes, rng);
        masks::soften(&mut mask, side, 4.0 + 9.0 * subtlety, 1.0, rng);
        let inner = if rng.chance(0.6) { matched(&inner, &real, &mask) } else { inner };
        let mut fake = masks::laid(&inner, &real, &mask);
        if rng.chance(0.5) {
            mirror(&mut real, side);
            mirror(&mut fake, side);
            mask.chunks_exact_mut(side).for_each(<[f32]>::reverse);
        }
        self.degraded([real, fake], mask, subtlety, "reconstructions", rng)
    }

    /// A real and a fake face of a table, each saved again by draws of its own: their files need not have anything in common.
    pub(super) fn given_pair(&self, given: &[&Given], varies: bool, rng: &mut Rng) -> [Example; 2] {
        [false, true].map(|is_fake| {
            let of: Vec<&&Given> = given.iter().filter(|g| g.is_fake == is_fake).collect();
            let Some(given) = rng.pick(&of) else {
                return Example {
                    crop: vec![[0.0; 3]; self.cut.side * self.cut.side],
                    label: f32::from(is_fake),
                    mask: None,
                    name: "given",
                };
            };
            let around = if varies { Around::JITTERED } else { Around::PLAIN };
            let mesh = given.picture.faces.first().map_or(&[][..], |f| &f.mesh);
            let view = faces::crop_from_picture(mesh, around, self.cut.side, rng);
            let mut crop = faces::draw(&given.picture, &view, self.cut.side);
            let mut mask: Option<Mask> = given.mask.as_ref().map(|mask| {
                let mut drawn = vec![[0.0; 3]; self.cut.side * self.cut.side];
                mask.draw(&view, self.cut.side, &mut drawn);
                drawn.iter().map(|p| p[0] / 255.0).collect()
            });
            if varies && rng.chance(0.5) {
                mirror(&mut crop, self.cut.side);
                mask.iter_mut().for_each(|m| m.chunks_exact_mut(self.cut.side).for_each(<[f32]>::reverse));
            }
            if varies && self.choice.degrades {
                saved_again(&mut crop, self.cut.side, rng);
            }
            Example { crop, label: f32::from(is_fake), mask, name: "given" }
        })
    }

    pub(super) fn blended(&self, (picture, face): View<'_>, share: f64, rng: &mut Rng) -> [Example; 2] {
        let subtlety = (share / FULL_AT).min(1.0);
        let (view, side) = self.cut.view(&face.mesh, self.cut.varied, rng);
        let mut real = faces::draw(picture, &view, side);
        let mut mesh: Vec<[f32; 2]> = face.mesh.iter().map(|p| view.apply(*p)).collect();
        if rng.chance(0.5) {
            mirror(&mut real, side);
            mesh = self.mirror_of.iter().map(|i| [side as f32 - mesh[*i][0], mesh[*i][1]]).collect();
        }
        let other = rng.pick(&self.train).filter(|_| rng.chance(0.3)).map(|(picture, face)| {
            let view = faces::crop_from_picture(&face.mesh, self.cut.plain, side, rng);
            faces::draw(picture, &view, side)
        });
        let blend = Blend { shapes: self.choice.shapes, subtlety, tremor: Tremor::NONE };
        let (fake, mask) = self_blended(&real, side, &mesh, other.as_ref(), blend, rng);
        self.degraded([real, fake], mask, subtlety, "blends", rng)
    }

    /// Both halves by the same crop; what was changed follows from their difference. So that no person and no place can be learned by heart, at times
    /// a part of the swap only is laid over the real half.
    pub(super) fn swapped(&self, pair: Pair<'_>, how: Draw, rng: &mut Rng) -> [Example; 2] {
        let mesh = if rng.chance(0.5) { &pair.real.1.mesh } else { &pair.fake.1.mesh };
        let around = if how == Draw::Plain { self.cut.plain } else { self.cut.varied };
        let (view, side) = self.cut.view(mesh, around, rng);
        let [mut real, mut fake] = [pair.real.0, pair.fake.0].map(|p| faces::draw(p, &view, side));
        if let Draw::Varied { share } = how
            && rng.chance(PARTIAL)
        {
            let mesh: Vec<[f32; 2]> = mesh.iter().map(|p| view.apply(*p)).collect();
            let mut kept = masks::draw(&mesh, side, self.choice.shapes, rng);
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
            Draw::Varied { share } => (share / FULL_AT).min(1.0),
        };
        self.degraded([real, fake], mask, strength, "swaps", rng)
    }

    /// A real and a generated portrait. Files of generators share a compression that real ones have not, so both are scaled down a little and
    /// saved again by the same draws.
    pub(super) fn generated(&self, portraits: &Portraits<'_>, around: Around, rng: &mut Rng) -> Option<[Example; 2]> {
        let (reals, fakes) = if rng.chance(0.7) {
            (&portraits.twins, &portraits.generated)
        } else {
            (&portraits.reals, &portraits.all_generated)
        };
        let (real, fake) = (*rng.pick(reals)?, *rng.pick(fakes)?);
        let flips = rng.chance(0.5);
        let draws = rng.clone();
        rng.next_u64();
        let mut crops = [real, fake].map(|(picture, face)| {
            let mut draws = draws.clone();
            let view = faces::crop_from_picture(&face.mesh, around, self.cut.side, &mut draws);
            let mut crop = faces::draw(picture, &view, self.cut.side);
            if flips {
                mirror(&mut crop, self.cut.side);
            }
            crop
        });
        let varies = around == Around::CLOSE;
        let mut place = vec![0.0; self.cut.side * self.cut.side];
        if varies && rng.chance(EXCHANGED) {
            masks::rectangle(&mut place, self.cut.side, rng);
            let [real, fake] = &mut crops;
            for ((r, f), _) in real.iter_mut().zip(fake).zip(&place).filter(|(_, m)| **m > 0.5) {
                std::mem::swap(r, f);
            }
        }
        // Not the draws of the crop again: how a picture is saved has nothing to do with how it is cut.
        let savings = Rng::new(rng.next_u64());
        if self.choice.degrades {
            for crop in &mut crops {
                saved_again(crop, self.cut.side, &mut savings.clone());
            }
        }
        let rest: Mask = place.iter().map(|m| 1.0 - m).collect();
        let share = place.iter().sum::<f32>() / place.len() as f32;
        let [real, fake] = crops;
        let (name, known) = ("portraits", |mask: Mask| Some(mask).filter(|_| varies));
        Some([
            Example { crop: real, label: share, mask: known(place), name },
            Example { crop: fake, label: 1.0 - share, mask: known(rest), name },
        ])
    }

    fn degraded(
        &self,
        crops: [Canvas; 2],
        mut mask: Mask,
        strength: f64,
        name: &'static str,
        rng: &mut Rng,
    ) -> [Example; 2] {
        let draws = rng.clone();
        rng.next_u64();
        let side = mask.len().isqrt();
        let [real, fake] = crops.map(|mut crop| {
            if self.choice.degrades {
                processed(&mut crop, side, strength, &mut draws.clone());
            }
            if side == self.cut.side { crop } else { faces::resized(&crop, side, self.cut.side) }
        });
        if side != self.cut.side {
            let grey: Canvas = mask.iter().map(|v| [v * 255.0; 3]).collect();
            mask = faces::resized(&grey, side, self.cut.side).iter().map(|p| p[0] / 255.0).collect();
        }
        [
            Example { crop: real, label: 0.0, mask: None, name },
            Example { crop: fake, label: 1.0, mask: Some(mask), name },
        ]
    }
}

#[cfg(test)]
mod tests {
    use assay_models::face_forgery::{JUDGED_SIDE, SIDE};

    use super::*;
    use crate::faces::data::{Face, Told};
    use crate::faces::warp::Levels;
    use crate::forgery::Choice;

    /// A face of `extent` pixels in the middle of a picture of grain.
    fn picture(name: &str, split: Split, extent: f32) -> Picture {
        let mut rng = Rng::new(extent as u64);
        let pixels = image::RgbImage::from_fn(400, 400, |x, y| {
            image::Rgb([0, 1, 2].map(|c| (80 + (x + y * c) / 8 % 60) as u8 + rng.below(30) as u8))
        });
        let point = |i: u16| {
            let (angle, reach) = (f32::from(i) * 0.7, (f32::from(i) / 467.0).sqrt() * extent / 2.0);
            [200.0 + 0.8 * reach * angle.cos(), 200.0 + reach * angle.sin()]
        };
        let faces = vec![Face { mesh: (0..468).map(point).collect(), hand: None }];
        let (name, person) = (format!("faces/{name}.jpg"), name.to_owned());
        let told = Told { label: Some(Label::Real), ..Told::default() };
        Picture { name, source: "lfw250".to_owned(), person, split, levels: Levels::new(pixels), told, faces }
    }

    #[test]
    fn patches_are_cut_from_large_faces_and_show_what_was_laid_over_and_what_was_not() {
        let pictures = [
            picture("a", Split::Train, 150.0),
            picture("b", Split::Train, 330.0),
            picture("small", Split::Train, 80.0),
            picture("c", Split::Validation, 150.0),
        ];
        let task = Forgery::new(&pictures, Choice { scale: Scale::Patches, ..Choice::default() });
        assert_eq!(task.train.len(), 2);
        assert!(!task.validation.is_empty() && task.validation.iter().all(|e| e.crop.len() == JUDGED_SIDE.pow(2)));
        let (mut rng, mut seen) = (Rng::new(5), 0);
        for _ in 0..12 {
            let [real, fake] = task.draw(&mut rng, 0.0);
            let mask = fake.mask.unwrap();
            assert_eq!([real.crop.len(), fake.crop.len(), mask.len()], [SIDE.pow(2); 3]);
            let far = |i: usize| (0..3).map(|c| (real.crop[i][c] - fake.crop[i][c]).abs()).sum::<f32>();
            let mean = |inside: bool| {
                let of: Vec<f32> = (0..mask.len()).filter(|i| (mask[*i] > 0.5) == inside).map(far).collect();
                of.iter().sum::<f32>() / of.len().max(1) as f32
            };
            seen += usize::from(mean(true) > 1.5 * mean(false));
        }
        assert!(seen >= 8, "{seen} of 12");
    }

    #[test]
    fn a_rectangle_changes_places_between_portraits_and_is_told_of() {
        let flat = |name: &str, label: Label, grey: u8| {
            let pixels = image::RgbImage::from_pixel(400, 400, image::Rgb([grey; 3]));
            let uses = [Use::Portraits].into();
            let told = Told { label: Some(label), is_matched: true, uses, ..Told::default() };
            Picture { levels: Levels::new(pixels), told, ..picture(name, Split::Train, 230.0) }
        };
        let pictures = [flat("recorded", Label::Real, 50), flat("generated", Label::Fake, 200)];
        let task = Forgery::new(&pictures, Choice { recipe: Recipe::Synthesis, degrades: false, ..Choice::default() });
        let (mut rng, mut exchanged) = (Rng::new(3), 0);
        for _ in 0..20 {
            let examples = task.generated(&task.portraits, Around::CLOSE, &mut rng).unwrap();
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
        let plain = task.generated(&task.portraits, Around::CLOSE_PLAIN, &mut rng).unwrap();
        assert!(plain.iter().all(|e| e.mask.is_none() && e.label.fract() == 0.0));
    }

    #[test]
    fn a_patch_finer_than_its_picture_is_a_part_of_the_picture_as_it_is() {
        let (picture, mut rng) = (picture("a", Split::Train, 150.0), Rng::new(9));
        let (view, side) = faces::Cut::PATCH.view(&picture.faces[0].mesh, faces::Cut::PATCH.plain, &mut rng);
        assert!((90..SIDE).contains(&side), "{side}");
        let crop = faces::draw(&picture, &view, side);
        let corner = view.inverse().apply([0.0; 2]).map(|v| v as u32);
        let same = |i: usize| {
            let (x, y) = (corner[0] + (i % side) as u32, corner[1] + (i / side) as u32);
            crop[i] == picture.levels.full().get_pixel(x, y).0.map(f32::from)
        };
        assert!((0..side * side).all(same));
    }
}
