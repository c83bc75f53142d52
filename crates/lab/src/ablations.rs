//! What each part of the `sbi` recipe brings: the same run without it, all from nothing with the same steps and seed.
//!
//! The decision that shapes it: steps and not minutes are equal, so the table does not hang on the machine. Validation blends are always the whole recipe's, so that a
//! run without a part is not measured on easier or other blends.
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use assay_detect::{Detectors, Weights};
use assay_faces::{FaceNetworks, Networks};
use assay_media::Progress;
use assay_models::device::DeviceChoice;
use assay_models::face_forgery::{Input, Opened};

use assay_bench::datasets;
use crate::forgery_figures::{sets, shown};
use assay_bench::judge::{self, Pace, Score};
use assay_train::Task as _;
use assay_train::faces::data;
use assay_train::forgery::masks::Shapes;
use assay_train::forgery::task::{Forgery, Recipe};
use assay_train::forgery::{self, Choice};
use assay_train::{self, Budget};

/// What to run.
pub struct Options {
    /// The labelled pictures and clips.
    pub data: PathBuf,
    /// Folder of the runs; a run that is there already is not repeated.
    pub out: PathBuf,
    /// Steps of each run.
    pub steps: u64,
}

/// The parts that are left out, one a row, and whether a self-supervised run comes first.
fn variants() -> [(&'static str, Choice, bool); 6] {
    let whole = Choice::default();
    [
        ("the whole recipe", whole, false),
        ("without the mask head", Choice { has_mask_head: false, ..whole }, false),
        ("without hulls of the mesh (ellipses instead)", Choice { shapes: Shapes::Ellipse, ..whole }, false),
        ("without compression and the other degradations", Choice { degrades: false, ..whole }, false),
        ("without the residual channels", Choice { input: Input { has_high_pass: false }, ..whole }, false),
        ("the whole recipe after a self-supervised start of as many steps", whole, true),
    ]
}

/// Trains every variant and writes the table.
///
/// # Errors
/// When the data cannot be read or a run fails.
pub fn run(options: &Options, progress: &dyn Progress) -> anyhow::Result<String> {
    let mut text = format!(
        "# Ablations\n\nMade by `assay lab ablations --data DIR --steps {}`. Each run is from nothing, with the same seed and {} steps of 32 crops. Blends: the whole \
         recipe's, of validation people. Swaps: all side-by-side clips, of which none of these runs has learned; 95 % bootstrap intervals.\n\n\
         | run | validation blends, AUC | swaps: video AUC | frame AUC | paired |\n|---|---|---|---|---|\n",
        options.steps, options.steps
    );
    let thrown_away = tempfile::tempdir()?;
    let manifest = sets::swaps(&options.data, thrown_away.path(), sets::CLIPS[0])?;
    let pictures = data::load(&options.data, None)?;
    let whole = Forgery::new(&pictures, Choice::default());
    for (at, (name, choice, has_start)) in variants().into_iter().enumerate() {
        let out = options.out.join(format!("ablation-{at}"));
        let mut run = train::Options {
            budget: Budget::Steps(options.steps),
            out,
            seed: 2026,
            learning_rate: 2e-3,
            from: None,
            device: DeviceChoice::Cpu,
        };
        if has_start {
            let start = train::Options { out: options.out.join("start"), ..run.clone() };
            forgery::run(Choice { recipe: Recipe::Masked, ..choice }, &options.data, &start, progress)?;
            run.from = Some(start.out);
        }
        let weights = forgery::run(choice, &options.data, &run, progress)?;
        let weights = weights.display().to_string();
        let figures = whole.validate(&Opened::open(&weights)?.network);
        let blends = figures.iter().find(|(name, _)| *name == "blends").map_or(f64::NAN, |(_, value)| *value);
        let row = swaps(&manifest, &weights, progress)?;
        let _ = writeln!(text, "| {name} | {blends:.3} | {row} |");
    }
    Ok(text)
}

fn swaps(manifest: &datasets::Manifest, weights: &str, progress: &dyn Progress) -> anyhow::Result<String> {
    let mut detectors = Detectors::default();
    detectors.add("face_forgery", &Weights::file(weights))?;
    let networks: Arc<dyn FaceNetworks> = Arc::new(Networks::shipped()?.with_detectors(Arc::new(detectors)));
    let score = Score::of("face_forgery");
    let (looks, failures) = judge::look(manifest, &networks, Pace::Frames(judge::FRAMES), progress);
    let scores = judge::scores(&looks, |look| score.score(look));
    let results = datasets::evaluate(manifest, &scores, &failures, 1)?;
    Ok([&results.video_auc, &results.frame_auc, &results.paired_accuracy].map(shown).join(" | "))
}
