//! The stream container that `torch.save` wrote before version 1.6 (and does still, when asked):
//! five pickles in a row (a magic number, the protocol's version, the machine's properties, the
//! content, the keys of the storages), then every storage as its number of elements and its bytes.
//!
//! Source: `_legacy_save` and `_legacy_load` in `torch/serialization.py`.
use std::collections::HashMap;
use std::io::{self, Read};

use super::{Pending, declared};
use crate::CheckpointError;
use crate::checkpoint::{Checkpoint, Container, Options};
use crate::error::shown;
use crate::pickle::{self, Limits, Node, Value};

/// `0x1950a86a20f9469cfc6c`, little-endian.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const PROTOCOL: i64 = 1001;

/// Small pickles before and behind the content.
const SMALL: Limits = Limits { bytes: 4 << 20, values: 1 << 18, line: 256 };

pub(crate) fn read_stream(
    mut reader: impl Read,
    file_bytes: u64,
    options: Options,
) -> Result<Checkpoint, CheckpointError> {
    // Anything may stand here that pickles: a file that asks for a foreign class is refused by that
    // name, not called unknown.
    let magic = match pickle::read(&mut reader, Limits::default()) {
        Err(CheckpointError::Malformed(_)) => return Err(unknown()),
        other => other?,
    };
    if !matches!(magic.arena.node(magic.root), Some(Node::Long(bytes)) if *bytes == MAGIC) {
        return Err(match magic.root {
            Value::Node(_) => CheckpointError::malformed(
                "a pickle, but not one of torch.save, and so without the values of its tensors",
            ),
            _ => unknown(),
        });
    }
    let version = pickle::read(&mut reader, SMALL)?;
    if version.root != Value::Int(PROTOCOL) {
        return Err(CheckpointError::malformed("a stream of PyTorch in a version that is not known"));
    }
    let machine = pickle::read(&mut reader, SMALL)?;
    if machine.arena.get(machine.root, "little_endian") == Some(Value::Bool(false)) {
        return Err(CheckpointError::malformed("its byte order is big; only little is read"));
    }
    let content = pickle::read(&mut reader, Limits::default())?;
    let keys = pickle::read(&mut reader, SMALL)?;
    let mut pending = Pending::new(content, Container::TorchStream, options, file_bytes)?;
    let by_key: HashMap<String, usize> =
        pending.storages.iter().enumerate().map(|(index, info)| (info.key.clone(), index)).collect();
    let keys_broken = || CheckpointError::malformed("its list of storages is broken");
    for key in keys.arena.items(keys.root).ok_or_else(keys_broken)? {
        let key = match *key {
            Value::Int(number) => number.to_string(),
            other => keys.arena.text(other).ok_or_else(keys_broken)?.to_owned(),
        };
        let storage = *by_key
            .get(&key)
            .ok_or_else(|| CheckpointError::Malformed(format!("its storage {} belongs to no tensor", shown(&key))))?;
        let Some(info) = pending.storages.get(storage) else { continue };
        let expected = declared(info, file_bytes)?;
        let mut count = [0; 8];
        reader.read_exact(&mut count).map_err(|_| cut(&key))?;
        if u64::from_le_bytes(count) != info.elements {
            return Err(CheckpointError::Malformed(format!(
                "its storage {} has {} elements instead of {}",
                shown(&key),
                u64::from_le_bytes(count),
                info.elements
            )));
        }
        if pending.wanted.contains_key(&storage) {
            let mut bytes = Vec::new();
            (&mut reader).take(expected).read_to_end(&mut bytes)?;
            if (bytes.len() as u64) < expected {
                return Err(cut(&key));
            }
            pending.place(storage, bytes)?;
        } else if io::copy(&mut (&mut reader).take(expected), &mut io::sink())? < expected {
            return Err(cut(&key));
        }
    }
    if let Some(info) = pending.wanted.keys().next().and_then(|index| pending.storages.get(*index)) {
        return Err(CheckpointError::Malformed(format!("its storage {} is missing", shown(&info.key))));
    }
    Ok(pending.finish())
}

fn unknown() -> CheckpointError {
    CheckpointError::malformed("neither safetensors nor a checkpoint of PyTorch")
}

fn cut(key: &str) -> CheckpointError {
    CheckpointError::Malformed(format!("it ends within its storage {}", shown(key)))
}
