//! ICC profiles (ICC.1:2022): the header and the few texts that name profile and maker. Editors
//! leave their own profiles behind.
use assay_evidence::{Fact, FactGroup};

use crate::bmff::fields::{Fields, text};

/// A profile's header and names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Icc {
    /// Bytes of the profile as stored.
    pub size: usize,
    /// Profile description.
    pub description: Option<String>,
    /// Copyright.
    pub copyright: Option<String>,
    /// Preferred colour management module, four characters.
    pub cmm: String,
    /// Version, for example `2.1`.
    pub version: String,
    /// Device class: `mntr`, `scnr`, `prtr`, `spac` ...
    pub class: String,
    /// Colour space: `RGB`, `GRAY`, `CMYK`.
    pub space: String,
    /// Creation date, `YYYY-MM-DD HH:MM:SS`, in UTC by the specification.
    pub date: String,
    /// Device manufacturer, four characters.
    pub manufacturer: String,
    /// Device model, four characters.
    pub model: String,
    /// Profile creator, four characters.
    pub creator: String,
    /// What is out of order.
    pub problems: Vec<String>,
}

impl Icc {
    /// Reads a profile. Never fails: problems are noted.
    pub fn read(bytes: &[u8]) -> Self {
        let mut icc = Self { size: bytes.len(), ..Self::default() };
        if icc.header(&mut Fields(bytes)).is_none() {
            icc.problems.push("the ICC profile is cut off".into());
            return icc;
        }
        if bytes.get(36..40) != Some(b"acsp") {
            icc.problems.push("the ICC profile has no signature".into());
        }
        let declared = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        if declared != bytes.len() {
            icc.problems.push(format!("the ICC profile says {declared} bytes and has {}", bytes.len()));
        }
        let mut table = Fields(bytes.get(128..).unwrap_or_default());
        let count = table.u32().unwrap_or(0);
        for _ in 0..count.min(256) {
            let (Some(tag), Some(offset), Some(size)) = (table.array::<4>(), table.u32(), table.u32()) else { break };
            let range = offset as usize..(offset as usize).saturating_add(size as usize);
            let value = bytes.get(range).and_then(localized);
            match &tag {
                b"desc" => icc.description = value.or(icc.description),
                b"cprt" => icc.copyright = value.or(icc.copyright),
                _ => {}
            }
        }
        icc
    }

    fn header(&mut self, fields: &mut Fields) -> Option<()> {
        fields.u32()?;
        self.cmm = text(fields.bytes(4)?);
        let [major, minor, _, _] = fields.array()?;
        self.version = format!("{major}.{}", minor >> 4);
        self.class = text(fields.bytes(4)?);
        self.space = text(fields.bytes(4)?);
        fields.u32()?;
        let mut date = [0; 6];
        for part in &mut date {
            *part = fields.u16()?;
        }
        let [year, month, day, hour, minute, second] = date;
        if year != 0 {
            self.date = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
        }
        fields.bytes(12)?;
        self.manufacturer = text(fields.bytes(4)?);
        self.model = text(fields.bytes(4)?);
        fields.bytes(24)?;
        self.creator = text(fields.bytes(4)?);
        fields.bytes(44).map(|_| ())
    }

    /// The profile in words.
    pub fn facts(&self) -> FactGroup {
        let mut facts = vec![Fact::new("size (bytes)", self.size)];
        for (name, value) in [
            ("description", self.description.as_deref().unwrap_or_default()),
            ("copyright", self.copyright.as_deref().unwrap_or_default()),
            ("version", &self.version),
            ("device class", &self.class),
            ("colour space", &self.space),
            ("created", &self.date),
            ("preferred CMM", &self.cmm),
            ("device manufacturer", &self.manufacturer),
            ("device model", &self.model),
            ("profile creator", &self.creator),
        ] {
            if !value.is_empty() {
                facts.push(Fact::new(name, value));
            }
        }
        FactGroup { title: "ICC profile".into(), facts }
    }
}

/// Text of a `desc` (version 2), `text` or `mluc` (version 4) element; of several languages the
/// first.
fn localized(element: &[u8]) -> Option<String> {
    let mut fields = Fields(element);
    let kind = fields.array::<4>()?;
    fields.u32()?;
    let found = match &kind {
        b"text" => text(fields.0),
        b"desc" => {
            let length = fields.u32()? as usize;
            fields.bytes(length.min(fields.0.len())).map(text)?
        }
        b"mluc" => {
            let (count, _) = (fields.u32()?, fields.u32()?);
            if count == 0 {
                return None;
            }
            fields.u32()?;
            let (length, offset) = (fields.u32()? as usize, fields.u32()? as usize);
            let units = element.get(offset..offset.checked_add(length.min(4096))?)?;
            char::decode_utf16(units.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])))
                .map(|c| c.unwrap_or('\u{fffd}'))
                .collect::<String>()
                .trim_matches(['\0', ' '])
                .to_owned()
        }
        _ => return None,
    };
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes[4..8].copy_from_slice(b"lcms");
        bytes[8] = 4;
        bytes[9] = 0x30;
        bytes[12..20].copy_from_slice(b"mntrRGB ");
        bytes[24..36].copy_from_slice(&[7, 0xe8, 0, 5, 0, 17, 0, 9, 0, 30, 0, 1]);
        bytes[36..40].copy_from_slice(b"acsp");
        bytes[48..56].copy_from_slice(b"APPL\0\0\0\0");
        bytes[80..84].copy_from_slice(b"appl");
        bytes.extend_from_slice(&[0, 0, 0, 2]);
        bytes.extend_from_slice(b"desc\0\0\0\x9c\0\0\0\x20cprt\0\0\0\xbc\0\0\0\x0c");
        bytes.extend_from_slice(b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0cenUS\0\0\0\x04\0\0\0\x1c\0P\0Q");
        bytes.extend_from_slice(b"text\0\0\0\0free");
        let size = (bytes.len() as u32).to_be_bytes();
        bytes[..4].copy_from_slice(&size);
        bytes
    }

    #[test]
    fn reads_header_and_texts() {
        let icc = Icc::read(&profile());
        assert_eq!(icc.problems, Vec::<String>::new());
        assert_eq!(icc.description.as_deref(), Some("PQ"));
        assert_eq!(icc.copyright.as_deref(), Some("free"));
        assert_eq!((icc.version.as_str(), icc.class.as_str(), icc.space.as_str()), ("4.3", "mntr", "RGB"));
        assert_eq!(icc.date, "2024-05-17 09:30:01");
        assert_eq!((icc.cmm.as_str(), icc.manufacturer.as_str(), icc.creator.as_str()), ("lcms", "APPL", "appl"));
    }

    #[test]
    fn every_cut_is_noted() {
        let whole = profile();
        for cut in 0..whole.len() {
            assert!(!Icc::read(&whole[..cut]).problems.is_empty(), "cut at {cut}");
        }
    }
}
