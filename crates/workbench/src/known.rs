//! Is this item of a kind that the calibration knows?
//!
//! The decision that shapes it: the recorded items are photographs and clips that a camera took. A
//! score that is remarkable in a photograph is nothing in a screenshot, where flat areas and
//! letters compress in ways of their own; a likelihood ratio for such an item would compare it with
//! what it is not. So gates are asked before any question, and the first that is closed abstains
//! from all of them, with its reason. Findings are shown all the same. A gate is an entry of the
//! list: a test of the container, or a measure that an analyzer gives beside the level from which
//! on it speaks.
use assay_evidence::{Finding, MediaKind, Outcome};
use assay_media::Source;

/// What is known of a file before its verdict.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Examined<'a> {
    /// Picture or clip.
    pub kind: MediaKind,
    /// Format by content.
    pub format: &'a str,
    /// A picture format that holds an animation of which only the first picture was read.
    pub animated: bool,
    /// Width and height in pixels as coded.
    pub size: (u32, u32),
    /// Duration in seconds of a clip.
    pub duration_secs: Option<f64>,
}

impl<'a> Examined<'a> {
    pub(crate) fn of(source: &'a Source) -> Self {
        Self {
            kind: source.kind(),
            format: source.format(),
            animated: source.format() == "webp" && source.still_bytes().is_some_and(is_animated_webp),
            size: source.coded_size(),
            duration_secs: source.duration_secs(),
        }
    }
}

/// The animation flag of the extended header (WebP container specification, `VP8X`).
fn is_animated_webp(bytes: &[u8]) -> bool {
    bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & 0b10 != 0)
}

/// One gate.
pub(crate) struct Gate {
    /// Analyzer whose measures it reads; `None` where it reads the container.
    pub analyzer: Option<&'static str>,
    test: Test,
    /// Why no value is given, a clause that follows "No value is given: ".
    reason: &'static str,
}

enum Test {
    /// Of the container.
    Container(fn(&Examined<'_>) -> bool),
    /// The first measure of the analyzer's finding is at or above the second.
    AtOrAbove { score: &'static str, level: &'static str },
}

/// Asked in this order.
pub(crate) static GATES: &[Gate] = &[
    Gate {
        analyzer: None,
        test: Test::Container(|item| matches!(item.format, "gif" | "apng") || item.animated),
        reason: "GIF, animated PNG and animated WebP hold drawings and reduced copies, and no items of these formats were recorded; what is remarkable in a photograph or a camera's clip may be usual in them.",
    },
    Gate {
        analyzer: Some("screen_content"),
        test: Test::AtOrAbove { score: "screen_content_score", level: "screen_content_level" },
        reason: "this looks like a screenshot or a drawing; screenshots and drawings are not among the recorded items, which are photographs, and what is remarkable in a photograph may be usual in them.",
    },
];

/// The reason of the first gate that is closed for this file.
pub(crate) fn unknown(item: &Examined<'_>, findings: &[Finding]) -> Option<&'static str> {
    GATES.iter().find(|gate| gate.is_closed(item, findings)).map(|gate| gate.reason)
}

impl Gate {
    fn is_closed(&self, item: &Examined<'_>, findings: &[Finding]) -> bool {
        match self.test {
            Test::Container(test) => test(item),
            Test::AtOrAbove { score, level } => {
                let finding = findings.iter().find(|f| Some(f.analyzer.as_str()) == self.analyzer);
                let Some(Outcome::Evidence(evidence)) = finding.map(|f| &f.outcome) else { return false };
                let measure = |name| evidence.measures.iter().find(|m| m.name == name).map(|m| m.value);
                measure(score).zip(measure(level)).is_some_and(|(score, level)| score >= level)
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use assay_evidence::{Evidence, Family, Role};

    use super::*;

    pub(crate) fn photograph() -> Examined<'static> {
        Examined { kind: MediaKind::Image, format: "jpeg", animated: false, size: (640, 480), duration_secs: None }
    }

    pub(crate) fn finding(analyzer: &str, evidence: Evidence) -> Finding {
        Finding {
            analyzer: analyzer.into(),
            title: analyzer.into(),
            family: Family::Spatial,
            summary: String::new(),
            limits: Vec::new(),
            references: Vec::new(),
            outcome: Outcome::Evidence(Box::new(evidence)),
        }
    }

    #[test]
    fn formats_of_drawings_are_not_known() {
        for format in ["gif", "apng"] {
            for kind in [MediaKind::Image, MediaKind::Video] {
                assert!(unknown(&Examined { kind, format, ..photograph() }, &[]).unwrap().contains("GIF"));
            }
        }
        assert!(unknown(&Examined { format: "webp", animated: true, ..photograph() }, &[]).is_some());
        for format in ["jpeg", "png", "webp", "mp4"] {
            assert_eq!(unknown(&Examined { format, ..photograph() }, &[]), None);
        }
        let header = |flags: u8| [&b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0"[..], &[flags, 0, 0, 0]].concat();
        assert!(is_animated_webp(&header(0x02)) && !is_animated_webp(&header(0x10)) && !is_animated_webp(b"RIFF"));
    }

    #[test]
    fn a_measure_at_its_level_closes_its_gate() {
        let said = |score: f64| {
            let mut evidence = Evidence::new(Role::DisplayOnly, 1.0, "");
            evidence.measure("screen_content_score", score, "");
            evidence.measure("screen_content_level", 2.0, "");
            vec![finding("screen_content", evidence)]
        };
        assert!(unknown(&photograph(), &said(2.0)).unwrap().contains("screenshot"));
        assert_eq!(unknown(&photograph(), &said(1.9)), None);
        let mut other = said(9.0);
        other[0].analyzer = "noise_level".into();
        assert_eq!(unknown(&photograph(), &other), None, "nobody else's measure counts");
    }
}
