//! Marks of origin in lines for a terminal: of `assay verify` and of a scan's summary.
//!
//! The decision that shapes it: manifest, watermark and label get a line each, also where there is
//! none, so that nobody takes a missing line for an answer. What they say is what they say; nothing
//! here concludes from one to another.
use assay_evidence::{ManifestReport, ManifestWhere, Marks, WatermarkReport};

/// The lines, without indentation; those that go on from the one above begin with spaces.
pub fn marks(marks: &Marks) -> Vec<String> {
    let mut lines = vec![format!("manifest   {}", manifest_words(&marks.manifest))];
    lines.extend(manifest_details(&marks.manifest).into_iter().map(|text| format!("           {text}")));
    lines.push(format!("watermark  {}", watermark_words(&marks.watermark)));
    lines.push(format!("label      {}", marks.label.words.as_deref().unwrap_or("none")));
    lines.extend(marks.contradictions.iter().map(|sentence| format!("!          {sentence}")));
    lines
}

/// State and place of a manifest.
pub(crate) fn manifest_words(manifest: &ManifestReport) -> String {
    let place = match manifest.found_in {
        Some(ManifestWhere::Embedded) => " (in the file)",
        Some(ManifestWhere::Sidecar) => " (in a file beside it)",
        None => "",
    };
    format!("{}{place}", manifest.state.words())
}

/// Last word of a source type's address.
pub(crate) fn source_type(kind: &str) -> &str {
    kind.rsplit('/').next().unwrap_or(kind)
}

fn manifest_details(manifest: &ManifestReport) -> Vec<String> {
    let mut all = manifest.problems.clone();
    all.extend(manifest.ingredient_problems.iter().map(|text| format!("made from {text}")));
    all.extend(manifest.notes.iter().cloned());
    all.extend(manifest.issuer.iter().map(|who| format!("signed by \u{201c}{who}\u{201d}, as its certificate says")));
    all.extend(manifest.generator.iter().map(|program| format!("made by {program}")));
    all.extend(manifest.source_types.iter().map(|kind| format!("source type {}", source_type(kind))));
    all.extend(claim(manifest).map(|text| format!("the signer states, and nobody examined: {text}")));
    all.extend(
        manifest.remote_address.iter().map(|at| format!("says that its manifest lies at {at}; it was not fetched")),
    );
    // Strangers choose these words, and a terminal obeys control characters.
    all.iter().map(|text| crate::plain(text)).collect()
}

/// What a user claimed about a file of theirs.
pub(crate) fn claim(manifest: &ManifestReport) -> Option<&str> {
    manifest.record.as_ref().and_then(|record| record.get("claim")?.as_str())
}

/// What came of looking for the watermark.
pub(crate) fn watermark_words(mark: &WatermarkReport) -> String {
    let frames = if mark.frames > 1 { format!(", over {} frames", mark.frames) } else { String::new() };
    if mark.frames == 0 {
        return "not looked for: the picture is too small, or no pixels were decoded".into();
    }
    if !mark.found {
        return format!("none (statistic {:.1}, found from {:.1}{frames})", mark.statistic, mark.threshold);
    }
    let number = mark.id.as_ref().map_or_else(|| "number unreadable".into(), |id| format!("number {id}"));
    let mirrored = if mark.mirrored { ", turned left for right" } else { "" };
    format!("{number}, statistic {:.1} (found from {:.1}{frames}){mirrored}", mark.statistic, mark.threshold)
}

#[cfg(test)]
pub(crate) mod tests {
    use assay_evidence::{LabelReport, ManifestState};

    use super::*;

    pub(crate) fn made() -> Marks {
        Marks {
            manifest: ManifestReport {
                state: ManifestState::ValidUnknownIssuer,
                found_in: Some(ManifestWhere::Embedded),
                issuer: Some("Somebody\u{1b}[31m".into()),
                generator: Some("Assay".into()),
                signed_at: None,
                source_types: vec!["http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia".into()],
                watermark_id: Some("0000000a".into()),
                bound_id: Some("0000000a".into()),
                record: None,
                ingredients: vec!["person.png".into()],
                remote_address: None,
                problems: Vec::new(),
                ingredient_problems: vec![
                    "a.jpg: its signature is broken (claimSignature.mismatch) (found now)".into(),
                ],
                notes: vec!["Its time stamp does not fit what was signed.".into()],
            },
            watermark: WatermarkReport {
                found: true,
                id: Some("0000000a".into()),
                statistic: 20.0,
                threshold: 7.8,
                false_positive_rate: 1e-6,
                scale: Some(1.0),
                mirrored: false,
                frames: 32,
            },
            label: LabelReport { found: true, words: Some("AI-GENERATED".into()), score: 0.98 },
            generated: Some("its manifest names the source type trainedAlgorithmicMedia".into()),
            contradictions: vec!["Two things differ.".into()],
        }
    }

    #[test]
    fn every_mark_has_a_line_and_no_stranger_speaks_to_the_terminal() {
        let text = marks(&made()).join("\n");
        for word in [
            "manifest   valid",
            "trainedAlgorithmicMedia",
            "number 0000000a",
            "AI-GENERATED",
            "!          Two",
            "32 frames",
            "made from a.jpg: its signature is broken",
            "time stamp does not fit",
        ] {
            assert!(text.contains(word), "{word} in {text}");
        }
        assert!(!text.contains('\u{1b}'));
        let mut none = made();
        none.watermark.frames = 0;
        none.label.words = None;
        let text = marks(&none).join("\n");
        assert!(text.contains("watermark  not looked for") && text.contains("label      none"), "{text}");
    }
}
