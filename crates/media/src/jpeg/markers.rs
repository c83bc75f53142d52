//! The walk over the marker segments of a JPEG file (T.81 Annex B.1), without looking into them.
//!
//! Tolerant on purpose: stray bytes between segments and a missing end marker are what edited and
//! cut files look like, so they are noted and the walk goes on. Entropy-coded data is only searched
//! for the next marker.
use std::ops::Range;

use crate::MediaError;

/// More segments than any writer makes; a file of nothing but empty segments stops here.
const MAX_SEGMENTS: usize = 16_384;

/// One marker with its segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Second byte of the marker, for example `0xDB`.
    pub marker: u8,
    /// Offset of the marker's `0xFF` in the file.
    pub offset: usize,
    /// Bytes from the marker's `0xFF` to the end of the segment; 2 for markers without a segment.
    /// Entropy-coded data is not counted.
    pub length: usize,
    /// Printable identifier at the start of an APPn segment (`JFIF`, `Exif`,
    /// `http://ns.adobe.com/xap/1.0/`), empty elsewhere.
    pub identifier: String,
    /// For a scan, its entropy-coded data; empty elsewhere.
    pub entropy: Range<usize>,
}

impl Segment {
    /// Name of the marker (T.81 table B.1).
    pub fn name(&self) -> String {
        marker_name(self.marker)
    }

    /// The segment's bytes after the length field.
    pub fn payload(&self) -> Range<usize> {
        (self.offset + self.length.min(4))..(self.offset + self.length)
    }
}

/// Name of a marker (T.81 table B.1).
pub fn marker_name(marker: u8) -> String {
    let fixed = match marker {
        0x01 => "TEM",
        0xc4 => "DHT",
        0xc8 => "JPG",
        0xcc => "DAC",
        0xd8 => "SOI",
        0xd9 => "EOI",
        0xda => "SOS",
        0xdb => "DQT",
        0xdc => "DNL",
        0xdd => "DRI",
        0xde => "DHP",
        0xdf => "EXP",
        0xfe => "COM",
        0xc0..=0xcf => return format!("SOF{}", marker - 0xc0),
        0xd0..=0xd7 => return format!("RST{}", marker - 0xd0),
        0xe0..=0xef => return format!("APP{}", marker - 0xe0),
        _ => return format!("0x{marker:02X}"),
    };
    fixed.to_owned()
}

/// What the walk found.
#[derive(Debug, Clone, Default)]
pub(super) struct Walk {
    pub(super) segments: Vec<Segment>,
    /// Offset just after the end marker.
    pub(super) end: Option<usize>,
    pub(super) problems: Vec<String>,
}

/// Big-endian 16 bits at `at`.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

/// Walks from the start marker to the end marker or the end of the file.
pub(super) fn walk(bytes: &[u8]) -> Result<Walk, MediaError> {
    if bytes.is_empty() {
        return Err(MediaError::Empty);
    }
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return Err(MediaError::Damaged { format: "JPEG", reason: "no start marker at byte 0".into() });
    }
    let mut walk = Walk::default();
    let plain = |marker, offset| Segment { marker, offset, length: 2, identifier: String::new(), entropy: 0..0 };
    walk.segments.push(plain(0xd8, 0));
    let mut at = 2;
    loop {
        if walk.segments.len() >= MAX_SEGMENTS {
            walk.problems.push(format!("more than {MAX_SEGMENTS} segments; the rest from byte {at} is not read"));
            return Ok(walk);
        }
        let Some((offset, marker)) = next_marker(bytes, at) else {
            walk.problems.push("the file ends without an end marker".into());
            return Ok(walk);
        };
        // Fill bytes before a marker (B.1.1.2) are not stray.
        if bytes[at..offset].iter().any(|&b| b != 0xff) {
            walk.problems.push(format!(
                "{} stray bytes before the {} marker at byte {offset}",
                offset - at,
                marker_name(marker)
            ));
        }
        match marker {
            0xd9 => {
                walk.segments.push(plain(marker, offset));
                walk.end = Some(offset + 2);
                return Ok(walk);
            }
            0x01 | 0xd0..=0xd8 => {
                walk.problems.push(format!("{} marker out of place at byte {offset}", marker_name(marker)));
                walk.segments.push(plain(marker, offset));
                at = offset + 2;
            }
            _ => {
                let length = be16(bytes, offset + 2).map_or(0, usize::from);
                if length < 2 || offset + 2 + length > bytes.len() {
                    walk.problems.push(format!("the {} segment at byte {offset} is cut off", marker_name(marker)));
                    return Ok(walk);
                }
                let mut segment = Segment { length: length + 2, ..plain(marker, offset) };
                at = offset + 2 + length;
                if (0xe0..=0xef).contains(&marker) {
                    segment.identifier = identifier(&bytes[segment.payload()]);
                } else if marker == 0xda {
                    let end = entropy_end(bytes, at);
                    segment.entropy = at..end;
                    at = end;
                }
                walk.segments.push(segment);
            }
        }
    }
}

