//! The most and the least suspicious look with the networks' map laid over the crop.
use assay_evidence::Picture;
use assay_faces::Suspicion;
use assay_faces::suspicion::MAP_SIDE;
use image::{ExtendedColorType, Rgb, RgbImage};

use super::persons::{Judged, Look};
use crate::{AnalyzerError, maps};

/// Crops are drawn at this multiple of their size.
const ZOOM: u32 = 2;
/// What a place adds to the logit at full brightness, at least.
const FULL: f32 = 8.0;

/// What is laid over a crop.
pub(crate) struct Overlay {
    /// What bright places are.
    pub(crate) bright: &'static str,
    /// 20 x 20 shares, 0 to 1.
    pub(crate) shares: fn(&Suspicion) -> Vec<f32>,
}

/// Crop and crops with maps, side by side, for the looks with the highest and, in a clip, the lowest logit.
pub(super) fn most_and_least(person: &Judged<'_>, overlays: &[Overlay]) -> Result<Vec<Picture>, AnalyzerError> {
    let by_logit = |a: &&Look<'_>, b: &&Look<'_>| a.logit.total_cmp(&b.logit);
    let most = person.looks.iter().max_by(by_logit);
    let least = person.looks.iter().min_by(by_logit).filter(|_| person.looks.len() > 1);
    let named = [("the most suspicious", most), ("the least suspicious", least)];
    let mut pictures = Vec::new();
    for (what, look) in named {
        let Some(look) = look else { continue };
        let bright = overlays.iter().fold(String::new(), |text, o| text + "; then bright: " + o.bright);
        let caption = format!("{}, {what} look, at {:.2} s, logit {:.2}{bright}", person.id, look.pts_secs, look.logit);
        let picture = drawn(look, overlays)?;
        let png = maps::png(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::Rgb8)?;
        pictures.push(Picture { caption, png, width: picture.width(), height: picture.height(), over_input: false });
    }
    Ok(pictures)
}

fn drawn(look: &Look<'_>, overlays: &[Overlay]) -> Result<RgbImage, AnalyzerError> {
    let crop = image::load_from_memory_with_format(&look.suspicion.jpeg, image::ImageFormat::Jpeg)?.into_rgb8();
    let (width, height) = (crop.width() * ZOOM, crop.height() * ZOOM);
    let crop = image::imageops::resize(&crop, width, height, image::imageops::FilterType::Triangle);
    let mut out = RgbImage::new((1 + overlays.len() as u32) * width, height);
    image::imageops::replace(&mut out, &crop, 0, 0);
    for (left, overlay) in (width..).step_by(width as usize).zip(overlays) {
        let map = (overlay.shares)(look.suspicion);
        for (x, y, pixel) in crop.enumerate_pixels() {
            let at = |v: u32, extent: u32| (v as f32 + 0.5) / extent as f32 * MAP_SIDE as f32 - 0.5;
            let share = between(&map, at(x, width), at(y, height));
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

/// What places add to a logit as shares: full at eight, or at the strongest place where that is more.
pub(crate) fn added(places: &[f32]) -> Vec<f32> {
    let most = places.iter().copied().fold(FULL, f32::max);
    places.iter().map(|v| (v / most).clamp(0.0, 1.0)).collect()
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
