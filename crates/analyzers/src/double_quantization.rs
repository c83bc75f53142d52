//! # Double quantisation
//!
//! **What it looks for.** A photo that was saved as JPEG, opened, edited and saved again carries
//! the marks of both saves. A part that was pasted in, moved, retouched or saved on its own carries
//! other marks than the rest. This analyzer finds the table of the first save from the numbers
//! stored in the file and asks of every 8x8 block whether it shares that past.
//!
//! **How.** A save with quantisation step *q1* leaves only multiples of *q1*; decoding rounds to
//! 8-bit samples, which spreads each multiple a little; the last save with step *q2* rounds once
//! more. The histogram of the stored values of one frequency then has a comb of peaks and gaps that
//! a photo saved once does not have.
//! 1. The coefficients are read from the file as they are stored, so *q2* is known exactly and
//!    nothing is measured on pixels.
//! 2. Each coefficient is expected to be as large as its surroundings suggest (the other
//!    coefficients of its block and the neighbouring blocks, in 14 classes). For each frequency and
//!    class a mixture of Gaussians is fitted to the picture; from it come two probabilities for
//!    every stored value: after one save, and after a first save with step *q1* and rounding noise.
//! 3. All IJG qualities from 30 to 99 are tried as first tables; the evidence of 48 frequencies and
//!    DC is added up over the blocks, of which 30 % may have another past. A table outside that
//!    family (cameras, editors) is fitted frequency by frequency when that explains far more.
//! 4. With the past of most of the picture known, every block gets a log-likelihood ratio: *another
//!    past* (saved once, or first saved at another quality; the best is taken, at the price of the
//!    number tried) against *the same past*. 2 % of the coefficients may disagree with any model
//!    and no block says more than ten nats, so that one odd block is no region. Nearly flat blocks
//!    count less, saturated and padded ones not at all.
//! 5. The strongest connected region is set against the rest: how many nats do two pasts, one
//!    inside and one outside, explain the picture better than either alone? The score is ln(1 +
//!    nats), damped for pictures of more than a thousand judged blocks. A picture that was saved
//!    twice as a whole has no such region, nor has one that was saved once.
//!
//! **How to read the map.** Bright blocks do not share the first save of the rest. The reliability
//! layer is dark where a block cannot be judged: nearly flat, saturated or padded.
//!
//! **What it does not see.** If the last save used nearly the table of the first, or a much coarser
//! one, the comb is gone and everything looks alike. A forgery made from a photo that was never
//! saved as JPEG before, by pasting another such photo, leaves no trace here. A first save on a
//! grid that does not line up with the last one's is not modelled; the grid analyzers look for it.
//!
//! **References.** Z. Lin, J. He, X. Tang, C.-K. Tang, "Fast, automatic and fine-grained tampered
//! JPEG image detection via DCT coefficient analysis", Pattern Recognition 42 (2009) · T. Bianchi,
//! A. Piva, "Image forgery localization via block-grained analysis of JPEG artifacts", IEEE TIFS 7
//! (2012) · ITU-T T.81.
mod blocks;
mod detect;
mod model;
mod primary;
mod regions;

use assay_evidence::{Evidence, Family, Legend, Outcome, Role, Severity, Status};
use assay_media::jpeg::Component;
use image::RgbImage;

use crate::drawn::Drawn;
use crate::maps::{self, Cells};
use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample};
use detect::{Detection, Past};

pub(crate) struct DoubleQuantization;

pub(crate) static THE: DoubleQuantization = DoubleQuantization;

static ABOUT: About = About {
    id: "double_quantization",
    title: "Double quantisation",
    summary: "Finds parts of a JPEG that do not share the first save of the rest, from the histograms of its stored coefficients.",
    family: Family::Spatial,
    status: Status::Calibrated,
    needs: &[Need::JpegCoefficients, Need::Pixels { min_side: MIN_SIDE }],
    fooled_by: &[
        "A last save with the table of the first one, or a much coarser one, hides the trace.",
        "A picture that is scaled, turned or filtered as a whole before its last save loses the trace everywhere.",
        "Frames or stickers that an app drew on a saved photo are found as well: they are edits, but not forgeries of the scene. Places where letters and symbols on an even ground are the most are left out.",
        "A part whose own first save used the same table on the same 8x8 grid looks like the rest.",
    ],
    not_applicable_when: &[
        "The file is not a JPEG.",
        "A side is shorter than 64 pixels.",
        "Hardly any block has content that can be judged (flat, saturated or drawn picture).",
    ],
    references: &[
        "Z. Lin, J. He, X. Tang, C.-K. Tang, Fast, automatic and fine-grained tampered JPEG image detection via DCT coefficient analysis, Pattern Recognition 42 (2009)",
        "T. Bianchi, A. Piva, Image forgery localization via block-grained analysis of JPEG artifacts, IEEE TIFS 7(3) (2012)",
        "ITU-T T.81",
    ],
};

const MIN_SIDE: u32 = 64;
/// Judged blocks that are needed.
const LEAST_BLOCKS: usize = 32;
/// Score from which a region is pointed out in words: ln(1 + nats) of a sum that pristine photos do
/// not reach.
const NOTABLE: f64 = 5.0;

