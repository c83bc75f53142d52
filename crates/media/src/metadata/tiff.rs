//! Image file directories of TIFF 6.0, which are also the shape of EXIF.
//!
//! One reader for both byte orders. Offsets in a file point anywhere, so directories are visited
//! once each, values are cut to a few elements, and values that lie over a directory or over one
//! another are counted as a sign of a careless editor.
use std::collections::BTreeSet;
use std::ops::Range;

/// Directories that are read at most; a multi-page TIFF may have more pages than are worth listing.
const MAX_DIRECTORIES: usize = 64;
/// Entries that are read at most, over all directories.
const MAX_ENTRIES: usize = 4096;
/// Elements of a value that are kept; the count says how many there are.
const MAX_ELEMENTS: usize = 64;
/// Bytes of a text that are kept.
const MAX_TEXT: usize = 8192;

/// Which directory an entry is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Directory {
    /// IFD0: the picture.
    Primary,
    /// IFD1 of an EXIF block: the thumbnail.
    Thumbnail,
    /// Further pages of a TIFF.
    Page(u16),
    /// Exif IFD.
    Exif,
    /// GPS IFD.
    Gps,
    /// Interoperability IFD.
    Interop,
    /// A directory under tag 0x014A.
    Sub(u16),
}

/// A value, cut to [`MAX_ELEMENTS`] elements.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// BYTE, SHORT, LONG.
    Unsigned(Vec<u32>),
    /// SBYTE, SSHORT, SLONG.
    Signed(Vec<i32>),
    /// RATIONAL: numerator, denominator.
    Rational(Vec<(u32, u32)>),
    /// SRATIONAL.
    SignedRational(Vec<(i32, i32)>),
    /// FLOAT, DOUBLE.
    Float(Vec<f64>),
    /// ASCII up to its first zero byte.
    Text(String),
    /// UNDEFINED; the bytes lie at the entry's range.
    Undefined,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Directory.
    pub directory: Directory,
    /// Tag number.
    pub tag: u16,
    /// Elements as declared.
    pub count: u32,
    /// Value.
    pub value: Value,
    /// Where the value lies, relative to the TIFF header.
    pub range: Range<usize>,
}

impl Entry {
    /// The first element as a whole number.
    pub fn number(&self) -> Option<u32> {
        match &self.value {
            Value::Unsigned(v) => v.first().copied(),
            Value::Signed(v) => v.first().and_then(|&n| u32::try_from(n).ok()),
            _ => None,
        }
    }

    /// The elements as real numbers; a denominator of 0 gives none.
    pub fn reals(&self) -> Vec<f64> {
        let divide = |n: f64, d: f64| if d == 0.0 { f64::NAN } else { n / d };
        match &self.value {
            Value::Unsigned(v) => v.iter().map(|&n| f64::from(n)).collect(),
            Value::Signed(v) => v.iter().map(|&n| f64::from(n)).collect(),
            Value::Rational(v) => v.iter().map(|&(n, d)| divide(f64::from(n), f64::from(d))).collect(),
            Value::SignedRational(v) => v.iter().map(|&(n, d)| divide(f64::from(n), f64::from(d))).collect(),
            Value::Float(v) => v.clone(),
            Value::Text(_) | Value::Undefined => Vec::new(),
        }
    }
}

/// All directories of one block.
#[derive(Debug, Clone, Default)]
pub struct Directories {
    /// True for Motorola byte order (`MM`).
    pub big_endian: bool,
    /// Entries in reading order.
    pub entries: Vec<Entry>,
    /// What is out of order.
    pub problems: Vec<String>,
}

struct Reader<'a> {
    bytes: &'a [u8],
    big: bool,
    directories: Directories,
    visited: BTreeSet<usize>,
    /// Directory tables and values that lie outside of them.
    occupied: Vec<Range<usize>>,
}

/// Reads the directories of a TIFF block, whose header is at `bytes[0]`. Never fails: problems are
/// noted.
pub fn read(bytes: &[u8]) -> Directories {
    let big = bytes.starts_with(b"MM");
    let mut reader = Reader {
        bytes,
        big,
        directories: Directories { big_endian: big, ..Directories::default() },
        visited: BTreeSet::new(),
        occupied: Vec::new(),
    };
    if !(big || bytes.starts_with(b"II")) || bytes.len() < 8 {
        reader.note("no TIFF header".into());
        return reader.directories;
    }
    match reader.u16(2) {
        Some(42) => {}
        Some(43) => {
            reader.note("BigTIFF directories are not read".into());
            return reader.directories;
        }
        // Panasonic and Olympus raw files use other magic numbers with the same directories.
        other => reader.note(format!("TIFF magic number {} instead of 42", other.unwrap_or(0))),
    }
    let first = reader.u32(4).unwrap_or(0) as usize;
    reader.chain(first);
    reader.overlaps();
    reader.directories
}

