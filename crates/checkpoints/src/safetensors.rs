//! The safetensors container: a JSON header, then the bytes of every tensor.
use std::collections::HashMap;
use std::io::Read;

use safetensors::tensor::{Metadata, TensorView};

use crate::error::shown;
use crate::{CheckpointError, Dtype, HostTensor, StateDict};

/// Largest header; the format's own limit.
const HEADER_BYTES: u64 = 100_000_000;

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
/// [`CheckpointError::Malformed`] where the header, an extent or an element type is not as the
/// format says.
pub fn read_safetensors(bytes: &[u8]) -> Result<StateDict, CheckpointError> {
    read_sequential(bytes, bytes.len() as u64).map(|(tensors, _)| tensors)
}

/// Reads the header, then tensor after tensor as they lie in the file, so that nothing is in memory
/// twice. Gives the metadata, too.
pub(crate) fn read_sequential(
    mut reader: impl Read,
    file_bytes: u64,
) -> Result<(StateDict, HashMap<String, String>), CheckpointError> {
    let broken =
        |what: &dyn std::fmt::Display| CheckpointError::Malformed(format!("not a whole safetensors file: {what}"));
    let mut length = [0; 8];
    reader.read_exact(&mut length).map_err(|e| broken(&e))?;
    let length = u64::from_le_bytes(length);
    if length > file_bytes.saturating_sub(8).min(HEADER_BYTES) {
        return Err(broken(&"its header is larger than the file"));
    }
    let mut header = Vec::new();
    (&mut reader).take(length).read_to_end(&mut header)?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| broken(&e))?;
    let mut infos: Vec<_> = metadata.tensors().into_iter().collect();
    infos.sort_by_key(|(_, info)| info.data_offsets);
    let mut tensors = StateDict::new();
    let mut at = 0;
    for (name, info) in infos {
        let dtype =
            DTYPES.iter().find(|(_, theirs)| *theirs == info.dtype).map(|(ours, _)| *ours).ok_or_else(|| {
                CheckpointError::Malformed(format!("its tensor {} has the element type {:?}", shown(&name), info.dtype))
            })?;
        let elements = info.shape.iter().try_fold(1_usize, |all, n| all.checked_mul(*n));
        let size = elements.and_then(|n| n.checked_mul(dtype.size()));
        let (start, end) = info.data_offsets;
        // Tensors lie without gaps, in order, and are as large as their shapes say.
        if start != at || size.and_then(|size| size.checked_add(start)) != Some(end) {
            return Err(broken(&format_args!("the place of tensor {} is wrong", shown(&name))));
        }
        let mut bytes = Vec::new();
        (&mut reader).take((end - start) as u64).read_to_end(&mut bytes)?;
        if bytes.len() != end - start {
            return Err(broken(&"it ends too early"));
        }
        at = end;
        tensors.insert(name, HostTensor { shape: info.shape.clone(), dtype, bytes });
    }
    if at as u64 != file_bytes - 8 - length {
        return Err(broken(&"there are bytes that belong to no tensor"));
    }
    Ok((tensors, metadata.metadata().clone().unwrap_or_default()))
}

/// The bytes of a safetensors file with these tensors and this metadata.
///
/// # Errors
/// [`CheckpointError::Malformed`] where a tensor's bytes do not fit its shape.
#[expect(clippy::implicit_hasher, reason = "the format's crate takes this map as it is")]
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
        let whole = write_safetensors(&tensors, None).unwrap();
        for cut in 0..whole.len() {
            assert!(read_safetensors(&whole[..cut]).is_err(), "cut at {cut}");
        }
        assert!(read_safetensors(&[&whole[..], b"x"].concat()).is_err());
        let header = |tensors: &str| [&(tensors.len() as u64).to_le_bytes()[..], tensors.as_bytes(), &[0; 8]].concat();
        let good = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        assert!(read_safetensors(&header(good)).is_ok());
        for (from, to) in
            [("[0,8]", "[4,8]"), ("[2]", "[3]"), ("[2]", "[4294967296,4294967296]"), ("[0,8]", "[8,0]"), ("F32", "C64")]
        {
            assert!(read_safetensors(&header(&good.replace(from, to))).is_err(), "{to}");
        }
    }
}
