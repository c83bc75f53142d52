//! Huffman code tables (T.81 Annex C and F.2.2.3), with a lookup for short codes.

use crate::MediaError;

/// Codes up to this length are found by one look-up.
const LOOKAHEAD: u32 = 9;

/// A table as the file defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuffmanTable {
    /// Destination 0..=3.
    pub id: u8,
    /// True for AC coefficients, false for DC.
    pub ac: bool,
    /// Offset of the DHT segment in the file.
    pub offset: usize,
    /// Number of codes of each length 1..=16.
    pub counts: [u8; 16],
    /// Symbols in order of their codes.
    pub symbols: Vec<u8>,
}

impl HuffmanTable {
    /// True for one of the four tables of T.81 Annex K.3, which an encoder uses when it does not
    /// optimise.
    pub fn is_standard(&self) -> bool {
        super::tables::STANDARD_HUFFMAN[usize::from(self.ac)]
            .iter()
            .any(|(counts, symbols)| self.counts == **counts && self.symbols == *symbols)
    }
}

/// A table ready for decoding.
#[derive(Debug, Clone)]
pub(super) struct Decoder {
    /// By the next [`LOOKAHEAD`] bits: code length in the high byte, 0 if longer; symbol in the low
    /// byte.
    lookup: [u16; 1 << LOOKAHEAD],
    /// For each length, the first 16-bit left-aligned code that is longer.
    limit: [u32; 17],
    /// For each length, symbol index minus code of the first code of that length.
    shift: [i32; 17],
    symbols: [u8; 256],
}

impl Decoder {
    /// Builds the codes of Annex C.
    pub(super) fn new(table: &HuffmanTable) -> Result<Self, MediaError> {
        let damaged = |reason: &str| MediaError::Damaged {
            format: "JPEG",
            reason: format!("{reason} in the Huffman table at byte {}", table.offset),
        };
        let total: usize = table.counts.iter().map(|&c| usize::from(c)).sum();
        if total > 256 || total != table.symbols.len() {
            return Err(damaged("wrong number of symbols"));
        }
        let mut decoder = Self { lookup: [0; 1 << LOOKAHEAD], limit: [0; 17], shift: [0; 17], symbols: [0; 256] };
        for (to, from) in decoder.symbols.iter_mut().zip(&table.symbols) {
            *to = *from;
        }
        let (mut code, mut index) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = u32::from(table.counts[length as usize - 1]);
            if code + count > 1 << length {
                return Err(damaged("too many codes"));
            }
            decoder.shift[length as usize] = index as i32 - code as i32;
            for _ in 0..count {
                if length <= LOOKAHEAD {
                    let first = (code << (LOOKAHEAD - length)) as usize;
                    let entry = (length as u16) << 8 | u16::from(decoder.symbols[index]);
                    decoder.lookup[first..first + (1 << (LOOKAHEAD - length))].fill(entry);
                }
                code += 1;
                index += 1;
            }
            decoder.limit[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(decoder)
    }

    /// Length and symbol of the code at the top of `bits`, the next 16 bits of the stream; `None`
    /// when no code fits.
    #[inline]
    pub(super) fn decode(&self, bits: u32) -> Option<(u32, u8)> {
        let entry = self.lookup[(bits >> (16 - LOOKAHEAD)) as usize & ((1 << LOOKAHEAD) - 1)];
        if entry != 0 {
            return Some((u32::from(entry >> 8), entry as u8));
        }
        self.decode_long(bits)
    }

    #[cold]
    fn decode_long(&self, bits: u32) -> Option<(u32, u8)> {
        let length = (LOOKAHEAD as usize + 1..=16).find(|&length| bits < self.limit[length])?;
        let index = (bits >> (16 - length)) as i32 + self.shift[length];
        self.symbols.get(usize::try_from(index).ok()?).map(|&symbol| (length as u32, symbol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::tables::STANDARD_HUFFMAN;

    fn table(counts: [u8; 16], symbols: &[u8]) -> HuffmanTable {
        HuffmanTable { id: 0, ac: false, offset: 0, counts, symbols: symbols.to_vec() }
    }

    #[test]
    fn every_code_of_the_standard_tables_decodes() {
        for (counts, symbols) in STANDARD_HUFFMAN.iter().flatten() {
            let decoder = Decoder::new(&table(**counts, symbols)).unwrap();
            let (mut code, mut index) = (0u32, 0);
            for length in 1..=16 {
                for _ in 0..counts[length - 1] {
                    for tail in [0, (1 << (16 - length)) - 1] {
                        let got = decoder.decode(code << (16 - length) | tail);
                        assert_eq!(got, Some((length as u32, symbols[index])));
                    }
                    code += 1;
                    index += 1;
                }
                code <<= 1;
            }
            assert_eq!(decoder.decode(0xffff), None, "all ones is no code");
        }
    }

    #[test]
    fn overfull_tables_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Decoder::new(&table(counts, &[1, 2, 3])).is_err());
        assert!(Decoder::new(&table(counts, &[1])).is_err());
    }
}
