//! The network that tells made faces from recorded ones while a generator is trained.
//!
//! The decision that shapes it: it sees patches of 2x2 pixels at half the side, which loses nothing
//! and costs a quarter, and answers twice: for the whole face and for each of 8x8 places, so that
//! neither a wrong layout nor a wrong grain goes unseen. No normalisation: statistics of a batch
//! would tell it which batch it is given. It is thrown away when the training is over.
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::Config;
use crate::layers::{Activation, Conv, ConvConfig};
use crate::training::Rounding;

/// Channels at half, a quarter, an eighth and a sixteenth of the side.
const WIDTHS: [usize; 4] = [32, 64, 96, 128];
const SLOPE: Activation = Activation::LeakyRelu(0.2);

/// The network.
#[derive(Module, Debug)]
pub struct Discriminator {
    enter: Conv,
    halvings: Vec<Conv>,
    looks: Vec<Conv>,
    places: Conv,
    whole: Linear,
}

/// What it says of a batch; above 0 means taken for recorded.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// Maps on the way, for feature matching.
    pub features: Vec<Tensor<4>>,
    /// One number a place, `[batch, 1, side / 8, side / 8]`.
    pub places: Tensor<4>,
    /// One number a face, `[batch, 1]`.
    pub whole: Tensor<2>,
}

impl Discriminator {
    /// For faces of a generator of this configuration.
    pub fn init(config: &Config, device: &Device) -> Self {
        let conv = |from: usize, to: usize| ConvConfig::new(from, to, 3).same().rounding(Rounding::Loose);
        let last = config.side / 16;
        Self {
            enter: conv(12, WIDTHS[0]).init(device),
            halvings: WIDTHS.windows(2).map(|pair| conv(pair[0], pair[1]).stride(2).init(device)).collect(),
            looks: WIDTHS[1..3].iter().map(|width| conv(*width, *width).init(device)).collect(),
            places: ConvConfig::new(WIDTHS[2], 1, 1).rounding(Rounding::Loose).init(device),
            whole: LinearConfig::new(WIDTHS[3] * last * last, 1).init(device),
        }
    }

    /// # Shapes
    /// - `faces`: `[batch, 3, side, side]`, values 0 to 1
    pub fn forward(&self, faces: Tensor<4>) -> Judgement {
        let [batch, colours, height, width] = faces.dims();
        let x = faces * 2.0 - 1.0;
        let patches: Tensor<6> = x.reshape([batch, colours, height / 2, 2, width / 2, 2]).permute([0, 1, 3, 5, 2, 4]);
        let x = patches.reshape([batch, 4 * colours, height / 2, width / 2]);
        let mut x = self.enter.activated(x, SLOPE);
        let mut features = vec![x.clone()];
        for (at, halving) in self.halvings.iter().enumerate() {
            x = halving.activated(x, SLOPE);
            if let Some(look) = self.looks.get(at) {
                x = look.activated(x, SLOPE);
            }
            features.push(x.clone());
        }
        let places = self.places.forward(features.get(2).cloned().unwrap_or_else(|| x.clone()));
        let [batch, channels, height, width] = x.dims();
        Judgement { features, places, whole: self.whole.forward(x.reshape([batch, channels * height * width])) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::floats;

    #[test]
    fn it_answers_for_the_whole_and_for_places_and_sees_a_change_of_one_pixel() {
        let device = Device::default();
        let config = Config::default();
        let net = Discriminator::init(&config, &device);
        let faces = Tensor::<4>::ones([2, 3, 64, 64], &device) * 0.5;
        let found = net.forward(faces.clone());
        assert_eq!((found.places.dims(), found.whole.dims()), ([2, 1, 8, 8], [2, 1]));
        let one = Tensor::<4>::ones([2, 3, 1, 1], &device);
        let changed = net.forward(faces.slice_assign([0..2, 0..3, 31..32, 40..41], one));
        assert_ne!(floats(found.whole), floats(changed.whole));
        assert_eq!(found.features.len(), 4);
    }
}
