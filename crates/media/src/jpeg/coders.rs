//! How one block is coded in each kind of scan: sequential (T.81 F.2), and the four kinds of
//! progressive scan (G.1.2, G.2).
//!
//! Each coder keeps its tables, predictions and end-of-band run. Codes that no table holds and
//! coefficients beyond the band are damage here, where a viewer would guess on.
use super::bits::Bits;
use super::huffman::Decoder;
use super::tables::ZIGZAG;

/// Why a block could not be read.
type Reason = &'static str;

const BAD_CODE: Reason = "a code that no Huffman table holds";
const OUT_OF_BAND: Reason = "a coefficient beyond its band";

/// Reads the blocks of one kind of scan.
pub(super) trait BlockCoder {
    /// Forgets predictions and runs, at the start and at every restart marker.
    fn restart(&mut self);
    /// Reads the next block, of the scan's `part`-th component.
    fn block(&mut self, bits: &mut Bits, part: usize, block: &mut [i16; 64]) -> Result<(), Reason>;
}

/// Decodes one symbol; at least 40 bits stay valid behind it.
#[inline]
fn symbol(bits: &mut Bits, table: &Decoder) -> Result<u8, Reason> {
    if bits.available() < 40 {
        bits.refill();
    }
    let (length, symbol) = table.decode(bits.peek16()).ok_or(BAD_CODE)?;
    bits.consume(length);
    Ok(symbol)
}

/// The next DC value of a component, from the difference to its last (F.2.2.1).
#[inline]
fn dc_value(bits: &mut Bits, table: &Decoder, last: &mut i32) -> Result<i32, Reason> {
    let size = u32::from(symbol(bits, table)?);
    if size > 15 {
        return Err("a DC difference of more than 15 bits");
    }
    *last = last.wrapping_add(bits.take_signed(size));
    Ok(*last)
}

#[inline]
fn natural(k: usize) -> usize {
    usize::from(ZIGZAG[k & 63])
}

/// All coefficients of a block at once.
pub(super) struct Sequential {
    dc: Vec<Decoder>,
    ac: Vec<Decoder>,
    last: [i32; 4],
}

impl Sequential {
    pub(super) fn new(dc: Vec<Decoder>, ac: Vec<Decoder>) -> Self {
        Self { dc, ac, last: [0; 4] }
    }
}

impl BlockCoder for Sequential {
    fn restart(&mut self) {
        self.last = [0; 4];
    }

    #[inline]
    fn block(&mut self, bits: &mut Bits, part: usize, block: &mut [i16; 64]) -> Result<(), Reason> {
        block[0] = dc_value(bits, &self.dc[part], &mut self.last[part])? as i16;
        let table = &self.ac[part];
        let mut k = 1;
        while k < 64 {
            let code = symbol(bits, table)?;
            let (run, size) = (usize::from(code >> 4), u32::from(code & 15));
            if size == 0 {
                if run != 15 {
                    break;
                }
                k += 16;
                continue;
            }
            k += run;
            if k > 63 {
                return Err(OUT_OF_BAND);
            }
            block[natural(k)] = bits.take_signed(size) as i16;
            k += 1;
        }
        Ok(())
    }
}

/// First scan of the DC coefficients.
pub(super) struct DcFirst {
    dc: Vec<Decoder>,
    low: u32,
    last: [i32; 4],
}

impl DcFirst {
    pub(super) fn new(dc: Vec<Decoder>, low: u32) -> Self {
        Self { dc, low, last: [0; 4] }
    }
}

impl BlockCoder for DcFirst {
    fn restart(&mut self) {
        self.last = [0; 4];
    }

    fn block(&mut self, bits: &mut Bits, part: usize, block: &mut [i16; 64]) -> Result<(), Reason> {
        block[0] = (dc_value(bits, &self.dc[part], &mut self.last[part])? << self.low) as i16;
        Ok(())
    }
}

/// One more bit of every DC coefficient.
pub(super) struct DcRefine {
    low: u32,
}

impl DcRefine {
    pub(super) fn new(low: u32) -> Self {
        Self { low }
    }
}

