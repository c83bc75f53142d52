//! Blocks that several networks share: convolution with its folded form, normalisation, sampling,
//! low-pass filters.
//!
//! The decision that shapes it: a network is written once. Every convolution goes through [`Conv`],
//! which computes with burn's operations until [`Fold::fold`] has absorbed the normalisation behind
//! it; from then on, on the processor, it runs the kernels of [`crate::cpu`] with bias,
//! normalisation and activation in one pass. No network is defined here.
mod antialias;
mod conv;
mod keyed;
mod norm;
mod sampling;

pub use antialias::AntiAlias;
pub use conv::{Activation, Conv, ConvConfig, Padding};
pub use keyed::Keyed;
pub use norm::{InstanceNorm, freeze_statistics, pre_activate};
pub use sampling::{
    AlignCorners, coordinate_grid, depth_to_space, grid_sample, plane_means, resize_bilinear, upsample_nearest,
};

/// A network, or part of one, that can be brought into its form for inference.
///
/// Folding keeps every parameter as it is (the network can still be exported); it only prepares
/// what the kernels need. A folded network must not be trained on: the kernels do not follow later
/// changes of the parameters.
pub trait Fold: Sized {
    /// Prepares every convolution, with the normalisation behind it where there is one. Does
    /// nothing where the parameters do not lie on the processor, or on a device that records
    /// gradients.
    #[must_use]
    fn fold(self) -> Self;
}

impl<M: Fold> Fold for Vec<M> {
    fn fold(self) -> Self {
        self.into_iter().map(Fold::fold).collect()
    }
}
