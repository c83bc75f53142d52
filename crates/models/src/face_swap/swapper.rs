//! The autoencoder ready to swap faces: 8-bit pixels in, 8-bit pixels and a mask out.
use burn::tensor::Device;

use super::config::Config;
use super::network::{FaceSwap, Person};
use crate::first_order::{picture, unit_tensor};
use crate::layers::Fold as _;
use crate::registry::{Entry, Loaded};
use crate::rgb::{OwnedRgb, Rgb};
use crate::state::{self, floats};
use crate::{Kind, ModelError};

/// The network with weights of one entry.
pub struct Swapper {
    entry: Entry,
    net: FaceSwap,
    side: usize,
    device: Device,
}

/// One made face.
pub struct Made {
    /// The face, square.
    pub picture: OwnedRgb,
    /// What of it is face, row-major, 0 to 1; `None` for a network without such a head.
    pub mask: Option<Vec<f32>>,
}

impl Swapper {
    /// The network of these weights.
    ///
    /// # Errors
    /// [`ModelError`] where they are another network's, or do not fit.
    pub fn open(loaded: Loaded) -> Result<Self, ModelError> {
        let Loaded { entry, tensors } = loaded;
        if entry.kind != Kind::FaceSwap {
            let reason = format!("{} is a {}, and a swap needs a {}", entry.id, entry.kind, Kind::FaceSwap);
            return Err(ModelError::WrongNetwork { path: entry.id.into(), reason });
        }
        let odd = |what: String| ModelError::Registry(format!("the widths of {} are none: {what}", entry.id));
        let config: Config =
            entry.widths.clone().try_into().map_err(|e: toml::de::Error| odd(e.message().to_owned()))?;
        config.check().map_err(odd)?;
        let device = Device::default();
        let net = state::load(config.init(&device), &tensors, "").map_err(|found| ModelError::Misfit {
            path: entry.id.clone().into(),
            kind: entry.kind,
            found: Box::new(found.0),
        })?;
        Ok(Self { net: net.fold(), side: config.side, device, entry })
    }

    /// What is known of the weights.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Side of the square faces that it takes and gives, in pixels.
    pub fn side(&self) -> usize {
        self.side
    }

    /// A face as a face of `person`; any size, brought to [`Swapper::side`]. The crop must be the
    /// one that the weights' entry names.
    pub fn swap(&self, face: &Rgb<'_>, person: Person) -> Made {
        let made = self.net.forward(unit_tensor(face, self.side, &self.device), person);
        Made { picture: picture(&floats(made.picture), self.side), mask: made.mask.map(floats) }
    }
}
