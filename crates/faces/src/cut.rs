//! Where one shot ends and the next begins.
//!
//! The decision that shapes it: a frame is one kilobyte (block means and a histogram of luma), and
//! a cut is judged with the frames around it in view. It must stand out from the changes near it,
//! which a moving camera raises all together, and it must last: a flash or a damaged frame changes
//! the picture and changes it back. Dissolves and fades are not found; likeness in [`crate::track`]
//! parts people there. Shots of three frames or less are taken for a flash.

/// Cells across and down.
const COLUMNS: usize = 24;
const ROWS: usize = 16;
/// Bins of the histogram.
const BINS: usize = 32;
/// Samples of a frame that are looked at, at most.
const SAMPLES: usize = 60_000;
/// The least change that can be a cut.
const FLOOR: f32 = 0.28;
/// Frames to each side that a cut is compared with.
const AROUND: usize = 12;
/// Frames that a flash may last.
const FLASH: usize = 3;

/// A frame in a kilobyte.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    cells: Vec<f32>,
    histogram: Vec<f32>,
}

impl Signature {
    /// From a luma plane, row-major; missing samples count as black.
    pub fn of_luma(luma: &[u8], width: usize, height: usize) -> Self {
        let mut cells = vec![0.0f32; COLUMNS * ROWS];
        let mut counts = vec![0u32; COLUMNS * ROWS];
        let mut histogram = vec![0.0f32; BINS];
        let stride = ((width * height) as f64 / SAMPLES as f64).sqrt().ceil().max(1.0) as usize;
        let mut samples = 0u32;
        for (y, row) in luma.chunks_exact(width.max(1)).take(height).enumerate().step_by(stride) {
            let line = y * ROWS / height * COLUMNS;
            for (x, value) in row.iter().enumerate().step_by(stride) {
                let cell = line + x * COLUMNS / width;
                cells[cell] += f32::from(*value);
                counts[cell] += 1;
                histogram[usize::from(*value) * BINS / 256] += 1.0;
                samples += 1;
            }
        }
        cells.iter_mut().zip(&counts).for_each(|(c, n)| *c /= (*n).max(1) as f32);
        histogram.iter_mut().for_each(|h| *h /= samples.max(1) as f32);
        Self { cells, histogram }
    }

    /// How different two frames are, 0..=1: half by the histogram, half by where bright and dark
    /// lie.
    pub fn difference(&self, other: &Self) -> f32 {
        // Neighbouring bins are added, so that a slight change of brightness at their edge counts
        // little.
        let smooth = |h: &[f32], i: usize| {
            let at = |k: usize| h.get(k).copied().unwrap_or(0.0);
            0.25 * at(i.wrapping_sub(1)) + 0.5 * at(i) + 0.25 * at(i + 1)
        };
        let tones: f32 =
            (0..BINS).map(|i| (smooth(&self.histogram, i) - smooth(&other.histogram, i)).abs()).sum::<f32>() / 2.0;
        let n = self.cells.len() as f32;
        let mean = |s: &Self| s.cells.iter().sum::<f32>() / n;
        let (ma, mb) = (mean(self), mean(other));
        let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
        for (a, b) in self.cells.iter().zip(&other.cells) {
            let (a, b) = (a - ma, b - mb);
            (aa, bb, ab) = (aa + a * a / n, bb + b * b / n, ab + a * b / n);
        }
        // The structure term of SSIM (Wang et al. 2004); the constant lets two flat frames be
        // alike.
        let alike = (ab + 8.0) / ((aa * bb).sqrt() + 8.0);
        (0.5 * tones + 0.5 * (1.0 - alike).clamp(0.0, 1.0)).clamp(0.0, 1.0)
    }
}

/// The frames that begin a new shot, as positions in `frames`, which follow each other without a
/// gap.
pub fn cuts(frames: &[Signature]) -> Vec<usize> {
    let changes: Vec<f32> = frames.windows(2).map(|w| w[0].difference(&w[1])).collect();
    let mut found = Vec::new();
    for (before, change) in changes.iter().enumerate() {
        let at = before + 1;
        if *change < FLOOR || *change < 2.0 * typical(&changes, before) + 0.15 {
            continue;
        }
        let lasts = |low: f32| {
            let here = &frames[before];
            let ahead = (at..frames.len()).take(FLASH + 1).all(|later| here.difference(&frames[later]) > low);
            let behind = (0..at).rev().take(FLASH + 1).all(|earlier| frames[earlier].difference(&frames[at]) > low);
            ahead && behind
        };
        if lasts(0.5 * change.min(0.6)) {
            found.push(at);
        }
    }
    found
}

