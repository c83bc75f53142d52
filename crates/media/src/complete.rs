//! Whether a file is all there, by the sizes that its container claims.
//!
//! The decision that shapes it: decoders are lenient with files that end early and show half a
//! picture or half a clip; for an examination that is a wrong answer, so a file that ends before
//! its container says so is refused when it is opened, with the offset. Bytes *after* the end are
//! not an error (cameras and editors put data there). Damage inside the coded data is for the
//! decoders to find.
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::Limits;
use crate::MediaError;
use crate::bmff::BoxTree;
use crate::jpeg::{self, JpegStructure};
use crate::sniff::Format;

/// Top-level boxes that are looked at; long fragmented recordings have thousands.
const MAX_BOXES: u32 = 1_000_000;

fn ends_early(format: Format, at: u64, inside: &str) -> MediaError {
    MediaError::Damaged { format: format.label(), reason: format!("the file ends at byte {at}, {inside}") }
}

/// Checks a picture file and names its format exactly: an animation is read as a video.
///
/// # Errors
/// [`MediaError::Damaged`] with the byte offset.
pub(crate) fn picture(bytes: &[u8], format: Format) -> Result<Format, MediaError> {
    let length = bytes.len() as u64;
    let word =
        |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).map(|b| u64::from(u32::from_le_bytes(*b)));
    let claims = |claimed: u64| {
        if claimed > length {
            Err(ends_early(format, length, &format!("its header claims {claimed} bytes")))
        } else {
            Ok(format)
        }
    };
    match format {
        Format::WebP => claims(word(4).map_or(u64::MAX, |size| size + 8)),
        Format::Bmp => claims(word(2).unwrap_or(u64::MAX)),
        Format::Gif => Ok(if is_animated_gif(bytes)? { Format::AnimatedGif } else { format }),
        Format::Png => Ok(if is_animated_png(bytes)? { Format::Apng } else { format }),
        Format::Heif | Format::Avif => boxes(&mut io::Cursor::new(bytes), length, format).map(|_| format),
        _ => Ok(format),
    }
}

/// A JPEG file without end marker must at least hold every coefficient.
///
/// # Errors
/// [`MediaError::Damaged`] when it does not.
pub(crate) fn jpeg(bytes: &[u8], structure: &JpegStructure, limits: &Limits) -> Result<(), MediaError> {
    if structure.segments.last().is_some_and(|last| last.marker == 0xD9) {
        return Ok(());
    }
    jpeg::coefficients(bytes, structure, limits).map(|_| ()).map_err(|error| match error {
        MediaError::Damaged { reason, .. } => {
            ends_early(Format::Jpeg, bytes.len() as u64, &format!("without an end marker ({reason})"))
        }
        other => other,
    })
}

/// Checks a video file.
///
/// # Errors
/// [`MediaError::Damaged`] with the byte offset.
pub(crate) fn video(file: &mut File, length: u64, format: Format) -> Result<(), MediaError> {
    file.seek(SeekFrom::Start(0))?;
    match format {
        Format::Mp4 | Format::Mov => {
            let seen = boxes(file, length, format)?;
            match seen {
                Seen { movie: false, .. } => {
                    Err(ends_early(format, length, "before the moov box that describes the streams"))
                }
                Seen { data: false, .. } => Err(ends_early(format, length, "before the media data")),
                _ => Ok(()),
            }
        }
        Format::Avi => {
            let mut head = [0u8; 8];
            file.read_exact(&mut head)?;
            let claimed = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]])) + 8;
            if claimed > length {
                Err(ends_early(format, length, &format!("its first RIFF chunk claims {claimed} bytes")))
            } else {
                Ok(())
            }
        }
        Format::Matroska | Format::WebM => matroska(file, length, format),
        _ => Ok(()),
    }
}

