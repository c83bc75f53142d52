//! The autoencoder that face-swap programs are built around: one encoder for two people, and a way
//! back for each.
//!
//! The decision that shapes it: one network with widths. The layouts of the published programs
//! (`df`, one decoder for each person; `liae`, one decoder behind two inner layers) differ in how a
//! code comes about and in numbers, and the numbers are the published ones where a preset is named
//! after a program. No layer normalises over the batch, because skin would take the colour of the
//! batch (faceswap-GAN's notes).
//!
//! Sources: faceswap (`plugins/train/model/original.py`), DeepFaceLab
//! (`core/leras/archis/DeepFakeArchi.py`), faceswap-GAN v2.2 (self-attention, discriminators). Read
//! for facts; their weights are not imported.
mod attention;
mod config;
mod discriminator;
pub mod losses;
mod network;
mod swapper;

pub use config::{Config, Layout, Preset};
pub use discriminator::{Discriminator, DiscriminatorConfig};
pub use network::{FaceSwap, Made, Person};
pub use swapper::{Made as MadeFace, Swapper};

/// Name of the crop that these networks see: the whole face from above the brows to below the chin,
/// with the margin that `dlib-padding-0.3` says.
pub const CROP: &str = "dlib-padding-0.3";
