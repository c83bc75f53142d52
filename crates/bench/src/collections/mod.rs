//! What sets of pictures and clips hold, who is seen in them, and the one split.
//!
//! The decision that shapes it: a folder is described by a file ([`Descriptor`]), a name gives an
//! owner, and the owner's name gives the side ([`split_of`]). Training, planted sets, tables and
//! figures all ask [`Collection`] and divide by nothing else, so nobody who was learned from is
//! measured on.
mod collection;
mod descriptor;
pub mod folds;
pub mod sets;
mod split;

pub use collection::{Collection, FILE, describe_by};
pub use descriptor::{Descriptor, Folder, Media, Naming, Owner, Subject, Truth, Use};
pub use split::{Split, parts, split_of};
