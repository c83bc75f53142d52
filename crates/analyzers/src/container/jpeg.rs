//! The structure of a JPEG file against what its EXIF block claims.
//!
//! Facts used: cameras compute their own quantisation tables or keep sets of them (Farid 2006);
//! libjpeg and its descendants scale the tables of T.81 Annex K; encoders in hardware use the
//! Huffman tables of Annex K and write baseline files. Many Android telephones encode with
//! libjpeg-turbo, so "standard tables" alone says little.
use assay_evidence::{Evidence, Severity};
use assay_media::Source;
use assay_media::jpeg::{HuffmanKind, JpegStructure, Process};

/// Makers of dedicated cameras, whose own tables and baseline files are the rule. Makers of Android
/// telephones are left out on purpose.
const CAMERA_MAKERS: [&str; 10] =
    ["nikon", "canon", "olympus", "om digital", "fujifilm", "panasonic", "pentax", "leica", "sigma", "hasselblad"];

/// Above this quality the rounded tables of cameras and of the library coincide at times.
const FINEST_OF_CAMERAS: u8 = 97;

pub(super) fn check(source: &Source, evidence: &mut Evidence) {
    let Some(structure) = source.jpeg_structure() else { return };
    let exif = source.metadata().exif.as_ref();
    let make = exif.and_then(|e| e.make.as_deref()).map(str::trim).filter(|m| !m.is_empty());
    let is_camera = make.is_some_and(|m| CAMERA_MAKERS.iter().any(|c| m.to_lowercase().contains(c)));
    tables(structure, make, is_camera, evidence);
    coding(structure, make, is_camera, evidence);
    segments(source, structure, make, evidence);
    ending(structure, evidence);
}

fn tables(structure: &JpegStructure, make: Option<&str>, is_camera: bool, evidence: &mut Evidence) {
    let Some((quality, distance)) = structure.quality() else { return };
    evidence.measure("nearest quality of the IJG library", f64::from(quality), "");
    let standard = distance == 0.0;
    match (standard, make) {
        // Measured: the Nikon D200 writes the table of quality 99 at its finest setting.
        (true, Some(make)) if is_camera && quality <= FINEST_OF_CAMERAS => evidence.remark(
            Severity::Notice,
            format!(
                "EXIF names {} as the maker, but the luminance table is exactly that of the IJG library at quality {quality}. Dedicated cameras mostly have tables of \
                 their own, so a program probably saved the file again; some cameras use the library's tables too.",
                super::quoted(make)
            ),
        ),
        (true, Some(make)) => evidence.remark(
            Severity::Info,
            format!(
                "EXIF names {} as the maker; the luminance table is exactly that of the IJG library at quality {quality}, as in many telephones and in nearly every program \
                 that saves JPEG.",
                super::quoted(make)
            ),
        ),
        (true, None) => evidence.remark(
            Severity::Info,
            format!("The luminance table is exactly that of the IJG library at quality {quality}: typical of programs, servers and many telephones."),
        ),
        (false, _) => evidence.remark(
            Severity::Info,
            format!(
                "The luminance table is not that of the IJG library at any quality (nearest {quality}, mean distance {distance:.1}): typical of cameras with their own \
                 tables, of Adobe programs, of Apple devices, and of some platforms."
            ),
        ),
    }
    if structure.components.len() >= 3
        && let (Some(luma), Some(chroma)) = (structure.table_of(0), structure.table_of(1))
    {
        if luma == chroma {
            evidence.remark(Severity::Info, "Luminance and chrominance share one quantisation table: some cameras and scanners, no common program at its defaults.");
        } else if standard {
            let fits = (1..=100).any(|q| {
                assay_media::jpeg::standard_table(q, true) == *chroma
                    && assay_media::jpeg::standard_table(q, false) == *luma
            });
            if !fits {
                evidence.remark(
                    Severity::Info,
                    "The chrominance table belongs to another quality than the luminance table: an encoder with separate settings, such as those of some platforms.",
                );
            }
        }
    }
}

