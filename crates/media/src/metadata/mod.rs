//! Metadata of still pictures: EXIF, XMP, ICC, IPTC, and the text that formats carry themselves.
//!
//! [`read_image`] never fails. Whatever cannot be read becomes a sentence in
//! [`Metadata::problems`], because broken metadata is a fact about the file too. Nothing is judged
//! here, nothing is decoded to pixels, and no text leads to another read: no external entity, no
//! link is followed.
use assay_evidence::{Fact, FactGroup};

use crate::Orientation;
use crate::jpeg::{AppSegments, JpegStructure};

mod exif;
mod gif;
mod heif;
mod icc;
mod names;
mod photoshop;
mod png;
mod riff;
pub mod tiff;
pub mod time;
mod xml;
mod xmp;

pub use exif::{Exif, Position};
pub use icc::Icc;
pub use photoshop::Photoshop;
pub use xmp::{HistoryEntry, Xmp};

/// Everything that was read from one picture.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// EXIF block, or the directories of a TIFF file.
    pub exif: Option<Exif>,
    /// XMP packet; several are merged in file order.
    pub xmp: Option<Xmp>,
    /// ICC profile.
    pub icc: Option<Icc>,
    /// Photoshop resources with IPTC fields.
    pub photoshop: Option<Photoshop>,
    /// Texts that the format itself carries: comments, PNG text chunks; keyword and text.
    pub text: Vec<(String, String)>,
    /// True when a C2PA manifest store is present. It is not verified.
    pub c2pa: bool,
    /// Facts of the container itself: JPEG structure, PNG chunks, boxes.
    pub container: Vec<FactGroup>,
    /// What is out of order, one sentence each.
    pub problems: Vec<String>,
}

/// Largest extended XMP packet that is joined, in bytes.
const MAX_EXTENDED_XMP: usize = 64 << 20;
/// Problems shown in the facts.
const MAX_PROBLEMS: usize = 64;

/// Reads the metadata of a picture. `format` is one of `jpeg`, `png`, `webp`, `gif`, `tiff`, `bmp`,
/// `heif` (`heic`), `avif`; others give nothing.
pub fn read_image(bytes: &[u8], format: &str) -> Metadata {
    let mut metadata = Metadata::default();
    match format {
        "jpeg" => match JpegStructure::parse(bytes) {
            Ok(structure) => return read_jpeg(bytes, &structure),
            Err(error) => {
                // A kind of JPEG that is not decoded here has the same metadata segments.
                metadata.problems.push(error.to_string());
                metadata.take_app(bytes, &AppSegments::read(bytes));
            }
        },
        "png" => png::read(bytes, &mut metadata),
        "webp" => riff::read(bytes, &mut metadata),
        "gif" => gif::read(bytes, &mut metadata),
        "tiff" => metadata.take_tiff(bytes),
        "heif" | "heic" | "avif" => heif::read(bytes, &mut metadata),
        "bmp" => metadata.take_bmp(bytes),
        _ => {}
    }
    metadata.gather_problems();
    metadata
}

/// The metadata of a JPEG file whose structure is known already.
pub fn read_jpeg(bytes: &[u8], structure: &JpegStructure) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.container.push(structure.facts());
    metadata.take_app(bytes, &structure.app);
    metadata.problems.extend(structure.problems.iter().cloned());
    metadata.gather_problems();
    metadata
}

impl Metadata {
    /// How the picture is to be turned, from EXIF.
    pub fn orientation(&self) -> Orientation {
        self.exif.as_ref().and_then(|exif| exif.orientation).map(Orientation::from_exif).unwrap_or_default()
    }

    /// The first text under this keyword.
    pub fn text_of(&self, keyword: &str) -> Option<&str> {
        self.text.iter().find(|(name, _)| name == keyword).map(|(_, text)| text.as_str())
    }

