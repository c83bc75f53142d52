//! Face swaps by an autoencoder: faces taken out of clips, and put back as another person's
//! (faceswap, DeepFaceLab, dfaker and faceswap-GAN in one).
//!
//! The decision that shapes it: one crop for taking out, for training and for putting back
//! ([`align`]), a first look at every frame before anything is made ([`look`]), and then one frame
//! at a time. Training is in `lab`. What was taken out of a recording is still a recording and
//! carries no mark; what the network made leaves through the marked writer like everything else.
pub mod align;
mod blend;
mod colour;
mod convert;
mod extract;
mod look;
mod poisson;
mod table;

use assay_provenance::Making;

pub use blend::{Blend, MaskKind, Settings};
pub use colour::Transfer;
pub use convert::{Choice, Convert, Request, weights_of};
pub use extract::{Extracted, Extraction, Order, extract};
pub use table::{FaceRow, FaceTable, SourceRow, TABLE_FILE};

use crate::About;

/// In words.
pub static ABOUT: About = About {
    id: "swap",
    summary: "puts one person's face on another's in a picture or clip, by an autoencoder that was trained on the two",
    making: Making::Altered,
    reference: "faceswap and DeepFaceLab (autoencoders of two people), Lu, faceswap-GAN v2.2 (discriminators, self-attention)",
    limits: &[
        "It knows two people and nobody else; every pair is trained anew.",
        "What covers a face (a hand, a microphone, hair, glasses) is painted over or comes out blurred.",
        "A head that is turned further than any in the training faces comes out wrong.",
        "The made face has as many pixels as the network, mostly 64 to 256 a side, and is blurred on a larger one.",
    ],
};
