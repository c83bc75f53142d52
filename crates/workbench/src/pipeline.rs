//! One file in, one report out.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use assay_analyzers::{ANALYZERS, Analyzer, AnalyzerError, Artefacts, Context, Need, Sample, maps};
use assay_detect::DetectError;
use assay_evidence::{
    Case, FaceSearch, Finding, InputFacts, MediaKind, NotTested, Outcome, Preview, QuestionThreshold, Report, RunInfo,
    SCHEMA_REPORT, ScanResult, Settings, Status, Threshold, ToolInfo,
};
use assay_faces::FaceNetworks;
use assay_media::{Limits, MediaError, Progress, Source, VideoInfo};
use sha2::Digest as _;

use crate::calibration::{CalibrationTable, Condition, Thresholds};
use crate::known::Examined;
use crate::questions::{self, QUESTIONS, Question};
use crate::{badges, persons, verdict};

/// A question with what was learned for it.
pub struct Asked {
    /// The question.
    pub question: &'static Question,
    /// Its calibration table.
    pub table: CalibrationTable,
}

/// The program that runs the library, which alone knows what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Lower-case hexadecimal SHA-256 of the running binary; empty where it is not said.
    pub binary_sha256: String,
}

impl Default for Tool {
    /// The library by itself, called by a program that does not say what it is.
    fn default() -> Self {
        Self { name: "assay".into(), version: env!("CARGO_PKG_VERSION").into(), binary_sha256: String::new() }
    }
}

/// A threshold as a user gives it: `20` for all questions, `part_altered=20` for one.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdChoice {
    /// Question id; every question when absent.
    pub question: Option<String>,
    /// Likelihood ratio.
    pub lr: f64,
}

impl std::str::FromStr for ThresholdChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (question, number) = match text.split_once('=') {
            Some((id, number)) if questions::find(id).is_some() => (Some(id.to_owned()), number),
            Some((id, _)) => return Err(format!("there is no question {id:?}; questions are: {}", questions::ids())),
            None => (None, text),
        };
        match number.parse::<f64>() {
            Ok(lr) if lr.is_finite() && lr > 0.0 => Ok(Self { question, lr }),
            _ => Err("a threshold is a likelihood ratio above 0, for all questions or as ID=LR for one".into()),
        }
    }
}

/// What a run is set up with; shared by all files.
pub struct Setup {
    /// Everything that can change a result.
    pub settings: Settings,
    /// Bounds for decoders.
    pub limits: Limits,
    /// The questions with their tables.
    pub questions: Vec<Asked>,
    /// The examiner's record.
    pub case: Case,
    /// Command line, for the record.
    pub command: Vec<String>,
    /// The program that runs this; [`Setup::new`] takes it for the library by itself.
    pub tool: Tool,
    /// What faces are looked for with; set by [`Setup::with_networks`].
    networks: Option<Arc<dyn FaceNetworks>>,
}

/// Why a run cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// An analyzer id that does not exist.
    #[error("there is no analyzer {0:?}; `assay analyzers list` shows them all")]
    UnknownAnalyzer(String),
    /// The embedded calibration table is broken.
    #[error("the calibration table cannot be read: {0}")]
    Calibration(#[from] serde_json::Error),
    /// A setting out of range.
    #[error("{0}")]
    Range(String),
}

/// Evenly spaced frames of a video that are kept for the report.
pub const DEFAULT_FRAMES: u32 = 12;

