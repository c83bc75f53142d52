//! Which network did not see a side-by-side clip.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay_detect::{Detectors, Weights};
use assay_faces::{FaceNetworks, Networks};
use assay_media::Progress;

use super::parts;
use super::sets::SwapClip;
use crate::datasets::{Failure, Manifest, Row};
use crate::judge::{self, Look, Pace, Score};

/// What weights that tell manipulated faces are called, with CLIP's tower and without.
const NAMES: [&str; 2] = ["face-manipulation-", "face-forgery-"];
/// Networks trained on swaps carry this, then the number of the part of the clips that they held
/// out, from 1.
const PAIRS: &str = "pairs-";

/// The networks trained on swaps and the part of the clips that each held out.
pub struct Folds {
    /// Every file of weights that tells manipulated faces, and the part of the clips that it held
    /// out.
    held_out: Vec<(String, Option<usize>)>,
    parts: BTreeMap<String, usize>,
}

/// A network that did not see some clips.
pub struct Unseen {
    /// The network, with those that find and measure faces.
    pub networks: Arc<dyn FaceNetworks>,
    /// The clips, below the data folder.
    pub clips: BTreeSet<String>,
}

impl Unseen {
    /// The rows that this network did not see.
    pub fn own(&self, manifest: &Manifest) -> Manifest {
        let is_own = |row: &&Row| row.source.as_ref().is_some_and(|clip| self.clips.contains(clip));
        let rows = manifest.rows.iter().filter(is_own).cloned().collect();
        Manifest { root: manifest.root.clone(), rows }
    }
}

/// The looks at side-by-side clips by the networks that did not see their people, and what could
/// not be looked at.
pub fn look_unseen(
    manifest: &Manifest,
    unseen: &[Unseen],
    pace: Pace,
    progress: &dyn Progress,
) -> (Vec<Look>, Vec<Failure>) {
    let mut all = (Vec::new(), Vec::new());
    for part in unseen {
        let (looks, failures) = judge::look(&part.own(manifest), &part.networks, pace, progress);
        all.0.extend(looks);
        all.1.extend(failures);
    }
    all
}

/// Chooses the score of a look by the clip that it is of.
pub type ByClip<'a> = Box<dyn Fn(&str) -> Score + 'a>;

impl Folds {
    /// The folds of these networks over these clips.
    pub fn of(ids: &[String], clips: &[SwapClip]) -> Self {
        let number = |rest: &str| rest.strip_prefix(PAIRS)?.parse::<usize>().ok()?.checked_sub(1);
        let own = |id: &String| {
            let rest = NAMES.iter().find_map(|name| id.strip_prefix(name))?;
            Some((id.clone(), number(rest)))
        };
        let held_out: Vec<(String, Option<usize>)> = ids.iter().filter_map(own).collect();
        let of = held_out.iter().filter(|(_, part)| part.is_some()).count();
        // As in training, where a clip without a recorded half is no pair.
        let (pairs, others): (Vec<&SwapClip>, Vec<&SwapClip>) = clips.iter().partition(|clip| clip.is_pair());
        let named: Vec<(String, String)> = pairs.iter().map(|c| (c.file.clone(), c.owner.clone())).collect();
        let mut parts = parts(&named, of);
        for clip in others {
            let mate = pairs.iter().find(|pair| pair.owner == clip.owner);
            parts.insert(clip.file.clone(), mate.and_then(|m| parts.get(&m.file)).copied().unwrap_or(0));
        }
        Self { held_out, parts }
    }