impl Reader<'_> {
    fn note(&mut self, problem: String) {
        if self.directories.problems.len() < 32 {
            self.directories.problems.push(problem);
        }
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let b = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let b = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) })
    }

    /// IFD0, its children, then the directories that follow it.
    fn chain(&mut self, first: usize) {
        let mut waiting = vec![(first, Directory::Primary)];
        let mut pages = 0u16;
        while let Some((at, directory)) = waiting.pop() {
            if self.visited.len() >= MAX_DIRECTORIES {
                self.note(format!("more than {MAX_DIRECTORIES} directories"));
                return;
            }
            if !self.visited.insert(at) {
                self.note(format!("the directory at {at} is referred to twice"));
                continue;
            }
            let start = self.directories.entries.len();
            let Some(next) = self.directory(at, directory) else { continue };
            if next != 0 && matches!(directory, Directory::Primary | Directory::Thumbnail | Directory::Page(_)) {
                pages += 1;
                waiting.push((next, if pages == 1 { Directory::Thumbnail } else { Directory::Page(pages) }));
            }
            let mut children = Vec::new();
            for entry in &self.directories.entries[start..] {
                let kind: fn(u16) -> Directory = match entry.tag {
                    0x8769 => |_| Directory::Exif,
                    0x8825 => |_| Directory::Gps,
                    0xa005 => |_| Directory::Interop,
                    0x014a => Directory::Sub,
                    _ => continue,
                };
                if let Value::Unsigned(offsets) = &entry.value {
                    children.extend(offsets.iter().enumerate().map(|(i, &offset)| (offset as usize, kind(i as u16))));
                }
            }
            waiting.extend(children.into_iter().rev());
        }
    }

    /// Reads one directory; gives the offset of the next.
    fn directory(&mut self, at: usize, directory: Directory) -> Option<usize> {
        let Some(count) = self.u16(at).map(usize::from) else {
            self.note(format!("the directory at {at} lies outside the block"));
            return None;
        };
        let table = at + 2..at + 2 + 12 * count;
        let whole = table.end <= self.bytes.len();
        if !whole {
            self.note(format!("the directory at {at} with {count} entries is cut off"));
        }
        self.occupied.push(at..(table.end + 4).min(self.bytes.len()));
        let (mut last_tag, mut ordered) = (0, true);
        for index in 0..count {
            if self.directories.entries.len() >= MAX_ENTRIES {
                self.note(format!("more than {MAX_ENTRIES} entries"));
                return None;
            }
            let Some(entry) = self.entry(table.start + 12 * index, directory) else { continue };
            ordered &= entry.tag >= last_tag;
            last_tag = entry.tag;
            self.directories.entries.push(entry);
        }
        if !ordered {
            self.note(format!("the entries of the directory at {at} are not in ascending order"));
        }
        if whole { self.u32(table.end).map(|next| next as usize) } else { None }
    }

    fn entry(&mut self, at: usize, directory: Directory) -> Option<Entry> {
        let (tag, kind, count) = (self.u16(at)?, self.u16(at + 2)?, self.u32(at + 4)?);
        let width = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 => 8,
            _ => {
                self.note(format!("tag 0x{tag:04X} has the unknown type {kind}"));
                return None;
            }
        };
        let size = (count as usize).checked_mul(width)?;
        let start = if size <= 4 { at + 8 } else { self.u32(at + 8)? as usize };
        let range = start..start.checked_add(size)?;
        if range.end > self.bytes.len() {
            self.note(format!("the value of tag 0x{tag:04X} lies outside the block"));
            return None;
        }
        if size > 4 {
            self.occupied.push(range.clone());
        }
        let value = self.value(kind, width, &range);
        Some(Entry { directory, tag, count, value, range })
    }

    fn value(&self, kind: u16, width: usize, range: &Range<usize>) -> Value {
        let bytes = &self.bytes[range.clone()];
        let spots = || range.clone().step_by(width).take(MAX_ELEMENTS);
        let long = |at: usize| self.u32(at).unwrap_or(0);
        let short = |at: usize| self.u16(at).unwrap_or(0);
        match kind {
            1 => Value::Unsigned(bytes.iter().take(MAX_ELEMENTS).map(|&b| u32::from(b)).collect()),
            2 => {
                let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len()).min(MAX_TEXT);
                Value::Text(super::readable(&bytes[..end]))
            }
            3 => Value::Unsigned(spots().map(|at| u32::from(short(at))).collect()),
            4 | 13 => Value::Unsigned(spots().map(long).collect()),
            5 => Value::Rational(spots().map(|at| (long(at), long(at + 4))).collect()),
            6 => Value::Signed(bytes.iter().take(MAX_ELEMENTS).map(|&b| i32::from(b as i8)).collect()),
            8 => Value::Signed(spots().map(|at| i32::from(short(at) as i16)).collect()),
            9 => Value::Signed(spots().map(|at| long(at) as i32).collect()),
            10 => Value::SignedRational(spots().map(|at| (long(at) as i32, long(at + 4) as i32)).collect()),
            11 => Value::Float(spots().map(|at| f64::from(f32::from_bits(long(at)))).collect()),
            12 => Value::Float(
                spots()
                    .map(|at| {
                        let (a, b) = (u64::from(long(at)), u64::from(long(at + 4)));
                        f64::from_bits(if self.big { a << 32 | b } else { b << 32 | a })
                    })
                    .collect(),
            ),
            _ => Value::Undefined,
        }
    }

    fn overlaps(&mut self) {
        self.occupied.sort_by_key(|range| (range.start, range.end));
        let (mut end, mut overlaps) = (0, 0);
        for range in &self.occupied {
            overlaps += usize::from(range.start < end);
            end = end.max(range.end);
        }
        if overlaps > 0 {
            self.note(format!("{overlaps} values or directories lie over one another"));
        }
    }
}
