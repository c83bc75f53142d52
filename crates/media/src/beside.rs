//! What a picture file holds beside the picture that is examined: pages, frames, further pictures.
//!
//! The decision that shapes it: only structure is read, and only to say "nobody looked at this". A
//! file that is broken here says nothing more; whether it can be decoded is for others to find.

use crate::heif;
use crate::jpeg::JpegStructure;
use crate::sniff::Format;

/// Most pages or frames that are counted.
const MOST: usize = 10_000;

/// In words; empty where there is one picture.
pub(crate) fn in_picture(bytes: &[u8], format: Format) -> Vec<String> {
    let others = |count: usize, what: &str| {
        let more = count.saturating_sub(1);
        (more > 0).then(|| format!("{more} further {what}{} of the file", if more == 1 { "" } else { "s" }))
    };
    let found = match format {
        Format::Tiff => others(tiff_pages(bytes), "page"),
        Format::WebP => others(webp_frames(bytes), "frame"),
        Format::Heif | Format::Avif => others(heif::pictures(bytes), "picture"),
        Format::Jpeg => {
            let trailing = JpegStructure::parse(bytes).ok().and_then(|s| s.trailing);
            let has_jpeg = trailing.is_some_and(|t| t.jpeg_at.is_some());
            has_jpeg.then(|| "A further JPEG picture behind the end of the first".to_owned())
        }
        _ => None,
    };
    found.into_iter().collect()
}

fn tiff_pages(bytes: &[u8]) -> usize {
    let is_little = bytes.first() == Some(&b'I');
    let number = |at: usize, size: usize| -> Option<u64> {
        let part = bytes.get(at..at.checked_add(size)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if is_little { part.iter().rev().fold(0, add) } else { part.iter().fold(0, add) })
    };
    let is_big = number(2, 2) == Some(43);
    let [first, count_size, entry_size, size] = if is_big { [8, 8, 20, 8] } else { [4, 2, 12, 4] };
    let next = |at: u64| -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let count = usize::try_from(number(at, count_size)?).ok()?.min(1 << 16);
        number(at + count_size + entry_size * count, size)
    };
    let mut at = number(first, size).filter(|at| *at > 0);
    let mut pages = 0;
    while let Some(place) = at
        && pages < MOST
    {
        pages += 1;
        at = next(place).filter(|next| *next > 0);
    }
    pages
}

fn webp_frames(bytes: &[u8]) -> usize {
    let mut rest = bytes.get(12..).unwrap_or_default();
    let mut frames = 0;
    while let Some(&[a, b, c, d, size @ ..]) = rest.first_chunk::<8>()
        && frames < MOST
    {
        frames += usize::from([a, b, c, d] == *b"ANMF");
        let size = u32::from_le_bytes(size) as usize;
        rest = rest.get(8 + size + size % 2..).unwrap_or_default();
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_frames_are_counted_and_loops_end() {
        let page = |next: u32| [&[0, 0][..], &next.to_le_bytes()].concat();
        let two = [&b"II\x2A\0\x08\0\0\0"[..], &page(14), &page(0)].concat();
        assert_eq!(in_picture(&two, Format::Tiff), ["1 further page of the file"]);
        let endless = [&b"II\x2A\0\x08\0\0\0"[..], &page(8)].concat();
        assert_eq!(tiff_pages(&endless), MOST);
        assert!((0..two.len()).all(|cut| tiff_pages(&two[..cut]) <= 2));
        let frame = [&b"ANMF"[..], &3u32.to_le_bytes(), &[0; 4]].concat();
        let webp = [&b"RIFF\0\0\0\0WEBPVP8X\x02\0\0\0\0\0"[..], &frame, &frame, &frame].concat();
        assert_eq!(in_picture(&webp, Format::WebP), ["2 further frames of the file"]);
        assert!(in_picture(&[], Format::WebP).is_empty());
    }
}
