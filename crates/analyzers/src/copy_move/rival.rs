//! How well a region matches where it should not: beside its match and anywhere else. Edges, bricks
//! and block grids match nearly as well there; a copy does not.
use rayon::prelude::*;
use rustfft::num_complex::Complex32;

use super::spectrum::Transform;
use super::transform::Similarity;
use super::verify::{Region, Residuals};

/// The best correlation that the region reaches a few pixels beside its match: along an edge it
/// stays high.
pub(super) fn nearby_rival(residuals: &Residuals, region: &Region, points: &[[f64; 2]]) -> f64 {
    let mut best = 0.0f64;
    for radius in [4.0f64, 8.0, 16.0] {
        for k in 0..24 {
            let (sin, cos) = (f64::from(k) * std::f64::consts::TAU / 24.0).sin_cos();
            let t = region.transform;
            let moved = Similarity { tx: t.tx + (radius * cos).round(), ty: t.ty + (radius * sin).round(), ..t };
            best = best.max(residuals.correlation(points, &moved));
        }
    }
    best
}

/// Correlation of a region's residual with every other place of the picture; the second best, away
/// from the region itself and from its match.
pub(super) fn distant_rival(residuals: &Residuals, region: &Region, exclusion: usize) -> f64 {
    let (width, height) = (residuals.width, residuals.height);
    let xs = region.pixels.iter().map(|p| *p as usize % width);
    let (x0, x1) = (xs.clone().min().unwrap_or(0), xs.max().unwrap_or(0));
    let y0 = region.pixels.first().map_or(0, |p| *p as usize / width);
    let y1 = region.pixels.last().map_or(0, |p| *p as usize / width);
    let (w, h) = (x1 - x0 + 1, y1 - y0 + 1);
    let transform = Transform::new(width + w, height + h);
    let mut template = transform.buffer(0, 0, |_, _| Complex32::default());
    let mut own = 0.0f64;
    for p in &region.pixels {
        let (x, y) = (*p as usize % width, *p as usize / width);
        let value = residuals.fine[*p as usize];
        own += f64::from(value * value);
        template[(y - y0) * transform.width + x - x0] = Complex32::new(value, 1.0);
    }
    let picture = transform.buffer(width, height, |x, y| {
        let v = residuals.fine[y * width + x];
        Complex32::new(v, v * v)
    });
    // Both inputs hold two real signals; their spectra are taken apart by symmetry.
    let (a, b) = (transform.forward(template), transform.forward(picture));
    // The spectra are transposed: one row of them is one column of the picture.
    let (rows, columns) = (transform.width, transform.height);
    let mut product = vec![Complex32::default(); a.len()];
    let i = Complex32::new(0.0, 1.0);
    product.par_chunks_mut(columns).enumerate().for_each(|(u, out)| {
        for (v, out) in out.iter_mut().enumerate() {
            let at = u * columns + v;
            let mirrored = ((rows - u) % rows) * columns + (columns - v) % columns;
            let part = |s: &[Complex32]| {
                let (p, q) = (s[at], s[mirrored].conj());
                ((p + q) * 0.5, (p - q) * 0.5 * -i)
            };
            let ((values, mask), (residual, energy)) = (part(&a), part(&b));
            *out = values.conj() * residual + i * (mask.conj() * energy);
        }
    });
    let correlation = transform.inverse(product);
    let least = region.pixels.len() as f32 * 0.05;
    let score = |x: usize, y: usize| {
        let c = correlation[y * transform.width + x];
        if c.im > least { f64::from(c.re) / (own * f64::from(c.im)).sqrt() } else { 0.0 }
    };
    let target = region.transform.apply(region.middle[0], region.middle[1]);
    let shift = [target.0 - region.middle[0], target.1 - region.middle[1]];
    let (last_x, last_y) = (width.saturating_sub(w), height.saturating_sub(h));
    let best_but = |taken: Option<(usize, usize)>| {
        (0..=last_y)
            .into_par_iter()
            .filter_map(|y| {
                let candidates = (0..=last_x).filter(|x| {
                    let (dx, dy) = (*x as f64 - x0 as f64, y as f64 - y0 as f64);
                    let near_self = dx.hypot(dy) < exclusion as f64 / 2.0;
                    let near_match = (dx - shift[0]).hypot(dy - shift[1]) < 3.0;
                    let near_taken = taken.is_some_and(|(u, v)| x.abs_diff(u).max(y.abs_diff(v)) <= 3);
                    !(near_self || near_match || near_taken)
                });
                candidates.map(|x| (score(x, y), x, y)).max_by(|a, b| a.0.total_cmp(&b.0))
            })
            .collect::<Vec<_>>()
            .into_iter()
            .max_by(|a, b| a.0.total_cmp(&b.0))
    };
    // The second best: a part may well have been pasted twice.
    let Some((_, x, y)) = best_but(None) else { return 0.0 };
    best_but(Some((x, y))).map_or(0.0, |b| b.0)
}
