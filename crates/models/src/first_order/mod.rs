//! First Order Motion Model: a still picture that follows the motion of a clip (Siarohin et al.,
//! NeurIPS 2019, arXiv:2003.00196).
//!
//! The decision that shapes it: the parts are the published ones under their published parameter
//! names, so that a checkpoint loads by name; what depends on the source alone is computed once
//! ([`Generator::encode_source`]) and every driving frame costs the rest. The convention of the
//! sampling grid is an option, because the published weights were trained under one and are run
//! under the other. This folder reads no picture, marks no output and decides nothing about a face.
mod animator;
mod blocks;
mod config;
mod discriminator;
mod generator;
mod keypoints;
mod losses;
mod motion;
mod transfer;
mod transform;

pub use animator::{Animated, Animator, Pointed, Portrait};
pub(crate) use animator::{picture, unit_tensor};
pub use blocks::{DownBlock, Hourglass, ResBlock, SameBlock, UpBlock};
pub use config::{
    DiscriminatorConfig, FirstOrderConfig, GeneratorConfig, HourglassConfig, KeyPointConfig, PUBLISHED, Published,
    SpectralNorm,
};
pub use discriminator::{Discriminator, Judgement, MultiScaleDiscriminator};
pub use generator::{EncodedSource, Generated, Generator};
pub(crate) use generator::{bottleneck, down_blocks, keeping, up_blocks};
pub use keypoints::{KeyPointDetector, KeyPoints, heatmaps, key_points_from_maps};
pub use losses::{adversarial, discriminator_loss, equivariance, feature_matching};
pub use motion::{DenseMotion, Motion, sparse_motions, warp};
pub(crate) use motion::{mixed, warp_finely};
pub use transfer::{Transfer, hull_area};
pub use transform::ThinPlate;
