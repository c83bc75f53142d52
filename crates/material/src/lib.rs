//! What everything here is measured on: drawn scenes, planted edits, saving, perturbations, random
//! numbers.
//!
//! The decision that shapes it: everything is made from a seed and recorded, so that a figure in
//! the documents can be made again bit by bit. It ships no foreign picture: planted sets are made
//! from the reader's own photos, the demo's from a scene that code draws.
pub mod cases;
pub mod example;
pub mod ffmpeg;
pub mod frames;
pub mod graphics;
pub mod perturb;
pub mod planted;
pub mod saving;
pub mod scene;

pub use assay_random as rng;
