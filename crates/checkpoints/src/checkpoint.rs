//! One way into every container: what the file is shows in its bytes, never in its name.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use crate::onnx;
use crate::package;
use crate::safetensors::read_sequential;
use crate::torch::{read_archive, read_stream};
use crate::{CheckpointError, HostTensor, StateDict};

/// How the tensors were packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// safetensors.
    Safetensors,
    /// The zip container that PyTorch writes since version 1.6.
    TorchZip,
    /// The pickle stream that PyTorch wrote before.
    TorchStream,
    /// The initialisers of an ONNX file.
    Onnx,
}

impl Container {
    /// In a few words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::TorchZip => "PyTorch zip",
            Self::TorchStream => "PyTorch stream",
            Self::Onnx => "ONNX",
        }
    }
}

/// What stands in a checkpoint beside the tensors: an epoch, a loss, a name.
#[derive(Debug, Clone, PartialEq)]
pub enum PlainValue {
    /// Python's `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer of up to 64 bits.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text.
    Text(String),
}

/// What to read beside the weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// The tensors of optimisers, too, as sections of their own with names such as
    /// `state.0.exp_avg`. Otherwise they are counted in [`Checkpoint::skipped`] and stay in the
    /// file.
    pub optimisers: bool,
}

/// A checkpoint in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// How it was packed.
    pub container: Container,
    /// Tensors by the key of the outermost dictionary (`generator`, `net`); those that lie at the
    /// top are in the section "". Within a section, names are joined with dots.
    pub sections: BTreeMap<String, StateDict>,
    /// Numbers and texts by their whole dotted name; for safetensors, its metadata.
    pub values: BTreeMap<String, PlainValue>,
    /// Sections that are states of optimisers, and how many tensors of theirs were left unread.
    pub skipped: BTreeMap<String, usize>,
}

impl Checkpoint {
    pub(crate) fn empty(container: Container) -> Self {
        Self { container, sections: BTreeMap::new(), values: BTreeMap::new(), skipped: BTreeMap::new() }
    }

    /// Reads the weights of a file. At most one storage lies in memory beside the tensors.
    ///
    /// # Errors
    /// [`CheckpointError::Refused`] where a pickle asks for anything but tensors and plain
    /// containers, [`CheckpointError::Malformed`] where the bytes are no checkpoint or a broken
    /// one, [`CheckpointError::Io`] where the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        Self::read_with(path, Options::default())
    }

    /// As [`Checkpoint::read`], with a word on what to read.
    ///
    /// # Errors
    /// As [`Checkpoint::read`].
    pub fn read_with(path: &Path, options: Options) -> Result<Self, CheckpointError> {
        // Asked before it is opened: opening a pipe would wait for somebody to write.
        if !std::fs::metadata(path)?.is_file() {
            return Err(CheckpointError::malformed("not a file"));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        read_any(BufReader::with_capacity(1 << 16, file), metadata.len(), options)
    }

    /// As [`Checkpoint::read_with`], from memory.
    ///
    /// # Errors
    /// As [`Checkpoint::read`].
    pub fn from_bytes(bytes: &[u8], options: Options) -> Result<Self, CheckpointError> {
        read_any(Cursor::new(bytes), bytes.len() as u64, options)
    }

    /// All tensors by their whole name, `section.name`.
    pub fn into_tensors(self) -> StateDict {
        let whole = |section: &str, name: String| if section.is_empty() { name } else { format!("{section}.{name}") };
        let mut all = StateDict::new();
        for (section, tensors) in self.sections {
            all.extend(tensors.into_iter().map(|(name, tensor): (String, HostTensor)| (whole(&section, name), tensor)));
        }
        all
    }
}

fn read_any(mut reader: impl Read + Seek, bytes: u64, options: Options) -> Result<Checkpoint, CheckpointError> {
    if bytes == 0 {
        return Err(CheckpointError::malformed("the file is empty"));
    }
    let mut head = Vec::new();
    (&mut reader).take(512).read_to_end(&mut head)?;
    reader.seek(SeekFrom::Start(0))?;
    if head.starts_with(b"PK\x03\x04") {
        return read_archive(reader, bytes, options);
    }
    if package::is_gzip(&head) {
        return package::read_gzip(reader, bytes, options);
    }
    // POSIX tar says so at byte 257; PyTorch wrote such files until 2017.
    if head.get(257..262) == Some(b"ustar") {
        return Err(CheckpointError::malformed(
            "a tar archive, as PyTorch wrote checkpoints before version 0.1.10; load and save it with a newer PyTorch first",
        ));
    }
    if let Some((length, rest)) = head.split_first_chunk::<8>() {
        let header = u64::from_le_bytes(*length);
        if rest.first() == Some(&b'{') && header <= bytes.saturating_sub(8) {
            let (tensors, metadata) = read_sequential(reader, bytes)?;
            let mut checkpoint = Checkpoint::empty(Container::Safetensors);
            checkpoint.sections.insert(String::new(), tensors);
            checkpoint.values = metadata.into_iter().map(|(key, text)| (key, PlainValue::Text(text))).collect();
            return Ok(checkpoint);
        }
    }
    if onnx::begins(&head) {
        let mut whole = Vec::new();
        reader.take(bytes).read_to_end(&mut whole)?;
        return onnx::read_onnx(&whole);
    }
    read_stream(reader, bytes, options)
}
