//! How different two pictures look to networks that know faces (perceptual loss, Johnson, Alahi and Fei-Fei 2016; as a pyramid over sizes, Siarohin et al. 2019).
//!
//! The decision that shapes it: the published loss asks VGG-19, which nobody may ship here, so the features are those of this project's own mesh and
//! identity networks: where the parts of a face are, and whose face it is. Each map is compared relative to its own mean size, so no weight
//! depends on how a network happens to be scaled.
use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::blocks::Form;
use crate::face_embedding::{self, FaceEmbedding};
use crate::face_mesh::{self, FaceMesh};
use crate::registry::{Loaded, Registry};
use crate::state::{self, Mismatch};
use crate::{Kind, ModelError};

/// The networks that are asked. Their parameters are not trained.
#[derive(Debug, Clone)]
pub struct Features {
    mesh: FaceMesh,
    embedding: FaceEmbedding,
}

/// Smallest side of a picture that the networks can take.
const LEAST_SIDE: usize = 32;

impl Features {
    /// The shipped weights, on a device that may record gradients.
    ///
    /// # Errors
    /// [`ModelError`] where an embedded file does not fit its network; a test keeps that from happening.
    pub fn shipped(device: &Device) -> Result<Self, ModelError> {
        let mesh = face_mesh::Config::default().init(Form::Folded, device);
        let embedding = face_embedding::Config::default().init(Form::Folded, device);
        Ok(Self { mesh: filled(mesh, Kind::FaceMesh)?, embedding: filled(embedding, Kind::FaceEmbedding)? })
    }

    /// Mean relative difference of every map of both networks, summed over maps and over `halvings` sizes of the picture, the first as it is.
    ///
    /// # Shapes
    /// - `real`, `made`: `[n, 3, h, w]` in [0, 1], sides divisible by 32 at every size that counts; output: `[1]`
    pub fn difference(&self, real: &Tensor<4>, made: &Tensor<4>, halvings: usize) -> Tensor<1> {
        let mut sum = Tensor::zeros([1], &made.device());
        let (mut real, mut made) = (real.clone(), made.clone());
        for level in 0..halvings {
            if level > 0 {
                (real, made) = (halved(real), halved(made));
            }
            let [_, _, h, w] = real.dims();
            if !(h.is_multiple_of(LEAST_SIDE) && w.is_multiple_of(LEAST_SIDE)) {
                break;
            }
            let wanted = self.of(real.clone() * 2.0 - 1.0).into_iter().map(Tensor::detach);
            for (wanted, found) in wanted.zip(self.of(made.clone() * 2.0 - 1.0)) {
                let size = wanted.clone().abs().mean() + 1e-4;
                sum = sum + (wanted - found).abs().mean() / size;
            }
        }
        sum
    }

    fn of(&self, picture: Tensor<4>) -> Vec<Tensor<4>> {
        let mut all = self.mesh.features(picture.clone());
        all.extend(self.embedding.features(picture));
        all
    }
}

/// The mean of every 2 x 2 pixels, with a gradient.
fn halved(x: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let x: Tensor<6> = x.reshape([n, c, h / 2, 2, w / 2, 2]);
    x.mean_dim(5).mean_dim(3).reshape([n, c, h / 2, w / 2])
}

fn filled<M: Module>(module: M, kind: Kind) -> Result<M, ModelError> {
    let Loaded { entry, tensors } = Registry::shipped(kind)?;
    let misfit = |Mismatch(found)| ModelError::Misfit { path: entry.file.clone().into(), kind, found: Box::new(found) };
    Ok(state::load(module, &tensors, "").map_err(misfit)?.no_grad())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;
    use crate::state::floats;

    #[test]
    fn the_same_picture_differs_in_nothing_and_noise_has_a_gradient() {
        let device = Device::default().autodiff();
        let features = Features::shipped(&device).unwrap();
        let picture = Tensor::<4>::random([1, 3, 64, 64], Distribution::Uniform(0.0, 1.0), &device);
        assert!(floats(features.difference(&picture, &picture, 2))[0].abs() < 1e-6);
        let noisy = (picture.clone() * 0.8 + 0.1).require_grad();
        let loss = features.difference(&picture, &noisy, 2);
        assert!(floats(loss.clone())[0] > 0.01);
        let gradient = noisy.grad(&loss.backward()).unwrap();
        assert!(gradient.abs().max().into_scalar::<f32>() > 0.0);
    }
}
