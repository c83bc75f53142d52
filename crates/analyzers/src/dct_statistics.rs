//! # DCT statistics
//!
//! **For the eye only; it never moves the verdict.** Shows two descriptions of a picture's
//! frequencies in which generated pictures can differ from photographed ones, so that an examiner
//! can see what a classifier would see.
//!
//! **How.**
//! 1. *Laplacian scales.* Luma is cut into 8x8 blocks and transformed; for each of the 63 AC
//!    frequencies the scale of a Laplacian is `beta = sigma / sqrt(2)` (Giudice 2021). The chart
//!    shows the 63 values in zigzag order beside the means of 412 photographed and 402 StyleGAN
//!    faces.
//! 2. *Frequencies that differed most.* On those two sets (halves of FFHQ and StyleGAN faces at
//!    256x256, both JPEG quality 75) the frequencies were ordered by the difference of the mean
//!    scales over their pooled spread; the first five are kept. The picture shows these frequencies
//!    alone, amplified eight times about middle grey. The table is made by `cargo test --release -p
//!    assay-analyzers frequencies_that_differ -- --ignored --nocapture`.
//! 3. *Spectrum.* The picture less its local mean (3x3 binomial), cut into windows of 64 pixels
//!    with a Hann taper; the mean power of all windows on a logarithmic scale, frequency 0 in the
//!    middle. Upsampling layers of generators, scaling and JPEG's own 8x8 grid show as isolated
//!    peaks or a lattice of dots. The second chart is the mean over all directions: generated
//!    pictures often bend up or down at its end.
//!
//! **How to read it.** Compare with pictures of the same source, size and compression, never with a
//! memory of what looks natural. The five frequencies differed by 0.2 to 0.3 pooled standard
//! deviations only: one picture's value says nothing about that picture.
//!
//! **What fools it.** JPEG compression, scaling, sharpening and noise removal change every number
//! shown. In the published figures a classifier on these scales falls from 83 % to 45 % (three
//! classes) at JPEG quality 90 and to 35 % at quality 70. The lattice of peaks at multiples of 1/8
//! is the JPEG grid and stands in nearly every web photo.
//!
//! **References.** O. Giudice, L. Guarnera, S. Battiato, "Fighting deepfakes by detecting GAN DCT
//! anomalies", J. Imaging 7 (2021) · E. Lam, J. Goodman, "A mathematical analysis of the DCT
//! coefficient distributions for images", IEEE TIP 9 (2000) · X. Zhang, S. Karaman, S.-F. Chang,
//! "Detecting and simulating artifacts in GAN fake images", WIFS 2019 · R. Durall, M. Keuper, J.
//! Keuper, "Watch your up-convolution", CVPR 2020.
mod scales;
mod spectrum;

use assay_evidence::{Chart, Evidence, Family, MediaKind, Outcome, Role, Series, Severity, Status};
use assay_media::Plane;
use assay_media::dct::{forward8, inverse8};
use assay_media::jpeg::ZIGZAG;
use image::RgbImage;
use rayon::prelude::*;

use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample, maps};

pub(crate) struct DctStatistics;

pub(crate) static THE: DctStatistics = DctStatistics;

const MIN_SIDE: u32 = 64;

static ABOUT: About = About {
    id: "dct_statistics",
    title: "DCT statistics",
    summary: "Shows the spread of the 63 DCT frequencies and the noise spectrum, in which generated pictures can differ; for the eye only.",
    family: Family::Undirected,
    status: Status::DisplayOnly,
    needs: &[Need::Pixels { min_side: MIN_SIDE }],
    fooled_by: &[
        "JPEG compression, scaling, sharpening and noise removal change every number shown.",
        "The reference curves are of faces at 256x256 pixels and JPEG quality 75; other pictures differ from both.",
        "Peaks at multiples of 1/8 are the JPEG grid, not a generator.",
    ],
    not_applicable_when: &["A side is shorter than 64 pixels.", "The file is a video."],
    references: &[
        "O. Giudice, L. Guarnera, S. Battiato, Fighting deepfakes by detecting GAN DCT anomalies, J. Imaging 7(8) (2021)",
        "E. Lam, J. Goodman, A mathematical analysis of the DCT coefficient distributions for images, IEEE TIP 9(10) (2000)",
        "X. Zhang, S. Karaman, S.-F. Chang, Detecting and simulating artifacts in GAN fake images, WIFS (2019)",
        "R. Durall, M. Keuper, J. Keuper, Watch your up-convolution, CVPR (2020)",
    ],
};