impl Setup {
    /// The usual set-up, with the default thresholds of the embedded table: `ids` empty means every
    /// analyzer.
    ///
    /// # Errors
    /// [`SetupError`] for an unknown analyzer or a setting out of range.
    pub fn new(ids: &[String], frames: u32) -> Result<Self, SetupError> {
        if let Some(unknown) = ids.iter().find(|id| assay_analyzers::find(id).is_none()) {
            return Err(SetupError::UnknownAnalyzer(unknown.clone()));
        }
        if !(1..=1000).contains(&frames) {
            return Err(SetupError::Range("the number of frames lies between 1 and 1000".into()));
        }
        let all = ANALYZERS.iter().map(|a| a.about().id.to_owned());
        let analyzers = all.filter(|id| ids.is_empty() || ids.contains(id)).collect();
        let shipped = Thresholds::shipped()?;
        let kinds = [MediaKind::Image, MediaKind::Video];
        let threshold = |question: &Question, kind| QuestionThreshold {
            question: question.id.into(),
            kind,
            threshold: shipped.of(question.id, kind).threshold(kind),
        };
        let thresholds = QUESTIONS.iter().flat_map(|q| kinds.map(|kind| threshold(q, kind))).collect();
        let asked = |question: &&'static Question| Ok(Asked { question, table: question.calibration()? });
        Ok(Self {
            settings: Settings { analyzers, frames, thresholds, seed: 1, networks: Vec::new() },
            limits: Limits::default(),
            questions: QUESTIONS.iter().map(asked).collect::<Result<_, SetupError>>()?,
            case: Case::default(),
            command: Vec::new(),
            tool: Tool::default(),
            networks: None,
        })
    }

    /// Names the program that runs this; it stands in every result and parts the store's keys.
    #[must_use]
    pub fn run_by(mut self, tool: Tool) -> Self {
        self.tool = tool;
        self
    }

    /// Sets thresholds, for pictures and videos alike; of two for one question the later holds.
    #[must_use]
    pub fn with_thresholds(mut self, choices: &[ThresholdChoice]) -> Self {
        for choice in choices {
            let chosen = |t: &&mut QuestionThreshold| choice.question.as_ref().is_none_or(|id| *id == t.question);
            for place in self.settings.thresholds.iter_mut().filter(chosen) {
                place.threshold = Threshold { lr: Some(choice.lr), basis: "given for this run".into() };
            }
        }
        self
    }

    /// The threshold of a question for a kind of file.
    pub fn threshold(&self, question: &str, kind: MediaKind) -> Threshold {
        let own = self.settings.thresholds.iter().find(|t| t.question == question && t.kind == kind);
        own.map_or_else(|| Threshold { lr: None, basis: "none was set".into() }, |t| t.threshold.clone())
    }

    /// Looks for faces with these networks; their hashes become part of the settings, and so of
    /// every result and of the store's keys.
    #[must_use]
    pub fn with_networks(mut self, networks: Option<Arc<dyn FaceNetworks>>) -> Self {
        self.settings.networks = networks.as_deref().map(FaceNetworks::identity).unwrap_or_default();
        self.networks = networks;
        self
    }

    /// The detectors that the chosen analyzers ask about faces; `None` where none of them looks at
    /// any.
    pub fn detectors(&self) -> Option<Vec<&'static str>> {
        let needs: Vec<Need> = self.analyzers().iter().flat_map(|a| a.about().needs).copied().collect();
        let id = |need: &Need| if let Need::Detector(id) = need { Some(*id) } else { None };
        needs.contains(&Need::Faces).then(|| needs.iter().filter_map(id).collect())
    }

    /// The networks of those that are part of the program that a run needs: what finds faces, and
    /// what its analyzers ask about them. `None` where none of them looks at a face, unless
    /// `always`.
    ///
    /// # Errors
    /// When shipped weights cannot be opened.
    pub fn open_networks(&self, always: bool) -> Result<Option<Arc<dyn FaceNetworks>>, DetectError> {
        let detectors = self.detectors().or_else(|| always.then(Vec::new));
        Ok(match detectors {
            Some(ids) => Some(Arc::new(assay_detect::networks(&ids)?)),
            None => None,
        })
    }

    fn analyzers(&self) -> Vec<&'static dyn Analyzer> {
        ANALYZERS.iter().copied().filter(|a| self.settings.analyzers.iter().any(|id| id == a.about().id)).collect()
    }
}

