//! The pickle's tree as sections of dotted names, with plain values beside them.
//!
//! A dictionary at the top is split by its keys: `generator`, `kp_detector`, `net`. Below that,
//! keys are joined with dots; items of lists count as keys. A tensor at the top belongs to the
//! section without a name. A dictionary of `state` and `param_groups` is the state of an optimiser,
//! whatever it is called.
use std::collections::BTreeMap;

use crate::CheckpointError;
use crate::checkpoint::{Options, PlainValue};
use crate::error::shown;
use crate::pickle::{Key, Node, Pickle, Value, View};

/// Deepest nesting of dictionaries and lists.
const DEPTH: usize = 24;
/// Visits of values. Containers may be shared, so that a short pickle can describe an endless tree.
const VISITS: usize = 1 << 20;
/// Longest dotted name.
const NAME_BYTES: usize = 512;
/// Most plain values that are kept; the rest says nothing about the weights.
const PLAIN: usize = 10_000;

/// A tensor and where it belongs.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) section: String,
    pub(super) name: String,
    pub(super) view: View,
}

impl Leaf {
    pub(super) fn error(&self, what: &str) -> CheckpointError {
        let name = if self.section.is_empty() { self.name.clone() } else { format!("{}.{}", self.section, self.name) };
        CheckpointError::Malformed(format!("its tensor {} {what}", shown(&name)))
    }
}

#[derive(Default)]
pub(super) struct Found {
    pub(super) leaves: Vec<Leaf>,
    pub(super) values: BTreeMap<String, PlainValue>,
    /// Sections of optimisers and how many tensors they have.
    pub(super) skipped: BTreeMap<String, usize>,
}

pub(super) fn collect(pickle: &Pickle, options: Options) -> Result<Found, CheckpointError> {
    let mut walk = Walk { pickle, visits: 0, found: Found::default() };
    let Some(entries) = pickle.arena.dict(pickle.root) else {
        walk.visit(pickle.root, None, "", 0)?;
        return Ok(walk.found);
    };
    for (key, value) in entries {
        let name = walk.extended("", *key)?;
        if is_optimiser(pickle, *value) && !options.optimisers {
            // Looked through by the same walk, so that a broken one is told, and then dropped but
            // for its size.
            let (leaves, plain) = (walk.found.leaves.len(), walk.found.values.clone());
            walk.visit(*value, Some(&name), "", 1)?;
            let tensors = walk.found.leaves.len() - leaves;
            walk.found.leaves.truncate(leaves);
            walk.found.values = plain;
            walk.found.skipped.insert(name, tensors);
        } else if matches!(pickle.arena.node(*value), Some(Node::Dict(_) | Node::List(_) | Node::Tuple(_))) {
            walk.visit(*value, Some(&name), "", 1)?;
        } else {
            walk.visit(*value, None, &name, 1)?;
        }
    }
    Ok(walk.found)
}

/// Source: `torch/optim/optimizer.py`, `Optimizer.state_dict`.
fn is_optimiser(pickle: &Pickle, value: Value) -> bool {
    let has = |key| pickle.arena.get(value, key).is_some();
    pickle.arena.dict(value).is_some_and(|entries| entries.len() == 2) && has("state") && has("param_groups")
}

struct Walk<'a> {
    pickle: &'a Pickle,
    visits: usize,
    found: Found,
}

impl Walk<'_> {
    fn visit(&mut self, value: Value, section: Option<&str>, path: &str, depth: usize) -> Result<(), CheckpointError> {
        self.visits += 1;
        if self.visits > VISITS || depth > DEPTH {
            return Err(CheckpointError::malformed("its dictionaries are nested without end"));
        }
        let arena = &self.pickle.arena;
        match value {
            Value::Node(_) => match arena.node(value) {
                Some(Node::Dict(entries)) => {
                    for (key, inner) in entries {
                        let path = self.extended(path, *key)?;
                        self.visit(*inner, section, &path, depth + 1)?;
                    }
                }
                Some(Node::List(items) | Node::Tuple(items)) => {
                    for (index, inner) in items.iter().enumerate() {
                        let path = self.extended(path, Value::Int(index as i64))?;
                        self.visit(*inner, section, &path, depth + 1)?;
                    }
                }
                Some(Node::Tensor(view)) => {
                    let name = if path.is_empty() { "tensor" } else { path }.to_owned();
                    let section = section.unwrap_or_default().to_owned();
                    self.found.leaves.push(Leaf { section, name, view: view.clone() });
                }
                Some(Node::Text(text)) => self.keep(section, path, PlainValue::Text(text.clone())),
                _ => {}
            },
            Value::None => self.keep(section, path, PlainValue::None),
            Value::Bool(flag) => self.keep(section, path, PlainValue::Bool(flag)),
            Value::Int(number) => self.keep(section, path, PlainValue::Int(number)),
            Value::Float(number) => self.keep(section, path, PlainValue::Float(number)),
            Value::Global(_) => {}
        }
        Ok(())
    }

    fn keep(&mut self, section: Option<&str>, path: &str, value: PlainValue) {
        let longest = 4096;
        if self.found.values.len() < PLAIN && !matches!(&value, PlainValue::Text(text) if text.len() > longest) {
            let name = match (section, path) {
                (None, path) => path.to_owned(),
                (Some(section), "") => section.to_owned(),
                (Some(section), path) => format!("{section}.{path}"),
            };
            self.found.values.insert(name, value);
        }
    }

    fn extended(&self, path: &str, key: Value) -> Result<String, CheckpointError> {
        let dot = if path.is_empty() { "" } else { "." };
        let name = match self.pickle.arena.key(key) {
            Some(Key::Text(text)) if text.len() <= NAME_BYTES => format!("{path}{dot}{text}"),
            Some(Key::Number(number)) => format!("{path}{dot}{number}"),
            Some(Key::Text(_)) => return Err(CheckpointError::malformed("a name in it is longer than 512 bytes")),
            None => return Err(CheckpointError::malformed("a key in it is neither text nor a number")),
        };
        if name.len() > NAME_BYTES {
            return Err(CheckpointError::malformed("a name in it is longer than 512 bytes"));
        }
        Ok(name)
    }
}
