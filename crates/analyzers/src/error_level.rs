//! # Error level
//!
//! **For the eye only; it never moves the verdict.** Error level analysis saves the picture once
//! more as JPEG and shows how much every place changes by it. It is the best known method of
//! picture forensics and the most often misread.
//!
//! **How.** The picture's Y, Cb and Cr planes (not subsampled) are cut into 8x8 blocks on the
//! picture's own grid, transformed, quantised with the IJG tables of quality 75 and again of
//! quality 90, and transformed back; no file is written and no entropy coder is needed, because
//! only the quantisation loses anything. The picture shows the absolute difference at quality 75 as
//! `255 * sqrt(|d| / 20)` for each colour channel: the root brings out small changes. The heat map
//! shows the mean luma difference of each block divided by what blocks of like contrast change on
//! average, so that mere edges do not light up.
//!
//! **What it can show.** How far each place is from a fixed point of that save. A part that was
//! saved fewer times, or at a higher quality than the rest, changes more; a picture that was never
//! a JPEG changes most.
//!
//! **How it is misread.** Edges, text, saturated colours and fine texture always change more than
//! smooth places, in genuine pictures too: compare edges with like edges and texture with like
//! texture only. A bright place is no proof of anything, a dark one neither. After one more save at
//! low quality all places look alike. Scaling a picture wipes its levels; sharpening raises them
//! everywhere. A picture straight from an editor that never was a JPEG shows bright edges
//! everywhere and nothing else. Its inventors and critics agree that it answers one question only:
//! which compression rate does each part of this picture have?
//!
//! **References.** N. Krawetz, "A picture's worth... digital image analysis and forensics", Black
//! Hat 2007 · FotoForensics, "Common mistakes" and tutorial on ELA (fotoforensics.com) · H. Farid,
//! "Exposing digital forgeries from JPEG ghosts", IEEE TIFS 4 (2009).
mod resave;

use assay_evidence::{Evidence, Family, Legend, Outcome, Role, Severity, Status};
use image::RgbImage;
use rayon::prelude::*;

use crate::maps::{self, Cells};
use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample};

pub(crate) struct ErrorLevel;

pub(crate) static THE: ErrorLevel = ErrorLevel;

const MIN_SIDE: u32 = 16;

static ABOUT: About = About {
    id: "error_level",
    title: "Error level",
    summary: "Shows how much each place changes when the picture is saved once more; for the eye only.",
    family: Family::Spatial,
    status: Status::DisplayOnly,
    needs: &[Need::Pixels { min_side: MIN_SIDE }],
    fooled_by: &[
        "Edges, text, saturated colours and fine texture are bright in every picture.",
        "A last save at low quality makes all places look alike.",
        "Scaling or sharpening the whole picture changes all levels.",
    ],
    not_applicable_when: &["A side is shorter than 16 pixels.", "The file is a video."],
    references: &[
        "N. Krawetz, A picture's worth: digital image analysis and forensics, Black Hat (2007)",
        "FotoForensics, Common mistakes in error level analysis, fotoforensics.com",
        "H. Farid, Exposing digital forgeries from JPEG ghosts, IEEE TIFS 4(1) (2009)",
    ],
};

/// Qualities of the trial saves; the first one is shown.
const QUALITIES: [u8; 2] = [75, 90];
/// Difference in grey levels that is shown at full brightness.
const FULL: f32 = 20.0;

impl Analyzer for ErrorLevel {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, _context: &Context) -> Result<Outcome, AnalyzerError> {
        if sample.kind() == assay_evidence::MediaKind::Video {
            return Ok(Outcome::not_applicable("the file is a video"));
        }
        let (width, height) = sample.coded_size();
        if width.min(height) < MIN_SIDE {
            return Ok(Outcome::not_applicable(format!("a side is shorter than {MIN_SIDE} pixels")));
        }
        let picture = sample.picture()?;
        let mut evidence = Evidence::new(
            Role::DisplayOnly,
            0.0,
            "The picture was saved once more in memory; bright places changed most. Compare only like with like: edges and texture are bright \
             in every picture. This shows compression levels and proves nothing by itself.",
        );
        let mut map = None;
        for quality in QUALITIES {
            let change = resave::changes(picture, quality);
            evidence.measure(
                format!("mean luma change at quality {quality}"),
                resave::mean(&change.luma),
                "grey levels",
            );
            if map.is_none() {
                evidence.pictures.push(maps::picture_over_input(
                    sample,
                    &amplified(&change),
                    format!("Change by a save at quality {quality}, as 255 sqrt(|d| / {FULL})"),
                )?);
                map = Some(relative(&change, picture));
            }
        }
        if let Some(cells) = map {
            let legend = Legend { low: "changes as like places do".into(), high: "changes four times as much".into() };
            evidence.heatmap = Some(maps::heatmap(sample, &cells, legend)?);
        }
        evidence.remark(Severity::Info, "Error level analysis has no threshold and never moves the verdict.");
        Ok(Outcome::Evidence(Box::new(evidence)))
    }
}

fn amplified(change: &resave::Changes) -> RgbImage {
    let shown: Vec<u8> =
        change.rgb.par_iter().map(|d| (255.0 * (f32::from(*d) / FULL).sqrt()).min(255.0).round() as u8).collect();
    RgbImage::from_raw(change.width as u32, change.height as u32, shown).unwrap_or_default()
}

/// Mean luma change of each whole block over the mean of blocks with like contrast, on a
/// logarithmic scale: 0 at equal, 1 at fourfold.
fn relative(change: &resave::Changes, picture: &RgbImage) -> Cells {
    /// Octaves of contrast.
    const CLASSES: usize = 12;
    let (columns, rows) = (change.width / 8, change.height / 8);
    let luma = |x: usize, y: usize| {
        let p = picture.get_pixel(x as u32, y as u32);
        0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2])
    };
    let blocks: Vec<(f32, usize)> = (0..columns * rows)
        .into_par_iter()
        .map(|c| {
            let (left, top) = (c % columns * 8, c / columns * 8);
            let (mut moved, mut sum, mut squares) = (0.0, 0.0, 0.0f32);
            for y in top..top + 8 {
                for x in left..left + 8 {
                    moved += change.luma[y * change.width + x];
                    let v = luma(x, y);
                    sum += v;
                    squares += v * v;
                }
            }
            let variance = (squares / 64.0 - (sum / 64.0).powi(2)).max(0.0);
            (moved / 64.0, ((variance + 0.1).log2() + 4.0).clamp(0.0, CLASSES as f32 - 1.0) as usize)
        })
        .collect();
    let mut means = [(0.0f32, 0.0f32); CLASSES];
    for (moved, class) in &blocks {
        means[*class].0 += moved;
        means[*class].1 += 1.0;
    }
    let values = blocks
        .iter()
        .map(|(moved, class)| {
            let usual = (means[*class].0 / means[*class].1.max(1.0)).max(0.05);
            ((moved / usual).max(1e-3).log2() / 2.0).clamp(0.0, 1.0)
        })
        .collect();
    Cells { columns, rows, covers: [0, 0, columns as u32 * 8, rows as u32 * 8], values, reliability: None }
}
