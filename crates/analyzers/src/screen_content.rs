//! # Screen content
//!
//! **What it looks for.** Signs that the picture was not recorded by a camera at all but drawn by a
//! program: a screenshot, a chart, a slide, a chat, a comic, a meme with words over it. The other
//! methods compare places of a *photograph* with each other; on drawn pictures they find
//! differences that mean nothing, and what is known of how often they err was learned from
//! photographs. So this finding says whether the rest of the report applies.
//!
//! **How.** Twenty numbers of the pixels are added up with weights (logistic regression), among
//! them:
//!
//! 1. *Equal neighbours.* A sensor has noise; a program fills areas with one exact value. The
//!    picture is cut into cells of 8x8 pixels; cells of one level are *flat*.
//! 2. *Edges.* A lens spreads an edge over several pixels; a program draws it in one or two,
//!    between sides that do not vary.
//! 3. *Strokes on a ground.* Cells in which a third of the pixels has one level that goes on in a
//!    flat neighbouring cell, with strong contrast against it: letters, lines, symbols.
//! 4. *Straight edges* along rows and columns that keep one contrast for at least 16 pixels: boxes,
//!    bars, hairlines.
//! 5. *Few levels and colours.* Single grey levels that are far commoner than those beside them.
//!
//! The score is the natural logarithm of the odds of "drawn" against "photograph" at equal numbers
//! of both. Weights and the level from which a picture is called screen content were learned apart
//! for JPEG files of four ranges of quality and for lossless files; any other format is measured
//! against what was learned from all of them together and the highest of their levels. At the level
//! at most one photograph in two hundred is called screen content, among photographs that the
//! weights had not seen.
//!
//! **How to read the map.** Bright cells hold strokes on a ground, middling ones are flat, dark
//! ones vary as recorded light does. A photograph inside a screenshot stays dark.
//!
//! **What fools it.** A screenshot in which a photograph fills nearly everything, a photograph of a
//! screen (which is a photograph), drawings with texture and noise (many games, renderings,
//! paintings), strong scaling of a screenshot. The other way: photographs with printed words,
//! frames or plain studio grounds, cut out on white, or saved with a palette.
//!
//! **What it does not say.** Whether the picture is genuine. A generated face is photographic in
//! this sense; a screenshot may show true words or false ones.
//!
//! **When it does not apply.** Clips, and pictures of fewer than 96 pixels on the shorter side.
//!
//! **References.** V. Athitsos, M. Swain, C. Frankel, "Distinguishing photographs and graphics on
//! the World Wide Web", IEEE Workshop on Content-Based Access of Image and Video Libraries (1997) ·
//! R. Lienhart, A. Hartmann, "Classifying images on the web automatically", Journal of Electronic
//! Imaging 11(4) (2002) · T.-T. Ng, S.-F. Chang, J. Hsu, L. Xie, M.-P. Tsui, "Physics-motivated
//! features for distinguishing photographic images and computer graphics", ACM Multimedia (2005).
mod measure;
mod table;

use assay_evidence::{Evidence, Family, Legend, MediaKind, Outcome, Role, Severity, Status};

use crate::maps::{self, Cells};
use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample};
use measure::{CELL, measure};
pub use measure::{COUNT, NAMES};
pub(crate) use measure::{Look, cells_of};
pub use table::{Learned, SavedAs, ScreenTable};

pub(crate) struct ScreenContent;

pub(crate) static THE: ScreenContent = ScreenContent;

/// Shorter side in pixels.
const MIN_SIDE: u32 = 96;

/// The measure of the finding that holds the score: the natural logarithm of the odds of "drawn"
/// against "photograph".
pub const SCORE: &str = "screen_content_score";
/// The measure of the finding that holds the level: from this score on the picture is called screen
/// content.
pub const LEVEL: &str = "screen_content_level";

