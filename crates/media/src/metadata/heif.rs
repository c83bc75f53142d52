//! HEIF and AVIF (ISO/IEC 23008-12): the items of the file's `meta` box that carry EXIF and XMP.
//!
//! Only items with file or `idat` offsets are fetched; tiles and derived pictures are left to the
//! decoder.
use std::collections::BTreeMap;
use std::io::Cursor;
use std::ops::Range;

use assay_evidence::{Fact, FactGroup};

use super::{Exif, Icc, Metadata, Xmp};
use crate::bmff::fields::Fields;
use crate::bmff::{BoxNode, BoxTree, FourCc};

/// Items that are read at most.
const MAX_ITEMS: usize = 4096;
/// Bytes of metadata items that are joined.
const MAX_ITEM_BYTES: usize = 16 << 20;

/// One entry of `iinf`.
struct Item {
    id: u32,
    kind: [u8; 4],
    content_type: String,
}

/// Where an item lies: parts in the file or, with construction method 1, in `idat`.
struct Location {
    id: u32,
    method: u8,
    extents: Vec<Range<usize>>,
}

/// Reads boxes and metadata items into `metadata`.
pub(super) fn read(bytes: &[u8], metadata: &mut Metadata) {
    let tree = match BoxTree::read(&mut Cursor::new(bytes)) {
        Ok(tree) => tree,
        Err(error) => {
            metadata.problems.push(error.to_string());
            return;
        }
    };
    let file_meta = tree.boxes.iter().position(|node| node.depth == 0 && node.is(b"meta"));
    let child = |kind: &[u8; 4]| {
        tree.boxes.iter().find(|node| node.parent.is_some() && node.parent == file_meta && node.is(kind))
    };
    let payload = |node: &BoxNode| {
        let start = usize::try_from(node.payload_offset()).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(node.payload_size()).ok()?)?)
    };
    let items = child(b"iinf").and_then(payload).map(items).unwrap_or_default();
    let places = child(b"iloc").and_then(payload).map(locations).unwrap_or_default();
    let idat = child(b"idat").and_then(payload).unwrap_or_default();
    let fetch = |id: u32| {
        let place = places.iter().find(|place| place.id == id)?;
        let source = if place.method == 1 { idat } else { bytes };
        let mut joined = Vec::new();
        for extent in place.extents.iter().filter(|_| place.method <= 1) {
            let part = source.get(extent.clone())?;
            if joined.len() + part.len() > MAX_ITEM_BYTES {
                return None;
            }
            joined.extend_from_slice(part);
        }
        Some(joined)
    };
    let (mut exif_read, mut xmp_read) = (false, 0);
    for item in &items {
        if item.kind == *b"Exif" && !exif_read {
            exif_read = true;
            match fetch(item.id).as_deref().and_then(exif_block) {
                Some(block) => metadata.exif = Some(Exif::read(block)),
                None => metadata.problems.push("the Exif item cannot be found".into()),
            }
        } else if item.kind == *b"mime" && item.content_type == "application/rdf+xml" && xmp_read < 8 {
            xmp_read += 1;
            match fetch(item.id) {
                Some(packet) => metadata.add_xmp(Xmp::read(&packet)),
                None => metadata.problems.push("the XMP item cannot be found".into()),
            }
        }
    }
    for packet in &tree.xmp {
        metadata.add_xmp(Xmp::read(packet));
    }
    if let Some(colr) = tree.boxes.iter().find(|node| node.is(b"colr")).and_then(payload)
        && let Some(profile) = colr.strip_prefix(b"prof").or_else(|| colr.strip_prefix(b"rICC"))
    {
        metadata.icc = Some(Icc::read(profile));
    }
    metadata.c2pa |= tree.c2pa;
    metadata.problems.extend(tree.problems.iter().cloned());
    metadata.container.extend(tree.facts());
    let mut kinds: BTreeMap<FourCc, usize> = BTreeMap::new();
    for item in &items {
        *kinds.entry(FourCc(item.kind)).or_default() += 1;
    }
    if !kinds.is_empty() {
        let facts =
            kinds.into_iter().take(64).map(|(kind, count)| Fact::new(format!("items of type {kind}"), count)).collect();
        metadata.container.push(FactGroup { title: "HEIF items".into(), facts });
    }
}

/// The TIFF block of an Exif item: an offset to it comes first.
fn exif_block(item: &[u8]) -> Option<&[u8]> {
    let (offset, rest) = item.split_first_chunk::<4>()?;
    rest.get(u32::from_be_bytes(*offset) as usize..)
}

