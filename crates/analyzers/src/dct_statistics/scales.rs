//! Laplacian scales of the AC frequencies, and the reference curves.
//!
//! The reference numbers are constants made by the ignored test below from public face sets;
//! nothing of the pictures is kept.
use assay_media::Plane;
use assay_media::dct::forward8;
use assay_media::jpeg::ZIGZAG;
use rayon::prelude::*;

/// The five AC frequencies (zigzag index 1..=63) whose scales differed most between photographed
/// and StyleGAN faces, measured as difference of means over the pooled standard deviation (0.20 to
/// 0.22 on the half that chose them, 0.26 to 0.31 on the other).
pub(super) const DIFFER_MOST: [usize; 5] = [3, 8, 9, 11, 18];

/// Mean scales of 412 photographed faces (FFHQ at 256x256, JPEG quality 75), zigzag order from AC
/// 1.
pub(super) const PHOTOGRAPHED: [f64; 63] = [
    57.86, 54.28, 23.57, 25.32, 25.37, 14.86, 16.29, 15.47, 13.57, 9.32, 10.40, 11.75, 11.21, 10.28, 7.76, 8.44, 9.18,
    8.76, 7.94, 7.23, 5.77, 6.11, 6.77, 7.38, 7.43, 6.68, 6.42, 5.57, 5.78, 5.97, 6.51, 5.81, 5.42, 5.41, 4.91, 4.30,
    4.39, 5.32, 5.01, 4.85, 5.23, 5.03, 4.73, 4.55, 3.78, 4.39, 3.84, 3.55, 3.33, 3.51, 3.62, 3.71, 4.62, 3.71, 3.09,
    2.78, 2.94, 2.93, 2.44, 3.32, 2.92, 2.97, 2.74,
];

/// Mean scales of 402 StyleGAN faces of the same size and tables.
#[expect(clippy::approx_constant, reason = "a measured mean that happens to lie near a constant")]
pub(super) const GENERATED: [f64; 63] = [
    56.88, 52.87, 22.35, 24.27, 24.46, 14.31, 15.57, 14.67, 12.80, 8.90, 9.83, 11.22, 10.83, 9.86, 7.43, 8.10, 8.78,
    8.28, 7.55, 6.94, 5.58, 5.90, 6.50, 7.02, 7.13, 6.38, 6.22, 5.33, 5.52, 5.73, 6.28, 5.64, 5.21, 5.22, 4.84, 4.07,
    4.17, 5.11, 4.90, 4.60, 4.98, 4.73, 4.42, 4.32, 3.59, 4.15, 3.63, 3.36, 3.07, 3.26, 3.37, 3.61, 4.39, 3.52, 2.96,
    2.49, 2.81, 2.74, 2.37, 3.15, 2.73, 2.79, 2.64,
];

/// The block at `(left, top)`, which must lie inside.
pub(super) fn block(luma: &Plane, left: usize, top: usize) -> [f32; 64] {
    let mut block = [0.0; 64];
    for (y, line) in block.chunks_exact_mut(8).enumerate() {
        line.copy_from_slice(&luma.row(top + y)[left..left + 8]);
    }
    block
}

/// `sigma / sqrt(2)` of each AC frequency over all whole blocks, zigzag order (Giudice 2021, eq.
/// 3).
pub(super) fn betas(luma: &Plane) -> [f64; 63] {
    let rows: Vec<([f64; 64], [f64; 64])> = (0..luma.height / 8)
        .into_par_iter()
        .map(|row| {
            let (mut sums, mut squares) = ([0.0; 64], [0.0; 64]);
            for left in (0..luma.width / 8 * 8).step_by(8) {
                for (i, c) in forward8(&block(luma, left, row * 8)).into_iter().enumerate() {
                    sums[i] += f64::from(c);
                    squares[i] += f64::from(c) * f64::from(c);
                }
            }
            (sums, squares)
        })
        .collect();
    let count = ((luma.height / 8) * (luma.width / 8)).max(1) as f64;
    std::array::from_fn(|k| {
        let i = usize::from(ZIGZAG[k + 1]);
        let mean = rows.iter().map(|r| r.0[i]).sum::<f64>() / count;
        let square = rows.iter().map(|r| r.1[i]).sum::<f64>() / count;
        ((square - mean * mean).max(0.0) / 2.0).sqrt()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    #[test]
    fn a_single_frequency_has_its_own_scale_only() {
        // Blocks of alternating sign of one basis function of amplitude a: sigma = a, beta = a /
        // sqrt 2.
        let mut coefficients = [0.0; 64];
        coefficients[usize::from(ZIGZAG[4])] = 20.0;
        let basis = assay_media::dct::inverse8(&coefficients);
        let mut luma = Plane::filled(64, 64, 0.0);
        for y in 0..64 {
            for x in 0..64 {
                let sign = if (x / 8 + y / 8) % 2 == 0 { 1.0 } else { -1.0 };
                luma.data[y * 64 + x] = 128.0 + sign * basis[y % 8 * 8 + x % 8];
            }
        }
        for (k, beta) in betas(&luma).into_iter().enumerate() {
            let expected = if k + 1 == 4 { 20.0 / 2f64.sqrt() } else { 0.0 };
            assert!((beta - expected).abs() < 1e-3, "AC {}: {beta} is not {expected}", k + 1);
        }
    }

    fn half_of(folder: &Path) -> Vec<[f64; 63]> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        files.retain(|f| f.extension().is_some_and(|e| e == "jpg"));
        files.sort();
        files
            .par_iter()
            .step_by(2)
            .map(|f| betas(&Plane::luma_from_rgb(&image::open(f).unwrap().into_rgb8())))
            .collect()
    }

    #[test]
    fn shared_faces_give_the_reference_numbers() {
        let root = std::env::var_os("ASSAY_SHARED")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
        let (real, generated) = (root.join("data/faces/ffhq256"), root.join("data/faces/stylegan256"));
        if !real.is_dir() || !generated.is_dir() {
            println!("SKIPPED: {} is absent", real.display());
            return;
        }
        let moments = |set: &[[f64; 63]], k: usize| {
            let mean = set.iter().map(|b| b[k]).sum::<f64>() / set.len() as f64;
            (mean, set.iter().map(|b| (b[k] - mean).powi(2)).sum::<f64>() / set.len() as f64)
        };
        let (real, generated) = (half_of(&real), half_of(&generated));
        let mut order: Vec<(f64, usize)> = Vec::new();
        for k in 0..63 {
            let ((a, va), (b, vb)) = (moments(&real, k), moments(&generated, k));
            let effect = (b - a) / ((va + vb) / 2.0).sqrt();
            println!("AC {:2}: photographed {a:.2}, generated {b:.2}, effect {effect:+.2}", k + 1);
            assert!((a - PHOTOGRAPHED[k]).abs() < 0.02 && (b - GENERATED[k]).abs() < 0.02, "the table is out of date");
            order.push((effect.abs(), k + 1));
        }
        order.sort_by(|x, y| y.0.total_cmp(&x.0));
        let mut first: Vec<usize> = order[..5].iter().map(|o| o.1).collect();
        first.sort_unstable();
        println!("differ most: {first:?}");
        assert_eq!(first, DIFFER_MOST);
    }
}
