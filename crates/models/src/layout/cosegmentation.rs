//! Tensors of motion co-segmentation.
//!
//! Source: `modules/{segmentation_module,reconstruction_module}.py` at 571e26f, read for facts only.
use serde::{Deserialize, Serialize};

use super::blocks::{Build, Generator, Hourglass, Look, Shapes, blur_side};

/// Widths and options, as the published configuration files name them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cosegmentation {
    /// Colours of a picture.
    pub num_channels: usize,
    /// Segments without the background.
    pub num_segments: usize,
    /// Whether segments carry a 2x2 matrix.
    pub estimate_affine_part: bool,
    /// Size of the picture that the segmentation sees, relative to the input.
    pub scale_factor: f64,
    /// The segmentation's hourglass.
    pub segmentation_module: Hourglass,
    /// The picture path.
    pub reconstruction_module: Generator,
}

pub(super) fn infer(shapes: &Shapes) -> Result<Cosegmentation, String> {
    let look = Look(shapes);
    Ok(Cosegmentation {
        num_channels: look.extent("reconstruction_module.first.conv.weight", 1)?,
        num_segments: look.extent("segmentation_module.shift.weight", 0)?,
        estimate_affine_part: look.has("segmentation_module.affine.weight"),
        scale_factor: look.scale_factor("segmentation_module.down.weight")?,
        segmentation_module: Hourglass::infer(look, "segmentation_module.predictor")?,
        reconstruction_module: Generator::infer(look, "reconstruction_module")?,
    })
}

pub(super) fn expected(widths: &Cosegmentation) -> Shapes {
    let Cosegmentation { num_channels: channels, num_segments: segments, .. } = *widths;
    let mut build = Build::default();
    let name = "segmentation_module";
    widths.segmentation_module.add(&mut build, &format!("{name}.predictor"), channels);
    let features = widths.segmentation_module.outputs(channels);
    build.conv(&format!("{name}.shift"), segments, features, 7);
    if widths.estimate_affine_part {
        build.conv(&format!("{name}.affine"), 4 * segments, features, 7);
    }
    build.conv(&format!("{name}.segmentation"), segments + 1, features, 7);
    if let Some(side) = blur_side(widths.scale_factor) {
        build.add(format!("{name}.down.weight"), &[channels, 1, side, side]);
    }
    widths.reconstruction_module.add(&mut build, "reconstruction_module", channels);
    build.0
}
