//! The structure of a JPEG file (ITU-T T.81): markers, tables, and the quantised DCT coefficients
//! as they are stored.
//!
//! This is not a decoder for viewing; it stops before dequantisation, because the quantised
//! integers are what the compression forensics read.
mod app;
mod bits;
mod coders;
mod entropy;
mod facts;
mod huffman;
mod luma;
mod markers;
mod structure;
mod tables;

pub use app::{AppSegments, ExtendedXmp, Jfif};
pub use entropy::{Damage, Decoded, coefficients, coefficients_partial};
pub use huffman::HuffmanTable;
pub use luma::luma_plane;
pub use markers::{Segment, marker_name};
pub use structure::{
    FrameComponent, HuffmanKind, JpegStructure, Process, QuantisationTable, Scan, ScanComponent, Trailing,
};
pub use tables::{ZIGZAG, ijg_quality, nearest_quality, standard_table};

/// More scans than any progressive script; each one costs a pass over the blocks.
const MAX_SCANS: usize = 500;

/// One colour component of a JPEG file with its stored coefficients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Component identifier from the frame header (1 = Y in JFIF).
    pub id: u8,
    /// Horizontal sampling factor.
    pub horizontal: u8,
    /// Vertical sampling factor.
    pub vertical: u8,
    /// Quantisation table in row-major order: index `v * 8 + u`, `u` the horizontal frequency.
    pub quantisation: [u16; 64],
    /// Blocks across that cover the component's own size (T.81 A.1.1); padding blocks of the last
    /// MCU are left out.
    pub blocks_wide: usize,
    /// Blocks down that cover the component's own size.
    pub blocks_high: usize,
    /// `blocks_high * blocks_wide` blocks of 64 quantised coefficients, each in row-major order
    /// (`v * 8 + u`).
    pub coefficients: Vec<[i16; 64]>,
}

#[cfg(test)]
mod tests;
