//! From the detector's maps to faces: what the fifteen channels mean, and how answers for the same
//! face are merged.
//!
//! The decision that shapes it: weighted suppression. A face is seen by several cells and at
//! several scales; their boxes and points are averaged by score (as BlazeFace does, Bazarevsky et
//! al. 2019), which steadies them over time, and the highest score stands.

/// Pixels between the centres of neighbouring cells.
pub const STRIDE: usize = 8;

/// Unit of the offsets in pixels, and the size whose logarithm is 0.
const UNIT: f32 = 24.0;

/// One face, in pixels of the picture that was shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Left, top, width, height: the tight box around the face from the hair line to the chin.
    pub face_box: [f32; 4],
    /// Eye at the left of the picture, eye at the right, nose tip, mouth corner left, mouth corner
    /// right: x, y.
    pub points: [[f32; 2]; 5],
    /// Between 0 and 1.
    pub score: f32,
}

impl Found {
    /// The same face in a picture that is `scale` times as large and whose origin lies at `-shift`.
    #[must_use]
    pub fn mapped(&self, scale: f32, shift: [f32; 2]) -> Self {
        let [x, y, w, h] = self.face_box;
        Self {
            face_box: [x * scale + shift[0], y * scale + shift[1], w * scale, h * scale],
            points: self.points.map(|[px, py]| [px * scale + shift[0], py * scale + shift[1]]),
            score: self.score,
        }
    }

    /// Middle of the box.
    pub fn centre(&self) -> [f32; 2] {
        let [x, y, w, h] = self.face_box;
        [x + w / 2.0, y + h / 2.0]
    }

    /// The same face in a picture that is larger by these factors.
    pub(super) fn stretched(&self, [across, down]: [f32; 2]) -> Self {
        let [x, y, w, h] = self.face_box;
        Self {
            face_box: [x * across, y * down, w * across, h * down],
            points: self.points.map(|[px, py]| [px * across, py * down]),
            score: self.score,
        }
    }

    /// Area of the intersection over that of the union with another face's box.
    pub fn iou(&self, other: &Self) -> f32 {
        let ([ax, ay, aw, ah], [bx, by, bw, bh]) = (self.face_box, other.face_box);
        let width = ((ax + aw).min(bx + bw) - ax.max(bx)).max(0.0);
        let height = ((ay + ah).min(by + bh) - ay.max(by)).max(0.0);
        let both = width * height;
        both / (aw * ah + bw * bh - both).max(f32::MIN_POSITIVE)
    }

    /// Share of this face's box that lies in the other's.
    fn inside(&self, other: &Self) -> f32 {
        let ([ax, ay, aw, ah], [bx, by, bw, bh]) = (self.face_box, other.face_box);
        let width = ((ax + aw).min(bx + bw) - ax.max(bx)).max(0.0);
        let height = ((ay + ah).min(by + bh) - ay.max(by)).max(0.0);
        width * height / (aw * ah).max(f32::MIN_POSITIVE)
    }
}

/// The box and the points that the fourteen regressed values `v` of the cell at (`column`, `row`)
/// mean: offsets of the box's centre in units of 24 pixels, logarithms of its extents over 24
/// pixels, offsets of the points from the box's centre in box sizes.
pub(super) fn place(v: &[f32; 14], column: usize, row: usize) -> ([f32; 4], [[f32; 2]; 5]) {
    let cell = |i: usize| (i as f32 + 0.5) * STRIDE as f32;
    let (x, y) = (cell(column) + v[0] * UNIT, cell(row) + v[1] * UNIT);
    let extent = |log: f32| UNIT * log.clamp(-4.0, 4.0).exp();
    let (width, height) = (extent(v[2]), extent(v[3]));
    let points = std::array::from_fn(|i| [x + v[4 + 2 * i] * width, y + v[5 + 2 * i] * height]);
    ([x - width / 2.0, y - height / 2.0, width, height], points)
}

/// The inverse of [`place`].
pub fn encode(face_box: [f32; 4], points: &[[f32; 2]; 5], column: usize, row: usize) -> [f32; 14] {
    let cell = |i: usize| (i as f32 + 0.5) * STRIDE as f32;
    let [left, top, width, height] = face_box;
    let (x, y) = (left + width / 2.0, top + height / 2.0);
    let mut v = [0.0; 14];
    v[..4].copy_from_slice(&[
        (x - cell(column)) / UNIT,
        (y - cell(row)) / UNIT,
        (width / UNIT).ln(),
        (height / UNIT).ln(),
    ]);
    for (i, [px, py]) in points.iter().enumerate() {
        v[4 + 2 * i] = (px - x) / width;
        v[5 + 2 * i] = (py - y) / height;
    }
    v
}

