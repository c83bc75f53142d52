//! What a JPEG file says about itself before any coefficient is decoded: frame, tables, scans,
//! metadata blocks.
//!
//! Tables are kept in file order and referred to by index, because a file may redefine a table
//! between scans; which definition was in force is part of the evidence.
use std::ops::Range;

use super::app::AppSegments;
use super::huffman::HuffmanTable;
use super::markers::{self, Segment, be16};
use super::tables::{ZIGZAG, ijg_quality, nearest_quality};
use crate::MediaError;

/// Coding process (T.81 table B.1) of the kinds that are read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// SOF0.
    Baseline,
    /// SOF1.
    Extended,
    /// SOF2.
    Progressive,
}

impl Process {
    /// The name of T.81.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline sequential",
            Self::Extended => "extended sequential",
            Self::Progressive => "progressive",
        }
    }
}

/// A component as the frame header declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameComponent {
    /// Identifier.
    pub id: u8,
    /// Horizontal sampling factor 1..=4.
    pub horizontal: u8,
    /// Vertical sampling factor 1..=4.
    pub vertical: u8,
    /// Quantisation table destination 0..=3.
    pub table: u8,
    /// Index into [`JpegStructure::quantisation`] of the table in force at the component's first
    /// scan.
    pub quantisation: Option<usize>,
}

/// A quantisation table as defined in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantisationTable {
    /// Destination 0..=3.
    pub id: u8,
    /// Bits an entry: 8 or 16.
    pub bits: u8,
    /// Offset of the DQT segment.
    pub offset: usize,
    /// Entries in row-major order (`v * 8 + u`).
    pub values: [u16; 64],
}

/// A component's part in a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanComponent {
    /// Index into [`JpegStructure::components`].
    pub component: usize,
    /// DC table destination 0..=3.
    pub dc_id: u8,
    /// AC table destination 0..=3.
    pub ac_id: u8,
    /// Index into [`JpegStructure::huffman`] of the DC table in force, `None` when the file defines
    /// none.
    pub dc: Option<usize>,
    /// Index into [`JpegStructure::huffman`] of the AC table in force.
    pub ac: Option<usize>,
}

/// A scan header with everything its data depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Offset of the SOS segment.
    pub offset: usize,
    /// Components in order.
    pub components: Vec<ScanComponent>,
    /// First zigzag index.
    pub spectral_start: u8,
    /// Last zigzag index.
    pub spectral_end: u8,
    /// Successive approximation, high.
    pub approximation_high: u8,
    /// Successive approximation, low.
    pub approximation_low: u8,
    /// Restart interval in MCUs in force, 0 for none.
    pub restart_interval: u16,
    /// Entropy-coded data.
    pub entropy: Range<usize>,
}

/// Bytes after the end marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailing {
    /// Where they start.
    pub offset: usize,
    /// How many.
    pub bytes: usize,
    /// Offset of a further JPEG start (`FF D8 FF`) among them, if any: previews, motion photos,
    /// gain maps, concatenated files.
    pub jpeg_at: Option<usize>,
}

/// Which Huffman tables the scans use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HuffmanKind {
    /// Only those of Annex K.3: a hardware or fast encoder.
    Standard,
    /// At least one other: computed for this picture, or an encoder's own.
    Optimised,
    /// None is defined in the file (Motion JPEG); those of Annex K.3 apply.
    Absent,
}

/// The structure of one JPEG picture.
#[derive(Debug, Clone)]
pub struct JpegStructure {
    /// Segments in file order, start and end marker included.
    pub segments: Vec<Segment>,
    /// Coding process.
    pub process: Process,
    /// Bits a sample.
    pub precision: u8,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Components in frame order.
    pub components: Vec<FrameComponent>,
    /// All quantisation tables in file order.
    pub quantisation: Vec<QuantisationTable>,
    /// All Huffman tables in file order.
    pub huffman: Vec<HuffmanTable>,
    /// Scans in file order.
    pub scans: Vec<Scan>,
    /// Restart interval of the first scan in MCUs, 0 for none.
    pub restart_interval: u16,
    /// APPn and COM segments.
    pub app: AppSegments,
    /// Bytes after the end marker, if any.
    pub trailing: Option<Trailing>,
    /// What is out of order, one sentence each.
    pub problems: Vec<String>,
}

