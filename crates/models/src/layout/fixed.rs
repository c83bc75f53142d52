//! Networks that come in one width: their tensors are a table.
//!
//! Sources: `efficientnet_pytorch` 0.7.1 (Apache-2.0), tstandley/Xception-PyTorch, hollance/BlazeFace-PyTorch (Apache-2.0), and the
//! wrappers of polimi-ispl/icpr2020dfdc, of which the names were read and nothing else.
use super::look::Shapes;

/// A table in the making.
#[derive(Default)]
struct Build(Shapes);

impl Build {
    fn add(&mut self, name: String, shape: &[usize]) {
        self.0.insert(name, shape.to_vec());
    }

    /// `[outputs, inputs / groups, kernel, kernel]` without bias.
    fn bare(&mut self, name: &str, outputs: usize, inputs: usize, kernel: usize) {
        self.add(format!("{name}.weight"), &[outputs, inputs, kernel, kernel]);
    }

    fn conv(&mut self, name: &str, outputs: usize, inputs: usize, kernel: usize) {
        self.bare(name, outputs, inputs, kernel);
        self.add(format!("{name}.bias"), &[outputs]);
    }

    fn norm(&mut self, name: &str, channels: usize) {
        ["weight", "bias", "running_mean", "running_var"]
            .iter()
            .for_each(|p| self.add(format!("{name}.{p}"), &[channels]));
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.add(format!("{name}.weight"), &[outputs, inputs]);
        self.add(format!("{name}.bias"), &[outputs]);
    }
}

/// EfficientNet-B4 with its classifier, under `before`.
fn efficientnet(build: &mut Build, before: &str, attention: bool) {
    /// Blocks, kernel, expansion, channels in, channels out.
    const STAGES: [(usize, usize, usize, usize, usize); 7] = [
        (2, 3, 1, 48, 24),
        (4, 3, 6, 24, 32),
        (4, 5, 6, 32, 56),
        (6, 3, 6, 56, 112),
        (6, 5, 6, 112, 160),
        (8, 5, 6, 160, 272),
        (2, 3, 6, 272, 448),
    ];
    let net = format!("{before}efficientnet");
    build.bare(&format!("{net}._conv_stem"), 48, 3, 3);
    build.norm(&format!("{net}._bn0"), 48);
    let mut index = 0;
    for (blocks, kernel, expansion, first_in, outputs) in STAGES {
        for place in 0..blocks {
            let inputs = if place == 0 { first_in } else { outputs };
            let (inner, squeezed) = (inputs * expansion, inputs / 4);
            let block = format!("{net}._blocks.{index}");
            if expansion > 1 {
                build.bare(&format!("{block}._expand_conv"), inner, inputs, 1);
                build.norm(&format!("{block}._bn0"), inner);
            }
            build.bare(&format!("{block}._depthwise_conv"), inner, 1, kernel);
            build.norm(&format!("{block}._bn1"), inner);
            build.conv(&format!("{block}._se_reduce"), squeezed, inner, 1);
            build.conv(&format!("{block}._se_expand"), inner, squeezed, 1);
            build.bare(&format!("{block}._project_conv"), outputs, inner, 1);
            build.norm(&format!("{block}._bn2"), outputs);
            index += 1;
        }
    }
    build.bare(&format!("{net}._conv_head"), 1792, 448, 1);
    build.norm(&format!("{net}._bn1"), 1792);
    if attention {
        build.conv(&format!("{net}.attconv"), 1, 56, 1);
    }
    build.linear(&format!("{before}classifier"), 1, 1792);
}

