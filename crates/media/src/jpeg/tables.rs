//! The constant tables of T.81: the zigzag order, the quantisation tables of Annex K.1 and the
//! Huffman tables of Annex K.3.
//!
//! The quantisation tables are here in the scaling of the Independent JPEG Group, because a quality
//! number means nothing without it. Tables are row-major throughout (`v * 8 + u`, `u` the
//! horizontal frequency); only the file stores zigzag order.

/// Row-major index of each zigzag position (T.81 figure A.6).
pub const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// Table K.1, luminance.
#[rustfmt::skip]
const LUMA: [u16; 64] = [
    16, 11, 10, 16,  24,  40,  51,  61,
    12, 12, 14, 19,  26,  58,  60,  55,
    14, 13, 16, 24,  40,  57,  69,  56,
    14, 17, 22, 29,  51,  87,  80,  62,
    18, 22, 37, 56,  68, 109, 103,  77,
    24, 35, 55, 64,  81, 104, 113,  92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103,  99,
];

/// Table K.2, chrominance.
#[rustfmt::skip]
const CHROMA: [u16; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];

/// The quantisation table that libjpeg writes at `quality` 1..=100 (clamped), row-major, limited to
/// 255 as for baseline files.
pub fn standard_table(quality: u8, chroma: bool) -> [u16; 64] {
    let quality = u32::from(quality.clamp(1, 100));
    let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    let base = if chroma { &CHROMA } else { &LUMA };
    base.map(|value| ((u32::from(value) * scale + 50) / 100).clamp(1, 255) as u16)
}

/// The libjpeg quality whose luminance table is exactly this one (row-major); `None` for the tables
/// of other encoders.
pub fn ijg_quality(luma_table: &[u16; 64]) -> Option<u8> {
    (1..=100).rev().find(|&quality| standard_table(quality, false) == *luma_table)
}

/// The libjpeg quality whose table is nearest, with the mean absolute difference of the 64 entries,
/// 0 for an exact match.
pub fn nearest_quality(table: &[u16; 64], chroma: bool) -> (u8, f32) {
    let mut best = (100, u32::MAX);
    for quality in (1..=100).rev() {
        let standard = standard_table(quality, chroma);
        let distance = table.iter().zip(standard).map(|(&a, b)| u32::from(a.abs_diff(b))).sum();
        if distance < best.1 {
            best = (quality, distance);
        }
    }
    (best.0, best.1 as f32 / 64.0)
}

/// Code counts by length 1..=16 and symbols of a table of Annex K.3.
type Specification = (&'static [u8; 16], &'static [u8]);

const DC_SYMBOLS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// Tables K.3 to K.6: `[[dc luma, dc chroma], [ac luma, ac chroma]]`.
pub(crate) const STANDARD_HUFFMAN: [[Specification; 2]; 2] = [
    [
        (&[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &DC_SYMBOLS),
        (&[0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &DC_SYMBOLS),
    ],
    [
        (
            &[0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d],
            &[
                0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22,
                0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33,
                0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34,
                0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55,
                0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76,
                0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96,
                0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5,
                0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4,
                0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1,
                0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
            ],
        ),
        (
            &[0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
            &[
                0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13,
                0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62,
                0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29,
                0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54,
                0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75,
                0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94,
                0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3,
                0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2,
                0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea,
                0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
            ],
        ),
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_visits_every_index_once() {
        let mut seen = ZIGZAG;
        seen.sort_unstable();
        assert_eq!(seen, std::array::from_fn(|i| i as u8));
    }

    #[test]
    fn known_tables() {
        assert_eq!(standard_table(50, false), LUMA);
        assert_eq!(standard_table(50, true), CHROMA);
        assert_eq!(standard_table(100, false), [1; 64]);
        assert_eq!(standard_table(75, false)[..8], [8, 6, 5, 8, 12, 20, 26, 31]);
        assert_eq!(standard_table(1, false), [255; 64]);
    }

    #[test]
    fn quality_is_found_again() {
        for quality in 1..=100 {
            let table = standard_table(quality, false);
            assert_eq!(ijg_quality(&table), Some(quality));
            assert_eq!(nearest_quality(&table, false), (quality, 0.0));
        }
        let mut odd = standard_table(85, false);
        odd[63] += 1;
        assert_eq!(ijg_quality(&odd), None);
        assert_eq!(nearest_quality(&odd, false), (85, 1.0 / 64.0));
    }

    #[test]
    fn standard_huffman_tables_are_complete() {
        for (counts, symbols) in STANDARD_HUFFMAN.iter().flatten() {
            assert_eq!(counts.iter().map(|&c| usize::from(c)).sum::<usize>(), symbols.len());
        }
    }
}
