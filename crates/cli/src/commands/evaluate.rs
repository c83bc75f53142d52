//! `assay evaluate`: what a detector is worth on a data set.
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use assay_bench::datasets::{self, Failure, FrameScore, Manifest, Results, Split};
use assay_bench::judge::{self, Pace, Score};
use assay_bench::metrics::Estimate;
use assay_detect::{Detectors, Weights, all_networks};
use assay_faces::{Detecting as _, FaceNetworks, Networks};
use assay_media::Progress;

use crate::Exit;
use crate::files::{JsonTarget, write_whole};
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// CSV with the columns path and label (real or fake), and optionally part (whole, left, right,
    /// top, bottom), person, driver, group, mask, source, split, compression, video; paths may be
    /// relative to it
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// `ensemble` (the networks that tell manipulated faces, `face_manipulation`), `synthesis`
    /// (`face_synthesis`), the id of another detector, `scan` (the likelihood ratio of a whole
    /// scan, one a file), or ids (`assay models list`) and files of weights that
    /// `assay train detector` wrote, with commas between: the mean of their logits
    #[arg(long, default_value = "ensemble")]
    detector: String,
    /// Only rows of this split
    #[arg(long, value_name = "train|validation|test")]
    split: Option<String>,
    /// Evenly spaced frames of a clip that are looked at
    #[arg(long, default_value_t = judge::FRAMES)]
    frames: u32,
    /// Seed of the bootstrap
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A page with the ROC curve, the reliability diagram and the tables
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// All figures with intervals, slices, and one score a path and part, as JSON; `-` is standard
    /// output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut manifest = Manifest::read(&args.manifest)?;
    if let Some(name) = &args.split {
        let split = Split::from_name(name).with_context(|| format!("there is no split {name:?}"))?;
        manifest = manifest.of(split);
    }
    anyhow::ensure!(!manifest.rows.is_empty(), "{}: there are no rows to evaluate", args.manifest.display());
    anyhow::ensure!((1..=10_000).contains(&args.frames), "the number of frames lies between 1 and 10000");
    let bars = Bars::new(1);
    let progress = bars.worker();
    let (scores, failures) = match args.detector.as_str() {
        "scan" => judge::scan(&manifest, Arc::new(all_networks()?), progress.as_ref())?,
        "ensemble" => alone(&manifest, "face_manipulation", args.frames, progress.as_ref())?,
        "synthesis" => alone(&manifest, "face_synthesis", args.frames, progress.as_ref())?,
        id if assay_detect::find(id).is_some() => alone(&manifest, id, args.frames, progress.as_ref())?,
        names => {
            let names: Vec<String> = names.split(',').map(str::to_owned).collect();
            let mut detectors = Detectors::default();
            for name in &names {
                detectors.add_as(name, "face_manipulation", &Weights::file(name)).with_context(|| unknown(name))?;
            }
            let networks = Networks::shipped()?.with_detectors(Arc::new(detectors));
            asked(&manifest, networks, &Score::mean(&names), args.frames, progress.as_ref())
        }
    };
    let results = datasets::evaluate(&manifest, &scores, &failures, args.seed)?;
    drop(progress);
    bars.clear();
    if let Some(path) = &args.html {
        let title = format!("{} on {}", args.detector, args.manifest.display());
        write_whole(path, datasets::page(&results, &title).as_bytes())?;
    }
    if let Some(target) = &args.json {
        target.write(&results)?;
    }
    if !args.json.as_ref().is_some_and(|t| matches!(t, JsonTarget::Stdout)) {
        out!("{}", table(&results));
    }
    for failure in &failures {
        eprintln!("assay: {}, part {}: {}", failure.path.display(), failure.part.name(), failure.reason);
    }
    // A file that cannot be read is a failure of the run; one without a face is a result.
    Ok(if results.failures.decode > 0 { Exit::Failed } else { Exit::Clear })
}

/// What to say where a name is neither a detector nor weights.
fn unknown(name: &str) -> String {
    let shipped = Detectors::all().map(|d| d.weights()).unwrap_or_default();
    let weights = shipped.iter().flat_map(|d| &d.weights).map(|w| w.id.as_str());
    let ids = assay_detect::DETECTORS.iter().map(|d| d.about.id);
    let known: Vec<&str> = ["ensemble", "synthesis", "scan"].into_iter().chain(ids).chain(weights).collect();
    format!("there is no detector {name:?}; known are {}, and files of weights", known.join(", "))
}

/// The scores of one shipped detector.
fn alone(
    manifest: &Manifest,
    id: &str,
    frames: u32,
    progress: &dyn Progress,
) -> anyhow::Result<(Vec<FrameScore>, Vec<Failure>)> {
    Ok(asked(manifest, assay_detect::networks(&[id])?, &Score::of(id), frames, progress))
}

fn asked(
    manifest: &Manifest,
    networks: Networks,
    score: &Score,
    frames: u32,
    progress: &dyn Progress,
) -> (Vec<FrameScore>, Vec<Failure>) {
    let networks: Arc<dyn FaceNetworks> = Arc::new(networks);
    let (looks, failures) = judge::look(manifest, &networks, Pace::Frames(frames), progress);
    (judge::scores(&looks, |look| score.score(look)), failures)
}

fn table(results: &Results) -> String {
    let mut text = format!("{:<20} {:>7}  {:<17} {:>6}\n", "figure", "value", "95 %", "n");
    for (name, interval) in results.figures() {
        text += &format!("{name:<20} {}\n", row(interval));
    }
    let counts = &results.failures;
    text += &format!(
        "\n{} rows; without a score {} real and {} fake (files that cannot be decoded: {}, without a usable face: {}, without a value: {})\n",
        counts.files,
        counts.real_without_score,
        counts.fake_without_score,
        counts.decode,
        counts.no_face,
        counts.abstained
    );
    text
}

fn row(interval: &Estimate) -> String {
    match (interval.value, interval.low, interval.high) {
        (Some(value), Some(low), Some(high)) => {
            format!("{value:>7.3}  {:<17} {:>6}", format!("{low:.3} to {high:.3}"), interval.n)
        }
        (Some(value), ..) => format!("{value:>7.3}  {:<17} {:>6}", "", interval.n),
        _ => format!("{:>7}  {}", "-", interval.reason.as_deref().unwrap_or("not defined")),
    }
}
