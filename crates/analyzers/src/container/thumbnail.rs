//! The embedded thumbnail against the picture.
//!
//! The decision that shapes it: both are brought to the thumbnail's size and smoothed alike,
//! brightness and contrast are fitted, a shift of two pixels is allowed, and what remains is looked
//! at in tiles. A thumbnail is a small, hard-compressed picture, so only clear differences are
//! remarked.
use assay_evidence::{Evidence, Severity};
use assay_media::Source;
use assay_media::jpeg::JpegStructure;
use image::{GrayImage, RgbImage, imageops};

use crate::{AnalyzerError, Sample, maps};

/// Longest side of a thumbnail that is decoded, in pixels.
const MOST_SIDE: u32 = 2048;
/// Sides are compared at this length at most.
const COMPARED_SIDE: u32 = 160;
/// Grey level below which a border row counts as a black bar.
const BAR: u8 = 24;
/// Allowed disagreement of the proportions.
const PROPORTION: f64 = 0.05;
/// Below this correlation the two show different pictures.
const DIFFERENT: f64 = 0.8;
/// Tiles along the longer side.
const TILES: u32 = 8;
/// Shift in compared pixels that alignment may need.
const SHIFT: i64 = 2;

/// How the two agree.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Agreement {
    correlation: f64,
    /// Mean absolute difference of the worst tile and of the middle one, in grey levels.
    worst: f64,
    usual: f64,
    /// `[x, y, width, height]` of the worst tile in compared pixels.
    tile: [u32; 4],
}

pub(super) fn check(sample: &Sample, source: &Source, evidence: &mut Evidence) -> Result<(), AnalyzerError> {
    let (Some(structure), Some(bytes)) = (source.jpeg_structure(), source.still_bytes()) else { return Ok(()) };
    let Some(data) = structure.app.thumbnail.clone().and_then(|range| bytes.get(range)) else {
        if source.metadata().exif.as_ref().is_some_and(|e| e.make.is_some()) {
            evidence.remark(
                Severity::Info,
                "EXIF names a maker but there is no thumbnail. Most cameras and telephones store one; programs that save anew often drop it.",
            );
        }
        return Ok(());
    };
    let Some(thumbnail) = decode(data) else {
        evidence.remark(
            Severity::Notice,
            "The embedded thumbnail cannot be decoded: it was damaged, or a program wrote over part of the EXIF block.",
        );
        return Ok(());
    };
    let picture = sample.picture()?;
    let [left, top, width, height] = without_bars(&imageops::grayscale(&thumbnail));
    let inner = imageops::crop_imm(&thumbnail, left, top, width, height).to_image();
    let barred = (width, height) != thumbnail.dimensions();
    evidence.measure("thumbnail width", f64::from(thumbnail.width()), "pixels");
    evidence.measure("thumbnail height", f64::from(thumbnail.height()), "pixels");
    if barred {
        evidence.remark(
            Severity::Info,
            "The thumbnail has black bars, as cameras write it when its fixed 4:3 shape does not fit the picture.",
        );
    }
    tables(structure, data, evidence);
    let proportion = |w: u32, h: u32| f64::from(w) / f64::from(h.max(1));
    let (shape, expected) = (proportion(width, height), proportion(picture.width(), picture.height()));
    if (shape / expected - 1.0).abs() > PROPORTION {
        let turned = (shape * expected - 1.0).abs() < 0.05 && (expected - 1.0).abs() > 0.05;
        let (severity, text) = if turned {
            (
                Severity::Notice,
                "the picture was turned and its thumbnail was not, which viewers do when asked to turn a picture"
                    .to_owned(),
            )
        } else {
            (
                Severity::Inconsistent,
                format!(
                    "the picture ({expected:.2} times as wide as high) was cropped or extended after the thumbnail ({shape:.2}) was made, by a program that left the \
                     thumbnail alone"
                ),
            )
        };
        evidence.remark(severity, format!("The thumbnail has other proportions than the picture: {text}. The thumbnail may show what was there before."));
        return show(picture, &inner, None, "of other proportions", evidence);
    }
    let agreement = compare(picture, &inner);
    evidence.measure("correlation of thumbnail and picture", (agreement.correlation * 1000.0).round() / 1000.0, "");
    evidence.measure("largest difference of a tile", (agreement.worst * 10.0).round() / 10.0, "grey levels");
    if agreement.correlation < DIFFERENT {
        evidence.remark(
            Severity::Inconsistent,
            format!(
                "The thumbnail does not show this picture (correlation {:.2}): it was kept from another picture, or the picture was changed through and through.",
                agreement.correlation
            ),
        );
        return show(picture, &inner, None, "of another picture", evidence);
    }
    if agreement.worst > 18.0 && agreement.worst > 4.0 * agreement.usual {
        evidence.remark(
            Severity::Inconsistent,
            format!(
                "Thumbnail and picture differ in one place by {:.0} grey levels, {:.0} elsewhere: the picture was probably changed there after the thumbnail was made. Strong local \
                 sharpening or a stamp that a program put in differ so as well.",
                agreement.worst, agreement.usual
            ),
        );
        let (cw, ch) = compared_size(&inner);
        let scale = |v: u32, from: u32, to: u32| (u64::from(v) * u64::from(to) / u64::from(from.max(1))) as u32;
        let [x, y, w, h] = agreement.tile;
        let coded = [
            scale(x, cw, picture.width()),
            scale(y, ch, picture.height()),
            scale(w, cw, picture.width()).max(1),
            scale(h, ch, picture.height()).max(1),
        ];
        evidence.places.push(maps::region(sample, coded, "differs from the embedded thumbnail"));
        return show(picture, &inner, Some(agreement.tile), "that differs in the marked place", evidence);
    }
    evidence.remark(
        Severity::Info,
        format!("The thumbnail shows the same picture (correlation {:.2}). A program that saves anew mostly makes a new thumbnail, so this says little.", agreement.correlation),
    );
    show(picture, &inner, None, "that shows the same", evidence)
}

