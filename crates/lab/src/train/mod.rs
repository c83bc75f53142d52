//! Training: one loop for every network of this project.
//!
//! The decision that shapes it: a run is bounded by minutes to fit the machine at hand, or by steps to be repeated anywhere; the learning rate follows
//! the share that has passed. Batch `n` follows from the seed and `n` alone and everything that the next step depends on is in the checkpoint, so a run
//! that was killed goes on where it stood. What is kept is the moving average of the parameters.
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use anyhow::Context as _;
use assay_checkpoints::{HostTensor, StateDict};
use assay_media::Progress;
use assay_models::state;
use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor};

use crate::rng::Rng;
use folder::{Folder, Line};

mod curves;
pub mod faces;
mod folder;
pub mod forgery;

/// When a run is over.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub enum Budget {
    /// Wall time in minutes, those before a resumption counted in.
    Minutes(f64),
    /// Steps: the same run on every machine.
    Steps(u64),
}

/// How long, how fast, and where.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Options {
    /// When the run is over.
    pub budget: Budget,
    /// Folder of the run.
    pub out: PathBuf,
    /// Seed of all draws.
    pub seed: u64,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Folder of another run whose averaged network is the start.
    pub from: Option<PathBuf>,
}

/// What is trained: a network, its batches, its loss, its measure.
pub trait Task: Sync {
    /// The network, with batch normalisation.
    type Net: Module;
    /// One batch in host memory.
    type Batch: Send;

    /// The network at the start.
    fn init(&self, device: &Device) -> Self::Net;
    /// Pictures in a batch, to tell the speed.
    fn pictures(&self) -> usize;
    /// Draws a batch; `share` is how much of the run has passed, for curricula.
    fn batch(&self, rng: &mut Rng, share: f64) -> Self::Batch;
    /// The loss to be made small.
    fn loss(&self, net: &Self::Net, batch: Self::Batch, device: &Device) -> Tensor<1>;
    /// Figures on the validation split, for people to follow.
    fn validate(&self, net: &Self::Net) -> Vec<(&'static str, f64)>;
}

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Standing {
    secs: f64,
    steps: u64,
}

impl Standing {
    /// How much of the run has passed, 0 to 1.
    fn share(&self, budget: Budget) -> f64 {
        match budget {
            Budget::Minutes(minutes) => (self.secs / (minutes * 60.0)).min(1.0),
            Budget::Steps(steps) => (self.steps as f64 / steps.max(1) as f64).min(1.0),
        }
    }
}

/// Decay of the moving average a step, reached after a few hundred steps.
const DECAY: f64 = 0.999;
/// The average is taken every so many steps; copying the parameters out costs time.
const AVERAGE_EVERY: u64 = 4;
/// Seconds between two checkpoints, each with a validation.
const CHECKPOINT_SECS: f64 = 150.0;
/// Checkpoints of a run at least, however short it is.
const CHECKPOINTS: f64 = 4.0;

/// Trains until the budget is spent and returns the averaged network on the plain device.
///
/// # Errors
/// When the folder cannot be written or holds a checkpoint of another network, when `from` does, and when the loss is no number any more.
pub fn train<T: Task>(task: &T, options: &Options, progress: &dyn Progress) -> anyhow::Result<T::Net> {
    let folder = Folder::open(&options.out)?;
    let device = Device::default().autodiff();
    device.seed(options.seed);
    let mut net = state::numbered(task.init(&device));
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.05).init();
    let mut standing = Standing::default();
    let mut average = state::collect(&net);
    if let Some(kept) = folder.read_checkpoint()? {
        net = state::load(net, &kept.net, "").context("the checkpoint is another network's")?;
        (standing, average) = (kept.standing, kept.average);
        if let Some(path) = folder.optimizer() {
            optimizer = optimizer.load(&path).with_context(|| format!("cannot read {}", path.display()))?;
        }
    } else if let Some(from) = &options.from {
        let other = Folder::open(from)?.read_checkpoint()?;
        let other = other.with_context(|| format!("{} holds no checkpoint to start from", from.display()))?;
        net = state::load(net, &other.average, "")
            .with_context(|| format!("{} holds another network", from.display()))?;
        average = other.average;
    }
    let budget = options.budget;
    let checkpoint_secs = match budget {
        Budget::Minutes(minutes) => CHECKPOINT_SECS.min(minutes * 60.0 / CHECKPOINTS),
        Budget::Steps(_) => CHECKPOINT_SECS,
    };
    let (before, first) = (standing.secs, standing.steps);
    let start = Instant::now();
    let elapsed = || before + start.elapsed().as_secs_f64();
    let mut recent = Recent::default();
    let mut since = (standing.clone(), Recent::default());
    let mut figures: Vec<(&str, f64)> = Vec::new();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let (send, receive) = sync_channel(3);
        let elapsed = &elapsed;
        scope.spawn(move || {
            for steps in first.. {
                let share = Standing { secs: elapsed(), steps }.share(budget);
                let batch = task.batch(&mut Rng::labelled(options.seed, &format!("batch {steps}")), share);
                if send.send(batch).is_err() {
                    return;
                }
            }
        });
        while standing.share(budget) < 1.0 && !progress.cancelled() {
            let learning_rate = options.learning_rate * schedule(standing.share(budget));
            let batch = receive.recv().context("the thread that makes batches ended")?;
            let loss = task.loss(&net, batch, &device);
            let gradients = GradientsParams::from_grads(loss.backward(), &net);
            net = optimizer.step(learning_rate, net.clone(), gradients);
            let value: f64 = loss.into_scalar::<f32>().into();
            anyhow::ensure!(value.is_finite(), "the loss is no number any more after {} steps", standing.steps);
            let now = Standing { secs: elapsed(), steps: standing.steps + 1 };
            recent.add(value, now.secs - standing.secs, 0.98);
            since.1.add(value, now.secs - standing.secs, 1.0);
            standing = now;
            if standing.steps.is_multiple_of(AVERAGE_EVERY) {
                let decay = DECAY.min((standing.steps as f64 + 1.0) / (standing.steps as f64 + 20.0));
                blend(&mut average, &state::collect(&net), decay.powi(AVERAGE_EVERY as i32) as f32);
            }
            let share = standing.share(budget);
            let left =
                (elapsed() - before) * (1.0 - share) / (share - Standing { secs: before, steps: first }.share(budget));
            let speed = recent.speed() * task.pictures() as f64;
            let line = live(recent.loss(), learning_rate, speed, &figures, left);
            progress.update(&line, (share * 1e4) as u64, 10_000);
            if standing.secs >= since.0.secs + checkpoint_secs || share >= 1.0 {
                figures = task.validate(&load_average(task, &average)?);
                folder.log(&Line {
                    secs: standing.secs.round(),
                    steps: standing.steps,
                    loss: since.1.loss(),
                    learning_rate,
                    steps_per_sec: since.1.speed(),
                    validation: figures.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect(),
                })?;
                standing.secs = elapsed();
                folder.write_checkpoint(&standing, &state::collect(&net), &average, &optimizer)?;
                since = (standing.clone(), Recent::default());
            }
        }
        Ok(())
    })?;
    folder.write_checkpoint(&standing, &state::collect(&net), &average, &optimizer)?;
    load_average(task, &average)
}

