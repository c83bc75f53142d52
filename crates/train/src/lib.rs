//! Training: one loop for every network of this project.
//!
//! The decision that shapes it: a run is bounded by minutes to fit the machine at hand, or by steps
//! to be repeated anywhere; the learning rate follows the share that has passed. Batch `n` follows
//! from the seed and `n` alone and everything that the next step depends on is in the checkpoint,
//! so a run that was killed goes on where it stood. What is kept is the moving average of the
//! parameters.
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use anyhow::Context as _;
use assay_checkpoints::{HostTensor, StateDict};
use assay_media::Progress;
use assay_models::device::DeviceChoice;
use assay_models::registry;
use assay_models::state::{self, Mismatch};
use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor};
use image::RgbImage;

use assay_material::rng::Rng;
use folder::{Folder, Line};

pub mod animator;
mod curves;
pub mod face_generator;
pub mod faces;
mod folder;
pub mod forgery;
pub mod swap;

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
    /// What is started from: the averaged network of another run's folder, or weights by id or
    /// file.
    pub from: Option<PathBuf>,
    /// What it is computed on.
    pub device: DeviceChoice,
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
    /// How the learning rate goes down.
    fn schedule(&self) -> Schedule {
        Schedule::Cosine
    }
    /// Decay of the weights a step, over the learning rate.
    fn weight_decay(&self) -> f32 {
        0.05
    }
    /// How slowly the optimiser forgets the mean of gradients. Networks that compete are trained
    /// with 0.5 (Radford, Metz and Chintala 2016).
    fn momentum(&self) -> f32 {
        0.9
    }
    /// Highest norm of the gradient of each parameter; `None` lets all pass. It keeps a run whose
    /// losses have large weights from running away.
    fn clipping(&self) -> Option<f32> {
        None
    }
    /// The network with the parameters of another run's.
    ///
    /// # Errors
    /// When they do not fit.
    fn adopt(&self, net: Self::Net, parameters: &StateDict) -> Result<Self::Net, Mismatch> {
        state::load(net, parameters, "")
    }
    /// Figures on the validation split, for people to follow; the first is what
    /// [`Schedule::Plateau`] watches.
    fn validate(&self, net: &Self::Net) -> Vec<(&'static str, f64)>;
    /// What a generator makes by now, for people to look at: a picture that is marked already.
    /// Asked for about every minute, with the averaged network.
    ///
    /// # Errors
    /// When it cannot be made or marked.
    fn preview(&self, _net: &Self::Net) -> anyhow::Result<Option<RgbImage>> {
        Ok(None)
    }
}

/// How the learning rate goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Warm-up over the first fiftieth, then half a cosine.
    Cosine,
    /// A tenth after every ten validations without a lower first figure, with a rest of twenty
    /// after each (PyTorch's `ReduceLROnPlateau(factor=0.1, patience=10, cooldown=20)`, as
    /// Bonettini et al. 2020 train).
    Plateau,
}

/// What [`Schedule::Plateau`] remembers.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Plateau {
    best: Option<f64>,
    without_better: u32,
    rest: u32,
    reductions: i32,
}

impl Plateau {
    fn note(&mut self, figure: f64) {
        // A relative ten-thousandth counts as no better.
        if self.best.is_none_or(|best| figure < best * (1.0 - 1e-4)) {
            (self.best, self.without_better) = (Some(figure), 0);
        } else {
            self.without_better += 1;
        }
        if self.rest > 0 {
            (self.rest, self.without_better) = (self.rest - 1, 0);
        }
        if self.without_better > 10 {
            (self.reductions, self.rest, self.without_better) = (self.reductions + 1, 20, 0);
        }
    }

