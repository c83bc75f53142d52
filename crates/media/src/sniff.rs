//! What a file is, by its content and never by its name.
//!
//! The decision that shapes it: the answer is a closed list, and for the formats that FFmpeg reads
//! it names the one demuxer that may open the file. So a playlist, a script or a network address in
//! disguise can never reach a demuxer that would follow it.
use assay_evidence::MediaKind;

use crate::MediaError;

/// Formats that Assay reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Jpeg,
    Png,
    /// A PNG with an animation.
    Apng,
    WebP,
    Gif,
    /// A GIF with more than one frame.
    AnimatedGif,
    Tiff,
    Bmp,
    Heif,
    Avif,
    Mp4,
    Mov,
    Matroska,
    WebM,
    Avi,
    MpegTs,
}

impl Format {
    /// Name in facts and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Apng => "apng",
            Self::WebP => "webp",
            Self::Gif | Self::AnimatedGif => "gif",
            Self::Tiff => "tiff",
            Self::Bmp => "bmp",
            Self::Heif => "heif",
            Self::Avif => "avif",
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Matroska => "matroska",
            Self::WebM => "webm",
            Self::Avi => "avi",
            Self::MpegTs => "mpegts",
        }
    }

    /// Name in error messages.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Apng => "animated PNG",
            Self::WebP => "WebP",
            Self::Gif | Self::AnimatedGif => "GIF",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Heif => "HEIF",
            Self::Avif => "AVIF",
            Self::Mp4 => "MP4",
            Self::Mov => "MOV",
            Self::Matroska => "Matroska",
            Self::WebM => "WebM",
            Self::Avi => "AVI",
            Self::MpegTs => "MPEG-TS",
        }
    }

    /// The FFmpeg demuxer of a format that is read as video.
    pub(crate) fn demuxer(self) -> Option<&'static str> {
        match self {
            Self::Apng => Some("apng"),
            Self::AnimatedGif => Some("gif"),
            Self::Mp4 | Self::Mov => Some("mov"),
            Self::Matroska | Self::WebM => Some("matroska"),
            Self::Avi => Some("avi"),
            Self::MpegTs => Some("mpegts"),
            Self::Jpeg | Self::Png | Self::WebP | Self::Gif | Self::Tiff | Self::Bmp | Self::Heif | Self::Avif => None,
        }
    }

    /// Picture or video.
    pub(crate) fn kind(self) -> MediaKind {
        if self.demuxer().is_some() { MediaKind::Video } else { MediaKind::Image }
    }

    /// True for containers of ISO/IEC 14496-12.
    pub(crate) fn has_boxes(self) -> bool {
        matches!(self, Self::Heif | Self::Avif | Self::Mp4 | Self::Mov)
    }

    /// True when the file is to be kept in memory: pictures, and what may turn out to be an
    /// animation once its chunks are walked.
    pub(crate) fn fits_memory(self) -> bool {
        self.kind() == MediaKind::Image
    }
}

/// Bytes from the start of the file that [`sniff`] wants to see.
pub(crate) const HEAD_BYTES: usize = 4096;

/// Names the format from the first [`HEAD_BYTES`] bytes (fewer when the file is shorter).
///
/// # Errors
/// [`MediaError::Empty`] without bytes, [`MediaError::UnknownFormat`] with what the bytes look like
/// instead.
pub(crate) fn sniff(head: &[u8]) -> Result<Format, MediaError> {
    let at = |offset: usize, text: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(text));
    let format = if head.is_empty() {
        return Err(MediaError::Empty);
    } else if at(0, &[0xFF, 0xD8, 0xFF]) {
        Format::Jpeg
    } else if at(0, b"\x89PNG\r\n\x1a\n") {
        Format::Png
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        Format::WebP
    } else if at(0, b"RIFF") && (at(8, b"AVI ") || at(8, b"AVIX")) {
        Format::Avi
    } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
        Format::Gif
    } else if at(0, b"II*\0") || at(0, b"MM\0*") || at(0, b"II+\0\x08\0") || at(0, b"MM\0+\0\x08") {
        Format::Tiff
    } else if at(0, b"BM") && head.get(14).is_some_and(|size| [12, 40, 52, 56, 64, 108, 124].contains(size)) {
        Format::Bmp
    } else if at(4, b"ftyp") {
        from_brands(head)
    } else if [b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"].iter().any(|kind| at(4, &kind[..])) {
        // QuickTime files from before ISO 14496-12 have no file type box.
        Format::Mov
    } else if at(0, &[0x1A, 0x45, 0xDF, 0xA3]) {
        let early = head.get(..64.min(head.len())).unwrap_or_default();
        if early.windows(4).any(|w| w == b"webm") { Format::WebM } else { Format::Matroska }
    } else if is_transport_stream(head) {
        Format::MpegTs
    } else {
        return Err(MediaError::UnknownFormat(looks_like(head)));
    };
    Ok(format)
}