/// Sums over steps; older ones may fade.
#[derive(Default)]
struct Recent {
    loss: f64,
    secs: f64,
    weight: f64,
}

impl Recent {
    fn add(&mut self, loss: f64, secs: f64, fading: f64) {
        self.loss = self.loss * fading + loss;
        self.secs = self.secs * fading + secs;
        self.weight = self.weight * fading + 1.0;
    }

    fn loss(&self) -> f64 {
        self.loss / self.weight.max(1e-9)
    }

    /// Steps a second.
    fn speed(&self) -> f64 {
        self.weight / self.secs.max(1e-9)
    }
}

/// What a terminal shows while a run goes on.
fn live(loss: f64, learning_rate: f64, speed: f64, figures: &[(&str, f64)], left_secs: f64) -> String {
    let figures: String = figures.iter().map(|(name, value)| format!(", {name} {value:.3}")).collect();
    format!(
        "loss {loss:.3}, rate {learning_rate:.1e}, {speed:.0} images/s{figures}, {:.0} min left",
        (left_secs / 60.0).ceil()
    )
}

/// Warm-up over the first fiftieth, then half a cosine down to a hundredth.
fn schedule(share: f64) -> f64 {
    (share / 0.02).min(1.0) * (0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * share.min(1.0)).cos()))
}

fn load_average<T: Task>(task: &T, average: &StateDict) -> anyhow::Result<T::Net> {
    Ok(state::load(task.init(&Device::default()), average, "")?)
}

fn blend(average: &mut StateDict, new: &StateDict, decay: f32) {
    for (name, tensor) in average.iter_mut() {
        if let Some(new) = new.get(name) {
            let mixed: Vec<f32> =
                tensor.to_f32().iter().zip(new.to_f32()).map(|(old, new)| old * decay + new * (1.0 - decay)).collect();
            *tensor = HostTensor::from_f32(&tensor.shape, &mixed);
        }
    }
}
