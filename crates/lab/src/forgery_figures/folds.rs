//! Which network did not see a side-by-side clip.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay_faces::{FaceNetworks, Networks};
use assay_models::shipped_faces::Judges;

use crate::judge::Detector;
use crate::train::forgery::faces::parts;

/// Networks trained on swaps carry this, then the number of the part of the clips that they held out, from 1.
const PREFIX: &str = "face-forgery-pairs-";

/// The networks trained on swaps and the part of the clips that each held out.
pub struct Folds {
    /// By place among the networks that tell manipulated faces, which come first.
    held_out: Vec<Option<usize>>,
    parts: BTreeMap<String, usize>,
}

/// Networks that did not see some clips.
pub struct Unseen {
    /// The networks.
    pub networks: Arc<dyn FaceNetworks>,
    /// The clips, below the data folder.
    pub clips: BTreeSet<String>,
    /// The mean of their logits.
    pub detector: Detector,
}

/// Chooses a detector by the clip it is to judge.
pub type ByClip<'a> = Box<dyn Fn(&str) -> Detector + 'a>;

impl Folds {
    /// The folds of these networks over these clips.
    pub fn of(ids: &[String], clips: &[String]) -> Self {
        let number = |id: &String| id.strip_prefix(PREFIX)?.parse::<usize>().ok()?.checked_sub(1);
        let held_out: Vec<Option<usize>> = ids.iter().filter(|id| id.starts_with("face-forgery")).map(number).collect();
        let of = held_out.iter().flatten().count();
        // As in training, where the clip without a real half is no pair.
        let pairs: Vec<String> = clips.iter().filter(|c| !c.contains("Dean_Wiesel_2")).cloned().collect();
        let mut parts = parts(&pairs, of);
        for clip in clips.iter().filter(|c| !pairs.contains(c)) {
            let mate =
                pairs.iter().find(|p| crate::train::faces::data::owner(p) == crate::train::faces::data::owner(clip));
            parts.insert(clip.clone(), mate.and_then(|m| parts.get(m)).copied().unwrap_or(0));
        }
        Self { held_out, parts }
    }

    /// Weights of the networks for one clip: every network that saw no swap counts as one, and the one that held the clip out as all that saw some.
    pub fn out_of_fold(&self, clip: &str, with_others: bool) -> Detector {
        let part = self.parts.get(clip);
        let trained = self.held_out.iter().flatten().count() as f64;
        let all = if with_others { self.held_out.len() as f64 } else { trained };
        let weight = |held_out: &Option<usize>| match held_out {
            Some(part_of_net) if Some(part_of_net) == part => trained / all,
            Some(_) => 0.0,
            None => f64::from(u8::from(with_others)) / all,
        };
        Detector::Weighted(self.held_out.iter().map(weight).collect())
    }

    /// For each part of the clips: the shipped networks that did not see its people, their maps put together with the weights of [`Folds::out_of_fold`], and those
    /// weights for their logits.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn unseen(&self, ids: &[String]) -> anyhow::Result<Vec<Unseen>> {
        let generated = ids.iter().filter(|id| id.starts_with("face-synthesis"));
        let numbers: BTreeSet<usize> = self.parts.values().copied().collect();
        let mut all = Vec::new();
        for part in numbers {
            let clips: BTreeSet<String> =
                self.parts.iter().filter(|(_, p)| **p == part).map(|(clip, _)| clip.clone()).collect();
            let Some(Detector::Weighted(weights)) = clips.first().map(|clip| self.out_of_fold(clip, true)) else {
                continue;
            };
            let kept = || weights.iter().zip(ids).filter(|(w, _)| **w > 0.0);
            let names: Vec<String> = kept().map(|(_, id)| id).chain(generated.clone()).cloned().collect();
            let weights: Vec<f64> = kept().map(|(w, _)| *w).collect();
            let judges = Judges::open(&names)?.sharing(weights.iter().map(|w| *w as f32).collect());
            all.push(Unseen {
                networks: Arc::new(Networks::with(judges)?),
                clips,
                detector: Detector::Weighted(weights),
            });
        }
        Ok(all)
    }

    /// Every way of judging swaps, by name.
    pub fn asked<'a>(&'a self, ids: &'a [String]) -> Vec<(String, ByClip<'a>)> {
        let mut asked: Vec<(String, ByClip<'a>)> = Vec::new();
        for (at, (id, held_out)) in ids.iter().zip(&self.held_out).enumerate() {
            if held_out.is_none() {
                asked.push((id.clone(), Box::new(move |_| Detector::one(at, ids.len()))));
            }
        }
        if self.held_out.iter().any(Option::is_some) {
            asked.push(("face-forgery-pairs, out of fold".into(), Box::new(|clip| self.out_of_fold(clip, false))));
            asked.push(("ensemble, out of fold".into(), Box::new(|clip| self.out_of_fold(clip, true))));
        }
        asked
    }
}

#[cfg(test)]
mod tests {
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

    fn weights(detector: &Detector) -> Vec<f64> {
        match detector {
            Detector::Weighted(weights) => weights.clone(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_clip_is_judged_by_one_network_that_did_not_see_its_group() {
        let clips: Vec<String> = CLIPS.iter().map(|c| format!("pairs/faceswap_sbs/{c}.mp4")).collect();
        let ids = ["face-forgery-sbi-1", "face-forgery-pairs-1", "face-forgery-pairs-2", "face-synthesis-1"];
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let folds = Folds::of(&ids, &clips);
        let of = |name: &str| {
            let clip = clips.iter().find(|c| c.contains(name)).unwrap();
            (weights(&folds.out_of_fold(clip, false)), weights(&folds.out_of_fold(clip, true)))
        };
        for name in CLIPS {
            let (alone, all) = of(name);
            assert_eq!((alone[0], alone.iter().filter(|w| **w > 0.0).count()), (0.0, 1), "{name}");
            assert!((all.iter().sum::<f64>() - 1.0).abs() < 1e-12 && all[0] > 0.0, "{name}");
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
