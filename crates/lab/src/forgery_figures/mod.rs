//! What the shipped networks that judge faces are worth on people and files that they never saw, as
//! a document.
//!
//! The decision that shapes it: every figure goes through `judge` and `datasets::evaluate`, the
//! same as `assay evaluate`. Files of the training and validation split are left out. The
//! side-by-side clips are too few for that: there each clip is judged by the network that held its
//! people out.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay_detect::all_networks;
use assay_faces::FaceNetworks;
use assay_media::Progress;

use crate::experiment::{Experiment, Markdown, Stage};
use crate::tables::Tables;
use assay_bench::collections::folds::{Folds, look_unseen};
use assay_bench::collections::{Split, sets};
use assay_bench::datasets::{self, FrameScore, Label, Manifest, Results};
use assay_bench::judge::{self, Look, Pace, Score};
use assay_bench::metrics::Estimate;

mod false_positives;
mod regions;
mod scans;

/// What to measure, and where the files go that are saved again.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of labelled pictures and clips
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Where pictures that are saved again are kept; a temporary folder when not given
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
    /// Evenly spaced frames of a clip
    #[arg(long, default_value_t = judge::FRAMES)]
    pub frames: u32,
    /// Of the photographs that are scanned as a whole, every so many
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub every: usize,
    /// Only these chapters; the others of the document stay as they are
    #[arg(long = "only", value_delimiter = ',', value_name = "CHAPTER")]
    pub parts: Vec<Chapter>,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "forgery";
    const ABOUT: &'static str = "Measure the forgery networks on swaps, generated portraits and real photographs that \
                                 they never saw";
    const PAGE: Option<&'static str> = Some("docs/forgery.md");
    type Args = Options;
    type Figures = Chapters;

    fn run(options: Options, stage: &Stage<'_>) -> anyhow::Result<Chapters> {
        run(&options, stage.progress)
    }
}

/// The chapters that were measured.
pub struct Chapters(Vec<String>);

impl serde::Serialize for Chapters {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Tables(self.0.concat()).serialize(serializer)
    }
}

impl Markdown for Chapters {
    fn page(&self, former: &str) -> String {
        replaced(former, &self.0)
    }
}

/// What the tables are made with.
pub(crate) struct Bench<'a> {
    pub(crate) data: &'a Path,
    pub(crate) work: &'a Path,
    pub(crate) networks: Arc<dyn FaceNetworks>,
    pub(crate) frames: u32,
    pub(crate) progress: &'a dyn Progress,
}

impl Bench<'_> {
    /// Looks at every file of a table.
    pub(crate) fn look(&self, manifest: &Manifest) -> (Vec<Look>, Vec<datasets::Failure>) {
        judge::look(manifest, &self.networks, Pace::Frames(self.frames), self.progress)
    }
}

/// A part of the document, which can be made anew by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Chapter {
    /// Side-by-side clips.
    Swaps,
    /// Generated portraits.
    Portraits,
    /// False positives of single questions.
    FalsePositives,
    /// False positives of whole scans.
    Scans,
    /// What the maps show on genuine and on swapped faces.
    Regions,
}

impl Chapter {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 5] = [Self::Swaps, Self::Portraits, Self::FalsePositives, Self::Scans, Self::Regions];
}

/// What stands before the first chapter.
const OPENING: &str = "# Networks that judge faces\n\nMade by `assay lab forgery --data DIR`. Areas under the ROC curve with 95 % bootstrap intervals over files; a file's score is the mean logit of its frames, of \
     the most suspicious person. People and files of the test split were used neither for training nor for choosing a number.\n\n";

/// Measures the chapters that are asked for.
///
/// # Errors
/// When the data cannot be read or the folder cannot be written.
fn run(options: &Options, progress: &dyn Progress) -> anyhow::Result<Chapters> {
    let thrown_away = tempfile::tempdir()?;
    let work = options.work.as_deref().unwrap_or(thrown_away.path());
    let networks = all_networks()?;
    let ids = weight_ids(&networks);
    let networks: Arc<dyn FaceNetworks> = Arc::new(networks);
    let bench = Bench { data: &options.data, work, networks, frames: options.frames, progress };
    let mut made = Vec::new();
    for chapter in Chapter::ALL.into_iter().filter(|c| options.parts.is_empty() || options.parts.contains(c)) {
        made.push(match chapter {
            Chapter::Swaps => swaps(&bench, &ids)?,
            Chapter::Portraits => portraits(&bench, &ids)?,
            Chapter::FalsePositives => false_positives::table(&bench, &ids)?,
            Chapter::Scans => scans::table(&bench, options.every)?,
            Chapter::Regions => regions::table(&bench, &ids)?,
        });
    }
    Ok(Chapters(made))
}

/// Ids of the weights of all detectors, in the order of the record.
pub(crate) fn weight_ids(networks: &dyn FaceNetworks) -> Vec<String> {
    let detectors = networks.detectors().map(assay_faces::Detecting::weights).unwrap_or_default();
    detectors.into_iter().flat_map(|d| d.weights).map(|w| w.id).collect()
}

