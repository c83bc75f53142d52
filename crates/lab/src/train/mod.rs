//! Training: one loop for every network of this project.
//!
//! The decision that shapes it: a run is bounded by minutes, not by steps, because it is to fit the machine at hand; the learning rate follows
//! the share of the time that has passed. A second thread makes the batches. What is kept is the moving average of the parameters.
//! Everything that a run leaves lies in one folder, and a run that was killed goes on from its last checkpoint.
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use anyhow::Context as _;
use assay_checkpoints::{HostTensor, StateDict, read_safetensors, write_safetensors};
use assay_media::Progress;
use assay_models::state;
use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor};

use crate::rng::Rng;

pub mod faces;
pub mod forgery;

/// How long and how fast.
#[derive(Debug, Clone)]
pub struct Options {
    /// Wall time of the run in minutes, those before a resumption counted in.
    pub minutes: f64,
    /// Folder of the run.
    pub out: PathBuf,
    /// Seed of all draws.
    pub seed: u64,
    /// Highest learning rate.
    pub learning_rate: f64,
}

/// What is trained: a network, its batches, its loss, its measure.
pub trait Task: Sync {
    /// The network, with batch normalisation.
    type Net: Module;
    /// One batch in host memory.
    type Batch: Send;

    /// The network at the start.
    fn init(&self, device: &Device) -> Self::Net;
    /// Draws a batch; `share` is how much of the run has passed, for curricula.
    fn batch(&self, rng: &mut Rng, share: f64) -> Self::Batch;
    /// The loss to be made small.
    fn loss(&self, net: &Self::Net, batch: Self::Batch, device: &Device) -> Tensor<1>;
    /// Figures on the validation split, for people to follow.
    fn validate(&self, net: &Self::Net) -> Vec<(&'static str, f64)>;
}

/// Where a run stands.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
struct Standing {
    secs: f64,
    steps: u64,
}

/// Decay of the moving average a step, reached after a few hundred steps.
const DECAY: f64 = 0.999;
/// The average is taken every so many steps; copying the parameters out costs time.
const AVERAGE_EVERY: u64 = 4;
/// Seconds between two checkpoints, each with a validation.
const CHECKPOINT_SECS: f64 = 150.0;

/// Trains until the time is over and returns the averaged network on the plain device.
///
/// # Errors
/// When the folder cannot be written or holds a checkpoint of another network, and when the loss is no number any more.
pub fn train<T: Task>(task: &T, options: &Options, progress: &dyn Progress) -> anyhow::Result<T::Net> {
    std::fs::create_dir_all(&options.out).with_context(|| format!("cannot make {}", options.out.display()))?;
    let device = Device::default().autodiff();
    let mut net = task.init(&device);
    let mut standing = Standing::default();
    let mut average = state::collect(&net);
    if let Some((kept, raw, averaged)) = read_checkpoint(&options.out)? {
        net = state::load(net, &raw, "").context("the checkpoint is another network's")?;
        (standing, average) = (kept, averaged);
    }
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.05).init();
    let total_secs = options.minutes * 60.0;
    let before = standing.secs;
    let start = Instant::now();
    let elapsed = || before + start.elapsed().as_secs_f64();
    let (mut loss_sum, mut loss_count, mut images_at) = (0.0, 0u32, standing.steps);
    let mut checkpoint_at = before + CHECKPOINT_SECS;
    let (net, average, standing) = std::thread::scope(|scope| -> anyhow::Result<_> {
        let (send, receive) = sync_channel(3);
        let seed = options.seed ^ standing.steps.wrapping_mul(0x9E37_79B9);
        let elapsed = &elapsed;
        scope.spawn(move || {
            let mut rng = Rng::new(seed);
            while send.send(task.batch(&mut rng, (elapsed() / total_secs).min(1.0))).is_ok() {}
        });
        while elapsed() < total_secs && !progress.cancelled() {
            let share = elapsed() / total_secs;
            let batch = receive.recv().context("the thread that makes batches ended")?;
            let loss = task.loss(&net, batch, &device);
            let gradients = GradientsParams::from_grads(loss.backward(), &net);
            net = optimizer.step(options.learning_rate * schedule(share), net, gradients);
            let value: f64 = loss.into_scalar::<f32>().into();
            anyhow::ensure!(value.is_finite(), "the loss is no number any more after {} steps", standing.steps);
            (loss_sum, loss_count) = (loss_sum + value, loss_count + 1);
            standing.steps += 1;
            standing.secs = elapsed();
            if standing.steps.is_multiple_of(AVERAGE_EVERY) {
                let decay = DECAY.min((standing.steps as f64 + 1.0) / (standing.steps as f64 + 20.0));
                blend(&mut average, &state::collect(&net), decay.powi(AVERAGE_EVERY as i32) as f32);
            }
            progress.update("training", standing.secs as u64, total_secs as u64);
            if standing.secs >= checkpoint_at || standing.secs >= total_secs {
                let averaged = load_average(task, &average)?;
                let figures = task.validate(&averaged);
                let line = serde_json::json!({
                    "secs": standing.secs.round(), "steps": standing.steps, "loss": loss_sum / f64::from(loss_count.max(1)),
                    "steps_per_sec": (standing.steps - images_at) as f64 / (CHECKPOINT_SECS + standing.secs - checkpoint_at),
                    "validation": figures.iter().map(|(n, v)| ((*n).to_owned(), (*v).into())).collect::<serde_json::Map<_, _>>(),
                });
                append(&options.out.join("log.jsonl"), &line)?;
                write_checkpoint(&options.out, &standing, &state::collect(&net), &average)?;
                (loss_sum, loss_count, images_at) = (0.0, 0, standing.steps);
                checkpoint_at = elapsed() + CHECKPOINT_SECS;
            }
        }
        Ok((net, average, standing))
    })?;
    write_checkpoint(&options.out, &standing, &state::collect(&net), &average)?;
    load_average(task, &average)
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

fn append(path: &Path, line: &serde_json::Value) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file, "{line}").with_context(|| format!("cannot write {}", path.display()))
}

fn read_checkpoint(folder: &Path) -> anyhow::Result<Option<(Standing, StateDict, StateDict)>> {
    let path = folder.join("checkpoint.safetensors");
    if !path.exists() {
        return Ok(None);
    }
    let tensors = read_safetensors(&std::fs::read(&path)?).with_context(|| path.display().to_string())?;
    let standing = std::fs::read(folder.join("standing.json")).context("the checkpoint lacks standing.json")?;
    let part = |prefix: &str| -> StateDict {
        tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix(prefix)?.to_owned(), t.clone()))).collect()
    };
    Ok(Some((serde_json::from_slice(&standing)?, part("net."), part("average."))))
}

fn write_checkpoint(folder: &Path, standing: &Standing, net: &StateDict, average: &StateDict) -> anyhow::Result<()> {
    let named = |prefix: &'static str, s: &StateDict| -> Vec<(String, HostTensor)> {
        s.iter().map(|(n, t)| (format!("{prefix}{n}"), t.clone())).collect()
    };
    let all: StateDict = named("net.", net).into_iter().chain(named("average.", average)).collect();
    write_whole(&folder.join("checkpoint.safetensors"), &write_safetensors(&all, None)?)?;
    write_whole(&folder.join("standing.json"), &serde_json::to_vec(standing)?)
}

fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    std::fs::write(&part, bytes).with_context(|| format!("cannot write {}", part.display()))?;
    std::fs::rename(&part, path).with_context(|| format!("cannot write {}", path.display()))
}
