//! Whether a generator of faces gives back the people it learnt from.
//!
//! The decision that shapes it: "too near" is what strangers are not. Faces of people who were held
//! out have a nearest training picture too, and by chance some are near; a generator that remembers
//! would put more of its faces below their first percentile than they have there themselves. Two
//! spaces are asked (colours of a small picture, the identity network), and in both also how much
//! nearer the nearest is than the next ones, because faces that are all near the mean face are near
//! everybody and copies of nobody.
use std::path::PathBuf;

use assay_media::Progress;
use assay_models::Kind;
use assay_models::face_generator::Synthesizer;
use assay_models::registry::{self, Registry};
use assay_models::shipped_faces::ShippedFaces;
use assay_provenance::{Making, MarkedWriter, Record, Synthetic, WeightsUsed};
use image::{RgbImage, imageops};
use rayon::prelude::*;

use crate::experiment::{Experiment, Markdown, Stage, sheet_name, write_sheet};
use assay_bench::collections::Split;
use assay_train::face_generator::faces::{cropped, identity};
use assay_train::faces::data;

/// Side of the pictures whose colours are compared.
const SMALL: u32 = 16;
/// The nearest is held against the mean of so many that follow it.
const NEXT: usize = 10;
/// The percentile of held-out faces below which a face is called near, as a share.
const NEAR: f64 = 0.01;
/// The share of generated faces that may be near: twice the share of held-out ones, and what chance
/// adds.
const ALLOWED: f64 = 0.02;
/// Pairs on a sheet.
const PAIRS: usize = 12;

/// What is examined.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of the labelled pictures that it was trained on
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Weights by id or file; the shipped ones when not given
    #[arg(long, value_name = "ID|FILE")]
    pub weights: Option<String>,
    /// Generated faces
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub count: u64,
    /// Seed of the faces
    #[arg(long, default_value_t = 11)]
    pub seed: u64,
    /// Factor on what is drawn, as in `assay synthesize`
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub truncation: f32,
    /// Where the faces that come nearest are shown above the training pictures, to be looked at and
    /// not to be passed on
    #[arg(long, value_name = "PNG", value_parser = sheet_name)]
    pub sheet: Option<PathBuf>,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "memorisation";
    const ABOUT: &'static str = "Look for training pictures among the faces of a generator";
    const PAGE: Option<&'static str> = Some("docs/memorisation.md");
    type Args = Options;
    type Figures = Memorisation;

    fn run(options: Options, stage: &Stage<'_>) -> anyhow::Result<Memorisation> {
        let (found, pairs) = measure(&options, stage.progress)?;
        if let Some(path) = &options.sheet {
            write_sheet(path, &pairs)?;
        }
        Ok(found)
    }
}

impl Markdown for Memorisation {
    fn page(&self, _: &str) -> String {
        markdown(self)
    }
}

/// One way to say how near two faces are.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Measure {
    /// Which.
    pub name: &'static str,
    /// Median over generated faces, and over held-out ones.
    pub medians: [f64; 2],
    /// Smallest over each.
    pub smallest: [f64; 2],
    /// First percentile of held-out faces.
    pub near: f64,
    /// Share of generated faces below it.
    pub share_near: f64,
}

/// The answer.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Memorisation {
    /// Id of the weights, and their SHA-256.
    pub weights: [String; 2],
    /// Generated, held-out and training faces; training faces count once more mirrored.
    pub faces: [usize; 3],
    /// Seed and factor of the generated ones.
    pub seed: u64,
    /// Factor on what was drawn.
    pub truncation: f32,
    /// Each way.
    pub measures: Vec<Measure>,
    /// Whether no measure has more near faces than chance allows.
    pub passes: bool,
}

/// A face in both spaces.
struct Placed {
    small: Vec<f32>,
    identity: Vec<f32>,
}

/// Distance to the nearest training face and to the mean of those that follow, by colours and by
/// identity; and which is nearest by either.
struct Nearest {
    distances: [f64; 2],
    ratios: [f64; 2],
    at: [usize; 2],
}

fn by_colours(a: &Placed, b: &Placed) -> f64 {
    let sum: f32 = a.small.iter().zip(&b.small).map(|(x, y)| (x - y).powi(2)).sum();
    f64::from(sum / a.small.len().max(1) as f32).sqrt()
}

fn by_identity(a: &Placed, b: &Placed) -> f64 {
    1.0 - a.identity.iter().zip(&b.identity).map(|(x, y)| f64::from(x * y)).sum::<f64>()
}

