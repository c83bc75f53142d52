//! **What it looks for.** A sensor, a lens and a development leave noise that depends on brightness
//! and little else, so it is the same kind of noise all over a picture. A part that came from
//! another picture, was scaled, smoothed or saved differently brings its own. This analyzer looks
//! for a place whose fine variation is lower or higher than everywhere else *at the same brightness
//! and texture*.
//!
//! **How.** The luma is cut into 8x8 blocks on the coded grid and transformed (DCT). With the mean
//! energies `M` (3 <= u+v <= 5), `H` (6 <= u+v <= 9) and `T` (u+v >= 10) of a block and its mean
//! grey level `m`, two robust regressions over the whole picture say what is usual here: `ln H`
//! from `(ln M, m)` and `ln T` from `(ln H, ln M)`, both quadratic. The residuals, in robust
//! standard deviations, are the *noise deviations*; texture and brightness are accounted for, so a
//! blurred background is compared with blurred blocks and hair with hair. Blocks with more than a
//! tenth of clipped or black pixels, blocks of one value and places where letters or symbols on an
//! even ground are the most are left out: a font has no noise.
//!
//! Then the a-contrario question of Noisesniffer, asked in both directions: if low-noise blocks lay
//! anywhere at random, would `k` of the `n` blocks of a window lie below the picture's median? The
//! number of false alarms is `NFA = tests · P(Binomial(n, 1/2) >= k)`, with every window, band and
//! direction counted as a test. The raw score joins the most surprising window of each band:
//! `ln(1 + sqrt(a² + b²))`, where `a` and `b` are their `-log10 NFA` (0 when not surprising),
//! weighed down by the final save's quantisation. Genuine pictures do not obey the model exactly (a
//! face is not a wall), so a small NFA alone proves nothing: the score becomes a likelihood ratio
//! by calibration on genuine and altered pictures.
//!
//! **How to read the map.** Bright cells deviate together with their neighbours, in either
//! direction. Dark cells in the reliability layer are clipped, empty or flat, and say nothing. A
//! bright object outline is texture that the regression did not explain; a bright closed region
//! with a straight or lasso-like edge is what an insertion looks like.
//!
//! **Where it is blind.** A final save at quality 85 or below sets most of the coefficients it
//! reads to zero; there it is hardly better than chance, and its weight says so. It also cannot see
//! a part that was copied within the same picture without scaling.
use assay_evidence::{Chart, Evidence, Family, Legend, MediaKind, Outcome, Role, Series, Severity, Status};

use crate::drawn::Drawn;
use crate::maps::{self, Cells};
use crate::regions::box_blur;
use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample, last_save};

mod field;
mod search;

use field::{BLOCK, Field};
use search::{Band, Crowd};

pub(crate) struct NoiseLevel;
pub(crate) static THE: NoiseLevel = NoiseLevel;

/// Least number of blocks that can be judged.
const LEAST_BLOCKS: usize = 150;
/// Shorter side in pixels below which windows and rest are too few.
const MIN_SIDE: u32 = 96;
/// Radius of the map's smoothing in blocks.
const SMOOTHING: usize = 2;
/// Smoothed deviation that the map shows as full support.
const FULL: f32 = 2.0;
/// log10 of the number of false alarms below which a region is named.
const NAMED: f64 = -3.0;

