//! The most and the least suspicious look, and beside each what of the networks' maps is more than
//! genuine faces show.
//!
//! The decision that shapes it: a map glows somewhere on every face, so a place is drawn only where
//! it lies above the level that all but one in a hundred genuine faces stay below everywhere
//! ([`assay_detect::null_levels`]). A clip's map is the mean over the stretch of the look, which is
//! what the level was learned on.
use assay_detect::null_levels::{self, FALSE_POSITIVES, Kind, Level};
use assay_detect::{About, NullLevels};
use assay_evidence::Picture;
use assay_faces::Faces;
use assay_faces::judged::{self, MAP_SIDE};
use image::{ExtendedColorType, Rgb, RgbImage};

use super::persons::{Judged, Look};
use crate::{AnalyzerError, maps};

/// How strongly a place is coloured that has just passed the level.
const FAINTEST: f32 = 0.35;

/// What of a map is more than genuine faces show.
struct Region {
    /// 0 where it is not; above the level rising to 1.
    shares: Vec<f32>,
    level: Option<Level>,
}

impl Region {
    /// Of a map with its null level, where one is known.
    fn of(map: &[f32], level: Option<Level>) -> Self {
        let share = |v: &f32| match level {
            Some(level) if *v > level.value => (FAINTEST + (v - level.value) / level.value.max(f32::EPSILON)).min(1.0),
            _ => 0.0,
        };
        Self { shares: map.iter().map(share).collect(), level }
    }

    fn places(&self) -> usize {
        self.shares.iter().filter(|s| **s > 0.0).count()
    }

    /// What it shows, in words.
    fn words(&self, kind: Kind) -> String {
        let Some(level) = self.level else {
            return "nothing is drawn, because it is not known what genuine faces show these networks".into();
        };
        let what = if kind == Kind::Clip { "stretches of genuine faces" } else { "genuine faces" };
        // With many chances the level is the highest that was seen.
        let share = if level.above == 0 { "any".into() } else { format!("{:.0} %", 100.0 * (1.0 - FALSE_POSITIVES)) };
        let than = format!("what {share} of {} {what} show", level.genuine);
        match self.places() {
            0 => format!("nothing above {than}"),
            n => format!("{n} of {} places above {than}", self.shares.len()),
        }
    }
}

/// The pictures, and in words what the first map shows of the most suspicious look.
pub(super) struct Shown {
    pub(super) pictures: Vec<Picture>,
    /// How many places of each of the detector's maps are above the level.
    pub(super) places: Vec<usize>,
    pub(super) words: Option<String>,
}

/// Crop and crops with maps, side by side, for the looks with the highest and, in a clip, the
/// lowest logit. `chances` is how many stretches or faces of the file the most suspicious one was
/// chosen from.
pub(super) fn most_and_least(
    person: &Judged<'_>,
    detector: &About,
    faces: &Faces,
    kind: Kind,
    chances: usize,
) -> Result<Shown, AnalyzerError> {
    let by_stretch =
        |a: &&assay_faces::stretches::Stretch, b: &&assay_faces::stretches::Stretch| a.logit.total_cmp(&b.logit);
    let most = person.stretches.iter().max_by(by_stretch);
    let least = person.stretches.iter().min_by(by_stretch);
    let levels = NullLevels::shipped().map_err(|e| AnalyzerError::Detector(e.to_string()))?;
    let weights = faces.detectors.iter().find(|d| d.detector == detector.id);
    let level = |map: &str| levels.of(kind, weights?, map)?.level(chances);
    let mut shown = Shown { pictures: Vec::new(), places: Vec::new(), words: None };
    for (what, stretch, is_most) in [("the most suspicious", most, true), ("the least suspicious", least, false)] {
        let Some(stretch) = stretch else { continue };
        let inside: Vec<&Look<'_>> = person.within(stretch).collect();
        let by_logit = |a: &&&Look<'_>, b: &&&Look<'_>| a.logit.total_cmp(&b.logit);
        let look = if is_most { inside.iter().max_by(by_logit) } else { inside.iter().min_by(by_logit) };
        let Some(look) = look.filter(|_| is_most || person.looks.len() > 1) else { continue };
        let regions: Vec<Region> =
            detector.maps.iter().map(|m| Region::of(&mean(&inside, detector.id, m.name), level(m.name))).collect();
        let over =
            if kind == Kind::Clip { format!(", over its stretch of {} looks", inside.len()) } else { String::new() };
        let described =
            detector.maps.iter().zip(&regions).fold(String::new(), |text, (m, region)| {
                text + "; then " + m.bright + &over + ": " + &region.words(kind)
            });
        let caption =
            format!("{}, {what} look, at {:.2} s, logit {:.2}{described}", person.id, look.pts_secs, look.logit);
        if is_most {
            shown.places = regions.iter().map(Region::places).collect();
            shown.words = regions.first().map(|r| r.words(kind));
        }
        let picture = drawn(look.judged, &regions)?;
        let png = maps::png(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::Rgb8)?;
        let (width, height) = picture.dimensions();
        shown.pictures.push(Picture { caption, png, width, height, over_input: false });
    }
    Ok(shown)
}

/// The mean map of some looks.
fn mean(looks: &[&Look<'_>], detector: &str, map: &str) -> Vec<f32> {
    null_levels::mean(looks.iter().filter_map(|look| look.judged.map(detector, map)))
}

fn drawn(judged: &judged::Judged, regions: &[Region]) -> Result<RgbImage, AnalyzerError> {
    let crop = image::load_from_memory_with_format(&judged.jpeg, image::ImageFormat::Jpeg)?.into_rgb8();
    let (width, height) = crop.dimensions();
    let mut out = RgbImage::new((1 + regions.len() as u32) * width, height);
    image::imageops::replace(&mut out, &crop, 0, 0);
    for (left, region) in (width..).step_by(width as usize).zip(regions) {
        for (x, y, pixel) in crop.enumerate_pixels() {
            let at = |v: u32, extent: u32| (v as f32 + 0.5) / extent as f32 * MAP_SIDE as f32 - 0.5;
            let share = between(&region.shares, at(x, width), at(y, height));
            let grey = 0.299 * f32::from(pixel.0[0]) + 0.587 * f32::from(pixel.0[1]) + 0.114 * f32::from(pixel.0[2]);
            // From the grey picture to a warm colour of the same structure.
            let hot = [255.0, 200.0 - 110.0 * share, 40.0];
            let mixed: [u8; 3] =
                std::array::from_fn(|c| (grey * 0.75 * (1.0 - 0.7 * share) + hot[c] * 0.7 * share) as u8);
            out.put_pixel(left + x, y, Rgb(mixed));
        }
    }
    Ok(out)
}

fn between(map: &[f32], x: f32, y: f32) -> f32 {
    let last = MAP_SIDE as f32 - 1.0;
    let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
    let (ix, iy) = ((x as usize).min(MAP_SIDE - 2), (y as usize).min(MAP_SIDE - 2));
    let (fx, fy) = (x - ix as f32, y - iy as f32);
    let at = |dx: usize, dy: usize| map.get((iy + dy) * MAP_SIDE + ix + dx).copied().unwrap_or(0.0);
    let (top, bottom) = (at(0, 0) + (at(1, 0) - at(0, 0)) * fx, at(0, 1) + (at(1, 1) - at(0, 1)) * fx);
    top + (bottom - top) * fy
}
