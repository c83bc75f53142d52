//! What every analyzer says of what the generators here make, beside recorded pictures that went
//! through everything else.
//!
//! The decision that shapes it: pairs of a made and a recorded picture of people of the test split,
//! with the same cut, size, saving and, where they carry marks, the same label and watermark on
//! both, so that nothing but the generator tells them apart. Each analyzer is asked by itself
//! through the scan, for its raw score. Areas under the curve draw sources with all that was made
//! from them.
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_faces::{Networks, square};
use assay_generators::{
    About, ClipFacts, Crop, Finder, Generator, GeneratorError, MadeFrame, Plan, Tally, each_frame, swap, write,
};
use assay_media::{FramePlan, Progress};
use assay_models::Kind;
use assay_models::cosegmentation::{PartSwapper, Swap};
use assay_models::face_forgery::{Crop as FaceCrop, Input, Opened};
use assay_models::face_generator::Synthesizer;
use assay_models::registry::{self, Loaded, Registry};
use assay_provenance::{ClipShape, Record, Signer, Synthetic};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use rayon::prelude::*;

use crate::experiment::{self, Experiment};
use crate::tables::Tables;
use assay_bench::collect::collect;
use assay_bench::collections::Split;
use assay_bench::metrics::{Judged, auc_interval};
use assay_material::rng::{Rng, hash};
use assay_train::face_generator::faces::cropped;
use assay_train::faces::data;
use assay_train::forgery::reenactment::{Pair, SHOWN, Stage, animator, borrowed, marked, mesh_of};

/// Qualities of JPEG files; analyzers are asked about the first.
const QUALITIES: [u8; 3] = [95, 75, 50];
/// Analyzers of stills that give scores, those that ask networks about faces last.
const ASKED: [&str; 8] = [
    "jpeg_ghost",
    "jpeg_grid",
    "double_quantization",
    "noise_level",
    "resampling",
    "copy_move",
    "face_manipulation",
    "face_synthesis",
];

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of labelled pictures and clips
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Weights of the animator, by id or file; the shipped ones when not given
    #[arg(long, value_name = "ID|FILE")]
    pub animator: Option<String>,
    /// Weights of the part swap, by id or file; the shipped ones when not given
    #[arg(long, value_name = "ID|FILE")]
    pub partswap: Option<String>,
    /// A clip that `assay swap convert` wrote, to be judged too
    #[arg(long, value_name = "CLIP", requires = "swapped_from")]
    pub swapped: Option<PathBuf>,
    /// The clip that it was made from
    #[arg(long, value_name = "CLIP", requires = "swapped")]
    pub swapped_from: Option<PathBuf>,
    /// Weights that `assay train detector --recipe reenactment` wrote, to be asked too
    #[arg(long, value_name = "FILE")]
    pub detector: Option<PathBuf>,
    /// Pairs of a made and a recorded picture, of each generator
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub pairs: u64,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "generators";
    const ABOUT: &'static str = "Ask every analyzer about what the generators make of test people, and about recorded \
                                 pictures through the same chain";
    const PAGE: Option<&'static str> = Some("docs/generators.md");
    type Args = Options;
    type Figures = Tables;

    fn run(options: Options, stage: &experiment::Stage<'_>) -> anyhow::Result<Tables> {
        run(&options, stage.progress).map(Tables)
    }
}

/// What one generator made.
struct Made {
    generator: &'static str,
    /// By what, for the document.
    by: String,
    has_marks: bool,
    pairs: Vec<Pair>,
}

/// Makes the pairs, has them judged and writes the document.
///
/// # Errors
/// When data or weights cannot be read, or no pair can be made.
fn run(options: &Options, progress: &dyn Progress) -> anyhow::Result<String> {
    let stage = Stage::open(animator(options.animator.as_deref())?, &options.data, progress)?;
    let entry = stage.entry();
    let moved: Vec<Pair> = (0..options.pairs)
        .into_par_iter()
        .filter_map(|at| {
            progress.update("animating", at, options.pairs);
            stage.pair(Split::Test, 5, at)
        })
        .collect();
    let mut all = vec![unmarked("animate", named(&entry.id, &entry.sha256), moved)];
    all.push(parted(options, &stage, progress)?);
    all.push(synthesized(options, progress)?);
    drop(stage);
    let marks: Vec<Made> = all.iter().map(with_marks).collect();
    all.extend(marks);
    if let Some((made, from)) = options.swapped.as_ref().zip(options.swapped_from.as_ref()) {
        all.push(swapped(made, from, options.pairs, progress)?);
    }
    for set in &all {
        anyhow::ensure!(!set.pairs.is_empty(), "no pair could be made with {}", set.generator);
    }
    let folder = tempfile::tempdir()?;
    let mut text = heading(&all);
    analyzers(&all, folder.path(), &mut text, progress)?;
    detector(options, &all, &mut text, progress)?;
    Ok(text)
}

