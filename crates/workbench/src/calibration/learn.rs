//! Learning one condition's part of a table.
//!
//! Maps are judged and the fusion is learned on out-of-fold values; bounds and intervals count
//! sources, not items.
use sha2::Digest as _;

use super::bounds::{bounds, independent, tightest};
use super::{AnalyzerMap, Condition, ConditionTable, GRID_LR, Item, Logistic, OperatingPoint, ScoreMap};
use super::{cllr, cllr_min, interval, round};

const FOLDS: u64 = 5;
/// Out-of-fold cost in bits from which an analyzer tells nothing under a condition: it gets no
/// value and no weight there.
const LEAST_WORTH: f64 = 0.98;
/// Width in log10 between floor and cap below which nothing can be stated.
const LEAST_SPAN: f64 = 0.02;

/// `values` are capped log10 likelihood ratios.
fn operating_points(values: &[f64], forged: &[bool]) -> Vec<OperatingPoint> {
    let above = |threshold: f64, label: bool| {
        values.iter().zip(forged).filter(|(v, l)| **l == label && crate::reaches(**v, threshold)).count() as u32
    };
    GRID_LR.map(|t| OperatingPoint { threshold_lr: t, forged: above(t, true), genuine: above(t, false) }).to_vec()
}

fn fold_of(group: &str) -> u64 {
    let digest = sha2::Sha256::digest(group.as_bytes());
    u64::from(digest[0]) % FOLDS
}

fn count(items: &[&Item], forged: bool) -> usize {
    items.iter().filter(|i| i.forged == forged).count()
}

/// The table, and what it would say of every item that it was not fitted with.
pub(super) fn condition(of: Condition, items: &[&Item], analyzers: &[&str]) -> Option<(ConditionTable, Vec<f64>)> {
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
            cllr: round(cost),
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
    let sources: Vec<&str> = items.iter().map(|i| i.group.as_str()).collect();
    let bounds = bounds(&fused, &labels, &sources);
    let (cap_log10, _, floor_log10) = tightest(&bounds);
    if cap_log10 - floor_log10 < LEAST_SPAN {
        return None;
    }
    let capped: Vec<f64> = fused.iter().map(|v| v.clamp(floor_log10, cap_log10)).collect();
    let table = ConditionTable {
        condition: of,
        forged: count(items, true) as u32,
        genuine: count(items, false) as u32,
        analyzers: maps,
        fusion,
        forged_sources: independent(&sources, &labels, true) as u32,
        genuine_sources: independent(&sources, &labels, false) as u32,
        cllr: round(cllr(&fused, &labels)),
        cllr_min: round(cllr_min(&fused, &labels)),
        bounds,
        cap_log10,
        interval: interval::learn(&fused, &labels, &sources),
        operating_points: operating_points(&capped, &labels),
        floor_log10,
    };
    Some((table, capped))
}
