//! The structure of a JPEG file in words.
use assay_evidence::{Fact, FactGroup};

use super::structure::{HuffmanKind, JpegStructure};

/// Segments listed at most.
const MAX_LISTED: usize = 128;

impl JpegStructure {
    /// Facts for the report.
    pub fn facts(&self) -> FactGroup {
        let mut facts = Vec::new();
        let mut say = |name: &str, value: String| facts.push(Fact::new(name, value));
        say("coding", format!("{}, {} bit", self.process.name(), self.precision));
        say("coded size", format!("{} x {}", self.width, self.height));
        say("subsampling", self.subsampling());
        if let Some((quality, distance)) = self.quality() {
            say(
                "luminance quality",
                if distance == 0.0 {
                    format!("{quality} (exactly libjpeg's table)")
                } else {
                    format!("near {quality} (not libjpeg's table; entries differ by {distance:.2} on average)")
                },
            );
        }
        for (index, table) in self.quantisation.iter().enumerate() {
            let values: Vec<String> = table.values.iter().map(ToString::to_string).collect();
            say(
                &format!("quantisation table {index} (destination {}, {} bit)", table.id, table.bits),
                values.join(" "),
            );
        }
        let huffman = match self.huffman_kind() {
            HuffmanKind::Standard => "standard (T.81 Annex K)",
            HuffmanKind::Optimised => "not the standard ones",
            HuffmanKind::Absent => "none in the file (Motion JPEG)",
        };
        say("Huffman tables", huffman.into());
        say("scans", self.scans.len().to_string());
        if self.restart_interval > 0 {
            say("restart interval (MCUs)", self.restart_interval.to_string());
        }
        say("segments", self.outline());
        if let Some(jfif) = self.app.jfif {
            let unit = ["(aspect)", "dpi", "per cm"].get(usize::from(jfif.units)).unwrap_or(&"(unknown unit)");
            let (major, minor) = jfif.version;
            say("JFIF", format!("{major}.{minor:02}, {} x {} {unit}", jfif.density.0, jfif.density.1));
        }
        if let Some(transform) = self.app.adobe_transform {
            let name = ["none (RGB or CMYK)", "YCbCr", "YCCK"].get(usize::from(transform)).unwrap_or(&"unknown");
            say("Adobe colour transform", (*name).into());
        }
        for (name, range) in [("EXIF thumbnail", &self.app.thumbnail), ("JFXX thumbnail", &self.app.jfxx_thumbnail)] {
            if let Some(range) = range {
                say(name, format!("{} bytes at {}", range.len(), range.start));
            }
        }
        if self.app.mpf.is_some() {
            say("multi-picture index", "present".into());
        }
        if !self.app.jumbf.is_empty() {
            say("JUMBF segments", self.app.jumbf.len().to_string());
        }
        if let Some(trailing) = self.trailing {
            let jpeg = trailing.jpeg_at.map_or(String::new(), |at| format!(", another JPEG starts at {at}"));
            say("bytes after the end marker", format!("{} at {}{jpeg}", trailing.bytes, trailing.offset));
        }
        FactGroup { title: "JPEG structure".into(), facts }
    }

    /// Marker names in file order with the identifiers of application segments: the order tells
    /// writers apart.
    pub fn outline(&self) -> String {
        let names = self.segments.iter().take(MAX_LISTED).map(|segment| {
            if segment.identifier.is_empty() {
                segment.name()
            } else {
                format!("{}({})", segment.name(), segment.identifier)
            }
        });
        let more = if self.segments.len() > MAX_LISTED { " …" } else { "" };
        names.collect::<Vec<_>>().join(" ") + more
    }
}