fn items(payload: &[u8]) -> Vec<Item> {
    let mut found = Vec::new();
    let mut fields = Fields(payload);
    let Some((version, _)) = fields.full_box() else { return found };
    let Some(count) = (if version == 0 { fields.u16().map(u32::from) } else { fields.u32() }) else { return found };
    for _ in 0..(count as usize).min(MAX_ITEMS) {
        let Some(item) = fields.u32().and_then(|size| {
            fields.array::<4>().filter(|kind| kind == b"infe")?;
            fields.bytes((size as usize).checked_sub(8)?)
        }) else {
            break;
        };
        found.extend(entry(&mut Fields(item)));
    }
    found
}

fn entry(fields: &mut Fields) -> Option<Item> {
    let (version, _) = fields.full_box()?;
    if version < 2 {
        return None;
    }
    let id = if version == 2 { u32::from(fields.u16()?) } else { fields.u32()? };
    fields.u16()?;
    let kind = fields.array()?;
    fields.c_text();
    let content_type = if kind == *b"mime" { fields.c_text() } else { String::new() };
    Some(Item { id, kind, content_type })
}

fn locations(payload: &[u8]) -> Vec<Location> {
    let mut found = Vec::new();
    // Whatever was read before the end is used.
    let _ = locations_into(&mut Fields(payload), &mut found);
    found
}

fn locations_into(fields: &mut Fields, found: &mut Vec<Location>) -> Option<()> {
    let (version, _) = fields.full_box()?;
    let [sizes, more] = fields.array()?;
    let (offset_size, length_size, base_size, index_size) = (sizes >> 4, sizes & 15, more >> 4, more & 15);
    let count = if version < 2 { u32::from(fields.u16()?) } else { fields.u32()? };
    for _ in 0..(count as usize).min(MAX_ITEMS) {
        let id = if version < 2 { u32::from(fields.u16()?) } else { fields.u32()? };
        let method = if version > 0 { (fields.u16()? & 15) as u8 } else { 0 };
        fields.u16()?;
        let base = fields.sized(base_size)?;
        let mut extents = Vec::new();
        for index in 0..fields.u16()? {
            if version > 0 {
                fields.sized(index_size)?;
            }
            let start = usize::try_from(base.checked_add(fields.sized(offset_size)?)?).ok()?;
            let length = usize::try_from(fields.sized(length_size)?).ok()?;
            // Sizes of zero bytes each would let a short box claim many parts.
            if index < 256 {
                extents.push(start..start.checked_add(length)?);
            }
        }
        found.push(Location { id, method, extents });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8], payload: &[u8]) -> Vec<u8> {
        [&(payload.len() as u32 + 8).to_be_bytes(), kind, payload].concat()
    }

    #[test]
    fn finds_exif_and_xmp_items() {
        let tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let exif = [&[0, 0, 0, 0][..], tiff].concat();
        let xmp = b"<x:xmpmeta><xmp:CreatorTool>T</xmp:CreatorTool></x:xmpmeta>";
        let infe = |id: u8, rest: &[u8]| boxed(b"infe", &[&[2, 0, 0, 0, 0, id, 0, 0], rest].concat());
        let iinf = [vec![0, 0, 0, 0, 0, 2], infe(1, b"Exif\0"), infe(2, b"mime\0application/rdf+xml\0")].concat();
        let ftyp = boxed(b"ftyp", b"heic\0\0\0\0mif1");
        let build = |exif_at: usize| {
            let mut iloc = vec![1, 0, 0, 0, 0x44, 0, 0, 2];
            for (id, method, at, size) in [(1, 0, exif_at, exif.len()), (2, 1, 0, xmp.len())] {
                iloc.extend_from_slice(&[0, id, 0, method, 0, 0, 0, 1]);
                iloc.extend_from_slice(&(at as u32).to_be_bytes());
                iloc.extend_from_slice(&(size as u32).to_be_bytes());
            }
            let parts = [vec![0; 4], boxed(b"iinf", &iinf), boxed(b"iloc", &iloc), boxed(b"idat", xmp)].concat();
            [ftyp.clone(), boxed(b"meta", &parts)].concat()
        };
        let at = build(0).len() + 8;
        let file = [build(at), boxed(b"mdat", &exif)].concat();
        let mut metadata = Metadata::default();
        read(&file, &mut metadata);
        assert_eq!(metadata.problems, Vec::<String>::new());
        assert_eq!(metadata.exif.as_ref().and_then(|exif| exif.orientation), Some(6));
        assert_eq!(metadata.xmp.as_ref().and_then(|xmp| xmp.creator_tool.as_deref()), Some("T"));
        assert_eq!(metadata.container[0].facts[0].value, "heic");
        for cut in 0..file.len() {
            read(&file[..cut], &mut Metadata::default());
        }
    }
}
