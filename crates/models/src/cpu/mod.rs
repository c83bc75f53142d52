//! Kernels for inference on the processor: what the folded form of the networks runs.
//!
//! The decision that shapes it: burn's CPU backend hands its buffers over without a copy, so a
//! kernel here is a function from one `[n, c, h, w]` buffer to another, in burn's own layout, and a
//! network can mix kernels and burn's operations freely. Loops are plain safe Rust that the
//! compiler vectorises for the instruction set found at run time (`pulp`); only the matrix product
//! is foreign (`gemm`, the one burn uses). Nothing here records gradients.
mod activation;
mod columns;
mod depthwise;
mod few;
mod gemm;
mod kernel;
mod moments;
mod planes;
mod pointwise;
pub(crate) mod quantised;
mod sampling;
pub(crate) mod winograd;

pub(crate) use activation::{exp, scale_shift_relu};
pub(crate) use gemm::{View, product};
pub use kernel::Kernel;
pub(crate) use moments::soft_moments;
pub(crate) use planes::Planes;
pub(crate) use sampling::{average_pool, grid_sample_zeros, plane_means, upsample_nearest};

use burn::tensor::Device;

/// Whether tensors on `device` lie in this process's memory and record no gradients, so that the
/// kernels may take them.
pub fn can_run(device: &Device) -> bool {
    !device.is_autodiff() && *device == Device::flex()
}

/// A loop to be compiled for several instruction sets. `run` and all that it calls in its loops
/// must be `#[inline(always)]`: a function that is not inlined is compiled for the oldest
/// processor, and a fused multiply-add in it becomes a call.
pub(crate) trait Work {
    type Output;
    fn run(self) -> Self::Output;
}

/// Runs `work` compiled for the widest vectors of this processor.
pub(crate) fn vectorised<W: Work>(work: W) -> W::Output {
    struct Chosen<W>(W);
    impl<W: Work> pulp::WithSimd for Chosen<W> {
        type Output = W::Output;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _instructions: S) -> W::Output {
            self.0.run()
        }
    }
    pulp::Arch::new().dispatch(Chosen(work))
}
