//! Where media come from: marks that are put into everything made here, and reading them back.
//!
//! The decision that shapes it: generators return [`Synthetic`], which only this crate can open,
//! and only [`MarkedWriter`] here reaches an encoder. It puts in a visible label, an invisible
//! watermark and a signed C2PA manifest, reads all three back from the file, and only then gives
//! the file its name. The key of the watermark is public, so that anybody can verify; its number is
//! bound to the manifest, so that a copied mark is found out.
//!
//! The code is open and a fork can take the marks out. What the types enforce is that no generator
//! of this project writes unmarked media by mistake or by option.
mod claim;
mod error;
mod label;
mod manifest;
mod pixels;
mod record;
#[cfg(test)]
mod scene;
mod signer;
mod synthetic;
mod verify;
pub mod watermark;
mod writer;

pub use claim::{Claim, claim};
pub use error::ProvenanceError;
pub use manifest::WATERMARK_NAME;
pub use pixels::{MarkReader, PixelMarks};
pub use record::{Making, Record, SourceUsed, WeightsUsed};
pub use signer::{Signer, SignerInfo};
pub use synthetic::Synthetic;
pub use verify::{Trust, Verification, label_words, marks, verify};
pub use writer::{ClipShape, ClipWriter, MarkedWriter, Written};
