//! The network with the weights that it was opened with: one file, or the mean of several.
//!
//! The decision that shapes it: how a network wants the face belongs to the entry of its weights,
//! so a caller cuts what [`Opened::crop`] says. Several files are asked as one network ([`Soup`]).
use std::path::Path;

use burn::tensor::Device;

use super::{Config, FaceForgery, JUDGED_MARGIN, JUDGED_SIDE};
use crate::blocks::Form;
use crate::layers::Fold as _;
use crate::registry::{Entry, Loaded};
use crate::soup::{Soup, trained};
use crate::{Kind, ModelError};

/// Kinds of weights that this architecture is opened with, besides windows of frames.
const KINDS: [Kind; 3] = [Kind::FaceForgery, Kind::FaceSynthesis, Kind::FaceReenactment];

/// A square crop around a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    /// Its side in pixels.
    pub side: usize,
    /// Its side over the longer side of the tight box around the mesh.
    pub margin: f32,
}

impl Default for Crop {
    fn default() -> Self {
        Self { side: JUDGED_SIDE, margin: JUDGED_MARGIN }
    }
}

impl Crop {
    /// As an entry says it. The side is a multiple of what the network divides it by.
    ///
    /// # Errors
    /// [`ModelError::Registry`] where no network here is given such a crop.
    pub fn of(entry: &Entry) -> Result<Self, ModelError> {
        let input = &entry.input;
        let margin = input.crop.strip_prefix("square-").and_then(|factor| factor.parse::<f32>().ok());
        let fits = input.width == input.height && input.width.is_multiple_of(16) && (64..=512).contains(&input.width);
        let refused = || {
            let (width, height) = (input.width, input.height);
            ModelError::Registry(format!(
                "{}: crops {} of {width} x {height} pixels do not fit its network",
                entry.id, input.crop
            ))
        };
        let margin = margin.filter(|m| fits && (0.5..=4.0).contains(m)).ok_or_else(refused)?;
        Ok(Self { side: input.width as usize, margin })
    }
}

/// A network, folded and ready to be asked.
pub struct Opened {
    /// The network.
    pub network: FaceForgery,
    /// What is known of the files whose mean its weights are.
    pub entries: Vec<Entry>,
    /// How it wants the face.
    pub crop: Crop,
}

impl Opened {
    /// The mean of weights that are part of the program, by id. Their hashes are computed again.
    ///
    /// # Errors
    /// [`ModelError`] where one is no part of this build or of another family than the first.
    pub fn shipped(ids: &[&str]) -> Result<Self, ModelError> {
        Self::of(Soup::shipped(ids)?)
    }

    /// The weighted mean of weights: shipped ones by id, or files as `assay train detector` writes
    /// them. They must have been trained from one place; alone, any will do.
    ///
    /// # Errors
    /// [`ModelError`] where one cannot be opened, is no network of this kind, or wants another crop
    /// than the first.
    pub fn mean(weighted: &[(String, f32)]) -> Result<Self, ModelError> {
        Self::of(Soup::mean(weighted, &KINDS)?)
    }

    /// One file of weights, as [`Opened::mean`] takes them.
    ///
    /// # Errors
    /// As [`Opened::mean`].
    pub fn open(id_or_path: &str) -> Result<Self, ModelError> {
        Self::mean(&[(id_or_path.to_owned(), 1.0)])
    }

    /// The network of these weights.
    ///
    /// # Errors
    /// [`ModelError`] where they are no network of this kind, or want a crop that none is given.
    pub fn of(soup: Soup) -> Result<Self, ModelError> {
        let Soup { entries, first, tensors } = soup;
        let crop = Crop::of(&first)?;
        Ok(Self { network: network(&Loaded { entry: first, tensors })?, entries, crop })
    }
}

/// A network on windows of frames, as `assay train detector --recipe temporal` writes it.
///
/// # Errors
/// [`ModelError`] where the file cannot be opened or is another network's.
pub fn open_temporal(path: &Path) -> Result<FaceForgery, ModelError> {
    network(&trained(path, &[Kind::FaceTemporal])?)
}

/// The folded network, of whichever kind.
fn network(loaded: &Loaded) -> Result<FaceForgery, ModelError> {
    let widths = &loaded.entry.widths;
    let config = if loaded.entry.kind == Kind::FaceReenactment && !widths.is_empty() {
        let none = |e: toml::de::Error| format!("the widths of {} cannot be read: {}", loaded.entry.id, e.message());
        widths.clone().try_into().map_err(|e| ModelError::Registry(none(e)))?
    } else {
        Config::default()
    };
    Ok(loaded.module(config.init(Form::Folded, &Device::default()), "")?.fold())
}

#[cfg(test)]
mod tests {
    use super::super::Input;
    use super::*;

    #[test]
    fn a_mean_lies_between_its_weights() {
        let crop: Vec<[f32; 3]> =
            (0..160 * 160).map(|i| [(i * i / 977 % 251) as f32, (i % 249) as f32, 90.0]).collect();
        let [first, second] = ["face-forgery-sbi-1", "face-forgery-pairs-1"];
        let judge = |opened: &Opened| opened.network.judge(&[&crop], Input::default())[0].logit;
        let logit = |shares: [f32; 2]| {
            let opened = Opened::mean(&[(first.into(), shares[0]), (second.into(), shares[1])]).unwrap();
            assert_eq!(opened.entries.len(), 2);
            judge(&opened)
        };
        let (a, b) = (judge(&Opened::open(first).unwrap()), judge(&Opened::open(second).unwrap()));
        assert!((logit([1.0, 0.0]) - a).abs() < 1e-3 && (logit([0.0, 2.0]) - b).abs() < 1e-3);
        let (low, high) = (a.min(b) - 0.5, a.max(b) + 0.5);
        assert!((low..high).contains(&logit([1.0, 3.0])), "{a} {b} {}", logit([1.0, 3.0]));
        let shipped = Opened::shipped(&[first, second]).unwrap();
        assert!((judge(&shipped) - logit([1.0, 1.0])).abs() < 1e-6);
    }

    #[test]
    fn weights_of_other_families_crops_and_kinds_are_refused() {
        let refused = |found: Result<Opened, ModelError>| found.err().unwrap().to_string();
        assert!(refused(Opened::shipped(&["face-forgery-sbi-1", "face-synthesis-1"])).contains("no network"));
        let mixed = [("face-forgery-sbi-1".to_owned(), 1.0), ("face-synthesis-1".to_owned(), 1.0)];
        assert!(refused(Opened::mean(&mixed)).contains("another crop"));
        assert!(refused(Opened::open("face-mesh-1")).contains("face-mesh-1 is a face-mesh"));
        assert!(refused(Opened::shipped(&[])).contains("no weights"));
        assert!(Opened::open("no/such/file").is_err() && Opened::shipped(&["face-forgery-0"]).is_err());
        let mut entry = Entry::unstated("x", Kind::FaceForgery);
        assert_eq!(Crop::of(&entry).unwrap(), Crop::default());
        entry.input.width = 100;
        assert!(Crop::of(&entry).is_err());
        entry.input = crate::contract::InputContract { crop: "whole-frame".into(), ..entry.input };
        assert!(Crop::of(&entry).is_err());
    }
}
