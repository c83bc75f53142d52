//! Entropy decoding (T.81 Annexes F and G): from the scans to the quantised coefficients of every
//! block.
//!
//! One driver walks the MCUs of a scan, whatever the process; a [`BlockCoder`] reads one block.
//! Blocks go straight into the component's own grid; the padding blocks of the last MCUs go to a
//! spare block. Damage ends the decoding but not the result: what was read so far is kept, because
//! half a picture is still evidence.
use super::bits::{Bits, unstuff};
use super::coders::{AcFirst, AcRefine, BlockCoder, DcFirst, DcRefine, Sequential};
use super::huffman::{Decoder, HuffmanTable};
use super::structure::{JpegStructure, Process, Scan, ScanComponent};
use super::tables::STANDARD_HUFFMAN;
use super::{Component, MAX_SCANS};
use crate::{Limits, MediaError};

/// Where and why decoding stopped early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Index of the scan.
    pub scan: usize,
    /// Offset of the scan header in the file.
    pub scan_offset: usize,
    /// MCUs of this scan that were read whole.
    pub mcus_read: usize,
    /// MCUs of this scan.
    pub mcus_total: usize,
    /// What is wrong.
    pub reason: &'static str,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { scan, scan_offset, mcus_read, mcus_total, reason } = self;
        write!(f, "{reason} after {mcus_read} of {mcus_total} MCUs of scan {scan} at byte {scan_offset}")
    }
}

/// Coefficients of a file that may be damaged.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// All components; blocks that were not reached are zero.
    pub components: Vec<Component>,
    /// Set when decoding stopped early.
    pub damage: Option<Damage>,
}

/// The quantised coefficients of all components, as stored.
///
/// # Errors
/// [`MediaError::Damaged`] when the entropy-coded data is broken or cut off (see
/// [`coefficients_partial`]), [`MediaError::Unsupported`] for samples that are not of 8 bits,
/// [`MediaError::OverLimit`] for too large pictures.
pub fn coefficients(bytes: &[u8], structure: &JpegStructure, limits: &Limits) -> Result<Vec<Component>, MediaError> {
    let decoded = coefficients_partial(bytes, structure, limits)?;
    match decoded.damage {
        None => Ok(decoded.components),
        Some(damage) => Err(damaged(damage.to_string())),
    }
}

/// Like [`coefficients`], but a file that breaks off gives what came before, with
/// [`Decoded::damage`] set.
///
/// # Errors
/// As [`coefficients`], for damage outside the entropy-coded data and for files with far too little
/// data for their size.
pub fn coefficients_partial(bytes: &[u8], structure: &JpegStructure, limits: &Limits) -> Result<Decoded, MediaError> {
    let mut components = empty_components(structure, limits)?;
    for (index, scan) in structure.scans.iter().enumerate() {
        if let Err((mcus_read, mcus_total, reason)) = decode_scan(bytes, structure, scan, &mut components)? {
            let damage = Damage { scan: index, scan_offset: scan.offset, mcus_read, mcus_total, reason };
            return Ok(Decoded { components, damage: Some(damage) });
        }
    }
    Ok(Decoded { components, damage: None })
}

fn damaged(reason: String) -> MediaError {
    MediaError::Damaged { format: "JPEG", reason }
}

/// Checks sizes before any memory is taken.
fn empty_components(structure: &JpegStructure, limits: &Limits) -> Result<Vec<Component>, MediaError> {
    let (width, height) = (structure.width as usize, structure.height as usize);
    if structure.precision != 8 {
        return Err(MediaError::Unsupported { format: "JPEG", reason: format!("{}-bit samples", structure.precision) });
    }
    if width as u64 * height as u64 > limits.max_pixels {
        return Err(MediaError::OverLimit(format!("{width} x {height} pixels")));
    }
    if structure.scans.len() > MAX_SCANS {
        return Err(MediaError::OverLimit(format!("{} scans", structure.scans.len())));
    }
    let (most_h, most_v) = structure.max_sampling();
    let size = |side: usize, factor: u8, most: u8| (side * usize::from(factor)).div_ceil(usize::from(most) * 8);
    let grids: Vec<(usize, usize)> = structure
        .components
        .iter()
        .map(|c| (size(width, c.horizontal, most_h), size(height, c.vertical, most_v)))
        .collect();
    // Every block takes at least one bit, so data shorter than that cannot be whole and need not be
    // given memory.
    let blocks: usize = grids.iter().map(|(w, h)| w * h).sum();
    let data: usize = structure.scans.iter().map(|scan| scan.entropy.len()).sum();
    if data.saturating_mul(8) < blocks {
        return Err(damaged(format!("only {data} bytes of picture data for {width} x {height} pixels")));
    }
    structure
        .components
        .iter()
        .zip(grids)
        .enumerate()
        .map(|(index, (component, (blocks_wide, blocks_high)))| {
            let quantisation = *structure
                .table_of(index)
                .ok_or_else(|| damaged(format!("component {} has no quantisation table", component.id)))?;
            Ok(Component {
                id: component.id,
                horizontal: component.horizontal,
                vertical: component.vertical,
                quantisation,
                blocks_wide,
                blocks_high,
                coefficients: vec![[0; 64]; blocks_wide * blocks_high],
            })
        })
        .collect()
}

