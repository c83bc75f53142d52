//! PNG chunks (PNG specification, third edition): their order, texts, time, colour, and the EXIF,
//! XMP and ICC blocks they carry.
//!
//! Compressed texts are inflated under a limit. The texts `parameters`, `prompt` and `workflow` are
//! how picture generators note what they were asked for, so texts are kept whole as far as the
//! limit goes.
use assay_evidence::{Fact, FactGroup};

use super::{Exif, Icc, Metadata, Xmp, readable};
use crate::bmff::fields::Fields;

/// Chunks that are walked at most.
const MAX_CHUNKS: usize = 65_536;
/// Bytes that one compressed text or profile may inflate to.
const MAX_INFLATED: usize = 8 << 20;
/// Bytes that all of them may inflate to.
const MAX_INFLATED_TOTAL: usize = 32 << 20;
/// Texts that are kept.
const MAX_TEXTS: usize = 256;

struct Chunks<'m> {
    metadata: &'m mut Metadata,
    facts: Vec<Fact>,
    /// Runs of equal chunk types in file order.
    order: Vec<(String, usize)>,
    budget: usize,
}

/// Reads the chunks into `metadata`.
pub(super) fn read(bytes: &[u8], metadata: &mut Metadata) {
    let mut chunks = Chunks { metadata, facts: Vec::new(), order: Vec::new(), budget: MAX_INFLATED_TOTAL };
    let Some(body) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n") else {
        chunks.note("no PNG signature");
        return;
    };
    let mut fields = Fields(body);
    let mut ended = false;
    for _ in 0..MAX_CHUNKS {
        if fields.0.is_empty() {
            break;
        }
        let at = bytes.len() - fields.0.len();
        let (Some(length), Some(kind)) = (fields.u32(), fields.array::<4>()) else {
            chunks.note(&format!("a chunk is cut off at byte {at}"));
            break;
        };
        let name = readable(&kind);
        let (Some(data), Some(crc)) = (fields.bytes(length as usize), fields.u32()) else {
            chunks.note(&format!("the {name} chunk is cut off at byte {at}"));
            chunks.count(name);
            break;
        };
        // Pixel data is checked by the decoder; the rest is small.
        if kind != *b"IDAT" && kind != *b"fdAT" && crc32(&[&kind, data]) != crc {
            chunks.note(&format!("the {name} chunk at byte {at} has a wrong checksum"));
        }
        chunks.count(name);
        chunks.take(kind, data);
        if kind == *b"IEND" {
            ended = true;
            break;
        }
    }
    if !ended {
        chunks.note("there is no IEND chunk");
    } else if !fields.0.is_empty() {
        let count = fields.0.len();
        chunks.facts.push(Fact::new("bytes after IEND", count));
        chunks.note(&format!("{count} bytes follow the end of the picture"));
    }
    let order: Vec<String> = chunks
        .order
        .iter()
        .take(128)
        .map(|(name, count)| if *count == 1 { name.clone() } else { format!("{name} x{count}") })
        .collect();
    chunks.facts.insert(0, Fact::new("chunks", order.join(" ")));
    let facts = std::mem::take(&mut chunks.facts);
    metadata.container.push(FactGroup { title: "PNG chunks".into(), facts });
}

