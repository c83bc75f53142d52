//! The whole search on one plane: candidates from the offset field and from the autocorrelation,
//! verified and ranked.
use assay_media::Plane;

use super::features::Features;
use super::filters::{box_mean, reduce};
use super::fitting::pieces;
use super::patch_match::patch_match;
use super::rival::{distant_rival, nearby_rival};
use super::spectrum::autocorrelation_peaks;
use super::transform::Similarity;
use super::verify::{Region, Residuals, regions};
use crate::drawn::Drawn;

/// Pixels of the plane on which candidates are searched.
const WORKING_PIXELS: usize = 1_500_000;
/// Longest side that is searched; larger pictures are reduced.
const LONGEST_SIDE: usize = 30_000;
/// Shortest side after reduction on which a copy could be told.
const LEAST_SIDE: usize = 20;

/// A verified pair of places.
#[derive(Debug, Clone)]
pub(super) struct Match {
    pub(super) region: Region,
    /// The best correlation that the same region reaches anywhere else.
    pub(super) rival: f64,
    pub(super) evidence: f64,
    /// Share of the region that is carried onto the region itself.
    folded: f64,
    /// Median difference of brightness between the two places, in grey levels.
    pub(super) difference: f64,
}

/// What the search found, in pixels of the working plane.
pub(super) struct Found {
    /// Pixels of the picture per working pixel.
    pub(super) factor: usize,
    pub(super) residuals: Residuals,
    /// Share of the working pixels with detail that can be judged.
    pub(super) textured_share: f64,
    /// The strongest first; no two of one place.
    pub(super) matches: Vec<Match>,
}

pub(super) fn search(luma: &Plane, floor: f32, seed: u64) -> Option<Found> {
    let factor = (((luma.width * luma.height) as f64 / WORKING_PIXELS as f64).sqrt().ceil() as usize).max(1);
    // Offsets are kept in 16 bits.
    let factor = factor.max(luma.width.max(luma.height).div_ceil(LONGEST_SIDE));
    if luma.width.min(luma.height) / factor < LEAST_SIDE {
        return None;
    }
    let working = if factor > 1 { reduce(luma, factor) } else { luma.clone() };
    let (width, height) = (working.width, working.height);
    let floor = floor / factor as f32;
    // Two equal letters are no copy.
    let drawn = Drawn::of(luma);
    let residuals = Residuals::of(&working, floor.max(0.7), |x, y| drawn.pixel(x * factor, y * factor));
    // Small pictures have few pixels to hit a small region by chance, so they get more sweeps.
    let (radius, sweeps) = if width * height < 250_000 { (6, 8) } else { (8, 6) };
    let features = Features::of(&working, radius)?;
    let exclusion = 16 + (width.min(height) / 64);
    let peaks = autocorrelation_peaks(&residuals.fine, width, height, exclusion, 24);
    let squares: Vec<f32> = residuals.fine.iter().map(|v| v * v).collect();
    let texture = box_mean(&squares, width, height, 4);
    let textured_share = squares.iter().map(|v| f64::from(*v)).sum::<f64>() / squares.len() as f64;
    let grid_texture: Vec<f32> = (0..features.width * features.height)
        .map(|i| texture[(i / features.width + radius) * width + i % features.width + radius])
        .collect();
    let field = patch_match(&features, exclusion, &peaks[..peaks.len().min(8)], sweeps, seed);
    let mut transforms: Vec<Similarity> = Vec::new();
    for piece in pieces(&field, &grid_texture, 40.0, 32) {
        let r = radius as f64;
        let t = piece.transform;
        let t = Similarity { tx: t.tx + r - (t.a * r - t.b * r), ty: t.ty + r - (t.b * r + t.a * r), ..t };
        let points: Vec<[f64; 2]> = piece.points.iter().map(|p| [p[0] + r, p[1] + r]).collect();
        let count = points.len() as f64;
        let middle = [0, 1].map(|k| points.iter().map(|p| p[k]).sum::<f64>() / count);
        let (u, v) = t.apply(middle[0], middle[1]);
        if (t.scale() - 1.0).abs() < 0.08 && t.rotation_deg().abs() < 5.0 {
            let centre = [(u - middle[0]).round() as i32, (v - middle[1]).round() as i32];
            let shifts =
                (-2..=2).flat_map(|dy| (-2..=2).map(move |dx| Similarity::shift([centre[0] + dx, centre[1] + dy])));
            let best = shifts.map(|s| (residuals.correlation(&points, &s), s)).max_by(|a, b| a.0.total_cmp(&b.0));
            transforms.extend(best.map(|b| b.1));
        }
        if (0.6..1.7).contains(&t.scale()) && ((t.scale() - 1.0).abs() > 0.01 || t.rotation_deg().abs() > 0.5) {
            transforms.push(refined(&residuals, &points, t));
        }
    }
    transforms.extend(peaks.iter().map(|peak| Similarity::shift(*peak)));
    let mut distinct: Vec<Similarity> = Vec::new();
    for t in transforms {
        if !distinct.contains(&t) {
            distinct.push(t);
        }
    }
    let mut matches: Vec<Match> = distinct
        .iter()
        .flat_map(|t| regions(&residuals, t, exclusion as f64, 60.0))
        .map(|region| {
            let points = sampled(&region, width);
            let rival = nearby_rival(&residuals, &region, &points);
            let difference = residuals.brightness_difference(&points, &region.transform);
            let folded = folded(&region, &points, width);
            Match { evidence: evidence(&region, rival, difference, folded), region, rival, difference, folded }
        })
        .collect();
    matches.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
    let mut kept: Vec<Match> = Vec::new();
    for mut m in matches {
        if kept.len() >= 8 {
            break;
        }
        if !kept.iter().any(|o| overlap(&m.region, &o.region, width)) {
            m.rival = m.rival.max(distant_rival(&residuals, &m.region, exclusion));
            m.evidence = evidence(&m.region, m.rival, m.difference, m.folded);
            kept.push(m);
        }
    }
    kept.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
    Some(Found { factor, textured_share, residuals, matches: kept })
}

