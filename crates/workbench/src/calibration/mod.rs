//! From raw scores to log-likelihood ratios, and from those to one.
//!
//! A table is learned from recorded items, forged and genuine, apart for each compression condition, because a score that is remarkable in a
//! fresh photo is nothing in a thumbnail at quality 60. Three guards keep the numbers honest: maps are judged and the fusion is learned on
//! out-of-fold values (folds by the target's source photo; a donor may be a target in another fold), weights cannot turn negative, and every value is capped by what the number of items can
//! support (Vergeer et al. 2016, empirical lower and upper bound of the LR).
mod isotonic;
mod logistic;
mod whole;

use std::collections::BTreeMap;

use assay_evidence::{CalibrationRef, Llr, MediaKind};
use assay_media::Source;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

pub use isotonic::{Isotonic, Step};
pub use logistic::Logistic;
pub use whole::{GenuineFile, GenuineFiles, Whole};

/// Two-sided 95 % of a normal distribution.
const Z95: f64 = 1.96;
const FOLDS: u64 = 5;
/// Out-of-fold cost in bits from which an analyzer tells nothing under a condition: it gets no value and no weight there.
const LEAST_WORTH: f64 = 0.98;

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

    /// The condition of a file; `None` for lossy stills that are not JPEG (WebP, HEIC, AVIF), for which there are no recorded items.
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
    /// Out-of-fold cost of the log-likelihood ratios in bits (Brümmer 2006); 1 is worthless, 0 perfect.
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
    /// Weights over the analyzers' log10 values, in the order of `analyzers`, then the intercept; gives natural log-odds.
    pub fusion: Logistic,
    /// Out-of-fold cost of the fused value in bits.
    pub cllr: f64,
    /// Cap of the fused value towards H1.
    pub cap_log10: f64,
    /// Cap of the fused value towards H2.
    pub floor_log10: f64,
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
    /// Genuine items at or above it: false alarms.
    pub genuine: u32,
}

/// Thresholds of the operating points.
const THRESHOLDS: [f64; 6] = [3.0, 10.0, 20.0, 30.0, 50.0, 100.0];

/// `values` are capped log10 likelihood ratios.
fn operating_points(values: &[f64], forged: &[bool]) -> Vec<OperatingPoint> {
    let above = |threshold: f64, label: bool| {
        values.iter().zip(forged).filter(|(v, l)| **l == label && crate::reaches(**v, threshold)).count() as u32
    };
    THRESHOLDS.map(|t| OperatingPoint { threshold_lr: t, forged: above(t, true), genuine: above(t, false) }).to_vec()
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
        Fused { llr: capped(z / std::f64::consts::LN_10, error, self.floor_log10, self.cap_log10), parts }
    }
}

fn capped(value: f64, error: f64, floor: f64, cap: f64) -> Llr {
    let clamp = |v: f64| (v.clamp(floor, cap) * 1e4).round() / 1e4;
    Llr { log10: clamp(value), low: clamp(value - Z95 * error), high: clamp(value + Z95 * error) }
}

/// Everything learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationTable {
    /// Name.
    pub id: String,
    /// What the table answers, such as "was a part of it altered?".
    pub question: String,
    /// What the items are, one line.
    pub data: String,
    /// The command that made it.
    pub made_with: String,
    /// Tables by condition.
    pub conditions: Vec<ConditionTable>,
}

impl CalibrationTable {
    /// The tables that ship with this build, one a question.
    ///
    /// # Errors
    /// When an embedded file does not parse, which a test rules out.
    pub fn shipped() -> Result<Vec<Self>, serde_json::Error> {
        SHIPPED.into_iter().map(serde_json::from_str).collect()
    }

