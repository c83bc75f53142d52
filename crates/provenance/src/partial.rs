//! A file that is there whole or not at all.
//!
//! The decision that shapes it: everything is written under a hidden neighbouring name and renamed when it is known to be good. Whatever goes
//! wrong before, a full disk included, dropping the value removes what was written. A file that stood under the good name stays untouched until
//! then.
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::ProvenanceError;

/// A neighbour of a file to come.
pub(crate) struct Partial {
    path: PathBuf,
    target: PathBuf,
    kept: bool,
}

impl Partial {
    /// `.NAME.WORD.EXT` beside `NAME.EXT`: the extension stays, because encoders go by it.
    ///
    /// # Errors
    /// [`ProvenanceError::Format`] when the path has no file name.
    pub(crate) fn beside(target: &Path, word: &str) -> Result<Self, ProvenanceError> {
        let no_name = || ProvenanceError::Format { path: target.to_owned(), reason: "it has no file name".into() };
        let mut name = OsString::from(".");
        name.push(target.file_stem().ok_or_else(no_name)?);
        name.push(format!(".{word}-{}", std::process::id()));
        if let Some(extension) = target.extension() {
            name.push(".");
            name.push(extension);
        }
        Ok(Self { path: target.with_file_name(name), target: target.to_owned(), kept: false })
    }

    /// Where it is written.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates it, readable too; an old one of the same name is emptied.
    pub(crate) fn create(&self) -> Result<File, ProvenanceError> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(true);
        options.open(&self.path).map_err(ProvenanceError::io(&self.target))
    }

    /// Gives it its good name.
    pub(crate) fn keep(mut self) -> Result<(), ProvenanceError> {
        let finish = || {
            File::open(&self.path)?.sync_all()?;
            fs::rename(&self.path, &self.target)
        };
        finish().map_err(ProvenanceError::io(&self.target))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_files_leave_nothing_and_kept_ones_replace() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.b.png");
        fs::write(&target, "old").unwrap();
        let partial = Partial::beside(&target, "part").unwrap();
        assert!(partial.path().file_name().unwrap().to_str().unwrap().starts_with(".a.b.part-"));
        assert_eq!(partial.path().extension(), target.extension());
        fs::write(partial.path(), "new").unwrap();
        drop(partial);
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let partial = Partial::beside(&target, "part").unwrap();
        fs::write(partial.path(), "new").unwrap();
        partial.keep().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert!(Partial::beside(Path::new("/"), "part").is_err());
    }
}
