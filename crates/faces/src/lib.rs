//! Who is in the picture and where: faces found, measured, aligned, followed over time, and told
//! apart.
//!
//! The decision that shapes this crate: the networks stand behind one small trait,
//! [`FaceNetworks`], and everything around them (geometry, alignment, quality, tracking, cuts,
//! grouping) is plain arithmetic that is tested with made faces. Frames are looked at once, in the
//! decode pass that all readers share; what is kept of a frame is a few kilobytes a face, and
//! tracks are made from that when the pass is over, so that scene cuts can be judged with the
//! frames after them in view. Everything is in the picture *as shown* (networks know upright
//! faces), in pixels of the full frame, with the centre of the first pixel at (0.5, 0.5). It judges
//! nothing: what detectors say of a face while its pixels are at hand is only kept here, behind the
//! trait [`Detecting`].
mod assignment;
mod clip;
pub mod cluster;
pub mod cut;
mod error;
pub mod geometry;
pub mod hull;
pub mod judged;
pub mod landmarks68;
#[cfg(test)]
mod made;
mod motion;
mod networks;
mod openness;
pub mod pose;
mod quality;
mod seam;
mod seen;
pub mod square;
mod still;
pub mod stretches;
pub mod template;
mod thumbnails;
pub mod track;
mod tracks;
pub mod warp;

pub use assignment::assign;
pub use clip::{CLIP_SIDE, ClipFaces, LOOKS_PER_SEC, MOST_LOOKS, shown};
pub use error::FacesError;
pub use judged::{Detecting, DetectorWeights, Judged};
pub use networks::Networks;
pub use openness::{Openness, openness};
pub use quality::{Quality, quality};
pub use seam::{Detection, FaceNetworks, Landmarks, MESH_POINTS, OperatingPoints};
pub use seen::{MOST_FACES_CLIP, MOST_FACES_STILL, Observation};
pub use still::{Face, STILL_SIDE, find};
pub use thumbnails::{THUMBNAIL_SIDE, Thumbnail};
pub use tracks::{FaceTrack, Faces, Person};
