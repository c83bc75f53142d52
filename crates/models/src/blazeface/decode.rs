//! From the network's numbers to faces: anchors, decoding, merging, margin, crop.

/// A face: 17 numbers in the published order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// `ymin, xmin, ymax, xmax`, in the units of the stage (sides of the tile, or pixels of the
    /// picture).
    pub bounds: [f32; 4],
    /// Right eye, left eye, nose, mouth, right ear, left ear, as (x, y). Right is the person's.
    pub points: [[f32; 2]; 6],
    /// In [0, 1]. After merging the mean of those that were merged.
    pub score: f32,
}

impl Detection {
    /// All values but the score, `ymin, xmin, ymax, xmax`, then the points.
    fn coordinates(&self) -> [f32; 16] {
        std::array::from_fn(|i| if i < 4 { self.bounds[i] } else { self.points[(i - 4) / 2][i % 2] })
    }

    fn from_coordinates(values: [f32; 16], score: f32) -> Self {
        Self {
            bounds: std::array::from_fn(|i| values[i]),
            points: std::array::from_fn(|k| [values[4 + 2 * k], values[5 + 2 * k]]),
            score,
        }
    }

    /// The published row of 17 numbers.
    pub fn row(&self) -> [f32; 17] {
        let values = self.coordinates();
        std::array::from_fn(|i| if i < 16 { values[i] } else { self.score })
    }

    /// The same moved and scaled: `x` and `y` to `scale * value + offset`.
    #[must_use]
    pub(super) fn mapped(&self, scale: f32, [x, y]: [f32; 2]) -> Self {
        let [top, left, bottom, right] = self.bounds;
        Self {
            bounds: [top * scale + y, left * scale + x, bottom * scale + y, right * scale + x],
            points: self.points.map(|[px, py]| [px * scale + x, py * scale + y]),
            score: self.score,
        }
    }
}

/// Centres and sizes (x, y, w, h) of the 896 anchors in sides of the picture: two on each of 16 x
/// 16 cells, six on each of 8 x 8.
pub fn anchors() -> Vec<[f32; 4]> {
    let layer = |cells: usize, each: usize| {
        (0..cells * cells * each).map(move |i| {
            let cell = i / each;
            let place = |k: usize| (k as f32 + 0.5) / cells as f32;
            [place(cell % cells), place(cell / cells), 1.0, 1.0]
        })
    };
    layer(16, 2).chain(layer(8, 6)).collect()
}

/// Detections of at least `min_score` in the order of the anchors. `boxes` has 16 numbers an
/// anchor, `scores` one logit.
pub fn decode(boxes: &[f32], scores: &[f32], anchors: &[[f32; 4]], min_score: f32) -> Vec<Detection> {
    let scale = super::INPUT as f32;
    let rows = boxes.as_chunks::<16>().0.iter().zip(scores).zip(anchors);
    let mut found = Vec::new();
    for ((raw, logit), [ax, ay, aw, ah]) in rows {
        let score = 1.0 / (1.0 + (-logit.clamp(-100.0, 100.0)).exp());
        if score < min_score {
            continue;
        }
        let (x, y) = (raw[0] / scale * aw + ax, raw[1] / scale * ah + ay);
        let (w, h) = (raw[2] / scale * aw, raw[3] / scale * ah);
        found.push(Detection {
            bounds: [y - h / 2.0, x - w / 2.0, y + h / 2.0, x + w / 2.0],
            points: std::array::from_fn(|k| [raw[4 + 2 * k] / scale * aw + ax, raw[5 + 2 * k] / scale * ah + ay]),
            score,
        });
    }
    found
}

/// Weighted suppression: the best detection takes with it all that overlap it by more than
/// `max_overlap`; what comes out is their mean, weighted by score, with the mean of the scores
/// (MediaPipe keeps the highest instead).
pub fn suppress(detections: &[Detection], max_overlap: f32) -> Vec<Detection> {
    let mut rest: Vec<&Detection> = detections.iter().collect();
    rest.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept = Vec::new();
    while let Some(best) = rest.first().copied() {
        let (same, others): (Vec<&Detection>, Vec<&Detection>) =
            rest.into_iter().partition(|d| overlap(&best.bounds, &d.bounds) > max_overlap);
        rest = others;
        if same.is_empty() {
            // A box without area overlaps nothing, itself included.
            kept.push(*best);
            rest.retain(|d| !std::ptr::eq(*d, best));
            continue;
        }
        let total: f32 = same.iter().map(|d| d.score).sum();
        let mut sums = [0.0f32; 16];
        for detection in &same {
            for (sum, value) in sums.iter_mut().zip(detection.coordinates()) {
                *sum += value * detection.score;
            }
        }
        let merged = Detection::from_coordinates(sums.map(|s| s / total), total / same.len() as f32);
        kept.push(if same.len() > 1 { merged } else { *best });
    }
    kept
}

/// Intersection over union of two `ymin, xmin, ymax, xmax`.
fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let height = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let width = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let area = |r: &[f32; 4]| (r[2] - r[0]) * (r[3] - r[1]);
    let common = height * width;
    let union = area(a) + area(b) - common;
    if union > 0.0 { common / union } else { 0.0 }
}

/// The box with a margin of `share` of its height on three sides and twice that above (BlazeFace
/// cuts off the forehead), within the picture. The offset is rounded to whole pixels, halves to
/// even.
#[must_use]
pub fn margin(detection: &Detection, [width, height]: [usize; 2], share: f32) -> Detection {
    let [top, left, bottom, right] = detection.bounds;
    let offset = (share * (bottom - top)).round_ties_even();
    Detection {
        bounds: [
            (top - 2.0 * offset).max(0.0),
            (left - offset).max(0.0),
            (bottom + offset).min(height as f32),
            (right + offset).min(width as f32),
        ],
        ..*detection
    }
}

/// Whole pixels `ymin, xmin, ymax, xmax` of a box, cut off, not rounded.
pub fn crop_box(detection: &Detection) -> [i64; 4] {
    detection.bounds.map(|v| v as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(bounds: [f32; 4], score: f32) -> Detection {
        Detection { bounds, points: [[bounds[1], bounds[0]]; 6], score }
    }

    #[test]
    fn overlapping_faces_merge_by_weight_and_others_stay() {
        let faces = [
            face([0.0, 0.0, 10.0, 10.0], 0.9),
            face([50.0, 50.0, 60.0, 60.0], 0.95),
            face([0.0, 1.0, 10.0, 11.0], 0.6),
        ];
        let kept = suppress(&faces, 0.3);
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[0], faces[1]);
        assert!((kept[1].bounds[1] - 0.4).abs() < 1e-6 && (kept[1].score - 0.75).abs() < 1e-6);
        assert!(suppress(&[], 0.3).is_empty());
        assert_eq!(suppress(&[face([5.0; 4], 0.8), face([f32::NAN; 4], 0.9)], 0.3).len(), 2);
    }

    #[test]
    fn margins_stay_in_the_picture() {
        let wide = margin(&face([5.0, 5.0, 95.0, 95.0], 1.0), [100, 98], 0.2);
        assert_eq!(wide.bounds, [0.0, 0.0, 98.0, 100.0]);
        assert_eq!(crop_box(&face([1.9, -0.5, 7.2, 8.99], 1.0)), [1, 0, 7, 8]);
    }
}
