//! From raw scores to log-likelihood ratios, and from those to one.
//!
//! A table is learned from recorded items, forged and genuine, apart for each compression
//! condition, because a score that is remarkable in a fresh photo is nothing in a thumbnail at
//! quality 60. Three guards keep the numbers honest: maps are judged and the fusion is learned on
//! out-of-fold values (folds by the target's source photo; a donor may be a target in another
//! fold), weights cannot turn negative, and every value is capped by what the number of items can
//! support ([`bounds`]). Intervals come from drawing the sources again ([`interval`]).
pub mod bounds;
mod cost;
pub mod interval;
mod isotonic;
mod learn;
mod logistic;
mod thresholds;

use std::collections::BTreeMap;

use assay_evidence::{Bound, CalibrationRef, Llr, MediaKind};
use assay_media::Source;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

pub use cost::{cllr, cllr_min};
use interval::Delta;
pub use isotonic::{Isotonic, Step};
pub use logistic::Logistic;
pub use thresholds::{Counted, Default as DefaultThreshold, GRID_LR, GenuineFile, Thresholds, Together};

/// Two-sided 95 % and 90 % of a normal distribution.
const Z95: f64 = 1.96;
const Z90: f64 = 1.645;

/// What the calibration items must share with the examined file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Condition {
    /// A still JPEG whose luma table is nearest to an IJG quality of this range.
    Jpeg {
        /// Lowest quality.
        from: u8,
        /// Highest quality.
        to: u8,
    },
    /// A still picture without lossy compression of its own.
    Lossless,
    /// A video.
    Video,
}

impl Condition {
    /// The conditions that are kept apart.
    pub fn all() -> Vec<Self> {
        let jpeg = |from, to| Self::Jpeg { from, to };
        vec![jpeg(90, 100), jpeg(80, 89), jpeg(70, 79), jpeg(1, 69), Self::Lossless, Self::Video]
    }

    /// The condition of a file; `None` for lossy stills that are not JPEG (WebP, HEIC, AVIF), for
    /// which there are no recorded items.
    pub fn of(source: &Source) -> Option<Self> {
        if source.kind() == MediaKind::Video {
            return Some(Self::Video);
        }
        match (source.jpeg_structure(), source.format()) {
            (Some(structure), _) => {
                let quality = structure.quality()?.0.clamp(1, 100);
                Self::all()
                    .into_iter()
                    .find(|c| matches!(c, Self::Jpeg { from, to } if (*from..=*to).contains(&quality)))
            }
            (None, "png" | "bmp" | "tiff") => Some(Self::Lossless),
            _ => None,
        }
    }
}

/// One recorded item: what every analyzer said of a file whose truth is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Items of one group (source photo, person) never stand on both sides of a fold.
    pub group: String,
    /// Truth.
    pub forged: bool,
    /// Condition of the file.
    pub condition: Condition,
    /// Raw score by analyzer id; absent where it did not apply.
    pub scores: BTreeMap<String, f64>,
}

/// How one raw score is mapped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "map", rename_all = "snake_case")]
pub enum ScoreMap {
    /// Platt's logistic.
    Logistic(Logistic),
    /// Pool-adjacent-violators.
    Isotonic(Isotonic),
}

impl ScoreMap {
    fn fit_both(scores: &[f64], forged: &[bool]) -> Vec<Self> {
        let rows: Vec<Vec<f64>> = scores.iter().map(|s| vec![*s]).collect();
        let logistic = Logistic::fit(&rows, forged, 1e-3, true).map(Self::Logistic);
        let isotonic = Isotonic::fit(scores, forged).map(Self::Isotonic);
        logistic.into_iter().chain(isotonic).collect()
    }

    /// log10 likelihood ratio and its standard error.
    pub fn llr(&self, raw: f64) -> (f64, f64) {
        match self {
            Self::Logistic(l) => {
                let (z, error) = l.log_odds(&[raw]);
                (z / std::f64::consts::LN_10, error / std::f64::consts::LN_10)
            }
            Self::Isotonic(i) => i.llr(raw),
        }
    }
}

