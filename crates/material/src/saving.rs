//! Saving and opening pictures the way users' programs do: IJG tables, 4:2:0 with averaged chroma,
//! no metadata unless given.
//!
//! The encoder crate takes every second chroma sample; libjpeg, and with it nearly every program in
//! use, averages 2x2. The pictures made here must look like theirs, so the averaging happens in the
//! buffer that feeds the encoder.
use anyhow::Context;
use image::{Rgb, RgbImage};
use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor};
use std::path::Path;

/// JPEG bytes of a picture at an IJG quality of 1..=100, baseline, 4:2:0, in a JFIF frame, without
/// metadata.
///
/// # Errors
/// When the quality is out of range or a side is 0 or above 65,535.
pub fn jpeg_bytes(picture: &RgbImage, quality: u8) -> anyhow::Result<Vec<u8>> {
    jpeg_bytes_with(picture, quality, &[])
}

/// As [`jpeg_bytes`], with APPn segments (number, content) written after the JFIF header.
///
/// # Errors
/// As [`jpeg_bytes`], or when a segment's number or length is out of range.
pub fn jpeg_bytes_with(picture: &RgbImage, quality: u8, segments: &[(u8, Vec<u8>)]) -> anyhow::Result<Vec<u8>> {
    let (width, height) = picture.dimensions();
    anyhow::ensure!((1..=100).contains(&quality), "JPEG quality {quality} is not in 1..=100");
    let rows = AveragedChroma::new(
        picture,
        u16::try_from(width).context("too wide for JPEG")?,
        u16::try_from(height).context("too high for JPEG")?,
    );
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    for (number, content) in segments {
        encoder.add_app_segment(*number, content)?;
    }
    encoder.encode_image(rows)?;
    Ok(bytes)
}

/// The picture that a viewer shows for these JPEG bytes.
///
/// # Errors
/// When they are not a JPEG file that can be decoded.
pub fn decode_jpeg(bytes: &[u8]) -> anyhow::Result<RgbImage> {
    Ok(image::load_from_memory_with_format(bytes, image::ImageFormat::Jpeg)?.into_rgb8())
}

/// PNG bytes of a picture.
///
/// # Errors
/// When it has no pixels.
pub fn png_bytes<P>(picture: &image::ImageBuffer<P, Vec<u8>>) -> anyhow::Result<Vec<u8>>
where
    P: image::PixelWithColorType<Subpixel = u8>,
{
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// Writes a file whole or not at all.
///
/// # Errors
/// When it cannot be written; the message names the path.
pub fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    assay_files::write_whole(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// JFIF YCbCr (BT.601 full range) whose chroma is the mean of each 2x2 cell, repeated, so that
/// decimation yields the mean.
struct AveragedChroma {
    width: u16,
    height: u16,
    luma: Vec<u8>,
    /// `[Cb, Cr]` of the 2x2 cells, row-major.
    chroma: Vec<[u8; 2]>,
}

impl AveragedChroma {
    fn new(picture: &RgbImage, width: u16, height: u16) -> Self {
        let luma = picture
            .pixels()
            .map(|Rgb([r, g, b])| 0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b))
            .map(|y| y.round() as u8)
            .collect();
        let cells_wide = u32::from(width).div_ceil(2);
        let cells_high = u32::from(height).div_ceil(2);
        let mut chroma = Vec::with_capacity((cells_wide * cells_high) as usize);
        for cy in 0..cells_high {
            for cx in 0..cells_wide {
                let mut sum = [0.0f32; 3];
                let mut count = 0.0;
                for y in [2 * cy, 2 * cy + 1] {
                    for x in [2 * cx, 2 * cx + 1] {
                        if let Some(pixel) = picture.get_pixel_checked(x, y) {
                            for (total, value) in sum.iter_mut().zip(pixel.0) {
                                *total += f32::from(value);
                            }
                            count += 1.0;
                        }
                    }
                }
                let [r, g, b] = sum.map(|v| v / count);
                let cb = -0.168_736 * r - 0.331_264 * g + 0.5 * b + 128.0;
                let cr = 0.5 * r - 0.418_688 * g - 0.081_312 * b + 128.0;
                chroma.push([cb.round() as u8, cr.round() as u8]);
            }
        }
        Self { width, height, luma, chroma }
    }
}

impl ImageBuffer for AveragedChroma {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let width = usize::from(self.width);
        let start = usize::from(y) * width;
        buffers[0].extend_from_slice(&self.luma[start..start + width]);
        let cells = width.div_ceil(2);
        let row = &self.chroma[usize::from(y / 2) * cells..][..cells];
        for x in 0..width {
            let [cb, cr] = row[x / 2];
            buffers[1].push(cb);
            buffers[2].push(cr);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_pictures_open_again_and_look_the_same() {
        let picture = RgbImage::from_fn(67, 45, |x, y| Rgb([(x * 3) as u8, (y * 5) as u8, 128]));
        let opened = decode_jpeg(&jpeg_bytes(&picture, 95).unwrap()).unwrap();
        assert_eq!(opened.dimensions(), picture.dimensions());
        let worst = picture.iter().zip(opened.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst < 16, "worst difference {worst}");
    }

    #[test]
    fn chroma_is_the_mean_of_its_cell() {
        let picture = RgbImage::from_fn(4, 2, |x, _| Rgb(if x % 2 == 0 { [255, 0, 0] } else { [0, 0, 255] }));
        let rows = AveragedChroma::new(&picture, 4, 2);
        // Mean colour of the cell (127.5, 0, 127.5): Cb = 128 - 21.5 + 63.75 = 170.2, Cr = 128 +
        // 63.75 - 10.4 = 181.4.
        assert_eq!(rows.chroma, [[170, 181], [170, 181]]);
    }

    #[test]
    fn a_quality_of_zero_is_refused() {
        assert!(jpeg_bytes(&RgbImage::new(8, 8), 0).is_err());
    }
}
