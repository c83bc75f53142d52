//! The weights that all questions share.
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use assay_checkpoints::{Dtype, HostTensor, StateDict};

use super::{BLOCKS, HIDDEN, NORMS, PATCH, TOKENS, WIDTH};
use crate::cpu::quantised::Matrix;
use crate::registry::Registry;
use crate::{Kind, ModelError};

/// What stands before the names of the tower's tensors.
const PREFIX: &str = "vision_model.";
/// Ends the name of the scales, one a row, of a weight of 8-bit integers.
pub const SCALE: &str = "_scale";

/// A linear layer.
#[derive(Debug)]
pub(super) struct Linear {
    pub(super) weight: Matrix,
    pub(super) bias: Vec<f32>,
}

/// The linear layers of a block.
#[derive(Debug)]
pub(super) struct Block {
    /// To queries, keys and values.
    pub(super) three: Linear,
    /// Behind the attention.
    pub(super) out: Linear,
    pub(super) first: Linear,
    pub(super) second: Linear,
}

/// The same matrices, turned for the way back.
pub(super) struct Turned {
    pub(super) three: Matrix,
    pub(super) out: Matrix,
    pub(super) first: Matrix,
    pub(super) second: Matrix,
}

/// Patch embedding and nine blocks, with the layer normalisations that they were published with.
pub struct Base {
    /// `[WIDTH, 3 * PATCH * PATCH]`.
    pub(super) patch: Vec<f32>,
    /// `[TOKENS, WIDTH]`; the class token is added to the first row.
    pub(super) places: Vec<f32>,
    pub(super) blocks: Vec<Block>,
    norms: Vec<f32>,
    turned: OnceLock<Vec<Turned>>,
}

impl std::fmt::Debug for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Base").finish_non_exhaustive()
    }
}

/// How much of the tower a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Widths {
    /// Blocks.
    pub blocks: usize,
    /// Whether what stands behind the last block is there, too.
    #[serde(default)]
    pub has_end: bool,
}

impl Widths {
    /// What the program uses of it.
    pub const USED: Self = Self { blocks: BLOCKS, has_end: false };

    /// Names and shapes of the tensors, as the published file has them; every weight of a linear
    /// layer is of 8-bit integers with scales beside it.
    pub fn shapes(self) -> BTreeMap<String, Vec<usize>> {
        const EMBEDDING: usize = 512;
        let mut found = BTreeMap::new();
        let mut add = |name: &str, shape: &[usize]| found.insert(name.to_owned(), shape.to_vec());
        let tower = |name: &str| format!("{PREFIX}{name}");
        add(&tower("embeddings.class_embedding"), &[WIDTH]);
        add(&tower("embeddings.patch_embedding.weight"), &[WIDTH, 3, PATCH, PATCH]);
        add(&tower("embeddings.position_embedding.weight"), &[TOKENS, WIDTH]);
        for end in ["weight", "bias"] {
            add(&tower(&format!("pre_layrnorm.{end}")), &[WIDTH]);
        }
        for block in 0..self.blocks {
            let name = |rest: &str| format!("{PREFIX}encoder.layers.{block}.{rest}");
            for norm in ["layer_norm1", "layer_norm2"] {
                for end in ["weight", "bias"] {
                    add(&name(&format!("{norm}.{end}")), &[WIDTH]);
                }
            }
            for (linear, outs, ins) in LINEARS {
                add(&name(&format!("{linear}.weight")), &[outs, ins]);
                add(&name(&format!("{linear}.weight{SCALE}")), &[outs]);
                add(&name(&format!("{linear}.bias")), &[outs]);
            }
        }
        if self.has_end {
            for end in ["weight", "bias"] {
                add(&tower(&format!("post_layernorm.{end}")), &[WIDTH]);
            }
            add("visual_projection.weight", &[EMBEDDING, WIDTH]);
            add(&format!("visual_projection.weight{SCALE}"), &[EMBEDDING]);
        }
        found
    }
}

/// The linear layers of a block: name, outs, ins.
const LINEARS: [(&str, usize, usize); 6] = [
    ("self_attn.q_proj", WIDTH, WIDTH),
    ("self_attn.k_proj", WIDTH, WIDTH),
    ("self_attn.v_proj", WIDTH, WIDTH),
    ("self_attn.out_proj", WIDTH, WIDTH),
    ("mlp.fc1", HIDDEN, WIDTH),
    ("mlp.fc2", WIDTH, HIDDEN),
];

