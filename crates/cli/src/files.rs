//! Writing results: whole or not at all.
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_files::WholeFile;

/// Writes to standard output; where that fails the process ends with exit code 2, in silence when
/// the reader has gone (`| head`).
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        if error.kind() != io::ErrorKind::BrokenPipe {
            eprintln!("assay: cannot write to standard output: {error}");
        }
        std::process::exit(crate::Exit::Failed as i32);
    }
}

/// Writes a file whole or not at all, see [`WholeFile`].
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    assay_files::write_whole(path, bytes).with_context(|| cannot_write(path))
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
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

/// The documents of a scan, written report by report in the order of the files, so that a folder of
/// any size needs little memory.
pub(crate) struct ScanWriter {
    out: Output,
    waiting: std::collections::BTreeMap<usize, Option<String>>,
    next: usize,
    written: bool,
}

enum Output {
    Stdout(io::Stdout),
    File(Box<WholeFile>, PathBuf),
}

impl Output {
    fn writer(&mut self) -> &mut dyn io::Write {
        match self {
            Self::Stdout(out) => out,
            Self::File(file, _) => file.as_mut(),
        }
    }
}

impl ScanWriter {
    pub(crate) fn open(target: JsonTarget) -> anyhow::Result<Self> {
        let mut out = match target {
            JsonTarget::Stdout => Output::Stdout(io::stdout()),
            JsonTarget::File(path) => {
                Output::File(Box::new(WholeFile::open(&path).with_context(|| cannot_write(&path))?), path)
            }
        };
        write!(out.writer(), "{{\"schema\":{:?},\"reports\":[", assay_evidence::SCHEMA_SCAN)?;
        Ok(Self { out, waiting: std::collections::BTreeMap::new(), next: 0, written: false })
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
            write!(self.out.writer(), "{}\n{text}", if self.written { "," } else { "" })?;
            self.written = true;
        }
        Ok(())
    }

    pub(crate) fn finish(mut self, failures: &[assay_evidence::Failure]) -> anyhow::Result<()> {
        // After --fail-fast there are gaps in the numbering.
        for (_, text) in std::mem::take(&mut self.waiting) {
            self.put(text)?;
        }
        writeln!(self.out.writer(), "\n],\"failures\":{}}}", serde_json::to_string(failures)?)?;
        match self.out {
            Output::Stdout(mut out) => out.flush().context("cannot write to standard output"),
            Output::File(file, path) => file.finish().with_context(|| cannot_write(&path)),
        }
    }
}
