//! The only way from a generator to a file.
//!
//! The decision that shapes it: fail closed. Label and watermark are put in, the file is encoded
//! under a hidden name and signed, and then the file itself is read back with the same code as
//! `assay verify`; only if all three marks are there does it get its name. A picture that cannot
//! carry the marks is not written at all. There is no switch.
//!
//! It writes stills as PNG or JPEG and clips as H.264 in MP4.
mod clip;
mod matroska;

use std::io::{Cursor, Write as _};
use std::path::Path;

use assay_evidence::ManifestState;
use assay_files::PartFile;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

pub use clip::{ClipShape, ClipWriter};

use crate::error::part_beside;
use crate::manifest::{Content, id_text, new_instance_id, sign, watermark_id};
use crate::verify::Verification;
use crate::{ProvenanceError, Record, Signer, Synthetic, Trust, label, verify, watermark};

/// Quality of JPEG files.
const JPEG_QUALITY: u8 = 95;

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// What `verify` said about it before it got its name.
    pub verification: Verification,
    /// Peak signal-to-noise ratio of the watermark alone, in decibels; of a clip the lowest over
    /// its frames.
    pub watermark_psnr_db: f64,
}

/// Marks, encodes, signs, reads back, renames.
pub struct MarkedWriter {
    record: Record,
    signer: Signer,
}

impl MarkedWriter {
    /// For things made in one way.
    pub fn new(record: Record, signer: Signer) -> Self {
        Self { record, signer }
    }

    /// How it was made.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether a still picture could be written under this name, before time is spent on making it.
    ///
    /// # Errors
    /// [`ProvenanceError::Format`].
    pub fn check_still(&self, path: &Path) -> Result<(), ProvenanceError> {
        still_format(path).map(|_| ())
    }

    /// Writes a still picture; the extension says whether as PNG or as JPEG.
    ///
    /// # Errors
    /// [`ProvenanceError`]; nothing is left behind then.
    pub fn write_still(&self, picture: Synthetic<RgbImage>, path: &Path) -> Result<Written, ProvenanceError> {
        let format = still_format(path)?;
        let instance = instance(path)?;
        let mut picture = picture.open();
        label::put(&mut picture, self.record.making);
        let psnr = watermark::embed_readable(&mut picture, watermark_id(&instance))?;
        let encoded = encode(&picture, format, path)?;
        let partial = part_beside(path, "part")?;
        // Signed in memory: c2pa seeks to and fro, and a full disk is then met once, in one place.
        let mut signed = Cursor::new(Vec::new());
        let content = Content::Made(&self.record);
        let streams = (&mut Cursor::new(encoded), &mut signed);
        sign(&content, (&title(path), &instance, format), streams, &self.signer, path)?;
        partial
            .create()
            .map_err(ProvenanceError::io(path))?
            .write_all(signed.get_ref())
            .map_err(ProvenanceError::io(path))?;
        self.finish(partial, &instance, psnr, path)
    }

    /// Starts a clip; the extension must be `mp4`. `sound` is a clip or sound file whose first
    /// sound track goes along.
    ///
    /// # Errors
    /// [`ProvenanceError`]; nothing is left behind then.
    pub fn start_clip(
        self,
        path: &Path,
        shape: ClipShape,
        sound: Option<&Path>,
    ) -> Result<ClipWriter, ProvenanceError> {
        ClipWriter::start(self, path, shape, sound)
    }

    /// Marked pixels that stay in memory: previews, grids of a training run, arrays for another
    /// program. Label and watermark are in; the watermark's number is bound to nothing.
    ///
    /// # Errors
    /// [`ProvenanceError::Watermark`] when the picture is too small.
    pub fn preview(picture: Synthetic<RgbImage>, record: &Record) -> Result<RgbImage, ProvenanceError> {
        let mut picture = picture.open();
        label::put(&mut picture, record.making);
        watermark::embed_readable(&mut picture, watermark_id("preview"))?;
        Ok(picture)
    }

    /// Reads back and renames.
    fn finish(&self, partial: PartFile, instance: &str, psnr: f64, path: &Path) -> Result<Written, ProvenanceError> {
        let verification = verify(partial.path(), &Trust::default())?;
        let marks = &verification.marks;
        let wanted = id_text(watermark_id(instance));
        let lost = |reason: String| ProvenanceError::NotReadBack { path: path.to_owned(), reason };
        let manifest = &marks.manifest;
        if !matches!(manifest.state, ManifestState::ValidUnknownIssuer | ManifestState::Trusted) {
            return Err(lost(format!("the manifest is {:?}: {}", manifest.state, manifest.problems.join("; "))));
        }
        if manifest.watermark_id.as_ref() != Some(&wanted) || manifest.bound_id.as_ref() != Some(&wanted) {
            return Err(lost(format!("the manifest names the watermark {:?}, not {wanted}", manifest.watermark_id)));
        }
        if marks.watermark.id.as_ref() != Some(&wanted) {
            let statistic = marks.watermark.statistic;
            return Err(lost(format!("the watermark cannot be read (agreement {statistic:.1})")));
        }
        if marks.label.words.as_deref() != Some(self.record.making.words()) {
            return Err(lost(format!("the label cannot be read (correlation {:.2})", marks.label.score)));
        }
        if let Some(contradiction) = marks.contradictions.first() {
            return Err(lost(contradiction.clone()));
        }
        partial.keep().map_err(ProvenanceError::io(path))?;
        Ok(Written { verification, watermark_psnr_db: psnr })
    }
}

fn instance(path: &Path) -> Result<String, ProvenanceError> {
    new_instance_id().map_err(|e| ProvenanceError::Signing { path: path.to_owned(), reason: e.to_string() })
}

fn title(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Extension in lower case.
fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

fn still_format(path: &Path) -> Result<&'static str, ProvenanceError> {
    match extension(path).as_str() {
        "png" => Ok("png"),
        "jpg" | "jpeg" => Ok("jpeg"),
        _ => Err(ProvenanceError::Format {
            path: path.to_owned(),
            reason: "made pictures are written as .png, .jpg or .jpeg".into(),
        }),
    }
}

fn encode(picture: &RgbImage, format: &str, path: &Path) -> Result<Vec<u8>, ProvenanceError> {
    let mut bytes = Cursor::new(Vec::new());
    let written = match format {
        "jpeg" => picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)),
        _ => picture.write_to(&mut bytes, image::ImageFormat::Png),
    };
    written.map_err(|e| ProvenanceError::Encoding { path: path.to_owned(), reason: e.to_string() })?;
    Ok(bytes.into_inner())
}