/// Examines one file. Deterministic in [`Report::result`].
///
/// # Errors
/// [`MediaError`] when the file cannot be opened or decoded, or the run is cancelled. An analyzer
/// that breaks is a finding, not an error.
pub fn scan_file(path: &Path, setup: &Setup, progress: &dyn Progress) -> Result<Report, MediaError> {
    let started = Instant::now();
    let started_utc = crate::now_utc();
    let analyzers = setup.analyzers();
    progress.update("open", 0, 0);
    let source = Source::open(path, &setup.limits)?;
    let artefacts = Artefacts::new(source, setup.settings.frames).with_networks(setup.networks.clone());
    let mut needs: Vec<Need> = analyzers.iter().flat_map(|a| a.about().needs).copied().collect();
    if setup.networks.is_some() {
        needs.push(Need::Faces);
    }
    artefacts.prepare(&needs, progress)?;

    progress.update("Faces", 0, 0);
    let begun = Instant::now();
    let faces = face_search(&artefacts);
    let faces_secs = begun.elapsed().as_secs_f64();
    let mut findings = Vec::new();
    let mut analyzer_secs = Vec::new();
    for (done, analyzer) in analyzers.iter().enumerate() {
        let about = analyzer.about();
        progress.update(about.title, done as u64, analyzers.len() as u64);
        if progress.cancelled() {
            return Err(MediaError::Cancelled);
        }
        let begun = Instant::now();
        let outcome = ask(*analyzer, &artefacts, setup, progress);
        analyzer_secs.push((about.id.to_owned(), begun.elapsed().as_secs_f64()));
        findings.push(Finding {
            analyzer: about.id.into(),
            title: about.title.into(),
            family: about.family,
            summary: about.summary.into(),
            limits: about.fooled_by.iter().map(ToString::to_string).collect(),
            references: about.references.iter().map(ToString::to_string).collect(),
            outcome,
        });
    }
    if setup.networks.is_some() {
        // For a clip the faces are found while it is decoded, and only the summary is counted here.
        analyzer_secs.push(("faces".to_owned(), faces_secs));
    }
    progress.update("Marks", analyzers.len() as u64, analyzers.len() as u64);
    let begun = Instant::now();
    let marks = assay_provenance::marks(artefacts.source(), artefacts.marks());
    analyzer_secs.push(("marks".to_owned(), begun.elapsed().as_secs_f64()));
    progress.update("verdict", analyzers.len() as u64, analyzers.len() as u64);

    let source = artefacts.source();
    let condition = Condition::of(source);
    let mut verdict = verdict::decide(&mut findings, &Examined::of(source), condition.as_ref(), &faces, setup);
    let beside = source.not_examined().into_iter();
    let why = || "Only what a viewer or player shows first was examined.".to_owned();
    verdict.not_tested.splice(0..0, beside.map(|what| NotTested { what, why: why() }));
    let previews = previews(&artefacts).map_err(|e| MediaError::Decoder(e.to_string()))?;
    let (width, height) = source.orientation().shown_size(source.coded_size().0, source.coded_size().1);
    let result = ScanResult {
        tool: ToolInfo {
            name: setup.tool.name.clone(),
            version: setup.tool.version.clone(),
            binary_sha256: setup.tool.binary_sha256.clone(),
            decoder: source.decoder(),
        },
        settings: setup.settings.clone(),
        input: InputFacts {
            file_name: source.file_name(),
            bytes: source.bytes_len(),
            pixel_aspect: source.video().and_then(VideoInfo::pixel_aspect),
            sha256: source.sha256().into(),
            sha512: source.sha512().into(),
            kind: source.kind(),
            format: source.format().into(),
            width,
            height,
            duration_secs: source.duration_secs(),
            facts: source.facts(),
            streams: artefacts.stream_hashes(),
            frames_used: artefacts.frames_used(),
            decoder: source.decoder(),
        },
        previews,
        faces,
        badges: badges::badges(&marks),
        marks: Some(marks),
        findings,
        verdict,
    };
    let result_sha256 = result_hash(&result);
    Ok(Report {
        schema: SCHEMA_REPORT.into(),
        case: setup.case.clone(),
        result,
        result_sha256,
        run: RunInfo {
            path: path.to_string_lossy().into_owned(),
            started_utc,
            wall_secs: started.elapsed().as_secs_f64(),
            analyzer_secs,
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            threads: rayon::current_num_threads() as u32,
            command: setup.command.clone(),
            log_head: String::new(),
        },
    })
}

