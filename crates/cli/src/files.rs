//! Writing results: whole or not at all.
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Writes to a neighbouring `.NAME.part` and renames. A part left by a killed run is overwritten by the next.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let part = path.with_file_name(format!(".{name}.part"));
    let write = || -> io::Result<()> {
        let mut file = fs::File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().inspect_err(|_| _ = fs::remove_file(&part)).with_context(|| format!("cannot write {}", path.display()))
}

/// A `--json FILE|-` target.
#[derive(Debug, Clone)]
pub(crate) enum JsonTarget {
    /// Standard output.
    Stdout,
    /// A file, written whole at the end.
    File(PathBuf),
}

impl From<&str> for JsonTarget {
    fn from(text: &str) -> Self {
        if text == "-" { Self::Stdout } else { Self::File(PathBuf::from(text)) }
    }
}

impl JsonTarget {
    /// Writes one JSON document.
    pub(crate) fn write(&self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        match self {
            Self::Stdout => io::stdout().lock().write_all(&text).context("cannot write to standard output"),
            Self::File(path) => write_whole(path, &text),
        }
    }
}

/// The documents of a scan, written report by report in the order of the files, so that a folder of any size needs little memory.
pub(crate) struct ScanWriter {
    target: JsonTarget,
    out: Box<dyn io::Write + Send>,
    waiting: std::collections::BTreeMap<usize, Option<String>>,
    next: usize,
    written: bool,
}

impl ScanWriter {
    pub(crate) fn open(target: JsonTarget) -> anyhow::Result<Self> {
        let mut out: Box<dyn io::Write + Send> = match &target {
            JsonTarget::Stdout => Box::new(io::stdout()),
            JsonTarget::File(path) => {
                let part = part_of(path);
                let file = fs::File::create(&part).with_context(|| format!("cannot write {}", path.display()))?;
                Box::new(io::BufWriter::new(file))
            }
        };
        write!(out, "{{\"schema\":{:?},\"reports\":[", assay_evidence::SCHEMA_SCAN)?;
        Ok(Self { target, out, waiting: std::collections::BTreeMap::new(), next: 0, written: false })
    }

    /// Takes the report of file `index`; `None` for one that failed.
    pub(crate) fn take(&mut self, index: usize, report: Option<&assay_evidence::Report>) -> anyhow::Result<()> {
        self.waiting.insert(index, report.map(serde_json::to_string).transpose()?);
        while let Some(text) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.put(text)?;
        }
        Ok(())
    }

    fn put(&mut self, text: Option<String>) -> anyhow::Result<()> {
        if let Some(text) = text {
            write!(self.out, "{}\n{text}", if self.written { "," } else { "" })?;
            self.written = true;
        }
        Ok(())
    }

    pub(crate) fn finish(mut self, failures: &[assay_evidence::Failure]) -> anyhow::Result<()> {
        // After --fail-fast there are gaps in the numbering.
        for (_, text) in std::mem::take(&mut self.waiting) {
            self.put(text)?;
        }
        writeln!(self.out, "\n],\"failures\":{}}}", serde_json::to_string(failures)?)?;
        self.out.flush()?;
        drop(self.out);
        if let JsonTarget::File(path) = &self.target {
            fs::rename(part_of(path), path).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.part"))
}
