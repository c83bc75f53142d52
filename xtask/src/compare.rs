//! `cargo xtask compare BEFORE AFTER`: whether two folders of reports hold the same evidence.
//!
//! A change of structure must not change what an analyzer says. Two runs of `assay scan ... --out`
//! over the same files, by the program before and after, are compared value by value; the verdict
//! and the program's own identity may differ, and each other difference is listed by its place.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

/// Places of a result that two programs may fill differently.
const MAY_DIFFER: [&str; 5] = ["/verdict", "/tool", "/settings/threshold_lr", "/settings/thresholds", "/badges"];

pub(crate) fn run(before: &Path, after: &Path) -> anyhow::Result<()> {
    let [old, new] = [before, after].map(reports);
    let (old, new) = (old?, new?);
    anyhow::ensure!(!old.is_empty(), "no report below {}", before.display());
    let names: BTreeSet<&PathBuf> = old.keys().chain(new.keys()).collect();
    let mut differing = 0;
    for name in names {
        let mut found = Vec::new();
        match (old.get(name), new.get(name)) {
            (Some(a), Some(b)) => differences(a, b, "", &mut found),
            (Some(_), None) => found.push("only before".to_owned()),
            _ => found.push("only after".to_owned()),
        }
        if !found.is_empty() {
            differing += 1;
            println!("{}", name.display());
            found.iter().for_each(|line| println!("  {line}"));
        }
    }
    println!("{} reports before, {} after, {differing} differ outside the verdict", old.len(), new.len());
    anyhow::ensure!(differing == 0, "the evidence differs");
    Ok(())
}

/// The `result` of every `*.json` report below a folder, by the path of its file there.
fn reports(folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, Value>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(place) = open.pop() {
        for entry in fs::read_dir(&place).with_context(|| format!("cannot read {}", place.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "json") {
                let text = fs::read(&path)?;
                let mut report: Value =
                    serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))?;
                if let Some(result) = report.get_mut("result") {
                    found.insert(path.strip_prefix(folder).unwrap_or(&path).to_owned(), result.take());
                }
            }
        }
    }
    Ok(found)
}

fn differences(a: &Value, b: &Value, at: &str, found: &mut Vec<String>) {
    // What a finding's score is worth follows from the tables and belongs to the verdict.
    if MAY_DIFFER.contains(&at) || at.ends_with("/score/llr") {
        return;
    }
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            for key in x.keys().chain(y.keys()).collect::<BTreeSet<_>>() {
                let null = &Value::Null;
                differences(x.get(key).unwrap_or(null), y.get(key).unwrap_or(null), &format!("{at}/{key}"), found);
            }
        }
        (Value::Array(x), Value::Array(y)) if by_name(x).is_some() && by_name(y).is_some() => {
            let (x, y) = (by_name(x).unwrap_or_default(), by_name(y).unwrap_or_default());
            for name in x.keys().chain(y.keys()).collect::<BTreeSet<_>>() {
                match (x.get(name), y.get(name)) {
                    (Some(x), Some(y)) => differences(x, y, &format!("{at}/{name}"), found),
                    (Some(_), None) => found.push(format!("{at}/{name}: only before")),
                    _ => found.push(format!("{at}/{name}: only after")),
                }
            }
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (place, (x, y)) in x.iter().zip(y).enumerate() {
                differences(x, y, &format!("{at}/{place}"), found);
            }
        }
        _ if a == b => {}
        _ => {
            let short = |v: &Value| v.to_string().chars().take(60).collect::<String>();
            found.push(format!("{at}: {} is now {}", short(a), short(b)));
        }
    }
}

/// The entries of a list of findings or of analyzers, by the analyzer's id: a new one stands
/// between others.
fn by_name(list: &[Value]) -> Option<BTreeMap<String, &Value>> {
    let name_of =
        |v: &'_ Value| -> Option<String> { Some(v.as_str().or_else(|| v.get("analyzer")?.as_str())?.to_owned()) };
    let named: Option<BTreeMap<String, &Value>> = list.iter().map(|v| Some((name_of(v)?, v))).collect();
    named.filter(|n| !n.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn evidence_is_compared_and_the_verdict_is_not() {
        let of = |raw: f64, llr: f64| json!({"findings": [{"outcome": {"score": {"raw": raw, "llr": llr}}}], "verdict": {"llr": llr}});
        let told = |a: &Value, b: &Value| {
            let mut found = Vec::new();
            differences(a, b, "", &mut found);
            found
        };
        assert!(told(&of(1.5, 0.2), &of(1.5, 0.9)).is_empty());
        assert_eq!(told(&of(1.5, 0.2), &of(1.6, 0.2)), ["/findings/0/outcome/score/raw: 1.5 is now 1.6"]);
        assert_eq!(told(&json!({"a": [1, 2]}), &json!({"a": [1]})), ["/a: [1,2] is now [1]"]);
        let with = |list: &[&str]| json!({"f": list.iter().map(|id| json!({"analyzer": id})).collect::<Vec<_>>()});
        assert_eq!(told(&with(&["a", "c"]), &with(&["a", "b"])), ["/f/b: only after", "/f/c: only before"]);
    }
}