    /// The shipped table of planted local alterations.
    ///
    /// # Errors
    /// As [`CalibrationTable::shipped`].
    pub fn planted() -> Result<Self, serde_json::Error> {
        serde_json::from_str(PLANTED)
    }

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
            cap_log10: part.cap_log10,
            data: self.data.clone(),
        }
    }

    /// Learns a table. Conditions with fewer than 30 items of either class are left out: files of that kind get an abstention.
    pub fn learn(about: About<'_>, items: &[Item], analyzers: &[&str]) -> Self {
        Self::cross_fitted(about, items, analyzers).0
    }

    /// As [`CalibrationTable::learn`], with the fused and capped log10 value of every item by maps and weights that were fitted without its fold; `None` where its
    /// condition got no table.
    pub fn cross_fitted(about: About<'_>, items: &[Item], analyzers: &[&str]) -> (Self, Vec<Option<f64>>) {
        let mut values = vec![None; items.len()];
        let mut conditions = Vec::new();
        for condition in Condition::all() {
            let (places, own): (Vec<usize>, Vec<&Item>) =
                items.iter().enumerate().filter(|(_, i)| i.condition == condition).unzip();
            if let Some((table, fused)) = learn_condition(condition, &own, analyzers) {
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
    /// What it answers.
    pub question: &'a str,
    /// What the items are, one line.
    pub data: &'a str,
    /// The command that makes it.
    pub made_with: &'a str,
}

const PLANTED: &str = include_str!("../../calibration/planted.json");
const SHIPPED: [&str; 3] =
    [PLANTED, include_str!("../../calibration/swaps.json"), include_str!("../../calibration/portraits.json")];

impl Condition {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Jpeg { from, to } => format!("JPEG of quality {from} to {to}"),
            Self::Lossless => "lossless still".into(),
            Self::Video => "video".into(),
        }
    }
}

fn fold_of(group: &str) -> u64 {
    let digest = sha2::Sha256::digest(group.as_bytes());
    u64::from(digest[0]) % FOLDS
}

fn count(items: &[&Item], forged: bool) -> usize {
    items.iter().filter(|i| i.forged == forged).count()
}

/// The table, and what it would say of every item that it was not fitted with.
fn learn_condition(condition: Condition, items: &[&Item], analyzers: &[&str]) -> Option<(ConditionTable, Vec<f64>)> {
    if count(items, true) < 30 || count(items, false) < 30 {
        return None;
    }
    let labels: Vec<bool> = items.iter().map(|i| i.forged).collect();
    let mut maps = Vec::new();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for id in analyzers {
        let with: Vec<&Item> = items.iter().copied().filter(|i| i.scores.contains_key(*id)).collect();
        if count(&with, true) < 20 || count(&with, false) < 20 {
            continue;
        }
        let raw = |list: &[&Item]| -> (Vec<f64>, Vec<bool>) { list.iter().map(|i| (i.scores[*id], i.forged)).unzip() };
        let (all_scores, all_labels) = raw(&with);
        let mut folds: Vec<Vec<ScoreMap>> = Vec::new();
        for fold in 0..FOLDS {
            let train: Vec<&Item> = with.iter().copied().filter(|i| fold_of(&i.group) != fold).collect();
            let (scores, labels) = raw(&train);
            folds.push(ScoreMap::fit_both(&scores, &labels));
        }
        let cap = |forged: usize, genuine: usize| ((forged.min(genuine) + 1) as f64).log10();
        let cap_log10 = cap(count(&with, true), count(&with, false));
        let mut best: Option<(f64, ScoreMap, Vec<f64>)> = None;
        for (kind, final_map) in ScoreMap::fit_both(&all_scores, &all_labels).into_iter().enumerate() {
            let column: Vec<f64> = items
                .iter()
                .map(|i| {
                    let map = folds.get(fold_of(&i.group) as usize).and_then(|maps| maps.get(kind));
                    i.scores.get(*id).zip(map).map_or(0.0, |(raw, map)| map.llr(*raw).0.clamp(-cap_log10, cap_log10))
                })
                .collect();
            let cost = cllr(&column, &labels);
            if best.as_ref().is_none_or(|(c, _, _)| cost < *c) {
                best = Some((cost, final_map, column));
            }
        }
        let (cost, map, column) = best?;
        if cost >= LEAST_WORTH {
            continue;
        }
        columns.push(column);
        maps.push(AnalyzerMap {
            analyzer: (*id).into(),
            forged: count(&with, true) as u32,
            genuine: count(&with, false) as u32,
            map,
            cllr: (cost * 1e4).round() / 1e4,
            cap_log10,
        });
    }
    if maps.is_empty() {
        return None;
    }
    let rows: Vec<Vec<f64>> = (0..items.len()).map(|i| columns.iter().map(|c| c[i]).collect()).collect();
    let fusion = Logistic::fit(&rows, &labels, 1e-3, true)?;
    let mut fused = vec![0.0; items.len()];
    for fold in 0..FOLDS {
        let inside = |i: usize| fold_of(&items[i].group) == fold;
        let train: Vec<usize> = (0..items.len()).filter(|&i| !inside(i)).collect();
        let train_rows: Vec<Vec<f64>> = train.iter().map(|&i| rows[i].clone()).collect();
        let train_labels: Vec<bool> = train.iter().map(|&i| labels[i]).collect();
        let part = Logistic::fit(&train_rows, &train_labels, 1e-3, true)?;
        for i in (0..items.len()).filter(|&i| inside(i)) {
            fused[i] = part.log_odds(&rows[i]).0 / std::f64::consts::LN_10;
        }
    }
    let cap_log10 = upper_bound(&fused, &labels);
    let floor_log10 =
        -upper_bound(&fused.iter().map(|v| -v).collect::<Vec<_>>(), &labels.iter().map(|l| !l).collect::<Vec<_>>());
    let capped: Vec<f64> = fused.iter().map(|v| v.clamp(floor_log10, cap_log10)).collect();
    let table = ConditionTable {
        condition,
        forged: count(items, true) as u32,
        genuine: count(items, false) as u32,
        analyzers: maps,
        fusion,
        cllr: (cllr(&fused, &labels) * 1e4).round() / 1e4,
        cap_log10,
        operating_points: operating_points(&capped, &labels),
        floor_log10,
    };
    Some((table, capped))
}

