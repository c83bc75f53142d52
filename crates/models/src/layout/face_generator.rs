//! Which generator of faces a file of weights is: its size by the number of its stages, its last
//! layers by their kernels.
use burn::tensor::Device;

use super::look::{Look, Shapes};
use super::{Architecture, under};
use crate::blocks::Form;
use crate::face_generator::{Config, LastLayers};

impl Architecture for Config {
    fn infer(shapes: &Shapes) -> Result<Self, String> {
        let look = Look(shapes);
        let stages = look.count(|i| format!("stages.{i}.conv.weight"))?;
        let kernel = look.extent("pixels.weight", 2)?;
        let last = LastLayers::ALL.into_iter().find(|last| last.kernel() == kernel);
        let last = last.ok_or_else(|| format!("pixels.weight is a kernel of {kernel} pixels, which no variant has"))?;
        let latent = match shapes.get("enter.weight").map(Vec::as_slice) {
            Some(&[_, latent]) => latent,
            other => return Err(format!("enter.weight has the shape {other:?}")),
        };
        // The first map has 4 pixels a side, every stage doubles it, and the last layers once more.
        let config = Self { side: 8usize << stages.min(16), latent, last };
        if config.is_possible() { Ok(config) } else { Err(format!("it would make faces of {} pixels", config.side)) }
    }

    fn shapes(&self) -> Shapes {
        under("", &self.init(Form::Folded, &Device::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_is_found_again_from_its_shapes() {
        for last in LastLayers::ALL {
            for side in [64, 128] {
                let config = Config { side, latent: 40, last };
                assert_eq!(Config::infer(&config.shapes()), Ok(config));
            }
        }
        let mut odd = Config::default().shapes();
        odd.insert("pixels.weight".into(), vec![3, 16, 5, 5]);
        assert!(Config::infer(&odd).unwrap_err().contains("kernel of 5"));
    }
}
