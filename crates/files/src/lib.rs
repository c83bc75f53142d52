//! Files that are there whole or not at all, and the hash that names their content.
//!
//! The decision that shapes it: everything is written under a hidden neighbouring name, flushed to
//! the disk and renamed. Whatever goes wrong before, a full disk included, dropping the value
//! removes what was written; a file that stood under the good name stays untouched until then. It
//! is a crate of its own because those who write have nothing else in common: reports, tables of a
//! laboratory, marked media.
//!
//! It does not lock: two who write one file at a time each leave a whole one, and the later stays.
//! It knows nothing of what is written.
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

mod hash;

pub use hash::{hex, sha256, sha256_of_file};

/// Writes a file whole or not at all, see [`WholeFile`].
///
/// # Errors
/// Those of the operating system; they do not name the path.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = WholeFile::open(path)?;
    file.write_all(bytes)?;
    file.finish()
}

/// The hidden neighbour of a file to come; removed when it is dropped before [`PartFile::keep`].
/// Links are followed.
#[derive(Debug)]
pub struct PartFile {
    part: PathBuf,
    place: PathBuf,
    kept: bool,
}

impl PartFile {
    /// `.NAME.WORD.EXT` beside `NAME.EXT`: the extension stays, because encoders go by it. Nothing
    /// is created. A part of the same name that a killed run left is overwritten; who may meet
    /// others at work on the same file gives a word of its own.
    ///
    /// # Errors
    /// When the path has no file name, or is a folder, a device or a pipe.
    pub fn beside(path: &Path, word: &str) -> io::Result<Self> {
        let known = fs::metadata(path).ok();
        if known.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        if known.as_ref().is_some_and(|m| !m.is_file()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        let place = if known.is_some() { fs::canonicalize(path)? } else { path.to_owned() };
        let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "it has no file name");
        let mut name = OsString::from(".");
        name.push(place.file_stem().ok_or_else(no_name)?);
        name.push(".");
        name.push(word);
        if let Some(extension) = place.extension() {
            name.push(".");
            name.push(extension);
        }
        Ok(Self { part: place.with_file_name(name), place, kept: false })
    }

    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.part
    }

    /// Creates it, readable too; an old one of the same name is emptied.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn create(&self) -> io::Result<File> {
        File::options().read(true).write(true).create(true).truncate(true).open(&self.part)
    }

    /// Flushes it to the disk and gives it its good name.
    ///
    /// # Errors
    /// Those of the operating system; what was written is removed then.
    pub fn keep(mut self) -> io::Result<()> {
        File::open(&self.part)?.sync_all()?;
        fs::rename(&self.part, &self.place)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// A file that is being written; it gets its name from [`WholeFile::finish`]. A device or pipe is
/// written to as it is, for it must not be replaced.
#[derive(Debug)]
pub struct WholeFile {
    out: BufWriter<File>,
    /// `None` for what is no regular file.
    part: Option<PartFile>,
}

impl WholeFile {
    /// Opens the hidden neighbour of `path`.
    ///
    /// # Errors
    /// Those of [`PartFile::beside`] and of the operating system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let is_special = fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir());
        let (file, part) = if is_special {
            (File::options().write(true).open(path)?, None)
        } else {
            let part = PartFile::beside(path, "part")?;
            (part.create()?, Some(part))
        };
        Ok(Self { out: BufWriter::new(file), part })
    }

    /// Gives it its good name.
    ///
    /// # Errors
    /// Those of the operating system; nothing is left behind then.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        self.part.map_or(Ok(()), PartFile::keep)
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_half_written_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let mut file = WholeFile::open(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(names(folder.path()), [".report.part.json"]);
        drop(file);
        assert!(names(folder.path()).is_empty());
        write_whole(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert!(write_whole(folder.path(), b"x").unwrap_err().to_string().contains("it is a folder"));
        assert!(PartFile::beside(Path::new("/"), "part").is_err());
        assert_eq!(names(folder.path()), ["report.json"]);
    }

    #[test]
    fn parts_keep_the_extension_and_replace_only_when_they_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.b.png");
        fs::write(&path, "old").unwrap();
        let part = PartFile::beside(&path, "part-7").unwrap();
        assert_eq!(part.path().file_name().unwrap(), ".a.b.part-7.png");
        fs::write(part.path(), "new").unwrap();
        drop(part);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let part = PartFile::beside(&path, "part-7").unwrap();
        fs::write(part.path(), "new").unwrap();
        part.keep().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["a.b.png"]);
        // Written by nobody: there is nothing to keep, and that is said.
        assert!(PartFile::beside(&path, "part").unwrap().keep().is_err());
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
        // A terminal-like device of our own would need rights; this one every system has, and its
        // kind must not change.
        write_whole(Path::new("/dev/null"), b"gone").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert!(PartFile::beside(Path::new("/dev/null"), "part").is_err());
    }
}
