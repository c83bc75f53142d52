//! One file a subcommand.
pub(crate) mod analyzers;
pub(crate) mod animate;
pub(crate) mod data;
pub(crate) mod doctor;
pub(crate) mod evaluate;
pub(crate) mod lab;
pub(crate) mod log;
pub(crate) mod mark;
pub(crate) mod models;
pub(crate) mod partswap;
mod perturb;
pub(crate) mod questions;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod scan;
pub(crate) mod shell;
pub(crate) mod swap;
pub(crate) mod synthesize;
pub(crate) mod train;
pub(crate) mod verify;

use std::path::Path;

use anyhow::Context as _;
use assay_evidence::{Report, SCHEMA_REPORT, SCHEMA_SCAN, ScanDocument};
use assay_workbench::Tool;

/// What this program is, for the record of every result.
fn tool() -> anyhow::Result<Tool> {
    let own = std::env::current_exe().and_then(|path| assay_workbench::hash_file(&path));
    Ok(Tool {
        name: "assay".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        binary_sha256: own.context("cannot read the running binary for its hash")?,
    })
}

/// Reads a report or a whole scan document.
fn read_reports(path: &Path) -> anyhow::Result<Vec<Report>> {
    let text = std::fs::read(path).with_context(|| format!("cannot read the report: {}", path.display()))?;
    let value: serde_json::Value =
        serde_json::from_slice(&text).with_context(|| format!("not a report in JSON: {}", path.display()))?;
    let broken = || format!("not a report of this version: {}", path.display());
    let reports = match value.get("schema").and_then(|s| s.as_str()) {
        Some(SCHEMA_REPORT) => vec![serde_json::from_value(value).with_context(broken)?],
        Some(SCHEMA_SCAN) => serde_json::from_value::<ScanDocument>(value).with_context(broken)?.reports,
        _ => anyhow::bail!(broken()),
    };
    anyhow::ensure!(!reports.is_empty(), "there is no report in it: {}", path.display());
    Ok(reports)
}