fn decode(data: &[u8]) -> Option<RgbImage> {
    let mut reader = image::ImageReader::new(std::io::Cursor::new(data));
    reader.set_format(image::ImageFormat::Jpeg);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    reader.limits(limits);
    let picture = reader.decode().ok()?.into_rgb8();
    (picture.width() >= 16 && picture.height() >= 16).then_some(picture)
}

/// The rectangle inside black bars of equal width on two opposite sides.
fn without_bars(grey: &GrayImage) -> [u32; 4] {
    let (w, h) = grey.dimensions();
    let dark_row = |y: u32| (0..w).all(|x| grey.get_pixel(x, y)[0] < BAR);
    let dark_column = |x: u32| (0..h).all(|y| grey.get_pixel(x, y)[0] < BAR);
    let bars = |n: u32, dark: &dyn Fn(u32) -> bool| {
        let before = (0..n).take_while(|i| dark(*i)).count() as u32;
        let after = (0..n).rev().take_while(|i| dark(*i)).count() as u32;
        // One-sided darkness belongs to the picture; so does a picture that is dark through and
        // through.
        let bar = before.min(after);
        if before.abs_diff(after) <= 2 && bar > 0 && 2 * bar < n / 2 { (before, after) } else { (0, 0) }
    };
    let (top, bottom) = bars(h, &dark_row);
    let (left, right) = bars(w, &dark_column);
    [left, top, w - left - right, h - top - bottom]
}

fn compared_size(thumbnail: &RgbImage) -> (u32, u32) {
    let (w, h) = thumbnail.dimensions();
    let scale = (f64::from(COMPARED_SIDE) / f64::from(w.max(h))).min(1.0);
    let side = |v: u32| ((f64::from(v) * scale).round() as u32).max(1);
    (side(w), side(h))
}

