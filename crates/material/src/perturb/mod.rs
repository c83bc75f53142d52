//! What happens to pictures and clips on their way: saved again, made smaller, cropped, turned,
//! blurred, sent by messenger.
//!
//! The decision that shapes it: one family for everything. Networks learn to bear what figures
//! measure and what `assay data perturb` does, by the same code, so that "JPEG 75" is one thing in
//! all of them. One file each; a chain of them is written `scale:0.5,jpeg:75` ([`Chain::parse`]).
//! What is done follows from the level and the random numbers handed in, never from a clock or a
//! thread.
mod canvas;
mod chain;
mod clip;
mod spec;

use std::path::Path;

use image::RgbImage;

pub use canvas::{Canvas, from_image, to_image};
pub use chain::{Chain, Step};
pub use spec::Level;

use crate::rng::Rng;

/// Lists the perturbations: each id is a file beside this one with a static `THE`.
macro_rules! perturbations {
    ($($id:ident),* $(,)?) => {
        $(pub mod $id;)*
        /// Every perturbation, in the order in which they are listed.
        pub static PERTURBATIONS: &[&dyn Perturbation] = &[$(&$id::THE),*];
    };
}

perturbations! {
    jpeg,
    h264_crf,
    h264_bitrate,
    scale,
    crop,
    rotation,
    blur,
    noise,
    light,
    messenger,
}

/// The perturbation of this id.
pub fn find(id: &str) -> Option<&'static dyn Perturbation> {
    PERTURBATIONS.iter().copied().find(|it| it.about().id == id)
}

/// What a perturbation is.
#[derive(Debug)]
pub struct About {
    /// As in a chain.
    pub id: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// What the level says.
    pub level: Number,
    /// Levels for curves, from little to much.
    pub levels: &'static [f64],
    /// What can be said beside the level.
    pub options: &'static [Choice],
    /// How it is done to a still.
    pub stills: Stills,
    /// How it is done to a clip.
    pub clips: Clips,
}

/// A number in a chain.
#[derive(Debug)]
pub struct Number {
    /// In words.
    pub name: &'static str,
    /// Its unit, in words; empty for a plain number.
    pub unit: &'static str,
    /// The least that makes sense.
    pub least: f64,
    /// The most that makes sense.
    pub most: f64,
}

/// An option in a chain, written `name=value`.
#[derive(Debug)]
pub enum Choice {
    /// One of some words; the first where it is left out.
    Word {
        /// As in a chain.
        name: &'static str,
        /// What it can be.
        words: &'static [&'static str],
    },
    /// A number.
    Number {
        /// As in a chain.
        name: &'static str,
        /// What it can be.
        range: Number,
        /// Where it is left out.
        usual: f64,
    },
}

/// How a perturbation is done to a still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stills {
    /// Not at all.
    Never,
    /// The pixels are changed.
    Changed,
    /// The file is saved; its pixels are what is read back.
    Saved,
}

/// How a perturbation is done to a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clips {
    /// Not at all.
    Never,
    /// Frame by frame, every frame with the same random numbers.
    ByFrame,
    /// Frame by frame, every frame with its own random numbers.
    ByFrameAnew,
    /// To the file, by its own encoder.
    ByFile,
}

/// Something that happens to pictures or clips.
pub trait Perturbation: Sync {
    /// What it is.
    fn about(&self) -> &'static About;

    /// A still, or a frame, changed.
    ///
    /// # Errors
    /// When it cannot be done to stills or to a picture of this size.
    fn still(&self, picture: &RgbImage, level: &Level, rng: &mut Rng) -> anyhow::Result<RgbImage> {
        let _ = (picture, level, rng);
        anyhow::bail!("{} is for clips, not for stills", self.about().id)
    }

    /// The JPEG file that a still becomes; for [`Stills::Saved`].
    ///
    /// # Errors
    /// When the picture's size does not fit.
    fn saved(&self, picture: &RgbImage, level: &Level, rng: &mut Rng) -> anyhow::Result<Vec<u8>> {
        let _ = (picture, level, rng);
        anyhow::bail!("{} does not save stills", self.about().id)
    }

    /// A clip written anew as MP4 without its sound; for [`Clips::ByFile`].
    ///
    /// # Errors
    /// When it cannot be done to clips, or ffmpeg is missing or fails.
    fn clip(&self, from: &Path, to: &Path, level: &Level, rng: &mut Rng) -> anyhow::Result<()> {
        let _ = (from, to, level, rng);
        anyhow::bail!("{} is for stills, not for clips", self.about().id)
    }

    /// The bit rate in kbit/s at which a clip's sound is encoded anew, where it is.
    fn sound_kbps(&self, level: &Level) -> Option<u32> {
        let _ = level;
        None
    }
}

#[cfg(test)]
mod tests;
