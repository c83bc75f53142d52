//! Comma-separated values by RFC 4180, as the crate `csv` reads them.
//!
//! The decision that shapes it: every record knows the line on which it begins, because an error in
//! a table of a hundred thousand lines is of no use without it; and what the standard does not
//! allow (a stray quote, a missing cell), which that crate reads as well as it can, is refused and
//! not guessed at.
use std::path::Path;

use anyhow::{Context, bail, ensure};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Line on which it begins, from 1.
    pub(super) line: usize,
    /// Its cells without quotes.
    pub(super) cells: Vec<String>,
}

/// A table with a header; every record has as many cells as the header.
#[derive(Debug, Clone)]
pub(super) struct Table {
    header: Vec<String>,
    /// Records below the header.
    pub(super) records: Vec<Record>,
}

impl Table {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()].split(|b| *b == b'\n').count();
            anyhow::anyhow!("{}:{line}: the text is not UTF-8", path.display())
        })?;
        Self::parse(text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut records = parse(text)?;
        ensure!(!records.is_empty(), "line 1: the table is empty; it needs a line with the names of the columns");
        let header: Vec<String> = records.remove(0).cells.into_iter().map(|c| c.trim().to_lowercase()).collect();
        for (i, name) in header.iter().enumerate() {
            ensure!(name.is_empty() || !header[..i].contains(name), "line 1: two columns are called `{name}`");
        }
        for record in &records {
            let (found, wanted) = (record.cells.len(), header.len());
            ensure!(found == wanted, "line {}: {found} cells, but the header has {wanted}", record.line);
        }
        Ok(Self { header, records })
    }

    /// Place of a column that may be absent.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|h| h == name)
    }

    /// Place of a column that must be there.
    pub(super) fn required(&self, name: &str) -> anyhow::Result<usize> {
        let Some(at) = self.column(name) else {
            bail!("line 1: no column `{name}`; the columns are {}", self.header.join(", "))
        };
        Ok(at)
    }
}

impl Record {
    /// The trimmed cell, unless the column is absent or the cell empty.
    pub(super) fn get(&self, column: Option<usize>) -> Option<&str> {
        self.cells.get(column?).map(|c| c.trim()).filter(|c| !c.is_empty())
    }
}

const BREAKS: [char; 2] = ['\r', '\n'];

fn parse(text: &str) -> anyhow::Result<Vec<Record>> {
    // Spreadsheets put a byte order mark in front.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let (mut records, mut found) = (Vec::new(), csv::StringRecord::new());
    let (mut line, mut counted) = (1, 0);
    loop {
        let start = reader.position().byte() as usize;
        if !reader.read_record(&mut found)? {
            return Ok(records);
        }
        let read = text.get(start..reader.position().byte() as usize).unwrap_or_default();
        // The reader takes the blank lines before a record, and half of a break behind it, as its
        // own.
        let own = read.trim_start_matches(BREAKS);
        let begin = start + read.len() - own.len();
        line += breaks(&text[counted..begin]);
        counted = begin;
        if let Some(what) = offence(own.trim_end_matches(BREAKS)) {
            bail!("line {line}: {what}");
        }
        records.push(Record { line, cells: found.iter().map(str::to_owned).collect() });
    }
}

/// Line breaks in a text: LF, CRLF or CR.
fn breaks(text: &str) -> usize {
    text.matches(BREAKS).count() - text.matches("\r\n").count()
}

/// What in a record the standard does not allow. Between two quotes that belong to no cell together
/// stands nothing (an escaped quote) or what parts two cells.
fn offence(record: &str) -> Option<&'static str> {
    let parts: Vec<&str> = record.split('"').collect();
    let outside = || parts.iter().step_by(2).enumerate();
    let last = parts.len().div_ceil(2) - 1;
    let opens = |(i, part): (usize, &&str)| i == 0 && !part.is_empty() && !part.ends_with(',') && parts.len() > 1;
    let parts_cells = |part: &str| part.is_empty() || part.starts_with(',');
    if outside().any(opens) {
        Some("a quote within a cell that does not begin with one")
    } else if parts.len().is_multiple_of(2) {
        Some("a quoted cell is not closed")
    } else if outside().skip(1).any(|(_, part)| !parts_cells(part)) {
        Some("text after the closing quote of a cell")
    } else if outside().skip(1).any(|(i, part)| i < last && !part.is_empty() && !part.ends_with(',')) {
        Some("a quote within a cell that does not begin with one")
    } else {
        None
    }
}

/// The cell as it is written: quoted where it must be, and where its ends would be trimmed away.
pub(super) fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) || cell.trim() != cell {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        parse(text).unwrap().into_iter().map(|r| r.cells).collect()
    }

    #[test]
    fn quotes_breaks_and_marks_are_read_as_the_standard_says() {
        let text = "\u{FEFF}a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\r\n\r\nlast,\n";
        assert_eq!(cells(text), [vec!["a", "b"], vec!["x, \"y\"", "two\nlines"], vec!["last", ""]]);
        let lines: Vec<usize> = parse(text).unwrap().iter().map(|r| r.line).collect();
        assert_eq!(lines, [1, 2, 5]);
        assert_eq!(cells("a,b"), [vec!["a", "b"]]);
        assert_eq!(cells("\"\""), [vec![""]]);
        assert!(cells("").is_empty());
    }

    #[test]
    fn what_the_standard_does_not_allow_is_refused_with_its_line() {
        for (text, words) in [
            ("a\nb\"c\n", "line 2: a quote within"),
            ("a\n\"b\"c\n", "line 2: text after"),
            ("a\n\n\"b\n\n", "line 3: a quoted cell is not closed"),
        ] {
            assert!(parse(text).unwrap_err().to_string().contains(words), "{text:?}");
        }
        let error = Table::parse("a,b\n1\n").unwrap_err().to_string();
        assert!(error.contains("line 2: 1 cells, but the header has 2"), "{error}");
        assert!(Table::parse("a,A\n").is_err());
    }

    #[test]
    fn what_is_written_is_read_back() {
        for cell in ["", "plain", "a,b", "say \"no\"", "two\nlines", " spaced "] {
            assert_eq!(cells(&format!("{},x\n", quoted(cell))), [vec![cell.to_owned(), "x".to_owned()]]);
        }
    }
}