    /// Every network by itself under the id of its weights, as [`Folds::asked`] and
    /// [`Folds::out_of_fold`] want them.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn apart(&self) -> anyhow::Result<Networks> {
        let mut apart = Detectors::default();
        for (id, _) in &self.held_out {
            apart.add_as(id, "face_manipulation", &Weights::file(id))?;
        }
        Ok(Networks::shipped()?.with_detectors(Arc::new(apart)))
    }

    /// The score of one clip by the network that held it out.
    pub fn out_of_fold(&self, clip: &str) -> Score {
        let own = self.parts.get(clip);
        let weight = |part: &Option<usize>| f64::from(u8::from(part.is_some() && part.as_ref() == own));
        Score::weighted(self.held_out.iter().map(|(id, part)| (id.clone(), weight(part))).collect())
    }

    /// For each part of the clips the network that a scan would ask if it had not seen the part's
    /// people: the mean of the shipped weights, those that held the part out in place of all that
    /// learned from swaps.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn unseen(&self, ids: &[String]) -> anyhow::Result<Vec<Unseen>> {
        let is_generated = ids.iter().any(|id| id.starts_with("face-synthesis"));
        let numbers: BTreeSet<usize> = self.parts.values().copied().collect();
        let trained = self.held_out.iter().filter(|(_, part)| part.is_some()).count() as f32;
        let mut all = Vec::new();
        for part in numbers {
            let clips = self.parts.iter().filter(|(_, p)| **p == part).map(|(clip, _)| clip.clone()).collect();
            let weighted = |(id, held_out): &(String, Option<usize>)| match held_out {
                None => Some((id.clone(), 1.0)),
                Some(own) => (*own == part).then(|| (id.clone(), trained)),
            };
            let mut detectors = Detectors::default();
            detectors.add("face_manipulation", &Weights::Mean(self.held_out.iter().filter_map(weighted).collect()))?;
            if is_generated {
                detectors.add("face_synthesis", &Weights::Shipped)?;
            }
            let networks = Networks::shipped()?.with_detectors(Arc::new(detectors));
            all.push(Unseen { networks: Arc::new(networks), clips });
        }
        Ok(all)
    }

    /// The ways of judging swaps by single networks, by name.
    pub fn asked(&self) -> Vec<(String, ByClip<'_>)> {
        let mut asked: Vec<(String, ByClip<'_>)> = Vec::new();
        for (id, _) in self.held_out.iter().filter(|(_, part)| part.is_none()) {
            asked.push((id.clone(), Box::new(move |_| Score::of(id))));
        }
        if self.held_out.iter().any(|(_, part)| part.is_some()) {
            asked.push(("trained on swaps, out of fold".into(), Box::new(|clip| self.out_of_fold(clip))));
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Collection;
    use super::*;

    const CLIPS: [&str; 9] = [
        "Albica_Johns_0",
        "Dean_Wiesel_0",
        "Dean_Wiesel_2",
        "Emily_Winston_1",
        "Natasha_Former_2",
        "Yohanna_Coralson_0",
        "Keanu_Reeves_0",
        "Keanu_Reeves_1",
        "Tim_Norland_0",
    ];

    fn weights(score: &Score) -> Vec<f64> {
        score.weights().iter().map(|(_, weight)| *weight).collect()
    }

    #[test]
    fn every_clip_is_judged_by_one_network_that_did_not_see_its_group() {
        let data = Collection::of(Path::new("nowhere")).unwrap();
        let clip = |name: &&str| {
            let file = format!("pairs/faceswap_sbs/{name}.mp4");
            SwapClip { owner: data.owner(&file), parts: data.parts(&file), file }
        };
        let swaps: Vec<SwapClip> = CLIPS.iter().map(clip).collect();
        let clips: Vec<String> = swaps.iter().map(|clip| clip.file.clone()).collect();
        let ids = ["face-forgery-sbi-1", "face-forgery-pairs-1", "face-forgery-pairs-2", "face-synthesis-1"];
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let folds = Folds::of(&ids, &swaps);
        let unseen = folds.unseen(&ids).unwrap();
        let of = |name: &str| {
            let clip = clips.iter().find(|c| c.contains(name)).unwrap();
            let part = unseen.iter().position(|part| part.clips.contains(clip)).unwrap();
            (weights(&folds.out_of_fold(clip)), part)
        };
        for name in CLIPS {
            let (alone, _) = of(name);
            assert_eq!((alone[0], alone.iter().sum::<f64>()), (0.0, 1.0), "{name}");
        }
        // Groups that share a person, and the clip without a real half with its group.
        for [a, b] in
            [["Emily", "Yohanna"], ["Natasha", "Emily"], ["Dean_Wiesel_0", "Dean_Wiesel_2"], ["Reeves_0", "Reeves_1"]]
        {
            assert_eq!(of(a), of(b));
        }
        assert_ne!(of("Emily").0, of("Reeves_0").0);
    }
}
