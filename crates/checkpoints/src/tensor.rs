//! Tensors as they lie in a file: shape, element type, little-endian bytes.
use std::collections::BTreeMap;

use half::{bf16, f16};

/// Element types that checkpoints hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// IEEE half precision.
    F16,
    /// Brain float: the upper half of an `F32`.
    Bf16,
    /// Signed 64-bit integer.
    I64,
    /// Signed 32-bit integer.
    I32,
    /// Signed 16-bit integer.
    I16,
    /// Signed byte.
    I8,
    /// Unsigned byte.
    U8,
    /// One byte, 0 or 1.
    Bool,
}

impl Dtype {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

/// A tensor in host memory: row-major, little-endian. `bytes.len()` is always the product of
/// `shape` times the element's size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTensor {
    /// Extents, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// Element type.
    pub dtype: Dtype,
    /// The elements.
    pub bytes: Vec<u8>,
}

impl HostTensor {
    /// A tensor of 32-bit floats. `values.len()` must be the product of `shape`.
    pub fn from_f32(shape: &[usize], values: &[f32]) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Self { shape: shape.to_vec(), dtype: Dtype::F32, bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect() }
    }

    /// A tensor rounded to half precision, as the shipped weights are.
    pub fn f16_from_f32(shape: &[usize], values: &[f32]) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Self {
            shape: shape.to_vec(),
            dtype: Dtype::F16,
            bytes: values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
        }
    }

    /// The elements as 32-bit floats (half precision is widened, integers are converted).
    pub fn to_f32(&self) -> Vec<f32> {
        fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks::<N>().0.iter().map(|c| value(*c)).collect()
        }
        match self.dtype {
            Dtype::F64 => each(&self.bytes, |b| f64::from_le_bytes(b) as f32),
            Dtype::F32 => each(&self.bytes, f32::from_le_bytes),
            Dtype::F16 => each(&self.bytes, |b| f16::from_le_bytes(b).to_f32()),
            Dtype::Bf16 => each(&self.bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Dtype::I64 => each(&self.bytes, |b| i64::from_le_bytes(b) as f32),
            Dtype::I32 => each(&self.bytes, |b| i32::from_le_bytes(b) as f32),
            Dtype::I16 => each(&self.bytes, |b| f32::from(i16::from_le_bytes(b))),
            Dtype::I8 => each(&self.bytes, |b: [u8; 1]| f32::from(b[0].cast_signed())),
            Dtype::U8 | Dtype::Bool => each(&self.bytes, |b: [u8; 1]| f32::from(b[0])),
        }
    }
}

/// Tensors by dotted name, as PyTorch's `state_dict` has them.
pub type StateDict = BTreeMap<String, HostTensor>;
