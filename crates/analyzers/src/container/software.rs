//! Names of programs and marks of generators, wherever the file carries text.
//!
//! The table holds names that programs write into files themselves; a name only counts where it
//! stands as a word of its own.
use assay_evidence::{Evidence, Severity};
use assay_media::Source;

use super::quoted;

/// What a program of this name does to pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trade {
    /// Changes pixels by hand.
    Editor,
    /// Makes pictures or faces.
    Generator,
    /// Changes faces.
    FaceEditor,
    /// Develops, sorts, adjusts as a whole.
    Developer,
    /// Converts or encodes; used by others.
    Library,
    /// Passes files on.
    Platform,
}

const PROGRAMS: &[(&str, &str, Trade)] = &[
    ("adobe photoshop lightroom", "Adobe Lightroom", Trade::Developer),
    ("lightroom", "Adobe Lightroom", Trade::Developer),
    ("camera raw", "Adobe Camera Raw", Trade::Developer),
    ("adobe firefly", "Adobe Firefly", Trade::Generator),
    ("photoshop", "Adobe Photoshop", Trade::Editor),
    ("after effects", "Adobe After Effects", Trade::Editor),
    ("premiere", "Adobe Premiere", Trade::Editor),
    ("media encoder", "Adobe Media Encoder", Trade::Library),
    ("gimp", "GIMP", Trade::Editor),
    ("affinity photo", "Affinity Photo", Trade::Editor),
    ("pixelmator", "Pixelmator", Trade::Editor),
    ("paint.net", "Paint.NET", Trade::Editor),
    ("paintshop", "PaintShop", Trade::Editor),
    ("paint shop", "Paint Shop", Trade::Editor),
    ("corel", "Corel", Trade::Editor),
    ("krita", "Krita", Trade::Editor),
    ("photopea", "Photopea", Trade::Editor),
    ("picsart", "Picsart", Trade::Editor),
    ("snapseed", "Snapseed", Trade::Editor),
    ("canva", "Canva", Trade::Editor),
    ("capcut", "CapCut", Trade::Editor),
    ("inshot", "InShot", Trade::Editor),
    ("kinemaster", "KineMaster", Trade::Editor),
    ("davinci resolve", "DaVinci Resolve", Trade::Editor),
    ("final cut", "Final Cut", Trade::Editor),
    ("imovie", "iMovie", Trade::Editor),
    ("facetune", "Facetune", Trade::FaceEditor),
    ("faceapp", "FaceApp", Trade::FaceEditor),
    ("beautyplus", "BeautyPlus", Trade::FaceEditor),
    ("meitu", "Meitu", Trade::FaceEditor),
    ("reface", "Reface", Trade::FaceEditor),
    ("deepfacelab", "DeepFaceLab", Trade::FaceEditor),
    ("faceswap", "faceswap", Trade::FaceEditor),
    ("facefusion", "FaceFusion", Trade::FaceEditor),
    ("stable diffusion", "Stable Diffusion", Trade::Generator),
    ("midjourney", "Midjourney", Trade::Generator),
    ("dall-e", "DALL·E", Trade::Generator),
    ("dall·e", "DALL·E", Trade::Generator),
    ("novelai", "NovelAI", Trade::Generator),
    ("comfyui", "ComfyUI", Trade::Generator),
    ("invokeai", "InvokeAI", Trade::Generator),
    ("made with google ai", "Google's generators", Trade::Generator),
    ("ideogram", "Ideogram", Trade::Generator),
    ("capture one", "Capture One", Trade::Developer),
    ("darktable", "darktable", Trade::Developer),
    ("rawtherapee", "RawTherapee", Trade::Developer),
    ("picasa", "Picasa", Trade::Developer),
    ("acdsee", "ACDSee", Trade::Developer),
    ("irfanview", "IrfanView", Trade::Developer),
    ("google photos", "Google Photos", Trade::Developer),
    ("windows photo editor", "Windows Photos", Trade::Developer),
    ("imagemagick", "ImageMagick", Trade::Library),
    ("graphicsmagick", "GraphicsMagick", Trade::Library),
    ("gd-jpeg", "the GD library of web servers", Trade::Library),
    ("pillow", "Pillow (Python)", Trade::Library),
    ("matplotlib", "Matplotlib (Python)", Trade::Library),
    ("lead technologies", "a LEADTOOLS program", Trade::Library),
    ("exiftool", "ExifTool, which writes metadata", Trade::Library),
    ("handbrake", "HandBrake", Trade::Library),
    ("lavf", "FFmpeg (libavformat)", Trade::Library),
    ("lavc", "FFmpeg (libavcodec)", Trade::Library),
    ("x264", "the x264 encoder", Trade::Library),
    ("gpac", "GPAC MP4Box", Trade::Library),
    ("l-smash", "L-SMASH", Trade::Library),
    ("mkvmerge", "MKVToolNix", Trade::Library),
    ("virtualdub", "VirtualDub", Trade::Library),
    ("instagram", "Instagram", Trade::Platform),
    ("facebook", "Facebook", Trade::Platform),
    ("whatsapp", "WhatsApp", Trade::Platform),
    ("snapchat", "Snapchat", Trade::Platform),
    ("tiktok", "TikTok", Trade::Platform),
    ("bytedance", "ByteDance (TikTok, CapCut)", Trade::Platform),
    ("twitter-vork", "Twitter", Trade::Platform),
    ("vireo", "Twitter's Vireo library", Trade::Platform),
    ("file produced by google", "Google (YouTube, Photos)", Trade::Platform),
];

