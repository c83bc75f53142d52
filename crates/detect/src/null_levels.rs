//! The null level of a map: what it shows on faces that nobody touched, above which a place is more
//! than that.
//!
//! The decision that shapes it: a map glows somewhere on every face, so brightness by itself says
//! nothing. The level is that of a whole face: of genuine faces, so many in a hundred have no place
//! above it anywhere (a max statistic, Westfall and Young 1993). What lies below the level is not
//! shown at all. Measuring each place against the same place of genuine faces was tried and left
//! out: with so few people it made much of places that had only been calm (docs/pushes.md). A level
//! belongs to the weights that it was learned with. Nothing here is weighed in the verdict, and no
//! forged face has a part in it.
use std::sync::LazyLock;

use assay_faces::DetectorWeights;
use assay_faces::judged::MAP_SIDE;
use serde::{Deserialize, Serialize};

use crate::DetectError;

/// Share of genuine faces that may show something by the level.
pub const FALSE_POSITIVES: f64 = 0.01;
/// Strongest faces that are kept, as a share; more than [`FALSE_POSITIVES`] of them are never asked
/// for.
const KEPT: f64 = 0.02;

/// What the shipped detectors' maps show on genuine faces (`assay lab calibrate-faces`).
const SHIPPED: &str = include_str!("null_levels.json");

/// Where faces were looked at; a clip's map is the mean over a stretch, which is steadier than one
/// look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One look at a still picture.
    Still,
    /// The mean over a stretch of a clip.
    Clip,
}

/// What one map of one detector shows on genuine faces of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NullMap {
    kind: Kind,
    detector: String,
    map: String,
    /// Faces or stretches.
    genuine: u32,
    /// The brightest place of each: the highest, falling.
    brightest: Vec<f32>,
}

/// A level, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// In the unit of the map.
    pub value: f32,
    /// Genuine faces or stretches behind it.
    pub genuine: u32,
    /// Of these, how many have a place above it.
    pub above: u32,
}

impl NullMap {
    /// Learns from the maps of genuine faces, in groups that are alike in all but how they were
    /// saved: the level is that of the group where it is highest. `None` without a map or where one
    /// has another size.
    pub fn learn(kind: Kind, detector: &str, map: &str, groups: &[Vec<Vec<f32>>]) -> Option<Self> {
        if groups.iter().flatten().any(|values| values.len() != MAP_SIDE * MAP_SIDE) {
            return None;
        }
        let learn = |group: &Vec<Vec<f32>>| {
            // Below zero nothing speaks for a forgery, however unusual it is.
            let mut brightest: Vec<f32> =
                group.iter().map(|values| round(values.iter().copied().fold(0.0, f32::max))).collect();
            brightest.sort_by(|a, b| b.total_cmp(a));
            let genuine = brightest.len() as u32;
            brightest.truncate((KEPT * f64::from(genuine)).ceil() as usize + 1);
            Self { kind, detector: detector.to_owned(), map: map.to_owned(), genuine, brightest }
        };
        let value = |learned: &Self| learned.level(1).map_or(0.0, |level| level.value);
        let learned = groups.iter().filter(|group| !group.is_empty()).map(learn);
        learned.max_by(|a, b| value(a).total_cmp(&value(b)))
    }

    /// Whether it is of this kind and map.
    pub fn is_of(&self, kind: Kind, detector: &str, map: &str) -> bool {
        self.kind == kind && self.detector == detector && self.map == map
    }

    /// The level for a map that is the most suspicious of `chances`.
    pub fn level(&self, chances: usize) -> Option<Level> {
        level(self.genuine, &self.brightest, chances)
    }
}

/// The lowest level that at most `FALSE_POSITIVES / chances` of the genuine faces exceed; with more
/// chances than these can answer for, their highest.
fn level(genuine: u32, brightest: &[f32], chances: usize) -> Option<Level> {
    let above = (FALSE_POSITIVES * f64::from(genuine) / chances.max(1) as f64) as usize;
    let above = above.min(brightest.len().checked_sub(1)?);
    Some(Level { value: *brightest.get(above)?, genuine, above: above as u32 })
}

/// The mean of several maps.
pub fn mean<'a>(maps: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let mut sum = vec![0.0; MAP_SIDE * MAP_SIDE];
    let mut count = 0;
    for map in maps {
        sum.iter_mut().zip(map).for_each(|(s, v)| *s += v);
        count += 1;
    }
    sum.iter_mut().for_each(|s| *s /= count.max(1) as f32);
    sum
}

/// Four significant digits: the file stays small and readable.
fn round(v: f32) -> f32 {
    format!("{v:.3e}").parse().unwrap_or(v)
}

/// Which weights the levels of a detector's maps were learned with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Behind {
    detector: String,
    hashes: Vec<String>,
}

/// The null levels of all maps, and what they belong to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NullLevels {
    /// What the genuine faces are, one line.
    pub data: String,
    /// The command that made it.
    pub made_with: String,
    weights: Vec<Behind>,
    maps: Vec<NullMap>,
}

impl NullLevels {
    /// Puts learned levels together; `weights` are those of the detectors that made the maps.
    pub fn new(data: &str, made_with: &str, weights: &[DetectorWeights], maps: Vec<NullMap>) -> Self {
        let has_maps = |d: &&DetectorWeights| maps.iter().any(|m| m.detector == d.detector);
        let behind = |d: &DetectorWeights| Behind { detector: d.detector.clone(), hashes: d.hashes() };
        let weights = weights.iter().filter(has_maps).map(behind).collect();
        Self { data: data.to_owned(), made_with: made_with.to_owned(), weights, maps }
    }

