//! **What it looks for.** A part that is scaled or turned before it is pasted is computed anew from
//! its neighbours, with weights that repeat periodically. This analyzer looks for a place with such
//! a period where the rest of the picture has none, or another one.
//!
//! **How.** Two predictors of a pixel from its neighbours. Popescu and Farid's
//! expectation-maximisation fits one for this picture from the 5x5 neighbourhood, together with
//! each pixel's probability of following it: residual `r = I - Σ αI`, density `N(r; 0, σ²)` against
//! a uniform outlier density 1/256, then weighted least squares (weights used once; normal
//! equations, Cholesky) and `σ² = Σwr²/Σw`, until no coefficient moves by 0.001. The fit runs on at
//! most 40,000 pixels, one filter pass makes the probability map of the whole picture, which is
//! shown. Flat and clipped neighbourhoods are not judged. The search for periods runs on the
//! residue of Kirchner's fixed predictor, `ln(|e| + 1)`: in a picture with a pasted part the fitted
//! predictor belongs to the rest, and noise hides the part's period from it, while the variance of
//! a fixed residue shows it.
//!
//! The residue is freed of its local mean and spread and cut into overlapping windows (64 pixels,
//! 128 in large pictures). Each window's power spectrum is divided by its own surroundings (11x11
//! bins without the inner 3x3), so that without a periodic trace every value follows the
//! exponential law. Then each value is divided by what half of all windows stay below at the same
//! frequency, if that is above 1. Two kinds of tests are counted: a frequency with its quarter
//! turn, and a *comb*, the harmonics of a square grid with a period of 4.8 to 14.6 pixels and any
//! turn, which is the 8x8 grid of an earlier JPEG save after scaling. Multiples of 1/8 cycles per
//! pixel are left out. `NFA = windows · tests · P(Gamma(n) >= t)`; the raw score is
//! `ln(1 + max(0, 2 - log10 NFA))` of the best window.
//!
//! **Scaling of the whole picture** (every small picture on the web) is usual processing. It shows
//! in all windows alike, so it is in the reference and cancels; it is told as a measure and in the
//! spectrum of the whole picture, and does not raise the score.
//!
//! **How to read the map.** Bright: windows around this place have a period that the rest has not.
//! It is as coarse as the windows. The probability map is a picture for the eye: light pixels are
//! predicted by their neighbours. A pasted part whose texture of dots has another beat than its
//! surroundings is what to look for; smooth areas are light and edges dark in every picture.
//!
//! **Where it is blind.** Parts smaller than a window; parts that are smooth; parts that were made
//! smaller (below about 0.9 times); donors whose fine detail was already removed by an earlier JPEG
//! save at quality 75 or so, as most small web pictures are; parts that half of the windows touch
//! (about a third of the picture); and nearly any last JPEG save. It is a method for pictures that
//! were kept without loss: on planted inserts saved at quality 95 it is close to chance, below that
//! it is chance.
use assay_evidence::{Chart, Evidence, Family, Legend, MediaKind, Outcome, Role, Series, Severity, Status};
use assay_media::Plane;
use image::{Rgb, RgbImage};

use crate::maps::{self, Cells};
use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample, last_save};

mod em;
mod residue;
mod search;
mod spectrum;

use search::{Looked, Trace};
use spectrum::Spectra;

pub(crate) struct Resampling;
pub(crate) static THE: Resampling = Resampling;

/// Shorter side in pixels: one window and enough beside it to compare with.
const MIN_SIDE: u32 = 128;
/// Window side in pixels, and in pictures with a shorter side from [`LARGE`] pixels.
const SIDES: (usize, usize) = (64, 128);
/// See [`SIDES`].
const LARGE: usize = 640;
/// Windows at most; larger pictures take wider steps.
const MOST_WINDOWS: usize = 800;
/// Side of a cell of the heat map in pixels.
const CELL: usize = 16;
/// -log10 NFA that the map shows as full support.
const FULL: f64 = 6.0;
/// -log10 NFA above which a region is named.
const NAMED: f64 = 2.0;

