//! The safetensors container: a JSON header, then the bytes of every tensor.
use std::collections::HashMap;

use safetensors::tensor::{SafeTensors, TensorView};

use crate::{CheckpointError, Dtype, HostTensor, StateDict};

/// Pairs of this crate's element types and the container's.
const DTYPES: [(Dtype, safetensors::Dtype); 10] = [
    (Dtype::F64, safetensors::Dtype::F64),
    (Dtype::F32, safetensors::Dtype::F32),
    (Dtype::F16, safetensors::Dtype::F16),
    (Dtype::Bf16, safetensors::Dtype::BF16),
    (Dtype::I64, safetensors::Dtype::I64),
    (Dtype::I32, safetensors::Dtype::I32),
    (Dtype::I16, safetensors::Dtype::I16),
    (Dtype::I8, safetensors::Dtype::I8),
    (Dtype::U8, safetensors::Dtype::U8),
    (Dtype::Bool, safetensors::Dtype::BOOL),
];

/// Reads every tensor of a safetensors file that lies in memory.
///
/// # Errors
/// [`CheckpointError::Malformed`] where the header, an extent or an element type is not as the format says.
pub fn read_safetensors(bytes: &[u8]) -> Result<StateDict, CheckpointError> {
    let malformed =
        |e: &dyn std::fmt::Display| CheckpointError::Malformed(format!("not a whole safetensors file: {e}"));
    let file = SafeTensors::deserialize(bytes).map_err(|e| malformed(&e))?;
    let mut tensors = StateDict::new();
    for (name, view) in file.iter() {
        let dtype = DTYPES.iter().find(|(_, theirs)| *theirs == view.dtype()).map(|(ours, _)| *ours);
        let dtype = dtype.ok_or_else(|| {
            CheckpointError::Malformed(format!("tensor {name} has the element type {:?}", view.dtype()))
        })?;
        tensors
            .insert(name.to_owned(), HostTensor { shape: view.shape().to_vec(), dtype, bytes: view.data().to_vec() });
    }
    Ok(tensors)
}

/// The bytes of a safetensors file with these tensors and this metadata.
///
/// # Errors
/// [`CheckpointError::Malformed`] where a tensor's bytes do not fit its shape.
pub fn write_safetensors(
    tensors: &StateDict,
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, CheckpointError> {
    let malformed = |e: safetensors::SafeTensorError| CheckpointError::Malformed(e.to_string());
    let mut views = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let dtype =
            DTYPES.iter().find(|(ours, _)| *ours == tensor.dtype).map_or(safetensors::Dtype::U8, |(_, theirs)| *theirs);
        views.push((name, TensorView::new(dtype, tensor.shape.clone(), &tensor.bytes).map_err(malformed)?));
    }
    safetensors::serialize(views, metadata).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut tensors = StateDict::new();
        tensors.insert("a.weight".into(), HostTensor::from_f32(&[2, 3], &[1.0, -2.0, 3.5, 0.0, 1e-9, f32::MAX]));
        tensors.insert("b".into(), HostTensor::f16_from_f32(&[2], &[0.5, -4.0]));
        let read = read_safetensors(&write_safetensors(&tensors, None).unwrap()).unwrap();
        assert_eq!(read, tensors);
        assert_eq!(read["b"].to_f32(), [0.5, -4.0]);
        assert!(read_safetensors(b"nothing").is_err());
    }
}