    /// Those of the shipped detectors.
    ///
    /// # Errors
    /// [`DetectError::NullLevels`] where the embedded file is broken; a test keeps that from
    /// happening.
    pub fn shipped() -> Result<&'static Self, DetectError> {
        static LEVELS: LazyLock<Result<NullLevels, String>> =
            LazyLock::new(|| serde_json::from_str(SHIPPED).map_err(|e| e.to_string()));
        LEVELS.as_ref().map_err(|text| DetectError::NullLevels(text.clone()))
    }

    /// What a map of a detector with these weights shows on genuine faces; `None` where nothing was
    /// learned of it, or with other weights: of those the levels say nothing.
    pub fn of(&self, kind: Kind, weights: &DetectorWeights, map: &str) -> Option<&NullMap> {
        let fits = |b: &Behind| b.detector == weights.detector && b.hashes == weights.hashes();
        self.weights.iter().find(|b| fits(b))?;
        self.maps.iter().find(|m| m.is_of(kind, &weights.detector, map))
    }
}

#[cfg(test)]
mod tests {
    use assay_evidence::NetworkInfo;

    use super::*;

    /// A face that is bright at the mouth, as all are, one more than the other.
    fn face(at: u32) -> Vec<f32> {
        let hash = at.wrapping_mul(2_654_435_761) >> 8;
        let mouth = 0.5 + 0.3 * hash as f32 / (1 << 24) as f32;
        (0..MAP_SIDE * MAP_SIDE).map(|i| if i == 250 { mouth } else { 0.1 }).collect()
    }

    fn learn(kind: Kind, groups: &[Vec<Vec<f32>>]) -> Option<NullMap> {
        NullMap::learn(kind, "made", "glow", groups)
    }

    #[test]
    fn one_in_a_hundred_genuine_faces_has_a_place_above_the_level() {
        let learned = learn(Kind::Still, &[(0..1000).map(face).collect()]).unwrap();
        let level = learned.level(1).unwrap();
        assert_eq!((level.genuine, level.above), (1000, 10));
        let above = (1000..3000).filter(|i| face(*i).iter().any(|v| *v > level.value)).count();
        assert!((8..40).contains(&above), "{above} of 2000 other faces");
    }

    #[test]
    fn more_chances_raise_the_level_to_the_highest_that_was_seen() {
        let brightest: Vec<f32> = (0..21).map(|i| 9.0 - i as f32 * 0.1).collect();
        let at = |chances| level(1000, &brightest, chances).unwrap();
        assert_eq!((at(1).value, at(1).above), (8.0, 10));
        assert_eq!((at(5).value, at(5).above), (8.8, 2));
        assert_eq!((at(50).value, at(50).above), (9.0, 0));
        assert!(level(0, &[], 1).is_none());
    }

    #[test]
    fn the_level_is_that_of_the_group_where_it_is_highest_and_never_below_zero() {
        let brighter = |i: u32| face(i).into_iter().map(|v| v + 0.1).collect();
        let groups = [(0..300).map(face).collect(), (300..500).map(brighter).collect(), Vec::new()];
        assert_eq!(learn(Kind::Clip, &groups).unwrap().level(1).unwrap().genuine, 200);
        assert!(learn(Kind::Clip, &[vec![vec![0.0; 3]]]).is_none());
        let dark = vec![vec![-2.0; MAP_SIDE * MAP_SIDE]; 5];
        assert_eq!(learn(Kind::Clip, &[dark]).unwrap().level(1).unwrap().value, 0.0);
    }

    fn weights(detector: &str, hashes: &[&str]) -> DetectorWeights {
        let info = |hash: &&str| NetworkInfo { task: String::new(), id: String::new(), sha256: (*hash).into() };
        DetectorWeights { detector: detector.into(), weights: hashes.iter().map(info).collect() }
    }

    #[test]
    fn levels_of_other_weights_are_not_used() {
        let map = learn(Kind::Still, &[(0..200).map(face).collect()]).unwrap();
        let levels = NullLevels::new("d", "m", &[weights("made", &["a", "b"]), weights("mapless", &["c"])], vec![map]);
        let text = serde_json::to_string(&levels).unwrap();
        assert_eq!(serde_json::from_str::<NullLevels>(&text).unwrap(), levels, "what was rounded is read back");
        assert!(!text.contains("mapless"));
        let has = |of: DetectorWeights| levels.of(Kind::Still, &of, "glow").is_some();
        let found = [&["a", "b"][..], &["a"], &["a", "c"]].map(|hashes| has(weights("made", hashes)));
        assert_eq!(found, [true, false, false]);
        assert!(!has(weights("other", &["a", "b"])));
    }

    #[test]
    fn the_shipped_levels_are_those_of_the_shipped_weights() {
        let levels = NullLevels::shipped().unwrap();
        let detectors = crate::Detectors::all().unwrap();
        let behind = assay_faces::Detecting::weights(&detectors);
        for id in crate::maps() {
            let weights = behind.iter().find(|d| d.detector == id.detector).unwrap();
            for kind in [Kind::Still, Kind::Clip] {
                assert!(levels.of(kind, weights, id.map).and_then(|m| m.level(1)).is_some(), "{id:?}");
            }
        }
    }
}
