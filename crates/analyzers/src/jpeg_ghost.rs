//! # JPEG ghosts
//!
//! **What it looks for.** A part of the picture that was saved as JPEG before, at another quality
//! or on another 8x8 grid than the rest: a region that was saved by itself and put back, or that
//! came from another file. As telling is the opposite: when the whole photo carries the ghost of an
//! earlier save, a region *without* it did not take part in that save.
//!
//! **How.** Saving as JPEG rounds each coefficient of the 8x8 cosine transform to a multiple of a
//! step Q. Farid's ghost saves the picture again at many qualities and looks where the difference
//! is small. That difference is, by Parseval's theorem, the remainder of each coefficient after
//! division by Q, so no encoder is needed here:
//!
//! 1. For each of the 64 places where the corner of a grid can lie, every block of that grid is
//!    transformed (luma).
//! 2. For each of 20 tables (IJG qualities 30 to 96), each low-frequency coefficient c that would
//!    survive (|c| at least Q/2) gives a fit `cos(2πc/Q)`: 1 on a multiple of Q, -1 half-way
//!    between, 0 on average when no such save took place. Coefficients that would become zero say
//!    nothing and are left out, so flat areas weigh nothing instead of dividing by nothing. Blocks
//!    that reach into places where letters or symbols on an even ground are the most are left out
//!    too: a font draws the same few coefficients again and again.
//! 3. Texture is taken out by comparison: the fit at a grid place is measured against the mean of
//!    the other places in the same window (places that share rows or columns with the file's own
//!    grid are compared among themselves). On the file's own grid, where coefficients are whole
//!    multiples of the file's steps, it is measured against the fit that a Laplacian histogram of
//!    the scale found around the block would show; steps of which the file's own is more than 0.72
//!    tell nothing and are left out.
//! 4. Windows of many sizes are scanned for a fit that departs from that of the rest. A ghost of
//!    the whole picture may be between 0.4 and 1.6 times as strong in a window as elsewhere without
//!    counting. What exceeds that, in standard deviations, gives a tail probability; multiplied by
//!    the number of windows, tables and grids it is the number of false alarms (NFA) to be expected
//!    in a picture without a local edit.
//!
//! The score is `5 asinh(-log10(NFA) / 5)` of the strongest departure: 0 means one such finding by
//! chance per picture, and large values grow slowly.
//!
//! **How to read the map.** Bright cells behave like the region that was found (its own ghost, or
//! its lack of the picture's), dark cells like the rest. Where the reliability is low (flat or
//! saturated areas) the map knows nothing. The small pictures show the remainder for rising
//! qualities, dark where an earlier save at that quality fits. The chart shows the same for region
//! and rest: a dip of one line alone is the ghost.
//!
//! **What fools it.** A strong final save (quality 60 and below) wipes ghosts of finer tables, and
//! ghosts on the file's own grid show only if the earlier save was coarser than the last. Two
//! regions from one and the same save do not differ. A pasted photo of another file explains a
//! ghost as well as a forgery does: collages, screenshots with pictures in them, and overlays that
//! a program drew after decoding. Repeated texture and synthetic edges can imitate a comb for a few
//! coefficients.
//!
//! **When it does not apply.** Pictures of fewer than 64 pixels on a side, or with hardly a
//! coefficient that would survive a save.
//!
//! **References.** H. Farid, *Exposing Digital Forgeries from JPEG Ghosts*, IEEE TIFS 4(1), 2009.
//! Z. Lin, J. He, X. Tang, C.-K. Tang, *Fast, automatic and fine-grained tampered JPEG image
//! detection via DCT coefficient analysis*, Pattern Recognition 42, 2009. T. Bianchi and A. Piva,
//! *Image Forgery Localization via Block-Grained Analysis of JPEG Artifacts*, IEEE TIFS 7(3), 2012.
//! A. Desolneux, L. Moisan, J.-M. Morel, *From Gestalt Theory to Image Analysis*, Springer, 2008.
mod map;
mod own_grid;
mod pictures;
mod residue;
mod scan;

use assay_evidence::{Evidence, Family, Outcome, Role, Severity, Status};

use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample, maps};
use crate::drawn::Drawn;
use residue::{QUALITIES, Residue};
use scan::Contrast;

/// Shorter side in pixels.
const MIN_SIDE: u32 = 64;
/// Coefficients that tell, on one grid, below which nothing is said.
const LEAST_COEFFICIENTS: f64 = 120.0;

pub(crate) struct JpegGhost;

pub(crate) static THE: JpegGhost = JpegGhost;