/// Refuses tracks whose media lie in another file or at an address (data references without the
/// flag "in this file", ISO/IEC 14496-12 8.7.2). Nothing would follow them; this says so in clear
/// words.
///
/// # Errors
/// [`MediaError::Unsupported`].
pub(crate) fn self_contained(file: &mut File, tree: &BoxTree, format: Format) -> Result<(), MediaError> {
    for node in tree.boxes.iter().filter(|node| node.is(b"dref")) {
        file.seek(SeekFrom::Start(node.payload_offset()))?;
        let mut body = Vec::new();
        file.take(node.payload_size().min(4096)).read_to_end(&mut body)?;
        let mut entries = body.get(8..).unwrap_or_default();
        while let Some(&[a, b, c, d, _, _, _, _, _, _, _, flags]) = entries.first_chunk::<12>() {
            if flags & 1 == 0 {
                let reason =
                    "a track refers to media in another file or at an address, which is never followed".to_owned();
                return Err(MediaError::Unsupported { format: format.label(), reason });
            }
            entries = entries.get((u32::from_be_bytes([a, b, c, d]) as usize).max(12)..).unwrap_or_default();
        }
    }
    Ok(())
}

/// Which top-level boxes were there.
#[derive(Default)]
struct Seen {
    movie: bool,
    data: bool,
}

/// Walks the top-level boxes of ISO/IEC 14496-12 4.2.
fn boxes(file: &mut (impl Read + Seek), length: u64, format: Format) -> Result<Seen, MediaError> {
    let mut seen = Seen::default();
    let mut at = 0u64;
    for _ in 0..MAX_BOXES {
        let mut head = [0u8; 16];
        if length - at < 8 {
            break;
        }
        file.seek(SeekFrom::Start(at))?;
        let header = if length - at < 16 { 8 } else { 16 };
        file.read_exact(head.get_mut(..header).unwrap_or_default())?;
        let [a, b, c, d, kind @ .., _, _, _, _, _, _, _, _] = head;
        // Anything else behind the last box is somebody's trailer.
        if !kind.iter().all(|b| (0x20..0x7F).contains(b) || *b == 0xA9) {
            break;
        }
        let size = match u32::from_be_bytes([a, b, c, d]) {
            0 => length - at,
            1 => u64::from_be_bytes([head[8], head[9], head[10], head[11], head[12], head[13], head[14], head[15]]),
            size => u64::from(size),
        };
        let end = at.checked_add(size).filter(|end| size >= 8 && *end <= length);
        let Some(end) = end else {
            let name = String::from_utf8_lossy(&kind).into_owned();
            return Err(ends_early(format, length, &format!("inside the {name} box of {size} bytes at byte {at}")));
        };
        seen.movie |= &kind == b"moov";
        seen.data |= matches!(&kind, b"mdat" | b"moof");
        at = end;
        if at == length {
            break;
        }
    }
    Ok(seen)
}

/// The EBML header and the size of the Segment after it (RFC 8794, RFC 9559). Live recordings leave
/// the size unknown.
fn matroska(file: &mut File, length: u64, format: Format) -> Result<(), MediaError> {
    let mut head = Vec::new();
    file.take(1024).read_to_end(&mut head)?;
    let number = |at: usize| -> Option<(Option<u64>, usize)> {
        let first = *head.get(at)?;
        let width = first.leading_zeros() as usize + 1;
        let bytes = head.get(at..at + width).filter(|_| width <= 8)?;
        let mark = 1u64 << (7 * width);
        let value = bytes.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte)) & (mark - 1);
        Some(((value != mark - 1).then_some(value), at + width))
    };
    let segment = || {
        let (size, body) = number(4)?;
        let at = body.checked_add(usize::try_from(size?).ok()?)?;
        let is_segment = head.get(at..)?.starts_with(&[0x18, 0x53, 0x80, 0x67]);
        is_segment.then(|| number(at + 4)).flatten()
    };
    match segment() {
        None => Err(ends_early(format, length, "before its Segment element, or the header is broken")),
        Some((Some(size), body)) if (body as u64).saturating_add(size) > length => {
            Err(ends_early(format, length, &format!("its Segment claims {size} bytes from byte {body}")))
        }
        Some(_) => Ok(()),
    }
}