/// Every cell of one picture's map `[15, rows, columns]` whose score reaches `least`, in pixels of
/// the network's input.
pub fn decode(map: &[f32], rows: usize, columns: usize, least: f32) -> Vec<Found> {
    let plane = rows * columns;
    let mut found = Vec::new();
    for at in 0..plane.min(map.len() / super::OUTPUTS) {
        let score = 1.0 / (1.0 + (-map[at]).exp());
        if score >= least {
            let values = std::array::from_fn(|i| map[(i + 1) * plane + at]);
            let (face_box, points) = place(&values, at % columns, at / columns);
            found.push(Found { face_box, points, score });
        }
    }
    found
}

/// Merges answers for the same face: from the highest score on, all that overlap by more than
/// `overlap` (intersection over union), or lie nearly whole inside or around it, become one,
/// averaged by score. Sorted by score, ties by place, so that the order of `found` does not matter.
pub fn suppress(mut found: Vec<Found>, overlap: f32) -> Vec<Found> {
    /// Boxes of an eye or a chin within a face's box are the same face.
    const INSIDE: f32 = 0.85;
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| compare(&a.face_box, &b.face_box)));
    let mut faces = Vec::new();
    while let Some(best) = found.first().copied() {
        let (same, rest): (Vec<Found>, Vec<Found>) = found.into_iter().partition(|f| best.iou(f) > overlap);
        faces.push(average(&same, best.score));
        found = rest.into_iter().filter(|f| f.inside(&best) < INSIDE && best.inside(f) < INSIDE).collect();
    }
    faces
}

fn compare(a: &[f32; 4], b: &[f32; 4]) -> std::cmp::Ordering {
    a.iter().zip(b).map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

fn average(same: &[Found], score: f32) -> Found {
    let total: f32 = same.iter().map(|f| f.score).sum();
    let mean = |value: &dyn Fn(&Found) -> f32| same.iter().map(|f| value(f) * f.score).sum::<f32>() / total;
    Found {
        face_box: std::array::from_fn(|i| mean(&|f| f.face_box[i])),
        points: std::array::from_fn(|i| std::array::from_fn(|j| mean(&|f| f.points[i][j]))),
        score,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f32, size: f32, score: f32) -> Found {
        Found { face_box: [x, 10.0, size, size], points: [[x, 12.0]; 5], score }
    }

    #[test]
    fn a_box_survives_encoding() {
        let points = [[20.0, 30.0], [40.0, 31.0], [30.0, 40.0], [22.0, 50.0], [38.0, 51.0]];
        let face_box = [10.0, 12.0, 41.0, 55.0];
        let (back, back_points) = place(&encode(face_box, &points, 3, 5), 3, 5);
        assert!(back.iter().zip(face_box).all(|(a, b)| (a - b).abs() < 1e-3));
        assert!(back_points.iter().flatten().zip(points.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn answers_for_one_face_become_one() {
        let found = vec![face(10.0, 40.0, 0.9), face(12.0, 40.0, 0.3), face(100.0, 40.0, 0.8), face(15.0, 12.0, 0.7)];
        let mut reversed = found.clone();
        reversed.reverse();
        let faces = suppress(found, 0.4);
        assert_eq!(faces, suppress(reversed, 0.4));
        assert_eq!(faces.len(), 2);
        assert!((faces[0].face_box[0] - 10.5).abs() < 1e-4 && faces[0].score == 0.9);
    }

    #[test]
    fn only_cells_above_the_threshold_are_decoded() {
        let mut map = vec![0.0; super::super::OUTPUTS * 6];
        map[..6].copy_from_slice(&[-5.0, 2.0, -5.0, -5.0, -5.0, -5.0]);
        let found = decode(&map, 2, 3, 0.5);
        assert_eq!(found.len(), 1);
        // Cell (column 1, row 0) with zero offsets: centre (12, 4), size 24.
        assert_eq!(found[0].face_box, [0.0, -8.0, 24.0, 24.0]);
    }
}
