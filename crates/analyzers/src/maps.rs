//! From cells in coded orientation to the maps, boxes and pictures of a report: the one place where
//! orientation is applied to evidence.
use std::io::Cursor;

use assay_evidence::{Heatmap, Legend, Picture, PngData, Preview, Where};
use base64::Engine as _;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use crate::{AnalyzerError, Sample};

/// Coarse cells over the coded picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    /// Cells across.
    pub columns: usize,
    /// Cells down.
    pub rows: usize,
    /// Covered rectangle `[x, y, width, height]` of the coded picture in pixels.
    pub covers: [u32; 4],
    /// Row-major values, 0 (nothing) to 1 (full support for forgery); clamped.
    pub values: Vec<f32>,
    /// Row-major 0..=1: how far each cell can be relied on.
    pub reliability: Option<Vec<f32>>,
}

/// Long side of any picture embedded in a report, in pixels.
pub const MAX_PICTURE_SIDE: u32 = 1280;

/// Encodes 8-bit samples as base64 PNG.
///
/// # Errors
/// [`AnalyzerError::Picture`] when the sizes do not fit.
pub fn png(samples: &[u8], width: u32, height: u32, color: ExtendedColorType) -> Result<PngData, AnalyzerError> {
    let mut bytes = Cursor::new(Vec::new());
    let encoder = image::codecs::png::PngEncoder::new_with_quality(
        &mut bytes,
        image::codecs::png::CompressionType::Default,
        image::codecs::png::FilterType::Adaptive,
    );
    encoder.write_image(samples, width, height, color)?;
    Ok(PngData(base64::engine::general_purpose::STANDARD.encode(bytes.into_inner())))
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect()
}

/// The heat map of a report from cells over the coded picture.
///
/// # Errors
/// [`AnalyzerError`] when the sample or the encoder fails.
pub fn heatmap(sample: &Sample, cells: &Cells, legend: Legend) -> Result<Heatmap, AnalyzerError> {
    let orientation = sample.orientation();
    let (width, height) = sample.coded_size();
    let (values, columns, rows) = orientation.turn(&bytes(&cells.values), cells.columns, cells.rows);
    let grey = |v: &[u8]| png(v, columns as u32, rows as u32, ExtendedColorType::L8);
    let reliability = match &cells.reliability {
        Some(r) => Some(grey(&orientation.turn(&bytes(r), cells.columns, cells.rows).0)?),
        None => None,
    };
    Ok(Heatmap {
        png: grey(&values)?,
        columns: columns as u32,
        rows: rows as u32,
        covers: orientation.shown_box(cells.covers, width, height),
        legend,
        reliability,
    })
}

/// A box given in coded pixels `[x, y, width, height]`, as shown.
pub fn region(sample: &Sample, coded: [u32; 4], label: impl Into<String>) -> Where {
    let (w, h) = sample.coded_size();
    let [x, y, width, height] = sample.orientation().shown_box(coded, w, h);
    Where::Region { x, y, width, height, label: label.into() }
}

/// A picture that covers exactly the examined one, given in coded orientation; turned and reduced
/// to [`MAX_PICTURE_SIDE`].
///
/// # Errors
/// [`AnalyzerError::Picture`] when encoding fails.
pub fn picture_over_input(
    sample: &Sample,
    coded: &RgbImage,
    caption: impl Into<String>,
) -> Result<Picture, AnalyzerError> {
    let (shown, width, height) = turned(sample, coded);
    let png = png(shown.as_flattened(), width, height, ExtendedColorType::Rgb8)?;
    Ok(Picture { caption: caption.into(), png, width, height, over_input: true })
}

/// The examined picture or frame itself for the reader's eye, given in coded orientation; turned
/// and reduced.
///
/// # Errors
/// [`AnalyzerError::Picture`] when encoding fails.
pub fn preview(sample: &Sample, coded: &RgbImage, pts_secs: Option<f64>) -> Result<Preview, AnalyzerError> {
    let (shown, width, height) = turned(sample, coded);
    let mut jpeg = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 88);
    encoder.encode(shown.as_flattened(), width, height, ExtendedColorType::Rgb8)?;
    let jpeg = base64::engine::general_purpose::STANDARD.encode(jpeg);
    Ok(Preview { jpeg, width, height, pts_secs })
}

fn turned(sample: &Sample, coded: &RgbImage) -> (Vec<[u8; 3]>, u32, u32) {
    let small = reduce(coded);
    let pixels: Vec<[u8; 3]> = small.pixels().map(|p| p.0).collect();
    let (shown, width, height) = sample.orientation().turn(&pixels, small.width() as usize, small.height() as usize);
    (shown, width as u32, height as u32)
}

/// A picture that stands for itself (a spectrum, a plot of matches); reduced to
/// [`MAX_PICTURE_SIDE`].
///
/// # Errors
/// [`AnalyzerError::Picture`] when encoding fails.
pub fn picture(rgb: &RgbImage, caption: impl Into<String>) -> Result<Picture, AnalyzerError> {
    let small = reduce(rgb);
    let (width, height) = small.dimensions();
    let png = png(small.as_raw(), width, height, ExtendedColorType::Rgb8)?;
    Ok(Picture { caption: caption.into(), png, width, height, over_input: false })
}

fn reduce(rgb: &RgbImage) -> RgbImage {
    let (w, h) = rgb.dimensions();
    let long = w.max(h);
    if long <= MAX_PICTURE_SIDE {
        return rgb.clone();
    }
    let scale = f64::from(MAX_PICTURE_SIDE) / f64::from(long);
    let side = |v: u32| ((f64::from(v) * scale).round() as u32).max(1);
    image::imageops::resize(rgb, side(w), side(h), image::imageops::FilterType::Triangle)
}
