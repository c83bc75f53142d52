//! What a pickle is made of here. Containers lie in an arena and are referred to by number, so that
//! a pickle that contains itself is a cycle of numbers: nothing leaks and nothing recurses when it
//! is dropped.
use super::globals::Global;
use crate::{CheckpointError, Dtype};

/// A value on the stack, in the memo or in a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Global(Global),
    Node(usize),
}

/// What is too large to copy, or may be changed after it was referred to.
#[derive(Debug)]
pub(crate) enum Node {
    /// An integer that does not fit 64 bits, little-endian two's complement.
    Long(Vec<u8>),
    Text(String),
    Bytes,
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Storage(Part),
    Tensor(View),
}

/// A storage, or a stretch of one (the view metadata of the stream container).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// Number in the pickle's list of storages.
    pub(crate) storage: usize,
    /// First element.
    pub(crate) offset: u64,
}

/// A tensor as the pickle describes it; nothing of it has been checked against the storage yet.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// Number in the pickle's list of storages.
    pub(crate) storage: usize,
    /// First element.
    pub(crate) offset: u64,
    pub(crate) shape: Vec<u64>,
    /// Steps in elements.
    pub(crate) strides: Vec<u64>,
}

/// A storage as the pickle declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StorageInfo {
    pub(crate) key: String,
    pub(crate) dtype: Dtype,
    pub(crate) elements: u64,
}

impl StorageInfo {
    /// Bytes that it must have; `None` where the number does not fit.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.elements.checked_mul(self.dtype.size() as u64)
    }
}

/// A dictionary's key as part of a tensor's name.
pub(crate) enum Key<'a> {
    Text(&'a str),
    Number(i64),
}

/// All containers, texts and tensors of one pickle.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    nodes: Vec<Node>,
    /// Entries of all containers together.
    entries: usize,
    limit: usize,
}

impl Arena {
    pub(crate) fn new(limit: usize) -> Self {
        Self { nodes: Vec::new(), entries: 0, limit }
    }

    pub(super) fn add(&mut self, node: Node) -> Result<Value, CheckpointError> {
        let entries = match &node {
            Node::Tuple(items) | Node::List(items) => items.len(),
            Node::Dict(items) => items.len(),
            _ => 0,
        };
        self.count(entries)?;
        if self.nodes.len() >= self.limit {
            return Err(CheckpointError::Malformed(format!("its pickle has more than {} objects", self.limit)));
        }
        self.nodes.push(node);
        Ok(Value::Node(self.nodes.len() - 1))
    }

    /// Counts entries that are about to be put into a container.
    pub(super) fn count(&mut self, entries: usize) -> Result<(), CheckpointError> {
        self.entries = self.entries.saturating_add(entries);
        if self.entries > self.limit {
            return Err(CheckpointError::Malformed(format!("its pickle has more than {} entries", self.limit)));
        }
        Ok(())
    }

    pub(crate) fn node(&self, value: Value) -> Option<&Node> {
        match value {
            Value::Node(index) => self.nodes.get(index),
            _ => None,
        }
    }

    pub(super) fn node_mut(&mut self, value: Value) -> Option<&mut Node> {
        match value {
            Value::Node(index) => self.nodes.get_mut(index),
            _ => None,
        }
    }

    pub(crate) fn text(&self, value: Value) -> Option<&str> {
        match self.node(value) {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The items of a tuple or list.
    pub(crate) fn items(&self, value: Value) -> Option<&[Value]> {
        match self.node(value) {
            Some(Node::Tuple(items) | Node::List(items)) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn dict(&self, value: Value) -> Option<&[(Value, Value)]> {
        match self.node(value) {
            Some(Node::Dict(items)) => Some(items),
            _ => None,
        }
    }

    /// What a dictionary has under a text key.
    pub(crate) fn get(&self, dict: Value, key: &str) -> Option<Value> {
        self.dict(dict)?.iter().rev().find(|(k, _)| self.text(*k) == Some(key)).map(|(_, v)| *v)
    }

    pub(crate) fn key(&self, value: Value) -> Option<Key<'_>> {
        match value {
            Value::Int(number) => Some(Key::Number(number)),
            Value::Bool(flag) => Some(Key::Number(i64::from(flag))),
            other => self.text(other).map(Key::Text),
        }
    }

    /// A list of extents or steps.
    pub(super) fn extents(&self, value: Value) -> Option<Vec<u64>> {
        self.items(value)?.iter().map(|v| natural(*v)).collect()
    }
}

/// A number that is not negative.
pub(super) fn natural(value: Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    }
}