/// Median of the changes near this one, itself left out.
fn typical(changes: &[f32], at: usize) -> f32 {
    let (from, to) = (at.saturating_sub(AROUND), (at + AROUND + 1).min(changes.len()));
    let mut near: Vec<f32> = (from..to).filter(|i| *i != at).map(|i| changes[i]).collect();
    near.sort_by(f32::total_cmp);
    near.get(near.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const W: usize = 160;
    const H: usize = 90;

    fn scene(seed: u32, shift: f32, noise: u32) -> Vec<u8> {
        let f = |k: u32| 0.02 + 0.01 * (seed.wrapping_mul(k) % 7) as f32;
        let mut state = seed.wrapping_mul(31) + shift.to_bits();
        let mut plane = Vec::with_capacity(W * H);
        for y in 0..H {
            for x in 0..W {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (u, v) = (x as f32 + shift, y as f32);
                let wave = (u * f(3) + seed as f32).sin() * (v * f(5) - seed as f32).cos();
                let level = 60.0 + (seed.wrapping_mul(53) % 120) as f32;
                plane.push((level + 55.0 * wave + ((state >> 24) % (noise + 1)) as f32).clamp(0.0, 255.0) as u8);
            }
        }
        plane
    }

    fn found(planes: &[Vec<u8>]) -> Vec<usize> {
        cuts(&planes.iter().map(|p| Signature::of_luma(p, W, H)).collect::<Vec<_>>())
    }

    #[test]
    fn cuts_are_found_where_they_are() {
        let mut planes: Vec<Vec<u8>> = (0..20).map(|i| scene(1, i as f32 * 2.0, 12)).collect();
        planes.extend((0..20).map(|i| scene(2, i as f32 * 2.0, 12)));
        planes.extend((0..15).map(|i| scene(5, i as f32, 12)));
        assert_eq!(found(&planes), [20, 40]);
    }

    #[test]
    fn pans_noise_and_dimming_are_no_cuts() {
        assert_eq!(found(&(0..40).map(|i| scene(1, i as f32 * 9.0, 20)).collect::<Vec<_>>()), [0usize; 0]);
        let dimmed: Vec<Vec<u8>> = (0..40u32)
            .map(|i| scene(3, 0.0, 30).iter().map(|v| (u32::from(*v) * (60 - i) / 60) as u8).collect())
            .collect();
        assert_eq!(found(&dimmed), [0usize; 0]);
    }

    #[test]
    fn flashes_are_no_cuts_and_do_not_hide_one() {
        for length in 1..=3 {
            let mut planes: Vec<Vec<u8>> = (0..40).map(|i| scene(1, i as f32, 8)).collect();
            for flash in planes.iter_mut().skip(15).take(length) {
                flash.iter_mut().for_each(|v| *v = v.saturating_add(150));
            }
            assert_eq!(found(&planes), [0usize; 0], "a flash of {length}");
            planes.splice(30..40, (0..10).map(|i| scene(4, i as f32, 8)));
            assert_eq!(found(&planes), [30], "a flash of {length} before a cut");
        }
    }

    #[test]
    fn odd_frames_are_fine() {
        let black = Signature::of_luma(&[], 0, 0);
        assert_eq!(black.difference(&black), 0.0);
        assert!(cuts(&[]).is_empty() && cuts(std::slice::from_ref(&black)).is_empty());
        for (w, h) in [(1, 1), (3, 200), (200, 3)] {
            let s = Signature::of_luma(&vec![200; w * h], w, h);
            assert!(s.difference(&s) == 0.0 && s.difference(&black).is_finite());
        }
    }

    proptest! {
        #[test]
        fn differences_are_symmetric_and_bounded(a in proptest::collection::vec(0u8.., 48 * 32), b in proptest::collection::vec(0u8.., 48 * 32)) {
            let (a, b) = (Signature::of_luma(&a, 48, 32), Signature::of_luma(&b, 48, 32));
            prop_assert!((0.0..=1.0).contains(&a.difference(&b)));
            prop_assert_eq!(a.difference(&b), b.difference(&a));
            prop_assert_eq!(a.difference(&a), 0.0);
        }
    }
}
