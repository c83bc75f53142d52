//! The machine: a stack, marks, a memo, one opcode after the other.
//!
//! Opcodes and their meaning: `pickletools.py` of CPython 3.13. Opcodes that make objects of
//! foreign classes (`INST`, `OBJ`, `NEWOBJ`, the extension registry) are known only so far as to
//! name what they ask for.
use std::collections::HashMap;
use std::io::Read;

use super::globals::Global;
use super::source::Source;
use super::value::{Arena, Node, Part, StorageInfo, Value, natural};
use super::{Limits, Pickle};
use crate::CheckpointError;
use crate::error::shown;

type Outcome<T> = Result<T, CheckpointError>;

pub(super) struct Machine<R> {
    source: Source<R>,
    limits: Limits,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u64, Value>,
    arena: Arena,
    storages: Vec<StorageInfo>,
    by_key: HashMap<String, usize>,
}

impl<R: Read> Machine<R> {
    pub(super) fn new(source: Source<R>, limits: Limits) -> Self {
        Self {
            source,
            limits,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            arena: Arena::new(limits.values),
            storages: Vec::new(),
            by_key: HashMap::new(),
        }
    }

    pub(super) fn run(mut self) -> Outcome<Pickle> {
        loop {
            let opcode = self.source.byte()?;
            if opcode == b'.' {
                let root = self.pop()?;
                return Ok(Pickle { root, arena: self.arena, storages: self.storages });
            }
            self.step(opcode)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Outcome<()> {
        match opcode {
            0x80 => {
                let version = self.source.byte()?;
                if version > 5 {
                    return Err(self.source.broken(format!("protocol {version} is not known")));
                }
                Ok(())
            }
            0x95 => self.source.array::<8>().map(|_| ()),
            b'(' => {
                if self.marks.len() >= self.limits.values {
                    return Err(self.source.broken("too many marks"));
                }
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(|_| ()),
            b'1' => self.pop_marked().map(|_| ()),
            b'2' => {
                let top = self.top()?;
                self.push(top)
            }
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'I' | b'L' | b'F' | b'J' | b'K' | b'M' | b'G' | 0x8a | 0x8b => self.number(opcode),
            b'S' | b'V' | b'X' | b'T' | b'U' | b'B' | b'C' | 0x8c | 0x8d | 0x8e | 0x96 => self.text(opcode),
            b')' | b't' | 0x85..=0x87 | b']' | b'l' | b'}' | b'd' => self.container(opcode),
            b'a' | b'e' | b's' | b'u' => self.fill(opcode),
            b'p' | b'q' | b'r' | 0x94 | b'g' | b'h' | b'j' => self.remember(opcode),
            b'c' | 0x93 | b'R' | 0x81 | b'b' | b'Q' => self.object(opcode),
            b'P' | b'i' | b'o' | 0x82..=0x84 | 0x92 => self.foreign(opcode),
            0x8f..=0x91 => Err(self.source.broken("it holds a set, which no checkpoint of tensors does")),
            0x97 | 0x98 => Err(self.source.broken("it wants a buffer from outside")),
            other => Err(self.source.broken(format!("there is no opcode {other:#04x}"))),
        }
    }

    fn number(&mut self, opcode: u8) -> Outcome<()> {
        let value = match opcode {
            b'J' => Value::Int(i64::from(i32::from_le_bytes(self.source.array()?))),
            b'K' => Value::Int(i64::from(self.source.byte()?)),
            b'M' => Value::Int(i64::from(u16::from_le_bytes(self.source.array()?))),
            b'G' => Value::Float(f64::from_be_bytes(self.source.array()?)),
            0x8a | 0x8b => {
                let length = if opcode == 0x8a {
                    u64::from(self.source.byte()?)
                } else {
                    u64::from(u32::from_le_bytes(self.source.array()?))
                };
                let bytes = self.source.take(length)?;
                match small(&bytes) {
                    Some(number) => Value::Int(number),
                    None => self.arena.add(Node::Long(bytes))?,
                }
            }
            _ => {
                let line = self.source.line()?;
                let text = std::str::from_utf8(&line).unwrap_or_default().trim();
                let value = match (opcode, text) {
                    (b'I', "00") => Some(Value::Bool(false)),
                    (b'I', "01") => Some(Value::Bool(true)),
                    (b'F', _) => text.parse().ok().map(Value::Float),
                    _ => text.trim_end_matches('L').parse().ok().map(Value::Int),
                };
                value.ok_or_else(|| self.source.broken("a number is none"))?
            }
        };
        self.push(value)
    }

    fn text(&mut self, opcode: u8) -> Outcome<()> {
        let length = match opcode {
            b'S' | b'V' => None,
            b'U' | b'C' | 0x8c => Some(u64::from(self.source.byte()?)),
            b'X' | b'T' | b'B' => Some(u64::from(u32::from_le_bytes(self.source.array()?))),
            _ => Some(u64::from_le_bytes(self.source.array()?)),
        };
        let bytes = match length {
            Some(length) => self.source.take(length)?,
            None => self.source.line()?,
        };
        let node = match opcode {
            // Read past and dropped: no tensor lies in them.
            b'B' | b'C' | 0x8e | 0x96 => Node::Bytes,
            // Python 2 wrote names as bytes; Latin-1 is how PyTorch's users read them.
            b'T' | b'U' => Node::Text(bytes.iter().copied().map(char::from).collect()),
            b'S' => {
                let ([b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"']) = bytes.as_slice() else {
                    return Err(self.source.broken("a string without its quotes"));
                };
                Node::Text(inner.iter().copied().map(char::from).collect())
            }
            _ => Node::Text(String::from_utf8(bytes).map_err(|_| self.source.broken("a text is not UTF-8"))?),
        };
        let value = self.arena.add(node)?;
        self.push(value)
    }

    fn container(&mut self, opcode: u8) -> Outcome<()> {
        let node = match opcode {
            b')' => Node::Tuple(Vec::new()),
            b']' => Node::List(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            b't' => Node::Tuple(self.pop_marked()?),
            b'l' => Node::List(self.pop_marked()?),
            b'd' => {
                let items = self.pop_marked()?;
                Node::Dict(self.pairs(&items)?)
            }
            _ => {
                let count = usize::from(opcode - 0x84);
                let start = self.floor_checked(count)?;
                Node::Tuple(self.stack.split_off(start))
            }
        };
        let value = self.arena.add(node)?;
        self.push(value)
    }

    fn fill(&mut self, opcode: u8) -> Outcome<()> {
        let items = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_marked()?,
        };
        self.arena.count(items.len())?;
        let pairs = if matches!(opcode, b's' | b'u') { Some(self.pairs(&items)?) } else { None };
        let target = self.top()?;
        match (self.arena.node_mut(target), pairs) {
            (Some(Node::Dict(entries)), Some(pairs)) => entries.extend(pairs),
            (Some(Node::List(list)), None) => list.extend(items),
            _ => return Err(self.source.broken("it fills something that is no container")),
        }
        Ok(())
    }

    fn remember(&mut self, opcode: u8) -> Outcome<()> {
        let slot = match opcode {
            b'q' | b'h' => u64::from(self.source.byte()?),
            b'r' | b'j' => u64::from(u32::from_le_bytes(self.source.array()?)),
            0x94 => self.memo.len() as u64,
            _ => {
                let line = self.source.line()?;
                let number = std::str::from_utf8(&line).ok().and_then(|t| t.trim().parse().ok());
                number.ok_or_else(|| self.source.broken("a memo number is none"))?
            }
        };
        if matches!(opcode, b'g' | b'h' | b'j') {
            let value = self.memo.get(&slot).copied();
            return self.push(value.ok_or_else(|| self.source.broken("it refers to what it never kept"))?);
        }
        let top = self.top()?;
        self.memo.insert(slot, top);
        if self.memo.len() > self.limits.values {
            return Err(self.source.broken("it keeps too much in its memo"));
        }
        Ok(())
    }

    fn object(&mut self, opcode: u8) -> Outcome<()> {
        match opcode {
            b'c' => {
                let (module, name) = self.global_lines()?;
                let global = Global::find(&module, &name)?;
                self.push(Value::Global(global))
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.arena.text(module), self.arena.text(name)) else {
                    return Err(self.source.broken("the name of a global is no text"));
                };
                let global = Global::find(module, name)?;
                self.push(Value::Global(global))
            }
            b'R' | 0x81 => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                let Value::Global(global) = callee else {
                    return Err(self.source.broken("it calls something that cannot be called"));
                };
                if opcode == 0x81 && !matches!(global, Global::OrderedDict | Global::Size) {
                    return Err(self.source.broken(format!("{} is no class of its own", global.name())));
                }
                let value = global.build(arguments, &mut self.arena)?;
                self.push(value)
            }
            b'b' => {
                // The state of an OrderedDict is `_metadata`: version numbers of modules, of no use
                // here.
                self.pop()?;
                let target = self.top()?;
                match self.arena.node(target) {
                    Some(Node::Dict(_)) => Ok(()),
                    _ => Err(self.source.broken("it sets the state of something that has none")),
                }
            }
            _ => {
                let id = self.pop()?;
                let part = self.storage(id)?;
                let value = self.arena.add(Node::Storage(part))?;
                self.push(value)
            }
        }
    }

    /// Opcodes that `torch.save` never writes and that exist to make objects: the refusal names the
    /// object where it has a name.
    fn foreign(&mut self, opcode: u8) -> Outcome<()> {
        match opcode {
            b'i' => {
                let (module, name) = self.global_lines()?;
                Global::find(&module, &name)?;
                Err(self.source.broken(format!("it makes {module}.{name} in a way that PyTorch does not")))
            }
            b'o' => {
                let items = self.pop_marked()?;
                let name = match items.first() {
                    Some(Value::Global(global)) => global.name(),
                    _ => "an object".into(),
                };
                Err(self.source.broken(format!("it makes {name} in a way that PyTorch does not")))
            }
            0x82..=0x84 => Err(CheckpointError::Refused("a class of Python's extension registry".into())),
            b'P' => Err(self.source.broken("a storage is named by a line of text, as no PyTorch does")),
            _ => Err(self.source.broken("it makes an object with named arguments, as no PyTorch does")),
        }
    }

    fn global_lines(&mut self) -> Outcome<(String, String)> {
        let module = String::from_utf8_lossy(&self.source.line()?).into_owned();
        let name = String::from_utf8_lossy(&self.source.line()?).into_owned();
        Ok((module, name))
    }

    /// `('storage', class, key, location, elements[, (view key, offset, elements)])`.
    fn storage(&mut self, id: Value) -> Outcome<Part> {
        let items = self.arena.items(id).map(<[Value]>::to_vec).unwrap_or_default();
        if let Some("module") = items.first().and_then(|v| self.arena.text(*v)) {
            return Err(CheckpointError::malformed(
                "it holds a whole module with its source, not its tensors; save the state_dict instead",
            ));
        }
        let broken = || self.source.broken("the description of a storage is not as PyTorch writes it");
        let (&[tag, class, key, _, elements], view) = match items.len() {
            5 => (items.first_chunk::<5>().ok_or_else(broken)?, Value::None),
            6 => (items.first_chunk::<5>().ok_or_else(broken)?, items.get(5).copied().unwrap_or(Value::None)),
            _ => return Err(broken()),
        };
        let (Some("storage"), Value::Global(Global::Storage(dtype))) = (self.arena.text(tag), class) else {
            return Err(broken());
        };
        let key = match key {
            Value::Int(number) => number.to_string(),
            other => self.arena.text(other).ok_or_else(broken)?.to_owned(),
        };
        let elements = natural(elements).ok_or_else(broken)?;
        let offset = match view {
            Value::None => 0,
            view => match self.arena.items(view) {
                Some(&[_, offset, _]) => natural(offset).ok_or_else(broken)?,
                _ => return Err(broken()),
            },
        };
        let info = StorageInfo { key: key.clone(), dtype, elements };
        if let Some(&known) = self.by_key.get(&key) {
            if self.storages.get(known) != Some(&info) {
                return Err(CheckpointError::Malformed(format!("its storage {} has two descriptions", shown(&key))));
            }
            return Ok(Part { storage: known, offset });
        }
        self.storages.push(info);
        self.by_key.insert(key, self.storages.len() - 1);
        Ok(Part { storage: self.storages.len() - 1, offset })
    }

    fn push(&mut self, value: Value) -> Outcome<()> {
        if self.stack.len() >= self.limits.values {
            return Err(self.source.broken("its stack is too deep"));
        }
        self.stack.push(value);
        Ok(())
    }

    /// The stack's length, if so many values lie above the last mark; then without them.
    fn floor_checked(&self, count: usize) -> Outcome<usize> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let start = self.stack.len().checked_sub(count).filter(|start| *start >= floor);
        start.ok_or_else(|| self.source.broken("its stack is empty"))
    }

    fn pop(&mut self) -> Outcome<Value> {
        self.floor_checked(1)?;
        self.stack.pop().ok_or_else(|| self.source.broken("its stack is empty"))
    }

    fn top(&self) -> Outcome<Value> {
        self.floor_checked(1)?;
        self.stack.last().copied().ok_or_else(|| self.source.broken("its stack is empty"))
    }

    fn pop_marked(&mut self) -> Outcome<Vec<Value>> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len());
        let mark = mark.ok_or_else(|| self.source.broken("a mark is missing"))?;
        Ok(self.stack.split_off(mark))
    }

    fn pairs(&self, items: &[Value]) -> Outcome<Vec<(Value, Value)>> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.source.broken("a key without a value"));
        }
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    }
}

/// A little-endian two's complement number of up to eight bytes; none is zero.
fn small(bytes: &[u8]) -> Option<i64> {
    let fill = if bytes.last().is_some_and(|b| *b >= 0x80) { 0xff } else { 0 };
    let mut all = [fill; 8];
    all.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(all))
}
