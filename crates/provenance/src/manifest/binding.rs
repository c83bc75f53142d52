//! Whether a manifest's hash leaves out anything that is seen or heard.
//!
//! The decision that shapes it: a manifest says itself which ranges of the file its hash leaves
//! out, and the library believes it. So a manifest that was lifted from one file "fits" any other
//! over which its range lies. Here a range may hold the manifest and text about the file, found by
//! walking the file itself; a range that holds anything else makes the manifest invalid (C2PA 2.2,
//! sections 9.2.2 and 15.12). What is walked is structure only; nothing is decoded.
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use serde_json::Value;

/// Bytes that a hash may leave out.
type Span = Range<u64>;

/// Most parts of a file that are walked.
const MOST_PARTS: usize = 200_000;
/// Most manifests that are followed from an update to what it updates.
const MOST_UPDATES: usize = 64;

/// The user type of the box that holds a manifest in an ISO base media file.
const C2PA_UUID: [u8; 16] =
    [0xD8, 0xFE, 0xC3, 0xD6, 0x1B, 0x0E, 0x48, 0x3C, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7E, 0xC4, 0x81];

/// Boxes that a hash of an ISO base media file may leave out besides the manifest's own: they hold
/// places and brands, and nothing that is shown.
const BOXES: [&str; 12] = [
    "/ftyp",
    "/styp",
    "/sidx",
    "/mfra",
    "/free",
    "/skip",
    "/emsg",
    "/meta/iloc",
    "/moov/trak/mdia/minf/stbl/stco",
    "/moov/trak/mdia/minf/stbl/co64",
    "/moof/traf/tfhd",
    "/moof/traf/trun",
];

/// Names of parts that a hash by parts may leave out.
const PARTS: [&str; 12] =
    ["C2PA", "APP1", "APP11", "APP13", "COM", "caBX", "tEXt", "zTXt", "iTXt", "eXIf", "tIME", "XMP "];

/// What is wrong with what the hash of a file leaves out; empty where nothing is. `store` is the
/// library's detailed JSON.
pub(super) fn problems(store: &Value, mime: &str, file: &mut (impl Read + Seek)) -> Vec<String> {
    let Some(bound) = bound(store) else { return Vec::new() };
    let Some(assertions) = bound["assertion_store"].as_object() else { return Vec::new() };
    let mut problems = Vec::new();
    for (label, hash) in assertions {
        let found = if label.starts_with("c2pa.hash.data") {
            ranges(hash, mime, file)
        } else if label.starts_with("c2pa.hash.bmff") {
            boxes(hash)
        } else if label.starts_with("c2pa.hash.boxes") {
            parts(hash)
        } else {
            continue;
        };
        problems.extend(found.map(|what| format!("assay.hashLeavesContentOut: {what}")));
    }
    problems
}

/// The manifest whose hash binds the file: the active one, or where that only updates another, what
/// it updates.
fn bound(store: &Value) -> Option<&Value> {
    let manifests = &store["manifests"];
    let mut label = store["active_manifest"].as_str()?.to_owned();
    for _ in 0..MOST_UPDATES {
        let manifest = manifests.get(&label)?;
        let assertions = manifest["assertion_store"].as_object()?;
        if assertions.keys().any(|name| name.starts_with("c2pa.hash.")) {
            return Some(manifest);
        }
        let parent = assertions.iter().find(|(name, data)| {
            name.starts_with("c2pa.ingredient") && data["relationship"].as_str() == Some("parentOf")
        });
        label = parent.and_then(|(_, data)| manifest_of(data))?;
    }
    None
}

/// The label of an ingredient's own manifest.
pub(super) fn manifest_of(ingredient: &Value) -> Option<String> {
    let address = ["activeManifest", "c2pa_manifest", "c2paManifest"].iter().find_map(|name| {
        let named = ingredient.get(name)?;
        named.as_str().or_else(|| named.get("url")?.as_str())
    })?;
    address.rsplit("/c2pa/").next()?.split('/').next().map(str::to_owned)
}