static ABOUT: About = About {
    id: "resampling",
    title: "Resampling",
    summary: "Looks for a place that was scaled or turned when the rest of the picture was not, or not in the same way.",
    family: Family::Spatial,
    status: Status::Calibrated,
    needs: &[Need::Pixels { min_side: MIN_SIDE }, Need::JpegCoefficients],
    fooled_by: &[
        "Fabric, fences, hair and printed screens have periods of their own; only those that fill a window and nothing else mislead.",
        "A final JPEG save weakens the trace at quality 95 and removes it at 85; so does an earlier save of the donor at quality 75 or below.",
        "Making a part smaller leaves almost no trace; parts smaller than a window are diluted.",
        "Scaling the whole picture after the edit lays its own period over everything.",
    ],
    not_applicable_when: &[
        "The file is not a still picture.",
        "The shorter side is below 128 pixels.",
        "Too few pixels are neither flat nor clipped.",
    ],
    references: &[
        "A. C. Popescu, H. Farid: Exposing Digital Forgeries by Detecting Traces of Resampling. IEEE Trans. Signal Processing 53(2), 2005.",
        "A. C. Gallagher: Detection of Linear and Cubic Interpolation in JPEG Compressed Images. Canadian Conf. Computer and Robot Vision 2005.",
        "M. Kirchner: Fast and Reliable Resampling Detection by Spectral Analysis of Fixed Linear Predictor Residue. ACM MM&Sec 2008.",
        "B. Mahdian, S. Saic: Blind Authentication Using Periodic Properties of Interpolation. IEEE TIFS 3(3), 2008.",
        "A. Desolneux, L. Moisan, J.-M. Morel: From Gestalt Theory to Image Analysis: A Probabilistic Approach. Springer 2008.",
    ],
};

impl Analyzer for Resampling {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, context: &Context) -> Result<Outcome, AnalyzerError> {
        if sample.kind() != MediaKind::Image {
            return Ok(Outcome::not_applicable("Periods are looked for in one still picture; this is a video."));
        }
        let (width, height) = sample.coded_size();
        if width.min(height) < MIN_SIDE {
            return Ok(Outcome::not_applicable(format!(
                "The picture is {width} x {height} pixels; windows and a rest to compare them with need {MIN_SIDE} on the shorter side."
            )));
        }
        let luma = sample.luma()?;
        let Some(model) = em::fit(luma) else {
            return Ok(Outcome::not_applicable("Too few pixels are neither flat nor clipped to fit a predictor."));
        };
        let probability = em::map(luma, &model);
        if context.progress.cancelled() {
            return Err(AnalyzerError::Cancelled);
        }
        let flat = spectrum::even_out(&residue::log_residue(luma, &probability));
        let side = if luma.width.min(luma.height) >= LARGE { SIDES.1 } else { SIDES.0 };
        let step = (side / 4).max(((luma.width * luma.height) as f64 / MOST_WINDOWS as f64).sqrt().ceil() as usize);
        let Some(spectra) = spectrum::spectra(&flat, side, step) else {
            return Ok(Outcome::not_applicable("The picture is smaller than one window."));
        };
        if context.progress.cancelled() {
            return Err(AnalyzerError::Cancelled);
        }
        let looked = search::look(&spectra, &search::Tests::new(side));
        let usable = looked.iter().filter(|l| l.usable).count();
        if usable == 0 {
            return Ok(Outcome::not_applicable(
                "No window has both enough pixels that are not flat and a rest of the picture to be compared with.",
            ));
        }
        let left = last_save::fine_structure_left(sample)?;
        let best = strongest(&looked);
        let found = best.map_or(0.0, |(_, l)| l.surprise) - (usable as f64).log10();
        let raw = (1.0 + (2.0 + found).max(0.0)).ln();
        let mut evidence =
            Evidence::new(Role::Scored, left * usable as f64 / looked.len() as f64, explanation(found, best, left))
                .with_score(raw, "ln(1 + max(0, 2 - log10 of the number of false alarms of the best window))");
        measures(&mut evidence, &model, &spectra, found, left);
        let whole = mean_power(&spectra);
        if found > NAMED
            && let Some((window, look)) = best
        {
            let (x, y) = spectra.corners[window];
            let label = format!("{}, log10 NFA {:.1}", words(look.trace), -found);
            evidence.places.push(maps::region(sample, [x as u32, y as u32, side as u32, side as u32], label));
        }
        evidence.heatmap = Some(maps::heatmap(
            sample,
            &cells(luma, &spectra, &looked, (usable as f64).log10(), left),
            Legend { low: "no period that the rest has not".into(), high: "a period of its own".into() },
        )?);
        evidence.pictures.push(maps::picture_over_input(
            sample,
            &probability_picture(&probability),
            "Probability that a pixel is predicted by its neighbours (white: certain; blue: not judged)",
        )?);
        evidence.pictures.push(maps::picture(
            &spectrum_picture(&whole, side),
            "Spectrum of the predictor's residue, mean of all windows (frequency 0 in the middle)",
        )?);
        if let Some((window, _)) = best {
            evidence.pictures.push(maps::picture(
                &spectrum_picture(&spectra.power[window], side),
                "Spectrum of the window that deviates most",
            )?);
        }
        evidence.charts.push(chart(&whole, best.map(|(window, _)| spectra.power[window].as_slice()), side));
        Ok(Outcome::Evidence(Box::new(evidence)))
    }
}