fn nearest(face: &Placed, training: &[Placed]) -> Nearest {
    let of = |distance: fn(&Placed, &Placed) -> f64| {
        let mut all: Vec<(f64, usize)> = training.iter().enumerate().map(|(i, t)| (distance(face, t), i)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (first, at) = all.first().copied().unwrap_or((f64::INFINITY, 0));
        let next = all.iter().skip(1).take(NEXT).map(|(d, _)| d).sum::<f64>() / NEXT as f64;
        (first, first / next.max(1e-9), at)
    };
    let (colours, identity) = (of(by_colours), of(by_identity));
    Nearest { distances: [colours.0, identity.0], ratios: [colours.1, identity.1], at: [colours.2, identity.2] }
}

/// A quantile of sorted values.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn compared(name: &'static str, mut generated: Vec<f64>, mut held_out: Vec<f64>) -> Measure {
    generated.sort_by(f64::total_cmp);
    held_out.sort_by(f64::total_cmp);
    let near = quantile(&held_out, NEAR);
    let below = generated.partition_point(|d| *d < near);
    Measure {
        name,
        medians: [quantile(&generated, 0.5), quantile(&held_out, 0.5)],
        smallest: [quantile(&generated, 0.0), quantile(&held_out, 0.0)],
        near,
        share_near: below as f64 / generated.len().max(1) as f64,
    }
}

/// Measures; with it a marked sheet of the generated faces that come nearest to a training picture,
/// each above that picture.
///
/// # Errors
/// When data or weights cannot be read, or there are too few faces to compare with.
fn measure(options: &Options, progress: &dyn Progress) -> anyhow::Result<(Memorisation, RgbImage)> {
    let loaded = match &options.weights {
        Some(name) => registry::open(name)?,
        None => Registry::shipped(Kind::FaceGenerator)?,
    };
    let network = Synthesizer::open(loaded)?;
    let (entry, side) = (network.entry().clone(), network.config().side as u32);
    progress.update("reading pictures", 0, 0);
    let pictures = data::load(&options.data, None)?;
    let of = |split: Split| -> Vec<RgbImage> { cropped(&pictures, split, side).into_iter().map(|c| c.face).collect() };
    let held_out: Vec<RgbImage> = of(Split::Validation).into_iter().chain(of(Split::Test)).collect();
    let training: Vec<RgbImage> =
        of(Split::Train).into_iter().flat_map(|face| [imageops::flip_horizontal(&face), face]).collect();
    drop(pictures);
    anyhow::ensure!(held_out.len() >= 100, "{} held-out faces are too few to compare with", held_out.len());
    let generated: Vec<RgbImage> = (0..options.count)
        .filter_map(|n| {
            let made = network.make(options.seed, n, options.truncation);
            RgbImage::from_raw(made.width as u32, made.height as u32, made.pixels)
        })
        .collect();
    let embedding = ShippedFaces::load()?.embedding;
    let placed = |faces: &[RgbImage]| -> Vec<Placed> {
        let one = |face: &RgbImage| Placed {
            small: imageops::thumbnail(face, SMALL, SMALL).as_raw().iter().map(|v| f32::from(*v)).collect(),
            identity: identity(&embedding, face),
        };
        faces.par_iter().map(one).collect()
    };
    progress.update("describing faces", 0, 0);
    let in_training = placed(&training);
    let search = |faces: &[RgbImage]| -> Vec<Nearest> {
        placed(faces).par_iter().map(|face| nearest(face, &in_training)).collect()
    };
    let (made, real) = (search(&generated), search(&held_out));
    let column = |of: fn(&Nearest) -> f64| (made.iter().map(of).collect(), real.iter().map(of).collect());
    let measures = [
        ("colours, root mean square in grey levels", column(|n| n.distances[0])),
        ("colours, nearest over next", column(|n| n.ratios[0])),
        ("identity, 1 - cosine", column(|n| n.distances[1])),
        ("identity, nearest over next", column(|n| n.ratios[1])),
    ];
    let measures: Vec<Measure> = measures.into_iter().map(|(name, (made, real))| compared(name, made, real)).collect();
    let sheet = sheet(&generated, &training, &made, side);
    let record = Record {
        making: Making::Generated,
        generator: "synthesize".into(),
        weights: vec![WeightsUsed { id: entry.id.clone(), sha256: entry.sha256.clone() }],
        settings: serde_json::Value::Null,
        seed: Some(options.seed),
        sources: Vec::new(),
    };
    let found = Memorisation {
        weights: [entry.id, entry.sha256],
        faces: [generated.len(), held_out.len(), training.len() / 2],
        seed: options.seed,
        truncation: options.truncation,
        passes: measures.iter().all(|m| m.share_near <= ALLOWED),
        measures,
    };
    Ok((found, MarkedWriter::preview(Synthetic::new(sheet), &record)?))
}

