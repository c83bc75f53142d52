//! Numbers of each frame of the dense pass over a video: how bright, how sharp, how different from
//! the frame before, how moved.
//!
//! The decision that shapes it: everything that looks at time reads one small record a frame (about
//! 2 KB, whatever the frame's size), made in one streaming pass over the luma plane with byte
//! arithmetic on whole rows; no frame is kept but the last. Long clips are looked at in evenly
//! spread windows of together [`DENSE_SECS`], so cost and memory have a bound, and
//! [`FrameStatistics::looked_at_secs`] says what share that is. It judges nothing.
use assay_evidence::Span;
use assay_media::{Frame, FramePlan, FrameReader, FrameSamples, MediaError};

use super::Sample;
use super::motion::Motion;
use super::pass::{Clip, Pass, Reading};
use crate::{AnalyzerError, Need};

/// Seconds of a clip that are looked at in all.
pub const DENSE_SECS: f64 = 60.0;
/// Windows into which they are split for longer clips.
const WINDOWS: u32 = 10;
/// Frames beyond this in one pass are not recorded; 60 s at 240 frames a second.
const MAX_FRAMES: usize = 14_400;
/// Cells on the longer side of a frame.
pub(super) const CELLS: usize = 64;
/// Rows in which fine detail is measured.
const DETAIL_ROWS: usize = 128;
/// Side of the blocks of [`FrameRecord::unchanged`], in pixels.
const STILL: usize = 16;
/// Side of the blocks of [`FrameRecord::block_difference`], in cells.
const BLOCK: usize = 4;
/// Side of one sample of [`FrameRecord::signature`], in cells.
const COARSE: usize = 2;

/// One frame. Luma is in the grey levels that the codec stores.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameRecord {
    /// Presentation index in the stream.
    pub index: u64,
    /// Presentation time in seconds.
    pub pts_secs: f64,
    /// Its packet is marked as a key frame.
    pub key: bool,
    /// The frame before it in the stream was seen too, so that the differences mean something.
    pub follows: bool,
    /// Mean luma.
    pub mean: f32,
    /// Standard deviation of luma over the cells.
    pub spread: f32,
    /// Mean absolute difference to the frame before, over all pixels.
    pub difference: f32,
    /// Share 0..=1 of 16x16 blocks that equal those of the frame before in every pixel.
    pub unchanged: f32,
    /// Mean absolute second difference along rows: fine detail and noise.
    pub detail: f32,
    /// Excess of the luma steps across the 8-pixel grid over those beside it, relative; 0 without
    /// blocking.
    pub blockiness: f32,
    /// Movement of the whole picture against the frame before, `[x, y]` in pixels.
    pub shift: [f32; 2],
    /// Correlation -1..=1 of the cells with those of the frame before, shifted by the movement.
    pub alike: f32,
    /// Mean absolute difference of the cells after that shift.
    pub residual: f32,
    /// Mean absolute difference of the cells to the frame before, block by block, row-major; empty
    /// unless `follows`.
    pub block_difference: Vec<f32>,
    /// The picture in very few samples, in 1/128 grey level.
    pub signature: Vec<u16>,
}

/// The records of a video.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrameStatistics {
    /// In presentation order.
    pub records: Vec<FrameRecord>,
    /// The stretches that were looked at.
    pub windows: Vec<Span>,
    /// Seconds that they cover.
    pub looked_at_secs: f64,
    /// Seconds of the whole clip.
    pub duration_secs: f64,
}

/// The stretches to look at in a clip with these presentation times.
pub(super) fn windows(times_secs: &[f64]) -> (Vec<Span>, f64) {
    let (Some(&first), Some(&last)) = (times_secs.first(), times_secs.last()) else { return (Vec::new(), 0.0) };
    let step = if times_secs.len() > 1 { (last - first) / (times_secs.len() - 1) as f64 } else { 0.0 };
    let duration = last - first + step;
    if duration <= DENSE_SECS {
        return (vec![Span { start_secs: first, end_secs: last }], duration);
    }
    let share = duration / f64::from(WINDOWS);
    let length = DENSE_SECS / f64::from(WINDOWS);
    let window = |i: u32| {
        let start_secs = first + share * f64::from(i) + (share - length) / 2.0;
        Span { start_secs, end_secs: start_secs + length }
    };
    ((0..WINDOWS).map(window).collect(), duration)
}

/// Makes the records.
pub(super) struct Statistics;

impl Reading for Statistics {
    type Reader<'a> = StatisticsReader;
    type Output = FrameStatistics;

