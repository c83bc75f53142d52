//! What the network is given: colours, and what smoothing takes out of them.
//!
//! The decision that shapes it: residuals are computed here and not learned, because a short run
//! does not find them. The colour residual is that of a 3x3 mean; the second differences of luma
//! are the first-order filters of rich models (Fridrich and Kodovsky 2012). All are clipped at a
//! few grey levels.
use super::SIDE;

/// Planes of the input: 2x2 patches of three colours, of their three residuals and of two second
/// differences of luma.
pub const CHANNELS: usize = 32;

/// The first planes, those of the colours.
pub const COLOUR_PLANES: usize = 12;

/// Grey levels at which a residual is clipped.
const CLIP: f32 = 12.0;

/// Which planes are filled; the others are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Input {
    /// The residuals.
    pub has_high_pass: bool,
}

impl Default for Input {
    fn default() -> Self {
        Self { has_high_pass: true }
    }
}

/// Frames of a window that [`crate::Kind::FaceTemporal`] sees: as many as there are layers of four
/// planes.
pub const WINDOW: usize = CHANNELS / 4;

/// The frame of a window that the others are brought onto.
pub const MIDDLE: usize = WINDOW / 2;

/// Writes a layer of `side * side` values as four planes of 2x2 patches.
fn put(planes: &mut [f32], side: usize, layer: usize, values: &[f32]) {
    let half = side / 2;
    for (y, row) in values.chunks_exact(side).enumerate() {
        for column in 0..2 {
            let at = ((layer * 4 + y % 2 * 2 + column) * half + y / 2) * half;
            let picked = row.as_chunks::<2>().0.iter().map(|pair| pair[column]);
            planes[at..at + half].iter_mut().zip(picked).for_each(|(plane, value)| *plane = value);
        }
    }
}

/// Room for the planes of one more crop.
fn room(planes: &mut Vec<f32>, side: usize) -> &mut [f32] {
    let start = planes.len();
    planes.resize(start + CHANNELS * side * side / 4, 0.0);
    &mut planes[start..]
}

/// Appends a window of consecutive frames that lie on one another, `SIDE * SIDE` values of luma
/// each in 0..=255, as planes `[32, 80, 80]`: what every frame changes of the one before it,
/// clipped like a residual, and the middle frame. Frames beyond the first [`WINDOW`] are left out.
pub fn append_window(planes: &mut Vec<f32>, frames: &[Vec<f32>]) {
    let planes = room(planes, SIDE);
    for (layer, pair) in frames.windows(2).take(WINDOW - 1).enumerate() {
        let change: Vec<f32> =
            pair[0].iter().zip(&pair[1]).map(|(before, now)| ((now - before) / CLIP).clamp(-1.0, 1.0)).collect();
        put(planes, SIDE, layer, &change);
    }
    if let Some(middle) = frames.get(MIDDLE) {
        let middle: Vec<f32> = middle.iter().map(|v| v / 127.5 - 1.0).collect();
        put(planes, SIDE, WINDOW - 1, &middle);
    }
}

/// Appends a square crop, RGB in 0..=255, whose side is even, as planes `[32, side / 2, side / 2]`.
pub fn append(planes: &mut Vec<f32>, crop: &[[f32; 3]], input: Input) {
    let side = crop.len().isqrt();
    let planes = room(planes, side);
    let mut put = |layer: usize, values: &[f32]| put(planes, side, layer, values);
    let colours: [Vec<f32>; 3] = std::array::from_fn(|c| crop.iter().map(|p| p[c] / 127.5 - 1.0).collect());
    for (c, plane) in colours.iter().enumerate() {
        put(c, plane);
    }
    if !input.has_high_pass {
        return;
    }
    let clipped = |v: f32| (v * 127.5 / CLIP).clamp(-1.0, 1.0);
    for (c, plane) in colours.iter().enumerate() {
        let mean = smooth(plane, side);
        let residual: Vec<f32> = plane.iter().zip(&mean).map(|(v, m)| clipped(v - m)).collect();
        put(3 + c, &residual);
    }
    let luma: Vec<f32> =
        (0..side * side).map(|i| 0.299 * colours[0][i] + 0.587 * colours[1][i] + 0.114 * colours[2][i]).collect();
    for (layer, step) in [(6, 1), (7, side)] {
        let mut second = vec![0.0; side * side];
        for i in step..side * side - step {
            let is_inside = step != 1 || (i % side != 0 && i % side != side - 1);
            if is_inside {
                second[i] = clipped(0.5 * (luma[i - step] + luma[i + step]) - luma[i]);
            }
        }
        put(layer, &second);
    }
}

/// The mean of 3x3 values; the border is repeated.
fn smooth(plane: &[f32], side: usize) -> Vec<f32> {
    let mut rows = vec![0.0; plane.len()];
    for (row, out) in plane.chunks_exact(side).zip(rows.chunks_exact_mut(side)) {
        for x in 1..side - 1 {
            out[x] = (row[x - 1] + row[x] + row[x + 1]) / 3.0;
        }
        out[0] = (2.0 * row[0] + row[1]) / 3.0;
        out[side - 1] = (2.0 * row[side - 1] + row[side - 2]) / 3.0;
    }
    let mut out = vec![0.0; plane.len()];
    for y in 0..side {
        let (above, below) = (y.saturating_sub(1) * side, (y + 1).min(side - 1) * side);
        for x in 0..side {
            out[y * side + x] = (rows[above + x] + rows[y * side + x] + rows[below + x]) / 3.0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_tells_what_changes_and_keeps_the_middle_frame() {
        let mut frames = vec![vec![100.0; SIDE * SIDE]; WINDOW];
        let at = 44 * SIDE + 31;
        frames[3][at] = 106.0;
        let mut planes = Vec::new();
        append_window(&mut planes, &frames);
        assert_eq!(planes.len(), CHANNELS * SIDE * SIDE / 4);
        let value = |layer: usize| planes[((layer * 4 + 1) * SIDE / 2 + 22) * SIDE / 2 + 15];
        assert_eq!([value(1), value(2), value(3), value(4)], [0.0, 0.5, -0.5, 0.0]);
        assert!((value(WINDOW - 1) - (100.0 / 127.5 - 1.0)).abs() < 1e-6);
    }

    #[test]
    fn a_flat_crop_has_no_residual_and_a_bright_pixel_has_one_at_its_place() {
        let half = SIDE / 2;
        let mut crop = vec![[100.0; 3]; SIDE * SIDE];
        let mut planes = Vec::new();
        append(&mut planes, &crop, Input::default());
        assert_eq!(planes.len(), CHANNELS * half * half);
        assert!(planes[12 * half * half..].iter().all(|v| v.abs() < 1e-4));
        let (x, y) = (31, 44);
        crop[y * SIDE + x][1] = 109.0;
        planes.clear();
        append(&mut planes, &crop, Input::default());
        let at = |layer: usize| planes[((layer * 4 + y % 2 * 2 + x % 2) * half + y / 2) * half + x / 2];
        assert!((at(1) - (109.0 / 127.5 - 1.0)).abs() < 1e-5);
        assert!((at(4) - 8.0 / 12.0).abs() < 1e-3 && at(3).abs() < 1e-4, "{}", at(4));
        assert!((at(6) + 0.587 * 9.0 / 12.0).abs() < 1e-3);
        append(&mut planes, &crop, Input { has_high_pass: false });
        assert!(planes[(CHANNELS + 12) * half * half..].iter().all(|v| *v == 0.0));
    }
}
