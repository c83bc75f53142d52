//! Which network a bag of tensors belongs to, how wide it is, and whether it fits.
//!
//! The decision that shapes it: what a network expects is asked of the network itself. A kind's
//! widths are inferred from the file's shapes, the module is built from them (parameters are made
//! when first used, so this costs nothing), and its parameters' names and shapes are held against
//! the file's. There is no second table of names. It reads no values.
mod clip;
mod cosegmentation;
mod face_generator;
mod face_swap;
mod first_order;
mod fixed;
mod look;
mod vgg;

use burn::module::Module;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use cosegmentation::CosegmentationWidths;
pub use first_order::FirstOrderWidths;
pub use look::Shapes;

use crate::Kind;
use crate::mesonet::MesoNetKind;
use crate::state::{self, Match};

/// Widths of a network from its shapes, and back.
trait Architecture: Serialize + DeserializeOwned {
    /// The error says what is missing or odd.
    fn infer(shapes: &Shapes) -> Result<Self, String>;

    /// What the network of these widths has, by whole names.
    fn shapes(&self) -> Shapes;
}

/// One kind: how it is told, and how its widths and shapes are had.
struct Family {
    kind: Kind,
    /// A tensor that this kind has; each of them is enough. Kinds that contain another kind's stand
    /// before it.
    anchors: &'static [&'static str],
    /// What its names begin with, for messages.
    sections: &'static str,
    infer: fn(&Shapes) -> Result<toml::Table, String>,
    expected: fn(&toml::Table) -> Result<Shapes, String>,
}

/// A kind of one width.
macro_rules! fixed {
    ($kind:ident, $anchor:literal, $sections:literal, $shapes:expr) => {
        Family {
            kind: Kind::$kind,
            anchors: &[$anchor],
            sections: $sections,
            infer: |_| Ok(toml::Table::new()),
            expected: |_| Ok($shapes),
        }
    };
}

/// How each importable kind is told from the others.
const FAMILIES: &[Family] = &[
    Family {
        kind: Kind::FirstOrderMotion,
        anchors: &["kp_detector.kp.weight", "generator.dense_motion_network.mask.weight"],
        sections: "kp_detector., generator.",
        infer: infer_as::<FirstOrderWidths>,
        expected: shapes_as::<FirstOrderWidths>,
    },
    Family {
        kind: Kind::MotionCosegmentation,
        anchors: &["segmentation_module.segmentation.weight", "reconstruction_module.first.conv.weight"],
        sections: "segmentation_module., reconstruction_module.",
        infer: infer_as::<CosegmentationWidths>,
        expected: shapes_as::<CosegmentationWidths>,
    },
    fixed!(
        EfficientnetB4AttentionSt,
        "feat_ext.efficientnet.attconv.weight",
        "feat_ext.efficientnet. (with attconv), classifier.",
        fixed::efficientnet_b4(true, true)
    ),
    fixed!(
        EfficientnetB4St,
        "feat_ext.efficientnet._conv_stem.weight",
        "feat_ext.efficientnet., classifier.",
        fixed::efficientnet_b4(false, true)
    ),
    fixed!(
        EfficientnetB4Attention,
        "efficientnet.attconv.weight",
        "efficientnet. (with attconv), classifier.",
        fixed::efficientnet_b4(true, false)
    ),
    fixed!(
        EfficientnetB4,
        "efficientnet._conv_stem.weight",
        "efficientnet., classifier.",
        fixed::efficientnet_b4(false, false)
    ),
    fixed!(XceptionSt, "feat_ext.xception.conv1.weight", "feat_ext.xception., classifier.", fixed::xception(true)),
    fixed!(Xception, "xception.conv1.weight", "xception.", fixed::xception(false)),
    fixed!(
        Blazeface,
        "backbone1.2.convs.0.weight",
        "backbone1., backbone2., classifier_, regressor_",
        fixed::blazeface()
    ),
    fixed!(
        Mesoinception4,
        "inception1.a.weight",
        "inception1., inception2., conv3., conv4., bn1. to bn4., fc1., fc2.",
        fixed::mesonet(MesoNetKind::MesoInception4)
    ),
    // VGG-16 ends before it.
    Family {
        kind: Kind::Vgg19,
        anchors: &["features.34.weight"],
        sections: "features., classifier.",
        infer: infer_as::<crate::vgg::Vgg19Config>,
        expected: shapes_as::<crate::vgg::Vgg19Config>,
    },
    Family {
        kind: Kind::FaceSwap,
        anchors: &["inters.0.into.weight"],
        sections: "encoder., inters., decoders.",
        infer: infer_as::<crate::face_swap::Config>,
        expected: shapes_as::<crate::face_swap::Config>,
    },
    Family {
        kind: Kind::FaceGenerator,
        anchors: &["narrow.conv.weight"],
        sections: "enter., stages., narrow., pixels.",
        infer: infer_as::<crate::face_generator::Config>,
        expected: shapes_as::<crate::face_generator::Config>,
    },
    Family {
        kind: Kind::ClipVision,
        anchors: &["vision_model.embeddings.patch_embedding.weight"],
        sections: "vision_model.",
        infer: infer_as::<crate::clip::Widths>,
        expected: shapes_as::<crate::clip::Widths>,
    },
    // Its names are everybody's; it stands last.
    fixed!(Meso4, "bn4.running_var", "conv1. to conv4., bn1. to bn4., fc1., fc2.", fixed::mesonet(MesoNetKind::Meso4)),
];