    /// All facts for the report.
    pub fn facts(&self) -> Vec<FactGroup> {
        let mut groups = self.container.clone();
        if let Some(exif) = &self.exif {
            groups.extend(exif.facts());
        }
        groups.extend(self.xmp.as_ref().map(Xmp::facts));
        groups.extend(self.photoshop.as_ref().map(Photoshop::facts));
        groups.extend(self.icc.as_ref().map(Icc::facts));
        let mut other: Vec<Fact> = self.text.iter().map(|(name, value)| Fact::new(name.as_str(), value)).collect();
        if self.c2pa {
            other.push(Fact::new("C2PA manifest", "present, not verified"));
        }
        for (title, facts) in [
            ("Texts and marks", other),
            ("Metadata problems", self.problems.iter().take(MAX_PROBLEMS).map(|p| Fact::new("problem", p)).collect()),
        ] {
            if !facts.is_empty() {
                groups.push(FactGroup { title: title.into(), facts });
            }
        }
        groups
    }

    fn add_xmp(&mut self, packet: Xmp) {
        match &mut self.xmp {
            Some(first) => first.merge(packet),
            None => self.xmp = Some(packet),
        }
    }

    fn take_app(&mut self, bytes: &[u8], app: &AppSegments) {
        self.exif = app.exif.clone().and_then(|range| bytes.get(range)).map(Exif::read);
        for packet in app.xmp.iter().take(8).filter_map(|range| bytes.get(range.clone())) {
            self.add_xmp(Xmp::read(packet));
        }
        let (extended, complete) = app.extended_xmp(bytes, MAX_EXTENDED_XMP);
        if !complete {
            self.problems.push("the extended XMP packet is incomplete".into());
        }
        if !extended.is_empty() {
            self.add_xmp(Xmp::read(&extended));
        }
        self.icc = app.icc.as_deref().map(Icc::read);
        let resources: Vec<u8> =
            app.photoshop.iter().filter_map(|range| bytes.get(range.clone())).flatten().copied().collect();
        self.photoshop = (!resources.is_empty()).then(|| Photoshop::read(&resources));
        self.text.extend(app.comments.iter().take(256).map(|comment| ("JPEG comment".to_owned(), comment.clone())));
        self.c2pa = app.c2pa;
    }

    fn take_tiff(&mut self, bytes: &[u8]) {
        let exif = Exif::read(bytes);
        let block = |tag: u16| {
            let entry = exif.entries.iter().find(|e| e.directory == tiff::Directory::Primary && e.tag == tag)?;
            bytes.get(entry.range.clone())
        };
        let (xmp, icc, resources) =
            (block(0x02bc).map(Xmp::read), block(0x8773).map(Icc::read), block(0x8649).map(Photoshop::read));
        (self.xmp, self.icc, self.photoshop) = (xmp, icc, resources);
        self.exif = Some(exif);
    }

    fn take_bmp(&mut self, bytes: &[u8]) {
        let word = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk).map(|b| u32::from_le_bytes(*b));
        let (Some(size), Some(header), Some(width), Some(height)) = (word(2), word(14), word(18), word(22)) else {
            self.problems.push("the BMP header is cut off".into());
            return;
        };
        if size as usize != bytes.len() {
            self.problems.push(format!("the file says {size} bytes and has {}", bytes.len()));
        }
        let facts = vec![
            Fact::new("header (bytes)", header),
            Fact::new("size", format!("{} x {}", width as i32, height as i32)),
            Fact::new("bits a pixel", word(28).unwrap_or(0) & 0xffff),
        ];
        self.container.push(FactGroup { title: "BMP header".into(), facts });
    }

    /// Problems of the parts, said once in one place.
    fn gather_problems(&mut self) {
        if let Some(exif) = &self.exif {
            self.problems.extend(exif.problems.iter().map(|p| format!("EXIF: {p}")));
        }
        if let Some(xmp) = &self.xmp {
            self.problems.extend(xmp.problems.iter().map(|p| format!("XMP: {p}")));
        }
        if let Some(icc) = &self.icc {
            self.problems.extend(icc.problems.iter().cloned());
        }
        if let Some(photoshop) = &self.photoshop {
            self.problems.extend(photoshop.problems.iter().cloned());
        }
    }
}

/// UTF-8 or, failing that, Latin-1; without control characters other than line breaks and tabs, and
/// without NUL padding.
fn readable(bytes: &[u8]) -> String {
    let text =
        std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|&b| char::from(b)).collect(), str::to_owned);
    text.chars().filter(|&c| !c.is_control() || matches!(c, '\n' | '\t')).collect::<String>().trim().to_owned()
}
