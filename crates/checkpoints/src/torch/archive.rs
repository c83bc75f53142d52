//! The zip container that `torch.save` writes since version 1.6: `NAME/data.pkl`, `NAME/data/KEY`
//! for every storage, `NAME/byteorder`.
//!
//! Source: `caffe2/serialize/inline_container.cc`. Entries are stored, never compressed; anything
//! else is refused, so no entry can be larger than the file.
use std::io::{Read, Seek};

use zip::{CompressionMethod, ZipArchive};

use super::{Pending, declared};
use crate::CheckpointError;
use crate::checkpoint::{Checkpoint, Container, Options};
use crate::error::shown;
use crate::package;
use crate::pickle::{self, Limits};

pub(crate) fn read_archive(
    reader: impl Read + Seek,
    file_bytes: u64,
    options: Options,
) -> Result<Checkpoint, CheckpointError> {
    let zip = ZipArchive::new(reader).map_err(|e| broken(&e))?;
    if !zip.file_names().any(|name| name.is_ok_and(|name| name.to_string().ends_with("data.pkl"))) {
        return package::read_zip(zip, file_bytes, options);
    }
    let mut archive = Archive { zip, file_bytes, folder: String::new() };
    archive.find_folder()?;
    if archive.zip.index_for_name(&format!("{}constants.pkl", archive.folder)).is_some() {
        return Err(CheckpointError::malformed("a TorchScript program, not a checkpoint; save its state_dict instead"));
    }
    // Files from before version 2.1 do not say; they were written on little-endian machines but for
    // a few.
    if let Some(order) = archive.entry("byteorder", Some(16))? {
        let order = String::from_utf8_lossy(&order).trim().to_owned();
        if order != "little" {
            return Err(CheckpointError::Malformed(format!(
                "its byte order is {:?}; only little is read",
                shown(&order)
            )));
        }
    }
    let data = archive.entry("data.pkl", None)?.unwrap_or_default();
    let pickle = pickle::read(data.as_slice(), Limits::default())?;
    let mut pending = Pending::new(pickle, Container::TorchZip, options, file_bytes)?;
    let wanted: Vec<usize> = pending.wanted.keys().copied().collect();
    for storage in wanted {
        let Some(info) = pending.storages.get(storage) else { continue };
        let expected = declared(info, file_bytes)?;
        let name = format!("data/{}", info.key);
        let bytes = archive.entry(&name, None)?;
        let bytes =
            bytes.ok_or_else(|| CheckpointError::Malformed(format!("its entry {} is missing", shown(&name))))?;
        if bytes.len() as u64 != expected {
            return Err(CheckpointError::Malformed(format!(
                "its storage {} has {} bytes instead of {expected}",
                shown(&info.key),
                bytes.len()
            )));
        }
        pending.place(storage, bytes)?;
    }
    Ok(pending.finish())
}

fn broken(error: &zip::result::ZipError) -> CheckpointError {
    CheckpointError::Malformed(format!("not a whole zip container: {error}"))
}

struct Archive<R> {
    zip: ZipArchive<R>,
    file_bytes: u64,
    /// The folder in which everything lies, with its slash. Its name is that of the file when it
    /// was saved.
    folder: String,
}

impl<R: Read + Seek> Archive<R> {
    fn find_folder(&mut self) -> Result<(), CheckpointError> {
        let mut folders = self.zip.file_names().filter_map(|name| {
            let name = name.ok()?;
            let folder = name.strip_suffix("data.pkl")?;
            (folder.is_empty() || folder.find('/') == Some(folder.len() - 1)).then(|| folder.to_owned())
        });
        match (folders.next(), folders.next()) {
            (Some(folder), None) => self.folder = folder,
            (None, _) => {
                return Err(CheckpointError::malformed("a zip file without data.pkl, so not one of PyTorch's"));
            }
            (Some(_), Some(_)) => return Err(CheckpointError::malformed("a zip file with more than one data.pkl")),
        }
        Ok(())
    }

    /// The bytes of an entry; `None` where there is none.
    fn entry(&mut self, name: &str, most: Option<u64>) -> Result<Option<Vec<u8>>, CheckpointError> {
        let Some(index) = self.zip.index_for_name(&format!("{}{name}", self.folder)) else { return Ok(None) };
        let entry = self.zip.by_index(index).map_err(|e| broken(&e))?;
        let most = most.unwrap_or(self.file_bytes).min(self.file_bytes);
        if entry.compression() != CompressionMethod::Stored || entry.size() > most {
            return Err(CheckpointError::Malformed(format!(
                "its entry {} is compressed or larger than the file, which PyTorch never writes",
                shown(name)
            )));
        }
        let mut bytes = Vec::new();
        let size = entry.size();
        // One read to the very end: the checksum is compared there.
        entry
            .take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|e| CheckpointError::Malformed(format!("its entry {} is damaged: {e}", shown(name))))?;
        if bytes.len() as u64 != size {
            return Err(CheckpointError::Malformed(format!("its entry {} is cut off", shown(name))));
        }
        Ok(Some(bytes))
    }
}
