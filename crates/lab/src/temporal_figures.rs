//! What networks on windows of frames are worth on people that they did not see.
//!
//! The decision that shapes it: windows are cut and brought onto one another exactly as in
//! training, around the machine-made labels, so the figures say what the cue carries and nothing of
//! a scan's face finding. A clip is judged by the run that held its people out.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_media::Progress;
use assay_models::face_forgery::{FaceForgery, open_temporal};

use crate::experiment::{Experiment, Markdown, Stage};
use crate::forgery_figures::shown;
use assay_bench::collections::{self, sets};
use assay_bench::datasets::{self, FrameScore, Part};
use assay_bench::metrics::Estimate;
use assay_train::forgery::Choice;
use assay_train::forgery::temporal::{self, windows};

/// Folders of the runs, and the labelled pictures and clips.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of labelled pictures and clips
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Folder of a run of `assay train detector --recipe temporal` (repeatable)
    #[arg(long = "run", value_name = "DIR", required = true)]
    pub runs: Vec<PathBuf>,
}

/// The figures.
#[derive(Debug, serde::Serialize)]
pub struct Figures {
    /// Side-by-side clips that were judged, and windows of either half.
    pub clips: usize,
    /// Windows.
    pub windows: usize,
    /// By the mean logit of a clip's windows.
    pub video_auc: Estimate,
    /// By single windows.
    pub window_auc: Estimate,
    /// Share of the clips whose swapped half scores higher.
    pub paired_accuracy: Estimate,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "temporal";
    const ABOUT: &'static str = "Judge windows of frames of the side-by-side clips by temporal networks, each clip by \
                                 the run that held its people out";
    const PAGE: Option<&'static str> = Some("docs/temporal.md");
    type Args = Options;
    type Figures = Figures;

    fn run(options: Options, stage: &Stage<'_>) -> anyhow::Result<Figures> {
        run(&options, stage.progress)
    }
}

impl Markdown for Figures {
    fn page(&self, _: &str) -> String {
        let mut text = String::from(
            "# Windows of frames\n\nMade by `assay lab temporal --data DIR --run DIR ...`, one run a held-out part. Eight consecutive frames every fifteen of the side-by-side clips; a clip's score is the mean \
             logit of its windows. 95 % bootstrap intervals over clips.\n\n| clips | windows | video AUC | window AUC | paired |\n|---|---|---|---|---|\n",
        );
        let figures = [&self.video_auc, &self.window_auc, &self.paired_accuracy].map(shown).join(" | ");
        let _ = writeln!(text, "| {} | {} | {figures} |", self.clips, self.windows);
        text
    }
}

/// A network and what its run left out.
fn opened(run: &Path) -> anyhow::Result<(FaceForgery, Choice)> {
    let path = run.join("run.json");
    let record = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut record: serde_json::Value = serde_json::from_slice(&record).with_context(|| path.display().to_string())?;
    let choice = serde_json::from_value(record["what"].take()).with_context(|| path.display().to_string())?;
    Ok((open_temporal(&run.join("weights.safetensors"))?, choice))
}

/// Judges every side-by-side clip.
///
/// # Errors
/// When data or runs cannot be read, or no run held a clip out.
fn run(options: &Options, progress: &dyn Progress) -> anyhow::Result<Figures> {
    let nets: Vec<(FaceForgery, Choice)> = options.runs.iter().map(|r| opened(r)).collect::<anyhow::Result<_>>()?;
    let moments = windows::load(&options.data, progress)?;
    let pairs: Vec<&windows::Moment> = moments.iter().filter(|m| m.swapped.is_some()).collect();
    let mut owned: Vec<(String, String)> = pairs.iter().map(|m| (m.clip.clone(), m.owner.clone())).collect();
    owned.dedup();
    let clips: Vec<&String> = owned.iter().map(|(clip, _)| clip).collect();
    let judge_of = |clip: &String| {
        nets.iter().find(|(_, choice)| {
            choice.held_out.is_none_or(|fold| collections::parts(&owned, fold.of).get(clip) == Some(&fold.part))
        })
    };
    let thrown_away = tempfile::tempdir()?;
    let mut manifest = sets::swaps(&options.data, thrown_away.path(), sets::CLIPS[0])?;
    manifest.rows.retain(|row| clips.iter().any(|c| row.path.ends_with(c) && judge_of(c).is_some()));
    anyhow::ensure!(!manifest.rows.is_empty(), "none of the runs held a side-by-side clip out");
    let mut scores = Vec::new();
    for (at, moment) in pairs.iter().enumerate() {
        progress.update("judging windows", at as u64, pairs.len() as u64);
        let Some((net, _)) = judge_of(&moment.clip) else { continue };
        for (is_fake, found) in temporal::judge(net, moment) {
            scores.push(FrameScore {
                path: options.data.join(&moment.clip),
                part: if is_fake { Part::Right } else { Part::Left },
                person: 0,
                frame: moment.index,
                log_odds: f64::from(found.logit),
                face_px: None,
                yaw_deg: None,
            });
        }
    }
    let results = datasets::evaluate(&manifest, &scores, &[], 1)?;
    Ok(Figures {
        clips: manifest.rows.iter().filter(|r| r.part == Part::Left).count(),
        windows: scores.len(),
        video_auc: results.video_auc,
        window_auc: results.frame_auc,
        paired_accuracy: results.paired_accuracy,
    })
}
