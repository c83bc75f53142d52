//! # Container and metadata
//!
//! Reads what the file says of itself, without looking at its picture content: EXIF, XMP, IPTC and
//! ICC blocks, text chunks, the segments and tables of a JPEG, the boxes, tracks and edit lists of
//! an MP4 or MOV. It compares these statements with each other and with the picture, and with what
//! programs and devices are known to write.
//!
//! ## What is checked
//! - **Names of programs**: editors, converters, generators, platforms, in every field that carries
//!   one, with the history that XMP keeps.
//! - **Marks of generated pictures**: the digital source type of IPTC, prompts that generators
//!   store in PNG texts, the presence of a C2PA manifest (it is not verified here).
//! - **Times**: taken, digitised, changed, GPS, XMP, container and track times against each other.
//! - **Sizes**: the size that EXIF states against the real one; the orientation tag against the
//!   shape.
//! - **Thumbnail**: the embedded small picture is decoded and laid over the large one. Programs
//!   that edit a picture sometimes keep the old thumbnail, and then it shows the picture before the
//!   edit. Proportions, correlation and the place of the largest difference are given, and both are
//!   shown.
//! - **JPEG tables**: is the quantisation table that of the IJG library at some quality, while EXIF
//!   names a camera? Are the Huffman tables optimised, is the file progressive, in which order do
//!   JFIF and EXIF stand, is there data after the end?
//! - **Boxes**: brands, order, handler names, encoder names, edit lists that hide material, clocks
//!   and durations that do not fit.
//!
//! ## How to read it
//! *Inconsistent* remarks contradict each other within the file. *Notices* do not fit a file
//! straight from a camera but have an innocent explanation, which is given. *Info* is background. A
//! fingerprint is "typical of", never "proves": names and tables can be copied or changed with a
//! free tool in a second, and their absence is the rule on the internet. **This analyzer therefore
//! never moves the verdict.** There is no body of files with known history from which the worth of
//! such remarks could be calculated.
//!
//! ## What fools it
//! Metadata can be written at will. Every messenger and platform removes most of it. Many Android
//! telephones save with the tables of the IJG library.
//!
//! ## When it does not apply
//! Pictures in formats without metadata and without structure to compare: a BMP, or a PNG that has
//! neither texts nor profiles.
//!
//! ## References
//! Exif 2.32 (CIPA DC-008); ITU-T T.81 and T.871; ISO/IEC 14496-12; IPTC Photo Metadata 2023. H.
//! Farid, *Digital image ballistics from JPEG quantization*, Dartmouth TR2006-583, 2006; E. Kee, M.
//! K. Johnson, H. Farid, *Digital image authentication from JPEG headers*, IEEE TIFS 6(3), 2011
//! (thumbnails and tables). T. Gloe, A. Fischer, M. Kirchner, *Forensic analysis of video file
//! formats*, Digital Investigation 11, 2014.
mod jpeg;
mod sizes;
mod software;
mod thumbnail;
mod times;
mod video;

use assay_evidence::{Evidence, Family, MediaKind, Outcome, Role, Severity, Status};
use assay_media::Source;

use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample};

pub(crate) struct Container;

/// The analyzer.
pub(crate) static THE: Container = Container;

static ABOUT: About = About {
    id: "container",
    title: "Container and metadata",
    summary: "what the file says of itself: programs, times, sizes, thumbnail, JPEG tables, boxes, and where these contradict each other",
    family: Family::Provenance,
    status: Status::DisplayOnly,
    needs: &[Need::Facts, Need::Pixels { min_side: 1 }],
    fooled_by: &[
        "Metadata can be written and copied at will; agreement proves nothing.",
        "Messengers and platforms remove metadata from genuine files as from forged ones.",
        "Fingerprints of programs are typical, not exclusive; libraries are built into cameras, telephones and editors alike.",
    ],
    not_applicable_when: &["The file has no metadata and its format has no structure to compare (a BMP, a bare PNG)."],
    references: &[
        "H. Farid, Digital Image Ballistics from JPEG Quantization, Dartmouth TR2006-583, 2006",
        "E. Kee, M. K. Johnson, H. Farid, Digital Image Authentication from JPEG Headers, IEEE TIFS 6(3), 2011",
        "T. Gloe, A. Fischer, M. Kirchner, Forensic Analysis of Video File Formats, Digital Investigation 11, 2014",
        "CIPA DC-008 (Exif 2.32); ITU-T T.81, T.871; ISO/IEC 14496-12; IPTC Photo Metadata Standard 2023",
    ],
};

