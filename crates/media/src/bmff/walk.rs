//! The walk over the boxes of an ISO base media file (ISO/IEC 14496-12 4.2), as a flat list in file
//! order.
//!
//! Only headers are read, and the payloads of the few leaves that [`super::BoxTree`] understands;
//! media data is jumped over. Every box is held inside its parent, so sizes that lie cannot lead
//! the walk backwards or out of the file.
use std::io::{Read, Seek, SeekFrom};

use crate::MediaError;

/// Boxes that are walked at most; fragmented recordings of hours stay below.
pub(super) const MAX_BOXES: usize = 100_000;
/// Nesting that is followed at most; real files stay below 10.
const MAX_DEPTH: u8 = 16;
/// Longest payload that is read, in bytes.
pub(super) const MAX_PAYLOAD: u64 = 16 << 20;
/// Payload bytes that are read in all; a file cannot make the reader fetch the same range again and
/// again.
const MAX_TOTAL_PAYLOAD: u64 = 64 << 20;

/// A four-character code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FourCc(pub [u8; 4]);

impl std::fmt::Display for FourCc {
    /// Printable characters as they are; `©` for `0xA9`, as in QuickTime; anything else as
    /// hexadecimal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in self.0 {
            match byte {
                0x20..=0x7e => write!(f, "{}", char::from(byte))?,
                0xa9 => write!(f, "©")?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for FourCc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// One box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxNode {
    /// Type.
    pub kind: FourCc,
    /// Extended type of a `uuid` box.
    pub uuid: Option<[u8; 16]>,
    /// Offset of the header in the file.
    pub offset: u64,
    /// Size with header, cut to what the parent holds.
    pub size: u64,
    /// Bytes of the header: 8, 16 with a 64-bit size, 16 more for a `uuid` box.
    pub header: u8,
    /// 0 for boxes of the file itself.
    pub depth: u8,
    /// Index of the parent box.
    pub parent: Option<usize>,
}

impl BoxNode {
    /// Offset of the first byte after the header.
    pub fn payload_offset(&self) -> u64 {
        self.offset + u64::from(self.header)
    }

    /// Bytes after the header.
    pub fn payload_size(&self) -> u64 {
        self.size - u64::from(self.header)
    }

    /// True for this type.
    pub fn is(&self, kind: &[u8; 4]) -> bool {
        self.kind.0 == *kind
    }
}

/// What is between a box's header and its first child; `None` for boxes that are not opened.
fn children_at(kind: [u8; 4], parent: Option<[u8; 4]>) -> Option<u64> {
    match &kind {
        b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" | b"dinf" | b"edts" | b"udta" | b"mvex" | b"moof" | b"traf"
        | b"mfra" | b"gmhd" | b"tref" | b"iprp" | b"ipco" | b"ilst" | b"grpl" => Some(0),
        // Every child of an item list holds a `data` box.
        _ if parent == Some(*b"ilst") => Some(0),
        b"meta" => Some(4),
        _ => None,
    }
}

/// Reads boxes and their payloads.
pub(super) struct Walker<'r, R> {
    reader: &'r mut R,
    length: u64,
    payload_left: u64,
    pub(super) boxes: Vec<BoxNode>,
    pub(super) problems: Vec<String>,
}

impl<'r, R: Read + Seek> Walker<'r, R> {
    pub(super) fn new(reader: &'r mut R) -> Result<Self, MediaError> {
        let length = reader.seek(SeekFrom::End(0))?;
        if length == 0 {
            return Err(MediaError::Empty);
        }
        Ok(Self { reader, length, payload_left: MAX_TOTAL_PAYLOAD, boxes: Vec::new(), problems: Vec::new() })
    }