fn named(id: &str, sha256: &str) -> String {
    format!("{id} (SHA-256 {})", sha256.get(..12).unwrap_or(sha256))
}

fn unmarked(generator: &'static str, by: String, pairs: Vec<Pair>) -> Made {
    Made { generator, by, has_marks: false, pairs }
}

/// The same pairs with label and watermark on both pictures.
fn with_marks(made: &Made) -> Made {
    let pairs = made.pairs.par_iter().filter_map(|p| marked(p.clone())).collect();
    Made { generator: made.generator, by: made.by.clone(), has_marks: true, pairs }
}

fn opened(name: Option<&str>, kind: Kind) -> anyhow::Result<Loaded> {
    Ok(match name {
        Some(name) => registry::open(name)?,
        None => Registry::shipped(kind)?,
    })
}

fn large(picture: &RgbImage) -> RgbImage {
    imageops::resize(picture, SHOWN, SHOWN, FilterType::CatmullRom)
}

/// Photographs with one to four parts of another.
fn parted(options: &Options, stage: &Stage, progress: &dyn Progress) -> anyhow::Result<Made> {
    let swapper = PartSwapper::open(opened(options.partswap.as_deref(), Kind::MotionCosegmentation)?)?;
    let heads = stage.photographs(Split::Test);
    let parts: Vec<usize> = (1..=swapper.parts()).collect();
    let one = |at: u64| {
        progress.update("swapping parts", at, options.pairs);
        let mut rng = Rng::labelled(5, &format!("parts {at}"));
        let [source, target] = [(); 2].map(|()| rng.pick(&heads).cloned());
        let ((_, source), (name, target)) = (source?, target?);
        let segments: Vec<usize> = (0..=rng.below(4)).filter_map(|_| rng.pick(&parts).copied()).collect();
        let swap = Swap { segments, hard: rng.chance(0.5), mask_from_source: false };
        let [source, parted] = [&source, &target].map(|p| swapper.part(&borrowed(p)));
        let made = swapper.swap(&source, &parted, &swap);
        let made = RgbImage::from_raw(made.width as u32, made.height as u32, made.pixels)?;
        Some(Pair { source: name, real: large(&target), fake: large(&made) })
    };
    let pairs = (0..options.pairs).into_par_iter().filter_map(one).collect();
    let entry = swapper.entry();
    Ok(unmarked("partswap", named(&entry.id, &entry.sha256), pairs))
}

/// Synthetic faces beside photographs that were cut and made small as the generator saw faces.
fn synthesized(options: &Options, progress: &dyn Progress) -> anyhow::Result<Made> {
    let network = Synthesizer::open(Registry::shipped(Kind::FaceGenerator)?)?;
    let pictures = data::load(&options.data, None)?;
    let mut real = cropped(&pictures, Split::Test, network.config().side as u32);
    real.sort_by_key(|c| hash(&c.picture.name));
    let one = |(at, real): (usize, &assay_train::face_generator::faces::Cropped<'_>)| {
        progress.update("making faces", at as u64, options.pairs);
        let made = network.make(5, at as u64, 1.0);
        let made = RgbImage::from_raw(made.width as u32, made.height as u32, made.pixels)?;
        Some(Pair { source: real.picture.person.clone(), real: large(&real.face), fake: large(&made) })
    };
    let chosen = real.par_iter().take(options.pairs as usize).enumerate();
    let pairs = chosen.filter_map(one).collect();
    let entry = network.entry();
    Ok(unmarked("synthesize", named(&entry.id, &entry.sha256), pairs))
}