/// True when a GIF holds more than one picture (GIF89a, Appendix A).
///
/// # Errors
/// [`MediaError::Damaged`] when the file ends before its trailer.
fn is_animated_gif(bytes: &[u8]) -> Result<bool, MediaError> {
    let damaged = |at: usize| MediaError::Damaged {
        format: Format::Gif.label(),
        reason: format!("the file ends inside a block at byte {at}"),
    };
    let byte = |at: usize| bytes.get(at).copied().ok_or_else(|| damaged(at));
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + table(byte(10)?);
    let mut pictures = 0;
    loop {
        match byte(at)? {
            0x21 => at += 2,
            0x2C => {
                pictures += 1;
                at += 11 + table(byte(at + 9)?);
            }
            0x3B => return Ok(pictures > 1),
            other => {
                let reason = format!("unknown block 0x{other:02x} at byte {at}");
                return Err(MediaError::Damaged { format: Format::Gif.label(), reason });
            }
        }
        loop {
            let length = usize::from(byte(at)?);
            at += 1 + length;
            if length == 0 {
                break;
            }
        }
    }
}

/// Walks the chunks of a PNG; true when it is an animation (`acTL` before the first `IDAT`).
///
/// # Errors
/// [`MediaError::Damaged`] when the file ends before `IEND`.
fn is_animated_png(bytes: &[u8]) -> Result<bool, MediaError> {
    let (mut at, mut animated, mut data) = (8usize, false, false);
    loop {
        let header = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
        let Some(&[a, b, c, d, kind @ ..]) = header else {
            let reason = format!("the file ends at byte {} before the IEND chunk", bytes.len());
            return Err(MediaError::Damaged { format: Format::Png.label(), reason });
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let end = at + 12 + length;
        if end > bytes.len() {
            let name = String::from_utf8_lossy(&kind).into_owned();
            let reason =
                format!("the file ends at byte {} inside the {name} chunk that starts at byte {at}", bytes.len());
            return Err(MediaError::Damaged { format: Format::Png.label(), reason });
        }
        match &kind {
            b"acTL" if !data => animated = true,
            b"IDAT" => data = true,
            b"IEND" => return Ok(animated),
            _ => {}
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(kinds: &[&[u8; 4]]) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        for kind in kinds {
            bytes.extend([0, 0, 0, 1]);
            bytes.extend_from_slice(&kind[..]);
            bytes.extend([0; 5]);
        }
        bytes
    }

    #[test]
    fn png_animation_and_end_are_seen() {
        assert_eq!(picture(&png(&[b"IHDR", b"IDAT", b"IEND"]), Format::Png).ok(), Some(Format::Png));
        assert_eq!(picture(&png(&[b"IHDR", b"acTL", b"IDAT", b"IEND"]), Format::Png).ok(), Some(Format::Apng));
        assert_eq!(picture(&png(&[b"IHDR", b"IDAT", b"acTL", b"IEND"]), Format::Png).ok(), Some(Format::Png));
        let whole = png(&[b"IHDR", b"IDAT", b"IEND"]);
        for cut in 8..whole.len() {
            assert!(picture(&whole[..cut], Format::Png).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn boxes_must_fit_but_trailers_may_follow() {
        let mut file = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x08moov\0\0\0\x0cmdat1234".to_vec();
        let check = |bytes: &[u8]| boxes(&mut io::Cursor::new(bytes), bytes.len() as u64, Format::Mp4);
        assert!(check(&file).is_ok_and(|seen| seen.movie && seen.data));
        assert!(check(&file[..file.len() - 1]).is_err());
        file.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert!(check(&file).is_ok());
    }
}
