//! Boxes and affine maps.
//!
//! The decision that shapes it: positions are continuous, the first pixel covers 0..1 in both
//! directions, and a map is named by where it leads from and to (`crop_from_frame`), so that two
//! maps are put together only where the names meet.

/// A box with edges parallel to the picture's, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl Rect {
    /// From the left and top edge and the size.
    pub fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x, y, width, height }
    }

    /// From the four edges.
    pub fn from_edges(left: f32, top: f32, right: f32, bottom: f32) -> Self {
        Self::new(left, top, right - left, bottom - top)
    }

    /// The smallest box that holds the points; `None` without points.
    pub fn around(points: &[[f32; 2]]) -> Option<Self> {
        let first = points.first()?;
        let edges = points.iter().fold([first[0], first[1], first[0], first[1]], |e, p| {
            [e[0].min(p[0]), e[1].min(p[1]), e[2].max(p[0]), e[3].max(p[1])]
        });
        Some(Self::from_edges(edges[0], edges[1], edges[2], edges[3]))
    }

    /// Right edge.
    pub fn right(&self) -> f32 {
        self.x + self.width
    }

    /// Bottom edge.
    pub fn bottom(&self) -> f32 {
        self.y + self.height
    }

    /// Middle.
    pub fn centre(&self) -> [f32; 2] {
        [self.x + 0.5 * self.width, self.y + 0.5 * self.height]
    }

    /// Area in square pixels; 0 for a box turned inside out.
    pub fn area(&self) -> f32 {
        self.width.max(0.0) * self.height.max(0.0)
    }

    /// Side of the square of the same area.
    pub fn size(&self) -> f32 {
        self.area().sqrt()
    }

    /// The common part; without area where there is none.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (left, top) = (self.x.max(other.x), self.y.max(other.y));
        let (right, bottom) = (self.right().min(other.right()), self.bottom().min(other.bottom()));
        Self::new(left, top, (right - left).max(0.0), (bottom - top).max(0.0))
    }

    /// Area of the common part over that of the union, 0..=1.
    pub fn iou(&self, other: &Self) -> f32 {
        let common = self.intersection(other).area();
        let union = self.area() + other.area() - common;
        if union > 0.0 { common / union } else { 0.0 }
    }

    /// Coordinates multiplied, as in a picture that is larger by these factors.
    #[must_use]
    pub fn scaled(&self, x: f32, y: f32) -> Self {
        Self::new(self.x * x, self.y * y, self.width * x, self.height * y)
    }

    /// The square of this side around the same middle.
    #[must_use]
    pub fn square(&self, side: f32) -> Self {
        let [x, y] = self.centre();
        Self::new(x - 0.5 * side, y - 0.5 * side, side, side)
    }
}

/// An affine map of the plane: `x' = xx x + xy y + x0`, `y' = yx x + yy y + y0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Row of x'.
    pub x: [f64; 3],
    /// Row of y'.
    pub y: [f64; 3],
}

impl Affine {
    /// The map that changes nothing.
    pub const IDENTITY: Self = Self { x: [1.0, 0.0, 0.0], y: [0.0, 1.0, 0.0] };

    /// A scaling followed by a shift.
    pub fn scale_shift(scale: [f64; 2], shift: [f64; 2]) -> Self {
        Self { x: [scale[0], 0.0, shift[0]], y: [0.0, scale[1], shift[1]] }
    }

    /// The similarity (rotation, one scale, shift; no reflection) that brings `source` nearest to
    /// `target` in least squares (Umeyama 1991, in the closed form of the plane). `None` when the
    /// source points coincide or their numbers differ.
    pub fn target_from_source(target: &[[f32; 2]], source: &[[f32; 2]]) -> Option<Self> {
        if target.len() != source.len() || source.is_empty() {
            return None;
        }
        let mean = |points: &[[f32; 2]]| {
            let sum = points.iter().fold([0.0, 0.0], |s, p| [s[0] + f64::from(p[0]), s[1] + f64::from(p[1])]);
            [sum[0] / points.len() as f64, sum[1] / points.len() as f64]
        };
        let (mt, ms) = (mean(target), mean(source));
        let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
        for (t, s) in target.iter().zip(source) {
            let (tx, ty) = (f64::from(t[0]) - mt[0], f64::from(t[1]) - mt[1]);
            let (sx, sy) = (f64::from(s[0]) - ms[0], f64::from(s[1]) - ms[1]);
            along += tx * sx + ty * sy;
            across += ty * sx - tx * sy;
            spread += sx * sx + sy * sy;
        }
        let (a, b) = (along / spread, across / spread);
        let usable = spread > 1e-9 && a.is_finite() && b.is_finite() && a.hypot(b) > 1e-9;
        usable.then(|| Self { x: [a, -b, mt[0] - a * ms[0] + b * ms[1]], y: [b, a, mt[1] - b * ms[0] - a * ms[1]] })
    }