/// The map of one analyzer under one condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnalyzerMap {
    /// Analyzer id.
    pub analyzer: String,
    /// Forged items to which it applied.
    pub forged: u32,
    /// Genuine items to which it applied.
    pub genuine: u32,
    /// The map.
    pub map: ScoreMap,
    /// Out-of-fold cost of the log-likelihood ratios in bits (Brümmer 2006); 1 is worthless, 0
    /// perfect.
    pub cllr: f64,
    /// Cap of its own value.
    pub cap_log10: f64,
}

/// Everything learned under one condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConditionTable {
    /// The condition.
    pub condition: Condition,
    /// Forged items.
    pub forged: u32,
    /// Genuine items.
    pub genuine: u32,
    /// Maps by analyzer.
    pub analyzers: Vec<AnalyzerMap>,
    /// Weights over the analyzers' log10 values, in the order of `analyzers`, then the intercept;
    /// gives natural log-odds.
    pub fusion: Logistic,
    /// Independent sources (people, cameras, original files) of the forged items.
    pub forged_sources: u32,
    /// Independent sources of the genuine items.
    pub genuine_sources: u32,
    /// Out-of-fold cost of the fused value in bits.
    pub cllr: f64,
    /// What of it is left after the best non-decreasing map of the same values.
    pub cllr_min: f64,
    /// What bounds the fused value; the smallest holds.
    pub bounds: Vec<Bound>,
    /// Cap of the fused value towards H1: the smallest of the bounds.
    pub cap_log10: f64,
    /// Cap of the fused value towards H2.
    pub floor_log10: f64,
    /// How far the fused value moves with other sources (5 % to 95 %).
    pub interval: Vec<Delta>,
    /// What thresholds would do, counted on out-of-fold values.
    pub operating_points: Vec<OperatingPoint>,
}

/// How many of the recorded items reach a threshold, by values that were fitted without them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// Threshold as a likelihood ratio.
    pub threshold_lr: f64,
    /// Forged items at or above it.
    pub forged: u32,
    /// Genuine items at or above it: false positives.
    pub genuine: u32,
}

/// The fused value with what each analyzer added.
#[derive(Debug, Clone, PartialEq)]
pub struct Fused {
    /// Value and interval.
    pub llr: Llr,
    /// `(analyzer, own log10 value, weight)`.
    pub parts: Vec<(String, f64, f64)>,
}

impl ConditionTable {
    /// The calibrated value of one analyzer's raw score.
    pub fn llr(&self, analyzer: &str, raw: f64) -> Option<Llr> {
        let entry = self.analyzers.iter().find(|a| a.analyzer == analyzer)?;
        let (value, error) = entry.map.llr(raw);
        Some(capped(value, error, -entry.cap_log10, entry.cap_log10))
    }

    /// Fuses the raw scores; an analyzer that did not apply counts as neutral.
    pub fn fuse(&self, scores: &BTreeMap<String, f64>) -> Fused {
        let mut features = Vec::with_capacity(self.analyzers.len());
        let mut parts = Vec::new();
        let mut variance = 0.0;
        for (entry, weight) in self.analyzers.iter().zip(&self.fusion.weights) {
            let weight = weight / std::f64::consts::LN_10;
            let mut value = 0.0;
            if let Some(raw) = scores.get(&entry.analyzer) {
                let (v, error) = entry.map.llr(*raw);
                value = v.clamp(-entry.cap_log10, entry.cap_log10);
                variance += (weight * error).powi(2);
                parts.push((entry.analyzer.clone(), value, weight));
            }
            features.push(value);
        }
        let (z, error) = self.fusion.log_odds(&features);
        let error = ((error / std::f64::consts::LN_10).powi(2) + variance).sqrt();
        let z = z / std::f64::consts::LN_10;
        let value = z.clamp(self.floor_log10, self.cap_log10);
        // The draws of sources know the last map and the bounds, the errors of the coefficients
        // know the maps below it: the wider of the two holds.
        let (below, above) = interval::at(&self.interval, z);
        let clamp = |v: f64| round(v.clamp(self.floor_log10, self.cap_log10));
        let low = clamp((value + below).min(z - Z90 * error));
        let high = clamp((value + above).max(z + Z90 * error));
        Fused { llr: Llr { log10: round(value), low, high }, parts }
    }
}

fn round(v: f64) -> f64 {
    (v * 1e4).round() / 1e4
}

