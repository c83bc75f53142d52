//! A detector that asks CLIP's image tower with layer normalisations of its own about a crop of a
//! face.
//!
//! The decision that shapes it: the base is opened once for all questions; a detector's file names
//! the weights that it has on top, and answers a logit and a map of patches.
use assay_evidence::NetworkInfo;
use assay_models::ModelError;
use assay_models::clip::Opened;
use assay_models::face_forgery::Crop;
use assay_models::registry::Entry;
use assay_models::soup::Soup;

use crate::detector::info;
use crate::learned::{BLEND_MASK, CLASS_ACTIVATION};
use crate::{About, DetectError, Detector, Given, Input, Judgement};

struct Tuned {
    about: About,
    opened: Opened,
    crop: Crop,
    entries: Vec<Entry>,
}

/// Of the frames of a clip that are looked at, those at which it is asked: two a second.
const EVERY: usize = 3;

/// A detector of this description with these weights.
pub(crate) fn opened(about: &About, soup: Soup) -> Result<Box<dyn Detector>, ModelError> {
    let (opened, crop) = (Opened::new(&soup)?, Crop::of(&soup.first)?);
    let about = About { input: Input::FaceCrop(crop), every: EVERY, ..*about };
    Ok(Box::new(Tuned { about, opened, crop, entries: soup.entries }))
}

impl Detector for Tuned {
    fn about(&self) -> &About {
        &self.about
    }

    fn weights(&self) -> Vec<NetworkInfo> {
        self.entries.iter().map(info).collect()
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, DetectError> {
        let id = self.about.id;
        let face = given.face().filter(|face| face.crop.crop == self.crop);
        let face = face.ok_or_else(|| DetectError::misused(id, "it was not given the crop that its weights want"))?;
        let pixels: Vec<[f32; 3]> = face.crop.picture.pixels().map(|p| p.0.map(f32::from)).collect();
        let answer = self.opened.judge_one(&pixels);
        let map = answer.map.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
        let mut maps = vec![(BLEND_MASK, map), (CLASS_ACTIVATION, answer.places)];
        maps.retain(|(name, _)| self.about.maps.iter().any(|m| m.name == *name));
        Ok(Judgement { logit: answer.logit, maps })
    }
}