/// The generated faces whose nearest stands out most, above that training picture: by colours, then
/// by identity.
fn sheet(generated: &[RgbImage], training: &[RgbImage], made: &[Nearest], side: u32) -> RgbImage {
    let mut sheet = RgbImage::new(PAIRS as u32 * side, 4 * side);
    for space in 0..2 {
        let mut order: Vec<usize> = (0..made.len()).collect();
        order.sort_by(|a, b| made[*a].ratios[space].total_cmp(&made[*b].ratios[space]));
        for (column, at) in order.into_iter().take(PAIRS).enumerate() {
            let pair = [generated.get(at), training.get(made[at].at[space])];
            for (row, face) in pair.into_iter().enumerate() {
                let Some(face) = face else { continue };
                let place = [column as i64, (2 * space + row) as i64].map(|v| v * i64::from(side));
                imageops::replace(&mut sheet, face, place[0], place[1]);
            }
        }
    }
    sheet
}

/// The table for the documents.
fn markdown(found: &Memorisation) -> String {
    let [generated, held_out, training] = found.faces;
    let mut text = format!(
        "# Does the generator of faces give back the people it learnt from?\n\nMade by `assay lab memorisation --data DIR` for {} (SHA-256 {}): {generated} faces of seed {} with truncation {}, \
         {held_out} recorded faces of people and files that were held out, {training} training faces and their mirror images. *Near* is nearer to some training picture than 99 of 100 held-out \
         faces are; 2 of 100 generated faces may be. \"Nearest over next\" is the distance to the nearest training picture over the mean distance to the ten that follow: a copy has a small one \
         even where all distances are small.\n\n| distance to the nearest training picture | generated, median (least) | held out, median (least) | near below | generated faces that are near |\n|---|---|---|---|---|\n",
        found.weights[0], found.weights[1], found.seed, found.truncation
    );
    for m in &found.measures {
        text += &format!(
            "| {} | {:.3} ({:.3}) | {:.3} ({:.3}) | {:.3} | {:.1} % |\n",
            m.name,
            m.medians[0],
            m.smallest[0],
            m.medians[1],
            m.smallest[1],
            m.near,
            100.0 * m.share_near
        );
    }
    text + if found.passes { "\nPassed.\n" } else { "\nNot passed.\n" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_material::rng::Rng;

    fn drawn(rng: &mut Rng, count: usize) -> Vec<Placed> {
        let one = |rng: &mut Rng| {
            let small: Vec<f32> = (0..48).map(|_| rng.range(0.0, 255.0) as f32).collect();
            let vector: Vec<f32> = (0..16).map(|_| rng.normal() as f32).collect();
            let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
            Placed { small, identity: vector.iter().map(|v| v / length).collect() }
        };
        (0..count).map(|_| one(rng)).collect()
    }

    #[test]
    fn a_generator_that_copies_is_caught_and_one_that_draws_anew_is_not() {
        let mut rng = Rng::new(9);
        let training = drawn(&mut rng, 400);
        let real: Vec<f64> = drawn(&mut rng, 200).iter().map(|f| nearest(f, &training).ratios[0]).collect();
        let anew: Vec<f64> = drawn(&mut rng, 200).iter().map(|f| nearest(f, &training).ratios[0]).collect();
        assert!(compared("", anew, real.clone()).share_near <= 0.04);
        // One in ten is a training face with a little noise.
        let mut copies = drawn(&mut rng, 200);
        for (at, copy) in copies.iter_mut().enumerate().filter(|(at, _)| at % 10 == 0) {
            copy.small = training[at].small.iter().map(|v| v + rng.normal() as f32 * 10.0).collect();
        }
        let copied: Vec<f64> = copies.iter().map(|f| nearest(f, &training).ratios[0]).collect();
        let found = compared("", copied, real);
        assert!(found.share_near >= 0.1, "{}", found.share_near);
        assert_eq!(nearest(&copies[10], &training).at[0], 10);
    }
}
