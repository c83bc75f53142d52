//! What the networks' maps show on faces that nobody touched, and what of a map is more than that.
//!
//! The decision that shapes it: a map glows somewhere on every face, so brightness by itself says nothing. Each place is measured against the same place of genuine
//! faces (their mean and spread), and the level is that of a whole face: of genuine faces, so many in a hundred have no place above it anywhere (a max statistic,
//! Westfall and Young 1993). What lies below the level is not shown at all. Nothing here is weighed in the verdict, and no forged face has a part in it.
use serde::{Deserialize, Serialize};

use crate::suspicion::{Layer, MAP_SIDE};

/// Share of genuine faces that may show something by the level.
pub const ALARMS: f64 = 0.01;
/// Least spread of a place over that of the median place: places that hardly ever move would make much of nothing.
const LEAST_SPREAD: f32 = 0.25;
/// Strongest faces that are kept, as a share; more than [`ALARMS`] of them are never asked for.
const KEPT: f64 = 0.02;

/// Where faces were looked at; a clip's map is the mean over a stretch, which is steadier than one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One look at a still picture.
    Still,
    /// The mean over a stretch of a clip.
    Clip,
}

/// One layer of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Places {
    kind: Kind,
    layer: Layer,
    /// Faces or stretches.
    genuine: u32,
    mean: Vec<f32>,
    spread: Vec<f32>,
    /// How far the strongest place of a face lies above the mean, in spreads: the highest, falling.
    strongest: Vec<f32>,
}

/// A level, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// In spreads above the mean of the place.
    pub spreads: f32,
    /// Genuine faces or stretches behind it.
    pub genuine: u32,
    /// Of these, how many have a place above it.
    pub above: u32,
}

impl Places {
    /// Learns from the maps of genuine faces, in groups that are alike in all but how they were saved: the level then holds in the group where it is highest. `None`
    /// without a map or where one has another size.
    pub fn learn(kind: Kind, layer: Layer, groups: &[Vec<Vec<f32>>]) -> Option<Self> {
        let cells = MAP_SIDE * MAP_SIDE;
        let all: Vec<&Vec<f32>> = groups.iter().flatten().collect();
        if all.is_empty() || all.iter().any(|m| m.len() != cells) {
            return None;
        }
        let n = all.len() as f64;
        let over = |at: usize, of: &dyn Fn(f64) -> f64| all.iter().map(|m| of(f64::from(m[at]))).sum::<f64>() / n;
        let mean: Vec<f32> = (0..cells).map(|at| round(over(at, &|v| v) as f32)).collect();
        let mut spread: Vec<f32> =
            (0..cells).map(|at| over(at, &|v| (v - f64::from(mean[at])).powi(2)).sqrt() as f32).collect();
        let mut sorted = spread.clone();
        sorted.sort_by(f32::total_cmp);
        let least = (sorted[cells / 2] * LEAST_SPREAD).max(1e-4);
        spread.iter_mut().for_each(|s| *s = round(s.max(least)));
        let mut found = Self { kind, layer, genuine: 0, mean, spread, strongest: Vec::new() };
        let tail = |group: &Vec<Vec<f32>>| {
            let mut strongest: Vec<f32> = group.iter().map(|m| round(found.strongest(m))).collect();
            strongest.sort_by(|a, b| b.total_cmp(a));
            let kept = (KEPT * strongest.len() as f64).ceil() as usize + 1;
            let genuine = strongest.len() as u32;
            strongest.truncate(kept);
            (genuine, strongest)
        };
        let tails: Vec<(u32, Vec<f32>)> = groups.iter().filter(|g| !g.is_empty()).map(tail).collect();
        let level = |(genuine, strongest): &(u32, Vec<f32>)| level(*genuine, strongest, 1).map_or(0.0, |l| l.spreads);
        let (genuine, strongest) = tails.into_iter().max_by(|a, b| level(a).total_cmp(&level(b)))?;
        (found.genuine, found.strongest) = (genuine, strongest);
        Some(found)
    }

    /// Whether it is of this kind and layer.
    pub fn is_of(&self, kind: Kind, layer: Layer) -> bool {
        self.kind == kind && self.layer == layer
    }

    /// How far every place of a map lies above the same place of genuine faces, in spreads.
    pub fn above(&self, map: &[f32]) -> Vec<f32> {
        map.iter().zip(self.mean.iter().zip(&self.spread)).map(|(v, (mean, spread))| (v - mean) / spread).collect()
    }