static ABOUT: About = About {
    id: "noise_level",
    title: "Noise level",
    summary: "Looks for a place whose noise is lower or higher than in the rest of the picture at the same brightness and texture.",
    family: Family::Spatial,
    status: Status::Calibrated,
    needs: &[Need::Pixels { min_side: MIN_SIDE }, Need::JpegCoefficients],
    fooled_by: &[
        "Skin smoothing, beauty filters and portrait-mode blur change the noise of a part of a genuine picture.",
        "Out-of-focus and motion-blurred parts, fine regular texture and printed screens can look like another noise.",
        "A final JPEG save at quality 85 or below removes most of what it measures.",
        "An insertion from the same camera at the same settings, or noise added to match, leaves nothing to see.",
    ],
    not_applicable_when: &[
        "The file is not a still picture.",
        "The shorter side is below 96 pixels.",
        "Fewer than 150 blocks are neither clipped, black, flat nor drawn (letters on an even ground).",
    ],
    references: &[
        "M. Gardella, P. Musé, J.-M. Morel, M. Colom: Noisesniffer: a Fully Automatic Image Forgery Detector Based on Noise Analysis. IWBF 2021.",
        "M. Colom, A. Buades: Analysis and Extension of the Ponomarenko et al. Method, Estimating a Noise Curve from a Single Image. IPOL 3, 2013.",
        "A. Desolneux, L. Moisan, J.-M. Morel: From Gestalt Theory to Image Analysis: A Probabilistic Approach. Springer 2008.",
        "B. Mahdian, S. Saic: Using noise inconsistencies for blind image forensics. Image and Vision Computing 27, 2009.",
    ],
};

impl Analyzer for NoiseLevel {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, context: &Context) -> Result<Outcome, AnalyzerError> {
        if sample.kind() != MediaKind::Image {
            return Ok(Outcome::not_applicable("Noise is compared within one still picture; this is a video."));
        }
        let (width, height) = sample.coded_size();
        if width.min(height) < MIN_SIDE {
            return Ok(Outcome::not_applicable(format!(
                "The picture is {width} x {height} pixels; comparing places needs {MIN_SIDE} on the shorter side."
            )));
        }
        let luma = sample.luma()?;
        let Some(field) = field::measure(luma, LEAST_BLOCKS, &Drawn::of(luma)) else {
            return Ok(Outcome::not_applicable(
                "Nearly all of the picture is clipped, black, flat or drawn, so there is no noise to compare.",
            ));
        };
        if context.progress.cancelled() {
            return Err(AnalyzerError::Cancelled);
        }
        let visibility = last_save::fine_structure_left(sample)?;
        let crowds = search::crowds(&field);
        let raw = score(&crowds, visibility);
        let strength = strength(&field);
        let mut evidence = Evidence::new(
            Role::Scored,
            visibility * judged_share(&field),
            explanation(&crowds, visibility),
        )
        .with_score(
            raw,
            "ln(1 + joined -log10 of the numbers of false alarms), weighed by how much noise the last save left",
        );
        describe(sample, &field, &crowds, &strength, visibility, &mut evidence);
        evidence.heatmap = Some(maps::heatmap(
            sample,
            &Cells {
                columns: field.columns,
                rows: field.rows,
                covers: [0, 0, (field.columns * BLOCK) as u32, (field.rows * BLOCK) as u32],
                values: strength.iter().map(|v| (v - 0.3) / (FULL - 0.3)).collect(),
                reliability: Some(field.usable.iter().map(|u| if *u { visibility as f32 } else { 0.0 }).collect()),
            },
            Legend { low: "noise as in similar blocks of this picture".into(), high: "noise of another level".into() },
        )?);
        evidence.charts.push(noise_curve(&field));
        Ok(Outcome::Evidence(Box::new(evidence)))
    }
}

fn strongest(crowds: &[Crowd], band: Band) -> f64 {
    crowds.iter().filter(|c| c.band == band).map(|c| -c.log10_nfa).fold(0.0, f64::max)
}

fn score(crowds: &[Crowd], visibility: f64) -> f64 {
    let joined = strongest(crowds, Band::High).hypot(strongest(crowds, Band::Top));
    (1.0 + joined).ln() * visibility.sqrt()
}