    /// Where the map leads this point.
    pub fn apply(&self, point: [f32; 2]) -> [f32; 2] {
        let [x, y] = self.apply_f64([f64::from(point[0]), f64::from(point[1])]);
        [x as f32, y as f32]
    }

    pub(crate) fn apply_f64(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [self.x[0] * x + self.x[1] * y + self.x[2], self.y[0] * x + self.y[1] * y + self.y[2]]
    }

    /// First `inner`, then this: `a_from_c = a_from_b.after(b_from_c)`.
    #[must_use]
    pub fn after(&self, inner: &Self) -> Self {
        let row = |r: &[f64; 3]| {
            [
                r[0] * inner.x[0] + r[1] * inner.y[0],
                r[0] * inner.x[1] + r[1] * inner.y[1],
                r[0] * inner.x[2] + r[1] * inner.y[2] + r[2],
            ]
        };
        Self { x: row(&self.x), y: row(&self.y) }
    }

    /// The map back; `None` when this one flattens the plane.
    pub fn inverse(&self) -> Option<Self> {
        let det = self.determinant();
        if !(det.is_finite() && det.abs() > 1e-12) {
            return None;
        }
        let (a, b, c, d) = (self.y[1] / det, -self.x[1] / det, -self.y[0] / det, self.x[0] / det);
        Some(Self { x: [a, b, -a * self.x[2] - b * self.y[2]], y: [c, d, -c * self.x[2] - d * self.y[2]] })
    }

    /// How many times larger areas become; negative for a reflection.
    pub fn determinant(&self) -> f64 {
        self.x[0] * self.y[1] - self.x[1] * self.y[0]
    }

    /// How many times longer lengths become, on average.
    pub fn scale(&self) -> f64 {
        self.determinant().abs().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn overlaps_are_those_of_the_areas() {
        let a = Rect::new(0.0, 0.0, 10.0, 10.0);
        for (b, iou) in [
            (a, 1.0),
            (Rect::new(5.0, 0.0, 10.0, 10.0), 1.0 / 3.0),
            (Rect::new(10.0, 0.0, 10.0, 10.0), 0.0),
            (Rect::new(2.5, 2.5, 5.0, 5.0), 0.25),
            (Rect::new(3.0, 3.0, 0.0, 0.0), 0.0),
        ] {
            assert!((a.iou(&b) - iou).abs() < 1e-6 && (b.iou(&a) - iou).abs() < 1e-6, "{b:?}");
        }
        assert_eq!(Rect::default().iou(&Rect::default()), 0.0);
    }

    #[test]
    fn coinciding_points_give_no_map() {
        assert!(Affine::target_from_source(&[[0.0, 0.0]; 3], &[[1.0, 1.0]; 3]).is_none());
        assert!(Affine::target_from_source(&[[0.0, 0.0]; 2], &[[1.0, 1.0], [2.0, 1.0]]).is_none());
        assert!(Affine::target_from_source(&[], &[]).is_none());
        assert!(Affine { x: [1.0, 2.0, 0.0], y: [2.0, 4.0, 0.0] }.inverse().is_none());
    }

    proptest! {
        #[test]
        fn a_known_similarity_is_found_again(
            angle in -3.1f64..3.1, scale in 0.1f64..8.0, x in -500.0f64..500.0, y in -500.0f64..500.0,
            points in proptest::collection::vec((-100.0f32..100.0, -100.0f32..100.0), 3..20),
        ) {
            let (a, b) = (scale * angle.cos(), scale * angle.sin());
            let made = Affine { x: [a, -b, x], y: [b, a, y] };
            let source: Vec<[f32; 2]> = points.iter().map(|p| [p.0, p.1]).collect();
            let target: Vec<[f32; 2]> = source.iter().map(|p| made.apply(*p)).collect();
            prop_assume!(Rect::around(&source).is_some_and(|r| r.width.max(r.height) > 5.0));
            let found = Affine::target_from_source(&target, &source).unwrap();
            for (p, t) in source.iter().zip(&target) {
                let q = found.apply(*p);
                prop_assert!((q[0] - t[0]).abs() < 2e-2 && (q[1] - t[1]).abs() < 2e-2, "{q:?} {t:?}");
                let back = found.inverse().unwrap().apply(q);
                prop_assert!((back[0] - p[0]).abs() < 1e-2 && (back[1] - p[1]).abs() < 1e-2);
            }
            prop_assert!((found.scale() - scale).abs() < 1e-3 * scale);
        }

        #[test]
        fn maps_put_together_are_applied_one_after_the_other(m in proptest::array::uniform12(-3.0f64..3.0), px in -50.0f32..50.0, py in -50.0f32..50.0) {
            let outer = Affine { x: [m[0], m[1], m[2]], y: [m[3], m[4], m[5]] };
            let inner = Affine { x: [m[6], m[7], m[8]], y: [m[9], m[10], m[11]] };
            let one = outer.after(&inner).apply([px, py]);
            let two = outer.apply(inner.apply([px, py]));
            prop_assert!((one[0] - two[0]).abs() < 1e-2 && (one[1] - two[1]).abs() < 1e-2);
        }
    }
}