impl Analyzer for DoubleQuantization {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, _context: &Context) -> Result<Outcome, AnalyzerError> {
        let (width, height) = sample.coded_size();
        if width.min(height) < MIN_SIDE {
            return Ok(Outcome::not_applicable(format!("a side is shorter than {MIN_SIDE} pixels")));
        }
        let Some(component) = sample.jpeg()?.and_then(|components| components.first()) else {
            return Ok(Outcome::not_applicable("the file is not a JPEG"));
        };
        if component.coefficients.len() < component.blocks_wide * component.blocks_high || component.blocks_wide == 0 {
            return Ok(Outcome::not_applicable("the coefficients of the file are incomplete"));
        }
        let judged = judged_blocks(component, sample.picture()?, &Drawn::of(sample.luma()?));
        if judged.iter().filter(|j| **j).count() < LEAST_BLOCKS {
            return Ok(Outcome::not_applicable("hardly any block has content that can be judged: the picture is flat, saturated or drawn"));
        }
        let detection = detect::detect(component, judged);
        Ok(Outcome::Evidence(Box::new(evidence(sample, component, &detection)?)))
    }
}

/// Blocks that lie in the picture, are not saturated and not drawn: the coefficients of a letter
/// follow from its font.
fn judged_blocks(component: &Component, picture: &RgbImage, drawn: &Drawn) -> Vec<bool> {
    let (wide, width, height) = (component.blocks_wide, picture.width() as usize, picture.height() as usize);
    let raw = picture.as_raw();
    component
        .coefficients
        .iter()
        .enumerate()
        .map(|(b, _)| {
            let (left, top) = ((b % wide) * 8, (b / wide) * 8);
            // A block that was padded is padded anew at each save.
            if left + 8 > width || top + 8 > height || drawn.pixel(left, top) {
                return false;
            }
            let saturated: usize = (top..top + 8)
                .map(|y| {
                    let row = &raw[(y * width + left) * 3..(y * width + left + 8) * 3];
                    row.chunks_exact(3).filter(|p| p.iter().any(|v| *v <= 1 || *v >= 254)).count()
                })
                .sum();
            saturated <= 4
        })
        .collect()
}

fn evidence(sample: &Sample, component: &Component, detection: &Detection) -> Result<Evidence, AnalyzerError> {
    let wide = component.blocks_wide;
    let (width, height) = sample.coded_size();
    let (columns, rows) = ((width / 8) as usize, (height / 8) as usize);
    let cut = |values: &[f32]| -> Vec<f32> {
        (0..rows * columns).map(|c| values.get(c / columns * wide + c % columns).copied().unwrap_or(0.0)).collect()
    };
    let score = detection.score();
    let past = match &detection.background {
        Past::Aligned(steps) => match steps.quality {
            Some(quality) => {
                format!("Most of the picture was saved once before, with a table near that of quality {quality}.")
            }
            None => {
                "Most of the picture was saved once before, with a table that is not of the usual family.".to_owned()
            }
        },
        Past::SavedOnce => "The stored coefficients show no earlier save of the picture on the same grid.".to_owned(),
    };
    let region = detection.cluster.as_ref().filter(|_| score >= NOTABLE);
    let said = match (region, &detection.alternative) {
        (None, _) => "No region departs from that.".to_owned(),
        (Some(_), Past::SavedOnce) => {
            "A connected region lacks the traces of that earlier save: it was put there or changed afterwards."
                .to_owned()
        }
        (Some(_), Past::Aligned(steps)) => format!(
            "A connected region shows a different past: traces of an earlier save near quality {}.",
            steps.quality.unwrap_or(0)
        ),
    };
    let reliable =
        detection.reliability.iter().map(|r| f64::from(*r)).sum::<f64>() / detection.reliability.len().max(1) as f64;
    let mut evidence = Evidence::new(Role::Scored, reliable, format!("{past} {said}")).with_score(
        score,
        "ln(1 + nats): summed log-likelihood ratio of the strongest connected region having another past than the rest",
    );
    if let Past::Aligned(steps) = &detection.background {
        evidence.measure("evidence of an earlier save of the whole picture", detection.background_evidence, "nats");
        if let Some(quality) = steps.quality {
            evidence.measure("quality of the earlier save (IJG scale)", f64::from(quality), "");
        }
    } else {
        evidence.remark(
            Severity::Info,
            "No earlier save can be seen: there was none, or scaling or a crop off the grid hid it, or it used nearly the last save's table.",
        );
    }
    if let Some(cluster) = &detection.cluster {
        evidence.measure("strongest region", cluster.blocks.len() as f64, "blocks of 8x8 pixels");
    }
    if let Some(cluster) = region {
        let (mut x0, mut y0, mut x1, mut y1) = (u32::MAX, u32::MAX, 0, 0);
        for b in &cluster.blocks {
            let (x, y) = ((b % wide * 8) as u32, (b / wide * 8) as u32);
            (x0, y0, x1, y1) = (x0.min(x), y0.min(y), x1.max((x + 8).min(width)), y1.max((y + 8).min(height)));
        }
        evidence.places.push(maps::region(
            sample,
            [x0, y0, x1.saturating_sub(x0), y1.saturating_sub(y0)],
            "another past than the rest",
        ));
    }
    let cells = Cells {
        columns,
        rows,
        covers: [0, 0, columns as u32 * 8, rows as u32 * 8],
        values: cut(&detection.map(wide)),
        reliability: Some(cut(&detection.reliability)),
    };
    let legend = Legend { low: "the same past as the rest".into(), high: "another past".into() };
    evidence.heatmap = Some(maps::heatmap(sample, &cells, legend)?);
    Ok(evidence)
}
