//! Still pictures: size without decoding, and pixels under the limits.
//!
//! The decision that shapes it: the pixels are those of the coded picture, 8-bit RGB, nothing
//! turned, blended or colour managed. Alpha is dropped (not composited: a background would be
//! invented), 16-bit samples keep their upper byte; both are said in the facts. A picture that ends
//! early is an error and never half a picture.
use std::io::Cursor;

use assay_evidence::Fact;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage};

use crate::sniff::Format;
use crate::{Limits, MediaError};

/// The decoder's name and version, for the report.
pub(crate) const DECODER: &str = "image 0.25";

/// Bytes that a decoder may need for one pixel at its worst: 16-bit RGBA and a working copy.
const WORKING_BYTES_PER_PIXEL: u64 = 16;

fn reader<'a>(bytes: &'a [u8], format: Format, limits: &Limits) -> Option<ImageReader<Cursor<&'a [u8]>>> {
    let format = match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::WebP => ImageFormat::WebP,
        Format::Gif => ImageFormat::Gif,
        Format::Tiff => ImageFormat::Tiff,
        Format::Bmp => ImageFormat::Bmp,
        _ => return None,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut bounds = image::Limits::default();
    bounds.max_alloc = Some(limits.max_pixels.saturating_mul(WORKING_BYTES_PER_PIXEL));
    reader.limits(bounds);
    Some(reader)
}

/// Size and sample format from the header.
pub(crate) struct Header {
    pub(crate) size: (u32, u32),
    pub(crate) facts: Vec<Fact>,
}

/// Reads the header of a still picture; nothing is decoded.
///
/// # Errors
/// [`MediaError::OverLimit`] when it claims more pixels than allowed, [`MediaError::Damaged`] when
/// the header is broken.
pub(crate) fn header(bytes: &[u8], format: Format, limits: &Limits) -> Result<Header, MediaError> {
    let Some(reader) = reader(bytes, format, limits) else {
        return Err(MediaError::Unsupported {
            format: format.label(),
            reason: "it has no reader in this process".into(),
        });
    };
    let decoder = reader.into_decoder().map_err(|error| failure(format, &error))?;
    let size = decoder.dimensions();
    within(size, limits)?;
    let color = decoder.original_color_type();
    let mut facts = vec![Fact::new("samples", format!("{color:?}"))];
    if decoder.color_type().has_alpha() {
        facts.push(Fact::new(
            "transparency",
            "an alpha channel is present; it is dropped, the colours under it are examined",
        ));
    }
    if decoder.color_type().bytes_per_pixel() > decoder.color_type().channel_count() {
        facts.push(Fact::new("depth", "more than 8 bits a sample; the upper 8 bits are examined"));
    }
    Ok(Header { size, facts })
}

/// Refuses pictures with more pixels than allowed.
///
/// # Errors
/// [`MediaError::OverLimit`].
pub(crate) fn within((width, height): (u32, u32), limits: &Limits) -> Result<(), MediaError> {
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        let most = limits.max_pixels;
        return Err(MediaError::OverLimit(format!(
            "the picture claims {width} x {height} pixels, at most {most} are read"
        )));
    }
    Ok(())
}

/// Decodes a still picture in coded orientation.
///
/// # Errors
/// [`MediaError::Damaged`] when the file is broken or ends early, [`MediaError::OverLimit`] beyond
/// the limits.
pub(crate) fn decode(bytes: &[u8], format: Format, limits: &Limits) -> Result<RgbImage, MediaError> {
    header(bytes, format, limits)?;
    let Some(reader) = reader(bytes, format, limits) else {
        return Err(MediaError::Unsupported {
            format: format.label(),
            reason: "it has no reader in this process".into(),
        });
    };
    let picture = reader.decode().map_err(|error| failure(format, &error))?;
    Ok(to_rgb8(picture))
}

/// 16-bit samples keep their upper byte: what a viewer shows, without the rounding that `image`
/// would do.
fn to_rgb8(picture: DynamicImage) -> RgbImage {
    let upper = |wide: Vec<u16>| -> Vec<u8> { wide.into_iter().map(|v| (v >> 8) as u8).collect() };
    match picture {
        DynamicImage::ImageRgb8(rgb) => rgb,
        DynamicImage::ImageRgba8(rgba) => {
            let (width, height) = rgba.dimensions();
            let mut rgb = RgbImage::new(width, height);
            for (to, from) in rgb.pixels_mut().zip(rgba.pixels()) {
                let [r, g, b, _] = from.0;
                to.0 = [r, g, b];
            }
            rgb
        }
        DynamicImage::ImageRgb16(wide) => {
            let (width, height) = wide.dimensions();
            RgbImage::from_raw(width, height, upper(wide.into_raw())).unwrap_or_default()
        }
        DynamicImage::ImageRgba16(wide) => {
            let (width, height) = wide.dimensions();
            let mut rgb = RgbImage::new(width, height);
            for (to, from) in rgb.pixels_mut().zip(wide.pixels()) {
                let [r, g, b, _] = from.0;
                to.0 = [r, g, b].map(|v| (v >> 8) as u8);
            }
            rgb
        }
        DynamicImage::ImageLuma16(wide) => {
            let (width, height) = wide.dimensions();
            let grey = upper(wide.into_raw());
            RgbImage::from_raw(width, height, grey.into_iter().flat_map(|v| [v; 3]).collect()).unwrap_or_default()
        }
        DynamicImage::ImageLumaA16(wide) => {
            let (width, height) = wide.dimensions();
            let mut rgb = RgbImage::new(width, height);
            for (to, from) in rgb.pixels_mut().zip(wide.pixels()) {
                to.0 = [(from.0[0] >> 8) as u8; 3];
            }
            rgb
        }
        DynamicImage::ImageLumaA8(grey) => {
            let (width, height) = grey.dimensions();
            let mut rgb = RgbImage::new(width, height);
            for (to, from) in rgb.pixels_mut().zip(grey.pixels()) {
                to.0 = [from.0[0]; 3];
            }
            rgb
        }
        other => other.into_rgb8(),
    }
}

fn failure(format: Format, error: &image::ImageError) -> MediaError {
    let format = format.label();
    match error {
        image::ImageError::Limits(limit) => MediaError::OverLimit(limit.to_string()),
        image::ImageError::Unsupported(what) => MediaError::Unsupported { format, reason: what.to_string() },
        // Some decoders break their message into lines; an error is one line.
        other => {
            MediaError::Damaged { format, reason: other.to_string().split_whitespace().collect::<Vec<_>>().join(" ") }
        }
    }
}