/// Remarks longer than this are cut: texts from the file can have any length.
const MOST_TEXT: usize = 120;
/// Remarks in all.
const MOST_REMARKS: usize = 60;

/// A text from the file, short enough for a sentence.
fn quoted(text: &str) -> String {
    let short: String = text.chars().filter(|c| !c.is_control()).take(MOST_TEXT).collect();
    if short.len() < text.trim().len() {
        format!("“{}…”", short.trim())
    } else {
        format!("“{}”", short.trim())
    }
}

impl Analyzer for Container {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, _context: &Context) -> Result<Outcome, AnalyzerError> {
        let source = sample.source()?;
        if is_bare(source) {
            let format = source.format().to_uppercase();
            return Ok(Outcome::not_applicable(format!(
                "This {format} carries no metadata, and its format has no structure to compare."
            )));
        }
        let mut evidence = Evidence::new(Role::DisplayOnly, 1.0, "");
        software::check(source, &mut evidence);
        times::check(source, &mut evidence);
        if source.kind() == MediaKind::Image {
            sizes::check(source, &mut evidence);
            jpeg::check(source, &mut evidence);
            thumbnail::check(sample, source, &mut evidence)?;
        } else {
            video::check(source, &mut evidence);
        }
        for problem in &source.metadata().problems {
            evidence.remark(
                Severity::Notice,
                format!("The metadata is not well formed: {problem}. Careless programs do this, damage does too."),
            );
        }
        // The weightiest first; the sort is stable, so the order of the checks stays within.
        evidence.remarks.sort_by_key(|remark| std::cmp::Reverse(remark.severity));
        evidence.remarks.dedup_by(|a, b| a.text == b.text);
        if evidence.remarks.len() > MOST_REMARKS {
            let left_out = evidence.remarks.len() - MOST_REMARKS;
            evidence.remarks.truncate(MOST_REMARKS);
            evidence.remark(Severity::Info, format!("{left_out} more remarks of the lowest weight are left out."));
        }
        let count = |severity| evidence.remarks.iter().filter(|r| r.severity == severity).count();
        let (contradictions, notices) = (count(Severity::Inconsistent), count(Severity::Notice));
        evidence.measure("contradictions", contradictions as f64, "");
        evidence.measure("notices", notices as f64, "");
        let first = |severity| evidence.remarks.iter().find(|r| r.severity == severity).map_or("", |r| r.text.as_str());
        let standing =
            "Metadata can be changed at will and is lost in honest hands, so these remarks never move the verdict.";
        evidence.explanation = match (contradictions, notices) {
            (0, 0) => format!("Nothing in the container or the metadata contradicts a plain history. {standing}"),
            (0, 1) => {
                format!("One detail does not fit a file straight from a camera: {} {standing}", first(Severity::Notice))
            }
            (0, n) => format!(
                "{n} details do not fit a file straight from a camera; each has an innocent explanation. {standing}"
            ),
            (1, _) => format!("The file contradicts itself: {} {standing}", first(Severity::Inconsistent)),
            (n, _) => format!(
                "The file contradicts itself in {n} places, first: {} {standing}",
                first(Severity::Inconsistent)
            ),
        };
        Ok(Outcome::Evidence(Box::new(evidence)))
    }
}

fn is_bare(source: &Source) -> bool {
    let metadata = source.metadata();
    source.kind() == MediaKind::Image
        && source.jpeg_structure().is_none()
        && source.boxes().is_none()
        && metadata.exif.is_none()
        && metadata.xmp.is_none()
        && metadata.icc.is_none()
        && metadata.photoshop.is_none()
        && metadata.text.is_empty()
        && !metadata.c2pa
}