fn strongest(looked: &[Looked]) -> Option<(usize, Looked)> {
    looked.iter().copied().enumerate().filter(|(_, l)| l.usable).max_by(|a, b| a.1.surprise.total_cmp(&b.1.surprise))
}

fn words(trace: Trace) -> String {
    match trace {
        Trace::Peak { fx, fy } => format!("period at {fx:.3}, {fy:.3} cycles per pixel"),
        Trace::Grid { period, turn_deg } => {
            format!("grid of {period:.1} pixels turned by {turn_deg:.0} degrees")
        }
    }
}

fn explanation(found: f64, best: Option<(usize, Looked)>, left: f64) -> String {
    let seen = match best {
        Some((_, look)) if found > NAMED => format!(
            "One place carries a periodic trace of interpolation that the rest of the picture does not have ({}), as a part has that was \
             scaled or turned before it was pasted.",
            words(look.trace)
        ),
        _ => "No place carries a periodic trace of interpolation that the rest of the picture does not have.".into(),
    };
    let worth = if left < 0.3 {
        " The last save was coarse enough to remove such traces, so their absence says nothing."
    } else if found > NAMED {
        " Fine regular texture that fills just this place can do the same; compare the probability map."
    } else {
        " Parts smaller than a window and donors saved before at low quality leave none, so this does not exclude an edit."
    };
    seen + worth
}

fn measures(evidence: &mut Evidence, model: &em::Model, spectra: &Spectra, found: f64, left: f64) {
    evidence.measure("-log10 NFA of the best window", found, "");
    evidence.measure("standard deviation of the predictor", model.sigma, "grey levels");
    evidence.measure("share of pixels that follow the predictor", model.share, "");
    evidence.measure("rounds of the fit", model.rounds as f64, "");
    evidence.measure("fine structure left by the last save", left, "");
    let whole = mean_power(spectra);
    let (peak, fx, fy) = search::off_lattice_peak(&whole, spectra.side);
    evidence.measure("strongest off-grid peak of the whole picture over its surroundings", f64::from(peak), "");
    evidence.measure("its horizontal frequency", fx, "cycles per pixel");
    evidence.measure("its vertical frequency", fy, "cycles per pixel");
    // A mean of w windows that overlap threefold spreads by about sqrt(3 / w); six times that over
    // all bins is not chance.
    let chance = 1.0 + 6.0 * (3.0 / spectra.power.len().max(1) as f64).sqrt();
    if f64::from(peak) > chance.max(2.0) {
        evidence.remark(
            Severity::Info,
            format!(
                "The whole picture shows a period at {fx:.3}, {fy:.3} cycles per pixel, as after scaling or turning all of it. That is \
                 usual processing and does not count."
            ),
        );
    }
}

