//! How the crops of a batch come about: blended, swapped, generated, reconstructed, given.
//!
//! The decision that shapes it: every draw is a real crop and a manipulated one, and whatever else happens to them (crop, mirror, degradation) follows from the same
//! random numbers wherever both come from the same material.
use super::blend::{Blend, Tremor, matched, processed, regrain, saved_again, self_blended};
use super::faces::{self, Around, Pair, View};
use super::given::Given;
use super::masks::{self, Mask};
use super::reconstruct::Passed;
use super::task::{Forgery, Recipe};
use crate::rng::Rng;
use crate::train::faces::augment::{Canvas, mirror};
use crate::train::faces::data::{Picture, Split};

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
    pub(super) is_fake: bool,
    /// What was laid over, where that is known.
    pub(super) mask: Option<Mask>,
    /// Of what kind, for the validation figures.
    pub(super) name: &'static str,
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

/// Where two crops differ clearly.
pub(super) fn changed(a: &Canvas, b: &Canvas) -> Mask {
    let differs = |(a, b): (&[f32; 3], &[f32; 3])| (0..3).map(|c| (a[c] - b[c]).abs()).sum::<f32>() > 18.0;
    a.iter().zip(b).map(|pair| f32::from(differs(pair))).collect()
}

impl Forgery<'_> {
    /// A real crop and a manipulated one, as the recipe makes them; `share` of the run has passed.
    pub(super) fn draw(&self, rng: &mut Rng, share: f64) -> [Example; 2] {
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
        let view = faces::crop_from_picture(&face.mesh, Around::JITTERED, self.side, rng);
        let mut real = faces::draw(picture, &view, self.side);
        let mesh: Vec<[f32; 2]> = face.mesh.iter().map(|p| view.apply(*p)).collect();
        let inner = passed.laid_into(&real, self.side, &view, subtlety, rng);
        let mut mask = masks::draw(&mesh, self.side, self.choice.shapes, rng);
        masks::soften(&mut mask, self.side, 4.0 + 9.0 * subtlety, 1.0, rng);
        let inner = if rng.chance(0.6) { matched(&inner, &real, &mask) } else { inner };
        let mut fake = masks::laid(&inner, &real, &mask);
        if rng.chance(0.5) {
            mirror(&mut real, self.side);
            mirror(&mut fake, self.side);
            mask.chunks_exact_mut(self.side).for_each(<[f32]>::reverse);
        }
        self.degraded([real, fake], mask, subtlety, "reconstructions", rng)
    }

    /// A real and a fake face of a table, each saved again by draws of its own: their files need not have anything in common.
    pub(super) fn given_pair(&self, given: &[&Given], varies: bool, rng: &mut Rng) -> [Example; 2] {
        [false, true].map(|is_fake| {
            let of: Vec<&&Given> = given.iter().filter(|g| g.is_fake == is_fake).collect();
            let Some(given) = rng.pick(&of) else {
                return Example { crop: vec![[0.0; 3]; self.side * self.side], is_fake, mask: None, name: "given" };
            };
            let around = if varies { Around::JITTERED } else { Around::PLAIN };
            let mesh = given.picture.faces.first().map_or(&[][..], |f| &f.mesh);
            let view = faces::crop_from_picture(mesh, around, self.side, rng);
            let mut crop = faces::draw(&given.picture, &view, self.side);
            let mut mask: Option<Mask> = given.mask.as_ref().map(|mask| {
                let mut drawn = vec![[0.0; 3]; self.side * self.side];
                mask.draw(&view, self.side, &mut drawn);
                drawn.iter().map(|p| p[0] / 255.0).collect()
            });
            if varies && rng.chance(0.5) {
                mirror(&mut crop, self.side);
                mask.iter_mut().for_each(|m| m.chunks_exact_mut(self.side).for_each(<[f32]>::reverse));
            }
            if varies && self.choice.degrades {
                saved_again(&mut crop, self.side, rng);
            }
            Example { crop, is_fake, mask, name: "given" }
        })
    }

    pub(super) fn blended(&self, (picture, face): View<'_>, share: f64, rng: &mut Rng) -> [Example; 2] {
        let subtlety = (share / FULL_AT).min(1.0);
        let view = faces::crop_from_picture(&face.mesh, Around::JITTERED, self.side, rng);
        let mut real = faces::draw(picture, &view, self.side);
        let mut mesh: Vec<[f32; 2]> = face.mesh.iter().map(|p| view.apply(*p)).collect();
        if rng.chance(0.5) {
            mirror(&mut real, self.side);
            mesh = self.mirror_of.iter().map(|i| [self.side as f32 - mesh[*i][0], mesh[*i][1]]).collect();
        }
        let other = rng.pick(&self.train).filter(|_| rng.chance(0.3)).map(|(picture, face)| {
            let view = faces::crop_from_picture(&face.mesh, Around::PLAIN, self.side, rng);
            faces::draw(picture, &view, self.side)
        });
        let blend = Blend { shapes: self.choice.shapes, subtlety, tremor: Tremor::NONE };
        let (fake, mask) = self_blended(&real, self.side, &mesh, other.as_ref(), blend, rng);
        self.degraded([real, fake], mask, subtlety, "blends", rng)
    }

    /// Both halves by the same crop; what was changed follows from their difference. So that no person and no place can be learned by heart, at times
    /// a part of the swap only is laid over the real half.
    pub(super) fn swapped(&self, pair: Pair<'_>, how: Draw, rng: &mut Rng) -> [Example; 2] {
        let mesh = if rng.chance(0.5) { &pair.real.1.mesh } else { &pair.fake.1.mesh };
        let around = if how == Draw::Plain { Around::PLAIN } else { Around::JITTERED };
        let view = faces::crop_from_picture(mesh, around, self.side, rng);
        let [mut real, mut fake] = [pair.real.0, pair.fake.0].map(|p| faces::draw(p, &view, self.side));
        if let Draw::Varied { share } = how
            && rng.chance(PARTIAL)
        {
            let mesh: Vec<[f32; 2]> = mesh.iter().map(|p| view.apply(*p)).collect();
            let mut kept = masks::draw(&mesh, self.side, self.choice.shapes, rng);
            let ratio = if rng.chance(0.5 * share) { rng.range(0.5, 1.0) as f32 } else { 1.0 };
            masks::soften(&mut kept, self.side, 8.0, ratio, rng);
            fake = masks::laid(&fake, &real, &kept);
        }
        let mut mask = changed(&real, &fake);
        if how != Draw::Plain && rng.chance(REGRAINED) {
            let mut other = fake.clone();
            regrain(&mut other, self.side, rng);
            let mut place = mask.clone();
            masks::blur(&mut place, self.side, 3.0);
            fake = masks::laid(&other, &fake, &place);
        }
        if how != Draw::Plain && rng.chance(0.5) {
            mask.chunks_exact_mut(self.side).for_each(<[f32]>::reverse);
            mirror(&mut real, self.side);
            mirror(&mut fake, self.side);
        }
        masks::blur(&mut mask, self.side, 4.0);
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
        let [real, fake] = [real, fake].map(|(picture, face)| {
            let mut draws = draws.clone();
            let view = faces::crop_from_picture(&face.mesh, around, self.side, &mut draws);
            let mut crop = faces::draw(picture, &view, self.side);
            if flips {
                mirror(&mut crop, self.side);
            }
            if self.choice.degrades {
                saved_again(&mut crop, self.side, &mut draws);
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
                processed(&mut crop, self.side, strength, &mut draws.clone());
            }
            crop
        });
        [
            Example { crop: real, is_fake: false, mask: None, name },
            Example { crop: fake, is_fake: true, mask: Some(mask), name },
        ]
    }
}
