//! What each part of the `sbi` recipe brings: the same run without it, all from nothing with the
//! same steps and seed.
//!
//! The decision that shapes it: steps and not minutes are equal, so the table does not hang on the
//! machine. Validation blends are always the whole recipe's, so that a run without a part is not
//! measured on easier or other blends.
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use assay_detect::{Detectors, Weights};
use assay_faces::{FaceNetworks, Networks};
use assay_media::Progress;
use assay_models::device::DeviceChoice;
use assay_models::face_forgery::{Input, Opened};

use crate::experiment::{Experiment, Markdown, Stage};
use crate::forgery_figures::shown;
use assay_bench::collections::sets;
use assay_bench::datasets;
use assay_bench::judge::{self, Pace, Score};
use assay_bench::metrics::Estimate;
use assay_train::Task as _;
use assay_train::faces::data;
use assay_train::forgery::masks::Shapes;
use assay_train::forgery::task::Forgery;
use assay_train::forgery::{self, Choice, Chosen, Material, Order, masked};
use assay_train::{self as train, Budget};

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of labelled pictures and clips
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Folder of the runs; those that are there already go on
    #[arg(long, value_name = "DIR", default_value = "ablations")]
    pub runs: PathBuf,
    /// Steps of each run
    #[arg(long, default_value_t = 500)]
    pub steps: u64,
}

/// One run.
#[derive(Debug, serde::Serialize)]
pub struct Row {
    /// What was left out of it.
    pub run: String,
    /// Area under the curve on the blends of validation people.
    pub blends_auc: Option<f64>,
    /// On side-by-side clips.
    pub video_auc: Estimate,
    /// Of single frames.
    pub frame_auc: Estimate,
    /// Share of the moments whose swapped half scores higher.
    pub paired_accuracy: Estimate,
}

/// All runs.
#[derive(Debug, serde::Serialize)]
pub struct Figures {
    /// Steps of each.
    pub steps: u64,
    /// One a row.
    pub rows: Vec<Row>,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "ablations";
    const ABOUT: &'static str = "Train the self-blending recipe without each of its parts and compare";
    const PAGE: Option<&'static str> = Some("docs/ablations.md");
    type Args = Options;
    type Figures = Figures;

    fn run(options: Options, stage: &Stage<'_>) -> anyhow::Result<Figures> {
        measure(&options, stage.progress)
    }
}

impl Markdown for Figures {
    fn page(&self, _: &str) -> String {
        let steps = self.steps;
        let mut text = format!(
            "# Ablations\n\nMade by `assay lab ablations --data DIR --steps {steps}`. Each run is from nothing, with the same seed and {steps} steps of 32 crops. Blends: the whole \
             recipe's, of validation people. Swaps: all side-by-side clips, of which none of these runs has learned; 95 % bootstrap intervals.\n\n\
             | run | validation blends, AUC | swaps: video AUC | frame AUC | paired |\n|---|---|---|---|---|\n"
        );
        for row in &self.rows {
            let swaps = [&row.video_auc, &row.frame_auc, &row.paired_accuracy].map(shown).join(" | ");
            let blends = row.blends_auc.unwrap_or(f64::NAN);
            let _ = writeln!(text, "| {} | {blends:.3} | {swaps} |", row.run);
        }
        text
    }
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

/// Trains every variant and measures it.
///
/// # Errors
/// When the data cannot be read or a run fails.
fn measure(options: &Options, progress: &dyn Progress) -> anyhow::Result<Figures> {
    let thrown_away = tempfile::tempdir()?;
    let manifest = sets::swaps(&options.data, thrown_away.path(), sets::CLIPS[0])?;
    let pictures = data::load(&options.data, None)?;
    let material = Material { pictures, ..Material::default() };
    let whole = Forgery::new(&material, Choice::default());
    let mut rows = Vec::new();
    for (at, (name, choice, has_start)) in variants().into_iter().enumerate() {
        let out = options.runs.join(format!("ablation-{at}"));
        let mut run = train::Options {
            budget: Budget::Steps(options.steps),
            out,
            seed: 2026,
            learning_rate: 2e-3,
            from: None,
            device: DeviceChoice::Cpu,
        };
        if has_start {
            let start = train::Options { out: options.runs.join("start"), ..run.clone() };
            let choice = Choice { recipe: Chosen::new(&masked::The), ..choice };
            forgery::run(&Order { choice, data: &options.data, more: &[], autoencoder: None, animator: None, options: &start }, progress)?;
            run.from = Some(start.out);
        }
        let weights = forgery::run(&Order { choice, data: &options.data, more: &[], autoencoder: None, animator: None, options: &run }, progress)?;
        let weights = weights.display().to_string();
        let figures = whole.validate(&Opened::open(&weights)?.network);
        let blends_auc = figures.iter().find(|(name, _)| *name == "blends").map(|(_, value)| *value);
        let [video_auc, frame_auc, paired_accuracy] = swaps(&manifest, &weights, progress)?;
        rows.push(Row { run: name.to_owned(), blends_auc, video_auc, frame_auc, paired_accuracy });
    }
    Ok(Figures { steps: options.steps, rows })
}

fn swaps(manifest: &datasets::Manifest, weights: &str, progress: &dyn Progress) -> anyhow::Result<[Estimate; 3]> {
    let mut detectors = Detectors::default();
    detectors.add("face_manipulation", &Weights::file(weights))?;
    let networks: Arc<dyn FaceNetworks> = Arc::new(Networks::shipped()?.with_detectors(Arc::new(detectors)));
    let score = Score::of("face_manipulation");
    let (looks, failures) = judge::look(manifest, &networks, Pace::Frames(judge::FRAMES), progress);
    let scores = judge::scores(&looks, |look| score.score(look));
    let results = datasets::evaluate(manifest, &scores, &failures, 1)?;
    Ok([results.video_auc, results.frame_auc, results.paired_accuracy])
}