/// A clip as it is, to be written as a swap is.
struct Recorded(ClipFacts);

impl Generator for Recorded {
    fn about(&self) -> &'static About {
        &swap::ABOUT
    }

    fn record(&self) -> Record {
        Record {
            making: swap::ABOUT.making,
            generator: swap::ABOUT.id.into(),
            weights: Vec::new(),
            settings: serde_json::json!({ "recorded": "nothing is changed; a figure needs the same marks on what was recorded" }),
            seed: None,
            sources: Vec::new(),
        }
    }

    fn plan(&self) -> Plan {
        let (width, height) = (self.0.size.0 & !1, self.0.size.1 & !1);
        Plan::Clip { shape: ClipShape { width, height, frame_secs: self.0.frame_secs }, sound: None }
    }

    fn generate(
        &mut self,
        emit: &mut (dyn FnMut(MadeFrame) -> Result<(), GeneratorError> + Send),
        progress: &dyn Progress,
    ) -> Result<Tally, GeneratorError> {
        let (width, height) = (self.0.size.0 & !1, self.0.size.1 & !1);
        let mut tally = Tally::default();
        each_frame(&self.0.source, FramePlan::All, progress, &mut |frame, at_secs| {
            tally.frames += 1;
            let frame = imageops::crop_imm(frame, 0, 0, width, height).to_image();
            emit(MadeFrame { picture: Synthetic::new(frame), at_secs })
        })?;
        Ok(tally)
    }
}

/// Heads of a swapped clip beside the same moments of the clip that it was made from, which is
/// written once more with the same marks by the same writer.
fn swapped(made: &Path, from: &Path, most: u64, progress: &dyn Progress) -> anyhow::Result<Made> {
    let folder = tempfile::tempdir()?;
    let again = folder.path().join("recorded.mp4");
    let finder = Finder::open()?;
    write(&mut Recorded(ClipFacts::open(from)?), &again, Signer::own(None)?, progress)?;
    let count = most.clamp(1, 200) as u32;
    let mut heads = [Vec::new(), Vec::new()];
    for (path, heads) in [again.as_path(), made].into_iter().zip(&mut heads) {
        let clip = ClipFacts::open(path)?;
        each_frame(&clip.source, FramePlan::EvenlySpaced(count), progress, &mut |frame, _| {
            let face = finder.largest(frame)?;
            let crop = face.and_then(|f| Crop::around(std::iter::once(f.observation.landmarks.mesh.as_slice())));
            heads.push(crop.map(|crop| crop.cut(frame, SHOWN)));
            Ok(())
        })?;
    }
    let [recorded, made_heads] = heads;
    let both = recorded.into_iter().zip(made_heads).filter_map(|(real, fake)| Some((real?, fake?)));
    // One clip: the moments stand for themselves, since there is no second source to draw.
    let pairs = both.enumerate().map(|(at, (real, fake))| Pair { source: at.to_string(), real, fake }).collect();
    let by = "a network of `assay swap train`, one clip of one pair of people".to_owned();
    Ok(Made { generator: "swap", by, has_marks: true, pairs })
}

fn heading(all: &[Made]) -> String {
    let mut text = "# What analyzers say of what the generators make\n\nMade by `assay lab generators --data DIR`. Pairs of a made and a recorded picture of people of the test split, 256 pixels, through the same cut, sizes and saving; \
                    *marked* is with the same label and watermark on both. Areas under the ROC curve with 95 % bootstrap intervals over sources; 0.5 is chance. An analyzer that does not apply or finds no face gives the lowest score; where it \
                    never applies there is a dash.\n\n| generator | weights | pairs | sources |\n|---|---|---|---|\n"
        .to_owned();
    for made in all.iter().filter(|m| !m.has_marks || m.generator == "swap") {
        let mut sources: Vec<&str> = made.pairs.iter().map(|p| p.source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        let count = if made.generator == "swap" { 1 } else { sources.len() };
        let _ = writeln!(text, "| {} | {} | {} | {count} |", made.generator, made.by, made.pairs.len());
    }
    text
}

fn interval(judged: &[Judged]) -> anyhow::Result<String> {
    if judged.iter().all(|j| j.score.is_none()) {
        return Ok("–".into());
    }
    let (area, interval) = auc_interval(judged, 1000, 1).context("a score is not a number")?;
    Ok(format!("{area:.2} ({:.2} to {:.2})", interval.low, interval.high))
}

fn bytes(picture: &RgbImage, quality: u8) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))?;
    Ok(bytes.into_inner())
}

