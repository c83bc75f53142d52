//! Blocks in both byte orders, built entry by entry.
use super::*;

/// Builds directories; out-of-line values and further directories follow in the order they are
/// added.
struct Builder {
    bytes: Vec<u8>,
    big: bool,
}

impl Builder {
    fn new(big: bool) -> Self {
        Self { bytes: if big { b"MM\0\x2a\0\0\0\x08".to_vec() } else { b"II\x2a\0\x08\0\0\0".to_vec() }, big }
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn u32(&self, value: u32) -> [u8; 4] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    /// Adds a directory of (tag, type, count, value bytes); returns where it starts and where its
    /// link to the next lies.
    fn directory(&mut self, entries: &[(u16, u16, u32, Vec<u8>)]) -> (usize, usize) {
        let start = self.bytes.len();
        let link = start + 2 + 12 * entries.len();
        let mut outside = link + 4;
        self.bytes.extend_from_slice(&self.u16(entries.len() as u16));
        let mut values = Vec::new();
        for (tag, kind, count, value) in entries {
            let head = [self.u16(*tag), self.u16(*kind)].concat();
            self.bytes.extend_from_slice(&head);
            self.bytes.extend_from_slice(&self.u32(*count));
            let mut field = value.clone();
            if field.len() > 4 {
                field = self.u32(outside as u32).to_vec();
                values.extend_from_slice(value);
                outside += value.len();
            }
            field.resize(4, 0);
            self.bytes.extend_from_slice(&field);
        }
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&values);
        (start, link)
    }

    fn patch(&mut self, at: usize, value: usize) {
        let value = self.u32(value as u32);
        self.bytes[at..at + 4].copy_from_slice(&value);
    }
}

fn text(value: &str) -> Vec<u8> {
    [value.as_bytes(), b"\0"].concat()
}

/// A block with all five directories.
fn block(big: bool) -> Vec<u8> {
    let mut b = Builder::new(big);
    let (short, long) = (|b: &Builder, v: u16| b.u16(v).to_vec(), |b: &Builder, v: u32| b.u32(v).to_vec());
    let rational = |b: &Builder, parts: &[(u32, u32)]| {
        parts.iter().flat_map(|&(n, d)| [b.u32(n), b.u32(d)].concat()).collect::<Vec<u8>>()
    };
    let (_, link) = b.directory(&[
        (0x010f, 2, 6, text("Maker")),
        (0x0112, 3, 1, short(&b, 6)),
        (0x0131, 2, 9, text("Editor 9")),
        (0x0132, 2, 20, text("2024:05:17 09:30:00")),
        (0x8769, 4, 1, vec![0; 4]),
        (0x8825, 4, 1, vec![0; 4]),
    ]);
    let photo = b.directory(&[
        (0x829a, 5, 1, rational(&b, &[(10, 1000)])),
        (0x9003, 2, 20, text("2024:05:16 08:00:00")),
        (0x9011, 2, 7, text("+02:00")),
        (0x927c, 7, 12, b"Apple iOS\0\0\x01".to_vec()),
        (0x9286, 7, 13, b"ASCII\0\0\0hello".to_vec()),
        (0x9291, 2, 3, text("42")),
        (0xa002, 4, 1, long(&b, 4000)),
        (0xa003, 3, 1, short(&b, 3000)),
        (0xa434, 2, 5, text("Lens")),
    ]);
    let gps = b.directory(&[
        (1, 2, 2, text("S")),
        (2, 5, 3, rational(&b, &[(33, 1), (30, 1), (36, 1)])),
        (3, 2, 2, text("E")),
        (4, 5, 3, rational(&b, &[(151, 1), (15, 1), (0, 1)])),
        (5, 1, 1, vec![1]),
        (6, 5, 1, rational(&b, &[(25, 2)])),
        (7, 5, 3, rational(&b, &[(7, 1), (30, 1), (5, 1)])),
        (0x1d, 2, 11, text("2024:05:17")),
    ]);
    let thumb = b.directory(&[(0x0201, 4, 1, vec![0; 4]), (0x0202, 4, 1, long(&b, 3))]);
    let at = b.bytes.len();
    b.bytes.extend_from_slice(&[0xff, 0xd8, 0xff]);
    b.patch(thumb.0 + 10, at);
    b.patch(link, thumb.0);
    b.patch(8 + 2 + 4 * 12 + 8, photo.0);
    b.patch(8 + 2 + 5 * 12 + 8, gps.0);
    b.bytes
}

#[test]
fn typed_fields_in_both_byte_orders() {
    for big in [false, true] {
        let exif = Exif::read(&block(big));
        assert_eq!(exif.problems, Vec::<String>::new());
        assert_eq!(exif.big_endian, big);
        assert_eq!((exif.orientation, exif.pixel_size), (Some(6), Some((4000, 3000))));
        let some = |value: &Option<String>| value.clone().unwrap();
        assert_eq!(
            (some(&exif.make), some(&exif.software), some(&exif.lens_model)),
            ("Maker".into(), "Editor 9".into(), "Lens".into())
        );
        assert_eq!(some(&exif.date_time), "2024:05:17 09:30:00");
        assert_eq!(some(&exif.date_time_original), "2024:05:16 08:00:00");
        assert_eq!(
            (some(&exif.offset_time_original), some(&exif.subsec_time_original)),
            ("+02:00".into(), "42".into())
        );
        assert_eq!(some(&exif.user_comment), "hello");
        assert_eq!(some(&exif.maker_note), "Apple, 12 bytes");
        assert_eq!(some(&exif.gps_date_time), "2024:05:17 07:30:05");
        let position = exif.position.unwrap();
        assert!((position.latitude + 33.51).abs() < 1e-9 && (position.longitude - 151.25).abs() < 1e-9);
        assert_eq!(position.altitude_m, Some(-12.5));
        let thumbnail = exif.thumbnail.clone().unwrap();
        assert_eq!(block(big)[thumbnail], [0xff, 0xd8, 0xff]);
        let facts: Vec<Fact> = exif.facts().into_iter().flat_map(|group| group.facts).collect();
        assert_eq!(facts.len(), 6 + 9 + 8 + 2);
        let value = |name: &str| facts.iter().find(|f| f.name == name).unwrap().value.clone();
        assert_eq!((value("ExposureTime"), value("GPSAltitudeRef")), ("1/100 s".into(), "below sea level".into()));
    }
}

#[test]
fn every_cut_is_noted() {
    let whole = block(false);
    for cut in 0..whole.len() {
        assert!(!Exif::read(&whole[..cut]).problems.is_empty(), "cut at {cut}");
    }
}

#[test]
fn loops_and_overlaps_are_caught() {
    let mut b = Builder::new(true);
    let (first, link) = b.directory(&[(0x0112, 3, 1, vec![0, 1])]);
    b.patch(link, first);
    assert!(Exif::read(&b.bytes).problems[0].contains("twice"));
    let mut b = Builder::new(true);
    b.directory(&[(0x010f, 2, 6, text("Maker")), (0x0110, 2, 6, text("Model"))]);
    b.patch(8 + 2 + 12 + 8, 10);
    assert!(Exif::read(&b.bytes).problems[0].contains("over one another"));
    let mut b = Builder::new(true);
    b.directory(&[(0x010f, 2, u32::MAX, text("Maker"))]);
    assert!(Exif::read(&b.bytes).problems[0].contains("outside"));
}