/// Ranges of bytes.
fn ranges(hash: &Value, mime: &str, file: &mut (impl Read + Seek)) -> Option<String> {
    let listed = hash["exclusions"].as_array().into_iter().flatten();
    let left_out: Vec<Span> = listed
        .filter_map(|range| {
            let (start, length) = (range["start"].as_u64()?, range["length"].as_u64()?);
            (length > 0).then(|| start..start.saturating_add(length))
        })
        .collect();
    if left_out.is_empty() {
        return None;
    }
    let mut allowed = allowed(mime, file).unwrap_or_default();
    allowed.sort_by_key(|span| span.start);
    let is_covered = |range: &&Span| {
        let mut at = range.start;
        for span in &allowed {
            if span.start <= at && span.end > at {
                at = span.end;
            }
        }
        at >= range.end
    };
    let bad = left_out.iter().find(|range| !is_covered(range))?;
    Some(format!(
        "the signed hash leaves out the bytes {} to {}, which hold more than the manifest: the picture or sound in them \
         could be anybody's",
        bad.start, bad.end
    ))
}

/// Boxes of an ISO base media file.
fn boxes(hash: &Value) -> Option<String> {
    let listed = hash["exclusions"].as_array().into_iter().flatten();
    let is_fine = |exclusion: &&Value| {
        let path = exclusion["xpath"].as_str().unwrap_or_default();
        let bare: String =
            path.split('/').map(|part| part.split('[').next().unwrap_or_default()).collect::<Vec<_>>().join("/");
        bare == "/uuid" || BOXES.iter().any(|own| bare == *own || bare.starts_with(&format!("{own}/")))
    };
    let bad = listed.into_iter().find(|exclusion| !is_fine(exclusion))?;
    Some(format!("the signed hash leaves out the box {}, which holds content", bad["xpath"]))
}

/// Named parts of a file.
fn parts(hash: &Value) -> Option<String> {
    let names = |part: &Value| -> Vec<String> {
        part["names"].as_array().into_iter().flatten().filter_map(|n| n.as_str().map(str::to_owned)).collect()
    };
    let listed = hash["boxes"].as_array().into_iter().flatten();
    let left_out = listed.filter(|part| part["excluded"].as_bool() == Some(true)).map(names);
    let bad = left_out.flatten().find(|name| !PARTS.contains(&name.as_str()))?;
    Some(format!("the signed hash leaves out the part {bad}, which holds content"))
}

/// The bytes of a file that hold its manifest or text about it; `None` where the file is cut off or
/// no such file.
fn allowed(mime: &str, file: &mut (impl Read + Seek)) -> Option<Vec<Span>> {
    let end = file.seek(SeekFrom::End(0)).ok()?;
    let mut walk = Walk { file, end, spans: Vec::new() };
    // What was found before the walk ends is allowed, also in a file that is cut off.
    match mime {
        "image/jpeg" => walk.jpeg(),
        "image/png" => walk.png(),
        "image/gif" => walk.gif(),
        "image/tiff" => walk.tiff(),
        "image/webp" | "video/avi" => walk.riff(),
        _ => walk.bmff(),
    };
    Some(walk.spans)
}

struct Walk<'a, F> {
    file: &'a mut F,
    end: u64,
    spans: Vec<Span>,
}

