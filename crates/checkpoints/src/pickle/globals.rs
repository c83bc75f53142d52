//! The only words that a checkpoint's pickle may say, and what each of them builds here.
//!
//! Source: `torch/_utils.py` and `torch/serialization.py`. What is not in the list is refused by
//! its name.
use super::value::{Arena, Node, Value, View, natural};
use crate::error::shown;
use crate::{CheckpointError, Dtype};

/// A function or class that `torch.save` of a state dict refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    OrderedDict,
    /// `(storage, offset, size, stride)`, before 2017.
    RebuildTensor,
    /// `(storage, offset, size, stride, requires_grad, hooks[, metadata])`.
    RebuildTensorV2,
    /// `(tensor, requires_grad, hooks)`.
    RebuildParameter,
    Size,
    /// The class of a storage: it says the element type.
    Storage(Dtype),
}

const GLOBALS: [(&str, &str, Global); 15] = [
    ("collections", "OrderedDict", Global::OrderedDict),
    ("torch._utils", "_rebuild_tensor", Global::RebuildTensor),
    ("torch._utils", "_rebuild_tensor_v2", Global::RebuildTensorV2),
    ("torch._utils", "_rebuild_parameter", Global::RebuildParameter),
    ("torch", "Size", Global::Size),
    ("torch", "DoubleStorage", Global::Storage(Dtype::F64)),
    ("torch", "FloatStorage", Global::Storage(Dtype::F32)),
    ("torch", "HalfStorage", Global::Storage(Dtype::F16)),
    ("torch", "BFloat16Storage", Global::Storage(Dtype::Bf16)),
    ("torch", "LongStorage", Global::Storage(Dtype::I64)),
    ("torch", "IntStorage", Global::Storage(Dtype::I32)),
    ("torch", "ShortStorage", Global::Storage(Dtype::I16)),
    ("torch", "CharStorage", Global::Storage(Dtype::I8)),
    ("torch", "ByteStorage", Global::Storage(Dtype::U8)),
    ("torch", "BoolStorage", Global::Storage(Dtype::Bool)),
];

impl Global {
    /// The word for `module.name`, or the refusal that names it.
    pub(super) fn find(module: &str, name: &str) -> Result<Self, CheckpointError> {
        let known = GLOBALS.iter().find(|(m, n, _)| *m == module && *n == name);
        known.map(|(_, _, global)| *global).ok_or_else(|| CheckpointError::Refused(shown(&format!("{module}.{name}"))))
    }

    pub(super) fn name(self) -> String {
        GLOBALS.iter().find(|(_, _, g)| *g == self).map_or_else(String::new, |(m, n, _)| format!("{m}.{n}"))
    }

    /// What "calling" it with these arguments builds. The error says what is wrong with the
    /// arguments.
    pub(super) fn build(self, arguments: Value, arena: &mut Arena) -> Result<Value, CheckpointError> {
        let wrong = || CheckpointError::Malformed(format!("broken pickle: wrong arguments for {}", self.name()));
        let items = arena.items(arguments).ok_or_else(wrong)?;
        match (self, items) {
            (Self::OrderedDict, []) => arena.add(Node::Dict(Vec::new())),
            // Python 2 gives the entries as a list of pairs.
            (Self::OrderedDict, &[pairs]) => {
                let pair = |v: &Value| match arena.items(*v) {
                    Some(&[key, value]) => Some((key, value)),
                    _ => None,
                };
                let entries: Option<Vec<_>> = arena.items(pairs).ok_or_else(wrong)?.iter().map(pair).collect();
                arena.add(Node::Dict(entries.ok_or_else(wrong)?))
            }
            (Self::Size, &[extents]) if arena.items(extents).is_some() => Ok(extents),
            (Self::RebuildParameter, &[tensor, ..]) if matches!(arena.node(tensor), Some(Node::Tensor(_))) => {
                Ok(tensor)
            }
            (Self::RebuildTensor, &[storage, offset, size, stride])
            | (
                Self::RebuildTensorV2,
                &[storage, offset, size, stride, _, _] | &[storage, offset, size, stride, _, _, _],
            ) => {
                let Some(Node::Storage(part)) = arena.node(storage) else { return Err(wrong()) };
                let part = *part;
                let offset = natural(offset).and_then(|o| o.checked_add(part.offset)).ok_or_else(wrong)?;
                let (Some(shape), Some(strides)) = (arena.extents(size), arena.extents(stride)) else {
                    return Err(wrong());
                };
                // Every extent is an entry of its own: a tuple that many tensors share must not
                // multiply in memory.
                arena.count(shape.len() + strides.len())?;
                arena.add(Node::Tensor(View { storage: part.storage, offset, shape, strides }))
            }
            _ => Err(wrong()),
        }
    }
}
