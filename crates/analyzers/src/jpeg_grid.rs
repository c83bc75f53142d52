//! # JPEG grid
//!
//! **What it looks for.** JPEG cuts a picture into blocks of 8x8 pixels. A region that was pasted
//! from a JPEG keeps the grid of its own blocks, and unless it lands on a multiple of eight pixels
//! that grid does not match the picture's. It works on JPEG files and just as well on PNG and other
//! formats whose pixels were a JPEG once.
//!
//! **How.** The method is ZERO, with a second test that still sees a foreign grid under a last
//! save:
//!
//! 1. The 8x8 cosine transform of *every* overlapping block of the luma is taken. Saving sets many coefficients to zero, so the block that
//!    lies exactly on a former grid has more (near) zeros, |c| < 0.5, than its neighbours.
//! 2. Each pixel votes for the one of the 64 grid origins whose block around it has the most zeros.
//!    Ties, blocks that are constant along a direction and blocks that reach into places where
//!    letters or symbols on an even ground are the most cast no vote.
//! 3. *Main grid.* Without a save each origin gets 1/64 of the votes by chance. The binomial tail
//!    of the votes that the best origin got, times 64 tests, is its number of false alarms (NFA);
//!    pixels of one block vote alike and count once.
//! 4. *Foreign regions.* Cells of 8x8 pixels full of votes for another origin grow together when
//!    they are at most 12 pixels or so apart. The bounding box of such a region is tested in the
//!    same way, against 1/64 or the share which that origin has elsewhere, whichever is larger;
//!    tests: 63 origins times all boxes.
//! 5. *Missing grid.* When the file is not a JPEG but has a main grid, windows in which the votes
//!    for that grid fall below 0.4 times its share elsewhere are tested with the lower tail: such a
//!    region did not take part in the save.
//! 6. *Ranking.* After a last save the own grid wins nearly every vote, and ZERO goes blind. So in
//!    every tile of 8x8 pixels the 49 origins that share neither rows nor columns with the own grid
//!    are ranked: near zeros are counted at four levels (0.5, 1, 2 and 4), and an origin ranks by
//!    how far it stands out above those next to it (an edge in the picture raises neighbouring
//!    origins alike, a save raises one alone). Without a foreign past an origin's mean place is the
//!    middle. Windows of many sizes are scanned; chance is the middle with a small margin, or 1.6
//!    times the origin's advance elsewhere in the picture, whichever is larger, so a grid that the
//!    *whole* picture has (a photo that was cropped and saved again) does not count. The normal
//!    tail of the rank sum, times windows times origins, is the NFA.
//!
//! The score is `5 asinh(-log10(NFA) / 5)` of the more significant of the two region tests: 0
//! stands for one such finding by chance per picture.
//!
//! **How to read the map.** Bright cells vote for the foreign origin that was found, or rank it
//! high. The picture of votes shows one colour per origin: an untouched JPEG has one colour
//! throughout, black pixels cast no vote.
//!
//! **What fools it.** A paste that lands on a multiple of eight pixels both ways has the right grid
//! (one in 64 does so by chance). A last save at quality 75 and below leaves little of a foreign
//! grid. Scaling or turning the pasted part destroys its grid. Screenshots, collages and pictures
//! in pictures have foreign grids for honest reasons. Regular texture with a period of eight pixels
//! imitates one.
//!
//! **When it does not apply.** Pictures of fewer than 64 pixels on a side, and pictures that are
//! flat nearly everywhere.
//!
//! **References.** T. Nikoukhah, J. Anger, M. Colom, J.-M. Morel, R. Grompone von Gioi, *ZERO: a
//! Local JPEG Grid Origin Detector Based on the Number of DCT Zeros and its Applications in Image
//! Forensics*, Image Processing On Line 11, 2021. A. Desolneux, L. Moisan, J.-M. Morel, *From
//! Gestalt Theory to Image Analysis*, Springer, 2008.
mod detect;
mod map;
mod votes;

use assay_evidence::{Evidence, Family, Outcome, Role, Severity, Status};

use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample, maps};
use crate::drawn::Drawn;
use detect::{Excess, Foreign, MainGrid};

/// Shorter side in pixels.
const MIN_SIDE: u32 = 64;
/// Share of the picture that must lie in blocks that are not constant along a direction.
const LEAST_TEXTURE: f64 = 0.05;

pub(crate) struct JpegGrid;

pub(crate) static THE: JpegGrid = JpegGrid;

static ABOUT: About = About {
    id: "jpeg_grid",
    title: "JPEG grid",
    summary: "regions whose 8x8 compression grid does not match that of the picture",
    family: Family::Spatial,
    status: Status::Calibrated,
    needs: &[Need::Pixels { min_side: MIN_SIDE }, Need::JpegCoefficients],
    fooled_by: &[
        "A part pasted at a multiple of eight pixels both ways has the right grid; one in 64 does so by chance.",
        "A last save at quality 75 and below leaves little of a foreign grid.",
        "A part that was scaled or turned before it was pasted has lost its grid.",
        "Screenshots, collages and overlays have foreign grids for honest reasons.",
    ],
    not_applicable_when: &[
        "The picture has fewer than 64 pixels on its shorter side.",
        "The picture is flat nearly everywhere, or drawn (letters and symbols on an even ground).",
    ],
    references: &[
        "T. Nikoukhah, J. Anger, M. Colom, J.-M. Morel, R. Grompone von Gioi, ZERO: a Local JPEG Grid Origin Detector Based on the Number of DCT Zeros and its Applications in Image Forensics, Image Processing On Line 11, 2021",
        "A. Desolneux, L. Moisan, J.-M. Morel, From Gestalt Theory to Image Analysis, Springer, 2008",
    ],
};