impl Base {
    /// From tensors by their published names; those of later blocks are not looked at.
    ///
    /// # Errors
    /// In words, what is missing or has another shape or element type.
    pub fn new(tensors: &StateDict) -> Result<Self, String> {
        for (name, shape) in Widths::USED.shapes() {
            let tensor = tensors.get(&name).ok_or_else(|| format!("{name} is missing"))?;
            if tensor.shape != shape {
                return Err(format!("{name} is of {:?}, not of {shape:?}", tensor.shape));
            }
            let linear = tensors.contains_key(&format!("{name}{SCALE}"));
            if linear && tensor.dtype != Dtype::I8 {
                return Err(format!("{name} is not of 8-bit integers"));
            }
        }
        let tensor = |name: &str| -> Result<&HostTensor, String> {
            tensors.get(&format!("{PREFIX}{name}")).ok_or_else(|| format!("{PREFIX}{name} is missing"))
        };
        let floats = |name: &str| tensor(name).map(HostTensor::to_f32);
        let mut places = floats("embeddings.position_embedding.weight")?;
        super::rows::add(&mut places, &floats("embeddings.class_embedding")?);
        let mut norms = Vec::with_capacity(NORMS * WIDTH);
        let mut norm = |name: &str| -> Result<(), String> {
            norms.extend(floats(&format!("{name}.weight"))?);
            norms.extend(floats(&format!("{name}.bias"))?);
            Ok(())
        };
        norm("pre_layrnorm")?;
        for block in 0..BLOCKS {
            norm(&format!("encoder.layers.{block}.layer_norm1"))?;
            norm(&format!("encoder.layers.{block}.layer_norm2"))?;
        }
        // Layers that see the same rows are one.
        let linear = |block: usize, names: &[&str]| -> Result<Linear, String> {
            let (mut weights, mut scales, mut bias) = (Vec::new(), Vec::new(), Vec::new());
            let mut ins = 0;
            for name in names {
                let name = format!("encoder.layers.{block}.{name}");
                let weight = tensor(&format!("{name}.weight"))?;
                ins = weight.shape.last().copied().unwrap_or(0);
                weights.extend(weight.bytes.iter().map(|b| b.cast_signed()));
                scales.extend(floats(&format!("{name}.weight{SCALE}"))?);
                bias.extend(floats(&format!("{name}.bias"))?);
            }
            Ok(Linear { weight: Matrix::new(&weights, [ins, scales.len()], &scales), bias })
        };
        let block = |i: usize| -> Result<Block, String> {
            Ok(Block {
                three: linear(i, &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"])?,
                out: linear(i, &["self_attn.out_proj"])?,
                first: linear(i, &["mlp.fc1"])?,
                second: linear(i, &["mlp.fc2"])?,
            })
        };
        let blocks = (0..BLOCKS).map(block).collect::<Result<_, _>>()?;
        let patch = floats("embeddings.patch_embedding.weight")?;
        Ok(Self { patch, places, blocks, norms, turned: OnceLock::new() })
    }

    /// The base that is part of the program, opened once.
    ///
    /// # Errors
    /// [`ModelError::Registry`] where this build has none, or the file is not what its entry says.
    pub fn shipped() -> Result<Arc<Self>, ModelError> {
        static OPENED: OnceLock<Arc<Base>> = OnceLock::new();
        if let Some(base) = OPENED.get() {
            return Ok(base.clone());
        }
        let loaded = Registry::shipped(Kind::ClipVision)?;
        let base = Self::new(&loaded.tensors).map_err(ModelError::Registry)?;
        Ok(OPENED.get_or_init(|| Arc::new(base)).clone())
    }

    /// The published layer normalisations, `[NORMS, WIDTH]`: where a question starts from.
    pub fn norms(&self) -> &[f32] {
        &self.norms
    }

    /// The matrices for the way back, made when first used.
    pub(super) fn turned(&self) -> &[Turned] {
        let turn = |b: &Block| Turned {
            three: b.three.weight.transposed(),
            out: b.out.weight.transposed(),
            first: b.first.weight.transposed(),
            second: b.second.weight.transposed(),
        };
        self.turned.get_or_init(|| self.blocks.iter().map(turn).collect())
    }

    /// A tower of drawn weights, for tests.
    #[cfg(test)]
    pub(super) fn drawn() -> Arc<Self> {
        let mut state = 1_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f32 / (1_u64 << 30) as f32 - 1.0
        };
        let mut tensors = StateDict::new();
        for (name, shape) in Widths::USED.shapes() {
            let count: usize = shape.iter().product();
            let linear = name.ends_with("proj.weight") || name.contains(".fc") && name.ends_with(".weight");
            let tensor = if linear {
                let bytes = (0..count).map(|_| ((next() * 127.0) as i8).cast_unsigned()).collect();
                HostTensor { shape, dtype: Dtype::I8, bytes }
            } else {
                let (mean, spread) = match &*name {
                    n if n.ends_with(SCALE) => (6e-4, 2e-4),
                    n if n.contains("norm") && n.ends_with("weight") => (1.0, 0.3),
                    n if n.contains("patch") => (0.0, 0.03),
                    _ => (0.0, 0.2),
                };
                let values: Vec<f32> = (0..count).map(|_| mean + spread * next()).collect();
                HostTensor::from_f32(&shape, &values)
            };
            tensors.insert(name, tensor);
        }
        Arc::new(Self::new(&tensors).unwrap())
    }
}