    fn begin<'a>(clip: &Clip<'a>) -> Option<Self::Reader<'a>> {
        Some(StatisticsReader::new(clip.times_secs))
    }

    fn end(reader: Self::Reader<'_>) -> Self::Output {
        reader.into_statistics()
    }
}

impl<'a> Sample<'a> {
    /// The numbers of each frame of the dense pass.
    ///
    /// # Errors
    /// [`AnalyzerError`] when undeclared or unreadable.
    pub fn frame_statistics(&self) -> Result<&'a FrameStatistics, AnalyzerError> {
        const WHAT: &str = "frame statistics";
        self.declared(WHAT, |n| matches!(n, Need::FrameStatistics))?;
        let read = self.artefacts.get::<Pass>()?.readings.statistics.as_ref();
        read.ok_or_else(|| AnalyzerError::Unreadable(format!("the pass gave no {WHAT}")))
    }
}

/// Makes the records during the decode pass.
pub(super) struct StatisticsReader {
    plan: Vec<Span>,
    duration_secs: f64,
    records: Vec<FrameRecord>,
    before: Before,
    scratch: Scratch,
    motion: Motion,
}

/// What is kept of the frame before.
#[derive(Default)]
struct Before {
    index: Option<u64>,
    size: (usize, usize),
    luma: Vec<u8>,
    cells: Vec<f32>,
}

#[derive(Default)]
struct Scratch {
    sums: Vec<u16>,
    steps: Vec<u16>,
}

impl StatisticsReader {
    /// For a clip with these presentation times, ascending.
    pub(super) fn new(times_secs: &[f64]) -> Self {
        let (plan, duration_secs) = windows(times_secs);
        Self {
            plan,
            duration_secs,
            records: Vec::new(),
            before: Before::default(),
            scratch: Scratch::default(),
            motion: Motion::new(),
        }
    }

    pub(super) fn into_statistics(self) -> FrameStatistics {
        let whole = self.plan.len() <= 1;
        let covered: f64 = self.plan.iter().map(|w| w.end_secs - w.start_secs).sum();
        FrameStatistics {
            looked_at_secs: if whole { self.duration_secs } else { covered },
            records: self.records,
            windows: self.plan,
            duration_secs: self.duration_secs,
        }
    }

    fn record(&mut self, index: u64, pts_secs: f64, key: bool, luma: &[u8], size: (usize, usize)) {
        let (width, height) = size;
        let luma = luma.get(..width * height).unwrap_or_default();
        if luma.is_empty() || self.records.len() >= MAX_FRAMES {
            return;
        }
        let side = width.max(height).div_ceil(CELLS).max(1);
        let (columns, rows) = ((width / side).max(1), (height / side).max(1));
        let cells = cells(luma, width, height, side, &mut self.scratch.sums);
        let follows = self.before.size == size && self.before.index.is_some_and(|before| before + 1 == index);
        let (difference, unchanged) =
            if follows { difference(luma, &self.before.luma, width, &mut self.scratch.sums) } else { (0.0, 0.0) };
        let (detail, blockiness) = texture(luma, width, height, &mut self.scratch.steps);
        let moved = self.motion.next(&cells, columns, rows, follows.then_some(self.before.cells.as_slice()));
        let mean = cells.iter().sum::<f32>() / cells.len() as f32;
        let variance = cells.iter().map(|c| (c - mean) * (c - mean)).sum::<f32>() / cells.len() as f32;
        let block_difference =
            if follows { block_differences(&cells, &self.before.cells, columns, rows) } else { Vec::new() };
        self.records.push(FrameRecord {
            index,
            pts_secs,
            key,
            follows,
            mean,
            spread: variance.sqrt(),
            difference,
            unchanged,
            detail,
            blockiness,
            shift: [moved.shift[0] * side as f32, moved.shift[1] * side as f32],
            alike: moved.alike,
            residual: moved.residual,
            block_difference,
            signature: pool(&cells, columns, rows, COARSE).iter().map(|v| (v * 128.0).round() as u16).collect(),
        });
        self.before.index = Some(index);
        self.before.size = size;
        self.before.cells = cells;
        self.before.luma.clear();
        self.before.luma.extend_from_slice(luma);
    }
}

impl FrameReader for StatisticsReader {
    fn plan(&self) -> FramePlan {
        if self.plan.len() <= 1 { FramePlan::All } else { FramePlan::Windows(self.plan.clone()) }
    }

    fn samples(&self) -> FrameSamples {
        FrameSamples::Luma
    }

