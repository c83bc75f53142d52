//! Networks that come in one width, or nearly.
use burn::tensor::Device;

use super::look::Shapes;
use super::under;
use crate::blazeface::BlazeFaceConfig;
use crate::efficientnet::EfficientNetConfig;
use crate::mesonet::MesoNetKind;
use crate::xception::XceptionConfig;

/// EfficientNet-B4. The padding variant changes no shape.
pub(super) fn efficientnet_b4(attention: bool, siamese: bool) -> Shapes {
    let (config, device) = (EfficientNetConfig { attention, ..EfficientNetConfig::default() }, Device::default());
    if siamese { under("", &config.init_siamese(&device)) } else { under("", &config.init(&device)) }
}

/// Xception with one logit.
pub(super) fn xception(siamese: bool) -> Shapes {
    let (config, device) = (XceptionConfig { outputs: 1 }, Device::default());
    if siamese { under("", &config.init_siamese(&device)) } else { under("", &config.init_detector(&device)) }
}

/// BlazeFace of the front camera.
pub(super) fn blazeface() -> Shapes {
    under("", &BlazeFaceConfig {}.init(&Device::default()))
}

/// MesoNet. The original is Keras; the names are those of this crate's module.
pub(super) fn mesonet(kind: MesoNetKind) -> Shapes {
    under("", &kind.init(&Device::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(shapes: &Shapes) -> usize {
        let learned = shapes.iter().filter(|(name, _)| !name.contains(".running_"));
        learned.map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// Published: 17,550,409 for EfficientNet-B4 with one logit, 57 for the attention, 101,390 for
    /// BlazeFace, 27,977 for Meso-4 and 28,615 for MesoInception-4, 22,855,952 for Xception with a
    /// thousand classes.
    #[test]
    fn networks_have_the_published_numbers_of_parameters() {
        assert_eq!(parameters(&efficientnet_b4(false, false)), 17_550_409);
        assert_eq!(parameters(&efficientnet_b4(true, false)), 17_550_409 + 57);
        assert_eq!(parameters(&efficientnet_b4(true, true)), 17_550_409 + 57 + 2 * 1792 + 1793);
        assert_eq!(parameters(&blazeface()), 101_390);
        assert_eq!(parameters(&xception(false)), 22_855_952 - 2_049_000 + 2_049);
        assert_eq!(parameters(&mesonet(MesoNetKind::Meso4)), 27_977);
        assert_eq!(parameters(&mesonet(MesoNetKind::MesoInception4)), 28_615);
    }
}
