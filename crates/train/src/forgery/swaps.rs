//! Swapped and reshaped faces of many makers: side-by-side clips, tables of one's own, and faces
//! laid over themselves.
//!
//! The decision that shapes it: what a table holds differs in compression, size and people, so a
//! real face of the same group is taken beside each forged one where there is one, and both are cut
//! and saved again by the same draws. Every set of a table counts by the root of its size; blends
//! stay the larger part, since only they have nothing of any program to be learned by heart.
use assay_faces::Networks;
use assay_media::Progress;

use super::examples::{Draws, Example, Reals, Sort, strength};
use super::generic;
use super::given::{self, Given};
use super::pairs::Swaps;
use super::recipe::{About, Material, Order, Recipe};
use crate::faces::data;
use crate::folder;
use assay_bench::collections::Split;
use assay_bench::datasets;
use assay_material::rng::Rng;

/// The recipe.
pub struct The;

static ABOUT: About = About {
    takes_tables: true,
    ..About::new("swaps", "pairs, mixed with the real and forged faces of further tables (--more)")
};

/// Faces of tables, in the figures.
static TABLES: Sort = Sort { name: "tables", map_auc: None, by_map: Some("tables_by_map"), paired: None };

/// Share of the draws that come from tables, where there are some.
const FROM_TABLES: f64 = 0.3;
/// Share of those that are a table's real face laid over itself: whoever is real in a table is seen
/// forged by other means too.
const BLENDED: f64 = 0.25;
/// Pairs of every set in validation.
const VALIDATED: usize = 48;

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn load(&self, order: &Order<'_>, progress: &dyn Progress) -> anyhow::Result<Material> {
        progress.update("reading pictures", 0, 0);
        let pictures = data::load(order.data, Some(data::ClipFrames::GRAIN))?;
        let mut files = data::files_of(&pictures);
        let mut all = Vec::new();
        if !order.more.is_empty() {
            let networks = Networks::shipped()?;
            for table in order.more {
                let indexed = datasets::index(table)?;
                for row in &indexed.manifest.rows {
                    files.push(std::path::absolute(&row.path)?.display().to_string());
                }
                let (given, left_out) = given::load(indexed.manifest, &networks, progress)?;
                let (table, count) = (table.display(), given.len());
                progress.update(&format!("{table}: {count} faces, {left_out} files without one"), 0, 0);
                all.extend(given);
            }
        }
        folder::write_record(&order.choice, order.data, &files, order.options)?;
        Ok(Material { pictures, given: all, ..Material::default() })
    }

    fn draws<'a>(&self, material: &'a Material, reals: &Reals<'a>) -> Box<dyn Draws + 'a> {
        let sets = |split: Split| Set::all(&material.given, split);
        let swaps = Swaps::new(material, reals);
        Box::new(Mixed { swaps, train: sets(Split::Train), held_out: sets(Split::Validation) })
    }
}

/// One set of a table: its forged faces, and its real ones.
struct Set<'a> {
    reals: Vec<&'a Given>,
    fakes: Vec<&'a Given>,
}

impl<'a> Set<'a> {
    /// Those of a split that have both.
    fn all(given: &'a [Given], split: Split) -> Vec<Self> {
        let mut names: Vec<&str> = given.iter().map(|g| g.picture.source.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let of = |name: &str, is_fake: bool| -> Vec<&'a Given> {
            let fits = |g: &&Given| {
                g.picture.split == split && g.picture.source == name && g.is_fake == is_fake
            };
            given.iter().filter(fits).collect()
        };
        let sets = names.into_iter().map(|name| Set { reals: of(name, false), fakes: of(name, true) });
        sets.filter(|set| !set.reals.is_empty() && !set.fakes.is_empty()).collect()
    }

    fn weight(&self) -> f64 {
        (self.fakes.len() as f64).sqrt()
    }

    /// A forged face and a real one: of the same moment of the same group, else of the same group,
    /// else any.
    fn pair(&self, rng: &mut Rng) -> Option<[&'a Given; 2]> {
        let fake = *rng.pick(&self.fakes)?;
        let moment = |g: &Given| g.picture.name.rsplit('#').next().map(str::to_owned);
        let group = |g: &&&Given| !fake.picture.person.is_empty() && g.picture.person == fake.picture.person;
        let of_group: Vec<&Given> = self.reals.iter().filter(group).copied().collect();
        let of_moment: Vec<&Given> = of_group.iter().filter(|g| moment(g) == moment(fake)).copied().collect();
        let from = [&of_moment, &of_group, &self.reals].into_iter().find(|from| !from.is_empty())?;
        Some([*rng.pick(from)?, fake])
    }
}