    fn factor(&self) -> f64 {
        0.1f64.powi(self.reductions)
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Standing {
    secs: f64,
    steps: u64,
    #[serde(default)]
    plateau: Plateau,
}

impl Standing {
    /// How much of the run has passed, 0 to 1.
    fn share(&self, budget: Budget) -> f64 {
        share(self.secs, self.steps, budget)
    }
}

/// How much of a budget has passed, 0 to 1.
fn share(secs: f64, steps: u64, budget: Budget) -> f64 {
    match budget {
        Budget::Minutes(minutes) => (secs / (minutes * 60.0)).min(1.0),
        Budget::Steps(most) => (steps as f64 / most.max(1) as f64).min(1.0),
    }
}

/// Decay of the moving average a step, reached after a few hundred steps.
const DECAY: f64 = 0.999;
/// The average is taken every so many steps; copying the parameters out costs time.
const AVERAGE_EVERY: u64 = 4;
/// Seconds between two checkpoints, each with a validation.
const CHECKPOINT_SECS: f64 = 150.0;
/// Seconds between two previews.
const PREVIEW_SECS: f64 = 60.0;
/// Checkpoints of a run at least, however short it is.
const CHECKPOINTS: f64 = 4.0;

/// Trains until the budget is spent and returns the averaged network on the plain device.
///
/// # Errors
/// When the folder cannot be written or holds a checkpoint of another network, when `from` does,
/// and when the loss is not a number.
pub fn train<T: Task>(task: &T, options: &Options, progress: &dyn Progress) -> anyhow::Result<T::Net> {
    let folder = Folder::open(&options.out)?;
    let device = options.device.device()?.autodiff();
    device.seed(options.seed);
    let mut net = state::numbered(task.init(&device));
    let clipping = task.clipping().map(GradientClippingConfig::Norm);
    let mut optimizer = AdamWConfig::new()
        .with_weight_decay(task.weight_decay())
        .with_beta_1(task.momentum())
        .with_grad_clipping(clipping)
        .init();
    let mut standing = Standing::default();
    let mut average = state::collect(&net);
    if let Some(kept) = folder.read_checkpoint()? {
        net = state::load(net, &kept.net, "").context("the checkpoint is another network's")?;
        (standing, average) = (kept.standing, kept.average);
        if let Some(path) = folder.optimizer() {
            optimizer = optimizer.load(&path).with_context(|| format!("cannot read {}", path.display()))?;
        }
    } else if let Some(from) = &options.from {
        let start = if from.is_dir() {
            let other = Folder::at(from).read_checkpoint()?;
            other.with_context(|| format!("{} holds no checkpoint to start from", from.display()))?.average
        } else {
            let weights = registry::open(&from.to_string_lossy());
            let none = || format!("{}: no checkpoint to start from, and no weights", from.display());
            weights.with_context(none)?.tensors
        };
        let misfit = || format!("{} holds another network", from.display());
        net = task.adopt(net, &start).with_context(misfit)?;
        average = state::collect(&net);
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
    let mut shown_secs = standing.secs;
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let (send, receive) = sync_channel(3);
        let elapsed = &elapsed;
        scope.spawn(move || {
            for steps in first.. {
                let share = share(elapsed(), steps, budget);
                let batch = task.batch(&mut Rng::labelled(options.seed, &format!("batch {steps}")), share);
                if send.send(batch).is_err() {
                    return;
                }
            }
        });
        while standing.share(budget) < 1.0 && !progress.cancelled() {
            let learning_rate = options.learning_rate
                * match task.schedule() {
                    Schedule::Cosine => cosine(standing.share(budget)),
                    Schedule::Plateau => standing.plateau.factor(),
                };
            let batch = receive.recv().context("the thread that makes batches ended")?;
            let loss = task.loss(&net, batch, &device);
            let gradients = GradientsParams::from_grads(loss.backward(), &net);
            net = optimizer.step(learning_rate, net.clone(), gradients);
            let value: f64 = loss.into_scalar::<f32>().into();
            anyhow::ensure!(value.is_finite(), "the loss is not a number after {} steps", standing.steps);
            let now = elapsed();
            recent.add(value, now - standing.secs, 0.98);
            since.1.add(value, now - standing.secs, 1.0);
            (standing.secs, standing.steps) = (now, standing.steps + 1);
            if standing.steps.is_multiple_of(AVERAGE_EVERY) {
                let decay = DECAY.min((standing.steps as f64 + 1.0) / (standing.steps as f64 + 20.0));
                blend(&mut average, &state::collect(&net), decay.powi(AVERAGE_EVERY as i32) as f32);
            }
            let passed = standing.share(budget);
            let left = (elapsed() - before) * (1.0 - passed) / (passed - share(before, first, budget));
            let speed = recent.speed() * task.pictures() as f64;
            let line = live(recent.loss(), learning_rate, speed, &figures, left);
            progress.update(&line, (passed * 1e4) as u64, 10_000);
            if standing.secs >= shown_secs + PREVIEW_SECS || passed >= 1.0 {
                if let Some(picture) = task.preview(&load_average(task, &average)?)? {
                    folder.write_preview(&picture)?;
                }
                standing.secs = elapsed();
                shown_secs = standing.secs;
            }
            if standing.secs >= since.0.secs + checkpoint_secs || passed >= 1.0 {
                figures = task.validate(&load_average(task, &average)?);
                if let Some((_, first)) = figures.first() {
                    standing.plateau.note(*first);
                }
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
    let figures = figures.iter().fold(String::new(), |text, (name, value)| text + &format!(", {name} {value:.3}"));
    format!(
        "loss {loss:.3}, rate {learning_rate:.1e}, {speed:.0} images/s{figures}, {:.0} min left",
        (left_secs / 60.0).ceil()
    )
}

/// Warm-up over the first fiftieth, then half a cosine down to a hundredth.
fn cosine(share: f64) -> f64 {
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicU64, Ordering};

    use assay_media::NoProgress;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::TensorData;

    use super::*;

    /// Learns a line through drawn points.
    struct Line;

    impl Task for Line {
        type Net = Linear;
        type Batch = Vec<f32>;

        fn init(&self, device: &Device) -> Linear {
            LinearConfig::new(2, 1).init(device)
        }

        fn pictures(&self) -> usize {
            8
        }

        fn batch(&self, rng: &mut Rng, _share: f64) -> Vec<f32> {
            (0..16).map(|_| rng.range(-1.0, 1.0) as f32).collect()
        }

        fn loss(&self, net: &Linear, batch: Vec<f32>, device: &Device) -> Tensor<1> {
            let truth: Vec<f32> = batch.chunks_exact(2).map(|p| 0.7 * p[0] - 0.2 * p[1] + 0.1).collect();
            let x = Tensor::<2>::from_data(TensorData::new(batch, [8, 2]), device);
            let truth = Tensor::<2>::from_data(TensorData::new(truth, [8, 1]), device);
            (net.forward(x) - truth).powf_scalar(2.0).mean()
        }

        fn validate(&self, _net: &Linear) -> Vec<(&'static str, f64)> {
            vec![("always", 0.5)]
        }
    }

    /// Ends a run after so many steps, as a user does.
    struct EndAfter(AtomicU64);

    impl Progress for EndAfter {
        fn update(&self, _: &str, _: u64, _: u64) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }

        fn cancelled(&self) -> bool {
            self.0.load(Ordering::Relaxed) == 0
        }
    }

    fn options(out: &Path, steps: u64) -> Options {
        Options {
            budget: Budget::Steps(steps),
            out: out.to_owned(),
            seed: 3,
            learning_rate: 0.05,
            from: None,
            device: DeviceChoice::Cpu,
        }
    }

    #[test]
    fn a_run_that_was_ended_goes_on_to_the_very_same_network() {
        let (whole, ended) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let straight = train(&Line, &options(whole.path(), 40), &NoProgress).unwrap();
        let stop = EndAfter(AtomicU64::new(17));
        train(&Line, &options(ended.path(), 40), &stop).unwrap();
        let standing: Standing =
            serde_json::from_slice(&std::fs::read(ended.path().join("standing.json")).unwrap()).unwrap();
        assert_eq!(standing.steps, 17);
        let resumed = train(&Line, &options(ended.path(), 40), &NoProgress).unwrap();
        assert_eq!(state::collect(&straight), state::collect(&resumed));
        // The raw network with its optimiser, too, not only the average.
        let raw = |folder: &Path| Folder::open(folder).unwrap().read_checkpoint().unwrap().unwrap().net;
        assert_eq!(raw(whole.path()), raw(ended.path()));
        let page = std::fs::read_to_string(ended.path().join("curves.html")).unwrap();
        assert!(page.contains("validation: always") && page.contains("<polyline"));
    }

    #[test]
    fn a_run_learns_and_another_may_start_from_it() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        train(&Line, &options(first.path(), 300), &NoProgress).unwrap();
        let weights = |folder: &Path| -> Vec<f32> {
            let kept = Folder::open(folder).unwrap().read_checkpoint().unwrap().unwrap();
            kept.average.values().flat_map(HostTensor::to_f32).collect()
        };
        let near = |found: &[f32], truth: &[f32]| truth.iter().all(|t| found.iter().any(|f| (f - t).abs() < 0.03));
        assert!(near(&weights(first.path()), &[0.7, -0.2, 0.1]), "{:?}", weights(first.path()));
        let from = Some(first.path().to_owned());
        train(&Line, &Options { from, ..options(second.path(), 1) }, &NoProgress).unwrap();
        assert!(near(&weights(second.path()), &[0.7, -0.2, 0.1]), "{:?}", weights(second.path()));
        let nowhere = Options { from: Some(second.path().join("none")), ..options(&second.path().join("x"), 1) };
        assert!(train(&Line, &nowhere, &NoProgress).unwrap_err().to_string().contains("no checkpoint"));
    }

    #[test]
    fn a_plateau_lowers_the_rate_after_ten_validations_without_better() {
        let mut plateau = Plateau::default();
        plateau.note(1.0);
        (0..10).for_each(|_| plateau.note(1.0));
        assert_eq!(plateau.factor(), 1.0);
        plateau.note(1.0);
        assert!((plateau.factor() - 0.1).abs() < 1e-12);
        (0..25).for_each(|_| plateau.note(1.0));
        assert!((plateau.factor() - 0.1).abs() < 1e-12, "it rests");
    }
}
