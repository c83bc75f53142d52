//! The kinds of network that weights may belong to.
//!
//! The decision that shapes it: a kind is an architecture with its tensor names; widths are no
//! kinds of their own. It says nothing about where weights come from.
use std::fmt;
use std::str::FromStr;

/// An architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Kind {
    /// First Order Motion Model: key-point detector, generator with dense motion, and, in full
    /// training checkpoints, the discriminator.
    FirstOrderMotion,
    /// Motion co-segmentation: segmentation and reconstruction modules.
    MotionCosegmentation,
    /// EfficientNet-B4 with one logit.
    EfficientnetB4,
    /// The same with an attention map after block 9.
    EfficientnetB4Attention,
    /// EfficientNet-B4 tuned as a siamese network, with a head of batch normalisation and one
    /// linear layer.
    EfficientnetB4St,
    /// The same with attention.
    EfficientnetB4AttentionSt,
    /// Xception with one logit.
    Xception,
    /// Xception, siamese-tuned.
    XceptionSt,
    /// BlazeFace, the front-camera face detector.
    Blazeface,
    /// Meso-4.
    Meso4,
    /// MesoInception-4.
    Mesoinception4,
    /// VGG-19, whose features perceptual losses ask.
    Vgg19,
    /// Assay's own face detector.
    FaceDetector,
    /// Assay's own face mesh of 468 points.
    FaceMesh,
    /// Assay's own identity embedding.
    FaceEmbedding,
    /// Assay's own detector of manipulated faces.
    FaceForgery,
    /// The same network, trained to tell wholly generated faces.
    FaceSynthesis,
    /// The same network, trained on what changes between aligned consecutive frames.
    FaceTemporal,
    /// The autoencoder of two people's faces.
    FaceSwap,
    /// The same network, smaller, trained to tell faces that were made to move by another's.
    FaceReenactment,
    /// Assay's own generator of faces.
    FaceGenerator,
    /// The image tower of CLIP ViT-B/16, or its first blocks.
    ClipVision,
    /// Layer normalisations and heads on top of the first nine blocks of that tower.
    ClipTuned,
}

impl Kind {
    /// Every kind with its name and what it is.
    pub const ALL: [(Self, &'static str, &'static str); 23] = [
        (
            Self::FirstOrderMotion,
            "first-order-motion",
            "animates a photo by a driving video (First Order Motion Model)",
        ),
        (Self::MotionCosegmentation, "motion-cosegmentation", "swaps parts of faces (motion co-segmentation)"),
        (Self::EfficientnetB4, "efficientnet-b4", "tells forged faces (EfficientNet-B4)"),
        (Self::EfficientnetB4Attention, "efficientnet-b4-attention", "tells forged faces, with an attention map"),
        (Self::EfficientnetB4St, "efficientnet-b4-st", "tells forged faces (siamese-tuned)"),
        (
            Self::EfficientnetB4AttentionSt,
            "efficientnet-b4-attention-st",
            "tells forged faces (attention, siamese-tuned)",
        ),
        (Self::Xception, "xception", "tells forged faces (Xception)"),
        (Self::XceptionSt, "xception-st", "tells forged faces (Xception, siamese-tuned)"),
        (Self::Blazeface, "blazeface", "finds faces (BlazeFace, front camera)"),
        (Self::Meso4, "meso4", "tells forged faces (Meso-4)"),
        (Self::Mesoinception4, "mesoinception4", "tells forged faces (MesoInception-4)"),
        (Self::Vgg19, "vgg19", "says how alike two pictures look, in training (VGG-19)"),
        (Self::FaceDetector, "face-detector", "finds faces"),
        (Self::FaceMesh, "face-mesh", "places 468 points on a face"),
        (Self::FaceEmbedding, "face-embedding", "tells people apart"),
        (Self::FaceForgery, "face-forgery", "tells manipulated faces, and where"),
        (Self::FaceSynthesis, "face-synthesis", "tells wholly generated faces"),
        (Self::FaceTemporal, "face-temporal", "tells manipulated faces by what changes from frame to frame"),
        (Self::FaceSwap, "face-swap", "gives a face back as one of two people's (autoencoder)"),
        (Self::FaceReenactment, "face-reenactment", "tells faces that were made to move by another's"),
        (Self::FaceGenerator, "face-generator", "makes synthetic faces"),
        (Self::ClipVision, "clip-vision", "sees pictures for detectors that are tuned on it (CLIP ViT-B/16)"),
        (Self::ClipTuned, "clip-tuned", "tells forged pictures, on top of clip-vision"),
    ];

    /// The name that commands and registries use.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, name, _)| name)
    }

    /// What a network of this kind does, in a few words.
    pub fn purpose(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., purpose)| purpose)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().find(|(_, name, _)| *name == text).map(|(kind, ..)| *kind).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(_, name, _)| *name).collect();
            format!("there is no kind {text:?}; known are {}", names.join(", "))
        })
    }
}

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_name() {
        let names: std::collections::BTreeSet<&str> = Kind::ALL.iter().map(|(kind, ..)| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        for (kind, name, _) in Kind::ALL {
            assert_eq!(name.parse(), Ok(kind));
        }
        assert!("vgg".parse::<Kind>().unwrap_err().contains("blazeface"));
    }
}