/// Pairs of moments, tables, and blends of both.
struct Mixed<'a> {
    swaps: Swaps<'a>,
    train: Vec<Set<'a>>,
    held_out: Vec<Set<'a>>,
}

impl Mixed<'_> {
    fn of_tables(&self, reals: &Reals<'_>, rng: &mut Rng, share: f64) -> Option<[Example; 2]> {
        let mut at = rng.range(0.0, self.train.iter().map(Set::weight).sum());
        let set = self.train.iter().find(|set| {
            at -= set.weight();
            at < 0.0
        })?;
        let [real, fake] = set.pair(rng)?;
        if rng.chance(BLENDED) {
            return Some(reals.blended((&real.picture, real.picture.faces.first()?), share, rng));
        }
        Some(twins(reals, [real, fake], Some(share), rng))
    }
}

impl Draws for Mixed<'_> {
    fn draw(&self, reals: &Reals<'_>, rng: &mut Rng, share: f64) -> [Example; 2] {
        let drawn = rng.chance(FROM_TABLES).then(|| self.of_tables(reals, rng, share)).flatten();
        drawn.unwrap_or_else(|| self.swaps.draw(reals, rng, share))
    }

    fn held_out(&self, reals: &Reals<'_>, rng: &mut Rng) -> Vec<Example> {
        let mut all = self.swaps.held_out(reals, rng);
        for set in &self.held_out {
            let pairs = (0..VALIDATED).filter_map(|_| Some(twins(reals, set.pair(rng)?, None, rng)));
            all.extend(pairs.flatten().collect::<Vec<_>>());
        }
        all
    }
}

/// A real and a forged face cut and saved again by the same draws; jittered when a share of the run
/// is given.
fn twins(reals: &Reals<'_>, pair: [&Given; 2], share: Option<f64>, rng: &mut Rng) -> [Example; 2] {
    let draws = Rng::new(rng.next_u64());
    let saved = share.map(|share| 0.5 + 0.5 * strength(share));
    pair.map(|given| generic::example(reals, given, saved, &TABLES, &mut draws.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{given_face, picture};
    use super::*;

    #[test]
    fn a_forged_face_is_held_against_a_real_one_of_its_group_and_moment() {
        let of = |name: &str, group: &str, is_fake: bool| {
            let mut given = given_face(Split::Train, is_fake);
            given.picture.name = format!("{name}#whole,3");
            given.picture.person = group.to_owned();
            given.picture.source = "set".to_owned();
            given
        };
        let mut all = vec![of("a", "1", false), of("b", "2", false), of("c", "2", true), of("d", "", true)];
        all[0].picture.name = "a#whole,4".to_owned();
        let mut alone = of("e", "3", true);
        alone.picture.source = "without reals".to_owned();
        all.push(alone);
        let sets = Set::all(&all, Split::Train);
        assert_eq!(sets.len(), 1, "a set without real faces was taken");
        assert!(Set::all(&all, Split::Validation).is_empty());
        let mut rng = Rng::new(4);
        let mut partners = std::collections::BTreeSet::new();
        for _ in 0..40 {
            let [real, fake] = sets[0].pair(&mut rng).unwrap();
            assert!(fake.is_fake && !real.is_fake);
            if fake.picture.person == "2" {
                assert_eq!(real.picture.person, "2");
            } else {
                partners.insert(real.picture.person.clone());
            }
        }
        assert_eq!(partners.len(), 2, "a forged face without a group is held against any");
    }

    #[test]
    fn twins_are_cut_and_saved_by_the_same_draws() {
        use super::super::task::{Choice, Forgery};
        let material = Material { pictures: vec![picture("a", Split::Train, 150.0)], ..Material::default() };
        let task = Forgery::new(&material, Choice::default());
        let mut pair = [given_face(Split::Train, false), given_face(Split::Train, true)];
        // The same picture under both labels: nothing may tell the two crops apart.
        pair[1].picture.levels = crate::faces::warp::Levels::new(pair[0].picture.levels.full().clone());
        pair[1].picture.faces = pair[0].picture.faces.clone();
        let mut rng = Rng::new(6);
        for _ in 0..8 {
            let [real, fake] = twins(task.reals(), [&pair[0], &pair[1]], Some(1.0), &mut rng);
            assert!(real.label < 0.5 && fake.label > 0.5);
            assert_eq!(real.crop, fake.crop);
        }
    }
}
