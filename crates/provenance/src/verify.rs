//! What a file says about where it comes from: `assay verify`, and the part on marks of a scan.
//!
//! The decision that shapes it: manifest, watermark and label are read apart and reported apart,
//! then compared. None of them proves a picture genuine, and the absence of all three proves
//! nothing. A mark is a statement about provenance; it never enters a forgery verdict.
//!
//! Nothing is fetched over a network. The manifest's parser runs in this process, guarded against
//! panics; pixels come through `assay_media` under its limits.
use std::path::Path;

use assay_evidence::{LabelReport, ManifestReport, ManifestState, Marks, WatermarkReport};
use assay_media::{Limits, NoProgress, Source};
use serde::Serialize;

use crate::manifest::{self, ManifestPlaces};
use crate::pixels::{MarkReader, PixelMarks};
use crate::{Making, ProvenanceError};

/// Whom the user trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Root certificates in PEM; a manifest whose chain ends there is *trusted*.
    pub anchors: Option<String>,
}

/// What a file says about where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// Name of the file.
    pub file: String,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
    /// Format by content.
    pub format: String,
    /// Its marks.
    #[serde(flatten)]
    pub marks: Marks,
}

/// Reads every mark of a picture or clip.
///
/// # Errors
/// [`ProvenanceError::Media`] when the file cannot be read or decoded.
pub fn verify(path: &Path, trust: &Trust) -> Result<Verification, ProvenanceError> {
    let source = Source::open(path, &Limits::default()).map_err(ProvenanceError::media(path))?;
    let pixels = if source.video().is_some() {
        let mut reader = MarkReader::new(Vec::new());
        source.decode(&mut [&mut reader], &NoProgress).map_err(ProvenanceError::media(path))?;
        reader.into_marks()
    } else {
        PixelMarks::of_picture(&source.picture().map_err(ProvenanceError::media(path))?)
    };
    let manifest = manifest::read(&source, trust.anchors.as_deref(), ManifestPlaces::FileAndBeside);
    Ok(Verification {
        file: source.file_name(),
        sha256: source.sha256().to_owned(),
        format: source.format().to_owned(),
        marks: together(manifest, pixels),
    })
}

/// The marks of a file whose pixels were looked at already. A manifest beside the file is left out,
/// because a result about a file must follow from that file.
pub fn marks(source: &Source, pixels: PixelMarks) -> Marks {
    together(manifest::read(source, None, ManifestPlaces::File), pixels)
}

fn together(manifest: ManifestReport, pixels: PixelMarks) -> Marks {
    let PixelMarks { watermark, label } = pixels;
    let generated = generated(&manifest, &watermark, &label);
    let contradictions = contradictions(&manifest, &watermark, &label);
    Marks { manifest, watermark, label, generated, contradictions }
}

/// The first mark of generated media, in words.
fn generated(manifest: &ManifestReport, watermark: &WatermarkReport, label: &LabelReport) -> Option<String> {
    if let Some(kind) = manifest.source_types.iter().find(|kind| manifest::is_generated(kind)) {
        return Some(format!("its manifest names the source type {kind}"));
    }
    if watermark.found {
        return Some(format!("the watermark {}", watermark.id.as_deref().unwrap_or("(number unreadable)")));
    }
    label.words.as_ref().map(|words| format!("the label {words}"))
}

/// The three marks compared; where no pixels were looked at, only the manifest with itself.
fn contradictions(manifest: &ManifestReport, watermark: &WatermarkReport, label: &LabelReport) -> Vec<String> {
    let mut all = Vec::new();
    let has_pixels = watermark.frames > 0;
    let has_manifest = manifest.state != ManifestState::None;
    let says_generated = manifest.source_types.iter().any(|kind| manifest::is_generated(kind));
    if let (Some(named), Some(bound)) = (&manifest.watermark_id, &manifest.bound_id)
        && named != bound
    {
        all.push(format!(
            "The manifest names the watermark {named}, but {bound} belongs to it: parts of two manifests."
        ));
    }
    match (&manifest.watermark_id, &watermark.id) {
        (Some(named), Some(read)) if named != read => all.push(format!(
            "The watermark carries {read}, the manifest names {named}: one of the two was made for another file."
        )),
        (Some(named), None) if !watermark.found && has_pixels => {
            all.push(format!(
                "The manifest names the watermark {named}, but none is found: the pixels may be another's."
            ));
        }
        (None, _) if watermark.found && has_manifest && !says_generated => {
            all.push("The watermark marks generated media, but the manifest does not say so.".into());
        }
        (None, _) if watermark.found && !has_manifest => {
            all.push(
                "There is a watermark but no manifest: it was stripped, the mark was copied, or this is a preview or map \
                 that Assay wrote beside what it made, which carries none."
                    .into(),
            );
        }
        _ => {}
    }
    if label.found && has_manifest && !says_generated {
        all.push("The visible label says that it was made, but the manifest does not say so.".into());
    }
    if label.found && !has_manifest && !watermark.found {
        all.push("There is a visible label but neither watermark nor manifest.".into());
    }
    let words = manifest.record.as_ref().and_then(|record| record.get("label")?.as_str());
    if let (Some(said), Some(seen)) = (words, &label.words)
        && said != seen
    {
        all.push(format!("The label reads {seen}, the manifest recorded {said}."));
    }
    if words.is_some() && !label.found && has_pixels {
        all.push("The manifest records a visible label, but none is found.".into());
    }
    all
}

/// Words of every label, for command-line help.
pub fn label_words() -> [&'static str; 2] {
    Making::ALL.map(Making::words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(id: Option<&str>, generated: bool) -> ManifestReport {
        let mut report = ManifestReport::default();
        if let Some(id) = id {
            report.state = ManifestState::ValidUnknownIssuer;
            report.watermark_id = Some(id.into());
            report.bound_id = Some(id.into());
        }
        if generated {
            report.state = ManifestState::ValidUnknownIssuer;
            report.source_types.push(Making::Generated.source_type().into());
        }
        report
    }

    fn mark(id: Option<&str>) -> WatermarkReport {
        WatermarkReport {
            found: id.is_some(),
            id: id.map(Into::into),
            statistic: 0.0,
            threshold: 8.0,
            false_positive_rate: 1e-6,
            scale: None,
            mirrored: false,
            frames: 1,
        }
    }

    #[test]
    fn what_goes_together_is_not_complained_about() {
        let unseen = WatermarkReport { frames: 0, ..mark(None) };
        let no_label = LabelReport { found: false, words: None, score: 0.0 };
        let label = LabelReport { found: true, words: Some("AI-GENERATED".into()), score: 1.0 };
        let cases = [
            ("nothing", manifest(None, false), mark(None), &no_label, 0),
            ("all three", manifest(Some("0000000a"), true), mark(Some("0000000a")), &label, 0),
            ("another's watermark", manifest(Some("0000000a"), true), mark(Some("0000000b")), &label, 1),
            ("nothing decoded", manifest(Some("0000000a"), true), unseen, &no_label, 0),
            ("watermark lost", manifest(Some("0000000a"), true), mark(None), &label, 1),
            ("manifest stripped", manifest(None, false), mark(Some("0000000a")), &label, 1),
            ("label alone", manifest(None, false), mark(None), &label, 1),
        ];
        for (name, manifest, mark, label, count) in cases {
            let found = contradictions(&manifest, &mark, label);
            assert_eq!(found.len(), count, "{name}: {found:?}");
        }
    }
}
