//! What a network wants to be given. Preprocessing belongs to the weights: the same architecture
//! was trained on other sizes, colours and crops by other people, and a score on the wrong input is
//! worthless.
use serde::{Deserialize, Serialize};

use crate::Kind;
use crate::efficientnet::PaddingVariant;

/// How a picture becomes the network's input: crop, resize to `width` x `height`, then
/// `(value * scale - mean) / std` for each colour, where `value` is 0 to 255.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputContract {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Order of the axes.
    pub layout: String,
    /// Order of the colours.
    pub colours: String,
    /// Factor on values of 0 to 255.
    pub scale: f64,
    /// Subtracted after scaling, by colour.
    pub mean: [f64; 3],
    /// Divided by after that, by colour.
    pub std: [f64; 3],
    /// Name of the crop template.
    pub crop: String,
    /// Which release of `efficientnet_pytorch` the convolutions pad like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<PaddingVariant>,
    /// What `grid_sample` takes the corners of a picture for: `true` as PyTorch did before version
    /// 1.3, `false` as it does now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub align_corners: Option<bool>,
}

const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];

impl InputContract {
    /// What the published weights of this kind were trained with.
    pub fn published(kind: Kind) -> Self {
        let plain = |side: u32, crop: &str| Self {
            width: side,
            height: side,
            layout: "NCHW".into(),
            colours: "RGB".into(),
            scale: 1.0 / 255.0,
            mean: [0.0; 3],
            std: [1.0; 3],
            crop: crop.into(),
            padding: None,
            align_corners: None,
        };
        match kind {
            Kind::ClipVision | Kind::ClipTuned => Self {
                mean: crate::clip::MEAN.map(f64::from),
                std: crate::clip::DEVIATION.map(f64::from),
                ..plain(crate::clip::SIDE as u32, "square-1.35")
            },
            // Trained with PyTorch 1.0, where the corners were aligned; the code's later versions
            // draw another half pixel.
            Kind::FirstOrderMotion | Kind::MotionCosegmentation => {
                Self { align_corners: Some(true), ..plain(256, "square-1.3") }
            }
            // Trained in spring 2020, when 0.6.3 was the release to be had.
            Kind::EfficientnetB4
            | Kind::EfficientnetB4Attention
            | Kind::EfficientnetB4St
            | Kind::EfficientnetB4AttentionSt => Self {
                mean: IMAGENET_MEAN,
                std: IMAGENET_STD,
                padding: Some(PaddingVariant::V063),
                ..plain(224, "blazeface-icpr")
            },
            Kind::Xception | Kind::XceptionSt => {
                Self { mean: IMAGENET_MEAN, std: IMAGENET_STD, ..plain(224, "blazeface-icpr") }
            }
            Kind::Vgg19 => Self { mean: IMAGENET_MEAN, std: IMAGENET_STD, ..plain(224, "whole-frame") },
            Kind::Blazeface => Self { mean: [0.5; 3], std: [0.5; 3], ..plain(128, "blazeface-tiles") },
            Kind::Meso4 | Kind::Mesoinception4 => plain(256, "square-1.3"),
            Kind::FaceForgery => plain(288, "square-1.35"),
            Kind::FaceReenactment => plain(160, "square-1.5"),
            Kind::FaceTemporal => Self { layout: "NTHW".into(), colours: "luma".into(), ..plain(160, "square-1.5") },
            Kind::FaceSynthesis => plain(160, "square-1.08"),
            Kind::FaceSwap => plain(64, crate::face_swap::CROP),
            Kind::FaceDetector => plain(128, "whole-frame"),
            // It is given no picture; this is what comes out.
            Kind::FaceGenerator => plain(64, "five-points-mesh"),
            Kind::FaceMesh | Kind::FaceEmbedding => plain(128, "square-1.3"),
        }
    }
}
