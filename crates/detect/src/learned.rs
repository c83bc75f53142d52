//! A detector that asks a network of [`assay_models::face_forgery`] about a crop of a face.
//!
//! The decision that shapes it: whatever a network of this architecture has learned, it is asked
//! alike and answers a logit, the blend mask and a class activation map; a detector's file says
//! which of the maps mean something.
use assay_evidence::NetworkInfo;
use assay_models::face_forgery::{self, Opened};

use crate::detector::info;
use crate::{About, DetectError, Detector, Given, Input, Judgement, Weights};

/// Name of the map of what was blended in: shares 0..=1.
pub(crate) const BLEND_MASK: &str = "blend_mask";
/// Name of the map of what each place adds to the logit.
pub(crate) const CLASS_ACTIVATION: &str = "class_activation";

struct Learned {
    about: About,
    opened: Opened,
}

/// Opens a detector of this description, with these shipped weights where nothing else is said.
pub(crate) fn open(about: &About, shipped: &[&str], weights: &Weights) -> Result<Box<dyn Detector>, DetectError> {
    let opened = match weights {
        Weights::Shipped => Opened::shipped(shipped),
        Weights::Mean(weighted) => Opened::mean(weighted),
    };
    Ok(self::opened(about, opened.map_err(|source| DetectError::Weights { id: about.id, source })?))
}

/// A detector of this description with this network.
pub(crate) fn opened(about: &About, opened: Opened) -> Box<dyn Detector> {
    Box::new(Learned { about: About { input: Input::FaceCrop(opened.crop), ..*about }, opened })
}

impl Detector for Learned {
    fn about(&self) -> &About {
        &self.about
    }

    fn weights(&self) -> Vec<NetworkInfo> {
        self.opened.entries.iter().map(info).collect()
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, DetectError> {
        let id = self.about.id;
        let face = given.face().filter(|face| face.crop.crop == self.opened.crop);
        let face = face.ok_or_else(|| DetectError::misused(id, "it was not given the crop that its weights want"))?;
        let found = self.opened.network.judge_planes(face.crop.planes().to_vec(), 1).pop();
        let face_forgery::Judgement { logit, map, places, .. } =
            found.ok_or_else(|| DetectError::misused(id, "its network gave no answer"))?;
        let mut maps = vec![(BLEND_MASK, map), (CLASS_ACTIVATION, places)];
        maps.retain(|(name, _)| self.about.maps.iter().any(|m| m.name == *name));
        Ok(Judgement { logit, maps })
    }
}