fn coding(structure: &JpegStructure, make: Option<&str>, is_camera: bool, evidence: &mut Evidence) {
    let claims = make.map(|m| format!("EXIF names {} as the maker, but ", super::quoted(m)));
    if structure.process == Process::Progressive {
        let text = "is progressive, which cameras do not write: programs for the web and platforms do";
        match &claims {
            Some(claim) => evidence
                .remark(Severity::Notice, format!("{claim}the file {text}. Sending it through a messenger is enough.")),
            None => evidence.remark(Severity::Info, format!("The file {text}.")),
        }
    } else if structure.huffman_kind() == HuffmanKind::Optimised {
        let text = "Huffman tables were computed for this picture (optimised), which takes a second pass";
        match &claims {
            Some(claim) if is_camera => {
                evidence.remark(
                    Severity::Notice,
                    format!(
                        "{claim}the {text}: programs and some telephones do this, dedicated cameras mostly do not."
                    ),
                );
            }
            _ => {
                evidence.remark(Severity::Info, format!("The {text}: programs, platforms and some telephones do this."));
            }
        }
    }
    evidence.remark(
        Severity::Info,
        format!("Chroma subsampling {}, {}.", structure.subsampling(), structure.process.name()),
    );
}

fn segments(source: &Source, structure: &JpegStructure, make: Option<&str>, evidence: &mut Evidence) {
    let position = |test: &dyn Fn(&[u8]) -> bool, marker: u8| {
        let bytes = source.still_bytes()?;
        structure.segments.iter().position(|s| s.marker == marker && bytes.get(s.payload()).is_some_and(test))
    };
    let jfif = position(&|p| p.starts_with(b"JFIF\0"), 0xe0);
    let exif = position(&|p| p.starts_with(b"Exif\0"), 0xe1);
    if let (Some(jfif), Some(exif)) = (jfif, exif) {
        if jfif < exif && make.is_some() {
            evidence.remark(
                Severity::Notice,
                "A JFIF header stands before the EXIF block. Cameras begin with EXIF; a program that keeps EXIF while it saves anew puts its own header first. Some telephones do \
                 the same.",
            );
        } else {
            evidence.remark(Severity::Info, "The file has a JFIF header and an EXIF block.");
        }
    }
    if position(&|p| p.starts_with(b"Ducky"), 0xec).is_some() {
        evidence.remark(
            Severity::Notice,
            "A segment “Ducky” is present: Adobe programs write it with “Save for Web”. The file was exported there.",
        );
    }
    if structure.app.adobe_transform.is_some() {
        evidence.remark(
            Severity::Info,
            "An Adobe segment (APP14) is present: Adobe programs write it, and so do some libraries when they store other colours than YCbCr.",
        );
    }
    if let Some(photoshop) = &source.metadata().photoshop {
        let quality = photoshop
            .jpeg_quality
            .as_deref()
            .map_or(String::new(), |q| format!(", which was set to {}", super::quoted(q)));
        let severity = if photoshop.jpeg_quality.is_some() { Severity::Notice } else { Severity::Info };
        evidence.remark(
            severity,
            format!("{} Photoshop resource blocks are present{quality}. Photoshop writes them, and programs that store captions (IPTC) do too.", photoshop.resources.len()),
        );
    }
    if structure.app.mpf.is_some() {
        evidence.remark(
            Severity::Info,
            "The file is a multi-picture file (MPF): telephones and cameras keep previews, depth or gain maps this way, and editors mostly drop them.",
        );
    }
    let frames = structure.segments.iter().filter(|s| s.marker == 0xd8).count();
    if frames > 1 {
        evidence.remark(
            Severity::Notice,
            format!("There are {frames} start markers before the end of the picture: files were joined or damaged."),
        );
    }
}

fn ending(structure: &JpegStructure, evidence: &mut Evidence) {
    let Some(trailing) = structure.trailing else { return };
    match trailing.jpeg_at {
        Some(at) if structure.app.mpf.is_some() => {
            evidence.remark(Severity::Info, format!("Further JPEG pictures follow the main one from byte {at}, as the multi-picture index says."));
        }
        Some(at) => evidence.remark(
            Severity::Notice,
            format!("After the end of the picture another JPEG starts at byte {at}, without a multi-picture index: a motion photo, a preview, or files joined by hand."),
        ),
        None => evidence.remark(
            Severity::Info,
            format!("{} bytes follow the end of the picture. Telephones append video or data, some programs pad; it can also be hidden content.", trailing.bytes),
        ),
    }
}