/// ISO/IEC 14496-12 4.3: size, `ftyp`, major brand, minor version, compatible brands.
fn from_brands(head: &[u8]) -> Format {
    let size = head.first_chunk::<4>().map_or(0, |b| u32::from_be_bytes(*b) as usize).min(head.len());
    let major = head.get(8..12).unwrap_or_default();
    let compatible = || head.get(16..size).unwrap_or_default().chunks_exact(4);
    let any = |brand: &[u8]| major == brand || compatible().any(|b| b == brand);
    match major {
        b"qt  " => Format::Mov,
        b"avif" | b"avis" => Format::Avif,
        b"mif1" | b"msf1" | b"mif2" if any(b"avif") => Format::Avif,
        b"mif1" | b"msf1" | b"mif2" | b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Format::Heif,
        _ => Format::Mp4,
    }
}

/// ISO/IEC 13818-1 2.4.3.2: packets of 188 bytes start with 0x47; Blu-ray puts four bytes of time
/// in front of each.
fn is_transport_stream(head: &[u8]) -> bool {
    [(0, 188), (4, 192)].iter().any(|(first, step)| {
        let starts = head.iter().skip(*first).step_by(*step);
        starts.clone().count() >= 3 && starts.take(16).all(|byte| *byte == 0x47)
    })
}

/// A hint for the error text.
fn looks_like(head: &[u8]) -> String {
    let at = |text: &[u8]| head.starts_with(text);
    let trimmed = head.trim_ascii_start();
    // The last character may be cut in the middle.
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) => "",
    };
    let printable = !text.is_empty() && text.chars().all(|c| !c.is_control() || c.is_whitespace());
    let what = if at(b"PK\x03\x04") || at(b"PK\x05\x06") {
        "it is a ZIP archive"
    } else if at(&[0x1F, 0x8B]) {
        "it is a gzip stream"
    } else if at(b"%PDF") {
        "it is a PDF document"
    } else if at(b"\x7fELF") {
        "it is a program"
    } else if at(b"#EXTM3U") || at(b"ffconcat") || at(b"[playlist]") {
        "it is a playlist"
    } else if trimmed.starts_with(b"<") {
        "it is XML or HTML text"
    } else if printable {
        "it is plain text"
    } else {
        let shown: Vec<String> = head.iter().take(8).map(|b| format!("{b:02x}")).collect();
        return format!("it starts with the bytes {}", shown.join(" "));
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_named_by_content() {
        let mut ts = vec![0u8; 188 * 4];
        ts.iter_mut().step_by(188).for_each(|b| *b = 0x47);
        let table: &[(&[u8], &str)] = &[
            (b"\xFF\xD8\xFF\xE0", "jpeg"),
            (b"\x89PNG\r\n\x1a\n", "png"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
            (b"RIFF\0\0\0\0AVI LIST", "avi"),
            (b"GIF89a", "gif"),
            (b"II*\0", "tiff"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heif"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "avif"),
            (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "mov"),
            (b"\0\0\0\x18ftypisom\0\0\0\0isommp41", "mp4"),
            (b"\0\0\0\x08wide\0\0\0\0mdat", "mov"),
            (b"\x1A\x45\xDF\xA3\x9f\x42\x82\x84webm", "webm"),
            (b"\x1A\x45\xDF\xA3\xa3\x42\x82\x88matroska", "matroska"),
            (&ts, "mpegts"),
        ];
        for (bytes, name) in table {
            assert_eq!(sniff(bytes).map(Format::name).ok(), Some(*name), "{name}");
        }
    }

    #[test]
    fn other_content_is_named_in_the_error() {
        for (bytes, hint) in [
            (&b"hello, world\n"[..], "plain text"),
            (b"PK\x03\x04....", "ZIP"),
            (b"#EXTM3U\n/etc/passwd", "playlist"),
            (b"ffconcat version 1.0\nfile x", "playlist"),
            (b"<svg/>", "XML"),
            (b"\x00\x01\x02", "00 01 02"),
        ] {
            let error = sniff(bytes).expect_err("not media").to_string();
            assert!(error.contains(hint), "{error}");
        }
        assert!(matches!(sniff(b""), Err(MediaError::Empty)));
    }
}
