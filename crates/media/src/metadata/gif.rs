//! GIF (GIF89a specification): version, frames, comments and application extensions.
use assay_evidence::{Fact, FactGroup};

use super::{Metadata, Xmp, readable};

/// Frames that are counted at most.
const MAX_FRAMES: usize = 100_000;
/// Comments and extensions that are kept.
const MAX_KEPT: usize = 256;
/// Bytes of a comment that are kept.
const MAX_COMMENT: usize = 65_536;

/// Reads the blocks into `metadata`.
pub(super) fn read(bytes: &[u8], metadata: &mut Metadata) {
    let mut facts = Vec::new();
    let mut frames = 0usize;
    match blocks(bytes, metadata, &mut facts, &mut frames) {
        None => metadata.problems.push("the GIF file is cut off".into()),
        Some(end) if end < bytes.len() => {
            metadata.problems.push(format!("{} bytes follow the end of the picture", bytes.len() - end));
        }
        Some(_) => {}
    }
    facts.push(Fact::new("frames", frames));
    metadata.container.push(FactGroup { title: "GIF blocks".into(), facts });
}

/// Walks to the trailer; gives the offset behind it, `None` when the file ends first.
fn blocks(bytes: &[u8], metadata: &mut Metadata, facts: &mut Vec<Fact>, frames: &mut usize) -> Option<usize> {
    let version = bytes.get(..6)?;
    if !version.starts_with(b"GIF") {
        metadata.problems.push("no GIF header".into());
        return Some(bytes.len());
    }
    facts.push(Fact::new("version", readable(version)));
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3usize << ((flags & 7) + 1) };
    let mut at = 13 + table(*bytes.get(10)?);
    loop {
        match *bytes.get(at)? {
            0x3b => return Some(at + 1),
            0x2c => {
                *frames += 1;
                if *frames > MAX_FRAMES {
                    metadata.problems.push(format!("more than {MAX_FRAMES} frames"));
                    return Some(bytes.len());
                }
                at += 10 + table(*bytes.get(at + 9)?) + 1;
                at = sub_blocks(bytes, at, |_| {})?;
            }
            0x21 => {
                let label = *bytes.get(at + 1)?;
                let start = at + 2;
                let mut content = Vec::new();
                at = sub_blocks(bytes, start, |part| {
                    if content.len() < MAX_COMMENT {
                        content.extend_from_slice(part);
                    }
                })?;
                if label == 0xfe && metadata.text.len() < MAX_KEPT {
                    metadata.text.push(("GIF comment".into(), readable(&content)));
                } else if label == 0xff && facts.len() < MAX_KEPT {
                    application(bytes, start, at, &content, metadata, facts);
                }
            }
            other => {
                metadata.problems.push(format!("unknown block 0x{other:02X} at byte {at}"));
                return Some(bytes.len());
            }
        }
    }
}

fn application(bytes: &[u8], start: usize, end: usize, content: &[u8], metadata: &mut Metadata, facts: &mut Vec<Fact>) {
    let name = readable(content.get(..11).unwrap_or(content));
    if name == "XMP DataXMP" {
        // The packet lies in the open, its characters misused as lengths, with a trailer that leads
        // to the end (XMP part 3, 1.1.2).
        let packet = bytes.get(start + 12..end).unwrap_or_default();
        let stop = packet.iter().rposition(|&b| b == b'>').map_or(0, |at| at + 1);
        metadata.add_xmp(Xmp::read(&packet[..stop]));
    }
    let value = match content.get(11..14) {
        Some([1, low, high]) if name.starts_with("NETSCAPE") => {
            format!("{name}, {} loops", u16::from_le_bytes([*low, *high]))
        }
        _ => name,
    };
    facts.push(Fact::new("application extension", value));
}

fn sub_blocks(bytes: &[u8], mut at: usize, mut each: impl FnMut(&[u8])) -> Option<usize> {
    loop {
        let size = usize::from(*bytes.get(at)?);
        if size == 0 {
            return Some(at + 1);
        }
        each(bytes.get(at + 1..at + 1 + size)?);
        at += 1 + size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_loops_and_frames() {
        let mut file = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
        file.extend_from_slice(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x05\0\0");
        file.extend_from_slice(b"\x21\xfe\x02hi\0");
        file.extend_from_slice(b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0");
        file.push(0x3b);
        let mut metadata = Metadata::default();
        read(&file, &mut metadata);
        assert_eq!(metadata.problems, Vec::<String>::new());
        assert_eq!(metadata.text, [("GIF comment".to_owned(), "hi".to_owned())]);
        let values: Vec<&str> = metadata.container[0].facts.iter().map(|f| f.value.as_str()).collect();
        assert_eq!(values, ["GIF89a", "NETSCAPE2.0, 5 loops", "1"]);
        for cut in 0..file.len() {
            let mut metadata = Metadata::default();
            read(&file[..cut], &mut metadata);
            assert!(!metadata.problems.is_empty(), "cut at {cut}");
        }
    }

    #[test]
    fn xmp_lies_in_the_open() {
        let packet = b"<x:xmpmeta><xmp:CreatorTool>Tool</xmp:CreatorTool></x:xmpmeta>";
        let mut file = b"GIF89a\x01\0\x01\0\0\0\0\x21\xff\x0bXMP DataXMP".to_vec();
        file.extend_from_slice(packet);
        file.push(1);
        file.extend((0..=255u8).rev());
        file.extend_from_slice(&[0, 0x3b]);
        let mut metadata = Metadata::default();
        read(&file, &mut metadata);
        assert_eq!(metadata.xmp.and_then(|xmp| xmp.creator_tool).as_deref(), Some("Tool"));
    }
}