/// Reduced to the compared size, grey, smoothed.
fn reduced(picture: &RgbImage, size: (u32, u32)) -> Vec<f64> {
    let small = imageops::grayscale(&imageops::thumbnail(picture, size.0, size.1));
    let at = |x: i64, y: i64| {
        let (x, y) = (x.clamp(0, i64::from(size.0) - 1) as u32, y.clamp(0, i64::from(size.1) - 1) as u32);
        f64::from(small.get_pixel(x, y)[0])
    };
    let mut out = Vec::with_capacity((size.0 * size.1) as usize);
    for y in 0..i64::from(size.1) {
        for x in 0..i64::from(size.0) {
            let sum: f64 =
                (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))).map(|(dx, dy)| at(x + dx, y + dy)).sum();
            out.push(sum / 9.0);
        }
    }
    out
}

fn compare(picture: &RgbImage, thumbnail: &RgbImage) -> Agreement {
    let size = compared_size(thumbnail);
    let (large, small) = (reduced(picture, size), reduced(thumbnail, size));
    let mut best = fitted(&large, &small, size, (0, 0));
    for dy in -SHIFT..=SHIFT {
        for dx in -SHIFT..=SHIFT {
            let next = fitted(&large, &small, size, (dx, dy));
            if next.correlation > best.correlation {
                best = next;
            }
        }
    }
    best
}

/// Agreement of `large(x + shift)` with `small(x)` after the best gain and offset.
fn fitted(large: &[f64], small: &[f64], size: (u32, u32), shift: (i64, i64)) -> Agreement {
    let (w, h) = (i64::from(size.0), i64::from(size.1));
    let pair = |x: i64, y: i64| {
        let (sx, sy) = (x + shift.0, y + shift.1);
        let inside = (SHIFT..w - SHIFT).contains(&x) && (SHIFT..h - SHIFT).contains(&y);
        inside.then(|| (large[(sy * w + sx) as usize], small[(y * w + x) as usize]))
    };
    let pairs: Vec<(f64, f64)> = (0..h).flat_map(|y| (0..w).filter_map(move |x| pair(x, y))).collect();
    let n = pairs.len().max(1) as f64;
    let (ma, mb) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
    let (va, vb) = (sum(&|p| (p.0 - ma).powi(2)), sum(&|p| (p.1 - mb).powi(2)));
    let cov = sum(&|p| (p.0 - ma) * (p.1 - mb));
    let flat = va < n || vb < n;
    let correlation = if flat { f64::from(u8::from(va < n && vb < n)) } else { cov / (va * vb).sqrt() };
    let gain = if flat { 1.0 } else { cov / va };
    let tile = (size.0.max(size.1) / TILES).max(4);
    let mut tiles: Vec<(f64, [u32; 4])> = Vec::new();
    for ty in (0..size.1).step_by(tile as usize) {
        for tx in (0..size.0).step_by(tile as usize) {
            let (tw, th) = (tile.min(size.0 - tx), tile.min(size.1 - ty));
            let parts: Vec<f64> = (ty..ty + th)
                .flat_map(|y| (tx..tx + tw).filter_map(move |x| pair(i64::from(x), i64::from(y))))
                .map(|(a, b)| (mb + gain * (a - ma) - b).abs())
                .collect();
            if parts.len() as u32 * 2 >= tile * tile {
                tiles.push((parts.iter().sum::<f64>() / parts.len() as f64, [tx, ty, tw, th]));
            }
        }
    }
    tiles.sort_by(|a, b| a.0.total_cmp(&b.0));
    let usual = tiles.get(tiles.len() / 2).map_or(0.0, |t| t.0);
    let (worst, tile) = tiles.last().copied().unwrap_or((0.0, [0, 0, size.0, size.1]));
    Agreement { correlation, worst, usual, tile }
}

/// Which tables the two have.
fn tables(structure: &JpegStructure, data: &[u8], evidence: &mut Evidence) {
    let Ok(small) = JpegStructure::parse(data) else { return };
    let (Some((main, main_distance)), Some((thumb, thumb_distance))) = (structure.quality(), small.quality()) else {
        return;
    };
    let kind = |quality: u8, distance: f32| {
        if distance == 0.0 {
            format!("IJG tables of quality {quality}")
        } else {
            format!("tables of its own (nearest quality {quality})")
        }
    };
    // Measured: a Nikon D200 writes IJG tables for the picture and its own for the thumbnail, a D70
    // the other way round.
    let note =
        if (main_distance == 0.0) == (thumb_distance == 0.0) { "" } else { " Cameras and programs both do this." };
    evidence.remark(
        Severity::Info,
        format!("The picture has {}, the thumbnail {}.{note}", kind(main, main_distance), kind(thumb, thumb_distance)),
    );
}

