//! The boxes of ISO base media files (ISO/IEC 14496-12): MP4, MOV, M4A, 3GP, HEIF, AVIF.
//!
//! Box order, brands, edit lists, handler names and encoder strings differ between cameras, editors
//! and messengers, so they are kept as they lie in the file. The reader is tolerant: damage is
//! noted in [`BoxTree::problems`] and the walk goes on where it safely can. Media data is never
//! read, and no sample is located.
use std::io::{Read, Seek};

use crate::MediaError;

mod facts;
pub(crate) mod fields;
mod movie;
mod tags;
mod walk;

pub use movie::{Edit, Movie, TimeToSample, Track};
pub use walk::{BoxNode, FourCc};

/// The file type box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brands {
    /// Major brand.
    pub major: FourCc,
    /// Minor version.
    pub minor: u32,
    /// Compatible brands in file order.
    pub compatible: Vec<FourCc>,
}

/// One entry of the metadata: iTunes item list, QuickTime keys, user data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Four-character code (`©too`) or reverse-domain key (`com.apple.quicktime.model`).
    pub key: String,
    /// Value as text; numbers in decimal.
    pub value: String,
    /// Offset of the box in the file.
    pub offset: u64,
}

/// Everything that is read from the boxes.
#[derive(Debug, Clone, Default)]
pub struct BoxTree {
    /// All boxes in file order, children after their parent.
    pub boxes: Vec<BoxNode>,
    /// `ftyp`.
    pub brands: Option<Brands>,
    /// `mvhd`.
    pub movie: Option<Movie>,
    /// `trak` boxes in file order.
    pub tracks: Vec<Track>,
    /// Metadata entries in file order.
    pub tags: Vec<Tag>,
    /// XMP packets in `uuid` boxes.
    pub xmp: Vec<Vec<u8>>,
    /// True when a `uuid` box of C2PA is present.
    pub c2pa: bool,
    /// What is out of order, one sentence each.
    pub problems: Vec<String>,
}

/// Extended type of an XMP packet (XMP specification part 3, 1.2.2).
const XMP_UUID: [u8; 16] = *b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";
/// Extended type of a C2PA manifest store (C2PA 2.1, A.5.1).
const C2PA_UUID: [u8; 16] = *b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81";

impl BoxTree {
    /// Walks the file and reads the boxes that carry facts.
    ///
    /// # Errors
    /// [`MediaError::Io`] when reading fails, [`MediaError::Empty`] for no bytes,
    /// [`MediaError::Damaged`] when the file does not start with a box. Damage further on only
    /// shows in [`BoxTree::problems`].
    pub fn read<R: Read + Seek>(reader: &mut R) -> Result<Self, MediaError> {
        let mut walker = walk::Walker::new(reader)?;
        walker.walk()?;
        if walker.boxes.is_empty() {
            return Err(MediaError::Damaged { format: "ISO base media", reason: "no box at byte 0".into() });
        }
        let boxes = walker.boxes.clone();
        let mut tree = Self::default();
        let mut keys = Vec::new();
        let mut freeform = None;
        for (index, node) in boxes.iter().enumerate() {
            let parent = node.parent.and_then(|parent| boxes.get(parent));
            match &node.kind.0 {
                b"ftyp" if node.depth == 0 && tree.brands.is_none() => tree.brands = brands(&walker.payload(node)?),
                b"uuid" if node.uuid == Some(XMP_UUID) => tree.xmp.push(walker.payload(node)?),
                b"uuid" if node.uuid == Some(C2PA_UUID) => tree.c2pa = true,
                b"mvhd" => tree.movie = movie::movie(&walker.payload(node)?),
                b"trak" => tree.tracks.push(Track::default()),
                _ => {}
            }
            // QuickTime has a second `hdlr` in `minf`, which names the data handler.
            if movie::is_of_track(node.kind.0)
                && (!node.is(b"hdlr") || parent.is_some_and(|p| p.is(b"mdia")))
                && let Some(track) = tree.tracks.last_mut()
                && is_inside(&boxes, index, *b"trak")
            {
                let payload = walker.payload(node)?;
                if !track.take(node.kind.0, &payload) {
                    walker.problems.push(format!("the {} box at byte {} cannot be read", node.kind, node.offset));
                }
            }
            if let Some(parent) = parent {
                if node.is(b"keys") && parent.is(b"meta") {
                    keys = tags::keys(&walker.payload(node)?);
                } else if node.is(b"data") && node.depth >= 2 && parent.parent.is_some_and(|p| boxes[p].is(b"ilst")) {
                    let value = tags::data(&walker.payload(node)?);
                    let key = freeform
                        .take()
                        .filter(|_| parent.is(b"----"))
                        .unwrap_or_else(|| tags::item_key(parent.kind, &keys));
                    tree.tags.push(Tag { key, value, offset: parent.offset });
                } else if node.is(b"name") && parent.is(b"----") {
                    freeform = walker.payload(node)?.get(4..).map(fields::text);
                } else if parent.is(b"udta")
                    && let Some(value) = tags::user_data(node, &mut walker)?
                {
                    tree.tags.push(Tag { key: node.kind.to_string(), value, offset: node.offset });
                }
            }
        }
        tree.boxes = boxes;
        tree.problems = walker.problems;
        Ok(tree)
    }

    /// The first box of this type.
    pub fn find(&self, kind: &[u8; 4]) -> Option<&BoxNode> {
        self.boxes.iter().find(|node| node.is(kind))
    }

    /// How many boxes of this type there are.
    pub fn count(&self, kind: &[u8; 4]) -> usize {
        self.boxes.iter().filter(|node| node.is(kind)).count()
    }

    /// Types of the boxes of the file itself, in order: the coarse fingerprint of the writer.
    pub fn top_level(&self) -> Vec<FourCc> {
        self.boxes.iter().filter(|node| node.depth == 0).map(|node| node.kind).collect()
    }

    /// True when `moov` comes before the first `mdat` (made for streaming), `None` when one of them
    /// is absent.
    pub fn moov_first(&self) -> Option<bool> {
        Some(self.find(b"moov")?.offset < self.find(b"mdat")?.offset)
    }

    /// True when the media come in movie fragments.
    pub fn is_fragmented(&self) -> bool {
        self.find(b"moof").is_some() || self.find(b"mvex").is_some()
    }

    /// The value of a metadata entry.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
    }
}

fn is_inside(boxes: &[BoxNode], index: usize, kind: [u8; 4]) -> bool {
    let mut at = boxes[index].parent;
    while let Some(parent) = at.and_then(|parent| boxes.get(parent)) {
        if parent.kind.0 == kind {
            return true;
        }
        at = parent.parent;
    }
    false
}

fn brands(payload: &[u8]) -> Option<Brands> {
    let (head, rest) = payload.split_first_chunk::<8>()?;
    let four = |bytes: &[u8]| FourCc([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let minor = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    let compatible = rest.chunks_exact(4).take(256).map(four).collect();
    Some(Brands { major: four(head), minor, compatible })
}

#[cfg(test)]
mod tests;
