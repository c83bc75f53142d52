//! EXIF 2.32 / 3.0: the fields that forensics asks for, typed, and every entry as a fact.
//!
//! Values are passed on as they stand; whether they contradict each other is for an analyzer to
//! say. Maker notes are not decoded, only named by their header.
use std::ops::Range;

use assay_evidence::{Fact, FactGroup};

use super::names::{meaning, tag_name};
use super::tiff::{self, Directory, Entry, Value};

/// A GPS position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// Degrees, north positive.
    pub latitude: f64,
    /// Degrees, east positive.
    pub longitude: f64,
    /// Metres above sea level.
    pub altitude_m: Option<f64>,
}

/// The fields of an EXIF block (or of the directories of a TIFF file).
#[derive(Debug, Clone, Default)]
pub struct Exif {
    /// True for Motorola byte order.
    pub big_endian: bool,
    /// Orientation 1..=8 as stored, possibly out of range.
    pub orientation: Option<u16>,
    /// Camera maker.
    pub make: Option<String>,
    /// Camera model.
    pub model: Option<String>,
    /// Program that wrote the file, or firmware.
    pub software: Option<String>,
    /// Last change, `YYYY:MM:DD HH:MM:SS` as stored.
    pub date_time: Option<String>,
    /// When the picture was taken.
    pub date_time_original: Option<String>,
    /// When it was digitised.
    pub date_time_digitized: Option<String>,
    /// Time zones of the three, `+02:00`.
    pub offset_time: Option<String>,
    /// Time zone of `date_time_original`.
    pub offset_time_original: Option<String>,
    /// Time zone of `date_time_digitized`.
    pub offset_time_digitized: Option<String>,
    /// Fractions of a second of the three.
    pub subsec_time: Option<String>,
    /// Fractions of `date_time_original`.
    pub subsec_time_original: Option<String>,
    /// Fractions of `date_time_digitized`.
    pub subsec_time_digitized: Option<String>,
    /// PixelXDimension and PixelYDimension: the size the camera wrote.
    pub pixel_size: Option<(u32, u32)>,
    /// Lens maker.
    pub lens_make: Option<String>,
    /// Lens model.
    pub lens_model: Option<String>,
    /// Computer that wrote the file.
    pub host_computer: Option<String>,
    /// Artist.
    pub artist: Option<String>,
    /// User comment, decoded.
    pub user_comment: Option<String>,
    /// GPS position.
    pub position: Option<Position>,
    /// GPS date and time in UTC, `YYYY:MM:DD HH:MM:SS`.
    pub gps_date_time: Option<String>,
    /// Vendor of the maker note by its header, `unknown` when it has none.
    pub maker_note: Option<String>,
    /// JPEG thumbnail, relative to the TIFF header.
    pub thumbnail: Option<Range<usize>>,
    /// Width and height of the thumbnail as IFD1 states them, mostly absent.
    pub thumbnail_size: Option<(u32, u32)>,
    /// All entries in reading order.
    pub entries: Vec<Entry>,
    /// User-readable values of the entries, same order.
    values: Vec<String>,
    /// What is out of order.
    pub problems: Vec<String>,
}