    fn read(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let size = (frame.width as usize, frame.height as usize);
        self.record(frame.index, frame.pts_secs, frame.key, frame.luma(), size);
        Ok(())
    }
}

/// Mean luma of square cells, row-major; the last partial cells are left out unless the frame is
/// narrower than one.
fn cells(luma: &[u8], width: usize, height: usize, side: usize, sums: &mut Vec<u16>) -> Vec<f32> {
    let (columns, rows) = ((width / side).max(1), (height / side).max(1));
    // 16 bits hold 257 rows of 8-bit samples; taller cells are sampled.
    let step = side.div_ceil(256);
    let mut out = Vec::with_capacity(columns * rows);
    for band in luma.chunks(width * side).take(rows) {
        sums.clear();
        sums.resize(width, 0);
        let mut taken = 0u32;
        for row in band.chunks_exact(width).step_by(step) {
            taken += 1;
            for (sum, &sample) in sums.iter_mut().zip(row) {
                *sum += u16::from(sample);
            }
        }
        let scale = 1.0 / (taken.max(1) as f32 * side.min(width) as f32);
        let columns_of = sums.chunks(side).take(columns);
        out.extend(columns_of.map(|cell| cell.iter().map(|&s| u32::from(s)).sum::<u32>() as f32 * scale));
    }
    out
}

/// Mean absolute difference of two planes and the share of 16x16 blocks without any.
fn difference(luma: &[u8], before: &[u8], width: usize, sums: &mut Vec<u16>) -> (f32, f32) {
    let (mut total, mut still, mut blocks) = (0u64, 0u32, 0u32);
    for (band, old) in luma.chunks(width * STILL).zip(before.chunks(width * STILL)) {
        sums.clear();
        sums.resize(width, 0);
        for (row, old_row) in band.chunks_exact(width).zip(old.chunks_exact(width)) {
            for ((sum, &a), &b) in sums.iter_mut().zip(row).zip(old_row) {
                *sum += u16::from(a.abs_diff(b));
            }
        }
        for block in sums.chunks(STILL) {
            let sum: u32 = block.iter().map(|&s| u32::from(s)).sum();
            total += u64::from(sum);
            still += u32::from(sum == 0);
            blocks += 1;
        }
    }
    (total as f32 / luma.len().max(1) as f32, still as f32 / blocks.max(1) as f32)
}

/// Mean absolute second difference along sampled rows, and the excess of steps across the 8-pixel
/// grid.
fn texture(luma: &[u8], width: usize, height: usize, steps: &mut Vec<u16>) -> (f32, f32) {
    if width < 16 {
        return (0.0, 0.0);
    }
    let stride = height.div_ceil(DETAIL_ROWS).max(1);
    steps.clear();
    steps.resize(width - 1, 0);
    let (mut curvature, mut rows) = (0u64, 0u32);
    for row in luma.chunks_exact(width).step_by(stride) {
        rows += 1;
        for (step, pair) in steps.iter_mut().zip(row.array_windows::<2>()) {
            *step += u16::from(pair[0].abs_diff(pair[1]));
        }
        let bent: u32 = row
            .array_windows::<3>()
            .map(|w| u32::from((2 * i16::from(w[1]) - i16::from(w[0]) - i16::from(w[2])).unsigned_abs()))
            .sum();
        curvature += u64::from(bent);
    }
    let (mut on, mut on_count, mut off, mut off_count) = (0u64, 0u32, 0u64, 0u32);
    for (x, &step) in steps.iter().enumerate() {
        match x % 8 {
            7 => (on, on_count) = (on + u64::from(step), on_count + 1),
            // The neighbours are smoothed by the deblocking filter; the middle of the block is not.
            2..=4 => (off, off_count) = (off + u64::from(step), off_count + 1),
            _ => {}
        }
    }
    let on = on as f32 / on_count.max(1) as f32;
    let off = off as f32 / off_count.max(1) as f32;
    let detail = curvature as f32 / (rows.max(1) as f32 * (width - 2) as f32);
    (detail, if off > 0.0 { on / off - 1.0 } else { 0.0 })
}

fn block_differences(cells: &[f32], before: &[f32], columns: usize, rows: usize) -> Vec<f32> {
    let apart: Vec<f32> = cells.iter().zip(before).map(|(a, b)| (a - b).abs()).collect();
    pool(&apart, columns, rows, BLOCK)
}

