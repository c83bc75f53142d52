//! Similarity transforms between the two places of a copy.

/// `x' = a x - b y + tx`, `y' = b x + a y + ty`, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Similarity {
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) tx: f64,
    pub(super) ty: f64,
}

impl Similarity {
    /// A whole-pixel shift.
    pub(super) fn shift(offset: [i32; 2]) -> Self {
        Self { a: 1.0, b: 0.0, tx: f64::from(offset[0]), ty: f64::from(offset[1]) }
    }

    /// Where a point goes.
    pub(super) fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        (self.a * x - self.b * y + self.tx, self.b * x + self.a * y + self.ty)
    }

    /// The way back.
    pub(super) fn inverse(&self) -> Self {
        let norm = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / norm, -self.b / norm);
        Self { a, b, tx: -(a * self.tx - b * self.ty), ty: -(b * self.tx + a * self.ty) }
    }

    /// Size of the target over that of the origin.
    pub(super) fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }

    /// Turn in degrees.
    pub(super) fn rotation_deg(&self) -> f64 {
        self.b.atan2(self.a).to_degrees()
    }

    /// The whole-pixel shift that this is, if it is one.
    pub(super) fn whole_shift(&self) -> Option<[i32; 2]> {
        let whole = |v: f64| (v - v.round()).abs() < 1e-9;
        (self.a == 1.0 && self.b == 0.0 && whole(self.tx) && whole(self.ty))
            .then(|| [self.tx.round() as i32, self.ty.round() as i32])
    }

    /// The same transform in a picture `factor` times as large, whose pixel centres lie at
    /// `factor * (x + 1/2) - 1/2`.
    pub(super) fn enlarged(&self, factor: f64) -> Self {
        let half = (factor - 1.0) / 2.0;
        Self {
            a: self.a,
            b: self.b,
            tx: factor * self.tx + half - (self.a * half - self.b * half),
            ty: factor * self.ty + half - (self.b * half + self.a * half),
        }
    }

    /// Least squares over pairs `(x, y, x', y')`, refitted twice on the half of the pairs that fits
    /// best. `None` for fewer than three pairs or when they lie in one point.
    pub(super) fn fit(pairs: &[[f64; 4]]) -> Option<Self> {
        let mut fitted = least_squares(pairs.iter())?;
        for _ in 0..2 {
            let mut errors: Vec<(f64, usize)> = pairs.iter().enumerate().map(|(i, p)| (fitted.error(p), i)).collect();
            errors.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            errors.truncate((pairs.len() / 2).max(3));
            fitted = least_squares(errors.iter().filter_map(|(_, i)| pairs.get(*i)))?;
        }
        Some(fitted)
    }

    fn error(&self, pair: &[f64; 4]) -> f64 {
        let (x, y) = self.apply(pair[0], pair[1]);
        (x - pair[2]).powi(2) + (y - pair[3]).powi(2)
    }
}

fn least_squares<'a>(pairs: impl Iterator<Item = &'a [f64; 4]> + Clone) -> Option<Similarity> {
    let count = pairs.clone().count() as f64;
    if count < 3.0 {
        return None;
    }
    let mut mean = [0.0; 4];
    for pair in pairs.clone() {
        (0..4).for_each(|k| mean[k] += pair[k] / count);
    }
    let (mut spread, mut along, mut across) = (0.0, 0.0, 0.0);
    for pair in pairs {
        let [x, y, u, v] = [0, 1, 2, 3].map(|k| pair[k] - mean[k]);
        spread += x * x + y * y;
        along += x * u + y * v;
        across += x * v - y * u;
    }
    if spread < 1e-9 {
        return None;
    }
    let (a, b) = (along / spread, across / spread);
    Some(Similarity { a, b, tx: mean[2] - (a * mean[0] - b * mean[1]), ty: mean[3] - (b * mean[0] + a * mean[1]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_survives_outliers_and_inverts() {
        let truth = Similarity { a: 0.9, b: 0.3, tx: 40.0, ty: -7.5 };
        let mut pairs: Vec<[f64; 4]> = (0..60)
            .map(|i| {
                let (x, y) = (f64::from(i % 9) * 3.0, f64::from(i / 9) * 4.0);
                let (u, v) = truth.apply(x, y);
                [x, y, u, v]
            })
            .collect();
        pairs[7][2] += 5.0;
        pairs[30][3] -= 4.0;
        let fitted = Similarity::fit(&pairs).unwrap();
        assert!((fitted.a - 0.9).abs() < 1e-9 && (fitted.b - 0.3).abs() < 1e-9, "{fitted:?}");
        let (x, y) = fitted.inverse().apply(fitted.apply(3.0, 8.0).0, fitted.apply(3.0, 8.0).1);
        assert!((x - 3.0).abs() < 1e-9 && (y - 8.0).abs() < 1e-9);
    }

    #[test]
    fn enlarging_keeps_pixel_centres() {
        let small = Similarity { a: 1.1, b: -0.2, tx: 5.0, ty: 3.0 };
        let large = small.enlarged(3.0);
        let centre = |v: f64| 3.0 * (v + 0.5) - 0.5;
        let (u, v) = small.apply(10.0, 20.0);
        let (x, y) = large.apply(centre(10.0), centre(20.0));
        assert!((x - centre(u)).abs() < 1e-9 && (y - centre(v)).abs() < 1e-9);
    }
}