static ABOUT: About = About {
    id: "jpeg_ghost",
    title: "JPEG ghosts",
    summary: "regions saved as JPEG before, at another quality or on another grid than the rest",
    family: Family::Spatial,
    status: Status::Calibrated,
    needs: &[Need::Pixels { min_side: MIN_SIDE }, Need::JpegCoefficients],
    fooled_by: &[
        "A last save at a low quality wipes the ghosts of earlier saves at a higher one.",
        "Collages, overlays and screenshots that contain photos have honest regions with a history of their own.",
        "A region taken from a file with the same history, pasted at a multiple of eight pixels, has the same ghost as the rest.",
        "Strongly repeated texture can imitate the comb of a quantisation table.",
    ],
    not_applicable_when: &[
        "The picture has fewer than 64 pixels on its shorter side.",
        "The picture is so flat, or so much of it drawn, that hardly a coefficient tells of a save.",
    ],
    references: &[
        "H. Farid, Exposing Digital Forgeries from JPEG Ghosts, IEEE Transactions on Information Forensics and Security 4(1), 2009",
        "Z. Lin et al., Fast, automatic and fine-grained tampered JPEG image detection via DCT coefficient analysis, Pattern Recognition 42, 2009",
        "T. Bianchi, A. Piva, Image Forgery Localization via Block-Grained Analysis of JPEG Artifacts, IEEE TIFS 7(3), 2012",
        "A. Desolneux, L. Moisan, J.-M. Morel, From Gestalt Theory to Image Analysis, Springer, 2008",
    ],
};

impl Analyzer for JpegGhost {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, _context: &Context) -> Result<Outcome, AnalyzerError> {
        let (width, height) = sample.coded_size();
        if width.min(height) < MIN_SIDE {
            return Ok(Outcome::not_applicable(format!(
                "The picture is {width} x {height} pixels; at least {MIN_SIDE} on the shorter side are needed."
            )));
        }
        let luma = sample.luma()?;
        let table = sample.jpeg()?.and_then(|c| c.first()).map(|c| c.quantisation);
        let residue = Residue::measure(luma, table.as_ref(), &Drawn::of(luma));
        let own_grid = table.is_some();
        let (contrasts, log10_tests) = scan::scan(&residue, own_grid);
        let told = residue.most_coefficients();
        let Some(best) = scan::strongest(&contrasts).filter(|_| told >= LEAST_COEFFICIENTS) else {
            return Ok(Outcome::not_applicable(
                "The picture is too flat, or nearly all of it is drawn: hardly a coefficient tells of a save as JPEG.",
            ));
        };
        let found = scan::significance(best.z, log10_tests);
        let map = map::combine(&residue, &contrasts, log10_tests, own_grid);
        let mut evidence = Evidence::new(Role::Scored, (told / 2000.0).sqrt(), explanation(best, found))
            .with_score(5.0 * (found / 5.0).asinh(), "5 asinh(x / 5) of x = -log10 of the number of false alarms");
        evidence.measure("significance", found, "-log10 NFA");
        evidence.measure("quality of the strongest contrast", f64::from(QUALITIES[best.quality]), "IJG quality");
        evidence.measure("grid origin x", (best.origin % 8) as f64, "px");
        evidence.measure("grid origin y", (best.origin / 8) as f64, "px");
        evidence.measure("fit in the region", best.inside, "");
        evidence.measure("fit in the rest", best.outside, "");
        evidence.measure("coefficients that tell", told, "");
        if let Some(whole) = scan::whole_picture(&residue, own_grid) {
            evidence.measure("whole picture saved before at about", f64::from(QUALITIES[whole.quality]), "IJG quality");
            evidence.remark(Severity::Info, history(&whole));
        }
        if found > 0.0 {
            evidence.places.extend(map.bounds.map(|b| {
                let what = if best.z > 0.0 { "own earlier save" } else { "lacks the picture's earlier save" };
                maps::region(sample, residue.pixels(b, width, height), what)
            }));
        }
        evidence.heatmap = Some(maps::heatmap(sample, &map.cells(&residue, width, height), map::legend())?);
        evidence.charts.push(pictures::chart(&residue, best, own_grid));
        evidence.pictures.push(pictures::multiples(sample, &residue, best, own_grid)?);
        Ok(Outcome::Evidence(Box::new(evidence)))
    }
}

fn place(origin: usize) -> String {
    if origin == 0 {
        "on the grid at the picture's corner".into()
    } else {
        format!("on a grid shifted by {} and {} pixels", origin % 8, origin / 8)
    }
}

fn explanation(best: &Contrast, found: f64) -> String {
    let quality = QUALITIES[best.quality];
    let place = place(best.origin);
    if found <= 0.0 {
        return "No region differs from the rest in its history of JPEG saves by more than chance allows.".into();
    }
    let sure = if found > 3.0 { "" } else { " The difference is small and may be chance." };
    if best.z > 0.0 {
        format!(
            "A region carries the trace of an earlier JPEG save at about quality {quality} {place} that the rest of the picture does not \
             carry. It may have been saved by itself or come from another file.{sure}"
        )
    } else {
        format!(
            "The picture carries the trace of an earlier JPEG save at about quality {quality} {place}, but one region does not. That region \
             did not take part in the save; it may have been put in later.{sure}"
        )
    }
}

fn history(whole: &Contrast) -> String {
    let quality = QUALITIES[whole.quality];
    if whole.origin == 0 {
        format!("The picture as a whole was saved before at about quality {quality}. That is history, not forgery.")
    } else {
        format!(
            "The picture as a whole was saved before at about quality {quality}, {}: it was cropped or placed after that. That is history, \
             not forgery.",
            place(whole.origin)
        )
    }
}