/// Every analyzer of stills on every set.
fn analyzers(all: &[Made], folder: &Path, text: &mut String, progress: &dyn Progress) -> anyhow::Result<()> {
    let asked = ASKED.map(String::from);
    let mut columns: Vec<Vec<String>> = Vec::new();
    for (at, made) in all.iter().enumerate() {
        let mut files = Vec::new();
        for (i, pair) in made.pairs.iter().enumerate() {
            for (what, picture) in [("real", &pair.real), ("fake", &pair.fake)] {
                let path = folder.join(format!("{at}-{i}-{what}.jpg"));
                std::fs::write(&path, bytes(picture, QUALITIES[0])?)?;
                files.push(path);
            }
        }
        let records = collect(&files, &asked, false, None, progress)?;
        let column = asked.iter().map(|id| {
            let judged: Vec<Judged> = records
                .iter()
                .enumerate()
                .map(|(i, record)| Judged {
                    score: record.answers.get(id).and_then(|a| a.score),
                    forged: i % 2 == 1,
                    source: made.pairs[i / 2].source.clone(),
                })
                .collect();
            interval(&judged)
        });
        columns.push(column.collect::<anyhow::Result<_>>()?);
    }
    let _ = write!(text, "\n## Analyzers of stills, saved as JPEG {}\n\n| analyzer |", QUALITIES[0]);
    for made in all {
        let _ = write!(text, " {}{} |", made.generator, if made.has_marks { ", marked" } else { "" });
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(all.len()));
    for (row, id) in asked.iter().enumerate() {
        let _ =
            writeln!(text, "| {id} | {} |", columns.iter().map(|c| c[row].as_str()).collect::<Vec<_>>().join(" | "));
    }
    Ok(())
}

/// The logit of a network on the crop around a face; `None` where it is too small.
fn logit(opened: &Opened, picture: &RgbImage, mesh: &[[f32; 2]]) -> Option<f64> {
    let FaceCrop { side, margin } = opened.crop;
    let crop = square::cut(picture, &square::around(mesh, margin)?, side as u32);
    let crop: Vec<[f32; 3]> = crop.pixels().map(|p| p.0.map(f32::from)).collect();
    opened.network.judge(&[&crop], Input::default()).pop().map(|judgement| f64::from(judgement.logit))
}

/// The network of the recipe `reenactment`, at every quality.
fn detector(options: &Options, all: &[Made], text: &mut String, progress: &dyn Progress) -> anyhow::Result<()> {
    let Some(path) = &options.detector else { return Ok(()) };
    let opened = Opened::open(&path.display().to_string())?;
    let networks = Networks::shipped()?;
    text.push_str("\n## The recipe `reenactment`\n\nTrained on heads that the animator moved, of training people, half of them marked.\n\n| generator | JPEG 95 | JPEG 75 | JPEG 50 |\n|---|---|---|---|\n");
    for made in all {
        let _ = write!(text, "| {}{} |", made.generator, if made.has_marks { ", marked" } else { "" });
        for quality in QUALITIES {
            progress.update("judging", u64::from(quality), 100);
            let one = |pair: &Pair| -> anyhow::Result<[Judged; 2]> {
                let judge = |picture: &RgbImage, forged: bool| -> anyhow::Result<Judged> {
                    let saved = image::load_from_memory(&bytes(picture, quality)?)?.into_rgb8();
                    let score = mesh_of(&networks, &saved).and_then(|mesh| logit(&opened, &saved, &mesh));
                    Ok(Judged { score, forged, source: pair.source.clone() })
                };
                Ok([judge(&pair.real, false)?, judge(&pair.fake, true)?])
            };
            let judged: Vec<[Judged; 2]> = made.pairs.par_iter().map(one).collect::<anyhow::Result<_>>()?;
            let _ = write!(text, " {} |", interval(&judged.into_iter().flatten().collect::<Vec<_>>())?);
        }
        text.push('\n');
    }
    Ok(())
}
