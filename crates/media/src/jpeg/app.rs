//! The application and comment segments of a JPEG file: where the metadata blocks lie and which
//! writers left their mark.
//!
//! Only ranges and short fields are taken here; the contents of EXIF, XMP and ICC blocks are read
//! by [`crate::metadata`].
use std::ops::Range;

use super::markers::{self, Segment, be16};
use crate::metadata::tiff;

/// Longest comment that is kept, in bytes.
const MAX_COMMENT: usize = 65_536;
/// Largest joined ICC profile, in bytes; real ones stay below 4 MiB.
const MAX_ICC: usize = 16 << 20;

/// The JFIF header (ITU-T T.871).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jfif {
    /// Major and minor version.
    pub version: (u8, u8),
    /// 0 aspect ratio, 1 dots per inch, 2 dots per centimetre.
    pub units: u8,
    /// Horizontal and vertical density.
    pub density: (u16, u16),
    /// Width and height of the uncompressed thumbnail, mostly 0.
    pub thumbnail: (u8, u8),
}

/// One part of an extended XMP packet (XMP specification part 3, 1.1.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedXmp {
    /// MD5 of the whole, as the 32 hexadecimal digits in the file.
    pub guid: String,
    /// Length of the whole in bytes.
    pub total: u32,
    /// Where this part starts in the whole.
    pub offset: u32,
    /// Its bytes in the file.
    pub data: Range<usize>,
}

/// What the APPn and COM segments hold. Ranges are byte ranges of the file.
#[derive(Debug, Clone, Default)]
pub struct AppSegments {
    /// JFIF header.
    pub jfif: Option<Jfif>,
    /// A JPEG thumbnail in a JFXX segment.
    pub jfxx_thumbnail: Option<Range<usize>>,
    /// Colour transform of the Adobe segment: 0 none (RGB or CMYK), 1 YCbCr, 2 YCCK.
    pub adobe_transform: Option<u8>,
    /// TIFF header and all that follows it in the first Exif segment.
    pub exif: Option<Range<usize>>,
    /// Standard XMP packets.
    pub xmp: Vec<Range<usize>>,
    /// Parts of extended XMP packets in file order.
    pub extended_xmp: Vec<ExtendedXmp>,
    /// The joined ICC profile.
    pub icc: Option<Vec<u8>>,
    /// Photoshop image resource blocks (`8BIM`).
    pub photoshop: Vec<Range<usize>>,
    /// Multi-picture index (CIPA DC-007).
    pub mpf: Option<Range<usize>>,
    /// JUMBF boxes (APP11), the carrier of C2PA manifests.
    pub jumbf: Vec<Range<usize>>,
    /// True when a JUMBF box is labelled as a C2PA manifest store.
    pub c2pa: bool,
    /// Comments.
    pub comments: Vec<String>,
    /// The JPEG thumbnail of the EXIF block (IFD1).
    pub thumbnail: Option<Range<usize>>,
    /// What is out of order.
    pub problems: Vec<String>,
}

const EXIF: &[u8] = b"Exif\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const EXTENDED_XMP: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

impl AppSegments {
    /// The segments of a file that need not be readable as a picture; empty when it does not start
    /// like a JPEG file.
    pub fn read(bytes: &[u8]) -> Self {
        markers::walk(bytes).map(|walk| Self::collect(bytes, &walk.segments)).unwrap_or_default()
    }

    /// The extended XMP packet joined from its parts, and whether it is complete. Parts of other
    /// packets than the first are left out.
    pub fn extended_xmp(&self, bytes: &[u8], max_bytes: usize) -> (Vec<u8>, bool) {
        let Some(first) = self.extended_xmp.first() else { return (Vec::new(), true) };
        let mut parts: Vec<_> = self.extended_xmp.iter().filter(|part| part.guid == first.guid).collect();
        parts.sort_by_key(|part| part.offset);
        let mut joined = Vec::new();
        for part in parts {
            let data = bytes.get(part.data.clone()).unwrap_or_default();
            if part.offset as usize != joined.len() || joined.len() + data.len() > max_bytes {
                return (joined, false);
            }
            joined.extend_from_slice(data);
        }
        let complete = joined.len() == first.total as usize;
        (joined, complete)
    }

