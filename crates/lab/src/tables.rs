//! Figures that exist as a page only: its tables, by chapter, for those who ask for JSON.
//!
//! The decision that shapes it: a page of several chapters, each measured by itself, is the record
//! that is kept; what it says is read from its own tables, so that page and JSON cannot differ.
use serde::{Serialize, Serializer};

use crate::experiment::Markdown;

/// A page of Markdown, or some chapters of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables(pub String);

/// A chapter: its heading, and the tables in it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Chapter<'a> {
    heading: &'a str,
    tables: Vec<Table<'a>>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Table<'a> {
    columns: Vec<&'a str>,
    rows: Vec<Vec<&'a str>>,
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// True for the line between the names of the columns and the rows.
fn is_rule(line: &str) -> bool {
    let dashes = |cell: &str| !cell.is_empty() && cell.chars().all(|c| c == '-' || c == ':');
    cells(line).is_some_and(|all| all.into_iter().all(dashes))
}

fn chapters(page: &str) -> Vec<Chapter<'_>> {
    let mut chapters = vec![Chapter { heading: "", tables: Vec::new() }];
    let lines: Vec<&str> = page.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let heading = line.starts_with('#').then(|| line.trim_start_matches('#').trim());
        if let Some(heading) = heading {
            chapters.push(Chapter { heading, tables: Vec::new() });
        }
        let Some(chapter) = chapters.last_mut() else { continue };
        if is_rule(line)
            && let Some(columns) = at.checked_sub(1).and_then(|before| cells(lines[before]))
        {
            let rows = lines[at + 1..].iter().map_while(|row| cells(row)).collect();
            chapter.tables.push(Table { columns, rows });
        }
    }
    chapters.retain(|c| !c.tables.is_empty());
    chapters
}

impl Markdown for Tables {
    fn page(&self, _: &str) -> String {
        self.0.clone()
    }
}

impl Serialize for Tables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        chapters(&self.0).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_with_their_chapters() {
        let page = "# Page\n\nWords | and more.\n\n## One\n\n| a | b |\n|---|:-:|\n| 1 | x y |\n| 2 |  |\n\n| c |\n|---|\n\n## Two\n\nNone.\n";
        let found = serde_json::to_value(Tables(page.into())).unwrap();
        let one = serde_json::json!({ "heading": "One", "tables": [
            { "columns": ["a", "b"], "rows": [["1", "x y"], ["2", ""]] },
            { "columns": ["c"], "rows": [] },
        ]});
        assert_eq!(found, serde_json::json!([one]));
    }
}
