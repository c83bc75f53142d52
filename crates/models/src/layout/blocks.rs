//! Shapes of the blocks that the published networks are put together from, by PyTorch's names.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Tensor names and shapes.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// A list of shapes in the making.
#[derive(Default)]
pub(super) struct Build(pub(super) Shapes);

impl Build {
    pub(super) fn add(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.0.insert(name.into(), shape.to_vec());
    }

    /// A convolution with bias: `[outputs, inputs, kernel, kernel]`.
    pub(super) fn conv(&mut self, name: &str, outputs: usize, inputs: usize, kernel: usize) {
        self.add(format!("{name}.weight"), &[outputs, inputs, kernel, kernel]);
        self.add(format!("{name}.bias"), &[outputs]);
    }

    /// Batch normalisation with its running statistics.
    pub(super) fn norm(&mut self, name: &str, channels: usize) {
        for part in ["weight", "bias", "running_mean", "running_var"] {
            self.add(format!("{name}.{part}"), &[channels]);
        }
    }

    /// A fully connected layer.
    pub(super) fn linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.add(format!("{name}.weight"), &[outputs, inputs]);
        self.add(format!("{name}.bias"), &[outputs]);
    }

    /// Convolution and batch normalisation, as `SameBlock`, `DownBlock` and `UpBlock` have them.
    pub(super) fn block(&mut self, name: &str, outputs: usize, inputs: usize, kernel: usize) {
        self.conv(&format!("{name}.conv"), outputs, inputs, kernel);
        self.norm(&format!("{name}.norm"), outputs);
    }
}

/// Looks shapes up and says in words what is missing or odd.
#[derive(Clone, Copy)]
pub(super) struct Look<'a>(pub(super) &'a Shapes);

impl Look<'_> {
    pub(super) fn shape(&self, name: &str) -> Result<&[usize], String> {
        self.0.get(name).map(Vec::as_slice).ok_or_else(|| format!("{name} is missing"))
    }

    /// One extent of a tensor of four dimensions.
    pub(super) fn extent(&self, name: &str, axis: usize) -> Result<usize, String> {
        let shape = self.shape(name)?;
        match shape.get(axis) {
            Some(extent) if shape.len() == 4 && (1..=1 << 16).contains(extent) => Ok(*extent),
            _ => Err(format!("{name} has the shape {shape:?}")),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// How many of `name(0)`, `name(1)`, ... there are without a gap.
    pub(super) fn count(&self, name: impl Fn(usize) -> String) -> usize {
        (0..64).take_while(|i| self.has(&name(*i))).count()
    }

    /// The factor by which a picture is made smaller, from the side of the blur kernel. Sides: `2 * round(4 * sigma) + 1` with
    /// `sigma = (1 / scale - 1) / 2`.
    pub(super) fn scale_factor(&self, down: &str) -> Result<f64, String> {
        if !self.has(down) {
            return Ok(1.0);
        }
        match self.extent(down, 3)? {
            5 => Ok(0.5),
            13 => Ok(0.25),
            29 => Ok(0.125),
            side => Err(format!("{down} is a kernel of {side}, which no published scale factor has")),
        }
    }
}

/// Side of the blur kernel for a factor of one over a power of two.
pub(super) fn blur_side(scale_factor: f64) -> Option<usize> {
    (scale_factor < 1.0).then(|| 2 * (4.0 * (1.0 / scale_factor - 1.0) / 2.0).round() as usize + 1)
}

/// Widths of an hourglass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hourglass {
    /// Width before the first doubling.
    pub block_expansion: usize,
    /// No layer is wider.
    pub max_features: usize,
    /// Blocks down, and as many up.
    pub num_blocks: usize,
}

impl Hourglass {
    fn width(&self, level: usize) -> usize {
        (self.block_expansion << level.min(32)).min(self.max_features)
    }

    /// Channels that it gives for so many inputs.
    pub(super) fn outputs(&self, inputs: usize) -> usize {
        self.block_expansion + inputs
    }

    pub(super) fn add(&self, build: &mut Build, name: &str, inputs: usize) {
        for level in 0..self.num_blocks {
            let from = if level == 0 { inputs } else { self.width(level) };
            build.block(&format!("{name}.encoder.down_blocks.{level}"), self.width(level + 1), from, 3);
        }
        for (place, level) in (0..self.num_blocks).rev().enumerate() {
            // All but the innermost take the skip connection of the same size, too.
            let from = self.width(level + 1) * if place == 0 { 1 } else { 2 };
            build.block(&format!("{name}.decoder.up_blocks.{place}"), self.width(level), from, 3);
        }
    }

    pub(super) fn infer(look: Look<'_>, name: &str) -> Result<Self, String> {
        let down = |i: usize| format!("{name}.encoder.down_blocks.{i}.conv.weight");
        let num_blocks = look.count(down);
        if num_blocks == 0 {
            return Err(format!("{} is missing", down(0)));
        }
        let mut max_features = 0;
        for level in 0..num_blocks {
            max_features = max_features.max(look.extent(&down(level), 0)?);
        }
        let last = format!("{name}.decoder.up_blocks.{}.conv.weight", num_blocks - 1);
        Ok(Self { block_expansion: look.extent(&last, 0)?, max_features, num_blocks })
    }
}

/// Widths of the generator's picture path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generator {
    /// Width at full size.
    pub block_expansion: usize,
    /// No layer is wider.
    pub max_features: usize,
    /// Halvings of the picture.
    pub num_down_blocks: usize,
    /// Residual blocks at the smallest size.
    pub num_bottleneck_blocks: usize,
}

impl Generator {
    fn width(&self, level: usize) -> usize {
        (self.block_expansion << level.min(32)).min(self.max_features)
    }

    pub(super) fn add(&self, build: &mut Build, name: &str, channels: usize) {
        build.block(&format!("{name}.first"), self.block_expansion, channels, 7);
        for level in 0..self.num_down_blocks {
            build.block(&format!("{name}.down_blocks.{level}"), self.width(level + 1), self.width(level), 3);
        }
        let inner = self.width(self.num_down_blocks);
        for index in 0..self.num_bottleneck_blocks {
            for half in 1..=2 {
                build.conv(&format!("{name}.bottleneck.r{index}.conv{half}"), inner, inner, 3);
                build.norm(&format!("{name}.bottleneck.r{index}.norm{half}"), inner);
            }
        }
        for (place, level) in (0..self.num_down_blocks).rev().enumerate() {
            build.block(&format!("{name}.up_blocks.{place}"), self.width(level), self.width(level + 1), 3);
        }
        build.conv(&format!("{name}.final"), channels, self.block_expansion, 7);
    }

    pub(super) fn infer(look: Look<'_>, name: &str) -> Result<Self, String> {
        let down = |i: usize| format!("{name}.down_blocks.{i}.conv.weight");
        let num_down_blocks = look.count(down);
        let block_expansion = look.extent(&format!("{name}.first.conv.weight"), 0)?;
        let mut max_features = block_expansion;
        for level in 0..num_down_blocks {
            max_features = max_features.max(look.extent(&down(level), 0)?);
        }
        let num_bottleneck_blocks = look.count(|i| format!("{name}.bottleneck.r{i}.conv1.weight"));
        Ok(Self { block_expansion, max_features, num_down_blocks, num_bottleneck_blocks })
    }
}
