//! From the agreeing pixels to the two whole places, and a guess which of them was pasted.
//!
//! Correlation marks only textured pixels, less a margin; the places are grown over the flat parts
//! where brightness agrees. A pasted place has a seam: its border cuts through content that does
//! not belong together, while the original runs on undisturbed.
use crate::regions::sides;
use super::filters::box_mean;
use super::search::{Found, Match};
use super::transform::Similarity;

/// The two places of a match as sorted working pixels, and how much stronger the seam is around the
/// second.
pub(super) struct Places {
    /// Where the match starts.
    pub(super) first: Vec<u32>,
    /// Where it leads.
    pub(super) second: Vec<u32>,
    /// Natural logarithm of the seam's strength around the second place over that around the first;
    /// positive: the second was pasted.
    pub(super) seam: f64,
}

impl Places {
    /// The likelier original and the likelier copy.
    pub(super) fn ordered(&self) -> (&[u32], &[u32]) {
        if self.seam >= 0.0 { (&self.first, &self.second) } else { (&self.second, &self.first) }
    }
}

/// A working-resolution mask that remembers its size.
struct Mask {
    width: usize,
    height: usize,
    inside: Vec<f32>,
}

impl Mask {
    fn of(pixels: &[u32], width: usize, height: usize) -> Self {
        let mut inside = vec![0.0f32; width * height];
        pixels.iter().filter_map(|p| inside.get_mut(*p as usize).map(|v| *v = 1.0)).for_each(drop);
        Self { width, height, inside }
    }

    /// Pixels with any of the mask within `radius` (a square).
    fn dilated(&self, radius: usize) -> Self {
        let shares = box_mean(&self.inside, self.width, self.height, radius);
        Self { inside: shares.iter().map(|s| if *s > 1e-6 { 1.0 } else { 0.0 }).collect(), ..*self }
    }

    /// Pixels whose whole square lies in the mask.
    fn eroded(&self, radius: usize) -> Self {
        let shares = box_mean(&self.inside, self.width, self.height, radius);
        Self { inside: shares.iter().map(|s| if *s > 1.0 - 1e-5 { 1.0 } else { 0.0 }).collect(), ..*self }
    }

    fn pixels(&self) -> Vec<u32> {
        (0..self.inside.len() as u32).filter(|i| self.inside[*i as usize] > 0.0).collect()
    }
}

/// The whole places of a match.
pub(super) fn places(found: &Found, matched: &Match) -> Places {
    let residuals = &found.residuals;
    let (width, height) = (residuals.width, residuals.height);
    let transform = &matched.region.transform;
    let seeds = Mask::of(&matched.region.pixels, width, height);
    let reach = ((matched.region.pixels.len() as f64).sqrt() * 0.3).max(6.0) as usize;
    let near = seeds.dilated(reach);
    let mut differences = vec![255.0f32; width * height];
    for (i, difference) in differences.iter_mut().enumerate().filter(|(i, _)| near.inside[*i] > 0.0) {
        let (x, y) = ((i % width) as f64, (i / width) as f64);
        if let Some(there) = residuals.smooth_at(transform, x, y) {
            *difference = (there - residuals.smooth[i]).abs().min(40.0);
        }
    }
    let averaged = box_mean(&differences, width, height, 2);
    let tolerance = (2.5 * matched.difference as f32).clamp(2.0, 8.0);
    let agrees = |i: usize| near.inside[i] > 0.0 && (seeds.inside[i] > 0.0 || averaged[i] < tolerance);
    let mut grown = Mask { width, height, inside: vec![0.0; width * height] };
    let mut stack = matched.region.pixels.clone();
    while let Some(at) = stack.pop() {
        let at = at as usize;
        if grown.inside[at] > 0.0 {
            continue;
        }
        grown.inside[at] = 1.0;
        stack.extend(sides(at, width, height).filter(|n| grown.inside[*n] == 0.0 && agrees(*n)).map(|n| n as u32));
    }
    // Closing fills the holes, opening takes off threads into the surroundings.
    let whole = grown.dilated(4).eroded(4).eroded(2).dilated(2);
    let mut first = whole.pixels();
    if first.is_empty() {
        first.clone_from(&matched.region.pixels);
    }
    let second = carried(&first, transform, width, height);
    let [here, there] = [&first, &second].map(|pixels| seam(&residuals.brightness, &Mask::of(pixels, width, height)));
    Places { first, second, seam: ((there + 0.5) / (here + 0.5)).ln() }
}

/// The pixels that the transform fills from `pixels`: every target pixel whose origin is one of
/// them.
fn carried(pixels: &[u32], transform: &Similarity, width: usize, height: usize) -> Vec<u32> {
    let back = transform.inverse();
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for p in pixels {
        let (u, v) = transform.apply((*p as usize % width) as f64, (*p as usize / width) as f64);
        low = [low[0].min(u), low[1].min(v)];
        high = [high[0].max(u), high[1].max(v)];
    }
    let span =
        |k: usize, n: usize| (low[k].floor().max(0.0) as usize)..((high[k].ceil() + 1.0).clamp(0.0, n as f64) as usize);
    let mut out = Vec::new();
    for y in span(1, height) {
        for x in span(0, width) {
            let (u, v) = back.apply(x as f64, y as f64);
            let (u, v) = (u.round(), v.round());
            if u >= 0.0 && v >= 0.0 && u < width as f64 && v < height as f64 {
                let origin = (v as usize * width + u as usize) as u32;
                if pixels.binary_search(&origin).is_ok() {
                    out.push((y * width + x) as u32);
                }
            }
        }
    }
    out
}

/// Mean contrast across the border of the mask: between the ring outside and the ring inside,
/// neighbour by neighbour.
fn seam(brightness: &[f32], mask: &Mask) -> f64 {
    let (outer, inner) = (mask.dilated(3), mask.eroded(3));
    let (width, height) = (mask.width, mask.height);
    let (mut sum, mut count) = (0.0f64, 0.0f64);
    for y in 3..height.saturating_sub(3) {
        for x in 3..width.saturating_sub(3) {
            let i = y * width + x;
            if outer.inside[i] > 0.0 && inner.inside[i] == 0.0 {
                let across = brightness[i + 2] - brightness[i - 2];
                let down = brightness[i + 2 * width] - brightness[i - 2 * width];
                sum += f64::from(across.hypot(down));
                count += 1.0;
            }
        }
    }
    if count > 0.0 { sum / count } else { 0.0 }
}