fn damaged(reason: String) -> MediaError {
    MediaError::Damaged { format: "JPEG", reason }
}

fn unsupported(reason: impl Into<String>) -> MediaError {
    MediaError::Unsupported { format: "JPEG", reason: reason.into() }
}

impl JpegStructure {
    /// Reads all segments. The entropy-coded data is not decoded; see [`super::coefficients`].
    ///
    /// # Errors
    /// [`MediaError::Damaged`] without start marker, frame header or scan, or with a broken frame
    /// or scan header; [`MediaError::Unsupported`] for lossless, hierarchical and arithmetic coding
    /// and for a height given only later (DNL).
    pub fn parse(bytes: &[u8]) -> Result<Self, MediaError> {
        let walk = markers::walk(bytes)?;
        let mut reading = Reading::default();
        let mut problems = walk.problems;
        for segment in &walk.segments {
            let payload = bytes.get(segment.payload()).unwrap_or_default();
            match segment.marker {
                0xc4 => reading.huffman_tables(payload, segment.offset, &mut problems),
                0xdb => reading.quantisation_tables(payload, segment.offset, &mut problems),
                0xdd => match be16(payload, 0) {
                    Some(interval) => reading.restart_interval = interval,
                    None => problems.push(format!("the DRI segment at byte {} is cut off", segment.offset)),
                },
                0xc0..=0xc2 => reading.frame(payload, segment, &mut problems)?,
                0xc3 | 0xc5..=0xc7 | 0xc9..=0xcf => {
                    let kind = match segment.marker {
                        0xc3 => "lossless",
                        0xc9 | 0xca | 0xcc => "arithmetic coding",
                        0xc5..=0xc7 | 0xcd..=0xcf => "hierarchical",
                        _ => "lossless arithmetic coding",
                    };
                    return Err(unsupported(format!("{kind} ({})", segment.name())));
                }
                0xda => reading.scan(payload, segment)?,
                _ => {}
            }
        }
        let frame = reading.frame.ok_or_else(|| damaged("no frame header".into()))?;
        if reading.scans.is_empty() {
            return Err(damaged("no scan".into()));
        }
        let app = AppSegments::collect(bytes, &walk.segments);
        problems.extend(app.problems.iter().cloned());
        let trailing = walk.end.filter(|&end| end < bytes.len()).map(|offset| Trailing {
            offset,
            bytes: bytes.len() - offset,
            jpeg_at: bytes[offset..].windows(3).position(|w| w == [0xff, 0xd8, 0xff]).map(|at| offset + at),
        });
        Ok(Self {
            segments: walk.segments,
            process: frame.process,
            precision: frame.precision,
            width: u32::from(frame.width),
            height: u32::from(frame.height),
            components: frame.components,
            quantisation: reading.quantisation,
            huffman: reading.huffman,
            restart_interval: reading.scans.first().map_or(0, |scan| scan.restart_interval),
            scans: reading.scans,
            app,
            trailing,
            problems,
        })
    }

    /// The quantisation table of a component, row-major.
    pub fn table_of(&self, component: usize) -> Option<&[u16; 64]> {
        let index = self.components.get(component)?.quantisation?;
        self.quantisation.get(index).map(|table| &table.values)
    }

    /// Largest sampling factors over the components: horizontal, vertical.
    pub fn max_sampling(&self) -> (u8, u8) {
        let most = |factor: fn(&FrameComponent) -> u8| self.components.iter().map(factor).max().unwrap_or(1);
        (most(|c| c.horizontal), most(|c| c.vertical))
    }

