//! Raw frames with their times, as a stream that an encoder reads.
//!
//! The decision that shapes it: bare raw video has no times, so the frames go into the smallest
//! Matroska stream that carries them (RFC 9559): one uncompressed track, one cluster a frame, sizes
//! unknown ahead left open. Times are in microseconds.
use std::io::{self, Write};

/// Writes the stream.
pub(super) struct FrameStream<W> {
    to: W,
}

/// An element whose size is known.
fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    let mut all = id.to_vec();
    all.extend(size(body.len() as u64));
    all.extend_from_slice(body);
    all
}

/// A size in eight bytes (RFC 8794, section 6).
fn size(length: u64) -> [u8; 8] {
    (length | 1 << 56).to_be_bytes()
}

fn number(id: &[u8], value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

impl<W: Write> FrameStream<W> {
    /// Writes the head: RGB frames of 8 bits, each shown for `frame_secs` unless the next comes
    /// earlier or later.
    pub(super) fn new(mut to: W, (width, height): (u32, u32), frame_secs: f64) -> io::Result<Self> {
        let document = [
            number(&[0x42, 0x86], 1),
            number(&[0x42, 0xF7], 1),
            element(&[0x42, 0x82], b"matroska"),
            number(&[0x42, 0x87], 4),
            number(&[0x42, 0x85], 2),
        ];
        to.write_all(&element(&[0x1A, 0x45, 0xDF, 0xA3], &document.concat()))?;
        // A segment of unknown size.
        to.write_all(&[0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])?;
        to.write_all(&element(&[0x15, 0x49, 0xA9, 0x66], &number(&[0x2A, 0xD7, 0xB1], 1000)))?;
        let picture = [
            number(&[0xB0], u64::from(width)),
            number(&[0xBA], u64::from(height)),
            element(&[0x2E, 0xB5, 0x24], b"RGB\x18"),
        ];
        let nanos = (frame_secs.max(1e-6) * 1e9).round() as u64;
        let track = [
            number(&[0xD7], 1),
            number(&[0x73, 0xC5], 1),
            number(&[0x83], 1),
            number(&[0x9C], 0),
            number(&[0x23, 0xE3, 0x83], nanos),
            element(&[0x86], b"V_UNCOMPRESSED"),
            element(&[0xE0], &picture.concat()),
        ];
        to.write_all(&element(&[0x16, 0x54, 0xAE, 0x6B], &element(&[0xAE], &track.concat())))?;
        Ok(Self { to })
    }

    /// Writes a frame.
    pub(super) fn frame(&mut self, micros: u64, samples: &[u8]) -> io::Result<()> {
        let time = number(&[0xE7], micros);
        // Track 1, no offset from the cluster's time, a key frame.
        let head = [0x81, 0, 0, 0x80];
        let block = head.len() as u64 + samples.len() as u64;
        let cluster = time.len() as u64 + 1 + 8 + block;
        self.to.write_all(&[0x1F, 0x43, 0xB6, 0x75])?;
        self.to.write_all(&size(cluster))?;
        self.to.write_all(&time)?;
        self.to.write_all(&[0xA3])?;
        self.to.write_all(&size(block))?;
        self.to.write_all(&head)?;
        self.to.write_all(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_sizes_that_they_claim() {
        let mut bytes = Vec::new();
        let mut stream = FrameStream::new(&mut bytes, (2, 2), 0.04).unwrap();
        stream.frame(40_000, &[7; 12]).unwrap();
        let cluster = bytes.windows(4).position(|w| w == [0x1F, 0x43, 0xB6, 0x75]).unwrap();
        let claimed = u64::from_be_bytes(bytes[cluster + 4..cluster + 12].try_into().unwrap()) & !(1 << 56);
        assert_eq!(claimed as usize, bytes.len() - cluster - 12);
        assert!(bytes.ends_with(&[7; 12]));
    }
}