/// How much the picture of single frequencies is amplified.
const GAIN: f32 = 8.0;

impl Analyzer for DctStatistics {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, _context: &Context) -> Result<Outcome, AnalyzerError> {
        if sample.kind() == MediaKind::Video {
            return Ok(Outcome::not_applicable("the file is a video"));
        }
        let (width, height) = sample.coded_size();
        if width.min(height) < MIN_SIDE {
            return Ok(Outcome::not_applicable(format!("a side is shorter than {MIN_SIDE} pixels")));
        }
        let luma = sample.luma()?;
        let betas = scales::betas(luma);
        let spectrum = spectrum::of(luma);
        let mut evidence = Evidence::new(
            Role::DisplayOnly,
            0.0,
            "These charts describe the picture's frequencies. They are shown for comparison with pictures of the same source and compression; \
             by themselves they say nothing about whether this picture was generated.",
        );
        for i in scales::DIFFER_MOST {
            let at = usize::from(ZIGZAG[i]);
            evidence.measure(format!("beta of AC {i} (u {}, v {})", at % 8, at / 8), betas[i - 1], "grey levels");
        }
        let points = |values: &[f64]| values.iter().enumerate().map(|(i, v)| [(i + 1) as f64, *v]).collect();
        evidence.charts.push(Chart {
            title: "Laplacian scale of the 63 AC frequencies".into(),
            x_label: "AC frequency (zigzag index)".into(),
            y_label: "beta (grey levels)".into(),
            series: vec![
                Series { name: "this picture".into(), points: points(&rounded(&betas)) },
                Series {
                    name: "mean of 412 photographed faces (256x256, JPEG 75)".into(),
                    points: points(&scales::PHOTOGRAPHED),
                },
                Series {
                    name: "mean of 402 StyleGAN faces (256x256, JPEG 75)".into(),
                    points: points(&scales::GENERATED),
                },
            ],
            bars: false,
        });
        evidence.charts.push(Chart {
            title: "Noise spectrum, mean over all directions".into(),
            x_label: "spatial frequency (cycles per pixel)".into(),
            y_label: "power (dB)".into(),
            series: vec![Series { name: "this picture".into(), points: spectrum.profile() }],
            bars: false,
        });
        evidence.pictures.push(maps::picture_over_input(
            sample,
            &amplified(luma),
            format!(
                "The five AC frequencies {:?} alone, amplified {GAIN} times about middle grey",
                scales::DIFFER_MOST
            ),
        )?);
        evidence.pictures.push(maps::picture(
            &spectrum.picture(),
            "Mean power spectrum of the picture less its local mean, logarithmic, frequency 0 in the middle",
        )?);
        evidence.remark(
            Severity::Info,
            "No threshold is known that holds across sources and compression; this analyzer never moves the verdict.",
        );
        Ok(Outcome::Evidence(Box::new(evidence)))
    }
}

fn rounded(values: &[f64]) -> Vec<f64> {
    values.iter().map(|v| (v * 1e4).round() / 1e4).collect()
}

/// The chosen frequencies alone. Samples beyond the last whole block stay grey.
fn amplified(luma: &Plane) -> RgbImage {
    let (width, height) = (luma.width, luma.height);
    let mut shown = vec![128u8; width * height * 3];
    shown.par_chunks_mut(width * 24).enumerate().filter(|(row, _)| row * 8 + 8 <= height).for_each(|(row, shown)| {
        for left in (0..width / 8 * 8).step_by(8) {
            let coefficients = forward8(&scales::block(luma, left, row * 8));
            let mut kept = [0.0; 64];
            for i in scales::DIFFER_MOST {
                let at = usize::from(ZIGZAG[i]);
                kept[at] = coefficients[at] * GAIN;
            }
            for (i, sample) in inverse8(&kept).into_iter().enumerate() {
                let at = (i / 8 * width + left + i % 8) * 3;
                shown[at..at + 3].fill((128.0 + sample).round().clamp(0.0, 255.0) as u8);
            }
        }
    });
    RgbImage::from_raw(width as u32, height as u32, shown).unwrap_or_default()
}