pub(super) fn sampled(region: &Region, width: usize) -> Vec<[f64; 2]> {
    let stride = region.pixels.len().div_ceil(1500);
    region.pixels.iter().step_by(stride).map(|p| [(*p as usize % width) as f64, (*p as usize / width) as f64]).collect()
}

/// Whether a good part of one region, or of the place it is carried to, lies in another.
fn overlap(region: &Region, other: &Region, width: usize) -> bool {
    let points = sampled(region, width);
    let inside = |x: f64, y: f64| {
        x >= 0.0
            && y >= 0.0
            && other.pixels.binary_search(&((y.round() as usize * width) as u32 + x.round() as u32)).is_ok()
    };
    let here = points.iter().filter(|p| inside(p[0], p[1])).count();
    let there = points
        .iter()
        .filter(|p| {
            let (u, v) = region.transform.apply(p[0], p[1]);
            inside(u, v)
        })
        .count();
    4 * here.max(there) > points.len()
}

/// Climbs to the best correlation over the points, by turns in shift, turn and size about their
/// middle.
fn refined(residuals: &Residuals, points: &[[f64; 2]], start: Similarity) -> Similarity {
    let count = points.len() as f64;
    let middle = [0, 1].map(|k| points.iter().map(|p| p[k]).sum::<f64>() / count);
    let varied = |t: &Similarity, step: [f64; 4]| {
        let (u, v) = t.apply(middle[0], middle[1]);
        let (sin, cos) = step[2].sin_cos();
        let factor = 1.0 + step[3];
        let (a, b) = (factor * (t.a * cos - t.b * sin), factor * (t.a * sin + t.b * cos));
        let (u, v) = (u + step[0], v + step[1]);
        Similarity { a, b, tx: u - (a * middle[0] - b * middle[1]), ty: v - (b * middle[0] + a * middle[1]) }
    };
    let (mut best, mut value) = (start, residuals.correlation(points, &start));
    let mut size = [1.5, 1.5, 0.05, 0.05];
    for _ in 0..4 {
        for _ in 0..3 {
            let before = value;
            for axis in 0..4 {
                for sign in [-1.0, 1.0] {
                    let mut step = [0.0; 4];
                    step[axis] = sign * size[axis];
                    let t = varied(&best, step);
                    let v = residuals.correlation(points, &t);
                    if v > value {
                        (best, value) = (t, v);
                    }
                }
            }
            if value == before {
                break;
            }
        }
        size = size.map(|s| s / 2.0);
    }
    best
}

/// The natural logarithm of the odds that a match is a copy, fitted by logistic regression on
/// planted copies and their untouched twins. It grows with the amount of detail that agrees, with
/// how well it agrees, with how much better than anywhere else, and with how equal the brightness
/// is.
fn evidence(region: &Region, rival: f64, difference: f64, folded: f64) -> f64 {
    let z = |r: f64| r.clamp(0.15, 0.99).atanh();
    let fitted = 0.46 + 0.5 * (region.textured / 60.0).ln() + 1.85 * z(region.correlation)
        - 1.6 * z(rival)
        - 2.0 * (difference + 0.3).ln();
    // Patterns that repeat are rare among the fitted pictures, so what gives them away is taken off
    // by hand.
    fitted - 10.0 * folded - 5.0 * (0.3 - z(region.correlation) + z(rival)).max(0.0)
}

/// The share of the region that is carried onto the region itself. A pasted part does not lie on
/// its original; a pattern goes on and on.
fn folded(region: &Region, points: &[[f64; 2]], width: usize) -> f64 {
    let onto = points.iter().filter(|p| {
        let (u, v) = region.transform.apply(p[0], p[1]);
        let (u, v) = (u.round(), v.round());
        let inside = u >= 0.0 && v >= 0.0 && u < width as f64;
        inside && region.pixels.binary_search(&((v as usize * width + u as usize) as u32)).is_ok()
    });
    onto.count() as f64 / points.len().max(1) as f64
}
