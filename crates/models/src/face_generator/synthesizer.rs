//! The trained generator ready to make pictures: a seed in, 8-bit pixels out.
//!
//! The decision that shapes it: a face follows from weights, seed and number alone, on every
//! machine, so the draws are made here from a hash and not by a library's generator whose sequence
//! may change. No caller sees a tensor.
use std::f64::consts::TAU;

use burn::tensor::{Device, Tensor, TensorData};
use sha2::{Digest as _, Sha256};

use super::{Config, FaceGenerator};
use crate::blocks::Form;
use crate::first_order::picture;
use crate::layers::Fold as _;
use crate::registry::{Entry, Loaded};
use crate::rgb::OwnedRgb;
use crate::state::{self, floats};
use crate::{Kind, ModelError};

/// A generator with weights of one entry.
pub struct Synthesizer {
    entry: Entry,
    config: Config,
    network: FaceGenerator,
    device: Device,
}

impl Synthesizer {
    /// The network of these weights.
    ///
    /// # Errors
    /// [`ModelError`] where they are another network's, or do not fit.
    pub fn open(loaded: Loaded) -> Result<Self, ModelError> {
        let Loaded { entry, tensors } = loaded;
        if entry.kind != Kind::FaceGenerator {
            let reason = format!("{} is a {}, and synthesis needs a {}", entry.id, entry.kind, Kind::FaceGenerator);
            return Err(ModelError::WrongNetwork { path: entry.id.into(), reason });
        }
        let none = |reason: String| ModelError::Registry(format!("the widths of {} are none: {reason}", entry.id));
        let config: Config =
            entry.widths.clone().try_into().map_err(|e: toml::de::Error| none(e.message().to_owned()))?;
        if !config.is_possible() {
            return Err(none(format!("a side of {} pixels", config.side)));
        }
        let device = Device::default();
        let network = state::load(config.init(Form::Folded, &device), &tensors, "").map_err(|found| {
            ModelError::Misfit { path: entry.id.clone().into(), kind: entry.kind, found: Box::new(found.0) }
        })?;
        Ok(Self { network: network.fold(), config, device, entry })
    }

    /// What is known of the weights.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Size and layout.
    pub fn config(&self) -> Config {
        self.config
    }

    /// The face of this number under a seed. Its vector is drawn from a Gaussian and multiplied by
    /// `truncation`: below 1 faces are nearer to the mean face.
    pub fn make(&self, seed: u64, number: u64, truncation: f32) -> OwnedRgb {
        let drawn: Vec<f32> = latent(seed, number, self.config.latent).iter().map(|v| v * truncation).collect();
        let z = Tensor::<2>::from_data(TensorData::new(drawn, [1, self.config.latent]), &self.device);
        picture(&floats(self.network.forward(z)), self.config.side)
    }
}

/// Standard normal numbers that follow from seed and number alone (Box and Muller 1958, on
/// SHA-256).
pub fn latent(seed: u64, number: u64, length: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(length + 4);
    for block in 0u64.. {
        if out.len() >= length {
            break;
        }
        let text = [seed.to_le_bytes(), number.to_le_bytes(), block.to_le_bytes()].concat();
        let digest = Sha256::digest(&text);
        let units: Vec<f64> = digest
            .as_chunks::<8>()
            .0
            .iter()
            .map(|b| ((u64::from_le_bytes(*b) >> 11) as f64 + 0.5) / (1u64 << 53) as f64)
            .collect();
        for pair in units.as_chunks::<2>().0 {
            let radius = (-2.0 * pair[0].ln()).sqrt();
            let (sin, cos) = (TAU * pair[1]).sin_cos();
            out.extend([(radius * cos) as f32, (radius * sin) as f32]);
        }
    }
    out.truncate(length);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Entry;
    use crate::state::collect;

    fn loaded() -> Loaded {
        let config = Config { latent: 5, ..Config::default() };
        let mut entry = Entry::unstated("drawn", Kind::FaceGenerator);
        entry.widths = toml::Table::try_from(config).unwrap();
        Loaded { entry, tensors: collect(&config.init(Form::Folded, &Device::default())) }
    }

    #[test]
    fn a_face_follows_from_seed_and_number() {
        // Drawn weights make faces that differ by less than a grey level.
        let made = Synthesizer::open(crate::registry::Registry::shipped(Kind::FaceGenerator).unwrap()).unwrap();
        let again = made.make(1, 2, 0.8).pixels;
        assert_eq!(again.len(), 64 * 64 * 3);
        assert_eq!(again, made.make(1, 2, 0.8).pixels);
        assert_ne!(again, made.make(1, 3, 0.8).pixels);
        assert_ne!(again, made.make(2, 2, 0.8).pixels);
        assert_eq!(made.make(1, 2, 0.0).pixels, made.make(7, 9, 0.0).pixels, "the mean face");
    }

    #[test]
    fn draws_are_standard_normal_and_never_change() {
        let all: Vec<f32> = (0..200).flat_map(|n| latent(5, n, 97)).collect();
        let mean = all.iter().sum::<f32>() / all.len() as f32;
        let variance = all.iter().map(|v| v * v).sum::<f32>() / all.len() as f32;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        assert_eq!(latent(5, 3, 40)[..7], latent(5, 3, 7)[..]);
    }

    #[test]
    fn weights_of_another_network_are_refused_by_name() {
        let mut other = loaded();
        other.entry.kind = Kind::FaceMesh;
        let error = Synthesizer::open(other).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("face-generator") && error.contains("drawn"), "{error}");
        let mut torn = loaded();
        torn.tensors.remove("pixels.weight");
        assert!(Synthesizer::open(torn).is_err());
    }
}
