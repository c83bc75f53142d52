//! Crops with what is true of them, and the real faces that all recipes draw from.
//!
//! The decision that shapes it: every draw is a real crop and a manipulated one, and whatever else
//! happens to them (crop, mirror, degradation) follows from the same random numbers wherever both
//! come from the same material. Recipes draw the same numbers wherever they have the same choice,
//! so that two runs of one seed differ by what their recipes do and by nothing else.
use super::blend::{Blend, Tremor, processed, self_blended};
use super::faces::{self, Cut, View};
use super::masks::Mask;
use super::pairs::PAIRS;
use super::reconstruct::RECONSTRUCTED;
use super::sbi::BLENDS;
use super::task::{Choice, Scale};
use crate::faces::augment::{Canvas, mirror};
use crate::faces::data::Picture;
use assay_bench::collections::Split;
use assay_material::rng::Rng;

/// Share of the run after which everything has its full strength.
const FULL_AT: f64 = 0.4;
/// Largest number of held-out faces that are blended for validation.
const VALIDATED: usize = 160;

/// What a crop is of, with the names of its figures on the validation split; a figure without a
/// name is not given.
#[derive(Debug)]
pub struct Sort {
    /// Its name, and that of the area under the curve by the logit.
    pub name: &'static str,
    /// Area under the curve over the places of the map.
    pub map_auc: Option<&'static str>,
    /// Area under the curve by the middle of the map alone.
    pub by_map: Option<&'static str>,
    /// Share of the pairs whose forged crop scores higher.
    pub paired: Option<&'static str>,
}

/// A crop with what is true of it.
pub struct Example {
    pub(super) crop: Canvas,
    /// 1 for a forged face, 0 for a real one; where both are cut together, how much of the crop is
    /// forged.
    pub(super) label: f32,
    /// What was laid over, where that is known.
    pub(super) mask: Option<Mask>,
    /// Of what.
    pub(super) sort: &'static Sort,
}

impl Example {
    pub(super) fn is_fake(&self) -> bool {
        self.label > 0.5
    }
}

/// How a recipe draws.
pub trait Draws: Sync {
    /// A real crop and a manipulated one; `share` of the run has passed.
    fn draw(&self, reals: &Reals<'_>, rng: &mut Rng, share: f64) -> [Example; 2];

    /// The crops that a run is followed by, drawn once, as a scan sees them.
    fn held_out(&self, reals: &Reals<'_>, rng: &mut Rng) -> Vec<Example> {
        reals.held_out_blended(rng)
    }
}

/// One of the items, so often; `None` in the other cases and where there are none. Both numbers are
/// drawn whether there is an item or not.
pub(super) fn sometimes<'a, T>(rng: &mut Rng, share: f64, items: &'a [T]) -> Option<&'a T> {
    if rng.chance(share) { rng.pick(items) } else { None }
}

/// Blends and degradation begin easy: how strong they are when `share` of the run has passed.
pub(super) fn strength(share: f64) -> f64 {
    (share / FULL_AT).min(1.0)
}

/// Where two crops differ clearly.
pub(super) fn changed(a: &Canvas, b: &Canvas) -> Mask {
    let differs = |(a, b): (&[f32; 3], &[f32; 3])| (0..3).map(|c| (a[c] - b[c]).abs()).sum::<f32>() > 18.0;
    a.iter().zip(b).map(|pair| f32::from(differs(pair))).collect()
}

/// The real faces of a run.
pub struct Reals<'a> {
    /// What the run does.
    pub(super) choice: Choice,
    /// How crops are cut: in training, or in validation as a scan cuts them.
    pub(super) cut: Cut,
    /// Those of the training split.
    pub(super) train: Vec<View<'a>>,
    /// Places in `train`, apart for every source.
    by_source: Vec<Vec<usize>>,
    /// Those of the validation split.
    held_out: Vec<View<'a>>,
    mirror_of: Vec<usize>,
}

impl<'a> Reals<'a> {
    pub(super) fn new(pictures: &'a [Picture], choice: Choice) -> Self {
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
        let upright: Vec<Vec<[f32; 2]>> =
            train.iter().take(500).map(|(_, f)| crate::faces::mesh::upright(&f.mesh)).collect();
        let n = upright.len().max(1) as f32;
        let mean: Vec<[f32; 2]> = (0..assay_models::face_mesh::POINTS)
            .map(|i| [0, 1].map(|c| upright.iter().map(|m| m[i][c]).sum::<f32>() / n + 0.5))
            .collect();
        Self {
            choice,
            cut: choice.cut(),
            by_source,
            held_out: faces::real(pictures, Split::Validation, least),
            mirror_of: crate::faces::points::mirrored(&mean),
            train,
        }
    }

    /// Any training face laid over itself.
    pub(super) fn any_blended(&self, rng: &mut Rng, share: f64) -> [Example; 2] {
        sometimes::<()>(rng, PAIRS, &[]);
        self.other_blended(rng, share)
    }

    /// The same once no pair of moments was drawn.
    pub(super) fn other_blended(&self, rng: &mut Rng, share: f64) -> [Example; 2] {
        let at = self.any(rng);
        sometimes::<()>(rng, RECONSTRUCTED, &[]);
        self.blended(self.train[at], share, rng)
    }

    /// The place of any training face. Sources are drawn more evenly than their sizes: by the root
    /// of how many faces they have.
    pub(super) fn any(&self, rng: &mut Rng) -> usize {
        let weights: Vec<f64> = self.by_source.iter().map(|s| (s.len() as f64).sqrt()).collect();
        let mut at = rng.range(0.0, weights.iter().sum());
        let chosen = weights.iter().position(|w| {
            at -= w;
            at < 0.0
        });
        let of = &self.by_source[chosen.unwrap_or(0)];
        of[rng.below(of.len())]
    }

    /// Held-out faces laid over themselves, evenly spaced.
    pub(super) fn held_out_blended(&self, rng: &mut Rng) -> Vec<Example> {
        let count = self.held_out.len().min(VALIDATED);
        let view = |i: usize| self.held_out[i * self.held_out.len() / count];
        (0..count).flat_map(|i| self.blended(view(i), 1.0, rng)).collect()
    }

    /// A face, and the same laid over itself.
    pub(super) fn blended(&self, (picture, face): View<'_>, share: f64, rng: &mut Rng) -> [Example; 2] {
        let subtlety = strength(share);
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
        self.degraded([real, fake], mask, subtlety, &BLENDS, rng)
    }

    /// Both crops saved and filtered by the same draws, at the side that the network takes.
    pub(super) fn degraded(
        &self,
        crops: [Canvas; 2],
        mut mask: Mask,
        strength: f64,
        sort: &'static Sort,
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
            Example { crop: real, label: 0.0, mask: None, sort },
            Example { crop: fake, label: 1.0, mask: Some(mask), sort },
        ]
    }
}

#[cfg(test)]
mod tests {
    use assay_models::face_forgery::{JUDGED_SIDE, SIDE};

    use super::super::recipe::Material;
    use super::super::task::Forgery;
    use super::super::tests::picture;
    use super::*;

    #[test]
    fn patches_are_cut_from_large_faces_and_show_what_was_laid_over_and_what_was_not() {
        let pictures = vec![
            picture("a", Split::Train, 150.0),
            picture("b", Split::Train, 330.0),
            picture("small", Split::Train, 80.0),
            picture("c", Split::Validation, 150.0),
        ];
        let material = Material { pictures, ..Material::default() };
        let task = Forgery::new(&material, Choice { scale: Scale::Patches, ..Choice::default() });
        assert_eq!(task.reals().train.len(), 2);
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