impl<F: Read + Seek> Walk<'_, F> {
    fn at<const N: usize>(&mut self, at: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.file.seek(SeekFrom::Start(at)).ok()?;
        self.file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    fn jpeg(&mut self) -> Option<()> {
        let mut at = 2;
        for _ in 0..MOST_PARTS {
            let [mark, kind, high, low] = self.at(at)?;
            if mark != 0xFF {
                return None;
            }
            if kind == 0xFF {
                at += 1;
                continue;
            }
            // The first scan ends what is walked.
            if kind == 0xDA || kind == 0xD9 {
                return None;
            }
            let next = at + 2 + u64::from(u16::from_be_bytes([high, low]));
            // Exif and XMP, JUMBF, Photoshop's resources, comments.
            if matches!(kind, 0xE1 | 0xEB | 0xED | 0xFE) {
                self.spans.push(at..next);
            }
            at = next;
        }
        None
    }

    fn png(&mut self) -> Option<()> {
        let mut at = 8;
        for _ in 0..MOST_PARTS {
            let [a, b, c, d, name @ ..] = self.at::<8>(at)?;
            let next = at + 12 + u64::from(u32::from_be_bytes([a, b, c, d]));
            if [b"caBX", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"].contains(&&name) {
                self.spans.push(at..next);
            }
            at = next;
        }
        None
    }

    fn riff(&mut self) -> Option<()> {
        // The length of the whole changes with the manifest.
        self.spans.push(4..8);
        let mut at = 12;
        for _ in 0..MOST_PARTS {
            let [name @ .., a, b, c, d] = self.at::<8>(at)?;
            let length = u64::from(u32::from_le_bytes([a, b, c, d]));
            let next = at + 8 + length + length % 2;
            let name: [u8; 4] = name;
            if [b"C2PA", b"EXIF", b"XMP ", b"JUNK", b"IDIT"].contains(&&name) {
                self.spans.push(at..next);
            }
            at = next;
        }
        None
    }

    fn gif(&mut self) -> Option<()> {
        let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << (1 + (flags & 7)) };
        let [flags] = self.at(10)?;
        let mut at = 13 + table(flags);
        for _ in 0..MOST_PARTS {
            let start = at;
            let [kind, label] = self.at(at)?;
            at = match kind {
                0x21 => at + 2,
                0x2C => {
                    let [flags] = self.at(at + 9)?;
                    at + 11 + table(flags)
                }
                _ => return None,
            };
            let is_application = kind == 0x21 && label == 0xFF;
            let name: Option<[u8; 11]> = if is_application { self.at(at + 1) } else { None };
            loop {
                let [length] = self.at(at)?;
                at += 1 + u64::from(length);
                if length == 0 {
                    break;
                }
                if at > self.end {
                    return None;
                }
            }
            let is_text = kind == 0x21 && label == 0xFE;
            if is_text || name.is_some_and(|n| n.starts_with(b"C2PA") || n.starts_with(b"XMP")) {
                self.spans.push(start..at);
            }
        }
        None
    }

    fn tiff(&mut self) -> Option<()> {
        let [order, _, low, high] = self.at(0)?;
        let is_little = order == b'I';
        // BigTIFF has numbers of eight bytes where others have four.
        let is_big = low == 43 || high == 43;
        let [count_size, entry_size, size] = if is_big { [8, 20, 8] } else { [2, 12, 4] };
        let mut at = self.number(if is_big { 8 } else { 4 }, size, is_little)?;
        for _ in 0..MOST_PARTS.min(4096) {
            if at >= self.end {
                return None;
            }
            let count = self.number(at, count_size, is_little)?.min(4096);
            for i in 0..count {
                let entry = at + count_size + entry_size * i;
                let (tag, kind) = (self.number(entry, 2, is_little)?, self.number(entry + 2, 2, is_little)?);
                // The manifest's field and that of XMP; both hold single bytes.
                if matches!(tag, 52545 | 700) && matches!(kind, 1 | 7) {
                    let length = self.number(entry + 4, size, is_little)?;
                    let place = self.number(entry + 4 + size, size, is_little)?;
                    self.spans.push(entry..entry + entry_size);
                    if length > size {
                        self.spans.push(place..place.saturating_add(length));
                    }
                }
            }
            at = self.number(at + count_size + entry_size * count, size, is_little)?;
            if at == 0 {
                return None;
            }
        }
        None
    }

    /// A number of 2, 4 or 8 bytes.
    fn number(&mut self, at: u64, size: u64, is_little: bool) -> Option<u64> {
        let mut bytes = [0; 8];
        let bytes = bytes.get_mut(..size as usize)?;
        self.file.seek(SeekFrom::Start(at)).ok()?;
        self.file.read_exact(bytes).ok()?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    }

    fn bmff(&mut self) -> Option<()> {
        let mut at = 0;
        for _ in 0..MOST_PARTS {
            if at >= self.end {
                return None;
            }
            let [a, b, c, d, name @ ..] = self.at::<8>(at)?;
            let (length, header) = match u64::from(u32::from_be_bytes([a, b, c, d])) {
                0 => (self.end - at, 8),
                1 => (u64::from_be_bytes(self.at(at + 8)?), 16),
                length => (length, 8),
            };
            if length < header {
                return None;
            }
            if name == *b"uuid" && self.at::<16>(at + header)? == C2PA_UUID {
                self.spans.push(at..at.saturating_add(length));
            }
            at = at.checked_add(length)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use serde_json::json;

    use super::*;

    fn store(label: &str, hash: &Value) -> Value {
        json!({ "active_manifest": "m", "manifests": { "m": { "assertion_store": { label: hash } } } })
    }

    fn of_ranges(mime: &str, file: &[u8], ranges: &[(u64, u64)]) -> usize {
        let listed: Vec<Value> =
            ranges.iter().map(|(start, length)| json!({ "start": start, "length": length })).collect();
        let store = store("c2pa.hash.data", &json!({ "exclusions": listed }));
        problems(&store, mime, &mut Cursor::new(file)).len()
    }

    fn be(length: u32, name: [u8; 4], body: &[u8]) -> Vec<u8> {
        [&length.to_be_bytes()[..], &name, body].concat()
    }

    #[test]
    fn a_range_may_hold_the_manifest_and_text_and_nothing_else_in_every_format() {
        // Two JUMBF segments one behind the other, then a table and a scan.
        let jumbf = [&[0xFF, 0xEB, 0, 10][..], &[1; 8]].concat();
        let jpeg = [&[0xFF, 0xD8][..], &jumbf, &jumbf, &[0xFF, 0xDB, 0, 4, 0, 0, 0xFF, 0xDA, 0, 2, 9, 9, 9]].concat();
        for (ranges, bad) in [
            (&[(2, 24)][..], 0),
            (&[(2, 12)], 0),
            (&[(2, 26)], 1),
            (&[(0, 45)], 1),
            (&[(2, 24), (30, 5)], 1),
            (&[(5, 0)], 0),
        ] {
            assert_eq!(of_ranges("image/jpeg", &jpeg, ranges), bad, "{ranges:?}");
        }
        let png =
            [&[0; 8][..], &be(2, *b"IHDR", &[0; 6]), &be(3, *b"caBX", &[0; 7]), &be(9, *b"IDAT", &[0; 13])].concat();
        assert_eq!([(22, 15), (22, 20), (8, 14)].map(|r| of_ranges("image/png", &png, &[r])), [0, 1, 1]);
        let chunk = |name: &[u8; 4], body: &[u8]| [name, &(body.len() as u32).to_le_bytes()[..], body].concat();
        let webp = [&b"RIFF\0\0\0\0WEBP"[..], &chunk(b"VP8 ", &[0; 10]), &chunk(b"C2PA", &[0; 6])].concat();
        assert_eq!([(30, 14), (4, 4), (12, 30)].map(|r| of_ranges("image/webp", &webp, &[r])), [0, 0, 1]);
        let extension = [&[0x21, 0xFF, 11][..], b"C2PA_GIF\x01\x00\x00", &[3, 1, 2, 3, 0]].concat();
        let gif = [&[0; 13][..], &extension, &[0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 1, 1, 0, 0x3B]].concat();
        assert_eq!([(13, 19), (13, 30), (32, 4)].map(|r| of_ranges("image/gif", &gif, &[r])), [0, 1, 1]);
        let entry = |tag: u16, kind: u16, count: u32, value: u32| {
            [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
        };
        let tiff =
            [&b"II\x2A\0\x08\0\0\0\x02\0"[..], &entry(52545, 7, 6, 40), &entry(273, 4, 1, 46), &[0; 4], &[0; 20]]
                .concat();
        assert_eq!([(40, 6), (40, 12), (10, 12)].map(|r| of_ranges("image/tiff", &tiff, &[r])), [0, 1, 0]);
        let entry = [&[0xCD, 0x41, 0, 7][..], &[0, 0, 0, 0, 0, 0, 0, 9], &[0, 0, 0, 0, 0, 0, 0, 52]].concat();
        let big = [&b"MM\0\x2B\0\x08\0\0"[..], &[0, 0, 0, 0, 0, 0, 0, 16], &[0, 0, 0, 0, 0, 0, 0, 1], &entry, &[0; 20]]
            .concat();
        assert_eq!([(52, 9), (50, 9), (28, 8)].map(|r| of_ranges("image/tiff", &big, &[r])), [0, 1, 0]);
        let own = be(30, *b"uuid", &[&C2PA_UUID[..], &[0; 6]].concat());
        let mp4 = [be(12, *b"ftyp", &[0; 4]), own, be(20, *b"mdat", &[0; 12])].concat();
        assert_eq!([(12, 30), (12, 40), (42, 20)].map(|r| of_ranges("video/mp4", &mp4, &[r])), [0, 1, 1]);
    }

    #[test]
    fn files_that_are_cut_off_or_lie_about_lengths_allow_nothing_more() {
        let jpeg = [0xFF, 0xD8, 0xFF, 0xEB, 0xFF, 0xFF, 1, 2, 3];
        for mime in ["image/jpeg", "image/png", "image/gif", "image/tiff", "image/webp", "video/mp4", "audio/none"] {
            for cut in 0..jpeg.len() {
                assert_eq!(of_ranges(mime, &jpeg[..cut], &[(0, 1 << 40)]), 1, "{mime} {cut}");
            }
            assert_eq!(of_ranges(mime, &jpeg, &[(u64::MAX - 1, u64::MAX)]), 1, "{mime}");
        }
    }

    #[test]
    fn boxes_and_parts_that_hold_content_may_not_be_left_out() {
        let count = |label: &str, hash: Value| problems(&store(label, &hash), "video/mp4", &mut Cursor::new([])).len();
        let bmff =
            |path: &str| count("c2pa.hash.bmff.v3", json!({ "exclusions": [{ "xpath": "/uuid" }, { "xpath": path }] }));
        assert_eq!(["/ftyp", "/mfra/tfra", "/uuid[2]"].map(bmff), [0; 3]);
        assert_eq!(["/mdat", "/moov", "/moov/trak[1]", "/meta", "/ftypx", ""].map(bmff), [1; 6]);
        let part = |name: &str| {
            count("c2pa.hash.boxes", json!({ "boxes": [{ "names": [name], "excluded": true }, { "names": ["SOS"] }] }))
        };
        assert_eq!(["C2PA", "APP1"].map(part), [0; 2]);
        assert_eq!(["SOS", "DQT", "IDAT"].map(part), [1; 3]);
    }

    #[test]
    fn the_hash_of_what_an_update_updates_is_looked_at() {
        let hash = json!({ "exclusions": [{ "start": 0, "length": 50 }] });
        let parent = json!({ "relationship": "parentOf", "c2pa_manifest": { "url": "self#jumbf=/c2pa/urn:first" } });
        let store = json!({ "active_manifest": "urn:second", "manifests": {
            "urn:second": { "assertion_store": { "c2pa.ingredient": parent } },
            "urn:first": { "assertion_store": { "c2pa.hash.data": hash } },
        } });
        assert_eq!(problems(&store, "image/jpeg", &mut Cursor::new([0xFF; 60])).len(), 1);
        let endless = json!({ "active_manifest": "m", "manifests": { "m": { "assertion_store": {
            "c2pa.ingredient": { "relationship": "parentOf", "activeManifest": { "url": "self#jumbf=/c2pa/m" } },
        } } } });
        assert!(problems(&endless, "image/jpeg", &mut Cursor::new([])).is_empty());
    }
}