impl BlockCoder for DcRefine {
    fn restart(&mut self) {}

    fn block(&mut self, bits: &mut Bits, _part: usize, block: &mut [i16; 64]) -> Result<(), Reason> {
        if bits.bit() {
            block[0] |= 1 << self.low;
        }
        Ok(())
    }
}

/// First scan of a band of AC coefficients.
pub(super) struct AcFirst {
    ac: Decoder,
    start: usize,
    end: usize,
    low: u32,
    /// Blocks still to come that have nothing in this band.
    empty_blocks: u32,
}

impl AcFirst {
    pub(super) fn new(ac: Decoder, start: usize, end: usize, low: u32) -> Self {
        Self { ac, start, end, low, empty_blocks: 0 }
    }
}

/// Length of an end-of-band run with this exponent (G.1.2.2).
#[inline]
fn band_run(bits: &mut Bits, exponent: usize) -> u32 {
    (1 << exponent) + bits.take(exponent as u32)
}

impl BlockCoder for AcFirst {
    fn restart(&mut self) {
        self.empty_blocks = 0;
    }

    fn block(&mut self, bits: &mut Bits, _part: usize, block: &mut [i16; 64]) -> Result<(), Reason> {
        if self.empty_blocks > 0 {
            self.empty_blocks -= 1;
            return Ok(());
        }
        let mut k = self.start;
        while k <= self.end {
            let code = symbol(bits, &self.ac)?;
            let (run, size) = (usize::from(code >> 4), u32::from(code & 15));
            if size == 0 {
                if run != 15 {
                    self.empty_blocks = band_run(bits, run) - 1;
                    break;
                }
                k += 16;
                continue;
            }
            k += run;
            if k > 63 {
                return Err(OUT_OF_BAND);
            }
            block[natural(k)] = (bits.take_signed(size) << self.low) as i16;
            k += 1;
        }
        Ok(())
    }
}

/// One more bit of a band of AC coefficients.
pub(super) struct AcRefine {
    ac: Decoder,
    start: usize,
    end: usize,
    low: u32,
    empty_blocks: u32,
}

impl AcRefine {
    pub(super) fn new(ac: Decoder, start: usize, end: usize, low: u32) -> Self {
        Self { ac, start, end, low, empty_blocks: 0 }
    }

    /// A coefficient that is known already gets its next bit.
    #[inline]
    fn refine(&self, bits: &mut Bits, coefficient: &mut i16) {
        let one = 1i16 << self.low;
        if bits.bit() && *coefficient & one == 0 {
            *coefficient = coefficient.wrapping_add(if *coefficient >= 0 { one } else { -one });
        }
    }
}

impl BlockCoder for AcRefine {
    fn restart(&mut self) {
        self.empty_blocks = 0;
    }

    fn block(&mut self, bits: &mut Bits, _part: usize, block: &mut [i16; 64]) -> Result<(), Reason> {
        let mut k = self.start;
        while self.empty_blocks == 0 && k <= self.end {
            let code = symbol(bits, &self.ac)?;
            let (mut zeros, size) = (usize::from(code >> 4), code & 15);
            let value = match size {
                0 if zeros < 15 => {
                    self.empty_blocks = band_run(bits, zeros);
                    break;
                }
                0 => 0,
                1 if bits.bit() => 1i16 << self.low,
                1 => -1i16 << self.low,
                _ => return Err("a new coefficient of more than one bit in a refinement scan"),
            };
            while k <= self.end {
                let coefficient = &mut block[natural(k)];
                if *coefficient != 0 {
                    self.refine(bits, coefficient);
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            if value != 0 {
                if k > self.end {
                    return Err(OUT_OF_BAND);
                }
                block[natural(k)] = value;
            }
            k += 1;
        }
        if self.empty_blocks > 0 {
            while k <= self.end {
                let coefficient = &mut block[natural(k)];
                if *coefficient != 0 {
                    self.refine(bits, coefficient);
                }
                k += 1;
            }
            self.empty_blocks -= 1;
        }
        Ok(())
    }
}
