//! Convolution and batch normalisation for training on the processor, forward and backward.
//!
//! The decision that shapes it: a training step on a CPU is bound by memory as much as by
//! arithmetic, so there are four operations and no more: a convolution (3x3 by Winograd's method in
//! all three directions), normalisation with the residual sum and the rectifier in one pass each
//! way, where nothing is normalised a bias with the same two, and doubling. All keep channels last
//! in memory, where every loop is over contiguous channels whatever the size of the map; the
//! tensors look like `[n, c, h, w]` to everybody else. On other devices burn's own operations do
//! the same.
mod columns;
mod convolution;
mod doubling;
mod graph;
mod normalisation;
mod rectifier;
mod winograd;

pub use graph::{conv, doubled, norm, rectified};

/// A batch of maps with channels last: `[n, h, w, c]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    n: usize,
    h: usize,
    w: usize,
    c: usize,
}

impl Extent {
    fn one(self) -> usize {
        self.h * self.w * self.c
    }

    fn len(self) -> usize {
        self.n * self.one()
    }
}

/// How far a convolution may be from the sum of its products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// As far as single precision is.
    Strict,
    /// Half a decimal digit more, for a quarter of the multiplications (Winograd's method, where it
    /// fits).
    Loose,
}

std::thread_local! {
    static ROUNDING: std::cell::Cell<Rounding> = const { std::cell::Cell::new(Rounding::Strict) };
}

impl Rounding {
    /// What convolutions get that are made on this thread now and say nothing themselves.
    pub(crate) fn current() -> Self {
        ROUNDING.get()
    }

    /// Makes a network whose convolutions, where they say nothing themselves, round like this. The
    /// published networks say nothing, because their gradients are held to fixtures; whoever trains
    /// one anew need not be so strict.
    pub fn during<T>(self, make: impl FnOnce() -> T) -> T {
        let before = ROUNDING.replace(self);
        let made = make();
        ROUNDING.set(before);
        made
    }
}

/// A square kernel: weights `[outs, ins, side, side]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    outs: usize,
    ins: usize,
    side: usize,
    stride: usize,
    padding: usize,
    rounding: Rounding,
}

impl Shape {
    fn output(self, x: Extent) -> Extent {
        let extent = |v: usize| (v + 2 * self.padding - self.side) / self.stride + 1;
        Extent { n: x.n, h: extent(x.h), w: extent(x.w), c: self.outs }
    }

    fn weights(self) -> usize {
        self.outs * self.ins * self.side * self.side
    }
}