/// Text keywords under which generators store what they were asked for.
const PROMPTS: &[(&str, &str)] = &[
    ("parameters", "the Stable Diffusion web interface of AUTOMATIC1111 and its relatives"),
    ("prompt", "ComfyUI"),
    ("workflow", "ComfyUI"),
    ("invokeai_metadata", "InvokeAI"),
    ("sd-metadata", "InvokeAI"),
    ("Dream", "InvokeAI"),
    ("fooocus_scheme", "Fooocus"),
    ("generation_data", "a diffusion service"),
];

fn program_in(text: &str) -> Option<&'static (&'static str, &'static str, Trade)> {
    let lower = text.to_lowercase();
    PROGRAMS.iter().find(|(needle, _, _)| {
        lower.match_indices(needle).any(|(at, _)| {
            let before = lower[..at].chars().next_back();
            let after = lower[at + needle.len()..].chars().next();
            !before.is_some_and(char::is_alphabetic) && !after.is_some_and(char::is_alphabetic)
        })
    })
}

/// Every text that may name a program: where it stands, what it says.
fn claims(source: &Source) -> Vec<(String, String)> {
    let metadata = source.metadata();
    let mut claims: Vec<(String, String)> = Vec::new();
    let mut say = |place: &str, text: Option<&String>| {
        if let Some(text) = text.filter(|t| !t.trim().is_empty()) {
            claims.push((place.to_owned(), text.clone()));
        }
    };
    if let Some(exif) = &metadata.exif {
        say("EXIF Software", exif.software.as_ref());
        say("EXIF HostComputer", exif.host_computer.as_ref());
        say("EXIF UserComment", exif.user_comment.as_ref());
        say("EXIF Artist", exif.artist.as_ref());
    }
    if let Some(xmp) = &metadata.xmp {
        say("XMP CreatorTool", xmp.creator_tool.as_ref());
        say("XMP toolkit", xmp.toolkit.as_ref());
        say("XMP Credit", xmp.credit.as_ref());
        for entry in &xmp.history {
            say("XMP history", Some(&entry.software_agent));
        }
    }
    for (name, value) in metadata.photoshop.iter().flat_map(|p| &p.iptc) {
        say(&format!("IPTC {name}"), Some(value));
    }
    for (name, value) in &metadata.text {
        if !PROMPTS.iter().any(|(keyword, _)| keyword == name) {
            say(&format!("text {name}"), Some(value));
        }
    }
    if let Some(boxes) = source.boxes() {
        for tag in &boxes.tags {
            say(&format!("container entry {}", tag.key), Some(&tag.value));
        }
        for track in &boxes.tracks {
            say("track handler name", Some(&track.handler_name));
            say("compressor name", Some(&track.compressor));
        }
    }
    if let Some(video) = source.video() {
        for fact in video.tags.iter().chain(video.streams.iter().flat_map(|s| &s.tags)) {
            say(&format!("tag {}", fact.name), Some(&fact.value));
        }
    }
    claims
}

pub(super) fn check(source: &Source, evidence: &mut Evidence) {
    let mut named: Vec<&str> = Vec::new();
    for (place, text) in claims(source) {
        let Some((_, program, trade)) = program_in(&text) else { continue };
        if named.contains(program) {
            continue;
        }
        named.push(program);
        let said = format!("{place} says {}", quoted(&text));
        let (severity, text) = match trade {
            Trade::Editor => (
                Severity::Notice,
                format!(
                    "{said}: the file was saved by {program}, which can change any pixel. Most files that pass through it are only cropped or adjusted."
                ),
            ),
            Trade::Generator => (
                Severity::Notice,
                format!(
                    "{said}: the field names {program}, which makes pictures from descriptions. Anyone can write such a field, but few would without reason."
                ),
            ),
            Trade::FaceEditor => (
                Severity::Notice,
                format!(
                    "{said}: the file passed through {program}, which changes faces; retouching for looks is its everyday use."
                ),
            ),
            Trade::Developer => (
                Severity::Info,
                format!(
                    "{said}: the file was saved by {program}, which develops or adjusts pictures as a whole. It is no longer the camera's own file."
                ),
            ),
            Trade::Library => (
                Severity::Info,
                format!(
                    "{said}: written by {program}. Converters, platforms and editors build on it, so the file is probably not the recording device's own."
                ),
            ),
            Trade::Platform => (
                Severity::Info,
                format!("{said}: typical of files that went through {program}, which encodes everything again."),
            ),
        };
        evidence.remark(severity, text);
    }
    generator_marks(source, evidence);
    history(source, evidence);
    platform_marks(source, evidence);
}