/// Xception with one logit, under `before`.
fn xception(build: &mut Build, before: &str) {
    let net = format!("{before}xception");
    let separable = |build: &mut Build, name: &str, outputs: usize, inputs: usize| {
        build.bare(&format!("{name}.conv1"), inputs, 1, 3);
        build.bare(&format!("{name}.pointwise"), outputs, inputs, 1);
    };
    build.bare(&format!("{net}.conv1"), 32, 3, 3);
    build.norm(&format!("{net}.bn1"), 32);
    build.bare(&format!("{net}.conv2"), 64, 32, 3);
    build.norm(&format!("{net}.bn2"), 64);
    for block in 1..=12 {
        let (inputs, outputs, layers) = match block {
            1 => (64, 128, 2),
            2 => (128, 256, 2),
            3 => (256, 728, 2),
            12 => (728, 1024, 2),
            _ => (728, 728, 3),
        };
        let name = format!("{net}.block{block}");
        for layer in 0..layers {
            // The last block grows in its last layer, all others in their first; the first block begins without an activation.
            let grows_at = if block == 12 { layers - 1 } else { 0 };
            let from = if layer <= grows_at { inputs } else { outputs };
            let to = if layer < grows_at { inputs } else { outputs };
            let at = 3 * layer + usize::from(block > 1);
            separable(build, &format!("{name}.rep.{at}"), to, from);
            build.norm(&format!("{name}.rep.{}", at + 1), to);
        }
        if inputs != outputs {
            build.bare(&format!("{name}.skip"), outputs, inputs, 1);
            build.norm(&format!("{name}.skipbn"), outputs);
        }
    }
    for (index, outputs, inputs) in [(3, 1536, 1024), (4, 2048, 1536)] {
        separable(build, &format!("{net}.conv{index}"), outputs, inputs);
        build.norm(&format!("{net}.bn{index}"), outputs);
    }
    build.linear(&format!("{net}.last_linear"), 1, 2048);
}

/// The head of siamese tuning.
fn tuned(build: &mut Build, features: usize) {
    build.norm("classifier.0", features);
    build.linear("classifier.1", 1, features);
}

pub(super) fn efficientnet_b4(attention: bool, siamese: bool) -> Shapes {
    let mut build = Build::default();
    efficientnet(&mut build, if siamese { "feat_ext." } else { "" }, attention);
    if siamese {
        tuned(&mut build, 1792);
    }
    build.0
}

pub(super) fn xception_net(siamese: bool) -> Shapes {
    let mut build = Build::default();
    xception(&mut build, if siamese { "feat_ext." } else { "" });
    if siamese {
        tuned(&mut build, 2048);
    }
    build.0
}

/// BlazeFace of the front camera.
pub(super) fn blazeface() -> Shapes {
    let mut build = Build::default();
    build.conv("backbone1.0", 24, 3, 5);
    let mut block = |name: String, outputs: usize, inputs: usize| {
        build.conv(&format!("{name}.convs.0"), inputs, 1, 3);
        build.conv(&format!("{name}.convs.1"), outputs, inputs, 1);
    };
    let mut inputs = 24;
    for (place, outputs) in [24, 28, 32, 36, 42, 48, 56, 64, 72, 80, 88].into_iter().enumerate() {
        block(format!("backbone1.{}", place + 2), outputs, inputs);
        inputs = outputs;
    }
    for place in 0..5 {
        block(format!("backbone2.{place}"), 96, inputs);
        inputs = 96;
    }
    for (side, inputs, anchors) in [(8, 88, 2), (16, 96, 6)] {
        build.conv(&format!("classifier_{side}"), anchors, inputs, 1);
        build.conv(&format!("regressor_{side}"), anchors * 16, inputs, 1);
    }
    build.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(shapes: &Shapes) -> usize {
        let learned = shapes.iter().filter(|(name, _)| !name.contains(".running_"));
        learned.map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// Published numbers of parameters: 17,550,409 for EfficientNet-B4 with one logit, 57 for the attention, 101,390 for BlazeFace,
    /// 20,806,952 (of 22,855,952 with 1000 classes) + 2,049 for Xception.
    #[test]
    fn tables_have_the_published_numbers_of_parameters() {
        assert_eq!(parameters(&efficientnet_b4(false, false)), 17_550_409);
        assert_eq!(parameters(&efficientnet_b4(true, false)), 17_550_409 + 57);
        assert_eq!(parameters(&blazeface()), 101_390);
        assert_eq!(parameters(&xception_net(false)), 22_855_952 - 2_049_000 + 2_049);
    }
}