fn infer_as<A: Architecture>(shapes: &Shapes) -> Result<toml::Table, String> {
    toml::Table::try_from(A::infer(shapes)?).map_err(|e| e.to_string())
}

fn shapes_as<A: Architecture>(widths: &toml::Table) -> Result<Shapes, String> {
    let widths: A = widths.clone().try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
    Ok(widths.shapes())
}

/// A module's shapes with a prefix before each name.
fn under(prefix: &str, module: &impl Module) -> Shapes {
    state::shapes(module).into_iter().map(|(name, shape)| (format!("{prefix}{name}"), shape)).collect()
}

fn family(kind: Kind) -> Result<&'static Family, String> {
    FAMILIES
        .iter()
        .find(|family| family.kind == kind)
        .ok_or_else(|| format!("weights of the kind {kind} cannot be imported"))
}

/// Every kind that can be imported.
pub fn importable() -> impl Iterator<Item = Kind> {
    FAMILIES.iter().map(|family| family.kind)
}

/// The kind that the names speak of, and what stands before them all (`net.`, `module.`, mostly
/// nothing).
pub fn identify(shapes: &Shapes) -> Option<(Kind, String)> {
    FAMILIES.iter().find_map(|family| prefix_of(family, shapes).map(|prefix| (family.kind, prefix)))
}

/// The same for one kind.
pub fn identify_as(kind: Kind, shapes: &Shapes) -> Option<String> {
    prefix_of(family(kind).ok()?, shapes)
}

fn prefix_of(family: &Family, shapes: &Shapes) -> Option<String> {
    let prefix_by = |anchor: &str| {
        let prefixes = shapes.keys().filter_map(|name| name.strip_suffix(anchor));
        prefixes.filter(|prefix| prefix.is_empty() || prefix.ends_with('.')).min_by_key(|prefix| prefix.len())
    };
    family.anchors.iter().find_map(|anchor| prefix_by(anchor)).map(str::to_owned)
}

/// What the names of this kind begin with, for messages.
pub fn sections(kind: Kind) -> &'static str {
    family(kind).map_or("", |family| family.sections)
}

/// The widths of a network of this kind, from names and shapes alone.
///
/// # Errors
/// In words, what is missing or odd.
pub fn infer(kind: Kind, shapes: &Shapes) -> Result<toml::Table, String> {
    (family(kind)?.infer)(shapes)
}

/// What a network of this kind and these widths has.
///
/// # Errors
/// Where the widths are none of this kind.
pub fn expected(kind: Kind, widths: &toml::Table) -> Result<Shapes, String> {
    (family(kind)?.expected)(widths)
}

/// Holds what a file has against what the network expects. Counters of batch normalisation do not
/// count.
pub fn compare(expected: &Shapes, have: &Shapes) -> Match {
    let mut found = Match::default();
    for (name, shape) in expected {
        match have.get(name) {
            None => found.missing.push(name.clone()),
            Some(other) if other != shape => found.misshapen.push((name.clone(), shape.clone(), other.clone())),
            Some(_) => found.applied.push(name.clone()),
        }
    }
    let left = have.keys().filter(|name| !expected.contains_key(*name) && !name.ends_with("num_batches_tracked"));
    found.unused = left.cloned().collect();
    found
}