fn capped(value: f64, error: f64, floor: f64, cap: f64) -> Llr {
    let clamp = |v: f64| round(v.clamp(floor, cap));
    Llr { log10: clamp(value), low: clamp(value - Z95 * error), high: clamp(value + Z95 * error) }
}

/// Everything learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationTable {
    /// Name.
    pub id: String,
    /// Id of the question that it answers.
    pub question: String,
    /// What the items are, one line.
    pub data: String,
    /// The command that made it.
    pub made_with: String,
    /// Tables by condition.
    pub conditions: Vec<ConditionTable>,
}

impl CalibrationTable {
    /// The part for a file's condition.
    pub fn of(&self, condition: &Condition) -> Option<&ConditionTable> {
        self.conditions.iter().find(|t| t.condition == *condition)
    }

    /// How a report names the part it used.
    pub fn reference(&self, part: &ConditionTable) -> CalibrationRef {
        CalibrationRef {
            id: format!("{} ({})", self.id, part.condition.words()),
            sha256: format!("{:x}", sha2::Sha256::digest(serde_json::to_vec(self).unwrap_or_default())),
            forged: part.forged,
            genuine: part.genuine,
            forged_sources: part.forged_sources,
            genuine_sources: part.genuine_sources,
            cap_log10: part.cap_log10,
            floor_log10: part.floor_log10,
            cap_by: bounds::tightest(&part.bounds).1,
            bounds: part.bounds.clone(),
            data: self.data.clone(),
        }
    }

    /// Learns a table. Conditions with fewer than 30 items of either class, and those whose bounds
    /// leave nothing to state, are left out: files of that kind get an abstention.
    pub fn learn(about: About<'_>, items: &[Item], analyzers: &[&str]) -> Self {
        Self::cross_fitted(about, items, analyzers).0
    }

    /// As [`CalibrationTable::learn`], with the fused and capped log10 value of every item by maps
    /// and weights that were fitted without its fold; `None` where its condition got no table.
    pub fn cross_fitted(about: About<'_>, items: &[Item], analyzers: &[&str]) -> (Self, Vec<Option<f64>>) {
        let mut values = vec![None; items.len()];
        let mut conditions = Vec::new();
        for condition in Condition::all() {
            let (places, own): (Vec<usize>, Vec<&Item>) =
                items.iter().enumerate().filter(|(_, i)| i.condition == condition).unzip();
            if let Some((table, fused)) = learn::condition(condition, &own, analyzers) {
                conditions.push(table);
                places.into_iter().zip(fused).for_each(|(at, value)| values[at] = Some(value));
            }
        }
        let About { id, question, data, made_with } = about;
        let owned = str::to_owned;
        let table = Self {
            id: owned(id),
            question: owned(question),
            data: owned(data),
            made_with: owned(made_with),
            conditions,
        };
        (table, values)
    }
}

/// What a table says of itself.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Name.
    pub id: &'a str,
    /// Id of the question that it answers.
    pub question: &'a str,
    /// What the items are, one line.
    pub data: &'a str,
    /// The command that makes it.
    pub made_with: &'a str,
}