/// Both side by side at the compared size, twice enlarged; the differing tile is framed.
fn show(
    picture: &RgbImage,
    thumbnail: &RgbImage,
    tile: Option<[u32; 4]>,
    what: &str,
    evidence: &mut Evidence,
) -> Result<(), AnalyzerError> {
    const ENLARGED: u32 = 2;
    let (w, h) = compared_size(thumbnail);
    let small = imageops::thumbnail(thumbnail, w, h);
    let scale = f64::from(h) / f64::from(picture.height());
    let width = ((f64::from(picture.width()) * scale).round() as u32).clamp(1, 4 * COMPARED_SIDE);
    let mut large = imageops::thumbnail(picture, width, h);
    let mut small = small;
    if let Some([x, y, tw, th]) = tile {
        for side in [&mut large, &mut small] {
            frame(side, [x, y, tw, th]);
        }
    }
    let gap = 6;
    let mut both = RgbImage::from_pixel(width + w + gap, h, image::Rgb([255, 255, 255]));
    imageops::replace(&mut both, &large, 0, 0);
    imageops::replace(&mut both, &small, i64::from(width + gap), 0);
    let both =
        imageops::resize(&both, both.width() * ENLARGED, both.height() * ENLARGED, imageops::FilterType::Nearest);
    evidence
        .pictures
        .push(maps::picture(&both, format!("Left the picture, reduced; right the embedded thumbnail {what}"))?);
    Ok(())
}

fn frame(picture: &mut RgbImage, [x, y, w, h]: [u32; 4]) {
    let (right, bottom) = ((x + w).min(picture.width()), (y + h).min(picture.height()));
    for px in x..right {
        for py in y..bottom {
            if px == x || py == y || px + 1 == right || py + 1 == bottom {
                picture.put_pixel(px, py, image::Rgb([255, 0, 0]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
            let value = 120.0
                + 60.0 * (9.0 * u).sin() * (7.0 * v).cos()
                + 40.0 * f64::from(u8::from((u - 0.3).hypot(v - 0.6) < 0.2));
            image::Rgb([value as u8; 3])
        })
    }

    #[test]
    fn a_reduced_picture_agrees_with_itself() {
        let agreement = compare(&scene(800, 600), &scene(160, 120));
        assert!(agreement.correlation > 0.98 && agreement.worst < 8.0, "{agreement:?}");
    }

    #[test]
    fn a_changed_place_is_found() {
        let mut changed = scene(800, 600);
        for y in 200..320 {
            for x in 500..620 {
                changed.put_pixel(x, y, image::Rgb([255, 255, 255]));
            }
        }
        let agreement = compare(&changed, &scene(160, 120));
        assert!(agreement.correlation > DIFFERENT && agreement.worst > 4.0 * agreement.usual, "{agreement:?}");
        let [x, y, w, h] = agreement.tile;
        assert!((x..x + w).contains(&112) || (x..x + w).contains(&104), "{agreement:?}");
        assert!((y..y + h).contains(&52) || (y..y + h).contains(&46), "{agreement:?}");
    }

    #[test]
    fn bars_are_cut_and_dark_pictures_are_not() {
        let barred = GrayImage::from_fn(160, 120, |x, y| {
            image::Luma([if (7..113).contains(&y) { 40 + (x % 80) as u8 } else { 2 }])
        });
        assert_eq!(without_bars(&barred), [0, 7, 160, 106]);
        assert_eq!(without_bars(&GrayImage::new(160, 120)), [0, 0, 160, 120]);
        let night = GrayImage::from_fn(160, 120, |_, y| image::Luma([if y > 60 { 90 } else { 0 }]));
        assert_eq!(without_bars(&night), [0, 0, 160, 120]);
    }
}