impl Chunks<'_> {
    fn note(&mut self, problem: &str) {
        if self.metadata.problems.len() < 64 {
            self.metadata.problems.push(problem.to_owned());
        }
    }

    fn count(&mut self, name: String) {
        match self.order.last_mut() {
            Some((last, count)) if *last == name => *count += 1,
            _ => self.order.push((name, 1)),
        }
    }

    fn inflate(&mut self, data: &[u8]) -> Vec<u8> {
        let limit = MAX_INFLATED.min(self.budget);
        let inflated = match miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(data, limit) {
            Ok(inflated) => inflated,
            Err(error) => {
                self.note("a compressed chunk cannot be inflated or is too large");
                error.output
            }
        };
        self.budget -= inflated.len().min(self.budget);
        inflated
    }

    fn text(&mut self, keyword: String, text: &[u8]) {
        if keyword == "XML:com.adobe.xmp" {
            self.metadata.add_xmp(Xmp::read(text));
            return;
        }
        // ImageMagick and ExifTool keep EXIF as hexadecimal text under these names.
        if let Some(kind) = keyword.strip_prefix("Raw profile type ") {
            self.facts.push(Fact::new("embedded profile", kind));
            return;
        }
        if self.metadata.text.len() < MAX_TEXTS {
            self.metadata.text.push((keyword, readable(text)));
        }
    }

    fn take(&mut self, kind: [u8; 4], data: &[u8]) {
        let mut fields = Fields(data);
        match &kind {
            b"IHDR" => {
                if let (Some(width), Some(height), Some([depth, color, _, _, interlace])) =
                    (fields.u32(), fields.u32(), fields.array())
                {
                    let kind = match color {
                        0 => "grey",
                        2 => "RGB",
                        3 => "palette",
                        4 => "grey with alpha",
                        6 => "RGB with alpha",
                        _ => "unknown",
                    };
                    self.facts.push(Fact::new("size", format!("{width} x {height}")));
                    self.facts.push(Fact::new("samples", format!("{depth} bit {kind}")));
                    self.facts.push(Fact::new("interlaced", if interlace == 0 { "no" } else { "yes (Adam7)" }));
                }
            }
            b"tEXt" => {
                let keyword = latin1(&mut fields);
                let text = fields.0.iter().map(|&b| char::from(b)).collect::<String>();
                self.text(keyword, text.as_bytes());
            }
            b"zTXt" => {
                let keyword = latin1(&mut fields);
                fields.u8();
                let inflated = self.inflate(fields.0);
                let text = inflated.iter().map(|&b| char::from(b)).collect::<String>();
                self.text(keyword, text.as_bytes());
            }
            b"iTXt" => {
                let keyword = latin1(&mut fields);
                let compressed = fields.u8() == Some(1);
                fields.u8();
                let (_language, _translated) = (latin1(&mut fields), fields.c_text());
                let text = if compressed { self.inflate(fields.0) } else { fields.0.to_vec() };
                self.text(keyword, &text);
            }
            b"eXIf" => self.metadata.exif = Some(Exif::read(data)),
            b"iCCP" => {
                let name = latin1(&mut fields);
                fields.u8();
                let profile = self.inflate(fields.0);
                self.facts.push(Fact::new("ICC profile name", name));
                self.metadata.icc = Some(Icc::read(&profile));
            }
            b"tIME" => {
                if let (Some(year), Some([month, day, hour, minute, second])) = (fields.u16(), fields.array()) {
                    let time = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC");
                    self.facts.push(Fact::new("last modified (tIME)", time));
                }
            }
            b"gAMA" => {
                if let Some(gamma) = fields.u32() {
                    self.facts.push(Fact::new("gamma", format!("{:.5}", f64::from(gamma) / 100_000.0)));
                }
            }
            b"pHYs" => {
                if let (Some(x), Some(y), Some(unit)) = (fields.u32(), fields.u32(), fields.u8()) {
                    let unit = if unit == 1 { "per metre" } else { "aspect only" };
                    self.facts.push(Fact::new("pixel density", format!("{x} x {y} {unit}")));
                }
            }
            b"sRGB" => self.facts.push(Fact::new("sRGB intent", fields.u8().unwrap_or(0))),
            b"acTL" => self.facts.push(Fact::new("animation frames", fields.u32().unwrap_or(0))),
            b"caBX" => {
                self.metadata.c2pa = true;
                self.facts.push(Fact::new("C2PA manifest", format!("{} bytes, not verified", data.len())));
            }
            _ => {}
        }
    }
}

