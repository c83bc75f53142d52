//! The square windows of a picture that the network sees, and OpenCV's area resampling that shrinks
//! them.
use super::INPUT;
use super::decode::Detection;

/// Largest side of a window in pixels.
const MAX_SIDE: usize = 720;

/// How a picture is cut into overlapping squares: as large as it allows, at most 720 pixels, up to
/// three across and three down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiling {
    /// Side of a window in pixels.
    pub side: usize,
    /// Windows across and down.
    pub count: [usize; 2],
    /// Pixels from one to the next, across and down.
    pub step: [usize; 2],
}

/// One window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Pixels from the left.
    pub x: usize,
    /// Pixels from the top.
    pub y: usize,
    /// Pixels a side.
    pub side: usize,
}

impl Tiling {
    /// The windows of a picture of `width` x `height` pixels.
    pub fn of(width: usize, height: usize) -> Self {
        let side = width.min(height).min(MAX_SIDE);
        let cut = |length: usize| {
            let step = (length - side) / 2;
            ((length - side).checked_div(step).map_or(1, |steps| steps + 1), step)
        };
        let ((across, dx), (down, dy)) = (cut(width), cut(height));
        Self { side, count: [across, down], step: [dx, dy] }
    }

    /// The windows, row by row.
    pub fn windows(self) -> impl Iterator<Item = Window> {
        let [across, down] = self.count;
        (0..down).flat_map(move |row| {
            (0..across).map(move |column| Window { x: column * self.step[0], y: row * self.step[1], side: self.side })
        })
    }
}

impl Window {
    /// The window of an interleaved RGB picture `width` pixels wide, shrunk to the network's input.
    pub fn shrunk(&self, rgb: &[u8], width: usize) -> Vec<u8> {
        let mut window = Vec::with_capacity(3 * self.side * self.side);
        for row in rgb.chunks_exact(3 * width).skip(self.y).take(self.side) {
            window.extend_from_slice(&row[3 * self.x..3 * (self.x + self.side)]);
        }
        area_resize(&window, self.side, INPUT)
    }

    /// Detections in sides of the window, placed in the picture in pixels.
    pub fn place(self, faces: Vec<Detection>) -> impl Iterator<Item = Detection> {
        let offset = [self.x as f32, self.y as f32];
        faces.into_iter().map(move |face| face.mapped(self.side as f32, offset))
    }
}

/// Where an output pixel reads, and how much of each.
struct Reads {
    first: usize,
    weights: Vec<f32>,
}

/// A square interleaved RGB picture at another size as OpenCV's `INTER_AREA` makes it: the mean of
/// the area under each pixel, or, where it grows, OpenCV's sharper form of linear interpolation.
/// May differ from OpenCV by one grey level where a sum ends on a half.
pub fn area_resize(rgb: &[u8], from: usize, to: usize) -> Vec<u8> {
    if from == to {
        return rgb.to_vec();
    }
    let reads: Vec<Reads> =
        (0..to).map(|i| if from > to { shrinking(i, from, to) } else { growing(i, from, to) }).collect();
    let mut rows = vec![0.0f32; from * to * 3];
    for (row, out) in rgb.chunks_exact(3 * from).zip(rows.chunks_exact_mut(3 * to)) {
        for (read, out) in reads.iter().zip(out.as_chunks_mut::<3>().0) {
            for (weight, pixel) in read.weights.iter().zip(row.as_chunks::<3>().0[read.first..].iter()) {
                out.iter_mut().zip(pixel).for_each(|(o, v)| *o += f32::from(*v) * weight);
            }
        }
    }
    let mut out = Vec::with_capacity(3 * to * to);
    let mut sums = vec![0.0f32; 3 * to];
    for read in &reads {
        sums.fill(0.0);
        for (weight, row) in read.weights.iter().zip(rows.chunks_exact(3 * to).skip(read.first)) {
            sums.iter_mut().zip(row).for_each(|(s, v)| *s += v * weight);
        }
        out.extend(sums.iter().map(|s| s.round_ties_even().clamp(0.0, 255.0) as u8));
    }
    out
}

/// OpenCV's `computeResizeAreaTab`: whole pixels with equal weight, the two at the ends by what
/// lies inside.
fn shrinking(i: usize, from: usize, to: usize) -> Reads {
    let scale = from as f64 / to as f64;
    let (begin, end) = (i as f64 * scale, (i + 1) as f64 * scale);
    let cell = scale.min(from as f64 - begin);
    let (first_whole, last_whole) = (begin.ceil(), end.floor().min(from as f64 - 1.0));
    let first_whole = first_whole.min(last_whole);
    let mut reads = Reads { first: first_whole as usize, weights: Vec::new() };
    if first_whole - begin > 1e-3 {
        reads.first -= 1;
        reads.weights.push(((first_whole - begin) / cell) as f32);
    }
    for _ in first_whole as usize..last_whole as usize {
        reads.weights.push((1.0 / cell) as f32);
    }
    if end - last_whole > 1e-3 {
        reads.weights.push(((end - last_whole).min(1.0).min(cell) / cell) as f32);
    }
    reads
}

fn growing(i: usize, from: usize, to: usize) -> Reads {
    let scale = from as f64 / to as f64;
    let at = (i as f64 * scale).floor();
    let ahead = (i + 1) as f64 - (at + 1.0) / scale;
    let share = if ahead <= 0.0 { 0.0 } else { ahead - ahead.floor() } as f32;
    let first = (at as usize).min(from - 1);
    if first + 1 < from {
        Reads { first, weights: vec![1.0 - share, share] }
    } else {
        Reads { first, weights: vec![1.0] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_picture_stays_flat_at_every_size() {
        for from in [40, 100, 127, 128, 129, 200, 256, 300, 719, 720] {
            let out = area_resize(&vec![77; 3 * from * from], from, 128);
            assert_eq!(out.len(), 3 * 128 * 128);
            assert!(out.iter().all(|v| *v == 77), "{from}");
        }
    }

    #[test]
    fn shrinking_by_a_whole_factor_takes_means() {
        let values: Vec<u8> = (0..4 * 4 * 3).map(|i| i as u8 * 5).collect();
        let out = area_resize(&values, 4, 2);
        let mean =
            (0..2).flat_map(|y| (0..2).map(move |x| (y * 4 + x) * 3)).map(|i| f64::from(values[i])).sum::<f64>() / 4.0;
        assert_eq!(f64::from(out[0]), mean.round_ties_even());
    }

    #[test]
    fn windows_cover_the_picture() {
        let tiling = Tiling::of(1920, 1080);
        assert_eq!(tiling, Tiling { side: 720, count: [3, 3], step: [600, 180] });
        let last = tiling.windows().last().unwrap();
        assert_eq!((last.x + last.side, last.y + last.side), (1920, 1080));
    }
}