/// Lower-case hexadecimal SHA-256 of the compact JSON of a result.
pub fn result_hash(result: &ScanResult) -> String {
    format!("{:x}", sha2::Sha256::digest(serde_json::to_vec(result).unwrap_or_default()))
}

pub(crate) fn scores(findings: &[Finding]) -> BTreeMap<String, f64> {
    let score = |f: &Finding| match &f.outcome {
        Outcome::Evidence(e) => e.score.as_ref().map(|s| (f.analyzer.clone(), s.raw)),
        _ => None,
    };
    findings.iter().filter_map(score).collect()
}

fn ask(analyzer: &dyn Analyzer, artefacts: &Artefacts, setup: &Setup, progress: &dyn Progress) -> Outcome {
    let about = analyzer.about();
    let source = artefacts.source();
    let wants_picture = about.needs.iter().any(|n| matches!(n, Need::Pixels { .. } | Need::JpegCoefficients));
    let wants_frames = about.needs.iter().any(|n| matches!(n, Need::Packets | Need::FrameStatistics));
    // Facts and faces are there for pictures and videos alike.
    let about_facts = about.needs.iter().any(|n| matches!(n, Need::Facts | Need::Faces));
    match source.kind() {
        MediaKind::Video if wants_picture && !wants_frames && !about_facts => {
            return Outcome::not_applicable("It examines still pictures; this is a video.");
        }
        MediaKind::Image if wants_frames && !wants_picture && !about_facts => {
            return Outcome::not_applicable("It examines videos; this is a still picture.");
        }
        _ => {}
    }
    let (width, height) = source.coded_size();
    for need in about.needs {
        if let Need::Pixels { min_side } = need
            && source.kind() == MediaKind::Image
            && width.min(height) < *min_side
        {
            let reason =
                format!("The picture is {width} x {height} px; the method needs {min_side} px on the shorter side.");
            return Outcome::not_applicable(reason);
        }
    }
    let context = Context { progress, seed: setup.settings.seed };
    match analyzer.analyze(&Sample::new(artefacts, about), &context) {
        Ok(Outcome::Evidence(mut evidence)) => {
            if about.status == Status::DisplayOnly {
                evidence.score = None;
            }
            Outcome::Evidence(evidence)
        }
        Ok(other) => other,
        Err(error) => Outcome::Failed { reason: error.to_string() },
    }
}

/// Looks for faces; what breaks there leaves the rest of the report standing.
fn face_search(artefacts: &Artefacts) -> FaceSearch {
    match artefacts.faces() {
        Ok(None) => FaceSearch::NotSearched { reason: "Nothing in this run asked for faces.".into() },
        Ok(Some(faces)) => FaceSearch::Searched(Box::new(persons::found(faces, artefacts.source().kind()))),
        Err(error) => FaceSearch::Failed { reason: error.to_string() },
    }
}

fn previews(artefacts: &Artefacts) -> Result<Vec<Preview>, AnalyzerError> {
    let sample = Sample::bare(artefacts);
    match artefacts.source().kind() {
        MediaKind::Image => Ok(vec![maps::preview(&sample, artefacts.picture()?, None)?]),
        MediaKind::Video => artefacts
            .previews()
            .iter()
            .map(|frame| maps::preview(&sample, &frame.picture, Some(frame.pts_secs)))
            .collect(),
        // What has neither a picture nor frames is shown by none.
        _ => Ok(Vec::new()),
    }
}