/// Cost of log10 likelihood ratios in bits (Brümmer & du Preez 2006, eq. 4): 0 is perfect, 1 is as good as always saying "no support". An
/// abstention is passed as 0; a side without items costs nothing.
pub fn cllr(llrs_log10: &[f64], forged: &[bool]) -> f64 {
    // log2(1 + 10^x) without overflow.
    let bits = |x: f64| {
        let x = x * std::f64::consts::LN_10;
        (x.max(0.0) + (-x.abs()).exp().ln_1p()) / std::f64::consts::LN_2
    };
    let cost = |label: bool| {
        let values: Vec<f64> = llrs_log10
            .iter()
            .zip(forged)
            .filter(|(_, l)| **l == label)
            .map(|(v, _)| bits(if label { -v } else { *v }))
            .collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    };
    0.5 * (cost(true) + cost(false))
}

/// The largest log10 LR that the items support: up to it, deciding by the LR with one more misleading item a class beats deciding
/// without it (Vergeer et al. 2016, with one misleading item). At least 0.3: in the first bins the imagined item alone can break the rule.
fn upper_bound(llrs_log10: &[f64], forged: &[bool]) -> f64 {
    let values = |label: bool| {
        let mut v: Vec<f64> = llrs_log10.iter().zip(forged).filter(|(_, l)| **l == label).map(|(v, _)| *v).collect();
        v.sort_by(f64::total_cmp);
        v
    };
    let (ones, zeros) = (values(true), values(false));
    let above = |list: &[f64], t: f64| (list.len() - list.partition_point(|v| *v <= t)) as f64;
    let mut bound = 0.0;
    for step in 0..=600 {
        let t = f64::from(step) / 100.0;
        let misses = (ones.len() as f64 - above(&ones, t) + 1.0) / (ones.len() as f64 + 1.0);
        let alarms = (above(&zeros, t) + 1.0) / (zeros.len() as f64 + 1.0);
        if misses + 10f64.powf(t) * alarms > 1.0 && t > 0.3 {
            break;
        }
        bound = t;
    }
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About<'_> = About { id: "t", question: "q", data: "d", made_with: "m" };

    fn items(n: usize) -> Vec<Item> {
        // A score that separates the classes by two standard deviations, one that is noise, and one that applies to half of the items.
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
        assert!(points[0].forged > 10 * points[0].genuine && points[0].genuine > 0, "{points:?}");
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
    fn a_fair_coin_costs_one_bit() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        close(cllr(&[0.0, 0.0], &[true, false]), 1.0);
        // Forged at LR 10: log2(1.1); genuine at LR 1/100: log2(1.01).
        close(cllr(&[1.0, -2.0], &[true, false]), f64::midpoint(1.1f64.log2(), 1.01f64.log2()));
        // Far out on the wrong side the cost is the number of bits, not infinity.
        close(cllr(&[-400.0, 400.0], &[true, false]), 400.0 * 10f64.log2());
    }

    #[test]
    fn the_bound_grows_with_the_set() {
        let separated =
            |n: usize| -> (Vec<f64>, Vec<bool>) { (0..2 * n).map(|i| (if i < n { 9.0 } else { -9.0 }, i < n)).unzip() };
        let (a, la) = separated(50);
        let (b, lb) = separated(5000);
        assert!(upper_bound(&a, &la) < upper_bound(&b, &lb));
        assert!((upper_bound(&a, &la) - 50f64.log10()).abs() < 0.05);
    }
}
