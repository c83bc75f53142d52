//! Speed of a training step of the small face swap beside the same step in PyTorch, in turns on one
//! machine.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;
use assay_faces::Networks;
use assay_media::Progress;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::Device;

use super::data::Faces;
use super::task::Batch;
use super::{Choice, Swapping, Weights};
use crate::Task as _;
use assay_material::rng::Rng;

/// What to measure.
pub struct Options {
    /// Turns.
    pub rounds: u32,
    /// Steps of a turn.
    pub steps: u32,
    /// Threads of both.
    pub threads: usize,
    /// A Python with PyTorch; without one only this project's steps are timed.
    pub python: Option<PathBuf>,
    /// The script with the same step in PyTorch.
    pub script: PathBuf,
}

/// Steps a second.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Speed {
    /// Median over the turns.
    pub steps_per_sec: f64,
    /// The same of PyTorch.
    pub pytorch_steps_per_sec: Option<f64>,
    /// Median over the turns of the one over the other.
    pub ratio: Option<f64>,
    /// Faces in a step.
    pub faces: usize,
    /// Turns.
    pub rounds: u32,
    /// Threads of both.
    pub threads: usize,
}

/// Times steps on drawn faces: forward, losses, backward, optimiser. The perceptual loss, whose
/// networks the script does not have, is left out of both.
///
/// # Errors
/// When Python or the script fails.
pub fn measure(options: &Options, progress: &dyn Progress) -> anyhow::Result<Speed> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    let task = drawn_task()?;
    let (mut own, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        progress.update("timing", u64::from(round), u64::from(options.rounds));
        let ours = pool.install(|| steps_per_sec(&task, options.steps));
        own.push(ours);
        if let Some(python) = &options.python {
            let speed = pytorch(python, options)?;
            theirs.push(speed);
            ratios.push(ours / speed);
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    Ok(Speed {
        steps_per_sec: median(own).unwrap_or(0.0),
        pytorch_steps_per_sec: median(theirs),
        ratio: median(ratios),
        faces: task.pictures(),
        rounds: options.rounds,
        threads: options.threads,
    })
}

fn pytorch(python: &Path, options: &Options) -> anyhow::Result<f64> {
    let output = Command::new(python)
        .arg(&options.script)
        .args([options.threads.to_string(), options.steps.to_string()])
        .output()
        .with_context(|| format!("cannot run {}", python.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    text.trim().parse().with_context(|| format!("{} says: {said}", options.script.display()))
}

fn drawn_task() -> anyhow::Result<Swapping> {
    let choice = Choice::small(64);
    let nobody = || Faces { folder: PathBuf::new(), train: Vec::new(), held_out: Vec::new(), identity: Vec::new() };
    Ok(Swapping {
        config: choice.config(),
        weights: Weights { perceptual: 0.0, ..choice.weights },
        augment: choice.augment,
        adversarial: choice.adversarial,
        batch: choice.batch,
        faces: [nobody(), nobody()],
        features: None,
        networks: Networks::shipped()?,
    })
}

fn steps_per_sec(task: &Swapping, steps: u32) -> f64 {
    let device = Device::default().autodiff();
    let mut net = task.init(&device);
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.0).with_beta_1(0.5).init();
    let mut rng = Rng::new(1);
    let mut times = Vec::new();
    for _ in 0..steps + 3 {
        let batch = Batch::drawn(task, &mut rng);
        let start = Instant::now();
        let loss = task.loss(&net, batch, &device);
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        net = optimizer.step(1e-4, net, gradients);
        let _: f32 = loss.into_scalar();
        times.push(start.elapsed().as_secs_f64());
    }
    let mut times = times.split_off(3);
    times.sort_by(f64::total_cmp);
    1.0 / times.get(times.len() / 2).copied().unwrap_or(f64::INFINITY)
}
