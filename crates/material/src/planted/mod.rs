//! The maker of planted forgeries and of their pristine twins.
//!
//! The decision that shapes it: a pristine twin takes every step of its forgery except the edit
//! (same decode, same final save), so a detector can only tell them apart by what the edit did.
//! Calibration and test sets share no source photo and no named person, and donors come from the
//! set they are used in. Everything is drawn from a seed and recorded in an [`Index`].
//!
//! Edits work as users' programs do: decode to RGB, change RGB, save. It imitates no retouching by
//! hand and no generator.
mod clips;
mod edits;
mod index;
mod make;
mod region;
mod sources;

pub use clips::{RealSegment, make_clips, real_segments};
pub use edits::Edit;
pub use index::{INDEX_SCHEMA, Index, Item, Kind, Split};
pub use make::{QUALITIES, Wanted, known_groups, make};
pub use region::{Edge, Region, Shape};
pub use sources::{Clip, Photo};
