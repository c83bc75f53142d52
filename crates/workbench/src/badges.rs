//! What a file says of itself, in a word or two beside the headline.
//!
//! The decision that shapes it: a mark is the file's own statement, which can be copied or taken
//! away, so it stands beside the verdict and has no part in any likelihood ratio; but a reader who
//! sees a neutral verdict first must see in the same glance that the file calls itself generated.
use assay_evidence::{Badge, BadgeKind, ManifestState, Marks};

/// The badges of a file's marks.
pub(crate) fn badges(marks: &Marks) -> Vec<Badge> {
    let mut badges = Vec::new();
    if let Some(mark) = &marks.generated {
        let is_valid = matches!(marks.manifest.state, ManifestState::Trusted | ManifestState::ValidUnknownIssuer);
        let is_signed = is_valid && marks.manifest.source_types.iter().any(|kind| mark.contains(kind.as_str()));
        let words = if is_signed { "Signed as AI-generated" } else { "Marked as AI-generated" };
        badges.push(Badge { kind: BadgeKind::SaysGenerated, words: words.into(), because: mark.clone() });
    } else if marks.manifest.state != ManifestState::None {
        let words = if marks.manifest.state == ManifestState::Invalid { "Signature broken" } else { "Signed" };
        badges.push(Badge {
            kind: if marks.manifest.state == ManifestState::Invalid {
                BadgeKind::Contradiction
            } else {
                BadgeKind::Signed
            },
            words: words.into(),
            because: marks.manifest.state.words().into(),
        });
    }
    if let Some(first) = marks.contradictions.first() {
        badges.push(Badge {
            kind: BadgeKind::Contradiction,
            words: "Marks contradict".into(),
            because: first.trim_end_matches('.').into(),
        });
    }
    badges
}

#[cfg(test)]
mod tests {
    use assay_evidence::{LabelReport, ManifestReport, WatermarkReport};

    use super::*;

    fn unmarked() -> Marks {
        Marks {
            manifest: ManifestReport::default(),
            watermark: WatermarkReport {
                found: false,
                id: None,
                statistic: 0.0,
                threshold: 7.0,
                false_positive_rate: 1e-6,
                scale: None,
                mirrored: false,
                frames: 1,
            },
            label: LabelReport { found: false, words: None, score: 0.0 },
            generated: None,
            contradictions: Vec::new(),
        }
    }

    #[test]
    fn a_mark_is_a_badge_and_its_absence_is_none() {
        assert!(badges(&unmarked()).is_empty());
        let said = |marks: &Marks| badges(marks).into_iter().map(|b| (b.kind, b.words)).collect::<Vec<_>>();
        let mut marks = unmarked();
        marks.generated = Some("the watermark 0000000a".into());
        assert_eq!(said(&marks), [(BadgeKind::SaysGenerated, "Marked as AI-generated".to_owned())]);
        marks.manifest.state = ManifestState::ValidUnknownIssuer;
        marks.manifest.source_types = vec!["x/trainedAlgorithmicMedia".into()];
        marks.generated = Some("its manifest names the source type x/trainedAlgorithmicMedia".into());
        assert_eq!(said(&marks)[0].1, "Signed as AI-generated");
        marks.manifest.state = ManifestState::Invalid;
        assert_eq!(said(&marks)[0].1, "Marked as AI-generated", "a broken signature signs nothing");
        let mut signed = unmarked();
        signed.manifest.state = ManifestState::Trusted;
        assert_eq!(said(&signed), [(BadgeKind::Signed, "Signed".to_owned())]);
        signed.contradictions = vec!["Two things differ.".into()];
        assert_eq!(badges(&signed)[1].because, "Two things differ");
    }
}
