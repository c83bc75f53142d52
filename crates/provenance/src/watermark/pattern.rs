//! The public pattern: which spatial frequencies carry the mark, and with which phases.
//!
//! The decision that shapes it: the pattern is a tile that repeats, so it is a set of lines in the
//! spectrum, at whole multiples of one over the period. Scaling the picture moves all lines alike
//! and cropping turns their phases evenly, which is what makes both searchable. A third of the
//! lines has known phases and is what is looked for; the others carry code bits on both
//! quadratures. Phases are drawn from a generator seeded with a public text, independent of any
//! picture: that is what the false-positive rate rests on (see `super::sync`).
use std::f32::consts::TAU;
use std::sync::OnceLock;

use assay_random::Rng;
use rustfft::num_complex::Complex32;
use sha2::{Digest, Sha256};

use super::code::CODE_BITS;

/// The public key. Changing it, or anything here, makes another watermark with another name.
const KEY: &[u8] = b"assay watermark 1: lines in the spectrum";
/// Period of the tile in samples of the canonical plane.
pub(super) const PERIOD: usize = 128;
/// Radius of the lowest and the highest line, in cycles a period.
pub(super) const RADII: (f32, f32) = (5.0, 25.6);
/// Largest component of a line's frequency, in cycles a period.
pub(super) const MOST: usize = RADII.1 as usize;
/// One line in this many is for synchronisation.
const SYNC_EVERY: usize = 3;

/// A line of the spectrum; its mirror image at the negative frequency is the conjugate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Cycles a period to the right, `-MOST..=MOST`.
    pub(super) x: i32,
    /// Cycles a period down, `0..=MOST`.
    pub(super) y: i32,
    /// Unit vector: the line itself where it is known, the carrier where it bears bits.
    pub(super) phase: Complex32,
    /// Code bits on the real and the imaginary axis; `None` for a known line.
    pub(super) bits: Option<[usize; 2]>,
}

impl Line {
    /// Distance from the origin in cycles a period.
    pub(super) fn radius(&self) -> f32 {
        ((self.x * self.x + self.y * self.y) as f32).sqrt()
    }

    /// The line under a code, as a unit vector.
    pub(super) fn value(&self, code: &[f32; CODE_BITS]) -> Complex32 {
        match self.bits {
            None => self.phase,
            Some([re, im]) => self.phase * Complex32::new(code[re], code[im]) * std::f32::consts::FRAC_1_SQRT_2,
        }
    }
}

/// All lines of the upper half plane, each once.
pub(super) fn lines() -> &'static [Line] {
    static LINES: OnceLock<Vec<Line>> = OnceLock::new();
    LINES.get_or_init(|| {
        let digest = Sha256::digest(KEY);
        let mut draws = Rng::new(digest.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte)));
        let most = MOST as i32;
        let mut lines: Vec<Line> = (0..=most)
            .flat_map(|y| (-most..=most).map(move |x| (x, y)))
            .filter(|(x, y)| *y > 0 || *x > 0)
            .map(|(x, y)| Line { x, y, phase: Complex32::from_polar(1.0, 0.0), bits: None })
            .filter(|line| (RADII.0..RADII.1).contains(&line.radius()))
            .collect();
        for at in (1..lines.len()).rev() {
            lines.swap(at, (draws.next_u64() % (at as u64 + 1)) as usize);
        }
        let mut chip = 0;
        for (at, line) in lines.iter_mut().enumerate() {
            line.phase = Complex32::from_polar(1.0, TAU * (draws.next_u64() >> 40) as f32 / (1u64 << 24) as f32);
            if at % SYNC_EVERY != 0 {
                line.bits = Some([chip % CODE_BITS, (chip + 1) % CODE_BITS]);
                chip += 2;
            }
        }
        lines
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_bit_has_its_share_of_lines() {
        let mut uses = [0; CODE_BITS];
        lines().iter().filter_map(|l| l.bits).flatten().for_each(|bit| uses[bit] += 1);
        assert!(uses.iter().max().unwrap() - uses.iter().min().unwrap() <= 1 && uses[0] >= 6, "{uses:?}");
    }

    #[test]
    fn the_pattern_is_the_one_that_was_published() {
        // Any change here makes every mark that was ever put in unreadable: it needs another name
        // in the manifest then.
        let first = lines()[0];
        assert_eq!((lines().len(), first.x, first.y, first.bits), (996, 4, 12, None));
        assert!((first.phase - Complex32::new(-0.306_581, -0.951_845)).norm() < 1e-5);
        let sum: Complex32 = lines().iter().map(|l| l.phase * l.x as f32).sum();
        assert!((sum - Complex32::new(466.894, -24.388)).norm() < 0.05, "{sum}");
    }
}
