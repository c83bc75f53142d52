//! Writing results: whole or not at all.
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Writes to standard output; where that fails the process ends with exit code 2, in silence when the reader has gone (`| head`).
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        if error.kind() != io::ErrorKind::BrokenPipe {
            eprintln!("assay: cannot write to standard output: {error}");
        }
        std::process::exit(crate::Exit::Failed as i32);
    }
}

/// Writes a file whole or not at all, see [`Part`].
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut part = Part::open(path)?;
    part.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))?;
    part.finish()
}

/// A file that is being written under a neighbouring name, `.NAME.part`, and renamed at the end; removed when it is dropped before. A part that a killed
/// run left is overwritten by the next. Links are followed; a device or pipe is written to as it is, for it must not be replaced.
struct Part {
    shown: PathBuf,
    out: Option<io::BufWriter<fs::File>>,
    /// Under which name it is written and which one it gets; `None` for what is no regular file.
    rename: Option<(PathBuf, PathBuf)>,
}

impl Part {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        let known = fs::metadata(path).ok();
        anyhow::ensure!(!known.as_ref().is_some_and(fs::Metadata::is_dir), "{}: it is a folder", cannot());
        let special = known.as_ref().is_some_and(|m| !m.is_file());
        let place = if known.is_some() { fs::canonicalize(path).with_context(cannot)? } else { path.to_owned() };
        let name = place.file_name().with_context(cannot)?.to_owned();
        let (file, rename) = if special {
            (fs::File::options().write(true).open(path).with_context(cannot)?, None)
        } else {
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(name);
            hidden.push(".part");
            let part = place.with_file_name(hidden);
            (fs::File::create(&part).with_context(cannot)?, Some((part, place)))
        };
        Ok(Self { shown: path.to_owned(), out: Some(io::BufWriter::new(file)), rename })
    }

    fn finish(mut self) -> anyhow::Result<()> {
        let Some(out) = self.out.take() else { return Ok(()) };
        let close = || -> io::Result<()> {
            let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            if let Some((part, place)) = &self.rename {
                file.sync_all()?;
                fs::rename(part, place)?;
            }
            Ok(())
        };
        close().with_context(|| format!("cannot write {}", self.shown.display()))?;
        self.rename = None;
        Ok(())
    }
}

impl io::Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.as_mut().map_or(Ok(0), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), io::Write::flush)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some((part, _)) = self.rename.take() {
            let _ = fs::remove_file(part);
        }
    }
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
    out: Output,
    waiting: std::collections::BTreeMap<usize, Option<String>>,
    next: usize,
    written: bool,
}

enum Output {
    Stdout(io::Stdout),
    File(Box<Part>),
}

impl Output {
    fn writer(&mut self) -> &mut dyn io::Write {
        match self {
            Self::Stdout(out) => out,
            Self::File(part) => part.as_mut(),
        }
    }
}

impl ScanWriter {
    pub(crate) fn open(target: JsonTarget) -> anyhow::Result<Self> {
        let mut out = match target {
            JsonTarget::Stdout => Output::Stdout(io::stdout()),
            JsonTarget::File(path) => Output::File(Box::new(Part::open(&path)?)),
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
            Output::File(part) => part.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_half_written_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let mut part = Part::open(&path).unwrap();
        part.write_all(b"half").unwrap();
        drop(part);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        write_whole(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert!(write_whole(folder.path(), b"x").unwrap_err().to_string().contains("it is a folder"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_are_kept() {
        use std::os::unix::fs::FileTypeExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_whole(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        // A terminal-like device of our own would need rights; this one every system has, and its kind must not change.
        write_whole(Path::new("/dev/null"), b"gone").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }
}
