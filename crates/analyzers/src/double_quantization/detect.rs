//! From coefficients to a region that does not share the picture's past.
use assay_media::jpeg::{Component, nearest_quality};
use rayon::prelude::*;

use super::blocks::Blocks;
use super::primary::{Bank, Steps};
use super::regions::{Cluster, smooth, strongest_cluster};

/// What was found.
pub(crate) struct Detection {
    /// The past that most of the picture shows.
    pub(crate) background: Past,
    /// Natural log-likelihood ratio of that past against a single save, over the whole picture.
    pub(crate) background_evidence: f64,
    /// What the deviating region shows instead.
    pub(crate) alternative: Past,
    /// For each block the natural log-likelihood ratio of the alternative against the background.
    pub(crate) deviation: Vec<f32>,
    /// The strongest connected region and its sum.
    pub(crate) cluster: Option<Cluster>,
    /// Sum of `reliability`: how many blocks' worth of picture was judged.
    pub(crate) judged: f64,
    /// How far each block can be judged, 0..=1.
    pub(crate) reliability: Vec<f32>,
}

/// What a picture or a part of it went through before the last save.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Past {
    /// No trace of an earlier save.
    SavedOnce,
    /// An earlier save on the last save's grid.
    Aligned(Box<Steps>),
}

/// Evidence below which a first save of the whole picture is not believed, in nats: so much at
/// least, and so much per block.
const LEAST_EVIDENCE: (f64, f64) = (60.0, 0.02);
/// Prior share of the blocks that have the past of the whole; the rest may have been put in later.
const SHARED: f64 = 0.7;

/// Share of the blocks that must have a past for it to be that of the picture; less is a part with
/// a past of its own.
const LEAST_SHARE: f64 = 0.5;

/// Maximum-likelihood share of the blocks that have a past, from their log-likelihood ratios of
/// having it.
fn share(ratios: &[f32]) -> f64 {
    const ROUNDS: usize = 40;
    let count = ratios.len().max(1) as f64;
    (0..ROUNDS).fold(SHARED, |share, _| {
        let mine = |ratio: &f32| {
            let odds = share * f64::from(*ratio).exp();
            odds / (1.0 - share + odds)
        };
        ratios.iter().map(mine).sum::<f64>() / count
    })
}

/// The table that explains the picture best: the family's, unless the last candidate, fitted
/// freely, explains far more.
fn primary_of(evidence: &[f64]) -> usize {
    let free = evidence.len() - 1;
    let family = (0..free).max_by(|a, b| evidence[*a].total_cmp(&evidence[*b])).unwrap_or(0);
    if evidence[free] > 1.25 * evidence[family].max(0.0) + 200.0 { free } else { family }
}

/// Tables of qualities this near to the last one, or to the first one of the whole, differ in a few
/// steps only and are not told apart region by region.
const TOO_NEAR: u8 = 4;

/// A past with its strongest region.
struct Candidate {
    past: Past,
    /// How many pasts of its kind were tried; the price of having chosen.
    tried: f64,
    cluster: Option<Cluster>,
}

impl Candidate {
    fn sum(&self) -> f64 {
        self.cluster.as_ref().map_or(0.0, |c| c.contrast) - self.tried.ln()
    }
}

