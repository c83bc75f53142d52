//! How well each block fits each first table, and which first table explains the picture.
//!
//! The evidence of all frequencies is added up before a choice is made (Bianchi & Piva 2012 choose
//! frequency by frequency): a single frequency often fits several steps, a whole table seldom does.
//! A table outside the IJG family is taken frequency by frequency when that explains the picture
//! much better. All candidate tables are scored in one pass: the entries of all candidates for one
//! stored value lie side by side, so a block costs one short vector addition per non-zero
//! coefficient.
use std::collections::BTreeMap;

use assay_media::jpeg::standard_table;
use rayon::prelude::*;

use super::blocks::{Blocks, CLASSES, DC_OFFSET, Histograms, JUDGED, dc_entry, index};
use super::model::{LEVELS, ROUNDING_SIGMA, Tables, normal_cdf};

/// Qualities of a first save that are tried.
pub(super) const QUALITIES: std::ops::RangeInclusive<u8> = 30..=99;
/// Share of the coefficients that may disagree with any model of the past; bounds what one
/// coefficient can say.
const STRAY: f32 = 0.02;
/// What a single block can say at most, in nats: one odd block is no region.
const MOST_PER_BLOCK: f32 = 10.0;
/// Non-zero coefficients that a frequency needs to be judged.
const LEAST_NONZERO: u32 = 12;
/// Non-zero coefficients that a block needs for its DC coefficient to be judged: a flat block is
/// rounded as a whole.
const LIVELY_BLOCK: usize = 3;

/// Steps of a first table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Steps of the judged AC frequencies.
    pub(super) ac: [u16; JUDGED],
    /// Step of the DC coefficient.
    pub(super) dc: u16,
    /// IJG quality, when the table is of that family.
    pub(crate) quality: Option<u8>,
}

impl Steps {
    fn family(quality: u8) -> Self {
        let table = standard_table(quality, false);
        Self { ac: std::array::from_fn(|i| table[index(i)]), dc: table[0], quality: Some(quality) }
    }
}

/// Log-likelihood ratios of one frequency and first step: `[class][|h|]`.
type Ratios = Vec<[f32; LEVELS]>;

/// The candidates and what each stored value says for each of them.
pub(super) struct Bank {
    /// The candidate tables.
    pub(super) steps: Vec<Steps>,
    /// For each judged frequency `[class][|h|][candidate]`, relative to a zero; `None` where the
    /// frequency is not judged.
    active: Vec<Option<Vec<f32>>>,
    /// Stored values in `active`.
    bins: [usize; JUDGED],
    /// A block of zeros: `[class][candidate]`.
    zeros: Vec<f32>,
    /// `[dc_entry][candidate]`.
    dc: Vec<f32>,
}

fn informative(q1: u16, q2: u16) -> bool {
    q1 != q2 && u32::from(q1) * 5 > u32::from(q2)
}

/// What is known of one frequency of the last save.
struct Frequency {
    q2: u16,
    bins: usize,
    /// By first step; the steps in question only.
    ratios: BTreeMap<u16, (Ratios, f64)>,
}

impl Frequency {
    fn new(q2: u16, counts: &[[u32; LEVELS]; CLASSES], mut steps: Vec<u16>) -> Option<Self> {
        let nonzero: u32 = counts.iter().map(|c| c[1..].iter().sum::<u32>()).sum();
        if nonzero < LEAST_NONZERO {
            return None;
        }
        let largest = (1..LEVELS).rev().find(|h| counts.iter().any(|c| c[*h] > 0)).unwrap_or(0);
        let bins = (largest + 3).min(LEVELS);
        let means = smooth_means(counts);
        steps.sort_unstable();
        steps.dedup();
        let single = Tables::single(q2, bins);
        // One smooth density a class; whatever the past, it is moved only as far as the mean asks
        // for.
        let weights: Vec<_> = counts.iter().zip(means).map(|(counts, mean)| single.fit(counts, mean)).collect();
        let once: Vec<_> = weights.iter().zip(means).map(|(w, mean)| single.mixed(w, mean)).collect();
        let ratios = steps
            .into_iter()
            .filter(|q1| informative(*q1, q2))
            .map(|q1| {
                let double = Tables::double(q1, q2, ROUNDING_SIGMA, bins);
                let ratios: Ratios = means
                    .iter()
                    .zip(weights.iter().zip(&once))
                    .map(|(mean, (weights, one))| {
                        let two = double.mixed(weights, *mean);
                        let mut row = [0.0; LEVELS];
                        // The last bin holds the tail and is not judged.
                        for h in 0..bins - 1 {
                            row[h] = (STRAY + (1.0 - STRAY) * two[h] / one[h].max(1e-12)).ln().min(4.0);
                        }
                        row
                    })
                    .collect();
                let evidence = total(counts, &ratios);
                (q1, (ratios, evidence))
            })
            .collect();
        Some(Self { q2, bins, ratios })
    }
}