fn mean_power(spectra: &Spectra) -> Vec<f32> {
    let mut sum = vec![0.0f64; spectra.side * spectra.side];
    for power in &spectra.power {
        sum.iter_mut().zip(power).for_each(|(s, p)| *s += f64::from(*p));
    }
    sum.iter().map(|s| (s / spectra.power.len().max(1) as f64) as f32).collect()
}

/// Every cell takes the mean of the windows whose middle three quarters cover it.
fn cells(luma: &Plane, spectra: &Spectra, looked: &[Looked], log10_windows: f64, left: f64) -> Cells {
    let (columns, rows) = (luma.width.div_ceil(CELL), luma.height.div_ceil(CELL));
    let mut sums = vec![(0.0f64, 0u32); columns * rows];
    // Windows stand up to a side apart in large pictures; then the whole window has to count, or
    // gaps would be left.
    let apart = luma.width.div_ceil(spectra.columns.max(1)).max(luma.height.div_ceil(spectra.rows.max(1)));
    let margin = if apart * 2 > spectra.side { 0 } else { spectra.side / 8 };
    for ((x, y), look) in spectra.corners.iter().zip(looked).filter(|(_, l)| l.usable) {
        let left_edge = if *x == 0 { 0 } else { x + margin };
        let top_edge = if *y == 0 { 0 } else { y + margin };
        let right = if x + spectra.side >= luma.width { luma.width } else { x + spectra.side - margin };
        let bottom = if y + spectra.side >= luma.height { luma.height } else { y + spectra.side - margin };
        for row in top_edge.div_ceil(CELL)..bottom.div_ceil(CELL) {
            for column in left_edge.div_ceil(CELL)..right.div_ceil(CELL) {
                let cell = &mut sums[row * columns + column];
                cell.0 += look.surprise;
                cell.1 += 1;
            }
        }
    }
    Cells {
        columns,
        rows,
        covers: [0, 0, luma.width as u32, luma.height as u32],
        values: sums
            .iter()
            .map(
                |(sum, n)| {
                    if *n == 0 { 0.0 } else { ((sum / f64::from(*n) + log10_windows) / (FULL + log10_windows)) as f32 }
                },
            )
            .collect(),
        reliability: Some(sums.iter().map(|(_, n)| if *n == 0 { 0.0 } else { left as f32 }).collect()),
    }
}

fn probability_picture(probability: &Plane) -> RgbImage {
    RgbImage::from_fn(probability.width as u32, probability.height as u32, |x, y| {
        let p = probability.at(x as usize, y as usize);
        if p.is_nan() { Rgb([24, 32, 72]) } else { Rgb([(p.clamp(0.0, 1.0) * 255.0).round() as u8; 3]) }
    })
}

/// Logarithmic grey, frequency 0 in the middle, three pixels a bin.
fn spectrum_picture(power: &[f32], side: usize) -> RgbImage {
    const ZOOM: usize = 3;
    RgbImage::from_fn((side * ZOOM) as u32, (side * ZOOM) as u32, |x, y| {
        let (u, v) = ((x as usize / ZOOM + side / 2) % side, (y as usize / ZOOM + side / 2) % side);
        let value = power[v * side + u].max(0.0).ln_1p() / 3.0;
        Rgb([(value.clamp(0.0, 1.0) * 255.0).round() as u8; 3])
    })
}

/// Power along the horizontal and the vertical axis, the larger of the two.
fn chart(whole: &[f32], window: Option<&[f32]>, side: usize) -> Chart {
    let line = |power: &[f32]| -> Vec<[f64; 2]> {
        (1..=side / 2)
            .map(|k| {
                let value = f64::from(power[k].max(power[k * side]));
                [(k as f64 / side as f64 * 1e4).round() / 1e4, (value * 100.0).round() / 100.0]
            })
            .collect()
    };
    let mut series = vec![Series { name: "whole picture".into(), points: line(whole) }];
    series.extend(window.map(|power| Series { name: "most deviating window".into(), points: line(power) }));
    Chart {
        title: "Spectrum of the predictor's residue along the axes".into(),
        x_label: "frequency (cycles per pixel)".into(),
        y_label: "power over its surroundings".into(),
        series,
        bars: false,
    }
}
