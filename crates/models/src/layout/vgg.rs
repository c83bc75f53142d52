//! Whether a VGG-19 has its classifier.
use burn::tensor::Device;

use super::look::{Look, Shapes};
use super::{Architecture, under};
use crate::vgg::Vgg19Config;

impl Architecture for Vgg19Config {
    fn infer(shapes: &Shapes) -> Result<Self, String> {
        Ok(Self { classifier: Look(shapes).has("classifier.6.weight") })
    }

    fn shapes(&self) -> Shapes {
        under("", &self.init(&Device::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Torchvision's VGG-19 has 143,667,240 parameters, 20,024,384 of them in the features.
    #[test]
    fn there_are_as_many_parameters_as_published() {
        for (classifier, published) in [(true, 143_667_240), (false, 20_024_384)] {
            let shapes = Vgg19Config { classifier }.shapes();
            assert_eq!(shapes.values().map(|s| s.iter().product::<usize>()).sum::<usize>(), published);
            assert_eq!(Vgg19Config::infer(&shapes), Ok(Vgg19Config { classifier }));
        }
    }
}
