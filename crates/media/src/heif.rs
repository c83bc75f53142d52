//! HEIF and AVIF pictures through `heif-convert` (libheif) in the limited child.
//!
//! The decision that shapes it: the child reads the inherited descriptor and writes one PNG into a
//! private folder, which is read back under the same limits as any PNG. libheif applies the file's
//! own transformations (mirror, turn, crop), so the picture is upright and its orientation is 1;
//! the size is computed from the boxes the same way and must agree. Of several pictures the primary
//! one is read. Sequences and auxiliary pictures are not.
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use image::RgbImage;

use crate::child::{self, Job};
use crate::sniff::Format;
use crate::{Limits, MediaError, still};

/// Name in messages.
const NAME: &str = "heif-convert (Debian package libheif-examples)";

/// The picture as shown.
///
/// # Errors
/// [`MediaError::MissingProgram`] without `heif-convert`, [`MediaError::Damaged`] when it cannot
/// decode the file.
pub(crate) fn decode(file: &File, format: Format, primary: &Primary, limits: &Limits) -> Result<RgbImage, MediaError> {
    let size = primary.size;
    let folder = tempfile::Builder::new().prefix("assay-heif-").tempdir()?;
    let target = folder.path().join("picture.png");
    let source: OsString = format!("/proc/self/fd/{}", file.as_raw_fd()).into();
    // Four bytes a pixel and what PNG adds when nothing can be compressed.
    let file_bytes = u64::from(size.0).saturating_mul(u64::from(size.1)).saturating_mul(9) + (1 << 20);
    let args = vec![source, target.clone().into()];
    let inherited = vec![file.as_raw_fd()];
    let program = program().into();
    let (said, exit) =
        child::output(&Job { name: NAME, program, args, limits, file_bytes, inherited, piped_input: false }, 1 << 16)?;
    let reason = || {
        let said = String::from_utf8_lossy(&said).lines().next_back().map(str::to_owned);
        exit.complaints
            .first_lines()
            .into_iter()
            .next()
            .or(said)
            .unwrap_or_else(|| format!("heif-convert ended with {}", exit.status))
    };
    // Of several pictures each goes to a file with its number.
    let place = primary.place.map(|place| folder.path().join(format!("picture-{place}.png")));
    let written = [Some(target), place].into_iter().flatten().find(|path| path.exists());
    let Some(written) = written.filter(|_| exit.status.success()) else {
        return Err(MediaError::Damaged { format: format.label(), reason: reason() });
    };
    let bytes = std::fs::read(&written)?;
    let picture = still::decode(&bytes, Format::Png, limits)?;
    if picture.dimensions() != size {
        let (w, h) = picture.dimensions();
        let reason = format!("its boxes promise {} x {} pixels, the decoder gives {w} x {h}", size.0, size.1);
        return Err(MediaError::Damaged { format: format.label(), reason });
    }
    Ok(picture)
}

/// libheif's decoder under the name that this system has: it was renamed in libheif 1.18.
fn program() -> &'static str {
    static PROGRAM: OnceLock<&str> = OnceLock::new();
    let there = |name: &&str| {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&folders).any(|folder| folder.join(name).is_file())
    };
    PROGRAM.get_or_init(|| ["heif-convert", "heif-dec"].into_iter().find(there).unwrap_or("heif-convert"))
}

/// The decoder's version line, asked once a process.
pub(crate) fn decoder(limits: &Limits) -> String {
    static VERSION: OnceLock<String> = OnceLock::new();
    let ask = || {
        // It has no option for its version and prints it with its usage, on standard error.
        let args = vec!["--help".into()];
        let job = Job {
            name: NAME,
            program: program().into(),
            args,
            limits,
            file_bytes: 0,
            inherited: Vec::new(),
            piped_input: false,
        };
        let (_, exit) = child::output(&job, 1 << 16).ok()?;
        let line = exit.complaints.first_lines().into_iter().find(|line| line.contains("version"))?;
        Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    VERSION.get_or_init(|| ask().unwrap_or_else(|| "heif-convert (version unknown)".into())).clone()
}

/// The picture that the file shows first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Primary {
    /// Width and height as shown.
    pub(crate) size: (u32, u32),
    /// Which it is, from 1, of the pictures that the decoder writes out; `None` where the boxes do
    /// not list it.
    pub(crate) place: Option<usize>,
}

