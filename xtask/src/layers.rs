//! `cargo xtask layers`: a crate may use only crates of rows below its own (ARCHITECTURE.md).
use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::Context as _;

use crate::system::{cargo, root};

/// Rows from the bottom to the top. Crates of one row do not know each other.
const ROWS: &[&[&str]] = &[
    &["assay-evidence", "assay-checkpoints", "assay-files", "assay-random"],
    &["assay-media", "assay-models"],
    &["assay-faces", "assay-provenance", "assay-material"],
    &["assay-detect"],
    &["assay-analyzers", "assay-report", "assay-generators"],
    &["assay-workbench"],
    &["assay-bench"],
    &["assay-train"],
    &["assay-lab"],
    &["assay-cli"],
];

/// Exceptions that are narrower than the rows: the report knows evidence only, and marks know
/// media, files and random numbers only.
const ONLY: &[(&str, &[&str])] = &[
    ("assay-report", &["assay-evidence"]),
    ("assay-provenance", &["assay-evidence", "assay-files", "assay-media", "assay-random"]),
];

/// Chores stand outside; nothing may use them and they use nothing.
const OUTSIDE: &str = "xtask";

pub(crate) fn run() -> anyhow::Result<()> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo metadata")?;
    anyhow::ensure!(output.status.success(), "cargo metadata failed");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let mut uses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let ours = dependencies.filter_map(|d| d["name"].as_str()).filter(|d| d.starts_with("assay-") || *d == OUTSIDE);
        uses.insert(name, ours.map(str::to_owned).collect());
    }
    let wrong = violations(&uses);
    anyhow::ensure!(wrong.is_empty(), "the layers are broken:\n  {}", wrong.join("\n  "));
    eprintln!("layers: {} crates, each uses only what lies below it", uses.len());
    Ok(())
}

fn row(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&name))
}

fn violations(uses: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, used) in uses {
        if name == OUTSIDE {
            wrong.extend(used.iter().map(|u| format!("{OUTSIDE} uses {u}; chores stand outside")));
            continue;
        }
        let Some(own) = row(name) else {
            wrong.push(format!("{name} has no row; give it one in xtask/src/layers.rs and in ARCHITECTURE.md"));
            continue;
        };
        for other in used {
            let below = row(other).is_some_and(|r| r < own);
            let allowed = ONLY.iter().find(|(n, _)| n == name).is_none_or(|(_, list)| list.contains(&other.as_str()));
            if !(below && allowed) {
                wrong.push(format!("{name} uses {other}"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upward_and_sideward_uses_are_found() {
        let uses = |pairs: &[(&str, &[&str])]| {
            pairs.iter().map(|(n, l)| ((*n).to_owned(), l.iter().map(|s| (*s).to_owned()).collect())).collect()
        };
        assert!(violations(&uses(&[("assay-cli", &["assay-lab", "assay-evidence"])])).is_empty());
        assert_eq!(violations(&uses(&[("assay-media", &["assay-workbench"])])), ["assay-media uses assay-workbench"]);
        assert_eq!(violations(&uses(&[("assay-analyzers", &["assay-report"])])).len(), 1);
        assert_eq!(violations(&uses(&[("assay-report", &["assay-media"])])).len(), 1);
        assert_eq!(violations(&uses(&[("assay-new", &[])])).len(), 1);
    }
}
