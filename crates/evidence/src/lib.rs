//! The words in which every part of Assay speaks of a file: facts, findings, a verdict, a report.
//!
//! One decision shapes this crate: the report is the product. Everything that an analyzer, the
//! fusion or an examiner has to say must fit these types, and the JSON form of [`Report`] (schema
//! `assay-report/2`, committed under `docs/schema`) is the one that other programs read; HTML and
//! the terminal are views of it. Nothing here computes or renders.
//!
//! ```
//! use assay_evidence::VerbalBand;
//! assert_eq!(VerbalBand::of(1.4).words(), "moderately supports");
//! ```
mod case;
mod facts;
mod finding;
mod marks;
mod persons;
mod report;
mod verdict;

pub use case::{Case, Prior, Proposition, Propositions};
pub use facts::{Fact, FactGroup, FrameHash, InputFacts, MediaKind, StreamHash};
pub use finding::{
    Chart, Evidence, Family, Finding, Heatmap, Legend, Measure, Outcome, Picture, PngData, Remark, Role, Score, Series,
    Severity, Span, Status, Where,
};
pub use marks::{Badge, BadgeKind, LabelReport, ManifestReport, ManifestState, ManifestWhere, Marks, WatermarkReport};
pub use persons::{FaceBox, FaceQuality, FaceSearch, FacesFound, Likeness, NetworkInfo, Person, Range};
pub use report::{
    Failure, Preview, QuestionThreshold, Report, RunInfo, SCHEMA_REPORT, SCHEMA_SCAN, ScanDocument, ScanResult,
    Settings, ToolInfo,
};
pub use verdict::{
    Bound, BoundKind, CalibrationRef, Contribution, Correction, Headline, Llr, NotTested, Posterior, Statement,
    Threshold, VerbalBand, Verdict,
};