    /// Chroma subsampling as people write it: `4:4:4`, `4:2:2`, `4:2:0`, `4:4:0`, `4:1:1`, `4:1:0`,
    /// `grey`, else the factors of all components (`2x2,1x2,1x2`).
    pub fn subsampling(&self) -> String {
        let factors: Vec<(u8, u8)> = self.components.iter().map(|c| (c.horizontal, c.vertical)).collect();
        let (h, v) = self.max_sampling();
        let name = match factors[..] {
            [_] => Some("grey"),
            [luma, blue, red] if luma == (h, v) && blue == red && h % blue.0 == 0 && v % blue.1 == 0 => {
                match (h / blue.0, v / blue.1) {
                    (1, 1) => Some("4:4:4"),
                    (2, 1) => Some("4:2:2"),
                    (2, 2) => Some("4:2:0"),
                    (1, 2) => Some("4:4:0"),
                    (4, 1) => Some("4:1:1"),
                    (4, 2) => Some("4:1:0"),
                    _ => None,
                }
            }
            _ => None,
        };
        name.map_or_else(
            || factors.iter().map(|(h, v)| format!("{h}x{v}")).collect::<Vec<_>>().join(","),
            str::to_owned,
        )
    }

    /// Quality of the luminance table on libjpeg's scale and the mean distance of its entries from
    /// that table, 0 when exact.
    pub fn quality(&self) -> Option<(u8, f32)> {
        let luma = self.table_of(0)?;
        Some(ijg_quality(luma).map_or_else(|| nearest_quality(luma, false), |quality| (quality, 0.0)))
    }

    /// Which Huffman tables the file carries.
    pub fn huffman_kind(&self) -> HuffmanKind {
        if self.huffman.is_empty() {
            HuffmanKind::Absent
        } else if self.huffman.iter().all(HuffmanTable::is_standard) {
            HuffmanKind::Standard
        } else {
            HuffmanKind::Optimised
        }
    }
}

struct Frame {
    process: Process,
    precision: u8,
    width: u16,
    height: u16,
    components: Vec<FrameComponent>,
}

/// State of the walk: tables by destination as they are in force.
#[derive(Default)]
struct Reading {
    frame: Option<Frame>,
    quantisation: Vec<QuantisationTable>,
    huffman: Vec<HuffmanTable>,
    scans: Vec<Scan>,
    restart_interval: u16,
    quantisation_in_force: [Option<usize>; 4],
    /// `[dc, ac]` by destination.
    huffman_in_force: [[Option<usize>; 4]; 2],
}

impl Reading {
    fn quantisation_tables(&mut self, mut payload: &[u8], offset: usize, problems: &mut Vec<String>) {
        while let Some((&head, rest)) = payload.split_first() {
            let (wide, id) = (head >> 4 != 0, head & 15);
            let size = if wide { 128 } else { 64 };
            let Some(entries) = rest.get(..size) else {
                problems.push(format!("the DQT segment at byte {offset} is cut off"));
                return;
            };
            let mut values = [0; 64];
            for (i, &natural) in ZIGZAG.iter().enumerate() {
                let value = if wide { be16(entries, 2 * i).unwrap_or(0) } else { u16::from(entries[i]) };
                values[usize::from(natural)] = value;
            }
            match self.quantisation_in_force.get_mut(usize::from(id)) {
                Some(slot) => *slot = Some(self.quantisation.len()),
                None => problems.push(format!("quantisation table {id} at byte {offset} does not exist in T.81")),
            }
            self.quantisation.push(QuantisationTable { id, bits: if wide { 16 } else { 8 }, offset, values });
            payload = &rest[size..];
        }
    }

    fn huffman_tables(&mut self, mut payload: &[u8], offset: usize, problems: &mut Vec<String>) {
        while let Some((&head, rest)) = payload.split_first() {
            let Some((counts, rest)) = rest.split_first_chunk::<16>() else {
                problems.push(format!("the DHT segment at byte {offset} is cut off"));
                return;
            };
            let total: usize = counts.iter().map(|&c| usize::from(c)).sum();
            let Some(symbols) = rest.get(..total).filter(|_| total <= 256) else {
                problems.push(format!("the DHT segment at byte {offset} is cut off"));
                return;
            };
            let (class, id) = (head >> 4, head & 15);
            match self.huffman_in_force.get_mut(usize::from(class)).and_then(|ids| ids.get_mut(usize::from(id))) {
                Some(slot) => *slot = Some(self.huffman.len()),
                None => problems.push(format!("Huffman table {class}/{id} at byte {offset} does not exist in T.81")),
            }
            self.huffman.push(HuffmanTable { id, ac: class != 0, offset, counts: *counts, symbols: symbols.to_vec() });
            payload = &rest[total..];
        }
    }