    /// Sorts the APPn and COM segments that the walk found.
    pub(crate) fn collect(bytes: &[u8], segments: &[Segment]) -> Self {
        let mut app = Self::default();
        let mut icc: Vec<(u8, u8, &[u8])> = Vec::new();
        for segment in segments {
            let range = segment.payload();
            let Some(payload) = bytes.get(range.clone()) else { continue };
            let after = |n: usize| range.start + n..range.end;
            match segment.marker {
                0xe0 => app.app0(payload, range.start),
                0xe1 if payload.starts_with(EXIF) && payload.len() >= 6 => {
                    if app.exif.is_some() {
                        app.problems.push(format!("a second Exif segment at byte {} is ignored", segment.offset));
                    } else {
                        app.exif = Some(after(6));
                    }
                }
                0xe1 if payload.starts_with(XMP) => app.xmp.push(after(XMP.len())),
                0xe1 if payload.starts_with(EXTENDED_XMP) => {
                    if let Some(head) = payload.get(EXTENDED_XMP.len()..EXTENDED_XMP.len() + 40) {
                        let be32 = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
                        app.extended_xmp.push(ExtendedXmp {
                            guid: String::from_utf8_lossy(&head[..32]).into_owned(),
                            total: be32(32),
                            offset: be32(36),
                            data: after(EXTENDED_XMP.len() + 40),
                        });
                    }
                }
                0xe2 if payload.starts_with(ICC) && payload.len() >= 14 => {
                    icc.push((payload[12], payload[13], &payload[14..]));
                }
                0xe2 if payload.starts_with(b"MPF\0") => app.mpf = Some(after(4)),
                0xeb if payload.starts_with(b"JP") => {
                    app.c2pa |= payload[..payload.len().min(128)].windows(4).any(|w| w == b"c2pa");
                    app.jumbf.push(range);
                }
                0xed if payload.starts_with(PHOTOSHOP) => app.photoshop.push(after(PHOTOSHOP.len())),
                0xee if payload.starts_with(b"Adobe") => app.adobe_transform = payload.get(11).copied(),
                0xfe => {
                    let text = &payload[..payload.len().min(MAX_COMMENT)];
                    app.comments.push(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned());
                }
                _ => {}
            }
        }
        app.join_icc(&mut icc);
        app.thumbnail = app.exif.clone().and_then(|range| thumbnail(bytes, &range));
        app
    }

    fn app0(&mut self, payload: &[u8], start: usize) {
        if payload.starts_with(b"JFIF\0") {
            if let Some(&[major, minor, units, _, _, _, _, x, y]) = payload[5..].first_chunk::<9>() {
                let density = (be16(payload, 8).unwrap_or(0), be16(payload, 10).unwrap_or(0));
                self.jfif = Some(Jfif { version: (major, minor), units, density, thumbnail: (x, y) });
            }
        } else if payload.starts_with(b"JFXX\0\x10") {
            self.jfxx_thumbnail = Some(start + 6..start + payload.len());
        }
    }

    /// Profiles over 64 KiB are cut into numbered chunks (ICC.1 B.4).
    fn join_icc(&mut self, chunks: &mut [(u8, u8, &[u8])]) {
        let Some(&(_, count, _)) = chunks.first() else { return };
        chunks.sort_by_key(|chunk| chunk.0);
        let complete =
            chunks.len() == usize::from(count) && chunks.iter().enumerate().all(|(i, c)| usize::from(c.0) == i + 1);
        if !complete {
            self.problems.push(format!("the ICC profile has {} of {count} chunks", chunks.len()));
        }
        if chunks.iter().map(|chunk| chunk.2.len()).sum::<usize>() <= MAX_ICC {
            self.icc = Some(chunks.iter().flat_map(|chunk| chunk.2).copied().collect());
        } else {
            self.problems.push("the ICC profile is too large to be one".into());
        }
    }
}

/// The JPEG thumbnail of IFD1, as a range of the file.
fn thumbnail(bytes: &[u8], exif: &Range<usize>) -> Option<Range<usize>> {
    let block = bytes.get(exif.clone())?;
    let entries = tiff::read(block).entries;
    let number = |tag: u16| {
        entries.iter().find(|e| e.directory == tiff::Directory::Thumbnail && e.tag == tag).and_then(tiff::Entry::number)
    };
    let (start, length) = (number(0x0201)? as usize, number(0x0202)? as usize);
    let end = start.checked_add(length).filter(|&end| length > 0 && end <= block.len())?;
    Some(exif.start + start..exif.start + end)
}
