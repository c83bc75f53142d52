//! Which face-swap autoencoder a file is. Whether the code is brought to unit length follows from
//! the last layer, because the two options go together here.
use burn::tensor::Device;

use super::look::{Look, Shapes};
use super::{Architecture, under};
use crate::face_swap::{Config, Layout};

impl Architecture for Config {
    fn infer(shapes: &Shapes) -> Result<Self, String> {
        let look = Look(shapes);
        let conv = |i: usize| format!("encoder.{i}.weight");
        let widths = |count: usize, name: &dyn Fn(usize) -> String| -> Result<Vec<usize>, String> {
            (0..count).map(|i| look.extent(&name(i), 0)).collect()
        };
        let patch = match look.extent(&conv(0), 1)? {
            3 => 1,
            48 => 4,
            other => return Err(format!("the first convolution takes {other} channels")),
        };
        let encoder = widths(look.count(conv)?, &conv)?;
        let [code, flat] = matrix(shapes, "inters.0.into.weight")?;
        let last = encoder.last().copied().unwrap_or(1);
        let side = 16 * (flat / last).isqrt();
        let doubles = match look.extent("decoders.0.picture.weight", 0)? {
            3 => false,
            12 => true,
            other => return Err(format!("the last convolution gives {other} channels")),
        };
        let quarter = |mut widths: Vec<usize>| {
            widths.iter_mut().for_each(|w| *w /= 4);
            widths
        };
        let up = |i: usize| format!("decoders.0.ups.{i}.weight");
        let mask = |i: usize| format!("decoders.0.mask_ups.{i}.weight");
        let config = Self {
            layout: if shapes.contains_key("inters.1.into.weight") { Layout::Liae } else { Layout::Df },
            side,
            patch,
            kernel: look.extent(&conv(0), 2)?,
            encoder,
            code,
            inter: look.extent("inters.0.raise.weight", 1)?,
            raised: look.extent("inters.0.raise.weight", 0)? / 4,
            decoder: quarter(widths(look.count(up)?, &up)?),
            mask: quarter(widths(look.count(mask)?, &mask)?),
            picture_kernel: look.extent("decoders.0.picture.weight", 2)?,
            is_residual: look.has("decoders.0.residuals.0.conv1.weight"),
            doubles,
            attention: look.has("attention.key.weight"),
        };
        config.check().map(|()| config)
    }

    fn shapes(&self) -> Shapes {
        // Widths from a file may be of a network that cannot be built.
        if self.check().is_err() { Shapes::new() } else { under("", &self.init(&Device::default())) }
    }
}

fn matrix(shapes: &Shapes, name: &str) -> Result<[usize; 2], String> {
    let shape = shapes.get(name).ok_or_else(|| format!("{name} is missing"))?;
    shape.as_slice().try_into().map_err(|_| format!("{name} has the shape {shape:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face_swap::Preset;

    #[test]
    fn every_preset_is_found_again_from_its_shapes() {
        for preset in [Preset::Small, Preset::Original, Preset::Quick96, Preset::Saehd] {
            for (layout, attention) in [(Layout::Df, false), (Layout::Liae, true)] {
                let config = preset.config(layout, 96, attention);
                assert_eq!(Config::infer(&config.shapes()), Ok(config));
            }
        }
    }

    /// Millions of parameters and billions of multiplications of the published programs (recomputed
    /// from their code).
    #[test]
    fn presets_have_the_published_sizes() {
        let cases = [
            (Preset::Original, Layout::Df, 64, 82.1, 1.90),
            (Preset::Quick96, Layout::Df, 96, 38.3, 4.03),
            (Preset::Saehd, Layout::Df, 128, 57.5, 27.7),
            (Preset::Saehd, Layout::Liae, 128, 82.4, 8.95),
            (Preset::Saehd, Layout::Liae, 256, 145.3, 35.8),
        ];
        for (preset, layout, side, parameters, products) in cases {
            let config = preset.config(layout, side, false);
            let ours: usize = config.shapes().values().map(|s| s.iter().product::<usize>()).sum();
            let (ours, work) = (ours as f64 / 1e6, config.multiplications() as f64 / 1e9);
            assert!((ours / parameters - 1.0).abs() < 0.003, "{preset:?} {layout:?} {side}: {ours} M");
            assert!((work / products - 1.0).abs() < 0.02, "{preset:?} {layout:?} {side}: {work} G");
        }
        let small = Preset::Small.config(Layout::Df, 64, false);
        assert!(small.multiplications() < 200_000_000, "{}", small.multiplications());
    }
}
