//! Scanning sets of known truth: what every analyzer said of every item, kept for learning and for
//! tables.
//!
//! The answers are kept in one file an analyzer, so that after a change to one of them only that
//! one is asked again (delete its file); analyzers that lack the same answers are asked in one
//! scan. Nothing here depends on the calibration table: values are fused later, from the raw
//! scores.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_analyzers::Need;
use assay_evidence::{Outcome, Report};
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

/// Asks the analyzers about the files; records come in the order of `files`. `kept` is a folder of
/// earlier answers, read and added to.
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
    let place = |id: &str| kept.map(|folder| folder.join(format!("{id}.json")));
    let mut known: BTreeMap<&str, Answers> = BTreeMap::new();
    let mut asked: BTreeMap<Vec<PathBuf>, Vec<String>> = BTreeMap::new();
    for id in analyzers {
        let answers: Answers = match place(id).map(std::fs::read) {
            Some(Ok(bytes)) => serde_json::from_slice(&bytes).with_context(|| format!("not kept answers of {id}"))?,
            _ => Answers::new(),
        };
        let usable = |a: &Answer| !with_maps || a.map.is_some() || a.silent.is_some();
        let lacks = |r: &&Record| suits(id, r) && !answers.get(&r.path).is_some_and(usable);
        let missing: Vec<PathBuf> = records.iter().filter(lacks).map(|r| r.path.clone()).collect();
        if !missing.is_empty() {
            asked.entry(missing).or_default().push(id.clone());
        }
        known.insert(id, answers);
    }
    for (files, ids) in &asked {
        let (answers, failed) = ask(ids, files, with_maps, progress)?;
        for (id, path, answer) in answers {
            known.entry(id).or_default().insert(path, answer);
        }
        for id in ids {
            if let Some(place) = place(id) {
                assay_material::saving::write_whole(&place, &serde_json::to_vec(&known[id.as_str()])?)?;
            }
        }
        // Only now: what was answered before it is kept.
        failed.map_or(Ok(()), Err)?;
    }
    for (id, known) in &known {
        for record in &mut records {
            let other_kind = Answer { score: None, silent: Some("another kind of file".into()), map: None, secs: 0.0 };
            let answer = if suits(id, record) { known.get(&record.path).cloned() } else { Some(other_kind) };
            if let Some(answer) = answer {
                record.answers.insert((*id).to_owned(), answer);
            }
        }
    }
    Ok(records)
}

/// What one analyzer said, by file.
type Answers = BTreeMap<PathBuf, Answer>;

/// False for a method for stills and a clip, and the other way round: no need to open the file to
/// hear that.
fn suits(id: &str, record: &Record) -> bool {
    let Some(analyzer) = assay_analyzers::find(id) else { return false };
    let needs = analyzer.about().needs;
    let stills = needs.iter().any(|n| matches!(n, Need::Pixels { .. } | Need::JpegCoefficients));
    let clips = needs.iter().any(|n| matches!(n, Need::Packets | Need::FrameStatistics));
    if record.condition == Some(Condition::Video) { clips || !stills } else { stills || !clips }
}

/// Analyzer, file and answer of each that answered, and why the rest did not.
type Asked<'a> = (Vec<(&'a str, PathBuf, Answer)>, Option<anyhow::Error>);

/// Asks analyzers about files, all of them in one scan of each; those that ask networks about faces
/// get them.
fn ask<'a>(
    ids: &'a [String],
    files: &[PathBuf],
    with_maps: bool,
    progress: &dyn Progress,
) -> anyhow::Result<Asked<'a>> {
    let setup = Setup::new(ids, 1)?;
    let networks = setup.open_networks(false)?;
    let setup = setup.with_networks(networks);
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut finished = 0;
    let (mut answers, mut failed) = (Vec::new(), None);
    let scan = Scan { setup: &setup, store: None, jobs, fail_fast: true };
    scan.run(files, &|_| Box::new(NoProgress), &mut |done| {
        finished += 1;
        progress.update(&ids.join(", "), finished, files.len() as u64);
        let made = match &done.outcome {
            Ok(report) => {
                ids.iter().map(|id| Ok((id.as_str(), done.path.clone(), told(report, id, with_maps)?))).collect()
            }
            Err(failure) => Err(anyhow::anyhow!("{}: {}", failure.reason, failure.path)),
        };
        match made {
            Ok(made) => answers.extend::<Vec<_>>(made),
            Err(error) => failed = failed.take().or(Some(error)),
        }
    })?;
    Ok((answers, failed))
}

/// What the report of a scan has of one analyzer.
fn told(report: &Report, id: &str, with_map: bool) -> anyhow::Result<Answer> {
    let finding = report.result.findings.iter().find(|f| f.analyzer == id).context("no finding")?;
    let secs = report.run.analyzer_secs.iter().find(|(of, _)| of == id).map_or(0.0, |(_, secs)| *secs);
    answer_of(&finding.outcome, with_map, secs)
}
