//! The coefficients of one component with, for each block, how lively its surroundings are.
//!
//! One decision: the expected size of a coefficient comes from the other coefficients of its block
//! and from the neighbouring blocks, never from itself. So a zero in a flat wall says nothing, a
//! zero amid texture does, and one histogram per frequency and liveliness holds all that the choice
//! of a first table needs.
use assay_media::jpeg::{Component, ZIGZAG};
use rayon::prelude::*;

use super::model::LEVELS;

/// Steps of liveliness.
pub(super) const CLASSES: usize = 14;
/// AC coefficients judged, in zigzag order from 1.
pub(super) const JUDGED: usize = 48;
/// Share of the neighbouring blocks' mean liveliness that is added to a block's own.
const AROUND: f32 = 0.35;

/// Row-major index of judged coefficient `i`.
pub(super) fn index(i: usize) -> usize {
    usize::from(ZIGZAG[i + 1])
}

/// Coefficients and their liveliness.
pub(super) struct Blocks<'a> {
    /// The component.
    pub(super) component: &'a Component,
    /// False for blocks that are not judged (saturated, outside the picture).
    pub(super) valid: Vec<bool>,
    /// How far each block's rounding is as noisy as the model takes it, 0..=1; 0 for blocks not
    /// judged.
    pub(super) weight: Vec<f32>,
    /// Liveliness of each block with its surroundings.
    lively: Vec<f32>,
    /// What one step of each judged coefficient adds to the liveliness of its block.
    weights: [f32; JUDGED],
}

/// Counts of `|h|` by frequency and class, over some of the blocks.
pub(super) struct Histograms {
    /// `[frequency][class][|h|]`.
    pub(super) counts: Vec<[[u32; LEVELS]; CLASSES]>,
    /// Counts of the DC coefficient by [`dc_entry`].
    pub(super) dc: Vec<u32>,
}

/// Entry of a DC value of zero in [`Histograms::dc`].
pub(super) const DC_OFFSET: i32 = 2048;

/// Entry of a DC value in a table of [`Histograms::dc`]'s size.
pub(super) fn dc_entry(value: i16) -> usize {
    (i32::from(value) + DC_OFFSET).clamp(0, 2 * DC_OFFSET - 1) as usize
}

/// A non-zero coefficient.
#[derive(Clone, Copy)]
pub(super) struct Active {
    /// Which judged frequency.
    pub(super) frequency: usize,
    /// Its class of liveliness.
    pub(super) class: usize,
    /// `|h|`, at most `LEVELS - 1`.
    pub(super) level: usize,
}

impl<'a> Blocks<'a> {
    /// Liveliness of all blocks of a component; `valid` has one entry per block.
    pub(super) fn new(component: &'a Component, valid: Vec<bool>) -> Self {
        let (wide, high) = (component.blocks_wide, component.blocks_high);
        let means = means(component, &valid);
        // A coefficient's share of its block's liveliness: its size over the usual size at that
        // frequency.
        let weights: [f32; JUDGED] =
            std::array::from_fn(|i| if means[i] > 0.02 { 1.0 / (means[i] + 0.1) } else { 0.0 });
        let own: Vec<f32> = component
            .coefficients
            .par_iter()
            .map(|block| (0..JUDGED).map(|i| f32::from(block[index(i)].unsigned_abs()) * weights[i]).sum())
            .collect();
        let lively = (0..own.len())
            .into_par_iter()
            .map(|b| {
                let (x, y) = (b % wide, b / wide);
                let (mut around, mut count) = (0.0, 0.0);
                for ny in y.saturating_sub(1)..(y + 2).min(high) {
                    for nx in x.saturating_sub(1)..(x + 2).min(wide) {
                        if (nx, ny) != (x, y) {
                            around += own[ny * wide + nx];
                            count += 1.0f32;
                        }
                    }
                }
                own[b] + AROUND * around / count.max(1.0)
            })
            .collect();
        let table = component.quantisation.map(f32::from);
        let weight = component
            .coefficients
            .par_iter()
            .zip(&valid)
            .map(|(block, valid)| if *valid { noisiness(block, &table) } else { 0.0 })
            .collect();
        Self { component, valid, weight, lively, weights }
    }

    /// Class of the coefficients of a block that are zero.
    pub(super) fn class(&self, block: usize) -> usize {
        class_of(self.lively[block])
    }

    /// The non-zero judged coefficients of a block.
    pub(super) fn active(&self, block: usize) -> impl Iterator<Item = Active> {
        let lively = self.lively[block];
        let coefficients = &self.component.coefficients[block];
        (0..JUDGED).filter_map(move |i| {
            let size = coefficients[index(i)].unsigned_abs();
            (size > 0).then(|| Active {
                frequency: i,
                class: class_of((lively - f32::from(size) * self.weights[i]).max(0.0)),
                level: usize::from(size).min(LEVELS - 1),
            })
        })
    }

    /// Histograms over the valid blocks.
    pub(super) fn histograms(&self) -> Histograms {
        let mut counts = vec![[[0u32; LEVELS]; CLASSES]; JUDGED];
        let mut dc = vec![0; 2 * DC_OFFSET as usize];
        let mut zeros = [0u32; CLASSES];
        let mut not_zero = [[0u32; CLASSES]; JUDGED];
        for (b, block) in self.component.coefficients.iter().enumerate().filter(|(b, _)| self.valid[*b]) {
            let class = self.class(b);
            zeros[class] += 1;
            for active in self.active(b) {
                counts[active.frequency][active.class][active.level] += 1;
                not_zero[active.frequency][class] += 1;
            }
            dc[dc_entry(block[0])] += 1;
        }
        for (counts, not_zero) in counts.iter_mut().zip(&not_zero) {
            for ((count, zeros), not_zero) in counts.iter_mut().zip(&zeros).zip(not_zero) {
                count[0] = zeros - not_zero;
            }
        }
        Histograms { counts, dc }
    }
}

/// In a nearly flat block the rounding of neighbouring samples goes the same way, and the errors of
/// its coefficients are far from independent small noise; 0 below a standard deviation of 0.6 grey
/// levels, 1 from 2.2 on.
fn noisiness(block: &[i16; 64], table: &[f32; 64]) -> f32 {
    let energy: f32 = block[1..].iter().zip(&table[1..]).map(|(h, q)| (f32::from(*h) * q).powi(2)).sum();
    (((energy / 64.0).sqrt() - 0.6) / 1.6).clamp(0.0, 1.0)
}

fn class_of(liveliness: f32) -> usize {
    // Liveliness is of the order of the number of judged coefficients; each class spans a factor of
    // 1.6.
    ((liveliness + 0.02).log2() * 1.475 + 4.0).clamp(0.0, CLASSES as f32 - 1.0) as usize
}

fn means(component: &Component, valid: &[bool]) -> [f32; JUDGED] {
    let mut sums = [0u64; JUDGED];
    let mut count = 0u64;
    for (block, _) in component.coefficients.iter().zip(valid).filter(|(_, valid)| **valid) {
        count += 1;
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum += u64::from(block[index(i)].unsigned_abs());
        }
    }
    sums.map(|s| (s as f64 / count.max(1) as f64) as f32)
}