/// Both deviations, smoothed with the neighbours that can be judged, as one length per block.
fn strength(field: &Field) -> Vec<f32> {
    let (columns, rows) = (field.columns, field.rows);
    let smooth = |values: &[f32]| box_blur(&box_blur(values, columns, rows, SMOOTHING), columns, rows, 1);
    let judged = smooth(&field.usable.iter().map(|u| f32::from(u8::from(*u))).collect::<Vec<_>>());
    let (high, top) = (smooth(&field.high), smooth(&field.top));
    (0..columns * rows).map(|i| if judged[i] < 0.2 { 0.0 } else { high[i].hypot(top[i]) / judged[i] }).collect()
}

fn judged_share(field: &Field) -> f64 {
    field.usable.iter().filter(|u| **u).count() as f64 / field.usable.len().max(1) as f64
}

fn explanation(crowds: &[Crowd], visibility: f64) -> String {
    let best = crowds.iter().min_by(|a, b| a.log10_nfa.total_cmp(&b.log10_nfa));
    let seen = match best {
        Some(c) if c.log10_nfa < NAMED => format!(
            "One place is {} than similar parts of the picture: {} of {} blocks there lie on one side of the picture's median.",
            if c.quieter { "quieter" } else { "noisier" },
            c.on_side,
            c.judged
        ),
        _ => "No place differs in its noise from similar parts of the picture by more than chance allows.".into(),
    };
    let worth = if visibility < 0.3 {
        " The last save removed most of the noise, so this says little either way."
    } else {
        " Focus, smoothing filters and texture cause such differences in genuine pictures too; how far this one goes beyond them is what the score says."
    };
    seen + worth
}

fn describe(
    sample: &Sample,
    field: &Field,
    crowds: &[Crowd],
    strength: &[f32],
    visibility: f64,
    evidence: &mut Evidence,
) {
    for crowd in crowds.iter().filter(|c| c.log10_nfa < NAMED) {
        let bounds = search::outline(strength, field.columns, field.rows, 0.5 * FULL, crowd.window);
        let coded = [bounds.x, bounds.y, bounds.width, bounds.height].map(|v| (v * BLOCK) as u32);
        let label = format!(
            "{} in the {} band, log10 NFA {:.1}",
            if crowd.quieter { "quieter" } else { "noisier" },
            if crowd.band == Band::High { "high" } else { "top" },
            crowd.log10_nfa
        );
        evidence.places.push(maps::region(sample, coded, label));
    }
    evidence.measure("-log10 NFA in the high band", strongest(crowds, Band::High), "");
    evidence.measure("-log10 NFA in the top band", strongest(crowds, Band::Top), "");
    evidence.measure("share of blocks that can be judged", judged_share(field), "");
    evidence.measure("noise left by the last save", visibility, "");
    if visibility < 0.3 {
        evidence.remark(
            Severity::Info,
            "The quantisation of the last save is coarse against the noise; differences in noise before it are mostly gone.",
        );
    }
}

/// The noise curve: low percentile of the high band over intensity, as in Ponomarenko's estimation.
fn noise_curve(field: &Field) -> Chart {
    const BINS: usize = 12;
    let mut bins: Vec<Vec<f32>> = vec![Vec::new(); BINS];
    for i in (0..field.usable.len()).filter(|i| field.usable[*i]) {
        let bin = (field.mean[i] / 256.0 * BINS as f32).clamp(0.0, (BINS - 1) as f32) as usize;
        bins[bin].push(field.sigma[i]);
    }
    let points = bins
        .iter_mut()
        .enumerate()
        .filter(|(_, values)| values.len() >= 20)
        .map(|(bin, values)| {
            let place = values.len() / 10;
            let low = *values.select_nth_unstable_by(place, f32::total_cmp).1;
            [(bin as f64 + 0.5) * 256.0 / BINS as f64, (f64::from(low) * 100.0).round() / 100.0]
        })
        .collect();
    Chart {
        title: "Noise of the quietest tenth of blocks".into(),
        x_label: "intensity (grey levels)".into(),
        y_label: "noise (grey levels per coefficient)".into(),
        series: vec![Series { name: "high band".into(), points }],
        bars: false,
    }
}
