//! What the networks' maps show on faces that nobody touched, and what of a map is more than that.
//!
//! The decision that shapes it: a map glows somewhere on every face, so brightness by itself says nothing. The level is that of a whole face: of genuine faces, so
//! many in a hundred have no place above it anywhere (a max statistic, Westfall and Young 1993). What lies below the level is not shown at all. Measuring each place
//! against the same place of genuine faces was tried and left out: with so few people it made much of places that had only been calm (docs/pushes.md). Nothing here
//! is weighed in the verdict, and no forged face has a part in it.
use serde::{Deserialize, Serialize};

use crate::suspicion::{Layer, MAP_SIDE};

/// Share of genuine faces that may show something by the level.
pub const ALARMS: f64 = 0.01;
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

impl Places {
    /// Learns from the maps of genuine faces, in groups that are alike in all but how they were saved: the level is that of the group where it is highest. `None`
    /// without a map or where one has another size.
    pub fn learn(kind: Kind, layer: Layer, groups: &[Vec<Vec<f32>>]) -> Option<Self> {
        if groups.iter().flatten().any(|map| map.len() != MAP_SIDE * MAP_SIDE) {
            return None;
        }
        let learn = |group: &Vec<Vec<f32>>| {
            // Below zero nothing speaks for a forgery, however unusual it is.
            let mut brightest: Vec<f32> =
                group.iter().map(|map| round(map.iter().copied().fold(0.0, f32::max))).collect();
            brightest.sort_by(|a, b| b.total_cmp(a));
            let genuine = brightest.len() as u32;
            brightest.truncate((KEPT * f64::from(genuine)).ceil() as usize + 1);
            Self { kind, layer, genuine, brightest }
        };
        let value = |places: &Self| places.level(1).map_or(0.0, |level| level.value);
        let learned = groups.iter().filter(|group| !group.is_empty()).map(learn);
        learned.max_by(|a, b| value(a).total_cmp(&value(b)))
    }

    /// Whether it is of this kind and layer.
    pub fn is_of(&self, kind: Kind, layer: Layer) -> bool {
        self.kind == kind && self.layer == layer
    }

    /// The level for a map that is the most suspicious of `chances`.
    pub fn level(&self, chances: usize) -> Option<Level> {
        level(self.genuine, &self.brightest, chances)
    }
}

/// The lowest level that at most `ALARMS / chances` of the genuine faces exceed; with more chances than these can answer for, their highest.
fn level(genuine: u32, brightest: &[f32], chances: usize) -> Option<Level> {
    let above = (ALARMS * f64::from(genuine) / chances.max(1) as f64) as usize;
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

    /// A face that is bright at the mouth, as all are, one more than the other.
    fn face(at: u32) -> Vec<f32> {
        let hash = at.wrapping_mul(2_654_435_761) >> 8;
        let mouth = 0.5 + 0.3 * hash as f32 / (1 << 24) as f32;
        (0..MAP_SIDE * MAP_SIDE).map(|i| if i == 250 { mouth } else { 0.1 }).collect()
    }

    #[test]
    fn one_in_a_hundred_genuine_faces_has_a_place_above_the_level() {
        let learned = Places::learn(Kind::Still, Layer::LaidOver, &[(0..1000).map(face).collect()]).unwrap();
        let level = learned.level(1).unwrap();
        assert_eq!((level.genuine, level.above), (1000, 10));
        let alarms = (1000..3000).filter(|i| face(*i).iter().any(|v| *v > level.value)).count();
        assert!((8..40).contains(&alarms), "{alarms} of 2000 other faces");
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
        let learned = Places::learn(Kind::Clip, Layer::Manipulated, &groups).unwrap();
        assert_eq!(learned.level(1).unwrap().genuine, 200);
        assert!(Places::learn(Kind::Clip, Layer::Manipulated, &[vec![vec![0.0; 3]]]).is_none());
        let dark = vec![vec![-2.0; MAP_SIDE * MAP_SIDE]; 5];
        assert_eq!(Places::learn(Kind::Clip, Layer::Manipulated, &[dark]).unwrap().level(1).unwrap().value, 0.0);
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