    fn strongest(&self, map: &[f32]) -> f32 {
        self.above(map).into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    /// The level for a map that is the most suspicious of `chances`.
    pub fn level(&self, chances: usize) -> Option<Level> {
        level(self.genuine, &self.strongest, chances)
    }
}

/// The lowest level that at most `ALARMS / chances` of the genuine faces exceed; with more chances than these can answer for, their highest.
fn level(genuine: u32, strongest: &[f32], chances: usize) -> Option<Level> {
    let above = (ALARMS * f64::from(genuine) / chances.max(1) as f64) as usize;
    let above = above.min(strongest.len().checked_sub(1)?);
    Some(Level { spreads: *strongest.get(above)?, genuine, above: above as u32 })
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

/// The levels of all layers, and what they belong to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    /// What the genuine faces are, one line.
    pub data: String,
    /// The command that made it.
    pub made_with: String,
    /// Hashes of the networks behind each layer.
    networks: Vec<(Layer, Vec<String>)>,
    places: Vec<Places>,
}

impl Usual {
    /// Puts learned layers together; `networks` are the hashes of the weights that made the maps.
    pub fn new(data: &str, made_with: &str, networks: Vec<(Layer, Vec<String>)>, places: Vec<Places>) -> Self {
        Self { data: data.to_owned(), made_with: made_with.to_owned(), networks, places }
    }

    /// One layer; `None` where nothing was learned of it.
    pub fn of(&self, kind: Kind, layer: Layer) -> Option<&Places> {
        self.places.iter().find(|p| p.is_of(kind, layer))
    }

    /// Only the layers whose maps these weights make: of other weights the levels say nothing.
    #[must_use]
    pub(crate) fn for_networks(mut self, hashes: impl Fn(Layer) -> Vec<String>) -> Self {
        let fits = |layer: Layer| self.networks.iter().any(|(l, known)| *l == layer && *known == hashes(layer));
        let places = std::mem::take(&mut self.places);
        self.places = places.into_iter().filter(|p| fits(p.layer)).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A face that is bright at the mouth, as all are, with a little noise.
    fn face(at: u32) -> Vec<f32> {
        let mut state = at.wrapping_mul(2_654_435_761).wrapping_add(12_345);
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 * 0.1
        };
        (0..MAP_SIDE * MAP_SIDE).map(|i| noise() + if i == 250 { 0.8 } else { 0.1 }).collect()
    }

    #[test]
    fn what_every_face_shows_is_not_above_the_level_and_what_none_shows_is() {
        let learned = Places::learn(Kind::Still, Layer::LaidOver, &[(0..1000).map(face).collect()]).unwrap();
        let level = learned.level(1).unwrap();
        assert_eq!((level.genuine, level.above), (1000, 10));
        let is_shown = |map: &[f32]| learned.above(map).iter().any(|z| *z > level.spreads);
        let alarms = (1000..3000).filter(|i| is_shown(&face(*i))).count();
        assert!(alarms < 80, "{alarms} of 2000 other faces");
        let mut laid = face(5000);
        laid[40] = 0.5;
        assert!(is_shown(&laid), "half as bright as the mouth always is, where others are dark");
        let shown: Vec<usize> = (0..laid.len()).filter(|i| learned.above(&laid)[*i] > level.spreads).collect();
        assert_eq!(shown, [40]);
    }

    #[test]
    fn more_chances_raise_the_level_to_the_highest_that_was_seen() {
        let strongest: Vec<f32> = (0..21).map(|i| 9.0 - i as f32 * 0.1).collect();
        let at = |chances| level(1000, &strongest, chances).unwrap();
        assert_eq!((at(1).spreads, at(1).above), (8.0, 10));
        assert_eq!((at(5).spreads, at(5).above), (8.8, 2));
        assert_eq!((at(50).spreads, at(50).above), (9.0, 0));
        assert!(level(0, &[], 1).is_none());
    }

    #[test]
    fn the_level_is_that_of_the_group_where_it_is_highest() {
        let noisy = |i: u32| face(i).into_iter().map(|v| if v < 0.15 { v } else { v + 0.1 }).collect();
        let calm: Vec<Vec<f32>> = (0..300).map(face).collect();
        let groups = [calm, (300..500).map(noisy).collect()];
        let learned = Places::learn(Kind::Clip, Layer::Manipulated, &groups).unwrap();
        assert_eq!(learned.level(1).unwrap().genuine, 200);
        assert!(Places::learn(Kind::Clip, Layer::Manipulated, &[vec![vec![0.0; 3]]]).is_none());
    }

    #[test]
    fn levels_of_other_weights_are_not_used() {
        let places = Places::learn(Kind::Still, Layer::LaidOver, &[(0..200).map(face).collect()]).unwrap();
        let usual = Usual::new("d", "m", vec![(Layer::LaidOver, vec!["a".into(), "b".into()])], vec![places]);
        let text = serde_json::to_string(&usual).unwrap();
        let read = || serde_json::from_str::<Usual>(&text).unwrap();
        assert_eq!(read(), usual, "what was rounded is read back as it was");
        let with = |hashes: &[&str]| {
            let hashes: Vec<String> = hashes.iter().map(ToString::to_string).collect();
            read().for_networks(|_| hashes.clone()).of(Kind::Still, Layer::LaidOver).is_some()
        };
        assert_eq!([with(&["a", "b"]), with(&["a"]), with(&["a", "c"])], [true, false, false]);
    }
}