fn generator_marks(source: &Source, evidence: &mut Evidence) {
    let metadata = source.metadata();
    for (keyword, program) in PROMPTS {
        if let Some(text) = metadata.text_of(keyword) {
            evidence.remark(
                Severity::Notice,
                format!(
                    "The text {keyword} holds {}: {program} stores here what a picture was generated from. Other programs use the same word now and then, so read it.",
                    quoted(text)
                ),
            );
        }
    }
    let stated = metadata.xmp.as_ref().and_then(|x| x.digital_source_type.as_deref());
    if let Some(uri) = stated {
        let term = uri.rsplit('/').next().unwrap_or(uri);
        let (severity, meaning) = match term {
            "trainedAlgorithmicMedia" => (Severity::Notice, "made by a trained model"),
            "compositeWithTrainedAlgorithmicMedia" => {
                (Severity::Notice, "composed with parts that a trained model made")
            }
            "algorithmicMedia" => (Severity::Notice, "made by an algorithm"),
            "compositeSynthetic" => (Severity::Notice, "composed with synthetic parts"),
            "composite" | "compositeCapture" => (Severity::Notice, "composed of several pictures"),
            "digitalArt" | "digitalCreation" | "virtualRecording" => (Severity::Notice, "drawn or rendered"),
            "digitalCapture" => (Severity::Info, "captured by a camera"),
            _ => (Severity::Info, "see the IPTC vocabulary"),
        };
        evidence.remark(
            severity,
            format!("XMP declares the digital source type {}: {meaning}. It is a declaration by whoever wrote the file, and is not signed.", quoted(term)),
        );
    }
    if metadata.c2pa || source.boxes().is_some_and(|b| b.c2pa) {
        evidence.remark(
            Severity::Info,
            "The file carries a C2PA manifest. It is not verified here: a manifest counts only once its signature and its binding to this file have been checked.",
        );
    }
}

fn history(source: &Source, evidence: &mut Evidence) {
    let Some(xmp) = &source.metadata().xmp else { return };
    if !xmp.history.is_empty() {
        let steps: Vec<String> = xmp
            .history
            .iter()
            .take(6)
            .map(|h| {
                [h.action.as_str(), h.software_agent.as_str(), h.when.as_str()]
                    .iter()
                    .filter(|t| !t.is_empty())
                    .copied()
                    .collect::<Vec<_>>()
                    .join(", ")
            })
            .collect();
        let more = if xmp.history.len() > 6 { format!(" and {} more", xmp.history.len() - 6) } else { String::new() };
        evidence.remark(
            Severity::Notice,
            format!("XMP keeps a history of {} steps: {}{more}. Raw development leaves such a history as well as retouching.", xmp.history.len(), quoted(&steps.join("; "))),
        );
    }
    if let Some(origin) = &xmp.derived_from {
        evidence.remark(
            Severity::Notice,
            format!(
                "XMP says that the file was derived from another document ({}): it is not a first generation.",
                quoted(origin)
            ),
        );
    }
    if let (Some(original), Some(document)) = (&xmp.original_document_id, &xmp.document_id)
        && original != document
    {
        evidence.remark(Severity::Info, "The XMP document identifier differs from that of the original document: the file was saved under another name or format.");
    }
}

fn platform_marks(source: &Source, evidence: &mut Evidence) {
    let iptc = source.metadata().photoshop.iter().flat_map(|p| &p.iptc);
    if iptc.into_iter().any(|(_, value)| value.starts_with("FBMD")) {
        evidence.remark(
            Severity::Info,
            "An IPTC field starts with FBMD: Facebook and Instagram put this tracking code into pictures they deliver. The file was downloaded from there or copied from such a one.",
        );
    }
    let name = source.file_name();
    let whatsapp = ["IMG-", "VID-"].iter().any(|p| name.starts_with(p)) && name.contains("-WA");
    if whatsapp || name.starts_with("WhatsApp ") {
        evidence.remark(
            Severity::Info,
            format!("The file name {} has the form that WhatsApp gives; names can be given by anyone.", quoted(&name)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_words() {
        for (text, expected) in [
            ("Adobe Photoshop 25.1 (Windows)", Some("Adobe Photoshop")),
            ("Adobe Photoshop Lightroom Classic 9.2", Some("Adobe Lightroom")),
            ("GIMP 2.10.34", Some("GIMP")),
            ("Lavf58.29.100", Some("FFmpeg (libavformat)")),
            ("CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 82", Some("the GD library of web servers")),
            ("ISO Media file produced by Google Inc. Created on: 01/01/2020.", Some("Google (YouTube, Photos)")),
            ("Ver.1.02", None),
            ("a blimpgimpy name", None),
            ("", None),
        ] {
            assert_eq!(program_in(text).map(|p| p.1), expected, "{text}");
        }
    }
}