static ABOUT: About = About {
    id: "screen_content",
    title: "Screen content",
    summary: "Tells pictures that a program drew (screenshots, slides, charts, memes) from those that a camera recorded.",
    family: Family::Undirected,
    status: Status::DisplayOnly,
    needs: &[Need::Facts, Need::Pixels { min_side: MIN_SIDE }, Need::JpegCoefficients],
    fooled_by: &[
        "A screenshot in which a photograph fills nearly everything looks like that photograph.",
        "Renderings and drawings with texture and noise look recorded.",
        "Printed words, frames, plain studio grounds and cut-outs on white make a photograph look drawn.",
        "A photograph of a screen is a photograph.",
    ],
    not_applicable_when: &["The file is a clip.", "The picture has fewer than 96 pixels on its shorter side."],
    references: &[
        "V. Athitsos, M. Swain, C. Frankel, Distinguishing photographs and graphics on the World Wide Web, IEEE Workshop on Content-Based Access of Image and Video Libraries (1997)",
        "R. Lienhart, A. Hartmann, Classifying images on the web automatically, Journal of Electronic Imaging 11(4) (2002)",
        "T.-T. Ng et al., Physics-motivated features for distinguishing photographic images and computer graphics, ACM Multimedia (2005)",
    ],
};

/// The numbers of a picture (8-bit RGB, coded orientation), in the order of [`NAMES`]: what the
/// table is learned from.
pub fn numbers(picture: &image::RgbImage) -> [f64; COUNT] {
    measure(picture).0
}

impl Analyzer for ScreenContent {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, _context: &Context) -> Result<Outcome, AnalyzerError> {
        if sample.kind() == MediaKind::Video {
            return Ok(Outcome::not_applicable("The file is a clip; only still pictures are told apart here."));
        }
        let (width, height) = sample.coded_size();
        if width.min(height) < MIN_SIDE {
            return Ok(Outcome::not_applicable(format!(
                "The picture is {width} x {height} pixels; at least {MIN_SIDE} on the shorter side are needed."
            )));
        }
        let luma_table = sample.jpeg()?.and_then(<[_]>::first).map(|luma| luma.quantisation);
        let saved_as = SavedAs::of(sample.source()?.format(), luma_table.as_ref());
        let learned = ScreenTable::shipped().ok().and_then(|table| table.of(saved_as).cloned());
        let Some(learned) = learned else {
            return Ok(Outcome::not_applicable("Nothing was learned for pictures that are saved like this one."));
        };
        let (numbers, cells) = measure(sample.picture()?);
        let score = learned.score(&numbers);
        Ok(Outcome::Evidence(Box::new(evidence(sample, &learned, score, &numbers, &cells)?)))
    }
}

fn evidence(
    sample: &Sample,
    learned: &Learned,
    score: f64,
    numbers: &[f64; COUNT],
    cells: &measure::Cells,
) -> Result<Evidence, AnalyzerError> {
    let of = |is: fn(&Look) -> bool| {
        let count = cells.looks.iter().filter(|l| is(l)).count();
        100.0 * count as f64 / cells.looks.len().max(1) as f64
    };
    let flat = of(|l| matches!(l, Look::Flat(_)));
    let strokes = of(|l| matches!(l, Look::Stroke(_)));
    let seen = format!(
        "{flat:.0} % of the picture is of one exact level place by place, {strokes:.0} % are strokes or letters on such a \
         ground, and {:.0} % of the strong edges are at most two pixels wide.",
        100.0 * numbers[4]
    );
    let said = if score >= learned.level {
        "This looks like a screenshot or a drawing, not like a picture that a camera recorded: "
    } else {
        "This looks like a picture that a camera recorded, or like one made to look so; it does not look like a screenshot or a drawing: "
    };
    let mut evidence = Evidence::new(Role::DisplayOnly, 0.0, format!("{said}{seen}"));
    evidence.measure(SCORE, score, "ln odds");
    evidence.measure(LEVEL, learned.level, "ln odds");
    evidence.measure("flat cells", flat, "%");
    evidence.measure("cells with strokes on a ground", strokes, "%");
    evidence.measure("strong edges at most two pixels wide", 100.0 * numbers[4], "%");
    evidence.remark(
        Severity::Info,
        format!(
            "The level is that of the table for {} files: {} of {} photographs that the weights had not seen reach it.",
            learned.saved_as.words(),
            learned.level_reached,
            learned.level_photographs
        ),
    );
    let values = cells.looks.iter().map(|look| match look {
        Look::Stroke(_) => 1.0,
        Look::Flat(_) => 0.6,
        _ => 0.0,
    });
    let covers = [0, 0, (cells.columns * CELL) as u32, (cells.rows * CELL) as u32];
    let map = Cells { columns: cells.columns, rows: cells.rows, covers, values: values.collect(), reliability: None };
    let legend = Legend { low: "varies as recorded light does".into(), high: "strokes on a flat ground".into() };
    evidence.heatmap = Some(maps::heatmap(sample, &map, legend)?);
    Ok(evidence)
}