/// Latin-1 up to a NUL.
fn latin1(fields: &mut Fields) -> String {
    let end = fields.0.iter().position(|&b| b == 0).unwrap_or(fields.0.len());
    let text = fields.0[..end].iter().take(256).map(|&b| char::from(b)).collect();
    fields.0 = fields.0.get(end + 1..).unwrap_or_default();
    text
}

/// CRC-32 of PNG annex D, a nibble at a time.
fn crc32(parts: &[&[u8]]) -> u32 {
    const TABLE: [u32; 16] = {
        let mut table = [0; 16];
        let mut n = 0;
        while n < 16 {
            let mut c = n as u32;
            let mut k = 0;
            while k < 4 {
                c = if c & 1 != 0 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 };
                k += 1;
            }
            table[n] = c;
            n += 1;
        }
        table
    };
    let bytes = parts.iter().flat_map(|part| part.iter());
    !bytes.fold(u32::MAX, |crc, &byte| {
        let crc = crc ^ u32::from(byte);
        let crc = crc >> 4 ^ TABLE[(crc & 15) as usize];
        crc >> 4 ^ TABLE[(crc & 15) as usize]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
        let crc = crc32(&[kind, data]);
        [&(data.len() as u32).to_be_bytes(), kind, data, &crc.to_be_bytes()].concat()
    }

    fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        let header = chunk(b"IHDR", &[0, 0, 0, 2, 0, 0, 0, 3, 8, 2, 0, 0, 0]);
        [b"\x89PNG\r\n\x1a\n".to_vec(), header, chunks.concat(), chunk(b"IEND", b"")].concat()
    }

    fn metadata(bytes: &[u8]) -> Metadata {
        let mut metadata = Metadata::default();
        read(bytes, &mut metadata);
        metadata
    }

    #[test]
    fn crc_of_the_end_chunk() {
        assert_eq!(crc32(&[b"IEND"]), 0xae42_6082);
    }

    #[test]
    fn texts_in_all_three_kinds() {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(b"a cat, 4k", 6);
        let read = metadata(&file(&[
            chunk(b"tEXt", b"Software\0Paint\xe9"),
            chunk(b"zTXt", &[&b"parameters\0\0"[..], &packed].concat()),
            chunk(b"iTXt", &[&b"prompt\0\x01\0en\0\0"[..], &packed].concat()),
            chunk(b"iTXt", b"Comment\0\0\0\0\0caf\xc3\xa9"),
            chunk(b"tIME", &[0x07, 0xe8, 5, 17, 9, 30, 1]),
            chunk(b"caBX", b"x"),
        ]));
        let texts: Vec<(&str, &str)> = read.text.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            texts,
            [("Software", "Painté"), ("parameters", "a cat, 4k"), ("prompt", "a cat, 4k"), ("Comment", "café")]
        );
        assert!(read.c2pa);
        assert_eq!(read.problems, Vec::<String>::new());
        let facts = &read.container[0].facts;
        assert_eq!(facts[0].value, "IHDR tEXt zTXt iTXt x2 tIME caBX IEND");
        assert!(facts.iter().any(|f| f.value == "2024-05-17 09:30:01 UTC"));
    }

    #[test]
    fn a_text_bomb_stays_small() {
        let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b'x'; 64 << 20], 9);
        let read = metadata(&file(&[chunk(b"zTXt", &[&b"k\0\0"[..], &bomb].concat())]));
        assert!(read.text[0].1.len() <= MAX_INFLATED);
        assert_eq!(read.problems.len(), 1);
    }

    #[test]
    fn damage_is_noted() {
        let whole = file(&[chunk(b"tEXt", b"a\0b")]);
        for cut in 0..whole.len() {
            assert!(!metadata(&whole[..cut]).problems.is_empty(), "cut at {cut}");
        }
        let mut flipped = whole.clone();
        flipped[45] ^= 1;
        assert_eq!(metadata(&flipped).problems.len(), 1);
        assert_eq!(metadata(&[&whole[..], b"PK"].concat()).problems.len(), 1);
    }
}