    fn frame(&mut self, payload: &[u8], segment: &Segment, problems: &mut Vec<String>) -> Result<(), MediaError> {
        if self.frame.is_some() {
            problems.push(format!("a second frame header at byte {} is ignored", segment.offset));
            return Ok(());
        }
        let cut = || damaged(format!("the frame header at byte {} is cut off", segment.offset));
        let &[precision, _, _, _, _, count] = payload.first_chunk().ok_or_else(cut)?;
        let (height, width) = (be16(payload, 1).unwrap_or(0), be16(payload, 3).unwrap_or(0));
        if width == 0 {
            return Err(damaged("the frame header says width 0".into()));
        }
        if height == 0 {
            return Err(unsupported("a height that is given only after the first scan (DNL)"));
        }
        if !(1..=4).contains(&count) {
            return Err(unsupported(format!("{count} components")));
        }
        let mut components = Vec::with_capacity(usize::from(count));
        for index in 0..usize::from(count) {
            let entry = payload.get(6 + 3 * index..9 + 3 * index).ok_or_else(cut)?;
            let (horizontal, vertical, table) = (entry[1] >> 4, entry[1] & 15, entry[2]);
            if !(1..=4).contains(&horizontal) || !(1..=4).contains(&vertical) {
                return Err(damaged(format!("component {} has sampling factors {horizontal}x{vertical}", entry[0])));
            }
            if components.iter().any(|c: &FrameComponent| c.id == entry[0]) {
                problems.push(format!("component {} is declared twice", entry[0]));
            }
            components.push(FrameComponent { id: entry[0], horizontal, vertical, table, quantisation: None });
        }
        let process = match segment.marker {
            0xc0 => Process::Baseline,
            0xc1 => Process::Extended,
            _ => Process::Progressive,
        };
        self.frame = Some(Frame { process, precision, width, height, components });
        Ok(())
    }

    fn scan(&mut self, payload: &[u8], segment: &Segment) -> Result<(), MediaError> {
        let broken = |what: &str| damaged(format!("the scan header at byte {} {what}", segment.offset));
        let frame = self.frame.as_mut().ok_or_else(|| broken("comes before the frame header"))?;
        let count = usize::from(*payload.first().ok_or_else(|| broken("is cut off"))?);
        let (entries, tail) = payload[1..].split_at_checked(2 * count).ok_or_else(|| broken("is cut off"))?;
        let &[spectral_start, spectral_end, approximation] = tail.first_chunk().ok_or_else(|| broken("is cut off"))?;
        if !(1..=4).contains(&count) {
            return Err(broken("names no component or too many"));
        }
        let mut components: Vec<ScanComponent> = Vec::with_capacity(count);
        for entry in entries.chunks_exact(2) {
            // A file may declare the same identifier twice; each declaration is then used once, in
            // order, as libjpeg does.
            let component = (0..frame.components.len())
                .find(|&i| frame.components[i].id == entry[0] && components.iter().all(|c| c.component != i))
                .ok_or_else(|| broken("names a component that the frame does not have"))?;
            let (dc_id, ac_id) = (entry[1] >> 4, entry[1] & 15);
            let in_force = |class: usize, id: u8| self.huffman_in_force[class].get(usize::from(id)).copied().flatten();
            let latched = &mut frame.components[component];
            if latched.quantisation.is_none() {
                latched.quantisation = self.quantisation_in_force.get(usize::from(latched.table)).copied().flatten();
            }
            components.push(ScanComponent { component, dc_id, ac_id, dc: in_force(0, dc_id), ac: in_force(1, ac_id) });
        }
        self.scans.push(Scan {
            offset: segment.offset,
            components,
            spectral_start,
            spectral_end,
            approximation_high: approximation >> 4,
            approximation_low: approximation & 15,
            restart_interval: self.restart_interval,
            entropy: segment.entropy.clone(),
        });
        Ok(())
    }
}
