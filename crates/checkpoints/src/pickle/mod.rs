//! A pickle machine that builds numbers, text, plain containers and descriptions of tensors, and
//! nothing else.
//!
//! The decision that shapes it: it is not Python's machine with a filter but another machine. A
//! global is a word of a short list ([`globals`]); any other word ends the reading by name, before
//! a tensor is looked at. Everything that a pickle can make it allocate is counted ([`Limits`]). It
//! reads opcodes of protocols 0 to 5; storages are somebody else's work.
mod globals;
mod machine;
mod source;
mod value;

use std::io::Read;

pub(crate) use value::{Arena, Key, Node, StorageInfo, Value, View};

use crate::CheckpointError;

/// What one pickle may take. A large published checkpoint has some thousand tensors and a pickle of
/// some hundred kilobytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of the pickle itself.
    pub(crate) bytes: u64,
    /// Values on the stack, memo entries, containers and texts, entries of all containers together:
    /// each of them.
    pub(crate) values: usize,
    /// Bytes of one name of a global, of a number in decimal, of a line.
    pub(crate) line: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, values: 2 << 20, line: 1 << 16 }
    }
}

/// A pickle that was read: its root, what it refers to, and the storages that its tensors look
/// into.
#[derive(Debug)]
pub(crate) struct Pickle {
    pub(crate) root: Value,
    pub(crate) arena: Arena,
    pub(crate) storages: Vec<StorageInfo>,
}

/// Reads one pickle and leaves the reader behind its last byte.
pub(crate) fn read(reader: impl Read, limits: Limits) -> Result<Pickle, CheckpointError> {
    machine::Machine::new(source::Source::new(reader, limits), limits).run()
}
