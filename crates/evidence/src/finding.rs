//! What one analyzer has to say about one file.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Llr;

/// The user interface groups analyzers by these families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Traces inside one picture: blending, environment, compression and sensor forensics.
    Spatial,
    /// Traces over time: behaviour, physiology, synchronisation, editing.
    Temporal,
    /// Learned without naming a trace: classification, anomaly detection.
    Undirected,
    /// What the container and its metadata say of the file's history.
    Provenance,
}

/// How far an analyzer may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Calibrated on recorded data; enters the fusion.
    Calibrated,
    /// Shown to the reader; never moves the verdict.
    DisplayOnly,
}

/// Whether a finding may move the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its score is calibrated and fused.
    Scored,
    /// For the eye only.
    DisplayOnly,
}

/// A raw score and, once calibrated, what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// The analyzer's own number; larger always means more support for forgery.
    pub raw: f64,
    /// What the raw number is, with its unit: `-log10 of the number of false alarms`.
    pub meaning: String,
    /// Filled in by the workbench from the calibration table; absent when no table covers this
    /// analyzer.
    pub llr: Option<Llr>,
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// Start in seconds of presentation time.
    pub start_secs: f64,
    /// End in seconds; equal to the start for an instant.
    pub end_secs: f64,
}

/// Where a finding lies. Pixel coordinates are those of the picture as shown (after orientation).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Where {
    /// A box in the picture, in pixels.
    Region {
        /// Left edge.
        x: u32,
        /// Top edge.
        y: u32,
        /// Width.
        width: u32,
        /// Height.
        height: u32,
        /// What is there.
        label: String,
    },
    /// A stretch of the video.
    Time {
        /// When.
        #[serde(flatten)]
        span: Span,
        /// What happens there.
        label: String,
    },
}

/// Weight of a remark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Does not fit a plain camera file, but has innocent explanations.
    Notice,
    /// Contradicts itself.
    Inconsistent,
}

/// One sentence about a detail, for example one metadata contradiction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remark {
    /// Its weight.
    pub severity: Severity,
    /// The sentence.
    pub text: String,
}

/// A named number with its unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measure {
    /// Name.
    pub name: String,
    /// Value; analyzers round to what is meaningful so that results are stable.
    pub value: f64,
    /// Unit, empty for a pure number.
    pub unit: String,
}

/// PNG bytes, base64 in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PngData(pub String);

/// The colour key of a heat map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Legend {
    /// What value 0 (transparent, dark) stands for.
    pub low: String,
    /// What value 255 (bright) stands for.
    pub high: String,
}

/// A map over the whole picture, in coarse cells; the report draws it over the picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Heatmap {
    /// 8-bit grey PNG, one pixel a cell, row-major; stretched over the covered rectangle of the
    /// shown picture.
    pub png: PngData,
    /// Cells across.
    pub columns: u32,
    /// Cells down.
    pub rows: u32,
    /// Covered rectangle `[x, y, width, height]` in pixels of the picture as shown. Blocks seldom
    /// cover the last few pixels.
    pub covers: [u32; 4],
    /// Colour key.
    pub legend: Legend,
    /// 8-bit grey PNG of the same size: 255 where the map can be relied on, 0 where the method is
    /// blind (flat, saturated).
    pub reliability: Option<PngData>,
}

/// A picture of its own (spectrum, amplified residual, drawn matches), not aligned to the examined
/// one unless it says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Picture {
    /// What it shows, one line.
    pub caption: String,
    /// 8-bit grey or RGB PNG.
    pub png: PngData,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// True when it covers exactly the examined picture, so that the report may show the two side
    /// by side and overlaid.
    pub over_input: bool,
}

/// One line of a chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Points `[x, y]`.
    pub points: Vec<[f64; 2]>,
}

/// A small chart; the report draws it as SVG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chart {
    /// Title.
    pub title: String,
    /// Label of the x axis with unit. A chart whose x axis is `time (s)` is drawn on the video
    /// timeline.
    pub x_label: String,
    /// Label of the y axis with unit.
    pub y_label: String,
    /// Lines.
    pub series: Vec<Series>,
    /// True draws bars instead of lines.
    pub bars: bool,
}

/// What an analyzer saw. Construct with [`Evidence::new`], then fill in what there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// May it move the verdict?
    pub role: Role,
    /// Raw score and its calibrated worth; display-only analyzers give none.
    pub score: Option<Score>,
    /// 0..=1: how far this file suits the method (size, texture, compression).
    pub reliability: f64,
    /// Two or three sentences for a reader without the field's words: what was seen and what it
    /// means here.
    pub explanation: String,
    /// Details.
    pub remarks: Vec<Remark>,
    /// Regions and times.
    pub places: Vec<Where>,
    /// Numbers.
    pub measures: Vec<Measure>,
    /// The map over the picture.
    pub heatmap: Option<Heatmap>,
    /// Other pictures.
    pub pictures: Vec<Picture>,
    /// Charts.
    pub charts: Vec<Chart>,
}

impl Evidence {
    /// Evidence without places, pictures or numbers yet.
    pub fn new(role: Role, reliability: f64, explanation: impl Into<String>) -> Self {
        Self {
            role,
            score: None,
            reliability: reliability.clamp(0.0, 1.0),
            explanation: explanation.into(),
            remarks: Vec::new(),
            places: Vec::new(),
            measures: Vec::new(),
            heatmap: None,
            pictures: Vec::new(),
            charts: Vec::new(),
        }
    }

    /// Sets the raw score; `meaning` names it with its unit.
    #[must_use]
    pub fn with_score(mut self, raw: f64, meaning: impl Into<String>) -> Self {
        self.score = Some(Score { raw, meaning: meaning.into(), llr: None });
        self
    }

    /// Adds a number, rounded to six significant decimals so that the last bits of a sum never
    /// show.
    pub fn measure(&mut self, name: impl Into<String>, value: f64, unit: impl Into<String>) {
        let value = if value.is_finite() { (value * 1e6).round() / 1e6 } else { 0.0 };
        self.measures.push(Measure { name: name.into(), value, unit: unit.into() });
    }

    /// Adds a sentence.
    pub fn remark(&mut self, severity: Severity, text: impl Into<String>) {
        self.remarks.push(Remark { severity, text: text.into() });
    }
}

/// What came of asking an analyzer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It looked and answers.
    Evidence(Box<Evidence>),
    /// It does not apply to this file. Not tested is a result.
    NotApplicable {
        /// Why, in one sentence.
        reason: String,
    },
    /// It should have applied and broke; the rest of the report stands.
    Failed {
        /// The error.
        reason: String,
    },
}

impl Outcome {
    /// Not applicable, for a reason.
    pub fn not_applicable(reason: impl Into<String>) -> Self {
        Self::NotApplicable { reason: reason.into() }
    }
}

/// An analyzer's answer with the words that must stand beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Analyzer id.
    pub analyzer: String,
    /// Its name for people.
    pub title: String,
    /// Its family.
    pub family: Family,
    /// What it does, one line.
    pub summary: String,
    /// What fools it; shown beside every result.
    pub limits: Vec<String>,
    /// Papers.
    pub references: Vec<String>,
    /// The answer.
    #[serde(flatten)]
    pub outcome: Outcome,
}
