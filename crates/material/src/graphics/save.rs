//! How screen content reaches others: lossless, or as JPEG of some quality, scaled, saved again.
use std::fmt;

use anyhow::Context as _;
use image::{RgbImage, imageops};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::rng::Rng;
use crate::saving::{decode_jpeg, jpeg_bytes, png_bytes};

/// One way of saving.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Saving {
    /// Scaled by this before it is saved; 1 leaves it as drawn.
    pub scale: f64,
    /// A save as JPEG of this quality that came first.
    pub first: Option<u8>,
    /// IJG quality of the last save; `None` is PNG.
    pub quality: Option<u8>,
    /// Chroma at full resolution.
    pub full_chroma: bool,
}

/// A file's bytes.
#[derive(Debug, Clone)]
pub struct Saved {
    /// What stands in the file.
    pub bytes: Vec<u8>,
    /// `png` or `jpg`.
    pub extension: &'static str,
}

impl fmt::Display for Saving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale != 1.0 {
            write!(f, "scaled by {:.2}, ", self.scale)?;
        }
        if let Some(first) = self.first {
            write!(f, "JPEG {first}, then ")?;
        }
        match self.quality {
            Some(quality) => write!(f, "JPEG {quality} {}", if self.full_chroma { "4:4:4" } else { "4:2:0" }),
            None => write!(f, "PNG"),
        }
    }
}

impl Saving {
    /// Drawn at random, with the last save given: `None` is PNG.
    pub fn drawn(rng: &mut Rng, quality: Option<u8>) -> Self {
        let scale = if rng.chance(0.3) { (rng.range(0.45, 1.25) * 100.0).round() / 100.0 } else { 1.0 };
        let first = rng.chance(0.3).then(|| rng.between(60, 98) as u8);
        Self { scale, first, quality, full_chroma: rng.chance(0.4) }
    }

    /// The file.
    ///
    /// # Errors
    /// When a side is 0 or above 65,535.
    pub fn apply(&self, picture: &RgbImage) -> anyhow::Result<Saved> {
        let mut picture = picture.clone();
        if self.scale != 1.0 {
            let side = |v: u32| ((f64::from(v) * self.scale).round() as u32).max(1);
            let (w, h) = (side(picture.width()), side(picture.height()));
            picture = imageops::resize(&picture, w, h, imageops::FilterType::CatmullRom);
        }
        if let Some(first) = self.first {
            picture = decode_jpeg(&self.jpeg(&picture, first)?)?;
        }
        Ok(match self.quality {
            Some(quality) => Saved { bytes: self.jpeg(&picture, quality)?, extension: "jpg" },
            None => Saved { bytes: png_bytes(&picture)?, extension: "png" },
        })
    }

    fn jpeg(&self, picture: &RgbImage, quality: u8) -> anyhow::Result<Vec<u8>> {
        if !self.full_chroma {
            return jpeg_bytes(picture, quality);
        }
        let side = |v: u32| u16::try_from(v).context("too large for JPEG");
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, quality);
        encoder.set_sampling_factor(SamplingFactor::F_1_1);
        encoder.encode(picture.as_raw(), side(picture.width())?, side(picture.height())?, ColorType::Rgb)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphics::{Kind, draw};

    #[test]
    fn every_way_of_saving_gives_a_file_that_opens() {
        let picture = draw(Kind::Settings, 1, None).picture;
        for (quality, extension) in [(None, "png"), (Some(80), "jpg")] {
            for (full_chroma, scale) in [(false, 1.0), (true, 0.5)] {
                let saved = Saving { scale, first: Some(70), quality, full_chroma }.apply(&picture).unwrap();
                assert_eq!(saved.extension, extension);
                let opened = image::load_from_memory(&saved.bytes).unwrap();
                assert_eq!(opened.width(), (f64::from(picture.width()) * scale).round() as u32);
            }
        }
    }
}