/// MCUs read, MCUs in all, reason.
type Stop = (usize, usize, &'static str);

fn decode_scan(
    bytes: &[u8],
    structure: &JpegStructure,
    scan: &Scan,
    components: &mut [Component],
) -> Result<Result<(), Stop>, MediaError> {
    let broken = |what: &str| damaged(format!("{what} in the scan header at byte {}", scan.offset));
    let data = bytes.get(scan.entropy.clone()).unwrap_or_default();
    let table = |part: &ScanComponent, ac: bool| {
        let (index, id) = if ac { (part.ac, part.ac_id) } else { (part.dc, part.dc_id) };
        if let Some(table) = index.and_then(|index| structure.huffman.get(index)) {
            return Decoder::new(table);
        }
        // Motion JPEG leaves the tables of Annex K.3 out.
        let (counts, symbols) =
            STANDARD_HUFFMAN[usize::from(ac)].get(usize::from(id)).ok_or_else(|| broken("undefined Huffman table"))?;
        Decoder::new(&HuffmanTable { id, ac, offset: scan.offset, counts: **counts, symbols: symbols.to_vec() })
    };
    let tables = |ac: bool| scan.components.iter().map(|part| table(part, ac)).collect::<Result<Vec<_>, _>>();
    if structure.process != Process::Progressive {
        let coder = Sequential::new(tables(false)?, tables(true)?);
        return Ok(run(coder, structure, scan, data, components));
    }
    let (start, end) = (usize::from(scan.spectral_start), usize::from(scan.spectral_end));
    let (first, low) = (scan.approximation_high == 0, u32::from(scan.approximation_low));
    if low > 13 || end > 63 || start > end || (start == 0 && end != 0) || (start > 0 && scan.components.len() != 1) {
        return Err(broken("impossible progression"));
    }
    Ok(match (start, first) {
        (0, true) => run(DcFirst::new(tables(false)?, low), structure, scan, data, components),
        (0, false) => run(DcRefine::new(low), structure, scan, data, components),
        (_, true) => {
            run(AcFirst::new(table(&scan.components[0], true)?, start, end, low), structure, scan, data, components)
        }
        (_, false) => {
            run(AcRefine::new(table(&scan.components[0], true)?, start, end, low), structure, scan, data, components)
        }
    })
}

/// Walks the MCUs of a scan (T.81 A.2).
fn run<C: BlockCoder>(
    mut coder: C,
    structure: &JpegStructure,
    scan: &Scan,
    mut data: &[u8],
    components: &mut [Component],
) -> Result<(), Stop> {
    let (most_h, most_v) = structure.max_sampling();
    let single = scan.components.len() == 1;
    let (mcus_wide, mcus_high) = match &scan.components[..] {
        [only] => (components[only.component].blocks_wide, components[only.component].blocks_high),
        _ => (
            structure.width.div_ceil(8 * u32::from(most_h)) as usize,
            structure.height.div_ceil(8 * u32::from(most_v)) as usize,
        ),
    };
    let total = mcus_wide * mcus_high;
    let interval = if scan.restart_interval == 0 { total } else { usize::from(scan.restart_interval) };
    let mut clean = Vec::with_capacity(data.len());
    let mut spare = [0; 64];
    let (mut done, mut restarts) = (0, 0u8);
    let (mut mx, mut my) = (0, 0);
    loop {
        let marker = unstuff(data, &mut clean);
        let mut bits = Bits::new(&clean);
        coder.restart();
        for _ in 0..interval.min(total - done) {
            for (part, at) in scan.components.iter().enumerate() {
                let component = &mut components[at.component];
                let (wide, high) = (component.blocks_wide, component.blocks_high);
                let (h, v) =
                    if single { (1, 1) } else { (usize::from(component.horizontal), usize::from(component.vertical)) };
                for y in my * v..my * v + v {
                    for x in mx * h..mx * h + h {
                        let inside = x < wide && y < high;
                        let slot = if inside { component.coefficients.get_mut(y * wide + x) } else { None };
                        coder
                            .block(&mut bits, part, slot.unwrap_or(&mut spare))
                            .map_err(|reason| (done, total, reason))?;
                    }
                }
            }
            if bits.overrun() {
                return Err((done, total, "the data ends"));
            }
            done += 1;
            mx += 1;
            if mx == mcus_wide {
                (mx, my) = (0, my + 1);
            }
        }
        if done == total {
            return Ok(());
        }
        match marker {
            Some((at, found)) if found == 0xd0 + restarts => data = data.get(at + 2..).unwrap_or_default(),
            Some(_) => return Err((done, total, "a restart marker is out of order")),
            None => return Err((done, total, "the data ends")),
        }
        restarts = (restarts + 1) % 8;
    }
}