/// Means over `side` x `side` samples, row-major; partial ones at the ends are left out unless
/// there is nothing else.
fn pool(values: &[f32], columns: usize, rows: usize, side: usize) -> Vec<f32> {
    let (across, down) = ((columns / side).max(1), (rows / side).max(1));
    let mut out = vec![0.0; across * down];
    for (y, row) in values.chunks_exact(columns).take(down * side).enumerate() {
        let Some(line) = out.get_mut((y / side).min(down - 1) * across..) else { continue };
        for (slot, part) in line.iter_mut().take(across).zip(row.chunks(side)) {
            *slot += part.iter().sum::<f32>();
        }
    }
    let area = (side.min(columns) * side.min(rows)) as f32;
    out.iter_mut().for_each(|v| *v /= area);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(frames: &[(u64, Vec<u8>)], width: usize, height: usize) -> Vec<FrameRecord> {
        let times: Vec<f64> = (0..10).map(f64::from).collect();
        let mut reader = StatisticsReader::new(&times);
        for (index, luma) in frames {
            reader.record(*index, *index as f64 / 25.0, *index == 0, luma, (width, height));
        }
        reader.records
    }

    fn texture_plane(width: usize, height: usize, shift: usize) -> Vec<u8> {
        let value = |x: usize, y: usize| {
            let (x, y) = ((x + 1000 - shift) as f32, y as f32);
            (128.0 + 50.0 * (x * 0.031).sin() * (y * 0.045).cos() + 30.0 * (x * 0.011 + y * 0.017).sin()) as u8
        };
        (0..height).flat_map(|y| (0..width).map(move |x| value(x, y))).collect()
    }

    #[test]
    fn equal_frames_differ_by_nothing() {
        let plane = texture_plane(320, 200, 0);
        let records = reader(&[(0, plane.clone()), (1, plane.clone()), (3, plane)], 320, 200);
        assert!(!records[0].follows && records[1].follows && !records[2].follows);
        assert_eq!((records[1].difference, records[1].unchanged, records[1].residual), (0.0, 1.0, 0.0));
        assert!(records[1].block_difference.iter().all(|d| *d == 0.0));
        assert!(records[1].alike > 0.999);
    }

    #[test]
    fn a_shift_is_found_and_compensated() {
        let (width, height) = (640, 360);
        let records =
            reader(&[(0, texture_plane(width, height, 0)), (1, texture_plane(width, height, 30))], width, height);
        let [x, y] = records[1].shift;
        assert!((x - 30.0).abs() < 5.0 && y.abs() < 5.0, "{x} {y}");
        let uncompensated: f32 =
            records[1].block_difference.iter().sum::<f32>() / records[1].block_difference.len() as f32;
        assert!(records[1].residual < uncompensated / 3.0, "{} {uncompensated}", records[1].residual);
    }

    #[test]
    fn means_and_blocking_are_those_of_the_plane() {
        // Steps of 20 grey levels every 8 pixels, flat between.
        let plane: Vec<u8> = (0..64).flat_map(|_| (0..128).map(|x| if x / 8 % 2 == 0 { 100 } else { 120 })).collect();
        let dotted: Vec<u8> =
            (0..64).flat_map(|_| (0..128).map(|x| if x / 8 % 2 == 0 { 100 + (x % 2) as u8 } else { 120 })).collect();
        let records = reader(&[(0, plane), (1, dotted)], 128, 64);
        assert!((records[0].mean - 110.0).abs() < 1e-3);
        assert!(records[1].blockiness > 10.0);
        assert!((records[0].signature[0] as f32 / 128.0 - 100.0).abs() < 1.0);
    }

    #[test]
    fn long_clips_are_looked_at_in_windows() {
        let times: Vec<f64> = (0..36_000).map(|i| f64::from(i) / 10.0).collect();
        let (plan, duration) = windows(&times);
        let covered: f64 = plan.iter().map(|w| w.end_secs - w.start_secs).sum();
        assert!((covered - DENSE_SECS).abs() < 1e-6 && (duration - 3600.0).abs() < 1.0);
        assert!(plan.windows(2).all(|w| w[0].end_secs < w[1].start_secs) && plan[9].end_secs < 3600.0);
        assert_eq!(windows(&times[..100]).0.len(), 1);
        assert_eq!(windows(&[]).0.len(), 0);
    }

    #[test]
    fn tiny_frames_are_fine() {
        for (width, height) in [(1, 1), (2, 700), (700, 1), (15, 15)] {
            let records = reader(&[(0, vec![9; width * height]), (1, vec![9; width * height])], width, height);
            assert_eq!(records.len(), 2);
            assert!(records[1].mean == 9.0 && records[1].alike.is_finite(), "{width}x{height}: {:?}", records[1]);
        }
    }
}