    /// Walks the whole file.
    pub(super) fn walk(&mut self) -> Result<(), MediaError> {
        // Ranges still to be walked: start, end, parent. A stack instead of recursion, so depth
        // costs no call frames.
        let mut ranges = vec![(0, self.length, None)];
        while let Some((mut at, end, parent)) = ranges.pop() {
            let parent_box: Option<&BoxNode> = parent.and_then(|index: usize| self.boxes.get(index));
            let (depth, parent_kind) = parent_box.map_or((0, None), |b| (b.depth + 1, Some(b.kind.0)));
            while at < end {
                // QuickTime ends some containers with four zero bytes.
                if end - at < 8 {
                    if depth == 0 || self.read_at(at, end - at)?.iter().any(|&b| b != 0) {
                        self.problems.push(format!("{} bytes too few for a box at byte {at}", end - at));
                    }
                    break;
                }
                if self.boxes.len() >= MAX_BOXES {
                    self.problems.push(format!("more than {MAX_BOXES} boxes; the rest from byte {at} is not read"));
                    return Ok(());
                }
                let Some(node) = self.header(at, end, depth, parent)? else { break };
                let next = node.offset + node.size;
                let (kind, payload, uuid) = (node.kind.0, node.payload_offset(), node.uuid);
                self.boxes.push(node);
                if let Some(skip) = children_at(kind, parent_kind).filter(|_| uuid.is_none()) {
                    let skip = if kind == *b"meta" && !self.is_full_meta(payload, next)? { 0 } else { skip };
                    if depth + 1 >= MAX_DEPTH {
                        self.problems.push(format!("boxes nested deeper than {MAX_DEPTH} at byte {at}"));
                    } else if payload + skip < next {
                        // The rest of this range waits until the children are done, which keeps
                        // file order.
                        ranges.push((next, end, parent));
                        ranges.push((payload + skip, next, Some(self.boxes.len() - 1)));
                        break;
                    }
                }
                at = next;
            }
        }
        Ok(())
    }

    /// `meta` is a full box in ISO files and a plain one in QuickTime: there its first child,
    /// `hdlr`, follows at once.
    fn is_full_meta(&mut self, payload: u64, end: u64) -> Result<bool, MediaError> {
        let head = self.read_at(payload, 8.min(end - payload))?;
        Ok(head.get(4..8) != Some(b"hdlr"))
    }

    fn header(&mut self, at: u64, end: u64, depth: u8, parent: Option<usize>) -> Result<Option<BoxNode>, MediaError> {
        let head = self.read_at(at, 32.min(end - at))?;
        let Some((&[a, b, c, d, kind @ ..], rest)) = head.split_first_chunk::<8>() else { return Ok(None) };
        let short = u32::from_be_bytes([a, b, c, d]);
        let kind = FourCc(kind);
        let mut header = 8u8;
        let mut size = match short {
            0 => end - at,
            1 => {
                let Some(&long) = rest.first_chunk::<8>() else {
                    self.problems.push(format!("the {kind} box at byte {at} is cut off"));
                    return Ok(None);
                };
                header = 16;
                u64::from_be_bytes(long)
            }
            _ => u64::from(short),
        };
        let mut uuid = None;
        if kind.0 == *b"uuid" {
            uuid = rest.get(usize::from(header) - 8..).and_then(<[u8]>::first_chunk::<16>).copied();
            if uuid.is_some() {
                header += 16;
            }
        }
        if short == 0 && depth > 0 {
            // QuickTime user data ends with a zero instead of a box.
            if kind.0 != [0; 4] {
                self.problems.push(format!("the {kind} box at byte {at} has size 0 inside another box"));
            }
            return Ok(None);
        }
        if size < u64::from(header) {
            self.problems.push(format!("the box at byte {at} ({kind}) has the impossible size {size}"));
            return Ok(None);
        }
        if size > end - at {
            let place = if depth == 0 { "the file ends" } else { "its parent ends" };
            self.problems.push(format!("the {kind} box at byte {at} claims {size} bytes, {place} after {}", end - at));
            size = end - at;
        }
        Ok(Some(BoxNode { kind, uuid, offset: at, size, header, depth, parent }))
    }

    fn read_at(&mut self, at: u64, size: u64) -> Result<Vec<u8>, MediaError> {
        let mut bytes = Vec::with_capacity(size as usize);
        self.reader.seek(SeekFrom::Start(at))?;
        self.reader.by_ref().take(size).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The payload of a box, cut to [`MAX_PAYLOAD`] and to what is left of the whole budget.
    pub(super) fn payload(&mut self, node: &BoxNode) -> Result<Vec<u8>, MediaError> {
        let size = node.payload_size().min(MAX_PAYLOAD);
        if size > self.payload_left {
            self.problems.push(format!("the {} box at byte {} is not read: too much metadata", node.kind, node.offset));
            return Ok(Vec::new());
        }
        self.payload_left -= size;
        self.read_at(node.payload_offset(), size)
    }
}
