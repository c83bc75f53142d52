//! Shapes by name, and the questions that every inference asks of them.
use std::collections::BTreeMap;

use crate::first_order::HourglassConfig;

/// Tensor names and shapes.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// Most blocks in a row. A width is doubled with every block; more than this no picture survives.
const BLOCKS: usize = 12;

/// Looks shapes up and says in words what is missing or odd.
#[derive(Clone, Copy)]
pub(super) struct Look<'a>(pub(super) &'a Shapes);

impl Look<'_> {
    /// One extent of a convolution's weight.
    pub(super) fn extent(self, name: &str, axis: usize) -> Result<usize, String> {
        let shape = self.0.get(name).ok_or_else(|| format!("{name} is missing"))?;
        match shape.get(axis) {
            Some(extent) if shape.len() == 4 && (1..=1 << 16).contains(extent) => Ok(*extent),
            _ => Err(format!("{name} has the shape {shape:?}")),
        }
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// How many of `name(0)`, `name(1)`, ... there are without a gap.
    pub(super) fn count(self, name: impl Fn(usize) -> String) -> Result<usize, String> {
        let count = (0..=BLOCKS).take_while(|i| self.has(&name(*i))).count();
        if count > BLOCKS { Err(format!("{} is one block too many", name(BLOCKS))) } else { Ok(count) }
    }

    /// The widest of `name(0)` to `name(count - 1)`.
    pub(super) fn widest(self, count: usize, name: impl Fn(usize) -> String) -> Result<usize, String> {
        (0..count).try_fold(0, |most, i| Ok(self.extent(&name(i), 0)?.max(most)))
    }

    /// The factor by which a picture is made smaller, from the side of the blur kernel:
    /// `2 * round(4 * sigma) + 1` with `sigma = (1 / scale - 1) / 2`.
    pub(super) fn scale_factor(self, down: &str) -> Result<f64, String> {
        if !self.has(down) {
            return Ok(1.0);
        }
        match self.extent(down, 3)? {
            5 => Ok(0.5),
            13 => Ok(0.25),
            29 => Ok(0.125),
            side => Err(format!("{down} is a kernel of {side} pixels, which belongs to no published scale")),
        }
    }

    /// Widths of an hourglass. Where no layer reaches the cap, the widest layer stands for it: the
    /// network is the same.
    pub(super) fn hourglass(self, name: &str) -> Result<HourglassConfig, String> {
        let down = |i: usize| format!("{name}.encoder.down_blocks.{i}.conv.weight");
        let num_blocks = self.count(down)?;
        let last = num_blocks.checked_sub(1).ok_or_else(|| format!("{} is missing", down(0)))?;
        let block_expansion = self.extent(&format!("{name}.decoder.up_blocks.{last}.conv.weight"), 0)?;
        Ok(HourglassConfig { block_expansion, max_features: self.widest(num_blocks, down)?, num_blocks })
    }
}
