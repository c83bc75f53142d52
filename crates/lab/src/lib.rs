//! Material to measure with, and the measures: drawn scenes, planted forgeries with their pristine twins, and detection figures.
//!
//! The decision that shapes it: everything is made from a seed and recorded, so that a figure in the documents can be made again bit by
//! bit. It ships no foreign picture: planted sets are made from the reader's own photos, the demo's from a scene that code draws.
pub mod ablations;
pub mod animation_figures;
pub mod calibrate;
pub mod evaluate;
pub mod face_calibration;
pub mod face_figures;
pub mod figures;
pub mod forgery_figures;
pub mod generator_figures;
pub mod memorisation;
pub mod screen_content;
pub mod speed;
pub mod swap_figures;
pub mod temporal_figures;
pub mod train_speed;