/// The next marker at or after `at`: the offset of its last `0xFF`, and its second byte.
fn next_marker(bytes: &[u8], at: usize) -> Option<(usize, u8)> {
    let mut from = at;
    loop {
        let offset = from + bytes.get(from..)?.iter().position(|&b| b == 0xff)?;
        let next = *bytes.get(offset + 1)?;
        if next != 0 && next != 0xff {
            return Some((offset, next));
        }
        from = offset + 1;
    }
}

/// Where entropy-coded data that starts at `from` ends: at the first marker other than a restart
/// marker, before its fill bytes.
fn entropy_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xff)) {
        let first = at + found;
        let mut last = first;
        while bytes.get(last + 1) == Some(&0xff) {
            last += 1;
        }
        match bytes.get(last + 1) {
            Some(0 | 0xd0..=0xd7) => at = last + 2,
            _ => return first,
        }
    }
    bytes.len()
}

fn identifier(payload: &[u8]) -> String {
    payload.iter().take(40).take_while(|&&b| (0x20..0x7f).contains(&b)).map(|&b| char::from(b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> (Vec<String>, usize) {
        let walk = walk(bytes).unwrap();
        (walk.segments.iter().map(Segment::name).collect(), walk.problems.len())
    }

    #[test]
    fn walks_segments_fill_bytes_and_scans() {
        let file = [
            0xff, 0xd8, 0xff, 0xe0, 0, 4, b'A', b'B', 0xff, 0xff, 0xff, 0xfe, 0, 2, 0xff, 0xda, 0, 2, 1, 0xff, 0, 0xff,
            0xd0, 7, 0xff, 0xff, 0xd9,
        ];
        let walk = walk(&file).unwrap();
        assert_eq!(walk.problems, Vec::<String>::new());
        assert_eq!(names(&file).0, ["SOI", "APP0", "COM", "SOS", "EOI"]);
        assert_eq!(walk.segments[1].identifier, "AB");
        assert_eq!(walk.segments[3].entropy, 18..24);
        assert_eq!(walk.end, Some(27));
    }

    #[test]
    fn notes_what_is_out_of_order() {
        assert_eq!(names(&[0xff, 0xd8, 1, 2, 0xff, 0xd9]), (vec!["SOI".into(), "EOI".into()], 1));
        assert_eq!(names(&[0xff, 0xd8, 0xff, 0xe0, 0, 9]), (vec!["SOI".into()], 1));
        assert_eq!(names(&[0xff, 0xd8, 0xff, 0xe0, 0, 1]), (vec!["SOI".into()], 1));
        assert_eq!(names(&[0xff, 0xd8]), (vec!["SOI".into()], 1));
        assert!(matches!(walk(b"GIF89a"), Err(MediaError::Damaged { .. })));
        assert!(matches!(walk(b""), Err(MediaError::Empty)));
    }
}