pub(crate) fn detect(component: &Component, valid: Vec<bool>) -> Detection {
    let blocks = Blocks::new(component, valid);
    let histograms = blocks.histograms();
    let bank = Bank::new(&blocks, &histograms);
    let (count, wide, columns) = (component.coefficients.len(), component.blocks_wide, bank.steps.len());
    let scores = bank.score(&blocks);
    let column = |c: usize| -> Vec<f32> { (0..count).map(|b| scores[b * columns + c]).collect() };
    let evidence: Vec<f64> = (0..columns)
        .into_par_iter()
        .map(|c| {
            let part = |b: usize| (1.0 - SHARED + SHARED * f64::from(scores[b * columns + c]).exp()).ln();
            (0..count).filter(|b| blocks.valid[*b]).map(part).sum()
        })
        .collect();
    let best = primary_of(&evidence);
    let (mut background, mut background_evidence) = (Past::SavedOnce, 0.0);
    let mut base = vec![0.0; count];
    let judged: f64 = blocks.weight.iter().map(|w| f64::from(*w)).sum();
    let of_the_whole = || {
        let ratios: Vec<f32> = (0..count).filter(|b| blocks.valid[*b]).map(|b| scores[b * columns + best]).collect();
        share(&ratios) >= LEAST_SHARE
    };
    if evidence[best] > LEAST_EVIDENCE.0.max(LEAST_EVIDENCE.1 * judged) && of_the_whole() {
        background = Past::Aligned(Box::new(bank.steps[best].clone()));
        background_evidence = evidence[best];
        base = column(best);
    }

    let mut found: Vec<Candidate> = Vec::new();
    // The last grid: no earlier save at all, or another one.
    if background != Past::SavedOnce {
        let cluster = strongest_cluster(&base.iter().map(|b| -b).collect::<Vec<_>>(), wide);
        found.push(Candidate { past: Past::SavedOnce, tried: 1.0, cluster });
    }
    let (last, _) = nearest_quality(&component.quantisation, false);
    let mut not_told_apart = vec![last];
    if let Past::Aligned(steps) = &background {
        not_told_apart.extend(steps.quality);
    }
    found.extend(
        (0..columns)
            .into_par_iter()
            .filter(|c| bank.steps[*c].quality.is_some_and(|q| not_told_apart.iter().all(|n| q.abs_diff(*n) > TOO_NEAR)))
            .map(|c| {
                let deviation: Vec<f32> =
                    base.iter().enumerate().map(|(b, base)| scores[b * columns + c] - base).collect();
                let cluster = strongest_cluster(&deviation, wide);
                Candidate { past: Past::Aligned(Box::new(bank.steps[c].clone())), tried: columns as f64, cluster }
            })
            .collect::<Vec<_>>(),
    );
    let chosen = found.into_iter().reduce(stronger);
    let (alternative, cluster, tried) = match chosen {
        Some(c) => (c.past, c.cluster, c.tried),
        None => (Past::SavedOnce, None, 1.0),
    };
    let deviation: Vec<f32> = match &alternative {
        Past::SavedOnce => base.iter().map(|b| -b).collect(),
        Past::Aligned(steps) => {
            let c = bank.steps.iter().position(|s| s == &**steps).unwrap_or(best);
            column(c).iter().zip(&base).map(|(a, b)| a - b).collect()
        }
    };
    let cluster = cluster.map(|mut k| {
        k.contrast -= tried.ln();
        k
    });
    let reliability = blocks.weight.clone();
    Detection {
        background, background_evidence, alternative, deviation, cluster, judged, reliability }
}

/// The first of near equals is kept, so the simplest explanation wins.
fn stronger(a: Candidate, b: Candidate) -> Candidate {
    if b.sum() > 1.1 * a.sum().max(0.0) + 5.0 { b } else { a }
}

impl Detection {
    /// The raw score: how strongly one connected region departs from the rest, on a compressed
    /// scale of nats. What little the model gets wrong adds up over the area of a large picture, so
    /// nats count less there.
    pub(crate) fn score(&self) -> f64 {
        const USUAL_BLOCKS: f64 = 1000.0;
        let share = (self.judged / USUAL_BLOCKS).max(1.0).sqrt();
        self.cluster.as_ref().map_or(0.0, |c| (c.contrast.max(0.0) / share).ln_1p())
    }

    /// The map to show, 0..=1: deviation in nats over the neighbourhood, through a logistic curve.
    pub(crate) fn map(&self, wide: usize) -> Vec<f32> {
        const EVEN_AT: f32 = 1.0;
        smooth(&self.deviation, wide).into_iter().map(|s| 1.0 / (1.0 + (EVEN_AT - s).exp())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_blocks_with_a_past_is_found() {
        for planted in [0usize, 15, 60, 85, 100] {
            let ratios: Vec<f32> = (0..1000).map(|b| if b % 100 < planted { 6.0 } else { -4.0 }).collect();
            let found = share(&ratios);
            assert!((found - planted as f64 / 100.0).abs() < 0.03, "{planted} %: {found}");
        }
        assert!(share(&[]).is_finite());
    }
}
