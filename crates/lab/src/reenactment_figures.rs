//! What networks that judge faces say of reenacted heads of people whom nobody trained on.
//!
//! The decision that shapes it: pairs are made as the recipe makes them, of the test split alone, and each is judged before marks are put on and after, saved
//! at several qualities. Reals and fakes of a row differ in nothing but the animator. Intervals draw sources with all that was made from them.
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::PathBuf;

use anyhow::Context as _;
use assay_faces::{Networks, suspicion};
use assay_media::Progress;
use assay_models::face_forgery::{FaceForgery, Input, MARGIN, SIDE, SYNTHESIS_MARGIN};
use assay_models::shipped_faces::Judges;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};
use rayon::prelude::*;

use crate::measure::{Judged, auc_interval};
use crate::train::faces::data::Split;
use crate::train::forgery::reenactment::{Pair, Stage, animator, marked, mesh_of};

/// Qualities of JPEG files.
const QUALITIES: [u8; 3] = [95, 75, 50];

/// What is measured.
pub struct Options {
    /// The labelled pictures and clips.
    pub data: PathBuf,
    /// Weights of an animator, by id or file; the shipped ones without.
    pub animator: Option<String>,
    /// Weights that `assay train detector --recipe reenactment` wrote, beside the shipped networks.
    pub detector: Option<PathBuf>,
    /// Pairs.
    pub pairs: u64,
}

/// A picture saved and opened again.
fn saved(picture: &RgbImage, quality: u8) -> anyhow::Result<RgbImage> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))?;
    Ok(image::load_from_memory_with_format(bytes.get_ref(), ImageFormat::Jpeg)?.into_rgb8())
}

/// The mean logit of networks on the crop of this margin; `None` where no face is found or it is too small.
fn logit(nets: &[FaceForgery], margin: f32, picture: &RgbImage, mesh: &[[f32; 2]]) -> Option<f64> {
    let crop = suspicion::cut(picture, &suspicion::square(mesh, margin)?, SIDE as u32);
    let crop: Vec<[f32; 3]> = crop.pixels().map(|p| p.0.map(f32::from)).collect();
    let all: Vec<f64> =
        nets.iter().flat_map(|n| n.judge(&[&crop], Input::default())).map(|j| f64::from(j.logit)).collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

/// Makes the pairs, judges them and writes the document.
///
/// # Errors
/// When data or weights cannot be read, or no pair can be made.
pub fn run(options: &Options, progress: &dyn Progress) -> anyhow::Result<String> {
    let shipped = Judges::shipped()?;
    let mut judges: Vec<(String, f32, Vec<FaceForgery>)> = vec![
        ("face-forgery".into(), MARGIN, shipped.forgery),
        ("face-synthesis".into(), SYNTHESIS_MARGIN, shipped.synthesis),
    ];
    if let Some(path) = &options.detector {
        let name = path.display().to_string();
        judges.push(("reenactment".into(), MARGIN, Judges::open(&[name])?.forgery));
    }
    let networks = Networks::with(Judges::default())?;
    let stage = Stage::open(animator(options.animator.as_deref())?, &options.data, progress)?;
    let pairs: Vec<Pair> = (0..options.pairs)
        .into_par_iter()
        .filter_map(|at| {
            progress.update("reenacting heads", at, options.pairs);
            stage.pair(Split::Test, 5, at)
        })
        .collect();
    let first = pairs.first().context("the test split has no clip to take motion from")?;
    anyhow::ensure!(first.real.dimensions() == first.fake.dimensions(), "the pictures of a pair differ in size");
    let mut sources: Vec<&str> = pairs.iter().map(|p| p.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    let entry = stage.entry();
    let mut text = format!(
        "# Reenacted heads\n\nMade by `assay lab reenactment --data DIR`: {} heads of {} files of the test split, moved by {} (SHA-256 {}) after clips of the test split, and as many recorded ones \
         through the same cut, sizes and compression. Areas under the ROC curve with 95 % bootstrap intervals over sources. A face that is not found counts as an abstention, which is the lowest \
         score. *Marked* is with the same label and watermark on both.\n\n| pictures | saved as | judged by | AUC | without a face (real, fake) |\n|---|---|---|---|---|\n",
        pairs.len(),
        sources.len(),
        entry.id,
        entry.sha256
    );
    for has_marks in [false, true] {
        let shown: Vec<Pair> = if has_marks {
            let copy = |p: &Pair| Pair { source: p.source.clone(), real: p.real.clone(), fake: p.fake.clone() };
            pairs.par_iter().filter_map(|p| marked(copy(p))).collect()
        } else {
            pairs
                .iter()
                .map(|p| Pair { source: p.source.clone(), real: p.real.clone(), fake: p.fake.clone() })
                .collect()
        };
        for quality in QUALITIES {
            progress.update("judging", u64::from(quality), 100);
            let one = |pair: &Pair| -> anyhow::Result<Vec<[Option<f64>; 2]>> {
                let pictures = [saved(&pair.real, quality)?, saved(&pair.fake, quality)?];
                let meshes = [0, 1].map(|i| mesh_of(&networks, &pictures[i]));
                let of = |(_, margin, nets): &(String, f32, Vec<FaceForgery>)| {
                    [0, 1].map(|i| logit(nets, *margin, &pictures[i], meshes[i].as_deref()?))
                };
                Ok(judges.iter().map(of).collect())
            };
            let scores: Vec<Vec<[Option<f64>; 2]>> = shown.par_iter().map(one).collect::<anyhow::Result<_>>()?;
            for (at, (name, ..)) in judges.iter().enumerate() {
                let judged: Vec<Judged> = shown
                    .iter()
                    .zip(&scores)
                    .flat_map(|(pair, s)| {
                        [false, true].map(|forged| Judged {
                            forged,
                            score: s[at][usize::from(forged)],
                            source: pair.source.clone(),
                        })
                    })
                    .collect();
                let missing = |forged: bool| judged.iter().filter(|j| j.forged == forged && j.score.is_none()).count();
                let (area, interval) = auc_interval(&judged, 1000, 1).context("a score is no number")?;
                let marks = if has_marks { "marked" } else { "unmarked" };
                let _ = writeln!(
                    text,
                    "| {marks} | JPEG {quality} | {name} | {area:.3} ({:.3} to {:.3}) | {}, {} |",
                    interval.low,
                    interval.high,
                    missing(false),
                    missing(true)
                );
            }
        }
    }
    Ok(text)
}
