//! Files of tensors, read without running anything: safetensors, the two containers that PyTorch
//! writes, and ONNX.
//!
//! The decision that shapes it: a checkpoint is data. A pickle that asks for anything but tensors
//! and plain containers is refused by name; nothing in it can call. This crate knows no network and
//! no backend, so that its parsers can be fuzzed alone.
mod checkpoint;
mod error;
mod onnx;
mod package;
mod pickle;
mod safetensors;
mod tensor;
mod torch;

pub use checkpoint::{Checkpoint, Container, Options, PlainValue};
pub use error::CheckpointError;
pub use safetensors::{read_safetensors, write_safetensors};
pub use tensor::{Dtype, HostTensor, StateDict};