/// The primary picture (ISO/IEC 23008-12: `pitm` names it, `ipma` its properties, `ispe` its size,
/// `irot` its turn).
///
/// # Errors
/// [`MediaError::Damaged`] when the boxes do not name it.
pub(crate) fn primary(bytes: &[u8], format: &'static str) -> Result<Primary, MediaError> {
    let missing = |what: &str| MediaError::Damaged {
        format,
        reason: format!("no {what} in the file, or the file ends before it"),
    };
    let meta = find(bytes, *b"meta").and_then(|meta| meta.get(4..)).ok_or_else(|| missing("meta box"))?;
    let pitm = find(meta, *b"pitm").ok_or_else(|| missing("pitm box (primary picture)"))?;
    let primary = match pitm {
        [0, _, _, _, a, b, ..] => u32::from_be_bytes([0, 0, *a, *b]),
        [_, _, _, _, a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]),
        _ => return Err(missing("whole pitm box")),
    };
    let iprp = find(meta, *b"iprp").ok_or_else(|| missing("iprp box (properties)"))?;
    let ipco = find(iprp, *b"ipco").ok_or_else(|| missing("ipco box (properties)"))?;
    let ipma = find(iprp, *b"ipma").ok_or_else(|| missing("ipma box (properties of each picture)"))?;
    let wanted = associations(ipma, primary).ok_or_else(|| missing("property of the primary picture"))?;
    let (mut size, mut quarters) = (None, 0u8);
    for (index, (kind, body)) in boxes(ipco).enumerate() {
        if !wanted.contains(&(index + 1)) {
            continue;
        }
        match (&kind, body) {
            (b"ispe", [_, _, _, _, w @ .., _, _, _, _]) if w.len() == 4 => {
                let word =
                    |at: usize| body.get(at..).and_then(|b| b.first_chunk::<4>()).map_or(0, |b| u32::from_be_bytes(*b));
                size = Some((word(4), word(8)));
            }
            (b"irot", [turn, ..]) => quarters = turn & 3,
            (b"clap", _) => {
                return Err(MediaError::Unsupported {
                    format,
                    reason: "a clean aperture (clap) crops the picture".into(),
                });
            }
            _ => {}
        }
    }
    let (width, height) =
        size.filter(|(w, h)| *w > 0 && *h > 0).ok_or_else(|| missing("ispe box (size) of the primary picture"))?;
    let size = if quarters % 2 == 1 { (height, width) } else { (width, height) };
    Ok(Primary { size, place: shown_items(meta).iter().position(|item| *item == primary).map(|at| at + 1) })
}

/// Pictures of a file that stand by themselves: no thumbnails, no auxiliary pictures, nothing
/// hidden.
pub(crate) fn pictures(bytes: &[u8]) -> usize {
    let meta = find(bytes, *b"meta").and_then(|meta| meta.get(4..));
    meta.map_or(0, |meta| shown_items(meta).len())
}

/// Types of items that are pictures.
const PICTURES: [&[u8; 4]; 12] =
    [b"hvc1", b"hev1", b"av01", b"avc1", b"vvc1", b"lhv1", b"jpeg", b"j2k1", b"unci", b"grid", b"iden", b"iovl"];

/// The ids of the pictures that stand by themselves, in order (`iinf` lists items, `iref` what they
/// are to one another).
fn shown_items(meta: &[u8]) -> Vec<u32> {
    let number = |bytes: &[u8]| bytes.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
    let Some(iinf) = find(meta, *b"iinf") else { return Vec::new() };
    let header = if iinf.first() == Some(&0) { 6 } else { 8 };
    let entry = |(kind, body): ([u8; 4], &[u8])| {
        let [version, _, _, flags] = *body.first_chunk::<4>()?;
        let id_bytes = if version == 2 { 2 } else { 4 };
        let (id, rest) = body.get(4..)?.split_at_checked(id_bytes)?;
        let is_picture = rest.get(2..6).is_some_and(|kind| PICTURES.iter().any(|own| own.as_slice() == kind));
        (kind == *b"infe" && version >= 2 && flags & 1 == 0 && is_picture).then(|| number(id))
    };
    let mut items: Vec<u32> = boxes(iinf.get(header..).unwrap_or_default()).filter_map(entry).collect();
    if let Some(iref) = find(meta, *b"iref") {
        let id_bytes = if iref.first() == Some(&0) { 2 } else { 4 };
        let is_below = |(kind, _): &([u8; 4], &[u8])| [b"thmb", b"auxl"].contains(&kind);
        for (_, body) in boxes(iref.get(4..).unwrap_or_default()).filter(is_below) {
            let from = body.get(..id_bytes).map(number);
            items.retain(|item| Some(*item) != from);
        }
    }
    items.sort_unstable();
    items.dedup();
    items
}

/// Property indices (from 1) of a picture.
fn associations(ipma: &[u8], item: u32) -> Option<Vec<usize>> {
    let (version, flags) = (*ipma.first()?, *ipma.get(3)?);
    let mut rest = ipma.get(4..)?;
    let mut take = |count: usize| {
        let (now, later) = rest.split_at_checked(count)?;
        rest = later;
        Some(now.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte)))
    };
    let entries = take(4)?;
    for _ in 0..entries {
        let id = take(if version == 0 { 2 } else { 4 })?;
        let count = take(1)?;
        let mut found = Vec::new();
        for _ in 0..count {
            let index = if flags & 1 == 1 { take(2)? & 0x7FFF } else { take(1)? & 0x7F };
            found.push(index as usize);
        }
        if id == item {
            return Some(found);
        }
    }
    None
}

/// The boxes that lie side by side in `bytes`: type and body.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let [a, b, c, d, kind @ ..] = *rest.first_chunk::<8>()?;
        let (header, size) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(u64::from_be_bytes(*rest.get(8..)?.first_chunk::<8>()?)).ok()?),
            size => (8, size as usize),
        };
        let (now, later) = rest.split_at_checked(size)?;
        let body = now.get(header..)?;
        rest = later;
        Some((kind, body))
    })
}

fn find(bytes: &[u8], wanted: [u8; 4]) -> Option<&[u8]> {
    boxes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, body)| body)
}
