//! Scanning sets of known truth: what every analyzer said of every item, kept for learning and for tables.
//!
//! Analyzers are asked one at a time and their answers kept in one file an analyzer, so that after a change to one of them only that one
//! is asked again (delete its file). Nothing here depends on the calibration table: values are fused later, from the raw scores.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_analyzers::Need;
use assay_evidence::Outcome;
use assay_media::{Limits, NoProgress, Progress, Source};
use assay_workbench::calibration::Condition;
use assay_workbench::{Scan, Setup};
use base64::Engine as _;
use serde::{Deserialize, Serialize};

/// A map over the picture, as an analyzer gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Map {
    /// Cells across.
    pub columns: u32,
    /// Cells down.
    pub rows: u32,
    /// Covered rectangle in pixels.
    pub covers: [u32; 4],
    /// Row-major, 0..=255.
    pub cells: Vec<u8>,
}

/// What one analyzer said of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Raw score.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<f64>,
    /// Why it did not apply.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub silent: Option<String>,
    /// Its heat map, where maps were asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub map: Option<Map>,
    /// Wall time in seconds.
    pub secs: f64,
}

/// What all analyzers said of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The file.
    pub path: PathBuf,
    /// By analyzer id.
    pub answers: BTreeMap<String, Answer>,
    /// Condition of the file.
    pub condition: Option<Condition>,
    /// Size as coded, in pixels.
    pub size: (u32, u32),
}

impl Record {
    /// Raw scores of the analyzers that applied.
    pub fn scores(&self) -> BTreeMap<String, f64> {
        self.answers.iter().filter_map(|(id, a)| Some((id.clone(), a.score?))).collect()
    }
}

fn map_of(heatmap: &assay_evidence::Heatmap) -> anyhow::Result<Map> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(&heatmap.png.0)?;
    let grey = image::load_from_memory(&bytes)?.into_luma8();
    Ok(Map { columns: grey.width(), rows: grey.height(), covers: heatmap.covers, cells: grey.into_raw() })
}

fn answer_of(outcome: &Outcome, with_map: bool, secs: f64) -> anyhow::Result<Answer> {
    let mut answer = Answer { score: None, silent: None, map: None, secs };
    match outcome {
        Outcome::Evidence(evidence) => {
            answer.score = evidence.score.as_ref().map(|s| s.raw);
            if let Some(heatmap) = evidence.heatmap.as_ref().filter(|_| with_map) {
                answer.map = Some(map_of(heatmap)?);
            }
        }
        Outcome::NotApplicable { reason } => answer.silent = Some(reason.clone()),
        Outcome::Failed { reason } => anyhow::bail!("the analyzer broke: {reason}"),
    }
    Ok(answer)
}

/// Asks the analyzers about the files; records come in the order of `files`. `kept` is a folder of earlier answers, read and added to.
///
/// # Errors
/// The first file that cannot be examined: sets of known truth are whole.
pub fn collect(
    files: &[PathBuf],
    analyzers: &[String],
    with_maps: bool,
    kept: Option<&Path>,
    progress: &dyn Progress,
) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::with_capacity(files.len());
    for path in files {
        let source = Source::open(path, &Limits::default()).map_err(|e| anyhow::anyhow!("{e}: {}", path.display()))?;
        let condition = Condition::of(&source);
        records.push(Record { path: path.clone(), answers: BTreeMap::new(), condition, size: source.coded_size() });
    }
    for id in analyzers {
        let place = kept.map(|folder| folder.join(format!("{id}.json")));
        let mut known: BTreeMap<PathBuf, Answer> = match place.as_ref().map(std::fs::read) {
            Some(Ok(bytes)) => serde_json::from_slice(&bytes).with_context(|| format!("not kept answers of {id}"))?,
            _ => BTreeMap::new(),
        };
        let usable = |a: &Answer| !with_maps || a.map.is_some() || a.silent.is_some();
        let missing: Vec<PathBuf> = records
            .iter()
            .filter(|r| suits(id, r) && !known.get(&r.path).is_some_and(usable))
            .map(|r| r.path.clone())
            .collect();
        if !missing.is_empty() {
            ask(id, &missing, with_maps, &mut known, progress)?;
            if let Some(place) = &place {
                crate::saving::write_whole(place, &serde_json::to_vec(&known)?)?;
            }
        }
        for record in &mut records {
            let other_kind = Answer { score: None, silent: Some("another kind of file".into()), map: None, secs: 0.0 };
            let answer = if suits(id, record) { known.get(&record.path).cloned() } else { Some(other_kind) };
            if let Some(answer) = answer {
                record.answers.insert(id.clone(), answer);
            }
        }
    }
    Ok(records)
}

/// False for a method for stills and a clip, and the other way round: no need to open the file to hear that.
fn suits(id: &str, record: &Record) -> bool {
    let Some(analyzer) = assay_analyzers::find(id) else { return false };
    let needs = analyzer.about().needs;
    let stills = needs.iter().any(|n| matches!(n, Need::Pixels { .. } | Need::JpegCoefficients));
    let clips = needs.iter().any(|n| matches!(n, Need::Packets | Need::FrameStatistics));
    if record.condition == Some(Condition::Video) { clips || !stills } else { stills || !clips }
}

fn ask(
    id: &str,
    files: &[PathBuf],
    with_maps: bool,
    known: &mut BTreeMap<PathBuf, Answer>,
    progress: &dyn Progress,
) -> anyhow::Result<()> {
    let setup = Setup::new(&[id.to_owned()], 1, assay_workbench::DEFAULT_THRESHOLD_LR)?;
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut finished = 0;
    let mut failed = None;
    let scan = Scan { setup: &setup, store: None, jobs, fail_fast: true };
    scan.run(files, &|_| Box::new(NoProgress), &mut |done| {
        finished += 1;
        progress.update(id, finished, files.len() as u64);
        let made = match &done.outcome {
            Ok(report) => {
                let secs = report.run.analyzer_secs.first().map_or(0.0, |(_, secs)| *secs);
                report
                    .result
                    .findings
                    .first()
                    .context("no finding")
                    .and_then(|f| answer_of(&f.outcome, with_maps, secs))
            }
            Err(failure) => Err(anyhow::anyhow!("{}: {}", failure.reason, failure.path)),
        };
        match made {
            Ok(answer) => _ = known.insert(done.path, answer),
            Err(error) => failed = failed.take().or(Some(error)),
        }
    })?;
    failed.map_or(Ok(()), Err)
}