impl Condition {
    /// Pictures or videos.
    pub fn kind(&self) -> MediaKind {
        if *self == Self::Video { MediaKind::Video } else { MediaKind::Image }
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Jpeg { from, to } => format!("JPEG of quality {from} to {to}"),
            Self::Lossless => "lossless still".into(),
            Self::Video => "video".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About<'_> = About { id: "t", question: "q", data: "d", made_with: "m" };

    fn items(n: usize) -> Vec<Item> {
        // A score that separates the classes by two standard deviations, one that is noise, and one
        // that applies to half of the items.
        let mut state = 7u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let mut normal = move || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        (0..n)
            .map(|i| {
                let forged = i % 2 == 0;
                let mut scores = BTreeMap::new();
                scores.insert("good".to_owned(), normal() + if forged { 2.0 } else { 0.0 });
                scores.insert("noise".to_owned(), normal());
                if i % 4 < 2 {
                    scores.insert("sometimes".to_owned(), normal() + if forged { 1.0 } else { 0.0 });
                }
                Item { group: format!("g{}", i / 2), forged, condition: Condition::Jpeg { from: 90, to: 100 }, scores }
            })
            .collect()
    }

    #[test]
    fn fusion_weighs_what_is_worth_something() {
        let table = CalibrationTable::learn(ABOUT, &items(2000), &["good", "noise", "sometimes", "never"]);
        let part = table.of(&Condition::Jpeg { from: 90, to: 100 }).unwrap();
        let ids: Vec<&str> = part.analyzers.iter().map(|a| a.analyzer.as_str()).collect();
        assert_eq!(ids, ["good", "sometimes"], "one without scores has no map, and noise tells nothing");
        let cost = |id: &str| part.analyzers.iter().find(|a| a.analyzer == id).unwrap().cllr;
        assert!(cost("good") < 0.7, "{}", cost("good"));
        assert!(part.cllr < cost("good"));
        assert!(part.cap_log10 > 1.0 && part.cap_log10 < 3.0, "{}", part.cap_log10);
        let points = &part.operating_points;
        assert!(points.is_sorted_by_key(|p| std::cmp::Reverse((p.forged, p.genuine))), "{points:?}");
        let three = points.iter().find(|p| p.threshold_lr == 3.0).unwrap();
        assert!(three.forged > 10 * three.genuine && three.genuine > 0, "{points:?}");
        let fuse = |good: f64| part.fuse(&BTreeMap::from([("good".to_owned(), good)])).llr;
        assert!(fuse(3.0).log10 > 0.5 && fuse(-2.0).log10 < -0.5);
        assert!(fuse(100.0).log10 <= part.cap_log10);
        assert!(fuse(1.0).low < fuse(1.0).log10 && fuse(1.0).log10 < fuse(1.0).high);
    }

    #[test]
    fn few_items_give_no_table() {
        let table = CalibrationTable::learn(ABOUT, &items(40), &["good"]);
        assert!(table.conditions.is_empty());
    }

    #[test]
    fn the_interval_at_the_cap_is_no_point_and_bounds_are_named() {
        let table = CalibrationTable::learn(ABOUT, &items(2000), &["good"]);
        let part = table.of(&Condition::Jpeg { from: 90, to: 100 }).unwrap();
        let far = part.fuse(&BTreeMap::from([("good".to_owned(), 100.0)])).llr;
        assert_eq!(far.log10, part.cap_log10);
        assert!(far.low < far.log10 - 0.05, "{far:?}");
        let (cap, by, floor) = bounds::tightest(&part.bounds);
        assert_eq!((cap, floor), (part.cap_log10, part.floor_log10));
        assert_eq!(table.reference(part).cap_by, by);
        assert_eq!((part.forged_sources, part.genuine_sources), (1000, 1000));
        assert!(part.cllr_min <= part.cllr + 1e-9 && part.cllr_min > 0.3, "{} of {}", part.cllr_min, part.cllr);
    }

    #[test]
    fn items_of_few_people_cap_the_ratio_at_their_number() {
        let mut few = items(2000);
        for (i, item) in few.iter_mut().enumerate() {
            item.group = format!("person {}", i % 9);
            item.scores.insert("good".to_owned(), if item.forged { 4.0 } else { -4.0 } + (i % 7) as f64 * 0.1);
        }
        let table = CalibrationTable::learn(ABOUT, &few, &["good"]);
        let part = table.of(&Condition::Jpeg { from: 90, to: 100 }).unwrap();
        assert!((part.cap_log10 - 9f64.log10()).abs() < 1e-3, "{}", part.cap_log10);
        assert_eq!(table.reference(part).cap_by, assay_evidence::BoundKind::Sources);
    }

    /// A table without sources, bounds and intervals is one of an earlier version, and must not
    /// pass as certain.
    #[test]
    fn a_table_of_the_former_format_is_refused() {
        let table = CalibrationTable::learn(ABOUT, &items(400), &["good"]);
        let mut value = serde_json::to_value(&table).unwrap();
        assert!(serde_json::from_value::<CalibrationTable>(value.clone()).is_ok());
        for field in ["bounds", "interval", "forged_sources", "cllr_min"] {
            let mut old = value.clone();
            old["conditions"][0].as_object_mut().unwrap().remove(field);
            assert!(serde_json::from_value::<CalibrationTable>(old).is_err(), "{field}");
        }
        value["conditions"] = serde_json::json!([]);
        assert!(serde_json::from_value::<CalibrationTable>(value).is_ok());
    }
}
