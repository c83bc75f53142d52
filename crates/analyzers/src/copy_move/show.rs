//! What the report says and draws of the matches.
use assay_evidence::{Evidence, Legend, Role};
use image::{Rgb, RgbImage};

use super::places::{Places, places};
use super::search::{Found, Match};
use crate::maps::{self, Cells};
use crate::{AnalyzerError, Sample};

/// Log odds from which a match is pointed out in words; untouched photos seldom reach it.
const NOTABLE: f64 = 2.0;
/// The score of a picture in which nothing matches, and the lowest score.
const NOTHING: f64 = -6.0;
/// Share of the pasted place's heat that the other place gets.
const ORIGINAL_HEAT: f32 = 0.45;
/// Most cells along a side of the heat map.
const MOST_CELLS: usize = 320;
/// Colours of the matches in the drawn picture.
const COLOURS: [[u8; 3]; 4] = [[255, 60, 40], [60, 190, 255], [255, 210, 0], [120, 255, 90]];
/// Lines between the two places of one match.
const LINES: usize = 12;

pub(super) fn evidence(sample: &Sample, found: &Found) -> Result<Evidence, AnalyzerError> {
    let best = found.matches.first();
    let score = best.map_or(NOTHING, |m| m.evidence.max(NOTHING));
    let notable: Vec<(&Match, Places)> = found
        .matches
        .iter()
        .filter(|m| m.evidence >= NOTABLE)
        .take(COLOURS.len())
        .map(|m| (m, places(found, m)))
        .collect();
    let reliability = (found.textured_share / 0.25).min(1.0);
    let mut evidence = Evidence::new(Role::Scored, reliability, explanation(&notable, found.textured_share))
        .with_score(score, "log odds (natural) that the best verified match of two places is a copy");
    if let Some(m) = best {
        evidence.measure(
            "detail that agrees in the best match",
            m.region.textured * (found.factor * found.factor) as f64,
            "pixels",
        );
        evidence.measure("correlation of the fine detail", m.region.correlation, "");
        evidence.measure("best correlation with any other place", m.rival, "");
        evidence.measure("difference of brightness", m.difference, "grey levels");
    }
    evidence.measure("share of the picture with detail to compare", found.textured_share, "");
    for (k, (m, p)) in notable.iter().enumerate() {
        let factor = found.factor as f64;
        let t = m.region.transform.enlarged(factor);
        let (x, y) = (factor * m.region.middle[0], factor * m.region.middle[1]);
        let (u, v) = t.apply(x, y);
        evidence.measure(format!("match {}: shift across", k + 1), (u - x).round(), "pixels");
        evidence.measure(format!("match {}: shift down", k + 1), (v - y).round(), "pixels");
        evidence.measure(format!("match {}: scale", k + 1), (t.scale() * 1e3).round() / 1e3, "");
        evidence.measure(format!("match {}: turn", k + 1), (t.rotation_deg() * 10.0).round() / 10.0, "degrees");
        let (original, pasted) = p.ordered();
        let name = (b'A' + k as u8) as char;
        for (pixels, what) in [(pasted, "likelier the copy"), (original, "likelier the original")] {
            if let Some(coded) = bounds(pixels, found, sample.coded_size()) {
                evidence.places.push(maps::region(sample, coded, format!("match {name}: {what}")));
            }
        }
    }
    evidence.heatmap = Some(heatmap(sample, found)?);
    if !notable.is_empty() {
        let drawn = draw(sample.picture()?, found, &notable);
        let caption = "Matched places in outline, with lines from points to their doubles";
        evidence.pictures.push(maps::picture_over_input(sample, &drawn, caption)?);
    }
    Ok(evidence)
}

fn explanation(notable: &[(&Match, Places)], textured_share: f64) -> String {
    let blind = if textured_share < 0.1 { " Much of the picture is too smooth to be compared." } else { "" };
    match notable.first() {
        None => format!(
            "No two places of the picture agree in their fine detail in a way that only a copy explains.{blind}"
        ),
        Some((m, _)) => {
            let t = &m.region.transform;
            let how = if (t.scale() - 1.0).abs() < 0.02 && t.rotation_deg().abs() < 1.0 {
                String::new()
            } else {
                format!(", after a turn of {:.0} degrees and a change of size by {:.2}", t.rotation_deg(), t.scale())
            };
            let count =
                if notable.len() == 1 { "Two places".to_owned() } else { format!("{} pairs of places", notable.len()) };
            format!(
                "{count} of the picture agree in fine detail and in brightness{how}, and in that way with no other place. \
                 That is what a part copied within the picture looks like; printed or rendered repeats can look so too.{blind}"
            )
        }
    }
}