impl Bank {
    /// All tables of the IJG family, and last one fitted frequency by frequency.
    pub(super) fn new(blocks: &Blocks, histograms: &Histograms) -> Self {
        let table = &blocks.component.quantisation;
        let mut candidates: Vec<Steps> = QUALITIES.map(Steps::family).collect();
        let frequencies: Vec<Option<Frequency>> = (0..JUDGED)
            .into_par_iter()
            .map(|i| {
                let steps = candidates.iter().map(|s| s.ac[i]).collect();
                Frequency::new(table[index(i)].max(1), &histograms.counts[i], steps)
            })
            .collect();
        let q2_dc = table[0].max(1);
        candidates.push(free(&frequencies, q2_dc, histograms));
        let wide = candidates.len();
        let dc_by_candidate: Vec<Vec<f32>> = candidates.par_iter().map(|s| dc_ratios(s.dc, q2_dc)).collect();
        let mut zeros = vec![0.0; CLASSES * wide];
        for (i, frequency) in frequencies.iter().enumerate() {
            let Some(frequency) = frequency else { continue };
            for (c, steps) in candidates.iter().enumerate() {
                if let Some((ratios, _)) = frequency.ratios.get(&steps.ac[i]) {
                    for (class, row) in ratios.iter().enumerate() {
                        zeros[class * wide + c] += row[0];
                    }
                }
            }
        }
        let active = frequencies
            .par_iter()
            .enumerate()
            .map(|(i, frequency)| {
                let frequency = frequency.as_ref()?;
                let mut entries = vec![0.0; CLASSES * frequency.bins * wide];
                for (c, steps) in candidates.iter().enumerate() {
                    if let Some((ratios, _)) = frequency.ratios.get(&steps.ac[i]) {
                        for (class, row) in ratios.iter().enumerate() {
                            for h in 0..frequency.bins {
                                entries[(class * frequency.bins + h) * wide + c] = row[h];
                            }
                        }
                    }
                }
                Some(entries)
            })
            .collect();
        let mut dc = vec![0.0; 2 * DC_OFFSET as usize * wide];
        for (c, ratios) in dc_by_candidate.iter().enumerate() {
            for (entry, ratio) in ratios.iter().enumerate() {
                dc[entry * wide + c] = *ratio;
            }
        }
        let bins = std::array::from_fn(|i| frequencies[i].as_ref().map_or(0, |f| f.bins));
        Self { steps: candidates, active, bins, zeros, dc }
    }

    /// `[block][candidate]`: log-likelihood ratio of each block having been saved with the
    /// candidate before; 0 for blocks not judged.
    pub(super) fn score(&self, blocks: &Blocks) -> Vec<f32> {
        let wide = self.steps.len();
        let mut scores = vec![0.0; blocks.valid.len() * wide];
        scores.par_chunks_mut(wide).enumerate().filter(|(b, _)| blocks.valid[*b]).for_each(|(b, sums)| {
            let class = blocks.class(b);
            sums.copy_from_slice(&self.zeros[class * wide..(class + 1) * wide]);
            let mut lively = 0;
            for found in blocks.active(b) {
                let Some(entries) = &self.active[found.frequency] else { continue };
                lively += 1;
                let bins = self.bins[found.frequency];
                let level = found.level.min(bins - 1);
                let at = (found.class * bins + level) * wide;
                let zero = class * bins * wide;
                for ((sum, plus), minus) in
                    sums.iter_mut().zip(&entries[at..at + wide]).zip(&entries[zero..zero + wide])
                {
                    *sum += plus - minus;
                }
            }
            if lively >= LIVELY_BLOCK {
                let at = dc_entry(blocks.component.coefficients[b][0]) * wide;
                for (sum, dc) in sums.iter_mut().zip(&self.dc[at..at + wide]) {
                    *sum += dc;
                }
            }
            let weight = blocks.weight[b];
            sums.iter_mut().for_each(|sum| *sum = (*sum * weight).clamp(-MOST_PER_BLOCK, MOST_PER_BLOCK));
        });
        scores
    }
}

