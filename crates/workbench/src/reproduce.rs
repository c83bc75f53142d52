//! Run a report's scan again and say what differs.
use std::path::Path;
use std::sync::Arc;

use assay_evidence::{Report, ScanResult};
use assay_faces::FaceNetworks;
use assay_media::{MediaError, Progress};
use serde_json::Value;

use crate::pipeline::{Setup, SetupError, Tool, scan_file};

/// One value that is not what it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// JSON pointer into `result`.
    pub pointer: String,
    /// In the report.
    pub was: String,
    /// Now.
    pub is: String,
}

/// Why it could not be run again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReproduceError {
    /// The settings of the report do not fit this version.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The file could not be examined.
    #[error(transparent)]
    Media(#[from] MediaError),
}

/// The set-up that a report was made with, to be run by this program.
///
/// # Errors
/// [`SetupError`] when this version lacks an analyzer of the report.
pub fn setup_of(report: &Report, tool: Tool) -> Result<Setup, SetupError> {
    let settings = &report.result.settings;
    let mut setup = Setup::new(&settings.analyzers, settings.frames)?.run_by(tool);
    setup.settings.seed = settings.seed;
    setup.settings.thresholds.clone_from(&settings.thresholds);
    setup.case = report.case.clone();
    Ok(setup)
}

/// Scans `path` with these networks and with the settings of the report; an empty list means
/// byte-identical.
///
/// # Errors
/// [`ReproduceError`].
pub fn reproduce(
    report: &Report,
    path: &Path,
    networks: Option<Arc<dyn FaceNetworks>>,
    tool: Tool,
    progress: &dyn Progress,
) -> Result<(Report, Vec<Difference>), ReproduceError> {
    // A report made without faces is run again without them.
    let networks = networks.filter(|_| !report.result.settings.networks.is_empty());
    let setup = setup_of(report, tool)?.with_networks(networks);
    let again = scan_file(path, &setup, progress)?;
    let differences = differences(&report.result, &again.result);
    Ok((again, differences))
}

/// Compares two results value by value; another file, version or setting stands before what
/// followed from it.
pub fn differences(was: &ScanResult, is: &ScanResult) -> Vec<Difference> {
    let value = |r: &ScanResult| serde_json::to_value(r).unwrap_or(Value::Null);
    let mut list = Vec::new();
    compare("", &value(was), &value(is), &mut list);
    list.sort_by_key(|d| {
        (!d.pointer.starts_with("/input/sha"), ["/findings", "/verdict"].iter().any(|p| d.pointer.starts_with(p)))
    });
    list
}

fn compare(pointer: &str, was: &Value, is: &Value, list: &mut Vec<Difference>) {
    match (was, is) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                compare(
                    &format!("{pointer}/{key}"),
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    list,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (x, y)) in a.iter().zip(b).enumerate() {
                compare(&format!("{pointer}/{i}"), x, y, list);
            }
        }
        _ if was != is => {
            let short = |v: &Value| {
                let text = v.to_string();
                if text.chars().count() > 80 { text.chars().take(77).chain("...".chars()).collect() } else { text }
            };
            list.push(Difference { pointer: pointer.into(), was: short(was), is: short(is) });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_their_place() {
        let a = serde_json::json!({ "x": [1, { "y": 2.5 }], "same": true });
        let b = serde_json::json!({ "x": [1, { "y": 2.75 }], "same": true, "new": "n" });
        let mut list = Vec::new();
        compare("", &a, &b, &mut list);
        let pointers: Vec<&str> = list.iter().map(|d| d.pointer.as_str()).collect();
        assert_eq!(pointers, ["/new", "/x/1/y"]);
    }
}
