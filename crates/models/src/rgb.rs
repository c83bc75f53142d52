//! Pictures as the networks take them: 8-bit RGB in a slice, made smaller by means of whole areas.

/// A borrowed picture: `height * width * 3` bytes, row-major.
#[derive(Debug, Clone, Copy)]
pub struct Rgb<'a> {
    /// Samples.
    pub pixels: &'a [u8],
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// A picture that owns its samples.
#[derive(Debug, Clone)]
pub struct OwnedRgb {
    /// Samples.
    pub pixels: Vec<u8>,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl OwnedRgb {
    /// The same picture, borrowed.
    pub fn view(&self) -> Rgb<'_> {
        Rgb { pixels: &self.pixels, width: self.width, height: self.height }
    }
}

impl<'a> Rgb<'a> {
    /// A picture from its samples; `None` where their number is not `width * height * 3`.
    pub fn new(pixels: &'a [u8], width: usize, height: usize) -> Option<Self> {
        (pixels.len() == width * height * 3 && width > 0 && height > 0).then_some(Self { pixels, width, height })
    }

    /// Resampled: every target pixel is the mean of the area it covers, or linear between
    /// neighbours where the picture is made larger.
    pub fn resized(&self, width: usize, height: usize) -> OwnedRgb {
        let across = Weights::new(self.width, width);
        let down = Weights::new(self.height, height);
        let mut rows = vec![0.0f32; self.height * width * 3];
        for (source, target) in self.pixels.chunks_exact(self.width * 3).zip(rows.chunks_exact_mut(width * 3)) {
            for (x, out) in target.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                let (first, weights) = across.of(x);
                for (p, w) in source[first * 3..].as_chunks::<3>().0.iter().zip(weights) {
                    (0..3).for_each(|c| out[c] += w * f32::from(p[c]));
                }
            }
        }
        let mut pixels = vec![0u8; width * height * 3];
        let mut sums = vec![0.0f32; width * 3];
        for (y, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
            sums.fill(0.5);
            let (first, weights) = down.of(y);
            for (row, w) in rows[first * width * 3..].chunks_exact(width * 3).zip(weights) {
                sums.iter_mut().zip(row).for_each(|(s, v)| *s += w * v);
            }
            out.iter_mut().zip(&sums).for_each(|(o, s)| *o = *s as u8);
        }
        OwnedRgb { pixels, width, height }
    }

    /// Appends the picture to a batch: colour planes, `value / 127.5 - 1`.
    pub fn append_planes(&self, batch: &mut Vec<f32>) {
        for c in 0..3 {
            batch.extend(self.pixels.as_chunks::<3>().0.iter().map(|p| f32::from(p[c]) / 127.5 - 1.0));
        }
    }

    /// Turned around its vertical middle.
    pub fn mirrored(&self) -> OwnedRgb {
        let rows = self.pixels.chunks_exact(self.width * 3);
        let pixels = rows.flat_map(|row| row.as_chunks::<3>().0.iter().rev().flatten().copied()).collect();
        OwnedRgb { pixels, width: self.width, height: self.height }
    }
}

/// For every target position the first source position and the weights from there on.
struct Weights {
    firsts: Vec<usize>,
    weights: Vec<f32>,
    taps: usize,
}

impl Weights {
    fn new(source: usize, target: usize) -> Self {
        let step = source as f32 / target as f32;
        // A tent as wide as a target pixel, but never narrower than a source pixel.
        let reach = step.max(1.0);
        let taps = ((2.0 * reach).ceil() as usize + 1).min(source);
        let (mut firsts, mut weights) = (Vec::with_capacity(target), Vec::with_capacity(target * taps));
        for t in 0..target {
            let centre = (t as f32 + 0.5) * step - 0.5;
            let first = ((centre - reach).ceil().max(0.0) as usize).min(source - taps);
            let row: Vec<f32> =
                (0..taps).map(|i| (1.0 - ((first + i) as f32 - centre).abs() / reach).max(0.0)).collect();
            let total: f32 = row.iter().sum::<f32>().max(f32::MIN_POSITIVE);
            firsts.push(first);
            weights.extend(row.iter().map(|w| w / total));
        }
        Self { firsts, weights, taps }
    }

    fn of(&self, target: usize) -> (usize, &[f32]) {
        (self.firsts[target], &self.weights[target * self.taps..(target + 1) * self.taps])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_stays_a_ramp_and_fine_stripes_turn_grey() {
        let ramp: Vec<u8> = (0..64 * 64).flat_map(|i| [(i % 64 * 4) as u8, (i / 64 * 4) as u8, 7]).collect();
        let picture = Rgb::new(&ramp, 64, 64).unwrap();
        for (width, height) in [(32, 32), (20, 45), (64, 64), (100, 70)] {
            let small = picture.resized(width, height);
            let (x, y) = (width / 2, height / 3);
            let at = &small.pixels[(y * width + x) * 3..][..3];
            let expected = |v: usize, n: usize| ((v as f32 + 0.5) * 64.0 / n as f32 - 0.5) * 4.0;
            assert!((f32::from(at[0]) - expected(x, width)).abs() < 2.0, "{width} {at:?}");
            assert!((f32::from(at[1]) - expected(y, height)).abs() < 2.0 && at[2] == 7);
        }
        let stripes: Vec<u8> = (0..64 * 64).flat_map(|i| [if i % 2 == 0 { 0 } else { 255 }; 3]).collect();
        let small = Rgb::new(&stripes, 64, 64).unwrap().resized(16, 16);
        assert!(small.pixels.iter().all(|v| (110..=145).contains(v)), "{:?}", &small.pixels[..12]);
    }

    #[test]
    fn the_wrong_number_of_samples_is_refused() {
        assert!(
            Rgb::new(&[0; 12], 2, 2).is_some() && Rgb::new(&[0; 11], 2, 2).is_none() && Rgb::new(&[], 0, 0).is_none()
        );
    }
}