/// Step by step, those that explain much; elsewhere the last table's own, which says nothing.
fn free(frequencies: &[Option<Frequency>], q2_dc: u16, histograms: &Histograms) -> Steps {
    const LEAST: f64 = 20.0;
    let ac = std::array::from_fn(|i| {
        frequencies[i]
            .as_ref()
            .and_then(|f| {
                let (q1, (_, evidence)) = f.ratios.iter().max_by(|a, b| a.1.1.total_cmp(&b.1.1))?;
                (*evidence > LEAST).then_some(*q1)
            })
            .or_else(|| frequencies[i].as_ref().map(|f| f.q2))
            .unwrap_or(1)
    });
    let dc = (1..=40u16)
        .map(|q1| (q1, dc_total(&dc_ratios(q1, q2_dc), &histograms.dc)))
        .filter(|(_, evidence)| *evidence > LEAST)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(q2_dc, |(q1, _)| q1);
    Steps { ac, dc, quality: None }
}

/// By [`dc_entry`]; a DC coefficient is taken as uniform over the few steps that matter. Empty when
/// the step says nothing.
fn dc_ratios(q1: u16, q2: u16) -> Vec<f32> {
    if !informative(q1, q2) {
        return Vec::new();
    }
    let (q1, q2) = (f64::from(q1), f64::from(q2));
    let sigma = ROUNDING_SIGMA;
    (0..2 * DC_OFFSET)
        .map(|entry| {
            let at = f64::from(entry - DC_OFFSET) * q2;
            let first = ((at - q2 / 2.0 - 4.0 * sigma) / q1).ceil() as i64;
            let last = ((at + q2 / 2.0 + 4.0 * sigma) / q1).floor() as i64;
            let teeth: f64 = (first..=last)
                .map(|k| {
                    let off = at - k as f64 * q1;
                    normal_cdf((off + q2 / 2.0) / sigma) - normal_cdf((off - q2 / 2.0) / sigma)
                })
                .sum();
            (f64::from(STRAY) + (1.0 - f64::from(STRAY)) * teeth * q1 / q2).ln() as f32
        })
        .collect()
}

fn total(counts: &[[u32; LEVELS]; CLASSES], ratios: &Ratios) -> f64 {
    let mut sum = 0.0;
    for (counts, ratios) in counts.iter().zip(ratios) {
        for (count, ratio) in counts.iter().zip(ratios) {
            if *count > 0 {
                sum += f64::from(*count) * f64::from(*ratio);
            }
        }
    }
    sum
}

fn dc_total(ratios: &[f32], counts: &[u32]) -> f64 {
    ratios.iter().zip(counts).map(|(r, c)| f64::from(*r) * f64::from(*c)).sum()
}

/// Mean of `|h|` per class; a class with few members leans on the frequency's mean scaled by the
/// class's liveliness.
fn smooth_means(classes: &[[u32; LEVELS]; CLASSES]) -> [f64; CLASSES] {
    const LEAN: f64 = 4.0;
    let count = |c: &[u32; LEVELS]| c.iter().map(|n| f64::from(*n)).sum::<f64>();
    let sum = |c: &[u32; LEVELS]| c.iter().enumerate().map(|(h, n)| h as f64 * f64::from(*n)).sum::<f64>();
    let lively = |c: usize| 1.6f64.powi(c as i32);
    let expected: f64 = classes.iter().enumerate().map(|(c, n)| count(n) * lively(c)).sum();
    let unit = classes.iter().map(sum).sum::<f64>() / expected.max(1e-9);
    std::array::from_fn(|c| (sum(&classes[c]) + LEAN * unit * lively(c)) / (count(&classes[c]) + LEAN))
}
