//! What sets of pictures and clips hold, who is seen in them, and the one split.
pub mod folds;
mod people;
pub mod sets;

pub use people::{Split, owner, parts, person_of, split_of, split_of_file};