/// Bounding box of working pixels, in pixels of the coded picture.
fn bounds(pixels: &[u32], found: &Found, (width, height): (u32, u32)) -> Option<[u32; 4]> {
    let (wide, factor) = (found.residuals.width as u32, found.factor as u32);
    let x0 = pixels.iter().map(|p| p % wide).min()? * factor;
    let x1 = ((pixels.iter().map(|p| p % wide).max()? + 1) * factor).min(width);
    let y0 = pixels.first()? / wide * factor;
    let y1 = ((pixels.last()? / wide + 1) * factor).min(height);
    Some([x0, y0, x1.saturating_sub(x0), y1.saturating_sub(y0)])
}

fn heatmap(sample: &Sample, found: &Found) -> Result<assay_evidence::Heatmap, AnalyzerError> {
    let (width, height) = (found.residuals.width, found.residuals.height);
    let cell = width.max(height).div_ceil(MOST_CELLS);
    let (columns, rows) = (width.div_ceil(cell), height.div_ceil(cell));
    let mut sums = vec![0.0f32; columns * rows];
    let mut counts = vec![0.0f32; columns * rows];
    let mut texture = vec![0.0f32; columns * rows];
    let mut heat = vec![0.0f32; width * height];
    for m in &found.matches {
        let odds = (m.evidence - 1.0).exp();
        let strength = (odds / (1.0 + odds)) as f32;
        if strength < 0.01 {
            continue;
        }
        let p = places(found, m);
        let (original, pasted) = p.ordered();
        for (pixels, part) in [(original, ORIGINAL_HEAT), (pasted, 1.0)] {
            for i in pixels {
                let h = &mut heat[*i as usize];
                *h = h.max(strength * part);
            }
        }
    }
    for i in 0..width * height {
        let c = i / width / cell * columns + i % width / cell;
        sums[c] += heat[i];
        counts[c] += 1.0;
        texture[c] += found.residuals.fine[i] * found.residuals.fine[i];
    }
    let cells = Cells {
        columns,
        rows,
        covers: [0, 0, sample.coded_size().0, sample.coded_size().1],
        values: sums.iter().zip(&counts).map(|(s, n)| s / n.max(1.0)).collect(),
        reliability: Some(texture.iter().zip(&counts).map(|(t, n)| (2.0 * t / n.max(1.0)).min(1.0)).collect()),
    };
    let legend = Legend {
        low: "matches no other place".into(),
        high: "equals another place (brightest: likelier the copy)".into(),
    };
    maps::heatmap(sample, &cells, legend)
}

fn draw(picture: &RgbImage, found: &Found, notable: &[(&Match, Places)]) -> RgbImage {
    let factor = found.factor as u32;
    let (wide, high) = (found.residuals.width, found.residuals.height);
    let thick = (picture.width().max(picture.height()) / 500).max(1);
    let mut drawn = picture.clone();
    let mut dot = |x: i64, y: i64, colour: [u8; 3]| {
        for v in y..y + i64::from(thick) {
            for u in x..x + i64::from(thick) {
                if let (Ok(u), Ok(v)) = (u32::try_from(u), u32::try_from(v))
                    && u < picture.width()
                    && v < picture.height()
                {
                    drawn.put_pixel(u, v, Rgb(colour));
                }
            }
        }
    };
    for ((m, p), colour) in notable.iter().zip(COLOURS) {
        for pixels in [&p.first, &p.second] {
            let inside = |x: usize, y: usize| pixels.binary_search(&((y * wide + x) as u32)).is_ok();
            for i in pixels {
                let (x, y) = (*i as usize % wide, *i as usize / wide);
                let border = x == 0
                    || y == 0
                    || x + 1 == wide
                    || y + 1 == high
                    || !inside(x - 1, y)
                    || !inside(x + 1, y)
                    || !inside(x, y - 1)
                    || !inside(x, y + 1);
                if border {
                    for v in 0..factor {
                        for u in 0..factor {
                            dot((x as u32 * factor + u).into(), (y as u32 * factor + v).into(), colour);
                        }
                    }
                }
            }
        }
        let enlarged = m.region.transform.enlarged(f64::from(factor));
        let step = m.region.pixels.len().div_ceil(LINES).max(1);
        for i in m.region.pixels.iter().skip(step / 2).step_by(step) {
            let x = f64::from(factor) * (f64::from(*i % wide as u32) + 0.5);
            let y = f64::from(factor) * (f64::from(*i / wide as u32) + 0.5);
            let (u, v) = enlarged.apply(x, y);
            let length = (u - x).abs().max((v - y).abs()).max(1.0);
            for k in 0..=length as u32 {
                let part = f64::from(k) / length;
                dot((x + part * (u - x)).round() as i64, (y + part * (v - y)).round() as i64, colour);
            }
        }
    }
    drawn
}
