//! Saved as JPEG.
//!
//! As users' programs save: IJG tables, 4:2:0 with averaged chroma, baseline ([`crate::saving`]).
//! The options say what some programs do otherwise.
use anyhow::Context as _;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat, RgbImage};
use jpeg_encoder::{ColorType, Encoder, QuantizationTableType, SamplingFactor};

use super::{About, Canvas, Choice, Clips, Level, Number, Perturbation, Stills, canvas, to_image};
use crate::rng::Rng;
use crate::saving::{decode_jpeg, jpeg_bytes};

/// See the head of this file.
pub struct Jpeg;

/// The one there is.
pub static THE: Jpeg = Jpeg;

static ABOUT: About = About {
    id: "jpeg",
    summary: "saved as JPEG (IJG tables, 4:2:0)",
    level: Number { name: "quality", unit: "", least: 1.0, most: 100.0 },
    levels: &[95.0, 85.0, 75.0, 60.0, 50.0, 40.0, 30.0],
    options: &[
        Choice::Word { name: "chroma", words: &["420", "422", "444"] },
        Choice::Word { name: "tables", words: &["ijg", "flat", "imagemagick"] },
    ],
    stills: Stills::Saved,
    clips: Clips::Never,
};

impl Perturbation for Jpeg {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn still(&self, picture: &RgbImage, level: &Level, _: &mut Rng) -> anyhow::Result<RgbImage> {
        decode_jpeg(&bytes(picture, level)?)
    }

    fn saved(&self, picture: &RgbImage, level: &Level, _: &mut Rng) -> anyhow::Result<Vec<u8>> {
        bytes(picture, level)
    }
}

fn bytes(picture: &RgbImage, level: &Level) -> anyhow::Result<Vec<u8>> {
    let quality = level.value.round() as u8;
    let (chroma, tables) = (level.word("chroma"), level.word("tables"));
    if (chroma, tables) == ("420", "ijg") {
        return jpeg_bytes(picture, quality);
    }
    let extent = |v: u32| u16::try_from(v).context("too large for JPEG");
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(match chroma {
        "444" => SamplingFactor::F_1_1,
        "422" => SamplingFactor::F_2_1,
        _ => SamplingFactor::F_2_2,
    });
    let table = match tables {
        "flat" => QuantizationTableType::Flat,
        "imagemagick" => QuantizationTableType::ImageMagick,
        _ => QuantizationTableType::Default,
    };
    encoder.set_quantization_tables(table.clone(), table);
    encoder.encode(picture.as_raw(), extent(picture.width())?, extent(picture.height())?, ColorType::Rgb)?;
    Ok(bytes)
}

/// A square crop saved with full chroma and opened again, for training: the crop is small beside
/// its file's 16x16 units.
pub fn compress(canvas: &mut Canvas, side: usize, quality: u8) {
    let bytes = to_image(canvas, side);
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, quality);
    if encoder.encode(bytes.as_raw(), side as u32, side as u32, ExtendedColorType::Rgb8).is_err() {
        return;
    }
    if let Ok(back) = image::load_from_memory_with_format(&file, ImageFormat::Jpeg) {
        *canvas = canvas::from_image(&back.into_rgb8());
    }
}
