//! Map, boxes and the picture of votes.
use assay_evidence::{Legend, Picture, Where};
use image::{Rgb, RgbImage};

use super::Found;
use super::detect::{Excess, FINE, Foreign, votes_in_cells};
use super::votes::{NO_VOTE, Votes};
use crate::maps::Cells;
use crate::regions::{Window, box_blur};
use crate::{AnalyzerError, Sample, maps};

/// Most foreign regions listed.
const MOST_PLACES: usize = 5;

pub(super) fn legend() -> Legend {
    Legend { low: "no trace of another grid".into(), high: "trace of a grid of its own".into() }
}

/// The map of the more significant of the two region tests, with the other's added where both point
/// to the same grid. `None` when neither test had anything to say.
pub(super) fn combine(votes: &Votes, found: &Found) -> Option<Cells> {
    let by_votes = found.by_votes();
    let significance = found.significance();
    if !significance.is_finite() {
        return None;
    }
    let (columns, rows) = (votes.columns, votes.rows);
    let mut values = vec![0.0f32; columns * rows];
    let stronger = |f: &Foreign| found.excess.is_none_or(|e| f.significance >= e.significance || f.origin == e.origin);
    if let Some(e) =
        found.excess.filter(|e| by_votes.is_none_or(|(f, ..)| f.origin == e.origin || f.significance < e.significance))
    {
        values = ranked_high(votes, &e);
    }
    if let Some((f, missing)) = by_votes.filter(|(f, ..)| stronger(f)) {
        let b = f.region.bounds;
        let (count, fine_columns, _) = votes_in_cells(votes, f.origin);
        let per = votes.cell_side / FINE;
        let mut inside = vec![0.0f32; columns * rows];
        for (i, n) in count.iter().enumerate().filter(|(i, _)| holds(b, i % fine_columns, i / fine_columns)) {
            let cell = i / fine_columns / per * columns + i % fine_columns / per;
            let n = f32::from(*n);
            inside[cell] += if missing { 64.0 - n } else { n } / (64 * per * per) as f32;
        }
        for (v, x) in values.iter_mut().zip(box_blur(&inside, columns, rows, 1)) {
            *v = v.max(if missing { x } else { (2.5 * x).min(1.0) });
        }
    }
    // The map of a finding that chance explains is dark.
    let dim = if significance <= 0.0 { 0.0 } else { (1.0 / (1.0 + (1.0 - significance).exp())) as f32 };
    values.iter_mut().for_each(|v| *v *= dim);
    let reliability = box_blur(&votes.texture, columns, rows, 1);
    let covers = [0, 0, votes.width as u32, votes.height as u32];
    Some(Cells { columns, rows, covers, values, reliability: Some(reliability) })
}

fn holds(w: Window, x: usize, y: usize) -> bool {
    x >= w.x && y >= w.y && x < w.x + w.width && y < w.y + w.height
}

/// Probability of each cell to lie in the region: the places around it, against the means inside
/// and elsewhere.
fn ranked_high(votes: &Votes, e: &Excess) -> Vec<f32> {
    let (columns, rows) = (votes.columns, votes.rows);
    let cells = columns * rows;
    let around = |map: &[f32]| box_blur(&box_blur(map, columns, rows, 1), columns, rows, 1);
    let places = around(&votes.places[e.origin * cells..(e.origin + 1) * cells]);
    let ranked = around(&votes.ranked);
    let (high, low) = (e.inside as f32, (e.elsewhere as f32).clamp(0.45, e.inside as f32));
    // Normal log likelihood ratio with variance 1/12 over about nine cells, toned down because
    // neighbours are alike.
    places
        .iter()
        .zip(&ranked)
        .map(|(p, n)| 1.0 / (1.0 + (1.0 - 9.0 * 12.0 * (high - low) * (p - n * 0.5 * (high + low)) / 2.0).exp()))
        .collect()
}

pub(super) fn places(sample: &Sample, votes: &Votes, found: &Found) -> Vec<Where> {
    let (width, height) = (votes.width as u32, votes.height as u32);
    let place = |x: usize, y: usize, w: usize, h: usize, side: usize, label: String| {
        let (x, y) = ((x * side) as u32, (y * side) as u32);
        let size = |l: usize, start: u32, all: u32| ((l * side) as u32).min(all.saturating_sub(start));
        maps::region(sample, [x, y, size(w, x, width), size(h, y, height)], label)
    };
    let mut all: Vec<Where> = found
        .foreign
        .iter()
        .filter(|f| f.significance > 0.0)
        .take(MOST_PLACES)
        .map(|f| (f, format!("grid at ({}, {})", f.origin % 8, f.origin / 8)))
        .chain(found.missing.iter().map(|m| (m, "grid is missing".to_owned())).filter(|(f, _)| f.significance > 0.0))
        .map(|(f, label)| {
            place(f.region.bounds.x, f.region.bounds.y, f.region.bounds.width, f.region.bounds.height, FINE, label)
        })
        .collect();
    if let Some(e) = found.excess.filter(|e| e.significance > 0.0 && all.is_empty()) {
        let w = e.window;
        let label = format!("trace of a grid at ({}, {})", e.origin % 8, e.origin / 8);
        all.push(place(w.x, w.y, w.width, w.height, votes.cell_side, label));
    }
    all
}

/// One colour per origin: hue by column, brightness and saturation by row.
fn colour(origin: u8) -> [u8; 3] {
    if origin == NO_VOTE {
        return [0, 0, 0];
    }
    let (x, y) = (f32::from(origin % 8), f32::from(origin / 8));
    let value = 255.0 - 18.0 * y;
    let hue = (x * 6.0 / 8.0 + y * 0.09) % 6.0;
    let channel = |shift: f32| {
        let d = ((hue + shift) % 6.0 - 3.0).abs();
        let full = (d - 1.0).clamp(0.0, 1.0);
        (value * (0.25 + 0.75 * full)).round() as u8
    };
    [channel(0.0), channel(4.0), channel(2.0)]
}

pub(super) fn picture_of_votes(sample: &Sample, votes: &Votes) -> Result<Picture, AnalyzerError> {
    // Votes are names, not quantities: a large picture is thinned out, never averaged.
    let step = votes.width.max(votes.height).div_ceil(maps::MAX_PICTURE_SIDE as usize).max(1);
    let (width, height) = (votes.width.div_ceil(step), votes.height.div_ceil(step));
    let picture = RgbImage::from_fn(width as u32, height as u32, |x, y| {
        Rgb(colour(votes.votes[y as usize * step * votes.width + x as usize * step]))
    });
    maps::picture_over_input(
        sample,
        &picture,
        "Grid origin that each pixel votes for, one colour an origin; black casts no vote",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_distinct() {
        let mut all: Vec<[u8; 3]> = (0..=64).map(colour).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 65);
    }
}
