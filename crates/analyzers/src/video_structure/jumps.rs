//! Transitions at which the picture moves on by more than its motion explains: frames are missing
//! there, or others begin.
//!
//! The decision that shapes it: a transition is compared with the transitions just before and after
//! it, block by block, and each block has one bounded vote. A person who starts to move lifts the
//! blocks for several frames; a blink lifts few blocks; missing frames lift every moving block for
//! one frame.
use super::Window;

/// Transitions on each side that serve as reference.
const NEAR: usize = 4;
/// A block's vote is held within this many nepers.
const MOST_VOTE: f32 = 1.5;
/// Differences below this are taken as coding noise, in grey levels.
const NOISE: f32 = 0.4;
/// Transitions over which the spread of the votes is taken, on each side.
const AROUND: usize = 45;
/// Least spread, in nepers: even a perfectly steady motion has small irregularities.
const LEAST_SPREAD: f32 = 0.06;
/// Frames that follow in less than this share of the usual difference are repeats of the one
/// before.
const REPEAT_SHARE: f32 = 0.12;
/// Below this correlation of the two pictures the transition is a cut to another shot.
pub(super) const CUT_ALIKE: f32 = 0.5;

/// How far each transition stands out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Jump {
    /// Position of the later frame in the window.
    pub at: usize,
    /// Standard deviations of the other transitions' votes above their mean.
    pub strength: f64,
    /// Difference relative to the largest of its neighbours, as a factor.
    pub factor: f64,
    /// The pictures before and after are of different shots.
    pub cut: bool,
}

/// All transitions that can be judged, in order.
pub(super) fn jumps(window: &Window) -> Vec<Jump> {
    let differences = window.block_means();
    let kept = kept_transitions(&differences);
    let blocks = window.records.get(1).map_or(0, |r| r.block_difference.len());
    if kept.len() < 2 * NEAR + 3 || blocks == 0 {
        return Vec::new();
    }
    // Repeated frames stand for no motion; the transition after them bridges the time of several,
    // so its difference is brought to one frame's.
    let usual = window.usual_step();
    let mut logs: Vec<Vec<f32>> = Vec::with_capacity(kept.len());
    let mut totals: Vec<f32> = Vec::with_capacity(kept.len());
    let mut last_time = window.records[0].pts_secs;
    for &t in &kept {
        let record = &window.records[t];
        let elapsed = ((record.pts_secs - last_time) / usual).clamp(1.0, 8.0) as f32;
        last_time = record.pts_secs;
        let scale = elapsed.powf(-0.8);
        logs.push(record.block_difference.iter().map(|d| (d * scale + NOISE).ln()).collect());
        totals.push((differences[t] * scale + NOISE).ln());
    }
    let judged = NEAR..kept.len() - NEAR;
    let vote = |i: usize| -> f32 {
        let mut sum = 0.0;
        for block in 0..blocks {
            let near = (i - NEAR..=i + NEAR).filter(|j| *j != i);
            let reference = near.filter_map(|j| logs[j].get(block)).fold(f32::MIN, |a, b| a.max(*b));
            let own = logs[i].get(block).copied().unwrap_or(reference);
            sum += (own - reference).clamp(-MOST_VOTE, MOST_VOTE);
        }
        sum / blocks as f32
    };
    let votes: Vec<f32> = judged.clone().map(vote).collect();
    let cut = |i: usize| window.records[kept[i]].alike < CUT_ALIKE;
    judged
        .enumerate()
        .map(|(v, i)| {
            let around = v.saturating_sub(AROUND)..(v + AROUND + 1).min(votes.len());
            // The strongest other one is left out too, so that a pair of splices does not hide each
            // other.
            let mut others: Vec<f32> = around.filter(|o| *o != v).map(|o| votes[o]).collect();
            others.sort_by(f32::total_cmp);
            others.pop();
            let count = others.len().max(1) as f32;
            let mean = others.iter().sum::<f32>() / count;
            let spread = (others.iter().map(|o| (o - mean).powi(2)).sum::<f32>() / count).sqrt();
            let neighbours = (i - NEAR..=i + NEAR).filter(|j| *j != i).map(|j| totals[j]).fold(f32::MIN, f32::max);
            Jump {
                at: kept[i],
                strength: f64::from((votes[v] - mean) / (spread + LEAST_SPREAD)),
                factor: f64::from((totals[i] - neighbours).exp()),
                cut: cut(i),
            }
        })
        .collect()
}

/// Positions of frames that are more than a repeat of the one before.
fn kept_transitions(differences: &[f32]) -> Vec<usize> {
    (1..differences.len())
        .filter(|&t| {
            let mut around: Vec<f32> = differences[t.saturating_sub(6).max(1)..(t + 7).min(differences.len())].to_vec();
            around.sort_by(f32::total_cmp);
            differences[t] > REPEAT_SHARE * around[around.len() / 2]
        })
        .collect()
}
