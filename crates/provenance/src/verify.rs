//! What a file says about where it comes from: `assay verify`.
//!
//! The decision that shapes it: manifest, watermark and label are read apart and reported apart, then compared. None of them proves a picture
//! genuine, and the absence of all three proves nothing. A mark is a statement about provenance; it never enters a forgery verdict.
//!
//! Nothing is fetched over a network. The manifest's parser runs in this process, guarded against panics; pixels come through `assay_media` under
//! its limits.
use std::path::Path;

use assay_media::{Frame, FramePlan, FrameReader, FrameSamples, Limits, MediaError, NoProgress, Source};
use image::RgbImage;
use serde::Serialize;

use crate::manifest::{self, ManifestReport, ManifestState, id_text};
use crate::watermark::{self, Detector, Field};
use crate::{Making, ProvenanceError, label};

/// Frames of a clip that are added up for the watermark.
const FRAMES: u32 = 32;
/// Every how many of them is looked at for the label.
const LABEL_EVERY: u32 = 8;

/// Whom the user trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Root certificates in PEM; a manifest whose chain ends there is *trusted*.
    pub anchors: Option<String>,
}

/// What is said about the invisible mark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WatermarkReport {
    /// True when the pattern is there.
    pub found: bool,
    /// Its number, as eight hexadecimal digits; `None` when it cannot be read.
    pub id: Option<String>,
    /// Agreement with the pattern in standard deviations of chance.
    pub statistic: f32,
    /// From which agreement on it counts as found.
    pub threshold: f32,
    /// Chance at most that a file without the mark is said to carry it.
    pub false_positive_rate: f64,
    /// Size of the pattern relative to that in a freshly marked picture of this size.
    pub scale: Option<f32>,
    /// True when the picture was turned left for right since.
    pub mirrored: bool,
    /// Frames that were added up; 1 for a picture, 0 when it is too small.
    pub frames: u32,
}

/// What is said about the visible label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelReport {
    /// True when it is there.
    pub found: bool,
    /// Its words.
    pub words: Option<String>,
    /// Normalised correlation with the drawing, up to 1.
    pub score: f32,
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
    /// The signed manifest.
    pub manifest: ManifestReport,
    /// The invisible mark.
    pub watermark: WatermarkReport,
    /// The visible label.
    pub label: LabelReport,
    /// What does not go together, one sentence each.
    pub contradictions: Vec<String>,
}

impl Verification {
    /// The first mark of generated media that was found, in words; `None` when there is none.
    pub fn generated_mark(&self) -> Option<String> {
        if let Some(kind) = self.manifest.source_types.iter().find(|kind| manifest::is_generated(kind)) {
            return Some(format!("its manifest names the source type {kind}"));
        }
        if self.watermark.found {
            return Some(format!("the watermark {}", self.watermark.id.as_deref().unwrap_or("(number unreadable)")));
        }
        self.label.words.as_ref().map(|words| format!("the label {words}"))
    }
}

/// Reads every mark of a picture or clip.
///
/// # Errors
/// [`ProvenanceError::Media`] when the file cannot be read or decoded.
pub fn verify(path: &Path, trust: &Trust) -> Result<Verification, ProvenanceError> {
    let limits = Limits::default();
    let source = Source::open(path, &limits).map_err(ProvenanceError::media(path))?;
    let manifest = manifest::read(path, source.format(), trust.anchors.as_deref());
    let mut looks = Looks::default();
    if source.video().is_some() {
        source.decode(&mut [&mut looks], &NoProgress).map_err(ProvenanceError::media(path))?;
    } else {
        let picture = source.picture().map_err(ProvenanceError::media(path))?;
        looks.detector.add(&watermark::luma(&picture));
        looks.frames = 1;
        looks.label(&picture);
    }
    let reading = looks.detector.finish();
    let watermark = WatermarkReport {
        found: reading.is_some_and(|r| r.found),
        id: reading.and_then(|r| r.id).map(id_text),
        statistic: reading.map_or(0.0, |r| r.statistic),
        threshold: reading.map_or(0.0, |r| r.threshold),
        false_positive_rate: watermark::FALSE_POSITIVE_RATE,
        scale: reading.filter(|r| r.found).map(|r| r.scale),
        mirrored: reading.is_some_and(|r| r.found && r.mirrored),
        frames: if reading.is_some() { looks.frames } else { 0 },
    };
    let found = looks.seen.filter(|seen| seen.score >= label::THRESHOLD);
    let label = LabelReport {
        found: found.is_some(),
        words: found.map(|seen| seen.making.words().to_owned()),
        score: looks.seen.map_or(0.0, |seen| seen.score),
    };
    let contradictions = contradictions(&manifest, &watermark, &label);
    Ok(Verification {
        file: source.file_name(),
        sha256: source.sha256().to_owned(),
        format: source.format().to_owned(),
        manifest,
        watermark,
        label,
        contradictions,
    })
}

/// What was seen in the frames of one file.
#[derive(Default)]
struct Looks {
    detector: Detector,
    frames: u32,
    seen: Option<label::Seen>,
}

impl Looks {
    fn label(&mut self, picture: &RgbImage) {
        let better = |seen: &label::Seen, than: Option<label::Seen>| than.is_none_or(|t| seen.score > t.score);
        if let Some(seen) = label::find(picture).filter(|seen| better(seen, self.seen)) {
            self.seen = Some(seen);
        }
    }
}

impl FrameReader for Looks {
    fn plan(&self) -> FramePlan {
        FramePlan::EvenlySpaced(FRAMES)
    }

    fn samples(&self) -> FrameSamples {
        FrameSamples::Rgb
    }

    fn read(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let (width, height) = (frame.width as usize, frame.height as usize);
        let data = frame.luma().iter().map(|v| f32::from(*v)).collect();
        self.detector.add(&Field { width, height, data });
        if self.frames.is_multiple_of(LABEL_EVERY) && self.seen.is_none_or(|seen| seen.score < label::THRESHOLD) {
            self.label(&frame.rgb());
        }
        self.frames += 1;
        Ok(())
    }
}

/// The three marks compared.
fn contradictions(manifest: &ManifestReport, watermark: &WatermarkReport, label: &LabelReport) -> Vec<String> {
    let mut all = Vec::new();
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
        (Some(named), None) if !watermark.found => {
            all.push(format!(
                "The manifest names the watermark {named}, but none is found: the pixels may be another's."
            ));
        }
        (None, _) if watermark.found && has_manifest && !says_generated => {
            all.push("The watermark marks generated media, but the manifest does not say so.".into());
        }
        (None, _) if watermark.found && !has_manifest => {
            all.push("There is a watermark but no manifest: it was stripped, or the mark was copied.".into());
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
    if words.is_some() && !label.found {
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
        let mut report = manifest::none();
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
        let no_label = LabelReport { found: false, words: None, score: 0.0 };
        let label = LabelReport { found: true, words: Some("AI-GENERATED".into()), score: 1.0 };
        let cases = [
            ("nothing", manifest(None, false), mark(None), &no_label, 0),
            ("all three", manifest(Some("0000000a"), true), mark(Some("0000000a")), &label, 0),
            ("another's watermark", manifest(Some("0000000a"), true), mark(Some("0000000b")), &label, 1),
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
