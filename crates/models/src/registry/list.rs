//! The registry's file: a list of entries in TOML, read as a whole and written whole or not at all.
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::ModelError;

/// Version of the file's layout.
const FORMAT: u32 = 1;

/// Entries with the number of their layout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    pub(super) format: u32,
    #[serde(default)]
    pub(super) model: Vec<Entry>,
}

impl Default for List {
    fn default() -> Self {
        Self { format: FORMAT, model: Vec::new() }
    }
}

impl List {
    /// `shown` is what messages call the text.
    pub(super) fn parse(text: &str, shown: &str) -> Result<Self, ModelError> {
        let broken = |what: &str| ModelError::Registry(format!("{shown} is not in order: {what}"));
        let list: Self = toml::from_str(text).map_err(|e| broken(e.message()))?;
        if list.format != FORMAT {
            return Err(broken(&format!("its format is {}, this program knows {FORMAT}", list.format)));
        }
        for (index, entry) in list.model.iter().enumerate() {
            entry.check().map_err(|e| broken(&e.to_string()))?;
            if list.model.iter().take(index).any(|other| other.id == entry.id) {
                return Err(broken(&format!("two entries have the id {}", entry.id)));
            }
        }
        Ok(list)
    }

    /// An absent file is an empty list.
    pub(super) fn read(path: &Path) -> Result<Self, ModelError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &path.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ModelError::io("read", path)(error)),
        }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), ModelError> {
        let text =
            toml::to_string(self).map_err(|e| ModelError::Registry(format!("cannot write {}: {e}", path.display())))?;
        write_whole(path, format!("# Written by `assay models import`.\n{text}").as_bytes())
    }
}

/// Writes beside the file, then renames.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    let error = || ModelError::io("write", path);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".assay-");
    // A registry may be shared by the machine's users: the umask decides, not the habit of
    // temporary files.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut part = builder.tempfile_in(folder).map_err(error())?;
    part.write_all(bytes).and_then(|()| part.as_file().sync_all()).map_err(error())?;
    part.persist(path).map_err(|e| error()(e.error))?;
    Ok(())
}
