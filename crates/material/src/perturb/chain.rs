//! Several perturbations in a row.
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use image::RgbImage;

use super::{Clips, Level, PERTURBATIONS, Perturbation, Stills, clip, find};
use crate::rng::Rng;
use crate::saving::{png_bytes, write_whole};

/// One perturbation with its level.
#[derive(Clone)]
pub struct Step {
    /// What is done.
    pub what: &'static dyn Perturbation,
    /// How much of it.
    pub level: Level,
}

/// Perturbations in the order in which they are done. An empty chain changes nothing.
#[derive(Clone, Default)]
pub struct Chain {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Chain {
    /// Reads a chain: steps with commas between them, each `ID:LEVEL` and any `:NAME=VALUE` after
    /// it.
    ///
    /// # Errors
    /// When a perturbation or option is not known, or a number is missing or out of range; the
    /// message says what is.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut steps = Vec::new();
        if text.trim().is_empty() {
            return Ok(Self { steps });
        }
        for step in text.split(',').map(str::trim) {
            ensure!(!step.is_empty(), "`{text}` has a comma without a perturbation beside it");
            let parts: Vec<&str> = step.split(':').collect();
            let Some(what) = find(parts[0]) else {
                let ids: Vec<&str> = PERTURBATIONS.iter().map(|it| it.about().id).collect();
                bail!("there is no perturbation `{}`; there are {}", parts[0], ids.join(", "))
            };
            steps.push(Step { what, level: Level::parse(what.about(), &parts[1..])? });
        }
        Ok(Self { steps })
    }

    /// A still after all steps.
    ///
    /// # Errors
    /// When a step is not for stills, or not for one of this size.
    pub fn still(&self, picture: &RgbImage, rng: &mut Rng) -> anyhow::Result<RgbImage> {
        let mut picture = picture.clone();
        for step in &self.steps {
            picture = step.what.still(&picture, &step.level, rng)?;
        }
        Ok(picture)
    }

    /// The bytes of a still's file after all steps, and the ending of its name: `jpg` where the
    /// last step saves so, else `png`, which changes nothing more.
    ///
    /// # Errors
    /// As [`Self::still`].
    pub fn still_file(&self, picture: &RgbImage, rng: &mut Rng) -> anyhow::Result<(Vec<u8>, &'static str)> {
        let Some((last, before)) = self.steps.split_last() else { return Ok((png_bytes(picture)?, "png")) };
        let picture = Self { steps: before.to_vec() }.still(picture, rng)?;
        if last.what.about().stills == Stills::Saved {
            return Ok((last.what.saved(&picture, &last.level, rng)?, "jpg"));
        }
        Ok((png_bytes(&last.what.still(&picture, &last.level, rng)?)?, "png"))
    }

    /// The ending of the name of a still's file.
    pub fn still_ending(&self) -> &'static str {
        let saves = self.steps.last().is_some_and(|step| step.what.about().stills == Stills::Saved);
        if saves { "jpg" } else { "png" }
    }

    /// A clip after all steps, as H.264 in MP4; with its sound, or without. Where the last step is
    /// none that encodes, frames are saved nearly without loss (CRF 10).
    ///
    /// # Errors
    /// When a step is not for clips, or ffmpeg is missing or fails.
    pub fn clip(&self, from: &Path, to: &Path, with_sound: bool, rng: &mut Rng) -> anyhow::Result<()> {
        for step in &self.steps {
            let about = step.what.about();
            ensure!(about.clips != Clips::Never, "{} is for stills, not for clips", about.id);
        }
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let mut at = from.to_owned();
        let is_by_file = |step: &Step| step.what.about().clips == Clips::ByFile;
        let groups: Vec<&[Step]> = self.steps.chunk_by(|a, b| !is_by_file(a) && !is_by_file(b)).collect();
        for (place, group) in groups.iter().enumerate() {
            let next = folder.path().join(format!("{place}.mp4"));
            match group {
                [step] if is_by_file(step) => step.what.clip(&at, &next, &step.level, rng)?,
                steps => {
                    let is_last = place + 1 == groups.len();
                    clip::by_frame(&at, &next, is_last, |frame, every, own| frames(steps, frame, every, own), rng)?;
                }
            }
            at = next;
        }
        if groups.is_empty() {
            let next = folder.path().join("same.mp4");
            clip::by_frame(&at, &next, true, |frame, _, _| Ok(frame), rng)?;
            at = next;
        }
        if with_sound {
            let kbps = self.steps.iter().filter_map(|step| step.what.sound_kbps(&step.level)).next_back();
            let next = folder.path().join("sound.mp4");
            if clip::with_sound(&at, from, &next, kbps)? {
                at = next;
            }
        }
        let bytes = std::fs::read(&at).with_context(|| format!("nothing came of {}", from.display()))?;
        write_whole(to, &bytes)
    }
}

/// One frame through steps that are done frame by frame: by the random numbers of the whole clip,
/// or by its own.
fn frames(steps: &[Step], frame: RgbImage, every: &Rng, own: &mut Rng) -> anyhow::Result<RgbImage> {
    let (mut frame, mut every) = (frame, every.clone());
    for step in steps {
        let rng = if step.what.about().clips == Clips::ByFrameAnew { &mut *own } else { &mut every };
        frame = step.what.still(&frame, &step.level, rng)?;
    }
    Ok(frame)
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<String> = self.steps.iter().map(|step| step.level.written(step.what.about())).collect();
        f.write_str(&steps.join(","))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({self})")
    }
}