/// Everything that was found in one picture.
struct Found {
    main: Option<MainGrid>,
    foreign: Vec<Foreign>,
    missing: Option<Foreign>,
    excess: Option<Excess>,
}

impl Found {
    /// The more significant of a foreign and a missing grid; true when it is the missing one.
    fn by_votes(&self) -> Option<(&Foreign, bool)> {
        let foreign = self.foreign.first();
        match &self.missing {
            Some(m) if foreign.is_none_or(|f| m.significance > f.significance) => Some((m, true)),
            _ => foreign.map(|f| (f, false)),
        }
    }

    fn significance(&self) -> f64 {
        let foreign = self.foreign.first().map(|f| f.significance);
        let missing = self.missing.as_ref().map(|m| m.significance);
        let excess = self.excess.map(|e| e.significance);
        [foreign, missing, excess].into_iter().flatten().fold(f64::NEG_INFINITY, f64::max)
    }
}

impl Analyzer for JpegGrid {
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
        let is_jpeg = sample.jpeg()?.is_some();
        let drawn = Drawn::of(luma);
        let mut votes = votes::vote(luma, &drawn, 0);
        let texture = votes.share_with_texture();
        if texture < LEAST_TEXTURE {
            return Ok(Outcome::not_applicable(
                "The picture is flat or drawn nearly everywhere; blocks without texture show no grid.",
            ));
        }
        let main = detect::main_grid(&votes).filter(|m| m.significance > 0.0);
        // The file's own grid starts at its corner whether or not the votes can show it.
        let own = if is_jpeg { Some(0) } else { main.map(|m| m.origin) };
        if let Some(own) = own.filter(|o| *o != 0) {
            votes = votes::vote(luma, &drawn, own);
        }
        let mut found = Found { main, foreign: detect::foreign_regions(&votes, own), missing: None, excess: None };
        found.excess = detect::excess(&votes, own.unwrap_or(0));
        if let (false, Some(main)) = (is_jpeg, main) {
            found.missing = detect::missing(&votes, main.origin);
        }
        let significance = found.significance();
        let Some(map) = map::combine(&votes, &found) else {
            return Ok(Outcome::not_applicable(
                "The picture has too little texture in any one place to compare grids.",
            ));
        };
        let mut evidence = Evidence::new(Role::Scored, texture.sqrt(), explanation(&found, is_jpeg)).with_score(
            5.0 * (significance / 5.0).asinh(),
            "5 asinh(x / 5) of x = -log10 of the number of false alarms",
        );
        evidence.measure("significance", significance, "-log10 NFA");
        if let Some(m) = main {
            evidence.measure("main grid origin x", (m.origin % 8) as f64, "px");
            evidence.measure("main grid origin y", (m.origin / 8) as f64, "px");
            evidence.measure("share of votes for the main grid", 100.0 * m.share, "%");
            evidence.measure("significance of the main grid", m.significance, "-log10 NFA");
            if is_jpeg && m.origin != 0 {
                evidence.remark(
                    Severity::Info,
                    format!(
                        "Most votes are for a grid shifted by {} and {} pixels against the file's own: the picture was cropped or moved between \
                         two saves.",
                        m.origin % 8,
                        m.origin / 8
                    ),
                );
            }
        }
        if let Some((f, ..)) = found.by_votes() {
            evidence.measure("votes of the strongest foreign region", f.significance, "-log10 NFA");
        }
        if let Some(e) = &found.excess {
            evidence.measure("ranking", e.significance, "-log10 NFA");
            evidence.measure("ranking, grid origin x", (e.origin % 8) as f64, "px");
            evidence.measure("ranking, grid origin y", (e.origin / 8) as f64, "px");
            evidence.measure("ranking, mean place in the region", 100.0 * e.inside, "%");
            evidence.measure("ranking, mean place elsewhere", 100.0 * e.elsewhere, "%");
        }
        evidence.places = map::places(sample, &votes, &found);
        evidence.heatmap = Some(maps::heatmap(sample, &map, map::legend())?);
        evidence.pictures.push(map::picture_of_votes(sample, &votes)?);
        Ok(Outcome::Evidence(Box::new(evidence)))
    }
}

fn explanation(found: &Found, is_jpeg: bool) -> String {
    let main = match found.main {
        Some(m) if !is_jpeg => format!(
            "The picture was a JPEG before: its blocks start at column {} and row {}. ",
            m.origin % 8,
            m.origin / 8
        ),
        None if !is_jpeg => "The picture as a whole shows no trace of a JPEG save. ".into(),
        _ => String::new(),
    };
    let by_votes = found.by_votes().filter(|(f, ..)| f.significance > 0.0);
    let excess = found.excess.filter(|e| e.significance > 0.0);
    let what = match (by_votes, excess) {
        (Some((_, true)), _) => {
            "In one region the grid of the picture's save is missing: it may have been put in after that save.".into()
        }
        (Some((f, ..)), _) => format!(
            "A region has its compression blocks at another place than the rest, shifted by {} and {} pixels. It was probably pasted from a \
             JPEG file.",
            f.origin % 8,
            f.origin / 8
        ),
        (None, Some(e)) => format!(
            "Under the grid of the last save, a region shows the trace of an earlier grid shifted by {} and {} pixels that the rest does not \
             show. It may have been pasted from a JPEG file.",
            e.origin % 8,
            e.origin / 8
        ),
        (None, None) => "No region shows a compression grid of its own beyond what chance allows.".into(),
    };
    let sure = if (0.0..3.0).contains(&found.significance()) { " The trace is weak and may be chance." } else { "" };
    format!("{main}{what}{sure}")
}
