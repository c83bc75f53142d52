//! # Copy-move
//!
//! Looks for a part of the picture that was copied and pasted elsewhere in the same picture, to
//! hide something or to show it twice.
//!
//! ## How
//! 1. **Descriptors.** Around every pixel the magnitudes of 12 Zernike moments (order 0 to 5) of a
//!    disc of 13 or 17 pixels. They do not change when the disc is turned. Pictures above 1.5 Mpx
//!    are searched at a reduced size.
//! 2. **Matching.** PatchMatch finds for every pixel another pixel with nearly the same descriptor,
//!    at least some 20 pixels away, helped by predictors that continue the offsets of the
//!    neighbours. Besides, the autocorrelation of the fine detail proposes plain shifts.
//! 3. **Dense linear fitting.** Where the offsets of a neighbourhood follow one linear rule, the
//!    neighbourhood was matched as one piece. Each piece gives a candidate: a shift, or a shift
//!    with a turn and a change of size (0.6 to 1.7), refined by climbing.
//! 4. **Verification.** A candidate must bring *fine detail* onto equal fine detail: the picture
//!    less its local mean, divided by its local contrast, is correlated with itself through the
//!    transform over windows of 11 x 11 pixels. Windows that agree grow together. Straight edges
//!    (one-directional structure), flat parts, and black frames with their border count for
//!    nothing.
//! 5. **Rivals.** The region is correlated with every other place of the picture. Bricks, letters,
//!    edges and the block grid of JPEG match elsewhere too; a copy matches once.
//! 6. **Equal brightness.** A copy has the brightness of its original to within the noise of the
//!    last save; two windows of one house, or two eyes of one face, seldom have.
//!
//! The score is the natural logarithm of the odds, by a logistic regression on these measures over
//! planted copies and their untouched twins:
//! `0.46 + 0.5 ln(n / 60) + 1.85 atanh r - 1.6 atanh r' - 2 ln(d + 0.3)`, with `n` pixels' worth of
//! agreeing detail, correlation `r`, best rival `r'` and median difference of brightness `d` in
//! grey levels. Taken off are `5 (0.3 - atanh r + atanh r')`, if positive, and ten times the share
//! of the region that is carried onto the region itself: patterns continue into their own double,
//! copies do not.
//!
//! ## How to read the map
//! Both places of a match are marked, since equality is mutual. The place with the stronger seam
//! around it is taken for the pasted one and shown brighter; that choice is a guess, the match is
//! not. The drawn picture joins the two places by lines.
//!
//! ## What fools it
//! Things that really are alike and printed, drawn or rendered: logos, letters of one font, icons,
//! wallpaper. A copy without detail (sky, wall, smooth skin) cannot be told from its surroundings
//! and is missed, as are mirrored copies, copies changed in brightness, copies scaled beyond 0.6 to
//! 1.7 and copies smaller than about 25 x 25 pixels of the searched size. A strong final
//! compression wipes out the detail it reads.
//!
//! ## When it does not apply
//! Sides shorter than 64 pixels, and pictures with hardly any detail.
//!
//! ## References
//! D. Cozzolino, G. Poggi, L. Verdoliva, *Efficient Dense-Field Copy-Move Forgery Detection*, IEEE
//! TIFS 10(11), 2015 · C. Barnes et al., *PatchMatch*, ACM TOG 28(3), 2009 · S.-J. Ryu, M.-J. Lee,
//! H.-K. Lee, *Detection of Copy-Rotate-Move Forgery Using Zernike Moments*, IH 2010 · V.
//! Christlein et al., *An Evaluation of Popular Copy-Move Forgery Detection Approaches*, IEEE TIFS
//! 7(6), 2012.
mod features;
mod filters;
mod fitting;
mod patch_match;
mod places;
mod rival;
mod search;
mod show;
mod spectrum;
mod transform;
mod verify;

use assay_evidence::{Family, Outcome, Status};

use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample};

pub(crate) struct CopyMove;

pub(crate) static THE: CopyMove = CopyMove;

/// Shorter side from which there is room for two places.
const MIN_SIDE: u32 = 64;
/// Least share of pixels with detail that can be judged.
const LEAST_TEXTURE: f64 = 0.01;
/// Contrast in grey levels below which detail is taken for compression noise.
const NOISE_FLOOR: f32 = 2.0;

static ABOUT: About = About {
    id: "copy_move",
    title: "Copy-move",
    summary: "Looks for a part of the picture that was copied to another place of it",
    family: Family::Spatial,
    status: Status::Calibrated,
    needs: &[Need::Pixels { min_side: MIN_SIDE }],
    fooled_by: &[
        "Printed, drawn or rendered things that really are alike (logos, letters, icons, wallpaper) can look like copies.",
        "A copied part without fine detail (sky, wall, smooth skin) is missed.",
        "Mirrored copies, copies changed in brightness and copies scaled beyond 0.6 to 1.7 are missed.",
    ],
    not_applicable_when: &["A side is shorter than 64 pixels.", "The picture has hardly any fine detail."],
    references: &[
        "D. Cozzolino, G. Poggi, L. Verdoliva, Efficient Dense-Field Copy-Move Forgery Detection, IEEE TIFS 10(11) (2015)",
        "C. Barnes, E. Shechtman, A. Finkelstein, D. B. Goldman, PatchMatch, ACM TOG 28(3) (2009)",
        "S.-J. Ryu, M.-J. Lee, H.-K. Lee, Detection of Copy-Rotate-Move Forgery Using Zernike Moments, Information Hiding (2010)",
    ],
};

impl Analyzer for CopyMove {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, context: &Context) -> Result<Outcome, AnalyzerError> {
        let (width, height) = sample.coded_size();
        if width.min(height) < MIN_SIDE {
            return Ok(Outcome::not_applicable(format!("a side is shorter than {MIN_SIDE} pixels")));
        }
        let found = search::search(sample.luma()?, NOISE_FLOOR, context.seed);
        match found.filter(|f| f.textured_share >= LEAST_TEXTURE) {
            None => Ok(Outcome::not_applicable("the picture has hardly any fine detail to compare")),
            Some(found) => Ok(Outcome::Evidence(Box::new(show::evidence(sample, &found)?))),
        }
    }
}
