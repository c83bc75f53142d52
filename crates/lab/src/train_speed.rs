//! Speed of a training step beside the same step in PyTorch, in turns on one machine.
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;
use assay_media::Progress;
use assay_models::face_forgery::SIDE;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::Device;

use crate::experiment::{Experiment, Markdown, Stage};
use assay_material::rng::Rng;
use assay_train::Task as _;
use assay_train::forgery::batch::Batch;
use assay_train::forgery::task::Forgery;
use assay_train::forgery::{Choice, Material};

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Turns
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// Steps of a turn
    #[arg(long, default_value_t = 15)]
    pub steps: u32,
    /// Threads of both
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// A Python with PyTorch; without one only our own steps are timed
    #[arg(long, value_name = "PROGRAM")]
    pub python: Option<PathBuf>,
    /// The script with the same step in PyTorch
    #[arg(long, value_name = "FILE", default_value = "crates/train/reference/forgery_speed.py")]
    pub script: PathBuf,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "train-speed";
    const ABOUT: &'static str = "Time training steps of the face-forgery network beside the same in PyTorch";
    const PAGE: Option<&'static str> = None;
    type Args = Options;
    type Figures = Speed;

    fn run(options: Options, stage: &Stage<'_>) -> anyhow::Result<Speed> {
        measure(&options, stage.progress)
    }
}

impl Markdown for Speed {
    fn page(&self, _: &str) -> String {
        let beside = self.pytorch_images_per_sec.zip(self.ratio);
        let beside = beside
            .map_or_else(String::new, |(theirs, ratio)| format!(", PyTorch {theirs:.1}: {ratio:.2} times as fast"));
        let Self { images_per_sec, rounds, steps, threads, .. } = self;
        format!("{images_per_sec:.1} images/s{beside} ({rounds} turns of {steps} steps, {threads} threads)\n")
    }
}

/// Images a second.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Speed {
    /// Median over the turns.
    pub images_per_sec: f64,
    /// The same of PyTorch.
    pub pytorch_images_per_sec: Option<f64>,
    /// Median over the turns of the one over the other.
    pub ratio: Option<f64>,
    /// Turns.
    pub rounds: u32,
    /// Steps of a turn.
    pub steps: u32,
    /// Threads of both.
    pub threads: usize,
}

/// Times steps of the face-forgery network: forward, loss, backward, optimiser, on 32 drawn crops;
/// making of crops is not in it.
///
/// # Errors
/// When Python or the script fails.
fn measure(options: &Options, progress: &dyn Progress) -> anyhow::Result<Speed> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    let (mut own, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        progress.update("timing", u64::from(round), u64::from(options.rounds));
        let ours = pool.install(|| images_per_sec(options.steps));
        own.push(ours);
        if let Some(python) = &options.python {
            let output = Command::new(python)
                .arg(&options.script)
                .args([options.threads.to_string(), options.steps.to_string()])
                .output()
                .with_context(|| format!("cannot run {}", python.display()))?;
            let text = String::from_utf8_lossy(&output.stdout);
            let said = String::from_utf8_lossy(&output.stderr);
            let speed: f64 =
                text.trim().parse().with_context(|| format!("{} says: {said}", options.script.display()))?;
            theirs.push(speed);
            ratios.push(ours / speed);
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    Ok(Speed {
        images_per_sec: median(own).unwrap_or(0.0),
        pytorch_images_per_sec: median(theirs),
        ratio: median(ratios),
        rounds: options.rounds,
        steps: options.steps,
        threads: options.threads,
    })
}

fn images_per_sec(steps: u32) -> f64 {
    let device = Device::default().autodiff();
    let nothing = Material::default();
    let task = Forgery::new(&nothing, Choice::default());
    let mut net = task.init(&device);
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.05).init();
    let mut rng = Rng::new(1);
    let mut times = Vec::new();
    for _ in 0..steps + 3 {
        let batch = Batch::drawn(task.pictures(), SIDE, &mut rng);
        let start = Instant::now();
        let loss = task.loss(&net, batch, &device);
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        net = optimizer.step(1e-3, net, gradients);
        let _: f32 = loss.into_scalar();
        times.push(start.elapsed().as_secs_f64());
    }
    let mut times = times.split_off(3);
    times.sort_by(f64::total_cmp);
    task.pictures() as f64 / times.get(times.len() / 2).copied().unwrap_or(f64::INFINITY)
}
