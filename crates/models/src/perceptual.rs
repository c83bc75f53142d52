//! How different two pictures look to networks that know faces (perceptual loss, Johnson, Alahi and
//! Fei-Fei 2016; as a pyramid over sizes, Siarohin et al. 2019).
//!
//! The decision that shapes it: the published loss asks VGG-19, which is not part of the program,
//! so unless the user has imported it the features are those of this project's own mesh and
//! identity networks: where the parts of a face are, and whose face it is. Of these each map is
//! compared relative to its own mean size, so no weight depends on how a network happens to be
//! scaled; VGG-19's maps are compared as published.
use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::blocks::Form;
use crate::face_embedding::{self, FaceEmbedding};
use crate::face_mesh::{self, FaceMesh};
use crate::layers::AntiAlias;
use crate::registry::{Loaded, Registry};
use crate::state::{self, Mismatch};
use crate::vgg::{Vgg19, Vgg19Config};
use crate::{Kind, ModelError};

/// The networks that are asked. Their parameters are not trained.
#[derive(Debug, Clone)]
pub struct Features {
    mesh: FaceMesh,
    embedding: FaceEmbedding,
}

/// VGG-19 on a pyramid of sizes, as First Order Motion Model is trained with it.
#[derive(Debug, Clone)]
pub struct Published {
    net: Vgg19,
    sizes: Vec<AntiAlias>,
}

/// The published weight of every map.
const WEIGHT: f32 = 10.0;
/// The published sizes below the picture's own.
const SIZES: [f64; 3] = [0.5, 0.25, 0.125];

impl Published {
    /// The user's VGG-19, and the id of its weights; `None` where none was imported.
    ///
    /// # Errors
    /// [`ModelError`] where the user's folder cannot be read or the weights are damaged.
    pub fn imported(device: &Device) -> Result<Option<(Self, String)>, ModelError> {
        let registry = Registry::of_user()?;
        let all = registry.list()?;
        let Some(listed) = all.iter().find(|listed| listed.entry.kind == Kind::Vgg19) else { return Ok(None) };
        let id = listed.entry.id.clone();
        Ok(Some((Self::with(&registry.load(listed)?, device)?, id)))
    }

    /// The features of these weights; a classifier among them is left alone.
    ///
    /// # Errors
    /// [`ModelError::Misfit`] where a layer is missing.
    pub fn with(loaded: &Loaded, device: &Device) -> Result<Self, ModelError> {
        let (net, mut found) = state::load_partly(Vgg19Config { classifier: false }.init(device), &loaded.tensors, "");
        found.unused.retain(|name| !name.starts_with("classifier."));
        if !found.is_complete() {
            let path = loaded.entry.id.clone().into();
            return Err(ModelError::Misfit { path, kind: Kind::Vgg19, found: Box::new(found) });
        }
        let sizes = SIZES.map(|scale| AntiAlias::init(3, scale, device)).into();
        Ok(Self { net: net.no_grad(), sizes })
    }

    /// Ten times the mean difference of every map, summed over maps and sizes (First Order Motion
    /// Model, equation 7). Sizes at which the last map would be empty do not count.
    ///
    /// # Shapes
    /// - `real`, `made`: `[n, 3, h, w]` in [0, 1]; output: `[1]`
    pub fn difference(&self, real: &Tensor<4>, made: &Tensor<4>) -> Tensor<1> {
        let mut sum = Tensor::zeros([1], &made.device());
        let smaller = self.sizes.iter().map(|size| [real, made].map(|x| size.forward(x.clone())));
        for [real, made] in std::iter::once([real.clone(), made.clone()]).chain(smaller) {
            let [_, _, h, w] = real.dims();
            if h < 16 || w < 16 {
                break;
            }
            let wanted = self.net.maps(real).into_iter().map(Tensor::detach);
            for (wanted, found) in wanted.zip(self.net.maps(made)) {
                sum = sum + (wanted - found).abs().mean() * WEIGHT;
            }
        }
        sum
    }
}

/// Smallest side of a picture that the networks can take.
const LEAST_SIDE: usize = 32;

impl Features {
    /// The shipped weights, on a device that may record gradients.
    ///
    /// # Errors
    /// [`ModelError`] where an embedded file does not fit its network; a test keeps that from
    /// happening.
    pub fn shipped(device: &Device) -> Result<Self, ModelError> {
        let mesh = face_mesh::Config::default().init(Form::Folded, device);
        let embedding = face_embedding::Config::default().init(Form::Folded, device);
        Ok(Self { mesh: filled(mesh, Kind::FaceMesh)?, embedding: filled(embedding, Kind::FaceEmbedding)? })
    }

    /// Mean relative difference of every map of both networks, summed over maps and over `halvings`
    /// sizes of the picture, the first as it is.
    ///
    /// # Shapes
    /// - `real`, `made`: `[n, 3, h, w]` in [0, 1], sides divisible by 32 at every size that counts;
    ///   output: `[1]`
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
    use crate::registry::Entry;
    use crate::state::floats;

    #[test]
    fn vgg_is_taken_with_its_classifier_or_without_and_compares_as_published() {
        let device = Device::default();
        let net = Vgg19Config { classifier: false }.init(&device);
        let tensors = state::collect(&net);
        let loaded = Loaded { entry: Entry::unstated("vgg19.pth", Kind::Vgg19), tensors };
        let published = Published::with(&loaded, &device).unwrap();
        let real = Tensor::<4>::random([1, 3, 32, 32], Distribution::Uniform(0.0, 1.0), &device);
        let made = real.clone() * 0.8 + 0.1;
        let half = AntiAlias::init(3, 0.5, &device);
        let by_hand = [(real.clone(), made.clone()), (half.forward(real.clone()), half.forward(made.clone()))]
            .into_iter()
            .flat_map(|(a, b)| net.maps(a).into_iter().zip(net.maps(b)))
            .map(|(a, b)| floats((a - b).abs().mean())[0] * 10.0)
            .sum::<f32>();
        let found = floats(published.difference(&real, &made))[0];
        assert!(by_hand > 0.0 && (found - by_hand).abs() < 1e-3 * by_hand, "{found} {by_hand}");
        let mut broken = loaded;
        broken.tensors.remove("features.21.bias");
        let error = Published::with(&broken, &device).unwrap_err();
        assert!(matches!(error, ModelError::Misfit { .. }), "{error}");
    }

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
