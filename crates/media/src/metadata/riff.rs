//! WebP (RFC 9649): chunks, flags, and the EXIF, XMP and ICC blocks they carry.
use assay_evidence::{Fact, FactGroup};

use super::{Exif, Icc, Metadata, Xmp, readable};

/// Chunks that are walked at most.
const MAX_CHUNKS: usize = 65_536;

/// Reads the chunks into `metadata`.
pub(super) fn read(bytes: &[u8], metadata: &mut Metadata) {
    let little = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk).map(|b| u32::from_le_bytes(*b));
    if !bytes.starts_with(b"RIFF") || bytes.get(8..12) != Some(b"WEBP") {
        metadata.problems.push("no WebP header".into());
        return;
    }
    let mut facts = Vec::new();
    let mut order: Vec<(String, usize)> = Vec::new();
    let end = little(4).map_or(bytes.len(), |size| (size as usize).saturating_add(8));
    if end > bytes.len() {
        metadata.problems.push(format!("the file says {end} bytes and has {}", bytes.len()));
    } else if end < bytes.len() {
        metadata.problems.push(format!("{} bytes follow the end of the picture", bytes.len() - end));
    }
    let end = end.min(bytes.len());
    let mut at = 12;
    for _ in 0..MAX_CHUNKS {
        let (Some(size), Some(kind)) = (little(at + 4), bytes.get(at..at + 4)) else { break };
        let name = readable(kind);
        let Some(data) = (at + 8).checked_add(size as usize).and_then(|stop| bytes[..end].get(at + 8..stop)) else {
            metadata.problems.push(format!("the {name} chunk is cut off at byte {at}"));
            break;
        };
        match kind {
            b"VP8 " => facts.push(Fact::new("coding", "VP8 (lossy)")),
            b"VP8L" => facts.push(Fact::new("coding", "VP8L (lossless)")),
            b"VP8X" => {
                let flags = data.first().copied().unwrap_or(0);
                let named = [(32, "ICC"), (16, "alpha"), (8, "EXIF"), (4, "XMP"), (2, "animation")];
                let set: Vec<&str> = named.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
                facts.push(Fact::new("extended flags", if set.is_empty() { "none".into() } else { set.join(", ") }));
            }
            // Some writers keep the JPEG header in front of the block.
            b"EXIF" => metadata.exif = Some(Exif::read(data.strip_prefix(b"Exif\0\0").unwrap_or(data))),
            b"XMP " => metadata.add_xmp(Xmp::read(data)),
            b"ICCP" => metadata.icc = Some(Icc::read(data)),
            b"C2PA" => metadata.c2pa = true,
            _ => {}
        }
        match order.last_mut() {
            Some((last, count)) if *last == name => *count += 1,
            _ => order.push((name, 1)),
        }
        at += 8 + data.len() + data.len() % 2;
    }
    let order: Vec<String> = order
        .iter()
        .take(128)
        .map(|(name, count)| if *count == 1 { name.clone() } else { format!("{name} x{count}") })
        .collect();
    facts.truncate(64);
    facts.insert(0, Fact::new("chunks", order.join(" ")));
    metadata.container.push(FactGroup { title: "WebP chunks".into(), facts });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut body = b"WEBP".to_vec();
        for (kind, data) in chunks {
            body.extend_from_slice(*kind);
            body.extend_from_slice(&(data.len() as u32).to_le_bytes());
            body.extend_from_slice(data);
            body.resize(body.len().next_multiple_of(2), 0);
        }
        [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat()
    }

    #[test]
    fn chunks_flags_and_blocks() {
        let xmp = b"<x:xmpmeta><xmp:CreatorTool>T</xmp:CreatorTool></x:xmpmeta>";
        let whole = file(&[(b"VP8X", &[12, 0, 0, 0, 1, 0, 0, 1, 0, 0]), (b"VP8L", &[0x2f]), (b"XMP ", xmp)]);
        let mut metadata = Metadata::default();
        read(&whole, &mut metadata);
        assert_eq!(metadata.problems, Vec::<String>::new());
        let values: Vec<&str> = metadata.container[0].facts.iter().map(|f| f.value.as_str()).collect();
        assert_eq!(values, ["VP8X VP8L XMP", "EXIF, XMP", "VP8L (lossless)"]);
        assert_eq!(metadata.xmp.unwrap().creator_tool.as_deref(), Some("T"));
        for cut in 0..whole.len() {
            let mut metadata = Metadata::default();
            read(&whole[..cut], &mut metadata);
            assert!(!metadata.problems.is_empty(), "cut at {cut}");
        }
    }
}
