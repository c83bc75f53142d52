//! Photoshop image resources (Adobe Photoshop File Formats Specification) and the IPTC fields (IIM
//! 4.2) inside.
//!
//! Which resources are there tells that, and roughly how, Photoshop saved the file; IPTC fields are
//! kept by name.
use assay_evidence::{Fact, FactGroup};

use super::readable;
use crate::bmff::fields::Fields;

/// Resources that are read at most.
const MAX_RESOURCES: usize = 1024;
/// IPTC fields that are kept.
const MAX_FIELDS: usize = 512;

/// The resources of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Photoshop {
    /// Resource number and length in bytes, in file order.
    pub resources: Vec<(u16, usize)>,
    /// JPEG quality as Photoshop's dialogue shows it (resource 0x0406), with the format.
    pub jpeg_quality: Option<String>,
    /// True with a thumbnail (0x0409 or 0x040C).
    pub thumbnail: bool,
    /// IPTC fields: name, value.
    pub iptc: Vec<(String, String)>,
    /// What is out of order.
    pub problems: Vec<String>,
}

impl Photoshop {
    /// Reads `8BIM` resources. Never fails: problems are noted.
    pub fn read(bytes: &[u8]) -> Self {
        let mut photoshop = Self::default();
        let mut fields = Fields(bytes);
        while photoshop.resources.len() < MAX_RESOURCES && fields.0.len() >= 4 {
            if photoshop.resource(&mut fields).is_none() {
                photoshop.problems.push("the Photoshop resources are cut off".into());
                break;
            }
        }
        photoshop
    }

    fn resource(&mut self, fields: &mut Fields) -> Option<()> {
        let signature = fields.array::<4>()?;
        if !matches!(&signature, b"8BIM" | b"MeSa" | b"PHUT" | b"AgHg" | b"DCSR") {
            return None;
        }
        let id = fields.u16()?;
        let name = usize::from(fields.u8()?);
        fields.bytes(name + (name + 1) % 2)?;
        let size = fields.u32()? as usize;
        let data = fields.bytes(size)?;
        fields.bytes((size % 2).min(fields.0.len()))?;
        self.resources.push((id, size));
        match id {
            0x0404 => self.iptc(data),
            0x0406 => self.jpeg_quality = jpeg_quality(data),
            0x0409 | 0x040c => self.thumbnail = true,
            _ => {}
        }
        Some(())
    }

    fn iptc(&mut self, data: &[u8]) {
        let mut fields = Fields(data);
        let mut utf8 = false;
        while let Some([marker, record, number]) = fields.array() {
            if marker != 0x1c {
                break;
            }
            let Some(length) = fields.u16() else { break };
            // A set highest bit announces an extended length, which no text field needs.
            let Some(value) = fields.bytes(usize::from(length)).filter(|_| length < 0x8000) else {
                self.problems.push("the IPTC fields are cut off".into());
                break;
            };
            if (record, number) == (1, 90) {
                utf8 = value == b"\x1b%G";
            }
            let Some(name) = iptc_name(record, number) else { continue };
            if self.iptc.len() < MAX_FIELDS {
                let text = if utf8 { String::from_utf8_lossy(value).into_owned() } else { readable(value) };
                self.iptc.push((name.to_owned(), text));
            }
        }
    }

    /// The resources in words.
    pub fn facts(&self) -> FactGroup {
        let list: Vec<String> = self.resources.iter().take(64).map(|(id, _)| format!("0x{id:04X}")).collect();
        let mut facts = vec![Fact::new("resources", list.join(" "))];
        if let Some(quality) = &self.jpeg_quality {
            facts.push(Fact::new("saved as JPEG with quality", quality));
        }
        if self.thumbnail {
            facts.push(Fact::new("thumbnail", "present"));
        }
        facts.extend(self.iptc.iter().map(|(name, value)| Fact::new(format!("IPTC {name}"), value)));
        FactGroup { title: "Photoshop resources".into(), facts }
    }
}

fn jpeg_quality(data: &[u8]) -> Option<String> {
    let mut fields = Fields(data);
    let (quality, format) = (fields.u16()? as i16, fields.u16()?);
    let format = match format {
        0 => "standard",
        1 => "optimised",
        0x0101 => "progressive",
        _ => "unknown format",
    };
    Some(format!("{}, {format}", quality.saturating_add(4)))
}

fn iptc_name(record: u8, number: u8) -> Option<&'static str> {
    Some(match (record, number) {
        (2, 5) => "ObjectName",
        (2, 10) => "Urgency",
        (2, 15) => "Category",
        (2, 25) => "Keywords",
        (2, 40) => "SpecialInstructions",
        (2, 55) => "DateCreated",
        (2, 60) => "TimeCreated",
        (2, 62) => "DigitalCreationDate",
        (2, 63) => "DigitalCreationTime",
        (2, 65) => "OriginatingProgram",
        (2, 70) => "ProgramVersion",
        (2, 80) => "By-line",
        (2, 85) => "By-lineTitle",
        (2, 90) => "City",
        (2, 101) => "Country",
        (2, 103) => "OriginalTransmissionReference",
        (2, 105) => "Headline",
        (2, 110) => "Credit",
        (2, 115) => "Source",
        (2, 116) => "CopyrightNotice",
        (2, 120) => "Caption",
        (2, 122) => "CaptionWriter",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_and_iptc() {
        let mut iptc = b"\x1c\x01\x5a\0\x03\x1b%G".to_vec();
        iptc.extend_from_slice(b"\x1c\x02\x6e\0\x05caf\xc3\xa9");
        let mut file = b"8BIM\x04\x04\0\0".to_vec();
        file.extend_from_slice(&(iptc.len() as u32).to_be_bytes());
        file.extend_from_slice(&iptc);
        file.resize(file.len().next_multiple_of(2), 0);
        file.extend_from_slice(b"8BIM\x04\x06\0\0\0\0\0\x05\0\x08\0\0\0\0");
        let photoshop = Photoshop::read(&file);
        assert_eq!(photoshop.problems, Vec::<String>::new());
        assert_eq!(photoshop.resources, [(0x0404, 18), (0x0406, 5)]);
        assert_eq!(photoshop.iptc, [("Credit".to_owned(), "café".to_owned())]);
        assert_eq!(photoshop.jpeg_quality.as_deref(), Some("12, standard"));
        for cut in 4..file.len() - 1 {
            let read = Photoshop::read(&file[..cut]);
            assert!(!read.problems.is_empty() || read.resources.len() < 2, "cut at {cut}");
        }
    }
}