/// The document so far with these chapters in place of those of the same heading, the new ones at
/// the end.
fn replaced(old: &str, made: &[String]) -> String {
    let heading = |chapter: &str| chapter.lines().next().unwrap_or_default().to_owned();
    let mut chapters: Vec<String> = old.split("\n## ").skip(1).map(|c| format!("## {}\n\n", c.trim_end())).collect();
    for new in made {
        let new = new.trim_end().to_owned() + "\n\n";
        match chapters.iter_mut().find(|c| heading(c) == heading(&new)) {
            Some(place) => *place = new,
            None => chapters.push(new),
        }
    }
    OPENING.to_owned() + chapters.concat().trim_end() + "\n"
}

/// Side-by-side clips by every network, and out of fold.
fn swaps(bench: &Bench<'_>, ids: &[String]) -> anyhow::Result<String> {
    let folds = Folds::of(ids, &sets::swap_clips(bench.data)?);
    let unseen = folds.unseen(ids)?;
    let apart: Arc<dyn FaceNetworks> = Arc::new(folds.apart()?);
    let mut text = String::from(
        "## Face swaps\n\nSide-by-side clips: the left half as recorded, the right half with another face. Networks that learn from no swap are measured on all \
         clips. Networks that learn from swaps exist once for each part of the clips that they did not see (groups of clips that share a person are never divided); \
         `out of fold` judges every clip by the network that held it out. The ensemble is one network whose weights are the mean of all four files' (a quarter of the first, which saw no swap); out of fold \
         the one that held the clip out stands for all three that saw swaps.\n\n",
    );
    text += "| saved as | judged by | video AUC | frame AUC | paired | real, fake |\n|---|---|---|---|---|---|\n";
    let pace = Pace::Frames(bench.frames);
    let ensemble = Score::of("face_manipulation");
    for saving in sets::CLIPS {
        let manifest = sets::swaps(bench.data, bench.work, saving)?;
        let mut row = |name: &str, scores: &[FrameScore], failures: &[datasets::Failure]| -> anyhow::Result<()> {
            let results = datasets::evaluate(&manifest, scores, failures, 1)?;
            let (real, fake) = counts(&results);
            let _ = writeln!(
                text,
                "| {} | {name} | {} | {} | {} | {real}, {fake} |",
                saving.name,
                shown(&results.video_auc),
                shown(&results.frame_auc),
                shown(&results.paired_accuracy)
            );
            Ok(())
        };
        let (looks, failures) = judge::look(&manifest, &apart, pace, bench.progress);
        for (name, score_of) in folds.asked() {
            let scores = judge::scores(&looks, |look| {
                let source = manifest.rows.iter().find(|r| r.path == *look.path()).and_then(|r| r.source.as_ref())?;
                score_of(source).score(look)
            });
            row(&name, &scores, &failures)?;
        }
        let (looks, failures) = look_unseen(&manifest, &unseen, pace, bench.progress);
        row("ensemble, out of fold", &judge::scores(&looks, |look| ensemble.score(look)), &failures)?;
    }
    Ok(text + "\n")
}

fn portraits(bench: &Bench<'_>, ids: &[String]) -> anyhow::Result<String> {
    let mut text = String::from(
        "## Generated portraits\n\nPortraits of the test split, saved again in the same way, because the files of the generators share a compression.\n\n\
         | against | saved as | judged by | AUC | real, fake | without a usable face |\n|---|---|---|---|---|---|\n",
    );
    let synthesis = ids.iter().any(|id| id.starts_with("face-synthesis"));
    let asked = [("face-synthesis", Score::of("face_synthesis")), ("face-forgery", Score::of("face_manipulation"))];
    for names in &sets::generated(bench.data)? {
        for saving in sets::PORTRAITS {
            let manifest = sets::portraits(bench.data, bench.work, names, Split::Test, saving)?;
            let (looks, failures) = bench.look(&manifest);
            for (name, score) in asked.iter().skip(usize::from(!synthesis)) {
                let scores = judge::scores(&looks, |look| score.score(look));
                let results = datasets::evaluate(&manifest, &scores, &failures, 1)?;
                let (real, fake) = counts(&results);
                let _ = writeln!(
                    text,
                    "| {} and {} | {} | {name} | {} | {real}, {fake} | {} |",
                    names[0],
                    names[1],
                    saving.name,
                    shown(&results.video_auc),
                    results.failures.real_without_score + results.failures.fake_without_score
                );
            }
        }
    }
    Ok(text + "\n")
}

fn counts(results: &Results) -> (usize, usize) {
    let of = |label: Label| results.files.iter().filter(|f| f.label == label && f.score.is_some()).count();
    (of(Label::Real), of(Label::Fake))
}

pub(crate) fn shown(interval: &Estimate) -> String {
    match (interval.value, interval.low, interval.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3} to {high:.3})"),
        _ => interval.reason.clone().unwrap_or_else(|| "not defined".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chapter_takes_the_place_of_the_former_one_and_leaves_the_others() {
        let old = format!("{OPENING}## One\n\na\n\n## Two\n\nb\n");
        let new = replaced(&old, &["## Two\n\nc\n\n".into(), "## Three\n\nd\n".into()]);
        assert_eq!(new, format!("{OPENING}## One\n\na\n\n## Two\n\nc\n\n## Three\n\nd\n"));
        assert_eq!(replaced("", &["## One\n\na\n".into()]), format!("{OPENING}## One\n\na\n"));
        assert_eq!(replaced(&new, &[]), new);
    }
}