impl Exif {
    /// Reads a TIFF block whose header is at `bytes[0]`. Never fails: problems are noted.
    pub fn read(bytes: &[u8]) -> Self {
        let directories = tiff::read(bytes);
        let mut exif = Self { big_endian: directories.big_endian, problems: directories.problems, ..Self::default() };
        let entries = directories.entries;
        let find = |directory: Directory, tag: u16| entries.iter().find(|e| e.directory == directory && e.tag == tag);
        let text = |directory, tag| match find(directory, tag).map(|e| &e.value) {
            Some(Value::Text(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => None,
        };
        let number = |directory, tag| find(directory, tag).and_then(Entry::number);
        let (primary, photo, thumb) = (Directory::Primary, Directory::Exif, Directory::Thumbnail);
        exif.orientation = number(primary, 0x0112).and_then(|n| u16::try_from(n).ok());
        exif.make = text(primary, 0x010f);
        exif.model = text(primary, 0x0110);
        exif.software = text(primary, 0x0131);
        exif.date_time = text(primary, 0x0132);
        exif.artist = text(primary, 0x013b);
        exif.host_computer = text(primary, 0x013c);
        exif.date_time_original = text(photo, 0x9003);
        exif.date_time_digitized = text(photo, 0x9004);
        exif.offset_time = text(photo, 0x9010);
        exif.offset_time_original = text(photo, 0x9011);
        exif.offset_time_digitized = text(photo, 0x9012);
        exif.subsec_time = text(photo, 0x9290);
        exif.subsec_time_original = text(photo, 0x9291);
        exif.subsec_time_digitized = text(photo, 0x9292);
        exif.lens_make = text(photo, 0xa433);
        exif.lens_model = text(photo, 0xa434);
        exif.pixel_size = number(photo, 0xa002).zip(number(photo, 0xa003));
        exif.user_comment = find(photo, 0x9286)
            .and_then(|e| bytes.get(e.range.clone()))
            .map(|b| user_comment(b, directories.big_endian))
            .filter(|comment| !comment.is_empty());
        exif.maker_note = find(photo, 0x927c).and_then(|e| bytes.get(e.range.clone())).map(maker_note);
        exif.thumbnail_size = number(thumb, 0x0100).zip(number(thumb, 0x0101));
        exif.thumbnail = number(thumb, 0x0201).zip(number(thumb, 0x0202)).and_then(|(start, length)| {
            let range = start as usize..(start as usize).checked_add(length as usize)?;
            let whole = length > 0 && bytes.get(range.clone()).is_some();
            if !whole && length > 0 {
                exif.problems.push("the thumbnail lies outside the block".into());
            }
            whole.then_some(range)
        });
        let coordinate = |value: u16, reference: u16, negative: &str| {
            let parts = find(Directory::Gps, value)?.reals();
            let degrees = parts.first()? + parts.get(1).unwrap_or(&0.0) / 60.0 + parts.get(2).unwrap_or(&0.0) / 3600.0;
            let sign = if text(Directory::Gps, reference).is_some_and(|r| r.eq_ignore_ascii_case(negative)) {
                -1.0
            } else {
                1.0
            };
            degrees.is_finite().then_some(sign * degrees)
        };
        exif.position = coordinate(2, 1, "S").zip(coordinate(4, 3, "W")).map(|(latitude, longitude)| {
            let below = number(Directory::Gps, 5) == Some(1);
            let altitude = find(Directory::Gps, 6).and_then(|e| e.reals().first().copied()).filter(|a| a.is_finite());
            Position { latitude, longitude, altitude_m: altitude.map(|a| if below { -a } else { a }) }
        });
        exif.gps_date_time = text(Directory::Gps, 0x1d).map(|date| {
            let time = find(Directory::Gps, 7).map(Entry::reals).unwrap_or_default();
            match time[..] {
                [h, m, s] if h.is_finite() && m.is_finite() && s.is_finite() => {
                    format!("{date} {h:02.0}:{m:02.0}:{s:02.0}")
                }
                _ => date,
            }
        });
        exif.values = entries.iter().map(|entry| value_text(entry, bytes, &exif)).collect();
        exif.entries = entries;
        exif
    }

    /// One group a directory, with every entry.
    pub fn facts(&self) -> Vec<FactGroup> {
        let mut groups: Vec<(Directory, FactGroup)> = Vec::new();
        for (entry, value) in self.entries.iter().zip(&self.values) {
            let fact = Fact::new(tag_name(entry.directory, entry.tag), value);
            if let Some((_, group)) = groups.iter_mut().find(|(directory, _)| *directory == entry.directory) {
                group.facts.push(fact);
            } else {
                groups.push((entry.directory, FactGroup { title: title(entry.directory), facts: vec![fact] }));
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }
}

fn title(directory: Directory) -> String {
    match directory {
        Directory::Primary => "EXIF (IFD0)".into(),
        Directory::Thumbnail => "EXIF thumbnail (IFD1)".into(),
        Directory::Exif => "EXIF".into(),
        Directory::Gps => "EXIF GPS".into(),
        Directory::Interop => "EXIF interoperability".into(),
        Directory::Page(n) => format!("TIFF page {}", u32::from(n) + 1),
        Directory::Sub(n) => format!("TIFF subdirectory {n}"),
    }
}

/// Character code, then text (Exif 2.32, 4.6.5 A).
fn user_comment(bytes: &[u8], big_endian: bool) -> String {
    let Some((code, body)) = bytes.split_first_chunk::<8>() else { return super::readable(bytes) };
    let body = &body[..body.len().min(65_536)];
    match code {
        b"UNICODE\0" => {
            let unit =
                |b: &[u8]| if big_endian { u16::from_be_bytes([b[0], b[1]]) } else { u16::from_le_bytes([b[0], b[1]]) };
            let text: String =
                char::decode_utf16(body.chunks_exact(2).map(unit)).map(|c| c.unwrap_or('\u{fffd}')).collect();
            text.trim_matches(['\0', ' ']).to_owned()
        }
        b"ASCII\0\0\0" | b"\0\0\0\0\0\0\0\0" | b"JIS\0\0\0\0\0" => super::readable(body),
        _ => super::readable(bytes),
    }
}

/// Vendor by the header of the maker note.
fn maker_note(bytes: &[u8]) -> String {
    const HEADERS: [(&[u8], &str); 15] = [
        (b"Apple iOS", "Apple"),
        (b"Nikon\0", "Nikon"),
        (b"OLYMP\0", "Olympus"),
        (b"OLYMPUS\0", "Olympus"),
        (b"OM SYSTEM", "OM System"),
        (b"FUJIFILM", "Fujifilm"),
        (b"Panasonic", "Panasonic"),
        (b"SONY", "Sony"),
        (b"PENTAX", "Pentax"),
        (b"AOC\0", "Pentax"),
        (b"SIGMA", "Sigma"),
        (b"LEICA", "Leica"),
        (b"DJI", "DJI"),
        (b"Ricoh", "Ricoh"),
        (b"GoPro", "GoPro"),
    ];
    let vendor = HEADERS.iter().find(|(header, _)| bytes.starts_with(header)).map_or("unknown", |(_, vendor)| vendor);
    format!("{vendor}, {} bytes", bytes.len())
}

/// A value in words: names for the enumerated ones, text as it is, numbers with a dot.
fn value_text(entry: &Entry, bytes: &[u8], exif: &Exif) -> String {
    if entry.directory == Directory::Exif {
        if entry.tag == 0x927c {
            return exif.maker_note.clone().unwrap_or_default();
        }
        if entry.tag == 0x9286 {
            return exif.user_comment.clone().unwrap_or_default();
        }
    }
    if let Some(words) = entry.number().and_then(|number| meaning(entry.directory, entry.tag, number)) {
        return words.to_owned();
    }
    let more = |shown: usize| {
        if entry.count as usize > shown { format!(" … ({} in all)", entry.count) } else { String::new() }
    };
    match &entry.value {
        Value::Text(text) => text.clone(),
        Value::Unsigned(v) => list(v) + &more(v.len()),
        Value::Signed(v) => list(v) + &more(v.len()),
        Value::Float(v) => list(v) + &more(v.len()),
        Value::Rational(_) | Value::SignedRational(_) => {
            let reals = entry.reals();
            // Exposure times are read as fractions everywhere.
            if let (0x829a, Value::Rational(v)) = (entry.tag, &entry.value)
                && let Some(&(n, d)) = v.first()
                && n > 0
                && d > n
            {
                return if d % n == 0 { format!("1/{} s", d / n) } else { format!("{n}/{d} s") };
            }
            let shown: Vec<String> = reals.iter().map(|&v| short(v)).collect();
            shown.join(" ") + &more(shown.len())
        }
        Value::Undefined => {
            let raw = bytes.get(entry.range.clone()).unwrap_or_default();
            let printable = !raw.is_empty() && raw.len() <= 64 && raw.iter().all(|b| (0x20..0x7f).contains(b));
            if printable {
                String::from_utf8_lossy(raw).into_owned()
            } else if raw.len() <= 16 {
                raw.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ")
            } else {
                format!("{} bytes", raw.len())
            }
        }
    }
}

fn list<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn short(value: f64) -> String {
    if value.is_nan() {
        return "undefined".into();
    }
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
