//! The published generators of face media: material to measure detectors with.
//!
//! The decision that shapes it: a generator hands out [`assay_provenance::Synthetic`] frames and
//! nothing else, and [`write`] is the one way from there to a file. It goes through the marked
//! writer, so every output has a visible label, an invisible watermark and a signed manifest,
//! whatever a generator does. There is no switch for it and no camera device. Networks and their
//! weights live in `models`, training in `lab`.
mod about;
mod clip;
mod error;
mod portrait;
mod run;

pub mod animate;
pub mod partswap;
pub mod swap;
pub mod synthesize;

pub use about::{About, GENERATORS};
pub use clip::{ClipFacts, each_frame};
pub use error::GeneratorError;
pub use portrait::{Crop, Finder, feathered};
pub use run::{Generator, MadeFrame, Outcome, Plan, Tally, write};
