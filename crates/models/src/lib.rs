//! Every network, one folder each, and what it takes to load one: weights, contracts, import.
//!
//! The decision that shapes it: a network is a burn module built from a `Config`, and its
//! parameters come from a [`assay_checkpoints::StateDict`] by the names that the reference
//! implementation gave them. With `lab` this is the only crate that knows burn. It reads no picture
//! and decides nothing.
pub mod blazeface;
pub mod blocks;
pub mod clip;
mod contract;
pub mod cosegmentation;
pub mod cpu;
pub mod device;
pub mod efficientnet;
mod error;
pub mod face_autoencoder;
pub mod face_detector;
pub mod face_embedding;
pub mod face_forgery;
pub mod face_generator;
pub mod face_mesh;
pub mod face_swap;
pub mod first_order;
pub mod import;
mod kind;
pub mod layers;
pub mod layout;
pub mod mesonet;
pub mod perceptual;
pub mod registry;
pub mod rgb;
pub mod shipped_faces;
pub mod soup;
pub mod state;
pub mod tiny_autoencoder;
pub mod training;
pub mod vgg;
pub mod xception;

pub use contract::InputContract;
pub use error::ModelError;
pub use kind::Kind;

/// Whether CLIP's tower is part of this build, and with it what was tuned on it.
pub const HAS_LARGE: bool = cfg!(feature = "large");
