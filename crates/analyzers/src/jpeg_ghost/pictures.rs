//! The pictures that experts like to see: the remainder for rising qualities side by side, and the
//! chart over quality.
use assay_evidence::{Chart, Picture, Series};
use image::{Rgb, RgbImage};

use super::map::{inside_and_outside, local_fit};
use super::residue::{QUALITIES, Residue};
use super::scan::Contrast;
use crate::{AnalyzerError, Sample, maps};

/// Indices into [`QUALITIES`] of the nine small pictures.
const SHOWN: [usize; 9] = [0, 2, 4, 6, 8, 10, 12, 14, 17];
/// Gap between small pictures in pixels.
const GAP: usize = 4;
/// Longer side of one small picture in pixels.
const SIDE: usize = 240;

pub(super) fn chart(residue: &Residue, best: &Contrast, own_grid: bool) -> Chart {
    let values: Vec<(f64, f64, f64)> = (0..QUALITIES.len())
        .map(|q| {
            let (inside, outside) = inside_and_outside(residue, best, q, own_grid);
            (f64::from(QUALITIES[q]), remainder(inside), remainder(outside))
        })
        .collect();
    let series = |name: &str, pick: &dyn Fn(&(f64, f64, f64)) -> f64| Series {
        name: name.into(),
        points: values.iter().map(|v| [v.0, pick(v)]).collect(),
    };
    Chart {
        title: format!("Remainder after quantising again, grid origin ({}, {})", best.origin % 8, best.origin / 8),
        x_label: "IJG quality".into(),
        y_label: "remainder (1 = chance)".into(),
        series: vec![series("region", &|v| v.1), series("rest", &|v| v.2)],
        bars: false,
    }
}

fn remainder(fit: f64) -> f64 {
    (1.0 - fit).clamp(0.0, 2.0)
}

pub(super) fn multiples(
    sample: &Sample,
    residue: &Residue,
    best: &Contrast,
    own_grid: bool,
) -> Result<Picture, AnalyzerError> {
    let zoom = (SIDE / residue.columns.max(residue.rows)).max(1);
    let tiles: Vec<(Vec<[u8; 3]>, usize, usize)> = SHOWN
        .iter()
        .map(|q| {
            let (fit, count) = local_fit(residue, best.origin, *q, own_grid);
            let grey: Vec<[u8; 3]> = fit
                .iter()
                .zip(&count)
                .map(|(f, n)| {
                    // Where no coefficient tells, a bluish tone says so.
                    let v = ((1.0 - f) * 0.5).clamp(0.0, 1.0) * 255.0;
                    if *n < 4.0 { [40, 50, 90] } else { [v.round() as u8; 3] }
                })
                .collect();
            sample.orientation().turn(&grey, residue.columns, residue.rows)
        })
        .collect();
    let (columns, rows) = tiles.first().map_or((1, 1), |t| (t.1, t.2));
    let (width, height) = (columns * zoom, rows * zoom);
    let mut sheet =
        RgbImage::from_pixel((3 * width + 4 * GAP) as u32, (3 * height + 4 * GAP) as u32, Rgb([255, 255, 255]));
    for (i, (tile, ..)) in tiles.iter().enumerate() {
        let (left, top) = (GAP + (i % 3) * (width + GAP), GAP + (i / 3) * (height + GAP));
        for y in 0..height {
            for x in 0..width {
                let value = tile[(y / zoom) * columns + x / zoom];
                sheet.put_pixel((left + x) as u32, (top + y) as u32, Rgb(value));
            }
        }
    }
    let names: Vec<String> = SHOWN.iter().map(|q| QUALITIES[*q].to_string()).collect();
    maps::picture(
        &sheet,
        format!(
            "Remainder for quality {} (row by row) on the grid with origin ({}, {}); dark = an earlier save at that quality fits, blue = nothing \
             to measure",
            names.join(", "),
            best.origin % 8,
            best.origin / 8
        ),
    )
}
